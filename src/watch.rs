//! Following an index file: reload when another one is renamed into its place.
//!
//! The watcher asks the file system twice a second (or as told) for the file's identity: device,
//! inode, size and time of change. That is one cheap system call on a thread of its own, and works
//! on every file system, on network shares and in containers, where change notifications are late,
//! lost or limited in number.

use crate::gate::Gate;
use parking_lot::{Condvar, Mutex};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How often a watcher looks by default.
pub const DEFAULT_INTERVAL: Duration = Duration::from_millis(500);

/// What tells one version of a file from the next.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Identity {
    size: u64,
    changed: Option<SystemTime>,
    #[cfg(unix)]
    inode: (u64, u64),
}

impl Identity {
    fn of(path: &Path) -> Option<Identity> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Some(Identity {
            size: metadata.len(),
            changed: metadata.modified().ok(),
            #[cfg(unix)]
            inode: (metadata.dev(), metadata.ino()),
        })
    }
}

/// Watches a gate's file until it is dropped. See [`Gate::watch`].
#[must_use = "the gate is watched for as long as the watcher lives"]
#[derive(Debug)]
pub struct Watcher {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    /// Reloads whenever the gate's file is replaced, until the watcher is dropped.
    ///
    /// A file that vanishes is waited for. A reload that fails leaves the old index in place,
    /// counts, tells the observer, and is tried again when the file changes again.
    /// The watcher does not keep the gate alive.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`](crate::Error::NoFile) for a gate from memory;
    /// [`Error::Io`](crate::Error::Io) where no thread can be started.
    pub fn watch(self: &Arc<Gate>, interval: Duration) -> Result<Watcher, crate::Error> {
        let path = self.path().ok_or(crate::Error::NoFile)?.to_owned();
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (gate, shared) = (Arc::downgrade(self), Arc::clone(&stop));
        // Looked at before the index may be replaced, and compared with what is seen later. A file
        // that was replaced between the gate's opening and now is seen by the check below.
        let seen = Identity::of(&path);
        let name = path.clone();
        let thread = std::thread::Builder::new()
            .name("tollgate-watch".to_owned())
            .spawn(move || follow(&gate, &path, seen, &shared, interval))
            .map_err(|source| crate::Error::Io { path: name, source })?;
        Ok(Watcher { stop, thread: Some(thread) })
    }
}

fn follow(
    gate: &Weak<Gate>,
    path: &Path,
    mut seen: Option<Identity>,
    stop: &(Mutex<bool>, Condvar),
    interval: Duration,
) {
    // The gate was opened before the watcher began; what lies there now may be newer. One reload
    // settles it.
    let mut unsure = true;
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
        let now = Identity::of(path);
        if now.is_none() || (now == seen && !unsure) {
            continue;
        }
        let Some(gate) = gate.upgrade() else { return };
        if unsure && now == seen && gate.holds_file(path) {
            unsure = false;
            continue;
        }
        unsure = false;
        seen = now;
        // The outcome is counted and observed by the gate itself.
        let _ = gate.reload();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // The observer may drop the watcher from its own thread: that one cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
