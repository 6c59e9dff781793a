//! Time and bytes over the size of a list, as SVG.

use crate::alternatives::{Point, point};
use crate::timing::figure;
use crate::world::World;
use std::fmt::Write as _;
use std::path::Path;

const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// The drawing, and the plot in it.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 368.0;

/// Draws both plots into `docs/performance`; only prints the figures where `write` is false.
pub(crate) fn draw(world: &World, write: bool) {
    let sizes = SIZES.iter().filter(|&&size| size <= world.listed.count);
    let points: Vec<Point> = sizes.map(|&size| point(world, size)).collect();
    println!(
        "\n| numbers | screen, ns | `fst` walk | `hashbrown` | direct table | bytes | `fst` | `hashbrown` | Elias-Fano |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for point in &points {
        let cells: Vec<String> = point.times.iter().chain(&point.bytes).map(|&value| figure(value)).collect();
        println!("| {} | {} |", power(point.count as f64), cells.join(" | "));
    }
    let of = |series: usize, value: fn(&Point) -> &[f64; 4]| -> Vec<(f64, f64)> {
        points.iter().map(|point| (point.count as f64, value(point)[series])).collect()
    };
    let times = |series| of(series, |point| &point.times);
    let bytes = |series| of(series, |point| &point.bytes);
    let time = plot(
        "Nanoseconds a question, 10 % of them listed",
        "listed numbers",
        &[
            ("Gate::screen, text to verdict", "#b3261e", times(0)),
            ("fst, longest-match walk", "#1f5fa8", times(1)),
            ("hashbrown, one look-up (u64 in)", "#3c7d3c", times(2)),
            ("direct table, u16 tails (u64 in)", "#8a6d1d", times(3)),
        ],
    );
    let size = plot(
        "Bytes a listed number",
        "listed numbers",
        &[
            ("Tollgate's index", "#b3261e", bytes(0)),
            ("fst over all digits", "#1f5fa8", bytes(1)),
            ("hashbrown set of u64", "#3c7d3c", bytes(2)),
            ("Elias-Fano of all numbers", "#8a6d1d", bytes(3)),
        ],
    );
    if write {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("time.svg"), time).unwrap();
        std::fs::write(folder.join("bytes.svg"), size).unwrap();
        println!("docs/performance/time.svg and bytes.svg are written");
    }
}

/// 1,000 as 10 and a superscript.
fn power(value: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    format!("10{}", DIGITS[(value.log10().round() as usize).min(9)])
}

type Series<'s> = (&'s str, &'s str, Vec<(f64, f64)>);

/// A plot with logarithmic axes. Names stand at the right end of their lines, moved apart where they
/// would overlap.
fn plot(title: &str, below: &str, all: &[Series<'_>]) -> String {
    let xs = all.iter().flat_map(|(_, _, points)| points.iter().map(|(x, _)| *x));
    let ys = || all.iter().flat_map(|(_, _, points)| points.iter().map(|(_, y)| *y));
    let (low, high) = (ys().fold(f64::INFINITY, f64::min), ys().fold(0.0, f64::max));
    let (left, right) = (xs.clone().fold(f64::INFINITY, f64::min).log10(), xs.fold(0.0, f64::max).log10());
    // From a step below to a step above.
    let steps = [1.0, 2.0, 5.0];
    let ticks: Vec<f64> = (-2..7).flat_map(|exp| steps.map(|step| step * 10f64.powi(exp))).collect();
    let bottom = ticks.iter().rev().copied().find(|&tick| tick <= low * 0.95).unwrap_or(low);
    let top = ticks.iter().copied().find(|&tick| tick >= high * 1.05).unwrap_or(high);
    let at_x = |x: f64| LEFT + (x.log10() - left) / (right - left).max(1e-9) * (RIGHT - LEFT);
    let at_y = |y: f64| BOTTOM - (y / bottom).log10() / (top / bottom).log10() * (BOTTOM - TOP);

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n"
    );
    for tick in ticks.iter().copied().filter(|&tick| tick >= bottom * 0.999 && tick <= top * 1.001) {
        let (y, text) = (at_y(tick), if tick < 1000.0 { format!("{tick}") } else { figure(tick) });
        writeln!(out, "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#e3e3e3\"/>").unwrap();
        let (x, y) = (LEFT - 8.0, y + 4.5);
        writeln!(out, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"#555\">{text}</text>").unwrap();
    }
    for (x, _) in all.first().map_or(&[][..], |(_, _, points)| points) {
        let (text, x) = (power(*x), at_x(*x));
        writeln!(out, "<path d=\"M{x:.1} {BOTTOM}v5\" stroke=\"#555\"/>").unwrap();
        let y = BOTTOM + 20.0;
        writeln!(out, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#555\">{text}</text>").unwrap();
    }
    let (x, y) = ((LEFT + RIGHT) / 2.0, BOTTOM + 40.0);
    writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#555\">{below}</text>").unwrap();
    writeln!(out, "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#555\"/>").unwrap();

    let mut labels: Vec<(f64, &str, &str)> = Vec::new();
    for (name, colour, points) in all {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{:.1} {:.1}", at_x(*x), at_y(*y))).collect();
        let line = path.join("L");
        writeln!(out, "<path d=\"M{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>").unwrap();
        for (x, y) in points {
            let (x, y) = (at_x(*x), at_y(*y));
            writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>").unwrap();
        }
        labels.push((points.last().map_or(TOP, |(_, y)| at_y(*y)), name, colour));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut above = f64::NEG_INFINITY;
    for (y, name, colour) in labels {
        above = (y + 4.5).max(above + 17.0);
        let x = RIGHT + 10.0;
        writeln!(out, "<text x=\"{x}\" y=\"{above:.1}\" font-size=\"12\" fill=\"{colour}\">{name}</text>").unwrap();
    }
    out + "</svg>\n"
}
