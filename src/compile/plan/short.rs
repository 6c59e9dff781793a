//! Short and emergency numbers: one automaton a region, of states shared by all.
//!
//! The answers are those of libphonenumber's `ShortNumberInfo`: `isEmergencyNumber`,
//! `connectsToEmergencyNumber`, `isValidShortNumberForRegion`, `getExpectedCostForRegion` and
//! `isCarrierSpecificForRegion`, each in bits of the label.

use super::{
    PlanError,
    dfa::Dfa,
    states::States,
    xml::{File, Territory},
};
use crate::plan::short;
use std::collections::HashMap;

/// Where exchanges do not ignore the digits behind an emergency number (libphonenumber's
/// `REGIONS_WHERE_EMERGENCY_NUMBERS_MUST_BE_EXACT`; the metadata does not say it).
const EXACT_EMERGENCY: [&str; 3] = ["BR", "CL", "NI"];

const KINDS: [&str; 7] =
    ["generalDesc", "emergency", "shortCode", "premiumRate", "standardRate", "tollFree", "carrierSpecific"];
const GENERAL: usize = 0;
const EMERGENCY: usize = 1;
const SHORT_CODE: usize = 2;
const PREMIUM_RATE: usize = 3;
const STANDARD_RATE: usize = 4;
const TOLL_FREE: usize = 5;
const CARRIER_SPECIFIC: usize = 6;
/// The emergency pattern again, matched at the beginning.
const EMERGENCY_BEGINS: usize = KINDS.len();
const WIDTH: usize = EMERGENCY_BEGINS + 1;
/// Short numbers are a handful of digits; what a pattern says behind so many is never asked.
const MAX_DIGITS: usize = 18;
/// For one region; today's largest needs a few thousand.
const MAX_TUPLES: usize = 500_000;

/// Whether exchanges of this region ignore the digits behind an emergency number.
pub(super) fn ignores_trailing_digits(territory: &Territory) -> bool {
    !EXACT_EMERGENCY.contains(&territory.id.as_str())
}

/// Adds a region's automaton and returns its root.
pub(super) fn region(territory: &Territory, states: &mut States) -> Result<u32, PlanError> {
    let compile = |name: &str, compile: fn(&str) -> Result<Dfa, String>| match territory.descriptions.get(name) {
        None => Ok(None),
        Some(description) => match compile(&description.pattern) {
            Ok(dfa) => Ok(Some((dfa, territory.lengths_of(name, description)))),
            Err(what) => Err(PlanError::Territory {
                file: File::Short.name(),
                territory: territory.label(),
                element: name.to_owned(),
                what,
            }),
        },
    };
    let mut patterns: [Option<(Dfa, u32)>; WIDTH] = Default::default();
    for (pattern, name) in patterns.iter_mut().zip(KINDS) {
        *pattern = compile(name, Dfa::whole)?;
    }
    patterns[EMERGENCY_BEGINS] =
        compile("emergency", if ignores_trailing_digits(territory) { Dfa::beginning } else { Dfa::whole })?;
    let start = std::array::from_fn(|i| patterns[i].as_ref().map_or(0, |(dfa, _)| dfa.start()));
    let root = Product { patterns, states, done: HashMap::new() }.state(start, 0)?;
    states.check("SHRT")?;
    Ok(root)
}

struct Product<'a> {
    patterns: [Option<(Dfa, u32)>; WIDTH],
    states: &'a mut States,
    done: HashMap<([u16; WIDTH], usize), u32>,
}

impl Product<'_> {
    fn label(&self, tuple: [u16; WIDTH], digits: usize) -> u16 {
        let matches_pattern = |i: usize| self.patterns[i].as_ref().is_some_and(|(dfa, _)| dfa.accepts(tuple[i]));
        let length_allowed =
            |i: usize| self.patterns[i].as_ref().is_some_and(|(_, lengths)| lengths >> digits & 1 == 1);
        let matches = |i: usize| matches_pattern(i) && length_allowed(i);
        let mut label = 0;
        // libphonenumber asks emergency patterns without looking at the possible lengths.
        if matches_pattern(EMERGENCY) {
            label |= short::EMERGENCY;
        }
        if matches_pattern(EMERGENCY_BEGINS) {
            label |= short::EMERGENCY_BEGINS;
        }
        if matches(GENERAL) && matches(SHORT_CODE) {
            label |= short::VALID;
        }
        if length_allowed(GENERAL) {
            let cost = if matches(PREMIUM_RATE) {
                short::PREMIUM_RATE
            } else if matches(STANDARD_RATE) {
                short::STANDARD_RATE
            } else if matches(TOLL_FREE) || matches_pattern(EMERGENCY) {
                short::TOLL_FREE
            } else {
                short::UNKNOWN_COST
            };
            label |= cost << short::COST_SHIFT;
        }
        if matches(CARRIER_SPECIFIC) {
            label |= short::CARRIER_SPECIFIC;
        }
        label
    }

    fn state(&mut self, tuple: [u16; WIDTH], digits: usize) -> Result<u32, PlanError> {
        let label = self.label(tuple, digits);
        let begins = tuple[EMERGENCY_BEGINS];
        let decided =
            begins == 0 || self.patterns[EMERGENCY_BEGINS].as_ref().is_some_and(|(dfa, _)| dfa.always_accepts(begins));
        if tuple[..EMERGENCY_BEGINS].iter().all(|&state| state == 0) && decided {
            return Ok(self.states.settled(label));
        }
        if digits == MAX_DIGITS {
            return Ok(self.states.settled(label & short::EMERGENCY_BEGINS));
        }
        if let Some(&state) = self.done.get(&(tuple, digits)) {
            return Ok(state);
        }
        if self.done.len() == MAX_TUPLES {
            return Err(PlanError::TooLarge { what: format!("short numbers need more than {MAX_TUPLES} states") });
        }
        let mut next = [0; 10];
        for (digit, next) in next.iter_mut().enumerate() {
            let step = |i: usize| self.patterns[i].as_ref().map_or(0, |(dfa, _)| dfa.step(tuple[i], digit));
            *next = self.state(std::array::from_fn(step), digits + 1)?;
        }
        let state = self.states.state(label, next);
        self.done.insert((tuple, digits), state);
        Ok(state)
    }
}
