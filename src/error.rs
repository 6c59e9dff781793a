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
    /// The index has not every profile that the gate has to have.
    MissingProfile {
        /// The first one that it does not have.
        name: String,
    },
    /// Reading the new index panicked: a bug of this library. The old index stays.
    Panicked {
        /// What the panic said.
        what: String,
    },
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
            // Here and in the others: no name of a function, since C has other ones.
            Error::NoFile => f.write_str("the gate was opened from memory and has no file; open it on one"),
            Error::MissingProfile { name } => write!(
                f,
                "the index has no profile {name:?}, which this gate has to have: calls would ask for it in vain; \
                 `tollgate inspect` lists the index's profiles. Put it into the policy and build again, or open the \
                 gate without it"
            ),
            Error::Panicked { what } => write!(
                f,
                "reading the new index met a bug in Tollgate ({what}); the current one stays. Build the index again, \
                 and please report this with the file"
            ),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Found in review: a program of C that reloaded a gate from memory was told to call a function of Rust.
    /// The texts are shared by all languages, so they name commands and no functions.
    #[test]
    fn texts_name_no_function_of_any_language() {
        let name = || "tenant-7".to_owned();
        for error in [
            Error::Io { path: "policy.tgx".into(), source: io::ErrorKind::NotFound.into() },
            Error::NotAnIndex { what: "it is empty" },
            Error::Version { found: 2, supported: 1 },
            Error::Length { expected: 2, found: 1 },
            Error::Checksum,
            Error::Corrupt { section: "LIST", offset: 0, what: "it is wrong" },
            Error::Shrunken { before: 2, after: 1, limit_percent: 0 },
            Error::UnknownProfile { name: name() },
            Error::UnknownRegion { region: "XQ".to_owned() },
            Error::NoFile,
            Error::MissingProfile { name: name() },
            Error::Panicked { what: name() },
        ] {
            let text = error.to_string();
            assert!(!text.contains("::") && !text.contains("()") && !text.contains('_'), "{text}");
            for quoted in text.split('`').skip(1).step_by(2) {
                assert!(quoted.split(' ').next() == Some("tollgate"), "{text}");
            }
        }
    }
}
