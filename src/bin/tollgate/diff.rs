//! `tollgate diff`: what is different between two indexes.

use crate::output::{self, Format, Out, count, printable, time};
use crate::selection::open_index;
use crate::{FOUND, SUCCESS};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use tollgate::{Index, IndexInfo, ProfileInfo, RulesInfo};

/// Compares two indexes: entries by list, lists, profiles and their rules, site and plan.
///
/// An entry is the same wherever it was written; it is changed where it expires at another time or
/// has another note. Rules are compared as they are after all that a profile extends.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate diff old.tgx new.tgx\n\nExit codes: 0 the same, 1 different, 2 error.")]
pub(crate) struct Args {
    /// The index before.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The index after.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// How many entries of a kind the text shows in a list.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// How to answer; JSON has every entry.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let old = open_index(&args.old)?;
    let new = open_index(&args.new)?;
    let (old_info, new_info) = (old.info(), new.info());
    let difference = Difference::new(&old, &new, &old_info, &new_info);
    let code = if difference.is_none() { SUCCESS } else { FOUND };
    output::print(code, |out| match args.format {
        Format::Json => out.json(&difference.json()),
        Format::Text => difference.write_text(out, args.limit),
    })
}

/// What an entry is and what may change of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    list: u32,
    text: Box<str>,
    expires: Option<i64>,
    note: Box<str>,
}

impl Entry {
    fn key(&self) -> (u32, &str) {
        (self.list, &self.text)
    }
}

/// The differences of one list.
#[derive(Default)]
struct ListDifference {
    added: Vec<Entry>,
    removed: Vec<Entry>,
    /// Before and after.
    changed: Vec<(Entry, Entry)>,
}

/// Names that are in one index only.
struct Names {
    added: Vec<String>,
    removed: Vec<String>,
}

impl Names {
    fn new<'n>(old: impl Iterator<Item = &'n String> + Clone, new: impl Iterator<Item = &'n String> + Clone) -> Names {
        let missing = |from: &mut dyn Iterator<Item = &'n String>, other: std::collections::HashSet<&'n String>| {
            from.filter(|name| !other.contains(name)).cloned().collect()
        };
        Names {
            added: missing(&mut new.clone(), old.clone().collect()),
            removed: missing(&mut old.clone(), new.clone().collect()),
        }
    }
}

/// One rule of a profile and direction that is another one now.
struct RuleChange {
    profile: String,
    direction: &'static str,
    rule: &'static str,
    values: Values,
}

/// What a rule was and is.
enum Values {
    /// A set of types or countries.
    Sets(Names),
    /// Lists in their order.
    Lists(Vec<String>, Vec<String>),
    /// A plain answer.
    Plain(&'static str, &'static str),
}

/// The rules that are different in profiles that both indexes have.
fn rule_changes(old: &[ProfileInfo], new: &[ProfileInfo]) -> Vec<RuleChange> {
    let new: HashMap<&str, &ProfileInfo> = new.iter().map(|profile| (&*profile.name, profile)).collect();
    let mut changes = Vec::new();
    for before in old {
        let Some(after) = new.get(&*before.name) else { continue };
        let directions =
            [("outbound", &before.outbound, &after.outbound), ("inbound", &before.inbound, &after.inbound)];
        for (direction, before_rules, after_rules) in directions {
            if before_rules != after_rules {
                let profile = &before.name;
                changes.extend(changed_rules(before_rules, after_rules).into_iter().map(|(rule, values)| RuleChange {
                    profile: profile.clone(),
                    direction,
                    rule,
                    values,
                }));
            }
        }
    }
    changes
}

fn changed_rules(old: &RulesInfo, new: &RulesInfo) -> Vec<(&'static str, Values)> {
    let mut found = Vec::new();
    if old.lists != new.lists {
        found.push(("lists", Values::Lists(old.lists.clone(), new.lists.clone())));
    }
    for (rule, old, new) in [
        ("blocked types", &old.blocked_types, &new.blocked_types),
        ("blocked countries", &old.blocked_countries, &new.blocked_countries),
    ] {
        if old != new {
            found.push((rule, Values::Sets(Names::new(old.iter(), new.iter()))));
        }
    }
    let unknown = |rules: &RulesInfo| if rules.unknown_region_blocked { "block" } else { "allow" };
    for (rule, old, new) in [
        ("unknown region", unknown(old), unknown(new)),
        ("anonymous", old.anonymous.as_str(), new.anonymous.as_str()),
        ("internal", old.internal.as_str(), new.internal.as_str()),
        ("short", old.short.as_str(), new.short.as_str()),
        ("invalid", old.invalid.as_str(), new.invalid.as_str()),
        ("unassigned", old.unassigned.as_str(), new.unassigned.as_str()),
        ("default", old.default.as_str(), new.default.as_str()),
    ] {
        if old != new {
            found.push((rule, Values::Plain(old, new)));
        }
    }
    found
}

impl RuleChange {
    fn json(&self) -> Value {
        let [(first, before), (second, after)] = match &self.values {
            Values::Sets(names) => [("added", json!(names.added)), ("removed", json!(names.removed))],
            Values::Lists(old, new) => [("old", json!(old)), ("new", json!(new))],
            Values::Plain(old, new) => [("old", json!(old)), ("new", json!(new))],
        };
        let rule = self.rule.replace(' ', "_");
        json!({
            "profile": self.profile, "direction": self.direction, "rule": rule, first: before, second: after,
        })
    }

    fn write_text(&self, out: &mut Out, limit: usize) -> io::Result<()> {
        let head = format!("profile {}, {}: {}", self.profile, self.direction, self.rule);
        let named = |lists: &[String]| if lists.is_empty() { "none".to_owned() } else { lists.join(", ") };
        match &self.values {
            Values::Sets(names) => {
                writeln!(out, "{}", printable(&head))?;
                section(out, '+', &names.added, limit, Clone::clone)?;
                section(out, '-', &names.removed, limit, Clone::clone)
            }
            Values::Lists(old, new) => {
                writeln!(out, "{}", printable(&format!("{head}: {} is now {}", named(old), named(new))))
            }
            Values::Plain(old, new) => writeln!(out, "{}", printable(&format!("{head}: {old} is now {new}"))),
        }
    }
}

struct Difference {
    /// What, before, after.
    facts: Vec<(&'static str, String, String)>,
    lists: Names,
    profiles: Names,
    rules: Vec<RuleChange>,
    /// Lists whose action is another one: name, before, after.
    actions: Vec<(String, &'static str, &'static str)>,
    entries: BTreeMap<String, ListDifference>,
}

impl Difference {
    fn new(old: &Index, new: &Index, old_info: &IndexInfo, new_info: &IndexInfo) -> Difference {
        let facts = [
            ("policy", old_info.policy.clone(), new_info.policy.clone()),
            ("plan", old_info.metadata_version.clone(), new_info.metadata_version.clone()),
            ("site", site(old_info), site(new_info)),
        ];
        let mut names: Vec<&String> = old_info.lists.iter().chain(&new_info.lists).map(|list| &list.name).collect();
        names.sort_unstable();
        names.dedup();
        let mut entries: BTreeMap<String, ListDifference> = BTreeMap::new();
        merge(sorted(old, &names), sorted(new, &names), |before, after| {
            let Some(list) = before.as_ref().or(after.as_ref()).and_then(|e| names.get(e.list as usize)) else {
                return;
            };
            let list = entries.entry((*list).clone()).or_default();
            match (before, after) {
                (Some(before), Some(after)) => list.changed.push((before, after)),
                (Some(before), None) => list.removed.push(before),
                (None, Some(after)) => list.added.push(after),
                (None, None) => {}
            }
        });
        let actions = old_info.lists.iter().filter_map(|old| {
            let new = new_info.lists.iter().find(|new| new.name == old.name && new.action != old.action)?;
            Some((old.name.clone(), old.action.as_str(), new.action.as_str()))
        });
        Difference {
            facts: facts.into_iter().filter(|(_, old, new)| old != new).collect(),
            lists: Names::new(
                old_info.lists.iter().map(|list| &list.name),
                new_info.lists.iter().map(|list| &list.name),
            ),
            profiles: Names::new(old_info.profiles.iter(), new_info.profiles.iter()),
            rules: rule_changes(&old.profiles(), &new.profiles()),
            actions: actions.collect(),
            entries,
        }
    }

    fn is_none(&self) -> bool {
        let names = [&self.lists, &self.profiles];
        self.facts.is_empty()
            && self.rules.is_empty()
            && self.actions.is_empty()
            && self.entries.is_empty()
            && names.iter().all(|names| names.added.is_empty() && names.removed.is_empty())
    }

    fn json(&self) -> Value {
        let fact = |name| {
            let found = self.facts.iter().find(|(fact, ..)| *fact == name);
            found.map(|(_, old, new)| json!({ "old": old, "new": new }))
        };
        let names = |names: &Names| json!({ "added": names.added, "removed": names.removed });
        let entries = self.entries.iter().map(|(list, d)| {
            json!({
                "list": list,
                "added": d.added.iter().map(entry_json).collect::<Vec<_>>(),
                "removed": d.removed.iter().map(entry_json).collect::<Vec<_>>(),
                "changed": d.changed.iter()
                    .map(|(old, new)| json!({ "entry": old.text, "old": entry_json(old), "new": entry_json(new) }))
                    .collect::<Vec<_>>(),
            })
        });
        json!({
            "same": self.is_none(),
            "policy": fact("policy"),
            "plan": fact("plan"),
            "site": fact("site"),
            "lists": names(&self.lists),
            "profiles": names(&self.profiles),
            "rules": self.rules.iter().map(RuleChange::json).collect::<Vec<_>>(),
            "actions": self.actions.iter()
                .map(|(list, old, new)| json!({ "list": list, "old": old, "new": new }))
                .collect::<Vec<_>>(),
            "entries": entries.collect::<Vec<_>>(),
        })
    }

    fn write_text(&self, out: &mut Out, limit: usize) -> io::Result<()> {
        if self.is_none() {
            return writeln!(out, "no difference");
        }
        for (name, old, new) in &self.facts {
            writeln!(out, "{name}: {} is now {}", printable(old), printable(new))?;
        }
        for (what, names) in [("list", &self.lists), ("profile", &self.profiles)] {
            let added: Vec<String> = names.added.iter().map(|name| format!("{what} {name}")).collect();
            let removed: Vec<String> = names.removed.iter().map(|name| format!("{what} {name}")).collect();
            section(out, '+', &added, limit, Clone::clone)?;
            section(out, '-', &removed, limit, Clone::clone)?;
        }
        for change in &self.rules {
            change.write_text(out, limit)?;
        }
        for (list, old, new) in &self.actions {
            writeln!(out, "list {list}: {old} is now {new}")?;
        }
        for (list, d) in &self.entries {
            let head = format!(
                "list {list}: {} added, {} removed, {} changed",
                d.added.len(),
                d.removed.len(),
                d.changed.len()
            );
            writeln!(out, "{}", out.paint(output::HEAD, head))?;
            section(out, '+', &d.added, limit, entry_text)?;
            section(out, '-', &d.removed, limit, entry_text)?;
            section(out, '~', &d.changed, limit, |(old, new)| {
                format!("{} is now {}", entry_text(old), entry_details(new))
            })?;
        }
        Ok(())
    }
}

/// At most `limit` lines of one kind, and how many more there are.
fn section<T>(out: &mut Out, sign: char, items: &[T], limit: usize, text: impl Fn(&T) -> String) -> io::Result<()> {
    let style = match sign {
        '+' => output::GOOD,
        '-' => output::BAD,
        _ => output::NOTE,
    };
    for item in items.iter().take(limit) {
        writeln!(out, "  {} {}", out.paint(style, sign), printable(&text(item)))?;
    }
    match items.len().saturating_sub(limit) {
        0 => Ok(()),
        n => writeln!(
            out,
            "  {} and {} (--limit shows more)",
            out.paint(style, sign),
            count(n as u64, "other", "others")
        ),
    }
}

fn entry_text(entry: &Entry) -> String {
    match (&entry.expires, &*entry.note) {
        (None, "") => entry.text.to_string(),
        _ => format!("{} ({})", entry.text, entry_details(entry)),
    }
}

fn entry_details(entry: &Entry) -> String {
    let until = entry.expires.map_or_else(|| "for ever".to_owned(), |expires| format!("until {}", time(expires)));
    if entry.note.is_empty() { until } else { format!("{until}; {}", entry.note) }
}

fn entry_json(entry: &Entry) -> Value {
    let note = (!entry.note.is_empty()).then_some(&*entry.note);
    json!({ "entry": entry.text, "expires": entry.expires.map(time), "note": note })
}

/// How a site dials, as a line.
fn site(info: &IndexInfo) -> String {
    let mut text = format!("home {}", info.home);
    if let Some(digit) = info.outside_line {
        text = format!("{text}, outside line {digit}");
    }
    if !info.extensions.is_empty() {
        text = format!("{text}, extensions {:?}", info.extensions);
    }
    if !info.international_prefixes.is_empty() {
        text = format!("{text}, international prefixes {:?}", info.international_prefixes);
    }
    text
}

/// An index's entries in order; lists are numbered by their place in `names`.
fn sorted(index: &Index, names: &[&String]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(usize::try_from(index.entries()).unwrap_or_default());
    index.list_entries(|e| {
        if let Ok(list) = names.binary_search(&&e.list) {
            let (text, note) = (e.entry.into_boxed_str(), e.note.into_boxed_str());
            entries.push(Entry { list: list as u32, text, expires: e.expires, note });
        }
    });
    entries.sort_unstable();
    // Written twice is the same as written once.
    entries.dedup();
    entries
}

/// Tells of every entry that is in one of the two only, or changed.
fn merge(old: Vec<Entry>, new: Vec<Entry>, mut tell: impl FnMut(Option<Entry>, Option<Entry>)) {
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.key().cmp(&after.key()),
        };
        match order {
            Ordering::Less => tell(old.next(), None),
            Ordering::Greater => tell(None, new.next()),
            Ordering::Equal => {
                let (before, after) = (old.next(), new.next());
                if before != after {
                    tell(before, after);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(list: u32, text: &str, expires: Option<i64>) -> Entry {
        Entry { list, text: text.into(), expires, note: "".into() }
    }

    #[test]
    fn a_merge_tells_what_is_in_one_only_and_what_changed() {
        let old = vec![entry(0, "+1", None), entry(0, "+3", None), entry(1, "+1", Some(5))];
        let new = vec![entry(0, "+2", None), entry(0, "+3", None), entry(1, "+1", Some(6)), entry(1, "+9", None)];
        let mut told = Vec::new();
        merge(old, new, |before, after| told.push((before.map(|e| e.text), after.map(|e| e.text))));
        let text = |t: &str| Some(Box::<str>::from(t));
        assert_eq!(told, [(text("+1"), None), (None, text("+2")), (text("+1"), text("+1")), (None, text("+9"))]);
    }
}
