//! Whole numbers, up to hundreds of millions of them, found by four loads: head, segment, group, bucket.
//!
//! # Why so
//!
//! The numbers of a list are spread over a space that is thousands of times as large. A transducer
//! shares the beginnings that numbers have in common, but the last digits have nothing in common and
//! cost it a state each, several bytes and a cache miss a digit. A hash table finds a number in one or
//! two misses and pays with nine bytes or more. What remains of a number when its beginning is known by
//! *where* it stands needs `log2(1/density)` bits and a little more, whatever the structure
//! (Elias 1974, Fano 1971). So this is a direct table over beginnings, down to buckets of a line or two
//! of the cache; and what remains of the numbers of a bucket stands there as whole bytes, in order, since
//! a processor compares 64 bytes in a few instructions. Codes to the bit take a fifth less and were here
//! before; reading them took longer than the memory did (`docs/performance.md`).
//!
//! ```text
//! +37126123456     head 3712 ──jump──▶ segment (eleven digits; tails 0 to 9999999; shift 16)
//!                  tail 6123456 = bucket 93 · 2^16 + low 28608
//!                         group 11 ──▶ 583 numbers before it | 51 48 57 61 44 [53] 50 49
//!    tails ──▶ … | 53 lows of two bytes: 1201 2894 … 28608 … |
//! ```
//!
//! - A *segment* holds numbers of one length that share a head, the first `d` digits. What is behind
//!   the head, the tail, is a number below `10^(length - d)`.
//! - A segment's tails are cut into *buckets* of `2^shift` tails. Eight buckets are a *group*: how many
//!   numbers there are before it, and a byte for how many each bucket has.
//! - A bucket's numbers stand one behind the other, the last `shift` bits of each in one, two, four or eight
//!   bytes, the least one first.
//!
//! The position of a number, its rank, is its group's and its place from there. Which lists it is in is a
//! set's id; where all numbers of a segment have the same one, as nearly always, it takes no room.
//!
//! At ten million numbers of twelve thousand heads this takes 16.4 bits a number, where the entropy is 11.7.
//!
//! # What is trusted
//!
//! [`WholeNumbers::check`] looks at all of it but the sets when an index is opened: a number that is not where a look-up
//! expects it would be listed and never found. In a file that was checked before, and damaged since, anything may be
//! anywhere; a look-up still reads within the file and ends. `docs/format.md`
//! ("NUMW") has the bytes.

use crate::block::{BLOCK, equal_numbers};
use crate::error::Error;
use crate::index::format::{Cursor, Sections, Trust};
use crate::number::{MAX_NUMBER_DIGITS, Number};
use crate::prefetch::{prefetch, prefetch_value};
use std::hint::select_unpredictable;
use std::ops::Range;

/// The most digits of a number here: E.164's own bound. Longer entries live in `NUMP`.
pub(crate) const MAX_WHOLE_DIGITS: usize = 15;
/// The jump table's largest index, in digits.
pub(crate) const MAX_JUMP_DIGITS: u32 = 4;
/// The most bits of a tail that stand in a bucket: all, since 10^15 is less than 2^50.
pub(crate) const MAX_SHIFT: u32 = 50;
/// So many segments of a head are looked at one after the other.
const FEW_SEGMENTS: usize = 4;
const NOT_THE_LENGTHS: &str = "the lengths of the numbers are not those of the segments";
/// Buckets of a group.
pub(crate) const BUCKETS: u64 = 8;
/// The bytes of a group: a rank and a count for each bucket.
pub(crate) const GROUP_BYTES: usize = 4 + BUCKETS as usize;
/// The most numbers of a bucket: what its byte counts. It bounds the time of a look-up.
#[cfg(feature = "compile")]
pub(crate) const MOST_OF_A_BUCKET: usize = u8::MAX as usize;
/// The bytes of a segment's head.
pub(crate) const SEGMENT_BYTES: usize = 32;
/// The bytes before the segments.
#[cfg(feature = "compile")]
pub(crate) const HEAD_BYTES: usize = 40;

pub(crate) const POW10: [u64; 17] = {
    let mut table = [1; 17];
    let mut i = 1;
    while i < 17 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// A whole number as a key: its digits left-aligned in fifteen decimal places, then its length in
/// four bits. Keys sort as the digit strings do, and a number stands right before those that begin
/// with it.
pub(crate) fn whole_key(digits: &[u8]) -> Option<u64> {
    let n = digits.len();
    let value = Digits::of(digits)?.value();
    Some((value * POW10[MAX_WHOLE_DIGITS - n]) << 4 | n as u64)
}

/// The digits of a key, for those that list them.
pub(crate) fn whole_digits(key: u64) -> String {
    let text = format!("{:015}", key >> 4);
    text.get(..(key & 15) as usize).unwrap_or_default().to_owned()
}

/// One to fifteen ASCII digits: two words, the first digit in the lowest byte, with zero bytes behind
/// the last one.
#[derive(Clone, Copy)]
struct Digits {
    first: u64,
    second: u64,
    len: u32,
}

impl Digits {
    /// None where there are none, or too many.
    fn of(digits: &[u8]) -> Option<Digits> {
        let mut padded = [0; 16];
        padded.get_mut(..digits.len())?.copy_from_slice(digits);
        Digits::of_padded(&padded, digits.len())
    }

    /// Of sixteen bytes, `len` digits and then zero bytes.
    fn of_padded(padded: &[u8; 16], len: usize) -> Option<Digits> {
        let fits = (1..=MAX_WHOLE_DIGITS).contains(&len);
        fits.then(|| Digits { first: u64_at(padded, 0), second: u64_at(padded, 8), len: len as u32 })
    }

    /// The first `len` of them.
    #[inline]
    fn beginning(self, len: u32) -> Digits {
        let keep = |word: u64, digits: u32| if digits >= 8 { word } else { word & !(u64::MAX << (8 * digits)) };
        Digits { first: keep(self.first, len), second: keep(self.second, len.saturating_sub(8)), len }
    }

    #[inline]
    fn value(self) -> u64 {
        // Moved to where the last digit is the last of sixteen: zero bytes in front count as the digit 0.
        let bits = (u128::BITS - 8 * self.len) % u128::BITS;
        let moved = (u128::from(self.second) << 64 | u128::from(self.first)) << bits;
        eight_digits(moved as u64) * POW10[8] + eight_digits((moved >> 64) as u64)
    }
}

/// The value of eight ASCII digits (or zero bytes), the first one in the lowest byte: pairs, fours, all.
#[inline]
fn eight_digits(bytes: u64) -> u64 {
    let digits = bytes & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff
}

/// What a look-up needs of a number: its head and its tail under a jump table of some digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) head: u64,
    pub(crate) tail: u64,
}

/// How a number is cut into head and tail, where the head has some digits: without a division.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// What the first eight digits are divided by: `10^(8 - digits)`.
    divisor: u64,
    /// `2^64` by that, rounded up: exact for eight digits, as [`RECIPROCALS`] says.
    reciprocal: u64,
}

impl Cut {
    fn new(jump_digits: u32) -> Cut {
        let digits = 8 - jump_digits.min(MAX_JUMP_DIGITS) as usize;
        Cut { divisor: POW10[digits], reciprocal: RECIPROCALS[digits] }
    }
}

#[inline(always)]
fn high_word(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// `r = 2^64 / 10^n`, rounded up: the high word of `v * r` is `v / 10^n`, rounded down, for `v` of at most eight digits and
/// `n` of at most eight; and for `v` of at most sixteen digits of which the last `n` are zeros.
///
/// (`r` is `(2^64 + e) / 10^n` with `e < 10^n`, so that the quotient is too large by `v * e / 10^n / 2^64`. That changes
/// nothing below `1 / 10^n`, and of the latter below 1: `v * e` and `v * e / 10^n` are less than `10^16`.) That of `n = 0`
/// has no place in a word; it would be asked for by numbers of sixteen digits, of which there are none.
const RECIPROCALS: [u64; 16] = {
    let mut table = [0; 16];
    let mut i = 1;
    while i < 16 {
        table[i] = u64::MAX / POW10[i] + 1;
        i += 1;
    }
    table
};

impl Split {
    #[inline(always)]
    fn of(digits: Digits, cut: Cut) -> Split {
        // As if the number had sixteen digits, the missing ones being zeros at its end: so no digit moves.
        let [first, second] = [digits.first, digits.second].map(eight_digits);
        let head = high_word(first, cut.reciprocal);
        let padded_tail = (first - head * cut.divisor) * POW10[8] + second;
        let missing = MAX_WHOLE_DIGITS as u32 + 1 - digits.len;
        Split { head, tail: high_word(padded_tail, RECIPROCALS[missing as usize % RECIPROCALS.len()]) }
    }

    /// Of a key.
    #[cfg(feature = "compile")]
    pub(crate) fn of_key(key: u64, jump_digits: u32) -> Split {
        let (value, len) = (key >> 4, (key & 15) as usize);
        let head = value / POW10[MAX_WHOLE_DIGITS - jump_digits as usize];
        let behind = value - head * POW10[MAX_WHOLE_DIGITS - jump_digits as usize];
        Split { head, tail: behind / POW10[MAX_WHOLE_DIGITS - len] }
    }

    /// The key of a number of this length.
    pub(crate) fn key(self, len: u8, jump_digits: u32) -> u64 {
        let behind = self.tail.wrapping_mul(POW10[MAX_WHOLE_DIGITS - usize::from(len).min(MAX_WHOLE_DIGITS)]);
        let value = (self.head * POW10[MAX_WHOLE_DIGITS - jump_digits as usize]).wrapping_add(behind);
        value << 4 | u64::from(len)
    }
}

/// How many tails there are behind the head of a number of this length.
pub(crate) fn tails(len: u8, jump_digits: u32) -> u64 {
    POW10[usize::from(len).saturating_sub(jump_digits as usize).min(16)]
}

/// How many buckets cover so many tails.
pub(crate) fn buckets(tails: u64, shift: u8) -> u64 {
    tails.div_ceil(1 << u32::from(shift).min(MAX_SHIFT))
}

/// How many groups cover so many tails.
pub(crate) fn groups(tails: u64, shift: u8) -> u64 {
    buckets(tails, shift).div_ceil(BUCKETS)
}

/// A number takes `2^log_width` bytes in a bucket of `2^shift` tails: 1, 2, 4 or 8.
pub(crate) fn log_width(shift: u8) -> u8 {
    shift.div_ceil(8).next_power_of_two().trailing_zeros() as u8
}

/// A segment's head, as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// [`Segment::order`] of how many digits its numbers have and the first tail that it covers.
    pub(crate) order: u64,
    /// Where its first bucket begins, in bytes.
    pub(crate) tails_at: u64,
    /// Its first number's rank.
    pub(crate) first_rank: u32,
    pub(crate) first_group: u32,
    /// The set of its numbers; or, where `set_bits` is not 0, the word at which their sets begin: the least
    /// of their ids, and behind it bits that are added to it.
    pub(crate) set: u32,
    /// A bucket is `2^shift` tails.
    pub(crate) shift: u8,
    /// The bytes of a number in a bucket, by their logarithm: [`log_width`] of `shift`.
    pub(crate) log_width: u8,
    /// Bits of a number's set; 0 where all have the same.
    pub(crate) set_bits: u8,
}

impl Segment {
    /// What segments of a head are sorted by: a length and a tail.
    #[inline(always)]
    pub(crate) fn order(len: u8, tail: u64) -> u64 {
        u64::from(len) << 56 | tail
    }

    /// Of its numbers, in digits.
    pub(crate) fn len(&self) -> u8 {
        (self.order >> 56) as u8
    }

    /// The first tail that it covers.
    pub(crate) fn start(&self) -> u64 {
        self.order & (u64::MAX >> 8)
    }

    fn decode(raw: &[u8; SEGMENT_BYTES]) -> Segment {
        Segment {
            order: u64_at(raw, 0),
            tails_at: u64_at(raw, 8),
            first_rank: u32_at(raw, 16),
            first_group: u32_at(raw, 20),
            set: u32_at(raw, 24),
            shift: raw[28],
            log_width: raw[29],
            set_bits: raw[30],
        }
    }

    #[cfg(feature = "compile")]
    pub(crate) fn encode(&self) -> [u8; SEGMENT_BYTES] {
        let mut raw = [0; SEGMENT_BYTES];
        raw[..8].copy_from_slice(&self.order.to_le_bytes());
        raw[8..16].copy_from_slice(&self.tails_at.to_le_bytes());
        raw[16..20].copy_from_slice(&self.first_rank.to_le_bytes());
        raw[20..24].copy_from_slice(&self.first_group.to_le_bytes());
        raw[24..28].copy_from_slice(&self.set.to_le_bytes());
        raw[28] = self.shift;
        raw[29] = self.log_width;
        raw[30] = self.set_bits;
        raw
    }
}

/// Eight buckets.
#[derive(Clone, Copy)]
struct Group {
    rank: u32,
    /// A byte each, the first bucket's lowest.
    counts: u64,
}

impl Group {
    #[inline]
    fn decode(raw: &[u8; GROUP_BYTES]) -> Group {
        Group { rank: u32_at(raw, 0), counts: u64_at(raw, 4) }
    }

    /// How many numbers all have together.
    fn numbers(self) -> u32 {
        Group::sum(self.counts)
    }

    #[inline]
    fn at(bytes: &[u8], at: usize) -> Option<Group> {
        chunk_at(bytes, at).map(Group::decode)
    }

    /// How many numbers a bucket has, and the rank of its first one.
    #[inline]
    fn bucket(self, bucket: u8) -> (u8, u32) {
        let at = 8 * (u32::from(bucket) % BUCKETS as u32);
        let before = self.counts & !(u64::MAX << at);
        ((self.counts >> at) as u8, self.rank.wrapping_add(Group::sum(before)))
    }

    #[inline]
    fn sum(counts: u64) -> u32 {
        // Bytes to pairs of them, which hold what eight bytes come to.
        let pairs = (counts & 0x00ff_00ff_00ff_00ff) + (counts >> 8 & 0x00ff_00ff_00ff_00ff);
        (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as u32
    }
}

/// A number as it is looked for: its head, and [`Segment::order`] of its length and tail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    head: u32,
    order: u64,
}

impl Wanted {
    /// What is certainly not listed.
    pub(crate) const NOTHING: Wanted = Wanted { head: u32::MAX, order: 0 };
}

/// The group of a bucket where a number would be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seek {
    /// Where the group is, in the file.
    group: usize,
    /// What of the number stands in the bucket.
    low: u64,
    segment: u32,
    /// Which one of the group.
    bucket: u8,
}

impl Seek {
    /// Of a number that is certainly not listed.
    pub(crate) const NOWHERE: Seek = Seek { group: usize::MAX, low: 0, segment: 0, bucket: 0 };
}

/// Where a number would be, were it listed: a bucket, and what of the number stands in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Where in the file the block begins in which the number is looked for first.
    window: usize,
    low: u64,
    segment: u32,
    /// How many numbers the bucket has.
    count: u8,
    /// How many of them stand before that block.
    skipped: u8,
    log_width: u8,
}

impl Place {
    /// Of a number that is certainly not listed.
    pub(crate) const NOWHERE: Place = Place { window: 0, low: 0, segment: 0, count: 0, skipped: 0, log_width: 0 };

    /// Where the bucket begins, in the file.
    fn at(&self) -> usize {
        self.window.wrapping_sub(usize::from(self.skipped) << self.log_width)
    }

    /// Where the bucket ends.
    fn end(&self) -> usize {
        self.at().wrapping_add(self.bytes())
    }

    /// The bytes of the bucket.
    #[inline(always)]
    fn bytes(&self) -> usize {
        usize::from(self.count) << self.log_width
    }
}

/// The section `NUMW`, checked. The small tables are decoded; of the large ones it holds ranges, not bytes: the
/// caller passes the index's bytes in.
#[derive(Debug)]
pub(crate) struct WholeNumbers {
    count: u32,
    /// Bit n: there are numbers of n digits.
    lengths: u64,
    jump_digits: u32,
    cut: Cut,
    /// By head, and one more: the first of its segments.
    jump: Box<[u32]>,
    segments: Box<[Segment]>,
    groups: Range<usize>,
    tails: Range<usize>,
    sets: Range<usize>,
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..).and_then(|b| b.first_chunk()) {
        Some(b) => u32::from_le_bytes(*b),
        None => 0,
    }
}

#[inline]
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|b| b.first_chunk()) {
        Some(b) => u64::from_le_bytes(*b),
        None => 0,
    }
}

/// The bits from `at` on, 57 of them at least; zeros where there are none.
#[inline]
fn bits_at(bytes: &[u8], at: u64) -> u64 {
    // A position that no `usize` holds is behind the end as well.
    let byte = usize::try_from(at >> 3).unwrap_or(usize::MAX - 8);
    u64_at(bytes, byte) >> (at & 7)
}

/// The number at a place among those of `2^log_width` bytes.
fn low_at(lows: &[u8], i: usize, log_width: u8) -> u64 {
    let width = 1 << log_width.min(3);
    let unused = 8 * (8 - width);
    u64_at(lows, i * width) << unused >> unused
}

#[inline]
fn number_of<const WIDTH: usize>(own: &[u8; WIDTH]) -> u64 {
    own.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// A block of the file.
#[inline(always)]
fn block_at(bytes: &[u8], at: usize) -> Option<&[u8; BLOCK]> {
    #[cfg(test)]
    crate::steps::tick();
    chunk_at(bytes, at)
}

/// Some bytes of the file.
#[inline(always)]
fn chunk_at<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.first_chunk()
}

/// Difference, or 0: without a branch, also in a loop, where the compiler likes to make one. Half of the time it would be
/// guessed wrong.
#[inline(always)]
fn less(from: usize, by: usize) -> usize {
    let (difference, is_less) = from.overflowing_sub(by);
    select_unpredictable(is_less, 0, difference)
}

/// Bits for the first bytes of a block, at most for all.
#[inline(always)]
fn first_bytes(bytes: usize) -> u64 {
    // In two steps, since a word cannot be moved by 64 bits.
    let others = BLOCK - bytes.min(BLOCK);
    u64::MAX >> (others / 2) >> (others - others / 2)
}

/// The first and the last number of a block.
#[inline(always)]
fn ends(block: &[u8; BLOCK], log_width: u8) -> (u64, u64) {
    let unused = 64 - (8 << (log_width % 4));
    (u64_at(block, 0) << unused >> unused, u64_at(block, BLOCK - 8) >> unused)
}

/// How many numbers of its bucket stand before the number of a place, if it is there. Nearly always the one block is
/// looked at that was asked for, and nobody waits twice.
#[inline(always)]
fn position(bytes: &[u8], place: &Place) -> Option<usize> {
    let block = block_at(bytes, place.window)?;
    let own = equal_numbers(block, place.low, place.log_width) & first_bytes(place.end().wrapping_sub(place.window));
    if own != 0 {
        return Some(usize::from(place.skipped) + (own.trailing_zeros() as usize >> place.log_width));
    }
    // Neither is there a way out in between here: whether it is elsewhere can be guessed, each of these cannot.
    let (first, last) = ends(block, place.log_width);
    let is_before = (place.skipped > 0) & (place.low < first);
    let is_behind = (place.window.wrapping_add(BLOCK) < place.end()) & (place.low > last);
    if is_before | is_behind { position_elsewhere(bytes, place, is_before) } else { None }
}

/// As [`position`], where it is not in the first block: block by block, in the direction of the number. One way only, so
/// that what is in no order ends, too.
#[inline(never)]
fn position_elsewhere(bytes: &[u8], place: &Place, back: bool) -> Option<usize> {
    let (at, end) = (place.at(), place.end());
    let mut window = if back { place.window.checked_sub(BLOCK)? } else { place.window.wrapping_add(BLOCK) };
    loop {
        let block = block_at(bytes, window)?;
        // What is before the bucket is another one's, and so is what is behind it.
        let before = at.saturating_sub(window);
        let own = equal_numbers(block, place.low, place.log_width)
            & first_bytes(end.wrapping_sub(window))
            & !first_bytes(before);
        if own != 0 {
            return Some(window.wrapping_add(own.trailing_zeros() as usize).wrapping_sub(at) >> place.log_width);
        }
        let (first, last) = ends(block, place.log_width);
        let goes_on = if back {
            before == 0 && window > at && place.low < first
        } else {
            window.wrapping_add(BLOCK) < end && place.low > last
        };
        if !goes_on {
            return None;
        }
        window = if back { window.checked_sub(BLOCK)? } else { window.wrapping_add(BLOCK) };
    }
}

impl WholeNumbers {
    /// Reads and checks the section. Of a file that was checked before nothing is looked at but the small tables, which are
    /// decoded: a segment for some ten thousand numbers, or a million of them.
    pub(crate) fn check(bytes: &[u8], sections: &Sections, sets: u32, trust: Trust) -> Result<WholeNumbers, Error> {
        let section = sections.range("NUMW")?;
        let mut c = sections.cursor(bytes, "NUMW")?;
        let count = c.u64()?;
        let jump_digits = c.u32()?;
        let segment_count = c.u32()?;
        let group_count = c.u32()?;
        let lengths = c.u32()?;
        let (tail_bytes, set_words) = (c.u64()?, c.u64()?);
        let count = u32::try_from(count).map_err(|_| c.corrupt(0, "more numbers than can be counted"))?;
        if jump_digits > MAX_JUMP_DIGITS {
            return Err(c.corrupt(8, "the jump table has too many digits"));
        }
        let take = |c: &mut Cursor<'_>, n: u64, size: usize| -> Result<Range<usize>, Error> {
            let at = c.position();
            let len = usize::try_from(n).ok().and_then(|n| n.checked_mul(size));
            c.take(len.ok_or(c.corrupt(at, "the section is too short"))?)?;
            Ok(section.start + at..section.start + c.position())
        };
        let segments_at = take(&mut c, u64::from(segment_count), SEGMENT_BYTES)?;
        let jump_at = take(&mut c, POW10[jump_digits as usize] + 1, 4)?;
        let groups = take(&mut c, u64::from(group_count), GROUP_BYTES)?;
        let tails = take(&mut c, tail_bytes, 1)?;
        let padding = c.take((8 - c.position() % 8) % 8)?;
        if padding.iter().any(|&b| b != 0) {
            return Err(c.corrupt(c.position() - padding.len(), "padding is not zero"));
        }
        let set_ids = take(&mut c, set_words, 8)?;
        c.finish()?;
        let chunks = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        let numbers = WholeNumbers {
            count,
            // None that no number can have: of a damaged file, too, where this is not refused below.
            lengths: u64::from(lengths) & ((2 << MAX_WHOLE_DIGITS) - 2),
            jump_digits,
            cut: Cut::new(jump_digits),
            jump: chunks(&jump_at).as_chunks().0.iter().map(|slot| u32::from_le_bytes(*slot)).collect(),
            segments: chunks(&segments_at).as_chunks().0.iter().map(Segment::decode).collect(),
            groups,
            tails,
            sets: set_ids,
        };
        if trust == Trust::Nothing {
            let wrong = |at: usize, what| c.corrupt(at - section.start, what);
            if numbers.lengths != u64::from(lengths) {
                return Err(wrong(segments_at.start - 20, NOT_THE_LENGTHS));
            }
            numbers.check_tables(bytes, segments_at.start, jump_at.start, sets, &wrong)?;
        }
        Ok(numbers)
    }

    /// Every segment lies behind the one before it, has as many groups and bytes as it needs, and the
    /// jump table leads to it.
    fn check_tables(
        &self,
        bytes: &[u8],
        segments_at: usize,
        jump_at: usize,
        sets: u32,
        wrong: &dyn Fn(usize, &'static str) -> Error,
    ) -> Result<(), Error> {
        let segment_count = self.segments.len();
        let group_count = self.groups.len() / GROUP_BYTES;
        let (mut rank, mut tails_at, mut set_word, mut lengths) = (0u32, 0u64, 0u64, 0u64);
        let mut before: Option<(u64, Segment)> = None;
        let mut slot = 0u64;
        for (i, segment) in self.segments.iter().enumerate() {
            let at = segments_at + i * SEGMENT_BYTES;
            let known = (1..=MAX_WHOLE_DIGITS).contains(&usize::from(segment.len()))
                && u32::from(segment.shift) <= MAX_SHIFT
                && segment.log_width == log_width(segment.shift)
                && segment.set_bits <= 32;
            if !known || bytes.get(at + 31) != Some(&0) {
                return Err(wrong(at, "a segment's fields are out of range"));
            }
            if segment.start() >= tails(segment.len(), self.jump_digits) {
                return Err(wrong(at, "a segment begins behind the last tail"));
            }
            // The head of the first slot that leads here or further.
            let mut head = before.map_or(0, |(head, _)| head);
            while u64::from(self.jump_at(head + 1)) <= i as u64 {
                head += 1;
                if head >= POW10[self.jump_digits as usize] {
                    return Err(wrong(jump_at, "the jump table leads to no segment"));
                }
            }
            while slot <= head {
                if u64::from(self.jump_at(slot)) != i as u64 {
                    return Err(wrong(jump_at + slot as usize * 4, "the jump table is out of order"));
                }
                slot += 1;
            }
            if let Some((head_before, other)) = before
                && head_before == head
                && other.order >= segment.order
            {
                return Err(wrong(at, "the segments are out of order"));
            }
            // Its groups: as many as it needs up to the next segment of the same numbers, or to the last tail.
            let end_group = self.segments.get(i + 1).map_or(group_count, |next| next.first_group as usize);
            let has_next = u64::from(self.jump_at(head + 1)) > i as u64 + 1;
            let next = self.segments.get(i + 1).filter(|next| has_next && next.len() == segment.len());
            let end = next.map_or(tails(segment.len(), self.jump_digits), Segment::start);
            let span = end.saturating_sub(segment.start());
            let own = end_group.checked_sub(segment.first_group as usize).filter(|_| end_group <= group_count);
            if own.map(|own| own as u64) != Some(groups(span, segment.shift)) || i == 0 && segment.first_group != 0 {
                return Err(wrong(at + 20, "a segment has not as many groups as it needs"));
            }
            if segment.first_rank != rank {
                return Err(wrong(at + 16, "a segment's first rank is not the number of those before it"));
            }
            rank = self.check_groups(bytes, segment.first_group as usize..end_group, rank, wrong)?;
            // Behind the last tail nothing can be: it would be counted, but never found.
            let spare = (BUCKETS - buckets(span, segment.shift) % BUCKETS) % BUCKETS;
            let last = self.group(bytes, end_group.wrapping_sub(1)).map_or(0, |group| group.counts);
            if spare > 0 && last >> (64 - 8 * spare) != 0 {
                let at = self.groups.start + end_group * GROUP_BYTES - 1;
                return Err(wrong(at, "a bucket behind the last tail has numbers"));
            }
            if segment.tails_at != tails_at {
                return Err(wrong(at + 8, "a segment's numbers are out of place"));
            }
            let own = segment.first_group as usize..end_group;
            let in_order = match segment.log_width {
                0 => self.check_lows::<1>(bytes, segment, own, span),
                1 => self.check_lows::<2>(bytes, segment, own, span),
                2 => self.check_lows::<4>(bytes, segment, own, span),
                _ => self.check_lows::<8>(bytes, segment, own, span),
            };
            in_order.map_err(|at| wrong(at, "the numbers of a bucket are out of order, or behind its last tail"))?;
            let n = u64::from(rank - segment.first_rank);
            tails_at += n << segment.log_width;
            if segment.set_bits == 0 {
                if segment.set >= sets {
                    return Err(wrong(at + 24, "a segment's membership set does not exist"));
                }
            } else {
                if u64::from(segment.set) != set_word {
                    return Err(wrong(at + 24, "a segment's sets are out of place"));
                }
                set_word += 1 + (n * u64::from(segment.set_bits)).div_ceil(64);
            }
            lengths |= 1 << segment.len();
            before = Some((head, *segment));
        }
        while slot <= POW10[self.jump_digits as usize] {
            if self.jump_at(slot) as usize != segment_count {
                return Err(wrong(jump_at + slot as usize * 4, "the jump table is out of order"));
            }
            slot += 1;
        }
        if segment_count == 0 && group_count != 0 {
            return Err(wrong(self.groups.start, "groups that belong to no segment"));
        }
        if lengths != self.lengths {
            return Err(wrong(segments_at - 20, NOT_THE_LENGTHS));
        }
        if rank != self.count {
            return Err(wrong(self.groups.start, "the groups do not count the numbers"));
        }
        // What is compared at the last number is a block, and what is read at its set is a word.
        if tails_at + BLOCK as u64 != self.tails.len() as u64 {
            return Err(wrong(self.tails.start, "there are not as many bytes as the numbers take"));
        }
        if set_word + 1 != self.sets.len() as u64 / 8 {
            return Err(wrong(self.sets.start, "there are not as many sets as the numbers need"));
        }
        Ok(())
    }

    /// Whether each of these groups says how many numbers there are before it, of which `rank` are before
    /// the first; how many there are before what follows.
    fn check_groups(
        &self,
        bytes: &[u8],
        groups: Range<usize>,
        mut rank: u32,
        wrong: &dyn Fn(usize, &'static str) -> Error,
    ) -> Result<u32, Error> {
        for i in groups {
            let at = self.groups.start + i * GROUP_BYTES;
            let Some(group) = self.group(bytes, i) else { return Err(wrong(at, "a group is missing")) };
            if group.rank != rank {
                return Err(wrong(at, "a group's rank is not the number of those before it"));
            }
            rank = rank.checked_add(group.numbers()).ok_or_else(|| wrong(at, "more numbers than can be counted"))?;
        }
        Ok(rank)
    }

    /// Whether the numbers of each bucket of a segment that covers `span` tails ascend, and none is behind its last tail;
    /// else where the bucket is. One that is not where a look-up expects it would never be found, and its call go
    /// through.
    fn check_lows<const WIDTH: usize>(
        &self,
        bytes: &[u8],
        segment: &Segment,
        groups: Range<usize>,
        span: u64,
    ) -> Result<(), usize> {
        let mut at = self.tails.start.saturating_add(usize::try_from(segment.tails_at).unwrap_or(usize::MAX));
        let mut left = span;
        for i in groups {
            let counts = self.group(bytes, i).map_or(0, |group| group.counts).to_le_bytes();
            for count in counts {
                let tails = left.min(1 << segment.shift);
                left -= tails;
                let end = at.saturating_add(usize::from(count) * WIDTH);
                let (own, _) = bytes.get(at..end).ok_or(at)?.as_chunks::<WIDTH>();
                // Without a way out in between, so that it is done for several at once.
                let ascend = own.iter().zip(own.iter().skip(1));
                let ascend = ascend.fold(true, |all, (one, next)| all & (number_of(one) < number_of(next)));
                if !ascend || own.last().is_some_and(|last| number_of(last) >= tails) {
                    return Err(at);
                }
                at = end;
            }
        }
        Ok(())
    }

    /// How many numbers there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// How many segments the head with the most of them has.
    #[cfg(test)]
    pub(crate) fn most_segments_of_a_head(&self) -> usize {
        self.jump.windows(2).map(|slots| (slots[1] - slots[0]) as usize).max().unwrap_or(0)
    }

    /// Whether a look-up reads anything of a bucket for a number.
    #[cfg(test)]
    pub(crate) fn has_place(&self, bytes: &[u8], digits: &[u8]) -> bool {
        Digits::of(digits).and_then(|digits| self.place_of(bytes, digits)).is_some()
    }

    /// Whether any number has so many digits.
    #[inline]
    fn has_length(&self, digits: u32) -> bool {
        // A bit for each count that there can be: no other one's is looked at.
        const { assert!(MAX_NUMBER_DIGITS < u64::BITS as usize) };
        self.lengths >> (digits % u64::BITS) & 1 == 1
    }

    /// Past the end as the last slot, which is that of no head.
    fn jump_at(&self, slot: u64) -> u32 {
        usize::try_from(slot).ok().and_then(|slot| self.jump.get(slot)).or(self.jump.last()).copied().unwrap_or(0)
    }

    #[inline]
    fn group(&self, bytes: &[u8], i: usize) -> Option<Group> {
        Group::at(bytes, self.groups.start.wrapping_add(i.wrapping_mul(GROUP_BYTES)))
    }

    /// The last segment of a head that is not behind a number.
    #[inline(always)]
    fn segment_of(&self, wanted: Wanted) -> Option<u32> {
        let [from, to] = *self.jump.get(wanted.head as usize..)?.first_chunk()?;
        let own = self.segments.get(from as usize..to as usize)?;
        let last = own.last()?;
        // Mostly there is one or none: one for each length that the head's numbers have, and more only where they
        // are many, or lie unevenly.
        if last.order <= wanted.order { Some(to.wrapping_sub(1)) } else { segment_among(own, from, wanted) }
    }

    /// The steps of a look-up. None where the number is certainly not listed.
    ///
    /// Each reads one table, which the one before has said where to; so that what several numbers need can be asked for
    /// before it is waited for. First: what is to be looked for.
    #[inline(always)]
    pub(crate) fn wanted(&self, number: &Number) -> Wanted {
        // A word each, as `Number` wrote them: the processor passes on a store that is being written only to
        // a load of no more than it.
        let word = |at: usize| u64_at(number.padded(), at);
        self.wanted_of(Digits { first: word(0), second: word(8), len: number.len() as u32 })
    }

    #[inline(always)]
    fn wanted_of(&self, digits: Digits) -> Wanted {
        if !self.has_length(digits.len) {
            return Wanted::NOTHING;
        }
        let split = Split::of(digits, self.cut);
        Wanted { head: split.head as u32, order: Segment::order(digits.len as u8, split.tail) }
    }

    /// Asks for the segment, which may be in no cache that is near.
    #[inline(always)]
    pub(crate) fn ask_for_segment(&self, wanted: &Wanted) {
        // The head's last one, which is looked at first.
        let behind = self.jump.get((wanted.head as usize).wrapping_add(1)).copied().unwrap_or(0);
        if let Some(segment) = self.segments.get((behind as usize).wrapping_sub(1)) {
            prefetch_value(segment);
        }
    }

    /// Second: the group, by the small tables.
    #[inline(always)]
    pub(crate) fn seek(&self, wanted: &Wanted) -> Option<Seek> {
        let id = self.segment_of(*wanted)?;
        let segment = self.segments.get(id as usize)?;
        let own = segment.order;
        if (wanted.order ^ own) >> 56 != 0 {
            // A segment of another length.
            return None;
        }
        let within = wanted.order.wrapping_sub(own);
        // Of a file that was checked this is what it is anyhow; and nothing wraps. Of another one nothing
        // is found, or something that is not there.
        let shift = u32::from(segment.shift) % u64::BITS;
        let bucket = within >> shift;
        let group = (segment.first_group as usize).wrapping_add((bucket / BUCKETS) as usize);
        Some(Seek {
            group: self.groups.start.wrapping_add(group.wrapping_mul(GROUP_BYTES)),
            low: within & !(u64::MAX << shift),
            segment: id,
            bucket: (bucket % BUCKETS) as u8,
        })
    }

    /// Third: the place, by the group.
    #[inline(always)]
    pub(crate) fn place_at(&self, bytes: &[u8], seek: &Seek) -> Place {
        let (segment, group) = (self.segments.get(seek.segment as usize), Group::at(bytes, seek.group));
        let (Some(segment), Some(group)) = (segment, group) else { return Place::NOWHERE };
        let (shift, log_width) = (u32::from(segment.shift) % u64::BITS, segment.log_width % 4);
        let (count, first) = group.bucket(seek.bucket);
        let before = u64::from(first.wrapping_sub(segment.first_rank));
        let at = self.tails.start.wrapping_add(segment.tails_at.wrapping_add(before << log_width) as usize);
        // Where it should be were they spread evenly, in the middle of a block: hardly ever is it in another one.
        let (numbers, per_block) = (usize::from(count), BLOCK >> log_width);
        let even = (seek.low.wrapping_mul(numbers as u64) >> shift) as usize;
        let (past, most) = (less(even, per_block / 2), less(numbers, per_block));
        let skipped = select_unpredictable(past < most, past, most);
        let window = at.wrapping_add(skipped << log_width);
        Place { window, low: seek.low, segment: seek.segment, count, skipped: skipped as u8, log_width }
    }

    /// The second step, and asks for the group.
    #[inline(always)]
    pub(crate) fn seek_ahead(&self, bytes: &[u8], wanted: &Wanted) -> Seek {
        let seek = self.seek(wanted).unwrap_or(Seek::NOWHERE);
        prefetch(bytes, seek.group);
        seek
    }

    /// The third step, and asks for what is at the place. Without a way out where a bucket is empty, as many are: for
    /// numbers by the row nobody could guess which.
    #[inline(always)]
    pub(crate) fn place_ahead(&self, bytes: &[u8], seek: &Seek) -> Place {
        let place = self.place_at(bytes, seek);
        self.prefetch(bytes, &place);
        place
    }

    /// All three steps, and asks for what is at the place. A function of its own, since it needs all registers there are.
    #[inline(never)]
    pub(crate) fn ask_for(&self, bytes: &[u8], number: &Number) -> Option<Place> {
        let place = self.place(bytes, number)?;
        self.prefetch(bytes, &place);
        Some(place)
    }

    /// All three.
    #[inline(always)]
    pub(crate) fn place(&self, bytes: &[u8], number: &Number) -> Option<Place> {
        self.place_of_wanted(bytes, self.wanted(number))
    }

    fn place_of(&self, bytes: &[u8], digits: Digits) -> Option<Place> {
        self.place_of_wanted(bytes, self.wanted_of(digits))
    }

    #[inline(always)]
    fn place_of_wanted(&self, bytes: &[u8], wanted: Wanted) -> Option<Place> {
        let place = self.place_at(bytes, &self.seek(&wanted)?);
        (place.count > 0).then_some(place)
    }

    /// Asks for what a look-up will read of a place.
    #[inline(always)]
    pub(crate) fn prefetch(&self, bytes: &[u8], place: &Place) {
        prefetch(bytes, place.window);
        prefetch(bytes, place.window.wrapping_add(BLOCK - 1));
    }

    /// The set of the number of a place, if it is listed.
    #[inline(always)]
    pub(crate) fn set_at(&self, bytes: &[u8], place: &Place) -> Option<u32> {
        let position = position(bytes, place)?;
        Some(self.set_of_position(bytes, place, position))
    }

    #[inline(never)]
    fn set_of_position(&self, bytes: &[u8], place: &Place, position: usize) -> u32 {
        let Some(segment) = self.segments.get(place.segment as usize) else { return 0 };
        // The bucket's first number, and the segment's.
        let first =
            place.at().wrapping_sub(self.tails.start).wrapping_sub(segment.tails_at as usize) >> place.log_width;
        self.set_of(bytes, segment, segment.first_rank.wrapping_add(first.wrapping_add(position) as u32))
    }

    #[inline]
    fn set_of(&self, bytes: &[u8], segment: &Segment, rank: u32) -> u32 {
        if segment.set_bits == 0 {
            return segment.set;
        }
        let width = u64::from(segment.set_bits).min(32);
        let sets = bytes.get(self.sets.clone()).unwrap_or_default();
        let at = (u64::from(segment.set) + 1) * 64 + u64::from(rank.wrapping_sub(segment.first_rank)) * width;
        let least = bits_at(sets, u64::from(segment.set) * 64) as u32;
        least.wrapping_add((bits_at(sets, at) & ((1 << width) - 1)) as u32)
    }

    /// The set of a number, if it is listed.
    pub(crate) fn find(&self, bytes: &[u8], digits: &[u8]) -> Option<u32> {
        self.set_at(bytes, &self.place_of(bytes, Digits::of(digits)?)?)
    }

    /// The listed numbers that a number begins with, itself not among them, and their sets.
    pub(crate) fn beginnings(&self, bytes: &[u8], number: &Number, mut f: impl FnMut(usize, u32)) {
        let Some(first) = number.padded().first_chunk() else { return };
        let most = number.len().saturating_sub(1).min(MAX_WHOLE_DIGITS);
        // What is behind the fifteenth digit is cut off with the rest.
        let Some(digits) = Digits::of_padded(first, most) else { return };
        for len in (1..=digits.len).filter(|&len| self.has_length(len)) {
            let set = self.place_of(bytes, digits.beginning(len)).and_then(|place| self.set_at(bytes, &place));
            if let Some(set) = set {
                f(len as usize, set);
            }
        }
    }

    /// Every number's key and set, by rank: not in the order of keys where a head has numbers of
    /// several lengths. For comparisons.
    pub(crate) fn each(&self, bytes: &[u8], mut f: impl FnMut(u64, u32)) {
        let group_count = self.groups.len() / GROUP_BYTES;
        let mut head = 0;
        for (i, segment) in self.segments.iter().enumerate() {
            while head < POW10[self.jump_digits as usize] && self.jump_at(head + 1) as usize <= i {
                head += 1;
            }
            let end = self.segments.get(i + 1).map_or(group_count, |next| next.first_group as usize);
            let (mut at, mut rank) = (segment.tails_at, segment.first_rank);
            for group in segment.first_group as usize..end.min(group_count) {
                let Some(own) = self.group(bytes, group) else { return };
                for bucket in 0..BUCKETS {
                    let (count, _) = own.bucket(bucket as u8);
                    let lows = lows(bytes, &self.tails, at).unwrap_or_default();
                    let first = (group as u64 - u64::from(segment.first_group)) * BUCKETS + bucket;
                    let first = first.wrapping_shl(u32::from(segment.shift)).wrapping_add(segment.start());
                    for k in 0..usize::from(count) {
                        let split = Split { head, tail: first.wrapping_add(low_at(lows, k, segment.log_width)) };
                        let set = self.set_of(bytes, segment, rank.wrapping_add(k as u32));
                        f(split.key(segment.len(), self.jump_digits), set);
                    }
                    at = at.wrapping_add(u64::from(count) << segment.log_width.min(3));
                    rank = rank.wrapping_add(u32::from(count));
                }
            }
        }
    }
}

/// [`WholeNumbers::segment_of`] where it is not the last one of the head's, `own`, of which the first is `from`.
#[inline(never)]
fn segment_among(own: &[Segment], from: u32, wanted: Wanted) -> Option<u32> {
    if own.len() <= FEW_SEGMENTS {
        let at = own.iter().rposition(|segment| {
            #[cfg(test)]
            crate::steps::tick();
            segment.order <= wanted.order
        })?;
        return Some(from.wrapping_add(at as u32));
    }
    let behind = own.partition_point(|segment| {
        #[cfg(test)]
        crate::steps::tick();
        segment.order <= wanted.order
    });
    Some(from.wrapping_add(behind.checked_sub(1)? as u32))
}

/// The lows from a place among all on, and what is behind them.
#[inline]
fn lows<'b>(bytes: &'b [u8], tails: &Range<usize>, at: u64) -> Option<&'b [u8]> {
    bytes.get(tails.start.checked_add(usize::try_from(at).ok()?)?..)
}
