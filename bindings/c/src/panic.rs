//! The boundary: no panic crosses it, and none writes to the program's standard error.
//!
//! The library has no panic that we know of. If there is one all the same, it ends the call that met
//! it with a status, and not the PBX with all of its calls. So panics must unwind.
//!
//! # The panic hook
//!
//! Before it unwinds, Rust's standard library writes a line to file descriptor 2. In a PBX that is nobody's
//! to write to: it may be closed, be another file by now, or a pipe whose reader has gone, and then the
//! `SIGPIPE` would end the process. The place of the panic, which stands only in that line, belongs into the
//! error message. Both take a panic hook, and a hook is for the whole process. So:
//!
//! - It is installed once, when the first gate is opened: a program that only loads the library keeps what it
//!   has.
//! - It takes what is ours and gives all else to the hook before it. A hook is kept by a standard library, and as
//!   `dist/build` links us, shared and static, nobody else can call ours ([`OWN_STD`]): there, all panics that it
//!   hears of are ours. `libtollgate_capi.a` as Cargo makes it shares one with any other Rust library of the
//!   same compiler in the program; there, threads say whether they are inside of the library ([`Level`]).
//! - It cannot point into a library that is gone, since hook and standard library are parts of one shared
//!   library, module or program, and go together. (`libtollgate.so` is not unmapped at all: `build.rs`,
//!   `nodelete`.)

use crate::error::{Failure, Message, record, record_text, tollgate_status};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::ffi::CStr;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use tollgate::Watcher;

#[cfg(not(panic = "unwind"))]
compile_error!(
    "libtollgate has to be built with panic = \"unwind\": with \"abort\" a panic would end the PBX with all its calls"
);

/// Whether nobody else has the standard library that we have, as `dist/build` says to `build.rs`. A call then
/// marks nothing: thread-local memory of a shared library is found through a call of its own, which would be
/// half of what C may cost more than Rust.
const OWN_STD: bool = cfg!(own_std);

/// Whose code a thread runs, where that is not known anyway.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The program's. On a watching thread: the library's.
    Base,
    /// The library's, in a function that C called.
    Inside,
    /// The program's again, in an observer.
    Observer,
}

/// The bytes of a panic's place.
const PLACE_BYTES: usize = 192;

thread_local! {
    static LEVEL: Cell<Level> = const { Cell::new(Level::Base) };
    /// Where this thread's last panic was: "src/lists.rs:100", or empty. In place, as the last error is.
    static PLACE: UnsafeCell<[u8; PLACE_BYTES]> = const { UnsafeCell::new([0; PLACE_BYTES]) };
}

/// Runs code at a level. What `f` does never unwinds to here: it catches, or is of C, where an exception that
/// leaves it ends the process.
#[inline]
fn at<T>(level: Level, f: impl FnOnce() -> T) -> T {
    if OWN_STD {
        return f();
    }
    LEVEL.with(|cell| {
        let before = cell.replace(level);
        let value = f();
        cell.set(before);
        value
    })
}

/// Runs a function of the program's, whose panics, if it is written in Rust, too, are its own.
#[inline]
pub(crate) fn outside<T>(f: impl FnOnce() -> T) -> T {
    at(Level::Observer, f)
}

/// Has panics of the library noted instead of written. To be called before there is a gate, inside of [`guard`].
/// On a thread that is panicking a hook cannot be exchanged; the next gate that is opened tries again.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    if !std::thread::panicking() {
        ONCE.call_once(install);
    }
}

fn install() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // One that cannot unwind ends the process, and somebody has to say why.
        let is_the_end = info.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("panic in a "));
        let is_ours = OWN_STD
            || match LEVEL.get() {
                Level::Base => Watcher::is_watching_thread(),
                Level::Inside => true,
                Level::Observer => false,
            };
        if is_ours && !is_the_end { note(info) } else { before(info) }
    }));
}

/// Keeps the place of a panic; what it says is in the payload. Allocates nothing: there may be no memory.
fn note(info: &PanicHookInfo<'_>) {
    let mut bytes = [0; PLACE_BYTES];
    if let Some(place) = info.location() {
        // A place that does not fit is cut.
        let _ = write!(Message::new(&mut bytes), "{}:{}", place.file(), place.line());
    }
    // SAFETY: the array is this thread's own, and nobody else has a reference to it (`place`).
    PLACE.with(|cell| unsafe { *cell.get() = bytes });
}

/// Where this thread's last panic was, to be put behind what it said: " at src/lists.rs:100", or nothing.
pub(crate) fn place() -> String {
    // SAFETY: the array is this thread's own; it is copied, so that no reference stays.
    let bytes = PLACE.with(|cell| unsafe { *cell.get() });
    let text = CStr::from_bytes_until_nul(&bytes).ok().and_then(|text| text.to_str().ok()).unwrap_or_default();
    if text.is_empty() { String::new() } else { format!(" at {text}") }
}

/// Runs what a function of the library does and makes a status of what comes out. Everything that C
/// can call goes through here or through [`guard_or`], but functions that only return a constant.
///
/// What is half done when a panic unwinds is safe to use: the gate changes by one atomic exchange,
/// its locks do not poison, and outputs are written last.
#[inline]
pub(crate) fn guard(f: impl FnOnce() -> Result<(), Failure>) -> tollgate_status {
    at(Level::Inside, || match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(())) => tollgate_status::TOLLGATE_OK,
        Ok(Err(failure)) => failed(failure),
        Err(payload) => panicked(payload),
    })
}

/// As [`guard`], for functions that return a value of their own.
#[inline]
pub(crate) fn guard_or<T>(otherwise: T, f: impl FnOnce() -> T) -> T {
    at(Level::Inside, || match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => value,
        Err(payload) => {
            panicked(payload);
            otherwise
        }
    })
}

#[cold]
#[inline(never)]
fn failed(failure: Failure) -> tollgate_status {
    // To write the message is to run code of others (`Display` of a system error).
    match catch_unwind(AssertUnwindSafe(|| record(&failure))) {
        Ok(status) => status,
        Err(payload) => panicked(payload),
    }
}

#[cold]
#[inline(never)]
fn panicked(payload: Box<dyn Any + Send>) -> tollgate_status {
    let what = if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.as_str()
    } else {
        "no message"
    };
    let status = record_text(
        tollgate_status::TOLLGATE_PANIC,
        format_args!("a bug in Tollgate was caught ({what}{}); the gate goes on, please report it", place()),
    );
    // What was thrown may panic again when it is dropped.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    if let Err(again) = dropped {
        std::mem::forget(again);
    }
    status
}

/// Panics, so that tests see what becomes of it. Only with the feature `test-panic`.
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_test_panic() -> tollgate_status {
    guard(|| panic!("a panic on purpose"))
}

/// The next telling of a swap or refusal panics before the observer is told, once: on the watching thread, if
/// it is that one's. Only with the feature `test-panic`.
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_test_panic_when_told() {
    telling::PANICS.store(true, std::sync::atomic::Ordering::SeqCst);
}

/// What [`tollgate_test_panic_when_told`] says.
#[cfg(feature = "test-panic")]
pub(crate) mod telling {
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(super) static PANICS: AtomicBool = AtomicBool::new(false);

    pub(crate) fn panics() {
        if PANICS.swap(false, Ordering::SeqCst) {
            panic!("told on purpose");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{last_error_text, write_error};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_panic_becomes_a_status_with_its_message() {
        assert_eq!(guard(|| panic!("out of {}", "paper")), tollgate_status::TOLLGATE_PANIC);
        assert!(last_error_text().contains("out of paper"), "{}", last_error_text());
        assert_eq!(guard(|| std::panic::panic_any(7_u8)), tollgate_status::TOLLGATE_PANIC);
        assert!(last_error_text().contains("no message"), "{}", last_error_text());
        assert_eq!(guard(|| Ok(())), tollgate_status::TOLLGATE_OK);
        assert_eq!(guard_or(3, || panic!("no")), 3);
    }

    /// Found in review: where a destructor of a Rust program opened its gate while a panic unwound, the hook
    /// was exchanged outside of [`guard`], which is a panic of its own there, and the process ended.
    #[test]
    fn a_gate_may_be_opened_while_the_program_panics() {
        struct Opens(Arc<AtomicU32>);
        impl Drop for Opens {
            fn drop(&mut self) {
                let mut gate = std::ptr::null_mut();
                // SAFETY: no bytes, no options, and room for a gate.
                let status =
                    unsafe { crate::gate::tollgate_open_memory(std::ptr::null(), 0, std::ptr::null(), &raw mut gate) };
                self.0.store(status as u32, Ordering::SeqCst);
            }
        }
        let status = Arc::new(AtomicU32::new(u32::MAX));
        let opens = Opens(Arc::clone(&status));
        assert!(
            catch_unwind(AssertUnwindSafe(move || {
                let _opens = opens;
                panic!("the program's");
            }))
            .is_err()
        );
        assert_eq!(status.load(Ordering::SeqCst), tollgate_status::TOLLGATE_NOT_AN_INDEX as u32);
    }

    /// What is thrown may throw again when it is let go.
    #[test]
    fn a_payload_that_panics_does_not_get_out() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert_eq!(guard(|| std::panic::panic_any(Bomb)), tollgate_status::TOLLGATE_PANIC);
    }

    /// Found in review: a panic that was caught still wrote to standard error, which in a PBX may be closed,
    /// or a pipe that nobody reads. A hook is for the whole process: what is not ours goes where it went.
    #[test]
    fn the_hook_takes_what_is_ours_and_nothing_else() {
        let seen = Arc::new(AtomicU32::new(0));
        let (count, here, before) = (Arc::clone(&seen), std::thread::current().id(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == here {
                count.fetch_add(1, Ordering::SeqCst);
            } else {
                before(info);
            }
        }));
        install();
        let others = || seen.load(Ordering::SeqCst);
        let throw = || {
            let _ = catch_unwind(|| panic!("the program's"));
        };

        throw();
        assert_eq!(others(), 1, "outside of the library");
        assert_eq!(guard(|| panic!("ours")), tollgate_status::TOLLGATE_PANIC);
        assert_eq!(others(), 1);
        let text = last_error_text();
        assert!(text.contains("(ours at ") && text.contains("panic.rs:"), "{text}");
        // Found in review: the place stood at the end, and so read as that of the file that is to be reported.
        let mut text = String::new();
        write_error(&mut text, &tollgate::Error::Panicked { what: "ours".to_owned() }).unwrap();
        assert!(text.contains(&format!("(ours{})", place())) && text.ends_with("report this with the file"), "{text}");
        let inner = guard(|| {
            outside(throw);
            assert_eq!(others(), 2, "an observer's");
            assert_eq!(guard(|| panic!("in a call of the observer's")), tollgate_status::TOLLGATE_PANIC);
            panic!("and after it")
        });
        assert_eq!((inner, others()), (tollgate_status::TOLLGATE_PANIC, 2));
        throw();
        assert_eq!(others(), 3, "outside again");
        // As the standard library says that a destructor panicked while another panic unwound.
        let last = guard(|| std::panic::panic_any("panic in a destructor during cleanup"));
        assert_eq!((last, others()), (tollgate_status::TOLLGATE_PANIC, 4));
    }
}
