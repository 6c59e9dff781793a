//! Numbers and queries, the same in every run.

use crate::peers::fst_walk;
use tollgate::{Action, Gate, Reason};

/// splitmix64 with a fixed seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A permutation of the numbers below `n`: distinct random numbers in random order, without memory. A
/// Feistel network over a few more bits; what falls outside is put in again until it falls inside.
#[derive(Clone, Copy)]
pub(crate) struct Shuffled {
    n: u64,
    half: u32,
}

impl Shuffled {
    pub(crate) fn new(n: u64) -> Shuffled {
        Shuffled { n, half: (64 - n.max(4).leading_zeros()).div_ceil(2) }
    }

    pub(crate) fn at(self, i: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let mut value = i;
        loop {
            let (mut left, mut right) = (value >> self.half, value & mask);
            for round in 1..=4 {
                (left, right) = (right, left ^ (mix(right ^ (round << 56)) & mask));
            }
            value = left << self.half | right;
            if value < self.n {
                return value;
            }
        }
    }
}

/// Where numbers are from: these calling codes have national numbers of nine digits, three of which stand
/// for the area.
const CODES: [u64; 20] = [420, 421, 48, 34, 33, 31, 351, 40, 41, 61, 27, 380, 46, 66, 84, 94, 212, 233, 254, 255];
const AREAS: usize = 600;

/// A number space.
pub(crate) enum Space {
    /// 20 calling codes, 600 area codes each, six digits: 12 thousand million numbers.
    World(Vec<u64>),
    /// North America: +1 NXX NXX XXXX with N from 2 to 9, 6.4 thousand million numbers.
    NorthAmerica,
}

impl Space {
    pub(crate) fn world() -> Space {
        let mut random = Random(600);
        let mut heads = Vec::new();
        for code in CODES {
            let mut areas: Vec<u64> = (100..1000).collect();
            for i in 0..AREAS {
                let other = i + random.below((areas.len() - i) as u64) as usize;
                areas.swap(i, other);
            }
            heads.extend(areas[..AREAS].iter().map(|area| code * 1000 + area));
        }
        Space::World(heads)
    }

    pub(crate) fn size(&self) -> u64 {
        match self {
            Space::World(heads) => heads.len() as u64 * 1_000_000,
            Space::NorthAmerica => 8 * 100 * 8 * 1_000_000,
        }
    }

    /// The number at a position of the space.
    pub(crate) fn number(&self, at: u64) -> u64 {
        match self {
            Space::World(heads) => heads[(at / 1_000_000) as usize] * 1_000_000 + at % 1_000_000,
            Space::NorthAmerica => {
                let (area, rest) = (at / 8_000_000, at % 8_000_000);
                10_000_000_000 + (200 + area) * 10_000_000 + 2_000_000 + rest
            }
        }
    }

    /// The entropy of a set of so many of its numbers, in bytes a number.
    pub(crate) fn entropy(&self, count: u64) -> f64 {
        let share = count as f64 / self.size() as f64;
        let bits = -share * share.log2() - (1.0 - share) * (1.0 - share).log2();
        bits / share / 8.0
    }
}

/// A list: the first so many numbers of a shuffled space.
pub(crate) struct Listed {
    pub(crate) space: Space,
    shuffled: Shuffled,
    pub(crate) count: u64,
}

impl Listed {
    pub(crate) fn new(space: Space, count: u64) -> Listed {
        let shuffled = Shuffled::new(space.size());
        Listed { space, shuffled, count }
    }

    /// The `i`-th number in random order; from `count` on it is not listed.
    pub(crate) fn number(&self, i: u64) -> u64 {
        self.space.number(self.shuffled.at(i))
    }

    /// All of them, in random order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count).map(|i| self.number(i))
    }

    pub(crate) fn sorted(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.iter().collect();
        keys.sort_unstable();
        keys
    }

    /// Writes one `+` and number a line.
    pub(crate) fn write(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        self.iter().try_for_each(|number| writeln!(out, "+{number}"))
    }

    /// Questions about numbers of the same space. What a number must be to be asked is up to `wanted`; one
    /// in `one_in` is listed, none where that is 0.
    pub(crate) fn questions(&self, seed: u64, count: usize, one_in: usize, wanted: impl Fn(u64) -> bool) -> Questions {
        let mut random = Random(seed);
        let mut questions = Questions::default();
        let others = self.space.size() - self.count;
        for i in 0..count {
            let is_listed = one_in > 0 && i % one_in == 0;
            let number = loop {
                let at = if is_listed { random.below(self.count) } else { self.count + random.below(others) };
                let number = self.number(at);
                if wanted(number) {
                    break number;
                }
            };
            questions.push(number, is_listed);
        }
        questions.shuffle(&mut random);
        questions
    }
}

/// Texts to ask about, one behind the other as a program would find them in a buffer.
#[derive(Default)]
pub(crate) struct Questions {
    pub(crate) keys: Vec<u64>,
    pub(crate) listed: Vec<bool>,
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl Questions {
    fn push(&mut self, number: u64, listed: bool) {
        self.keys.push(number);
        self.listed.push(listed);
    }

    /// Puts them in random order, and writes their texts.
    fn shuffle(&mut self, random: &mut Random) {
        for i in (1..self.keys.len()).rev() {
            let other = random.below(i as u64 + 1) as usize;
            self.keys.swap(i, other);
            self.listed.swap(i, other);
        }
        for key in &self.keys {
            self.text.extend(format!("+{key}").as_bytes());
            self.ends.push(self.text.len() as u32);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// E.164 with a plus.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let text = &self.text[from..end as usize];
            from = end as usize;
            text
        })
    }

    pub(crate) fn hits(&self) -> u64 {
        self.listed.iter().filter(|&&listed| listed).count() as u64
    }

    /// Every answer, one by one: the gate's, with list and without it.
    pub(crate) fn check_gates(&self, gate: &Gate, plain: &Gate) {
        for (text, &listed) in self.texts().zip(&self.listed) {
            let verdict = gate.screen(text);
            let without = plain.screen(text);
            let expected = if listed { (Action::Block, Reason::List) } else { (without.action, without.reason) };
            assert_eq!((verdict.action, verdict.reason), expected, "{}: {verdict}", String::from_utf8_lossy(text));
        }
    }

    /// Every answer of a transducer and of a set.
    pub(crate) fn check_peers(&self, map: Option<&fst::Map<Vec<u8>>>, set: &hashbrown::HashSet<u64>) {
        for ((text, key), &listed) in self.texts().zip(&self.keys).zip(&self.listed) {
            assert_eq!(set.contains(key), listed, "{key}");
            if let Some(map) = map {
                assert_eq!(fst_walk(map, &text[1..]).is_some(), listed, "{key}");
            }
        }
    }
}

/// Whether a number is one that the plan assigns and that the rules beside the list allow.
pub(crate) fn is_allowed(plain: &Gate, number: u64) -> bool {
    let verdict = plain.screen(format!("+{number}").as_bytes());
    (verdict.action, verdict.reason) == (Action::Allow, Reason::Default)
}

/// Whether it is one that the plan assigns to nobody.
pub(crate) fn is_unassigned(plain: &Gate, number: u64) -> bool {
    plain.screen(format!("+{number}").as_bytes()).reason == Reason::Unassigned
}
