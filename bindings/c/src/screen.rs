//! The call itself: text in, verdict out.

use crate::arguments::{self, Output};
use crate::error::{Failure, tollgate_status};
use crate::gate::tollgate_gate;
use crate::panic::guard;
use crate::query::{self, tollgate_query};
use crate::verdict::{tollgate_verdict, write_verdict};
use std::ffi::c_char;
use std::mem::MaybeUninit;
use tollgate::{Query, Verdict};

const NO_GATE: &str = "the gate is NULL: tollgate_open gives one";
const NO_VERDICT: &str = "the verdict is NULL or misaligned: give the address of a struct tollgate_verdict";

/// Screens a dialled string or caller id of `length` bytes, and writes the verdict.
///
/// Any bytes: the text as the PBX has it, in any spelling, with or without a NUL behind it. NULL with
/// the length 0 is an empty text, which is a withheld number. Text that cannot be read is a verdict
/// (TOLLGATE_REASON_INVALID), not a failure. `query` says which profile, direction and home region;
/// NULL asks the default profile, outbound. `verdict` must not overlap the text.
///
/// Returns TOLLGATE_OK; TOLLGATE_UNKNOWN_PROFILE or TOLLGATE_UNKNOWN_REGION where the query names what
/// the index does not have; TOLLGATE_INVALID_ARGUMENT. The verdict is written only with TOLLGATE_OK:
/// decide what to do with the call otherwise.
///
/// Any thread, any number at a time; takes no lock and never waits for a reload. Allocates nothing but
/// a small node in a thread's first call through any gate (see tollgate_prepare_thread), and for the
/// message of a failure; makes no system call, but reads the clock where an entry matched that can
/// expire.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_screen(
    gate: *const tollgate_gate,
    query: *const tollgate_query,
    dialled: *const c_char,
    length: usize,
    verdict: *mut tollgate_verdict,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promise: `length` bytes.
        let dialled = unsafe { arguments::bytes(dialled, length) }?;
        // SAFETY: C's promises, passed on.
        unsafe { screen(gate, query, dialled, verdict) }
    })
}

/// As tollgate_screen, for a NUL-terminated text. NULL is an argument that cannot be right: what a
/// missing caller id means is yours to say ("" is a withheld one).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_screen_text(
    gate: *const tollgate_gate,
    query: *const tollgate_query,
    dialled: *const c_char,
    verdict: *mut tollgate_verdict,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promise: terminated.
        let dialled = unsafe { arguments::text(dialled) };
        let dialled = dialled.ok_or(Failure::Argument("the text is NULL; \"\" is a withheld number"))?;
        // SAFETY: C's promises, passed on.
        unsafe { screen(gate, query, dialled.to_bytes(), verdict) }
    })
}

/// # Safety
///
/// The pointers are what `tollgate_screen` says of them.
#[inline(always)]
unsafe fn screen(
    gate: *const tollgate_gate,
    query: *const tollgate_query,
    dialled: &[u8],
    verdict: *mut tollgate_verdict,
) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let (gate, mut output) = unsafe { (arguments::reference(gate, NO_GATE)?, Output::new(verdict, NO_VERDICT)?) };
    // SAFETY: the caller's promise.
    let asked = unsafe { query::read(query) }?;
    if !asked.is_counted {
        return uncounted(gate, &asked.query, dialled, output);
    }
    let mut room = MaybeUninit::uninit();
    match gate.gate().screen_into(&asked.query, dialled, &mut room) {
        Ok(verdict) => write_verdict(output.room(), verdict, dialled),
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

/// Asks the index past the gate, which counts. Apart, so that calls do not carry it along.
#[cold]
fn uncounted(
    gate: &tollgate_gate,
    query: &Query<'_>,
    dialled: &[u8],
    mut output: Output<tollgate_verdict>,
) -> Result<(), Failure> {
    write_verdict(output.room(), &gate.gate().index().screen_with(query, dialled)?, dialled);
    Ok(())
}

/// A text to screen, for tollgate_screen_many: `length` bytes, any, with or without a NUL behind them.
/// NULL with the length 0 is an empty text, which is a withheld number.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tollgate_text {
    /// The bytes.
    pub bytes: *const c_char,
    /// How many.
    pub length: usize,
}

/// A text whose pointer and length have been looked at.
#[repr(transparent)]
struct Checked(tollgate_text);

impl AsRef<[u8]> for Checked {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: C's promise, which reaches as far as the call, and so as far as this does.
        unsafe { arguments::bytes(self.0.bytes, self.0.length) }.unwrap_or_default()
    }
}

/// Screens `count` dialled strings or caller ids with one query and by one index, and writes
/// `verdicts[i]` for `dialled[i]`. The verdicts are those of tollgate_screen. With lists of millions of
/// numbers they come faster than one by one, since the look-ups of sixteen wait for memory together: for
/// lists to be cleaned and files of call records, not for calls that come one at a time.
///
/// `dialled` and `verdicts` have room for `count` each and do not overlap, nor may the texts lie in `verdicts`;
/// NULL is none, with the count 0.
///
/// Returns as tollgate_screen. With TOLLGATE_OK all verdicts are written, with TOLLGATE_PANIC some may be, else
/// none. Allocates and waits as little as tollgate_screen; the clock is read at most once (uncounted, once for
/// sixteen). Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_screen_many(
    gate: *const tollgate_gate,
    query: *const tollgate_query,
    dialled: *const tollgate_text,
    count: usize,
    verdicts: *mut tollgate_verdict,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, asked, texts, room) = unsafe {
            let gate = arguments::reference(gate, NO_GATE)?;
            let asked = query::read(query)?;
            (gate, asked, arguments::items(dialled.cast::<Checked>(), count)?, arguments::room(verdicts, count)?)
        };
        for text in texts {
            // SAFETY: C's promise: so many bytes.
            unsafe { arguments::bytes(text.0.bytes, text.0.length) }?;
        }
        let mut rooms = texts.iter().zip(room);
        let mut write = |verdict: &Verdict| {
            if let Some((text, room)) = rooms.next() {
                write_verdict(room, verdict, text.as_ref());
            }
        };
        if asked.is_counted {
            gate.gate().screen_each(&asked.query, texts, write)?;
            return Ok(());
        }
        // Past the gate, which counts. What the query names is in this index or is not, and so the first
        // row fails or none.
        let index = gate.gate().index();
        let mut row = [Verdict::EMPTY; 16];
        for texts in texts.chunks(row.len()) {
            let n = index.screen_many(&asked.query, texts, &mut row)?;
            row[..n].iter().for_each(&mut write);
        }
        Ok(())
    })
}

/// Does what a thread's first call does once, so that no call of this thread allocates. To be called
/// where a thread that screens begins; never necessary. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_prepare_thread(gate: *const tollgate_gate) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promise.
        unsafe { arguments::reference(gate, NO_GATE) }?.gate().prepare_thread();
        Ok(())
    })
}

/// Whether the index of the moment knows the profile and region of a query: for the check of a
/// configuration. Is not counted. Returns as tollgate_screen. Any thread. (A gate whose options name
/// `required_profiles` never has an index without them.)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_check_query(
    gate: *const tollgate_gate,
    query: *const tollgate_query,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, asked) = unsafe { (arguments::reference(gate, NO_GATE)?, query::read(query)?) };
        gate.gate().index().screen_with(&asked.query, b"")?;
        Ok(())
    })
}
