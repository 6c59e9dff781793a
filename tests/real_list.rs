//! A list as the world has them: the shape of the public feed of complaints about unwanted calls
//! (ten national digits, dates, cities, subjects with commas in quotes), in ten thousand rows. Every
//! number is blocked however it is dialled, and `explain` names its line.
#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used)] // in what the tests share, as in tests

mod common;

use common::Random;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use tollgate::compile::{Compiled, Compiler, Report};
use tollgate::{Action, Index, MatchOutcome, Query, Reason, Rule};

const ROWS: usize = 10_000;
/// The feed's own header; its first column must be called `number` to be read.
const HEADER: &str = "Company_Phone_Number,Created_Date,Violation_Date,Consumer_City,Consumer_State,\
                      Consumer_Area_Code,Subject,Recorded_Message_Or_Robocall";

/// As many different numbers as there are rows.
fn numbers(seed: u64, mut one: impl FnMut(&mut Random) -> String) -> Vec<String> {
    let mut random = Random(seed);
    let mut seen = HashSet::new();
    let mut numbers = Vec::new();
    while numbers.len() < ROWS {
        let number = one(&mut random);
        if seen.insert(number.clone()) {
            numbers.push(number);
        }
    }
    numbers
}

/// Rows around numbers, each written by `spell`.
fn csv(numbers: &[String], seed: u64, mut spell: impl FnMut(&mut Random, &str) -> String) -> String {
    let mut random = Random(seed);
    let mut out = HEADER.replace("Company_Phone_Number", "number") + "\n";
    for number in numbers {
        let city = ["New York", "Los Angeles", "\"Washington, D.C.\"", "Coeur d'Alene", "Española", ""]
            [random.below(6) as usize];
        let subject = [
            "Dropped call or no message",
            "\"Reducing your debt (credit cards, mortgage, student loans)\"",
            "\"Warranties & protection plans, \"\"extended\"\"\"",
            "Other",
        ][random.below(4) as usize];
        let day = 1 + random.below(28);
        let _ = writeln!(
            out,
            "{},2026-03-{day:02} 00:{:02}:05,2026-02-{day:02} 16:37:00,{city},New York,212,{subject},{}",
            spell(&mut random, number),
            random.below(60),
            ["Y", "N"][random.below(2) as usize],
        );
    }
    out
}

fn compile(folder: &Path, site: &str, file: &str, skip: bool) -> Result<Compiled, Report> {
    let policy = format!(
        "[site]\n{site}\n[lists.complaints]\naction = \"block\"\nfiles = [\"{file}\"]\n\
         [profiles.default.outbound]\nlists = [\"complaints\"]\n"
    );
    Compiler::new().skip_bad_lines(skip).compile_str("policy.toml", &policy, folder)
}

/// Every number, in every spelling, is blocked by the list; `explain` names file and line.
fn all_blocked(index: &Index, numbers: &[String], code: &str, file: &str, spellings: &[&dyn Fn(&str) -> String]) {
    for (i, number) in numbers.iter().enumerate() {
        for spell in spellings {
            let dialled = spell(number);
            let verdict = index.screen(dialled.as_bytes());
            assert_eq!(
                (verdict.action, verdict.reason, verdict.rule, verdict.list.as_str()),
                (Action::Block, Reason::List, Rule::Whole, "complaints"),
                "{dialled}: {verdict}"
            );
            assert_eq!(verdict.number.as_str(), format!("{code}{number}"), "{dialled}");
        }
        let explanation = index.explain(&Query::new(), spellings[i % spellings.len()](number).as_bytes()).unwrap();
        let matches = explanation.steps.iter().flat_map(|step| &step.matches);
        let deciding: Vec<_> = matches.filter(|m| m.outcome == MatchOutcome::Decides).collect();
        let [deciding] = deciding[..] else { panic!("{explanation}") };
        let [entry] = &deciding.entries[..] else { panic!("{explanation}") };
        // Lines count from 1, and the first is the header.
        assert_eq!((entry.source.as_str(), entry.line), (file, Some(i as u32 + 2)), "{explanation}");
    }
}

/// Area codes of the United States.
const AREAS: [&str; 12] = ["212", "213", "305", "312", "415", "512", "617", "702", "713", "808", "907", "202"];

fn american(seed: u64) -> Vec<String> {
    numbers(seed, |random| {
        let area = AREAS[random.below(AREAS.len() as u64) as usize];
        format!("{area}{}{}", 2 + random.below(8), random.digits(6))
    })
}

fn american_spelling(random: &mut Random, number: &str) -> String {
    let (area, exchange, line) = (&number[..3], &number[3..6], &number[6..]);
    match random.below(8) {
        0 => format!("({area}) {exchange}-{line}"),
        1 => format!("{area}-{exchange}-{line}"),
        2 => format!("{area}.{exchange}.{line}"),
        3 => format!("1-{area}-{exchange}-{line}"),
        4 => format!("+1 {area} {exchange} {line}"),
        5 => format!("\"1 ({area}) {exchange}-{line}\""),
        _ => number.to_owned(),
    }
}

const AMERICAN_SITE: &str = "home = \"US\"\ninternational_prefixes = [\"011\", \"00\"]";

#[test]
fn a_complaint_feed_blocks_every_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = american(1);
    let text = csv(&numbers, 2, american_spelling);
    std::fs::write(folder.path().join("complaints.csv"), &text).unwrap();
    let compiled = compile(folder.path(), AMERICAN_SITE, "complaints.csv", false).unwrap();
    assert_eq!(compiled.entries, ROWS as u64);
    let index = Index::from_bytes(compiled.index).unwrap();
    assert_eq!(index.entries(), ROWS as u64);
    let spellings: [&dyn Fn(&str) -> String; 8] = [
        &|n| n.to_owned(),
        &|n| format!("1{n}"),
        &|n| format!("001{n}"),
        &|n| format!("0111{n}"),
        &|n| format!("+1{n}"),
        &|n| format!("({}) {}-{}", &n[..3], &n[3..6], &n[6..]),
        &|n| format!("sip:+1{n}@trunk.example;user=phone"),
        &|n| format!("tel:+1-{}-{}", &n[..3], &n[3..]),
    ];
    all_blocked(&index, &numbers, "1", "complaints.csv", &spellings);

    // Numbers that nobody complained about pass.
    let listed: HashSet<&String> = numbers.iter().collect();
    let clean = american(3);
    let clean: Vec<&String> = clean.iter().filter(|n| !listed.contains(n)).collect();
    assert!(clean.len() > ROWS / 2);
    for number in clean {
        for spell in &spellings {
            let verdict = index.screen(spell(number).as_bytes());
            assert_eq!((verdict.action, verdict.reason), (Action::Allow, Reason::Default), "{}", spell(number));
        }
    }

    // Compressed, it is the same list.
    let gz = std::fs::File::create(folder.path().join("complaints.csv.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(gz, flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap();
    let compressed = compile(folder.path(), AMERICAN_SITE, "complaints.csv.gz", false).unwrap();
    let compressed = Index::from_bytes(compressed.index).unwrap();
    all_blocked(&compressed, &numbers[..100], "1", "complaints.csv.gz", &spellings);
}

#[test]
fn slovak_numbers_with_their_national_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = numbers(4, |random| match random.below(2) {
        0 => format!("90{}{}", 1 + random.below(8), random.digits(6)),
        _ => format!("2{}{}", 2 + random.below(8), random.digits(7)),
    });
    let text = csv(&numbers, 5, |random, n| match random.below(4) {
        0 => format!("0{} {} {}", &n[..3], &n[3..6], &n[6..]),
        1 => format!("0{}/{}", &n[..3], &n[3..]),
        2 => format!("00421 {n}"),
        _ => format!("0{n}"),
    });
    std::fs::write(folder.path().join("feed.csv"), text).unwrap();
    let compiled = compile(folder.path(), "home = \"SK\"", "feed.csv", false).unwrap();
    let index = Index::from_bytes(compiled.index).unwrap();
    let spellings: [&dyn Fn(&str) -> String; 4] =
        [&|n| format!("0{n}"), &|n| format!("00421{n}"), &|n| format!("+421{n}"), &|n| {
            format!("0{}/{} {}", &n[..3], &n[3..6], &n[6..])
        }];
    all_blocked(&index, &numbers, "421", "feed.csv", &spellings);
    for clean in ["+420601123456", "00420601123456"] {
        assert_eq!(index.screen(clean.as_bytes()).reason, Reason::Default, "{clean}");
    }
}

/// The feed as it comes has another name for the column, and rows without a number.
#[test]
fn what_is_wrong_with_a_feed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = american(6);
    let good = csv(&numbers[..100], 7, american_spelling);
    let path = folder.path().join("complaints.csv");

    std::fs::write(&path, good.replacen("number,", "Company_Phone_Number,", 1)).unwrap();
    let report = compile(folder.path(), AMERICAN_SITE, "complaints.csv", true).unwrap_err();
    let text = report.diagnostics[0].to_string();
    assert!(text.contains("complaints.csv:1") && text.contains("number"), "{text}");

    let mut lines: Vec<&str> = good.lines().collect();
    let empty = ",2026-03-01 00:00:05,2026-02-01 16:37:00,Reno,Nevada,775,Other,N";
    lines.insert(10, empty);
    lines.push(empty);
    std::fs::write(&path, lines.join("\r\n")).unwrap();
    let report = compile(folder.path(), AMERICAN_SITE, "complaints.csv", false).unwrap_err();
    let places: Vec<u32> = report.diagnostics.iter().filter_map(|d| d.place.as_ref()).map(|p| p.line).collect();
    assert_eq!(places, [11, 103], "{:?}", report.diagnostics);
    let compiled = compile(folder.path(), AMERICAN_SITE, "complaints.csv", true).unwrap();
    assert_eq!((compiled.entries, compiled.report.skipped_lines()), (100, 2));
}
