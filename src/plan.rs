//! The numbering plan: from E.164 digits to region and type.
//!
//! [`Plan::decode`] checks every byte of the plan's sections once; after that no question can fail.
//! The answers are libphonenumber's, with two exceptions: numbers of Western Sahara get their own
//! region, and numbers longer than the 17 national digits that libphonenumber parses are still
//! given the region that their beginning decides. There is no regular expression here; the plan's
//! compiler turned all of them into automata (`docs/format.md`, "Plan sections").

use crate::{
    automaton::{Automaton, HEADS, Shortcut, head_of},
    dial::{DialPlan, Reading, Site},
    error::Error,
    index::format::{Kind, Sections},
    number::{Number, NumberType, Region},
    text::{self, Digits},
    verdict::Direction,
};

/// The plan's sections, in the order in which they are written.
#[cfg(any(feature = "compile", test))]
pub(crate) const SECTIONS: [&str; 6] = ["PINF", "TERR", "CLAS", "DIAL", "ACTN", "SHRT"];
/// A territory's number (its position plus one) has eight bits in a label.
pub(crate) const MAX_TERRITORIES: usize = 255;
/// Written where a territory has no automaton of a kind.
pub(crate) const NO_AUTOMATON: u16 = u16::MAX;
/// The most digits that a transform rule can put in front.
pub(crate) const MAX_LITERAL: usize = 8;
const TERRITORY_BYTES: usize = 24;
const ACTION_BYTES: usize = 4 + MAX_LITERAL;
/// A source's name and digest, at the least.
const SOURCE_BYTES: usize = 2 + 32;

/// Bits of a territory's flags on disk.
pub(crate) mod territory_flags {
    /// The main territory of its calling code.
    pub(crate) const MAIN: u8 = 1;
    /// Digits behind an emergency number change nothing here.
    pub(crate) const EMERGENCY_IGNORES_TRAILING: u8 = 2;
    pub(crate) const ALL: u8 = MAIN | EMERGENCY_IGNORES_TRAILING;
}

/// Bits of a label in the short numbers' automaton.
pub(crate) mod short {
    /// The digits are an emergency number.
    pub(crate) const EMERGENCY: u16 = 1;
    /// The digits are an emergency number, or begin with one where that is enough.
    pub(crate) const EMERGENCY_BEGINS: u16 = 2;
    /// The digits are a valid short number.
    pub(crate) const VALID: u16 = 4;
    /// Two bits of cost.
    pub(crate) const COST_SHIFT: u16 = 3;
    #[cfg(feature = "compile")]
    pub(crate) const UNKNOWN_COST: u16 = 0;
    pub(crate) const TOLL_FREE: u16 = 1;
    pub(crate) const STANDARD_RATE: u16 = 2;
    pub(crate) const PREMIUM_RATE: u16 = 3;
    /// The number means something else at each carrier.
    pub(crate) const CARRIER_SPECIFIC: u16 = 32;
    pub(crate) const ALL: u16 = EMERGENCY | EMERGENCY_BEGINS | VALID | 3 << COST_SHIFT | CARRIER_SPECIFIC;
}

const TYPE_BITS: u16 = 15;
const TERRITORY_SHIFT: u16 = 4;
const SATELLITE: u16 = 1 << 12;
const CLASS_BITS: u16 = SATELLITE | (SATELLITE - 1);

/// By a label's type bits.
const TYPES: [NumberType; TYPE_BITS as usize + 1] = {
    let mut types = [NumberType::Unknown; TYPE_BITS as usize + 1];
    let mut i = 0;
    while i < NumberType::ALL.len() {
        types[i] = NumberType::ALL[i];
        i += 1;
    }
    types
};

/// What the plan says about a number: a label of its automaton, checked when that was decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Class(u16);

impl Class {
    /// What is no number is nobody's.
    pub(crate) const NOBODY: Class = Class(0);

    /// The territory's position plus one; 0 for none.
    #[inline]
    pub(crate) fn territory(self) -> u8 {
        (self.0 >> TERRITORY_SHIFT) as u8
    }

    #[inline]
    pub(crate) fn number_type(self) -> NumberType {
        TYPES[usize::from(self.type_code())]
    }

    /// The number type's discriminant.
    #[inline]
    pub(crate) fn type_code(self) -> u8 {
        (self.0 & TYPE_BITS) as u8
    }

    /// The call would be carried by satellite, whatever the type.
    #[inline]
    pub(crate) fn is_satellite(self) -> bool {
        self.0 & SATELLITE != 0
    }

    /// Whether the plan gives the number to somebody.
    #[inline]
    pub(crate) fn is_assigned(self) -> bool {
        self.type_code() != NumberType::Unknown as u8
    }
}

/// A region with its dial tables.
#[derive(Debug)]
pub(crate) struct Territory {
    pub region: Region,
    pub calling_code: u16,
    /// The same in ASCII digits, the first so many of three.
    calling_code_digits: ([u8; 3], u8),
    // The automaton says it too, digit by digit; this is for the policy compiler.
    #[cfg_attr(not(feature = "compile"), allow(dead_code))]
    pub(crate) emergency_ignores_trailing: bool,
    /// Bit n: national numbers of n digits are possible.
    pub(crate) lengths: u32,
    /// Bit n: n digits are possible inside an area only.
    pub(crate) local_lengths: u32,
    /// Roots in the dial automaton.
    pub(crate) international_prefix: Option<u16>,
    pub(crate) national_prefix: Option<u16>,
    pub(crate) general: u16,
    /// Root in the short numbers' automaton.
    pub(crate) short: Option<u16>,
}

impl Territory {
    /// The calling code in ASCII digits.
    #[inline]
    pub(crate) fn calling_code_digits(&self) -> &[u8] {
        let (digits, len) = &self.calling_code_digits;
        digits.get(..*len as usize).unwrap_or_default()
    }
}

/// What the first three digits of an international number say.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// How many digits the calling code has.
    calling_code_len: u8,
    /// Bit d: national digits that begin with d may have a national prefix.
    may_have_prefix: u16,
}

impl Head {
    /// Of no calling code: nothing is read as it stands.
    const NONE: Head = Head { calling_code_len: 0, may_have_prefix: u16::MAX };
}

/// A calling code in ASCII digits, and how many there are.
fn code_digits(code: u16) -> ([u8; 3], u8) {
    let digit = |divisor: u16| b'0' + (code / divisor % 10) as u8;
    match code {
        0..10 => ([digit(1), 0, 0], 1),
        10..100 => ([digit(10), digit(1), 0], 2),
        _ => ([digit(100), digit(10), digit(1)], 3),
    }
}

/// What stripping a prefix does to the digits `d`: they become `literal + d[from..to] + d[end..]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Action {
    pub(crate) literal: [u8; MAX_LITERAL],
    pub(crate) literal_len: u8,
    pub(crate) from: u8,
    pub(crate) to: u8,
    /// Where the match ends.
    pub(crate) end: u8,
}

impl Action {
    /// Whether digits are dropped from the front and nothing else happens.
    #[inline]
    pub(crate) fn only_strips(&self) -> bool {
        self.literal_len == 0 && self.from == self.to
    }

    /// Appends the transformed digits to `out`. False, and nothing appended, where the action asks
    /// for digits that are not there, which a plan that our compiler wrote never does.
    #[inline]
    pub(crate) fn apply(&self, digits: &[u8], out: &mut Digits) -> bool {
        let literal = self.literal.get(..self.literal_len as usize);
        let kept = digits.get(self.from as usize..self.to as usize);
        let rest = digits.get(self.end as usize..);
        let (Some(literal), Some(kept), Some(rest)) = (literal, kept, rest) else { return false };
        for &digit in literal.iter().chain(kept).chain(rest) {
            out.push(digit);
        }
        true
    }
}

/// The decoded plan.
#[derive(Debug)]
pub(crate) struct Plan {
    territories: Box<[Territory]>,
    /// By calling code: the number of its main territory, 0 where there is no such code.
    by_calling_code: Box<[u8]>,
    /// By territory: its region, none for 0 and those that there are not.
    regions: [Region; 256],
    /// By three digits that a number may begin with.
    heads: [Head; HEADS],
    /// By two letters: the number of the territory, 0 where there is none.
    by_region: Box<[u8]>,
    classes: Automaton,
    /// The same, for whole numbers.
    whole_classes: Shortcut,
    pub(crate) dial: Automaton,
    pub(crate) actions: Box<[Action]>,
    pub(crate) short: Automaton,
    metadata_version: String,
    source_digests: Vec<(String, [u8; 32])>,
}

impl Plan {
    /// Reads the plan's sections out of a plan file or an index, and checks all of them.
    pub(crate) fn decode(bytes: &[u8], sections: &Sections) -> Result<Plan, Error> {
        let (metadata_version, source_digests) = decode_info(bytes, sections)?;
        let automaton = |tag| sections.cursor(bytes, tag).and_then(|mut c| Automaton::decode(c.rest(), tag, 0));
        let classes = automaton("CLAS")?;
        let dial = automaton("DIAL")?;
        let short = automaton("SHRT")?;
        let actions = decode_actions(bytes, sections)?;
        let (territories, main) = decode_territories(bytes, sections, &dial, &short)?;

        let check = |tag, automaton: &Automaton, valid: &dyn Fn(u16) -> bool| -> Result<(), Error> {
            // A state's number is a u16, so that the count cannot overflow one.
            for state in 0..automaton.len().min(NO_AUTOMATON as usize) {
                if !valid(automaton.label(state as u16)) {
                    let offset = (state * crate::automaton::STATE_BYTES) as u64;
                    return Err(Error::Corrupt { section: tag, offset, what: "a state's label means nothing" });
                }
            }
            Ok(())
        };
        check("CLAS", &classes, &|label| {
            label & !CLASS_BITS == 0
                && usize::from((label >> TERRITORY_SHIFT) as u8) <= territories.len()
                && usize::from(label & TYPE_BITS) < NumberType::ALL.len()
        })?;
        check("DIAL", &dial, &|label| usize::from(label) <= actions.len().max(1))?;
        check("SHRT", &short, &|label| label & !short::ALL == 0)?;

        let mut by_calling_code = vec![0u8; 1000];
        let mut by_region = vec![0u8; 26 * 26];
        let mut regions = [Region::NONE; 256];
        for (i, territory) in territories.iter().enumerate() {
            let number = i as u8 + 1;
            regions[usize::from(number)] = territory.region;
            if let Some(slot) = by_calling_code.get_mut(territory.calling_code as usize)
                && (*slot == 0 || main[i])
            {
                *slot = number;
            }
            if let Some(slot) = region_slot(territory.region).and_then(|at| by_region.get_mut(at)) {
                *slot = number;
            }
        }
        let whole_classes = Shortcut::of(&classes);
        let mut plan = Plan {
            heads: [Head::NONE; HEADS],
            regions,
            territories: territories.into(),
            by_calling_code: by_calling_code.into(),
            by_region: by_region.into(),
            whole_classes,
            classes,
            dial,
            actions: actions.into(),
            short,
            metadata_version,
            source_digests,
        };
        for head in 0..1000 {
            plan.heads[usize::from(head)] = plan.head(head);
        }
        Ok(plan)
    }

    /// What is said of numbers that begin with these three digits.
    fn head(&self, head: u16) -> Head {
        let digits = [head / 100, head / 10 % 10, head % 10].map(|digit| b'0' + digit as u8);
        let Some((code, length)) = self.calling_code_of(&digits) else { return Head::NONE };
        let root = self.main_territory(code).and_then(|territory| territory.national_prefix);
        let bit = |digit| {
            root.map(|root| self.dial.step(root, digit))
                .is_some_and(|state| !self.dial.is_settled(state) || self.dial.label(state) != 0)
        };
        Head {
            calling_code_len: length as u8,
            may_have_prefix: (0..10).map(|digit| u16::from(bit(digit)) << digit).sum(),
        }
    }

    /// The class of an international number that is read as it stands: a calling code, and national
    /// digits that cannot have a national prefix. None where that has to be looked at closely.
    #[inline(always)]
    pub(crate) fn classify_standing(&self, e164: &[u8]) -> Option<Class> {
        let head = &self.heads[head_of(e164.first_chunk()?)];
        let national = *e164.get(head.calling_code_len as usize)?;
        if head.may_have_prefix >> (national & 15) & 1 == 1 {
            return None;
        }
        self.whole_classes.label(e164).map(Class)
    }

    /// The class of a number, in ASCII digits without plus.
    #[inline]
    pub(crate) fn classify(&self, e164: &[u8]) -> Class {
        let label = self.whole_classes.label(e164).unwrap_or_else(|| self.classes.walk_all(0, e164));
        Class(label)
    }

    /// The class of every proper, non-empty prefix of the digits, shortest first: how many digits
    /// it has, and its class.
    #[inline]
    pub(crate) fn classify_prefixes(&self, e164: &[u8], mut f: impl FnMut(usize, Class)) {
        let mut state = 0;
        for (i, &digit) in e164.iter().take(e164.len().saturating_sub(1)).enumerate() {
            state = self.classes.step(state, digit);
            f(i + 1, Class(self.classes.label(state)));
        }
    }

    /// The automaton that numbers are classified with; its root is 0.
    #[cfg(feature = "compile")]
    pub(crate) fn classes(&self) -> &Automaton {
        &self.classes
    }

    /// Whether a number that ends in this state of [`Plan::classes`] is assigned.
    #[cfg(feature = "compile")]
    pub(crate) fn is_assigned_state(&self, state: u16) -> bool {
        Class(self.classes.label(state)).is_assigned()
    }

    /// The territory whose dial tables a region uses. `001` dials nothing and has none.
    pub(crate) fn territory(&self, region: Region) -> Option<u8> {
        let number = *self.by_region.get(region_slot(region)?)?;
        (number != 0).then_some(number)
    }

    /// The territory with this number.
    #[inline]
    pub(crate) fn territory_of(&self, number: u8) -> Option<&Territory> {
        self.territories.get(usize::from(number).checked_sub(1)?)
    }

    /// The region of a territory; none for 0.
    #[inline]
    pub(crate) fn region(&self, territory: u8) -> Region {
        self.regions[usize::from(territory)]
    }

    /// All territories; one's number is its position plus one.
    pub(crate) fn territories(&self) -> &[Territory] {
        &self.territories
    }

    /// The calling code that a number begins with, and how many digits it has.
    #[inline]
    pub(crate) fn calling_code_of(&self, e164: &[u8]) -> Option<(u16, usize)> {
        let mut code = 0u16;
        for (i, &digit) in e164.iter().take(3).enumerate() {
            code = code * 10 + u16::from(digit & 15);
            // No code begins with 0, so that 0 digits read so far means code 0.
            if code == 0 {
                return None;
            }
            if self.main_territory(code).is_some() {
                return Some((code, i + 1));
            }
        }
        None
    }

    /// The main territory of a calling code: whose dial tables its numbers are read with.
    #[inline]
    pub(crate) fn main_territory(&self, calling_code: u16) -> Option<&Territory> {
        self.territory_of(*self.by_calling_code.get(calling_code as usize)?)
    }

    /// libphonenumber's release, as `9.0.33`.
    pub(crate) fn metadata_version(&self) -> &str {
        &self.metadata_version
    }

    /// The files that the plan was compiled from, and their SHA-256.
    pub(crate) fn source_digests(&self) -> &[(String, [u8; 32])] {
        &self.source_digests
    }
}

/// A region's place in a table by two letters.
fn region_slot(region: Region) -> Option<usize> {
    match region.as_str().as_bytes() {
        &[a, b] => Some(usize::from(a.wrapping_sub(b'A')) * 26 + usize::from(b.wrapping_sub(b'A'))),
        _ => None,
    }
}

type Info = (String, Vec<(String, [u8; 32])>);

fn decode_info(bytes: &[u8], sections: &Sections) -> Result<Info, Error> {
    let mut cursor = sections.cursor(bytes, "PINF")?;
    let version = cursor.text()?.to_owned();
    let count = cursor.count(SOURCE_BYTES)?;
    let mut sources = Vec::with_capacity(count);
    for _ in 0..count {
        sources.push((cursor.text()?.to_owned(), cursor.digest()?));
    }
    cursor.finish()?;
    Ok((version, sources))
}

fn decode_actions(bytes: &[u8], sections: &Sections) -> Result<Vec<Action>, Error> {
    let mut cursor = sections.cursor(bytes, "ACTN")?;
    let count = cursor.count(ACTION_BYTES)?;
    let mut actions = Vec::with_capacity(count);
    for _ in 0..count {
        let at = cursor.position();
        let (from, to, end, literal_len) = (cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let mut literal = [0; MAX_LITERAL];
        literal.copy_from_slice(cursor.take(MAX_LITERAL)?);
        if from > to || to > end {
            return Err(cursor.corrupt(at, "an action keeps digits from behind its match"));
        }
        let split = literal.split_at_checked(literal_len as usize);
        if split.is_none_or(|(used, unused)| !used.iter().all(u8::is_ascii_digit) || unused.iter().any(|&b| b != 0)) {
            return Err(cursor.corrupt(at + 3, "an action's literal is not made of digits"));
        }
        actions.push(Action { literal, literal_len, from, to, end });
    }
    cursor.finish()?;
    Ok(actions)
}

/// The territories, and which of them are main ones.
fn decode_territories(
    bytes: &[u8],
    sections: &Sections,
    dial: &Automaton,
    short: &Automaton,
) -> Result<(Vec<Territory>, Vec<bool>), Error> {
    let mut cursor = sections.cursor(bytes, "TERR")?;
    let count = cursor.count(TERRITORY_BYTES)?;
    if count > MAX_TERRITORIES {
        return Err(cursor.corrupt(0, "there are more territories than labels can name"));
    }
    let mut territories = Vec::with_capacity(count);
    let mut main = Vec::with_capacity(count);
    for _ in 0..count {
        let at = cursor.position();
        let id = cursor.take(3)?;
        let id = id.strip_suffix(&[0]).unwrap_or(id);
        let region = std::str::from_utf8(id)
            .ok()
            .and_then(|id| Region::new(id).filter(|region| region.as_str() == id))
            .ok_or_else(|| cursor.corrupt(at, "a territory's region is neither two capital letters nor 001"))?;
        let flags = cursor.u8()?;
        let calling_code = cursor.u16()?;
        let mut root = |automaton: &Automaton| -> Result<Option<u16>, Error> {
            let at = cursor.position();
            match cursor.u16()? {
                NO_AUTOMATON => Ok(None),
                root if usize::from(root) < automaton.len() => Ok(Some(root)),
                _ => Err(cursor.corrupt(at, "a territory's automaton does not exist")),
            }
        };
        let (international_prefix, national_prefix, general) = (root(dial)?, root(dial)?, root(dial)?);
        let short = root(short)?;
        let reserved = cursor.u16()?;
        if flags & !territory_flags::ALL != 0 || reserved != 0 {
            return Err(cursor.corrupt(at, "a territory's reserved bits are not zero"));
        }
        if !(1..=999).contains(&calling_code) {
            return Err(cursor.corrupt(at + 4, "a territory's calling code is not from 1 to 999"));
        }
        let general = general.ok_or_else(|| cursor.corrupt(at + 10, "a territory has no general pattern"))?;
        main.push(flags & territory_flags::MAIN != 0);
        territories.push(Territory {
            region,
            calling_code,
            calling_code_digits: code_digits(calling_code),
            emergency_ignores_trailing: flags & territory_flags::EMERGENCY_IGNORES_TRAILING != 0,
            lengths: cursor.u32()?,
            local_lengths: cursor.u32()?,
            international_prefix,
            national_prefix,
            general,
            short,
        });
    }
    cursor.finish()?;
    Ok((territories, main))
}

/// What a dialled string is before any policy is asked: the answer of [`NumberingPlan::dial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialling {
    /// An emergency call.
    Emergency,
    /// A caller id that says that there is none.
    Withheld,
    /// A short number of the home region.
    Short,
    /// A number.
    Number(Number),
    /// No number, and why.
    Invalid(&'static str),
}

/// A numbering plan alone, without a policy: reads numbers as they are dialled and says whose they
/// are.
///
/// ```
/// # #[cfg(feature = "compile")] {
/// use tollgate::{NumberType, NumberingPlan, Region};
///
/// let plan = NumberingPlan::from_bytes(tollgate::compile::plan::BUILT_IN).unwrap();
/// let home = Region::new("IT").unwrap();
/// let number = plan.read(home, "02 3661 8300").unwrap();
/// assert_eq!(number.to_string(), "+390236618300");
/// assert_eq!(plan.classify(&number), (home, NumberType::FixedLine));
/// # }
/// ```
#[derive(Debug)]
pub struct NumberingPlan {
    plan: Plan,
}

impl NumberingPlan {
    /// Reads a plan file (`.tgp`).
    ///
    /// # Errors
    ///
    /// [`Error`] where the bytes are no plan file that this release can read.
    pub fn from_bytes(bytes: &[u8]) -> Result<NumberingPlan, Error> {
        let sections = Sections::parse(bytes, Kind::Plan)?;
        Ok(NumberingPlan { plan: Plan::decode(bytes, &sections)? })
    }

    /// The region that a number belongs to, and its type: libphonenumber's `getRegionCodeForNumber`
    /// and `getNumberType`. The region is [`Region::NONE`] where several share the calling code and
    /// none of them claims the number.
    #[must_use]
    pub fn classify(&self, number: &Number) -> (Region, NumberType) {
        let class = self.plan.classify(number.as_bytes());
        (self.plan.region(class.territory()), class.number_type())
    }

    /// Reads a number as it is dialled in the region `home`: libphonenumber's `parse`, which knows
    /// nothing of emergency and short numbers (for these ask [`NumberingPlan::dial`]). `None` where
    /// it is no number. Unlike there, more than 17 national digits are kept.
    #[must_use]
    pub fn read(&self, home: Region, dialled: &str) -> Option<Number> {
        let site = self.site(home);
        let dialled = text::read(dialled.as_bytes());
        match dialled.kind {
            text::Kind::Digits => self.dial_plan(&site).number(&dialled).ok(),
            _ => None,
        }
    }

    /// Reads what is dialled in the region `home` as a call: emergency and short numbers first.
    #[must_use]
    pub fn dial(&self, home: Region, dialled: &str) -> Dialling {
        let site = self.site(home);
        match self.dial_plan(&site).read(&text::read(dialled.as_bytes()), Direction::Outbound) {
            Reading::Emergency => Dialling::Emergency,
            Reading::Withheld => Dialling::Withheld,
            Reading::Short(..) => Dialling::Short,
            Reading::Number(number, _) => Dialling::Number(number),
            Reading::Invalid(why) => Dialling::Invalid(why),
            // The site below has no internal numbers.
            Reading::Internal(_) => Dialling::Invalid("an internal number"),
        }
    }

    /// The regions that numbers can be dialled from, in the metadata's order.
    pub fn regions(&self) -> impl Iterator<Item = Region> {
        self.plan.territories().iter().map(|t| t.region).filter(|&region| region != Region::WORLD)
    }

    /// The emergency numbers of a region, in order: libphonenumber's `isEmergencyNumber`.
    #[cfg(feature = "compile")]
    #[must_use]
    pub fn emergency_numbers(&self, home: Region) -> Vec<String> {
        self.dial_plan(&self.site(home)).emergency_numbers()
    }

    /// Whether digits behind an emergency number change nothing in a region: everywhere but in
    /// Brazil, Chile and Nicaragua (libphonenumber's `connectsToEmergencyNumber`).
    #[must_use]
    pub fn emergency_ignores_trailing_digits(&self, home: Region) -> bool {
        self.dial_plan(&self.site(home)).emergency_ignores_trailing_digits()
    }

    /// The release of libphonenumber that the plan was made from, as `9.0.33`.
    #[must_use]
    pub fn metadata_version(&self) -> &str {
        self.plan.metadata_version()
    }

    fn site(&self, home: Region) -> Site {
        Site {
            home: self.plan.territory(home).unwrap_or(0),
            outside_line: None,
            extensions: 0,
            international_prefixes: Vec::new(),
        }
    }

    fn dial_plan<'a>(&'a self, site: &'a Site) -> DialPlan<'a> {
        DialPlan { plan: &self.plan, site, home: site.home, site_prefixes: true }
    }
}

/// The committed plan, for tests without the compiler.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::index::format::Container;

    pub(crate) const BUILT_IN: &[u8] = include_bytes!("../data/plan/plan.tgp");

    pub(crate) fn built_in() -> Plan {
        Plan::decode(BUILT_IN, &Sections::parse(BUILT_IN, Kind::Plan).unwrap()).unwrap()
    }

    fn class(plan: &Plan, e164: &str) -> (String, NumberType, bool) {
        let class = plan.classify(e164.as_bytes());
        (plan.region(class.territory()).as_str().to_owned(), class.number_type(), class.is_satellite())
    }

    /// Found in Asterisk: with a flat table of five digits, and tails of sixteen labels each, the memory of a process that
    /// reloads its index again and again grew. They took 660 kB. (A plan that takes more than this is a reason to look at
    /// that again: `bindings/asterisk/test/run`.)
    #[test]
    fn what_each_index_derives_of_the_plan_is_small() {
        let bytes = built_in().whole_classes.bytes();
        assert!(bytes < 350_000, "{bytes}");
    }

    /// The plan's short cut says what its automaton says: behind each five digits, at each length.
    #[test]
    fn short_cut_of_the_plan_equals_the_walk() {
        let plan = built_in();
        let mut random = 7u64;
        for first in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = format!("{first:05}{:015}", (random >> 14) % 1_000_000_000_000_000);
            for len in 5..=18 {
                let digits = &digits.as_bytes()[..len];
                assert_eq!(plan.whole_classes.label(digits), Some(plan.classes.walk_all(0, digits)), "{digits:?}");
            }
        }
    }

    #[test]
    fn counts_are_the_metadatas() {
        let plan = built_in();
        assert_eq!(plan.metadata_version(), "9.0.33");
        assert_eq!(plan.territories().len(), 254);
        assert_eq!((1..1000).filter(|&code| plan.main_territory(code).is_some()).count(), 215);
        assert_eq!(plan.territories().iter().filter(|t| t.region == Region::WORLD).count(), 9);
        assert_eq!(plan.territories().iter().filter(|t| t.national_prefix.is_some()).count(), 150);
        assert_eq!(plan.territories().iter().filter(|t| t.international_prefix.is_some()).count(), 245);
        let names: Vec<&str> = plan.source_digests().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["PhoneNumberMetadata.xml", "ShortNumberMetadata.xml"]);
    }

    #[test]
    fn traps_have_their_region_and_type() {
        use NumberType::*;
        let plan = built_in();
        for (e164, region, number_type) in [
            ("390236618300", "IT", FixedLine),
            ("390669812345", "VA", FixedLine),
            ("5491123456789", "AR", Mobile),
            ("551131212345", "BR", FixedLine),
            ("5511961234567", "BR", Mobile),
            ("15551234", "", Unknown),
            ("78005553535", "RU", TollFree),
            ("77012345678", "KZ", Mobile),
            ("442079460018", "GB", FixedLine),
            ("36301234567", "HU", Mobile),
            ("12684641234", "AG", Mobile),
            ("447911123456", "GG", Mobile),
            ("8100777012", "JP", TollFree),
            ("3780549886377", "SM", FixedLine),
            ("4779021234", "SJ", FixedLine),
            ("979123456789", "001", PremiumRate),
            ("", "", Unknown),
            ("0", "", Unknown),
        ] {
            assert_eq!(class(&plan, e164), (region.to_owned(), number_type, false), "+{e164}");
        }
    }

    #[test]
    fn western_sahara_has_its_numbers() {
        let plan = built_in();
        assert_eq!(class(&plan, "212528812345"), ("EH".to_owned(), NumberType::FixedLine, false));
        assert_eq!(class(&plan, "212528912345"), ("EH".to_owned(), NumberType::FixedLine, false));
        assert_eq!(class(&plan, "21252891"), ("EH".to_owned(), NumberType::Unknown, false));
        assert_eq!(class(&plan, "212528712345").0, "MA");
    }

    #[test]
    fn satellite_goes_by_prefix_whatever_the_type() {
        let plan = built_in();
        for e164 in ["870773111632", "870", "881612345678", "88216123", "8821312345678", "8823212345", "88298"] {
            assert!(class(&plan, e164).2, "+{e164}");
        }
        for e164 in ["87", "88", "882", "88210123", "883510012345", "12125550123", "37126123456", "8829"] {
            assert!(!class(&plan, e164).2, "+{e164}");
        }
        assert_eq!(class(&plan, "870773111632"), ("001".to_owned(), NumberType::Mobile, true));
    }

    #[test]
    fn over_long_numbers_keep_their_region() {
        let plan = built_in();
        assert_eq!(class(&plan, "421900123456999999999999999999"), ("SK".to_owned(), NumberType::Unknown, false));
        assert_eq!(class(&plan, "77012345678999999999999999999").0, "KZ");
    }

    #[test]
    fn prefixes_come_shortest_first_and_without_the_whole() {
        let plan = built_in();
        let mut seen = Vec::new();
        plan.classify_prefixes(b"4219001234561", |digits, class| seen.push((digits, class)));
        assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
        assert!(seen.iter().all(|&(digits, class)| class == plan.classify(&b"4219001234561"[..digits])));
        plan.classify_prefixes(b"", |_, _| panic!("nothing has no prefix"));
        plan.classify_prefixes(b"4", |_, _| panic!("one digit has no proper prefix"));
    }

    #[test]
    fn territories_are_found() {
        let plan = built_in();
        let slovakia = plan.territory(Region::new("SK").unwrap()).unwrap();
        assert_eq!(plan.region(slovakia).as_str(), "SK");
        assert_eq!(plan.territories()[slovakia as usize - 1].calling_code, 421);
        assert_eq!(plan.territory_of(slovakia).unwrap().calling_code_digits(), b"421");
        for none in ["001", "XX"] {
            assert!(plan.territory(Region::new(none).unwrap()).is_none());
        }
        assert!(plan.territory(Region::NONE).is_none());
        assert!(plan.region(0).is_none());
        assert!(plan.region(255).is_none());
        assert_eq!(plan.calling_code_of(b"12125550123"), Some((1, 1)));
        assert_eq!(plan.calling_code_of(b"37126"), Some((371, 3)));
        assert_eq!(plan.calling_code_of(b"44"), Some((44, 2)));
        for none in [&b""[..], b"0", b"03712", b"21", b"999123"] {
            assert_eq!(plan.calling_code_of(none), None);
        }
        assert_eq!(plan.main_territory(1).unwrap().region.as_str(), "US");
        assert_eq!(plan.main_territory(7).unwrap().region.as_str(), "RU");
        assert_eq!(plan.main_territory(39).unwrap().region.as_str(), "IT");
        for territory in plan.territories() {
            let digits = territory.calling_code_digits();
            assert_eq!(std::str::from_utf8(digits).unwrap(), territory.calling_code.to_string());
        }
    }

    /// A plan file with one byte of one section changed and the checksum right again.
    fn with_byte(sections: &Sections, tag: &'static str, at: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
        let mut file = Container::new(Kind::Plan);
        for other in SECTIONS {
            let mut bytes = BUILT_IN[sections.range(other).unwrap()].to_vec();
            if other == tag {
                bytes[at] = change(bytes[at]);
            }
            file.add(other, bytes);
        }
        file.finish()
    }

    #[test]
    fn hostile_bytes_are_refused_or_harmless() {
        let sections = Sections::parse(BUILT_IN, Kind::Plan).unwrap();
        let mut seed = 0x2545_f491_4f6c_dd1du64;
        let mut random = |bound: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 20) as usize % bound
        };
        let (mut refused, mut harmless) = (0, 0);
        for tag in SECTIONS {
            let length = sections.range(tag).unwrap().len();
            for i in 0..60 {
                // The first bytes are the counts and lengths.
                let at = if i < 20 { i.min(length - 1) } else { random(length) };
                let bit = random(8);
                let bytes = with_byte(&sections, tag, at, |byte| if i % 2 == 0 { byte ^ 1 << bit } else { !byte });
                let Ok(plan) = Sections::parse(&bytes, Kind::Plan).and_then(|s| Plan::decode(&bytes, &s)) else {
                    refused += 1;
                    continue;
                };
                harmless += 1;
                for home in 0..=plan.territories().len() as u8 {
                    let site =
                        Site { home, outside_line: Some(b'0'), extensions: 8, international_prefixes: Vec::new() };
                    let dial = DialPlan { plan: &plan, site: &site, home, site_prefixes: true };
                    for text in ["0236618300", "+4164123456789012345678", "911", "000113719001", "9", "0000000000001"] {
                        let _ = dial.read(&text::read(text.as_bytes()), Direction::Outbound);
                    }
                    if home % 64 == 0 {
                        let _ = dial.emergency_numbers();
                        let _ = dial.read_prefix(false, b"090");
                    }
                }
            }
        }
        assert!(refused > 40 && harmless > 40, "{refused} refused, {harmless} harmless: the test tests nothing");
    }

    #[test]
    fn a_missing_or_cut_section_is_named() {
        let sections = Sections::parse(BUILT_IN, Kind::Plan).unwrap();
        for tag in SECTIONS {
            for cut in [None, Some(1), Some(5)] {
                let mut file = Container::new(Kind::Plan);
                for other in SECTIONS {
                    let bytes = &BUILT_IN[sections.range(other).unwrap()];
                    match (other == tag, cut) {
                        (true, None) => {}
                        (true, Some(cut)) => file.add(other, bytes[..bytes.len() - cut].to_vec()),
                        (false, _) => file.add(other, bytes.to_vec()),
                    }
                }
                let bytes = file.finish();
                match NumberingPlan::from_bytes(&bytes) {
                    Err(Error::Corrupt { section, .. }) => assert_eq!(section, tag),
                    other => panic!("{tag} cut by {cut:?}: {other:?}"),
                }
            }
        }
    }
}
