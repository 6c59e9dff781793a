//! Dialled text to digits.

/// The most digits that are kept of one dialled string.
pub(crate) const MAX_DIALLED: usize = 64;

/// Digits as dialled, ASCII.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    len: u8,
    bytes: [u8; MAX_DIALLED],
}

impl Digits {
    pub(crate) const EMPTY: Digits = Digits { len: 0, bytes: [0; MAX_DIALLED] };

    /// Appends an ASCII digit; behind the sixty-fourth they are dropped, since they can change no
    /// answer (`docs/design.md`, "How many digits").
    #[inline]
    pub(crate) fn push(&mut self, digit: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len as usize) {
            *slot = digit;
            self.len += 1;
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..(self.len as usize).min(MAX_DIALLED)]
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// What the text turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Digits, perhaps with a leading plus.
    Digits,
    /// A caller id that says that there is none: `anonymous`, empty, …
    Withheld,
    /// `urn:service:sos` and its children (RFC 5031).
    EmergencyUrn,
    /// No number: why, for `explain`.
    Refused(&'static str),
}

/// A dialled string after reading.
#[derive(Clone, Copy)]
pub(crate) struct Dialled<'t> {
    pub(crate) kind: Kind,
    /// The digits are international: `+`, `%2B`, a full-width plus.
    pub(crate) plus: bool,
    /// The digits, without plus, feature code, extension, or what follows a pause.
    pub(crate) digits: Digits,
    /// The digits of a global `phone-context`, to be put before `digits` (and then international).
    pub(crate) context: Digits,
    /// The value of `rn=` (RFC 4694), text to be read in its turn; empty where there is none.
    pub(crate) routing: &'t [u8],
}

/// Reads one dialled string. Never fails and never allocates.
pub(crate) fn read(_text: &[u8]) -> Dialled<'_> {
    todo!()
}
