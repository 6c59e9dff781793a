//! The index as a file: its size, what a process pays that maps it, opening, building.

use crate::Row;
use crate::numbers::{Random, Space};
use crate::timing::{Clock, Contender, figure, race};
use crate::world::{World, compile, map};
use std::path::Path;
use std::process::Command;
use tollgate::Index;

fn file_size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

pub(crate) fn size(world: &World, rows: &mut Vec<Row>) {
    let (with, without) = (file_size(&world.index), file_size(&world.plain));
    let count = world.listed.count;
    let each = (with - without) as f64 / count as f64;
    let entropy = world.listed.space.entropy(count);
    println!("{with} bytes with the list, {without} without");
    let measured = format!("{each:.2} (entropy {entropy:.2})");
    rows.push(Row::new("bytes a listed number, 10 million", "at most 2.2", measured, each <= 2.2));
}

/// What /proc says of this process, in kilobytes.
fn status(field: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Maps an index, asks it, and prints what has become resident: all of it and its private part after opening, all of
/// it after a million questions.
pub(crate) fn be_second_process(path: &Path) {
    let (before, private_before) = (status("VmRSS:"), status("RssAnon:"));
    let index = map(path);
    let (open, private_open) = (status("VmRSS:"), status("RssAnon:"));
    let space = Space::world();
    let mut random = Random(5);
    let mut text = String::new();
    for _ in 0..1_000_000 {
        use std::fmt::Write as _;
        text.clear();
        write!(text, "+{}", space.number(random.below(space.size()))).unwrap();
        std::hint::black_box(index.screen(text.as_bytes()));
    }
    println!("{} {} {}", open - before, private_open - private_before, status("VmRSS:") - before);
}

pub(crate) fn second_process(world: &World, rows: &mut Vec<Row>) {
    let first = map(&world.index);
    let child =
        Command::new(std::env::current_exe().unwrap()).arg("--second-process").arg(&world.index).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let said: Vec<f64> = String::from_utf8(child.stdout)
        .unwrap()
        .split_whitespace()
        .map(|n| n.parse::<f64>().unwrap() / 1024.0)
        .collect();
    println!("opened: {:.1} MB more resident, {:.1} MB of it private", said[0], said[1]);
    println!("after a million questions: {:.1} MB more, nearly all of it the shared file", said[2]);
    drop(first);
    let measured = format!("{:.1} MB, {:.1} MB of it private", said[0], said[1]);
    rows.push(Row::new("resident memory of a second process, more at open", "under 5 MB", measured, said[0] < 5.0));
}

pub(crate) fn open(world: &World, rows: &mut Vec<Row>) {
    let checksum = map(&world.index).info().checksum;
    let entries = world.listed.count;
    let path = &world.index;
    let [mapped, read, verified, sum] = race(
        Clock::Wall,
        9,
        [
            Contender::new(1, entries, || map(path).entries()),
            Contender::new(1, entries, || Index::open(path).unwrap().entries()),
            // SAFETY: the file is in a folder of this process's own, and nobody changes it.
            Contender::new(1, entries, || unsafe { Index::map_verified(path, checksum) }.unwrap().entries()),
            Contender::new(1, 1, || u64::from(Command::new("sha256sum").arg(path).output().unwrap().status.success())),
        ],
    );
    let ms = |ns: f64| ns / 1e6;
    println!("a file of {} bytes, ms, least (median):", file_size(path));
    for (name, times) in
        [("Index::map", &mapped), ("Index::open", &read), ("Index::map_verified", &verified), ("sha256sum", &sum)]
    {
        println!("   {name} {:.1} ({:.1})", ms(times.min()), ms(times.median()));
    }
    let times = sum.ratio(&mapped);
    let measured = format!("{times:.1} × ({:.1} against {:.1} ms)", ms(mapped.min()), ms(sum.min()));
    rows.push(Row::new("open, checksum verified, against `sha256sum`", "at least as fast", measured, times >= 1.0));
    let measured = format!("{:.1} ms", ms(verified.min()));
    let holds = ms(verified.min()) < 5.0;
    rows.push(Row::new("open a file that was verified before", "under 5 ms", measured, holds));
}

pub(crate) fn build(world: &World, rows: &mut Vec<Row>) {
    let (built, sorted) = (world.path("built.tgx"), world.path("sorted.txt"));
    let [ours, sort] = race(
        Clock::Wall,
        3,
        [
            Contender::new(1, 0, || {
                compile(&world.policy, &built);
                0
            }),
            Contender::new(1, 1, || {
                let mut sort = Command::new("sort");
                sort.env("LC_ALL", "C").args(["-u", "--parallel=2", "-o"]).arg(&sorted).arg(&world.numbers);
                u64::from(sort.status().unwrap().success())
            }),
        ],
    );
    assert_eq!(std::fs::read(&built).unwrap(), std::fs::read(&world.index).unwrap(), "built twice, the same bytes");
    assert_eq!(file_size(&sorted), file_size(&world.numbers));
    let s = |ns: f64| figure(ns / 1e9);
    println!("s, least (median): compile_file {} ({})", s(ours.min()), s(ours.median()));
    println!("   sort -u {} ({})", s(sort.min()), s(sort.median()));
    let times = ours.ratio(&sort);
    let measured = format!("{times:.2} × its time ({} against {} s)", s(ours.min()), s(sort.min()));
    rows.push(Row::new(
        "build from a text file in random order, against `sort -u`",
        "no slower",
        measured,
        times <= 1.0,
    ));
}
