//! Signals belong to the program: a thread of the library blocks them, so that the program's handlers
//! run on the program's threads. But for those that a fault in the thread itself raises: a handler that
//! writes a trace must see them.

use std::mem::MaybeUninit;

/// Runs `f` with signals blocked on this thread: a thread that it starts inherits that.
pub(crate) fn blocked<T>(f: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset` writes the set it is given, `sigdelset` changes it, `pthread_sigmask` reads it and writes the one
    // before; both live here.
    let is_set = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT] {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    // Also where `f` panics.
    let _restore = Restore(is_set.then_some(before));
    f()
}

/// Puts a thread's signals back as they were.
struct Restore(Option<MaybeUninit<libc::sigset_t>>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: `pthread_sigmask` has written this set; where it fails nothing was changed.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
        }
    }
}
