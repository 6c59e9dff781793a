//! Writes the section `NUMW`: whole numbers, in the structure that `src/numbers.rs` describes.
//!
//! Numbers come in the order of their keys, one by one, so that a list of hundreds of millions is never
//! in memory: what is kept is a byte or two of each, and the numbers of one head.

use crate::block::BLOCK;
use crate::numbers::{
    BUCKETS, GROUP_BYTES, HEAD_BYTES, MAX_JUMP_DIGITS, MAX_SHIFT, MOST_OF_A_BUCKET, POW10, SEGMENT_BYTES, Segment,
    Split, groups, log_width, tails,
};

/// Numbers of one head and length that become one segment. More become several, so that what waits to be
/// written stays small.
const MAX_SEGMENT: usize = 1 << 20;
/// What a segment counts for when it is weighed whether to cut one in two, in bytes: its head, and the
/// steps of a search among more of them.
const SEGMENT_COST: u64 = 4 * SEGMENT_BYTES as u64;
/// Of a larger bucket the processor has to fetch more than it can at once.
const MOST_BYTES: usize = 4 * BLOCK;

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
    /// Its places are within itself; its set is that of all, or the least.
    segment: Segment,
    /// How many numbers each of its buckets has: whole groups of them.
    counts: Vec<u8>,
    numbers: u32,
    lows: Vec<u8>,
    /// What is added to its set, in bits.
    sets: Vec<u64>,
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
    rank: u32,
    /// Bit n: there are numbers of n digits.
    lengths: u32,
    segments: Vec<u8>,
    segment_count: u32,
    jump: Vec<u32>,
    groups: Vec<u8>,
    lows: Vec<u8>,
    sets: Vec<u64>,
}

impl NumberWriter {
    /// For about so many numbers: the more, the more digits has the jump table. It is to stay in the
    /// nearest cache.
    pub(crate) fn new(about: u64) -> NumberWriter {
        let jump_digits = match about {
            0..256 => 0,
            256..1_000_000 => 3,
            _ => 4,
        };
        debug_assert!(jump_digits <= MAX_JUMP_DIGITS);
        NumberWriter {
            jump_digits,
            head: 0,
            pending: Default::default(),
            pieces: Vec::new(),
            last: 0,
            count: 0,
            rank: 0,
            lengths: 0,
            segments: Vec::new(),
            segment_count: 0,
            jump: Vec::new(),
            groups: Vec::new(),
            lows: Vec::new(),
            sets: Vec::new(),
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
        self.pieces.sort_by_key(|piece| piece.segment.order);
        for piece in self.pieces.drain(..) {
            let mut segment = Segment {
                tails_at: self.lows.len() as u64,
                first_rank: self.rank,
                first_group: (self.groups.len() / GROUP_BYTES) as u32,
                ..piece.segment
            };
            if segment.set_bits > 0 {
                // Of no more words than there are numbers.
                segment.set = self.sets.len() as u32;
                self.sets.push(u64::from(piece.segment.set));
                self.sets.extend(&piece.sets);
            }
            self.segments.extend(segment.encode());
            self.segment_count += 1;
            self.lengths |= 1 << segment.len();
            let mut rank = self.rank;
            for counts in piece.counts.chunks(BUCKETS as usize) {
                self.groups.extend(rank.to_le_bytes());
                self.groups.extend(counts);
                rank += counts.iter().map(|&count| u32::from(count)).sum::<u32>();
            }
            // There are no more than a `u32` counts: `push`.
            self.rank += piece.numbers;
            self.lows.extend(&piece.lows);
        }
    }

    /// The section. `Err` is a count that the format cannot hold.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, usize> {
        self.end_head();
        let count = u32::try_from(self.count).map_err(|_| usize::try_from(self.count).unwrap_or(usize::MAX))?;
        while self.jump.len() as u64 <= POW10[self.jump_digits as usize] {
            self.jump.push(self.segment_count);
        }
        let groups = self.groups.len() / GROUP_BYTES;
        let group_count = u32::try_from(groups).map_err(|_| groups)?;
        self.lows.extend([0; BLOCK]);
        self.sets.push(0);
        let tables = HEAD_BYTES + self.segments.len() + self.jump.len() * 4 + self.groups.len() + self.lows.len();
        let padded = tables.next_multiple_of(8);
        let mut out = Vec::with_capacity(padded + self.sets.len() * 8);
        out.extend(u64::from(count).to_le_bytes());
        out.extend(self.jump_digits.to_le_bytes());
        out.extend(self.segment_count.to_le_bytes());
        out.extend(group_count.to_le_bytes());
        out.extend(self.lengths.to_le_bytes());
        out.extend((self.lows.len() as u64).to_le_bytes());
        out.extend((self.sets.len() as u64).to_le_bytes());
        out.append(&mut self.segments);
        out.extend(self.jump.iter().flat_map(|n| n.to_le_bytes()));
        out.append(&mut self.groups);
        out.append(&mut self.lows);
        out.resize(padded, 0);
        out.extend(self.sets.iter().flat_map(|word| word.to_le_bytes()));
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
    shift: u8,
    /// What it takes, in bytes.
    cost: u64,
    /// The fullest buckets did not make the others much smaller than suits them.
    even: bool,
}

/// Cuts a part where its numbers do not lie evenly, as those of a list of few area codes do: what is
/// nearly empty and what is nearly full want other buckets. Numbers are given out by decimal digits, so
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
    if out[first..].iter().map(|part| part.cost).sum::<u64>() >= part.cost {
        out.truncate(first);
        out.push(part);
    }
}

impl<'t> Part<'t> {
    /// With the buckets that make it smallest, of those that are small enough.
    fn new(tails: &'t [u64], start: u64, end: u64) -> Part<'t> {
        // Fewer than 2^32 numbers of at most eight bytes, and groups of twelve for at most 10^15 tails: a
        // `u64` holds the sum.
        let size = |shift: u8| {
            tails.len() as u64 * width(shift) as u64 + groups(end - start, shift) * GROUP_BYTES as u64 + SEGMENT_COST
        };
        let best = (0..=MAX_SHIFT as u8).min_by_key(|&shift| size(shift)).unwrap_or(0);
        let fits = |shift: u8| {
            let most = MOST_OF_A_BUCKET.min(MOST_BYTES / width(shift));
            let bucket = |tail: u64| (tail - start) >> shift;
            tails.chunk_by(|&a, &b| bucket(a) == bucket(b)).all(|own| own.len() <= most)
        };
        // It can always be had: a bucket of one tail has one number.
        let shift = (0..=best).rev().find(|&shift| fits(shift)).unwrap_or(0);
        let cost = size(shift);
        Part { tails, start, end, shift, cost, even: cost - size(best) <= cost / 16 }
    }

    fn encode(&self, len: u8, sets: &[u32]) -> Piece {
        let (shift, start) = (self.shift, self.start);
        let least = sets.iter().copied().min().unwrap_or(0);
        let spread = sets.iter().copied().max().unwrap_or(0) - least;
        let set_bits = u32::BITS - spread.leading_zeros();
        let buckets = usize::try_from(groups(self.end - start, shift) * BUCKETS).unwrap_or(0);
        let mut piece = Piece {
            segment: Segment {
                order: Segment::order(len, start),
                tails_at: 0,
                first_rank: 0,
                first_group: 0,
                set: least,
                shift,
                log_width: log_width(shift),
                set_bits: set_bits as u8,
            },
            counts: vec![0; buckets],
            numbers: self.tails.len() as u32,
            lows: Vec::with_capacity(self.tails.len() * width(shift)),
            sets: Vec::new(),
        };
        for tail in self.tails {
            piece.counts[((tail - start) >> shift) as usize] += 1;
            let low = (tail - start) & !(u64::MAX << shift);
            piece.lows.extend(&low.to_le_bytes()[..width(shift)]);
        }
        if set_bits > 0 {
            piece.sets = vec![0; (sets.len() * set_bits as usize).div_ceil(64)];
            for (i, set) in sets.iter().enumerate() {
                let (at, value) = (i * set_bits as usize, u64::from(set - least));
                piece.sets[at / 64] |= value << (at % 64);
                if at % 64 + set_bits as usize > 64 {
                    piece.sets[at / 64 + 1] |= value >> (64 - at % 64);
                }
            }
        }
        piece
    }
}

/// The bytes of a number in a bucket of `2^shift` tails.
fn width(shift: u8) -> usize {
    1 << log_width(shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::format::{Container, Kind, Sections, Trust};
    use crate::number::{MAX_NUMBER_DIGITS, Number};
    use crate::numbers::{MAX_WHOLE_DIGITS, WholeNumbers, whole_digits, whole_key};
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

    /// Found in review: a number longer than those of its head's last segment was looked for among them, where its tail is
    /// below that segment's first: in a group far behind, so that it could have been found listed where there is a number
    /// of another segment, or none.
    #[test]
    fn a_longer_number_in_a_head_of_shorter_ones() {
        // Behind the only group is what would be read as others that are full.
        let mut section = group_of(14, 50, [1, 0, 0, 0, 0, 0, 0, 0], vec![0xff; 4096]);
        let start = 90_000_000_000_000u64;
        section[40..48].copy_from_slice(&(14 << 56 | start).to_le_bytes());
        // There are numbers of fifteen digits, somewhere.
        section[20..24].copy_from_slice(&(1u32 << 14 | 1 << 15).to_le_bytes());
        let Built { file, numbers } = opened(section, Trust::Checked).unwrap();
        let has_place = |digits: String| numbers.has_place(&file, digits.as_bytes());
        for tail in [0, 1, 50_000_000_000_000, start - 1, start, start + 1] {
            assert!(!has_place(format!("{tail:015}")), "{tail} has a place among shorter numbers");
            assert!(!has_place(format!("{:013}", tail / 10)), "{tail} has a place among longer numbers");
        }
        assert!(has_place(format!("{start:014}")));
    }

    /// A head of many segments takes a binary search, and not a look at each.
    #[test]
    fn a_head_of_many_segments_takes_few_steps() {
        let mut keys = BTreeMap::new();
        for cluster in 0..400u64 {
            for n in 0..2_000u64 {
                let tail = cluster * 20_000_000 + n * if cluster % 2 == 0 { 1 } else { 9_000 };
                keys.insert(whole_key(format!("8801{tail:010}").as_bytes()).unwrap(), 1);
            }
        }
        let Built { file, numbers } = build(&keys);
        let most = numbers.most_segments_of_a_head();
        assert!(most >= 100, "{most}");
        for &key in keys.keys().step_by(97) {
            let digits = whole_digits(key);
            let steps = crate::steps::count(|| assert_eq!(numbers.find(&file, digits.as_bytes()), Some(1)));
            assert!(steps <= u64::from(most.ilog2()) + 2 + 4, "{steps} among {most}");
        }
    }

    /// What was damaged is refused or answers; opened without checks, it may be anything, and answers.
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
                // The lengths among them, which say of what a number may be looked for.
                let at = if random.below(8) == 0 { 20 + random.below(4) } else { random.below(end) } as usize;
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
                        // As calls ask, of numbers as long as there are: in one step, and step by step.
                        for len in 0..=MAX_NUMBER_DIGITS {
                            let long = digits[round % digits.len()].repeat(4);
                            let number = Number::from_digits(&long.as_bytes()[..len]).unwrap();
                            let one = numbers.ask_for(&file, &number).and_then(|place| numbers.set_at(&file, &place));
                            let seek = numbers.seek_ahead(&file, &numbers.wanted(&number));
                            let steps = numbers.set_at(&file, &numbers.place_ahead(&file, &seek));
                            assert_eq!(one, steps, "{number}");
                            let known =
                                if len <= MAX_WHOLE_DIGITS { numbers.find(&file, number.as_bytes()) } else { None };
                            assert_eq!(one, known, "{number}");
                            numbers.beginnings(&file, &number, |_, _| {});
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

    /// A section of one segment of five digits, whose only group says what it likes.
    fn one_group(shift: u8, counts: [u8; 8], lows: Vec<u8>) -> Vec<u8> {
        group_of(5, shift, counts, lows)
    }

    /// The same of so many digits.
    fn group_of(len: u8, shift: u8, counts: [u8; 8], lows: Vec<u8>) -> Vec<u8> {
        let numbers: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        let mut section = Vec::new();
        section.extend(numbers.to_le_bytes());
        for field in [0u32, 1, 1, 1 << len] {
            section.extend(field.to_le_bytes());
        }
        section.extend((lows.len() as u64).to_le_bytes());
        section.extend(1u64.to_le_bytes());
        let segment = Segment {
            order: Segment::order(len, 0),
            tails_at: 0,
            first_rank: 0,
            first_group: 0,
            set: 1,
            shift,
            log_width: log_width(shift),
            set_bits: 0,
        };
        section.extend(segment.encode());
        for field in [0u32, 1, 0] {
            section.extend(field.to_le_bytes());
        }
        section.extend(counts);
        section.extend(lows);
        section.resize(section.len().next_multiple_of(8) + 8, 0);
        section
    }

    fn opened(section: Vec<u8>, trust: Trust) -> Result<Built, String> {
        let mut container = Container::new(Kind::Index);
        container.add("NUMW", section);
        let file = container.finish();
        let sections = Sections::parse(&file, Kind::Index).unwrap();
        let numbers = WholeNumbers::check(&file, &sections, 2, trust).map_err(|e| e.to_string())?;
        Ok(Built { file, numbers })
    }

    /// Found in review, of the codes that were here before: a bucket of nearly 2^32 numbers made the places
    /// in it wrap round, so that a look-up went on for ever. A byte counts no more than 255; these take a
    /// step for a block of them; one more asks which way to go, and one finds the segment.
    #[test]
    fn a_bucket_takes_few_steps() {
        for (shift, blocks) in [(33, 32), (17, 16), (16, 8), (8, 4), (0, 4)] {
            let full = [255, 0, 0, 0, 0, 0, 0, 0];
            let section = one_group(shift, full, vec![0xff; 255 * width(shift) + BLOCK]);
            let Built { file, numbers } = opened(section, Trust::Checked).unwrap();
            let steps = crate::steps::count(|| assert_eq!(numbers.find(&file, b"00000"), None));
            assert!(steps <= blocks + 2, "{shift}: {steps}");
        }
    }

    /// Where a bucket's numbers are spread evenly, the block that is asked for has each of them, and nothing else is read;
    /// nor for what would stand between two of them.
    #[test]
    fn evenly_spread_numbers_take_one_block() {
        for (len, shift) in [(5, 8), (5, 16), (7, 17), (12, 33)] {
            for count in [1u64, 16, 31, 33, 64, 97, 255] {
                let lows: Vec<u64> = (0..count).map(|i| (i << shift) / count).collect();
                let mut bytes: Vec<u8> =
                    lows.iter().flat_map(|low| low.to_le_bytes()[..width(shift)].to_vec()).collect();
                bytes.resize(bytes.len() + BLOCK, 0);
                let counts = [count as u8, 0, 0, 0, 0, 0, 0, 0];
                let Built { file, numbers } = opened(group_of(len, shift, counts, bytes), Trust::Checked).unwrap();
                for low in lows {
                    for (number, found) in [(low, Some(1)), (low + 1, None)] {
                        let between = found.is_some() || (1 << shift) / count > 2;
                        let digits = format!("{number:0width$}", width = usize::from(len));
                        let steps = crate::steps::count(|| {
                            let set = numbers.find(&file, digits.as_bytes());
                            assert!(!between || set == found, "{digits} {shift} {count}");
                        });
                        assert_eq!(steps, 1, "{digits} of {count}, {shift}");
                    }
                }
            }
        }
    }

    /// Who looks back ends where its bucket begins, though what stands before it is as large.
    #[test]
    fn a_bucket_behind_another_one_takes_few_steps() {
        for (shift, blocks) in [(12, 16), (11, 16), (8, 4), (0, 4)] {
            let full = [255, 255, 255, 0, 0, 0, 0, 0];
            let section = one_group(shift, full, vec![0xff; 3 * 255 * width(shift) + BLOCK]);
            let Built { file, numbers } = opened(section, Trust::Checked).unwrap();
            // From behind the middle of the last bucket back to its beginning, and not further.
            let low = if shift == 0 { 0 } else { (1 << shift) - 2 };
            let number = format!("{:05}", (2 << shift) + low);
            let steps = crate::steps::count(|| assert_eq!(numbers.find(&file, number.as_bytes()), None));
            assert!(steps <= blocks + 2, "{shift}: {steps}");
        }
    }

    /// What is behind a bucket's last number belongs to the next bucket, and is compared with it.
    #[test]
    fn a_number_of_the_next_bucket_is_not_found() {
        for shift in [8, 16, 11, 3] {
            let mut lows = vec![0; 2 * width(shift) + BLOCK];
            lows[0] = 5;
            lows[width(shift)] = 7;
            let section = one_group(shift, [1, 1, 0, 0, 0, 0, 0, 0], lows);
            let Built { file, numbers } = opened(section, Trust::Checked).unwrap();
            assert_eq!(numbers.find(&file, b"00005"), Some(1));
            for absent in ["00007", "00000"] {
                assert_eq!(numbers.find(&file, absent.as_bytes()), None, "{absent} {shift}");
            }
            let of_next = format!("{:05}", (1 << shift) + 7);
            assert_eq!(numbers.find(&file, of_next.as_bytes()), Some(1));
        }
    }

    /// In buckets that share what is compared at once, and the same lows: each number is found where it is listed and
    /// nowhere else, whether the lows of a bucket are spread evenly, which is where they are looked for, or not.
    #[test]
    fn numbers_of_buckets_that_share_blocks() {
        let mut random = Random(11);
        // Numbers of one, two, four and eight bytes; seven digits and fifteen.
        for (len, shift) in [(7, 8), (7, 11), (7, 13), (7, 16), (7, 17), (15, 31), (15, 34), (15, 47)] {
            let tails = 1u64 << shift;
            for (shape, count) in
                (0..5).flat_map(|shape| [1, 3, 8, 31, 33, 64, 65, 97, 255].map(|count| (shape, count)))
            {
                let lows = |random: &mut Random| -> std::collections::BTreeSet<u64> {
                    let mut lows = std::collections::BTreeSet::new();
                    while lows.len() < count {
                        let i = lows.len() as u64;
                        lows.insert(match shape {
                            0 => random.below(tails),
                            1 => i,
                            2 => tails - 1 - i,
                            3 if i.is_multiple_of(2) => i / 2,
                            3 => tails - 1 - i / 2,
                            _ => i * (tails / count as u64),
                        });
                    }
                    lows
                };
                let buckets = [lows(&mut random), [].into(), lows(&mut random), lows(&mut random)];
                let mut counts = [0; 8];
                let mut bytes = Vec::new();
                for (bucket, count) in buckets.iter().zip(&mut counts) {
                    *count = bucket.len() as u8;
                    bucket.iter().for_each(|low| bytes.extend(&low.to_le_bytes()[..width(shift)]));
                }
                bytes.resize(bytes.len() + BLOCK, 0);
                let Built { file, numbers } = opened(group_of(len, shift, counts, bytes), Trust::Checked).unwrap();
                // What is listed in any of them, and what is beside it; of few tails all.
                let near = buckets.iter().flatten().flat_map(|&low| [low.saturating_sub(1), low, low + 1]);
                let mut asked: std::collections::BTreeSet<u64> = near.filter(|&low| low < tails).collect();
                asked.extend(if tails <= 1 << 11 { 0..tails } else { 0..1 });
                asked.extend((0..50).map(|_| random.below(tails)));
                for (i, bucket) in buckets.iter().enumerate() {
                    for low in &asked {
                        let number = format!("{:0len$}", ((i as u64) << shift) + low, len = usize::from(len));
                        let found = numbers.find(&file, number.as_bytes());
                        assert_eq!(found.is_some(), bucket.contains(low), "{number} {shift} {shape} {count}");
                    }
                }
            }
        }
    }

    /// What is in no order is no index that was checked; a look-up ends all the same, wherever the lows send it.
    #[test]
    fn lows_in_no_order_take_few_steps() {
        let mut random = Random(12);
        for (shift, blocks) in [(33, 32), (17, 16), (16, 8), (8, 4)] {
            for _ in 0..300 {
                let lows = (0..255 * width(shift) + BLOCK).map(|_| random.below(256) as u8).collect();
                let section = one_group(shift, [255, 0, 0, 0, 0, 0, 0, 0], lows);
                let Built { file, numbers } = opened(section, Trust::Checked).unwrap();
                let number = format!("{:05}", random.below(100_000.min(1 << shift)));
                let steps = crate::steps::count(|| _ = numbers.find(&file, number.as_bytes()));
                assert!(steps <= blocks + 2, "{shift}: {steps}");
            }
        }
    }

    /// Each table that contradicts another is refused, and the error says which.
    #[test]
    fn tables_that_contradict_each_other() {
        let one = [1, 0, 0, 0, 0, 0, 0, 0];
        let lows = || vec![0; 2 + BLOCK];
        let sound = one_group(16, one, lows());
        assert!(opened(sound.clone(), Trust::Nothing).is_ok());
        // 10^5 tails are two buckets of 2^16.
        let behind = one_group(16, [0, 0, 1, 0, 0, 0, 0, 0], lows());
        let short = one_group(16, one, vec![0; 1 + BLOCK]);
        // The header takes 40 bytes, the segment 32, the jump table 8.
        let changed = |at: usize, byte: u8| {
            let mut section = sound.clone();
            section[at] = byte;
            section
        };
        // Found in review: these were opened, and what stood in the wrong place was listed and never found.
        let two = |first: u16, second: u16| {
            let mut lows = [first.to_le_bytes(), second.to_le_bytes()].concat();
            lows.resize(lows.len() + BLOCK, 0);
            one_group(16, [2, 0, 0, 0, 0, 0, 0, 0], lows)
        };
        // 10^5 tails are a bucket and 34,464 of the next.
        let last = |low: u16| {
            let mut lows = low.to_le_bytes().to_vec();
            lows.resize(lows.len() + BLOCK, 0);
            one_group(16, [0, 1, 0, 0, 0, 0, 0, 0], lows)
        };
        for sound in [two(5, 7), last(34_463)] {
            assert!(opened(sound, Trust::Nothing).is_ok());
        }
        for (section, what) in [
            (behind, "a bucket behind the last tail has numbers"),
            (short, "there are not as many bytes as the numbers take"),
            (changed(0, 2), "the groups do not count the numbers"),
            (changed(20, 1), "the lengths of the numbers are not those of the segments"),
            (changed(20, 0x21), "the lengths of the numbers are not those of the segments"),
            (changed(23, 0x80), "the lengths of the numbers are not those of the segments"),
            (changed(40 + 8, 1), "a segment's numbers are out of place"),
            (changed(40 + 16, 1), "a segment's first rank is not the number of those before it"),
            (changed(40 + 20, 1), "a segment has not as many groups as it needs"),
            (changed(40 + 24, 2), "a segment's membership set does not exist"),
            (changed(40 + 28, 13), "a segment has not as many groups as it needs"),
            (changed(40 + 28, 8), "a segment's fields are out of range"),
            (changed(40 + 28, 51), "a segment's fields are out of range"),
            (changed(40 + 29, 2), "a segment's fields are out of range"),
            (changed(40 + 30, 1), "a segment's sets are out of place"),
            (changed(40 + 31, 1), "a segment's fields are out of range"),
            (changed(40 + 32, 1), "the jump table is out of order"),
            (changed(40 + 40, 1), "a group's rank is not the number of those before it"),
            (two(7, 5), "the numbers of a bucket are out of order, or behind its last tail"),
            (two(5, 5), "the numbers of a bucket are out of order, or behind its last tail"),
            (last(34_464), "the numbers of a bucket are out of order, or behind its last tail"),
        ] {
            let refused = opened(section, Trust::Nothing).map(|_| ()).unwrap_err();
            assert!(refused.contains(what), "{refused}, not {what}");
        }
    }
}
