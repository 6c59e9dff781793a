//! Warnings: a policy that can be compiled and probably does not say what was meant.
//!
//! | code | what |
//! | --- | --- |
//! | `short-entry` | an entry of one or two digits covers a great deal |
//! | `emergency-entry` | an emergency number in a list: it is allowed anyway |
//! | `unassigned-entry` | the numbering plan assigns none of these numbers to anybody |
//! | `expired-entry` | the entry's time has passed |
//! | `duplicate-entry` | the list has the entry twice |
//! | `covered-entry` | a shorter prefix of the same list says the same |
//! | `contradicting-entry` | two lists of a profile say the opposite about the same entry |
//! | `unused-list` | no profile asks the list |
//! | `empty-list` | the list has no entries |
//! | `home-not-allowed` | an allow-list of countries leaves out the home region |
//! | `no-default-profile` | nothing says what a call without a profile gets |
//!
//! What one entry shows by itself is said while it is read, when its place is at hand. What takes
//! two entries is found afterwards by sorting, so that ten million entries take time `n log n`;
//! the lines of the few that are shown are then read again. Of every code, [`PER_CODE`] warnings
//! are shown and the rest is counted.

mod long;

use crate::automaton::Automaton;
use crate::compile::diagnostic::{Diagnostic, Place, Report, SourceText};
use crate::compile::files;
use crate::compile::model::{Entry, Key, ListAction, Model, RuleSet};
use crate::compile::policy::Policy;
use crate::number::Region;
use crate::numbers::whole_key;
use crate::plan::Plan;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;

/// Of one code, so many warnings are shown.
pub(crate) const PER_CODE: usize = 20;
/// Pairs of lists that are looked at for contradictions; a policy with more is odd anyway.
const MAX_PAIRS: usize = 10_000;
/// Lists with the very same key that are compared with each other.
const MAX_LISTS: usize = 8;
/// Prefixes above an entry that are looked at; more there are only with many lists alike.
const MAX_ABOVE: usize = 64;

/// Counts warnings by code.
#[derive(Default)]
pub(crate) struct Warnings {
    counts: Vec<(&'static str, u64)>,
}

impl Warnings {
    /// Counts a warning; true where it is to be shown.
    pub(crate) fn count(&mut self, code: &'static str) -> bool {
        self.count_many(code, 1)
    }

    /// Counts some warnings of a kind; true where one more of them is to be shown, if it was one.
    pub(crate) fn count_many(&mut self, code: &'static str, n: u64) -> bool {
        let at = self.counts.iter().position(|(c, _)| *c == code).unwrap_or_else(|| {
            self.counts.push((code, 0));
            self.counts.len() - 1
        });
        self.counts[at].1 += n;
        self.counts[at].1 <= PER_CODE as u64
    }

    /// Says how many more there are.
    pub(crate) fn finish(self, report: &mut Report) {
        for (code, count) in self.counts {
            if let Some(more) = count.checked_sub(PER_CODE as u64).filter(|more| *more > 0) {
                report.push(Diagnostic::warning(code, format!("and {more} more warnings of the kind `{code}`")));
            }
        }
    }
}

/// What is assigned below each state of the plan.
pub(crate) struct Assigned<'p> {
    classes: &'p Automaton,
    here: Vec<bool>,
    below: Vec<bool>,
}

impl<'p> Assigned<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Assigned<'p> {
        let classes = plan.classes();
        let states = classes.len().min(usize::from(u16::MAX) + 1);
        let here: Vec<bool> = (0..states).map(|state| plan.is_assigned_state(state as u16)).collect();
        let mut below = here.clone();
        // Numbers have few digits, so that few rounds carry the answer to the root.
        loop {
            let mut changed = false;
            for state in (0..states).rev() {
                if !below[state] && (b'0'..=b'9').any(|digit| below[usize::from(classes.step(state as u16, digit))]) {
                    below[state] = true;
                    changed = true;
                }
            }
            if !changed {
                return Assigned { classes, here, below };
            }
        }
    }

    /// Whether any number of those that the key stands for is assigned.
    pub(crate) fn any(&self, digits: &[u8], whole: bool) -> bool {
        let assigned = if whole { &self.here } else { &self.below };
        let is_assigned = |state: u16| assigned.get(usize::from(state)).copied().unwrap_or(true);
        if !digits.contains(&b'X') {
            return is_assigned(digits.iter().fold(0, |state, &digit| self.classes.step(state, digit)));
        }
        let mut states = vec![0u16];
        for &digit in digits {
            let mut next: Vec<u16> = Vec::with_capacity(states.len());
            for &state in &states {
                match digit {
                    b'X' => next.extend((b'0'..=b'9').map(|digit| self.classes.step(state, digit))),
                    digit => next.push(self.classes.step(state, digit)),
                }
            }
            if next.len() > 1 {
                next.sort_unstable();
                next.dedup();
            }
            states = next;
        }
        states.into_iter().any(is_assigned)
    }
}

/// Where entries stand, beyond their line.
#[derive(Default)]
pub(crate) struct Places {
    /// By position of the first key, for entries in the policy itself: the entry in its text.
    pub(crate) inline: Vec<(u32, Range<usize>)>,
    /// The keys of entries that have several, first and behind the last, in order.
    pub(crate) groups: Vec<(u32, u32)>,
    /// By source: the path, and the name in places.
    pub(crate) files: Vec<(PathBuf, String)>,
}

impl Places {
    /// The first key of the entry that this key belongs to.
    fn entry_of(&self, key: u32) -> u32 {
        match self.groups.partition_point(|(first, _)| *first <= key).checked_sub(1) {
            Some(at) if key < self.groups[at].1 => self.groups[at].0,
            _ => key,
        }
    }

    fn name(&self, entry: &Entry) -> String {
        let file = self.files.get(entry.origin.source as usize).map_or("?", |(_, name)| name);
        format!("{file}:{}", entry.origin.line)
    }
}

/// A warning whose place is still to be found.
struct Finding {
    /// Position of the key.
    entry: u32,
    diagnostic: Diagnostic,
}

/// Everything that is seen once all has been read.
pub(crate) fn whole(
    model: &Model,
    policy: &Policy,
    places: &Places,
    source: &SourceText<'_>,
    warnings: &mut Warnings,
    report: &mut Report,
) {
    lists(model, policy, source, warnings, report);
    home(model, policy, source, warnings, report);
    if !policy.has_default && model.profiles.len() > 1 && warnings.count("no-default-profile") {
        report.push(Diagnostic::warning("no-default-profile", "no profile is called \"default\"").help(
            "a call that names no profile gets the built-in defaults; write [profiles.default] to say otherwise",
        ));
    }
    let mut findings = Vec::new();
    let shared = long::overlaps(model, places, warnings, report).unwrap_or_else(|error| {
        report.push(super::long::no_room(&error));
        long::Shared::new()
    });
    overlaps(model, places, &shared, warnings, &mut findings);
    locate(model, findings, places, source, report);
}

fn lists(model: &Model, policy: &Policy, source: &SourceText<'_>, warnings: &mut Warnings, report: &mut Report) {
    let mut used = vec![false; model.lists.len()];
    let mut filled = vec![false; model.lists.len()];
    for rules in rule_sets(model).map(|(_, _, rules)| rules) {
        for &list in &rules.lists {
            used[list as usize] = true;
        }
    }
    for entry in &model.entries {
        filled[entry.list as usize] = true;
    }
    for (filled, &long) in filled.iter_mut().zip(&model.long_counts) {
        *filled |= long > 0;
    }
    for (i, decl) in policy.lists.iter().enumerate() {
        if !used[i] && warnings.count("unused-list") {
            report.push(
                Diagnostic::warning("unused-list", format!("no profile asks the list {:?}", decl.name))
                    .help("name it in a profile: outbound.lists or inbound.lists")
                    .at(source.place(decl.span.clone())),
            );
        }
        if !filled[i] && warnings.count("empty-list") {
            report.push(
                Diagnostic::warning("empty-list", format!("the list {:?} has no entries", decl.name))
                    .at(source.place(decl.span.clone())),
            );
        }
    }
}

fn home(model: &Model, policy: &Policy, source: &SourceText<'_>, warnings: &mut Warnings, report: &mut Report) {
    let home = model.site.home;
    for (span, regions) in &policy.country_allow_lists {
        if home != Region::NONE && !regions.contains(&home) && warnings.count("home-not-allowed") {
            report.push(
                Diagnostic::warning("home-not-allowed", format!("this allow-list leaves out the home region {home}"))
                    .help("calls within the country are blocked; add it, unless this is meant")
                    .at(source.place(span.clone())),
            );
        }
    }
}

fn rule_sets(model: &Model) -> impl Iterator<Item = (&str, &'static str, &RuleSet)> {
    model.profiles.iter().flat_map(|p| [(&*p.name, "outbound", &p.outbound), (&*p.name, "inbound", &p.inbound)])
}

/// Kind, bytes and wholeness: what two keys are compared by.
fn parts(key: &Key) -> (u8, &[u8], bool) {
    match key {
        Key::Number { digits, whole } => (0, digits, *whole),
        Key::Local { digits, whole } => (1, digits, *whole),
        Key::Raw { bytes, whole } => (2, bytes, *whole),
    }
}

fn show(key: &Key) -> String {
    let (kind, bytes, whole) = parts(key);
    let before = ["+", "", "raw:"][kind as usize];
    format!("{before}{}{}", String::from_utf8_lossy(bytes), if whole { "" } else { "*" })
}

/// What takes several entries to see: duplicates, entries that a shorter prefix of their list
/// covers, and keys that two lists have with opposite actions.
fn overlaps(
    model: &Model,
    places: &Places,
    shared: &long::Shared,
    warnings: &mut Warnings,
    findings: &mut Vec<Finding>,
) {
    let entries = &model.entries;
    let list_of = |i: u32| entries[i as usize].list;
    let action_of = |i: u32| model.lists[list_of(i) as usize].action;
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    order.sort_unstable_by_key(|&i| (parts(&entries[i as usize].key), list_of(i), i));
    let mut pairs = HashMap::new();
    let mut said = Said::default();
    // The prefixes, of all lists, that the keys at hand begin with, shortest first.
    let mut stack: Vec<u32> = Vec::new();
    for group in order.chunk_by(|&a, &b| entries[a as usize].key == entries[b as usize].key) {
        let key = &entries[group[0] as usize].key;
        let (kind, bytes, whole) = parts(key);
        while let Some(&top) = stack.last() {
            let (above_kind, above_bytes, _) = parts(&entries[top as usize].key);
            if above_kind == kind && bytes.starts_with(above_bytes) {
                break;
            }
            stack.pop();
        }
        let of_one_mind = group.iter().all(|&i| action_of(i) == action_of(group[0]));
        // What long files say is compared there; here it only keeps an entry from being called idle.
        let long_lists = whole_key_of(key).and_then(|key| shared.get(&key)).into_iter().flatten();
        let agreed = long_lists.copied().all(|list| model.lists[list as usize].action == action_of(group[0]));
        if !of_one_mind {
            contradicting(model, places, group, &mut pairs, &mut said, warnings, findings);
        }
        for same_list in group.chunk_by(|&a, &b| list_of(a) == list_of(b)) {
            duplicates(model, places, same_list, &mut said, warnings, findings);
            if of_one_mind && agreed {
                covered(model, places, same_list[0], &stack, &mut said, warnings, findings);
            }
        }
        if !whole {
            let firsts = group.chunk_by(|&a, &b| list_of(a) == list_of(b)).map(|same| same[0]);
            stack.extend(firsts);
        }
    }
}

/// The key of a whole number among long ones.
fn whole_key_of(key: &Key) -> Option<u64> {
    match key {
        Key::Number { digits, whole: true } if !digits.contains(&b'X') => whole_key(digits),
        _ => None,
    }
}

/// Of what was spoken already: an entry with several keys should not be spoken of once a key.
#[derive(Default)]
struct Said(HashSet<(u32, u32)>);

impl Said {
    fn first_time(&mut self, entry: u32, other: u32) -> bool {
        // Bounded; only a doubtful list has so many, and then a repetition in the count is no harm.
        if self.0.len() > 100_000 {
            self.0.clear();
        }
        self.0.insert((entry, other))
    }
}

fn duplicates(
    model: &Model,
    places: &Places,
    twins: &[u32],
    said: &mut Said,
    warnings: &mut Warnings,
    findings: &mut Vec<Finding>,
) {
    let first = places.entry_of(twins[0]);
    for &twin in &twins[1..] {
        let own = places.entry_of(twin);
        if own == first || !said.first_time(own, first) || !warnings.count("duplicate-entry") {
            continue;
        }
        let entry = &model.entries[twin as usize];
        let place = places.name(&model.entries[first as usize]);
        findings.push(Finding {
            entry: own,
            diagnostic: Diagnostic::warning(
                "duplicate-entry",
                format!("{} is in the list {:?} already, at {place}", show(&entry.key), list_name(model, entry)),
            )
            .help("leave one of them out"),
        });
    }
}

/// An entry changes nothing where a shorter prefix of the same list says the same, for at least as
/// long, and no other list says otherwise in between: then the longer match has a reason.
fn covered(
    model: &Model,
    places: &Places,
    key: u32,
    stack: &[u32],
    said: &mut Said,
    warnings: &mut Warnings,
    findings: &mut Vec<Finding>,
) {
    let entry = &model.entries[key as usize];
    let own = places.entry_of(key);
    // The local half of a prefix that is also one of numbers follows from that.
    if matches!(entry.key, Key::Local { .. }) && matches!(model.entries[own as usize].key, Key::Number { .. }) {
        return;
    }
    let action = model.lists[entry.list as usize].action;
    for &above in stack.iter().rev().take(MAX_ABOVE) {
        let candidate = &model.entries[above as usize];
        if model.lists[candidate.list as usize].action != action {
            return;
        }
        let lives_as_long = match (candidate.expires, entry.expires) {
            (None, _) => true,
            (Some(above), Some(own)) => above >= own,
            (Some(_), None) => false,
        };
        let other = places.entry_of(above);
        if candidate.list != entry.list || !lives_as_long || other == own {
            continue;
        }
        if said.first_time(own, other) && warnings.count("covered-entry") {
            findings.push(Finding {
                entry: own,
                diagnostic: Diagnostic::warning(
                    "covered-entry",
                    format!(
                        "{} is covered by {} at {}, in the same list",
                        show(&entry.key),
                        show(&candidate.key),
                        places.name(candidate)
                    ),
                )
                .help("it changes nothing; leave it out, or was it meant for another list?"),
            });
        }
        return;
    }
}

/// The same key in an allow list and a block list of one profile.
fn contradicting<'m>(
    model: &'m Model,
    places: &Places,
    group: &[u32],
    pairs: &mut HashMap<(u32, u32), Option<Tie<'m>>>,
    said: &mut Said,
    warnings: &mut Warnings,
    findings: &mut Vec<Finding>,
) {
    let entries = &model.entries;
    let list_of = |i: u32| entries[i as usize].list;
    let action_of = |i: u32| model.lists[list_of(i) as usize].action;
    // One key for each list; more than a few lists with the same key tell nothing new.
    let firsts: Vec<u32> =
        group.chunk_by(|&a, &b| list_of(a) == list_of(b)).map(|same| same[0]).take(MAX_LISTS).collect();
    for (at, &a) in firsts.iter().enumerate() {
        for &b in &firsts[at + 1..] {
            let opposite = matches!(
                (action_of(a), action_of(b)),
                (ListAction::Allow, ListAction::Block) | (ListAction::Block, ListAction::Allow)
            );
            let pair = (list_of(a), list_of(b));
            if !opposite || pairs.len() >= MAX_PAIRS && !pairs.contains_key(&pair) {
                continue;
            }
            let Some(tie) = *pairs.entry(pair).or_insert_with(|| tie(model, pair.0, pair.1)) else { continue };
            let (winner, loser) = if tie.winner == pair.0 { (a, b) } else { (b, a) };
            let own = places.entry_of(loser);
            if !said.first_time(own, places.entry_of(winner)) || !warnings.count("contradicting-entry") {
                continue;
            }
            let (win, lose) = (&entries[winner as usize], &entries[loser as usize]);
            findings.push(Finding {
                entry: own,
                diagnostic: Diagnostic::warning(
                    "contradicting-entry",
                    format!(
                        "{} is also in the list {:?}, at {}, with the opposite action",
                        show(&lose.key),
                        list_name(model, win),
                        places.name(win)
                    ),
                )
                .help(format!(
                    "in profile {:?}, {}, the list {:?} wins, since it is named before {:?}",
                    tie.profile,
                    tie.direction,
                    list_name(model, win),
                    list_name(model, lose)
                )),
            });
        }
    }
}

#[derive(Clone, Copy)]
struct Tie<'m> {
    profile: &'m str,
    direction: &'static str,
    winner: u32,
}

/// The first rule set that asks both lists, and the one that it names first.
fn tie(model: &Model, a: u32, b: u32) -> Option<Tie<'_>> {
    rule_sets(model).find_map(|(profile, direction, rules)| {
        let at = |list| rules.lists.iter().position(|&l| l == list);
        let winner = if at(a)? < at(b)? { a } else { b };
        Some(Tie { profile, direction, winner })
    })
}

fn list_name<'m>(model: &'m Model, entry: &Entry) -> &'m str {
    &model.lists[entry.list as usize].name
}

/// Finds the places of the findings, reading list files again, and reports them.
fn locate(model: &Model, findings: Vec<Finding>, places: &Places, source: &SourceText<'_>, report: &mut Report) {
    let mut wanted: HashMap<u32, Vec<u32>> = HashMap::new();
    for finding in &findings {
        let origin = model.entries[finding.entry as usize].origin;
        if origin.source > 0 {
            wanted.entry(origin.source).or_default().push(origin.line);
        }
    }
    let mut found: HashMap<(u32, u32), Place> = HashMap::new();
    for (file, mut lines) in wanted {
        lines.sort_unstable();
        lines.dedup();
        if let Some((path, name)) = places.files.get(file as usize) {
            for place in files::places(path, name, &lines) {
                found.insert((file, place.line), place);
            }
        }
    }
    for finding in findings {
        let origin = model.entries[finding.entry as usize].origin;
        let inline = places.inline.binary_search_by_key(&finding.entry, |(first, _)| *first).ok();
        let place = match inline {
            Some(at) => source.place(places.inline[at].1.clone()),
            None => found.get(&(origin.source, origin.line)).cloned().unwrap_or_else(|| {
                let name = places.files.get(origin.source as usize).map_or("?", |(_, name)| name);
                Place::of_file(name, origin.line)
            }),
        };
        report.push(finding.diagnostic.at(place));
    }
}
