//! One index of every format version is committed, and reopened for ever: `data/good/v3/*.tgx`.
//!
//! The verdicts of the table below must never change for a file that exists. While the format is
//! still version 3, the compiler must also make the same bytes of the same policies; with
//! `TOLLGATE_WRITE_GOOD=1` they are written anew. The numbering plan is taken out of the committed
//! index, so that a newer plan changes neither the files nor the answers.

#![cfg(feature = "compile")]

use std::path::{Path, PathBuf};
use tollgate::compile::{Compiler, plan, write_file};
use tollgate::{Direction, Index, Query};
use xxhash_rust::xxh3::xxh3_128;

/// The format that this build writes.
const CURRENT: &str = "v3";
const NAMES: [&str; 2] = ["everything", "smaller"];
const PLAN_SECTIONS: [&str; 6] = ["PINF", "TERR", "CLAS", "DIAL", "ACTN", "SHRT"];

fn good() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/good")
}

/// Tag and content of every section: the container as `docs/format.md` describes it, read without
/// the library.
fn sections(file: &[u8]) -> Vec<(String, &[u8])> {
    let number = |at: usize, len: usize| file[at..at + len].iter().rev().fold(0, |n, &b| n << 8 | b as usize);
    assert_eq!(&file[..8], b"TOLLGATE");
    assert_eq!(number(16, 8), file.len());
    (0..number(12, 4))
        .map(|i| {
            let entry = 24 + 24 * i;
            let (offset, len) = (number(entry + 8, 8), number(entry + 16, 8));
            (String::from_utf8_lossy(&file[entry..entry + 4]).into_owned(), &file[offset..offset + len])
        })
        .collect()
}

/// A plan file made of an index's plan sections: the container written without the library.
fn plan_of(index: &[u8]) -> Vec<u8> {
    let sections: Vec<_> = sections(index).into_iter().filter(|(t, _)| PLAN_SECTIONS.contains(&&**t)).collect();
    let mut table = Vec::new();
    let mut body = Vec::new();
    let begin = 24 + 24 * sections.len();
    for (tag, content) in &sections {
        body.resize(body.len().next_multiple_of(8), 0);
        table.extend(tag.bytes().chain([0; 4]));
        table.extend(((begin + body.len()) as u64).to_le_bytes());
        table.extend((content.len() as u64).to_le_bytes());
        body.extend(*content);
    }
    body.resize(body.len().next_multiple_of(8), 0);
    let mut file = b"TOLLGATE\x01\0\x02\0".to_vec();
    file.extend((sections.len() as u32).to_le_bytes());
    file.extend(((begin + body.len() + 16) as u64).to_le_bytes());
    file.extend(table);
    file.extend(body);
    let checksum = xxh3_128(&file).to_le_bytes();
    file.extend(checksum);
    file
}

#[test]
fn the_compiler_still_writes_the_committed_bytes() {
    let folder = good().join(CURRENT);
    let write = std::env::var_os("TOLLGATE_WRITE_GOOD").is_some_and(|value| value == "1");
    for name in NAMES {
        let path = folder.join(name).with_extension("tgx");
        let committed = std::fs::read(&path).unwrap_or_default();
        let plan_file = if write { plan::BUILT_IN.to_vec() } else { plan_of(&committed) };
        let policy = folder.join(name).with_extension("toml");
        let compiled = match Compiler::new().plan(plan_file).compile_file(&policy) {
            Ok(compiled) => compiled.index,
            Err(report) => panic!("{report}"),
        };
        if write {
            write_file(&path, &compiled).unwrap();
            continue;
        }
        let (old, new) = (sections(&committed), sections(&compiled));
        let tags = |all: &[(String, &[u8])]| all.iter().map(|(tag, _)| tag.clone()).collect::<Vec<_>>();
        assert_eq!(tags(&old), tags(&new), "{name}");
        for ((tag, old), (_, new)) in old.iter().zip(&new) {
            // META names the release that built the file.
            assert!(tag == "META" || old == new, "{name}: the section {tag} is written otherwise than it was");
        }
    }
}

const OUT: Query<'static> = Query::new();
const IN: Query<'static> = Query::new().direction(Direction::Inbound);
const TENANT: Query<'static> = Query::new().profile("tenant-7");

/// 2026-01-01T00:00:00Z, by which entries that expire are judged.
const NOW: i64 = 1_767_225_600;

#[rustfmt::skip]
const VERDICTS: &[(&str, &str, Query<'static>, &str, &str)] = &[
    // folder, index, asked, dialled, verdict
    ("v3", "everything", OUT, "112", "allow emergency"),
    ("v3", "everything", OUT, "9112", "allow emergency"),
    ("v3", "everything", OUT, "9 00371 6700-0000", "allow list partners +37167000000"),
    ("v3", "everything", OUT, "+371 67000001", "allow list partners +37167000001"),
    ("v3", "everything", OUT, "+371 67000002", "block country LV +37167000002"),
    ("v3", "everything", OUT, "+37126123456", "block list blacklist +37126123456"),
    ("v3", "everything", OUT, "011 371 21 000 000", "block list blacklist +37121000000"),
    ("v3", "everything", OUT, "+33162123456", "block list blacklist +33162123456"),
    ("v3", "everything", OUT, "+33163123456", "allow default +33163123456"),
    ("v3", "everything", OUT, "+4200000000", "block unassigned +4200000000"),
    ("v3", "everything", OUT, "+49301501234", "block list blacklist +49301501234"),
    ("v3", "everything", OUT, "+49302001234", "allow default +49302001234"),
    ("v3", "everything", OUT, "02 3333 0042", "block list blacklist +421233330042"),
    ("v3", "everything", OUT, "02 3333 0142", "allow default +421233330142"),
    ("v3", "everything", OUT, "+12125550123", "block list blacklist +12125550123"),
    ("v3", "everything", OUT, "0905123456", "block list blacklist +421905123456"),
    ("v3", "everything", OUT, "0905123457", "allow default +421905123457 (feed)"),
    ("v3", "everything", OUT, "+442079460018", "allow default +442079460018 (feed)"),
    ("v3", "everything", OUT, "0900123456", "block type premium_rate +421900123456"),
    ("v3", "everything", OUT, "0900123456 99", "block type premium_rate +42190012345699"),
    ("v3", "everything", OUT, "+881612345678", "block type satellite +881612345678"),
    ("v3", "everything", OUT, "+5352345678", "block country CU +5352345678"),
    ("v3", "everything", OUT, "+420601123456", "allow default +420601123456"),
    ("v3", "everything", OUT, "1181", "block list blacklist"),
    ("v3", "everything", OUT, "9 1181", "block list blacklist"),
    ("v3", "everything", OUT, "427", "block list blacklist"),
    ("v3", "everything", OUT, "437", "allow internal"),
    ("v3", "everything", OUT, "100200300", "block list blacklist +421100200300"),
    ("v3", "everything", OUT, "anonymous", "block anonymous"),
    ("v3", "everything", OUT, "12a", "block invalid"),
    ("v3", "everything", OUT, "+371&+372", "block invalid"),
    ("v3", "everything", IN, "anonymous", "block anonymous"),
    ("v3", "everything", IN, "+37126123456", "block list blacklist +37126123456"),
    ("v3", "everything", IN, "+5352345678", "allow default +5352345678"),
    ("v3", "everything", TENANT, "+420601123456", "allow default +420601123456"),
    ("v3", "everything", TENANT, "+4930200123", "block country DE +4930200123"),
    ("v3", "smaller", OUT, "112", "allow emergency"),
    ("v3", "smaller", OUT, "+37167000000", "block list blacklist +37167000000"),
    ("v3", "smaller", OUT, "+37126123456", "allow default +37126123456"),
    ("v3", "smaller", OUT, "+420601123456", "block list blacklist +420601123456"),
    ("v3", "smaller", OUT, "0900123456", "allow default +421900123456"),
];

#[test]
fn every_committed_index_opens_and_answers_as_ever() {
    if std::env::var_os("TOLLGATE_WRITE_GOOD").is_some() {
        return; // the files are being written
    }
    let mut wrong = Vec::new();
    let mut opened = 0;
    for folder in std::fs::read_dir(good()).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "tgx") {
                continue;
            }
            opened += 1;
            let index = Index::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let of_file = |row: &&(&str, &str, _, _, _)| {
                folder.file_name() == row.0 && path.file_stem().is_some_and(|stem| stem == row.1)
            };
            assert!(VERDICTS.iter().any(|row| of_file(&row)), "no verdicts for {}", path.display());
            for (_, name, query, dialled, expected) in VERDICTS.iter().filter(of_file) {
                let verdict = index.screen_at(query, dialled.as_bytes(), NOW).unwrap();
                let shadow = if verdict.would_block() { format!(" ({})", verdict.shadow) } else { String::new() };
                let found = format!("{verdict}{shadow}");
                if found != *expected {
                    wrong.push(format!("{name}: {dialled}: {found:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(opened >= NAMES.len());
}

/// The bytes that `docs/format.md` shows are the file's.
#[test]
fn the_worked_examples_are_in_the_file() {
    if std::env::var_os("TOLLGATE_WRITE_GOOD").is_some() {
        return; // the files are being written
    }
    let file = std::fs::read(good().join("v3/everything.tgx")).unwrap();
    let section = |wanted: &str| sections(&file).into_iter().find(|(tag, _)| tag == wanted).unwrap().1;
    let place = |wanted: &str| section(wanted).as_ptr() as usize - file.as_ptr() as usize;
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!((place("NUMW"), place("NUMP")), (984, 1272));

    assert_eq!(section("SITE"), b"\x02\0SK9\x18\0\0\0\0\0\0\0\x02\0\x02\x0000\x03\x00011");

    let numbers = section("NUMW");
    assert_eq!(numbers[..24], *b"\x09\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0\0\x18\0\0");
    let segment = &numbers[40..72];
    assert_eq!((segment[7], &segment[24..]), (11, &b"\0\0\0\0\x20\x02\x03\0"[..]));
    assert_eq!([104, 108].map(|at| u32_at(984 + at)), [0, 2]);
    let (bucket, low) = (37_126_123_456u64 >> 32, (37_126_123_456u64 & ((1 << 32) - 1)) as u32);
    assert_eq!((bucket, low), (8, 2_766_385_088));
    assert_eq!(numbers[124..136], *b"\x02\0\0\0\x04\0\0\x02\0\0\0\0");
    assert_eq!(numbers[168..172], *b"\xc0\xaf\xe3\xa4");
    assert_eq!(u32_at(984 + 168), low);
    assert_eq!(numbers[264..275], *b"\x01\0\0\0\0\0\0\0\0\xa2\x81");

    let states = [(1320, 3, 2), (1364, 7, 5), (1496, 1, 10), (1716, 2, 14), (1892, 6, 0)];
    for (at, digit, next) in states {
        assert_eq!(u32_at(at + 4 * digit), next);
    }
    assert_eq!(u32_at(1892 + 40), 6);

    let members = section("MEMB");
    let offsets: Vec<u8> = members[8..8 + 9 * 4].chunks_exact(4).map(|o| o[0]).collect();
    assert_eq!(offsets, [0, 0, 1, 2, 3, 4, 5, 6, 7]);
    let member = |i: usize| &members[8 + 9 * 4 + 16 * i..][..16];
    assert_eq!(member(5), b"\x01\0\0\0\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f");
    assert_eq!(member(0), b"\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f");

    let mut rule_set = b"\x0a\x10\x19\0".to_vec();
    for word in [1u64 << 50, 0, 1 << 4, 0] {
        rule_set.extend(word.to_le_bytes());
    }
    rule_set.extend(b"\x03\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0");
    assert!(section("RULE")[4..].starts_with(&rule_set));
}
