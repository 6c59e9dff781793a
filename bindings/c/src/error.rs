//! `tollgate_status`, and the message of a thread's last failure.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char};
use std::fmt::{self, Write};

/// How a call of the library ended. The numbers are explicit and never used again for anything else;
/// a later library may return one that this header does not know, which tollgate_status_text
/// explains. Test for TOLLGATE_OK, not for single errors.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_status {
    /// Done; outputs are written. Every other status leaves them as they were (but tollgate_screen_many's with
    /// TOLLGATE_PANIC).
    TOLLGATE_OK = 0,
    /// An argument cannot be right: NULL where a pointer is needed, a struct without its size, a
    /// number out of range. tollgate_last_error says which.
    TOLLGATE_INVALID_ARGUMENT = 1,
    /// A bug in the library, caught. The gate goes on; please report the message.
    TOLLGATE_PANIC = 2,
    /// An error that has no number of its own.
    TOLLGATE_FAILED = 3,
    /// There is not enough memory for what was asked.
    TOLLGATE_NO_MEMORY = 4,
    /// A file could not be read, or the thread that watches it could not be started.
    TOLLGATE_IO = 5,
    /// The file is no Tollgate index.
    TOLLGATE_NOT_AN_INDEX = 6,
    /// The index has a format that this library does not read.
    TOLLGATE_INDEX_VERSION = 7,
    /// The index is longer or shorter than it says: it was cut, or its copy is not finished.
    TOLLGATE_INDEX_LENGTH = 8,
    /// The index was changed or damaged after it was built.
    TOLLGATE_INDEX_CHECKSUM = 9,
    /// The index's checksum is right, and its content is not.
    TOLLGATE_INDEX_CORRUPT = 10,
    /// The new index lost more of its entries than the gate allows; the old one stays.
    TOLLGATE_INDEX_SHRUNKEN = 11,
    /// The index has no profile of this name. Decide what an unknown tenant may do.
    TOLLGATE_UNKNOWN_PROFILE = 12,
    /// The numbering plan has no region of this name.
    TOLLGATE_UNKNOWN_REGION = 13,
    /// The gate was opened from memory, and has no file to reload or to watch.
    TOLLGATE_NO_FILE = 14,
    /// There is no index to go back to: the gate made no swap yet.
    TOLLGATE_NO_PREVIOUS_INDEX = 15,
    /// No file was named, and there is no default index where one is looked for.
    TOLLGATE_NO_DEFAULT_INDEX = 16,
    /// The index has not every profile that `required_profiles` names; a reload keeps the old one.
    TOLLGATE_MISSING_PROFILE = 17,
}

use tollgate_status::*;

impl tollgate_status {
    const ALL: [tollgate_status; 18] = [
        TOLLGATE_OK,
        TOLLGATE_INVALID_ARGUMENT,
        TOLLGATE_PANIC,
        TOLLGATE_FAILED,
        TOLLGATE_NO_MEMORY,
        TOLLGATE_IO,
        TOLLGATE_NOT_AN_INDEX,
        TOLLGATE_INDEX_VERSION,
        TOLLGATE_INDEX_LENGTH,
        TOLLGATE_INDEX_CHECKSUM,
        TOLLGATE_INDEX_CORRUPT,
        TOLLGATE_INDEX_SHRUNKEN,
        TOLLGATE_UNKNOWN_PROFILE,
        TOLLGATE_UNKNOWN_REGION,
        TOLLGATE_NO_FILE,
        TOLLGATE_NO_PREVIOUS_INDEX,
        TOLLGATE_NO_DEFAULT_INDEX,
        TOLLGATE_MISSING_PROFILE,
    ];

    const fn text(self) -> &'static CStr {
        match self {
            TOLLGATE_OK => c"no error",
            TOLLGATE_INVALID_ARGUMENT => {
                c"an argument cannot be right; tollgate_last_error says which, tollgate.h what is expected"
            }
            TOLLGATE_PANIC => c"a bug in the library; report what tollgate_last_error says",
            TOLLGATE_FAILED => c"the call failed; tollgate_last_error says why",
            TOLLGATE_NO_MEMORY => c"there is not enough memory; the gate keeps what it has",
            TOLLGATE_IO => c"a file cannot be read; check its path and permissions",
            TOLLGATE_NOT_AN_INDEX => c"the file is no Tollgate index; make one with `tollgate build`",
            TOLLGATE_INDEX_VERSION => {
                c"the index has another format version; build it with the `tollgate` of this release"
            }
            TOLLGATE_INDEX_LENGTH => {
                c"the index is not as long as it says; copy it again, aside, and rename it into place"
            }
            TOLLGATE_INDEX_CHECKSUM => c"the index is damaged; build or copy it again",
            TOLLGATE_INDEX_CORRUPT => c"the index is malformed; build it again with `tollgate build`",
            TOLLGATE_INDEX_SHRUNKEN => {
                c"the new index lost too many entries, the old one stays; check the lists, or reload with a higher limit"
            }
            TOLLGATE_UNKNOWN_PROFILE => {
                c"the index has no profile of this name; `tollgate inspect` lists its profiles"
            }
            TOLLGATE_UNKNOWN_REGION => {
                c"the numbering plan has no such region; give an ISO 3166-1 alpha-2 code such as SK"
            }
            TOLLGATE_NO_FILE => c"the gate was opened from memory and has no file; open it on one",
            TOLLGATE_NO_PREVIOUS_INDEX => c"there is no index to go back to: none was swapped yet",
            TOLLGATE_NO_DEFAULT_INDEX => {
                c"there is no default index; build one with `tollgate build`, or name a file to tollgate_open"
            }
            TOLLGATE_MISSING_PROFILE => {
                c"the index lacks a profile that the gate has to have; put it into the policy and build again"
            }
        }
    }
}

/// Why a function failed.
pub(crate) enum Failure {
    /// Which argument cannot be right and what is expected.
    Argument(&'static str),
    /// The library's own error.
    Tollgate(tollgate::Error),
    /// A profile whose name is no name at all, and is not repeated.
    UnknownProfile,
    /// As [`Failure::UnknownProfile`], a region.
    UnknownRegion,
    /// There is nothing where the default index should be.
    NoDefaultIndex,
    /// A status whose own text says it all.
    Status(tollgate_status),
}

impl From<tollgate::Error> for Failure {
    fn from(error: tollgate::Error) -> Failure {
        Failure::Tollgate(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Argument(what) => f.write_str(what),
            Failure::Tollgate(error) => write_error(f, error),
            Failure::UnknownProfile => f.write_str(
                "the index has no profile of this name, which is longer than a name can be or is not UTF-8; \
                 `tollgate inspect` lists its profiles",
            ),
            Failure::UnknownRegion => f.write_str(text_of(TOLLGATE_UNKNOWN_REGION)),
            Failure::NoDefaultIndex => {
                let (own, shipped) = (crate::gate::OWN_INDEX, crate::gate::SHIPPED_INDEX);
                write!(
                    f,
                    "no file was named, and there is neither an index of your own, {own}, nor the one that is \
                     installed, {shipped}: build yours with `tollgate build POLICY.toml -o {own}`, or name a file to \
                     tollgate_open"
                )
            }
            Failure::Status(status) => f.write_str(text_of(*status)),
        }
    }
}

/// What an error of the Rust library says to C; a bug with its place, since nobody else says that.
pub(crate) fn write_error(f: &mut impl Write, error: &tollgate::Error) -> fmt::Result {
    match error {
        tollgate::Error::Panicked { what } => {
            let what = format!("{what}{}", crate::panic::place());
            write!(f, "{}", tollgate::Error::Panicked { what })
        }
        error => write!(f, "{error}"),
    }
}

fn text_of(status: tollgate_status) -> &'static str {
    status.text().to_str().unwrap_or_default()
}

impl Failure {
    pub(crate) fn status(&self) -> tollgate_status {
        match self {
            Failure::Argument(_) => TOLLGATE_INVALID_ARGUMENT,
            Failure::Tollgate(error) => status_of(error),
            Failure::UnknownProfile => TOLLGATE_UNKNOWN_PROFILE,
            Failure::UnknownRegion => TOLLGATE_UNKNOWN_REGION,
            Failure::NoDefaultIndex => TOLLGATE_NO_DEFAULT_INDEX,
            Failure::Status(status) => *status,
        }
    }
}

/// The status of an error of the Rust library.
pub(crate) fn status_of(error: &tollgate::Error) -> tollgate_status {
    use tollgate::Error;
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::OutOfMemory => TOLLGATE_NO_MEMORY,
        Error::Io { .. } => TOLLGATE_IO,
        Error::NotAnIndex { .. } => TOLLGATE_NOT_AN_INDEX,
        Error::Version { .. } => TOLLGATE_INDEX_VERSION,
        Error::Length { .. } => TOLLGATE_INDEX_LENGTH,
        Error::Checksum => TOLLGATE_INDEX_CHECKSUM,
        Error::Corrupt { .. } => TOLLGATE_INDEX_CORRUPT,
        Error::Shrunken { .. } => TOLLGATE_INDEX_SHRUNKEN,
        Error::UnknownProfile { .. } => TOLLGATE_UNKNOWN_PROFILE,
        Error::UnknownRegion { .. } => TOLLGATE_UNKNOWN_REGION,
        Error::NoFile => TOLLGATE_NO_FILE,
        Error::MissingProfile { .. } => TOLLGATE_MISSING_PROFILE,
        Error::Panicked { .. } => TOLLGATE_PANIC,
        _ => TOLLGATE_FAILED,
    }
}

/// The most bytes of a message, its NUL included.
pub(crate) const MESSAGE_BYTES: usize = 1024;

/// A text of C under construction, in an array: it allocates nothing, is always terminated, and is cut
/// where it does not fit, between two characters. What would end a line, move a cursor or turn the writing
/// round is replaced, since a message ends up in logs and names what others have written.
pub(crate) struct Message<'m> {
    bytes: &'m mut [u8],
    len: usize,
}

impl<'m> Message<'m> {
    /// An empty text in an array of at least one byte.
    pub(crate) fn new(bytes: &'m mut [u8]) -> Message<'m> {
        if let Some(first) = bytes.first_mut() {
            *first = 0;
        }
        Message { bytes, len: 0 }
    }
}

impl Write for Message<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let c = if tollgate::is_unseen(c) { '?' } else { c };
            let end = self.len + c.len_utf8();
            // One byte is the NUL's.
            let Some(place) = self.bytes.get_mut(self.len..end + 1) else { return Err(fmt::Error) };
            c.encode_utf8(place);
            place[c.len_utf8()] = 0;
            self.len = end;
        }
        Ok(())
    }
}

thread_local! {
    /// In place and without a destructor: nothing is allocated, and nothing has to be called when the
    /// thread ends.
    static LAST: UnsafeCell<[u8; MESSAGE_BYTES]> = const { UnsafeCell::new([0; MESSAGE_BYTES]) };
}

/// Keeps the message of a failure as this thread's last one.
pub(crate) fn record(failure: &Failure) -> tollgate_status {
    record_text(failure.status(), format_args!("{failure}"))
}

/// Keeps a message as this thread's last one.
pub(crate) fn record_text(status: tollgate_status, text: fmt::Arguments<'_>) -> tollgate_status {
    LAST.with(|last| {
        // Written aside first: what formats the text may fail itself, and keep a message of its own.
        let mut bytes = [0; MESSAGE_BYTES];
        // A text that does not fit is cut.
        let _ = Message::new(&mut bytes).write_fmt(text);
        // SAFETY: the array is this thread's own, nobody else has a reference to it (C has a pointer,
        // which it reads when no function of the library runs on this thread), and nothing that could
        // come here again runs between this line and the next.
        unsafe { *last.get() = bytes };
    });
    status
}

/// The message of the last call that failed on this thread; empty, never NULL, where none did. It
/// says what to do next. It stays as it is, and the pointer stays valid, until another call fails on
/// this thread or the thread ends; calls that succeed do not change it. Not to be freed. At most
/// 1,023 bytes, UTF-8, one line.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_last_error() -> *const c_char {
    LAST.with(|last| last.get().cast_const().cast())
}

/// What a status means and what to do, in English. Never NULL; unknown numbers have a text, too. The
/// text is constant. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_status_text(status: i32) -> *const c_char {
    let known = tollgate_status::ALL.into_iter().find(|known| *known as i32 == status);
    known.map_or(c"a status that this version of the library does not have", tollgate_status::text).as_ptr()
}

#[cfg(test)]
pub(crate) fn last_error_text() -> String {
    // SAFETY: the message is always terminated, and this thread runs no call meanwhile.
    unsafe { CStr::from_ptr(tollgate_last_error()) }.to_str().unwrap().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_number_and_a_text() {
        for (number, status) in tollgate_status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, number);
            assert!(!status.text().to_str().unwrap().is_empty());
        }
    }

    #[test]
    fn a_message_is_cut_between_characters_and_keeps_to_its_line() {
        let mut bytes = [b'x'; 8];
        assert!(Message::new(&mut bytes).write_str("é\nééé").is_err());
        assert_eq!(&bytes, "é?éé\0".as_bytes());
        assert!(Message::new(&mut []).write_str("x").is_err());
        // Found in review: a path with U+2028 in it ended the line where a log is shown by a browser.
        let mut bytes = [0; 8];
        assert!(Message::new(&mut bytes).write_str("a\u{2028}\u{202e}\u{85}b").is_ok());
        assert_eq!(&bytes[..6], b"a???b\0");
        record_text(TOLLGATE_FAILED, format_args!("{}", "é".repeat(MESSAGE_BYTES)));
        assert_eq!(last_error_text(), "é".repeat(MESSAGE_BYTES / 2 - 1));
    }
}
