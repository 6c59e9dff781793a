//! Where an index and its entries come from: for `inspect`, `explain` and `diff`, never for a call.

use super::Index;
use super::format::{Sections, Trust, VERSION};
use crate::error::Error;
use crate::lists::{Cover, Lists, Member, NEVER};
use crate::number::NumberType;
use crate::numbers::{whole_digits, whole_key};
use crate::profile::{Decision, RuleSet};
use crate::verdict::Action;
use std::ops::Range;

/// "Not stated" for the build time.
pub(crate) const NO_TIME: i64 = i64::MIN;
/// In a source's place for its list: the lines of its entries are in `ORIG`.
pub(crate) const LINES_KEPT: u32 = u32::MAX;
/// The bytes of an origin record: list, source, line, note, expiry.
const RECORD_BYTES: usize = 24;
/// The bytes of a keyed origin's head: place and length of the text, first record.
const KEY_BYTES: usize = 12;
/// The most bytes of a head's text. The longest that there can be is `raw:`, 64 bytes and `*`.
/// Heads may share bytes of the pool, so without a bound a small file could make `open` compare
/// megabytes for each of them.
const MAX_HEAD_TEXT_BYTES: usize = 80;

/// The sections `META`, `SRCS` and `ORIG`, checked.
#[derive(Debug)]
pub(crate) struct Provenance {
    policy: String,
    by: String,
    why: String,
    built: Option<i64>,
    builder: String,
    sources: Vec<SourceInfo>,
    /// By source: the list that it gave numbers whose lines are not kept.
    long: Vec<Option<u32>>,
    section_sizes: Vec<(String, u64)>,
    origins: Origins,
}

/// One file that went into an index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceInfo {
    /// As the policy names it.
    pub path: String,
    /// The SHA-256 of its bytes as they were on disk.
    pub sha256: [u8; 32],
    /// Its size in bytes.
    pub bytes: u64,
    /// How many entries came from it.
    pub entries: u64,
    /// Whether the index knows on which line each of them stands. Of a long file it does not, but for
    /// those that have a note: it would take several times the room that the numbers take.
    pub lines_kept: bool,
}

/// One list of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListInfo {
    /// Its name.
    pub name: String,
    /// What a match means.
    pub action: crate::lists::ListAction,
    /// How many entries it has.
    pub entries: u64,
}

/// What an index was made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IndexInfo {
    /// The policy's name.
    pub policy: String,
    /// Who built it; may be empty.
    pub by: String,
    /// Why; may be empty.
    pub why: String,
    /// When, in seconds since 1970-01-01T00:00:00Z, where the builder was told.
    pub built: Option<i64>,
    /// The program that built it.
    pub builder: String,
    /// The format's version.
    pub format_version: u16,
    /// The size in bytes.
    pub bytes: u64,
    /// The checksum that ends the file (XXH3, 128 bits).
    pub checksum: [u8; 16],
    /// The version of libphonenumber's metadata in the plan.
    pub metadata_version: String,
    /// The plan's sources: file name and SHA-256.
    pub plan_sources: Vec<(String, [u8; 32])>,
    /// The home region.
    pub home: String,
    /// The outside-line digit.
    pub outside_line: Option<char>,
    /// The lengths of internal numbers.
    pub extensions: Vec<u8>,
    /// The site's own international prefixes; empty: the plan's.
    pub international_prefixes: Vec<String>,
    /// How many entries in all.
    pub entries: u64,
    /// The lists, in the policy's order.
    pub lists: Vec<ListInfo>,
    /// The profiles' names, in the policy's order.
    pub profiles: Vec<String>,
    /// Every file that went in.
    pub sources: Vec<SourceInfo>,
    /// Sections and their sizes in bytes.
    pub sections: Vec<(String, u64)>,
}

/// One entry of an index and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct EntryInfo {
    /// In canonical form: `+3712*`, `+37126123456`, `118*`, `raw:100*`.
    pub entry: String,
    /// The list's name.
    pub list: String,
    /// The file, as the policy names it. Where its lines are not kept and the list has several such
    /// files, all of them, with `|` between.
    pub source: String,
    /// The line, from 1; none where the file is so long that lines are not kept.
    pub line: Option<u32>,
    /// From when on it no longer counts, in seconds since the epoch.
    pub expires: Option<i64>,
    /// What the list says of it; may be empty.
    pub note: String,
}

impl EntryInfo {
    /// `file:line`, or the file alone where the line is not known.
    #[must_use]
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.source),
            None => self.source.clone(),
        }
    }
}

/// One profile of an index with its rules, as they are after all that it extends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileInfo {
    /// Its name.
    pub name: String,
    /// The rules of calls that go out.
    pub outbound: RulesInfo,
    /// The rules of calls that come in.
    pub inbound: RulesInfo,
}

/// The rules of one profile and direction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RulesInfo {
    /// The lists that are asked, by name, in the profile's order.
    pub lists: Vec<String>,
    /// The number types that are blocked, and `satellite`.
    pub blocked_types: Vec<String>,
    /// The regions that are blocked, sorted. Of an allow-list, all the others that the plan knows.
    pub blocked_countries: Vec<String>,
    /// Numbers whose region the plan does not know are blocked: so it is with an allow-list.
    pub unknown_region_blocked: bool,
    /// What is done with withheld numbers.
    pub anonymous: Action,
    /// What is done with internal numbers that no list names.
    pub internal: Action,
    /// What is done with short numbers that no list names.
    pub short: Action,
    /// What is done with text that is no number.
    pub invalid: Action,
    /// What is done with numbers that the plan assigns to nobody.
    pub unassigned: Action,
    /// What is done where nothing else decides.
    pub default: Action,
}

#[derive(Debug)]
struct Origins {
    /// The keys of whole numbers that have records, sorted, and a `u32` each and one more: the first one.
    whole_keys: Range<usize>,
    whole_count: usize,
    whole: Range<usize>,
    /// Heads sorted by text.
    keys: Range<usize>,
    key_count: usize,
    records: Range<usize>,
    record_count: usize,
    /// Texts and notes.
    pool: Range<usize>,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

impl Provenance {
    pub(crate) fn decode(bytes: &[u8], sections: &Sections, lists: &Lists, trust: Trust) -> Result<Provenance, Error> {
        let mut c = sections.cursor(bytes, "META")?;
        let policy = c.text()?.to_owned();
        let by = c.text()?.to_owned();
        let why = c.text()?.to_owned();
        let builder = c.text()?.to_owned();
        let built = Some(c.i64()?).filter(|&t| t != NO_TIME);
        c.finish()?;

        let mut c = sections.cursor(bytes, "SRCS")?;
        let count = c.count(54)?;
        let mut sources = Vec::with_capacity(count);
        let mut long = Vec::with_capacity(count);
        for _ in 0..count {
            let at = c.position();
            let list = Some(c.u32()?).filter(|&list| list != LINES_KEPT);
            if list.is_some_and(|list| list as usize >= lists.lists.len()) {
                return Err(c.corrupt(at, "a source's list does not exist"));
            }
            let sha256 = c.digest()?;
            let (bytes, entries) = (c.u64()?, c.u64()?);
            let path = c.text()?.to_owned();
            sources.push(SourceInfo { path, sha256, bytes, entries, lines_kept: list.is_none() });
            long.push(list);
        }
        c.finish()?;
        let origins = Origins::check(bytes, sections, lists, sources.len(), trust)?;
        let section_sizes = sections.sizes().map(|(tag, len)| (tag.to_owned(), len)).collect();
        Ok(Provenance { policy, by, why, built, builder, sources, long, section_sizes, origins })
    }

    /// Where the entries of a list under a key were written.
    pub(crate) fn entries_of(&self, index: &Index, key: &str, cover: Cover, list: u32) -> Vec<EntryInfo> {
        let bytes = index.bytes();
        let mut out = Vec::new();
        let plain = key.strip_prefix('+').filter(|_| cover == Cover::Whole);
        if let Some(digits) = plain {
            if let Some(at) = whole_key(digits.as_bytes()).and_then(|key| self.origins.find_whole(bytes, key)) {
                self.collect(index, self.origins.whole_records(bytes, at), key, Some(list), &mut out);
            }
            let members = index.lists.whole_members(bytes, digits.as_bytes());
            self.of_long_files(index, members.iter().filter(|member| member.list == list), key, &mut out);
        }
        let text = if cover == Cover::Prefix { format!("{key}*") } else { key.to_owned() };
        if let Some(i) = self.origins.find(bytes, &text) {
            self.collect(index, self.origins.key_records(bytes, i), &text, Some(list), &mut out);
        }
        if out.is_empty() {
            // A pattern: its text is not the number's. There are few, and nobody waits.
            for i in 0..self.origins.key_count {
                let pattern = self.origins.text(bytes, i);
                if pattern.contains('X') && matches_pattern(pattern, &text) {
                    self.collect(index, self.origins.key_records(bytes, i), pattern, Some(list), &mut out);
                }
            }
        }
        out
    }

    /// Adds what these members of a whole number have no record of: they were written in files whose lines
    /// are not kept.
    fn of_long_files<'m>(
        &self,
        index: &Index,
        members: impl Iterator<Item = &'m Member>,
        text: &str,
        out: &mut Vec<EntryInfo>,
    ) {
        let name = |list: u32| index.lists.lists.get(list as usize).map_or("", |l| l.name.as_str());
        for member in members {
            let expires = Some(member.expires).filter(|&t| t != NEVER);
            if out.iter().any(|e| e.list == name(member.list) && e.expires == expires) {
                continue;
            }
            let files = self.sources.iter().zip(&self.long).filter(|(_, list)| **list == Some(member.list));
            let files: Vec<&str> = files.map(|(source, _)| &*source.path).collect();
            out.push(EntryInfo {
                entry: text.to_owned(),
                list: name(member.list).to_owned(),
                source: files.join("|"),
                line: None,
                expires,
                note: String::new(),
            });
        }
    }

    fn collect(&self, index: &Index, records: Range<usize>, text: &str, only: Option<u32>, out: &mut Vec<EntryInfo>) {
        let bytes = index.bytes();
        for i in records {
            let Some(raw) = bytes.get(self.origins.records.clone()).and_then(|r| r.get(i * RECORD_BYTES..)) else {
                return;
            };
            let list = u32_at(raw, 0);
            if only.is_some_and(|only| only != list) {
                continue;
            }
            let source = self.sources.get(u32_at(raw, 4) as usize);
            let note = match u32_at(raw, 12) {
                0 => String::new(),
                at => self.origins.pooled(bytes, at as usize - 1),
            };
            let expires = i64::from_le_bytes(raw.get(16..24).and_then(|b| b.try_into().ok()).unwrap_or_default());
            out.push(EntryInfo {
                entry: text.to_owned(),
                list: index.lists.lists.get(list as usize).map_or_else(String::new, |l| l.name.as_str().to_owned()),
                source: source.map_or_else(String::new, |s| s.path.clone()),
                line: Some(u32_at(raw, 8)),
                expires: Some(expires).filter(|&t| t != NEVER),
                note,
            });
        }
    }
}

/// `text` fits `pattern`, in which `X` stands for any digit.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len()
        && pattern.bytes().zip(text.bytes()).all(|(p, t)| p == t || (p == b'X' && t.is_ascii_digit()))
}

impl Origins {
    fn check(bytes: &[u8], sections: &Sections, lists: &Lists, sources: usize, trust: Trust) -> Result<Origins, Error> {
        let section = sections.range("ORIG")?;
        let mut c = sections.cursor(bytes, "ORIG")?;
        let record_count = c.count(RECORD_BYTES)?;
        let whole_count = c.count(12)?;
        let key_count = c.count(KEY_BYTES)?;
        if c.u32()? != 0 {
            return Err(c.corrupt(12, "a reserved field is not zero"));
        }
        let place = |c: &mut super::format::Cursor<'_>, len: usize| -> Result<Range<usize>, Error> {
            let from = section.start + c.position();
            c.take(len)?;
            Ok(from..from + len)
        };
        let records = place(&mut c, record_count * RECORD_BYTES)?;
        let whole_keys = place(&mut c, whole_count * 8)?;
        let whole = place(&mut c, (whole_count + 1) * 4)?;
        let keys = place(&mut c, key_count * KEY_BYTES)?;
        let pool_at = section.start + c.position();
        let pool = pool_at..pool_at + c.rest().len();
        let origins = Origins { whole_keys, whole_count, whole, keys, key_count, records, record_count, pool };
        if trust == Trust::Checked {
            return Ok(origins);
        }
        let wrong = |at: usize, what| Error::Corrupt { section: "ORIG", offset: (at - section.start) as u64, what };
        for i in 0..record_count {
            let at = origins.records.start + i * RECORD_BYTES;
            let list = u32_at(bytes, at) as usize;
            if list >= lists.lists.len() || u32_at(bytes, at + 4) as usize >= sources {
                return Err(wrong(at, "an origin's list or source does not exist"));
            }
        }
        for i in 1..whole_count {
            if origins.whole_key(bytes, i - 1) >= origins.whole_key(bytes, i) {
                return Err(wrong(origins.whole_keys.start + i * 8, "the whole numbers are out of order"));
            }
        }
        let mut last = 0;
        for at in origins.whole.clone().step_by(4) {
            let first = u32_at(bytes, at);
            if first < last || first as usize > record_count {
                return Err(wrong(at, "the whole numbers' origins are out of order"));
            }
            last = first;
        }
        for (i, at) in origins.keys.clone().step_by(KEY_BYTES).enumerate() {
            let (text, len) = (u32_at(bytes, at) as usize, u32_at(bytes, at + 4) as usize);
            let inside = text.checked_add(len).is_some_and(|end| end <= origins.pool.len());
            let first = u32_at(bytes, at + 8);
            if !inside || first < last || first as usize > record_count {
                return Err(wrong(at, "a key's origin is out of place"));
            }
            if len > MAX_HEAD_TEXT_BYTES {
                return Err(wrong(at + 4, "a key's text is too long"));
            }
            last = first;
            if i > 0 && origins.text_bytes(bytes, i - 1) >= origins.text_bytes(bytes, i) {
                return Err(wrong(at, "the keys' origins are out of order"));
            }
        }
        Ok(origins)
    }

    fn whole_key(&self, bytes: &[u8], i: usize) -> u64 {
        let keys = bytes.get(self.whole_keys.clone()).unwrap_or_default();
        keys.get(i * 8..).and_then(|rest| rest.first_chunk()).map_or(0, |key| u64::from_le_bytes(*key))
    }

    /// Where a whole number's records are.
    fn find_whole(&self, bytes: &[u8], key: u64) -> Option<usize> {
        let (mut low, mut high) = (0, self.whole_count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.whole_key(bytes, middle).cmp(&key) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn whole_records(&self, bytes: &[u8], i: usize) -> Range<usize> {
        let at = self.whole.start + i * 4;
        u32_at(bytes, at) as usize..u32_at(bytes, at + 4) as usize
    }

    fn key_records(&self, bytes: &[u8], i: usize) -> Range<usize> {
        let at = self.keys.start + i * KEY_BYTES + 8;
        let end = if i + 1 < self.key_count { u32_at(bytes, at + KEY_BYTES) as usize } else { self.record_count };
        u32_at(bytes, at) as usize..end
    }

    fn text_bytes<'b>(&self, bytes: &'b [u8], i: usize) -> &'b [u8] {
        let at = self.keys.start + i * KEY_BYTES;
        let (from, len) = (u32_at(bytes, at) as usize, u32_at(bytes, at + 4) as usize);
        bytes.get(self.pool.clone()).and_then(|pool| pool.get(from..from + len)).unwrap_or_default()
    }

    fn text<'b>(&self, bytes: &'b [u8], i: usize) -> &'b str {
        std::str::from_utf8(self.text_bytes(bytes, i)).unwrap_or_default()
    }

    /// A text of the pool that says its own length.
    fn pooled(&self, bytes: &[u8], at: usize) -> String {
        let pool = bytes.get(self.pool.clone()).unwrap_or_default();
        let len = pool.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]])) as usize;
        String::from_utf8_lossy(pool.get(at + 2..at + 2 + len).unwrap_or_default()).into_owned()
    }

    fn find(&self, bytes: &[u8], text: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.key_count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.text_bytes(bytes, middle).cmp(text.as_bytes()) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

impl Index {
    /// The profiles and their rules, in the policy's order. For `diff` and `inspect`: it allocates.
    #[must_use]
    pub fn profiles(&self) -> Vec<ProfileInfo> {
        let info = |name: crate::number::Name, outbound, inbound| ProfileInfo {
            name: name.as_str().to_owned(),
            outbound: self.rules_info(outbound),
            inbound: self.rules_info(inbound),
        };
        self.profiles.all().map(|(name, outbound, inbound)| info(name, outbound, inbound)).collect()
    }

    fn rules_info(&self, rules: &RuleSet) -> RulesInfo {
        let mut lists = rules.lists.to_vec();
        lists.sort_unstable_by_key(|&(_, rank)| rank);
        let name = |list: u32| self.lists.lists.get(list as usize).map(|l| l.name.as_str().to_owned());
        let types = NumberType::ALL.into_iter().filter(|&t| rules.blocks_type(t)).map(|t| t.as_str().to_owned());
        let satellite = rules.blocks_satellite().then(|| "satellite".to_owned());
        let mut blocked_countries: Vec<String> = (1..=u8::MAX)
            .zip(self.plan.territories())
            .filter(|&(i, _)| rules.blocks_territory(i))
            .map(|(_, territory)| territory.region.as_str().to_owned())
            .collect();
        // The regions of the world's own calling codes, such as +800, share one code.
        blocked_countries.sort_unstable();
        blocked_countries.dedup();
        RulesInfo {
            lists: lists.into_iter().filter_map(|(list, _)| name(list)).collect(),
            blocked_types: types.chain(satellite).collect(),
            blocked_countries,
            unknown_region_blocked: rules.blocks_territory(0),
            anonymous: rules.decision(Decision::Anonymous),
            internal: rules.decision(Decision::Internal),
            short: rules.decision(Decision::Short),
            invalid: rules.decision(Decision::Invalid),
            unassigned: rules.decision(Decision::Unassigned),
            default: rules.decision(Decision::Default),
        }
    }

    /// Every entry, with its origin: whole numbers first (in order, but that those of other lengths may
    /// stand behind), then prefixes, patterns, short numbers and raw texts. Of a number that long files
    /// have twice there is one. For `diff`: it allocates.
    pub fn list_entries(&self, mut f: impl FnMut(EntryInfo)) {
        let bytes = self.bytes();
        let provenance = &self.provenance;
        let mut out = Vec::new();
        self.lists.each_whole_number(bytes, |key, set| {
            let text = format!("+{}", whole_digits(key));
            if let Some(at) = provenance.origins.find_whole(bytes, key) {
                provenance.collect(self, provenance.origins.whole_records(bytes, at), &text, None, &mut out);
            }
            provenance.of_long_files(self, self.lists.set(set).iter(), &text, &mut out);
            out.drain(..).for_each(&mut f);
        });
        for i in 0..provenance.origins.key_count {
            let text = provenance.origins.text(bytes, i);
            provenance.collect(self, provenance.origins.key_records(bytes, i), text, None, &mut out);
            out.drain(..).for_each(&mut f);
        }
    }
}

/// See [`Index::info`].
pub(crate) fn info(index: &Index) -> IndexInfo {
    let p = &index.provenance;
    let bytes = index.bytes();
    let mut checksum = [0; 16];
    if let Some(end) = bytes.len().checked_sub(16) {
        checksum.copy_from_slice(&bytes[end..]);
    }
    let site = &index.site;
    IndexInfo {
        policy: p.policy.clone(),
        by: p.by.clone(),
        why: p.why.clone(),
        built: p.built,
        builder: p.builder.clone(),
        format_version: VERSION,
        bytes: bytes.len() as u64,
        checksum,
        metadata_version: index.plan.metadata_version().to_owned(),
        plan_sources: index.plan.source_digests().to_vec(),
        home: index.plan.region(site.home).as_str().to_owned(),
        outside_line: site.outside_line.map(char::from),
        extensions: (0..64).filter(|n| site.extensions >> n & 1 == 1).collect(),
        international_prefixes: site
            .international_prefixes
            .iter()
            .map(|p| String::from_utf8_lossy(p).into_owned())
            .collect(),
        entries: index.entries(),
        lists: index
            .lists
            .lists
            .iter()
            .map(|l| ListInfo { name: l.name.as_str().to_owned(), action: l.action, entries: l.entries })
            .collect(),
        profiles: index.profiles.names().map(|n| n.as_str().to_owned()).collect(),
        sources: p.sources.clone(),
        sections: p.section_sizes.clone(),
    }
}
