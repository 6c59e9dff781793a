//! One list entry to the keys that it matches.
//!
//! An entry has one of five forms:
//!
//! | form | meaning |
//! | --- | --- |
//! | `+371 6700 0000`, `030 90 18 20`, `tel:…` | one whole number, in any spelling that the site dials |
//! | `+3712*` | every number that begins so |
//! | `+4930100..+4930199` | every number whose first digits lie in the range, both ends included |
//! | `+33162XXXXXX` | a whole number, `X` (or `x`) standing for any one digit |
//! | `raw:100`, `raw:100*` | the dialled bytes themselves, whole or as a beginning |
//!
//! All but `raw:` go through the canonicaliser that calls go through ([`text::read`], then
//! [`DialPlan`]), so that an entry and a call which mean the same number cannot be read
//! differently. One thing is left out: the outside-line digit. An entry is a number, not a row of
//! key strokes, and `9*` in a list means numbers that begin with 9 on every site.
//!
//! Numbers become [`Key::Number`]s, in E.164 digits. What reads as a short or internal number
//! becomes a [`Key::Local`]. A prefix may be the beginning of both, and is then both, unless it
//! begins with the national or international prefix, which no short number does.
//!
//! An entry is one number and nothing else. What a call may carry behind its number (an extension,
//! digits after a pause, parameters) would be cut off silently; in a list it is far more often a
//! second number or an expiry in the wrong kind of file. So it is refused.
//!
//! An entry of a block list that covers an emergency number is refused. The gate would let the
//! emergency call through all the same; but whoever wrote the entry believes something else, and
//! should learn it now.

use crate::compile::files::Fault;
use crate::compile::lint::Assigned;
use crate::compile::model::{Key, ListAction};
use crate::dial::{DialPlan, Reading, Site};
use crate::lanes::Lanes;
use crate::number::Number;
use crate::numbers::whole_key;
use crate::plan::Plan;
use crate::text::{self, Cut, Dialled, Kind};
use crate::verdict::Direction;

/// The most digits of an entry.
pub(crate) const MAX_DIGITS: usize = 32;
/// The most bytes of a `raw:` entry.
pub(crate) const MAX_RAW: usize = 64;
/// Patterns longer than this are not short numbers, whatever their digits turn out to be.
const MAX_SHORT: usize = 6;

const BAD: &str = "bad-entry";
const INTERNATIONAL: &str = "write it in international form, beginning with `+` and the country code";

/// An entry after reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// At least one.
    pub(crate) keys: Vec<Key>,
    /// How many digits the entry names, as written; the least of a range. None for `raw:`.
    pub(crate) written: Option<usize>,
    /// An emergency number in a list that does not block: allowed anyway.
    pub(crate) emergency: bool,
}

/// Reads the entries of one site.
pub(crate) struct EntryReader<'p> {
    plan: &'p Plan,
    assigned: &'p Assigned<'p>,
    /// As calls are dialled.
    site: Site,
    /// As entries are written: without an outside line.
    entries: Site,
    /// The home region's emergency numbers.
    emergency: Vec<String>,
    /// The short way from digits to a number, of `entries`.
    lanes: Option<Lanes>,
}

/// A whole number that an entry is, read the short way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quick {
    /// [`whole_key`]'s.
    pub(crate) key: u64,
    /// The plan gives it to somebody.
    pub(crate) assigned: bool,
}

impl<'p> EntryReader<'p> {
    pub(crate) fn new(plan: &'p Plan, assigned: &'p Assigned<'p>, site: Site) -> EntryReader<'p> {
        let entries = Site {
            home: site.home,
            outside_line: None,
            extensions: site.extensions,
            international_prefixes: site.international_prefixes.clone(),
        };
        let home = plan.territory_of(entries.home);
        let lanes = home.map(|home| Lanes::of(plan, home, &entries.international_prefixes));
        let mut reader = EntryReader { plan, assigned, site, entries, emergency: Vec::new(), lanes };
        reader.emergency = reader.dial().emergency_numbers();
        reader
    }

    fn dial(&self) -> DialPlan<'_> {
        DialPlan { plan: self.plan, site: &self.entries, home: self.entries.home, site_prefixes: true }
    }

    /// Reads an entry that is digits, perhaps with separators, and that becomes one whole number
    /// whatever the list's action is: what [`read`](EntryReader::read) says of nearly all lines of long
    /// lists, without allocating. None where it takes a longer look.
    pub(crate) fn quick(&self, entry: &[u8]) -> Option<Quick> {
        let mut buffer = [0; text::SHORT_TEXT];
        let (plus, digits) = match text::clean_digits(entry) {
            Some(clean) => clean,
            // Dots separate digits, two of them the ends of a range.
            None if entry.windows(2).any(|pair| pair == b"..") => return None,
            None => text::plain_digits(entry, &mut buffer)?,
        };
        if digits.len() < 3 {
            return None;
        }
        let dial = self.dial();
        let mut number = Number::EMPTY;
        let lanes = self.lanes.as_ref();
        if lanes.and_then(|lanes| lanes.read(&dial, plus, digits, Direction::Outbound, &mut number)).is_some() {
            return Some(Quick { key: whole_key(number.as_bytes())?, assigned: true });
        }
        let Reading::Number(number, _) = dial.read(&text::read(entry), Direction::Outbound) else { return None };
        let digits = number.as_bytes();
        Some(Quick { key: whole_key(digits)?, assigned: self.assigned.any(digits, true) })
    }

    /// Reads an entry of a list with this action.
    pub(crate) fn read(&self, entry: &str, action: ListAction) -> Result<Parsed, Fault> {
        let entry = entry.trim();
        if entry.is_empty() {
            return Err(Fault::new(BAD, "this entry is empty"));
        }
        let mut parsed = self.parse(entry, action)?;
        parsed.keys.sort_unstable();
        parsed.keys.dedup();
        if action == ListAction::Block {
            self.spare_emergencies(&parsed.keys)?;
        }
        Ok(parsed)
    }

    fn parse(&self, entry: &str, action: ListAction) -> Result<Parsed, Fault> {
        if let Some(raw) = entry.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("raw:")).map(|_| &entry[4..]) {
            return Ok(Parsed { keys: vec![raw_key(raw.trim())?], written: None, emergency: false });
        }
        one_number(entry)?;
        if let Some((first, last)) = entry.split_once("..") {
            return self.range(first.trim(), last.trim());
        }
        if let Some(prefix) = entry.strip_suffix('*') {
            return self.prefix(prefix.trim_end());
        }
        if is_pattern(entry) {
            return self.pattern(entry);
        }
        self.whole(entry, action)
    }

    fn whole(&self, entry: &str, action: ListAction) -> Result<Parsed, Fault> {
        let dialled = text::read(entry.as_bytes());
        if !dialled.routing.is_empty() {
            return Err(Fault::new(BAD, "an entry names one number, and this one has a routing number (rn) too")
                .help("make two entries of it"));
        }
        nothing_cut(&dialled)?;
        let written = Some(dialled.digits.len());
        let mut emergency = false;
        let key = match self.dial().read(&dialled, Direction::Outbound) {
            Reading::Number(number, _) => number_key(number.as_bytes(), true)?,
            Reading::Short(digits, _) | Reading::Internal(digits) => local_key(digits, true)?,
            Reading::Emergency if action == ListAction::Block => {
                let digits = dialled.digits.as_bytes();
                let named = self
                    .emergency
                    .iter()
                    .filter(|number| digits.starts_with(number.as_bytes()))
                    .max_by_key(|number| number.len())
                    .map_or(entry, |number| number);
                return Err(blocks_emergency(named, None));
            }
            Reading::Emergency if dialled.digits.is_empty() => {
                return Err(Fault::new(BAD, "emergency calls are always allowed and need no entry"));
            }
            Reading::Emergency => {
                emergency = true;
                local_key(dialled.digits.as_bytes(), true)?
            }
            Reading::Withheld => {
                return Err(Fault::new(BAD, "this is how a withheld caller id is written, not a number")
                    .help("the profiles' rule `anonymous` decides about those; `raw:` matches one spelling"));
            }
            Reading::Invalid(why) => return Err(invalid(why)),
        };
        Ok(Parsed { keys: vec![key], written, emergency })
    }

    fn prefix(&self, prefix: &str) -> Result<Parsed, Fault> {
        if has_wildcard(prefix) {
            return Err(Fault::new(BAD, "`X` stands for one digit of a whole number and cannot be combined with `*`")
                .help("leave out the `X`s before the `*`, or write an `X` for every further digit"));
        }
        let (plus, digits) = self.digits(prefix)?;
        if digits.is_empty() {
            return Err(everything());
        }
        let mut keys = Vec::new();
        let numbers = self.prefix_numbers(plus, &digits);
        if self.may_be_local(plus, &digits) {
            keys.push(local_key(&digits, false)?);
        }
        match numbers {
            Ok(numbers) => {
                for number in numbers {
                    keys.push(number_key(number.as_bytes(), false)?);
                }
            }
            Err(why) if keys.is_empty() => return Err(no_prefix(why)),
            Err(_) => {}
        }
        if keys.is_empty() {
            return Err(Fault::new(BAD, "no number begins like this").help(INTERNATIONAL));
        }
        Ok(Parsed { keys, written: Some(digits.len()), emergency: false })
    }

    fn range(&self, first: &str, last: &str) -> Result<Parsed, Fault> {
        for end in [first, last] {
            if end.ends_with('*') || has_wildcard(end) {
                return Err(Fault::new(BAD, "the ends of a range are digits only, without `*` and `X`")
                    .help("a range already means every number that begins with one of its numbers"));
            }
        }
        let (plus, from) = self.digits(first)?;
        let (last_plus, to) = self.digits(last)?;
        if plus != last_plus {
            return Err(Fault::new(BAD, "one end of this range begins with `+` and the other does not")
                .help("write both ends in full and alike, as in +4930100..+4930199"));
        }
        if from.is_empty() || to.is_empty() {
            return Err(Fault::new(BAD, "this range has only one end")
                .help("write both ends in full, as in +4930100..+4930199"));
        }
        if from.len() != to.len() {
            return Err(Fault::new(
                BAD,
                format!(
                    "the ends of this range have {} and {} digits, and must have equally many",
                    from.len(),
                    to.len()
                ),
            )
            .help("write both ends in full, as in +4930100..+4930199"));
        }
        if from.len() > MAX_DIGITS {
            return Err(too_many_digits(from.len()));
        }
        if from > to {
            return Err(Fault::new(BAD, "the first end of this range is greater than the last"));
        }
        let mut pieces = Vec::new();
        range_prefixes(&from, &to, &mut pieces);
        if pieces.iter().any(Vec::is_empty) {
            return Err(everything());
        }
        let mut keys = Vec::new();
        let mut local = false;
        for piece in &pieces {
            if self.may_be_local(plus, piece) {
                keys.push(local_key(piece, false)?);
                local = true;
            }
        }
        let ends = [&from, &to].map(|end| self.prefix_numbers(plus, end));
        match ends {
            [Ok(a), Ok(b)] => {
                let mut numbers: Vec<Vec<Number>> = Vec::with_capacity(pieces.len());
                for piece in &pieces {
                    numbers.push(self.prefix_numbers(plus, piece).map_err(no_prefix)?);
                }
                let dialled: Vec<&[u8]> = [&from, &to].into_iter().chain(&pieces).map(Vec::as_slice).collect();
                let read: Vec<&[Number]> = [&a, &b].into_iter().chain(&numbers).map(Vec::as_slice).collect();
                if !read_alike(&dialled, &read) {
                    return Err(
                        Fault::new(BAD, "the numbers of this range are not all dialled alike").help(INTERNATIONAL)
                    );
                }
                for number in numbers.iter().flatten() {
                    keys.push(number_key(number.as_bytes(), false)?);
                }
            }
            [Err(_), Err(_)] if local => {}
            [Err(why), _] | [_, Err(why)] => return Err(no_prefix(why)),
        }
        if keys.is_empty() {
            return Err(Fault::new(BAD, "no number begins like this").help(INTERNATIONAL));
        }
        Ok(Parsed { keys, written: Some(from.len()), emergency: false })
    }

    /// A pattern is read with many different digits in place of the `X`s. Where all of them become
    /// numbers in the same way (so many digits gone from the front, such others put before it),
    /// that way is the pattern's.
    fn pattern(&self, entry: &str) -> Result<Parsed, Fault> {
        let (before, behind) =
            entry.split_at(entry.find(|c: char| c.is_ascii_digit() || matches!(c, 'X' | 'x')).unwrap_or(0));
        let plus = before.contains('+');
        if behind.contains('+') {
            return Err(invalid("it has a `+` behind the first digit"));
        }
        let digits: Vec<u8> = entry
            .bytes()
            .filter(|b| b.is_ascii_digit() || matches!(b, b'X' | b'x'))
            .map(|b| b.to_ascii_uppercase())
            .collect();
        if digits.len() > MAX_DIGITS {
            return Err(too_many_digits(digits.len()));
        }
        let first_x = digits.iter().position(|&b| b == b'X').unwrap_or(digits.len());
        if first_x == 0 && plus {
            return Err(Fault::new(BAD, "the country code of this pattern is not written out").help(INTERNATIONAL));
        }
        let mut dialled: Vec<Vec<u8>> = Vec::new();
        let mut numbers: Vec<Vec<Number>> = Vec::new();
        let mut local = self.may_be_local(plus, &digits[..first_x])
            && (digits.len() <= MAX_SHORT || self.entries.extensions >> digits.len().min(63) & 1 == 1);
        let mut why_not = None;
        for filler in 0..20u8 {
            let mut position = filler;
            let filled: Vec<u8> = digits
                .iter()
                .map(|&b| {
                    if b != b'X' {
                        return b;
                    }
                    // Ten times one digit only, then ten times all of them in turn.
                    position += u8::from(filler >= 10);
                    b'0' + position % 10
                })
                .collect();
            let mut text = Vec::with_capacity(filled.len() + 1);
            if plus {
                text.push(b'+');
            }
            text.extend(&filled);
            match self.dial().read(&text::read(&text), Direction::Outbound) {
                Reading::Number(number, _) => {
                    dialled.push(filled);
                    numbers.push(vec![number]);
                }
                Reading::Short(..) | Reading::Internal(_) => local = true,
                // Said once it is known that the pattern has keys at all.
                Reading::Emergency => local |= !plus,
                Reading::Withheld => {}
                Reading::Invalid(why) => why_not = Some(why),
            }
        }
        let mut keys = Vec::new();
        if let Some(head) = transformation(
            &dialled.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            &numbers.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            0,
        )
        .filter(|(stripped, _)| *stripped <= first_x)
        {
            let (stripped, mut number) = head;
            number.extend(&digits[stripped..]);
            keys.push(number_key(&number, true)?);
        } else if plus && !numbers.is_empty() {
            // In +49X… one digit, the national prefix 0, would be taken off again. Behind a plus the
            // digits are E.164 as they stand.
            keys.push(number_key(&digits, true)?);
        } else if !numbers.is_empty() && !local {
            return Err(Fault::new(BAD, "the numbers of this pattern are not all dialled alike").help(INTERNATIONAL));
        }
        if local {
            keys.push(local_key(&digits, true)?);
        }
        if keys.is_empty() {
            return Err(invalid(why_not.unwrap_or("no number looks like this")).help(INTERNATIONAL));
        }
        Ok(Parsed { keys, written: Some(digits.len()), emergency: false })
    }

    /// The digits of a beginning of a number, and whether they are international.
    fn digits(&self, text: &str) -> Result<(bool, Vec<u8>), Fault> {
        if !text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_punctuation() || b == b' ') {
            return Ok((text.starts_with('+'), Vec::new()));
        }
        let dialled = text::read(text.as_bytes());
        match dialled.kind {
            Kind::Digits if dialled.routing.is_empty() => nothing_cut(&dialled)?,
            Kind::Digits => {
                return Err(Fault::new(BAD, "an entry names one number, and this one has a routing number (rn) too"));
            }
            Kind::Refused(why) => return Err(invalid(why)),
            Kind::Withheld | Kind::EmergencyUrn | Kind::Overlong => {
                return Err(Fault::new(BAD, "this is no beginning of a number"));
            }
        }
        Ok(match &dialled.context {
            Some(context) if !dialled.plus => (true, [context.as_bytes(), dialled.digits.as_bytes()].concat()),
            _ => (dialled.plus, dialled.digits.as_bytes().to_vec()),
        })
    }

    /// The E.164 prefixes that the dialled digits are the beginning of.
    fn prefix_numbers(&self, plus: bool, digits: &[u8]) -> Result<Vec<Number>, &'static str> {
        let mut numbers = self.dial().read_prefix(plus, digits)?;
        for number in &mut numbers {
            if let Some(better) = self.without_trunk_digit(number) {
                *number = better;
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// `+49 (0)345*`: a national prefix behind the country code, where no number begins so with it
    /// and some do without. Calls that are dialled like this are read without it too. Only for a
    /// prefix that begins with 0, which people do write so: `+112*` is rather a mistake than all of
    /// `+12*` behind North America's 1, and gets a warning.
    fn without_trunk_digit(&self, prefix: &Number) -> Option<Number> {
        let digits = prefix.as_bytes();
        if self.assigned.any(digits, false) {
            return None;
        }
        let (code, length) = self.plan.calling_code_of(digits)?;
        let root = self.plan.main_territory(code)?.national_prefix?;
        let national = digits.get(length..).filter(|national| national.first() == Some(&b'0'))?;
        let action = self.plan.actions.get(usize::from(self.plan.dial.walk(root, national)).checked_sub(1)?)?;
        let rest = national.get(usize::from(action.end)..).filter(|rest| action.only_strips() && !rest.is_empty())?;
        let mut number = Number::from_digits(&digits[..length])?;
        number.extend(rest);
        self.assigned.any(number.as_bytes(), false).then_some(number)
    }

    /// Whether a short or internal number can begin with these digits: not where they begin with
    /// the prefix of national or international calls.
    fn may_be_local(&self, plus: bool, digits: &[u8]) -> bool {
        if plus {
            return false;
        }
        let own = &self.entries.international_prefixes;
        if own.iter().any(|prefix| digits.starts_with(prefix)) {
            return false;
        }
        let Some(territory) = self.plan.territory_of(self.entries.home) else { return true };
        let international = territory.international_prefix.filter(|_| own.is_empty());
        [international, territory.national_prefix].into_iter().flatten().all(|root| {
            let mut state = root;
            digits.iter().all(|&digit| {
                state = self.plan.dial.step(state, digit);
                self.plan.dial.label(state) == 0
            })
        })
    }

    /// Refuses keys that match an emergency number: short and internal numbers as such, for they are
    /// looked up without the outside-line digit; raw bytes behind it, too. E.164 keys cannot: they
    /// are only asked once it is known that the call is no emergency.
    fn spare_emergencies(&self, keys: &[Key]) -> Result<(), Fault> {
        for key in keys {
            let (pattern, whole, x, outside_line) = match key {
                Key::Number { .. } => continue,
                Key::Local { digits, whole } => (digits, *whole, Some(b'X'), None),
                Key::Raw { bytes, whole } => (bytes, *whole, None, self.site.outside_line),
            };
            for number in &self.emergency {
                let covers = |text: &[u8]| {
                    (if whole { text.len() == pattern.len() } else { text.len() >= pattern.len() })
                        && pattern.iter().zip(text).all(|(p, t)| p == t || Some(*p) == x)
                };
                if covers(number.as_bytes()) {
                    return Err(blocks_emergency(number, None));
                }
                if let Some(digit) = outside_line {
                    let outside = [&[digit], number.as_bytes()].concat();
                    if covers(&outside) {
                        return Err(blocks_emergency(number, Some(digit)));
                    }
                }
            }
            // Raw bytes can be any spelling of an emergency call: `tel:112`, `urn:service:sos`.
            if let Key::Raw { bytes, .. } = key {
                let dial = DialPlan { plan: self.plan, site: &self.site, home: self.site.home, site_prefixes: true };
                let dialled = text::read(bytes);
                if matches!(dial.read(&dialled, Direction::Outbound), Reading::Emergency) {
                    let named = std::str::from_utf8(dialled.digits.as_bytes()).unwrap_or_default();
                    return Err(blocks_emergency(if named.is_empty() { "urn:service:sos" } else { named }, None));
                }
            }
        }
        Ok(())
    }
}

/// Refuses what separates entries or columns, unless the entry is a URI with such parameters as
/// belong to its one number. (`rn` is refused later, with a message of its own.)
fn one_number(entry: &str) -> Result<(), Fault> {
    if !entry.contains([',', ';']) {
        return Ok(());
    }
    let uri = entry.strip_prefix('<').unwrap_or(entry);
    let is_uri = uri
        .split_once(':')
        .is_some_and(|(scheme, _)| ["tel", "sip", "sips"].iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    let known = |parameter: &str| {
        let (name, value) = parameter.split_at(parameter.find(['=', '@', '>']).unwrap_or(parameter.len()));
        let routing = name.eq_ignore_ascii_case("rn") && value.len() > 1;
        routing || is_uri && ["phone-context", "user", "npdi"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    if !uri.contains(',') && uri.split(';').skip(1).all(known) {
        return Ok(());
    }
    Err(not_alone("this entry is more than one number: `,` and `;` separate numbers or columns"))
}

/// Refuses a number that the reader cut something off.
fn nothing_cut(dialled: &Dialled<'_>) -> Result<(), Fault> {
    match dialled.cut {
        Cut::Nothing => Ok(()),
        Cut::Pause => Err(not_alone("this entry has digits behind a pause, which would not be compared")),
        Cut::Extension => Err(not_alone("this entry has an extension behind the number, which would not be compared")),
    }
}

fn not_alone(why: &'static str) -> Fault {
    Fault::new(BAD, why).help("one entry a line; an expiry needs a CSV file with the columns number and expires")
}

fn raw_key(raw: &str) -> Result<Key, Fault> {
    let (bytes, whole) = match raw.strip_suffix('*') {
        Some(prefix) => (prefix, false),
        None => (raw, true),
    };
    if bytes.is_empty() {
        return Err(if whole { Fault::new(BAD, "`raw:` is followed by no bytes") } else { everything() });
    }
    if bytes.len() > MAX_RAW {
        return Err(Fault::new(BAD, format!("this entry has {} bytes, and {MAX_RAW} are the most", bytes.len())));
    }
    Ok(Key::Raw { bytes: bytes.as_bytes().into(), whole })
}

fn number_key(digits: &[u8], whole: bool) -> Result<Key, Fault> {
    check_length(digits)?;
    Ok(Key::Number { digits: digits.into(), whole })
}

fn local_key(digits: &[u8], whole: bool) -> Result<Key, Fault> {
    check_length(digits)?;
    Ok(Key::Local { digits: digits.into(), whole })
}

fn check_length(digits: &[u8]) -> Result<(), Fault> {
    if digits.len() > MAX_DIGITS { Err(too_many_digits(digits.len())) } else { Ok(()) }
}

fn too_many_digits(n: usize) -> Fault {
    Fault::new(BAD, format!("this entry has {n} digits, and {MAX_DIGITS} are the most"))
        .help("no number has more than 15; a prefix with `*` covers what is longer")
}

fn everything() -> Fault {
    Fault::new(BAD, "this entry covers every number there is")
        .help("that is what the profile's rule `default` is for: `default = \"block\"`")
}

fn invalid(why: &str) -> Fault {
    Fault::new(BAD, format!("this is no number: {why}"))
}

/// The same for a beginning of a number.
fn no_prefix(why: &'static str) -> Fault {
    // What is a whole sentence says by itself what to do.
    if why.starts_with("this is ") { Fault::new(BAD, why) } else { invalid(why).help(INTERNATIONAL) }
}

fn blocks_emergency(number: &str, outside_line: Option<u8>) -> Fault {
    let behind = outside_line
        .map_or_else(String::new, |digit| format!(" behind the outside-line digit ({}{number})", char::from(digit)));
    Fault::new("blocks-emergency", format!("this entry would block the emergency number {number}{behind}"))
        .help("emergency calls always go through; narrow the entry, or write it in international form")
}

/// Digits, separators and at least one `X`: only then is an `X` a wildcard. In `1-800-FLEXING` it
/// is a letter of a vanity number, in `sip:x@host` one of a name.
/// A small `x` with digits behind it that end the entry marks an extension.
fn is_pattern(entry: &str) -> bool {
    has_wildcard(entry) && (entry.contains('X') || text::read(entry.as_bytes()).cut == Cut::Nothing)
}

/// Whether the text has an `X`, and otherwise nothing but digits and separators.
fn has_wildcard(text: &str) -> bool {
    let mut wildcard = false;
    for byte in text.bytes() {
        match byte {
            b'X' | b'x' => wildcard = true,
            b'0'..=b'9' | b' ' | b'\t' | b'+' | b'-' | b'.' | b'/' | b'(' | b')' => {}
            _ => return false,
        }
    }
    wildcard
}

/// The minimal set of prefixes that the strings of digits from `from` to `to` begin with.
fn range_prefixes(from: &[u8], to: &[u8], out: &mut Vec<Vec<u8>>) {
    fn below(prefix: &mut Vec<u8>, from: Option<&[u8]>, to: Option<&[u8]>, out: &mut Vec<Vec<u8>>) {
        // `None` stands for an end that no longer bounds: all zeros, all nines.
        let from = from.filter(|rest| rest.iter().any(|&b| b != b'0'));
        let to = to.filter(|rest| rest.iter().any(|&b| b != b'9'));
        if from.is_none() && to.is_none() {
            out.push(prefix.clone());
            return;
        }
        let low = from.map_or(b'0', |rest| rest[0]);
        let high = to.map_or(b'9', |rest| rest[0]);
        for digit in low..=high {
            prefix.push(digit);
            let from = from.filter(|_| digit == low).map(|rest| &rest[1..]);
            let to = to.filter(|_| digit == high).map(|rest| &rest[1..]);
            below(prefix, from, to, out);
            prefix.pop();
        }
    }
    below(&mut Vec::new(), Some(from), Some(to), out);
}

/// Whether all of `dialled` became their numbers in the same ways.
fn read_alike(dialled: &[&[u8]], numbers: &[&[Number]]) -> bool {
    let ways = numbers.first().map_or(0, |n| n.len());
    numbers.iter().all(|n| n.len() == ways) && (0..ways).all(|way| transformation(dialled, numbers, way).is_some())
}

/// The one way in which each of `dialled` became its number: how many digits went from the front,
/// the same ones everywhere, and what came in their place.
fn transformation(dialled: &[&[u8]], numbers: &[&[Number]], way: usize) -> Option<(usize, Vec<u8>)> {
    let (first, number) = (*dialled.first()?, numbers.first()?.get(way)?.as_bytes());
    (0..=first.len()).find_map(|stripped| {
        let head = number.strip_suffix(&first[stripped..])?;
        let alike = dialled.iter().zip(numbers).all(|(digits, numbers)| {
            digits.get(..stripped) == Some(&first[..stripped])
                && numbers.get(way).and_then(|n| n.as_bytes().strip_prefix(head)) == digits.get(stripped..)
        });
        alike.then(|| (stripped, head.to_vec()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::plan::BUILT_IN;
    use crate::index::format::{Kind, Sections};
    use crate::number::Region;
    use proptest::prelude::*;
    use std::sync::OnceLock;

    fn plan() -> &'static Plan {
        static PLAN: OnceLock<Plan> = OnceLock::new();
        PLAN.get_or_init(|| Plan::decode(BUILT_IN, &Sections::parse(BUILT_IN, Kind::Plan).unwrap()).unwrap())
    }

    fn reader(home: &str, outside_line: Option<u8>, extensions: &[u8]) -> EntryReader<'static> {
        let home = plan().territory(Region::new(home).unwrap()).unwrap();
        let extensions = extensions.iter().fold(0, |bits, n| bits | 1 << n);
        static ASSIGNED: OnceLock<Assigned<'static>> = OnceLock::new();
        let assigned = ASSIGNED.get_or_init(|| Assigned::new(plan()));
        EntryReader::new(plan(), assigned, Site { home, outside_line, extensions, international_prefixes: Vec::new() })
    }

    /// `+421…`, `local:…`, `raw:…`, with `*` where it is no whole number; or the fault's message.
    fn keys(reader: &EntryReader<'_>, entry: &str, action: ListAction) -> Vec<String> {
        match reader.read(entry, action) {
            Err(fault) => vec![format!("! {}", fault.message)],
            Ok(parsed) => parsed
                .keys
                .iter()
                .map(|key| {
                    let (kind, bytes, whole) = match key {
                        Key::Number { digits, whole } => ("+", digits, whole),
                        Key::Local { digits, whole } => ("local:", digits, whole),
                        Key::Raw { bytes, whole } => ("raw:", bytes, whole),
                    };
                    format!("{kind}{}{}", String::from_utf8_lossy(bytes), if *whole { "" } else { "*" })
                })
                .collect(),
        }
    }

    fn check(reader: &EntryReader<'_>, entry: &str, expected: &[&str]) {
        assert_eq!(keys(reader, entry, ListAction::Block), expected, "{entry}");
    }

    #[test]
    fn whole_numbers_in_any_spelling() {
        let sk = reader("SK", None, &[4]);
        check(&sk, "+371 6700 0000", &["+37167000000"]);
        check(&sk, "00371 6700-0000", &["+37167000000"]);
        check(&sk, "tel:+371-67000000", &["+37167000000"]);
        check(&sk, "02/2085 0500", &["+421220850500"]);
        check(&sk, "1234", &["local:1234"]);
        check(&reader("DE", None, &[]), "030 90 18 20", &["+4930901820"]);
        check(&reader("US", None, &[]), "1-800-FLEXING", &["+18003539464"]);
        // The outside line is no part of a number.
        check(&reader("DE", Some(b'0'), &[]), "030 90 18 20", &["+4930901820"]);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let sk = reader("SK", None, &[]);
        for entry in ["", "anonymous", "12a4", "+", "tel:+371;rn=+1212", "+371&+372", "+999", "\u{0}", "é"] {
            let found = keys(&sk, entry, ListAction::Block);
            assert!(found[0].starts_with("! "), "{entry}: {found:?}");
        }
        check(&sk, &"1".repeat(33), &["! this entry has 36 digits, and 32 are the most"]);
    }

    /// Found in review: `0905111111, 0905222222` compiled to the first number alone, and
    /// `+37126123457,2020-01-31` to an entry that never expires, both without a word.
    #[test]
    fn a_second_number_or_an_expiry_is_never_cut_off() {
        let sk = reader("SK", None, &[]);
        for entry in [
            "0905111111, 0905222222",
            "0905777777;0905888888",
            // The x was a wildcard, and its extension a part of the number.
            "+421 905 123 456 x 5",
            "+37126123457,2020-01-31",
            "+37126123458;2020-01-31;spam",
            "+37126123456;expires=2020-01-01",
            "tel:+37126123456;expires=2020-01-01",
            "tel:+37126123456,+37126123457",
            "+37126123456;isub=5",
            "+37126123456 ext. 5",
            "tel:+37126123456;ext=5",
            "0905111111p0905222222",
            "0905111111#9",
            "0900,0901*",
            "0900;0901*",
            "+4930100..+4930199;2020-01-31",
            "+4930100,5..+4930199",
            "+33162XXXXXX,2020-01-31",
            "+33162XXXXXX;note",
        ] {
            let fault = sk.read(entry, ListAction::Block).expect_err(entry);
            assert_eq!(fault.code, BAD, "{entry}");
            let help = fault.help.unwrap_or_default();
            assert!(help.starts_with("one entry a line; an expiry needs a CSV file"), "{entry}: {help}");
        }
        // What belongs to the one number stays.
        check(&sk, "tel:26123456;phone-context=+371", &["+37126123456"]);
        check(&sk, "TEL:+37126123456;npdi", &["+37126123456"]);
        check(&sk, "sip:+37126123456;npdi@example.com;user=phone", &["+37126123456"]);
        check(&sk, "<sip:+37126123456@example.com;user=phone>", &["+37126123456"]);
        check(&sk, "raw:0905111111,2", &["raw:0905111111,2"]);
        check(&sk, " raw: a;b ", &["raw:a;b"]);
    }

    #[test]
    fn prefixes() {
        let sk = reader("SK", None, &[]);
        check(&sk, "+3712*", &["+3712*"]);
        check(&sk, "003712 *", &["+3712*"]);
        check(&sk, "0900*", &["+421900*"]);
        check(&sk, "+*", &["! this entry covers every number there is"]);
        check(&sk, "*", &["! this entry covers every number there is"]);
        check(&sk, "+49 (0)345*", &["+49345*"]);
        check(&sk, "+39 06*", &["+3906*"]);
        // Without any prefix it may be a short number too.
        check(&sk, "4321*", &["+4214321*", "local:4321*"]);
        check(&reader("AG", None, &[]), "464*", &["+1268464*", "+1464*", "local:464*"]);
        check(&reader("US", None, &[]), "1900*", &["+1900*"]);
    }

    #[test]
    fn patterns() {
        let sk = reader("SK", None, &[4]);
        check(&sk, "+33162XXXXXX", &["+33162XXXXXX"]);
        check(&sk, "0033 162 xx xx xx", &["+33162XXXXXX"]);
        check(&sk, "0905 XXX XXX", &["+421905XXXXXX"]);
        // Read as internal numbers by their length, as calls are.
        check(&sk, "43XX", &["local:43XX"]);
        check(&sk, "43XXX", &["+42143XXX", "local:43XXX"]);
        check(&sk, "+X", &["! the country code of this pattern is not written out"]);
        check(&sk, "+371X*", &["! `X` stands for one digit of a whole number and cannot be combined with `*`"]);
        // 0 and then the number, or 00 and then a country code.
        check(&sk, "0X 905 123 456", &["! the numbers of this pattern are not all dialled alike"]);
        check(&reader("US", None, &[]), "212555XXXX", &["+1212555XXXX"]);
    }

    #[test]
    fn ranges() {
        let sk = reader("SK", None, &[]);
        check(&sk, "+4930100..+4930199", &["+49301*"]);
        check(&sk, "+4930100 .. +4930121", &["+493010*", "+493011*", "+4930120*", "+4930121*"]);
        check(&sk, "0900100..0900119", &["+42190010*", "+42190011*"]);
        check(&sk, "+1..+22", &["! the ends of this range have 1 and 2 digits, and must have equally many"]);
        check(&sk, "+22..+21", &["! the first end of this range is greater than the last"]);
        check(&sk, "+22..23", &["! one end of this range begins with `+` and the other does not"]);
        check(&sk, "..", &["! this range has only one end"]);
        check(&sk, "+0..+9", &["! this entry covers every number there is"]);
        check(&sk, "0099100..0100100", &["! the numbers of this range are not all dialled alike"]);
    }

    #[test]
    fn raw_bytes() {
        let sk = reader("SK", None, &[]);
        check(&sk, "raw:100", &["raw:100"]);
        check(&sk, "RAW: #31#* ", &["raw:#31#*"]);
        check(&sk, "raw:", &["! `raw:` is followed by no bytes"]);
        check(&sk, "raw:*", &["! this entry covers every number there is"]);
        check(&sk, &format!("raw:{}", "1".repeat(65)), &["! this entry has 65 bytes, and 64 are the most"]);
    }

    #[test]
    fn no_entry_blocks_an_emergency_number() {
        let sk = reader("SK", Some(b'9'), &[4]);
        for entry in [
            "112",
            "11*",
            "1*",
            "1XX",
            "11X",
            "110..119",
            "raw:112",
            "raw:1*",
            "raw:tel:112",
            "raw:9112",
            "raw:91*",
            "raw:urn:service:sos",
        ] {
            let found = keys(&sk, entry, ListAction::Block);
            assert!(found[0].starts_with("! this entry would block the emergency number"), "{entry}: {found:?}");
        }
        assert_eq!(
            sk.read("raw:9112", ListAction::Block).unwrap_err().message,
            "this entry would block the emergency number 112 behind the outside-line digit (9112)"
        );
        for entry in ["+112*", "+421112*", "00421 112*", "raw:+112", "12*", "9112", "9X12"] {
            let found = keys(&sk, entry, ListAction::Block);
            assert!(!found[0].starts_with('!'), "{entry}: {found:?}");
        }
        // Lists that do not block may name them.
        let parsed = sk.read("112", ListAction::Allow).unwrap();
        assert!(parsed.emergency);
        assert!(sk.read("1*", ListAction::Log).is_ok());
        // Andorra's premium number begins with its police number.
        check(&reader("AD", None, &[]), "110009", &["+376110009"]);
    }

    /// Found in review: a site with the outside line 1 and extensions of four digits could not block
    /// the extensions 1112…: the entry was said to block 112 behind the outside-line digit, but
    /// short and internal numbers are looked up without that digit.
    #[test]
    fn short_and_internal_entries_are_not_compared_behind_the_outside_line() {
        let sk = reader("SK", Some(b'1'), &[4]);
        check(&sk, "1112*", &["+4211112*", "local:1112*"]);
        check(&sk, "1112", &["local:1112"]);
        check(&sk, "1XX2", &["local:1XX2"]);
        // The number itself, and the dialled bytes, are still refused.
        for entry in ["112", "112*", "11*", "1*", "1X2", "raw:1112", "raw:1112*", "raw:11*"] {
            let found = keys(&sk, entry, ListAction::Block);
            assert!(found[0].starts_with("! this entry would block the emergency number"), "{entry}: {found:?}");
        }
    }

    #[test]
    fn hostile_text_never_panics() {
        let readers = [reader("SK", Some(b'9'), &[3, 4]), reader("BR", Some(b'0'), &[15]), reader("US", None, &[])];
        let pieces = [
            "+",
            "0",
            "1",
            "9",
            "99",
            "12345678901234567890",
            "X",
            "x",
            "*",
            "..",
            ".",
            "raw:",
            "tel:",
            " ",
            "#",
            "é",
            "\u{0}",
            ";rn=",
            "@",
            "00",
            "0015",
        ];
        let mut seed = 7u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize
        };
        for i in 0..6000 {
            let text: String = (0..random() % 7).map(|_| pieces[random() % pieces.len()]).collect();
            let action = [ListAction::Block, ListAction::Allow][i % 2];
            if let Ok(parsed) = readers[i % 3].read(&text, action) {
                assert!(!parsed.keys.is_empty(), "{text}");
            }
        }
    }

    fn matches(key: &Key, reading: &Reading) -> bool {
        let (digits, pattern, whole) = match (key, reading) {
            (Key::Number { digits, whole }, Reading::Number(number, _)) => (number.as_bytes(), digits, *whole),
            (Key::Local { digits, whole }, Reading::Short(local, _) | Reading::Internal(local)) => {
                (*local, digits, *whole)
            }
            _ => return false,
        };
        (if whole { digits.len() == pattern.len() } else { digits.len() >= pattern.len() })
            && pattern.iter().zip(digits).all(|(p, d)| p == d || *p == b'X')
    }

    /// The rule that all of this serves: what is dialled as the entry says is what the entry matches.
    #[test]
    fn calls_that_an_entry_names_are_matched_by_its_keys() {
        let mut seed = 11u64;
        let mut random = move |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let mut checked = [0; 3];
        let mut missed = Vec::new();
        for home in ["SK", "DE", "US", "GB", "IT", "FR", "RU", "HU", "CZ", "AU", "LT"] {
            let reader = reader(home, None, &[4]);
            for i in 0..600 {
                let start = ["0", "00", "", "011", "1", "8", "06"][random(7)];
                let tail: String = (0..9).map(|_| char::from(b'0' + random(10) as u8)).collect();
                let dialled = format!("{start}{tail}");
                let cut = start.len() + 3 + random(3);
                let entry = match i % 3 {
                    0 => format!("{}*", &dialled[..cut]),
                    1 => format!("{}{}", &dialled[..cut], "X".repeat(dialled.len() - cut)),
                    _ => format!("{}0..{}9", &dialled[..cut], &dialled[..cut]),
                };
                let Ok(parsed) = reader.read(&entry, ListAction::Allow) else { continue };
                let text = text::read(dialled.as_bytes());
                let reading = reader.dial().read(&text, Direction::Outbound);
                if !matches!(reading, Reading::Number(_, class) if class.is_assigned()) {
                    continue;
                }
                checked[i % 3] += 1;
                if !parsed.keys.iter().any(|key| matches(key, &reading)) {
                    let Reading::Number(number, _) = reading else { continue };
                    missed.push(format!(
                        "{home} {entry}: {dialled} is {number}, not of {:?}",
                        keys(&reader, &entry, ListAction::Allow)
                    ));
                }
            }
        }
        assert!(checked.iter().all(|&n| n > 100), "{checked:?}");
        assert!(missed.is_empty(), "{} of {checked:?}\n{}", missed.len(), missed[..missed.len().min(40)].join("\n"));
    }

    proptest! {
        #[test]
        fn a_range_is_what_counting_says(a in 0u32..100_000, b in 0u32..100_000, length in 1usize..5) {
            let modulus = 10u32.pow(length as u32);
            let (a, b) = (a % modulus, b % modulus);
            let (from, to) = (a.min(b), a.max(b));
            let digits = |n: u32| format!("{n:0length$}").into_bytes();
            let mut prefixes = Vec::new();
            range_prefixes(&digits(from), &digits(to), &mut prefixes);
            for n in 0..modulus {
                let covering = prefixes.iter().filter(|p| digits(n).starts_with(p)).count();
                prop_assert_eq!(covering, usize::from((from..=to).contains(&n)), "{}", n);
            }
            // Minimal: ten brothers would have become their parent.
            for parent in prefixes.iter().filter_map(|p| p.split_last().map(|(_, parent)| parent)) {
                let children = prefixes.iter().filter(|p| p.len() == parent.len() + 1 && p.starts_with(parent)).count();
                prop_assert!(children < 10);
            }
        }
    }
}
