//! The index writer: a resolved policy and a plan become the bytes of an index.
//!
//! Deterministic: everything is sorted or in the policy's order, and nothing comes from the clock,
//! the machine or a hash map's order.

use super::Meta;
use super::diagnostic::Diagnostic;
use super::long;
use super::model::{Countries, Entry, Key, ListAction, Model, RuleSet, Types};
use super::numbers::NumberWriter;
use crate::error::Error;
use crate::index::format::{Container, Kind, SectionWriter, Sections};
use crate::index::provenance::{LINES_KEPT, NO_TIME};
use crate::lists::{Cover, Member, NEVER};
use crate::number::NumberType;
use crate::numbers::whole_key;
use crate::plan::Plan;
use crate::profile::{Decision, SATELLITE_BIT};
use crate::verdict::Action;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many names are tried for a file that is written aside.
const MAX_TRIES: u32 = 64;

const _: () = assert!(Types::SATELLITE == SATELLITE_BIT);

/// Why a policy that is right by itself becomes no index.
pub(crate) type Refused = Box<Diagnostic>;

/// The most states of patterns, beside one for each of their digits. A pattern by itself needs no
/// more than it has digits; but `X`s over another pattern's digits can double the states with each
/// pattern, and would take all memory.
const MAX_PATTERN_STATES: usize = 250_000;
/// The most patterns that are alive in all states together, likewise: those of a state that is kept
/// count [`KEPT`] times.
const MAX_PATTERN_WORK: usize = 200_000_000;
/// States of patterns alone are remembered, and so cost memory as well as time.
const KEPT: usize = 10;

/// A numbering plan that cannot be used.
pub(crate) fn bad_plan(why: &Error) -> Diagnostic {
    Diagnostic::error("bad-plan", format!("the numbering plan cannot be used: {why}"))
        .help("give a plan file that `tollgate plan` of this release has written, or none, for the built-in plan")
}

fn too_many_patterns() -> Refused {
    Box::new(
        Diagnostic::error("too-many-patterns", "too many overlapping X patterns: their combinations fill the memory")
            .help("write ranges instead, or prefixes with `*`"),
    )
}

/// A number as the format holds it, or an error where it is too great for that.
fn fit<T: TryFrom<usize>>(n: usize, what: &str) -> Result<T, Refused> {
    T::try_from(n).map_err(|_| {
        Box::new(
            Diagnostic::error(
                "too-large",
                format!("the policy does not fit the index format: {n} are too many {what}"),
            )
            .help("split the policy into several"),
        )
    })
}

/// The index of a policy. `plan_file` is a whole plan file, as `tollgate plan` writes it.
///
/// # Errors
///
/// Those of opening the plan file, too many overlapping patterns, and what the format cannot count.
pub(crate) fn write(model: &Model, plan_file: &[u8], meta: &Meta) -> Result<Vec<u8>, Refused> {
    let opened = Sections::parse(plan_file, Kind::Plan).and_then(|sections| Plan::decode(plan_file, &sections));
    let plan = opened.map_err(|why| Box::new(bad_plan(&why)))?;
    // All other counts below are of these, or no greater.
    fit::<u32>(model.entries.len(), "entries")?;
    fit::<u32>(model.lists.len(), "lists")?;
    fit::<u32>(model.profiles.len() * 2, "rule sets of profiles")?;
    let mut container = Container::new(Kind::Index);
    container.add("META", metadata(model, meta));
    container.add("SRCS", sources(model)?);
    container.add("SITE", site(model)?);
    let mut sets = Sets::new();
    let whole = WholeNumbers::collect(&model.entries);
    let whole_section = whole.section(model, &mut sets)?;
    let prefixes = transducer(&model.entries, Space::Number, &mut sets)?;
    let local = transducer(&model.entries, Space::Local, &mut sets)?;
    let raw = raw_trie(&model.entries, &mut sets)?;
    container.add("LIST", lists(model));
    container.add("MEMB", sets.section()?);
    container.add("NUMW", whole_section);
    container.add("NUMP", prefixes);
    container.add("LOCL", local);
    container.add("RAWT", raw);
    let (rules, profiles) = profiles(model, &plan);
    container.add("RULE", rules);
    container.add("PROF", profiles);
    container.add("ORIG", origins(&model.entries, &whole)?);
    for (tag, section) in super::plan::sections(plan_file).map_err(|why| Box::new(bad_plan(&why)))? {
        container.add(tag, section.to_vec());
    }
    Ok(container.finish())
}

/// Writes a file so that a reader, or a power cut, never sees half of it: aside in the same
/// folder, synced, renamed into place, and the folder synced. The permissions of a file that was
/// there before are kept. Of several writers at a time the last one to finish wins, whole.
///
/// # Errors
///
/// What the system says; the file that was there before is still there then.
pub fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| std::io::Error::other("the path names no file"))?;
    let (aside, mut file) = create_aside(folder, name)?;
    let result = (|| {
        // Before there is anything in it that somebody could read who must not.
        if let Some(old) = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, path)
    })();
    if result.is_err() {
        let _ = std::fs::remove_file(&aside);
        return result;
    }
    // The rename itself is in the folder. Where folders cannot be synced, the file still can.
    #[cfg(unix)]
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// A new file beside the one with this name, which nobody else writes: not another thread or
/// process, and not through a link that stands there already.
fn create_aside(folder: &Path, name: &OsStr) -> std::io::Result<(PathBuf, std::fs::File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut tries = 0;
    loop {
        let mut aside = std::ffi::OsString::from(".");
        aside.push(name);
        aside.push(format!(".{}.{}.tmp", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let aside = folder.join(aside);
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&aside) {
            Ok(file) => return Ok((aside, file)),
            // Left behind by a process of this number that was ended.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && tries < MAX_TRIES => tries += 1,
            Err(e) => return Err(e),
        }
    }
}

fn metadata(model: &Model, meta: &Meta) -> Vec<u8> {
    let mut w = SectionWriter::default();
    w.text(&model.name);
    w.text(&meta.by);
    w.text(&meta.why);
    w.text(concat!("tollgate ", env!("CARGO_PKG_VERSION")));
    w.i64(meta.build_time.unwrap_or(NO_TIME));
    w.0
}

fn sources(model: &Model) -> Result<Vec<u8>, Refused> {
    let mut w = SectionWriter::default();
    w.u32(fit(model.sources.len(), "files")?);
    let long = model.numbers.lists_of_files(model.sources.len());
    for (source, list) in model.sources.iter().zip(long) {
        w.u32(list.unwrap_or(LINES_KEPT));
        w.bytes(&source.sha256);
        w.u64(source.bytes);
        w.u64(source.entries);
        w.text(&source.path);
    }
    Ok(w.0)
}

fn site(model: &Model) -> Result<Vec<u8>, Refused> {
    let mut w = SectionWriter::default();
    w.text(model.site.home.as_str());
    w.u8(model.site.outside_line.unwrap_or(0));
    w.u64(model.site.extensions.iter().filter(|&&n| n < 64).fold(0, |mask, &n| mask | 1 << n));
    w.u16(fit(model.site.international_prefixes.len(), "international prefixes")?);
    for prefix in &model.site.international_prefixes {
        fit::<u16>(prefix.len(), "digits of an international prefix")?;
        w.text(prefix);
    }
    Ok(w.0)
}

fn lists(model: &Model) -> Vec<u8> {
    let mut counts = vec![0u64; model.lists.len()];
    for entry in &model.entries {
        counts[entry.list as usize] += 1;
    }
    for (count, long) in counts.iter_mut().zip(&model.long_counts) {
        *count += long;
    }
    let mut w = SectionWriter::default();
    w.u32(model.lists.len() as u32);
    for (list, count) in model.lists.iter().zip(counts) {
        w.u8(match list.action {
            ListAction::Allow => 0,
            ListAction::Block => 1,
            ListAction::Log => 2,
        });
        w.u64(count);
        w.text(&list.name);
    }
    w.0
}

/// Membership sets, each stored once. Set 0 is empty.
struct Sets {
    ids: HashMap<Box<[Member]>, u32>,
    in_order: Vec<Box<[Member]>>,
}

impl Sets {
    fn new() -> Sets {
        let empty: Box<[Member]> = Box::new([]);
        Sets { ids: HashMap::from([(empty.clone(), 0)]), in_order: vec![empty] }
    }

    /// The id of the set of these members. Where a list makes the same claim twice, the one that
    /// holds longer counts.
    fn id(&mut self, members: &mut Vec<Member>) -> u32 {
        members.sort_unstable_by_key(|m| (m.list, m.cover, std::cmp::Reverse(m.expires)));
        members.dedup_by_key(|m| (m.list, m.cover));
        if let Some(&id) = self.ids.get(members.as_slice()) {
            return id;
        }
        let set: Box<[Member]> = members.as_slice().into();
        let id = self.in_order.len() as u32;
        self.in_order.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    fn section(&self) -> Result<Vec<u8>, Refused> {
        let mut w = SectionWriter::default();
        w.u32(fit(self.in_order.len(), "sets of lists")?);
        w.u32(fit(self.in_order.iter().map(|s| s.len()).sum(), "members of sets of lists")?);
        let mut offset = 0;
        w.u32(0);
        for set in &self.in_order {
            offset += set.len() as u32;
            w.u32(offset);
        }
        for member in self.in_order.iter().flatten() {
            w.u32(member.list);
            w.u32(member.cover as u32);
            w.i64(member.expires);
        }
        Ok(w.0)
    }
}

fn member(entry: &Entry, whole: bool) -> Member {
    Member {
        list: entry.list,
        cover: if whole { Cover::Whole } else { Cover::Prefix },
        expires: entry.expires.unwrap_or(NEVER),
    }
}

/// Entries that go into `NUMW`: whole numbers without `X`, within E.164's bound.
struct WholeNumbers {
    /// (key, position in the entries), sorted.
    keys: Vec<(u64, u32)>,
}

fn plain_whole(key: &Key) -> Option<u64> {
    match key {
        Key::Number { digits, whole: true } if !digits.contains(&b'X') => whole_key(digits),
        _ => None,
    }
}

impl WholeNumbers {
    fn collect(entries: &[Entry]) -> WholeNumbers {
        let mut keys: Vec<(u64, u32)> =
            entries.iter().enumerate().filter_map(|(i, e)| Some((plain_whole(&e.key)?, i as u32))).collect();
        keys.sort_unstable();
        WholeNumbers { keys }
    }

    fn groups(&self) -> impl Iterator<Item = &[(u64, u32)]> {
        self.keys.chunk_by(|a, b| a.0 == b.0)
    }

    /// The section: these numbers and those of long lists, in one order.
    fn section(&self, model: &Model, sets: &mut Sets) -> Result<Vec<u8>, Refused> {
        let disk = |error| Box::new(long::no_room(&error));
        let mut long = model.numbers.groups().map_err(disk)?;
        let claims = model.numbers.claims();
        let of_claim = |id: u32| {
            let claim = claims[id as usize];
            Member { list: claim.list, cover: Cover::Whole, expires: claim.expires.unwrap_or(NEVER) }
        };
        let mut alone: Vec<Option<u32>> = vec![None; claims.len()];
        let mut writer = NumberWriter::new(self.keys.len() as u64 + model.numbers.len());
        let mut own = self.groups().peekable();
        let mut members = Vec::new();
        loop {
            let key = match (own.peek(), long.peek()) {
                (Some(own), Some(long)) => own[0].0.min(long),
                (Some(own), None) => own[0].0,
                (None, Some(long)) => long,
                (None, None) => break,
            };
            members.clear();
            if let Some(group) = own.next_if(|group| group[0].0 == key) {
                members.extend(group.iter().map(|&(_, i)| member(&model.entries[i as usize], true)));
            }
            let mut only = None;
            if long.peek() == Some(key)
                && let Some((_, made)) = long.next().map_err(disk)?
            {
                only = Some(made[0].0).filter(|_| members.is_empty() && made.len() == 1);
                members.extend(made.iter().map(|&(id, _)| of_claim(id)));
            }
            let set = match only {
                // Nearly all numbers of a long list: what was found for the first one.
                Some(id) => *alone[id as usize].get_or_insert_with(|| sets.id(&mut members)),
                None => sets.id(&mut members),
            };
            writer.push(key, set);
        }
        writer.finish().map_err(|n| fit::<u32>(n, "whole numbers").err().unwrap_or_else(too_many_patterns))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Space {
    Number,
    Local,
}

/// What a transducer is built from.
struct Keys<'k> {
    /// Without `X`, sorted.
    literal: Vec<(&'k [u8], Member)>,
    /// With `X`.
    patterns: Vec<(&'k [u8], Member)>,
}

/// A transducer under construction: equal states are made once.
struct Transducer<'k, 's> {
    keys: Keys<'k>,
    sets: &'s mut Sets,
    states: Vec<([u32; 10], u32)>,
    known: HashMap<([u32; 10], u32), u32>,
    /// States below which only patterns are alive: (pattern, digits of it that are used).
    pattern_states: HashMap<Vec<(u32, u8)>, u32>,
    /// How many more of those may be made.
    states_left: usize,
    /// What is left of [`MAX_PATTERN_WORK`].
    work_left: usize,
}

fn transducer(entries: &[Entry], space: Space, sets: &mut Sets) -> Result<Vec<u8>, Refused> {
    let mut literal = Vec::new();
    let mut patterns = Vec::new();
    for entry in entries {
        let (digits, whole) = match (&entry.key, space) {
            (Key::Number { digits, whole }, Space::Number) if plain_whole(&entry.key).is_none() => (digits, *whole),
            (Key::Local { digits, whole }, Space::Local) => (digits, *whole),
            _ => continue,
        };
        let to = if digits.contains(&b'X') { &mut patterns } else { &mut literal };
        to.push((&**digits, member(entry, whole)));
    }
    literal.sort_unstable();
    let all: Vec<(u32, u8)> = (0..patterns.len() as u32).map(|i| (i, 0)).collect();
    // One for every digit of every pattern is what patterns take that have nothing in common.
    let alone: usize = patterns.iter().map(|(digits, _)| digits.len() + 1).sum();
    let mut t = Transducer {
        keys: Keys { literal, patterns },
        sets,
        states: vec![([0; 10], 0)],
        known: HashMap::new(),
        pattern_states: HashMap::new(),
        states_left: alone + MAX_PATTERN_STATES,
        work_left: alone * KEPT + MAX_PATTERN_WORK,
    };
    let root = t.state(0..t.keys.literal.len(), 0, all, true)?;
    t.section(root)
}

impl Transducer<'_, '_> {
    /// The state in which these literals and patterns are alive, `depth` digits from the root.
    fn state(
        &mut self,
        literals: std::ops::Range<usize>,
        depth: usize,
        patterns: Vec<(u32, u8)>,
        root: bool,
    ) -> Result<u32, Refused> {
        if literals.is_empty() {
            if patterns.is_empty() && !root {
                return Ok(0);
            }
            if let Some(&known) = self.pattern_states.get(&patterns) {
                return Ok(known);
            }
            self.states_left = self.states_left.checked_sub(1).ok_or_else(too_many_patterns)?;
        }
        let work = patterns.len() * if literals.is_empty() { KEPT } else { 1 };
        self.work_left = self.work_left.checked_sub(work).ok_or_else(too_many_patterns)?;
        let mut members = Vec::new();
        let mut from = literals.start;
        while from < literals.end && self.keys.literal[from].0.len() == depth {
            members.push(self.keys.literal[from].1);
            from += 1;
        }
        for &(i, used) in &patterns {
            let (digits, member) = self.keys.patterns[i as usize];
            if digits.len() == used as usize {
                members.push(member);
            }
        }
        let set = self.sets.id(&mut members);
        let mut next = [0; 10];
        for (digit, slot) in (b'0'..=b'9').zip(&mut next) {
            let own = self.keys.literal[from..literals.end].partition_point(|(d, _)| d[depth] <= digit);
            let alive: Vec<(u32, u8)> = patterns
                .iter()
                .filter(|&&(i, used)| {
                    let digits = self.keys.patterns[i as usize].0;
                    digits.get(used as usize).is_some_and(|&d| d == digit || d == b'X')
                })
                .map(|&(i, used)| (i, used + 1))
                .collect();
            *slot = self.state(from..from + own, depth + 1, alive, false)?;
            from += own;
        }
        let known = self.known.get(&(next, set)).copied();
        let id = known.unwrap_or_else(|| {
            self.states.push((next, set));
            let id = self.states.len() as u32 - 1;
            if !root {
                self.known.insert((next, set), id);
            }
            id
        });
        if literals.is_empty() && !root {
            self.pattern_states.insert(patterns, id);
        }
        Ok(id)
    }

    /// States in breadth-first order: the root is 1, the dead state 0, and those near the root,
    /// which every call reads, lie together.
    fn section(&self, root: u32) -> Result<Vec<u8>, Refused> {
        fit::<u32>(self.states.len(), "digits of prefixes and patterns")?;
        let mut number = vec![0u32; self.states.len()];
        let mut order = vec![0, root];
        number[root as usize] = 1;
        let mut at = 1;
        while at < order.len() {
            for &next in &self.states[order[at] as usize].0 {
                if next != 0 && number[next as usize] == 0 {
                    number[next as usize] = order.len() as u32;
                    order.push(next);
                }
            }
            at += 1;
        }
        let mut w = SectionWriter::default();
        w.u32(order.len() as u32);
        for &state in &order {
            let (next, set) = &self.states[state as usize];
            for &n in next {
                w.u32(number[n as usize]);
            }
            w.u32(*set);
        }
        Ok(w.0)
    }
}

fn raw_trie(entries: &[Entry], sets: &mut Sets) -> Result<Vec<u8>, Refused> {
    let mut keys: BTreeMap<&[u8], Vec<Member>> = BTreeMap::new();
    for entry in entries {
        if let Key::Raw { bytes, whole } = &entry.key {
            keys.entry(bytes).or_default().push(member(entry, *whole));
        }
    }
    let keys: Vec<(&[u8], u32)> = keys.into_iter().map(|(k, mut m)| (k, sets.id(&mut m))).collect();
    // Breadth-first: (range of keys, depth).
    let mut queue = vec![(0..keys.len(), 0usize)];
    let mut nodes = SectionWriter::default();
    let (mut labels, mut targets) = (SectionWriter::default(), SectionWriter::default());
    let mut at = 0;
    while at < queue.len() {
        let (range, depth) = queue[at].clone();
        at += 1;
        let mut from = range.start;
        let mut set = 0;
        if from < range.end && keys[from].0.len() == depth {
            set = keys[from].1;
            from += 1;
        }
        let first = labels.0.len() as u32;
        while from < range.end {
            let byte = keys[from].0[depth];
            let own = keys[from..range.end].partition_point(|(k, _)| k[depth] <= byte);
            labels.u8(byte);
            targets.u32(queue.len() as u32);
            queue.push((from..from + own, depth + 1));
            from += own;
        }
        nodes.u32(first);
        nodes.u32(labels.0.len() as u32 - first);
        nodes.u32(set);
    }
    let mut w = SectionWriter::default();
    // Every number above is less than this.
    w.u32(fit(queue.len(), "bytes of `raw:` entries")?);
    w.u32(labels.0.len() as u32);
    w.bytes(&nodes.0);
    w.bytes(&targets.0);
    w.bytes(&labels.0);
    Ok(w.0)
}

fn profiles(model: &Model, plan: &Plan) -> (Vec<u8>, Vec<u8>) {
    let mut ids: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut rules = SectionWriter::default();
    let mut intern = |set: &RuleSet| {
        let bytes = rule_set(set, plan);
        let next = ids.len() as u32;
        *ids.entry(bytes).or_insert_with_key(|bytes| {
            rules.bytes(bytes);
            next
        })
    };
    let mut profiles = SectionWriter::default();
    profiles.u32(model.profiles.len() as u32);
    for profile in &model.profiles {
        let (outbound, inbound) = (intern(&profile.outbound), intern(&profile.inbound));
        profiles.u32(outbound);
        profiles.u32(inbound);
        profiles.text(&profile.name);
    }
    let mut section = SectionWriter::default();
    section.u32(ids.len() as u32);
    section.bytes(&rules.0);
    (section.0, profiles.0)
}

fn rule_set(set: &RuleSet, plan: &Plan) -> Vec<u8> {
    let decisions = [
        (Decision::Anonymous, set.anonymous),
        (Decision::Internal, set.internal),
        (Decision::Short, set.short),
        (Decision::Invalid, set.invalid),
        (Decision::Unassigned, set.unassigned),
        (Decision::Default, set.default),
    ];
    let mut w = SectionWriter::default();
    w.u16(set.types.0 & !Types::bit(NumberType::Unknown));
    w.u16(decisions.iter().filter(|(_, a)| *a == Action::Block).fold(0, |bits, (d, _)| bits | 1 << *d as u16));
    let mut countries = [0u64; 4];
    let mut block = |territory: usize| countries[territory / 64] |= 1 << (territory % 64);
    let territories = plan.territories().iter().enumerate().map(|(i, t)| (i + 1, t.region));
    match &set.countries {
        Countries::Any => {}
        Countries::Block(regions) => {
            territories.filter(|(_, r)| regions.contains(r)).for_each(|(i, _)| block(i));
        }
        Countries::Allow(regions) => {
            // A number whose region the plan does not know is in no allowed country.
            block(0);
            territories.filter(|(_, r)| !regions.contains(r)).for_each(|(i, _)| block(i));
        }
    }
    for word in countries {
        w.u64(word);
    }
    w.u32(set.lists.len() as u32);
    for &list in &set.lists {
        w.u32(list);
    }
    w.0
}

/// An entry's canonical text, as `explain` and `diff` show it.
pub(crate) fn canonical(key: &Key) -> String {
    let text = |bytes: &[u8], whole: bool| {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if !whole {
            text.push('*');
        }
        text
    };
    match key {
        Key::Number { digits, whole } => format!("+{}", text(digits, *whole)),
        Key::Local { digits, whole } => text(digits, *whole),
        Key::Raw { bytes, whole } => format!("raw:{}", text(bytes, *whole)),
    }
}

fn origins(entries: &[Entry], whole: &WholeNumbers) -> Result<Vec<u8>, Refused> {
    let mut records = SectionWriter::default();
    let mut count = 0u32;
    let mut pool = SectionWriter::default();
    let mut record = |i: u32, pool: &mut SectionWriter| {
        let entry = &entries[i as usize];
        let note = entry.note.as_deref().filter(|n| !n.is_empty()).map_or(0, |note| {
            let at = pool.0.len() as u32;
            pool.text(note);
            at + 1
        });
        records.u32(entry.list);
        records.u32(entry.origin.source);
        records.u32(entry.origin.line);
        records.u32(note);
        records.i64(entry.expires.unwrap_or(NEVER));
        count += 1;
        count
    };
    let mut keys = SectionWriter::default();
    let mut firsts = SectionWriter::default();
    let mut whole_count = 0u32;
    let mut next = 0;
    for group in whole.groups() {
        keys.u64(group[0].0);
        firsts.u32(next);
        whole_count += 1;
        for &(_, i) in group {
            next = record(i, &mut pool);
        }
    }
    firsts.u32(next);
    let mut keyed: Vec<(String, u32)> = entries
        .iter()
        .enumerate()
        .filter(|(_, e)| plain_whole(&e.key).is_none())
        .map(|(i, e)| (canonical(&e.key), i as u32))
        .collect();
    keyed.sort_unstable();
    let mut heads = SectionWriter::default();
    let mut head_count = 0u32;
    for group in keyed.chunk_by(|a, b| a.0 == b.0) {
        let text = group[0].0.as_bytes();
        heads.u32(pool.0.len() as u32);
        heads.u32(text.len() as u32);
        heads.u32(next);
        pool.bytes(text);
        head_count += 1;
        for &(_, i) in group {
            next = record(i, &mut pool);
        }
    }
    let mut w = SectionWriter::default();
    w.u32(count);
    w.u32(whole_count);
    w.u32(head_count);
    w.u32(0);
    w.bytes(&records.0);
    w.bytes(&keys.0);
    w.bytes(&firsts.0);
    w.bytes(&heads.0);
    // Every place in it is less than this.
    fit::<u32>(pool.0.len(), "bytes of notes and entries")?;
    w.bytes(&pool.0);
    Ok(w.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_format_cannot_count_is_an_error() {
        assert_eq!(fit::<u16>(65_535, "things").unwrap(), 65_535);
        let refused = fit::<u16>(65_536, "things").unwrap_err();
        assert_eq!((refused.code, refused.help.is_some()), ("too-large", true));
        assert_eq!(refused.message, "the policy does not fit the index format: 65536 are too many things");
    }

    /// What is in a folder, by name.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Found in review: two threads that wrote one path wrote into the same file aside, and put
    /// into place what was half of each, or found nothing to put there.
    #[test]
    fn threads_that_write_one_path_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tgx");
        std::thread::scope(|scope| {
            for byte in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..10 {
                        write_file(path, &vec![byte; 10_000 + usize::from(byte)]).unwrap();
                    }
                });
            }
        });
        let found = std::fs::read(&path).unwrap();
        assert!(found.len() == 10_000 + usize::from(found[0]) && found.iter().all(|&b| b == found[0]));
        assert_eq!(names(folder.path()), ["a.tgx"]);
    }

    /// Found in review: the name aside could be known beforehand, and a link that somebody put there
    /// was followed.
    #[test]
    #[cfg(unix)]
    fn a_planted_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tgx");
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let pid = std::process::id();
        std::os::unix::fs::symlink(&victim, folder.path().join(format!(".a.tgx.{pid}.tmp"))).unwrap();
        // Other tests count along, so plant the next few.
        for n in 0..40 {
            std::os::unix::fs::symlink(&victim, folder.path().join(format!(".a.tgx.{pid}.{n}.tmp"))).unwrap();
        }
        write_file(&path, b"index").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"index");
        assert!(!std::fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }

    /// Found in review: an index that only its group could read could be read by all after the next
    /// build.
    #[test]
    #[cfg(unix)]
    fn the_old_files_permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tgx");
        for mode in [0o640, 0o600, 0o444] {
            std::fs::write(&path, "old").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            write_file(&path, b"new").unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            assert_eq!(std::fs::read(&path).unwrap(), b"new");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn nothing_stays_behind_where_writing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tgx");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inside"), "").unwrap();
        assert!(write_file(&path, b"index").is_err());
        assert_eq!(names(folder.path()), ["a.tgx"]);
    }
}
