//! Long lists beside their peers: the table of what must hold, the structures that were tried, plots.
//!
//! ```console
//! $ make bench                                              # all but `large`
//! $ cargo bench --all-features --bench lists -- --only size,open
//! $ cargo bench --all-features --bench lists -- --numbers 100000
//! $ make bench-large                                        # 250 million numbers
//! ```
//!
//! Numbers and questions come from fixed seeds, and every answer is asserted before it is timed. The
//! contenders of a row run in turns in one process: compare ratios, not times, which differ by machine and
//! hour. Times of look-ups are the thread's on the processor, all others the wall's. A time is the least of
//! the rounds, with the median in brackets; a ratio is the median of the ratios of each round.

#![allow(clippy::unwrap_used)] // a benchmark without its data is no benchmark

mod alternatives;
mod call_path;
mod files;
mod large;
mod numbers;
mod peers;
mod plots;
mod threads;
mod timing;
mod world;

use std::path::Path;
use std::time::Instant;

/// A row of the table.
pub(crate) struct Row {
    what: String,
    asked: String,
    measured: String,
    holds: bool,
}

impl Row {
    pub(crate) fn new(what: &str, asked: &str, measured: String, holds: bool) -> Row {
        Row { what: what.to_owned(), asked: asked.to_owned(), measured, holds }
    }
}

const PARTS: [&str; 11] = [
    "speed",
    "libphonenumber",
    "size",
    "memory",
    "open",
    "build",
    "threads",
    "quantile",
    "alternatives",
    "prefixes",
    "plots",
];

struct Options {
    only: Vec<String>,
    numbers: Option<u64>,
}

impl Options {
    /// Panics with what to do about an argument that it does not know.
    fn read() -> Options {
        let mut options = Options { only: Vec::new(), numbers: None };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {} // cargo's
                "--only" => {
                    let parts = args.next().unwrap_or_default();
                    options.only = parts.split(',').map(str::to_owned).collect();
                    let known = |part: &String| part == "large" || PARTS.contains(&part.as_str());
                    assert!(options.only.iter().all(known), "--only takes large, and {}", PARTS.join(","));
                }
                "--numbers" => {
                    options.numbers = args.next().and_then(|n| n.parse().ok());
                    assert!(
                        options.numbers.is_some_and(|n| n >= 1000),
                        "--numbers takes how many are listed, 1000 or more"
                    );
                }
                _ => panic!("{arg} is no option: give --only PART,… or --numbers N"),
            }
        }
        options
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() && part != "large" || self.only.iter().any(|only| only == part)
    }
}

fn main() {
    // The child of `files::second_process`.
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--second-process") {
        files::be_second_process(Path::new(&args.next().unwrap()));
        return;
    }
    let options = Options::read();
    let mut rows = Vec::new();
    let started = Instant::now();
    let mut part = |name: &str, run: &mut dyn FnMut(&mut Vec<Row>)| {
        if options.wants(name) {
            println!("\n== {name}");
            let start = Instant::now();
            run(&mut rows);
            println!("   ({:.0} s)", start.elapsed().as_secs_f64());
        }
    };
    // A process that has asked for much memory would count in its children's.
    part("large", &mut |rows| large::run(options.numbers.unwrap_or(250_000_000), rows));
    if PARTS.iter().any(|name| options.wants(name)) {
        println!("making the numbers and their indexes");
        let world = world::World::new(options.numbers.unwrap_or(10_000_000));
        part("memory", &mut |rows| files::second_process(&world, rows));
        part("size", &mut |rows| files::size(&world, rows));
        part("open", &mut |rows| files::open(&world, rows));
        part("build", &mut |rows| files::build(&world, rows));
        part("speed", &mut |rows| call_path::speed(&world, rows));
        part("libphonenumber", &mut |rows| call_path::libphonenumber(&world, rows));
        part("threads", &mut |rows| threads::two_threads(&world, rows));
        part("quantile", &mut |rows| threads::quantile(&world, rows));
        part("prefixes", &mut |_| alternatives::prefixes(&world));
        let most = world.listed.count;
        part("alternatives", &mut |_| {
            for count in [most / 10, most] {
                alternatives::whole_numbers(&world, count);
            }
        });
        part("plots", &mut |_| plots::draw(&world, options.numbers.is_none()));
    }
    print_table(&rows);
    println!("\n{:.0} s in all", started.elapsed().as_secs_f64());
}

fn print_table(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    println!("\n| what | asked | measured | holds |\n| --- | --- | --- | --- |");
    for row in rows {
        println!("| {} | {} | {} | {} |", row.what, row.asked, row.measured, if row.holds { "yes" } else { "no" });
    }
    println!("\n{} of {} hold", rows.iter().filter(|row| row.holds).count(), rows.len());
}
