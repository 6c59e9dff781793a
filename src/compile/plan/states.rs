//! Where an automaton's states are collected, each of them once.
//!
//! States are made children first, and a state that equals an existing one (same label, same
//! successors) is that one. Built this way an acyclic automaton is minimal when it is finished
//! (Revuz 1992), without a minimisation afterwards, and the automata of all regions share states.
//! The one cycle allowed is a state that leads to itself on every digit: [`States::settled`].

use super::PlanError;
use crate::index::format::SectionWriter;
use std::collections::HashMap;

/// A state while the automaton is being built.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) next: [u32; 10],
    pub(super) label: u16,
}

/// The states of one automaton section.
#[derive(Default)]
pub(super) struct States {
    all: Vec<State>,
    seen: HashMap<State, u32>,
    settled: HashMap<u16, u32>,
}

impl States {
    /// The state with this label and these successors.
    pub(super) fn state(&mut self, label: u16, next: [u32; 10]) -> u32 {
        if let Some(&settled) = self.settled.get(&label)
            && next == [settled; 10]
        {
            return settled;
        }
        let state = State { next, label };
        *self.seen.entry(state).or_insert_with(|| {
            self.all.push(state);
            self.all.len() as u32 - 1
        })
    }

    /// The state that keeps this label whatever follows.
    pub(super) fn settled(&mut self, label: u16) -> u32 {
        *self.settled.entry(label).or_insert_with(|| {
            let id = self.all.len() as u32;
            self.all.push(State { next: [id; 10], label });
            id
        })
    }

    /// The state with this id.
    pub(super) fn get(&self, id: u32) -> State {
        self.all[id as usize]
    }

    /// Refuses to collect more than a multiple of what can be packed: most states of honest
    /// metadata are kept, so that hostile metadata is caught before it fills the memory.
    pub(super) fn check(&self, section: &'static str) -> Result<(), PlanError> {
        if self.all.len() > 2_000_000 {
            return Err(PlanError::TooLarge { what: format!("the automaton {section} has {} states", self.all.len()) });
        }
        Ok(())
    }

    /// How many states there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The automaton that answers like the one at `root`, but with `relabel(label)` for every
    /// number that begins with `prefix`.
    pub(super) fn overlay(&mut self, root: u32, prefix: &[u8], relabel: &dyn Fn(u16) -> u16) -> u32 {
        let Some((&digit, rest)) = prefix.split_first() else {
            return self.relabelled(root, relabel, &mut HashMap::new());
        };
        let State { mut next, label } = self.get(root);
        let slot = (digit - b'0') as usize;
        next[slot] = self.overlay(next[slot], rest, relabel);
        self.state(label, next)
    }

    fn relabelled(&mut self, id: u32, relabel: &dyn Fn(u16) -> u16, done: &mut HashMap<u32, u32>) -> u32 {
        if let Some(&new) = done.get(&id) {
            return new;
        }
        let State { next, label } = self.get(id);
        let new = if next == [id; 10] {
            self.settled(relabel(label))
        } else {
            let next = next.map(|n| self.relabelled(n, relabel, done));
            self.state(relabel(label), next)
        };
        done.insert(id, new);
        new
    }

    /// Drops the states that no root leads to and numbers the rest in the order of a breadth-first
    /// walk, so that the states of the first digits, which every call reads, lie together.
    /// `section` names the automaton in the error.
    pub(super) fn pack(&self, roots: &[u32], section: &'static str) -> Result<Packed, PlanError> {
        let mut place: HashMap<u32, u16> = HashMap::new();
        let mut order: Vec<u32> = Vec::new();
        let mut visit = |id: u32, order: &mut Vec<u32>| -> Result<u16, PlanError> {
            if let Some(&at) = place.get(&id) {
                return Ok(at);
            }
            let at = u16::try_from(order.len()).ok().filter(|&at| at < u16::MAX).ok_or_else(|| {
                PlanError::TooLarge { what: format!("the automaton {section} needs more than {} states", u16::MAX - 1) }
            })?;
            place.insert(id, at);
            order.push(id);
            Ok(at)
        };
        let packed_roots = roots.iter().map(|&r| visit(r, &mut order)).collect::<Result<Vec<u16>, _>>()?;
        let mut bytes = SectionWriter::default();
        let mut at = 0;
        while let Some(&id) = order.get(at) {
            let State { next, label } = self.get(id);
            for n in next {
                bytes.u16(visit(n, &mut order)?);
            }
            bytes.u16(label);
            at += 1;
        }
        Ok(Packed { roots: packed_roots, bytes: bytes.0 })
    }
}

/// A finished automaton: its states as they lie in the file, and where its roots are.
pub(super) struct Packed {
    pub(super) roots: Vec<u16>,
    pub(super) bytes: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_states_are_one() {
        let mut states = States::default();
        let none = states.settled(0);
        let a = states.state(1, [none; 10]);
        assert_eq!(states.state(1, [none; 10]), a);
        assert_eq!(states.state(0, [none; 10]), none);
        assert_eq!(states.len(), 2);
    }

    #[test]
    fn overlay_changes_one_prefix_only() {
        let mut states = States::default();
        let seven = states.settled(7);
        let root = states.overlay(seven, b"12", &|label| label + 1);
        let walk = |digits: &[u8]| digits.iter().fold(root, |s, d| states.get(s).next[(d - b'0') as usize]);
        assert_eq!(states.get(walk(b"1")).label, 7);
        assert_eq!(states.get(walk(b"12")).label, 8);
        assert_eq!(states.get(walk(b"1234")).label, 8);
        assert_eq!(states.get(walk(b"13")).label, 7);
    }

    #[test]
    fn packing_drops_what_nobody_reaches() {
        let mut states = States::default();
        states.settled(9);
        let none = states.settled(0);
        let root = states.state(1, [none; 10]);
        let packed = states.pack(&[root], "TEST").unwrap();
        assert_eq!(packed.roots, [0]);
        assert_eq!(packed.bytes.len(), 2 * crate::automaton::STATE_BYTES);
    }
}
