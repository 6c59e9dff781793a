//! From E.164 digits to region and type: all regions of all calling codes in one automaton.
//!
//! For one calling code the automata of all its regions' patterns are stepped together, and every
//! tuple of their states that can be reached becomes a state labelled with libphonenumber's answer
//! for numbers that end there. A type counts only at the lengths that it allows, so the number of
//! digits is part of the tuple. Tuples that can no longer differ are made equal before they are
//! looked up, which is what keeps the product small; [`States`] does the rest.
//!
//! The answers are those of `PhoneNumberUtil::getNumberType` and `getRegionCodeForNumber`:
//!
//! - Within a region the general pattern must match; then the first type of [`KINDS`] that matches
//!   counts. Fixed line and mobile both matching, or having one pattern, is "either".
//! - Of several regions that share a code, asked in order (main region first), one with leading
//!   digits takes every number that begins with them, valid or not; one without takes the numbers
//!   that have a type there. A region that has its code for itself takes them all.

use super::{
    PlanError,
    dfa::Dfa,
    states::States,
    xml::{File, Territory},
};
use crate::NumberType;
use std::collections::HashMap;

/// The metadata's elements in libphonenumber's order of precedence. Behind the general one, the
/// position is the [`NumberType`]'s code.
const KINDS: [&str; 11] = [
    "generalDesc",
    "premiumRate",
    "tollFree",
    "sharedCost",
    "voip",
    "personalNumber",
    "pager",
    "uan",
    "voicemail",
    "fixedLine",
    "mobile",
];
const GENERAL: usize = 0;
const FIXED_LINE: usize = NumberType::FixedLine as usize;
const MOBILE: usize = NumberType::Mobile as usize;
/// Where a region's leading digits stand in its part of the tuple.
const LEADING: usize = KINDS.len();
const WIDTH: usize = LEADING + 1;
/// Lengths are bits of a `u32`.
const MAX_NATIONAL_DIGITS: usize = 31;
/// Today's metadata needs 60,000 for the whole world.
const MAX_TUPLES: usize = 3_000_000;

/// Bits of a label, as `plan::Class` reads them.
const REGION_SHIFT: u16 = 4;
const SATELLITE: u16 = 1 << 12;

/// Prefixes whose calls are carried by satellite, whatever their type: the class `satellite` of
/// policies. Calls there cost several euros a minute and are a classic of toll fraud, so a network
/// that reaches its subscribers over a satellite link only (ships, aircraft, Antarctica) counts.
///
/// Sources: libphonenumber's metadata comments on +870, +881 and +882 (Inmarsat; Iridium and
/// Globalstar; its "list of all international satellite number prefixes"). +882 20, 42, 98 and 99
/// are not in that list; their operators are known to serve ships and aircraft, or to have had
/// satellites, and all of +882 is dear. The metadata's list also names +882 37, but says itself that
/// AT&T confirmed those as its ordinary mobile numbers, so it is not here. Of +883 (IoT and VoIP
/// carriers) no code is known to be a satellite network.
const SATELLITE_PREFIXES: [&str; 11] = [
    "870",   // Inmarsat
    "881",   // Global Mobile Satellite System: Iridium, Globalstar
    "88213", // Telespazio (EMSAT)
    "88216", // Thuraya
    "88220", // Garuda (ACeS)
    "88232", // Maritime Communications Partner: ships
    "88234", // BebbiCell, formerly Global Networks Switzerland: Antarctica
    "88242", // Seanet: ships
    "88252", // China Telecom Satellite
    "88298", // SITA OnAir: aircraft
    "88299", // AeroMobile: aircraft
];

/// The metadata gives Western Sahara 528[89] and Morocco a leading-digits pattern that covers it,
/// so that libphonenumber never answers EH. We do.
const WESTERN_SAHARA_PREFIXES: [&str; 2] = ["2125288", "2125289"];

/// A region's patterns, compiled.
struct Region {
    /// Index in the list of territories, plus one.
    number: u16,
    kinds: [Option<(Dfa, u32)>; KINDS.len()],
    leading_digits: Option<Dfa>,
    fixed_line_is_mobile: bool,
}

impl Region {
    fn new(territory: &Territory, index: usize) -> Result<Region, PlanError> {
        let fail = |element: &str, what| PlanError::Territory {
            file: File::Phone.name(),
            territory: territory.label(),
            element: element.to_owned(),
            what,
        };
        let mut kinds: [Option<(Dfa, u32)>; KINDS.len()] = Default::default();
        for (kind, name) in kinds.iter_mut().zip(KINDS) {
            if let Some(description) = territory.descriptions.get(name) {
                let dfa = Dfa::whole(&description.pattern).map_err(|what| fail(name, what))?;
                *kind = Some((dfa, territory.lengths_of(name, description)));
            }
        }
        let leading_digits = match &territory.leading_digits {
            Some(pattern) => Some(Dfa::beginning(pattern).map_err(|what| fail("leadingDigits", what))?),
            None => None,
        };
        let pattern = |name: &str| territory.descriptions.get(name).map(|d| &d.pattern);
        let fixed_line_is_mobile = pattern("mobile").is_some() && pattern("mobile") == pattern("fixedLine");
        Ok(Region { number: index as u16 + 1, kinds, leading_digits, fixed_line_is_mobile })
    }

    fn label(&self, number_type: NumberType) -> u16 {
        self.number << REGION_SHIFT | number_type as u16
    }

    /// The type of a number of `digits` digits that brought this region's patterns to `tuple`.
    fn number_type(&self, tuple: &[u16], digits: usize) -> NumberType {
        let matches = |kind: usize| {
            self.kinds[kind]
                .as_ref()
                .is_some_and(|(dfa, lengths)| lengths >> digits & 1 == 1 && dfa.accepts(tuple[kind]))
        };
        if !matches(GENERAL) {
            return NumberType::Unknown;
        }
        if let Some(code) = (GENERAL + 1..FIXED_LINE).find(|&kind| matches(kind)) {
            return NumberType::ALL[code];
        }
        match (matches(FIXED_LINE), matches(MOBILE)) {
            (true, mobile) if mobile || self.fixed_line_is_mobile => NumberType::FixedLineOrMobile,
            (true, _) => NumberType::FixedLine,
            (false, true) => NumberType::Mobile,
            (false, false) => NumberType::Unknown,
        }
    }
}

/// Builds the automaton of the whole world; the root stands before the calling code's first digit.
pub(super) fn world(territories: &[Territory], states: &mut States) -> Result<u32, PlanError> {
    let mut by_code: Vec<Vec<usize>> = vec![Vec::new(); 1000];
    for (index, territory) in territories.iter().enumerate() {
        let sharing = &mut by_code[territory.calling_code as usize];
        if territory.is_main {
            sharing.insert(0, index);
        } else {
            sharing.push(index);
        }
    }
    let mut roots: HashMap<u16, u32> = HashMap::new();
    let mut tuples = 0;
    for (code, sharing) in by_code.iter().enumerate().filter(|(_, sharing)| !sharing.is_empty()) {
        let regions =
            sharing.iter().map(|&i| Region::new(&territories[i], i)).collect::<Result<Vec<Region>, PlanError>>()?;
        let mut product = Product { regions: &regions, states, done: HashMap::new(), tuples };
        roots.insert(code as u16, product.root()?);
        tuples = product.tuples;
    }
    let mut root = calling_codes(states, &roots, 0, 0);
    for prefix in SATELLITE_PREFIXES {
        root = states.overlay(root, prefix.as_bytes(), &|label| label | SATELLITE);
    }
    let number_of = |id: &str| territories.iter().position(|t| t.id == id).map(|index| index as u16 + 1);
    if let (Some(morocco), Some(sahara)) = (number_of("MA"), number_of("EH")) {
        for prefix in WESTERN_SAHARA_PREFIXES {
            root = states.overlay(root, prefix.as_bytes(), &|label| {
                if label >> REGION_SHIFT == morocco { sahara << REGION_SHIFT | label & 15 } else { label }
            });
        }
    }
    Ok(root)
}

/// The digits of the calling codes on top of the codes' own automata. No code begins with another,
/// and none with 0.
fn calling_codes(states: &mut States, roots: &HashMap<u16, u32>, code: u16, digits: usize) -> u32 {
    if let Some(&root) = roots.get(&code).filter(|_| digits > 0) {
        return root;
    }
    let nobody = states.settled(0);
    if digits == 3 {
        return nobody;
    }
    let next = std::array::from_fn(|digit| {
        if digits == 0 && digit == 0 {
            nobody
        } else {
            calling_codes(states, roots, code * 10 + digit as u16, digits + 1)
        }
    });
    states.state(0, next)
}

/// The patterns of all regions of one calling code, stepped together.
struct Product<'a> {
    regions: &'a [Region],
    states: &'a mut States,
    done: HashMap<(Vec<u16>, usize), u32>,
    tuples: usize,
}

impl Product<'_> {
    fn root(&mut self) -> Result<u32, PlanError> {
        let start = |dfa: &Dfa| dfa.start();
        let tuple = self
            .regions
            .iter()
            .flat_map(|region| {
                let kinds = region.kinds.iter().map(|kind| kind.as_ref().map_or(0, |(dfa, _)| start(dfa)));
                kinds.chain([region.leading_digits.as_ref().map_or(0, start)]).collect::<Vec<u16>>()
            })
            .collect();
        self.state(tuple, 0)
    }

    fn label(&self, tuple: &[u16], digits: usize) -> u16 {
        if let [only] = self.regions {
            return only.label(only.number_type(tuple, digits));
        }
        for (region, tuple) in self.regions.iter().zip(tuple.chunks_exact(WIDTH)) {
            let number_type = region.number_type(tuple, digits);
            let takes = match &region.leading_digits {
                Some(leading) => leading.accepts(tuple[LEADING]),
                None => number_type != NumberType::Unknown,
            };
            if takes {
                return region.label(number_type);
            }
        }
        0
    }

    /// Sets to dead what can no longer contribute to any label, so that more tuples are equal.
    fn canonical(&self, tuple: &mut [u16], digits: usize) {
        for (region, tuple) in self.regions.iter().zip(tuple.chunks_exact_mut(WIDTH)) {
            for (kind, state) in region.kinds.iter().zip(tuple.iter_mut()) {
                if kind.as_ref().is_some_and(|(_, lengths)| lengths >> digits == 0) {
                    *state = 0;
                }
            }
            let (general, types) = tuple[..LEADING].split_at_mut(GENERAL + 1);
            if general[0] == 0 {
                types.fill(0);
            } else if types.iter().all(|&state| state == 0) {
                general[0] = 0;
            }
        }
    }

    /// Whether more digits can still change the label.
    fn open(&self, tuple: &[u16]) -> bool {
        self.regions.iter().zip(tuple.chunks_exact(WIDTH)).any(|(region, tuple)| {
            let leading = tuple[LEADING];
            tuple[..LEADING].iter().any(|&state| state != 0)
                || region.leading_digits.as_ref().is_some_and(|dfa| leading != 0 && !dfa.always_accepts(leading))
        })
    }

    fn state(&mut self, mut tuple: Vec<u16>, digits: usize) -> Result<u32, PlanError> {
        self.canonical(&mut tuple, digits);
        let label = self.label(&tuple, digits);
        if digits == MAX_NATIONAL_DIGITS || !self.open(&tuple) {
            return Ok(self.states.settled(label));
        }
        let key = (tuple, digits);
        if let Some(&state) = self.done.get(&key) {
            return Ok(state);
        }
        self.tuples += 1;
        if self.tuples > MAX_TUPLES {
            return Err(PlanError::TooLarge { what: format!("the types need more than {MAX_TUPLES} states") });
        }
        let mut next = [0; 10];
        for (digit, next) in next.iter_mut().enumerate() {
            let mut after = key.0.clone();
            for (region, tuple) in self.regions.iter().zip(after.chunks_exact_mut(WIDTH)) {
                let dfas = region.kinds.iter().map(|kind| kind.as_ref().map(|(dfa, _)| dfa));
                for (dfa, state) in dfas.chain([region.leading_digits.as_ref()]).zip(tuple) {
                    *state = dfa.map_or(0, |dfa| dfa.step(*state, digit));
                }
            }
            *next = self.state(after, digits + 1)?;
        }
        let state = self.states.state(label, next);
        self.done.insert(key, state);
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_at_their_types_codes() {
        // `NumberType::ALL[code]` above relies on it.
        assert_eq!(KINDS[NumberType::PremiumRate as usize], "premiumRate");
        assert_eq!(KINDS[NumberType::Voicemail as usize], "voicemail");
        assert_eq!(KINDS[FIXED_LINE], "fixedLine");
        assert_eq!(KINDS[MOBILE], "mobile");
    }
}
