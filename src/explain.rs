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
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// The `log` list that the verdict names as [`shadow`](Verdict::shadow): noted.
    Noted,
    /// A longer entry, or a list named earlier, won; a `log` list's entry was not reached.
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
                    write!(f, "  {:<10}   {action} list {}: {} at {}", "", m.list, e.entry, e.place())?;
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
    // One time for the judgement and for what is told of it: an entry that expires between two looks
    // at the clock would have decided and be called expired. Before 1970 the clock is not set.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
    explain_at(index, question, dialled, now)
}

fn explain_at(index: &Index, question: Question, dialled: &[u8], now: i64) -> Explanation {
    let (profile, rules) = index.profiles.rules(question.profile, question.direction);
    let home = index.plan.region(question.home.unwrap_or(index.site.home));
    let mut recorder =
        Recorder { index, rules, home: home.as_str().to_owned(), steps: Vec::new(), clock: Clock::fixed(now) };
    recorder.step(
        "policy",
        format!(
            "{:?}, profile {profile}, {}, home {home}, plan {}",
            index.info().policy,
            question.direction.as_str(),
            index.plan.metadata_version(),
        ),
    );
    let mut verdict = Verdict::BLANK;
    screen::judge(index, question, dialled, Clock::fixed(now), &mut recorder, &mut verdict);
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
                let region = self.index.plan.region(class.territory());
                let region = if region.is_none() { "no region".to_owned() } else { format!("region {region}") };
                let satellite = if class.is_satellite() { ", satellite" } else { "" };
                ("number", format!("{number}: {region}, type {}{satellite}", class.number_type()))
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
        // Where the shadow list matched: at the longest of its entries that count, a whole number
        // before a prefix. What it, or another log list, has below that was not reached.
        let mut shadow_at: Option<(u8, Cover)> = None;
        if let Some(shadow) = outcome.shadow {
            for (covered, sets) in hits.longest_first() {
                for member in sets.into_iter().flat_map(|set| self.index.lists.set(set)) {
                    let counts = member.list == shadow
                        && extent.counts(member.cover, covered, ListAction::Log)
                        && !self.clock.is_past(member.expires);
                    if counts && shadow_at.is_none_or(|(at, cover)| at == covered && member.cover < cover) {
                        shadow_at = Some((covered, member.cover));
                    }
                }
            }
        }
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
                } else if outcome.shadow == Some(member.list) && shadow_at == Some((covered, member.cover)) {
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
        // The winner first, then in the order of what came of them.
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
                        let context = d.context.map_or_else(String::new, |context| {
                            format!(", context +{}", String::from_utf8_lossy(context.as_bytes()))
                        });
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

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;
    use crate::Query;
    use crate::compile::Compiler;
    use std::path::Path;

    const POLICY: &str = r#"
[site]
home = "SK"
[lists.bad]
action = "block"
entries = ["+4219051*", { number = "+421906000000", expires = "2030-01-01T00:00:00Z" }]
[lists.watch]
action = "log"
entries = ["+42190*", "+421905*", "+4219052*"]
[lists.other]
action = "log"
entries = ["+421905*", "+42190*"]
[profiles.default.outbound]
lists = ["bad", "watch", "other"]
"#;

    fn index() -> Index {
        let compiled = Compiler::new().compile_str("policy.toml", POLICY, Path::new("."));
        Index::from_bytes(compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics)).index).unwrap()
    }

    fn outcomes(explanation: &Explanation) -> Vec<(&str, u8, MatchOutcome)> {
        let matches = explanation.steps.iter().flat_map(|s| &s.matches);
        matches.map(|m| (m.list.as_str(), m.covered, m.outcome)).collect()
    }

    /// A longer entry decided, and the explanation still said of every log list below it "it would
    /// have blocked": the call never reached them, and neither the verdict nor the counters name them.
    #[test]
    fn only_the_log_entry_that_counted_is_noted() {
        use MatchOutcome::{Decides, Noted, Outweighed};
        let index = index();
        let blocked = index.explain(&Query::new(), b"+421905123456").unwrap();
        assert!(blocked.verdict.is_blocked() && !blocked.verdict.would_block());
        let mut seen = outcomes(&blocked);
        seen.sort_unstable();
        let below =
            [("other", 5, Outweighed), ("other", 6, Outweighed), ("watch", 5, Outweighed), ("watch", 6, Outweighed)];
        assert_eq!(seen[0], ("bad", 7, Decides));
        assert_eq!(seen[1..], below);

        // Nothing decides: of five log entries the longest one is noted, and no other.
        let noted = index.explain(&Query::new(), b"+421905223344").unwrap();
        assert_eq!((noted.verdict.is_blocked(), noted.verdict.shadow.as_str()), (false, "watch"));
        let seen = outcomes(&noted);
        assert_eq!(seen[0], ("watch", 7, Noted));
        assert_eq!(seen.len(), 5);
        assert!(seen[1..].iter().all(|&(.., outcome)| outcome == Outweighed), "{seen:?}");

        // Of equal length, the list that the profile names first.
        let equal = index.explain(&Query::new(), b"+421905323344").unwrap();
        let seen = outcomes(&equal);
        assert_eq!(seen.iter().filter(|m| m.2 == Noted).collect::<Vec<_>>(), [&("watch", 6, Noted)]);
        assert_eq!(equal.verdict.shadow.as_str(), "watch");
    }

    /// The judgement and its explanation each asked the clock: an entry that expired in between had
    /// decided, and was told of as expired.
    #[test]
    fn the_verdict_and_the_explanation_are_of_one_time() {
        let index = index();
        let question = Question { profile: 0, direction: crate::Direction::Outbound, home: None };
        let expires = 1_893_456_000; // 2030-01-01T00:00:00Z
        for (now, blocked, outcome) in
            [(expires - 1, true, MatchOutcome::Decides), (expires, false, MatchOutcome::Expired)]
        {
            let e = explain_at(&index, question, b"+421906000000", now);
            assert_eq!(e.verdict.is_blocked(), blocked);
            assert!(outcomes(&e).contains(&("bad", 12, outcome)), "{e}");
        }
    }
}
