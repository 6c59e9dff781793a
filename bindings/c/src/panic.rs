//! The boundary: no panic crosses it.
//!
//! The library has no panic that we know of. If there is one all the same, it ends the call that met
//! it with a status, and not the PBX with all of its calls. So panics must unwind.

use crate::error::{Failure, record, record_text, tollgate_status};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(panic = "abort")]
compile_error!(
    "libtollgate has to be built with panic = \"unwind\": with \"abort\" a panic would end the PBX with all its calls"
);

/// Runs what a function of the library does and makes a status of what comes out. Everything that C
/// can call goes through here or through [`guard_or`], but functions that only return a constant.
///
/// What is half done when a panic unwinds is safe to use: the gate changes by one atomic exchange,
/// its locks do not poison, and outputs are written last.
#[inline]
pub(crate) fn guard(f: impl FnOnce() -> Result<(), Failure>) -> tollgate_status {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(())) => tollgate_status::TOLLGATE_OK,
        Ok(Err(failure)) => failed(failure),
        Err(payload) => panicked(payload),
    }
}

/// As [`guard`], for functions that return a value of their own.
#[inline]
pub(crate) fn guard_or<T>(otherwise: T, f: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => value,
        Err(payload) => {
            panicked(payload);
            otherwise
        }
    }
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
        format_args!("a bug in Tollgate was caught ({what}); the gate goes on, please report it"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::last_error_text;

    #[test]
    fn a_panic_becomes_a_status_with_its_message() {
        assert_eq!(guard(|| panic!("out of {}", "paper")), tollgate_status::TOLLGATE_PANIC);
        assert!(last_error_text().contains("out of paper"), "{}", last_error_text());
        assert_eq!(guard(|| std::panic::panic_any(7_u8)), tollgate_status::TOLLGATE_PANIC);
        assert!(last_error_text().contains("no message"), "{}", last_error_text());
        assert_eq!(guard(|| Ok(())), tollgate_status::TOLLGATE_OK);
        assert_eq!(guard_or(3, || panic!("no")), 3);
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
}
