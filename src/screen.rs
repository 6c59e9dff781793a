//! The call path: dialled text to verdict. One walk, no allocation, no lock, no system call (the
//! clock only where a matched list entry can expire).
//!
//! `screen` and `explain` are the same function: [`judge`] tells a [`Trace`] what it does, and the
//! call path's trace is empty. Only what was dialled is read once more for an explanation where a call
//! went by a lane, which never has the text read in full; that both read alike is tested.

use crate::dial::{DialPlan, Reading, ShortCost};
use crate::index::Index;
use crate::lists::{Clock, Cover, Extent, Hits, ListAction, Outcome};
use crate::number::{Name, Number, NumberType};
use crate::numbers::Place;
use crate::plan::Class;
use crate::profile::{Decision, RuleSet};
use crate::text::{self, Dialled};
use crate::verdict::{Action, Direction, Reason, Rule, Verdict};

/// What is asked of an index, resolved against it.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    /// Position of the profile.
    pub(crate) profile: usize,
    pub(crate) direction: Direction,
    /// The home region's territory, where it is not the policy's own.
    pub(crate) home: Option<u8>,
}

impl Question {
    /// The default profile, outbound, at home.
    pub(crate) const DEFAULT: Question = Question { profile: 0, direction: Direction::Outbound, home: None };
}

/// What `judge` does, as it does it.
pub(crate) enum Event<'e> {
    Dialled(&'e Dialled<'e>),
    Read(&'e Reading<'e>),
    /// A step that looks a text or number up in the lists.
    Lists {
        what: Looked<'e>,
        hits: &'e Hits,
        extent: Extent,
        outcome: &'e Outcome,
    },
    /// A rule was asked and what it said.
    Asked {
        reason: Reason,
        rule: Rule,
        blocks: bool,
    },
    /// Another number that the text could be taken for is judged now.
    Other(&'e Number),
    /// The routing number is judged now.
    Routing(&'e [u8]),
}

/// What is looked up in the lists.
#[derive(Clone, Copy)]
pub(crate) enum Looked<'e> {
    Raw(&'e [u8]),
    Local(&'e [u8]),
    Number(&'e [u8]),
}

/// Listens to a judgement.
pub(crate) trait Trace {
    /// False where nobody does.
    const LISTENS: bool = true;

    fn event(&mut self, event: Event<'_>);
}

/// The call path's trace: nothing, compiled away.
pub(crate) struct NoTrace;

impl Trace for NoTrace {
    const LISTENS: bool = false;

    #[inline(always)]
    fn event(&mut self, _: Event<'_>) {}
}

/// One judgement under way.
struct Judge<'i, T> {
    index: &'i Index,
    profile: &'i Name,
    rules: &'i RuleSet,
    dial: DialPlan<'i>,
    direction: Direction,
    clock: &'i mut Clock,
    shadow: Option<u32>,
    trace: T,
}

/// The positions of the lists that a verdict names: for counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    pub(crate) list: Option<u32>,
    pub(crate) shadow: Option<u32>,
}

/// Judges one dialled string (outbound) or caller id (inbound) into `verdict`, which must be
/// [`Verdict::BLANK`]: it is filled in where the caller wants it, since copying one takes as long as
/// reading a number.
///
/// Nearly every call is plain digits that make a number at once; nothing of what the others need is
/// even set up for it. The rest is [`at_length`].
#[inline]
pub(crate) fn judge<T: Trace>(
    index: &Index,
    question: Question,
    dialled: &[u8],
    mut clock: Clock,
    mut trace: T,
    verdict: &mut Verdict,
) -> Named {
    let mut buffer = [0; text::SHORT_TEXT];
    let plain = text::clean_digits(dialled).or_else(|| text::plain_digits(dialled, &mut buffer));
    if let Some((plus, digits)) = plain
        && !index.lists.has_raw()
        && let Some(lanes) = index.lanes(question.home)
        && let Some(class) =
            lanes.read(&dial_plan(index, question), plus, digits, question.direction, &mut verdict.number)
    {
        if T::LISTENS {
            trace.event(Event::Dialled(&text::read(dialled)));
            trace.event(Event::Read(&Reading::Number(verdict.number, class)));
        }
        let mut judge = Judge::new(index, question, &mut clock, trace);
        let place = judge.place(&verdict.number);
        let ruling = judge.number_of(&verdict.number, class, false, place);
        judge.settle(ruling, class, verdict)
    } else {
        at_length(index, question, dialled, plain.is_none(), &mut clock, trace, verdict)
    }
}

/// How many texts are read before the lists are asked about the first one.
pub(crate) const ROW: usize = 16;

/// Judges rows of texts with one question, each text as [`judge`] does.
///
/// A list of millions of numbers is larger than the caches, so that a call waits for memory longer than
/// it works. Here the numbers of a row are all read, and what the lists have of each is asked for, before
/// the first answer is waited for: the processor then waits for all of them at once.
pub(crate) struct Rows<'i> {
    index: &'i Index,
    question: Question,
    clock: Clock,
}

impl<'i> Rows<'i> {
    /// The clock is asked at most once for all rows.
    pub(crate) fn new(index: &'i Index, question: Question) -> Rows<'i> {
        Rows { index, question, clock: Clock::system() }
    }

    /// Judges up to [`ROW`] texts into as many verdicts; `done` gets each with its text.
    #[inline]
    pub(crate) fn judge<T: AsRef<[u8]>>(
        &mut self,
        dialled: &[T],
        verdicts: &mut [Verdict],
        mut done: impl FnMut(&[u8], Named, &Verdict),
    ) {
        let Rows { index, question, clock } = self;
        let (index, question) = (*index, *question);
        let dial = dial_plan(index, question);
        let lanes = index.lanes(question.home).filter(|_| !index.lists.has_raw());
        let mut judge = Judge::new(index, question, clock, NoTrace);
        let mut read: [Option<(Class, Option<Place>)>; ROW] = [None; ROW];
        let mut plain = [false; ROW];
        for (((text, verdict), read), plain) in dialled.iter().zip(&mut *verdicts).zip(&mut read).zip(&mut plain) {
            let text = text.as_ref();
            *verdict = Verdict::BLANK;
            let mut buffer = [0; text::SHORT_TEXT];
            let digits = text::clean_digits(text).or_else(|| text::plain_digits(text, &mut buffer));
            *plain = digits.is_some();
            if let Some(((plus, digits), lanes)) = digits.zip(lanes) {
                let class = lanes.read(&dial, plus, digits, question.direction, &mut verdict.number);
                *read = class.map(|class| (class, judge.place(&verdict.number)));
            }
        }
        for (((text, verdict), read), plain) in dialled.iter().zip(verdicts).zip(read).zip(plain) {
            let text = text.as_ref();
            let named = match read {
                Some((class, place)) => {
                    judge.shadow = None;
                    let ruling = judge.number_of(&verdict.number, class, false, place);
                    judge.settle(ruling, class, verdict)
                }
                None => at_length(index, question, text, !plain, judge.clock, NoTrace, verdict),
            };
            done(text, named, verdict);
        }
    }
}

/// Any text: read at length, and as everything that it could be taken for. `ask_lanes` where they have
/// not been asked about these digits yet.
#[inline(never)]
fn at_length<T: Trace>(
    index: &Index,
    question: Question,
    dialled: &[u8],
    ask_lanes: bool,
    clock: &mut Clock,
    trace: T,
    verdict: &mut Verdict,
) -> Named {
    let mut judge = Judge::new(index, question, clock, trace);
    let text = text::read(dialled);
    judge.trace.event(Event::Dialled(&text));
    let at_once = match index.lanes(question.home) {
        Some(lanes) if ask_lanes && text.is_digits_alone() && !index.lists.has_raw() => {
            lanes.read(&judge.dial, text.plus, text.digits.as_bytes(), judge.direction, &mut verdict.number)
        }
        _ => None,
    };
    let (ruling, class) = match at_once {
        Some(class) => {
            judge.trace.event(Event::Read(&Reading::Number(verdict.number, class)));
            (judge.number(&verdict.number, class), class)
        }
        None => {
            let (ruling, number) = judge.every_reading(dialled, &text);
            let (number, class) = number.unwrap_or((Number::EMPTY, Class::NOBODY));
            verdict.number = number;
            (ruling, class)
        }
    };
    judge.settle(ruling, class, verdict)
}

#[inline(always)]
fn dial_plan(index: &Index, question: Question) -> DialPlan<'_> {
    DialPlan {
        plan: &index.plan,
        site: &index.site,
        home: question.home.unwrap_or(index.site.home),
        site_prefixes: question.home.is_none_or(|home| home == index.site.home),
    }
}

/// What a step decided: small, so that the steps pass it in registers and the verdict is written
/// once.
#[derive(Clone, Copy)]
struct Ruling {
    action: Action,
    reason: Reason,
    rule: Rule,
    matched: u8,
    list: Option<u32>,
}

impl Ruling {
    #[inline]
    fn new(action: Action, reason: Reason, rule: Rule) -> Ruling {
        Ruling { action, reason, rule, matched: 0, list: None }
    }

    #[inline]
    fn matched(self, digits: usize) -> Ruling {
        Ruling { matched: digits as u8, ..self }
    }
}

impl<'i, T: Trace> Judge<'i, T> {
    #[inline(always)]
    fn new(index: &'i Index, question: Question, clock: &'i mut Clock, trace: T) -> Judge<'i, T> {
        let (profile, rules) = index.profiles.rules(question.profile, question.direction);
        let dial = dial_plan(index, question);
        Judge { index, profile, rules, dial, direction: question.direction, clock, shadow: None, trace }
    }

    /// The verdict's fields but the number, which is written already.
    #[inline(always)]
    fn settle(&self, ruling: Ruling, class: Class, verdict: &mut Verdict) -> Named {
        verdict.action = ruling.action;
        verdict.reason = ruling.reason;
        verdict.rule = ruling.rule;
        verdict.region = self.index.plan.region(class.territory);
        verdict.number_type = class.number_type;
        verdict.matched = ruling.matched;
        verdict.profile = *self.profile;
        if let Some(list) = ruling.list {
            verdict.list = self.index.lists.name(list);
        }
        if let Some(shadow) = self.shadow {
            verdict.shadow = self.index.lists.name(shadow);
        }
        Named { list: ruling.list, shadow: self.shadow }
    }

    /// Reads the text, and judges it as everything that it could be taken for; the number that
    /// decided, if one did.
    fn every_reading(&mut self, dialled: &[u8], text: &Dialled<'_>) -> (Ruling, Option<(Number, Class)>) {
        let mut reading = self.dial.read(text, self.direction);
        let mut ruling = self.text(dialled, &reading);
        if ruling.action == Action::Allow && self.dial.may_be_others(text, &reading) {
            for (number, class) in self.dial.others(text, self.direction, &reading).into_iter().flatten() {
                if let Some(other) = self.other(number, class, ruling.reason) {
                    (ruling, reading) = (other, Reading::Number(number, class));
                    break;
                }
            }
        }
        let routing;
        if ruling.action == Action::Allow && !text.routing.is_empty() {
            // A ported number (RFC 4694): the network routes by `rn`, so that number must pass as well.
            self.trace.event(Event::Routing(text.routing));
            routing = Dialled { routing: &[], ..text::read(text.routing) };
            let routed_reading = self.dial.read(&routing, self.direction);
            let routed = match routed_reading {
                Reading::Number(number, class) if ruling.reason == Reason::Emergency => {
                    self.other(number, class, Reason::Emergency)
                }
                _ if ruling.reason == Reason::Emergency => None,
                _ => Some(self.text(text.routing, &routed_reading)).filter(|r| r.action == Action::Block),
            };
            if let Some(routed) = routed {
                (ruling, reading) = (routed, routed_reading);
            }
        }
        if ruling.action == Action::Allow
            && let Reading::Number(_, class) = reading
            && !class.is_assigned()
            && let Some(over_dialled) = self.over_dialled_local(text)
        {
            ruling = over_dialled;
        }
        match reading {
            Reading::Number(number, class) => (ruling, Some((number, class))),
            _ => (ruling, None),
        }
    }

    fn text(&mut self, dialled: &[u8], reading: &Reading<'_>) -> Ruling {
        self.trace.event(Event::Read(reading));
        if let Reading::Emergency = reading {
            return Ruling::new(Action::Allow, Reason::Emergency, Rule::None);
        }
        if self.index.lists.has_raw() && !self.rules.lists.is_empty() {
            let dialled = dialled.trim_ascii();
            let mut hits = Hits::new();
            self.index.lists.raw_hits(self.index.bytes(), dialled, &mut hits);
            let extent = Extent { len: dialled.len(), unassigned: false };
            let outcome = self.lists(Looked::Raw(dialled), &hits, extent);
            if let Some(ruling) = self.decided(&outcome, true) {
                return ruling;
            }
        }
        match reading {
            Reading::Number(number, class) => self.number(number, *class),
            Reading::Withheld => self.plain(Decision::Anonymous, Reason::Anonymous),
            Reading::Invalid(_) => self.plain(Decision::Invalid, Reason::Invalid),
            Reading::Internal(digits) => match self.local(digits) {
                Some(ruling) => ruling,
                None => self.plain(Decision::Internal, Reason::Internal),
            },
            Reading::Short(digits, cost) => self.short(digits, *cost),
            Reading::Emergency => Ruling::new(Action::Allow, Reason::Emergency, Rule::None),
        }
    }

    /// A number: lists, type, unassigned, country, default.
    #[inline(always)]
    fn number(&mut self, number: &Number, class: Class) -> Ruling {
        if class.is_assigned() {
            self.number_of(number, class, false, self.place(number))
        } else {
            self.unassigned(number, class)
        }
    }

    #[inline(never)]
    fn unassigned(&mut self, number: &Number, class: Class) -> Ruling {
        self.number_of(number, class, true, self.place(number))
    }

    /// Where a number would be in the lists, if the profile asks any. What is there is asked for, to be read in a moment.
    #[inline(always)]
    fn place(&self, number: &Number) -> Option<Place> {
        if self.rules.lists.is_empty() {
            return None;
        }
        let place = self.index.lists.place(self.index.bytes(), number)?;
        self.index.lists.prefetch(self.index.bytes(), &place);
        Some(place)
    }

    #[inline(always)]
    fn number_of(&mut self, number: &Number, class: Class, unassigned: bool, place: Option<Place>) -> Ruling {
        let digits = number.as_bytes();
        // The lists come first. But what they read was only just asked for, and the rules need not wait for it; who
        // explains wants to hear of them in order.
        let meanwhile = if T::LISTENS || unassigned { None } else { Some(self.by_rules(digits, class, false, None)) };
        if let Some(ruling) = self.by_lists(number, unassigned, place) {
            return ruling;
        }
        if let Some(ruling) = meanwhile {
            return ruling;
        }
        // What an exchange may make of a number that nobody has: see `without_kept_prefix`.
        let other = if unassigned { self.dial.without_kept_prefix(number) } else { None };
        if let Some(other) = other
            && let Some(ruling) = self.block_lists(&other)
        {
            return ruling;
        }
        self.by_rules(digits, class, unassigned, other)
    }

    /// What the lists say of a number, if they decide.
    #[inline(always)]
    fn by_lists(&mut self, number: &Number, unassigned: bool, place: Option<Place>) -> Option<Ruling> {
        let digits = number.as_bytes();
        let (bytes, lists) = (self.index.bytes(), &self.index.lists);
        let whole = place.and_then(|place| lists.whole_set(bytes, &place));
        // The beginnings of a number that nobody has may be listed numbers, too; and who explains wants to
        // hear that there are none.
        let look = T::LISTENS || unassigned || whole.is_some();
        if self.rules.lists.is_empty() || !look && !lists.has_prefix_of(bytes, digits) {
            return None;
        }
        let mut hits = Hits::new();
        lists.number_hits(bytes, number, whole, unassigned, &mut hits);
        let outcome = self.lists(Looked::Number(digits), &hits, Extent { len: digits.len(), unassigned });
        self.decided(&outcome, false)
    }

    /// What the rules beside the lists say of a number: its type, that it is unassigned, its country, the default.
    /// `other` is another number that an exchange may make of one that is unassigned.
    #[inline(always)]
    fn by_rules(&mut self, digits: &[u8], class: Class, unassigned: bool, other: Option<Number>) -> Ruling {
        if self.rules.blocks_types() {
            let over_dialled = if unassigned {
                self.over_dialled(digits).or_else(|| self.over_dialled(other?.as_bytes()))
            } else {
                None
            };
            let (rule, matched) = match over_dialled {
                Some((rule, covered)) => (Some(rule), covered),
                None => (self.blocked_type(class), digits.len()),
            };
            let asked = rule.unwrap_or(Rule::Type(class.number_type));
            self.trace.event(Event::Asked { reason: Reason::Type, rule: asked, blocks: rule.is_some() });
            if let Some(rule) = rule {
                return Ruling::new(Action::Block, Reason::Type, rule).matched(matched);
            }
        }
        if unassigned {
            let action = self.rules.decision(Decision::Unassigned);
            let blocks = action == Action::Block;
            self.trace.event(Event::Asked { reason: Reason::Unassigned, rule: Rule::None, blocks });
            if blocks {
                return Ruling::new(action, Reason::Unassigned, Rule::None);
            }
        }
        if self.rules.blocks_countries() {
            let territory = match class.territory {
                0 => self.territory_of_beginning(digits),
                territory => territory,
            };
            let blocks = self.blocks_country(digits, territory);
            if blocks || T::LISTENS {
                let rule = Rule::Country(self.index.plan.region(territory));
                self.trace.event(Event::Asked { reason: Reason::Country, rule, blocks });
                if blocks {
                    let code = self.index.plan.calling_code_of(digits).map_or(0, |(_, len)| len);
                    return Ruling::new(Action::Block, Reason::Country, rule).matched(code);
                }
            }
        }
        self.plain(Decision::Default, Reason::Default)
    }

    /// Another number that the same text could be taken for (`DialPlan::others`): its ruling, where
    /// it blocks and that counts. A number that nobody has, and that does not begin with one that
    /// somebody has, is no other reading; only a list can block it. An emergency call is stopped by
    /// nothing but a listed number or a blocked type.
    fn other(&mut self, number: Number, class: Class, reason: Reason) -> Option<Ruling> {
        self.trace.event(Event::Other(&number));
        let emergency = reason == Reason::Emergency;
        let assigned = class.is_assigned();
        if emergency && !assigned && !self.dial.is_over_dialled(&number) {
            return None;
        }
        let ruling = self.number(&number, class);
        let counts = match ruling.reason {
            Reason::List | Reason::Type => true,
            Reason::Country => !emergency,
            _ => assigned && !emergency,
        };
        (ruling.action == Action::Block && counts).then_some(ruling)
    }

    /// A number that nobody has may be a listed short or internal number with digits behind it.
    fn over_dialled_local(&mut self, text: &Dialled<'_>) -> Option<Ruling> {
        if text.plus || text.context.is_some() || self.rules.lists.is_empty() || !self.index.lists.has_local() {
            return None;
        }
        let digits = self.dial.seen(text.digits.as_bytes(), self.direction);
        let mut hits = Hits::new();
        self.index.lists.local_hits(self.index.bytes(), digits, &mut hits);
        let extent = Extent { len: digits.len(), unassigned: true };
        let outcome = self.lists(Looked::Local(digits), &hits, extent);
        self.decided(&outcome, false).filter(|ruling| ruling.action == Action::Block)
    }

    /// The lists, asked of another reading of an unassigned number: only a block counts.
    fn block_lists(&mut self, other: &Number) -> Option<Ruling> {
        if self.rules.lists.is_empty() {
            return None;
        }
        let (bytes, lists) = (self.index.bytes(), &self.index.lists);
        let digits = other.as_bytes();
        let whole = lists.place(bytes, other).and_then(|place| lists.whole_set(bytes, &place));
        let mut hits = Hits::new();
        lists.number_hits(bytes, other, whole, true, &mut hits);
        if hits.is_empty() {
            return None;
        }
        let outcome = self.lists(Looked::Number(digits), &hits, Extent { len: digits.len(), unassigned: true });
        self.decided(&outcome, false).filter(|ruling| ruling.action == Action::Block)
    }

    /// The type rule that blocks a number of this class.
    #[inline]
    fn blocked_type(&self, class: Class) -> Option<Rule> {
        if class.number_type != NumberType::Unknown && self.rules.blocks_type(class.number_type) {
            Some(Rule::Type(class.number_type))
        } else if class.satellite && self.rules.blocks_satellite() {
            Some(Rule::Satellite)
        } else {
            None
        }
    }

    /// An unassigned number may be a blocked one with digits dialled behind it, which exchanges
    /// ignore: the longest of its beginnings whose type is blocked, and that beginning's length.
    fn over_dialled(&self, digits: &[u8]) -> Option<(Rule, usize)> {
        let mut found = None;
        self.index.plan.classify_prefixes(digits, |covered, class| {
            if class.number_type == NumberType::Unknown {
                return;
            }
            if let Some(rule) = self.blocked_type(class) {
                found = Some((rule, covered));
            }
        });
        found
    }

    /// Whose the longest beginning of the number is that somebody has; 0 where there is none.
    #[cold]
    fn territory_of_beginning(&self, digits: &[u8]) -> u8 {
        let mut territory = 0;
        self.index.plan.classify_prefixes(digits, |_, beginning| {
            if beginning.is_assigned() {
                territory = beginning.territory;
            }
        });
        territory
    }

    /// Whether the country rules block a number of this territory.
    #[inline(always)]
    fn blocks_country(&self, digits: &[u8], territory: u8) -> bool {
        self.rules.blocks_territory(territory) || territory == 0 && self.blocks_all_sharing(digits)
    }

    /// Where a calling code is shared and the plan cannot say whose the number is, a deny-list
    /// blocks it if it blocks every region of the code; an allow-list blocks it anyway.
    #[cold]
    fn blocks_all_sharing(&self, digits: &[u8]) -> bool {
        let plan = &self.index.plan;
        let Some((code, _)) = plan.calling_code_of(digits) else { return false };
        let mut sharing = plan.territories().iter().enumerate().filter(|(_, t)| t.calling_code == code).peekable();
        sharing.peek().is_some() && sharing.all(|(i, _)| self.rules.blocks_territory(i as u8 + 1))
    }

    /// A short number: lists that name it, its cost, the profile's word.
    fn short(&mut self, digits: &[u8], cost: ShortCost) -> Ruling {
        if let Some(ruling) = self.local(digits) {
            return ruling;
        }
        if matches!(cost, ShortCost::Premium) && self.rules.blocks_type(NumberType::PremiumRate) {
            let rule = Rule::Type(NumberType::PremiumRate);
            self.trace.event(Event::Asked { reason: Reason::Short, rule, blocks: true });
            return Ruling::new(Action::Block, Reason::Short, rule);
        }
        self.plain(Decision::Short, Reason::Short)
    }

    /// What the lists say of a short or internal number.
    fn local(&mut self, digits: &[u8]) -> Option<Ruling> {
        let mut hits = Hits::new();
        self.index.lists.local_hits(self.index.bytes(), digits, &mut hits);
        let extent = Extent { len: digits.len(), unassigned: false };
        let outcome = self.lists(Looked::Local(digits), &hits, extent);
        self.decided(&outcome, false)
    }

    #[inline]
    fn lists(&mut self, what: Looked<'_>, hits: &Hits, extent: Extent) -> Outcome {
        let outcome = if hits.is_empty() {
            Outcome::default()
        } else {
            self.index.lists.judge(hits, extent, self.rules, self.clock)
        };
        self.trace.event(Event::Lists { what, hits, extent, outcome: &outcome });
        self.shadow = self.shadow.or(outcome.shadow);
        outcome
    }

    #[inline]
    fn decided(&self, outcome: &Outcome, raw: bool) -> Option<Ruling> {
        let decided = outcome.decided?;
        let action = if decided.action == ListAction::Allow { Action::Allow } else { Action::Block };
        let rule = match decided.cover {
            _ if raw => Rule::Raw,
            Cover::Whole => Rule::Whole,
            Cover::Prefix => Rule::Prefix,
        };
        Some(Ruling { matched: decided.covered, list: Some(decided.list), ..Ruling::new(action, Reason::List, rule) })
    }

    #[inline]
    fn plain(&mut self, question: Decision, reason: Reason) -> Ruling {
        let action = self.rules.decision(question);
        self.trace.event(Event::Asked { reason, rule: Rule::None, blocks: action == Action::Block });
        Ruling::new(action, reason, Rule::None)
    }
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use crate::compile::Compiler;
    use crate::{Index, Query, Region, steps};
    use proptest::prelude::*;
    use std::fmt::Write as _;
    use std::path::Path;
    use std::sync::LazyLock;

    /// Four whole numbers in a hundred of +421905…, prefixes and a raw entry, and a list a tenant.
    fn index(numbers: usize, tenants: usize) -> Index {
        let mut policy = String::from(
            "[site]\nhome = \"SK\"\n[lists.all]\naction = \"block\"\nentries = [\"raw:x*\", \"+37126*\",\n",
        );
        for i in 0..numbers {
            writeln!(policy, "\"+421905{:06}\",", i * 25).unwrap();
        }
        policy.push_str("]\n");
        let mut named = Vec::new();
        for i in 0..tenants {
            writeln!(policy, "[lists.t{i}]\naction = \"block\"\nentries = [\"+37120*\"]").unwrap();
            named.push(format!("t{i}"));
        }
        writeln!(policy, "[profiles.default.outbound]\nlists = [\"all\"]\ntypes.block = [\"premium_rate\"]").unwrap();
        writeln!(policy, "unassigned = \"allow\"\n[profiles.all.outbound]\nlists = {named:?}").unwrap();
        let compiled = Compiler::new().compile_str("steps.toml", &policy, Path::new("."));
        Index::from_bytes(compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics)).index).unwrap()
    }

    static SMALL: LazyLock<Index> = LazyLock::new(|| index(4, 1));
    static LARGE: LazyLock<Index> = LazyLock::new(|| index(40_000, 200));

    fn steps(index: &Index, text: &str) -> u64 {
        let query = Query::new().home(Region::new("AR").unwrap());
        steps::count(|| {
            let _ = index.screen(text.as_bytes());
            let _ = index.screen_with(&query, text.as_bytes());
        })
    }

    proptest! {
        /// Steps are bounded by the length of the text, and lists ten thousand times as long add
        /// no more than the turns of a binary search for each beginning of the number.
        #[test]
        fn steps_are_proportional_to_the_digits(
            text in prop_oneof!["[+]?[0-9]{1,60}", "[+]421905[0-9]{6,40}", "[+]37126[0-9 ().-]{0,200}", "0[0-9]{2,250}"],
        ) {
            let digits = text.len() as u64;
            let (small, large) = (steps(&SMALL, &text), steps(&LARGE, &text));
            prop_assert!(small <= 40 + 40 * digits, "{small} steps for {digits} bytes");
            prop_assert!(large <= small + 17 * 2 * 2 * 16, "{large} steps against {small}");
        }
    }

    /// A number that two hundred lists name costs a tenant with one list no more than a few steps.
    #[test]
    fn other_tenants_lists_cost_nothing() {
        let one = Query::new();
        let all = Query::new().profile("all");
        let index = LazyLock::force(&LARGE);
        let count = |query: &Query<'_>| steps::count(|| drop(index.screen_with(query, b"+37120123456")));
        let (one, all) = (count(&one), count(&all));
        assert!(one < 80, "{one}");
        assert!(all > 200, "the tenant with all lists looks at each: {all}");
    }

    /// A call by a lane has the verdict that it would have without: sites of all kinds, other homes,
    /// profiles' directions, texts plain and not; and the explanation tells the same.
    #[test]
    fn lanes_judge_as_all_readings_do() {
        use super::{Class, Clock, Direction, Judge, NoTrace, Number, Verdict, judge, text};
        const RULES: &str = r#"
[lists.partners]
action = "allow"
entries = ["+371 6700 0000"]
[lists.blacklist]
action = "block"
entries = ["+3712*", "+33162XXXXXX", "+421905123456", "+12125550123"]
[lists.feed]
action = "log"
entries = ["+421905*", "+54*", "+49*"]
[profiles.default.outbound]
lists = ["partners", "blacklist", "feed"]
countries.block = ["CU", "LV", "JM"]
types.block = ["premium_rate", "shared_cost", "satellite"]
[profiles.default.inbound]
lists = ["blacklist"]
anonymous = "block"
"#;
        let sites = [
            "home = \"SK\"",
            "home = \"SK\"\noutside_line = \"0\"\ninternational_prefixes = [\"00\", \"011\", \"0011\", \"9\"]",
            "home = \"US\"\noutside_line = \"9\"\nextensions = [3, 4, 7, 10]",
            "home = \"AU\"\noutside_line = \"0\"",
            "home = \"UZ\"\noutside_line = \"8\"\nextensions = [6]",
        ];
        let front = "|+|00|0|9|900|011|8|810|1|112|+0|++|tel:|sip:|tel:+|*67|00421|0011|119|911|+421|0421";
        let middle = "|37126|421905|421900|1212555|5351|44|49|905|90|26669|7378742833|0000";
        let behind = "p1|x12|,5|@host|;phone-context=+1|;rn=+37126123456|#| ";
        let (front, middle, behind): (Vec<&str>, Vec<&str>, Vec<&str>) =
            (front.split('|').collect(), middle.split('|').collect(), behind.split('|').collect());
        let mut state = 3u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for site in sites {
            let policy = format!("[site]\n{site}\n{RULES}");
            let compiled = Compiler::new().compile_str("lanes.toml", &policy, Path::new("."));
            let compiled = compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics));
            let index = Index::from_bytes(compiled.index).unwrap();
            let regions: Vec<Region> = index.plan.territories().iter().map(|t| t.region).collect();
            for _ in 0..20_000 {
                let mut query = Query::new();
                if below(3) == 0 {
                    query = query.direction(Direction::Inbound);
                }
                let region = regions[below(regions.len())];
                if below(2) == 0 && region != Region::WORLD {
                    query = query.home(region);
                }
                let digits: String = (0..if below(5) == 0 { below(60) } else { below(12) })
                    .map(|_| char::from(b'0' + below(10) as u8))
                    .collect();
                let mut dialled = format!("{}{}{digits}", front[below(front.len())], middle[below(middle.len())]);
                if below(4) == 0 {
                    dialled.insert(dialled.len() / 2, [' ', '-', '.', '(', ')', '/'][below(6)]);
                }
                if below(12) == 0 {
                    dialled.push_str(behind[below(behind.len())]);
                }
                let question = index.resolve(&query).unwrap();
                let mut by_lane = Verdict::BLANK;
                judge(&index, question, dialled.as_bytes(), Clock::fixed(1_800_000_000), NoTrace, &mut by_lane);
                let mut clock = Clock::fixed(1_800_000_000);
                let mut long = Judge::new(&index, question, &mut clock, NoTrace);
                let text = text::read(dialled.as_bytes());
                let (ruling, number) = long.every_reading(dialled.as_bytes(), &text);
                let (number, class) = number.unwrap_or((Number::EMPTY, Class::NOBODY));
                let mut expected = Verdict { number, ..Verdict::BLANK };
                long.settle(ruling, class, &mut expected);
                assert_eq!(by_lane, expected, "{dialled:?} {site} {query:?}");
                if below(20) == 0 {
                    assert_eq!(index.explain(&query, dialled.as_bytes()).unwrap().verdict, expected, "{dialled:?}");
                }
            }
        }
    }
}
