//! The short way from dialled digits to a number, for the calls that are nearly all calls.
//!
//! [`DialPlan::read`] asks one automaton after the other what the digits could be. For most digits
//! the first three tell that every answer but one is "no", whatever follows: at home in Slovakia
//! nothing but a national number begins with 090, nothing but a call abroad with 003. A *lane* says so, one for every three digits; where the three do not suffice there is none,
//! and where the number turns out to belong to nobody it does not count: then `read` decides.
//! So this file knows no rule that `dial.rs` does not know, and a property test holds the two
//! equal.

use crate::automaton::{Automaton, HEAD_DIGITS, head_of};
use crate::dial::{DialPlan, is_withheld, strips_to};
use crate::number::{MAX_NUMBER_DIGITS, Number};
use crate::plan::{Class, Plan, Territory};
use crate::verdict::Direction;

/// Fewer digits than this are read at length: every calling code, and a national number behind it.
const FEWEST_DIGITS: usize = 6;

/// More digits than this are, too: with a calling code in front they are not all kept.
const MOST_DIGITS: usize = MAX_NUMBER_DIGITS - 3;

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
        let mut by_head = vec![Lane::default(); 1000].into_boxed_slice();
        Survey { plan, home, prefixes }.fill(&Place::start(home), &mut by_head);
        Lanes { by_head }
    }

    #[inline]
    fn lane(&self, digits: &[u8]) -> Lane {
        digits.first_chunk().and_then(|head| self.by_head.get(head_of(head))).copied().unwrap_or_default()
    }

    /// The number that digits are, `plus` in front of them or not, and whose it is, where that takes
    /// no long look: what [`DialPlan::read`] says. `number` is to be empty, and is empty again where it takes one.
    #[inline(always)]
    pub(crate) fn read(
        &self,
        dial: &DialPlan<'_>,
        plus: bool,
        digits: &[u8],
        direction: Direction,
        number: &mut Number,
    ) -> Option<Class> {
        // Longer ones are cut to what a number keeps before they are looked up.
        if digits.len() > MOST_DIGITS {
            return None;
        }
        if plus {
            return read_with_plus(dial.plan, digits, number);
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
            if rest.len() < FEWEST_DIGITS {
                return None;
            }
            let class = dial.plan.classify_standing(rest).filter(|class| class.is_assigned())?;
            number.join(b"", rest);
            return Some(class);
        }
        let home = dial.home().filter(|_| lane.is(Lane::NATIONAL))?;
        if lane.prefix_len() > 0 && !strips_to(home, rest.len()) {
            return None;
        }
        number.join(home.calling_code_digits(), rest);
        let class = Some(dial.plan.classify(number.as_bytes())).filter(|class| class.is_assigned());
        if class.is_none() {
            *number = Number::EMPTY;
        }
        class
    }
}

/// With separators, or fewer digits than a clean text has: for those who want it in its own place.
#[inline(never)]
fn read_with_plus(plan: &Plan, digits: &[u8], number: &mut Number) -> Option<Class> {
    let class = read_e164(plan, digits)?;
    number.join(b"", digits);
    Some(class)
}

/// Whose the number is that digits with a plus in front are, where they are read as they stand, and somebody has it:
/// the same in all homes.
#[inline(always)]
pub(crate) fn read_e164(plan: &Plan, digits: &[u8]) -> Option<Class> {
    if digits.len() < FEWEST_DIGITS || is_withheld(digits) {
        return None;
    }
    plan.classify_standing(digits).filter(|class| class.is_assigned())
}

/// How the lanes of a region are found.
struct Survey<'p> {
    plan: &'p Plan,
    home: &'p Territory,
    prefixes: &'p [Box<[u8]>],
}

/// Up to three digits, and the states that the automata are in behind them.
#[derive(Clone, Copy)]
struct Place {
    digits: [u8; HEAD_DIGITS],
    len: usize,
    short: Option<u16>,
    international: Option<u16>,
    national: Option<u16>,
    general: u16,
}

impl Place {
    fn start(home: &Territory) -> Place {
        Place {
            digits: [b'0'; HEAD_DIGITS],
            len: 0,
            short: home.short,
            international: home.international_prefix,
            national: home.national_prefix,
            general: home.general,
        }
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    fn then(mut self, plan: &Plan, digit: u8) -> Place {
        self.digits[self.len] = digit;
        self.len += 1;
        self.short = self.short.map(|state| plan.short.step(state, digit));
        self.international = self.international.map(|state| plan.dial.step(state, digit));
        self.national = self.national.map(|state| plan.dial.step(state, digit));
        self.general = plan.dial.step(self.general, digit);
        self
    }
}

/// The label of a state that no more digits change; none where they may.
fn settled(automaton: &Automaton, state: u16) -> Option<u16> {
    automaton.is_settled(state).then(|| automaton.label(state))
}

impl Survey<'_> {
    /// Fills in the lanes of all heads that begin so.
    fn fill(&self, place: &Place, lanes: &mut [Lane]) {
        let short = place.short.map_or(Some(0), |state| settled(&self.plan.short, state));
        let way = self.way(place);
        match (short, way) {
            (Some(label), Some(way)) => lanes.fill(Lane(way | not_short(label))),
            _ if place.len == HEAD_DIGITS => lanes.fill(Lane(way.unwrap_or(0) | short.map_or(0, not_short))),
            _ => {
                for (digit, lanes) in (b'0'..).zip(lanes.chunks_exact_mut(lanes.len() / 10)) {
                    self.fill(&place.then(self.plan, digit), lanes);
                }
            }
        }
    }

    /// [`DialPlan::to_e164`], as far as these digits tell: no flag where they tell that a long look
    /// is needed, none at all where more digits could tell.
    fn way(&self, place: &Place) -> Option<u8> {
        const LONG_LOOK: u8 = 0;
        let digits = place.digits();
        let action = |label: u16| self.plan.actions.get(usize::from(label).checked_sub(1)?);
        let lane = |flag: u8, length: usize| (length <= digits.len()).then_some(flag | length as u8);
        // All zeros is a withheld caller id.
        if b"000".starts_with(digits) {
            return None;
        }
        let international = if self.prefixes.is_empty() {
            match place.international {
                Some(state) => action(settled(&self.plan.dial, state)?).map(|action| usize::from(action.end)),
                None => None,
            }
        } else if self.prefixes.iter().any(|prefix| prefix.len() > digits.len() && prefix.starts_with(digits)) {
            return None;
        } else {
            let dialled = self.prefixes.iter().filter(|prefix| digits.starts_with(prefix));
            dialled.map(|prefix| prefix.len()).max()
        };
        if let Some(length) = international {
            return match digits.get(length) {
                // No calling code begins with 0, so that this is something else that begins alike.
                Some(b'0') => Some(LONG_LOOK),
                None if digits.len() < HEAD_DIGITS => None,
                _ => lane(Lane::INTERNATIONAL, length),
            };
        }
        let code = self.home.calling_code_digits();
        if digits.starts_with(code) {
            return Some(LONG_LOOK);
        }
        if code.starts_with(digits) {
            return None;
        }
        let Some(state) = place.national else { return lane(Lane::NATIONAL, 0) };
        let Some(action) = action(settled(&self.plan.dial, state)?) else { return lane(Lane::NATIONAL, 0) };
        // The prefix comes off where the digits with it are no number as they stand.
        let may_stand = settled(&self.plan.dial, place.general)? != 0;
        if !action.only_strips() || may_stand {
            return Some(LONG_LOOK);
        }
        lane(Lane::NATIONAL, usize::from(action.end))
    }
}

/// What a settled label of the short numbers' automaton says.
fn not_short(label: u16) -> u8 {
    if label == 0 { Lane::NOT_SHORT } else { 0 }
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

    /// A withheld caller id spelled on a keypad is somebody's number in some homes: it has no lane in any.
    #[test]
    fn withheld_caller_ids_have_no_lane() {
        let plan = built_in();
        let mut somebodys = 0;
        for home in 1..=plan.territories().len() as u8 {
            let site = Site { home, outside_line: None, extensions: 0, international_prefixes: Vec::new() };
            let dial = DialPlan { plan: &plan, site: &site, home, site_prefixes: true };
            let lanes = Lanes::of(&plan, plan.territory_of(home).unwrap(), &[]);
            for spelled in ["266696687", "7378742833", "86282452253", "2562533", "8656696"] {
                let read = |plus, direction| {
                    lanes.read(&dial, plus, spelled.as_bytes(), direction, &mut Number::EMPTY.clone())
                };
                assert!(
                    read(true, Direction::Outbound).is_none() && read(true, Direction::Inbound).is_none(),
                    "{spelled}"
                );
                assert!(read(false, Direction::Inbound).is_none(), "{spelled} in {home}");
                somebodys += u32::from(read(false, Direction::Outbound).is_some());
            }
        }
        assert!(somebodys > 10, "{somebodys}: a lane that nothing takes proves nothing");
    }
}
