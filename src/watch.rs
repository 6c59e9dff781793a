//! Following an index file: reload when another one is renamed into its place.
//!
//! The watcher asks the file system twice a second (or as told) for the file's identity: device,
//! inode, size, the time its content changed and, on Unix, the time the inode changed (which a
//! program cannot set back, as `cp -p` and `rsync -t` do the other). It compares that with the
//! identity that the gate noted when it last read the file. That is one cheap system call on a
//! thread of its own, and works on every file system, on network shares and in containers, where
//! change notifications are late, lost or limited in number.

use crate::gate::Gate;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How often a watcher looks by default.
pub const DEFAULT_INTERVAL: Duration = Duration::from_millis(500);

/// The shortest interval: with none, the thread would do nothing but look.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// What tells one version of a file from the next.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub(crate) struct Identity {
    size: u64,
    changed: Option<SystemTime>,
    /// Device and inode.
    #[cfg(unix)]
    inode: (u64, u64),
    /// When the inode changed: seconds and nanoseconds.
    #[cfg(unix)]
    inode_changed: (i64, i64),
}

impl Identity {
    /// The identity of what lies there now; none where nothing does.
    pub(crate) fn of(path: &Path) -> Option<Identity> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Some(Identity {
            size: metadata.len(),
            changed: metadata.modified().ok(),
            #[cfg(unix)]
            inode: (metadata.dev(), metadata.ino()),
            #[cfg(unix)]
            inode_changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

thread_local! {
    /// On a watching thread, the address of what it shares with its watcher. (The standard library's
    /// handle of the current thread would do as well, but is allocated for threads that it did not start,
    /// and in a program of C the main thread never frees it.)
    static WATCHING: Cell<*const Stop> = const { Cell::new(std::ptr::null()) };
}

/// What a watcher tells its thread.
type Stop = (Mutex<bool>, Condvar);

/// Watches a gate's file until it is dropped. See [`Gate::watch`].
#[must_use = "the gate is watched for as long as the watcher lives"]
#[derive(Debug)]
pub struct Watcher {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    /// Reloads whenever the gate's file is replaced, until the watcher is dropped.
    ///
    /// The file is looked at every `interval`, at most a hundred times a second. One that vanishes is
    /// waited for. A reload that fails leaves the old index in place, counts, and tells the observer;
    /// it is tried again when the file changes again, or at the next look where the file could not
    /// be read at all ([`Error::Io`](crate::Error::Io): no permission yet, no memory, a network share
    /// that is away). A [`rollback`](Gate::rollback) is not undone: a file that was
    /// read once is read again only when it changes. A panic, of the reader or of the observer, does not
    /// end the watch. The watcher does not keep the gate alive.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`](crate::Error::NoFile) for a gate from memory;
    /// [`Error::Io`](crate::Error::Io) where no thread can be started.
    pub fn watch(self: &Arc<Gate>, interval: Duration) -> Result<Watcher, crate::Error> {
        let path = self.path().ok_or(crate::Error::NoFile)?.to_owned();
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (gate, shared) = (Arc::downgrade(self), Arc::clone(&stop));
        let name = path.clone();
        let interval = interval.max(MIN_INTERVAL);
        let thread = std::thread::Builder::new()
            .name("tollgate-watch".to_owned())
            .spawn(move || follow(&gate, &path, &shared, interval))
            .map_err(|source| crate::Error::Io { path: name, source })?;
        Ok(Watcher { stop, thread: Some(thread) })
    }
}

fn follow(gate: &Weak<Gate>, path: &Path, stop: &Stop, interval: Duration) {
    WATCHING.set(stop);
    loop {
        {
            let mut stopped = stop.0.lock();
            if !*stopped {
                stop.1.wait_for(&mut stopped, interval);
            }
            if *stopped {
                return;
            }
        }
        let Some(gate) = gate.upgrade() else { return };
        let now = Identity::of(path);
        if now.is_some() && now != gate.seen() {
            gate.follow();
        }
    }
}

impl Watcher {
    /// Tells the thread to end, without waiting for it: a reload that is under way is finished first.
    /// Dropping the watcher does the same and waits.
    pub fn stop(&self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
    }

    /// True when the thread has ended: to drop the watcher then waits for nobody.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// True on the thread of a watcher, whichever one's: in an observer that a watcher's reload told.
    /// There it would be wrong to wait for a watcher that may be waiting for this thread.
    #[must_use]
    pub fn is_watching_thread() -> bool {
        !WATCHING.get().is_null()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // The observer may drop the watcher from its own thread: that one cannot wait for itself.
            if WATCHING.get() != Arc::as_ptr(&self.stop) {
                let _ = thread.join();
            }
        }
    }
}
