//! The call path: dialled text to verdict. One walk, no allocation, no lock, no system call (the
//! clock only where a matched list entry can expire).
//!
//! `screen` and `explain` are the same function: [`judge`] tells a [`Trace`] what it does, and the
//! call path's trace is empty. Only what was dialled is read once more for an explanation where a call
//! went by a lane, which never has the text read in full; that both read alike is tested.

use crate::dial::{DialPlan, Reading, ShortCost};
use crate::index::Index;
use crate::lanes::read_e164;
use crate::lists::{Clock, Cover, Decided, Extent, Hits, ListAction, Outcome};
use crate::number::{Name, Number, NumberType};
use crate::numbers::{Place, Seek, Wanted};
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
#[inline]
pub(crate) fn judge<T: Trace>(
    index: &Index,
    question: Question,
    dialled: &[u8],
    mut clock: Clock,
    trace: T,
    verdict: &mut Verdict,
) -> Named {
    // Who explains wants to hear of everything.
    let rest = if T::LISTENS { Err(Rest::Text) } else { pass_at_once(index, question, dialled, verdict) };
    match rest {
        Ok(()) => Named::default(),
        Err(rest) => go_on(index, question, dialled, rest, &mut clock, trace, verdict),
    }
}

/// What is left to do of a judgement where [`pass_at_once`] cannot say that the call passes.
#[derive(Clone, Copy)]
pub(crate) enum Rest {
    /// All of it: the text is to be read.
    Text,
    /// The same, and no lane answers it.
    NoLane,
    /// The same, and lanes cannot be asked before it is read.
    NotPlain,
    /// Somebody has the number, which the verdict holds, and lists or rules may speak of it; with its own set, if it is
    /// listed itself.
    SpokenOf(Class, Option<u32>),
}

/// The verdict on nearly every call: it is to an E.164 number, written as such, which somebody has and nothing speaks
/// of, so that it passes. Else what is left to do, by [`go_on`].
///
/// Small, and apart from all that is rare, so that what it needs is in registers.
#[inline(always)]
pub(crate) fn pass_at_once(
    index: &Index,
    question: Question,
    dialled: &[u8],
    verdict: &mut Verdict,
) -> Result<(), Rest> {
    let Some(clean) = text::clean_e164(dialled) else { return Err(Rest::Text) };
    if index.lists.has_raw() {
        return Err(Rest::Text);
    }
    let Some(class) = read_e164(&index.plan, clean.digits) else { return Err(Rest::NoLane) };
    verdict.number.become_clean(clean);
    let asked = Asked::of(index, question);
    if asked.rules.lists.is_empty() {
        return asked.pass(class, None, verdict);
    }
    let place = asked.place(&verdict.number);
    asked.pass(class, place.as_ref(), verdict)
}

/// How many texts are read before the lists are asked about the first one.
pub(crate) const ROW: usize = 16;

/// Judges rows of texts with one question, each text as [`judge`] does.
///
/// A list of millions of numbers is larger than the caches, so that a call waits for memory longer than
/// it works. Where lists are asked, the numbers of a row are all read, and what the lists have of each is asked for, before
/// the first answer is waited for: the processor then waits for all of them at once.
pub(crate) struct Rows<'i> {
    index: &'i Index,
    question: Question,
    clock: Clock,
    /// Whether the processor has what [`Rows::judge_wide`] is compiled for: asked once for all rows, which a single call
    /// could not.
    #[cfg(target_arch = "x86_64")]
    is_wide: bool,
}

impl<'i> Rows<'i> {
    /// The clock is asked at most once for all rows.
    pub(crate) fn new(index: &'i Index, question: Question) -> Rows<'i> {
        Rows {
            index,
            question,
            clock: Clock::system(),
            #[cfg(target_arch = "x86_64")]
            is_wide: std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("bmi1")
                && std::arch::is_x86_feature_detected!("bmi2"),
        }
    }

    /// Judges up to [`ROW`] texts into as many verdicts; `done` gets each with its text, and what it names where it may
    /// name something.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn judge<T: AsRef<[u8]>>(
        &mut self,
        dialled: &[T],
        verdicts: &mut [Verdict],
        done: impl FnMut(&[u8], Option<Named>, &Verdict),
    ) {
        #[cfg(target_arch = "x86_64")]
        if self.is_wide {
            // SAFETY: `Rows::new` has asked the processor whether it has these instructions.
            return unsafe { self.judge_wide(dialled, verdicts, done) };
        }
        self.judge_any(dialled, verdicts, done);
    }

    /// The same code, compiled for the instructions that most processors of the last ten years have: one in place of three for
    /// a shift by a number of bits that is not known, of which a look-up has a dozen (BMI2), and half as many to blank a
    /// verdict (AVX2).
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn judge_wide<T: AsRef<[u8]>>(
        &mut self,
        dialled: &[T],
        verdicts: &mut [Verdict],
        done: impl FnMut(&[u8], Option<Named>, &Verdict),
    ) {
        self.judge_any(dialled, verdicts, done);
    }

    #[inline(always)]
    fn judge_any<T: AsRef<[u8]>>(
        &mut self,
        dialled: &[T],
        verdicts: &mut [Verdict],
        done: impl FnMut(&[u8], Option<Named>, &Verdict),
    ) {
        if Asked::of(self.index, self.question).rules.lists.is_empty() {
            self.judge_one_by_one(dialled, verdicts, done);
        } else {
            self.judge_by_steps(dialled, verdicts, done);
        }
    }

    /// Where no list is asked there is no memory to ask for ahead: what the steps hand on to each other would only be work.
    #[inline(always)]
    fn judge_one_by_one<T: AsRef<[u8]>>(
        &mut self,
        dialled: &[T],
        verdicts: &mut [Verdict],
        mut done: impl FnMut(&[u8], Option<Named>, &Verdict),
    ) {
        let Rows { index, question, clock, .. } = self;
        let (index, question) = (*index, *question);
        for (text, verdict) in dialled.iter().zip(verdicts) {
            let text = text.as_ref();
            *verdict = Verdict::BLANK;
            let passed = pass_at_once(index, question, text, verdict).or_else(|rest| match rest {
                Rest::Text => pass_by_lane_apart(index, question, text, verdict),
                rest => Err(rest),
            });
            match passed {
                Ok(()) => done(text, None, verdict),
                Err(rest) => {
                    let named = go_on(index, question, text, rest, clock, NoTrace, verdict);
                    done(text, Some(named), verdict);
                }
            }
        }
    }

    /// Each step for all texts before the next one: what a step reads of a text is mostly in no cache that is near, and has
    /// been asked for by the step before, or is waited for together with that of the texts behind it.
    #[inline(always)]
    fn judge_by_steps<T: AsRef<[u8]>>(
        &mut self,
        dialled: &[T],
        verdicts: &mut [Verdict],
        mut done: impl FnMut(&[u8], Option<Named>, &Verdict),
    ) {
        let Rows { index, question, clock, .. } = self;
        let (index, question) = (*index, *question);
        let asked = Asked::of(index, question);
        let has_raw = index.lists.has_raw();
        let (bytes, whole) = (index.bytes(), index.lists.whole());
        // The texts, as far as they are E.164.
        let mut wanted = [Wanted::NOTHING; ROW];
        for ((text, verdict), wanted) in dialled.iter().zip(&mut *verdicts).zip(&mut wanted) {
            *verdict = Verdict::BLANK;
            if let Some(clean) = text::clean_e164(text.as_ref()).filter(|_| !has_raw) {
                verdict.number.become_clean(clean);
                *wanted = whole.wanted(&verdict.number);
                whole.ask_for_segment(wanted);
            }
        }
        // Where each would be in the lists.
        let (mut seeks, mut places) = ([Seek::NOWHERE; ROW], [Place::NOWHERE; ROW]);
        let own = ..dialled.len().min(ROW);
        for (wanted, seek) in wanted[own].iter().zip(&mut seeks[own]) {
            *seek = whole.seek_ahead(bytes, wanted);
        }
        for (seek, place) in seeks[own].iter().zip(&mut places[own]) {
            *place = whole.place_ahead(bytes, seek);
        }
        // Whose the numbers are, while what is there is on its way. Of a text that no lane reads the class is nobody's, and
        // what is left to do stands beside it.
        let (mut classes, mut left) = ([Class::NOBODY; ROW], [Rest::Text; ROW]);
        let read = classes.iter_mut().zip(&mut left).zip(&mut places);
        for ((text, verdict), ((class, left), place)) in dialled.iter().zip(&mut *verdicts).zip(read) {
            // A clean text is one plus and eight digits at least, which have made the number.
            let clean = text.as_ref().split_first().filter(|_| !verdict.number.is_empty());
            if let Some((_plus, digits)) = clean {
                match read_e164(&index.plan, digits) {
                    Some(own) => *class = own,
                    None => {
                        verdict.number = Number::EMPTY;
                        *left = Rest::NoLane;
                    }
                }
            } else {
                match by_lane_apart(index, question, text.as_ref(), &mut verdict.number) {
                    Ok(own) => {
                        *class = own;
                        *place = whole.ask_for(bytes, &verdict.number).unwrap_or(Place::NOWHERE);
                    }
                    Err(rest) => *left = rest,
                }
            }
        }
        let read = classes.iter().zip(&left).zip(&places);
        for ((text, verdict), ((class, left), place)) in dialled.iter().zip(verdicts).zip(read) {
            let text = text.as_ref();
            let passed = match class.is_assigned() {
                true => asked.pass(*class, Some(place), verdict),
                false => Err(*left),
            };
            match passed {
                Ok(()) => done(text, None, verdict),
                Err(rest) => {
                    let named = go_on(index, question, text, rest, clock, NoTrace, verdict);
                    done(text, Some(named), verdict);
                }
            }
        }
    }
}

/// The profile and rules that are asked.
#[derive(Clone, Copy)]
struct Asked<'i> {
    index: &'i Index,
    profile: &'i Name,
    rules: &'i RuleSet,
}

impl<'i> Asked<'i> {
    #[inline(always)]
    fn of(index: &'i Index, question: Question) -> Asked<'i> {
        let (profile, rules) = index.profiles.rules(question.profile, question.direction);
        Asked { index, profile, rules }
    }

    /// Where a number would be in the lists, if the profile asks any. What is there is asked for, to be read in a moment.
    #[inline(always)]
    fn place(&self, number: &Number) -> Option<Place> {
        if self.rules.lists.is_empty() {
            return None;
        }
        self.index.lists.whole().ask_for(self.index.bytes(), number)
    }

    /// The set of a number that is listed itself, if the profile asks any lists.
    fn set_of(&self, number: &Number) -> Option<u32> {
        self.index.lists.whole().set_at(self.index.bytes(), &self.place(number)?)
    }

    /// The verdict on a number that somebody has, and that the verdict holds already, if nothing speaks of it.
    #[inline(always)]
    fn pass(&self, class: Class, place: Option<&Place>, verdict: &mut Verdict) -> Result<(), Rest> {
        let (bytes, lists) = (self.index.bytes(), &self.index.lists);
        // The lists come first. But what they read was only just asked for, and the rules need not wait for it.
        let passes = self.rules.pass(class);
        let whole = place.and_then(|place| lists.whole().set_at(bytes, place));
        let has_lists = !self.rules.lists.is_empty();
        if !passes || whole.is_some() || has_lists && lists.has_prefix_of(bytes, verdict.number.as_bytes()) {
            return Err(Rest::SpokenOf(class, whole));
        }
        verdict.reason = Reason::Default;
        verdict.region = self.index.plan.region(class.territory());
        verdict.number_type = class.number_type();
        verdict.profile = *self.profile;
        Ok(())
    }
}

/// As [`pass_at_once`], for what it has left ([`Rest::Text`]), of calls to a number that a lane reads: dialled with a
/// national or international prefix, and with separators.
#[inline(always)]
pub(crate) fn pass_by_lane(
    index: &Index,
    question: Question,
    dialled: &[u8],
    verdict: &mut Verdict,
) -> Result<(), Rest> {
    let class = by_lane(index, question, dialled, &mut verdict.number)?;
    let asked = Asked::of(index, question);
    if asked.rules.lists.is_empty() {
        return asked.pass(class, None, verdict);
    }
    let place = asked.place(&verdict.number);
    asked.pass(class, place.as_ref(), verdict)
}

/// [`pass_by_lane`], for those who want it in its own place.
#[inline(never)]
fn pass_by_lane_apart(index: &Index, question: Question, dialled: &[u8], verdict: &mut Verdict) -> Result<(), Rest> {
    pass_by_lane(index, question, dialled, verdict)
}

/// [`by_lane`], for those who want it in its own place.
#[inline(never)]
fn by_lane_apart(index: &Index, question: Question, dialled: &[u8], number: &mut Number) -> Result<Class, Rest> {
    by_lane(index, question, dialled, number)
}

/// Plain digits that make a number at once; `number` is written only then.
#[inline(always)]
fn by_lane(index: &Index, question: Question, dialled: &[u8], number: &mut Number) -> Result<Class, Rest> {
    let mut buffer = [0; text::SHORT_TEXT];
    let plain = text::clean_digits(dialled).or_else(|| text::plain_digits(dialled, &mut buffer));
    let (plus, digits) = plain.ok_or(Rest::NotPlain)?;
    let lanes = index.lanes(question.home).filter(|_| !index.lists.has_raw()).ok_or(Rest::NoLane)?;
    lanes.read(&dial_plan(index, question), plus, digits, question.direction, number).ok_or(Rest::NoLane)
}

/// What [`pass_at_once`] has left to do.
#[inline]
pub(crate) fn go_on<T: Trace>(
    index: &Index,
    question: Question,
    dialled: &[u8],
    mut rest: Rest,
    clock: &mut Clock,
    mut trace: T,
    verdict: &mut Verdict,
) -> Named {
    if let Rest::Text = rest {
        let passed = if T::LISTENS {
            by_lane_apart(index, question, dialled, &mut verdict.number).and_then(|class| {
                trace.event(Event::Dialled(&text::read(dialled)));
                trace.event(Event::Read(&Reading::Number(verdict.number, class)));
                Err(Rest::SpokenOf(class, Asked::of(index, question).set_of(&verdict.number)))
            })
        } else {
            pass_by_lane(index, question, dialled, verdict)
        };
        match passed {
            Ok(()) => return Named::default(),
            Err(other) => rest = other,
        }
    }
    match rest {
        Rest::SpokenOf(class, whole) => spoken_of(index, question, class, whole, clock, trace, verdict),
        Rest::NotPlain => at_length(index, question, dialled, true, clock, trace, verdict),
        Rest::Text | Rest::NoLane => at_length(index, question, dialled, false, clock, trace, verdict),
    }
}

/// A number that somebody has, and that lists or rules may speak of; `whole` is its own set, if it is listed itself.
#[inline(never)]
fn spoken_of<T: Trace>(
    index: &Index,
    question: Question,
    class: Class,
    whole: Option<u32>,
    clock: &mut Clock,
    trace: T,
    verdict: &mut Verdict,
) -> Named {
    let mut judge = Judge::new(index, question, clock, trace);
    // Who explains wants to hear of all lists; and patterns and prefixes may have a say, too.
    let alone = whole.filter(|_| !T::LISTENS && !index.lists.has_prefix_of(index.bytes(), verdict.number.as_bytes()));
    let sole = alone.and_then(|set| index.lists.sole_claim(set, verdict.number.len(), judge.rules, judge.clock));
    let ruling = match sole {
        Some(decided) => Ruling::by_list(decided, false),
        None => judge.number_of(&verdict.number, class, false, whole),
    };
    judge.settle(ruling, class, verdict)
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
    fn by_list(decided: Decided, raw: bool) -> Ruling {
        let action = if decided.action == ListAction::Allow { Action::Allow } else { Action::Block };
        let rule = match decided.cover {
            _ if raw => Rule::Raw,
            Cover::Whole => Rule::Whole,
            Cover::Prefix => Rule::Prefix,
        };
        Ruling { matched: decided.covered, list: Some(decided.list), ..Ruling::new(action, Reason::List, rule) }
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
        verdict.region = self.index.plan.region(class.territory());
        verdict.number_type = class.number_type();
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
    fn number(&mut self, number: &Number, class: Class) -> Ruling {
        let asked = Asked { index: self.index, profile: self.profile, rules: self.rules };
        self.number_of(number, class, !class.is_assigned(), asked.set_of(number))
    }

    /// `whole`: the number's own set, if it is listed.
    #[inline]
    fn number_of(&mut self, number: &Number, class: Class, unassigned: bool, whole: Option<u32>) -> Ruling {
        let digits = number.as_bytes();
        if let Some(ruling) = self.by_lists(number, unassigned, whole) {
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
    #[inline]
    fn by_lists(&mut self, number: &Number, unassigned: bool, whole: Option<u32>) -> Option<Ruling> {
        let digits = number.as_bytes();
        let (bytes, lists) = (self.index.bytes(), &self.index.lists);
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
    #[inline]
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
            let asked = rule.unwrap_or(Rule::Type(class.number_type()));
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
            let territory = match class.territory() {
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
        let whole = lists.whole().place(bytes, other).and_then(|place| lists.whole().set_at(bytes, &place));
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
        if class.number_type() != NumberType::Unknown && self.rules.blocks_type(class.number_type()) {
            Some(Rule::Type(class.number_type()))
        } else if class.is_satellite() && self.rules.blocks_satellite() {
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
            if class.number_type() == NumberType::Unknown {
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
                territory = beginning.territory();
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
        outcome.decided.map(|decided| Ruling::by_list(decided, raw))
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
    use super::{Class, Clock, Direction, Judge, Named, NoTrace, Number, Question, ROW, Rows, judge, text};
    use crate::compile::Compiler;
    use crate::{Index, Query, Region, Verdict, steps};
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

    /// The starter policy with a list of one Slovak mobile number in four, and a prefix.
    static LISTED: LazyLock<Index> = LazyLock::new(|| {
        let mut policy =
            crate::compile::STARTER.replacen("# lists = [\"partners\", \"blacklist\"]", "lists = [\"own\"]", 1);
        // A profile without lists, too, and callers' own list.
        policy.push_str("\n[profiles.none.outbound]\nlists = []\n[profiles.none.inbound]\nlists = [\"own\"]\n");
        policy.push_str("\n[lists.own]\naction = \"block\"\nentries = [\"+37126*\",\n");
        for i in 0..25_000 {
            writeln!(policy, "\"+421905{:06}\",", i * 4).unwrap();
        }
        policy.push_str("]\n");
        let compiled = Compiler::new().compile_str("rows.toml", &policy, Path::new("."));
        Index::from_bytes(compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics)).index).unwrap()
    });

    proptest! {
        /// A row says what one call after the other says, by the code for every processor and by that for this one: clean
        /// numbers, listed and not, nobody's ones and withheld ones among them, and whatever no lane reads; with a list, with
        /// `raw:` entries (no lane then), and with fewer verdicts than texts.
        #[test]
        fn rows_say_what_calls_say(
            texts in prop::collection::vec(
                prop_oneof![
                    4 => "[+]421905[01][0-9]{5}",
                    1 => "[+]371(26|20)[0-9]{6}",
                    1 => "[+]26669668[0-9]",
                    1 => "[+]?[0-9]{1,18}",
                    1 => "0905 ?0[0-9]{2} ?[0-9]{3}",
                    1 => "(00|0|sip:[+])421905[0-9]{6}",
                    1 => "[+]?[ -~]{0,20}",
                ],
                1..=ROW,
            ),
            room in 1..=ROW,
            inbound in any::<bool>(),
            home in prop::option::of(1u8..250),
            profile in 0usize..2,
        ) {
            let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
            let question = Question { profile, direction, home };
            for index in [LazyLock::force(&LISTED), LazyLock::force(&SMALL)] {
                let call = |text: &String| {
                    let mut verdict = Verdict::BLANK;
                    let named = judge(index, question, text.as_bytes(), Clock::system(), NoTrace, &mut verdict);
                    (verdict, (named.list, named.shadow))
                };
                let single: Vec<_> = texts.iter().take(room).map(call).collect();
                let mut rows = Rows::new(index, question);
                for wide in [false, true] {
                    let mut verdicts = [Verdict::BLANK; ROW];
                    let mut order = Vec::new();
                    let done = |text: &[u8], named: Option<Named>, verdict: &Verdict| {
                        // What is counted as passed without a look at it.
                        let passed = Verdict { reason: crate::Reason::Default, number: verdict.number, ..Verdict::BLANK };
                        let Verdict { region, number_type, profile, .. } = *verdict;
                        let passed = Verdict { region, number_type, profile, ..passed };
                        assert!(named.is_some() || *verdict == passed, "{verdict:?}");
                        let named = named.map_or((None, None), |named| (named.list, named.shadow));
                        order.push((text.to_vec(), (*verdict, named)));
                    };
                    if wide {
                        rows.judge(&texts, &mut verdicts[..room], done);
                    } else {
                        rows.judge_any(&texts, &mut verdicts[..room], done);
                    }
                    prop_assert!(verdicts.iter().zip(&single).all(|(verdict, single)| *verdict == single.0));
                    let expected = texts.iter().map(|text| text.as_bytes().to_vec()).zip(single.iter().copied());
                    prop_assert_eq!(order, expected.collect::<Vec<_>>());
                }
            }
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

    /// A number that one list alone has is decided without a look at the others, unless a pattern or prefix covers it: the
    /// profile may name a pattern's list first. The short way did not ask, at first.
    #[test]
    fn a_listed_number_among_patterns_and_prefixes() {
        const LISTS: &str = r#"
[site]
home = "SK"
[lists.number]
action = "block"
entries = ["+33 1 62 12 34 56"]
[lists.pattern]
action = "allow"
entries = ["+33162XXXXXX"]
[lists.watched]
action = "log"
entries = ["+33162123XXX"]
[lists.prefix]
action = "allow"
entries = ["+33162123456*"]
"#;
        let orders = [
            (["number", "pattern", "watched", "prefix"], "number", ""),
            (["prefix", "watched", "number", "pattern"], "number", "watched"),
            (["watched", "prefix", "pattern", "number"], "pattern", "watched"),
            (["pattern", "watched", "number", "prefix"], "pattern", ""),
        ];
        for (order, list, shadow) in orders {
            let policy = format!("{LISTS}[profiles.default.outbound]\nlists = {order:?}\n");
            let compiled = Compiler::new().compile_str("patterns.toml", &policy, Path::new("."));
            let index = Index::from_bytes(compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics)).index).unwrap();
            for text in ["+33162123456", "0033162123456", "+33 1 62 12 34 56"] {
                let verdict = index.screen(text.as_bytes());
                assert_eq!((verdict.list.as_str(), verdict.shadow.as_str()), (list, shadow), "{text} {order:?}");
                let explained = index.explain(&Query::new(), text.as_bytes()).unwrap().verdict;
                assert_eq!(explained, verdict, "{text} {order:?}");
                let mut verdicts = [Verdict::EMPTY];
                index.screen_many(&Query::new(), &[text], &mut verdicts).unwrap();
                assert_eq!(verdicts, [verdict], "{text} {order:?}");
            }
        }
    }

    /// What a short way may not pass over, each in a call of its own: an expired entry, a log list, a list that the
    /// profile does not name, a raw entry, a blocked class, type and country, a default that blocks.
    #[test]
    fn short_ways_judge_as_the_long_way() {
        const RULES: &str = r#"
[site]
home = "SK"
[lists.number]
action = "block"
entries = ["+421905123450", { number = "+421905123451", expires = "2020-01-01" }, { number = "+421905123452", expires = "2099-01-01" }]
[lists.log]
action = "log"
entries = ["+421905123453"]
[lists.partners]
action = "allow"
entries = ["+421905123454", "+421900123456", "+37126123450"]
[lists.unnamed]
action = "block"
entries = ["+421905123455"]
[lists.raw]
action = "block"
entries = ["raw:+421905123456"]
[profiles.default.outbound]
lists = ["number", "log", "partners"]
countries.block = ["LV"]
types.block = ["premium_rate", "satellite"]
[profiles.closed.outbound]
lists = ["number"]
default = "block"
[profiles.abroad.outbound]
countries.allow = ["SK"]
[profiles.open.outbound]
lists = ["raw"]
"#;
        let without_raw = RULES.replace("raw:+421905123456", "+421905123456");
        let mut seen = std::collections::BTreeSet::new();
        for policy in [RULES, &without_raw] {
            let compiled = Compiler::new().compile_str("short.toml", policy, Path::new("."));
            let index = Index::from_bytes(compiled.unwrap_or_else(|r| panic!("{:#?}", r.diagnostics)).index).unwrap();
            let own = (0..10).map(|i| format!("42190512345{i}"));
            let others = ["421900123456", "37126123450", "37126123456", "870773123456", "18005551234", "4915112345678"];
            for number in own.chain(others.map(str::to_owned)) {
                for profile in ["default", "closed", "abroad", "open"] {
                    for text in
                        [format!("+{number}"), format!("00{number}"), format!("00{}-{}", &number[..3], &number[3..])]
                    {
                        let query = Query::new().profile(profile);
                        let question = index.resolve(&query).unwrap();
                        let mut clock = Clock::fixed(1_800_000_000);
                        let mut long = Judge::new(&index, question, &mut clock, NoTrace);
                        let read = text::read(text.as_bytes());
                        let (ruling, judged) = long.every_reading(text.as_bytes(), &read);
                        let (judged, class) = judged.unwrap_or((Number::EMPTY, Class::NOBODY));
                        let mut expected = Verdict { number: judged, ..Verdict::BLANK };
                        long.settle(ruling, class, &mut expected);
                        assert_eq!(index.screen_with(&query, text.as_bytes()).unwrap(), expected, "{text} {profile}");
                        let mut verdicts = [Verdict::EMPTY];
                        index.screen_many(&query, &[&text], &mut verdicts).unwrap();
                        assert_eq!(verdicts, [expected], "{text} {profile}");
                        let by = expected.list.as_str().to_owned() + "/" + expected.shadow.as_str();
                        seen.insert((profile, expected.reason.as_str(), expected.is_blocked(), by));
                    }
                }
            }
        }
        for (profile, reason, blocked, by) in [
            ("default", "list", true, "number/"),
            ("default", "list", false, "partners/"),
            ("default", "default", false, "/log"),
            ("default", "default", false, "/"),
            ("default", "type", true, "/"),
            ("default", "country", true, "/"),
            ("closed", "default", true, "/"),
            ("abroad", "country", true, "/"),
            ("open", "list", true, "raw/"),
        ] {
            assert!(seen.contains(&(profile, reason, blocked, by.to_owned())), "{profile} {reason} {by}: {seen:?}");
        }
    }

    /// A call by a lane has the verdict that it would have without: sites of all kinds, other homes,
    /// profiles' directions, texts plain and not; and the explanation tells the same.
    #[test]
    fn lanes_judge_as_all_readings_do() {
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
