//! A site's dial plan: from dialled digits to what the call is.
//!
//! Two questions are answered here. [`DialPlan::to_e164`] is libphonenumber's `parse` on digits:
//! international prefixes, the calling code dialled without one, national prefixes with their
//! transform rules. [`DialPlan::read`] stands before it and knows what libphonenumber does not: an
//! emergency call is an emergency call before anything is stripped, a site has an outside line and
//! internal numbers, a caller id can be withheld, and short numbers are no national numbers.
//!
//! Nothing here allocates or can fail, and every step looks at each digit a fixed number of times.

use crate::automaton::{HEADS, head_of};
use crate::{
    number::Number,
    plan::{Action, Class, Plan, Territory, short},
    text::{Cut, Dialled, Digits, Kind, TOO_LONG},
    verdict::Direction,
};

/// libphonenumber parses numbers of 2 to 17 digits behind the calling code. We keep longer ones:
/// exchanges ignore trailing digits, so that they can be dialled.
const MIN_NATIONAL_DIGITS: usize = 2;

/// What withheld caller ids look like where a gateway spelled the word on a keypad: ANONYMOUS,
/// RESTRICTED, UNAVAILABLE, BLOCKED, UNKNOWN. They must be known before any look-up, since they
/// read as numbers of Lesotho, Russia, China, Uganda and China.
const WITHHELD_SPELLINGS: [&[u8]; 5] = [b"266696687", b"7378742833", b"86282452253", b"2562533", b"8656696"];

const NO_DIGITS: &str = "there are no digits";
const ONLY_OUTSIDE_LINE: &str = "nothing follows the outside-line digit";
const NO_HOME: &str = "the number is not international, and the home region has no dial plan";
const NO_CALLING_CODE: &str = "no country has this calling code";
const SHORT_AFTER_PREFIX: &str = "too few digits follow the international prefix";
const TOO_SHORT: &str = "too few digits for a number";
const NOT_COMPLETE: &str = "digits follow behind a pause or an extension mark, and nobody has the number before it";

/// How one site dials.
#[derive(Debug)]
pub(crate) struct Site {
    /// The home region's territory.
    pub home: u8,
    /// ASCII.
    pub outside_line: Option<u8>,
    /// Bit n: internal numbers of n digits.
    pub extensions: u64,
    /// ASCII digits. Empty: the plan's.
    pub international_prefixes: Vec<Box<[u8]>>,
}

impl Site {
    /// Whether internal numbers have so many digits.
    #[inline]
    pub(crate) fn is_internal(&self, digits: usize) -> bool {
        digits < 64 && self.extensions >> digits & 1 == 1
    }
}

/// A numbering plan as seen from a site.
#[derive(Clone, Copy)]
pub(crate) struct DialPlan<'i> {
    pub plan: &'i Plan,
    pub site: &'i Site,
    /// The territory that is dialled from: the site's, unless the caller said another.
    pub home: u8,
    /// False where `home` is not the site's: its international prefixes do not hold elsewhere.
    pub site_prefixes: bool,
}

/// What a short number costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ShortCost {
    Unknown,
    TollFree,
    Standard,
    Premium,
}

/// What a dialled string turned out to be.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'d> {
    Emergency,
    Withheld,
    Internal(&'d [u8]),
    /// Without the outside-line digit.
    Short(&'d [u8], ShortCost),
    Number(Number, Class),
    /// Why it is nothing of the above.
    Invalid(&'static str),
}

/// What the possible lengths say about a number of so many digits (libphonenumber's
/// `testNumberLength`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Possible,
    LocalOnly,
    TooShort,
    TooLong,
    /// Between possible lengths.
    Invalid,
}

impl<'i> DialPlan<'i> {
    #[inline]
    pub(crate) fn home(&self) -> Option<&'i Territory> {
        self.plan.territory_of(self.home)
    }

    /// Reads a dialled string, or the caller id of an inbound call.
    ///
    /// Where digits were cut off behind a pause or an extension mark, what is left must be complete
    /// without them: an emergency number, a number that somebody has, or, before a pause, a short or
    /// internal number. A site that takes the mark out dials the digits behind it as well; see
    /// [`DialPlan::others`].
    #[inline]
    pub(crate) fn read<'d>(&self, dialled: &'d Dialled<'_>, direction: Direction) -> Reading<'d> {
        let reading = self.read_uncut(dialled, direction);
        match (dialled.cut, &reading) {
            (Cut::Nothing, _) => reading,
            (_, Reading::Number(_, class)) if !class.is_assigned() => Reading::Invalid(NOT_COMPLETE),
            (Cut::Extension, Reading::Short(..) | Reading::Internal(_)) => Reading::Invalid(NOT_COMPLETE),
            _ => reading,
        }
    }

    #[inline]
    fn read_uncut<'d>(&self, dialled: &'d Dialled<'_>, direction: Direction) -> Reading<'d> {
        match dialled.kind {
            Kind::EmergencyUrn => return Reading::Emergency,
            Kind::Withheld => return Reading::Withheld,
            Kind::Refused(why) => return Reading::Invalid(why),
            Kind::Overlong if !self.is_exact_emergency(dialled, direction) => return Reading::Invalid(TOO_LONG),
            Kind::Overlong => return Reading::Emergency,
            Kind::Digits => {}
        }
        let digits = dialled.digits.as_bytes();
        let outbound = direction == Direction::Outbound;
        if dialled.plus {
            return if is_withheld(digits) { Reading::Withheld } else { self.as_number(self.number(dialled)) };
        }
        // The home region's emergency numbers, on the digits as they were dialled.
        if self.short_label(digits) & short::EMERGENCY != 0 {
            return Reading::Emergency;
        }
        if dialled.context.is_some() {
            return self.as_number(self.number(dialled));
        }
        let seen = self.seen(digits, direction);
        let number = self.to_e164(false, seen).map(|number| (number, self.plan.classify(number.as_bytes())));
        let assigned = number.is_ok_and(|(_, class)| class.is_assigned());
        if outbound && self.is_emergency_call(digits, seen, number.ok().map(|(number, _)| number), assigned) {
            return Reading::Emergency;
        }
        if !digits.is_empty() && digits.iter().all(|&d| d == b'0') || !outbound && is_withheld(digits) {
            return Reading::Withheld;
        }
        if seen.len() == digits.len() && self.site.is_internal(digits.len()) {
            return Reading::Internal(digits);
        }
        if seen.is_empty() {
            return Reading::Invalid(if digits.is_empty() { NO_DIGITS } else { ONLY_OUTSIDE_LINE });
        }
        let label = self.short_label(seen);
        if label & short::VALID != 0 && !assigned {
            let cost = match label >> short::COST_SHIFT & 3 {
                short::TOLL_FREE => ShortCost::TollFree,
                short::STANDARD_RATE => ShortCost::Standard,
                short::PREMIUM_RATE => ShortCost::Premium,
                _ => ShortCost::Unknown,
            };
            return Reading::Short(seen, cost);
        }
        match number {
            Ok((number, class)) => Reading::Number(number, class),
            Err(why) => Reading::Invalid(why),
        }
    }

    /// What the exchange sees: the digits behind the one that asks for an outside line. Nobody dials
    /// for an outside line to be the caller.
    #[inline]
    pub(crate) fn seen<'d>(&self, digits: &'d [u8], direction: Direction) -> &'d [u8] {
        match (self.site.outside_line, digits) {
            (Some(line), [first, rest @ ..]) if direction == Direction::Outbound && *first == line => rest,
            _ => digits,
        }
    }

    /// Whether the digits, with or without outside line, are an emergency number and nothing more.
    fn is_exact_emergency(&self, dialled: &Dialled<'_>, direction: Direction) -> bool {
        let exact = |digits: &[u8]| self.short_label(digits) & short::EMERGENCY != 0;
        let digits = dialled.digits.as_bytes();
        !dialled.plus && (exact(digits) || exact(self.seen(digits, direction)))
    }

    /// Whether [`DialPlan::others`] has anything to say: hardly ever.
    #[inline]
    pub(crate) fn may_be_others(&self, dialled: &Dialled<'_>, reading: &Reading<'_>) -> bool {
        matches!(reading, Reading::Emergency) || dialled.cut != Cut::Nothing || dialled.context.is_some()
    }

    /// The other numbers that a site or network could take the same text for. Whoever sends the text
    /// chooses who reads it how, so none of them may be a blocked one.
    ///
    /// - With a global phone-context, the digits with and without it.
    /// - With something cut off, the digits together with it.
    /// - An emergency number with digits behind it, as the number that it begins.
    pub(crate) fn others(
        &self,
        dialled: &Dialled<'_>,
        direction: Direction,
        reading: &Reading<'_>,
    ) -> [Option<(Number, Class)>; 3] {
        let classify = |number: Result<Number, _>| number.ok().map(|n| (n, self.plan.classify(n.as_bytes())));
        let mut others = [None; 3];
        if !matches!(dialled.kind, Kind::Digits) {
            return others;
        }
        let emergency = matches!(reading, Reading::Emergency);
        let seen = self.seen(dialled.digits.as_bytes(), direction);
        if dialled.context.is_some() && !dialled.plus {
            others[0] = classify(if emergency { self.number(dialled) } else { self.to_e164(false, seen) });
        }
        if let Some(joined) = &dialled.joined {
            others[1] = classify(self.to_e164(dialled.plus, self.seen(joined.as_bytes(), direction)));
        }
        if emergency && !self.is_exact_emergency(dialled, direction) {
            others[2] = classify(self.to_e164(false, seen));
        }
        others
    }

    /// Whether outbound digits are an emergency call although they are not exactly an emergency
    /// number: the number behind an outside line, or with digits behind it where exchanges ignore
    /// those. `seen` is what is behind the outside-line digit, if that was dialled, and `number`
    /// its reading.
    fn is_emergency_call(&self, digits: &[u8], seen: &[u8], number: Option<Number>, assigned: bool) -> bool {
        let behind_line = seen.len() < digits.len();
        if behind_line && self.short_label(seen) & short::EMERGENCY != 0 {
            return true;
        }
        // A number that somebody has is that number: Andorra's premium 110009 is no police call.
        if assigned {
            return false;
        }
        let begins = |digits: &[u8]| self.short_label(digits) & short::EMERGENCY_BEGINS != 0;
        let over_dialled = || number.is_some_and(|number| self.is_over_dialled(&number));
        if begins(seen) {
            return !(self.abroad_before_emergency(seen) && (over_dialled() || self.is_call_abroad(seen)));
        }
        // In Australia, 000 is the emergency number, and with outside line 0 it also begins every
        // international call, 0 0011…: no policy would then see a call to a premium number abroad.
        // So the digits as dialled count only where what is behind the line is no such number.
        behind_line && begins(digits) && self.international_prefix(seen).is_none() && !over_dialled()
    }

    /// Whether an exchange that reads digit by digit has heard an international prefix before it has
    /// heard an emergency number. In Uzbekistan it has, 00 before 003; in China 110 comes before
    /// 1104400, a carrier's prefix.
    fn abroad_before_emergency(&self, digits: &[u8]) -> bool {
        let emergency = |n: &usize| self.short_label(&digits[..*n]) & short::EMERGENCY != 0;
        self.international_prefix(digits).is_some_and(|prefix| !(1..=prefix).any(|n| emergency(&n)))
    }

    /// Whether the digits are an international prefix, a calling code and enough digits for a
    /// number. In Uzbekistan 001, 002 and 003 are emergency numbers and 00 is the international
    /// prefix, so that all of +1…, +2… and +3… begin alike. Whoever presses a few keys more than 003
    /// still gets help; 00 371 99999999 is a call to Latvia, whether somebody has that number or not.
    fn is_call_abroad(&self, digits: &[u8]) -> bool {
        const FEWEST_NATIONAL_DIGITS: usize = 7;
        let Some(prefix) = self.international_prefix(digits) else { return false };
        let full = &digits[prefix..];
        self.plan.calling_code_of(full).is_some_and(|(_, code)| full.len() >= code + FEWEST_NATIONAL_DIGITS)
    }

    /// Whether some beginning of the number is assigned: more was dialled than was needed.
    pub(crate) fn is_over_dialled(&self, number: &Number) -> bool {
        let mut over_dialled = false;
        self.plan.classify_prefixes(number.as_bytes(), |_, class| over_dialled |= class.is_assigned());
        over_dialled
    }

    #[inline]
    fn as_number<'d>(&self, number: Result<Number, &'static str>) -> Reading<'d> {
        match number {
            Ok(number) => Reading::Number(number, self.plan.classify(number.as_bytes())),
            Err(why) => Reading::Invalid(why),
        }
    }

    /// The digits of a dialled string as a number, nothing else considered.
    #[inline]
    pub(crate) fn number(&self, dialled: &Dialled<'_>) -> Result<Number, &'static str> {
        let digits = dialled.digits.as_bytes();
        let (false, Some(mut whole)) = (dialled.plus, dialled.context) else {
            return self.to_e164(dialled.plus, digits);
        };
        push_all(&mut whole, digits);
        self.to_e164(true, whole.as_bytes())
    }

    #[inline]
    fn short_label(&self, digits: &[u8]) -> u16 {
        match self.home().and_then(|home| home.short) {
            Some(root) if !digits.is_empty() => self.plan.short.walk(root, digits),
            _ => 0,
        }
    }

    /// Whether exchanges in the home region ignore the digits behind an emergency number.
    pub(crate) fn emergency_ignores_trailing_digits(&self) -> bool {
        self.home().is_some_and(|home| home.emergency_ignores_trailing)
    }

    /// libphonenumber's `parse` on digits; `international` says that a plus came before them. `Err`
    /// says why they are no number. Numbers of more than 17 national digits are kept, where
    /// libphonenumber refuses them as too long.
    #[inline]
    pub(crate) fn to_e164(self, international: bool, digits: &[u8]) -> Result<Number, &'static str> {
        let home = self.home();
        if digits.is_empty() {
            return Err(NO_DIGITS);
        }
        if home.is_none() && !international {
            return Err(NO_HOME);
        }
        // What a plus or an international prefix precedes begins with a calling code.
        let prefix = if international { Some(0) } else { self.international_prefix(digits) };
        if let Some(prefix) = prefix {
            let full = &digits[prefix..];
            if full.len() <= MIN_NATIONAL_DIGITS {
                return Err(SHORT_AFTER_PREFIX);
            }
            if let Some((code, length)) = self.plan.calling_code_of(full) {
                return self.national(self.plan.main_territory(code), &full[length..]);
            }
            // "+0044…" and "+011…": a plus before what is dialled at home. Only a number that then
            // turns out to be international is one.
            if !international {
                return Err(NO_CALLING_CODE);
            }
            if let Some(prefix) = self.international_prefix(digits) {
                let full = &digits[prefix..];
                if full.len() <= MIN_NATIONAL_DIGITS {
                    return Err(SHORT_AFTER_PREFIX);
                }
                let (code, length) = self.plan.calling_code_of(full).ok_or(NO_CALLING_CODE)?;
                return self.national(self.plan.main_territory(code), &full[length..]);
            }
        }
        if let Some(home) = home
            && let Some(national) = self.without_own_code(home, digits)
        {
            return self.national(self.plan.main_territory(home.calling_code), national.as_bytes());
        }
        if international {
            return Err(NO_CALLING_CODE);
        }
        self.national(home, digits)
    }

    /// The number that `territory` reads the national digits as: national prefix taken off.
    #[inline]
    fn national(&self, territory: Option<&Territory>, digits: &[u8]) -> Result<Number, &'static str> {
        let territory = territory.ok_or(NO_HOME)?;
        if digits.len() < MIN_NATIONAL_DIGITS {
            return Err(TOO_SHORT);
        }
        let stripped = self.without_national_prefix(territory, digits);
        let stripped = stripped.as_bytes();
        // Where what is left is no number, the prefix was part of it.
        let national = if strips_to(territory, stripped.len()) { stripped } else { digits };
        if national.len() < MIN_NATIONAL_DIGITS {
            return Err(TOO_SHORT);
        }
        let mut number = Number::EMPTY;
        number.extend(territory.calling_code_digits());
        number.extend(national);
        Ok(number)
    }

    /// The number without the national prefix that stands in it, where one does: `national` keeps
    /// the prefix, as libphonenumber does, when what is left without it has no possible length. An
    /// exchange takes it off all the same, and then ignores the digits that are too many.
    pub(crate) fn without_kept_prefix(&self, number: &Number) -> Option<Number> {
        let (code, length) = self.plan.calling_code_of(number.as_bytes())?;
        let territory = self.plan.main_territory(code)?;
        let (code, national) = number.as_bytes().split_at(length);
        let stripped = Stripped::by(self.national_prefix(territory, national)?, national)?;
        if stripped.as_bytes().is_empty() {
            return None;
        }
        let mut without = Number::EMPTY;
        without.extend(code);
        without.extend(stripped.as_bytes());
        (without != *number).then_some(without)
    }

    /// The national digits where the home region's calling code was dialled without any prefix,
    /// which libphonenumber allows if the digits make no sense otherwise.
    fn without_own_code<'d>(&self, home: &Territory, digits: &'d [u8]) -> Option<Stripped<'d>> {
        let national = digits.strip_prefix(home.calling_code_digits())?;
        let stripped = self.without_national_prefix(home, national);
        let makes_sense = !self.matches_general(home, digits) && self.matches_general(home, stripped.as_bytes());
        (makes_sense || length(home, digits.len()) == Length::TooLong).then_some(stripped)
    }

    #[inline]
    fn matches_general(&self, territory: &Territory, digits: &[u8]) -> bool {
        self.plan.dial.walk(territory.general, digits) != 0
    }

    /// What the national prefix pattern does to the digits, if it matches.
    #[inline]
    fn national_prefix(&self, territory: &Territory, digits: &[u8]) -> Option<&'i Action> {
        self.action(self.plan.dial.walk(territory.national_prefix?, digits))
    }

    #[inline]
    fn action(&self, label: u16) -> Option<&'i Action> {
        self.plan.actions.get(usize::from(label).checked_sub(1)?)
    }

    /// libphonenumber's `maybeStripNationalPrefixAndCarrierCode`.
    #[inline]
    fn without_national_prefix<'d>(&self, territory: &Territory, digits: &'d [u8]) -> Stripped<'d> {
        let matched = if digits.is_empty() { None } else { self.national_prefix(territory, digits) };
        let Some(stripped) = matched.and_then(|action| Stripped::by(action, digits)) else {
            return Stripped::Part(digits);
        };
        // Digits that are a number as they stand keep what looks like a prefix, unless they are one
        // without it too.
        if !self.matches_general(territory, digits) || self.matches_general(territory, stripped.as_bytes()) {
            stripped
        } else {
            Stripped::Part(digits)
        }
    }

    /// How many digits of international prefix come first.
    pub(crate) fn international_prefix(&self, digits: &[u8]) -> Option<usize> {
        let length = if self.site_prefixes && !self.site.international_prefixes.is_empty() {
            let prefixes = self.site.international_prefixes.iter();
            prefixes.filter(|prefix| digits.starts_with(prefix)).map(|prefix| prefix.len()).max()?
        } else {
            let root = self.home()?.international_prefix?;
            usize::from(self.action(self.plan.dial.walk(root, digits))?.end)
        };
        // No calling code begins with 0, so that this is something else that begins alike.
        (length <= digits.len() && digits.get(length) != Some(&b'0')).then_some(length)
    }

    /// Every emergency number of the home region, in order. For the policy compiler.
    #[cfg(any(feature = "compile", test))]
    pub(crate) fn emergency_numbers(&self) -> Vec<String> {
        // Real ones have two to six digits. The bounds are for plans that were made up.
        const MAX_DIGITS: usize = 12;
        const MAX_NUMBERS: usize = 10_000;
        fn collect(plan: &Plan, state: u16, digits: &mut String, reach: &[u64], found: &mut Vec<String>) {
            if plan.short.label(state) & short::EMERGENCY != 0 && found.len() < MAX_NUMBERS {
                found.push(digits.clone());
            }
            for digit in b'0'..=b'9' {
                let next = plan.short.step(state, digit);
                let left = MAX_DIGITS - digits.len();
                // Walk only where an emergency number comes within the digits that are left.
                if left > 0 && found.len() < MAX_NUMBERS && reach[next as usize] & ((1 << left) - 1) != 0 {
                    digits.push(digit as char);
                    collect(plan, next, digits, reach, found);
                    digits.pop();
                }
            }
        }
        let Some(root) = self.home().and_then(|home| home.short) else { return Vec::new() };
        let automaton = &self.plan.short;
        // Bit n: an emergency number ends n digits behind the state.
        let states = automaton.len().min(usize::from(u16::MAX));
        let mut reach: Vec<u64> = (0..states)
            .map(|state| u64::from(automaton.label(state as u16) & short::EMERGENCY))
            .chain(std::iter::repeat_n(0, automaton.len() - states + 1))
            .collect();
        for _ in 0..MAX_DIGITS {
            let before = reach.clone();
            for state in 0..states {
                for digit in b'0'..=b'9' {
                    reach[state] |= before[automaton.step(state as u16, digit) as usize] << 1;
                }
            }
        }
        let mut found = Vec::new();
        collect(self.plan, root, &mut String::new(), &reach, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// The prefixes of E.164 numbers that a list entry `digits*` stands for: all numbers that are
    /// dialled with these digits first. More than one where what follows decides how they are read
    /// (`464*` in Antigua is Antigua's own area 464 and the North American area code 464).
    ///
    /// Found by trying: the digits are continued in many ways, and where a continuation is a number
    /// that somebody has, what stands before it there is such a prefix. A reading that lost or
    /// moved the entry's own digits (a carrier code taken out, a transform rule) is none, or
    /// Brazil's `015*`, 0 and carrier 15, would be all of +55.
    #[cfg(any(feature = "compile", test))]
    pub(crate) fn read_prefix(&self, plus: bool, digits: &[u8]) -> Result<Vec<Number>, &'static str> {
        const FILLERS: [&[u8; 12]; 16] = [
            b"000000000000",
            b"111111111111",
            b"222222222222",
            b"333333333333",
            b"444444444444",
            b"555555555555",
            b"666666666666",
            b"777777777777",
            b"888888888888",
            b"999999999999",
            b"123456789012",
            b"234567890123",
            b"345678901234",
            b"602345678901",
            b"790123456789",
            b"912345678901",
        ];
        const ONLY_A_PREFIX: &str = "this is a dialling prefix with no digits of a number behind it, so that it would match every number; give \
             the digits that follow it, or block by country";
        if digits.is_empty() {
            return Err(NO_DIGITS);
        }
        let whole = |digits: &[u8]| Number::from_digits(digits).ok_or(NO_DIGITS);
        if plus {
            return Ok(vec![whole(digits)?]);
        }
        let home = self.home().ok_or(NO_HOME)?;
        let international = self.international_prefix(digits);
        let national = self.national_prefix(home, digits).filter(|action| action.only_strips());
        let length = international.or(national.map(|action| usize::from(action.end))).unwrap_or(0);
        let own = digits.get(length..).unwrap_or_default();
        if own.is_empty() {
            return Err(ONLY_A_PREFIX);
        }
        let mut found: Vec<Number> = Vec::new();
        for filler in FILLERS {
            for extra in 0..=filler.len() {
                let mut dialled = Digits::EMPTY;
                push_all(&mut dialled, digits);
                push_all(&mut dialled, &filler[..extra]);
                let Ok(number) = self.to_e164(false, dialled.as_bytes()) else { continue };
                if !self.plan.classify(number.as_bytes()).is_assigned() {
                    continue;
                }
                if let Some(prefix) = number.as_bytes().strip_suffix(&filler[..extra])
                    && prefix.ends_with(own)
                {
                    let prefix = whole(prefix)?;
                    if !found.contains(&prefix) {
                        found.push(prefix);
                    }
                }
            }
        }
        if found.is_empty() {
            let mut simple = Number::EMPTY;
            if international.is_none() {
                simple.extend(home.calling_code_digits());
            }
            simple.extend(own);
            found.push(simple);
        }
        // In this order a prefix comes right before those that begin with it and add nothing to it.
        found.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        found.dedup_by(|longer, shorter| longer.as_bytes().starts_with(shorter.as_bytes()));
        Ok(found)
    }
}

/// National digits without their prefix.
enum Stripped<'d> {
    /// A part of the digits themselves: there was no prefix, or it only had to go.
    Part(&'d [u8]),
    /// A transform rule made them.
    Made(Digits),
}

impl<'d> Stripped<'d> {
    /// None where the action does not fit the digits.
    #[inline]
    fn by(action: &Action, digits: &'d [u8]) -> Option<Stripped<'d>> {
        if action.only_strips() {
            return digits.get(action.end as usize..).map(Stripped::Part);
        }
        let mut made = Digits::EMPTY;
        action.apply(digits, &mut made).then_some(Stripped::Made(made))
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Stripped::Part(digits) => digits,
            Stripped::Made(digits) => digits.as_bytes(),
        }
    }
}

/// Whether the digits are zeros only, or spell a withheld caller id.
#[inline(always)]
pub(crate) fn is_withheld(digits: &[u8]) -> bool {
    // What hardly any number begins with: no other one is compared.
    let may_be = digits.first_chunk().is_none_or(|first| {
        let head = head_of(first);
        WITHHELD_HEADS[head / 64] >> (head % 64) & 1 == 1
    });
    may_be && is_zeros_or_spelling(digits)
}

/// A bit for every three digits: whether a withheld caller id begins with them.
const WITHHELD_HEADS: [u64; HEADS / 64] = {
    let mut heads = [0; HEADS / 64];
    heads[0] = 1;
    let mut i = 0;
    while i < WITHHELD_SPELLINGS.len() {
        let Some(first) = WITHHELD_SPELLINGS[i].first_chunk() else { panic!("a spelling is shorter than that") };
        heads[head_of(first) / 64] |= 1 << (head_of(first) % 64);
        i += 1;
    }
    heads
};

#[inline(never)]
fn is_zeros_or_spelling(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(|&d| d == b'0') || WITHHELD_SPELLINGS.contains(&digits)
}

fn push_all(to: &mut Digits, digits: &[u8]) {
    for &digit in digits {
        to.push(digit);
    }
}

/// Whether a national prefix comes off where so many digits are left without it.
#[inline]
pub(crate) fn strips_to(territory: &Territory, digits: usize) -> bool {
    matches!(length(territory, digits), Length::Possible | Length::TooLong)
}

#[inline]
fn length(territory: &Territory, digits: usize) -> Length {
    let among = |lengths: u32| digits < 32 && lengths >> digits & 1 == 1;
    let lengths = territory.lengths;
    if among(territory.local_lengths) {
        Length::LocalOnly
    } else if among(lengths) {
        Length::Possible
    } else if lengths == 0 {
        Length::Invalid
    } else if digits < lengths.trailing_zeros() as usize {
        Length::TooShort
    } else if digits > 31 - lengths.leading_zeros() as usize {
        Length::TooLong
    } else {
        Length::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NumberType, Region, plan::tests::built_in, text};
    use std::sync::LazyLock;

    static PLAN: LazyLock<Plan> = LazyLock::new(built_in);

    /// A site in a region, with an outside-line digit and lengths of internal numbers.
    fn site(home: &str, outside_line: Option<u8>, extensions: &[u32]) -> Site {
        Site {
            home: PLAN.territory(Region::new(home).unwrap()).unwrap(),
            outside_line,
            extensions: extensions.iter().fold(0, |bits, n| bits | 1 << n),
            international_prefixes: Vec::new(),
        }
    }

    fn dial_plan(site: &Site) -> DialPlan<'_> {
        DialPlan { plan: &PLAN, site, home: site.home, site_prefixes: true }
    }

    fn shown(reading: Reading<'_>) -> String {
        let text = |digits| String::from_utf8_lossy(digits).into_owned();
        match reading {
            Reading::Emergency => "emergency".to_owned(),
            Reading::Withheld => "withheld".to_owned(),
            Reading::Internal(digits) => format!("internal {:?}", text(digits)),
            Reading::Short(digits, cost) => format!("short {:?} {cost:?}", text(digits)),
            Reading::Number(number, _) => number.to_string(),
            Reading::Invalid(_) => "invalid".to_owned(),
        }
    }

    fn reads(site: &Site, text: &str) -> String {
        shown(dial_plan(site).read(&text::read(text.as_bytes()), Direction::Outbound))
    }

    fn reads_inbound(site: &Site, text: &str) -> String {
        shown(dial_plan(site).read(&text::read(text.as_bytes()), Direction::Inbound))
    }

    /// The table of traps: dialled, home region, number, region, type.
    #[test]
    fn traps() {
        use NumberType::*;
        for (dialled, home, expected, region, number_type) in [
            ("0236618300", "IT", "+390236618300", "IT", FixedLine),
            ("0669812345", "IT", "+390669812345", "VA", FixedLine),
            ("0111523456789", "AR", "+5491123456789", "AR", Mobile),
            ("0151131212345", "BR", "+551131212345", "BR", FixedLine),
            ("00155511961234567", "BR", "+5511961234567", "BR", Mobile),
            ("001415551234", "BR", "+15551234", "", Unknown),
            ("88005553535", "RU", "+78005553535", "RU", TollFree),
            ("+77012345678", "RU", "+77012345678", "KZ", Mobile),
            ("810442079460018", "RU", "+442079460018", "GB", FixedLine),
            ("014442079460018", "IL", "+442079460018", "GB", FixedLine),
            ("06301234567", "HU", "+36301234567", "HU", Mobile),
            ("4641234", "AG", "+12684641234", "AG", Mobile),
            ("+447911123456", "GB", "+447911123456", "GG", Mobile),
            ("00777012", "JP", "+8100777012", "JP", TollFree),
            ("886377", "SM", "+3780549886377", "SM", FixedLine),
            ("79021234", "NO", "+4779021234", "SJ", FixedLine),
            ("+979123456789", "US", "+979123456789", "001", PremiumRate),
        ] {
            let site = site(home, None, &[]);
            match dial_plan(&site).read(&text::read(dialled.as_bytes()), Direction::Outbound) {
                Reading::Number(number, class) => {
                    assert_eq!(number.to_string(), expected, "{dialled} in {home}");
                    assert_eq!(PLAN.region(class.territory()).as_str(), region, "{dialled} in {home}");
                    assert_eq!(class.number_type(), number_type, "{dialled} in {home}");
                }
                other => panic!("{dialled} in {home}: {}", shown(other)),
            }
        }
    }

    #[test]
    fn emergency_comes_before_everything() {
        let us = site("US", Some(b'9'), &[3, 4]);
        for dialled in ["911", "9911", "9112", "99115", "911911911", "urn:service:sos", "tel:911;phone-context=+1"] {
            assert_eq!(reads(&us, dialled), "emergency", "{dialled}");
        }
        // With a plus it is no local number, and never +1911.
        assert_eq!(reads(&us, "+911"), "invalid");
        assert_eq!(reads(&us, "+919876543210"), "+919876543210");
        assert_eq!(reads(&us, "tel:9115550123;phone-context=+1"), "+19115550123");

        let australia = site("AU", None, &[3]);
        for dialled in ["000", "112", "106", "0000", "000123"] {
            assert_eq!(reads(&australia, dialled), "emergency", "{dialled}");
        }
        assert_eq!(reads(&australia, "001137126123456"), "+37126123456");
    }

    #[test]
    fn an_outside_line_that_begins_the_emergency_number_hides_no_fraud() {
        let australia = site("AU", Some(b'0'), &[]);
        for dialled in ["000", "0000", "00005", "0112"] {
            assert_eq!(reads(&australia, dialled), "emergency", "{dialled}");
        }
        // 0, then 0011 371 900…: an international call.
        assert_eq!(reads(&australia, "0001137190012345"), "+37190012345");
        // 0, then 1900…: a premium number, and the same over-dialled.
        assert_eq!(reads(&australia, "01900654321"), "+611900654321");
        assert_eq!(reads(&australia, "0190065432199"), "+61190065432199");
        // 0, then 00…: no number, and so the emergency call that it begins like.
        assert_eq!(reads(&australia, "00055"), "emergency");
    }

    #[test]
    fn digits_behind_an_emergency_number() {
        // Exchanges in Brazil, Chile and Nicaragua do not ignore them.
        for (home, dialled, expected) in [
            ("BR", "190", "emergency"),
            ("BR", "1901", "invalid"),
            ("CL", "133", "emergency"),
            ("NI", "118", "emergency"),
            ("SK", "1129", "emergency"),
            // Numbers that somebody has are these numbers.
            ("AD", "110", "emergency"),
            ("AD", "1101", "emergency"),
            ("AD", "110009", "+376110009"),
            ("AD", "112321", "+376112321"),
            ("TO", "9990231", "+6769990231"),
            ("TJ", "112365040", "+992112365040"),
            ("LT", "031101161", "+37031101161"),
            ("UZ", "001", "emergency"),
            ("UZ", "0019", "emergency"),
            ("CN", "11044001798805796", "emergency"),
            ("UZ", "001123456", "emergency"),
            ("UZ", "0019005550123", "+19005550123"),
            ("UZ", "001900555012345", "+1900555012345"),
        ] {
            let shown = reads(&site(home, None, &[]), dialled);
            if expected == "invalid" {
                assert_ne!(shown, "emergency", "{dialled} in {home}");
            } else {
                assert_eq!(shown, expected, "{dialled} in {home}");
            }
        }
    }

    #[test]
    fn caller_ids_are_emergency_only_exactly() {
        let us = site("US", Some(b'9'), &[4]);
        assert_eq!(reads_inbound(&us, "911"), "emergency");
        assert_ne!(reads_inbound(&us, "9112"), "emergency");
        assert_ne!(reads_inbound(&us, "9911"), "emergency");
        assert_eq!(reads_inbound(&us, "2001"), "internal \"2001\"");
        // No outside line is taken off.
        assert_eq!(reads_inbound(&us, "9165550123"), "+19165550123");
    }

    /// Found in review: `100x5551234` was the internal number 100, and a site that dials only the
    /// digits of what it was given would have dialled 1005551234.
    #[test]
    fn what_is_cut_off_follows_something_complete() {
        let norway = site("NO", None, &[3]);
        for (text, reading) in [
            ("829x01234", "invalid"),
            ("829#01234", "invalid"),
            ("829p01234", "internal \"829\""),
            ("112x1", "emergency"),
            ("112p1", "emergency"),
            ("003p7190000000", "internal \"003\""),
            ("0037p190000000", "invalid"),
            ("22123456x12", "+4722123456"),
            ("22123456,,12", "+4722123456"),
            ("2212345x6", "invalid"),
        ] {
            assert_eq!(reads(&norway, text), reading, "{text}");
        }
    }

    #[test]
    fn withheld_caller_ids() {
        let slovakia = site("SK", None, &[]);
        for spelled in ["266696687", "7378742833", "86282452253", "2562533", "8656696"] {
            assert_eq!(reads_inbound(&slovakia, spelled), "withheld", "{spelled}");
            assert_eq!(reads_inbound(&slovakia, &format!("+{spelled}")), "withheld", "{spelled}");
            assert_eq!(reads(&slovakia, &format!("+{spelled}")), "withheld", "{spelled}");
            assert_ne!(reads(&slovakia, spelled), "withheld", "{spelled}");
        }
        for zeros in ["0", "00", "0000000000", "+0000"] {
            assert_eq!(reads_inbound(&slovakia, zeros), "withheld", "{zeros}");
        }
        for word in ["anonymous", ""] {
            assert_eq!(reads_inbound(&slovakia, word), "withheld", "{word:?}");
        }
    }

    #[test]
    fn internal_numbers_and_the_outside_line() {
        let slovakia = site("SK", Some(b'0'), &[3, 4]);
        assert_eq!(reads(&slovakia, "2345"), "internal \"2345\"");
        assert_eq!(reads(&slovakia, "234"), "internal \"234\"");
        assert_eq!(reads(&slovakia, "00900123456"), "+421900123456");
        assert_eq!(reads(&slovakia, "00037126123456"), "+37126123456");
        // It begins with the outside line, and so it is none.
        assert!(!reads(&slovakia, "0234").starts_with("internal"));
        assert_eq!(reads(&slovakia, "112"), "emergency");
        let nine = site("SK", Some(b'9'), &[]);
        assert_eq!(reads(&nine, "9"), "invalid");
        assert_eq!(reads(&nine, "90900123456"), "+421900123456");
    }

    #[test]
    fn short_numbers() {
        let germany = site("DE", None, &[]);
        assert!(reads(&germany, "116117").starts_with("short"));
        assert!(reads(&site("US", Some(b'9'), &[]), "9411").starts_with("short \"411\""));
        assert!(reads(&site("FR", None, &[]), "3699").starts_with("short"));
        assert_eq!(reads(&site("GB", None, &[]), "+44116123"), "+44116123");
        // Some premium short number exists, and says so.
        let premium = (1000..99999).any(|n| reads(&site("ES", None, &[]), &n.to_string()).ends_with("Premium"));
        assert!(premium);
    }

    #[test]
    fn a_sites_own_international_prefixes_replace_the_plans() {
        let mut slovakia = site("SK", None, &[]);
        slovakia.international_prefixes = vec![b"99".as_slice().into(), b"9900".as_slice().into()];
        assert_eq!(reads(&slovakia, "9937126123456"), "+37126123456");
        assert_eq!(reads(&slovakia, "990037126123456"), "+37126123456");
        assert_ne!(reads(&slovakia, "0037126123456"), "+37126123456");
        // The digit behind it must not be 0.
        assert_ne!(reads(&slovakia, "99037126123456"), "+37126123456");
        // They belong to the site, not to another home.
        let elsewhere = DialPlan {
            home: PLAN.territory(Region::new("CZ").unwrap()).unwrap(),
            site_prefixes: false,
            ..dial_plan(&slovakia)
        };
        let text = text::read(b"0037126123456");
        let reading = elsewhere.read(&text, Direction::Outbound);
        assert_eq!(shown(reading), "+37126123456");
    }

    #[test]
    fn over_dialled_numbers_are_kept() {
        let slovakia = site("SK", None, &[]);
        let long = format!("+421900{}", "1".repeat(30));
        assert_eq!(reads(&slovakia, &long), long);
        assert!(reads(&slovakia, &"9".repeat(300)).starts_with('+') || reads(&slovakia, &"9".repeat(300)) == "invalid");
    }

    #[test]
    fn emergency_numbers_are_counted() {
        let (mut numbers, mut regions) = (0, 0);
        for territory in PLAN.territories().iter().filter(|t| t.region != Region::WORLD) {
            let site = site(territory.region.as_str(), None, &[]);
            let dial = dial_plan(&site);
            let found = dial.emergency_numbers();
            for number in &found {
                assert_eq!(reads(&site, number), "emergency");
            }
            numbers += found.len();
            regions += usize::from(!found.is_empty());
            let exact = ["BR", "CL", "NI"].contains(&territory.region.as_str());
            assert_eq!(dial.emergency_ignores_trailing_digits(), !exact && territory.short.is_some());
        }
        // 717 patterns of whole numbers: Gabon's 13xx is a hundred numbers, Czechia's 15x ten.
        assert_eq!((numbers, regions), (825, 240));
        assert_eq!(dial_plan(&site("AU", None, &[])).emergency_numbers(), ["000", "106", "112"]);
    }

    #[test]
    fn list_prefixes_become_prefixes_of_numbers() {
        for (home, entry, expected) in [
            ("SK", "0900", &["+421900"][..]),
            ("SK", "00371", &["+371"]),
            ("SK", "+3712", &["+3712"]),
            ("SK", "421", &["+421"]),
            ("DE", "030", &["+4930"]),
            ("US", "1900", &["+1900"]),
            ("US", "011371", &["+371"]),
            ("IT", "02", &["+3902"]),
            ("HU", "0630", &["+3630"]),
            ("BR", "015", &["+5515"]),
            ("AG", "464", &["+1268464", "+1464"]),
            ("SK", "003", &["+3"]),
        ] {
            let site = site(home, None, &[]);
            let (plus, digits) = entry.strip_prefix('+').map_or((false, entry), |digits| (true, digits));
            let found = dial_plan(&site).read_prefix(plus, digits.as_bytes()).unwrap();
            let found: Vec<String> = found.iter().map(Number::to_string).collect();
            assert_eq!(found, expected, "{entry}* in {home}");
        }
        for (home, entry) in [("HU", "06"), ("SK", "0"), ("SK", "00"), ("US", "1"), ("US", "011"), ("SK", "")] {
            assert!(
                dial_plan(&site(home, None, &[])).read_prefix(false, entry.as_bytes()).is_err(),
                "{entry} in {home}"
            );
        }
    }
}
