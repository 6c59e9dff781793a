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
/// A key has 54 bits: fifteen digits and their number. What is left is a claim's.
const CLAIM_BITS: u32 = 10;
const MOST_CLAIMS: usize = 1 << CLAIM_BITS;

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
    spool: Spool,
    claims: Vec<Claim>,
    ids: HashMap<Claim, u16>,
    last: Option<(Claim, u16)>,
}

impl Collector {
    /// With room for so many bytes in memory.
    pub(crate) fn new(bytes: u64) -> Collector {
        Collector { spool: Spool::new(bytes), claims: Vec::new(), ids: HashMap::new(), last: None }
    }

    /// The claim's id; none where there are too many others already.
    pub(crate) fn claim(&mut self, claim: Claim) -> Option<u16> {
        if let Some((last, id)) = self.last
            && last == claim
        {
            return Some(id);
        }
        let id = match self.ids.get(&claim) {
            Some(&id) => id,
            None => {
                let id = u16::try_from(self.claims.len()).ok().filter(|&id| usize::from(id) < MOST_CLAIMS)?;
                self.claims.push(claim);
                self.ids.insert(claim, id);
                id
            }
        };
        self.last = Some((claim, id));
        Some(id)
    }

    /// Takes numbers with the ids of their claims.
    ///
    /// # Errors
    ///
    /// Of writing to disk what has no room.
    pub(crate) fn extend(&mut self, numbers: impl Iterator<Item = (u64, u16)>) -> io::Result<()> {
        self.spool.extend(numbers.map(|(key, claim)| key << CLAIM_BITS | u64::from(claim)))
    }

    /// All numbers, in order.
    ///
    /// # Errors
    ///
    /// Of writing to disk what has no room.
    pub(crate) fn finish(self) -> io::Result<Numbers> {
        Ok(Numbers { sorted: self.spool.finish()?, claims: self.claims })
    }
}

/// Collected and sorted.
#[derive(Default)]
pub(crate) struct Numbers {
    sorted: Sorted,
    claims: Vec<Claim>,
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Numbers").field("len", &self.len()).field("claims", &self.claims).finish()
    }
}

impl Numbers {
    /// How many there are, each as often as it was written.
    pub(crate) fn len(&self) -> u64 {
        self.sorted.len()
    }

    pub(crate) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The list of a file whose lines were not kept; none where they were.
    pub(crate) fn list_of(&self, source: usize) -> Option<u32> {
        self.claims.iter().find(|claim| claim.source as usize == source).map(|claim| claim.list)
    }

    /// Reads them: number by number, in the order of their keys.
    ///
    /// # Errors
    ///
    /// Of reading what was written to disk.
    pub(crate) fn groups(&self) -> io::Result<Groups<'_>> {
        let mut merge = self.sorted.read()?;
        let next = merge.next()?;
        Ok(Groups { merge, next, ids: Vec::new() })
    }
}

/// Reads numbers with all that is claimed of each.
pub(crate) struct Groups<'n> {
    merge: Merge<'n>,
    next: Option<u64>,
    ids: Vec<u16>,
}

impl Groups<'_> {
    /// The next number's key.
    pub(crate) fn peek(&self) -> Option<u64> {
        self.next.map(|packed| packed >> CLAIM_BITS)
    }

    /// The next number's key, and the ids of its claims: ascending, and one as often as it was made.
    ///
    /// # Errors
    ///
    /// Of reading what was written to disk.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, &[u16])>> {
        let Some(key) = self.peek() else { return Ok(None) };
        self.ids.clear();
        while let Some(packed) = self.next.filter(|packed| packed >> CLAIM_BITS == key) {
            self.ids.push((packed & (MOST_CLAIMS as u64 - 1)) as u16);
            self.next = self.merge.next()?;
        }
        Ok(Some((key, &self.ids)))
    }
}

/// The diagnostic for what the disk does not take or give back.
pub(crate) fn no_room(error: &io::Error) -> super::Diagnostic {
    super::Diagnostic::error(
        "temporary-file",
        format!("long lists are sorted in temporary files, and one cannot be used: {error}"),
    )
    .help("let TMPDIR name a folder with room, eight bytes a number; or allow more memory")
}
