//! The compiler (feature `compile`): a policy file and its lists become one index.
//!
//! ```text
//! policy.toml ─ policy.rs ───────────┐
//! list files ── files.rs, blocks.rs ─┼─▶ model.rs ─ lint/ ─▶ writer.rs, numbers.rs ─▶ index bytes
//! entries ───── entry.rs ────────────┘ long.rs, spool.rs    plan/ ─▶ plan bytes ──┘
//! ```
//!
//! Whole numbers of long files are no entries of the model: `blocks.rs` reads them on all cores, `long.rs`
//! keeps eight bytes of each, `spool.rs` sorts them on disk where they do not fit, and `numbers.rs` writes
//! them one by one.
//!
//! [`Compiler`] does it all. What is wrong comes back as a [`Report`] of [`Diagnostic`]s with their
//! places, as many as can be found in one go. The same policy, lists, plan and settings give the
//! same bytes: the clock is asked for nothing but the warning that an entry has expired.

mod blocks;
mod diagnostic;
mod entry;
mod files;
mod lint;
mod long;
pub(crate) mod model;
mod numbers;
pub mod plan;
mod policy;
mod spool;
mod starter;
mod writer;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, MAX_KEPT, Place, Report, Severity};
pub use starter::STARTER;
pub use writer::write_file;

use crate::dial;
use crate::index::format::{Kind, Sections};
use crate::number::{MAX_NAME_LEN, Region};
use crate::numbers::{whole_digits, whole_key};
use crate::plan::Plan;
use diagnostic::SourceText;
use entry::EntryReader;
use files::Fault;
use model::{Entry, List, ListAction, Model, Origin, Source};
use policy::Known;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

/// How much memory the numbers of long lists may take while they are sorted, unless
/// [`Compiler::memory`] says otherwise, in bytes.
pub const DEFAULT_MEMORY: u64 = 512 << 20;

/// The warning about a number that nobody has.
const UNASSIGNED: &str = "unassigned-entry";

/// A compiled policy.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The index file's bytes.
    pub index: Vec<u8>,
    /// Warnings, and lines that were skipped; no errors.
    pub report: Report,
    /// How many entries all lists have, as written.
    pub entries: u64,
}

/// How far the compiler is; see [`Compiler::progress`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The list file that is being read, as the policy names it.
    pub file: String,
    /// Lines that were read of it.
    pub lines: u64,
    /// Bytes that were read of it, as it is on disk: a little more than those of the lines.
    pub bytes: u64,
    /// How many bytes it has; 0 where that cannot be told.
    pub total_bytes: u64,
    /// Whether it has been read to its end.
    pub done: bool,
}

/// What stands in an index beside the policy itself: where it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Seconds since 1970, if the caller wants one in the file.
    pub(crate) build_time: Option<i64>,
    /// Who built it: the caller's word, else the policy's author.
    pub(crate) by: String,
    /// Why: the caller's word, else the policy's description.
    pub(crate) why: String,
}

type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// Compiles policies. Settings first, then [`compile_file`](Compiler::compile_file).
#[derive(Default)]
pub struct Compiler {
    skip_bad_lines: bool,
    plan: Option<Vec<u8>>,
    home: Option<Region>,
    build_time: Option<i64>,
    by: Option<String>,
    why: Option<String>,
    now: Option<i64>,
    progress: Option<RefCell<OnProgress>>,
    memory: Option<u64>,
    threads: Option<usize>,
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler")
            .field("skip_bad_lines", &self.skip_bad_lines)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl Compiler {
    /// A compiler with the built-in numbering plan, that refuses bad lines.
    #[must_use]
    pub fn new() -> Compiler {
        Compiler::default()
    }

    /// Whether lines of list files that cannot be read are left out and listed in
    /// [`Report::skipped`], rather than failing the build. That a line would block an emergency
    /// number counts as such. Entries in the policy itself must be right in any case, and so must
    /// files be as a whole: that one is missing or cut is never skipped.
    #[must_use]
    pub fn skip_bad_lines(mut self, skip: bool) -> Compiler {
        self.skip_bad_lines = skip;
        self
    }

    /// The bytes of a plan file to use in place of the built-in plan.
    #[must_use]
    pub fn plan(mut self, plan_file: impl Into<Vec<u8>>) -> Compiler {
        self.plan = Some(plan_file.into());
        self
    }

    /// The home region, whatever the policy says.
    #[must_use]
    pub fn home(mut self, home: Region) -> Compiler {
        self.home = Some(home);
        self
    }

    /// The build time to note in the index, in seconds since 1970. Without it there is none, so
    /// that building twice gives the same bytes.
    #[must_use]
    pub fn build_time(mut self, time: Option<i64>) -> Compiler {
        self.build_time = time;
        self
    }

    /// Who builds, for the index's provenance; otherwise the policy's `author`.
    #[must_use]
    pub fn by(mut self, who: impl Into<String>) -> Compiler {
        self.by = Some(who.into());
        self
    }

    /// Why it is built, for the index's provenance; otherwise the policy's `description`.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Compiler {
        self.why = Some(why.into());
        self
    }

    /// The time, in seconds since 1970, by which an entry counts as expired in a warning; otherwise
    /// the clock's.
    #[must_use]
    pub fn now(mut self, now: i64) -> Compiler {
        self.now = Some(now);
        self
    }

    /// Something to call while long list files are read.
    #[must_use]
    pub fn progress(mut self, f: impl FnMut(Progress) + Send + 'static) -> Compiler {
        self.progress = Some(RefCell::new(Box::new(f)));
        self
    }

    /// How many bytes of memory the numbers of long lists may take while they are sorted;
    /// [`DEFAULT_MEMORY`] otherwise. What does not fit is sorted in temporary files (in `TMPDIR`), eight
    /// bytes a number; sixteen, where files have more than a thousand different expiries. Beside it there
    /// is always the index itself, which is put together in memory; all that is no whole number of a long
    /// file (prefixes and ranges, numbers with a note, a million numbers of shorter files), some hundred
    /// bytes each; each different expiry; and a few megabytes a thread.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Compiler {
        self.memory = Some(bytes);
        self
    }

    /// How many threads read long list files, 256 at the most; otherwise as many as can run at a time. The
    /// index does not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Compiler {
        self.threads = Some(threads);
        self
    }

    /// Compiles a policy file; its list files are looked for beside it.
    ///
    /// # Errors
    ///
    /// The report, where it has errors.
    pub fn compile_file(&self, path: &Path) -> Result<Compiled, Report> {
        self.finish(self.model_of_file(path))
    }

    /// Compiles a policy that is at hand as text. `file_name` is what it is called in places;
    /// `base` is the folder that its list files are relative to.
    ///
    /// # Errors
    ///
    /// The report, where it has errors.
    pub fn compile_str(&self, file_name: &str, text: &str, base: &Path) -> Result<Compiled, Report> {
        self.finish(self.model_of(file_name, text, base))
    }

    /// Compiles the built-in starter policy, [`STARTER`].
    ///
    /// # Errors
    ///
    /// The report, where it has errors: a plan or a home region that does not fit.
    pub fn starter(&self) -> Result<Compiled, Report> {
        self.compile_str("starter.toml", STARTER, Path::new(""))
    }

    /// Reads and checks a policy file and its lists, and writes no index.
    #[must_use]
    pub fn check_file(&self, path: &Path) -> Report {
        match self.model_of_file(path) {
            Ok((_, _, report)) | Err(report) => report,
        }
    }

    /// The end of every compilation.
    fn finish(&self, read: Result<(Model, Meta, Report), Report>) -> Result<Compiled, Report> {
        let (model, meta, mut report) = read?;
        let entries = model.sources.iter().map(|source| source.entries).sum();
        match writer::write(&model, self.plan_file(), &meta) {
            Ok(index) => Ok(Compiled { index, report, entries }),
            Err(why) => {
                report.push(*why);
                Err(report)
            }
        }
    }

    fn plan_file(&self) -> &[u8] {
        self.plan.as_deref().unwrap_or(plan::BUILT_IN)
    }

    fn model_of_file(&self, path: &Path) -> Result<(Model, Meta, Report), Report> {
        let name = path.display().to_string();
        let fail = |diagnostic: Diagnostic| {
            let mut report = Report::default();
            report.push(diagnostic);
            report
        };
        let bytes = std::fs::read(path).map_err(|e| {
            fail(
                Diagnostic::error("unreadable-file", format!("cannot read the policy: {e}"))
                    .help("check the path and its permissions; `tollgate init` writes a policy to start from")
                    .at(Place::of_file(&name, 0)),
            )
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            fail(
                Diagnostic::error("not-utf8", "the policy is not UTF-8")
                    .help("save it as UTF-8")
                    .at(Place::of_file(&name, u32::try_from(line).unwrap_or(u32::MAX))),
            )
        })?;
        self.model_of(&name, text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a policy and its lists. `Err` where the report has errors.
    pub(crate) fn model_of(&self, file_name: &str, text: &str, base: &Path) -> Result<(Model, Meta, Report), Report> {
        let mut report = Report::default();
        let plan = match Sections::parse(self.plan_file(), Kind::Plan)
            .and_then(|sections| Plan::decode(self.plan_file(), &sections))
        {
            Ok(plan) => plan,
            Err(e) => {
                report.push(writer::bad_plan(&e));
                return Err(report);
            }
        };
        let region_known = |region| region == Region::WORLD || plan.territory(region).is_some();
        if let Some(home) = self.home.filter(|&home| plan.territory(home).is_none()) {
            report.push(
                Diagnostic::error(
                    "unknown-region",
                    format!("the numbering plan has no home region {:?}", home.as_str()),
                )
                .help("give an ISO 3166-1 alpha-2 code such as SK"),
            );
        }
        let source = SourceText::new(file_name, text);
        let known = Known { region: &region_known, home: self.home };
        let mut policy = policy::parse(&source, text, &known, &mut report);
        let bare_name = Path::new(file_name).file_name().map_or(Cow::Borrowed(file_name), |n| n.to_string_lossy());
        let profiles = std::mem::take(&mut policy.profiles);
        let model = Model {
            name: policy.name.take().unwrap_or_else(|| stem(&bare_name)),
            site: policy.site.clone(),
            lists: policy.lists.iter().map(|l| List { name: l.name.clone(), action: l.action }).collect(),
            entries: Vec::new(),
            numbers: long::Numbers::default(),
            long_counts: vec![0; policy.lists.len()],
            profiles,
            sources: vec![Source {
                path: bare_name.into_owned(),
                sha256: Sha256::digest(text).into(),
                bytes: text.len() as u64,
                entries: 0,
            }],
        };
        let meta = Meta {
            build_time: self.build_time,
            by: self.by.clone().or_else(|| policy.author.clone()).unwrap_or_default(),
            why: self.why.clone().or_else(|| policy.description.clone()).unwrap_or_default(),
        };
        // Without a home region nothing that is dialled can be read; every entry would only repeat
        // that.
        if let Some(home) = plan.territory(model.site.home) {
            let site = dial::Site {
                home,
                outside_line: model.site.outside_line,
                extensions: model.site.extensions.iter().fold(0, |bits, n| bits | 1 << n),
                international_prefixes: model
                    .site
                    .international_prefixes
                    .iter()
                    .map(|prefix| prefix.as_bytes().into())
                    .collect(),
            };
            let assigned = lint::Assigned::new(&plan);
            let reader = EntryReader::new(&plan, &assigned, site);
            let mut build = Build {
                compiler: self,
                reader: &reader,
                assigned: &assigned,
                long: long::Collector::new(self.memory.unwrap_or(DEFAULT_MEMORY)),
                file: None,
                kept: 0,
                now: self.now.unwrap_or_else(clock),
                places: lint::Places { files: vec![(PathBuf::new(), file_name.into())], ..lint::Places::default() },
                warnings: lint::Warnings::default(),
                model,
                report,
            };
            build.lists(&policy.lists, &source, base);
            let Build { mut model, mut report, mut warnings, places, long, .. } = build;
            match long.finish() {
                Ok(numbers) => model.numbers = numbers,
                Err(error) => report.push(long::no_room(&error)),
            }
            if !report.has_errors() {
                lint::whole(&model, &policy, &places, &source, &mut warnings, &mut report);
            }
            report.sort();
            warnings.finish(&mut report);
            return if report.has_errors() { Err(report) } else { Ok((model, meta, report)) };
        }
        report.sort();
        if report.has_errors() { Err(report) } else { Ok((model, meta, report)) }
    }
}

/// A policy's name where it has none of its own.
fn stem(file_name: &str) -> String {
    let stem = Path::new(file_name).file_stem().map_or(Cow::Borrowed("policy"), |s| s.to_string_lossy());
    let mut end = stem.len().min(MAX_NAME_LEN);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem[..end].chars().filter(|c| !c.is_control()).collect()
}

fn clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// A compilation under way.
struct Build<'b> {
    compiler: &'b Compiler,
    reader: &'b EntryReader<'b>,
    assigned: &'b lint::Assigned<'b>,
    now: i64,
    places: lint::Places,
    warnings: lint::Warnings,
    model: Model,
    report: Report,
    long: long::Collector,
    /// The list file that is being read.
    file: Option<FileNumbers>,
    /// How many numbers of list files became entries.
    kept: usize,
}

/// The whole numbers of a list file, until it is known whether there are too many to be entries.
#[derive(Default)]
struct FileNumbers {
    /// Key, line, expiry.
    numbers: Vec<(u64, u32, Option<i64>)>,
    /// There are: the rest goes where long lists go.
    long: bool,
}

/// Why an entry is not taken.
enum Stop {
    /// It is bad.
    Fault(Fault),
    /// A file that is written meanwhile cannot be.
    Disk(Box<Diagnostic>),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl From<Box<Diagnostic>> for Stop {
    fn from(diagnostic: Box<Diagnostic>) -> Stop {
        Stop::Disk(diagnostic)
    }
}

/// One entry with all that is said of it.
struct Written<'e> {
    list: u32,
    text: &'e str,
    expires: Option<i64>,
    note: Option<&'e str>,
    origin: Origin,
    /// In the policy's text, for entries in it.
    inline: Option<Range<usize>>,
}

impl Build<'_> {
    fn lists(&mut self, lists: &[policy::ListDecl], source: &SourceText<'_>, base: &Path) {
        for (i, list) in lists.iter().enumerate() {
            let position = i as u32;
            for entry in &list.entries {
                let written = Written {
                    list: position,
                    text: &entry.text,
                    expires: entry.expires,
                    note: entry.note.as_deref(),
                    origin: Origin { source: 0, line: source.line(entry.span.start) },
                    inline: Some(entry.span.clone()),
                };
                let place = || source.place(entry.span.clone());
                match self.entry(written, list.action, &place) {
                    Ok(()) => {}
                    Err(Stop::Fault(fault)) => self.report.push(fault.error().at(place())),
                    Err(Stop::Disk(diagnostic)) => self.report.push(*diagnostic),
                }
            }
            for (name, span) in &list.files {
                self.file(position, list.action, name, base, &|| source.place(span.clone()));
            }
        }
    }

    /// Reads one list file. `named` is where the policy names it.
    fn file(&mut self, list: u32, action: ListAction, name: &str, base: &Path, named: &dyn Fn() -> Place) {
        let path = base.join(name);
        let shown = path.display().to_string();
        let source = self.model.sources.len() as u32;
        self.model.sources.push(Source { path: name.into(), sha256: [0; 32], bytes: 0, entries: 0 });
        self.places.files.push((path.clone(), shown.clone()));
        self.file = Some(FileNumbers::default());
        let mut progress = (0, 0, 0);
        let threads = self.compiler.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        let (reader, now) = (self.reader, self.now);
        let facts = blocks::read(&path, &shown, threads, reader, now, &mut |lot, format| {
            progress = lot.progress();
            let result = self.lot(list, action, source, &shown, lot, format);
            self.progress(name, progress, false);
            result
        });
        let facts = facts.and_then(|facts| self.end_file(list, source).map(|()| facts));
        self.progress(name, progress, true);
        match facts {
            Ok(facts) => {
                let source = &mut self.model.sources[source as usize];
                source.sha256 = facts.sha256;
                source.bytes = facts.bytes;
            }
            Err(diagnostic) => {
                // A file that is not there is a fault of the line that names it.
                let missing = diagnostic.place.as_ref().is_some_and(|place| place.line == 0);
                self.report.push(if missing { diagnostic.at(named()) } else { *diagnostic });
            }
        }
    }

    /// Takes what a part of a list file says.
    fn lot(
        &mut self,
        list: u32,
        action: ListAction,
        source: u32,
        file: &str,
        lot: &blocks::Lot,
        format: files::Format,
    ) -> Result<(), Box<Diagnostic>> {
        let expires = lot.expires.iter().copied().chain(std::iter::repeat(None));
        let numbers = lot.keys.iter().zip(&lot.lines).zip(expires);
        self.numbers(list, source, numbers.map(|((&key, &line), expires)| (key, line, expires)))?;
        self.model.sources[source as usize].entries += lot.keys.len() as u64;
        let mut shown = 0;
        lot.unassigned(format, file, &mut |row| {
            shown += 1;
            self.warn_unassigned(&|| row.place());
        });
        self.warnings.count_many(UNASSIGNED, lot.unassigned.saturating_sub(shown));
        let mut failed = Ok(());
        lot.others(format, file, &mut |row| {
            let result = match &row.content {
                Ok(content) => {
                    let written = Written {
                        list,
                        text: content.entry,
                        expires: content.expires,
                        note: content.note,
                        origin: Origin { source, line: row.line },
                        inline: None,
                    };
                    self.entry(written, action, &|| row.place())
                }
                Err(fault) => Err(Stop::Fault(fault.clone())),
            };
            match result {
                Err(Stop::Fault(fault)) => self.reject(fault, &row),
                Err(Stop::Disk(diagnostic)) => failed = Err(diagnostic),
                Ok(()) => {}
            }
        })?;
        failed
    }

    /// Takes whole numbers of the list file that is being read.
    fn numbers(
        &mut self,
        list: u32,
        source: u32,
        numbers: impl Iterator<Item = (u64, u32, Option<i64>)>,
    ) -> Result<(), Box<Diagnostic>> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.numbers.extend(numbers);
        let kept = file.numbers.len();
        if file.long || kept > long::KEPT_LINES || self.kept + kept > long::MOST_KEPT {
            file.long = true;
            let taken = std::mem::take(&mut file.numbers);
            self.take_long(list, source, &taken)?;
            if let Some(file) = &mut self.file {
                file.numbers = taken;
                file.numbers.clear();
            }
        }
        Ok(())
    }

    /// Numbers that become no entries of their own.
    fn take_long(
        &mut self,
        list: u32,
        source: u32,
        numbers: &[(u64, u32, Option<i64>)],
    ) -> Result<(), Box<Diagnostic>> {
        for group in numbers.chunk_by(|a, b| a.2 == b.2) {
            let id = self.long.claim(long::Claim { list, source, expires: group[0].2 });
            self.long.extend(group.iter().map(|&(key, ..)| key), id).map_err(|e| Box::new(long::no_room(&e)))?;
            self.model.long_counts[list as usize] += group.len() as u64;
        }
        Ok(())
    }

    fn whole_entry(&mut self, list: u32, source: u32, (key, line, expires): (u64, u32, Option<i64>)) {
        let digits = whole_digits(key).into_bytes().into_boxed_slice();
        self.model.entries.push(Entry {
            list,
            key: model::Key::Number { digits, whole: true },
            expires,
            origin: Origin { source, line },
            note: None,
        });
    }

    /// A list file has been read.
    fn end_file(&mut self, list: u32, source: u32) -> Result<(), Box<Diagnostic>> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if file.long {
            return self.take_long(list, source, &file.numbers);
        }
        self.kept += file.numbers.len();
        file.numbers.into_iter().for_each(|number| self.whole_entry(list, source, number));
        Ok(())
    }

    /// A line of a list file is bad. Once the report is full, its text and place are not even made.
    fn reject(&mut self, fault: Fault, row: &files::Row<'_>) {
        if self.compiler.skip_bad_lines {
            let full = self.report.skipped.len() >= MAX_KEPT;
            self.report.skip(if full { fault.error() } else { fault.error().at(row.place()) });
        } else if self.report.is_full() {
            self.report.push(fault.error());
        } else {
            self.report.push(fault.error().at(row.place()));
        }
    }

    fn warn_unassigned(&mut self, place: &dyn Fn() -> Place) {
        self.warn(UNASSIGNED, place, || {
            Diagnostic::warning(UNASSIGNED, "the numbering plan assigns no such number to anybody")
                .help("check the country code and the number of digits")
        });
    }

    fn entry(&mut self, written: Written<'_>, action: ListAction, place: &dyn Fn() -> Place) -> Result<(), Stop> {
        let parsed = self.reader.read(written.text, action)?;
        if parsed.written.is_some_and(|digits| digits <= 2) {
            self.warn("short-entry", place, || {
                Diagnostic::warning("short-entry", "an entry of one or two digits covers a great deal")
                    .help("if this is meant, a rule by country or type says it better")
            });
        }
        if parsed.emergency {
            self.warn("emergency-entry", place, || {
                Diagnostic::warning(
                    "emergency-entry",
                    "emergency numbers are always allowed; this entry changes nothing",
                )
            });
        }
        if written.expires.is_some_and(|end| end <= self.now) {
            self.warn("expired-entry", place, || {
                Diagnostic::warning("expired-entry", "this entry has expired; it no longer counts")
                    .help("remove it, or give it a later date")
            });
        }
        let mut numbers = parsed.keys.iter().filter_map(|key| match key {
            model::Key::Number { digits, whole } => Some((digits, *whole)),
            _ => None,
        });
        let unassigned = match numbers.next() {
            // What may be a short or internal number need not be a number of the plan.
            _ if parsed.keys.iter().any(|key| matches!(key, model::Key::Local { .. })) => false,
            None => false,
            Some(first) => {
                !std::iter::once(first).chain(numbers).any(|(digits, whole)| self.assigned.any(digits, whole))
            }
        };
        if unassigned {
            self.warn_unassigned(place);
        }
        self.model.sources[written.origin.source as usize].entries += 1;
        // A number of a file, and nothing but a number.
        if written.inline.is_none()
            && written.note.is_none()
            && let [model::Key::Number { digits, whole: true }] = &*parsed.keys
            && !digits.contains(&b'X')
            && let Some(key) = whole_key(digits)
        {
            let number = (key, written.origin.line, written.expires);
            return Ok(self.numbers(written.list, written.origin.source, std::iter::once(number))?);
        }
        let first = self.model.entries.len() as u32;
        for key in parsed.keys {
            self.model.entries.push(Entry {
                list: written.list,
                key,
                expires: written.expires,
                origin: written.origin,
                note: written.note.map(Into::into),
            });
        }
        let end = self.model.entries.len() as u32;
        if end - first > 1 {
            self.places.groups.push((first, end));
        }
        if let Some(span) = written.inline {
            self.places.inline.push((first, span));
        }
        Ok(())
    }

    fn warn(&mut self, code: &'static str, place: &dyn Fn() -> Place, diagnostic: impl FnOnce() -> Diagnostic) {
        if self.warnings.count(code) {
            self.report.push(diagnostic().at(place()));
        }
    }

    fn progress(&self, file: &str, (lines, bytes, total_bytes): (u64, u64, u64), done: bool) {
        if let Some(progress) = &self.compiler.progress {
            progress.borrow_mut()(Progress { file: file.into(), lines, bytes, total_bytes, done });
        }
    }
}
