//! Whole numbers, up to hundreds of millions of them, found by four loads: head, segment, rank, code.
//!
//! # Why so
//!
//! The numbers of a list are spread over a space that is thousands of times as large. A transducer
//! shares the beginnings that numbers have in common, but the last digits have nothing in common and
//! cost it a state each, several bytes and a cache miss a digit. A hash table finds a number in one or
//! two misses and pays with nine bytes or more. What remains of a number when its beginning is known by
//! *where* it stands needs `log2(1/density)` bits and a little more, whatever the structure
//! (Elias 1974, Fano 1971). So this is a direct table over beginnings with Elias-Fano codes below,
//! cut into pieces of one to two cache lines each:
//!
//! ```text
//! +37126123456        head 37126 ──jump──▶ segment (eleven digits; tails 0 to 999999)
//!                     tail 123456 = bucket 1 · 2^(l+6) + cell 56 · 2^l + low 576       (l = 10)
//!                            ranks[bucket], ranks[bucket + 1] ──▶ 3 numbers, from bit 12345 on
//!  bits ──▶ | 64 cells: is there a number? | 3 bits: is it its cell's first? | 3 · l bits: low |
//! ```
//!
//! - A *segment* holds numbers of one length that share a head, the first `d` digits. What is behind
//!   the head, the tail, is a number below `10^(length - d)`.
//! - A segment's tails are cut into *buckets* of `64 · 2^l` tails, of which `l` is chosen so that one
//!   has about 66 numbers. `ranks` says how many numbers there are before each bucket; with that, where
//!   its bits begin needs no table, since every bucket takes 64 bits and every number `l + 1`.
//! - A bucket is 64 *cells* of `2^l` tails: a bit a cell says whether it is empty, which answers
//!   most questions about numbers that are not listed; then a bit a number that is set where a cell
//!   begins; then the last `l` bits of every tail.
//!
//! The position of a number, its rank, is its bucket's and its place there. Which lists it is in is a
//! set's id; where all numbers of a segment have the same one, as nearly always, it takes no room.
//!
//! At ten million numbers of twelve thousand heads this takes 13 bits a number, where the entropy is 11.7.
//!
//! # What is trusted
//!
//! [`WholeNumbers::check`] looks at segments, jump table and ranks when an index is opened. The codes are
//! not looked at: whatever their bits are, a look-up reads within its bucket and ends. `docs/format.md`
//! ("NUMW") has the bytes.

use crate::error::Error;
use crate::index::format::{Cursor, Sections, Trust};
use crate::number::Number;
use std::ops::Range;

/// The most digits of a number here: E.164's own bound. Longer entries live in `NUMP`.
pub(crate) const MAX_WHOLE_DIGITS: usize = 15;
/// The jump table's largest index, in digits.
pub(crate) const MAX_JUMP_DIGITS: u32 = 6;
/// Cells of a bucket, and so bits of its map.
pub(crate) const CELLS: u64 = 64;
/// The most low bits of a tail: a bucket is then larger than any tail.
pub(crate) const MAX_LOW_BITS: u32 = 44;
/// The most numbers of a bucket, which bounds the time of a look-up. The compiler's have some hundred.
pub(crate) const MOST_OF_A_BUCKET: u32 = 4096;
/// The bytes of a segment's head.
pub(crate) const SEGMENT_BYTES: usize = 40;
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

/// The inverses of the powers of five modulo 2^64: a multiple of 10^k is divided by it by a shift and a
/// product (Granlund and Montgomery 1994, "exact division").
const INVERSE_5: [u64; 17] = {
    let mut table = [1u64; 17];
    let mut i = 1;
    while i < 17 {
        // 5 · 0xcccccccccccccccd = 1 modulo 2^64.
        table[i] = table[i - 1].wrapping_mul(0xcccc_cccc_cccc_cccd);
        i += 1;
    }
    table
};

/// For a division of a number below 10^8 by 10^k: the high half of the product with this.
const RECIPROCAL: [u64; 9] = {
    let mut table = [u64::MAX; 9];
    let mut i = 1;
    while i < 9 {
        table[i] = u64::MAX / POW10[i] + 1;
        i += 1;
    }
    table
};

/// A whole number as a key: its digits left-aligned in fifteen decimal places, then its length in
/// four bits. Keys sort as the digit strings do, and a number stands right before those that begin
/// with it.
pub(crate) fn whole_key(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > MAX_WHOLE_DIGITS {
        return None;
    }
    let aligned = Aligned::of(digits);
    Some((aligned.value() / 10) << 4 | digits.len() as u64)
}

/// The digits of a key, for those that list them.
pub(crate) fn whole_digits(key: u64) -> String {
    let text = format!("{:015}", key >> 4);
    text.get(..(key & 15) as usize).unwrap_or_default().to_owned()
}

/// Up to sixteen digits, left-aligned, in two halves of eight.
#[derive(Clone, Copy)]
struct Aligned {
    high: u64,
    low: u64,
}

impl Aligned {
    /// Of at most sixteen ASCII digits.
    #[inline]
    fn of(digits: &[u8]) -> Aligned {
        let mut padded = [0; 16];
        match digits.len() {
            // The lengths of nearly all numbers: two loads that overlap in place of a loop.
            8..=16 => {
                let n = digits.len();
                let mut low = [0; 8];
                low.copy_from_slice(&digits[n - 8..]);
                padded[..8].copy_from_slice(&digits[..8]);
                // The last eight digits, moved to where the ninth belongs.
                let moved = u64::from_le_bytes(low) >> (8 * (16 - n)).min(63);
                let moved = if n == 8 { 0 } else { moved };
                padded[8..].copy_from_slice(&moved.to_le_bytes());
            }
            n => padded[..n.min(16)].copy_from_slice(&digits[..n.min(16)]),
        }
        Aligned::of_padded(&padded)
    }

    /// Of sixteen bytes: digits and then zero bytes, which count as the digit 0.
    #[inline]
    fn of_padded(padded: &[u8; 16]) -> Aligned {
        let half = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&padded[at..at + 8]);
            eight_digits(u64::from_le_bytes(bytes))
        };
        Aligned { high: half(0), low: half(8) }
    }

    #[inline]
    fn value(self) -> u64 {
        self.high * POW10[8] + self.low
    }
}

/// The value of eight ASCII digits (or zero bytes), the first one in the lowest byte: pairs, then fours,
/// then all.
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

impl Split {
    /// Of at most fifteen ASCII digits.
    #[inline]
    pub(crate) fn of(digits: &[u8], jump_digits: u32) -> Split {
        Split::of_aligned(Aligned::of(digits), digits.len(), jump_digits)
    }

    #[inline]
    fn of_aligned(aligned: Aligned, len: usize, jump_digits: u32) -> Split {
        let jump_digits = jump_digits.min(MAX_JUMP_DIGITS) as usize;
        let reciprocal = RECIPROCAL[8 - jump_digits];
        let head = ((u128::from(aligned.high) * u128::from(reciprocal)) >> 64) as u64;
        let behind = aligned.value() - head * POW10[16 - jump_digits];
        // Behind the number's last digit there are only zeros, so that this division leaves nothing.
        let spare = 16 - len.min(16);
        Split { head, tail: (behind >> spare).wrapping_mul(INVERSE_5[spare]) }
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
pub(crate) fn buckets(tails: u64, low_bits: u8) -> u64 {
    tails.div_ceil(CELLS << u32::from(low_bits).min(MAX_LOW_BITS))
}

/// A segment's head, as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first tail that it covers.
    pub(crate) start: u64,
    /// Where its codes begin, in bits.
    pub(crate) code_at: u64,
    /// Where its numbers' sets begin, in bits.
    pub(crate) set_at: u64,
    /// Its first number's rank.
    pub(crate) first_rank: u32,
    pub(crate) first_bucket: u32,
    /// The set of its numbers, or the least of their ids.
    pub(crate) first_set: u32,
    /// Of its numbers, in digits.
    pub(crate) len: u8,
    pub(crate) low_bits: u8,
    /// Bits of a number's set, which is added to `first_set`; 0 where all have the same.
    pub(crate) set_bits: u8,
}

impl Segment {
    #[inline]
    fn decode(raw: &[u8; SEGMENT_BYTES]) -> Segment {
        Segment {
            start: u64_at(raw, 0),
            code_at: u64_at(raw, 8),
            set_at: u64_at(raw, 16),
            first_rank: u32_at(raw, 24),
            first_bucket: u32_at(raw, 28),
            first_set: u32_at(raw, 32),
            len: raw[36],
            low_bits: raw[37],
            set_bits: raw[38],
        }
    }

    #[cfg(feature = "compile")]
    pub(crate) fn encode(&self) -> [u8; SEGMENT_BYTES] {
        let mut raw = [0; SEGMENT_BYTES];
        raw[..8].copy_from_slice(&self.start.to_le_bytes());
        raw[8..16].copy_from_slice(&self.code_at.to_le_bytes());
        raw[16..24].copy_from_slice(&self.set_at.to_le_bytes());
        raw[24..28].copy_from_slice(&self.first_rank.to_le_bytes());
        raw[28..32].copy_from_slice(&self.first_bucket.to_le_bytes());
        raw[32..36].copy_from_slice(&self.first_set.to_le_bytes());
        raw[36] = self.len;
        raw[37] = self.low_bits;
        raw[38] = self.set_bits;
        raw
    }

    /// Where the bits of its bucket begin before which there are `rank` numbers.
    #[inline]
    fn bits_of(&self, bucket: u64, rank: u32) -> u64 {
        let before = u64::from(rank.wrapping_sub(self.first_rank));
        // Wraps only where the head is not what `check` has seen; then nothing is found there.
        self.code_at.wrapping_add(before * (u64::from(self.low_bits) + 1)).wrapping_add(bucket * CELLS)
    }
}

/// Where a number would be, were it listed: a bucket that is not empty, and a tail in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Of the bucket's first bit.
    bits: u64,
    /// The rank of its first number, and of the one behind its last.
    first: u32,
    end: u32,
    low: u64,
    segment: u32,
    cell: u8,
    low_bits: u8,
}

/// The section `NUMW`, checked. Holds ranges, not bytes: the caller passes the index's bytes in.
#[derive(Debug)]
pub(crate) struct WholeNumbers {
    count: u32,
    jump_digits: u32,
    segments: Range<usize>,
    jump: Range<usize>,
    ranks: Range<usize>,
    codes: Range<usize>,
    sets: Range<usize>,
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 4) {
        Some(b) => u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        None => 0,
    }
}

#[inline]
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..at + 8) {
        Some(b) => u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
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

/// All 64 bits from `at` on.
#[inline]
fn word_at(bytes: &[u8], at: u64) -> u64 {
    let shift = at & 7;
    let low = bits_at(bytes, at);
    // What is missing begins a byte, eight further on.
    if shift == 0 { low } else { low | bits_at(bytes, at.wrapping_add(64 - shift)) << (64 - shift) }
}

/// The position of the set bit before which there are `n` others; 64 where there are not that many.
#[inline]
fn select(word: u64, n: u32) -> u32 {
    let mut word = word;
    let mut n = n;
    let mut at = 0;
    // Halves, quarters and so on: where the lower part has too few, go on in the upper one.
    for width in [32, 16, 8] {
        let below = (word & ((1 << width) - 1)).count_ones();
        if n >= below {
            n -= below;
            word >>= width;
            at += width;
        }
    }
    for _ in 0..n {
        word &= word.wrapping_sub(1);
    }
    if word == 0 { 64 } else { at + word.trailing_zeros() }
}

impl WholeNumbers {
    /// Reads and checks the section. Of a file that was checked before only what takes no time that grows
    /// with the numbers is looked at.
    pub(crate) fn check(bytes: &[u8], sections: &Sections, sets: u32, trust: Trust) -> Result<WholeNumbers, Error> {
        let section = sections.range("NUMW")?;
        let mut c = sections.cursor(bytes, "NUMW")?;
        let count = c.u64()?;
        let jump_digits = c.u32()?;
        let segment_count = c.u32()? as usize;
        let bucket_count = c.u32()? as usize;
        let reserved = c.u32()?;
        let (code_words, set_words) = (c.u64()?, c.u64()?);
        let count = u32::try_from(count).map_err(|_| c.corrupt(0, "more numbers than can be counted"))?;
        if jump_digits > MAX_JUMP_DIGITS {
            return Err(c.corrupt(8, "the jump table has too many digits"));
        }
        if reserved != 0 {
            return Err(c.corrupt(20, "a reserved field is not zero"));
        }
        let take = |c: &mut Cursor<'_>, n: u64, size: usize| -> Result<Range<usize>, Error> {
            let at = c.position();
            let len = usize::try_from(n).ok().and_then(|n| n.checked_mul(size));
            c.take(len.ok_or(c.corrupt(at, "the section is too short"))?)?;
            Ok(section.start + at..section.start + c.position())
        };
        let segments = take(&mut c, segment_count as u64, SEGMENT_BYTES)?;
        let jump = take(&mut c, POW10[jump_digits as usize] + 1, 4)?;
        let ranks = take(&mut c, bucket_count as u64 + 1, 4)?;
        let padding = c.take((8 - c.position() % 8) % 8)?;
        if padding.iter().any(|&b| b != 0) {
            return Err(c.corrupt(c.position() - padding.len(), "padding is not zero"));
        }
        let codes = take(&mut c, code_words, 8)?;
        let set_ids = take(&mut c, set_words, 8)?;
        c.finish()?;
        let numbers = WholeNumbers { count, jump_digits, segments, jump, ranks, codes, sets: set_ids };
        if trust == Trust::Nothing {
            let wrong = |at: usize, what| c.corrupt(at - section.start, what);
            numbers.check_tables(bytes, sets, &wrong)?;
        }
        Ok(numbers)
    }

    /// Every segment lies behind the one before it, has as many buckets and bits as it needs, and the
    /// jump table leads to it.
    fn check_tables(&self, bytes: &[u8], sets: u32, wrong: &dyn Fn(usize, &'static str) -> Error) -> Result<(), Error> {
        let ranks = &bytes[self.ranks.clone()];
        let mut last = 0;
        for (i, rank) in ranks.chunks_exact(4).map(|r| u32_at(r, 0)).enumerate() {
            if rank < last {
                return Err(wrong(self.ranks.start + i * 4, "the ranks are out of order"));
            }
            if rank - last > MOST_OF_A_BUCKET {
                return Err(wrong(self.ranks.start + i * 4, "a bucket has too many numbers"));
            }
            last = rank;
        }
        let rank = |bucket: usize| u32_at(ranks, bucket * 4);
        if rank(0) != 0 || last != self.count {
            return Err(wrong(self.ranks.start, "the ranks do not count the numbers"));
        }
        let segment_count = self.segments.len() / SEGMENT_BYTES;
        let bucket_count = self.ranks.len() / 4 - 1;
        let (mut code_at, mut set_at) = (0u64, 0u64);
        let mut before: Option<(u64, Segment)> = None;
        let mut slot = 0u64;
        for i in 0..segment_count {
            let at = self.segments.start + i * SEGMENT_BYTES;
            let Some(segment) = self.segment(bytes, i) else { return Err(wrong(at, "a segment is missing")) };
            let end_bucket = self.segment(bytes, i + 1).map_or(bucket_count, |next| next.first_bucket as usize);
            let own = end_bucket.checked_sub(segment.first_bucket as usize);
            let own = own.filter(|&own| own > 0 && end_bucket <= bucket_count);
            let own = own.ok_or_else(|| wrong(at + 28, "a segment has no buckets"))? as u64;
            let known = (1..=MAX_WHOLE_DIGITS).contains(&usize::from(segment.len))
                && u32::from(segment.low_bits) <= MAX_LOW_BITS
                && segment.set_bits <= 32;
            if !known || bytes.get(at + 39) != Some(&0) {
                return Err(wrong(at + 36, "a segment's fields are out of range"));
            }
            if i == 0 && segment.first_bucket != 0 || rank(segment.first_bucket as usize) != segment.first_rank {
                return Err(wrong(at + 24, "a segment's first rank is not its first bucket's"));
            }
            if segment.start >= tails(segment.len, self.jump_digits) {
                return Err(wrong(at, "a segment begins behind the last tail"));
            }
            if segment.code_at != code_at || segment.set_at != set_at {
                return Err(wrong(at + 8, "a segment's bits are out of place"));
            }
            let n = u64::from(rank(end_bucket) - segment.first_rank);
            code_at += n * (u64::from(segment.low_bits) + 1) + own * CELLS;
            set_at += n * u64::from(segment.set_bits);
            if segment.first_set >= sets {
                return Err(wrong(at + 32, "a segment's membership set does not exist"));
            }
            // The head of the first slot that leads here or further.
            let mut head = before.map_or(0, |(head, _)| head);
            while u64::from(self.jump_at(bytes, head + 1)) <= i as u64 {
                head += 1;
                if head >= POW10[self.jump_digits as usize] {
                    return Err(wrong(self.jump.start, "the jump table leads to no segment"));
                }
            }
            while slot <= head {
                if u64::from(self.jump_at(bytes, slot)) != i as u64 {
                    return Err(wrong(self.jump.start + slot as usize * 4, "the jump table is out of order"));
                }
                slot += 1;
            }
            if let Some((head_before, other)) = before
                && head_before == head
                && (other.len, other.start) >= (segment.len, segment.start)
            {
                return Err(wrong(at, "the segments are out of order"));
            }
            // Up to the next segment of the same numbers, or to the last tail.
            let has_next = u64::from(self.jump_at(bytes, head + 1)) > i as u64 + 1;
            let next = self.segment(bytes, i + 1).filter(|next| has_next && next.len == segment.len);
            let end = next.map_or(tails(segment.len, self.jump_digits), |next| next.start);
            if own != buckets(end.saturating_sub(segment.start), segment.low_bits) {
                return Err(wrong(at + 28, "a segment has not as many buckets as it needs"));
            }
            before = Some((head, segment));
        }
        while slot <= POW10[self.jump_digits as usize] {
            if self.jump_at(bytes, slot) as usize != segment_count {
                return Err(wrong(self.jump.start + slot as usize * 4, "the jump table is out of order"));
            }
            slot += 1;
        }
        if segment_count == 0 && bucket_count != 0 {
            return Err(wrong(self.ranks.start, "buckets that belong to no segment"));
        }
        let words = |bits: u64| bits.div_ceil(64);
        // One word more: what is read at a number's bit is a word.
        if words(code_at) + 1 != self.codes.len() as u64 / 8 || words(set_at) + 1 != self.sets.len() as u64 / 8 {
            return Err(wrong(self.codes.start, "the codes are not as long as the numbers need"));
        }
        Ok(())
    }

    /// How many numbers there are.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    #[inline]
    fn jump_at(&self, bytes: &[u8], slot: u64) -> u32 {
        bytes.get(self.jump.clone()).map_or(0, |jump| u32_at(jump, slot as usize * 4))
    }

    #[inline]
    fn segment(&self, bytes: &[u8], i: usize) -> Option<Segment> {
        let raw = bytes.get(self.segments.clone())?.get(i.checked_mul(SEGMENT_BYTES)?..)?.first_chunk()?;
        Some(Segment::decode(raw))
    }

    /// The segment of a number of this length with this head and tail.
    #[inline]
    fn segment_of(&self, bytes: &[u8], split: Split, len: u8) -> Option<(u32, Segment)> {
        let (from, to) = (self.jump_at(bytes, split.head), self.jump_at(bytes, split.head + 1));
        // Mostly one or none: one for each length that the head's numbers have, and more only where
        // there are millions of one length.
        let (mut low, mut high) = (from, to);
        while high.wrapping_sub(low) > 1 && low < high {
            #[cfg(test)]
            crate::steps::tick();
            let middle = low + (high - low) / 2;
            let segment = self.segment(bytes, middle as usize)?;
            if (segment.len, segment.start) <= (len, split.tail) { low = middle } else { high = middle }
        }
        if low >= high {
            return None;
        }
        let segment = self.segment(bytes, low as usize)?;
        (segment.len == len && segment.start <= split.tail).then_some((low, segment))
    }

    /// Where a number would be; none where it is certainly not listed. This reads the small tables only,
    /// so that several numbers' codes can be asked for before one is waited for.
    #[inline]
    pub(crate) fn place(&self, bytes: &[u8], number: &Number) -> Option<Place> {
        let len = number.as_bytes().len();
        if self.count == 0 || len == 0 || len > MAX_WHOLE_DIGITS {
            return None;
        }
        // Behind its digits a number has zero bytes, as wanted here.
        let aligned = Aligned::of_padded(number.padded().first_chunk()?);
        self.place_of(bytes, Split::of_aligned(aligned, len, self.jump_digits), len as u8)
    }

    #[inline]
    fn place_of(&self, bytes: &[u8], split: Split, len: u8) -> Option<Place> {
        let (id, segment) = self.segment_of(bytes, split, len)?;
        let within = split.tail.wrapping_sub(segment.start);
        let low_bits = segment.low_bits.min(MAX_LOW_BITS as u8);
        let cell = within >> low_bits;
        let bucket = cell / CELLS;
        let ranks = bytes.get(self.ranks.clone())?;
        let at = usize::try_from(bucket).ok()?.checked_add(segment.first_bucket as usize)?.checked_mul(4)?;
        let pair = ranks.get(at..)?.first_chunk::<8>()?;
        let (first, end) = (u32_at(pair, 0), u32_at(pair, 4));
        // No more than that in a file that was checked, and where it was not, time is bounded all the same.
        if first >= end || end - first > MOST_OF_A_BUCKET {
            return None;
        }
        Some(Place {
            bits: segment.bits_of(bucket, first),
            first,
            end,
            low: within & ((1 << low_bits) - 1),
            segment: id,
            cell: (cell % CELLS) as u8,
            low_bits,
        })
    }

    /// Brings what a look-up will read of a place into the cache: the bits of the cells, and of the lows
    /// about where the number's is if the cells are filled evenly.
    #[inline]
    pub(crate) fn touch(&self, bytes: &[u8], place: &Place) -> u64 {
        let Some(codes) = bytes.get(self.codes.clone()) else { return 0 };
        let n = u64::from(place.end.wrapping_sub(place.first));
        let low = n * u64::from(place.cell) / CELLS * u64::from(place.low_bits);
        bits_at(codes, place.bits) ^ bits_at(codes, place.bits.wrapping_add(CELLS + n + low))
    }

    /// The rank of the number of a place, if it is listed.
    #[inline]
    fn rank_at(&self, bytes: &[u8], place: &Place) -> Option<u32> {
        let codes = bytes.get(self.codes.clone())?;
        let cells = word_at(codes, place.bits);
        if cells >> place.cell & 1 == 0 {
            return None;
        }
        // How many cells before this one have numbers, and so how many beginnings to skip.
        let mut skip = (cells & ((1 << place.cell) - 1)).count_ones();
        let n = place.end - place.first;
        let starts_at = place.bits.wrapping_add(CELLS);
        let mut at = 0;
        let mut starts = word_at(codes, starts_at);
        loop {
            #[cfg(test)]
            crate::steps::tick();
            let here = starts.count_ones();
            if skip < here {
                break;
            }
            skip -= here;
            at += 64;
            if at >= n {
                return None;
            }
            starts = word_at(codes, starts_at.wrapping_add(u64::from(at)));
        }
        let mut low = at + select(starts, skip);
        // The numbers of the cell go up to the next beginning.
        let mut high = low + 1;
        while high < n {
            #[cfg(test)]
            crate::steps::tick();
            let next = word_at(codes, starts_at.wrapping_add(u64::from(high)));
            high += next.trailing_zeros();
            if next != 0 {
                break;
            }
        }
        let mut high = high.min(n);
        let lows_at = starts_at.wrapping_add(u64::from(n));
        let width = u64::from(place.low_bits);
        let mask = (1u64 << width) - 1;
        while low < high {
            #[cfg(test)]
            crate::steps::tick();
            let middle = low + (high - low) / 2;
            let found = bits_at(codes, lows_at.wrapping_add(u64::from(middle) * width)) & mask;
            match found.cmp(&place.low) {
                std::cmp::Ordering::Equal => return Some(place.first + middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The set of the number of a place, if it is listed.
    #[inline]
    pub(crate) fn set_at(&self, bytes: &[u8], place: &Place) -> Option<u32> {
        let rank = self.rank_at(bytes, place)?;
        Some(self.set_of(bytes, &self.segment(bytes, place.segment as usize)?, rank))
    }

    #[inline]
    fn set_of(&self, bytes: &[u8], segment: &Segment, rank: u32) -> u32 {
        if segment.set_bits == 0 {
            return segment.first_set;
        }
        let width = u64::from(segment.set_bits).min(32);
        let at = segment.set_at.wrapping_add(u64::from(rank.wrapping_sub(segment.first_rank)) * width);
        let sets = bytes.get(self.sets.clone()).unwrap_or_default();
        segment.first_set.wrapping_add((bits_at(sets, at) & ((1 << width) - 1)) as u32)
    }

    /// The set of a number, if it is listed.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8], digits: &[u8]) -> Option<u32> {
        if self.count == 0 || digits.is_empty() || digits.len() > MAX_WHOLE_DIGITS {
            return None;
        }
        let place = self.place_of(bytes, Split::of(digits, self.jump_digits), digits.len() as u8)?;
        self.set_at(bytes, &place)
    }

    /// Every number's key and set, by rank: not in the order of keys where a head has numbers of
    /// several lengths. For comparisons.
    pub(crate) fn each(&self, bytes: &[u8], mut f: impl FnMut(u64, u32)) {
        let segment_count = self.segments.len() / SEGMENT_BYTES;
        let bucket_count = self.ranks.len() / 4 - 1;
        let ranks = bytes.get(self.ranks.clone()).unwrap_or_default();
        let codes = bytes.get(self.codes.clone()).unwrap_or_default();
        let mut head = 0;
        for i in 0..segment_count {
            let Some(segment) = self.segment(bytes, i) else { return };
            while head < POW10[self.jump_digits as usize] && self.jump_at(bytes, head + 1) as usize <= i {
                head += 1;
            }
            let end = self.segment(bytes, i + 1).map_or(bucket_count, |next| next.first_bucket as usize);
            let low_bits = u32::from(segment.low_bits).min(MAX_LOW_BITS);
            for bucket in segment.first_bucket as usize..end.min(bucket_count) {
                let (first, end) = (u32_at(ranks, bucket * 4), u32_at(ranks, bucket * 4 + 4));
                let own = (bucket - segment.first_bucket as usize) as u64;
                let bits = segment.bits_of(own, first);
                let mut cells = word_at(codes, bits);
                let n = end.saturating_sub(first);
                for k in 0..n {
                    if k > 0 && bits_at(codes, bits.wrapping_add(CELLS + u64::from(k))) & 1 == 1 {
                        cells &= cells.wrapping_sub(1);
                    }
                    let cell = u64::from(cells.trailing_zeros().min(63));
                    let low_at = bits.wrapping_add(CELLS + u64::from(n) + u64::from(k) * u64::from(low_bits));
                    let low = bits_at(codes, low_at) & ((1 << low_bits) - 1);
                    let tail = (((own * CELLS + cell) << low_bits) | low).wrapping_add(segment.start);
                    let split = Split { head, tail };
                    f(split.key(segment.len, self.jump_digits), self.set_of(bytes, &segment, first + k));
                }
            }
        }
    }
}
