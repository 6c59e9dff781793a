//! What a program does to its threads: signals and cancellation.
//!
//! Signals belong to the program: a thread of the library blocks them, so that the program's handlers
//! run on the program's threads. But for those that a fault in the thread itself raises: a handler that
//! writes a trace must see them.
//!
//! `pthread_cancel` ends a thread at its next call of the system by unwinding it, and Rust's frames cannot be
//! unwound so: the process would end. So what reads files, waits for a thread, or calls an observer is not
//! cancelled before it returns. (Screening itself makes no call at which a thread could be cancelled.)

use std::ffi::c_int;
use std::mem::MaybeUninit;

#[cfg(target_os = "linux")]
unsafe extern "C" {
    // Not in the crate libc. glibc and musl have it, with the same numbers.
    safe fn pthread_setcancelstate(state: c_int, before: Option<&mut c_int>) -> c_int;
}
#[cfg(target_os = "linux")]
const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Runs `f` with the thread's cancellation put off until it has returned.
pub(crate) fn uncancelled<T>(f: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    let _restore = {
        let mut before = 0;
        let is_set = pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, Some(&mut before)) == 0;
        RestoreCancel(is_set.then_some(before))
    };
    f()
}

/// Lets a thread be cancelled again, if it could be.
#[cfg(target_os = "linux")]
struct RestoreCancel(Option<c_int>);

#[cfg(target_os = "linux")]
impl Drop for RestoreCancel {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            pthread_setcancelstate(before, None);
        }
    }
}

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
