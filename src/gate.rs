//! The live handle: holds one index, is asked by any number of threads, swaps to a new one at once.
//!
//! Reading is wait-free (`current.rs`): a call takes a reference to the index of the moment, asks it,
//! and lets go. A reload opens and checks the new index aside, while calls go on with the old one;
//! the swap itself is one pointer. Every call sees exactly one index, whole. Those who reload wait
//! for each other, never a call for them, and nobody who only asks for counts or goes back waits for
//! a file to be read.

use crate::counters::{Counter, ListCounter, Shard, Verdicts};
use crate::current::{Current, OwnReading, Reading};
use crate::error::Error;
use crate::explain::Explanation;
use crate::index::{Index, Query};
use crate::lists::Clock;
use crate::screen::{self, Named, NoTrace, Question, ROW, Rest, Rows};
use crate::verdict::{Action, Reason, Verdict};
use crate::watch::Identity;
use parking_lot::{Mutex, MutexGuard};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The share of its entries that a new index may have lost by default, in percent.
pub const DEFAULT_MAX_LOSS_PERCENT: u8 = 50;

/// Told of what a gate does. All methods have empty defaults.
///
/// The calling thread runs them, so they must be quick, must not block and must not panic: a slow
/// observer is a slow call. Hand the event to a queue where more is to be done.
pub trait Observer: Send + Sync {
    /// A call was blocked.
    fn blocked(&self, _dialled: &[u8], _verdict: &Verdict) {}
    /// A call was allowed, and a `log` list would have blocked it.
    fn would_block(&self, _dialled: &[u8], _verdict: &Verdict) {}
    /// A new index is in place.
    fn swapped(&self, _swap: &Swap) {}
    /// A reload was refused; the old index stays.
    fn refused(&self, _error: &Error) {}
}

/// What became of a [`reload`](Gate::reload), [`swap`](Gate::swap) or [`rollback`](Gate::rollback)
/// that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swap {
    /// How many swaps the gate has made, this one included.
    pub generation: u64,
    /// False where the new index was the current one, byte for byte, and so nothing was exchanged:
    /// `generation` stays, and a rollback still goes back to the index before.
    pub changed: bool,
    /// Entries before.
    pub entries_before: u64,
    /// Entries now.
    pub entries: u64,
}

/// How a gate opens its file and guards its reloads.
#[must_use]
pub struct GateOptions {
    max_loss_percent: u8,
    mapped: bool,
    required: Vec<String>,
    observer: Option<Box<dyn Observer>>,
}

impl Default for GateOptions {
    fn default() -> GateOptions {
        GateOptions::new()
    }
}

impl GateOptions {
    /// Reads files into memory, refuses an index that lost more than half of its entries.
    pub fn new() -> GateOptions {
        GateOptions { max_loss_percent: DEFAULT_MAX_LOSS_PERCENT, mapped: false, required: Vec::new(), observer: None }
    }

    /// Refuses a reload that loses more than this share of the entries, in percent; 100 allows all.
    pub fn max_loss_percent(mut self, percent: u8) -> GateOptions {
        self.max_loss_percent = percent.min(100);
        self
    }

    /// Refuses an index that does not have this profile, at the opening and whenever one is to take its
    /// place: a policy from which a tenant was dropped would otherwise leave all of its calls with
    /// [`Error::UnknownProfile`]. May be called for several.
    pub fn require_profile(mut self, name: impl Into<String>) -> GateOptions {
        self.required.push(name.into());
        self
    }

    /// Tells this observer of blocked calls, swaps and refused reloads.
    pub fn observer(mut self, observer: impl Observer + 'static) -> GateOptions {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Maps files instead of reading them: processes share the pages.
    ///
    /// # Safety
    ///
    /// [`Index::map`]'s: as long as the gate lives, the file is only ever replaced by renaming
    /// another one into its place, never changed or cut.
    #[allow(unsafe_code)]
    pub unsafe fn mapped(mut self) -> GateOptions {
        self.mapped = true;
        self
    }

    /// Opens the gate on an index file.
    ///
    /// # Errors
    ///
    /// As [`Index::open`], and [`Error::MissingProfile`].
    pub fn open(self, path: impl Into<PathBuf>) -> Result<Gate, Error> {
        let path = path.into();
        // Before it is read: what is renamed into its place meanwhile is another file for a watcher.
        let seen = Identity::of(&path);
        let index = read(&path, self.mapped)?;
        self.accepts(&index)?;
        Ok(self.build(index, Some(path), seen))
    }

    /// Whether an index has every [profile that is required](GateOptions::require_profile).
    ///
    /// # Errors
    ///
    /// [`Error::MissingProfile`] with the first one that it does not have.
    pub fn accepts(&self, index: &Index) -> Result<(), Error> {
        has_all(&self.required, index)
    }

    /// A gate on an index that is in memory, which is taken as it is: whoever has it can ask
    /// [`accepts`](GateOptions::accepts). It can [`swap`](Gate::swap), not [`reload`](Gate::reload).
    #[must_use]
    pub fn with_index(self, index: Index) -> Gate {
        self.build(index, None, None)
    }

    fn build(self, index: Index, path: Option<PathBuf>, seen: Option<Identity>) -> Gate {
        let mut writer = Writer { counters: HashMap::new(), previous: None, generation: 0, last_error: None, seen };
        let loaded = writer.load(index);
        Gate {
            current: Current::new(loaded),
            reloads: Mutex::new(()),
            writer: Mutex::new(writer),
            verdicts: Verdicts::default(),
            refused: Counter::default(),
            path,
            max_loss_percent: self.max_loss_percent,
            mapped: self.mapped,
            required: self.required,
            observer: self.observer,
        }
    }
}

fn has_all(required: &[String], index: &Index) -> Result<(), Error> {
    match required.iter().find(|name| index.profiles.find(name.as_bytes()).is_none()) {
        Some(name) => Err(Error::MissingProfile { name: name.clone() }),
        None => Ok(()),
    }
}

/// As [`read`], where a panic is a refused file: on a watching thread nobody would hear of it, and the gate
/// would be followed no longer. Nothing is half done then, since all that is made is the index itself.
fn read_or_refuse(path: &Path, mapped: bool) -> Result<Index, Error> {
    catch_unwind(AssertUnwindSafe(|| read(path, mapped)))
        .unwrap_or_else(|payload| Err(Error::Panicked { what: panic_text(payload) }))
}

/// What a panic said. To let go of what was thrown may throw again, which is then kept for good.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message").to_owned();
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    text
}

#[allow(unsafe_code)]
fn read(path: &Path, mapped: bool) -> Result<Index, Error> {
    // There is no file that makes the reader panic; the tests need one.
    #[cfg(test)]
    if std::fs::read(path).is_ok_and(|bytes| bytes == tests::PANICS) {
        panic!("on purpose");
    }
    if mapped {
        // SAFETY: `GateOptions::mapped` is the only way to set this, and passes the promise on.
        unsafe { Index::map(path) }
    } else {
        Index::open(path)
    }
}

/// An index in a gate, with the counters of its lists.
struct Loaded {
    index: Arc<Index>,
    lists: Box<[Arc<ListCounter>]>,
}

/// What those who swap share. The lock on it is held for bookkeeping only, never while a file is
/// read or an index checked.
struct Writer {
    /// By list name: an index's lists keep counting where the one before left off.
    counters: HashMap<String, Arc<ListCounter>>,
    previous: Option<Arc<Loaded>>,
    generation: u64,
    last_error: Option<String>,
    /// The file as it was when it was last read; none where it has to be read again, however it
    /// looks. A watcher compares it with what it sees.
    seen: Option<Identity>,
}

impl Writer {
    fn load(&mut self, index: Index) -> Arc<Loaded> {
        let lists = index
            .lists
            .lists
            .iter()
            .map(|l| Arc::clone(self.counters.entry(l.name.as_str().to_owned()).or_default()))
            .collect();
        Arc::new(Loaded { index: Arc::new(index), lists })
    }
}

/// The live handle on an index. `Send` and `Sync`: share it by reference or in an [`Arc`].
///
/// ```no_run
/// let gate = tollgate::Gate::open("policy.tgx")?;
/// let verdict = gate.screen(b"00371-2612-3456");
/// if verdict.is_blocked() {
///     println!("{verdict}");
/// }
/// gate.reload()?; // on failure the old index stays
/// # Ok::<(), tollgate::Error>(())
/// ```
pub struct Gate {
    current: Current<Loaded>,
    /// Held by a reload or swap from the reading to the exchange, so that of two the later one wins.
    /// Always taken before `writer`.
    reloads: Mutex<()>,
    writer: Mutex<Writer>,
    verdicts: Verdicts,
    refused: Counter,
    path: Option<PathBuf>,
    max_loss_percent: u8,
    mapped: bool,
    /// Profiles without which no index is taken.
    required: Vec<String>,
    observer: Option<Box<dyn Observer>>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("path", &self.path).field("entries", &self.index().entries()).finish()
    }
}

impl Gate {
    /// Opens a gate on an index file, with the default options.
    ///
    /// # Errors
    ///
    /// As [`Index::open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Gate, Error> {
        GateOptions::new().open(path)
    }

    /// A gate on an index that is in memory, with the default options.
    #[must_use]
    pub fn new(index: Index) -> Gate {
        GateOptions::new().with_index(index)
    }

    /// Screens a dialled string with the default profile, outbound.
    ///
    /// Any bytes, any thread; allocates nothing, takes no lock, makes no system call (the clock
    /// only where a matched entry can expire), cannot fail. One exception: the first call of a
    /// thread through any gate allocates a small node that keeps swapped indexes alive while the
    /// thread looks at them, unless a thread that has ended left one behind. Where even that
    /// matters, see [`prepare_thread`](Gate::prepare_thread).
    #[inline]
    #[must_use]
    pub fn screen(&self, dialled: &[u8]) -> Verdict {
        let mut verdict = Verdict::BLANK;
        self.screen_blank(dialled, &mut verdict);
        verdict
    }

    /// Into a verdict that is blank. Only what is around this becomes a part of the caller, so that the
    /// verdict is written where it is wanted, and not copied there.
    #[inline(never)]
    fn screen_blank(&self, dialled: &[u8], verdict: &mut Verdict) {
        match self.read_own() {
            Some((shard, loaded)) => self.screen_own(loaded, shard, Question::DEFAULT, dialled, verdict),
            None => {
                let shard = Shard::of_this_thread();
                self.screen_shared(self.current.read(shard), shard, Question::DEFAULT, dialled, verdict);
            }
        }
    }

    /// Of a thread that has no slot of its own, or whose slot is taken.
    #[inline(never)]
    fn screen_shared(
        &self,
        loaded: Reading<'_, Loaded>,
        shard: Shard,
        question: Question,
        dialled: &[u8],
        verdict: &mut Verdict,
    ) {
        match screen::pass_at_once(&loaded.index, question, dialled, verdict) {
            Ok(()) => self.verdicts.count_passed(shard),
            Err(rest) => self.go_on(loaded, shard, question, dialled, rest, verdict),
        }
    }

    /// The index of the moment by the thread's own slot, as nearly every call has it; see `current.rs`.
    #[inline(always)]
    fn read_own(&self) -> Option<(Shard, OwnReading<'_, Loaded>)> {
        let shard = Shard::owned_by_this_thread()?;
        Some((shard, self.current.read_own(shard)?))
    }

    #[inline(always)]
    fn screen_own(
        &self,
        loaded: OwnReading<'_, Loaded>,
        shard: Shard,
        question: Question,
        dialled: &[u8],
        verdict: &mut Verdict,
    ) {
        match screen::pass_at_once(&loaded.index, question, dialled, verdict) {
            // Nobody observes calls that pass.
            Ok(()) => self.verdicts.count_passed(shard),
            Err(Rest::Text) => self.screen_by_lane(loaded, shard, question, dialled, verdict),
            Err(rest) => self.go_on(Reading::Own(loaded), shard, question, dialled, rest, verdict),
        }
    }

    /// What is no E.164 number.
    #[inline(never)]
    fn screen_by_lane(
        &self,
        loaded: OwnReading<'_, Loaded>,
        shard: Shard,
        question: Question,
        dialled: &[u8],
        verdict: &mut Verdict,
    ) {
        match screen::pass_by_lane(&loaded.index, question, dialled, verdict) {
            Ok(()) => self.verdicts.count_passed(shard),
            Err(rest) => self.go_on(Reading::Own(loaded), shard, question, dialled, rest, verdict),
        }
    }

    /// What is left to do; and counts it.
    #[inline(never)]
    fn go_on(
        &self,
        loaded: Reading<'_, Loaded>,
        shard: Shard,
        question: Question,
        dialled: &[u8],
        rest: Rest,
        verdict: &mut Verdict,
    ) {
        let mut clock = Clock::system();
        let named = screen::go_on(&loaded.index, question, dialled, rest, &mut clock, NoTrace, verdict);
        self.count(&loaded, shard, named, dialled, verdict);
    }

    /// Does what the first call of a thread does once, so that no call of this thread allocates,
    /// through this gate or another. To be called where a thread that screens begins; never
    /// necessary.
    pub fn prepare_thread(&self) {
        self.current.prepare();
    }

    /// Screens a dialled string or caller id. As [`screen`](Gate::screen), but a query may name what
    /// the index does not have.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownProfile`] and [`Error::UnknownRegion`]: decide what an unknown tenant may
    /// do. Nothing else can fail.
    #[inline]
    pub fn screen_with(&self, query: &Query<'_>, dialled: &[u8]) -> Result<Verdict, Error> {
        let mut room = MaybeUninit::uninit();
        self.screen_into(query, dialled, &mut room).copied()
    }

    /// As [`screen_with`](Gate::screen_with), for who has room for the verdict: it is written there, and not
    /// copied there, which takes as long as reading a number.
    ///
    /// ```
    /// # use tollgate::{Gate, Query};
    /// # let gate = Gate::open("data/good/v3/everything.tgx")?;
    /// let mut room = std::mem::MaybeUninit::uninit();
    /// let verdict = gate.screen_into(&Query::new(), b"+37126123456", &mut room)?;
    /// assert!(verdict.is_blocked());
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gate::screen_with`]; then nothing is written.
    #[inline(never)]
    pub fn screen_into<'v>(
        &self,
        query: &Query<'_>,
        dialled: &[u8],
        room: &'v mut MaybeUninit<Verdict>,
    ) -> Result<&'v mut Verdict, Error> {
        let (question, verdict);
        match self.read_own() {
            Some((shard, loaded)) => {
                question = loaded.index.resolve(query)?;
                verdict = room.write(Verdict::BLANK);
                self.screen_own(loaded, shard, question, dialled, verdict);
            }
            None => {
                let shard = Shard::of_this_thread();
                let loaded = self.current.read(shard);
                question = loaded.index.resolve(query)?;
                verdict = room.write(Verdict::BLANK);
                self.screen_shared(loaded, shard, question, dialled, verdict);
            }
        }
        Ok(verdict)
    }

    /// Screens several dialled strings or caller ids with one query and one index, as
    /// [`Index::screen_many`] does, and counts and observes each as [`screen_with`](Gate::screen_with)
    /// does.
    ///
    /// ```
    /// # use tollgate::{Gate, Query, Verdict};
    /// # let gate = Gate::open("data/good/v3/everything.tgx")?;
    /// let dialled = ["+37126123456", "112"];
    /// let mut verdicts = [Verdict::EMPTY; 2];
    /// assert_eq!(gate.screen_many(&Query::new(), &dialled, &mut verdicts)?, 2);
    /// assert!(verdicts[0].is_blocked() && !verdicts[1].is_blocked());
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gate::screen_with`]; then no verdict is written.
    pub fn screen_many<T: AsRef<[u8]>>(
        &self,
        query: &Query<'_>,
        dialled: &[T],
        verdicts: &mut [Verdict],
    ) -> Result<usize, Error> {
        let shard = Shard::of_this_thread();
        let loaded = self.current.read(shard);
        let mut rows = Rows::new(&loaded.index, loaded.index.resolve(query)?);
        for (dialled, verdicts) in dialled.chunks(ROW).zip(verdicts.chunks_mut(ROW)) {
            rows.judge(dialled, verdicts, |dialled, named, verdict| {
                self.count_row(&loaded, shard, named, dialled, verdict);
            });
        }
        Ok(dialled.len().min(verdicts.len()))
    }

    /// As [`screen_many`](Gate::screen_many), for who wants no room for all verdicts at once: `each` gets
    /// every one, in order.
    ///
    /// # Errors
    ///
    /// As [`Gate::screen_with`]; then `each` is not called.
    pub fn screen_each<T: AsRef<[u8]>>(
        &self,
        query: &Query<'_>,
        dialled: &[T],
        mut each: impl FnMut(&Verdict),
    ) -> Result<(), Error> {
        let shard = Shard::of_this_thread();
        let loaded = self.current.read(shard);
        let mut rows = Rows::new(&loaded.index, loaded.index.resolve(query)?);
        let mut verdicts = [Verdict::BLANK; ROW];
        for dialled in dialled.chunks(ROW) {
            rows.judge(dialled, &mut verdicts, |dialled, named, verdict| {
                self.count_row(&loaded, shard, named, dialled, verdict);
                each(verdict);
            });
        }
        Ok(())
    }

    /// Of [`Rows`]: a call that passes names nothing, and nobody observes it.
    #[inline(always)]
    fn count_row(&self, loaded: &Loaded, shard: Shard, named: Option<Named>, dialled: &[u8], verdict: &Verdict) {
        match named {
            None => self.verdicts.count_passed(shard),
            Some(named) => self.count(loaded, shard, named, dialled, verdict),
        }
    }

    #[inline]
    fn count(&self, loaded: &Loaded, shard: Shard, named: Named, dialled: &[u8], verdict: &Verdict) {
        self.verdicts.count(verdict, shard);
        if let Some(counter) = named.list.and_then(|i| loaded.lists.get(i as usize)) {
            counter.decided(shard);
        }
        if let Some(counter) = named.shadow.and_then(|i| loaded.lists.get(i as usize)) {
            counter.shadowed(shard);
        }
        if let Some(observer) = &self.observer {
            if verdict.is_blocked() {
                observer.blocked(dialled, verdict);
            } else if verdict.would_block() {
                observer.would_block(dialled, verdict);
            }
        }
    }

    /// The whole chain from the text to the verdict. Is not counted. See [`Index::explain`].
    ///
    /// # Errors
    ///
    /// As [`Gate::screen_with`].
    pub fn explain(&self, query: &Query<'_>, dialled: &[u8]) -> Result<Explanation, Error> {
        self.current.read(Shard::of_this_thread()).index.explain(query, dialled)
    }

    /// The index of the moment. It stays valid, and in memory, for as long as it is held.
    #[must_use]
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.current.read(Shard::of_this_thread()).index)
    }

    /// The file that [`reload`](Gate::reload) reads; none for a gate from memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The gate's file as it was when it was last read; none where it has to be read again.
    pub(crate) fn seen(&self) -> Option<Identity> {
        self.writer.lock().seen
    }

    /// Opens the file again, checks it, and swaps to it.
    ///
    /// A file that holds the current index, byte for byte, changes nothing: no swap is counted, the
    /// observer is not told, the index to roll back to stays, and an error of an earlier reload is
    /// forgotten.
    ///
    /// # Errors
    ///
    /// On every failure the old index stays, the failure is counted and the observer told:
    /// everything of [`Index::open`]; [`Error::Shrunken`] where the new index lost more than the gate's
    /// share of its entries; [`Error::MissingProfile`] where it lost a profile that the gate has to have;
    /// and [`Error::Panicked`] where reading it met a bug.
    pub fn reload(&self) -> Result<Swap, Error> {
        self.reload_within(self.max_loss_percent)
    }

    /// As [`reload`](Gate::reload), with a limit of its own for the share of entries that may be
    /// lost, in percent.
    ///
    /// # Errors
    ///
    /// As [`reload`](Gate::reload).
    pub fn reload_within(&self, max_loss_percent: u8) -> Result<Swap, Error> {
        let reload = self.reloads.lock();
        let (seen, index) = match &self.path {
            Some(path) => (Identity::of(path), read_or_refuse(path, self.mapped)),
            None => (None, Err(Error::NoFile)),
        };
        let mut writer = self.writer.lock();
        // What could not be read now may be readable next time, though the file is the same.
        writer.seen = seen.filter(|_| !matches!(index, Err(Error::Io { .. })));
        let result = index.and_then(|index| self.put(&mut writer, index, max_loss_percent));
        self.finish(reload, writer, result)
    }

    /// Swaps to an index that is open already. Waits for a reload under way. An index that is the
    /// current one byte for byte changes nothing, as in [`reload`](Gate::reload).
    ///
    /// # Errors
    ///
    /// [`Error::Shrunken`] and [`Error::MissingProfile`]; the old index stays.
    pub fn swap(&self, index: Index) -> Result<Swap, Error> {
        let reload = self.reloads.lock();
        let mut writer = self.writer.lock();
        let result = self.put(&mut writer, index, self.max_loss_percent);
        self.finish(reload, writer, result)
    }

    /// Goes back to the index before the last swap; a second call goes forth again. `None` where
    /// there was no swap yet.
    ///
    /// Waits for no file: a reload that is reading one goes on, and swaps when it is done. A watcher
    /// leaves the index that was gone back to in place until the file is replaced.
    pub fn rollback(&self) -> Option<Swap> {
        let mut writer = self.writer.lock();
        let previous = writer.previous.take()?;
        let swap = self.exchange(&mut writer, previous);
        writer.last_error = None;
        drop(writer);
        self.tell(|o| o.swapped(&swap));
        Some(swap)
    }

    fn put(&self, writer: &mut Writer, index: Index, max_loss_percent: u8) -> Result<Swap, Error> {
        let current = self.current.read(Shard::of_this_thread());
        let (before, after) = (current.index.entries(), index.entries());
        if current.index.is_same(&index) {
            return Ok(Swap { generation: writer.generation, changed: false, entries_before: before, entries: after });
        }
        drop(current);
        has_all(&self.required, &index)?;
        let limit_percent = max_loss_percent.min(100);
        let lost = before.saturating_sub(after);
        if u128::from(lost) * 100 > u128::from(before) * u128::from(limit_percent) {
            return Err(Error::Shrunken { before, after, limit_percent });
        }
        let loaded = writer.load(index);
        Ok(self.exchange(writer, loaded))
    }

    fn exchange(&self, writer: &mut Writer, loaded: Arc<Loaded>) -> Swap {
        let entries = loaded.index.entries();
        let old = self.current.exchange(loaded);
        let entries_before = old.index.entries();
        writer.previous = Some(old);
        writer.generation += 1;
        // Counters of lists that neither the current nor the previous index has are let go.
        writer.counters.retain(|_, counter| Arc::strong_count(counter) > 1);
        Swap { generation: writer.generation, changed: true, entries_before, entries }
    }

    fn finish(
        &self,
        reload: MutexGuard<'_, ()>,
        mut writer: MutexGuard<'_, Writer>,
        result: Result<Swap, Error>,
    ) -> Result<Swap, Error> {
        if let Err(error) = &result {
            writer.last_error = Some(error.to_string());
            self.refused.add_one(Shard::of_this_thread());
        } else {
            writer.last_error = None;
        }
        // An observer may ask the gate, and reload it.
        drop(writer);
        drop(reload);
        match &result {
            Ok(swap) if swap.changed => self.tell(|o| o.swapped(swap)),
            Ok(_) => {}
            Err(error) => self.tell(|o| o.refused(error)),
        }
        result
    }

    /// What a watcher does when the file is another one. An observer that panics when it is told must not
    /// end the watch; what it was told of stands, and so does the reason of a refusal.
    pub(crate) fn follow(&self) {
        // The outcome is counted and observed by the gate itself.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.reload())) {
            let what = panic_text(payload);
            let mut writer = self.writer.lock();
            // None unless this reload was refused: each begins a new one.
            let reason = writer.last_error.take().map(|reason| format!("{reason}; and ")).unwrap_or_default();
            writer.last_error = Some(format!(
                "{reason}the observer panicked when it was told of a reload ({what}); the file is still watched"
            ));
        }
    }

    fn tell(&self, f: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.observer {
            f(&**observer);
        }
    }

    /// Counts since the gate was opened. Never waits for a file to be read.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let writer = self.writer.lock();
        let mut lists: Vec<ListStats> = writer
            .counters
            .iter()
            .map(|(name, counter)| {
                let (decided, would_block) = counter.get();
                ListStats { name: name.clone(), decided, would_block }
            })
            .collect();
        lists.sort_by(|a, b| a.name.cmp(&b.name));
        let mut verdicts = Vec::new();
        for action in [Action::Allow, Action::Block] {
            for reason in Reason::ALL {
                let count = self.verdicts.get(action, reason);
                if count > 0 {
                    verdicts.push((action, reason, count));
                }
            }
        }
        Stats {
            verdicts,
            would_block: self.verdicts.shadow(),
            lists,
            swaps: writer.generation,
            refused: self.refused.get(),
            last_error: writer.last_error.clone(),
        }
    }
}

/// A gate's counts. Exact, but not a snapshot: calls under way may be in some and not in others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Verdicts by action and reason; those that never occurred are left out.
    pub verdicts: Vec<(Action, Reason, u64)>,
    /// Verdicts that a `log` list would have made a block.
    pub would_block: u64,
    /// By list, sorted by name.
    pub lists: Vec<ListStats>,
    /// How many swaps were made.
    pub swaps: u64,
    /// How many reloads were refused.
    pub refused: u64,
    /// Why the last reload was refused, and that the observer panicked when a watcher told it; none after a
    /// reload that was not, a swap, or a rollback.
    pub last_error: Option<String>,
}

impl Stats {
    /// How many verdicts of this action there were.
    #[must_use]
    pub fn total(&self, action: Action) -> u64 {
        self.verdicts.iter().filter(|(a, ..)| *a == action).map(|(.., n)| n).sum()
    }
}

/// What one list did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListStats {
    /// Its name.
    pub name: String,
    /// Verdicts that it decided.
    pub decided: u64,
    /// Verdicts that it, a `log` list, would have made a block.
    pub would_block: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    /// The file that [`read`] panics at.
    pub(super) const PANICS: &[u8] = b"panic";
    const INDEX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/good/v3/everything.tgx");
    const SMALLER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/good/v3/smaller.tgx");
    const INTERVAL: Duration = Duration::from_millis(10);

    fn put(path: &Path, bytes: &[u8]) {
        let aside = path.with_extension("aside");
        std::fs::write(&aside, bytes).unwrap();
        std::fs::rename(&aside, path).unwrap();
    }

    fn eventually(what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(INTERVAL);
        }
    }

    /// Found in review: a panic on the watching thread ended the watch, and nobody heard of it: the next
    /// policies were built and never used.
    #[test]
    fn a_file_that_panics_is_refused_and_the_watch_goes_on() {
        #[derive(Clone, Default)]
        struct Refusals(Arc<AtomicU32>);
        impl Observer for Refusals {
            fn refused(&self, error: &Error) {
                assert!(matches!(error, Error::Panicked { what } if what == "on purpose"), "{error}");
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.tgx");
        put(&path, &std::fs::read(INDEX).unwrap());
        let refusals = Refusals::default();
        let options = GateOptions::new().max_loss_percent(100).observer(refusals.clone());
        let gate = Arc::new(options.open(&path).unwrap());
        let watcher = gate.watch(INTERVAL).unwrap();
        put(&path, PANICS);
        eventually("the panic is counted", || gate.stats().refused == 1);
        eventually("the panic is told", || refusals.0.load(Ordering::SeqCst) == 1);
        assert!(gate.stats().last_error.unwrap().contains("a bug in Tollgate (on purpose)"));
        // Once a file, and not once a look.
        std::thread::sleep(INTERVAL * 10);
        assert_eq!((gate.stats().refused, gate.stats().swaps), (1, 0));
        put(&path, &std::fs::read(SMALLER).unwrap());
        eventually("the next index is taken", || gate.stats().swaps == 1);
        assert!(!watcher.has_ended());
        // Who reloads himself is told the same.
        put(&path, PANICS);
        watcher.stop();
        eventually("the watcher ends", || watcher.has_ended());
        assert!(matches!(gate.reload(), Err(Error::Panicked { .. })));
    }

    /// An observer must not panic; one that does stops nobody but itself.
    #[test]
    fn an_observer_that_panics_does_not_end_the_watch() {
        struct Panics;
        impl Observer for Panics {
            fn swapped(&self, _: &Swap) {
                std::panic::panic_any(Bomb);
            }
        }
        /// What is thrown may throw again when it is let go.
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.tgx");
        put(&path, &std::fs::read(INDEX).unwrap());
        let gate = Arc::new(GateOptions::new().max_loss_percent(100).observer(Panics).open(&path).unwrap());
        let _watcher = gate.watch(INTERVAL).unwrap();
        put(&path, &std::fs::read(SMALLER).unwrap());
        eventually("the error is kept", || gate.stats().last_error.is_some());
        assert_eq!((gate.stats().swaps, gate.stats().refused), (1, 0), "what it was told of stands");
        assert!(gate.stats().last_error.unwrap().contains("the observer panicked"));
        put(&path, &std::fs::read(INDEX).unwrap());
        eventually("the watch goes on", || gate.stats().swaps == 2);
    }

    /// Found in review: why a reload was refused was lost where the observer panicked when it was told.
    #[test]
    fn an_observer_that_panics_does_not_hide_a_refusal() {
        struct Panics;
        impl Observer for Panics {
            fn refused(&self, _: &Error) {
                panic!("on purpose");
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.tgx");
        put(&path, &std::fs::read(INDEX).unwrap());
        let gate = Arc::new(GateOptions::new().observer(Panics).open(&path).unwrap());
        let last_error = || gate.stats().last_error.unwrap_or_default();
        put(&path, b"no index");
        gate.follow();
        assert!(last_error().starts_with("not a Tollgate index: "), "{}", last_error());
        assert!(last_error().contains("; and the observer panicked when it was told"), "{}", last_error());
        assert!(last_error().contains("(on purpose)"), "{}", last_error());
        assert_eq!(gate.stats().refused, 1);
        // Nothing of it stays when the next one is refused for another reason.
        put(&path, &std::fs::read(SMALLER).unwrap());
        gate.follow();
        assert!(last_error().starts_with("the new index has "), "{}", last_error());
        assert_eq!(last_error().matches("the observer panicked").count(), 1, "{}", last_error());
    }
}
