//! The compiled policy: open, check, read.
//!
//! | file | subject |
//! | --- | --- |
//! | `format.rs` | the container: header, section table, checksum |
//! | `map.rs` | the bytes: in memory or mapped |
//! | `provenance.rs` | where an index and its entries come from |

pub(crate) mod format;
mod map;
pub(crate) mod provenance;

use crate::dial::Site;
use crate::error::Error;
use crate::explain::{self, Explanation};
use crate::lanes::Lanes;
use crate::lists::{Clock, Lists};
use crate::number::Region;
use crate::plan::Plan;
use crate::profile::Profiles;
use crate::screen::{self, Named, NoTrace, Question, ROW, Rows};
use crate::verdict::{Direction, Verdict};
use format::{CHECKSUM_BYTES, Kind, Sections, Trust};
use map::Data;
use provenance::{IndexInfo, Provenance};
use std::path::Path;

/// What to ask beside the number: which profile, which direction, which home region.
///
/// ```
/// use tollgate::{Direction, Query, Region};
/// let query = Query::new().profile("tenant-7").direction(Direction::Inbound);
/// let elsewhere = Query::new().home(Region::new("DE").unwrap());
/// # let _ = (query, elsewhere);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'q> {
    profile: Option<&'q [u8]>,
    direction: Direction,
    home: Option<Region>,
}

impl<'q> Query<'q> {
    /// The default profile, outbound, the policy's home region.
    #[must_use]
    pub const fn new() -> Query<'q> {
        Query { profile: None, direction: Direction::Outbound, home: None }
    }

    /// Asks this profile instead of the default one.
    #[must_use]
    pub const fn profile(mut self, name: &'q str) -> Query<'q> {
        self.profile = Some(name.as_bytes());
        self
    }

    /// As [`profile`](Query::profile), with the name's bytes as they came: it is compared byte for byte, so
    /// that one that is no UTF-8 is unknown.
    #[must_use]
    pub const fn profile_bytes(mut self, name: &'q [u8]) -> Query<'q> {
        self.profile = Some(name);
        self
    }

    /// Asks for this direction.
    #[must_use]
    pub const fn direction(mut self, direction: Direction) -> Query<'q> {
        self.direction = direction;
        self
    }

    /// Reads the dialled string as it is dialled in this region. The site's outside-line digit and
    /// extension lengths still apply, its own international prefixes do not.
    #[must_use]
    pub const fn home(mut self, home: Region) -> Query<'q> {
        self.home = Some(home);
        self
    }
}

/// One immutable, self-contained, checked index.
///
/// Opening checks every byte once; screening then trusts them. An `Index` is `Send` and `Sync`,
/// and any number of threads may ask it at a time. Most programs hold it in a
/// [`Gate`](crate::Gate), which can swap it.
#[derive(Debug)]
pub struct Index {
    data: Data,
    pub(crate) plan: Plan,
    pub(crate) site: Site,
    /// By territory, as everybody there dials.
    lanes: Box<[Lanes]>,
    /// Of the site's home, with its own international prefixes.
    site_lanes: Lanes,
    pub(crate) lists: Lists,
    pub(crate) profiles: Profiles,
    pub(crate) provenance: Provenance,
}

impl Index {
    /// Reads an index file into memory and checks it. Later changes to the file do not matter.
    ///
    /// # Errors
    ///
    /// Every way in which the file can be missing, cut, damaged, of another version or malformed
    /// is its own [`Error`].
    pub fn open(path: impl AsRef<Path>) -> Result<Index, Error> {
        let data = Data::read(path.as_ref())?;
        let sections = Sections::parse(&data, Kind::Index)?;
        Index::check(data, &sections, Trust::Nothing)
    }

    /// Maps an index file and checks it: the pages are shared by all processes that map it, and only those
    /// that look-ups ask about stay part of one. (For its checksum the file is read, not mapped; the pages of its
    /// tables are given back when they have been checked.)
    ///
    /// # Safety
    ///
    /// While the index (or a gate that holds it) lives, nobody may change or cut the file in
    /// place: what was checked would no longer be what is read, and a cut file ends the process
    /// with `SIGBUS`. `tollgate build` and `compile::write_file`
    /// never do that, they write aside and rename; `cp` over the file, an editor or `rsync
    /// --inplace` do.
    ///
    /// # Errors
    ///
    /// As [`Index::open`].
    #[allow(unsafe_code)]
    pub unsafe fn map(path: impl AsRef<Path>) -> Result<Index, Error> {
        // SAFETY: the caller's promise is `Data::map`'s contract.
        let (data, file) = unsafe { Data::map(path.as_ref()) }?;
        // The checksum is that of what the file says when it is read, not when it is mapped: so that no
        // more of it becomes part of this process than is asked for. By the same promise it is the same.
        let checksum = file.map(|file| map::checksum(path.as_ref(), file)).transpose()?;
        let sections =
            Sections::parse_with(&data, Kind::Index, |body| checksum.unwrap_or_else(|| format::checksum(body)))?;
        Index::check(data, &sections, Trust::Nothing)
    }

    /// Maps an index file that was opened before, by this process or another one, without checking it
    /// again: in milliseconds, however long its lists are. (Time grows with profiles, sources, and the
    /// sets of lists that numbers are in, of which each different expiry makes one.) `checksum` is what [`IndexInfo::checksum`] said then,
    /// or `tollgate inspect` or `verify`. A file that ends in another one is refused.
    ///
    /// What this does not find is damage that came to the file since; then answers may be wrong. They
    /// still come from within the file: whatever its bytes are, nothing else is read, nothing panics, and a
    /// look-up ends.
    ///
    /// # Safety
    ///
    /// As [`Index::map`].
    ///
    /// # Errors
    ///
    /// As [`Index::open`]; [`Error::Checksum`] where the file is not the one that was opened before.
    #[allow(unsafe_code)]
    pub unsafe fn map_verified(path: impl AsRef<Path>, checksum: [u8; 16]) -> Result<Index, Error> {
        // SAFETY: the caller's promise is `Data::map`'s contract.
        let (data, _) = unsafe { Data::map(path.as_ref()) }?;
        let sections = Sections::parse_with(&data, Kind::Index, |_| checksum)?;
        Index::check(data, &sections, Trust::Checked)
    }

    /// Checks an index that is in memory.
    ///
    /// # Errors
    ///
    /// As [`Index::open`].
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Result<Index, Error> {
        let data = Data::Owned(bytes.into());
        let sections = Sections::parse(&data, Kind::Index)?;
        Index::check(data, &sections, Trust::Nothing)
    }

    fn check(data: Data, sections: &Sections, trust: Trust) -> Result<Index, Error> {
        let plan = Plan::decode(&data, sections)?;
        let site = decode_site(&data, sections, &plan)?;
        let lists = Lists::decode(&data, sections, trust)?;
        let profiles = Profiles::decode(&data, sections, lists.lists.len())?;
        let provenance = Provenance::decode(&data, sections, &lists, trust)?;
        let lanes = plan.territories().iter().map(|home| Lanes::of(&plan, home, &[])).collect();
        let home = plan.territory_of(site.home).ok_or(Error::Corrupt {
            section: "SITE",
            offset: 0,
            what: "the home region is not in the plan",
        })?;
        let site_lanes = Lanes::of(&plan, home, &site.international_prefixes);
        // Where it was mapped, all of its tables have just been looked at once.
        data.forget_pages();
        Ok(Index { data, site_lanes, lanes, plan, site, lists, profiles, provenance })
    }

    /// The index as a file: what [`Index::from_bytes`] takes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// The file's bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Whether two indexes are the same bytes, by their lengths and checksums.
    pub(crate) fn is_same(&self, other: &Index) -> bool {
        let end = |index: &Index| index.data.len().saturating_sub(CHECKSUM_BYTES);
        end(self) == end(other) && self.data[end(self)..] == other.data[end(other)..]
    }

    /// Screens a dialled string with the default profile, outbound.
    ///
    /// Takes any bytes; allocates nothing, takes no lock, makes no system call (the clock only
    /// where a matched list entry can expire) and cannot fail: what cannot be read is a verdict of
    /// its own. Time is proportional to the length of the text, of which at most 1,024 bytes are
    /// looked at.
    #[inline]
    #[must_use]
    pub fn screen(&self, dialled: &[u8]) -> Verdict {
        let mut verdict = Verdict::BLANK;
        self.judge(Question::DEFAULT, dialled, &mut verdict);
        verdict
    }

    /// As [`Index::screen`], into a blank verdict, with the positions of the lists that it names.
    #[inline]
    pub(crate) fn judge(&self, question: Question, dialled: &[u8], verdict: &mut Verdict) -> Named {
        screen::judge(self, question, dialled, Clock::system(), NoTrace, verdict)
    }

    /// Screens a dialled string or caller id.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownProfile`] and [`Error::UnknownRegion`], where the query names what the index
    /// does not have. Nothing else can fail.
    #[inline]
    pub fn screen_with(&self, query: &Query<'_>, dialled: &[u8]) -> Result<Verdict, Error> {
        let question = self.resolve(query)?;
        let mut verdict = Verdict::BLANK;
        self.judge(question, dialled, &mut verdict);
        Ok(verdict)
    }

    /// Screens several dialled strings or caller ids with one query, `verdicts[i]` being that of
    /// `dialled[i]`, and says how many there were: as many as the shorter of the two has. The verdicts
    /// are those of [`Index::screen_with`]; with millions of listed numbers they come faster, since the
    /// look-ups wait for memory together. It allocates nothing. The clock is asked at most once.
    ///
    /// # Errors
    ///
    /// As [`Index::screen_with`]; then no verdict is written.
    pub fn screen_many<T: AsRef<[u8]>>(
        &self,
        query: &Query<'_>,
        dialled: &[T],
        verdicts: &mut [Verdict],
    ) -> Result<usize, Error> {
        let mut rows = Rows::new(self, self.resolve(query)?);
        for (dialled, verdicts) in dialled.chunks(ROW).zip(verdicts.chunks_mut(ROW)) {
            rows.judge(dialled, verdicts, |_, _, _| {});
        }
        Ok(dialled.len().min(verdicts.len()))
    }

    /// As [`Index::screen_with`], at a time given in seconds since 1970-01-01T00:00:00Z, by which
    /// entries that expire are judged.
    ///
    /// # Errors
    ///
    /// As [`Index::screen_with`].
    pub fn screen_at(&self, query: &Query<'_>, dialled: &[u8], now: i64) -> Result<Verdict, Error> {
        let question = self.resolve(query)?;
        let mut verdict = Verdict::BLANK;
        screen::judge(self, question, dialled, Clock::fixed(now), NoTrace, &mut verdict);
        Ok(verdict)
    }

    /// The whole chain from the text to the verdict, with file and line of the entries that
    /// matched. For people: it allocates.
    ///
    /// # Errors
    ///
    /// As [`Index::screen_with`].
    pub fn explain(&self, query: &Query<'_>, dialled: &[u8]) -> Result<Explanation, Error> {
        Ok(explain::explain(self, self.resolve(query)?, dialled))
    }

    /// What the index was made of.
    #[must_use]
    pub fn info(&self) -> IndexInfo {
        provenance::info(self)
    }

    /// How many list entries the index holds (a range counts once a prefix).
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.lists.lists.iter().map(|l| l.entries).sum()
    }

    /// True where the bytes are a mapped file.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        self.data.is_mapped()
    }

    /// The lanes of a home region: the site's own, unless another one is asked for.
    #[inline]
    pub(crate) fn lanes(&self, home: Option<u8>) -> Option<&Lanes> {
        match home {
            Some(home) if home != self.site.home => self.lanes.get(usize::from(home).checked_sub(1)?),
            _ => Some(&self.site_lanes),
        }
    }

    #[inline(always)]
    pub(crate) fn resolve(&self, query: &Query<'_>) -> Result<Question, Error> {
        let profile = match query.profile {
            None => 0,
            Some(name) => self.profiles.find(name).ok_or_else(|| unknown_profile(name))?,
        };
        let home = match query.home {
            None => None,
            Some(region) => Some(self.plan.territory(region).ok_or_else(|| unknown_region(region))?),
        };
        Ok(Question { profile, direction: query.direction, home })
    }
}

#[cold]
#[inline(never)]
fn unknown_region(region: Region) -> Error {
    Error::UnknownRegion { region: region.as_str().to_owned() }
}

#[cold]
#[inline(never)]
fn unknown_profile(name: &[u8]) -> Error {
    Error::UnknownProfile { name: String::from_utf8_lossy(name).into_owned() }
}

fn decode_site(bytes: &[u8], sections: &Sections, plan: &Plan) -> Result<Site, Error> {
    let mut c = sections.cursor(bytes, "SITE")?;
    let home = Region::new(c.text()?)
        .and_then(|home| plan.territory(home))
        .ok_or(c.corrupt(0, "the home region is not in the plan"))?;
    let at = c.position();
    let outside_line = match c.u8()? {
        0 => None,
        digit if digit.is_ascii_digit() => Some(digit),
        _ => return Err(c.corrupt(at, "the outside-line digit is no digit")),
    };
    let extensions = c.u64()?;
    let count = c.u16()?;
    let mut international_prefixes = Vec::new();
    for _ in 0..count {
        let at = c.position();
        let prefix = c.text()?.as_bytes();
        if prefix.is_empty() || !prefix.iter().all(u8::is_ascii_digit) {
            return Err(c.corrupt(at, "an international prefix is not made of digits"));
        }
        international_prefixes.push(prefix.into());
    }
    c.finish()?;
    Ok(Site { home, outside_line, extensions, international_prefixes })
}
