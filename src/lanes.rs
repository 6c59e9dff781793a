//! The short way from dialled digits to a number, for the calls that are nearly all calls.
//!
//! [`DialPlan::read`] asks eight automata one after the other what the digits could be. For most
//! digits the first three tell that every answer but one is "no", whatever follows: at home in
//! Slovakia nothing but a national number begins with 090, nothing but a number of Latvia with
//! 0037. A *lane* says so, one for every three digits; where the three do not suffice there is none,
//! and where the number turns out to belong to nobody it does not count: then `read` decides.
//! So this file knows no rule that `dial.rs` does not know, and a property test holds the two
//! equal.

use crate::automaton::{Automaton, head_of};
use crate::dial::{DialPlan, is_withheld, strips_to};
use crate::number::Number;
use crate::plan::{Class, Plan, Territory};
use crate::verdict::Direction;

/// Fewer digits than this are read at length: every calling code, and a national number behind it.
const FEWEST_DIGITS: usize = 6;

/// What three digits say of a number that is dialled with them first, in a byte.
#[derive(Clone, Copy, Debug, Default)]
struct Lane(u8);

impl Lane {
    /// No emergency or short number begins so.
    const NOT_SHORT: u8 = 0x80;
    /// An international prefix comes off, and a calling code follows.
    const INTERNATIONAL: u8 = 0x40;
    /// A national number, from which a national prefix comes off.
    const NATIONAL: u8 = 0x20;
    /// How many digits the prefix has.
    const LENGTH: u8 = 0x0f;

    #[inline]
    fn is(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    #[inline]
    fn prefix_len(self) -> usize {
        (self.0 & Lane::LENGTH) as usize
    }
}

/// The lanes of one home region.
#[derive(Debug)]
pub(crate) struct Lanes {
    by_head: Box<[Lane]>,
}

impl Lanes {
    /// The lanes of a region, whose own international prefixes `prefixes` replaces unless it is
    /// empty.
    pub(crate) fn of(plan: &Plan, home: &Territory, prefixes: &[Box<[u8]>]) -> Lanes {
        let lane = |head: u16| {
            let digits = [head / 100, head / 10 % 10, head % 10].map(|digit| b'0' + digit as u8);
            let not_short = home.short.is_none_or(|root| settled(&plan.short, root, &digits) == Some(0));
            let way = way(plan, home, prefixes, &digits).unwrap_or_default();
            Lane(way | if not_short { Lane::NOT_SHORT } else { 0 })
        };
        Lanes { by_head: (0..1000).map(lane).collect() }
    }

    #[inline]
    fn lane(&self, digits: &[u8]) -> Lane {
        digits.first_chunk().and_then(|head| self.by_head.get(head_of(head))).copied().unwrap_or_default()
    }

    /// The number that digits are, `plus` in front of them or not, and whose it is, where that takes
    /// no long look: what [`DialPlan::read`] says. `number`, which must be empty, is written only
    /// then.
    #[inline(always)]
    pub(crate) fn read(
        &self,
        dial: &DialPlan<'_>,
        plus: bool,
        digits: &[u8],
        direction: Direction,
        number: &mut Number,
    ) -> Option<Class> {
        if plus {
            if digits.len() < FEWEST_DIGITS || !dial.plan.stands(digits) || is_withheld(digits) {
                return None;
            }
            let class = assigned(dial.plan, digits)?;
            number.extend(digits);
            return Some(class);
        }
        let seen = dial.seen(digits, direction);
        let lane = self.lane(seen);
        let behind_line = seen.len() < digits.len();
        let may_be_short = !lane.is(Lane::NOT_SHORT) || behind_line && !self.lane(digits).is(Lane::NOT_SHORT);
        let internal = !behind_line && dial.site.is_internal(digits.len());
        let withheld = direction == Direction::Inbound && is_withheld(digits);
        if seen.len() < FEWEST_DIGITS || may_be_short || internal || withheld {
            return None;
        }
        let rest = seen.get(lane.prefix_len()..)?;
        if lane.is(Lane::INTERNATIONAL) {
            if rest.len() < FEWEST_DIGITS || !dial.plan.stands(rest) {
                return None;
            }
            let class = assigned(dial.plan, rest)?;
            number.extend(rest);
            return Some(class);
        }
        let home = dial.home().filter(|_| lane.is(Lane::NATIONAL))?;
        if lane.prefix_len() > 0 && !strips_to(home, rest.len()) {
            return None;
        }
        let class = assigned_national(dial.plan, home, rest)?;
        number.extend(home.calling_code_digits());
        number.extend(rest);
        Some(class)
    }
}

#[inline(always)]
fn assigned(plan: &Plan, e164: &[u8]) -> Option<Class> {
    Some(plan.classify(e164)).filter(|class| class.is_assigned())
}

#[inline(always)]
fn assigned_national(plan: &Plan, home: &Territory, national: &[u8]) -> Option<Class> {
    Some(plan.classify_national(home, national)).filter(|class| class.is_assigned())
}

/// The label that an automaton gives to all digits that begin so; none where they differ.
fn settled(automaton: &Automaton, root: u16, digits: &[u8]) -> Option<u16> {
    let state = automaton.state_after(root, digits);
    automaton.is_settled(state).then(|| automaton.label(state))
}

/// [`DialPlan::to_e164`], as far as three digits tell.
fn way(plan: &Plan, home: &Territory, prefixes: &[Box<[u8]>], digits: &[u8; 3]) -> Option<u8> {
    let action = |label: u16| plan.actions.get(usize::from(label).checked_sub(1)?);
    let lane = |flag: u8, length: usize| (length <= digits.len()).then_some(flag | length as u8);
    // All zeros is a withheld caller id.
    if digits == b"000" {
        return None;
    }
    let international = if prefixes.is_empty() {
        match home.international_prefix {
            Some(root) => action(settled(&plan.dial, root, digits)?).map(|action| action.end as usize),
            None => None,
        }
    } else if prefixes.iter().any(|prefix| prefix.len() > digits.len() && prefix.starts_with(digits)) {
        return None;
    } else {
        prefixes.iter().filter(|prefix| digits.starts_with(prefix)).map(|prefix| prefix.len()).max()
    };
    if let Some(length) = international {
        // No calling code begins with 0, so that this is something else that begins alike.
        return if digits.get(length) == Some(&b'0') { None } else { lane(Lane::INTERNATIONAL, length) };
    }
    if digits.starts_with(home.calling_code_digits()) {
        return None;
    }
    let Some(root) = home.national_prefix else { return lane(Lane::NATIONAL, 0) };
    let Some(action) = action(settled(&plan.dial, root, digits)?) else { return lane(Lane::NATIONAL, 0) };
    // The prefix comes off where the digits with it are no number as they stand.
    let may_stand = settled(&plan.dial, home.general, digits) != Some(0);
    if !action.only_strips() || may_stand { None } else { lane(Lane::NATIONAL, action.end as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::{Reading, Site};
    use crate::plan::tests::built_in;
    use crate::text;

    /// A small generator, so that a failure can be repeated.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }

        fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
            texts[self.below(texts.len() as u64) as usize]
        }
    }

    /// In every home region, with and without outside line, internal numbers and international
    /// prefixes of the site's own, in both directions: where a lane says something, it says what the
    /// long way says.
    #[test]
    fn lanes_say_what_the_long_way_says() {
        let plan = built_in();
        let mut random = Random(11);
        let (mut tried, mut quick, mut assigned_long) = (0, 0, 0);
        for home in 1..=plan.territories().len() as u8 {
            let territory = plan.territory_of(home).unwrap();
            let code = std::str::from_utf8(territory.calling_code_digits()).unwrap();
            for (outside_line, extensions, prefixes) in [
                (None, 0, &[][..]),
                (Some(b'0'), 0, &[]),
                (Some(b'9'), 1 << 8 | 1 << 10, &[]),
                (None, 0, &["00", "0011", "99"]),
            ] {
                let prefixes: Vec<Box<[u8]>> = prefixes.iter().map(|p: &&str| p.as_bytes().into()).collect();
                let site = Site { home, outside_line, extensions, international_prefixes: prefixes };
                let lanes = Lanes::of(&plan, territory, &site.international_prefixes);
                let dial = DialPlan { plan: &plan, site: &site, home, site_prefixes: true };
                for i in 0..400u64 {
                    // Emergency numbers, prefixes of all kinds and calling codes, then anything.
                    let line = random.one_of(&["", "", "0", "9"]);
                    let prefix = random.one_of(&["", "", "0", "00", "011", "1", "8", "810", "06", "112", "110", "99"]);
                    let any_code = (1 + (i * 31 + random.below(9)) % 999).to_string();
                    let code = random.one_of(&["", "", code, &any_code]);
                    let rest: String =
                        (0..3 + random.below(11)).map(|_| (b'0' + random.below(10) as u8) as char).collect();
                    let digits = format!("{line}{prefix}{code}{rest}");
                    let plus = random.below(4) == 0;
                    let direction = if random.below(3) == 0 { Direction::Inbound } else { Direction::Outbound };
                    let dialled = format!("{}{digits}", if plus { "+" } else { "" });
                    let text = text::read(dialled.as_bytes());
                    let long = dial.read(&text, direction);
                    tried += 1;
                    assigned_long += u64::from(matches!(long, Reading::Number(_, class) if class.is_assigned()));
                    let mut number = Number::EMPTY;
                    match lanes.read(&dial, plus, digits.as_bytes(), direction, &mut number) {
                        None => assert!(number.is_empty(), "{dialled}"),
                        Some(class) => {
                            quick += 1;
                            let home = territory.region;
                            let Reading::Number(by_long, class_by_long) = long else {
                                panic!("{dialled} in {home}: the lane says {number}, the long way says it is none")
                            };
                            assert_eq!((number, class), (by_long, class_by_long), "{dialled} in {home}");
                        }
                    }
                }
            }
        }
        // A lane that is never taken would be equal as well.
        assert!(quick * 2 > assigned_long, "{quick} of {assigned_long} assigned, {tried} in all");
    }

    /// A withheld caller id spelled on a keypad reads as a number of Russia.
    #[test]
    fn withheld_caller_ids_have_no_lane() {
        let plan = built_in();
        let site = Site { home: 1, outside_line: None, extensions: 0, international_prefixes: Vec::new() };
        let dial = DialPlan { plan: &plan, site: &site, home: 1, site_prefixes: true };
        let lanes = Lanes::of(&plan, plan.territory_of(1).unwrap(), &[]);
        for plus in [true, false] {
            let class = lanes.read(&dial, plus, b"7378742833", Direction::Inbound, &mut Number::EMPTY.clone());
            assert!(class.is_none(), "{plus}");
        }
    }
}
