//! `tollgate_gate`: open, close, reload, go back, follow the file.

use crate::arguments::{self, Output};
use crate::error::{Failure, tollgate_status};
use crate::options::{self, tollgate_options};
use crate::panic::{self, guard, guard_or};
use crate::signals;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate::{Error, Gate, Index, Swap, Watcher};

/// The live handle on an index: asked by any number of threads, swapped to another index while they
/// ask. Made by tollgate_open, ended by tollgate_close.
pub struct tollgate_gate {
    gate: Arc<Gate>,
    /// None for a gate from memory.
    path: Option<CString>,
    watches: Mutex<Watches>,
    /// The process that last began to watch, noted before it took the lock; 0 for none. In any other one, a
    /// forked child, the lock may be held by a thread that the child does not have.
    watching_process: AtomicU32,
}

/// A watcher and the process whose thread it is.
struct Watch {
    watcher: Watcher,
    process: u32,
}

#[derive(Default)]
struct Watches {
    current: Option<Watch>,
    /// Told to end, and not waited for yet: by an observer on a watching thread, which cannot wait for
    /// itself, nor for another one that may be waiting for it.
    ended: Vec<Watch>,
    /// From the beginning of tollgate_close on: it waits for those who watch, and of those one may be in an
    /// observer that wants to begin anew.
    is_closing: bool,
}

impl Watch {
    /// Ends the thread and waits for it. In a process that was forked off after it was started there
    /// is no such thread, and what the child has of it is let go unread: its locks may be held by nobody.
    fn end(self) {
        if self.process == std::process::id() {
            drop(self.watcher);
        } else {
            std::mem::forget(self.watcher);
        }
    }
}

impl Watches {
    /// Puts a watch into the place of the one before, and tells that to end. Returns those that the caller
    /// has to end, and wait for, when the lock is free again: a thread of theirs may be in an observer that
    /// wants to end it, too.
    fn exchange(&mut self, watch: Option<Watch>) -> Vec<Watch> {
        let before = std::mem::replace(&mut self.current, watch);
        self.ended.extend(before);
        if !Watcher::is_watching_thread() {
            return std::mem::take(&mut self.ended);
        }
        let here = std::process::id();
        self.ended.iter().filter(|w| w.process == here).for_each(|w| w.watcher.stop());
        // Who has ended is waited for by nobody: an observer that begins anew each time leaves no trace.
        self.ended.extract_if(.., |w| w.process != here || w.watcher.has_ended()).collect()
    }
}

impl tollgate_gate {
    #[inline]
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, interval: Duration) -> Result<(), Failure> {
        self.watching_process.store(std::process::id(), Ordering::Relaxed);
        let ended = {
            let mut watches = self.watches();
            if watches.is_closing {
                return Err(Failure::Argument("the gate is being closed, so nobody can begin to watch its file"));
            }
            // Under the lock, so that none is started that tollgate_close does not see. The new thread needs
            // the lock in an observer at the earliest, and then waits a moment.
            let watcher = signals::blocked(|| self.gate.watch(interval))?;
            watches.exchange(Some(Watch { watcher, process: std::process::id() }))
        };
        ended.into_iter().for_each(Watch::end);
        Ok(())
    }

    fn unwatch(&self) {
        let ended = self.watches().exchange(None);
        ended.into_iter().for_each(Watch::end);
    }

    /// Whether a thread of this process may watch, or be in an observer that begins to. Who closes the gate has
    /// seen all earlier calls return, and so what they noted.
    fn may_be_watched_here(&self) -> bool {
        self.watching_process.load(Ordering::Relaxed) == std::process::id()
    }

    /// Frees a gate that nobody watches in this process. What the parent's watching threads have of it stays
    /// unread, lock and all: a thread may have been changing it at the moment of the fork.
    fn free_unwatched(self) {
        std::mem::forget(self.watches);
    }

    /// No thread watches when this returns, and none will.
    fn end_watching(&self) {
        let ended = {
            let mut watches = self.watches();
            watches.is_closing = true;
            let mut ended = std::mem::take(&mut watches.ended);
            ended.extend(watches.current.take());
            ended
        };
        ended.into_iter().for_each(Watch::end);
    }
}

const NO_GATE: &str = "the gate is NULL: tollgate_open gives one";
const NO_OUTPUT: &str = "the output is NULL or misaligned";

/// Where an operator's own index is, as the library was built.
pub(crate) const OWN_INDEX: &str = env!("TOLLGATE_OWN_INDEX");
/// Where the one is that is installed with the library; an update writes over it.
pub(crate) const SHIPPED_INDEX: &str = env!("TOLLGATE_SHIPPED_INDEX");

/// Whether there is nothing of this name, not even a link to nowhere.
fn is_missing(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound)
}

/// The operator's own index, if there is anything of this name: also a broken link, or what may not be read.
/// To fall back then would be to judge calls by another policy without a word.
fn default_index() -> &'static CStr {
    const fn text(path: &'static str) -> &'static CStr {
        match CStr::from_bytes_with_nul(path.as_bytes()) {
            Ok(path) => path,
            Err(_) => c"",
        }
    }
    const OWN: &CStr = text(concat!(env!("TOLLGATE_OWN_INDEX"), "\0"));
    const SHIPPED: &CStr = text(concat!(env!("TOLLGATE_SHIPPED_INDEX"), "\0"));
    if is_missing(OWN_INDEX) && !is_missing(SHIPPED_INDEX) { SHIPPED } else { OWN }
}

/// What became of a reload or rollback that was not refused.
#[repr(C)]
pub struct tollgate_swap {
    /// How many swaps the gate has made, this one included.
    pub generation: u64,
    /// Entries before.
    pub entries_before: u64,
    /// Entries now.
    pub entries: u64,
    /// 0 where the file holds the current index, byte for byte, and so nothing was exchanged; else 1.
    pub changed: u32,
    /// Zero.
    pub reserved: u32,
    /// Zero.
    pub reserved_words: [u64; 4],
}

impl From<&Swap> for tollgate_swap {
    fn from(swap: &Swap) -> tollgate_swap {
        tollgate_swap {
            generation: swap.generation,
            entries_before: swap.entries_before,
            entries: swap.entries,
            changed: u32::from(swap.changed),
            reserved: 0,
            reserved_words: [0; 4],
        }
    }
}

/// The longest path that is passed on: what is longer is none that a system takes, and would only be
/// copied.
const MAX_PATH: usize = 65_536;

/// Opens a gate on an index file: reads and checks all of it, which takes milliseconds, with millions of
/// numbers longer.
///
/// `path` NULL opens the default index, which tollgate_default_index names: the operator's own or, where
/// there is none, the one that is installed. Where there is neither, that is TOLLGATE_NO_DEFAULT_INDEX. Which
/// of the two it is is settled here; a gate reloads the file that it has opened. `options` NULL are the
/// defaults. On success `*gate` is yours until tollgate_close; path, options and observer have been copied.
///
/// Any thread. No thread of its own is started (that is tollgate_watch), no signal handled.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_open(
    path: *const c_char,
    options: *const tollgate_options,
    gate: *mut *mut tollgate_gate,
) -> tollgate_status {
    guard_waiting(|| {
        panic::install_hook();
        // SAFETY: C's promises.
        let (path, options, output) =
            unsafe { (arguments::text(path), options::read(options)?, Output::new(gate, NO_OUTPUT)?) };
        let named = path.is_some();
        let path: CString = match path {
            Some(path) if path.count_bytes() > MAX_PATH => {
                return Err(Failure::Argument("the path is longer than a path can be"));
            }
            Some(path) => path.to_owned(),
            None => default_index().to_owned(),
        };
        let opened = options.open(OsStr::from_bytes(path.to_bytes()));
        let opened = opened.map_err(|error| match error {
            Error::Io { .. } if !named && is_missing(OWN_INDEX) && is_missing(SHIPPED_INDEX) => Failure::NoDefaultIndex,
            error => error.into(),
        })?;
        output.write(handle(opened, Some(path)));
        Ok(())
    })
}

/// As tollgate_open, from `length` bytes in memory, which are copied. Such a gate has no file to reload
/// or to watch.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_open_memory(
    bytes: *const u8,
    length: usize,
    options: *const tollgate_options,
    gate: *mut *mut tollgate_gate,
) -> tollgate_status {
    guard_waiting(|| {
        panic::install_hook();
        // SAFETY: C's promises.
        let (bytes, options, output) = unsafe {
            (arguments::bytes(bytes.cast(), length)?, options::read(options)?, Output::new(gate, NO_OUTPUT)?)
        };
        let mut copy = Vec::new();
        copy.try_reserve_exact(bytes.len()).map_err(|_| Failure::Status(tollgate_status::TOLLGATE_NO_MEMORY))?;
        copy.extend_from_slice(bytes);
        let index = Index::from_bytes(copy)?;
        options.accepts(&index)?;
        output.write(handle(options.with_index(index), None));
        Ok(())
    })
}

fn handle(gate: Gate, path: Option<CString>) -> *mut tollgate_gate {
    Box::into_raw(Box::new(tollgate_gate {
        gate: Arc::new(gate),
        path,
        watches: Mutex::default(),
        watching_process: AtomicU32::new(0),
    }))
}

/// Ends a gate: stops watching, waits for the watching thread, frees everything. NULL is nothing to do.
///
/// No other call on the gate may be under way on any thread, and none may come after. An observer on the
/// watching thread may still call functions on the gate, but this one, until this one has ended its thread;
/// tollgate_watch is then TOLLGATE_INVALID_ARGUMENT. Not to be called inside an observer. In a process that was
/// forked off this frees the child's copy only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_close(gate: *mut tollgate_gate) {
    guard_or_waiting((), || {
        if gate.is_null() || !gate.is_aligned() {
            return;
        }
        // SAFETY: a gate of `handle`, which C promises to be the last to use; but for observers on a watching
        // thread, so that this is a shared reference as theirs are.
        let shared = unsafe { &*gate };
        let is_watched = shared.may_be_watched_here();
        if is_watched {
            shared.end_watching();
        }
        // SAFETY: as above, and now the watching threads are joined, or there are none in this process: nobody
        // has a reference any more.
        let gate = unsafe { Box::from_raw(gate) };
        if !is_watched {
            gate.free_unwatched();
        }
    });
}

/// Opens the gate's file again, checks it, and swaps to it, while calls go on. On every failure the old
/// index stays, whole; the failure is counted, and the observer told. An index that lost more of its
/// entries than the gate allows is refused with TOLLGATE_INDEX_SHRUNKEN. A file that holds the current
/// index, byte for byte, changes nothing.
///
/// `swap` may be NULL. Any thread; calls do not wait for it, other reloads do.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_reload(gate: *const tollgate_gate, swap: *mut tollgate_swap) -> tollgate_status {
    // SAFETY: C's promises.
    guard_waiting(|| unsafe { exchange(gate, swap, |gate| Ok(gate.reload()?)) })
}

/// As tollgate_reload, with a limit of its own for the share of entries that may be lost, in percent, 1
/// to 100, or TOLLGATE_NO_LOSS. 0 is the gate's own limit, and so the same as tollgate_reload; 100 takes any
/// index that is whole.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_reload_within(
    gate: *const tollgate_gate,
    max_loss_percent: u32,
    swap: *mut tollgate_swap,
) -> tollgate_status {
    guard_waiting(|| {
        let percent = options::loss(max_loss_percent)?;
        let reload = |gate: &Gate| Ok(percent.map_or_else(|| gate.reload(), |percent| gate.reload_within(percent))?);
        // SAFETY: C's promises.
        unsafe { exchange(gate, swap, reload) }
    })
}

/// Goes back to the index before the last swap; a second call goes forth again.
/// TOLLGATE_NO_PREVIOUS_INDEX where there was no swap yet. A gate that watches its file leaves that
/// index in place until the file is replaced again. `swap` may be NULL. Any thread; waits for no file.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_rollback(gate: *const tollgate_gate, swap: *mut tollgate_swap) -> tollgate_status {
    let rollback = |gate: &Gate| gate.rollback().ok_or(Failure::Status(tollgate_status::TOLLGATE_NO_PREVIOUS_INDEX));
    // SAFETY: C's promises.
    guard(|| unsafe { exchange(gate, swap, rollback) })
}

/// # Safety
///
/// The pointers are what the functions above say of them.
unsafe fn exchange(
    gate: *const tollgate_gate,
    swap: *mut tollgate_swap,
    f: impl FnOnce(&Gate) -> Result<Swap, Failure>,
) -> Result<(), Failure> {
    // SAFETY: the caller's promises.
    let (gate, output) = unsafe { (arguments::reference(gate, NO_GATE)?, Output::optional(swap, NO_OUTPUT)?) };
    let swapped = f(gate.gate())?;
    if let Some(output) = output {
        output.write(tollgate_swap::from(&swapped));
    }
    Ok(())
}

/// Reloads whenever the gate's file is replaced: a thread of the library looks at it every
/// `interval_ms` milliseconds, 0 for the default of 500, at the least 10. A second call changes the
/// interval. A reload that fails leaves the old index in place, is counted, told to the observer, and
/// tried again when the file changes again.
///
/// Returns TOLLGATE_NO_FILE for a gate from memory, TOLLGATE_IO where no thread can be started,
/// TOLLGATE_INVALID_ARGUMENT while tollgate_close waits for this thread. Any
/// thread. The thread blocks all of its time, handles no signal of the program's, and does not outlive
/// tollgate_unwatch or tollgate_close. Fork first, watch then: in a forked child nobody watches until
/// it calls this itself.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_watch(gate: *const tollgate_gate, interval_ms: u32) -> tollgate_status {
    guard_waiting(|| {
        // SAFETY: C's promise.
        let gate = unsafe { arguments::reference(gate, NO_GATE) }?;
        let interval = match interval_ms {
            0 => tollgate::DEFAULT_INTERVAL,
            ms => Duration::from_millis(ms.into()),
        };
        gate.watch(interval)
    })
}

/// Ends watching and waits for the thread that does; where nobody watches it is nothing to do. Any
/// thread; called by an observer on a watching thread, it does not wait: tollgate_close does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_unwatch(gate: *const tollgate_gate) -> tollgate_status {
    guard_waiting(|| {
        // SAFETY: C's promise.
        let gate = unsafe { arguments::reference(gate, NO_GATE) }?;
        gate.unwatch();
        Ok(())
    })
}

/// The file that a gate reloads, as tollgate_open was given it; NULL for a gate from memory, or for
/// NULL. Valid until tollgate_close; not to be freed. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_path(gate: *const tollgate_gate) -> *const c_char {
    guard_or(std::ptr::null(), || {
        // SAFETY: C's promise.
        let gate = unsafe { arguments::reference(gate, NO_GATE) };
        gate.ok().and_then(|gate| gate.path.as_deref()).map_or(std::ptr::null(), CStr::as_ptr)
    })
}

/// The index that tollgate_open opens where none is named: the operator's own, `SYSCONFDIR/tollgate/policy.tgx`
/// (/etc/tollgate/policy.tgx), which no installation writes to, or, where there is nothing of that name, the
/// one that is installed with the library, `DATADIR/tollgate/default.tgx`. Where there is neither, it is the
/// operator's own, to be waited for. Never NULL; one of two constant texts, as the files are now. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_default_index() -> *const c_char {
    guard_or_waiting(c"".as_ptr(), || default_index().as_ptr())
}

/// As [`guard`], for what reads files or waits for threads: it is not cancelled.
fn guard_waiting(f: impl FnOnce() -> Result<(), Failure>) -> tollgate_status {
    signals::uncancelled(|| guard(f))
}

/// As [`guard_or`], and not cancelled.
fn guard_or_waiting<T>(otherwise: T, f: impl FnOnce() -> T) -> T {
    signals::uncancelled(|| guard_or(otherwise, f))
}
