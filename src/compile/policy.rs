//! The policy file: TOML text to a [`Policy`], every fault with its place.
//!
//! The tree is walked by hand rather than deserialised, because a deserialiser stops at the first
//! fault and knows no places: somebody who writes a policy wants to see all that is wrong with it
//! at once. The parser recovers from syntax errors, and the walk goes on behind them; what it then
//! finds on the very lines that could not be parsed, or misses, is not reported, since it is most
//! likely an echo of the syntax error.

use crate::compile::diagnostic::{Diagnostic, Report, SourceText};
use crate::compile::files::expiry;
use crate::compile::model::{Countries, Decision, ListAction, Profile, RuleSet, Site, Types};
use crate::number::{MAX_NAME_LEN, Name, NumberType, Region};
use crate::verdict::Action;
use std::collections::HashMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The profile that is asked where the caller names none.
pub(crate) const DEFAULT_PROFILE: &str = "default";
/// The name of the satellite class among the types.
const SATELLITE: &str = "satellite";
/// No exchange has a longer one; this only bounds what the index must hold.
const MAX_INTERNATIONAL_PREFIX: usize = 15;

/// What the policy file says, its entries and list files not read yet.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) site: Site,
    /// In the order of the file.
    pub(crate) lists: Vec<ListDecl>,
    /// Resolved; `default` first.
    pub(crate) profiles: Vec<Profile>,
    /// Every allow-list of countries as written, for lint.
    pub(crate) country_allow_lists: Vec<(Range<usize>, Vec<Region>)>,
    /// Whether the policy has a profile `default` of its own.
    pub(crate) has_default: bool,
}

/// A list as declared.
#[derive(Debug)]
pub(crate) struct ListDecl {
    pub(crate) name: String,
    /// Of the name.
    pub(crate) span: Range<usize>,
    pub(crate) action: ListAction,
    pub(crate) files: Vec<(String, Range<usize>)>,
    pub(crate) entries: Vec<InlineEntry>,
}

/// An entry that stands in the policy itself.
#[derive(Debug)]
pub(crate) struct InlineEntry {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
    pub(crate) expires: Option<i64>,
    pub(crate) note: Option<Box<str>>,
}

/// What the walk must know of the world.
pub(crate) struct Known<'k> {
    /// Whether the numbering plan has the region.
    pub(crate) region: &'k dyn Fn(Region) -> bool,
    /// Overrides the policy's home region, which may then be missing.
    pub(crate) home: Option<Region>,
}

/// Reads a policy. All faults go to `report`; where there are any, the result is only good for
/// finding more of them.
pub(crate) fn parse(source: &SourceText<'_>, text: &str, known: &Known<'_>, report: &mut Report) -> Policy {
    let (mut root, errors) = DeTable::parse_recoverable(text);
    let mut broken_lines: Vec<u32> = Vec::new();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let place = source.place(span.clone());
        // One mistake often makes the parser stumble several times on its line, and a table that is
        // there twice, on every key in it.
        if broken_lines.contains(&place.line)
            || header_above(text, span.start).is_some_and(|at| broken_lines.contains(&source.line(at)))
        {
            continue;
        }
        broken_lines.push(place.line);
        let diagnostic = if error.message().starts_with("duplicate key") {
            let name = text.get(span).unwrap_or_default().trim();
            Diagnostic::error("duplicate-name", format!("the name `{name}` is there twice"))
                .label("again here")
                .help("rename one of the two, or make one of them")
        } else {
            Diagnostic::error("syntax", error.message().replace('\n', "; ")).label("here")
        };
        report.push(diagnostic.at(place));
    }
    // What follows a broken line is lost to the parser. So it reads once more, with those lines
    // blanked out; not where one of them begins a table, since its keys would fall to the table
    // before.
    let mut mended = text.to_owned();
    if !errors.is_empty() {
        let mut at = 0;
        let mut headers = false;
        for (i, line) in text.split_inclusive('\n').enumerate() {
            if broken_lines.contains(&(i as u32 + 1)) {
                headers |= line.trim_start().starts_with('[');
                let blank = line.trim_end_matches(['\r', '\n']).len();
                mended.replace_range(at..at + blank, &" ".repeat(blank));
            }
            at += line.len();
        }
        if !headers {
            let (again, errors) = DeTable::parse_recoverable(&mended);
            broken_lines.extend(errors.iter().map(|e| source.line(e.span().map_or(0, |span| span.start))));
            root = again;
        }
    }
    let mut walk = Walk { source, known, report, broken_lines, lists: HashMap::new(), country_allow_lists: Vec::new() };
    walk.policy(root.get_ref())
}

/// Where the table header begins that the byte at `at` stands under.
fn header_above(text: &str, at: usize) -> Option<usize> {
    let above = text.get(..at)?;
    let line = above.rfind('\n')?;
    let above = &above[..line + 1];
    if above.starts_with('[') && !above.contains("\n[") { Some(0) } else { above.rfind("\n[").map(|at| at + 1) }
}

type Item<'i> = Spanned<DeValue<'i>>;
type Table<'i> = DeTable<'i>;

struct Walk<'w, 't> {
    source: &'w SourceText<'t>,
    known: &'w Known<'w>,
    report: &'w mut Report,
    broken_lines: Vec<u32>,
    /// Every list that is declared, by name.
    lists: HashMap<String, u32>,
    country_allow_lists: Vec<(Range<usize>, Vec<Region>)>,
}

/// A rule set as written: what it does not name comes from the profile it extends.
#[derive(Debug, Default, Clone)]
struct Partial {
    lists: Option<Vec<u32>>,
    types: Option<Types>,
    countries: Option<Countries>,
    decisions: [Option<Decision>; DECISIONS.len()],
}

const DECISIONS: [&str; 6] = ["anonymous", "internal", "short", "invalid", "unassigned", "default"];
const RULE_KEYS: [&str; 9] =
    ["lists", "countries", "types", "anonymous", "internal", "short", "invalid", "unassigned", "default"];

impl Partial {
    fn over(self, parent: &RuleSet) -> RuleSet {
        let [anonymous, internal, short, invalid, unassigned, default] = self.decisions;
        RuleSet {
            lists: self.lists.unwrap_or_else(|| parent.lists.clone()),
            types: self.types.unwrap_or(parent.types),
            countries: self.countries.unwrap_or_else(|| parent.countries.clone()),
            anonymous: anonymous.unwrap_or(parent.anonymous),
            internal: internal.unwrap_or(parent.internal),
            short: short.unwrap_or(parent.short),
            invalid: invalid.unwrap_or(parent.invalid),
            unassigned: unassigned.unwrap_or(parent.unassigned),
            default: default.unwrap_or(parent.default),
        }
    }
}

/// What a profile says that says nothing: inbound open; outbound closed for what cannot be read as
/// a number (a withheld "number" is such) and for what the plan assigns to nobody.
pub(crate) fn default_profile() -> Profile {
    let open = RuleSet {
        lists: Vec::new(),
        types: Types::default(),
        countries: Countries::Any,
        anonymous: Action::Allow,
        internal: Action::Allow,
        short: Action::Allow,
        invalid: Action::Allow,
        unassigned: Action::Allow,
        default: Action::Allow,
    };
    let outbound =
        RuleSet { anonymous: Action::Block, invalid: Action::Block, unassigned: Action::Block, ..open.clone() };
    Profile { name: DEFAULT_PROFILE.into(), outbound, inbound: open }
}

struct ProfileDecl {
    name: String,
    extends: Option<(String, Range<usize>)>,
    outbound: Partial,
    inbound: Partial,
}

impl Walk<'_, '_> {
    fn push(&mut self, span: Range<usize>, diagnostic: Diagnostic) {
        let place = self.source.place(span);
        if !self.broken_lines.contains(&place.line) {
            self.report.push(diagnostic.at(place));
        }
    }

    /// Something is not there at all; perhaps only because it could not be parsed.
    fn missing(&mut self, span: Option<Range<usize>>, diagnostic: Diagnostic) {
        if self.broken_lines.is_empty() {
            match span {
                Some(span) => self.push(span, diagnostic),
                None => {
                    let place = self.source.place(0..0);
                    self.report.push(diagnostic.at(place));
                }
            }
        }
    }

    fn policy(&mut self, root: &Table<'_>) -> Policy {
        self.known_keys(root, &["policy", "site", "lists", "profiles"], "a policy");
        let mut policy = Policy {
            name: None,
            description: None,
            author: None,
            site: Site {
                home: self.known.home.unwrap_or(Region::NONE),
                international_prefixes: Vec::new(),
                outside_line: None,
                extensions: Vec::new(),
            },
            lists: Vec::new(),
            profiles: Vec::new(),
            country_allow_lists: Vec::new(),
            has_default: false,
        };
        if let Some(table) = self.table_of(root, "policy") {
            self.known_keys(table, &["name", "description", "author"], "[policy]");
            if let Some(item) = table.get("name") {
                policy.name = self.text(item, "name").filter(|name| self.name("policy", name, item.span()));
            }
            policy.description = table.get("description").and_then(|item| self.text(item, "description"));
            policy.author = table.get("author").and_then(|item| self.text(item, "author"));
        }
        self.site(root, &mut policy.site);
        if let Some(table) = self.table_of(root, "lists") {
            for (key, item) in in_file_order(table) {
                let list = self.list(key.get_ref(), key.span(), item);
                self.lists.insert(list.name.clone(), policy.lists.len() as u32);
                policy.lists.push(list);
            }
        }
        let mut profiles: Vec<ProfileDecl> = Vec::new();
        if let Some(table) = self.table_of(root, "profiles") {
            for (key, item) in in_file_order(table) {
                profiles.push(self.profile(key.get_ref(), key.span(), item));
            }
        }
        policy.has_default = profiles.iter().any(|p| p.name == DEFAULT_PROFILE);
        policy.profiles = self.resolve(profiles);
        policy.country_allow_lists = std::mem::take(&mut self.country_allow_lists);
        policy
    }

    fn site(&mut self, root: &Table<'_>, site: &mut Site) {
        let overridden = self.known.home.is_some();
        let missing = || {
            Diagnostic::error("missing-key", "the policy does not say where the site is: `home` is missing")
                .help("add `home = \"SK\"` with your own country's code to the table [site]")
        };
        let Some(table) = self.table_of(root, "site") else {
            if !overridden && !root.contains_key("site") {
                self.missing(None, missing());
            }
            return;
        };
        self.known_keys(table, &["home", "international_prefixes", "outside_line", "extensions"], "[site]");
        match table.get("home") {
            None if overridden => {}
            None => {
                let span = root.iter().find(|(key, _)| key.get_ref() == "site").map(|(key, _)| key.span());
                self.missing(span, missing());
            }
            Some(item) => {
                if let Some(text) = self.text(item, "home") {
                    match self.region(&text, item.span()) {
                        Some(Region::WORLD) => self.push(
                            item.span(),
                            Diagnostic::error("bad-value", "`home` must be a country, and \"001\" is none")
                                .help("write the two letters of the country whose dialling rules the site follows"),
                        ),
                        Some(region) if !overridden => site.home = region,
                        _ => {}
                    }
                }
            }
        }
        if let Some(item) = table.get("international_prefixes") {
            for (text, span) in self.texts(item, "international_prefixes") {
                if text.is_empty() || text.len() > MAX_INTERNATIONAL_PREFIX || !text.bytes().all(|b| b.is_ascii_digit())
                {
                    self.push(
                        span,
                        Diagnostic::error(
                            "bad-value",
                            format!("an international prefix is 1 to {MAX_INTERNATIONAL_PREFIX} digits, not {text:?}"),
                        )
                        .help("write what is dialled before the country code, such as \"00\" or \"011\""),
                    );
                } else if !site.international_prefixes.contains(&text) {
                    site.international_prefixes.push(text);
                }
            }
        }
        if let Some(item) = table.get("outside_line")
            && let Some(text) = self.text(item, "outside_line")
        {
            match text.as_bytes() {
                [digit] if digit.is_ascii_digit() => site.outside_line = Some(*digit),
                _ => self.push(
                    item.span(),
                    Diagnostic::error("bad-value", format!("`outside_line` is one digit, not {text:?}"))
                        .help("write \"9\" or \"0\", or leave the line out"),
                ),
            }
        }
        if let Some(item) = table.get("extensions") {
            for item in self.array(item, "extensions") {
                match item.get_ref() {
                    DeValue::Integer(n) => match u8::from_str_radix(n.as_str(), n.radix()) {
                        Ok(length @ 1..=15) => site.extensions.push(length),
                        _ => self.push(
                            item.span(),
                            Diagnostic::error("bad-value", format!("an internal number has 1 to 15 digits, not {n}"))
                                .help("`extensions` holds the lengths of internal numbers, such as [3, 4]"),
                        ),
                    },
                    other => {
                        let found = kind(other);
                        self.wrong_type(item.span(), "each of `extensions`", "a whole number, such as 4", found);
                    }
                }
            }
            site.extensions.sort_unstable();
            site.extensions.dedup();
        }
    }

    fn list(&mut self, name: &str, span: Range<usize>, item: &Item<'_>) -> ListDecl {
        self.name("list", name, span.clone());
        let mut list = ListDecl {
            name: name.into(),
            span: span.clone(),
            action: ListAction::Log,
            files: Vec::new(),
            entries: Vec::new(),
        };
        let Some(table) = self.table(item, &format!("[lists.{name}]")) else { return list };
        self.known_keys(table, &["action", "files", "entries"], "a list");
        match table.get("action") {
            None => self.missing(
                Some(span),
                Diagnostic::error("missing-key", format!("the list {name:?} does not say what a match means"))
                    .help("add `action = \"block\"`, \"allow\" or \"log\""),
            ),
            Some(item) => {
                if let Some(text) = self.text(item, "action") {
                    match &*text {
                        "allow" => list.action = ListAction::Allow,
                        "block" => list.action = ListAction::Block,
                        "log" => list.action = ListAction::Log,
                        _ => self.push(
                            item.span(),
                            with_guess(
                                Diagnostic::error("bad-value", format!("a list cannot {text:?}")),
                                &text,
                                ["allow", "block", "log"],
                                "write \"allow\", \"block\" or \"log\"",
                            ),
                        ),
                    }
                }
            }
        }
        if let Some(item) = table.get("files") {
            list.files = self.texts(item, "files");
        }
        if let Some(item) = table.get("entries") {
            for item in self.array(item, "entries") {
                if let Some(entry) = self.entry(item) {
                    list.entries.push(entry);
                }
            }
        }
        list
    }

    fn entry(&mut self, item: &Item<'_>) -> Option<InlineEntry> {
        let table = match item.get_ref() {
            DeValue::String(text) => {
                return Some(InlineEntry { text: text.to_string(), span: item.span(), expires: None, note: None });
            }
            DeValue::Table(table) => table,
            DeValue::Integer(n) => {
                self.push(
                    item.span(),
                    Diagnostic::error("wrong-type", "an entry must be text, not a whole number")
                        .help(format!("put it in quotes: \"{n}\"; leading zeros and `+` would be lost otherwise")),
                );
                return None;
            }
            other => {
                let found = kind(other);
                self.wrong_type(item.span(), "an entry", "text, such as \"+371 6700 0000\", or a table", found);
                return None;
            }
        };
        self.known_keys(table, &["number", "expires", "note"], "an entry");
        let expires = table.get("expires").and_then(|item| {
            let text = match item.get_ref() {
                DeValue::Datetime(time) => time.to_string(),
                DeValue::String(text) => text.to_string(),
                other => {
                    let found = kind(other);
                    self.wrong_type(item.span(), "`expires`", "a date or a time, such as 2027-01-31", found);
                    return None;
                }
            };
            expiry(&text)
                .map_err(|why| {
                    self.push(
                        item.span(),
                        Diagnostic::error("bad-expiry", why).help(crate::compile::files::EXPIRY_HELP),
                    );
                })
                .ok()
        });
        let note = table.get("note").and_then(|item| self.text(item, "note")).map(String::into_boxed_str);
        let Some(number) = table.get("number") else {
            self.missing(
                Some(item.span()),
                Diagnostic::error("missing-key", "this entry has no `number`")
                    .help("write { number = \"+371 6700 0000\", expires = 2027-01-31 }"),
            );
            return None;
        };
        let text = self.text(number, "number")?;
        Some(InlineEntry { text, span: number.span(), expires, note })
    }

    fn profile(&mut self, name: &str, span: Range<usize>, item: &Item<'_>) -> ProfileDecl {
        self.name("profile", name, span);
        let mut profile =
            ProfileDecl { name: name.into(), extends: None, outbound: Partial::default(), inbound: Partial::default() };
        let Some(table) = self.table(item, &format!("[profiles.{name}]")) else { return profile };
        for (key, _) in in_file_order(table) {
            let text: &str = key.get_ref();
            // The commonest slip: rules without a direction.
            if RULE_KEYS.contains(&text) {
                self.push(
                    key.span(),
                    Diagnostic::error("unknown-key", format!("{text:?} stands in a profile without a direction"))
                        .help(format!("write `outbound.{text}` or `inbound.{text}`")),
                );
            } else {
                self.known_key(text, key.span(), &["extends", "outbound", "inbound"], "a profile");
            }
        }
        if let Some(item) = table.get("extends") {
            profile.extends = self.text(item, "extends").map(|text| (text, item.span()));
        }
        if let Some(item) = table.get("outbound") {
            profile.outbound = self.rules(item, "outbound");
        }
        if let Some(item) = table.get("inbound") {
            profile.inbound = self.rules(item, "inbound");
        }
        profile
    }

    fn rules(&mut self, item: &Item<'_>, direction: &str) -> Partial {
        let mut rules = Partial::default();
        let Some(table) = self.table(item, &format!("`{direction}`")) else { return rules };
        self.known_keys(table, &RULE_KEYS, &format!("`{direction}`"));
        if let Some(item) = table.get("lists") {
            let mut lists = Vec::new();
            for (name, span) in self.texts(item, "lists") {
                match self.lists.get(&name).copied() {
                    None => {
                        let diagnostic = Diagnostic::error("unknown-list", format!("there is no list {name:?}"));
                        let diagnostic = with_guess(
                            diagnostic,
                            &name,
                            self.lists.keys().map(String::as_str),
                            &format!("declare it: [lists.{name}]"),
                        );
                        self.push(span, diagnostic);
                    }
                    Some(list) if lists.contains(&list) => self.push(
                        span,
                        Diagnostic::error("listed-twice", format!("the list {name:?} is named twice here"))
                            .help("leave one out; the first one decides which list wins a tie"),
                    ),
                    Some(list) => lists.push(list),
                }
            }
            rules.lists = Some(lists);
        }
        if let Some(item) = table.get("countries") {
            rules.countries = self.countries(item);
        }
        if let Some(item) = table.get("types") {
            rules.types = self.types(item);
        }
        for (slot, key) in rules.decisions.iter_mut().zip(DECISIONS) {
            let Some(item) = table.get(key) else { continue };
            let Some(text) = self.text(item, key) else { continue };
            match &*text {
                "allow" => *slot = Some(Action::Allow),
                "block" => *slot = Some(Action::Block),
                _ => self.push(
                    item.span(),
                    with_guess(
                        Diagnostic::error("bad-value", format!("`{key}` cannot be {text:?}")),
                        &text,
                        ["allow", "block"],
                        "write \"allow\" or \"block\"",
                    ),
                ),
            }
        }
        rules
    }

    /// `allow` or `block` of a table that may hold one of them: whether it is the allow-list, and
    /// the names.
    fn either<'v, 'i>(&mut self, item: &'v Item<'i>, what: &str) -> Option<(bool, &'v Item<'i>)> {
        let table = match item.get_ref() {
            DeValue::Table(table) => table,
            DeValue::Array(_) => {
                self.push(
                    item.span(),
                    Diagnostic::error("wrong-type", format!("`{what}` does not say whether to allow or to block"))
                        .help(format!("write `{what}.block = [...]` or `{what}.allow = [...]`")),
                );
                return None;
            }
            other => {
                let found = kind(other);
                self.wrong_type(item.span(), &format!("`{what}`"), "a table with `allow` or `block`", found);
                return None;
            }
        };
        self.known_keys(table, &["allow", "block"], &format!("`{what}`"));
        let keys: Vec<_> =
            in_file_order(table).filter(|(key, _)| matches!(&**key.get_ref(), "allow" | "block")).collect();
        if let [_, (second, _)] = keys[..] {
            self.push(
                second.span(),
                Diagnostic::error("allow-and-block", format!("`{what}` has both an allow-list and a deny-list")).help(
                    "keep one: `allow` blocks everything that it does not name, `block` allows everything that it does \
                     not name",
                ),
            );
            return None;
        }
        keys.first().map(|(key, item)| (key.get_ref() == "allow", *item))
    }

    fn countries(&mut self, item: &Item<'_>) -> Option<Countries> {
        let Some((allow, item)) = self.either(item, "countries") else { return Some(Countries::Any) };
        let mut regions: Vec<Region> = Vec::new();
        for (text, span) in self.texts(item, if allow { "allow" } else { "block" }) {
            regions.extend(self.region(&text, span));
        }
        regions.sort_unstable();
        regions.dedup();
        if !allow {
            return Some(Countries::Block(regions));
        }
        self.country_allow_lists.push((item.span(), regions.clone()));
        Some(Countries::Allow(regions))
    }

    fn types(&mut self, item: &Item<'_>) -> Option<Types> {
        let Some((allow, item)) = self.either(item, "types") else { return Some(Types::default()) };
        let mut named = 0u16;
        for (text, span) in self.texts(item, if allow { "allow" } else { "block" }) {
            let known = NumberType::ALL.iter().find(|t| t.as_str() == text);
            match known {
                _ if text == SATELLITE => named |= Types::SATELLITE,
                Some(NumberType::Unknown) => self.push(
                    span,
                    Diagnostic::error("unknown-type", "\"unknown\" is not a type that a rule can name")
                        .help("numbers that the plan assigns to nobody have a rule of their own: `unassigned`"),
                ),
                Some(t) => named |= Types::bit(*t),
                None => {
                    let names = NumberType::ALL[1..].iter().map(|t| t.as_str()).chain([SATELLITE]);
                    let all = names.clone().collect::<Vec<_>>().join(", ");
                    let diagnostic = Diagnostic::error("unknown-type", format!("there is no number type {text:?}"));
                    self.push(span, with_guess(diagnostic, &text, names, &format!("the types are {all}")));
                }
            }
        }
        // An allow-list blocks every type that it leaves out, but `unknown`, which is not a type:
        // what the plan assigns to nobody is the business of `unassigned`.
        let all = NumberType::ALL[1..].iter().fold(Types::SATELLITE, |bits, t| bits | Types::bit(*t));
        Some(Types(if allow { all & !named } else { named }))
    }

    /// Profiles that extend others take from them what they do not say themselves.
    fn resolve(&mut self, decls: Vec<ProfileDecl>) -> Vec<Profile> {
        let by_name: HashMap<String, usize> = decls.iter().enumerate().map(|(i, p)| (p.name.clone(), i)).collect();
        // The parent of each; `None`: starts from the defaults.
        let mut parents: Vec<Option<usize>> = Vec::with_capacity(decls.len());
        for decl in &decls {
            parents.push(match &decl.extends {
                None => None,
                Some((name, span)) => {
                    let parent = by_name.get(name).copied();
                    // `default` may be extended without being written.
                    if parent.is_none() && name != DEFAULT_PROFILE {
                        let diagnostic = Diagnostic::error("unknown-profile", format!("there is no profile {name:?}"));
                        let names = decls.iter().map(|p| &*p.name).filter(|n| *n != decl.name);
                        self.push(
                            span.clone(),
                            with_guess(diagnostic, name, names, &format!("declare it: [profiles.{name}]")),
                        );
                    }
                    parent
                }
            });
        }
        let mut resolved: Vec<Option<Profile>> = vec![None; decls.len()];
        let mut decls: Vec<Option<ProfileDecl>> = decls.into_iter().map(Some).collect();
        // Chains are walked without recursion: ten thousand profiles may stand on each other.
        for start in 0..parents.len() {
            let mut chain: Vec<usize> = Vec::new();
            let mut on_chain: Vec<usize> = Vec::new();
            let mut at = Some(start);
            let mut seen = std::collections::HashSet::new();
            while let Some(i) = at {
                if resolved[i].is_some() {
                    break;
                }
                if !seen.insert(i) {
                    on_chain = chain.iter().copied().skip_while(|&j| j != i).collect();
                    break;
                }
                chain.push(i);
                at = parents[i];
            }
            if let [first, rest @ ..] = &on_chain[..] {
                let name = |i: usize| decls[i].as_ref().map_or_else(String::new, |p| format!("{:?}", p.name));
                let through = rest.iter().map(|&i| name(i)).collect::<Vec<_>>().join(", ");
                let message = match rest {
                    [] => format!("the profile {} extends itself", name(*first)),
                    _ => format!("the profile {} extends itself, through {through}", name(*first)),
                };
                let span =
                    decls[*first].as_ref().and_then(|p| p.extends.as_ref()).map_or(0..0, |(_, span)| span.clone());
                self.push(span, Diagnostic::error("extends-cycle", message).help("one of them must stand on its own"));
                // So that the circle is reported once and the walk ends.
                parents[*first] = None;
                // And the others of the circle stand on this one, so it comes first, that is last.
                let first = *first;
                chain.retain(|&i| i != first);
                chain.push(first);
            }
            for &i in chain.iter().rev() {
                let base = parents[i].and_then(|p| resolved[p].clone()).unwrap_or_else(default_profile);
                if let Some(decl) = decls[i].take() {
                    resolved[i] = Some(Profile {
                        name: decl.name,
                        outbound: decl.outbound.over(&base.outbound),
                        inbound: decl.inbound.over(&base.inbound),
                    });
                }
            }
        }
        let mut profiles: Vec<Profile> = resolved.into_iter().flatten().collect();
        match profiles.iter().position(|p| p.name == DEFAULT_PROFILE) {
            Some(at) => profiles[..=at].rotate_right(1),
            None => profiles.insert(0, default_profile()),
        }
        profiles
    }

    // What every table and value needs.

    fn known_keys(&mut self, table: &Table<'_>, known: &[&str], place: &str) {
        for (key, _) in in_file_order(table) {
            self.known_key(key.get_ref(), key.span(), known, place);
        }
    }

    fn known_key(&mut self, key: &str, span: Range<usize>, known: &[&str], place: &str) {
        if !known.contains(&key) {
            let diagnostic = Diagnostic::error("unknown-key", format!("{place} has no key {key:?}"));
            let all = format!("it may have {}", known.join(", "));
            self.push(span, with_guess(diagnostic, key, known.iter().copied(), &all));
        }
    }

    fn wrong_type(&mut self, span: Range<usize>, what: &str, wanted: &str, found: &str) {
        self.push(span, Diagnostic::error("wrong-type", format!("{what} must be {wanted}, not {found}")));
    }

    fn table_of<'v, 'i>(&mut self, table: &'v Table<'i>, key: &str) -> Option<&'v Table<'i>> {
        table.get(key).and_then(|item| self.table(item, &format!("[{key}]")))
    }

    fn table<'v, 'i>(&mut self, item: &'v Item<'i>, what: &str) -> Option<&'v Table<'i>> {
        match item.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                self.wrong_type(item.span(), what, "a table", kind(other));
                None
            }
        }
    }

    fn array<'v, 'i>(&mut self, item: &'v Item<'i>, key: &str) -> &'v [Item<'i>] {
        match item.get_ref() {
            DeValue::Array(array) => array,
            other => {
                self.wrong_type(item.span(), &format!("`{key}`"), "an array, in square brackets", kind(other));
                &[]
            }
        }
    }

    fn text(&mut self, item: &Item<'_>, key: &str) -> Option<String> {
        match item.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            other => {
                self.wrong_type(item.span(), &format!("`{key}`"), "text in quotes", kind(other));
                None
            }
        }
    }

    fn texts(&mut self, item: &Item<'_>, key: &str) -> Vec<(String, Range<usize>)> {
        let what = format!("each of `{key}`");
        let mut texts = Vec::new();
        for item in self.array(item, key) {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.to_string(), item.span())),
                other => self.wrong_type(item.span(), &what, "text in quotes", kind(other)),
            }
        }
        texts
    }

    fn name(&mut self, what: &str, name: &str, span: Range<usize>) -> bool {
        let diagnostic = if name.len() > MAX_NAME_LEN {
            Diagnostic::error(
                "name-too-long",
                format!("the name of this {what} has {} bytes, and {MAX_NAME_LEN} is the most", name.len()),
            )
        } else if name.trim().is_empty() {
            Diagnostic::error("bad-name", format!("the name of this {what} is empty"))
        } else if !Name::is_plain(name) {
            Diagnostic::error(
                "bad-name",
                format!("the name of this {what} has a control character in it, or another one that nobody sees"),
            )
            .help("names stand in log lines; use letters, digits, spaces and punctuation")
        } else {
            return true;
        };
        self.push(span, diagnostic);
        false
    }

    fn region(&mut self, text: &str, span: Range<usize>) -> Option<Region> {
        let known = Region::new(text).filter(|&region| (self.known.region)(region));
        if known.is_none() {
            let help = match &*text.to_ascii_uppercase() {
                "UK" | "EN" => "the United Kingdom is \"GB\"",
                "EL" => "Greece is \"GR\"",
                _ => "write an ISO 3166-1 alpha-2 code such as \"SK\", or \"001\" for codes that belong to no country",
            };
            self.push(
                span,
                Diagnostic::error("unknown-region", format!("the numbering plan has no region {text:?}")).help(help),
            );
        }
        known
    }
}

/// A table's keys as they stand in the file; the map itself is sorted by name.
fn in_file_order<'v, 'i>(
    table: &'v Table<'i>,
) -> impl Iterator<Item = (&'v Spanned<std::borrow::Cow<'i, str>>, &'v Item<'i>)> {
    let mut items: Vec<_> = table.iter().collect();
    items.sort_by_key(|(key, _)| key.span().start);
    items.into_iter()
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// "Did you mean …?" where one of the candidates is near, else `otherwise`.
fn with_guess<'c>(
    diagnostic: Diagnostic,
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    otherwise: &str,
) -> Diagnostic {
    // A name far longer than any key is near to none, and the distance takes time by length.
    let near = candidates
        .into_iter()
        .filter(|_| written.len() <= 2 * MAX_NAME_LEN)
        .map(|candidate| match written.len() {
            // The beginning of a word is nearly the word.
            4.. if candidate.starts_with(written) => (1, candidate),
            _ => (distance(written, candidate), candidate),
        })
        .filter(|(distance, candidate)| {
            let (a, b) = (candidate.chars().count(), written.chars().count());
            *distance < a.min(b).max(1) && *distance <= 1 + a.max(b) / 4
        })
        .min();
    match near {
        Some((_, candidate)) => diagnostic.help(format!("did you mean {candidate:?}?")),
        None => diagnostic.help(otherwise),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours between two words, capitals apart.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}
