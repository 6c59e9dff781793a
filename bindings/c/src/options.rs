//! `tollgate_options`: how a gate is opened.

use crate::arguments;
use crate::error::Failure;
use crate::observer::{Callbacks, tollgate_observer};
use tollgate::GateOptions;

/// For `max_loss_percent`: refuse an index that lost even one entry.
pub const TOLLGATE_NO_LOSS: u32 = u32::MAX;

/// How a gate opens its file and guards its reloads. All zeros but the size are the defaults:
///
///     struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
///
/// The struct, and the observer that it points to, are copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tollgate_options {
    /// sizeof(struct tollgate_options), by which the library knows which header you compiled with.
    pub size: usize,
    /// Who is told of blocked calls, swaps and refused reloads; NULL: nobody.
    pub observer: *const tollgate_observer,
    /// The share of its entries that a new index may have lost, in percent, 1 to 100, before a reload
    /// refuses it; 0 is the default, 50; TOLLGATE_NO_LOSS is none.
    pub max_loss_percent: u32,
    /// 1: map the file, so that processes share its pages, instead of reading it. Only where the file
    /// is never changed in place, but replaced by renaming another one into its place, as `tollgate
    /// build` does: one that is changed or cut while it is mapped ends the process, or makes it answer
    /// wrongly. 0: read it.
    pub mapped: u32,
}

/// The first version's size: what a program has to pass at least.
const FIRST_VERSION: usize = 2 * size_of::<usize>() + 8;

/// A limit as C gives it.
pub(crate) fn loss(percent: u32) -> Result<u8, Failure> {
    match percent {
        0 => Ok(tollgate::DEFAULT_MAX_LOSS_PERCENT),
        1..=100 => Ok(percent as u8),
        TOLLGATE_NO_LOSS => Ok(0),
        _ => Err(Failure::Argument("max_loss_percent is neither 0 to 100 nor TOLLGATE_NO_LOSS")),
    }
}

/// The options of Rust for C's.
///
/// # Safety
///
/// NULL, or a struct as the header describes it, with an observer as it describes that. With `mapped`,
/// the file is not changed in place while the gate lives.
pub(crate) unsafe fn read(options: *const tollgate_options) -> Result<GateOptions, Failure> {
    if options.is_null() {
        return Ok(GateOptions::new());
    }
    // SAFETY: integers and a pointer that may be NULL, and the caller's promise.
    let options = unsafe {
        arguments::sized(options, FIRST_VERSION, "options->size is not set: begin with TOLLGATE_OPTIONS_INIT")
    }?;
    let mut result = GateOptions::new().max_loss_percent(loss(options.max_loss_percent)?);
    match options.mapped {
        0 => {}
        // SAFETY: the caller's promise about the file.
        1 => result = unsafe { result.mapped() },
        _ => return Err(Failure::Argument("options->mapped is neither 0 nor 1")),
    }
    if !options.observer.is_null() {
        // SAFETY: the caller's promise about the observer.
        result = result.observer(unsafe { Callbacks::read(options.observer) }?);
    }
    Ok(result)
}
