//! Why a call was allowed or blocked: the call path's own steps, written down.

use crate::dial::{Reading, ShortCost};
use crate::index::Index;
use crate::index::provenance::EntryInfo;
use crate::lists::{Clock, Cover, ListAction, NEVER};
use crate::profile::RuleSet;
use crate::screen::{self, Event, Looked, Question, Trace};
use crate::text::Kind;
use crate::verdict::{Action, Reason, Rule, Verdict};
use std::fmt;

/// A verdict and the chain that led to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// What was dialled; bytes that are no UTF-8 are replaced.
    pub dialled: String,
    /// The verdict: the same that `screen` gives.
    pub verdict: Verdict,
    /// What was looked at, in order. The last step decided.
    pub steps: Vec<Step>,
}

/// One step of an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The step's name: `text`, `number`, `raw lists`, `lists`, `type`, …
    pub name: &'static str,
    /// What was seen.
    pub text: String,
    /// The list entries that matched, the winning one first.
    pub matches: Vec<Match>,
}

/// A list entry that covers the number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The list's name.
    pub list: String,
    /// What a match in the list means.
    pub action: ListAction,
    /// The digits (or bytes) covered.
    pub covered: u8,
    /// What came of it.
    pub outcome: MatchOutcome,
    /// The entry and where it was written; several where a list says the same twice.
    pub entries: Vec<EntryInfo>,
}

/// What came of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MatchOutcome {
    /// It decided.
    Decides,
    /// A `log` list's: noted.
    Noted,
    /// A longer entry, or a list named earlier, won.
    Outweighed,
    /// It has expired.
    Expired,
    /// A whole number that covers only the beginning of this one.
    NotTheWhole,
    /// The profile does not name the list.
    OtherProfile,
}

impl MatchOutcome {
    /// A few words for a person.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            MatchOutcome::Decides => "decides",
            MatchOutcome::Noted => "noted (a log list: it would have blocked)",
            MatchOutcome::Outweighed => "outweighed by a longer entry or a list named earlier",
            MatchOutcome::Expired => "expired",
            MatchOutcome::NotTheWhole => "covers only the beginning, and does not count for an allow list",
            MatchOutcome::OtherProfile => "not a list of this profile",
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.dialled)?;
        for step in &self.steps {
            writeln!(f, "  {:<10} {}", step.name, step.text)?;
            for m in &step.matches {
                let action = m.action.as_str();
                if m.entries.is_empty() {
                    writeln!(f, "  {:<10}   {action} list {}: {}", "", m.list, m.outcome.as_str())?;
                }
                for e in &m.entries {
                    write!(f, "  {:<10}   {action} list {}: {} at {}:{}", "", m.list, e.entry, e.source, e.line)?;
                    if !e.note.is_empty() {
                        write!(f, " ({})", e.note)?;
                    }
                    writeln!(f, " — {}", m.outcome.as_str())?;
                }
            }
        }
        write!(f, "  {:<10} {}", "verdict", self.verdict)?;
        if self.verdict.would_block() {
            write!(f, " (list {} would have blocked it)", self.verdict.shadow)?;
        }
        Ok(())
    }
}

/// See [`Index::explain`].
pub(crate) fn explain(index: &Index, question: Question, dialled: &[u8]) -> Explanation {
    let (profile, rules) = index.profiles.rules(question.profile, question.direction);
    let home = index.plan.region(question.home.unwrap_or(index.site.home));
    let mut recorder =
        Recorder { index, rules, home: home.as_str().to_owned(), steps: Vec::new(), clock: Clock::system() };
    recorder.step(
        "policy",
        format!(
            "{:?}, profile {profile}, {}, home {home}, plan {}",
            index.info().policy,
            question.direction.as_str(),
            index.plan.metadata_version(),
        ),
    );
    let verdict = screen::judge(index, question, dialled, Clock::system(), &mut recorder).verdict;
    Explanation { dialled: String::from_utf8_lossy(dialled).into_owned(), verdict, steps: recorder.steps }
}

struct Recorder<'i> {
    index: &'i Index,
    rules: &'i RuleSet,
    home: String,
    steps: Vec<Step>,
    clock: Clock,
}

impl Recorder<'_> {
    fn step(&mut self, name: &'static str, text: String) {
        self.steps.push(Step { name, text, matches: Vec::new() });
    }

    fn read(&mut self, reading: &Reading<'_>) {
        let home = &self.home;
        let (name, text) = match reading {
            Reading::Emergency => ("emergency", format!("an emergency number of {home}: always allowed")),
            Reading::Withheld => ("number", "a withheld caller id".to_owned()),
            Reading::Invalid(why) => ("number", format!("cannot be read: {why}")),
            Reading::Internal(digits) => {
                ("number", format!("an internal number: {} digits without a prefix", digits.len()))
            }
            Reading::Short(_, cost) => {
                let cost = match cost {
                    ShortCost::Unknown => "of unknown cost",
                    ShortCost::TollFree => "toll free",
                    ShortCost::Standard => "at standard rate",
                    ShortCost::Premium => "at premium rate",
                };
                ("number", format!("a short number of {home}, {cost}"))
            }
            Reading::Number(number, class) => {
                let region = self.index.plan.region(class.territory);
                let region = if region.is_none() { "no region".to_owned() } else { format!("region {region}") };
                let satellite = if class.satellite { ", satellite" } else { "" };
                ("number", format!("{number}: {region}, type {}{satellite}", class.number_type))
            }
        };
        self.step(name, text);
    }

    fn lists(&mut self, event: &Event<'_>) {
        let Event::Lists { what, hits, extent, outcome } = event else { return };
        let (name, subject) = match what {
            Looked::Raw(text) => ("raw lists", String::from_utf8_lossy(text).into_owned()),
            Looked::Local(digits) => ("lists", String::from_utf8_lossy(digits).into_owned()),
            Looked::Number(digits) => ("lists", format!("+{}", String::from_utf8_lossy(digits))),
        };
        let mut matches = Vec::new();
        for (covered, sets) in hits.longest_first() {
            for member in sets.into_iter().flat_map(|set| self.index.lists.set(set)) {
                let list = &self.index.lists.lists[member.list as usize];
                let decided = outcome
                    .decided
                    .is_some_and(|d| (d.list, d.covered, d.cover) == (member.list, covered, member.cover));
                if member.cover == Cover::Whole && (covered as usize) < extent.len && !extent.unassigned {
                    continue; // another number, which this one happens to begin with
                }
                let is_past = member.expires != NEVER && self.clock.is_past(member.expires);
                let result = if self.rules.rank(member.list).is_none() {
                    MatchOutcome::OtherProfile
                } else if !extent.counts(member.cover, covered, list.action) {
                    MatchOutcome::NotTheWhole
                } else if is_past {
                    MatchOutcome::Expired
                } else if decided {
                    MatchOutcome::Decides
                } else if list.action == ListAction::Log {
                    MatchOutcome::Noted
                } else {
                    MatchOutcome::Outweighed
                };
                let end = subject.len().min(covered as usize + usize::from(subject.starts_with('+')));
                let key = match what {
                    Looked::Raw(_) => format!("raw:{}", subject.get(..end).unwrap_or_default()),
                    _ => subject.get(..end).unwrap_or_default().to_owned(),
                };
                matches.push(Match {
                    list: list.name.as_str().to_owned(),
                    action: list.action,
                    covered,
                    outcome: result,
                    entries: self.index.provenance.entries_of(self.index, &key, member.cover, member.list),
                });
            }
        }
        // What the decision made of the matches stands in the order of their weight: a log entry
        // behind the deciding one was never reached.
        matches.sort_by_key(|m| m.outcome);
        let text = match (&outcome.decided, matches.is_empty()) {
            (Some(d), _) => format!(
                "list {} {}s it",
                self.index.lists.lists[d.list as usize].name,
                if d.action == ListAction::Allow { "allow" } else { "block" }
            ),
            (None, true) => {
                if matches!(what, Looked::Raw(_)) {
                    return;
                }
                "no entry matches".to_owned()
            }
            (None, false) => "no entry decides".to_owned(),
        };
        self.steps.push(Step { name, text, matches });
    }

    fn asked(&mut self, reason: Reason, rule: Rule, blocks: bool) {
        let says = if blocks { Action::Block } else { Action::Allow }.as_str();
        let text = match (reason, rule) {
            (Reason::Type, Rule::Type(t)) if blocks => format!("{t} is blocked"),
            (Reason::Type, Rule::Type(t)) => format!("{t} is not blocked"),
            (Reason::Type, Rule::Satellite) => "satellite numbers are blocked".to_owned(),
            (Reason::Country, Rule::Country(r)) => {
                let whose =
                    if r.is_none() { "a calling code without a known region".to_owned() } else { r.to_string() };
                if blocks { format!("{whose} is blocked") } else { format!("{whose} is not blocked") }
            }
            (Reason::Short, Rule::Type(t)) => format!("its cost is {t}, which is blocked"),
            (Reason::Unassigned, _) => format!("the plan assigns it to nobody: {says}"),
            _ => format!("the profile says {says}"),
        };
        self.step(reason.as_str(), text);
    }
}

impl Trace for &mut Recorder<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Dialled(d) => {
                let digits = String::from_utf8_lossy(d.digits.as_bytes()).into_owned();
                let text = match d.kind {
                    Kind::Digits => {
                        let plus = if d.plus { "+" } else { "" };
                        let context = if d.context.is_empty() {
                            String::new()
                        } else {
                            format!(", context +{}", String::from_utf8_lossy(d.context.as_bytes()))
                        };
                        format!("digits {plus}{digits}{context}")
                    }
                    Kind::Withheld => "no number".to_owned(),
                    Kind::EmergencyUrn => "an emergency service URN (RFC 5031)".to_owned(),
                    Kind::Overlong => format!("digits {digits}, and more than 1,024 bytes in all"),
                    Kind::Refused(why) => format!("refused: {why}"),
                };
                self.step("text", text);
            }
            Event::Read(reading) => self.read(reading),
            Event::Lists { .. } => self.lists(&event),
            Event::Asked { reason, rule, blocks } => self.asked(reason, rule, blocks),
            Event::Other(number) => {
                self.step("also", format!("could be taken for {number}, which must pass as well"));
            }
            Event::Routing(value) => {
                let value = String::from_utf8_lossy(value).into_owned();
                self.step("routing", format!("the network routes by rn={value}, which must pass as well"));
            }
        }
    }
}
