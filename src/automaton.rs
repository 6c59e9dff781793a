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

use crate::error::Error;

/// The bytes of one state on disk.
pub(crate) const STATE_BYTES: usize = 22;
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

    /// The label after all of `digits`, every one of which is looked at: for automata in which the
    /// last digit nearly always matters.
    #[inline]
    pub(crate) fn walk_all(&self, root: u16, digits: &[u8]) -> u16 {
        let state = digits.iter().fold(root, |state, &digit| self.step(state, digit));
        self.label(state)
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
