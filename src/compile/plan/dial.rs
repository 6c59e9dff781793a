//! How numbers are dialled: international prefixes, national prefixes and their transform rules,
//! and the general patterns that decide whether a prefix is one.
//!
//! A prefix pattern asks for more than yes or no: where does the match end, and what did the last
//! group hold? Its language is finite, so it is spelled out as the list of its paths, in the order
//! in which a backtracking matcher (Java's `lookingAt`, which libphonenumber is defined by) would
//! try them. The list becomes an automaton whose label, after all of the dialled digits, names the
//! [`Action`] of the path that wins.

use super::{
    PlanError,
    dfa::Dfa,
    states::States,
    xml::{File, Territory},
};
use crate::{MAX_NUMBER_DIGITS, plan::Action, plan::MAX_LITERAL};
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::collections::HashMap;

/// The digits of all paths of one pattern together; today's largest pattern has some 10,000.
const MAX_PATH_DIGITS: usize = 200_000;
/// No prefix is longer than a number.
const MAX_PATH_LENGTH: usize = MAX_NUMBER_DIGITS;

/// Which automata of the section belong to a territory.
pub(super) struct Roots {
    pub(super) international_prefix: Option<u32>,
    pub(super) national_prefix: Option<u32>,
    pub(super) general: u32,
}

/// Adds a territory's automata, and the actions that are new.
pub(super) fn territory(
    territory: &Territory,
    states: &mut States,
    actions: &mut Vec<Action>,
) -> Result<Roots, PlanError> {
    let fail = |element: &str, what| PlanError::Territory {
        file: File::Phone.name(),
        territory: territory.label(),
        element: element.to_owned(),
        what,
    };
    let international_prefix = match &territory.international_prefix {
        Some(pattern) => {
            Some(prefix(pattern, None, states, actions).map_err(|what| fail("internationalPrefix", what))?)
        }
        None => None,
    };
    let national_prefix = match &territory.national_prefix {
        Some(pattern) => Some(
            prefix(pattern, territory.transform_rule.as_deref(), states, actions)
                .map_err(|what| fail("nationalPrefixForParsing", what))?,
        ),
        None => None,
    };
    let general = territory
        .descriptions
        .get("generalDesc")
        .ok_or_else(|| fail("generalDesc", "it is missing".to_owned()))
        .and_then(|description| Dfa::whole(&description.pattern).map_err(|what| fail("generalDesc", what)))?;
    let general = acceptor(&general, states);
    states.check("DIAL")?;
    Ok(Roots { international_prefix, national_prefix, general })
}

/// The pattern's automaton, label 1 where it matches. Unlike the types', it ignores the possible
/// lengths, as libphonenumber does when it decides about a prefix.
fn acceptor(dfa: &Dfa, states: &mut States) -> u32 {
    fn state(dfa: &Dfa, at: u16, digits: usize, states: &mut States, done: &mut HashMap<(u16, usize), u32>) -> u32 {
        if at == 0 || digits > MAX_NUMBER_DIGITS {
            return states.settled(0);
        }
        if let Some(&known) = done.get(&(at, digits)) {
            return known;
        }
        let next = std::array::from_fn(|digit| state(dfa, dfa.step(at, digit), digits + 1, states, done));
        let new = states.state(dfa.accepts(at) as u16, next);
        done.insert((at, digits), new);
        new
    }
    state(dfa, dfa.start(), 0, states, &mut HashMap::new())
}

/// One way to match a prefix pattern.
#[derive(Clone, Debug, Default)]
struct Path {
    /// The digits allowed at each place, as bits.
    digits: Vec<u16>,
    /// The groups that took part: number, first digit, digit behind the last.
    groups: Vec<(u32, usize, usize)>,
    /// The input must end here.
    at_end: bool,
}

/// All paths of a pattern in the order in which a backtracking matcher tries them.
fn paths(hir: &Hir) -> Result<Vec<Path>, String> {
    let bounded = |paths: Vec<Path>| {
        let total: usize = paths.iter().map(|path| path.digits.len() + 1).sum();
        let longest = paths.iter().map(|path| path.digits.len()).max().unwrap_or(0);
        if total > MAX_PATH_DIGITS || longest > MAX_PATH_LENGTH {
            return Err("the pattern spells out to too many prefixes, or too long ones".to_owned());
        }
        Ok(paths)
    };
    bounded(match hir.kind() {
        HirKind::Empty => vec![Path::default()],
        HirKind::Literal(literal) => {
            let digits = literal
                .0
                .iter()
                .map(|&byte| if byte.is_ascii_digit() { Ok(1 << (byte - b'0')) } else { Err(byte) })
                .collect::<Result<Vec<u16>, u8>>()
                .map_err(|byte| format!("{:?} in the pattern is no digit", byte as char))?;
            vec![Path { digits, ..Path::default() }]
        }
        HirKind::Class(class) => {
            let ranges: Vec<(u32, u32)> = match class {
                Class::Bytes(class) => class.iter().map(|r| (r.start().into(), r.end().into())).collect(),
                Class::Unicode(class) => class.iter().map(|r| (r.start().into(), r.end().into())).collect(),
            };
            let allowed = (0..10u32).filter(|digit| {
                let byte = u32::from(b'0') + digit;
                ranges.iter().any(|&(first, last)| first <= byte && byte <= last)
            });
            vec![Path { digits: vec![allowed.fold(0, |bits, digit| bits | 1 << digit)], ..Path::default() }]
        }
        HirKind::Look(Look::End | Look::EndLF) => vec![Path { at_end: true, ..Path::default() }],
        HirKind::Look(look) => return Err(format!("the pattern looks around ({look:?})")),
        HirKind::Capture(capture) => {
            let mut inner = paths(&capture.sub)?;
            for path in &mut inner {
                path.groups.push((capture.index, 0, path.digits.len()));
            }
            inner
        }
        HirKind::Concat(parts) => {
            let mut whole = vec![Path::default()];
            for part in parts {
                whole = bounded(followed_by(&whole, &paths(part)?)?)?;
            }
            whole
        }
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(paths(branch)?);
                all = bounded(all)?;
            }
            all
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.filter(|&max| max as usize <= MAX_PATH_LENGTH);
            let most = most.ok_or("the pattern repeats without an end, or too often")?;
            let once = paths(&repetition.sub)?;
            let mut times = vec![vec![Path::default()]];
            for _ in 0..most {
                let last = times.last().map_or(&[][..], Vec::as_slice);
                let next = bounded(followed_by(last, &once)?)?;
                times.push(next);
            }
            let mut wanted: Vec<Vec<Path>> = times.drain(..).skip(repetition.min as usize).collect();
            if repetition.greedy {
                wanted.reverse();
            }
            wanted.into_iter().flatten().collect()
        }
    })
}

/// Every path of `first` with every path of `then` behind it.
fn followed_by(first: &[Path], then: &[Path]) -> Result<Vec<Path>, String> {
    // Checked before anything is allocated: the product is what explodes.
    let longest = then.iter().map(|path| path.digits.len() + 1).max().unwrap_or(0);
    if first.len().saturating_mul(then.len()).saturating_mul(longest) > MAX_PATH_DIGITS * 4 {
        return Err("the pattern spells out to too many prefixes".to_owned());
    }
    let mut all = Vec::with_capacity(first.len() * then.len());
    for a in first {
        for b in then {
            if a.at_end && !b.digits.is_empty() {
                return Err("the pattern goes on behind its end".to_owned());
            }
            let mut path = a.clone();
            let offset = path.digits.len();
            path.digits.extend(&b.digits);
            path.groups.extend(b.groups.iter().map(|&(group, from, to)| (group, from + offset, to + offset)));
            path.at_end |= b.at_end;
            all.push(path);
        }
    }
    Ok(all)
}

/// What a matching path does to the digits under a transform rule, `literal$group`.
fn action(path: &Path, rule: Option<&str>, groups: u32) -> Result<Action, String> {
    let strip = Action { literal: [0; MAX_LITERAL], literal_len: 0, from: 0, to: 0, end: path.digits.len() as u8 };
    // As libphonenumber: the rule applies only where the last group took part.
    let (Some(rule), true) = (rule, path.groups.iter().any(|&(group, ..)| group == groups)) else {
        return Ok(strip);
    };
    let unreadable = || format!("the transform rule {rule:?} is not of the form digits$group");
    let (literal, group) = rule.split_once('$').ok_or_else(unreadable)?;
    let group: u32 = group.parse().map_err(|_| unreadable())?;
    if literal.len() > MAX_LITERAL || !literal.bytes().all(|b| b.is_ascii_digit()) {
        return Err(unreadable());
    }
    let &(_, from, to) = path
        .groups
        .iter()
        .find(|&&(g, ..)| g == group)
        .ok_or_else(|| format!("the transform rule {rule:?} names a group that may be absent"))?;
    let mut action = Action { from: from as u8, to: to as u8, literal_len: literal.len() as u8, ..strip };
    action.literal[..literal.len()].copy_from_slice(literal.as_bytes());
    Ok(action)
}

/// Adds a prefix pattern's automaton and returns its root.
fn prefix(pattern: &str, rule: Option<&str>, states: &mut States, actions: &mut Vec<Action>) -> Result<u32, String> {
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(64)
        .build()
        .parse(pattern)
        .map_err(|e| format!("the pattern cannot be read: {e}"))?;
    let groups = hir.properties().explicit_captures_len() as u32;
    let paths = paths(&hir)?;
    let mut labels = Vec::with_capacity(paths.len());
    for path in &paths {
        let action = action(path, rule, groups)?;
        let index = actions.iter().position(|known| *known == action).unwrap_or_else(|| {
            actions.push(action);
            actions.len() - 1
        });
        labels.push(u16::try_from(index + 1).map_err(|_| "too many different transform rules".to_owned())?);
    }
    let all = (0..paths.len()).collect();
    Matcher { paths: &paths, labels: &labels, states, done: HashMap::new(), work: 0 }.state(0, all, None)
}

/// How many paths may be stepped in all; today's largest pattern needs some 100,000.
const MAX_WORK: usize = 20_000_000;

/// What a matcher's state depends on: digits read, paths that go on, the best path that has ended,
/// and the path that wins if the input ends here.
type Situation = (usize, Vec<usize>, Option<usize>, Option<usize>);

/// Steps all paths together.
struct Matcher<'a> {
    paths: &'a [Path],
    labels: &'a [u16],
    states: &'a mut States,
    done: HashMap<Situation, u32>,
    work: usize,
}

impl Matcher<'_> {
    /// The state after `digits` digits, where the paths `alive` still match and `best` is the
    /// first in order of those that ended before. A path that comes after `best` cannot win.
    fn state(&mut self, digits: usize, alive: Vec<usize>, best: Option<usize>) -> Result<u32, String> {
        self.work += alive.len() + 1;
        if self.work > MAX_WORK {
            return Err("the pattern takes too long to compile".to_owned());
        }
        let ends_here = |path: usize| self.paths[path].digits.len() == digits;
        let beats = |path: usize, best: Option<usize>| best.is_none_or(|best| path < best);
        let mut best = best;
        for &path in &alive {
            if !self.paths[path].at_end && ends_here(path) && beats(path, best) {
                best = Some(path);
            }
        }
        let alive: Vec<usize> = alive.into_iter().filter(|&path| beats(path, best)).collect();
        // A path that wants the end of input wins only if the digits end here.
        let winner = alive.iter().copied().find(|&path| self.paths[path].at_end && ends_here(path)).or(best);
        let label_of = |path: Option<usize>| path.map_or(0, |path| self.labels[path]);
        let (label, later) = (label_of(winner), label_of(best));
        let alive: Vec<usize> = alive.into_iter().filter(|&path| !ends_here(path)).collect();
        if alive.is_empty() {
            let settled = self.states.settled(later);
            return Ok(self.states.state(label, [settled; 10]));
        }
        let situation = (digits, alive, best, winner);
        if let Some(&known) = self.done.get(&situation) {
            return Ok(known);
        }
        let mut next = [0; 10];
        for (digit, next) in next.iter_mut().enumerate() {
            let goes_on = |&path: &usize| self.paths[path].digits[digits] >> digit & 1 == 1;
            let matching = situation.1.iter().copied().filter(goes_on).collect();
            *next = self.state(digits + 1, matching, best)?;
        }
        let state = self.states.state(label, next);
        self.done.insert(situation, state);
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pattern: &str, rule: Option<&str>, digits: &str) -> Option<String> {
        let (mut states, mut actions) = (States::default(), Vec::new());
        let root = prefix(pattern, rule, &mut states, &mut actions).unwrap();
        let end = digits.bytes().fold(root, |s, d| states.get(s).next[(d - b'0') as usize]);
        match states.get(end).label {
            0 => None,
            label => {
                let mut out = crate::text::Digits::EMPTY;
                assert!(actions[label as usize - 1].apply(digits.as_bytes(), &mut out));
                Some(String::from_utf8(out.as_bytes().to_vec()).unwrap())
            }
        }
    }

    #[test]
    fn the_first_alternative_wins_not_the_longest() {
        assert_eq!(run("0|01", None, "0123").as_deref(), Some("123"));
        assert_eq!(run("01|0", None, "0123").as_deref(), Some("23"));
        assert_eq!(run("01?", None, "0123").as_deref(), Some("23"));
        assert_eq!(run("01??", None, "0123").as_deref(), Some("123"));
        assert_eq!(run("01", None, "0"), None);
    }

    #[test]
    fn an_anchored_alternative_wins_only_at_the_end() {
        assert_eq!(run("([2-9]\\d{2})$|1", Some("441$1"), "234").as_deref(), Some("441234"));
        assert_eq!(run("([2-9]\\d{2})$|1", Some("441$1"), "2345"), None);
        assert_eq!(run("([2-9]\\d{2})$|1", Some("441$1"), "12345").as_deref(), Some("2345"));
    }

    #[test]
    fn a_rule_applies_only_where_the_last_group_took_part() {
        assert_eq!(run("0(?:(1[25])(\\d{3}))?", Some("$2"), "012345").as_deref(), Some("345"));
        assert_eq!(run("0(?:(1[25])(\\d{3}))?", Some("$2"), "01234").as_deref(), Some("1234"));
    }

    #[test]
    fn patterns_that_explode_or_look_around_are_refused() {
        for bad in ["0*", "\\d{50}", "(?:\\d?|\\d\\d?){30}", "0$1", "\\b0", "x", "(?:0|11){30}", "((("] {
            assert!(prefix(bad, None, &mut States::default(), &mut Vec::new()).is_err(), "{bad}");
        }
        for bad in ["$2", "1$", "a$1", "$1$2", "123456789$1", "1"] {
            assert!(prefix("(0)", Some(bad), &mut States::default(), &mut Vec::new()).is_err(), "{bad}");
        }
    }
}
