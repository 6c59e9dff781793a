//! `tollgate_gate`: open, close, reload, go back, follow the file.

use crate::arguments::{self, Output};
use crate::error::{Failure, tollgate_status};
use crate::options::{self, tollgate_options};
use crate::panic::{guard, guard_or};
use crate::signals;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollgate::{Error, Gate, Index, Swap, Watcher};

/// The live handle on an index: asked by any number of threads, swapped to another index while they
/// ask. Made by tollgate_open, ended by tollgate_close.
pub struct tollgate_gate {
    gate: Arc<Gate>,
    /// None for a gate from memory.
    path: Option<CString>,
    watches: Mutex<Watches>,
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
}

impl Watch {
    /// Ends the thread and waits for it. In a process that was forked off after it was started there
    /// is no such thread: what the child has of it is a few bytes, which are let go.
    fn end(self) {
        if self.process == std::process::id() {
            drop(self.watcher);
        } else {
            std::mem::forget(self.watcher);
        }
    }
}

impl tollgate_gate {
    #[inline]
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Puts a watch into the place of the one before, and ends that. Who waits for its thread does so
    /// when the lock is free again: that thread may be in an observer that wants to end it, too.
    fn exchange(&self, watch: Option<Watch>, waits: bool) {
        let ended = {
            let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut watches.current, watch);
            watches.ended.extend(before);
            if !waits {
                let here = std::process::id();
                watches.ended.iter().filter(|w| w.process == here).for_each(|w| w.watcher.stop());
                return;
            }
            std::mem::take(&mut watches.ended)
        };
        ended.into_iter().for_each(Watch::end);
    }
}

const NO_GATE: &str = "the gate is NULL: tollgate_open gives one";
const NO_OUTPUT: &str = "the output is NULL or misaligned";

/// Where the default index is looked for, as the library was built.
pub(crate) const DEFAULT_INDEX: &str = env!("TOLLGATE_DEFAULT_INDEX");

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
/// `path` NULL opens the default index (tollgate_default_index), as `make install` puts one there;
/// where there is none, that is TOLLGATE_NO_DEFAULT_INDEX. `options` NULL are the defaults. On success
/// `*gate` is yours until tollgate_close; path, options and observer have been copied.
///
/// Any thread. No thread of its own is started (that is tollgate_watch), no signal handled.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_open(
    path: *const c_char,
    options: *const tollgate_options,
    gate: *mut *mut tollgate_gate,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (path, options, output) =
            unsafe { (arguments::text(path), options::read(options)?, Output::new(gate, NO_OUTPUT)?) };
        let named = path.is_some();
        let path: CString = match path {
            Some(path) if path.count_bytes() > MAX_PATH => {
                return Err(Failure::Argument("the path is longer than a path can be"));
            }
            Some(path) => path.to_owned(),
            None => CString::new(DEFAULT_INDEX).unwrap_or_default(),
        };
        let opened = options.open(OsStr::from_bytes(path.to_bytes()));
        let opened = opened.map_err(|error| match error {
            Error::Io { ref source, .. } if !named && source.kind() == ErrorKind::NotFound => Failure::NoDefaultIndex,
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
    guard(|| {
        // SAFETY: C's promises.
        let (bytes, options, output) = unsafe {
            (arguments::bytes(bytes.cast(), length)?, options::read(options)?, Output::new(gate, NO_OUTPUT)?)
        };
        let mut copy = Vec::new();
        copy.try_reserve_exact(bytes.len()).map_err(|_| Failure::Status(tollgate_status::TOLLGATE_NO_MEMORY))?;
        copy.extend_from_slice(bytes);
        output.write(handle(options.with_index(Index::from_bytes(copy)?), None));
        Ok(())
    })
}

fn handle(gate: Gate, path: Option<CString>) -> *mut tollgate_gate {
    Box::into_raw(Box::new(tollgate_gate { gate: Arc::new(gate), path, watches: Mutex::default() }))
}

/// Ends a gate: stops watching, waits for the watching thread, frees everything. NULL is nothing to do.
///
/// No other call on the gate may be under way on any thread, and none may come after: not inside an
/// observer, either. In a process that was forked off this frees the child's copy only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_close(gate: *mut tollgate_gate) {
    guard_or((), || {
        if gate.is_null() || !gate.is_aligned() {
            return;
        }
        // SAFETY: a gate of `handle`, which C promises to be the last to use.
        let gate = unsafe { Box::from_raw(gate) };
        gate.exchange(None, true);
    });
}

/// Opens the gate's file again, checks it, and swaps to it, while calls go on. On every failure the old
/// index stays, whole; the failure is counted, and the observer told. An index that lost more of its
/// entries than the gate allows is refused with TOLLGATE_INDEX_SHRUNKEN. A file that holds the current
/// index, byte for byte, changes nothing.
///
/// `swap` may be NULL. Any thread; calls do not wait for it, other reloads do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_reload(gate: *const tollgate_gate, swap: *mut tollgate_swap) -> tollgate_status {
    // SAFETY: C's promises.
    guard(|| unsafe { exchange(gate, swap, |gate| Ok(gate.reload()?)) })
}

/// As tollgate_reload, with a limit of its own for the share of entries that may be lost, in percent, 1
/// to 100; 0 is the default, 50, and TOLLGATE_NO_LOSS none. 100 takes any index that is whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_reload_within(
    gate: *const tollgate_gate,
    max_loss_percent: u32,
    swap: *mut tollgate_swap,
) -> tollgate_status {
    guard(|| {
        let percent = options::loss(max_loss_percent)?;
        // SAFETY: C's promises.
        unsafe { exchange(gate, swap, |gate| Ok(gate.reload_within(percent)?)) }
    })
}

/// Goes back to the index before the last swap; a second call goes forth again.
/// TOLLGATE_NO_PREVIOUS_INDEX where there was no swap yet. A gate that watches its file leaves that
/// index in place until the file is replaced again. `swap` may be NULL. Any thread; waits for no file.
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
/// Returns TOLLGATE_NO_FILE for a gate from memory, TOLLGATE_IO where no thread can be started. Any
/// thread. The thread blocks all of its time, handles no signal of the program's, and does not outlive
/// tollgate_unwatch or tollgate_close. Fork first, watch then: in a forked child nobody watches until
/// it calls this itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_watch(gate: *const tollgate_gate, interval_ms: u32) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promise.
        let gate = unsafe { arguments::reference(gate, NO_GATE) }?;
        let interval = match interval_ms {
            0 => tollgate::DEFAULT_INTERVAL,
            ms => Duration::from_millis(ms.into()),
        };
        let watcher = signals::blocked(|| gate.gate.watch(interval))?;
        gate.exchange(Some(Watch { watcher, process: std::process::id() }), !Watcher::is_watching_thread());
        Ok(())
    })
}

/// Ends watching and waits for the thread that does; where nobody watches it is nothing to do. Any
/// thread; called by an observer on a watching thread, it does not wait: tollgate_close does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_unwatch(gate: *const tollgate_gate) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promise.
        let gate = unsafe { arguments::reference(gate, NO_GATE) }?;
        gate.exchange(None, !Watcher::is_watching_thread());
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

/// Where tollgate_open looks for the default index. The text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_default_index() -> *const c_char {
    const PATH: &CStr = match CStr::from_bytes_with_nul(concat!(env!("TOLLGATE_DEFAULT_INDEX"), "\0").as_bytes()) {
        Ok(path) => path,
        Err(_) => c"",
    };
    PATH.as_ptr()
}
