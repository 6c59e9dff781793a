//! Writes the section `NUMW`: whole numbers, in the structure that `src/numbers.rs` describes.
//!
//! Numbers come in the order of their keys, one by one, so that a list of hundreds of millions is never
//! in memory: what is kept are the codes, about a byte and a half a number, and the numbers of one head.

use crate::numbers::{
    CELLS, HEAD_BYTES, MAX_JUMP_DIGITS, MAX_LOW_BITS, MOST_OF_A_BUCKET, POW10, SEGMENT_BYTES, Segment, Split, buckets,
    tails,
};

/// Numbers of one head and length that become one segment. More become several, so that what waits to be
/// written stays small.
const MAX_SEGMENT: usize = 1 << 20;
/// A bucket of more numbers than this says that its segment is not evenly filled. One of an even spread
/// has about 66, and hardly ever twice as many.
const MANY: u64 = 256;
/// The bits of a bucket: its cells and its rank.
const BUCKET_BITS: u64 = CELLS + 32;
/// The bits of a segment's head.
const SEGMENT_BITS: u64 = SEGMENT_BYTES as u64 * 8;

/// A row of bits, the first one lowest in the first word.
#[derive(Default)]
struct Bits {
    words: Vec<u64>,
    len: u64,
}

impl Bits {
    /// Appends the `width` lowest bits of `value`, at most 64; the others must be zero.
    fn push(&mut self, value: u64, width: u32) {
        let used = (self.len % 64) as u32;
        self.len += u64::from(width);
        if width == 0 {
            return;
        }
        if used == 0 {
            self.words.push(value);
            return;
        }
        if let Some(last) = self.words.last_mut() {
            *last |= value << used;
        }
        if used + width > 64 {
            self.words.push(value >> (64 - used));
        }
    }

    fn append(&mut self, other: &Bits) {
        let mut left = other.len;
        for &word in &other.words {
            let width = left.min(64) as u32;
            self.push(word, width);
            left -= u64::from(width);
        }
    }

    /// The words and one more, since a reader reads a whole word at any bit.
    fn finish(mut self) -> Vec<u64> {
        self.words.push(0);
        self.words
    }
}

/// Numbers of one head and length that are still to be written.
#[derive(Default)]
struct Pending {
    /// The first tail that they cover.
    start: u64,
    tails: Vec<u64>,
    sets: Vec<u32>,
}

/// A segment whose place is not known yet.
struct Piece {
    /// Its places are within itself.
    segment: Segment,
    /// How many numbers there are before each of its buckets.
    ranks: Vec<u32>,
    numbers: u32,
    codes: Bits,
    sets: Bits,
}

/// Builds the section.
pub(crate) struct NumberWriter {
    jump_digits: u32,
    head: u64,
    pending: [Pending; 16],
    pieces: Vec<Piece>,
    /// The key before, and how many there were.
    last: u64,
    count: u64,
    /// How many are written.
    first_rank: u32,
    segments: Vec<u8>,
    segment_count: u32,
    jump: Vec<u32>,
    ranks: Vec<u32>,
    codes: Bits,
    sets: Bits,
}

impl NumberWriter {
    /// For about so many numbers: the more, the more digits has the jump table.
    pub(crate) fn new(about: u64) -> NumberWriter {
        let jump_digits = (0..MAX_JUMP_DIGITS).find(|&d| POW10[d as usize] * 256 >= about).unwrap_or(MAX_JUMP_DIGITS);
        NumberWriter {
            jump_digits,
            head: 0,
            pending: Default::default(),
            pieces: Vec::new(),
            last: 0,
            count: 0,
            first_rank: 0,
            segments: Vec::new(),
            segment_count: 0,
            jump: Vec::new(),
            ranks: Vec::new(),
            codes: Bits::default(),
            sets: Bits::default(),
        }
    }

    /// The next number: its key, greater than the one before, and its set.
    pub(crate) fn push(&mut self, key: u64, set: u32) {
        debug_assert!(key > self.last || self.count == 0);
        self.last = key;
        self.count += 1;
        if self.count > u64::from(u32::MAX) {
            return; // `finish` says so.
        }
        let split = Split::of_key(key, self.jump_digits);
        if split.head != self.head {
            self.end_head();
            self.head = split.head;
        }
        let len = (key & 15) as u8;
        let pending = &mut self.pending[usize::from(len)];
        if pending.tails.len() >= MAX_SEGMENT {
            let full = std::mem::take(pending);
            pending.start = split.tail;
            full.encode(len, split.tail, &mut self.pieces);
        }
        let pending = &mut self.pending[usize::from(len)];
        pending.tails.push(split.tail);
        pending.sets.push(set);
    }

    /// Writes what the head has.
    fn end_head(&mut self) {
        for (len, pending) in self.pending.iter_mut().enumerate().filter(|(_, pending)| !pending.tails.is_empty()) {
            let len = len as u8;
            pending.encode(len, tails(len, self.jump_digits), &mut self.pieces);
            pending.start = 0;
            pending.tails.clear();
            pending.sets.clear();
        }
        if self.pieces.is_empty() {
            return;
        }
        while self.jump.len() as u64 <= self.head {
            self.jump.push(self.segment_count);
        }
        self.pieces.sort_by_key(|piece| (piece.segment.len, piece.segment.start));
        for piece in self.pieces.drain(..) {
            let first_rank = self.first_rank;
            let segment = Segment {
                code_at: self.codes.len,
                set_at: self.sets.len,
                first_rank,
                first_bucket: self.ranks.len() as u32,
                ..piece.segment
            };
            self.segments.extend(segment.encode());
            self.segment_count += 1;
            self.ranks.extend(piece.ranks.iter().map(|rank| first_rank + rank));
            // There are no more than a `u32` counts: `push`.
            self.first_rank += piece.numbers;
            self.codes.append(&piece.codes);
            self.sets.append(&piece.sets);
        }
    }

    /// The section. `Err` is a count that the format cannot hold.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, usize> {
        self.end_head();
        let count = u32::try_from(self.count).map_err(|_| usize::try_from(self.count).unwrap_or(usize::MAX))?;
        while self.jump.len() as u64 <= POW10[self.jump_digits as usize] {
            self.jump.push(self.segment_count);
        }
        let bucket_count = u32::try_from(self.ranks.len()).map_err(|_| self.ranks.len())?;
        self.ranks.push(count);
        let (codes, sets) = (self.codes.finish(), self.sets.finish());
        let tables = HEAD_BYTES + self.segments.len() + (self.jump.len() + self.ranks.len()) * 4;
        let padded = tables.next_multiple_of(8);
        let mut out = Vec::with_capacity(padded + (codes.len() + sets.len()) * 8);
        out.extend(u64::from(count).to_le_bytes());
        out.extend(self.jump_digits.to_le_bytes());
        out.extend(self.segment_count.to_le_bytes());
        out.extend(bucket_count.to_le_bytes());
        out.extend([0; 4]);
        out.extend((codes.len() as u64).to_le_bytes());
        out.extend((sets.len() as u64).to_le_bytes());
        out.append(&mut self.segments);
        for table in [self.jump, self.ranks] {
            out.extend(table.iter().flat_map(|n| n.to_le_bytes()));
        }
        out.resize(padded, 0);
        for words in [codes, sets] {
            out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        Ok(out)
    }
}

impl Pending {
    /// The segments of these numbers, which cover the tails up to, not including, `end`.
    fn encode(&self, len: u8, end: u64, pieces: &mut Vec<Piece>) {
        let mut parts = Vec::new();
        divide(Part::new(&self.tails, self.start, end), &mut parts);
        let mut from = 0;
        for part in parts {
            let to = from + part.tails.len();
            pieces.push(part.encode(len, &self.sets[from..to]));
            from = to;
        }
    }
}

/// A row of tails that may become a segment.
#[derive(Clone, Copy)]
struct Part<'t> {
    tails: &'t [u64],
    start: u64,
    end: u64,
    low_bits: u8,
    /// What it takes, in bits; more than that, where buckets are too full.
    cost: u128,
    even: bool,
}

/// Cuts a part where its numbers do not lie evenly, as those of a list of few area codes do: what is
/// nearly empty and what is nearly full want other codes. Numbers are given out by decimal digits, so
/// that is where it is cut; and put together again where that takes less.
fn divide<'t>(part: Part<'t>, out: &mut Vec<Part<'t>>) {
    let width = POW10.iter().rev().copied().find(|&power| power < part.end - part.start).unwrap_or(1);
    if part.even || part.end - part.start < 2 {
        out.push(part);
        return;
    }
    let first = out.len();
    let (mut rest, mut start) = (part.tails, part.start);
    while start < part.end {
        let end = ((start / width + 1) * width).min(part.end);
        let (own, others) = rest.split_at(rest.partition_point(|&tail| tail < end));
        divide(Part::new(own, start, end), out);
        (rest, start) = (others, end);
    }
    // Neighbours that are cheaper as one, from the left.
    let mut kept = first;
    for at in first..out.len() {
        let next = out[at];
        if kept > first {
            let before = out[kept - 1];
            let numbers = before.tails.len() + next.tails.len();
            let at = part.tails.partition_point(|&tail| tail < before.start);
            let both = Part::new(&part.tails[at..at + numbers], before.start, next.end);
            if both.cost <= before.cost + next.cost {
                out[kept - 1] = both;
                continue;
            }
        }
        out[kept] = next;
        kept += 1;
    }
    out.truncate(kept);
    if out[first..].iter().map(|part| part.cost).sum::<u128>() >= part.cost {
        out.truncate(first);
        out.push(part);
    }
}

impl<'t> Part<'t> {
    /// With the number of low bits that makes it smallest.
    fn new(tails: &'t [u64], start: u64, end: u64) -> Part<'t> {
        let size = |bits: u8| {
            let codes = u128::from(tails.len() as u64) * (u128::from(bits) + 1);
            codes + u128::from(buckets(end - start, bits)) * u128::from(BUCKET_BITS)
        };
        let low_bits = (0..=MAX_LOW_BITS as u8).min_by_key(|&bits| size(bits)).unwrap_or(0);
        let bucket = |tail: u64| (tail - start) >> (u32::from(low_bits) + CELLS.ilog2());
        let fullest = tails.chunk_by(|&a, &b| bucket(a) == bucket(b)).map(|own| own.len() as u64).max().unwrap_or(0);
        let many = fullest.saturating_sub(MANY);
        // A step for every 64 numbers of a bucket is worth some room, and more than a reader looks at any.
        // It can always be had: a bucket without low bits has no more numbers than cells.
        let too_many = u128::from(fullest > u64::from(MOST_OF_A_BUCKET)) << 100;
        let cost = size(low_bits) + u128::from(SEGMENT_BITS + many * CELLS) + too_many;
        Part { tails, start, end, low_bits, cost, even: many == 0 }
    }

    fn encode(&self, len: u8, sets: &[u32]) -> Piece {
        let (low_bits, start) = (self.low_bits, self.start);
        let first_set = sets.iter().copied().min().unwrap_or(0);
        let spread = sets.iter().copied().max().unwrap_or(0) - first_set;
        let set_bits = u32::BITS - spread.leading_zeros();
        let bucket_count = buckets(self.end - start, low_bits);
        let mut piece = Piece {
            segment: Segment {
                start,
                code_at: 0,
                set_at: 0,
                first_rank: 0,
                first_bucket: 0,
                first_set,
                len,
                low_bits,
                set_bits: set_bits as u8,
            },
            ranks: Vec::with_capacity(usize::try_from(bucket_count).unwrap_or(0)),
            numbers: self.tails.len() as u32,
            codes: Bits::default(),
            sets: Bits::default(),
        };
        let mut rest = self.tails;
        for bucket in 0..bucket_count {
            piece.ranks.push((self.tails.len() - rest.len()) as u32);
            let own =
                rest.iter().take_while(|&&tail| (tail - start) >> (u32::from(low_bits) + CELLS.ilog2()) == bucket);
            let (own, others) = rest.split_at(own.count());
            debug_assert!(own.len() <= MOST_OF_A_BUCKET as usize);
            rest = others;
            let cell = |tail: &u64| ((tail - start) >> low_bits) % CELLS;
            piece.codes.push(own.iter().fold(0, |cells, tail| cells | 1 << cell(tail)), CELLS as u32);
            let mut before = None;
            for tail in own {
                let begins = before != Some(cell(tail));
                before = Some(cell(tail));
                piece.codes.push(u64::from(begins), 1);
            }
            let mask = (1u64 << low_bits) - 1;
            for tail in own {
                piece.codes.push((tail - start) & mask, u32::from(low_bits));
            }
        }
        if set_bits > 0 {
            for set in sets {
                piece.sets.push(u64::from(set - first_set), set_bits);
            }
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::format::{Container, Kind, Sections, Trust};
    use crate::numbers::{WholeNumbers, whole_digits, whole_key};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A small generator, so that a failure can be repeated.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 20) % n
        }
    }

    struct Built {
        file: Vec<u8>,
        numbers: WholeNumbers,
    }

    fn build(keys: &BTreeMap<u64, u32>) -> Built {
        let mut writer = NumberWriter::new(keys.len() as u64);
        for (&key, &set) in keys {
            writer.push(key, set);
        }
        let mut container = Container::new(Kind::Index);
        container.add("NUMW", writer.finish().unwrap());
        let file = container.finish();
        let sections = Sections::parse(&file, Kind::Index).unwrap();
        let numbers = WholeNumbers::check(&file, &sections, u32::MAX, Trust::Nothing).unwrap_or_else(|e| panic!("{e}"));
        Built { file, numbers }
    }

    /// Everything that was put in is found with its set, nothing beside it is, and all of it is listed.
    fn holds(keys: &BTreeMap<u64, u32>, probes: impl Iterator<Item = String>) {
        let built = build(keys);
        assert_eq!(u64::from(built.numbers.len()), keys.len() as u64);
        for (&key, &set) in keys {
            let digits = whole_digits(key);
            assert_eq!(built.numbers.find(&built.file, digits.as_bytes()), Some(set), "{digits}");
        }
        for digits in probes {
            let expected = whole_key(digits.as_bytes()).and_then(|key| keys.get(&key)).copied();
            assert_eq!(built.numbers.find(&built.file, digits.as_bytes()), expected, "{digits}");
        }
        let mut listed = BTreeMap::new();
        built.numbers.each(&built.file, |key, set| assert!(listed.insert(key, set).is_none()));
        assert!(listed == *keys);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Against a map: numbers of all lengths, spread wide and close together.
        #[test]
        fn a_map_says_the_same(
            wide in proptest::collection::vec(("[0-9]{1,15}", 0u32..5), 0..200),
            close in proptest::collection::vec((0u64..3000, 0u32..2), 0..600),
            probes in proptest::collection::vec("[0-9]{0,17}", 0..50),
        ) {
            let mut keys = BTreeMap::new();
            for (digits, set) in wide {
                keys.insert(whole_key(digits.as_bytes()).unwrap(), set);
            }
            for (n, set) in close {
                keys.insert(whole_key(format!("4930{n:07}").as_bytes()).unwrap(), set);
                keys.insert(whole_key(format!("4930{n:06}").as_bytes()).unwrap(), set);
            }
            let near = (0u64..3100).map(|n| format!("4930{n:07}"));
            holds(&keys, near.chain(probes));
        }
    }

    /// Every kind of spread that a list can have: dense, sparse, a dense block in a sparse head, one number.
    #[test]
    fn every_density() {
        let mut random = Random(5);
        let number = |n: u64| whole_key(format!("1212{n:07}").as_bytes()).unwrap();
        for one_in in [1, 2, 3, 7, 40, 1000, 100_000, 10_000_000] {
            let keys: BTreeMap<u64, u32> = (0..10_000_000 / one_in.max(100))
                .map(|_| (number(random.below(10_000_000.min(one_in * 100_000))), 3))
                .collect();
            let probes: Vec<String> = (0..20_000).map(|_| format!("1212{:07}", random.below(10_000_000))).collect();
            holds(&keys, probes.into_iter());
        }
        let mut mixed: BTreeMap<u64, u32> = (0..20_000).map(|n| (number(5_000_000 + n), (n % 3) as u32)).collect();
        mixed.extend((0..500).map(|_| (number(random.below(10_000_000)), 9)));
        holds(&mixed, (4_999_000..5_021_000u64).map(|n| format!("1212{n:07}")));
        holds(&BTreeMap::from([(whole_key(b"999999999999999").unwrap(), 1)]), std::iter::empty());
        holds(&BTreeMap::new(), ["1".into(), "421905123456".into()].into_iter());
    }

    /// More numbers of one head than are one segment, with another length between them.
    #[test]
    fn a_head_of_several_segments() {
        let mut writer = NumberWriter::new(0);
        let keys =
            (0..MAX_SEGMENT as u64 * 2 + 10).map(|n| (n, whole_key(format!("88{:09}", n * 3).as_bytes()).unwrap()));
        let mut last = None;
        for (n, key) in keys.clone() {
            writer.push(key, (n % 2) as u32);
            last = Some(key);
            if n % 100_000 == 0 {
                // Begins with the same digits and so comes behind it.
                writer.push(key + 1 + (5 << 4), 2);
            }
        }
        assert!(last.is_some());
        let mut container = Container::new(Kind::Index);
        container.add("NUMW", writer.finish().unwrap());
        let file = container.finish();
        let sections = Sections::parse(&file, Kind::Index).unwrap();
        let numbers = WholeNumbers::check(&file, &sections, 3, Trust::Nothing).unwrap();
        for (n, key) in keys.filter(|(n, _)| n % 997 == 0 || n % (MAX_SEGMENT as u64) < 3) {
            assert_eq!(numbers.find(&file, whole_digits(key).as_bytes()), Some((n % 2) as u32));
            // The next number: eleven digits of fifteen.
            assert_eq!(numbers.find(&file, whole_digits(key + (10_000 << 4)).as_bytes()), None);
        }
        let mut count = 0;
        numbers.each(&file, |_, _| count += 1);
        assert_eq!(count, numbers.len());
    }

    /// A table that was damaged is refused or answers; the codes may be anything.
    #[test]
    fn damaged_tables_do_no_harm() {
        let mut random = Random(3);
        let keys: BTreeMap<u64, u32> = (0..3000)
            .map(|n| (whole_key(format!("42190{:07}", random.below(10_000_000)).as_bytes()).unwrap(), n % 7))
            .collect();
        let built = build(&keys);
        let digits: Vec<String> = keys.keys().map(|&key| whole_digits(key)).collect();
        let (mut opened, mut refused) = (0, 0);
        for round in 0..3000 {
            let mut writer = built.file[24 + 24..built.file.len() - 16].to_vec();
            let end = if round % 2 == 0 { 600 } else { writer.len() as u64 };
            for _ in 0..=random.below(3) {
                let at = random.below(end) as usize;
                writer[at] = if random.below(2) == 0 { random.below(256) as u8 } else { 0xff };
            }
            let mut container = Container::new(Kind::Index);
            container.add("NUMW", writer);
            let file = container.finish();
            let sections = Sections::parse(&file, Kind::Index).unwrap();
            // Also without the checks, as a file is opened that was checked before.
            for trust in [Trust::Nothing, Trust::Checked] {
                match WholeNumbers::check(&file, &sections, 7, trust) {
                    Ok(numbers) => {
                        opened += 1;
                        for digits in digits.iter().step_by(7) {
                            let _ = numbers.find(&file, digits.as_bytes());
                        }
                        if trust == Trust::Nothing {
                            numbers.each(&file, |_, _| {});
                        }
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(opened > 1000 && refused > 500, "{opened} {refused}");
    }

    /// Found in review: a bucket of nearly 2^32 numbers made the places in it wrap round, so that a look-up
    /// went on for ever; and one of many took as many steps. Such a file is refused, and where it is not
    /// checked nothing is found in such a bucket.
    #[test]
    fn a_bucket_of_too_many_numbers() {
        for (n, refused) in [(4096u32, false), (4097, true), (u32::MAX, true)] {
            let mut section = Vec::new();
            let words = (u64::from(n.min(10_000)) * 12 + 64).div_ceil(64) + 1;
            section.extend(u64::from(n).to_le_bytes());
            for field in [0u32, 1, 1, 0] {
                section.extend(field.to_le_bytes());
            }
            section.extend(words.to_le_bytes());
            section.extend(1u64.to_le_bytes());
            // Five digits: one bucket of 2^17 tails.
            let segment = Segment {
                start: 0,
                code_at: 0,
                set_at: 0,
                first_rank: 0,
                first_bucket: 0,
                first_set: 1,
                len: 5,
                low_bits: 11,
                set_bits: 0,
            };
            section.extend(segment.encode());
            for field in [0, 1, 0, n] {
                section.extend(field.to_le_bytes());
            }
            // All cells are said to be filled, and no number to be the first of one but the last.
            section.extend(u64::MAX.to_le_bytes());
            section.extend(vec![0; words as usize * 8]);
            let mut container = Container::new(Kind::Index);
            container.add("NUMW", section);
            let file = container.finish();
            let sections = Sections::parse(&file, Kind::Index).unwrap();
            let checked = WholeNumbers::check(&file, &sections, 2, Trust::Nothing);
            assert_eq!(checked.is_err(), refused, "{n}: {checked:?}");
            let numbers = WholeNumbers::check(&file, &sections, 2, Trust::Checked).unwrap();
            let steps = crate::steps::count(|| assert_eq!(numbers.find(&file, b"99999"), None));
            assert!(steps <= 4096 / 64 * 2 + 13, "{n}: {steps}");
        }
    }
}
