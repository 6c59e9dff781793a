//! The lists of an index: which entries match a number, and what the profile's lists say of it.
//!
//! Four structures, each keyed by what an entry names, all giving the id of a *membership set*:
//! which lists the key is in, as a whole number or as a prefix, and until when.
//!
//! | section | keys | structure |
//! | --- | --- | --- |
//! | `NUMP` | E.164 prefixes, and patterns with `X` | a minimised digit transducer |
//! | `NUMW` | whole E.164 numbers | direct tables over sorted bytes (`numbers.rs`) |
//! | `LOCL` | short and internal numbers | a minimised digit transducer |
//! | `RAWT` | dialled bytes | a byte trie |
//!
//! A look-up walks the digits once, notes every key on the way, and judges them from the longest
//! to the shortest. Equal sets are stored once, so a list of ten million numbers has one.

use crate::error::Error;
use crate::index::format::Trust;
use crate::index::format::{Cursor, Sections};
use crate::number::{MAX_NUMBER_DIGITS, Name, Number};
use crate::numbers::{MAX_WHOLE_DIGITS, WholeNumbers};
use crate::profile::RuleSet;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// The most bytes of a dialled text that a `raw:` entry can cover.
pub(crate) const MAX_RAW_BYTES: usize = 64;
/// The bytes of a state of `NUMP` and `LOCL`: ten successors and the set's id, `u32` each.
const STATE_BYTES: usize = 44;
/// The bytes of a node of `RAWT`: first edge, number of edges, the set's id, `u32` each.
const NODE_BYTES: usize = 12;
/// "Never" for a member's expiry.
pub(crate) const NEVER: i64 = i64::MAX;

/// What a match in a list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ListAction {
    /// The call may go through.
    Allow = 0,
    /// It may not.
    Block = 1,
    /// Shadow: the verdict notes that it would have been blocked, and the next rule decides.
    Log = 2,
}

impl ListAction {
    /// `allow`, `block` or `log`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ListAction::Allow => "allow",
            ListAction::Block => "block",
            ListAction::Log => "log",
        }
    }
}

/// A list's head.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) name: Name,
    pub(crate) action: ListAction,
    pub(crate) entries: u64,
}

/// How an entry covers a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cover {
    /// The entry is the number.
    Whole = 0,
    /// The number begins with the entry.
    Prefix = 1,
}

/// One list's claim on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member {
    pub(crate) list: u32,
    pub(crate) cover: Cover,
    /// Seconds since the epoch from which on it no longer counts; [`NEVER`].
    pub(crate) expires: i64,
}

/// The keys that cover (the beginning of) what was dialled, by how much they cover: digits, or
/// bytes of a raw text. A length has at most two, one of each structure.
pub(crate) struct Hits {
    /// Bit n: there is a key of length n.
    lengths: u128,
    /// Sets of the transducers and the trie.
    walked: [u32; MAX_RAW_BYTES + 1],
    /// Sets of `NUMW`.
    whole: [u32; MAX_WHOLE_DIGITS + 1],
}

impl Hits {
    #[inline]
    pub(crate) fn new() -> Hits {
        Hits { lengths: 0, walked: [0; MAX_RAW_BYTES + 1], whole: [0; MAX_WHOLE_DIGITS + 1] }
    }

    #[inline]
    fn walked(&mut self, covered: usize, set: u32) {
        if let Some(slot) = self.walked.get_mut(covered) {
            *slot = set;
            self.lengths |= 1 << covered;
        }
    }

    #[inline]
    fn whole(&mut self, covered: usize, set: u32) {
        if let Some(slot) = self.whole.get_mut(covered) {
            *slot = set;
            self.lengths |= 1 << covered;
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.lengths == 0
    }

    /// Lengths and the sets of their keys, the longest first. Set 0 is empty.
    #[inline]
    pub(crate) fn longest_first(&self) -> impl Iterator<Item = (u8, [u32; 2])> {
        let mut lengths = self.lengths;
        std::iter::from_fn(move || {
            let covered = lengths.checked_ilog2()? as usize;
            lengths ^= 1 << covered;
            let set = |sets: &[u32]| sets.get(covered).copied().unwrap_or(0);
            Some((covered as u8, [set(&self.walked), set(&self.whole)]))
        })
    }
}

/// What the lists say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// The list that decides, and how.
    pub(crate) decided: Option<Decided>,
    /// The first `log` list that matched before that.
    pub(crate) shadow: Option<u32>,
}

/// The deciding claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    pub(crate) list: u32,
    pub(crate) action: ListAction,
    pub(crate) cover: Cover,
    pub(crate) covered: u8,
}

/// How long the thing that was looked up is, and whether it may be over-dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Digits, or bytes of a raw text.
    pub(crate) len: usize,
    /// The plan gives the number to nobody: it may be a listed one with digits dialled behind it.
    pub(crate) unassigned: bool,
}

impl Extent {
    /// Whether a claim on the first `covered` digits is a claim on the whole.
    ///
    /// A whole number that covers only the beginning (an over-dialled number) counts for lists
    /// that block or log, never for those that allow: whether the exchange ignores the digits
    /// behind it is nothing to bet a call's price on.
    #[inline]
    pub(crate) fn counts(self, cover: Cover, covered: u8, action: ListAction) -> bool {
        cover == Cover::Prefix || covered as usize == self.len || (self.unassigned && action != ListAction::Allow)
    }
}

/// The time, asked for at most once a call and only where a matched member can expire.
pub(crate) struct Clock {
    now: Option<i64>,
}

impl Clock {
    /// The system's clock.
    pub(crate) fn system() -> Clock {
        Clock { now: None }
    }

    /// A fixed time, for tests and for `explain` at another date.
    pub(crate) fn fixed(now: i64) -> Clock {
        Clock { now: Some(now) }
    }

    #[inline]
    pub(crate) fn is_past(&mut self, expires: i64) -> bool {
        if expires == NEVER {
            return false;
        }
        expires <= *self.now.get_or_insert_with(seconds)
    }
}

/// Seconds since the epoch, by the system's clock.
#[cold]
#[inline(never)]
fn seconds() -> i64 {
    // A clock before 1970 is a clock that is not set: nothing has expired yet.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// The lists of one index. Holds ranges, not bytes: the caller passes the index's bytes in.
#[derive(Debug)]
pub(crate) struct Lists {
    pub(crate) lists: Box<[List]>,
    /// `offsets[i]..offsets[i + 1]` of `members` is set i; set 0 is empty.
    offsets: Box<[u32]>,
    /// Within a set sorted by list, then cover.
    members: Box<[Member]>,
    prefixes: Prefixes,
    whole: WholeNumbers,
    local: Transducer,
    raw: RawTrie,
}

impl Lists {
    pub(crate) fn decode(bytes: &[u8], sections: &Sections, trust: Trust) -> Result<Lists, Error> {
        let mut c = sections.cursor(bytes, "LIST")?;
        let count = c.count(11)?;
        let mut lists = Vec::with_capacity(count);
        let mut total = 0u64;
        for _ in 0..count {
            let at = c.position();
            let action = match c.u8()? {
                0 => ListAction::Allow,
                1 => ListAction::Block,
                2 => ListAction::Log,
                _ => return Err(c.corrupt(at, "a list's action is unknown")),
            };
            let entries = c.u64()?;
            // A reload compares the sums: one that wrapped round would pass for a large index.
            total = total.checked_add(entries).ok_or(c.corrupt(at + 1, "more entries than can be counted"))?;
            let name = Name::of_index(c.text()?).map_err(|what| c.corrupt(at, what))?;
            lists.push(List { name, action, entries });
        }
        c.finish()?;

        let mut c = sections.cursor(bytes, "MEMB")?;
        let set_count = c.count(4)?;
        let member_count = c.count(0)?;
        let mut offsets = Vec::with_capacity(set_count + 1);
        for _ in 0..=set_count {
            let at = c.position();
            let offset = c.u32()?;
            if offset as usize > member_count || offsets.last().is_some_and(|&last| last > offset) {
                return Err(c.corrupt(at, "a membership set's place is out of order"));
            }
            offsets.push(offset);
        }
        if offsets.first() != Some(&0) || offsets.get(1) != Some(&0) {
            return Err(c.corrupt(8, "the first membership set is not empty"));
        }
        if offsets.last() != Some(&(member_count as u32)) {
            return Err(c.corrupt(4, "members that belong to no set"));
        }
        let mut members = Vec::with_capacity(member_count.min(c.clone().rest().len() / 16));
        for _ in 0..member_count {
            let at = c.position();
            let list = c.u32()?;
            let cover = match c.u32()? {
                0 => Cover::Whole,
                1 => Cover::Prefix,
                _ => return Err(c.corrupt(at + 4, "a member's cover is unknown")),
            };
            if list as usize >= lists.len() {
                return Err(c.corrupt(at, "a member's list does not exist"));
            }
            members.push(Member { list, cover, expires: c.i64()? });
        }
        c.finish()?;
        for pair in offsets.windows(2) {
            let set = &members[pair[0] as usize..pair[1] as usize];
            if set.windows(2).any(|w| (w[0].list, w[0].cover) >= (w[1].list, w[1].cover)) {
                return Err(c.corrupt(8, "the members of a set are out of order"));
            }
        }
        let sets = set_count as u32;
        Ok(Lists {
            lists: lists.into(),
            offsets: offsets.into(),
            members: members.into(),
            prefixes: Prefixes::new(Transducer::check(bytes, sections, "NUMP", sets, trust)?, bytes),
            whole: WholeNumbers::check(bytes, sections, sets, trust)?,
            local: Transducer::check(bytes, sections, "LOCL", sets, trust)?,
            raw: RawTrie::check(bytes, sections, sets, trust)?,
        })
    }

    /// The members of a set; none where the id is unknown.
    #[inline]
    pub(crate) fn set(&self, id: u32) -> &[Member] {
        let at = id as usize;
        match (self.offsets.get(at), self.offsets.get(at + 1)) {
            (Some(&from), Some(&to)) => self.members.get(from as usize..to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The name of the list at this position.
    #[cold]
    pub(crate) fn name(&self, list: u32) -> Name {
        self.lists.get(list as usize).map_or(Name::EMPTY, |list| list.name)
    }

    /// True where no list has a `raw:` entry, and the text need not be looked up.
    #[inline]
    pub(crate) fn has_raw(&self) -> bool {
        self.raw.nodes > 1
    }

    /// True where some list names a short or internal number.
    #[inline]
    pub(crate) fn has_local(&self) -> bool {
        self.local.states.len() > 2 * STATE_BYTES
    }

    /// The E.164 numbers that are listed whole. Their steps are the caller's, since other things can be done between
    /// them.
    #[inline(always)]
    pub(crate) fn whole(&self) -> &WholeNumbers {
        &self.whole
    }

    /// Whether an E.164 number begins with a prefix of some list.
    #[inline]
    pub(crate) fn has_prefix_of(&self, bytes: &[u8], number: &[u8]) -> bool {
        self.prefixes.covers(bytes, number)
    }

    /// The keys that cover an E.164 number, of which `whole` is the whole number's set. `unassigned`: the
    /// plan gives it to nobody, so it may be a listed number with digits dialled behind it, which
    /// exchanges ignore; then listed numbers that it begins with are hits too.
    #[inline]
    pub(crate) fn number_hits(
        &self,
        bytes: &[u8],
        number: &Number,
        whole: Option<u32>,
        unassigned: bool,
        hits: &mut Hits,
    ) {
        self.prefixes.transducer.walk(bytes, number.as_bytes(), hits);
        if unassigned {
            self.whole.beginnings(bytes, number, |len, set| hits.whole(len, set));
        }
        if let Some(set) = whole {
            hits.whole(number.len(), set);
        }
    }

    /// The keys that cover a short or internal number.
    pub(crate) fn local_hits(&self, bytes: &[u8], digits: &[u8], hits: &mut Hits) {
        self.local.walk(bytes, digits, hits);
    }

    /// The keys that cover a dialled text.
    pub(crate) fn raw_hits(&self, bytes: &[u8], text: &[u8], hits: &mut Hits) {
        self.raw.walk(bytes, text, hits);
    }

    /// What [`judge`](Lists::judge) decides of a whole number of `len` digits, which somebody has and no prefix or pattern
    /// covers, if one list alone has it, as nearly always.
    #[inline]
    pub(crate) fn sole_claim(&self, set: u32, len: usize, rules: &RuleSet, clock: &mut Clock) -> Option<Decided> {
        let [member] = self.set(set) else { return None };
        let action = self.lists.get(member.list as usize)?.action;
        let decides = member.cover == Cover::Whole
            && action != ListAction::Log
            && rules.rank(member.list).is_some()
            && !clock.is_past(member.expires);
        decides.then_some(Decided { list: member.list, action, cover: Cover::Whole, covered: len as u8 })
    }

    /// What the rule set's lists say of something that these keys cover. The longest key wins, a
    /// whole number before a prefix of equal length, then the list that the profile names first.
    /// Expired members do not count.
    #[inline(never)]
    pub(crate) fn judge(&self, hits: &Hits, dialled: Extent, rules: &RuleSet, clock: &mut Clock) -> Outcome {
        let mut outcome = Outcome::default();
        if rules.lists.is_empty() {
            return outcome;
        }
        for (covered, sets) in hits.longest_first() {
            // The best claim that decides and the best that only logs, both by (cover, rank).
            let mut best: Option<((Cover, u32), u32)> = None;
            let mut log: Option<((Cover, u32), u32)> = None;
            for set in sets {
                self.claims(set, rules, |member, rank| {
                    let Some(list) = self.lists.get(member.list as usize) else { return };
                    if !dialled.counts(member.cover, covered, list.action) {
                        return;
                    }
                    let order = (member.cover, rank);
                    let slot = if list.action == ListAction::Log { &mut log } else { &mut best };
                    if slot.is_none_or(|(other, _)| order < other) && !clock.is_past(member.expires) {
                        *slot = Some((order, member.list));
                    }
                });
            }
            if let Some((order, list)) = log
                && outcome.shadow.is_none()
                && best.is_none_or(|(decided, _)| order < decided)
            {
                outcome.shadow = Some(list);
            }
            if let Some(((cover, _), list)) = best {
                let action = self.lists[list as usize].action;
                outcome.decided = Some(Decided { list, action, cover, covered });
                return outcome;
            }
        }
        outcome
    }

    /// Calls `f` with every member of a set whose list the rule set names, and the list's rank.
    /// Searches the longer of the two with the shorter, so that neither a number on ten thousand
    /// tenants' lists nor a tenant with ten thousand lists makes a call slow.
    #[inline]
    fn claims(&self, set: u32, rules: &RuleSet, mut f: impl FnMut(&Member, u32)) {
        let members = self.set(set);
        if members.len() <= rules.lists.len() {
            for member in members {
                #[cfg(test)]
                crate::steps::tick();
                if let Some(rank) = rules.rank(member.list) {
                    f(member, rank);
                }
            }
        } else {
            for &(list, rank) in &rules.lists {
                #[cfg(test)]
                crate::steps::tick();
                let from = members.partition_point(|m| m.list < list);
                for member in members[from..].iter().take_while(|m| m.list == list) {
                    f(member, rank);
                }
            }
        }
    }

    /// Every whole number's key and its set; for provenance.
    pub(crate) fn each_whole_number(&self, bytes: &[u8], f: impl FnMut(u64, u32)) {
        self.whole.each(bytes, f);
    }

    /// The members of a whole number that is listed; for provenance.
    pub(crate) fn whole_members(&self, bytes: &[u8], number: &[u8]) -> &[Member] {
        self.whole.find(bytes, number).map_or(&[], |set| self.set(set))
    }
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 4) {
        Some(b) => u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        None => 0,
    }
}

fn inside(section: &Range<usize>, cursor: &Cursor<'_>, len: usize) -> Range<usize> {
    let from = section.start + cursor.position();
    from..from + len
}

/// A minimised digit transducer with 32-bit states, read in place. State 0 is dead, state 1 the root.
#[derive(Debug)]
struct Transducer {
    states: Range<usize>,
}

impl Transducer {
    fn check(
        bytes: &[u8],
        sections: &Sections,
        tag: &'static str,
        sets: u32,
        trust: Trust,
    ) -> Result<Transducer, Error> {
        let section = sections.range(tag)?;
        let mut c = sections.cursor(bytes, tag)?;
        let count = c.count(STATE_BYTES)?;
        if count < 2 {
            return Err(c.corrupt(0, "a transducer needs a dead state and a root"));
        }
        let range = inside(&section, &c, count * STATE_BYTES);
        let states = c.take(count * STATE_BYTES)?;
        c.finish()?;
        if trust == Trust::Checked {
            return Ok(Transducer { states: range });
        }
        for (i, state) in states.chunks_exact(STATE_BYTES).enumerate() {
            let (successors, label) = state.split_at(STATE_BYTES - 4);
            if successors.chunks_exact(4).any(|s| u32_at(s, 0) as usize >= count) {
                return Err(c.corrupt(4 + i * STATE_BYTES, "a state's successor does not exist"));
            }
            if u32_at(label, 0) >= sets {
                return Err(c.corrupt(4 + i * STATE_BYTES, "a state's membership set does not exist"));
            }
        }
        if states[..STATE_BYTES].iter().any(|&b| b != 0) {
            return Err(c.corrupt(4, "the dead state is not dead"));
        }
        Ok(Transducer { states: range })
    }

    #[inline]
    fn step(&self, bytes: &[u8], state: u32, digit: u8) -> u32 {
        let at = state as usize * STATE_BYTES + usize::from(digit.wrapping_sub(b'0').min(9)) * 4;
        bytes.get(self.states.clone()).map_or(0, |states| u32_at(states, at))
    }

    /// The set of the key that ends in a state.
    #[inline]
    fn set(&self, bytes: &[u8], state: u32) -> u32 {
        let at = state as usize * STATE_BYTES + STATE_BYTES - 4;
        bytes.get(self.states.clone()).map_or(0, |states| u32_at(states, at))
    }

    /// Whether a key ends on the way of these digits from a state on.
    #[inline]
    fn covers(&self, bytes: &[u8], mut state: u32, digits: &[u8]) -> bool {
        for &digit in digits {
            #[cfg(test)]
            crate::steps::tick();
            state = self.step(bytes, state, digit);
            if state == 0 {
                return false;
            }
            if self.set(bytes, state) != 0 {
                return true;
            }
        }
        false
    }

    #[inline]
    fn walk(&self, bytes: &[u8], digits: &[u8], hits: &mut Hits) {
        let Some(states) = bytes.get(self.states.clone()) else { return };
        let mut state = 1usize;
        for (i, &digit) in digits.iter().enumerate() {
            #[cfg(test)]
            crate::steps::tick();
            let successor = state * STATE_BYTES + (digit.wrapping_sub(b'0').min(9) as usize) * 4;
            state = u32_at(states, successor) as usize;
            if state == 0 {
                return;
            }
            let set = u32_at(states, state * STATE_BYTES + STATE_BYTES - 4);
            if set != 0 {
                hits.walked(i + 1, set);
            }
        }
    }
}

/// The prefixes' transducer with a table in front: what the first digits of a number lead to.
///
/// A walk waits for a load a digit. Most numbers begin like no prefix of a list, or leave them behind
/// within a few digits; the table answers for these with one load.
#[derive(Debug)]
struct Prefixes {
    transducer: Transducer,
    /// How many digits the table is for; 0 where there are no prefixes at all, and no table.
    digits: usize,
    /// By these digits: the state that they lead to, [`Prefixes::COVERED`] where a key ends on the way.
    jump: Box<[u32]>,
}

impl Prefixes {
    const COVERED: u32 = u32::MAX;
    /// A transducer of more states than this gets a larger table: 40 KB.
    const MANY_STATES: usize = 4096;

    fn new(transducer: Transducer, bytes: &[u8]) -> Prefixes {
        let states = transducer.states.len() / STATE_BYTES;
        let digits = match states {
            // The dead state and a root that leads nowhere else: no prefixes.
            0..=2 if (b'0'..=b'9').all(|digit| transducer.step(bytes, 1, digit) == 0) => 0,
            0..=Prefixes::MANY_STATES => 3,
            _ => 4,
        };
        let mut jump = vec![0; if digits == 0 { 0 } else { 10usize.pow(digits as u32) }].into_boxed_slice();
        if digits > 0 {
            Prefixes::fill(&transducer, bytes, 1, &mut jump);
        }
        Prefixes { transducer, digits, jump }
    }

    /// Fills in what the numbers that have led to this state go on to.
    fn fill(transducer: &Transducer, bytes: &[u8], state: u32, jump: &mut [u32]) {
        let tenth = jump.len() / 10;
        if tenth == 0 {
            jump.fill(state);
            return;
        }
        for (digit, jump) in (b'0'..).zip(jump.chunks_exact_mut(tenth)) {
            match transducer.step(bytes, state, digit) {
                0 => {}
                next if transducer.set(bytes, next) != 0 => jump.fill(Prefixes::COVERED),
                next => Prefixes::fill(transducer, bytes, next, jump),
            }
        }
    }

    /// Whether a number begins with a key.
    #[inline]
    fn covers(&self, bytes: &[u8], number: &[u8]) -> bool {
        let Some(head) = number.get(..self.digits).filter(|head| !head.is_empty()) else {
            return self.digits > 0 && self.transducer.covers(bytes, 1, number);
        };
        let head = head.iter().fold(0, |head, &digit| head * 10 + usize::from(digit.wrapping_sub(b'0').min(9)));
        match self.jump.get(head) {
            None | Some(0) => false,
            Some(&Prefixes::COVERED) => true,
            Some(&state) => self.transducer.covers(bytes, state, &number[self.digits..]),
        }
    }
}

/// A trie over dialled bytes. Node 0 is the root.
#[derive(Debug)]
struct RawTrie {
    nodes: usize,
    table: Range<usize>,
    labels: Range<usize>,
    targets: Range<usize>,
}

impl RawTrie {
    fn check(bytes: &[u8], sections: &Sections, sets: u32, trust: Trust) -> Result<RawTrie, Error> {
        let section = sections.range("RAWT")?;
        let mut c = sections.cursor(bytes, "RAWT")?;
        let nodes = c.count(NODE_BYTES)?;
        let edges = c.count(5)?;
        if nodes == 0 {
            return Err(c.corrupt(0, "the trie has no root"));
        }
        let table = inside(&section, &c, nodes * NODE_BYTES);
        let table_bytes = c.take(nodes * NODE_BYTES)?;
        let targets = inside(&section, &c, edges * 4);
        let target_bytes = c.take(edges * 4)?;
        let labels = inside(&section, &c, edges);
        let label_bytes = c.take(edges)?;
        c.finish()?;
        if trust == Trust::Checked {
            return Ok(RawTrie { nodes, table, labels, targets });
        }
        for (i, node) in table_bytes.chunks_exact(NODE_BYTES).enumerate() {
            let at = 8 + i * NODE_BYTES;
            let (first, count, set) = (u32_at(node, 0) as usize, u32_at(node, 4) as usize, u32_at(node, 8));
            if set >= sets {
                return Err(c.corrupt(at + 8, "a node's membership set does not exist"));
            }
            let Some(own) = first.checked_add(count).and_then(|end| label_bytes.get(first..end)) else {
                return Err(c.corrupt(at, "a node's edges do not exist"));
            };
            if own.windows(2).any(|w| w[0] >= w[1]) {
                return Err(c.corrupt(at, "a node's edges are out of order"));
            }
        }
        if target_bytes.chunks_exact(4).any(|t| u32_at(t, 0) as usize >= nodes) {
            return Err(c.corrupt(8 + nodes * NODE_BYTES, "an edge's target does not exist"));
        }
        Ok(RawTrie { nodes, table, labels, targets })
    }

    fn walk(&self, bytes: &[u8], text: &[u8], hits: &mut Hits) {
        let (Some(table), Some(labels), Some(targets)) =
            (bytes.get(self.table.clone()), bytes.get(self.labels.clone()), bytes.get(self.targets.clone()))
        else {
            return;
        };
        let mut node = 0;
        let mut covered = 0;
        loop {
            #[cfg(test)]
            crate::steps::tick();
            let at = node * NODE_BYTES;
            let set = u32_at(table, at + 8);
            if set != 0 {
                hits.walked(covered, set);
            }
            let Some(byte) = text.get(covered).filter(|_| covered < MAX_RAW_BYTES) else { return };
            let first = u32_at(table, at) as usize;
            let count = u32_at(table, at + 4) as usize;
            let Some(own) = labels.get(first..first + count) else { return };
            let Ok(edge) = own.binary_search(byte) else { return };
            node = u32_at(targets, (first + edge) * 4) as usize;
            covered += 1;
        }
    }
}

const _: () = assert!(MAX_NUMBER_DIGITS <= MAX_RAW_BYTES, "Hits must hold every digit's keys");
