//! The warnings of `mod.rs` about the whole numbers of long files: found while they are read in order,
//! since they are not in memory. Their places are files without a line.

use super::{MAX_ABOVE, MAX_LISTS, MAX_PAIRS, PER_CODE, Places, Tie, Warnings, tie};
use crate::compile::diagnostic::{Diagnostic, Place, Report};
use crate::compile::long::Claim;
use crate::compile::model::{Key, ListAction, Model};
use crate::numbers::{MAX_WHOLE_DIGITS, POW10, whole_digits, whole_key};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;

/// Somebody's claim on a number or a prefix.
#[derive(Clone, Copy)]
struct Claimed {
    list: u32,
    source: u32,
    /// None where it is not kept.
    line: Option<u32>,
    expires: Option<i64>,
}

/// A prefix that numbers may begin with.
struct Prefix<'m> {
    key: u64,
    digits: &'m [u8],
    claimed: Claimed,
}

impl Prefix<'_> {
    /// The first key behind all numbers that begin so.
    fn end(&self) -> u64 {
        ((self.key >> 4) + POW10[MAX_WHOLE_DIGITS - self.digits.len()]) << 4
    }
}

/// By whole number: the lists whose long files have it, of those that entries are, too.
pub(super) type Shared = HashMap<u64, Vec<u32>>;

pub(super) fn overlaps(
    model: &Model,
    places: &Places,
    warnings: &mut Warnings,
    report: &mut Report,
) -> io::Result<Shared> {
    let mut shared = Shared::new();
    if model.numbers.len() == 0 {
        return Ok(shared);
    }
    let (prefixes, whole) = entries(model);
    let mut lint = Lint { model, places, warnings, report, ties: HashMap::new() };
    let (mut next_prefix, mut next_whole) = (0, 0);
    // The prefixes that the number at hand begins with, the shortest first.
    let mut above: Vec<&Prefix<'_>> = Vec::new();
    let mut claimed: Vec<Claimed> = Vec::new();
    let claims = model.numbers.claims();
    let mut groups = model.numbers.groups()?;
    while let Some((key, made)) = groups.next()? {
        // They lie one in the other.
        while above.last().is_some_and(|prefix| prefix.end() <= key) {
            above.pop();
        }
        while let Some(prefix) = prefixes.get(next_prefix).filter(|prefix| prefix.key <= key) {
            next_prefix += 1;
            if key < prefix.end() {
                above.push(prefix);
            }
        }
        while whole.get(next_whole).is_some_and(|&(other, _)| other < key) {
            next_whole += 1;
        }
        let same = whole[next_whole..].iter().take_while(|&&(other, _)| other == key);
        if let [(_, 1)] = made
            && above.is_empty()
            && same.clone().next().is_none()
        {
            continue;
        }
        claimed.clear();
        claimed.extend(same.map(|&(_, claimed)| claimed));
        let kept = claimed.len();
        for &(id, times) in made {
            let Claim { list, source, expires } = claims[id as usize];
            let own = Claimed { list, source, line: None, expires };
            claimed.push(own);
            lint.repeated(key, own, times - 1);
        }
        if kept > 0 {
            shared.insert(key, claimed[kept..].iter().map(|claimed| claimed.list).collect());
        }
        lint.number(key, &claimed, kept, &above);
    }
    Ok(shared)
}

/// The prefixes and the whole numbers among the entries, in the order of their keys.
fn entries(model: &Model) -> (Vec<Prefix<'_>>, Vec<(u64, Claimed)>) {
    let (mut prefixes, mut whole) = (Vec::new(), Vec::new());
    for entry in &model.entries {
        let Key::Number { digits, whole: is_whole } = &entry.key else { continue };
        let Some(key) = whole_key(digits).filter(|_| !digits.contains(&b'X')) else { continue };
        let origin = entry.origin;
        let claimed =
            Claimed { list: entry.list, source: origin.source, line: Some(origin.line), expires: entry.expires };
        if *is_whole {
            whole.push((key, claimed));
        } else {
            prefixes.push(Prefix { key, digits, claimed });
        }
    }
    // Of equal ones of a list the one that holds longest says all.
    let until = |prefix: &Prefix<'_>| prefix.claimed.expires.unwrap_or(i64::MAX);
    prefixes.sort_by_key(|prefix| (prefix.key, prefix.claimed.list, Reverse(until(prefix))));
    prefixes.dedup_by_key(|prefix| (prefix.key, prefix.claimed.list));
    whole.sort_by_key(|(key, _)| *key);
    (prefixes, whole)
}

struct Lint<'l, 'm> {
    model: &'m Model,
    places: &'l Places,
    warnings: &'l mut Warnings,
    report: &'l mut Report,
    ties: HashMap<(u32, u32), Option<Tie<'m>>>,
}

impl Lint<'_, '_> {
    fn action(&self, list: u32) -> ListAction {
        self.model.lists[list as usize].action
    }

    fn list(&self, list: u32) -> &str {
        &self.model.lists[list as usize].name
    }

    fn file(&self, source: u32) -> &str {
        self.places.files.get(source as usize).map_or("?", |(_, name)| name)
    }

    fn place(&self, claimed: Claimed) -> String {
        match claimed.line {
            Some(line) => format!("{}:{line}", self.file(claimed.source)),
            None => self.file(claimed.source).to_owned(),
        }
    }

    fn warn(&mut self, code: &'static str, at: Claimed, diagnostic: impl FnOnce(&Self) -> Diagnostic) {
        if self.warnings.count(code) {
            let place = Place::of_file(self.file(at.source), at.line.unwrap_or(0));
            let diagnostic = diagnostic(self).at(place);
            self.report.push(diagnostic);
        }
    }

    /// A file has a number so many times more than once.
    fn repeated(&mut self, key: u64, own: Claimed, times: u64) {
        for _ in 0..times.min(PER_CODE as u64) {
            self.duplicate(key, own, own);
        }
        self.warnings.count_many("duplicate-entry", times.saturating_sub(PER_CODE as u64));
    }

    fn duplicate(&mut self, key: u64, own: Claimed, first: Claimed) {
        self.warn("duplicate-entry", own, |lint| {
            let (list, place) = (lint.list(own.list), lint.place(first));
            let message = format!("+{} is in the list {list:?} already, at {place}", whole_digits(key));
            Diagnostic::warning("duplicate-entry", message).help("leave one of them out")
        });
    }

    /// Says what is odd about a number. The first `kept` of its claims are entries, of which one another
    /// has been spoken already.
    fn number(&mut self, key: u64, claimed: &[Claimed], kept: usize, above: &[&Prefix<'_>]) {
        let shown = || format!("+{}", whole_digits(key));
        let of_one_mind = claimed.iter().all(|c| self.action(c.list) == self.action(claimed[0].list));
        for (i, &own) in claimed.iter().enumerate().skip(kept) {
            if let Some(&first) = claimed[..i].iter().find(|other| other.list == own.list) {
                self.duplicate(key, own, first);
                continue;
            }
            if of_one_mind {
                self.covered(own, above, &shown);
            } else {
                let others = claimed[..i].iter().enumerate();
                let firsts = others.filter(|(at, other)| !claimed[..*at].iter().any(|c| c.list == other.list));
                firsts.take(MAX_LISTS).for_each(|(_, &other)| self.contradicting(own, other, &shown));
            }
        }
    }

    /// A shorter prefix of the same list says the same, for at least as long.
    fn covered(&mut self, own: Claimed, above: &[&Prefix<'_>], shown: &dyn Fn() -> String) {
        for prefix in above.iter().rev().take(MAX_ABOVE) {
            if self.action(prefix.claimed.list) != self.action(own.list) {
                return;
            }
            let lives_as_long = match (prefix.claimed.expires, own.expires) {
                (None, _) => true,
                (Some(above), Some(own)) => above >= own,
                (Some(_), None) => false,
            };
            if prefix.claimed.list == own.list && lives_as_long {
                let (digits, at) = (String::from_utf8_lossy(prefix.digits).into_owned(), prefix.claimed);
                self.warn("covered-entry", own, |lint| {
                    Diagnostic::warning(
                        "covered-entry",
                        format!("{} is covered by +{digits}* at {}, in the same list", shown(), lint.place(at)),
                    )
                    .help("it changes nothing; leave it out, or was it meant for another list?")
                });
                return;
            }
        }
    }

    /// An allow list and a block list of one profile have the number.
    fn contradicting(&mut self, own: Claimed, other: Claimed, shown: &dyn Fn() -> String) {
        let opposite = matches!(
            (self.action(own.list), self.action(other.list)),
            (ListAction::Allow, ListAction::Block) | (ListAction::Block, ListAction::Allow)
        );
        let pair = (own.list, other.list);
        if !opposite || self.ties.len() >= MAX_PAIRS && !self.ties.contains_key(&pair) {
            return;
        }
        let model = self.model;
        let Some(tie) = *self.ties.entry(pair).or_insert_with(|| tie(model, pair.0, pair.1)) else { return };
        let (win, lose) = if tie.winner == own.list { (own, other) } else { (other, own) };
        self.warn("contradicting-entry", lose, |lint| {
            let (winner, loser) = (lint.list(win.list), lint.list(lose.list));
            Diagnostic::warning(
                "contradicting-entry",
                format!("{} is also in the list {winner:?}, at {}, with the opposite action", shown(), lint.place(win)),
            )
            .help(format!(
                "in profile {:?}, {}, the list {winner:?} wins, since it is named before {loser:?}",
                tie.profile, tie.direction
            ))
        });
    }
}
