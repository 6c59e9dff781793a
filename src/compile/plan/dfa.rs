//! One of the metadata's regular expressions as a small deterministic automaton over digits.

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson,
    util::{primitives::StateID, start, syntax},
};
use std::collections::{HashMap, VecDeque};

/// No pattern of the metadata comes near these bounds; one that does is a mistake or an attack,
/// and gets an error instead of the machine's memory.
const MAX_DFA_BYTES: usize = 16 << 20;
const MAX_NFA_BYTES: usize = 4 << 20;
const MAX_STATES: usize = 20_000;
/// The nesting that the metadata needs is 12 or less.
const MAX_NESTING: u32 = 64;

/// A minimal automaton over the digits 0 to 9. State 0 is the dead one: nothing that leads there
/// can match any more.
#[derive(Clone, Debug)]
pub(super) struct Dfa {
    next: Vec<[u16; 10]>,
    accepts: Vec<bool>,
    start: u16,
}

impl Dfa {
    /// Matches digits that the pattern matches from the first to the last.
    pub(super) fn whole(pattern: &str) -> Result<Dfa, String> {
        Dfa::build(&format!("(?:{pattern})\\z"))
    }

    /// Matches digits that begin with a match of the pattern (Java's `lookingAt`).
    pub(super) fn beginning(pattern: &str) -> Result<Dfa, String> {
        Dfa::build(&format!("(?:{pattern})[0-9]*\\z"))
    }

    fn build(pattern: &str) -> Result<Dfa, String> {
        let dense = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::All)
                    .dfa_size_limit(Some(MAX_DFA_BYTES))
                    .determinize_size_limit(Some(MAX_DFA_BYTES)),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false).nest_limit(MAX_NESTING))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_NFA_BYTES)))
            .build(pattern)
            .map_err(|e| format!("the pattern cannot be compiled: {e}"))?;
        let start = dense
            .start_state(&start::Config::new().anchored(Anchored::Yes))
            .map_err(|e| format!("the pattern cannot be compiled: {e}"))?;

        // What is reachable by digits. The engine's automaton reads bytes, and says one transition
        // late (at the end of input) whether it has matched.
        let mut ids: HashMap<StateID, usize> = HashMap::from([(start, 0)]);
        let mut order = vec![start];
        let mut next: Vec<[usize; 10]> = Vec::new();
        let mut accepts: Vec<bool> = Vec::new();
        while let Some(&state) = order.get(next.len()) {
            if order.len() > MAX_STATES {
                return Err(format!("the pattern needs more than {MAX_STATES} states"));
            }
            accepts.push(dense.is_match_state(dense.next_eoi_state(state)));
            next.push(std::array::from_fn(|digit| {
                let to = dense.next_state(state, b'0' + digit as u8);
                *ids.entry(to).or_insert_with(|| {
                    order.push(to);
                    order.len() - 1
                })
            }));
        }
        Ok(Dfa::minimised(&next, &accepts))
    }

    /// Moore's algorithm: split the states by what they answer, then by where they lead, until
    /// nothing splits any more.
    fn minimised(next: &[[usize; 10]], accepts: &[bool]) -> Dfa {
        let mut block: Vec<usize> = accepts.iter().map(|&a| a as usize).collect();
        let mut blocks = 0;
        loop {
            let mut numbers: HashMap<(usize, [usize; 10]), usize> = HashMap::new();
            let split: Vec<usize> = (0..next.len())
                .map(|s| {
                    let number = numbers.len();
                    *numbers.entry((block[s], next[s].map(|n| block[n]))).or_insert(number)
                })
                .collect();
            block = split;
            if numbers.len() == blocks {
                break;
            }
            blocks = numbers.len();
        }
        let mut dfa = Dfa { next: vec![[0; 10]], accepts: vec![false], start: 0 };
        let mut place: HashMap<usize, u16> = HashMap::new();
        if let Some(dead) = (0..next.len()).find(|&s| !accepts[s] && next[s].iter().all(|&n| block[n] == block[s])) {
            place.insert(block[dead], 0);
        }
        let mut queue = VecDeque::new();
        let mut visit = |s: usize, dfa: &mut Dfa, queue: &mut VecDeque<(usize, u16)>| {
            *place.entry(block[s]).or_insert_with(|| {
                let at = dfa.next.len() as u16;
                dfa.next.push([0; 10]);
                dfa.accepts.push(accepts[s]);
                queue.push_back((s, at));
                at
            })
        };
        dfa.start = visit(0, &mut dfa, &mut queue);
        while let Some((s, at)) = queue.pop_front() {
            dfa.next[at as usize] = next[s].map(|n| visit(n, &mut dfa, &mut queue));
        }
        dfa
    }

    pub(super) fn start(&self) -> u16 {
        self.start
    }

    /// The state after one more digit (0 to 9, not ASCII).
    pub(super) fn step(&self, state: u16, digit: usize) -> u16 {
        self.next[state as usize][digit]
    }

    /// Whether the digits so far match.
    pub(super) fn accepts(&self, state: u16) -> bool {
        self.accepts[state as usize]
    }

    /// Whether the digits so far match and go on matching whatever follows.
    pub(super) fn always_accepts(&self, state: u16) -> bool {
        self.accepts(state) && self.next[state as usize].iter().all(|&n| n == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(dfa: &Dfa, digits: &str) -> bool {
        dfa.accepts(digits.bytes().fold(dfa.start(), |s, d| dfa.step(s, (d - b'0') as usize)))
    }

    #[test]
    fn whole_and_beginning() {
        let whole = Dfa::whole(r"2[47]|9(?:0\d)?").unwrap();
        for (digits, expected) in [("24", true), ("2", false), ("9", true), ("905", true), ("9055", false), ("", false)]
        {
            assert_eq!(matches(&whole, digits), expected, "{digits}");
        }
        let beginning = Dfa::beginning("77[01]").unwrap();
        for (digits, expected) in [("77", false), ("770", true), ("77123", true), ("772", false)] {
            assert_eq!(matches(&beginning, digits), expected, "{digits}");
        }
    }

    #[test]
    fn dead_is_zero_and_sinks_are_known() {
        let dfa = Dfa::beginning("1").unwrap();
        assert_eq!(dfa.step(dfa.start(), 2), 0);
        assert!(dfa.always_accepts(dfa.step(dfa.start(), 1)));
        assert!(!dfa.always_accepts(dfa.start()));
    }

    #[test]
    fn patterns_that_explode_are_refused() {
        assert!(Dfa::whole(r"(?:\d*1\d{30})").is_err());
        assert!(Dfa::whole(r"\d{1,100000}").is_err());
        assert!(Dfa::whole(&"(?:".repeat(500)).is_err());
        assert!(Dfa::whole("(").is_err());
    }
}
