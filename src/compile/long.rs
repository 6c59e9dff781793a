//! The whole numbers of long list files.
//!
//! An [`Entry`](super::model::Entry) takes a hundred bytes and more, so that ten million of them would
//! take a gigabyte. Of a file with more than [`KEPT_LINES`] whole numbers there is eight bytes of each
//! instead: the number, and which of the claims it is that the file makes (the list, and until when it
//! counts). They are sorted on disk where they do not fit into memory. What is not kept is the line on
//! which a number stands; `explain` names the file alone then. A number with a note of its own is an
//! entry all the same, with its line.

use super::spool::{Merge, Sorted, Spool};
use crate::numbers::MAX_WHOLE_DIGITS;
use std::collections::HashMap;
use std::io;

/// Of files with more whole numbers than this, the lines are not kept.
pub(crate) const KEPT_LINES: usize = 100_000;
/// Nor are those of any other file, once so many lines of a policy's files are.
pub(crate) const MOST_KEPT: usize = 1_000_000;
/// A key has 54 bits: fifteen digits and their number. What is left is a claim's.
const CLAIM_BITS: u32 = 10;
/// The claims that there is room for beside a key. Further ones take as much room again.
const NARROW: u32 = 1 << CLAIM_BITS;

const _: () = assert!(10u64.pow(MAX_WHOLE_DIGITS as u32) << 4 <= 1 << (64 - CLAIM_BITS));

/// What a file says of many numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) list: u32,
    /// The file, a position in [`Model::sources`](super::model::Model::sources).
    pub(crate) source: u32,
    /// Seconds since 1970 from which on it no longer counts.
    pub(crate) expires: Option<i64>,
}

/// Collects them.
pub(crate) struct Collector {
    narrow: Spool<u64>,
    /// Numbers of further claims: the key above, the claim below.
    wide: Spool<u128>,
    claims: Vec<Claim>,
    ids: HashMap<Claim, u32>,
    last: Option<(Claim, u32)>,
}

impl Collector {
    /// With room for so many bytes in memory.
    pub(crate) fn new(bytes: u64) -> Collector {
        let (narrow, wide) = (Spool::new(bytes / 2), Spool::new(bytes / 2));
        Collector { narrow, wide, claims: Vec::new(), ids: HashMap::new(), last: None }
    }

    /// The claim's id.
    pub(crate) fn claim(&mut self, claim: Claim) -> u32 {
        if let Some((last, id)) = self.last
            && last == claim
        {
            return id;
        }
        let next = self.claims.len() as u32;
        let id = *self.ids.entry(claim).or_insert_with(|| {
            self.claims.push(claim);
            next
        });
        self.last = Some((claim, id));
        id
    }

    /// Takes numbers of which the same is claimed.
    ///
    /// # Errors
    ///
    /// Of writing to disk what has no room.
    pub(crate) fn extend(&mut self, keys: impl Iterator<Item = u64>, claim: u32) -> io::Result<()> {
        if claim < NARROW {
            self.narrow.extend(keys.map(|key| key << CLAIM_BITS | u64::from(claim)))
        } else {
            self.wide.extend(keys.map(|key| u128::from(key) << 32 | u128::from(claim)))
        }
    }

    /// All numbers, in order.
    ///
    /// # Errors
    ///
    /// Of writing to disk what has no room.
    pub(crate) fn finish(self) -> io::Result<Numbers> {
        Ok(Numbers { narrow: self.narrow.finish()?, wide: self.wide.finish()?, claims: self.claims })
    }
}

/// Collected and sorted.
#[derive(Default)]
pub(crate) struct Numbers {
    narrow: Sorted<u64>,
    wide: Sorted<u128>,
    claims: Vec<Claim>,
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Numbers").field("len", &self.len()).field("claims", &self.claims.len()).finish()
    }
}

impl Numbers {
    /// How many there are, each as often as it was written.
    pub(crate) fn len(&self) -> u64 {
        self.narrow.len() + self.wide.len()
    }

    pub(crate) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// By file: its list, if the file's lines were not kept.
    pub(crate) fn lists_of_files(&self, files: usize) -> Vec<Option<u32>> {
        let mut lists = vec![None; files];
        for claim in &self.claims {
            lists[claim.source as usize] = Some(claim.list);
        }
        lists
    }

    /// Reads them: number by number, in the order of their keys.
    ///
    /// # Errors
    ///
    /// Of reading what was written to disk.
    pub(crate) fn groups(&self) -> io::Result<Groups<'_>> {
        let (mut narrow, mut wide) = (self.narrow.read()?, self.wide.read()?);
        let next = (narrow.next()?, wide.next()?);
        Ok(Groups { narrow, wide, next, claims: Vec::new() })
    }
}

/// A claim's id, and how often it is made of a number.
type Made = (u32, u64);

/// Reads numbers with all that is claimed of each.
pub(crate) struct Groups<'n> {
    narrow: Merge<'n, u64>,
    wide: Merge<'n, u128>,
    next: (Option<u64>, Option<u128>),
    claims: Vec<Made>,
}

impl Groups<'_> {
    /// The next number's key.
    pub(crate) fn peek(&self) -> Option<u64> {
        let narrow = self.next.0.map(|packed| packed >> CLAIM_BITS);
        match (narrow, self.next.1.map(|packed| (packed >> 32) as u64)) {
            (Some(narrow), Some(wide)) => Some(narrow.min(wide)),
            (narrow, wide) => narrow.or(wide),
        }
    }

    /// The next number's key, and the ids of its claims, ascending, with how often each was made.
    ///
    /// # Errors
    ///
    /// Of reading what was written to disk.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, &[Made])>> {
        let Some(key) = self.peek() else { return Ok(None) };
        self.claims.clear();
        while let Some(packed) = self.next.0.filter(|packed| packed >> CLAIM_BITS == key) {
            self.note((packed & u64::from(NARROW - 1)) as u32);
            self.next.0 = self.narrow.next()?;
        }
        while let Some(packed) = self.next.1.filter(|packed| (packed >> 32) as u64 == key) {
            self.note(packed as u32);
            self.next.1 = self.wide.next()?;
        }
        Ok(Some((key, &self.claims)))
    }

    fn note(&mut self, claim: u32) {
        match self.claims.last_mut() {
            Some((last, count)) if *last == claim => *count += 1,
            _ => self.claims.push((claim, 1)),
        }
    }
}

/// The diagnostic for what the disk does not take or give back.
pub(crate) fn no_room(error: &io::Error) -> super::Diagnostic {
    super::Diagnostic::error(
        "temporary-file",
        format!("long lists are sorted in temporary files, and one cannot be used: {error}"),
    )
    .help(
        "let TMPDIR name a folder that can be written and has room, eight to sixteen bytes a number; or allow more \
         memory, so that fewer files are needed",
    )
}
