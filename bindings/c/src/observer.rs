//! `tollgate_observer`: the program's functions that are told what a gate does.

use crate::arguments;
use crate::error::{Failure, MESSAGE_BYTES, Message, status_of, write_error};
use crate::gate::tollgate_swap;
use crate::panic;
use crate::signals;
use crate::verdict::{tollgate_verdict, write_verdict};
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use tollgate::{Error, Observer, Swap, Verdict};

/// Functions that are told what a gate does. Each may be NULL.
///
/// Calls: `blocked` and `would_block` run inside tollgate_screen and tollgate_screen_many, on the thread of the
/// call and, with several threads, at the same time: be quick, do not block, put the event into a queue of your own.
/// `swapped` and `refused` run on the thread that reloads or rolls back, which with tollgate_watch is
/// the library's. No lock is held: an observer may call every function of the library on the gate but
/// tollgate_close.
///
/// What the pointers point to is valid during the function only. The functions must return: no
/// longjmp, and a C++ exception that leaves one ends the process. A pthread_cancel waits until the call of
/// the library has returned. `user_data` has to live until
/// tollgate_close has returned, after which none of them is called again.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tollgate_observer {
    /// sizeof(struct tollgate_observer).
    pub size: usize,
    /// Passed to every function as it is.
    pub user_data: *mut c_void,
    /// A call was blocked. `dialled` are the `length` bytes that were screened, not terminated.
    pub blocked: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            dialled: *const c_char,
            length: usize,
            verdict: *const tollgate_verdict,
        ),
    >,
    /// A call was allowed that a `log` list would have blocked: the verdict's `shadow`.
    pub would_block: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            dialled: *const c_char,
            length: usize,
            verdict: *const tollgate_verdict,
        ),
    >,
    /// Another index is in place, by a reload or a rollback.
    pub swapped: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, swap: *const tollgate_swap)>,
    /// A reload was refused; the old index stays. `status` is a tollgate_status, `message` says why and what to
    /// do. (Who called tollgate_reload is given both by it and tollgate_last_error; of what the library's
    /// own thread reloads, this function is told alone.)
    pub refused: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, status: i32, message: *const c_char)>,
}

/// Size and user data; functions that an older header does not have are NULL.
const FIRST_VERSION: usize = 6 * size_of::<usize>();

/// C's observer as one of Rust.
pub(crate) struct Callbacks(tollgate_observer);

// SAFETY: the functions may be called from any thread and at the same time: so says the header, and
// what `user_data` points to is theirs alone.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    /// # Safety
    ///
    /// An observer as the header describes it: its functions keep to the rules that stand there.
    pub(crate) unsafe fn read(observer: *const tollgate_observer) -> Result<Callbacks, Failure> {
        // SAFETY: an integer, pointers and functions that may be NULL, and the caller's promise.
        let observer = unsafe {
            arguments::sized(observer, FIRST_VERSION, "observer->size is not set: begin with TOLLGATE_OBSERVER_INIT")
        }?;
        Ok(Callbacks(observer))
    }
}

/// Calls a function of the program's: on its side of the boundary, and on a thread that is not cancelled
/// there, since it could not be unwound.
fn call(f: impl FnOnce()) {
    signals::uncancelled(|| panic::outside(f));
}

type Judged = Option<unsafe extern "C-unwind" fn(*mut c_void, *const c_char, usize, *const tollgate_verdict)>;

impl Callbacks {
    #[inline]
    fn judged(&self, function: Judged, dialled: &[u8], verdict: &Verdict) {
        let Some(function) = function else { return };
        let mut room = MaybeUninit::uninit();
        let verdict = write_verdict(&mut room, verdict, dialled);
        // SAFETY: a function that the program gave for this, with what the header says it gets.
        call(|| unsafe { function(self.0.user_data, dialled.as_ptr().cast(), dialled.len(), verdict) });
    }
}

impl Observer for Callbacks {
    fn blocked(&self, dialled: &[u8], verdict: &Verdict) {
        self.judged(self.0.blocked, dialled, verdict);
    }

    fn would_block(&self, dialled: &[u8], verdict: &Verdict) {
        self.judged(self.0.would_block, dialled, verdict);
    }

    fn swapped(&self, swap: &Swap) {
        #[cfg(feature = "test-panic")]
        panic::telling::panics();
        let Some(function) = self.0.swapped else { return };
        let swap = tollgate_swap::from(swap);
        // SAFETY: a function that the program gave for this, with what the header says it gets.
        call(|| unsafe { function(self.0.user_data, &swap) });
    }

    fn refused(&self, error: &Error) {
        let Some(function) = self.0.refused else { return };
        let mut message = [0; MESSAGE_BYTES];
        // A text that does not fit is cut.
        let _ = write_error(&mut Message::new(&mut message), error);
        // SAFETY: a function that the program gave for this, with what the header says it gets.
        call(|| unsafe { function(self.0.user_data, status_of(error) as i32, message.as_ptr().cast()) });
    }
}
