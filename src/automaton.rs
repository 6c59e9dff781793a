//! A digit automaton: what the numbering plan, the dial tables and the short numbers are made of.
//!
//! A finite-state machine over the ten digits with a label on every state (a Moore machine), as
//! the compiler minimised it. State 0 is not special. A walk reads one digit a step and cannot
//! fail: every state has ten successors, and a set that is left behind for good is a state whose
//! successors are all itself.
//!
//! On disk (`docs/format.md`, "Digit automata") a state is eleven little-endian `u16`: ten
//! successors and the label. In memory it is sixteen, so that `digit & 15` needs no bounds check
//! and a state is half a cache line.
//!
//! [`Shortcut`] is the same automaton made for one question, the label after all digits of a whole
//! number, which every call asks.

use crate::error::Error;

/// The bytes of one state on disk.
pub(crate) const STATE_BYTES: usize = 22;
/// The most states of one (`docs/format.md`): a successor is a `u16`, and two numbers are kept free.
pub(crate) const MAX_STATES: usize = 65_534;
const LABEL: usize = 10;
/// In memory only: not 0 where all ten successors are the state itself, and a walk can stop.
const SETTLED: usize = 11;

/// Decoded states, every successor checked.
#[derive(Debug)]
pub(crate) struct Automaton {
    states: Box<[[u16; 16]]>,
}

impl Automaton {
    /// Decodes `count` states from `bytes`, which must be exactly `count * STATE_BYTES` long;
    /// `base` is where `bytes` begins in `section`, for errors.
    pub(crate) fn decode(bytes: &[u8], section: &'static str, base: usize) -> Result<Automaton, Error> {
        let corrupt = |offset: usize, what| Error::Corrupt { section, offset: (base + offset) as u64, what };
        if bytes.is_empty() || !bytes.len().is_multiple_of(STATE_BYTES) {
            return Err(corrupt(0, "the automaton's length is not a whole number of states"));
        }
        let count = bytes.len() / STATE_BYTES;
        if count > MAX_STATES {
            return Err(corrupt(MAX_STATES * STATE_BYTES, "the automaton has more states than can be named"));
        }
        let mut states = vec![[0u16; 16]; count].into_boxed_slice();
        for (i, (state, raw)) in states.iter_mut().zip(bytes.chunks_exact(STATE_BYTES)).enumerate() {
            for (slot, pair) in state.iter_mut().zip(raw.chunks_exact(2)) {
                *slot = u16::from_le_bytes([pair[0], pair[1]]);
            }
            if state[..LABEL].iter().any(|&next| next as usize >= count) {
                return Err(corrupt(i * STATE_BYTES, "a state's successor does not exist"));
            }
            state[SETTLED] = u16::from(state[..LABEL].iter().all(|&next| next as usize == i));
        }
        Ok(Automaton { states })
    }

    /// How many states there are; a root or successor below it is valid.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// The state after `digit`, an ASCII digit (only its low four bits are looked at).
    #[inline]
    pub(crate) fn step(&self, state: u16, digit: u8) -> u16 {
        #[cfg(test)]
        crate::steps::tick();
        // Slots 10 to 15 are no successors: a byte that is no digit could only come from a defect,
        // and would then read a wrong state, never out of bounds.
        self.states.get(state as usize).map_or(0, |s| s[(digit & 15) as usize])
    }

    /// The label of a state.
    #[inline]
    pub(crate) fn label(&self, state: u16) -> u16 {
        self.states.get(state as usize).map_or(0, |s| s[LABEL])
    }

    /// Whether the label stays what it is whatever digits follow.
    pub(crate) fn is_settled(&self, state: u16) -> bool {
        self.states.get(state as usize).is_some_and(|s| s[SETTLED] != 0)
    }

    /// The label after all of `digits`, every one of which is looked at: for automata in which the
    /// last digit nearly always matters.
    #[inline]
    pub(crate) fn walk_all(&self, root: u16, digits: &[u8]) -> u16 {
        self.label(self.state_after(root, digits))
    }

    /// The state after all of `digits`.
    #[inline]
    pub(crate) fn state_after(&self, root: u16, digits: &[u8]) -> u16 {
        digits.iter().fold(root, |state, &digit| self.step(state, digit))
    }

    /// The label after all of `digits`. Stops early where the rest can change nothing: most
    /// numbers have no national prefix and begin like no short number, which one digit tells.
    #[inline]
    pub(crate) fn walk(&self, root: u16, digits: &[u8]) -> u16 {
        let mut state = root;
        for &digit in digits {
            #[cfg(test)]
            crate::steps::tick();
            match self.states.get(state as usize) {
                Some(s) if s[SETTLED] == 0 => state = s[(digit & 15) as usize],
                _ => break,
            }
        }
        self.label(state)
    }
}

/// The digits that [`head_of`] takes.
pub(crate) const HEAD_DIGITS: usize = 3;
/// The digits that [`Shortcut`] takes at once: a head, and a pair.
const FIRST_DIGITS: usize = HEAD_DIGITS + 2;
/// What two digits can be.
const PAIRS: usize = 100;
/// How many digits behind it a tail tells apart.
const TAIL_DIGITS: usize = 16;

/// An automaton's answers to "which label after all of these digits?" from root 0, in fewer steps.
///
/// In a numbering plan the first digits say whose a number is, and from some digit on nothing
/// matters but how many more there are: behind +421 905, six. A walk over the automaton goes on
/// digit by digit all the same, each step waiting for the one before. Here
///
/// - the first five digits are two look-ups, and
/// - a state from which all ten digits always lead on alike, to at most two labels, is a *tail*: one for numbers that are
///   as long as they should be, and one for all others.
///
/// What is the same behind several heads is there once (of the built-in plan 651 times a hundred nodes, for a thousand
/// heads), and a tail takes eight bytes: what nearly every call reads is to stay in the caches that are near, and each index
/// has it anew.
///
/// Derived from the automaton when it is decoded; property-tested to equal [`Automaton::walk_all`].
#[derive(Debug)]
pub(crate) struct Shortcut {
    /// By the head: where its pairs are. (What is no head has some pairs or other; nobody asks for it.)
    heads: Box<[u16; HEADS]>,
    /// By the pair behind the head: a node.
    pairs: Box<[[u16; PAIRS]]>,
    /// The first nodes.
    states: Box<[ShortcutState]>,
    /// The nodes behind them.
    tails: Box<[Tail]>,
}

/// A state that is no tail: its successors' nodes by digit, and in slot 10 its label.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct ShortcutState([u16; 16]);

/// The labels of a state, by the number of digits behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tail {
    /// The first one in the lower half: both are read at once with what says which it is.
    labels: u32,
    /// Bit n: behind n digits it is the second label. The first one is that behind fifteen digits and more.
    seconds: u16,
}

impl Tail {
    /// None where there are more than two labels.
    fn of(by_digits: &[u16; TAIL_DIGITS]) -> Option<Tail> {
        let first = by_digits[TAIL_DIGITS - 1];
        let second = by_digits.iter().copied().find(|label| *label != first).unwrap_or(first);
        let is_either = by_digits.iter().all(|label| [first, second].contains(label));
        let bit = |n: usize| u16::from(by_digits[n] != first) << n;
        let labels = u32::from(second) << 16 | u32::from(first);
        is_either.then(|| Tail { labels, seconds: (0..TAIL_DIGITS).map(bit).sum() })
    }

    #[inline(always)]
    fn label(self, digits: usize) -> u16 {
        let is_second = u32::from(self.seconds >> digits.min(TAIL_DIGITS - 1) & 1);
        (self.labels >> (16 * is_second)) as u16
    }
}

/// For each state, the tail it is, if it is one.
fn tails_of(states: &[[u16; 16]]) -> Vec<Option<Tail>> {
    // First those that are left nowhere, then those all of whose digits lead to one that is known, which is one digit
    // shorter.
    let mut place: Vec<Option<usize>> = vec![None; states.len()];
    let mut by_digits: Vec<[u16; TAIL_DIGITS]> = Vec::new();
    let mut alike = Vec::new();
    for (i, state) in states.iter().enumerate() {
        if state[SETTLED] != 0 {
            place[i] = Some(by_digits.len());
            by_digits.push([state[LABEL]; TAIL_DIGITS]);
        } else if state[1..LABEL].iter().all(|next| *next == state[0]) {
            alike.push(i);
        }
    }
    for _ in 1..TAIL_DIGITS {
        // What a round finds counts in the next one, so that a tail is never longer than its
        // table.
        let found: Vec<(usize, usize)> =
            alike.iter().filter_map(|&i| Some((i, place[states[i][0] as usize]?))).collect();
        for (i, next) in found {
            let mut own = [states[i][LABEL]; TAIL_DIGITS];
            own[1..].copy_from_slice(&by_digits[next][..TAIL_DIGITS - 1]);
            place[i] = Some(by_digits.len());
            by_digits.push(own);
        }
        alike.retain(|&i| place[i].is_none());
    }
    // Those of more than two labels stay states: a step each, until two are left (292 of the built-in plan's).
    place.into_iter().map(|place| Tail::of(&by_digits[place?])).collect()
}

impl Shortcut {
    /// Derives the short cut.
    pub(crate) fn of(automaton: &Automaton) -> Shortcut {
        let states = &automaton.states;
        let tails = tails_of(states);
        // The state behind each head, and the pairs of each that is another one: of a minimised automaton, what is the same
        // behind two heads is the same state.
        let behind = |state: u16| states[usize::from(state)][..LABEL].iter().copied();
        let mut behind_heads = vec![0u16];
        for _ in 0..HEAD_DIGITS {
            behind_heads = behind_heads.into_iter().flat_map(behind).collect();
        }
        let mut different = behind_heads.clone();
        different.sort_unstable();
        different.dedup();
        let mut heads = Box::new([0; HEADS]);
        for (head, state) in heads.iter_mut().zip(&behind_heads) {
            *head = different.binary_search(state).unwrap_or(0) as u16;
        }
        // What can be behind their pairs: more is not asked for.
        let mut is_needed = vec![false; states.len()];
        let mut open = Vec::new();
        let mut need = |state: u16, open: &mut Vec<u16>| {
            let at = usize::from(state);
            if !std::mem::replace(&mut is_needed[at], true) && tails[at].is_none() {
                open.push(state);
            }
        };
        let mut is_fourth = vec![false; states.len()];
        for fourth in different.iter().flat_map(|state| behind(*state)) {
            if !std::mem::replace(&mut is_fourth[usize::from(fourth)], true) {
                behind(fourth).for_each(|state| need(state, &mut open));
            }
        }
        while let Some(state) = open.pop() {
            behind(state).for_each(|next| need(next, &mut open));
        }
        // The nodes: states in their order, then tails. They are no more than there are states, so that a `u16` names each.
        let needed = |is_tail: bool| {
            let (tails, is_needed) = (&tails, &is_needed);
            (0..states.len()).filter(move |&i| is_needed[i] && tails[i].is_some() == is_tail)
        };
        let mut node = vec![0u16; states.len()];
        needed(false).chain(needed(true)).zip(0..).for_each(|(i, own)| node[i] = own);
        let pairs = |state: &u16| {
            let mut pairs = [0; PAIRS];
            let both = behind(*state).flat_map(behind);
            pairs.iter_mut().zip(both).for_each(|(pair, state)| *pair = node[usize::from(state)]);
            pairs
        };
        let short = |i: usize| {
            let mut slots = states[i];
            slots[..LABEL].iter_mut().for_each(|next| *next = node[usize::from(*next)]);
            ShortcutState(slots)
        };
        Shortcut {
            heads,
            pairs: different.iter().map(pairs).collect(),
            states: needed(false).map(short).collect(),
            tails: needed(true).filter_map(|i| tails[i]).collect(),
        }
    }

    /// The label after all of `digits`, ASCII; `None` where they are fewer than five.
    #[inline(always)]
    pub(crate) fn label(&self, digits: &[u8]) -> Option<u16> {
        let (head, rest) = digits.split_first_chunk()?;
        let (two, rest) = rest.split_first_chunk()?;
        Some(self.label_from(self.node(head_of(head), two)?, rest))
    }

    /// The node behind a head and a pair.
    #[inline(always)]
    fn node(&self, head: usize, [one, other]: &[u8; FIRST_DIGITS - HEAD_DIGITS]) -> Option<u16> {
        let pair = usize::from(one & 15) * 10 + usize::from(other & 15);
        self.pairs.get(usize::from(self.heads[head % HEADS]))?.get(pair).copied()
    }

    /// What it takes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.heads[..])
            + size_of_val(&*self.pairs)
            + size_of_val(&*self.states)
            + size_of_val(&*self.tails)
    }

    /// The label after all of `digits` behind a node.
    #[inline(always)]
    fn label_from(&self, node: u16, digits: &[u8]) -> u16 {
        let (mut node, mut at) = (usize::from(node), 0);
        while let Some(ShortcutState(state)) = self.states.get(node) {
            #[cfg(test)]
            crate::steps::tick();
            match digits.get(at) {
                Some(&digit) => node = usize::from(state[(digit & 15) as usize]),
                None => return state[LABEL],
            }
            at += 1;
        }
        let tail = self.tails.get(node - self.states.len());
        tail.map_or(0, |tail| tail.label(digits.len() - at))
    }
}

/// What [`head_of`] gives is below this: a power of two, so that it is inside a table of this length without a question.
/// Three digits make less than 1,000.
pub(crate) const HEADS: usize = 1024;

/// Three ASCII digits as a number; of other bytes, some number below [`HEADS`].
#[inline(always)]
pub(crate) const fn head_of(digits: &[u8; HEAD_DIGITS]) -> usize {
    let [a, b, c] = *digits;
    ((a & 15) as usize * 100 + (b & 15) as usize * 10 + (c & 15) as usize) % HEADS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(next: [u16; 10], label: u16) -> Vec<u8> {
        next.iter().chain([&label]).flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn walks_and_labels() {
        let mut bytes = state([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 7);
        bytes.extend(state([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 9));
        let a = Automaton::decode(&bytes, "TEST", 0).unwrap();
        assert_eq!(a.len(), 2);
        assert_eq!(a.walk(0, b""), 7);
        assert_eq!(a.walk(0, b"0"), 9);
        assert_eq!(a.walk(0, b"09"), 9);
        assert_eq!(a.walk(0, b"091"), 7);
    }

    /// The short cut gives every label that the walk gives: random small automata of one to four labels, chains of them, and
    /// digits of any number. Found in review: when tails became two labels and a bit for each length, four labels made
    /// hardly any chain a tail, and no bit above the fifth was ever asked for.
    #[test]
    fn short_cut_equals_the_walk() {
        let mut random = 5u64;
        let mut below = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % n
        };
        let mut bits = 0;
        for round in 0..600 {
            let count = 1 + below(40) as u16;
            let labels = 1 + round / 3 % 4;
            let mut bytes = Vec::new();
            for i in 0..count {
                let one = below(u64::from(count)) as u16;
                let next = match round % 3 {
                    // Chains that end in themselves, chains that go round, and anything.
                    0 => [(i + 1).min(count - 1); 10],
                    1 if below(3) > 0 => [one; 10],
                    _ => std::array::from_fn(|_| if below(2) == 0 { one } else { below(u64::from(count)) as u16 }),
                };
                bytes.extend(state(next, below(labels) as u16));
            }
            let automaton = Automaton::decode(&bytes, "TEST", 0).unwrap();
            let shortcut = Shortcut::of(&automaton);
            bits |= shortcut.tails.iter().fold(0, |bits, tail| bits | tail.seconds);
            for _ in 0..200 {
                let digits: Vec<u8> = (0..below(41)).map(|_| b'0' + below(10) as u8).collect();
                let expected = (digits.len() >= FIRST_DIGITS).then(|| automaton.walk_all(0, &digits));
                assert_eq!(shortcut.label(&digits), expected, "{digits:?}");
            }
        }
        assert_eq!(bits, 0x7fff, "tails whose labels differ behind each number of digits, but for the last");
    }

    /// Found in review: with one state more than a `u16` can name, the short cut counted its nodes over
    /// the edge, which a build with overflow checks answered with a panic.
    #[test]
    fn refuses_more_states_than_can_be_named() {
        // Ten digits lead on to ten states, round and round: five of them lead everywhere, and no state is a tail.
        let mut bytes = Vec::new();
        for i in 0..MAX_STATES {
            let next = std::array::from_fn(|digit| ((i * 10 + digit + 1) % MAX_STATES) as u16);
            bytes.extend(state(next, i as u16));
        }
        let automaton = Automaton::decode(&bytes, "TEST", 0).unwrap();
        let shortcut = Shortcut::of(&automaton);
        assert_eq!((shortcut.states.len(), shortcut.tails.len()), (MAX_STATES, 0));
        for number in (0..10_000_000u32).step_by(997) {
            let digits = format!("{number:07}");
            for len in 5..=7 {
                let digits = &digits.as_bytes()[..len];
                assert_eq!(shortcut.label(digits), Some(automaton.walk_all(0, digits)), "{digits:?}");
            }
        }
        bytes.extend(state([0; 10], 0));
        assert!(Automaton::decode(&bytes, "TEST", 0).is_err());
    }

    #[test]
    fn refuses_a_successor_that_does_not_exist() {
        let mut bytes = state([0; 10], 0);
        bytes.extend(state([0, 0, 0, 0, 2, 0, 0, 0, 0, 0], 0));
        match Automaton::decode(&bytes, "TEST", 100) {
            Err(Error::Corrupt { section: "TEST", offset, .. }) => assert_eq!(offset, 100 + STATE_BYTES as u64),
            other => panic!("{other:?}"),
        }
        assert!(Automaton::decode(&bytes[..30], "TEST", 0).is_err());
        assert!(Automaton::decode(&[], "TEST", 0).is_err());
    }
}
