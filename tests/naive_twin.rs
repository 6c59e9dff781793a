//! Every verdict equals a naive twin's.
//!
//! The twin is a slow, plainly written model of DESIGN's "Precedence, in one breath": it keeps the
//! policy as plain data and asks each rule in turn, with string comparisons. It shares with the
//! library only the numbering plan's answers (region, type, reading), which have oracles of their
//! own. Random policies go through their whole life: TOML text, compiler, index bytes, screening.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used)] // in what the tests share, as in tests

use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use tollgate::compile::{Compiler, plan::BUILT_IN};
use tollgate::{
    Action, Dialling, Direction, Index, Number, NumberType, NumberingPlan, Query, Reason, Region, Rule, Verdict,
};

static PLAN: LazyLock<NumberingPlan> = LazyLock::new(|| NumberingPlan::from_bytes(BUILT_IN).unwrap());

/// The time of every judgement; entries expire before or after it.
const NOW: i64 = 1_800_000_000;
const PAST: &str = "2020-01-01";
const FUTURE: &str = "2100-01-01";

const REGIONS: [&str; 9] = ["SK", "LV", "US", "CA", "DE", "GB", "JM", "CU", "001"];
const TYPES: [&str; 8] =
    ["premium_rate", "shared_cost", "toll_free", "mobile", "fixed_line", "fixed_line_or_mobile", "voip", "satellite"];

/// Numbers that lie close together, so that entries cover each other and calls.
const NUMBERS: [&str; 20] = [
    "37126123456",
    "37126123457",
    "3712612345678",
    "37190000000",
    "371900000001",
    "421905123456",
    "421900123456",
    "4219001234567",
    "421232123456",
    "4930901820",
    "4930901821",
    "493090182012345",
    "4990012345678",
    "12125550123",
    "18765551234",
    "15550001111",
    "19005551234",
    "870773111632",
    "881612345678",
    "8837777",
];

const TEXTS: [&str; 16] = [
    "anonymous",
    "",
    "112",
    "1121",
    "158",
    "116117",
    "1181",
    "100",
    "1000",
    "1001",
    "call me",
    "00371-2612-3456",
    "0905123456",
    "0900 123 456",
    "+421 (0)905 123 456",
    "sip:+37126123456@pbx",
];

#[derive(Debug, Clone)]
enum Form {
    Whole(String),
    Prefix(String),
    Pattern(String),
    RawWhole(String),
    RawPrefix(String),
}

#[derive(Debug, Clone)]
struct Entry {
    form: Form,
    /// Some(false): expired; Some(true): will expire.
    expires: Option<bool>,
}

#[derive(Debug, Clone)]
struct List {
    action: &'static str,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
enum Choice {
    Any,
    Block(Vec<&'static str>),
    Allow(Vec<&'static str>),
}

#[derive(Debug, Clone)]
struct Rules {
    lists: Vec<usize>,
    countries: Choice,
    types: Choice,
    /// anonymous, internal, short, invalid, unassigned, default: true blocks.
    decisions: [bool; 6],
}

const DECISIONS: [&str; 6] = ["anonymous", "internal", "short", "invalid", "unassigned", "default"];

#[derive(Debug, Clone)]
struct Policy {
    extensions: Vec<usize>,
    lists: Vec<List>,
    profiles: Vec<Rules>,
}

// --- the twin ---------------------------------------------------------------------------------

#[derive(Debug, PartialEq)]
struct Answer {
    action: Action,
    reason: Reason,
    rule: Rule,
    list: String,
    shadow: String,
    matched: usize,
    number: String,
}

impl From<&Verdict> for Answer {
    fn from(v: &Verdict) -> Answer {
        Answer {
            action: v.action,
            reason: v.reason,
            rule: v.rule,
            list: v.list.to_string(),
            shadow: v.shadow.to_string(),
            matched: v.matched as usize,
            number: v.number.to_string(),
        }
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len() && pattern.chars().zip(text.chars()).all(|(p, t)| p == t || p == 'X')
}

/// How much of `subject` the entry covers, and whether it is the whole.
fn covers(form: &Form, subject: &str, raw: bool) -> Option<(usize, bool)> {
    match form {
        Form::Whole(e) if !raw && subject.starts_with(e) => Some((e.len(), true)),
        Form::Pattern(e) if !raw && subject.get(..e.len()).is_some_and(|head| fits(e, head)) => Some((e.len(), true)),
        Form::Prefix(e) if !raw && subject.starts_with(e) => Some((e.len(), false)),
        Form::RawWhole(e) if raw && subject == e => Some((e.len(), true)),
        Form::RawPrefix(e) if raw && subject.starts_with(e) => Some((e.len(), false)),
        _ => None,
    }
}

struct ListAnswer {
    /// list, covered, whole
    decided: Option<(usize, usize, bool)>,
    shadow: Option<usize>,
}

fn ask_lists(policy: &Policy, rules: &Rules, subject: &str, raw: bool, unassigned: bool) -> ListAnswer {
    // (covered, not whole, rank, list): sorted so that the winner is first.
    let mut claims = Vec::new();
    for (rank, &l) in rules.lists.iter().enumerate() {
        for entry in &policy.lists[l].entries {
            if entry.expires == Some(false) {
                continue;
            }
            let Some((covered, whole)) = covers(&entry.form, subject, raw) else { continue };
            if whole && covered < subject.len() && !(unassigned && policy.lists[l].action != "allow") {
                continue;
            }
            claims.push((std::cmp::Reverse(covered), !whole, rank, l));
        }
    }
    claims.sort();
    let mut answer = ListAnswer { decided: None, shadow: None };
    for (covered, prefix, _, l) in claims {
        if policy.lists[l].action == "log" {
            answer.shadow = answer.shadow.or(Some(l));
        } else {
            answer.decided = Some((l, covered.0, !prefix));
            break;
        }
    }
    answer
}

fn blocked_type(rules: &Rules, number: &str) -> Option<Rule> {
    let (_, t) = PLAN.classify(&Number::from_digits(number.as_bytes()).unwrap());
    let satellite = number.starts_with("870") || number.starts_with("881");
    let blocks = |name: &str| match &rules.types {
        Choice::Any => false,
        Choice::Block(names) => names.contains(&name),
        Choice::Allow(names) => !names.contains(&name),
    };
    if t != NumberType::Unknown && blocks(t.as_str()) {
        Some(Rule::Type(t))
    } else if satellite && blocks("satellite") {
        Some(Rule::Satellite)
    } else {
        None
    }
}

fn answer_of(answer: &Answer) -> Answer {
    Answer { list: answer.list.clone(), shadow: answer.shadow.clone(), number: answer.number.clone(), ..*answer }
}

fn twin(policy: &Policy, profile: usize, text: &str) -> Answer {
    let rules = &policy.profiles[profile];
    let home = Region::new("SK").unwrap();
    let trimmed = text.trim();
    let mut answer = Answer {
        action: Action::Allow,
        reason: Reason::Emergency,
        rule: Rule::None,
        list: String::new(),
        shadow: String::new(),
        matched: 0,
        number: String::new(),
    };
    let name = |l: usize| format!("list{l}");
    let dialling = PLAN.dial(home, text);
    if dialling == Dialling::Emergency {
        return answer;
    }
    let mut local = None;
    if trimmed.len() < 16 && trimmed.bytes().all(|b| b.is_ascii_digit()) && policy.extensions.contains(&trimmed.len()) {
        local = Some((Reason::Internal, 1));
    } else if dialling == Dialling::Short {
        local = Some((Reason::Short, 2));
    }
    if let Dialling::Number(number) = dialling
        && local.is_none()
    {
        answer.number = number.to_string();
    }
    let settle = |answer: &mut Answer, lists: ListAnswer, raw: bool| {
        if answer.shadow.is_empty() {
            answer.shadow = lists.shadow.map_or_else(String::new, name);
        }
        let Some((l, covered, whole)) = lists.decided else { return false };
        answer.action = if policy.lists[l].action == "allow" { Action::Allow } else { Action::Block };
        answer.reason = Reason::List;
        answer.rule = match (raw, whole) {
            (true, _) => Rule::Raw,
            (false, true) => Rule::Whole,
            (false, false) => Rule::Prefix,
        };
        answer.list = name(l);
        answer.matched = covered;
        true
    };
    if settle(&mut answer, ask_lists(policy, rules, trimmed, true, false), true) {
        return answer;
    }
    let decision = |answer: &mut Answer, reason: Reason, which: usize| {
        answer.reason = reason;
        answer.action = if rules.decisions[which] { Action::Block } else { Action::Allow };
    };
    if let Some((reason, which)) = local {
        // No entry of these policies names a short or internal number; see tests/precedence.rs.
        decision(&mut answer, reason, which);
        return answer;
    }
    let number = match dialling {
        Dialling::Number(number) => number,
        Dialling::Withheld => {
            decision(&mut answer, Reason::Anonymous, 0);
            return answer;
        }
        _ => {
            decision(&mut answer, Reason::Invalid, 3);
            return answer;
        }
    };
    let digits = number.as_str();
    let (region, number_type) = PLAN.classify(&number);
    let unassigned = number_type == NumberType::Unknown;
    if settle(&mut answer, ask_lists(policy, rules, digits, false, unassigned), false) {
        return answer;
    }
    // An exchange takes a national prefix off that stands in a number nobody has.
    let prefix = [("421", "0"), ("49", "0"), ("44", "0"), ("1", "1")].iter().find(|(code, _)| digits.starts_with(code));
    let other = prefix.filter(|_| unassigned).and_then(|(code, prefix)| {
        Some(format!("{code}{}", digits[code.len()..].strip_prefix(prefix).filter(|rest| !rest.is_empty())?))
    });
    if let Some(other) = &other {
        let mut blocked = answer_of(&answer);
        if settle(&mut blocked, ask_lists(policy, rules, other, false, true), false) && blocked.action == Action::Block
        {
            return blocked;
        }
        answer.shadow = blocked.shadow;
    }
    let type_rule = if unassigned {
        let over = |digits: &str| {
            let assigned = |n: &usize| {
                PLAN.classify(&Number::from_digits(&digits.as_bytes()[..*n]).unwrap()).1 != NumberType::Unknown
            };
            let beginnings = (1..digits.len()).rev().filter(assigned);
            beginnings.filter_map(|n| Some((blocked_type(rules, &digits[..n])?, n))).next()
        };
        let over = over(digits).or_else(|| over(other.as_ref()?));
        over.or_else(|| Some((blocked_type(rules, digits)?, digits.len())))
    } else {
        blocked_type(rules, digits).map(|rule| (rule, digits.len()))
    };
    if let Some((rule, matched)) = type_rule {
        answer.action = Action::Block;
        answer.reason = Reason::Type;
        answer.rule = rule;
        answer.matched = matched;
        return answer;
    }
    if unassigned && rules.decisions[4] {
        answer.action = Action::Block;
        answer.reason = Reason::Unassigned;
        return answer;
    }
    let code = ["1", "421", "371", "49", "44", "53", "870", "881", "883"].iter().find(|c| digits.starts_with(**c));
    // Where several regions share the code and nobody has the number: whose it is without the digits
    // that are too many.
    let region = if region.is_none() {
        let classes =
            (1..digits.len()).rev().map(|n| PLAN.classify(&Number::from_digits(&digits.as_bytes()[..n]).unwrap()));
        classes.into_iter().find(|(_, t)| *t != NumberType::Unknown).map_or(region, |(region, _)| region)
    } else {
        region
    };
    let blocked = match &rules.countries {
        Choice::Any => false,
        Choice::Allow(names) => !names.contains(&region.as_str()),
        // None of the policies blocks every region of North America's +1.
        Choice::Block(names) => names.contains(&region.as_str()),
    };
    if blocked {
        answer.action = Action::Block;
        answer.reason = Reason::Country;
        answer.rule = Rule::Country(region);
        answer.matched = code.map_or(0, |c| c.len());
        return answer;
    }
    decision(&mut answer, Reason::Default, 5);
    answer
}

// --- policies as text -------------------------------------------------------------------------

fn toml(policy: &Policy) -> String {
    let mut out = String::from("[policy]\nname = \"random\"\n[site]\nhome = \"SK\"\n");
    writeln!(out, "extensions = {:?}", policy.extensions).unwrap();
    for (i, list) in policy.lists.iter().enumerate() {
        writeln!(out, "[lists.list{i}]\naction = \"{}\"\nentries = [", list.action).unwrap();
        for entry in &list.entries {
            let text = match &entry.form {
                Form::Whole(e) => format!("+{e}"),
                Form::Prefix(e) => format!("+{e}*"),
                Form::Pattern(e) => format!("+{e}"),
                Form::RawWhole(e) => format!("raw:{e}"),
                Form::RawPrefix(e) => format!("raw:{e}*"),
            };
            match entry.expires {
                None => writeln!(out, "  {text:?},").unwrap(),
                Some(live) => {
                    let expires = if live { FUTURE } else { PAST };
                    writeln!(out, "  {{ number = {text:?}, expires = {expires:?} }},").unwrap();
                }
            }
        }
        out.push_str("]\n");
    }
    for (i, rules) in policy.profiles.iter().enumerate() {
        let name = if i == 0 { "default".to_owned() } else { format!("tenant-{i}") };
        writeln!(out, "[profiles.{name}.outbound]").unwrap();
        let lists: Vec<String> = rules.lists.iter().map(|l| format!("list{l}")).collect();
        writeln!(out, "lists = {lists:?}").unwrap();
        for (key, choice) in [("countries", &rules.countries), ("types", &rules.types)] {
            match choice {
                Choice::Any => {}
                Choice::Block(names) => writeln!(out, "{key}.block = {names:?}").unwrap(),
                Choice::Allow(names) => writeln!(out, "{key}.allow = {names:?}").unwrap(),
            }
        }
        for (key, blocks) in DECISIONS.iter().zip(rules.decisions) {
            writeln!(out, "{key} = \"{}\"", if blocks { "block" } else { "allow" }).unwrap();
        }
    }
    out
}

// --- random policies --------------------------------------------------------------------------

fn form() -> impl Strategy<Value = Form> {
    let number = prop::sample::select(&NUMBERS[..]).prop_map(str::to_owned);
    let cut = (prop::sample::select(&NUMBERS[..]), 1usize..10).prop_map(|(n, k)| n[..k.min(n.len())].to_owned());
    let pattern = (prop::sample::select(&NUMBERS[..]), prop::collection::vec(0usize..14, 1..4)).prop_map(|(n, at)| {
        let mut digits: Vec<u8> = n.bytes().collect();
        for i in at {
            if i > 1 && i < digits.len() {
                digits[i] = b'X';
            }
        }
        String::from_utf8(digits).unwrap()
    });
    // Raw texts that no emergency number begins with or is: those are refused by the compiler.
    let raw = prop::sample::select(&["00371", "0037", "09", "0905123456", "+421", "+3712", "anon", "sip:", "call"][..])
        .prop_map(str::to_owned);
    prop_oneof![
        4 => number.clone().prop_map(Form::Whole),
        4 => cut.prop_map(Form::Prefix),
        2 => pattern.prop_map(|p| if p.contains('X') { Form::Pattern(p) } else { Form::Whole(p) }),
        1 => raw.clone().prop_map(Form::RawWhole),
        1 => raw.prop_map(Form::RawPrefix),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (form(), prop_oneof![6 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))])
        .prop_map(|(form, expires)| Entry { form, expires })
}

fn list() -> impl Strategy<Value = List> {
    (prop::sample::select(&["allow", "block", "log"][..]), prop::collection::vec(entry(), 0..12))
        .prop_map(|(action, entries)| List { action, entries })
}

fn choice(names: &'static [&'static str]) -> impl Strategy<Value = Choice> {
    let some = prop::sample::subsequence(names, 1..names.len());
    prop_oneof![
        2 => Just(Choice::Any),
        2 => some.clone().prop_map(Choice::Block),
        1 => some.prop_map(Choice::Allow),
    ]
}

fn rules(lists: usize) -> impl Strategy<Value = Rules> {
    let order = Just((0..lists).collect::<Vec<usize>>()).prop_shuffle();
    (order, 0..=lists, choice(&REGIONS), choice(&TYPES), any::<[bool; 6]>()).prop_map(
        |(mut lists, keep, countries, types, decisions)| {
            lists.truncate(keep);
            Rules { lists, countries, types, decisions }
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    prop::collection::vec(list(), 0..12).prop_flat_map(|lists| {
        let profiles = prop::collection::vec(rules(lists.len()), 1..4);
        let extensions = prop::sample::subsequence(vec![3usize, 4], 0..=2);
        (Just(lists), profiles, extensions).prop_map(|(lists, profiles, extensions)| Policy {
            lists,
            profiles,
            extensions,
        })
    })
}

fn call() -> impl Strategy<Value = String> {
    let number = prop::sample::select(&NUMBERS[..]);
    prop_oneof![
        4 => number.clone().prop_map(|n| format!("+{n}")),
        2 => number.clone().prop_map(|n| format!("00{n}")),
        2 => (number.clone(), 0usize..1000).prop_map(|(n, extra)| format!("+{n}{extra}")),
        1 => (number.clone(), 2usize..14).prop_map(|(n, k)| format!("+{}", &n[..k.min(n.len())])),
        2 => (number, 3usize..14, 0u8..10).prop_map(|(n, at, digit)| {
            let mut digits = n.as_bytes().to_vec();
            let at = at.min(digits.len() - 1);
            digits[at] = b'0' + digit;
            format!("+{}", String::from_utf8(digits).unwrap())
        }),
        2 => prop::sample::select(&TEXTS[..]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_verdict_equals_the_twins(policy in policy(), calls in prop::collection::vec(call(), 40)) {
        let text = toml(&policy);
        let compiled = Compiler::new().compile_str("random.toml", &text, Path::new("."));
        let compiled = compiled.map_err(|r| TestCaseError::fail(format!("{text}\n{:#?}", r.diagnostics)))?;
        let index = Index::from_bytes(compiled.index).unwrap();
        for profile in 0..policy.profiles.len() {
            let name = if profile == 0 { "default".to_owned() } else { format!("tenant-{profile}") };
            let query = Query::new().profile(&name).direction(Direction::Outbound);
            for call in &calls {
                let seen = index.screen_at(&query, call.as_bytes(), NOW).unwrap();
                let expected = twin(&policy, profile, call);
                prop_assert_eq!(Answer::from(&seen), expected, "{} in profile {}\n{}", call, name, text);
            }
        }
    }
}
