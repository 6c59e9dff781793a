//! A file cut, flipped, overwritten or extended anywhere is refused; one whose checksum was made
//! to fit again is refused or answers, but never panics, hangs or reads out of bounds.

#![cfg(feature = "compile")]

mod common;

use common::{EVERYTHING, Random, build};
use tollgate::{Direction, Error, Index, Query, Region};
use xxhash_rust::xxh3::xxh3_128;

fn repair(bytes: &mut [u8]) {
    if let Some(body) = bytes.len().checked_sub(16) {
        let sum = xxh3_128(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&sum);
    }
}

#[test]
fn every_cut_is_refused() {
    let bytes = build(EVERYTHING);
    let mut cuts: Vec<usize> = (0..2048).chain(bytes.len() - 2048..bytes.len()).collect();
    cuts.extend((0..bytes.len()).step_by(4093));
    for n in cuts {
        let error = Index::from_bytes(&bytes[..n]).unwrap_err();
        assert!(matches!(error, Error::NotAnIndex { .. } | Error::Length { .. }), "cut to {n} bytes: {error}");
    }
    let mut longer = bytes.clone();
    longer.extend([0; 8]);
    assert!(matches!(Index::from_bytes(longer), Err(Error::Length { .. })));
}

#[test]
fn every_flip_and_overwrite_is_refused() {
    let bytes = build(EVERYTHING);
    let mut random = Random(11);
    let mut at: Vec<usize> = (0..1024).chain(bytes.len() - 64..bytes.len()).collect();
    at.extend((0..1500).map(|_| random.below(bytes.len() as u64) as usize));
    for at in at {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << random.below(8);
        assert!(Index::from_bytes(damaged).is_err(), "bit of byte {at}");
        let mut damaged = bytes.clone();
        let end = (at + 1 + random.below(512) as usize).min(bytes.len());
        let fill = if bytes[at] == 0 { 0xff } else { 0 };
        damaged[at..end].fill(fill);
        assert!(Index::from_bytes(damaged).is_err(), "bytes {at}..{end}");
    }
}

/// Changes bytes, makes the checksum fit, and asks whatever still opens.
#[test]
fn a_repaired_checksum_does_not_help() {
    let bytes = build(EVERYTHING);
    let mut random = Random(13);
    let (mut opened, mut refused) = (0, 0);
    let table_end = 24 + 24 * 20;
    for round in 0..4000 {
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(3) {
            // The small sections and heads are where structure is; the plan's states are most of
            // the bytes, and would take nearly all of the changes.
            let at = match random.below(3) {
                0 => random.below(table_end as u64),
                1 => random.below(8192.min(bytes.len() as u64)),
                _ => random.below(bytes.len() as u64),
            } as usize;
            damaged[at] = match random.below(4) {
                0 => 0xff,
                1 => 0,
                2 => damaged[at].wrapping_add(1),
                _ => random.next() as u8,
            };
        }
        repair(&mut damaged);
        let Ok(index) = Index::from_bytes(damaged) else {
            refused += 1;
            continue;
        };
        opened += 1;
        for query in
            [Query::new(), Query::new().direction(Direction::Inbound), Query::new().home(Region::new("AR").unwrap())]
        {
            for text in [
                "112",
                "+37126123456",
                "0905123456",
                "100200",
                "1181",
                "+49301234567",
                "+331621234567890123456",
                "00011234567890",
            ] {
                // The query may name what the damaged index no longer has.
                let _ = index.screen_with(&query, text.as_bytes());
                if round % 16 == 0 {
                    let _ = index.explain(&query, text.as_bytes()).map(|e| e.to_string());
                }
            }
        }
        let _ = index.info();
        index.list_entries(|_| {});
    }
    assert!(opened > 50 && refused > 500, "{opened} opened, {refused} refused: the changes must reach both");
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    assert_eq!(build(EVERYTHING), build(EVERYTHING));
}
