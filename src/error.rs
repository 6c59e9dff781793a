//! What can go wrong outside a call: opening and reloading an index. Screening has no errors.

use std::{fmt, io, path::PathBuf};

/// Why an index could not be opened or a reload was refused. Every text says what to do next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes do not begin like an index at all.
    NotAnIndex {
        /// What is wrong with the beginning.
        what: &'static str,
    },
    /// An index of another format version.
    Version {
        /// The file's version.
        found: u16,
        /// The version that this build reads.
        supported: u16,
    },
    /// The file is shorter or longer than its header says: an unfinished copy.
    Length {
        /// The length in the header.
        expected: u64,
        /// The length seen.
        found: u64,
    },
    /// The bytes are not those that were written.
    Checksum,
    /// The checksum is right and the content is not: written by a broken or hostile program.
    Corrupt {
        /// The four letters of the section (`docs/format.md`).
        section: &'static str,
        /// Where in the section, in bytes.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The new index lost more of its entries than the gate allows; the old one stays.
    Shrunken {
        /// Entries in the index that stays.
        before: u64,
        /// Entries in the index that was refused.
        after: u64,
        /// The largest share that may be lost, in percent.
        limit_percent: u8,
    },
    /// The index has no profile of this name.
    UnknownProfile {
        /// The name that was asked for.
        name: String,
    },
    /// The numbering plan has no such region.
    UnknownRegion {
        /// The region that was asked for.
        region: String,
    },
    /// The gate was opened from memory and has no file to reload.
    NoFile,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => {
                write!(f, "cannot read {}: {source}; check the path and its permissions", path.display())
            }
            Error::NotAnIndex { what } => {
                write!(f, "not a Tollgate index: {what}; make one with `tollgate build`")
            }
            Error::Version { found, supported } => write!(
                f,
                "index format {found}, but this build reads format {supported}; build the index again with the \
                 `tollgate` of this release"
            ),
            Error::Length { expected, found } => write!(
                f,
                "the index should have {expected} bytes and has {found}: it was cut, something was added to it, or the \
                 copy is not finished; copy it again, aside, and rename it into place"
            ),
            Error::Checksum => f.write_str(
                "the index's checksum does not match its bytes: it was changed or damaged after it was built; build \
                 or copy it again",
            ),
            Error::Corrupt { section, offset, what } => write!(
                f,
                "the index is malformed: section {section}, byte {offset}: {what}; build it again with `tollgate \
                 build`, and if that does not help, report the policy"
            ),
            Error::Shrunken { before, after, limit_percent } => write!(
                f,
                "the new index has {after} entries where the current one has {before}, a loss of more than \
                 {limit_percent} %; the current one stays. Check the lists, then reload with a higher limit if this \
                 is meant"
            ),
            Error::UnknownProfile { name } => {
                write!(f, "the index has no profile {name:?}; `tollgate inspect` lists its profiles")
            }
            Error::UnknownRegion { region } => {
                write!(f, "the numbering plan has no region {region:?}; give an ISO 3166-1 alpha-2 code such as SK")
            }
            Error::NoFile => f.write_str("the gate was opened from memory; give `swap` a new index instead"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
