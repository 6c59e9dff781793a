//! The values numbers are described with: [`Number`], [`Region`], [`NumberType`], [`Name`].
//!
//! All of them are plain `Copy` values with their text inside, so that a
//! [`Verdict`](crate::Verdict) made of them outlives the index it came from.

use crate::text::Clean;
use crate::unseen::is_unseen;
use std::fmt;

/// The most digits a [`Number`] keeps.
///
/// E.164 (ITU-T E.164 §6.2) allows 15; some national plans in libphonenumber go to 17 behind
/// the calling code. What is dialled behind the fortieth digit can change no answer: no plan row
/// and no list entry is that long, and exchanges ignore trailing digits anyway.
pub const MAX_NUMBER_DIGITS: usize = 40;

/// The most bytes a list, profile or policy name may have.
pub const MAX_NAME_LEN: usize = 47;

/// E.164 digits, without `+`: the number that would be dialled.
///
/// Longer than 15 digits is possible: dialled with digits behind it, or by one of the few plans that
/// have such numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    len: u8,
    digits: [u8; MAX_NUMBER_DIGITS],
}

impl Number {
    /// No digits at all: what a verdict holds where nothing could be read.
    pub const EMPTY: Number = Number { len: 0, digits: [0; MAX_NUMBER_DIGITS] };

    /// A number from ASCII digits without `+`; digits behind the fortieth are not kept.
    /// `None` where a byte is no ASCII digit.
    #[must_use]
    pub fn from_digits(digits: &[u8]) -> Option<Number> {
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut number = Number::EMPTY;
        number.extend(digits);
        Some(number)
    }

    /// Becomes these digits one behind the other, ASCII: a calling code and a national number, or
    /// nothing and a whole number. The caller has checked that they are digits, and that this number
    /// is empty; digits behind the fortieth are not kept.
    #[inline(always)]
    pub(crate) fn join(&mut self, code: &[u8], rest: &[u8]) {
        debug_assert!(self.is_empty());
        if let Some([first, second]) = two_words(code, rest) {
            self.len = (code.len() + rest.len()) as u8;
            self.digits[..8].copy_from_slice(&first.to_le_bytes());
            self.digits[8..16].copy_from_slice(&second.to_le_bytes());
            return;
        }
        let code = &code[..code.len().min(MAX_NUMBER_DIGITS)];
        let rest = &rest[..rest.len().min(MAX_NUMBER_DIGITS - code.len())];
        self.len = (code.len() + rest.len()) as u8;
        copy_digits(&mut self.digits[..code.len()], code);
        copy_digits(&mut self.digits[code.len()..code.len() + rest.len()], rest);
    }

    /// As [`join`](Number::join), of eight to sixteen digits that were looked at as these two words.
    #[inline(always)]
    pub(crate) fn become_clean(&mut self, clean: Clean<'_>) {
        debug_assert!(self.is_empty());
        let len = clean.digits.len();
        let [first, second] = [u64::from_le_bytes(clean.first), behind_first(clean.last, len)];
        self.len = len as u8;
        self.digits[..8].copy_from_slice(&first.to_le_bytes());
        self.digits[8..16].copy_from_slice(&second.to_le_bytes());
    }

    /// Appends ASCII digits; the caller has checked that they are digits.
    #[inline(always)]
    pub(crate) fn extend(&mut self, digits: &[u8]) {
        debug_assert!(digits.iter().all(u8::is_ascii_digit));
        let at = self.len as usize;
        let n = digits.len().min(MAX_NUMBER_DIGITS - at);
        copy_digits(&mut self.digits[at..at + n], &digits[..n]);
        self.len += n as u8;
    }

    /// The digits in ASCII, without `+`.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.len as usize]
    }

    /// The digits in ASCII and zero bytes behind them: a copy of known size.
    #[inline]
    #[must_use]
    pub fn padded(&self) -> &[u8; MAX_NUMBER_DIGITS] {
        &self.digits
    }

    /// The digits as text, without `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// How many digits.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True where nothing could be read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The bytes of one behind the other and zero bytes, the first byte lowest, where they are as long as nearly
/// all numbers are: a calling code, or none, and 8 to 16 digits, 16 in all.
///
/// The lists read a number as two words. A processor passes on what is being written to a load only where
/// one store has all of it; pieces that overlap would have to arrive in the cache before.
#[inline(always)]
fn two_words(code: &[u8], rest: &[u8]) -> Option<[u64; 2]> {
    let n = rest.len();
    if n < 8 || code.len() + n > 16 {
        return None;
    }
    let code_word = match *code {
        [] => 0,
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        _ => return None,
    };
    let first = u64::from_le_bytes(*rest.first_chunk()?);
    let second = behind_first(*rest.last_chunk()?, n);
    // In two steps here, too.
    let bits = 8 * code.len() as u32;
    let carried = first >> (32 - bits / 2) >> (32 - bits / 2);
    Some([code_word | first << bits, second << bits | carried])
}

/// The last eight of 8 to 16 bytes, without those that are among the first eight.
#[inline(always)]
fn behind_first(last: [u8; 8], len: usize) -> u64 {
    // In two steps, since a word cannot be moved by 64 bits.
    let half = 4 * (16u32.wrapping_sub(len as u32) % 16);
    u64::from_le_bytes(last) >> half >> half
}

/// Copies `from` to `to`, which has the same length: in two overlapping words where it is as long
/// as most numbers or calling codes are, since a call of `memcpy` takes longer than that.
#[inline(always)]
fn copy_digits(to: &mut [u8], from: &[u8]) {
    #[inline(always)]
    fn in_two<const N: usize>(to: &mut [u8], from: &[u8]) -> Option<()> {
        let (first, last) = (from.first_chunk::<N>()?, from.last_chunk::<N>()?);
        *to.first_chunk_mut()? = *first;
        *to.last_chunk_mut()? = *last;
        Some(())
    }
    let done = match from.len() {
        8..=16 => in_two::<8>(to, from),
        4..=7 => in_two::<4>(to, from),
        2..=3 => in_two::<2>(to, from),
        1 => in_two::<1>(to, from),
        _ => None,
    };
    if done.is_none() {
        to.copy_from_slice(from);
    }
}

impl fmt::Display for Number {
    /// `+` and the digits; nothing for an empty number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() { Ok(()) } else { write!(f, "+{}", self.as_str()) }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

/// An ISO 3166-1 alpha-2 region, or `001` for calling codes that belong to no country
/// (+800, +808, +870, +878, +881, +882, +883, +888, +979), or none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Region([u8; 3]);

impl Region {
    /// No region: the number belongs to nobody, or to one of several that share a code.
    pub const NONE: Region = Region([0; 3]);
    /// `001`, the world: calling codes that belong to no country.
    pub const WORLD: Region = Region(*b"001");

    /// A region from `SK`, `sk` or `001`; `None` for any other form. Whether the numbering plan
    /// knows it is the plan's to say.
    #[must_use]
    pub const fn new(code: &str) -> Option<Region> {
        match code.as_bytes() {
            b"001" => Some(Region::WORLD),
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Region([a.to_ascii_uppercase(), b.to_ascii_uppercase(), 0]))
            }
            _ => None,
        }
    }

    /// `SK`, `001`, or nothing for none, and zero bytes behind.
    #[inline]
    #[must_use]
    pub fn padded(&self) -> &[u8; 3] {
        &self.0
    }

    /// `SK`, `001`, or empty for none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&b| b == 0).unwrap_or(3);
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }

    /// True for [`Region::NONE`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0[0] == 0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

/// What kind of number it is, in libphonenumber's terms (`PhoneNumberUtil.PhoneNumberType`).
///
/// `Unknown` means that the numbering plan assigns the number to nobody.
/// The discriminants are the plan's on-disk codes (`docs/format.md`) and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum NumberType {
    /// Assigned to nobody.
    #[default]
    Unknown = 0,
    /// The caller pays more than for the call.
    PremiumRate = 1,
    /// The called party pays.
    TollFree = 2,
    /// Caller and called party share the cost.
    SharedCost = 3,
    /// Voice over IP, where the plan has ranges of its own for it.
    Voip = 4,
    /// A number for life, which the called party directs where he is.
    PersonalNumber = 5,
    /// A pager.
    Pager = 6,
    /// A universal access number: one number for a company's many offices.
    Uan = 7,
    /// Access to a voice mailbox.
    Voicemail = 8,
    /// A geographic number.
    FixedLine = 9,
    /// A mobile number.
    Mobile = 10,
    /// The plan cannot tell the two apart, as in North America.
    FixedLineOrMobile = 11,
}

impl NumberType {
    /// Every type, in the order of the discriminants.
    pub const ALL: [NumberType; 12] = [
        NumberType::Unknown,
        NumberType::PremiumRate,
        NumberType::TollFree,
        NumberType::SharedCost,
        NumberType::Voip,
        NumberType::PersonalNumber,
        NumberType::Pager,
        NumberType::Uan,
        NumberType::Voicemail,
        NumberType::FixedLine,
        NumberType::Mobile,
        NumberType::FixedLineOrMobile,
    ];

    /// The name in policies and answers: `premium_rate`, `unknown`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            NumberType::Unknown => "unknown",
            NumberType::PremiumRate => "premium_rate",
            NumberType::TollFree => "toll_free",
            NumberType::SharedCost => "shared_cost",
            NumberType::Voip => "voip",
            NumberType::PersonalNumber => "personal_number",
            NumberType::Pager => "pager",
            NumberType::Uan => "uan",
            NumberType::Voicemail => "voicemail",
            NumberType::FixedLine => "fixed_line",
            NumberType::Mobile => "mobile",
            NumberType::FixedLineOrMobile => "fixed_line_or_mobile",
        }
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A short name with its text inside: of a list, a profile or a policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    len: u8,
    bytes: [u8; MAX_NAME_LEN],
}

impl Name {
    /// No name.
    pub const EMPTY: Name = Name { len: 0, bytes: [0; MAX_NAME_LEN] };

    /// A name of at most [`MAX_NAME_LEN`] bytes; `None` where the text is longer.
    #[must_use]
    pub fn new(text: &str) -> Option<Name> {
        let mut name = Name::EMPTY;
        name.bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        name.len = text.len() as u8;
        Some(name)
    }

    /// A name that an index holds: as the compiler takes it, since it ends up in log lines and line protocols
    /// as it is, and whoever writes an index by hand could put a line's end into it.
    pub(crate) fn of_index(text: &str) -> Result<Name, &'static str> {
        if !Name::is_plain(text) {
            return Err("a name is empty, or has a character in it that nobody sees");
        }
        Name::new(text).ok_or("a name is too long")
    }

    /// Not empty, and without control characters and others that have no shape of their own: they hide text,
    /// turn it round, or end a line.
    pub(crate) fn is_plain(text: &str) -> bool {
        !text.trim().is_empty() && !text.chars().any(is_unseen)
    }

    /// The text and zero bytes behind it: a copy of known size.
    #[inline]
    #[must_use]
    pub fn padded(&self) -> &[u8; MAX_NAME_LEN] {
        &self.bytes
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text's bytes: nothing is checked again, as [`as_str`](Name::as_str) has to.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    /// True for [`Name::EMPTY`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Default for Name {
    fn default() -> Name {
        Name::EMPTY
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_keeps_forty_digits_and_refuses_the_rest() {
        assert_eq!(Number::from_digits(b"37126123456").unwrap().to_string(), "+37126123456");
        assert_eq!(Number::from_digits(&[b'1'; 60]).unwrap().len(), MAX_NUMBER_DIGITS);
        assert!(Number::from_digits(b"371x").is_none());
        assert_eq!(Number::EMPTY.to_string(), "");
    }

    /// However long the two are, what is written by the word is what is written by the byte.
    #[test]
    fn a_number_is_its_two_parts() {
        let digits = b"1234567890123456789012345678901234567890";
        for code in 0..=4 {
            for rest in 0..=40 {
                let (code, rest) = (&b"9876"[..code], &digits[..rest]);
                let mut number = Number::EMPTY;
                number.join(code, rest);
                let mut bytes = [code, rest].concat();
                bytes.truncate(MAX_NUMBER_DIGITS);
                assert_eq!(number.as_bytes(), bytes);
                assert!(number.padded()[bytes.len()..].iter().all(|&b| b == 0));
                let by_words = two_words(code, rest).map(|words| words.map(u64::to_le_bytes).concat());
                bytes.resize(16, 0);
                assert!(by_words.is_none_or(|words| words == bytes), "{code:?} {rest:?}");
            }
        }
        assert!(two_words(b"371", b"26123456").is_some() && two_words(b"", &digits[..16]).is_some());
        assert!(two_words(b"371", &digits[..14]).is_none() && two_words(b"1", &digits[..7]).is_none());
    }

    #[test]
    fn region_is_two_letters_or_the_world() {
        assert_eq!(Region::new("sk").unwrap().as_str(), "SK");
        assert_eq!(Region::new("001").unwrap(), Region::WORLD);
        for bad in ["", "S", "SVK", "1A", "002", "é"] {
            assert!(Region::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn type_codes_are_their_positions() {
        for (i, t) in NumberType::ALL.iter().enumerate() {
            assert_eq!(*t as usize, i);
        }
    }

    #[test]
    fn name_has_a_bound() {
        assert!(Name::new(&"x".repeat(MAX_NAME_LEN)).is_some());
        assert!(Name::new(&"x".repeat(MAX_NAME_LEN + 1)).is_none());
    }
    /// The C library copies whole arrays, and C reads them up to the first zero.
    #[test]
    fn behind_a_text_there_are_zeros() {
        let name = Name::new("partners").unwrap();
        assert_eq!(name.padded()[..8], *b"partners");
        assert!(name.padded()[8..].iter().all(|&b| b == 0));
        let number = Number::from_digits(b"37126123456").unwrap();
        assert_eq!(number.padded()[..11], *b"37126123456");
        assert!(number.padded()[11..].iter().all(|&b| b == 0));
        assert_eq!((*Region::NONE.padded(), *Region::new("sk").unwrap().padded()), ([0; 3], *b"SK\0"));
    }
}
