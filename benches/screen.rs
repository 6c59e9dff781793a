//! The call path beside its peers, in one run: compare ratios, not times; these differ by machine
//! and hour. Every benchmark asserts its answers before it is timed.
//!
//! `cargo bench --features compile --bench screen`; `make bench` prints the ratios as a table.

#![allow(clippy::unwrap_used)] // a benchmark without its data is no benchmark

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashSet;
use rlibphonenumber::PHONE_NUMBER_UTIL;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use tollgate::compile::Compiler;
use tollgate::{Action, Gate, Index, Query, Reason, Region};

/// splitmix64 with a fixed seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

const LISTED: usize = 100_000;
const QUERIES: usize = 1_000;

/// Slovak and German mobile numbers, which the plan assigns and the starter policy allows.
fn number(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("421905{:06}", random.below(1_000_000)),
        1 => format!("421917{:06}", random.below(1_000_000)),
        _ => format!("49151{:08}", 10_000_000 + random.below(80_000_000)),
    }
}

struct World {
    /// No list; the starter policy's rules.
    plain: Gate,
    /// The same and 100,000 listed numbers.
    listed: Gate,
    fst: fst::Map<Vec<u8>>,
    set: HashSet<u64>,
    hit: Vec<String>,
    clean: Vec<String>,
    premium: Vec<String>,
    national: Vec<String>,
    abroad: Vec<String>,
}

const POLICY: &str = r#"
[site]
home = "SK"
[profiles.default.outbound]
LISTS
countries.block = ["CU", "LV", "SO", "LT", "GN", "GM", "MV", "EE", "ZW", "TN"]
types.block = ["premium_rate", "shared_cost", "satellite"]
unassigned = "block"
"#;

fn gate(policy: &str) -> Gate {
    let compiled = Compiler::new().compile_str("bench.toml", policy, Path::new("."));
    Gate::new(Index::from_bytes(compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics)).index).unwrap())
}

fn world() -> World {
    let mut random = Random(2);
    let mut listed: Vec<String> = (0..LISTED).map(|_| number(&mut random)).collect();
    listed.sort();
    listed.dedup();
    let set: HashSet<u64> = listed.iter().map(|n| n.parse().unwrap()).collect();
    let mut policy = POLICY.replace("LISTS", "lists = [\"blacklist\"]");
    policy.push_str("[lists.blacklist]\naction = \"block\"\nentries = [\n");
    for n in &listed {
        writeln!(policy, "\"+{n}\",").unwrap();
    }
    policy.push_str("]\n");
    let fst = fst::Map::from_iter(listed.iter().map(|n| (n, 1u64))).unwrap();
    let hit = (0..QUERIES).map(|_| listed[random.below(listed.len() as u64) as usize].clone()).collect();
    let clean: Vec<String> = std::iter::repeat_with(|| number(&mut random))
        .filter(|n| !set.contains(&n.parse::<u64>().unwrap()))
        .take(QUERIES)
        .collect();
    let premium = (0..QUERIES).map(|_| format!("421900{:06}", 100_000 + random.below(700_000))).collect();
    let national = clean
        .iter()
        .filter_map(|n| n.strip_prefix("421"))
        .map(|n| format!("0{} {} {}", &n[..3], &n[3..6], &n[6..]))
        .collect();
    let abroad = clean.iter().filter(|n| n.starts_with("49")).map(|n| format!("00{}-{}", &n[..5], &n[5..])).collect();
    World {
        plain: gate(&POLICY.replace("LISTS", "")),
        listed: gate(&policy),
        fst,
        set,
        hit,
        clean,
        premium,
        national,
        abroad,
    }
}

/// The longest key that is a prefix: what a plain transducer has to do.
fn fst_walk(map: &fst::Map<Vec<u8>>, number: &[u8]) -> Option<u64> {
    let fst = map.as_fst();
    let mut node = fst.root();
    let (mut out, mut best) = (0u64, None);
    for &byte in number {
        let Some(i) = node.find_input(byte) else { break };
        let t = node.transition(i);
        out += t.out.value();
        node = fst.node(t.addr);
        if node.is_final() {
            best = Some(out + node.final_output().value());
        }
    }
    best
}

/// An example number of every region and type, as libphonenumber's metadata has them: E.164, and
/// as dialled at home with its region. The types and their shares are the world's variety, not
/// anybody's traffic; the numbers of one home are the case in which libphonenumber is quickest.
fn every_region() -> (Vec<String>, Vec<(Region, rlibphonenumber::Region, String)>) {
    use rlibphonenumber::{PhoneNumberFormat, PhoneNumberType as T};
    let util = &*PHONE_NUMBER_UTIL;
    let (mut e164, mut national) = (Vec::new(), Vec::new());
    for region in util.get_supported_regions() {
        for kind in
            [T::FixedLine, T::Mobile, T::TollFree, T::PremiumRate, T::SharedCost, T::PersonalNumber, T::VoIP, T::UAN]
        {
            let Ok(number) = util.get_example_number_for_type_and_region(region, kind) else { continue };
            e164.push(util.format(&number, PhoneNumberFormat::E164).into_owned());
            let home = Region::new(&region.to_string()).unwrap();
            national.push((home, region, util.format(&number, PhoneNumberFormat::National).into_owned()));
        }
    }
    (e164, national)
}

fn each<'q>(queries: &'q [String]) -> impl FnMut() -> &'q str {
    let mut at = 0;
    move || {
        at = (at + 1) % queries.len();
        &queries[at]
    }
}

fn screen(c: &mut Criterion) {
    let w = world();
    let plus = |v: &[String]| v.iter().map(|n| format!("+{n}")).collect::<Vec<_>>();
    let (hit, clean, premium) = (plus(&w.hit), plus(&w.clean), plus(&w.premium));
    let mut group = c.benchmark_group("e164");
    for (name, gate, queries, action, reason) in [
        ("tollgate/no list, clean", &w.plain, &clean, Action::Allow, Reason::Default),
        ("tollgate/no list, premium", &w.plain, &premium, Action::Block, Reason::Type),
        ("tollgate/100k listed, clean", &w.listed, &clean, Action::Allow, Reason::Default),
        ("tollgate/100k listed, hit", &w.listed, &hit, Action::Block, Reason::List),
    ] {
        for q in queries {
            let v = gate.screen(q.as_bytes());
            assert_eq!((v.action, v.reason), (action, reason), "{q}: {v}");
        }
        let mut next = each(queries);
        group.bench_function(name, |b| b.iter(|| gate.screen(black_box(next().as_bytes()))));
    }
    for (name, queries, found) in [("clean", &w.clean, false), ("hit", &w.hit, true)] {
        assert!(queries.iter().all(|q| fst_walk(&w.fst, q.as_bytes()).is_some() == found));
        let mut next = each(queries);
        group.bench_function(format!("fst walk/100k listed, {name}"), |b| {
            b.iter(|| fst_walk(&w.fst, black_box(next()).as_bytes()))
        });
        assert!(queries.iter().all(|q| w.set.contains(&q.parse::<u64>().unwrap()) == found));
        let mut next = each(queries);
        group.bench_function(format!("hashbrown/100k listed, {name}"), |b| {
            b.iter(|| w.set.contains(&black_box(next()).parse::<u64>().unwrap_or(0)))
        });
    }
    peers(&mut group, "home", &clean);
    let (world, world_national) = every_region();
    let blocked = world.iter().filter(|q| w.plain.screen(q.as_bytes()).is_blocked()).count();
    assert!(blocked > world.len() / 10 && blocked < world.len() / 2, "{blocked} of {}", world.len());
    let mut next = each(&world);
    group.bench_function("tollgate/every region", |b| b.iter(|| w.plain.screen(black_box(next().as_bytes()))));
    peers(&mut group, "every region", &world);
    group.finish();

    let mut group = c.benchmark_group("dialled");
    let util = &*PHONE_NUMBER_UTIL;
    for (home, region, text) in &world_national {
        let ours = w.plain.screen_with(&Query::new().home(*home), text.as_bytes()).unwrap();
        let theirs = util.parse(text, Some(*region)).unwrap();
        let theirs = util.format(&theirs, rlibphonenumber::PhoneNumberFormat::E164);
        assert!(ours.number.to_string() == theirs || !ours.has_number(), "{text} in {home}: {ours} {theirs}");
    }
    let mut at = 0;
    group.bench_function("tollgate/every region", |b| {
        b.iter(|| {
            at = (at + 1) % world_national.len();
            let (home, _, text) = black_box(&world_national[at]);
            w.plain.screen_with(&Query::new().home(*home), text.as_bytes()).unwrap()
        });
    });
    group.bench_function("rlibphonenumber/every region", |b| {
        b.iter(|| {
            at = (at + 1) % world_national.len();
            let (_, region, text) = black_box(&world_national[at]);
            let number = util.parse(text, Some(*region)).unwrap();
            (util.get_number_type(&number), util.get_region_for_number(&number))
        });
    });
    for (name, queries) in [("national", &w.national), ("00", &w.abroad)] {
        for q in queries {
            let v = w.plain.screen(q.as_bytes());
            assert_eq!((v.action, v.reason), (Action::Allow, Reason::Default), "{q}: {v}");
        }
        let mut next = each(queries);
        group.bench_function(format!("tollgate/{name}"), |b| b.iter(|| w.plain.screen(black_box(next().as_bytes()))));
    }
    let mixed: Vec<String> = w.national.iter().chain(&w.abroad).cloned().collect();
    peers(&mut group, "home", &mixed);
    group.finish();

    // The line from 3 to 250 bytes: time must be proportional to the length.
    let mut group = c.benchmark_group("length");
    let digits = "421905123456".repeat(25);
    for n in [3, 6, 12, 25, 50, 100, 250] {
        let plain = format!("+{}", &digits[..n - 1]);
        let uri = format!("sip:{}@{}", &digits[..(n / 2).max(1)], "h".repeat(n));
        let spaced = "- ".repeat(n / 2);
        for (name, text) in
            [("digits", plain), ("uri", uri[..n.max(6).min(uri.len())].to_owned()), ("separators", spaced)]
        {
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_with_input(BenchmarkId::new(name, n), &text, |b, t| {
                b.iter(|| w.listed.screen(black_box(t.as_bytes())));
            });
        }
    }
    group.finish();
}

/// Parse, type and region, by the two crates that answer as libphonenumber does or tries to.
fn peers(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>, name: &str, queries: &[String]) {
    let util = &*PHONE_NUMBER_UTIL;
    let rlib = |q: &str| {
        let number = util.parse(q, Some(rlibphonenumber::Region::SK)).ok()?;
        Some((util.get_number_type(&number), util.get_region_for_number(&number)))
    };
    assert!(queries.iter().all(|q| rlib(q).is_some()));
    let mut next = each(queries);
    group.bench_function(format!("rlibphonenumber/{name}"), |b| b.iter(|| rlib(black_box(next()))));
    let crate_ = |q: &str| {
        let number = phonenumber::parse(Some(phonenumber::country::SK), q).ok()?;
        Some((number.number_type(&phonenumber::metadata::DATABASE), number.country().id()))
    };
    assert!(queries.iter().all(|q| crate_(q).is_some()));
    let mut next = each(queries);
    group.sample_size(20);
    group.bench_function(format!("phonenumber/{name}"), |b| b.iter(|| crate_(black_box(next()))));
    group.sample_size(100);
}

criterion_group!(benches, screen);
criterion_main!(benches);
