//! Why: `tollgate_explain`, as text and as JSON.

use crate::arguments::{self, Output};
use crate::error::{Failure, tollgate_status};
use crate::gate::tollgate_gate;
use crate::json;
use crate::panic::{guard, guard_or};
use crate::query::{self, tollgate_query};
use std::ffi::{CString, c_char};
use tollgate::Explanation;

/// How an explanation is written.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_format {
    /// For people: several lines, without one at the end. The words may change.
    TOLLGATE_TEXT = 0,
    /// For programs: one JSON object, as `tollgate explain --format json` writes it.
    TOLLGATE_JSON = 1,
}

/// What is explained of a text at the most. More than 1,024 bytes are no number, and what is asked of
/// entries for dialled bytes ends before that, too.
const MAX_TEXT: usize = 65_536;

/// Explains what tollgate_screen would answer: every step from the text to the verdict, with file and
/// line of the list entries that matched. Is not counted, and no observer is told.
///
/// `format` is a tollgate_format. On success `*text` is a NUL-terminated UTF-8 text of the library's,
/// which is yours until tollgate_string_free. Control characters in it, and others that a terminal
/// would obey, are escaped, whatever the dialled text has in it. Returns as tollgate_screen.
///
/// Any thread; allocates: for people who ask, not for calls.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_explain(
    gate: *const tollgate_gate,
    query: *const tollgate_query,
    dialled: *const c_char,
    length: usize,
    format: i32,
    text: *mut *mut c_char,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, dialled, output) = unsafe {
            (
                arguments::reference(gate, "the gate is NULL: tollgate_open gives one")?,
                arguments::bytes(dialled, length)?,
                Output::new(text, "the output is NULL or misaligned")?,
            )
        };
        // SAFETY: C's promise.
        let query = unsafe { query::read(query) }?.query;
        let dialled = &dialled[..dialled.len().min(MAX_TEXT)];
        let explain = || gate.gate().explain(&query, dialled);
        let written = match format {
            f if f == tollgate_format::TOLLGATE_TEXT as i32 => people(explain()?),
            f if f == tollgate_format::TOLLGATE_JSON as i32 => json::explanation(&explain()?, dialled),
            _ => return Err(Failure::Argument("the format is no tollgate_format")),
        };
        // No text has a NUL in it: both forms escape it.
        let written = CString::new(written).map_err(|_| Failure::Status(tollgate_status::TOLLGATE_FAILED))?;
        output.write(written.into_raw());
        Ok(())
    })
}

/// Frees a text that the library gave with the words "yours until tollgate_string_free". NULL is
/// nothing to do. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_string_free(text: *mut c_char) {
    guard_or((), || {
        if !text.is_null() {
            // SAFETY: a text of `CString::into_raw`, which C promises to use no more.
            drop(unsafe { CString::from_raw(text) });
        }
    });
}

/// The explanation's own text, with nothing in it from outside that a terminal or a log would obey.
fn people(mut explanation: Explanation) -> String {
    explanation.dialled = printable(&explanation.dialled);
    for step in &mut explanation.steps {
        step.text = printable(&step.text);
        for entry in step.matches.iter_mut().flat_map(|m| &mut m.entries) {
            for text in [&mut entry.entry, &mut entry.source, &mut entry.note] {
                *text = printable(text);
            }
        }
    }
    explanation.to_string()
}

/// As the command shows text from outside: what would move the cursor, change colours or the direction
/// of writing is shown as an escape.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if tollgate::is_unseen(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
