//! `tollgate_stats` and `tollgate_list`: what a gate has counted.

use crate::NAME_BYTES;
use crate::arguments::{self, Output};
use crate::error::{Message, tollgate_status};
use crate::gate::tollgate_gate;
use crate::panic::guard;
use crate::verdict::{list_action, reason};
use std::ffi::c_char;
use std::fmt::Write;
use std::mem::MaybeUninit;
use tollgate::Action;

/// The size of arrays that have one member a reason: at a tollgate_reason stands what belongs to it.
pub const TOLLGATE_REASONS: usize = 24;

/// The bytes of the last error's text.
const ERROR_BYTES: usize = 512;

/// A gate's counts since it was opened. Exact, but not a snapshot: calls under way may be in some and
/// not in others.
#[repr(C)]
pub struct tollgate_stats {
    /// Calls allowed, by tollgate_reason.
    pub allowed: [u64; 24],
    /// Calls blocked, by tollgate_reason.
    pub blocked: [u64; 24],
    /// All calls allowed.
    pub allowed_total: u64,
    /// All calls blocked.
    pub blocked_total: u64,
    /// Calls allowed that a `log` list would have blocked.
    pub would_block: u64,
    /// Swaps made, by reloads and rollbacks.
    pub swaps: u64,
    /// Reloads refused.
    pub refused: u64,
    /// Zero.
    pub reserved_words: [u64; 8],
    /// Why the last reload was refused; empty after one that was not, and after a rollback.
    pub last_error: [c_char; 512],
}

const _: () = assert!(TOLLGATE_REASONS == 24 && ERROR_BYTES == 512);

/// A list of the index of the moment, and what it has counted since the gate was opened.
#[repr(C)]
pub struct tollgate_list {
    /// Its name.
    pub name: [c_char; 48],
    /// How many entries it has.
    pub entries: u64,
    /// Verdicts that it decided.
    pub decided: u64,
    /// Verdicts that it, a `log` list, would have made a block.
    pub would_block: u64,
    /// A tollgate_list_action.
    pub action: u32,
    /// Zero.
    pub reserved: u32,
    /// Zero.
    pub reserved_words: [u64; 4],
}

const NO_GATE: &str = "the gate is NULL: tollgate_open gives one";
const NO_OUTPUT: &str = "the output is NULL or misaligned";

/// A text in an array of C's, cut between two characters where it does not fit.
pub(crate) fn cut<const N: usize>(text: &str) -> [c_char; N] {
    let mut bytes = [0_u8; N];
    // What does not fit is cut.
    let _ = Message::new(&mut bytes).write_str(text);
    bytes.map(|b| b as c_char)
}

/// Writes a gate's counts. Any thread; waits for no file, but for another thread's look at them.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_get_stats(gate: *const tollgate_gate, stats: *mut tollgate_stats) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, output) = unsafe { (arguments::reference(gate, NO_GATE)?, Output::new(stats, NO_OUTPUT)?) };
        let stats = gate.gate().stats();
        let mut by_reason = [[0; TOLLGATE_REASONS]; 2];
        for &(action, why, count) in &stats.verdicts {
            if let Some(place) = by_reason[usize::from(action == Action::Block)].get_mut(reason(why) as usize) {
                *place = count;
            }
        }
        output.write(tollgate_stats {
            allowed: by_reason[0],
            blocked: by_reason[1],
            allowed_total: stats.total(Action::Allow),
            blocked_total: stats.total(Action::Block),
            would_block: stats.would_block,
            swaps: stats.swaps,
            refused: stats.refused,
            reserved_words: [0; 8],
            last_error: cut(stats.last_error.as_deref().unwrap_or_default()),
        });
        Ok(())
    })
}

/// Writes the lists of the index of the moment, in the policy's order: at most `capacity` of them to
/// `lists`, and to `*count` how many there are. With `capacity` 0, `lists` may be NULL; an index may
/// be swapped between two calls, so the second may find more. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_get_lists(
    gate: *const tollgate_gate,
    lists: *mut tollgate_list,
    capacity: usize,
    count: *mut usize,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, room, count) = unsafe {
            (arguments::reference(gate, NO_GATE)?, arguments::room(lists, capacity)?, Output::new(count, NO_OUTPUT)?)
        };
        let stats = gate.gate().stats();
        let info = gate.gate().index().info();
        for (place, list) in room.iter_mut().zip(&info.lists) {
            let counted = stats.lists.binary_search_by(|l| l.name.as_str().cmp(&list.name));
            let counted = counted.ok().and_then(|i| stats.lists.get(i));
            MaybeUninit::write(
                place,
                tollgate_list {
                    name: cut::<NAME_BYTES>(&list.name),
                    entries: list.entries,
                    decided: counted.map_or(0, |c| c.decided),
                    would_block: counted.map_or(0, |c| c.would_block),
                    action: list_action(list.action) as u32,
                    reserved: 0,
                    reserved_words: [0; 4],
                },
            );
        }
        count.write(info.lists.len());
        Ok(())
    })
}
