//! What a policy says once it has been read: the compiler's middle, between text and bytes.
//!
//! `policy.rs`, `files.rs` and `entry.rs` fill it, `lint.rs` looks at it, `writer.rs` turns it into
//! an index. Everything in it is resolved: profiles no longer extend each other, entries are E.164
//! digits, and each knows the file and line it came from.

use super::long::Numbers;
use crate::number::{NumberType, Region};
use crate::verdict::Action;

/// A whole policy.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) site: Site,
    /// In the policy's order; entries and rule sets name them by position.
    pub(crate) lists: Vec<List>,
    /// All but the whole numbers of long files.
    pub(crate) entries: Vec<Entry>,
    /// The whole numbers of files that have too many of them to be entries, and how many each list has.
    pub(crate) numbers: Numbers,
    pub(crate) long_counts: Vec<u64>,
    /// The first one is `default`.
    pub(crate) profiles: Vec<Profile>,
    /// The policy file first, then list files in the order they were read.
    pub(crate) sources: Vec<Source>,
}

/// How this site dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) home: Region,
    /// ASCII digits each; empty: the plan's for the home region.
    pub(crate) international_prefixes: Vec<String>,
    /// An ASCII digit.
    pub(crate) outside_line: Option<u8>,
    /// Lengths of internal numbers, 1 to 15.
    pub(crate) extensions: Vec<u8>,
}

/// What a match in a list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ListAction {
    Allow,
    Block,
    /// Shadow: note that it would have blocked, and go on.
    Log,
}

/// A named set of entries.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) name: String,
    pub(crate) action: ListAction,
}

/// What an entry matches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// E.164 digits in ASCII, `X` standing for any digit. At most 32.
    Number { digits: Box<[u8]>, whole: bool },
    /// Digits as dialled of short and internal numbers (behind the outside-line digit), `X` likewise.
    Local { digits: Box<[u8]>, whole: bool },
    /// Bytes of the dialled text, after trimming white space. At most 64.
    Raw { bytes: Box<[u8]>, whole: bool },
}

/// One entry of one list. An entry that compiles to several keys (a range) stands here once a key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Position in [`Model::lists`].
    pub(crate) list: u32,
    pub(crate) key: Key,
    /// Seconds since 1970-01-01T00:00:00Z from which on the entry no longer counts.
    pub(crate) expires: Option<i64>,
    pub(crate) origin: Origin,
    pub(crate) note: Option<Box<str>>,
}

/// Where something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// Position in [`Model::sources`].
    pub(crate) source: u32,
    /// From 1.
    pub(crate) line: u32,
}

/// One file that was read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As the policy names it; the policy itself as the caller named it, without folders.
    pub(crate) path: String,
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: u64,
    /// How many entries it gave.
    pub(crate) entries: u64,
}

/// A named pair of rule sets.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) outbound: RuleSet,
    pub(crate) inbound: RuleSet,
}

/// The rules of one profile and direction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RuleSet {
    /// Positions in [`Model::lists`], the one named first first.
    pub(crate) lists: Vec<u32>,
    pub(crate) types: Types,
    pub(crate) countries: Countries,
    pub(crate) anonymous: Decision,
    pub(crate) internal: Decision,
    pub(crate) short: Decision,
    pub(crate) invalid: Decision,
    pub(crate) unassigned: Decision,
    pub(crate) default: Decision,
}

/// `allow` or `block`; [`Action`] that can be hashed into a shared rule set.
pub(crate) type Decision = Action;

/// The number types and classes that are blocked: bit n is the [`NumberType`] with code n, bit 12
/// the satellite class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Types(pub(crate) u16);

impl Types {
    /// The satellite class beside the types.
    pub(crate) const SATELLITE: u16 = 1 << 12;

    /// The bit of a type.
    pub(crate) fn bit(t: NumberType) -> u16 {
        1 << (t as u8)
    }
}

/// Country rules: a deny-list or an allow-list, never both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) enum Countries {
    #[default]
    Any,
    Block(Vec<Region>),
    Allow(Vec<Region>),
}
