//! `tollgate_options`: how a gate is opened.

use crate::arguments;
use crate::error::Failure;
use crate::observer::{Callbacks, tollgate_observer};
use std::ffi::c_char;
use tollgate::{GateOptions, MAX_NAME_LEN};

/// For `max_loss_percent`: refuse an index that lost even one entry.
pub const TOLLGATE_NO_LOSS: u32 = u32::MAX;

/// How a gate opens its file and guards its reloads. All zeros but the size are the defaults:
///
///     struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
///
/// The struct, and what it points to, is copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tollgate_options {
    /// sizeof(struct tollgate_options), by which the library knows which header you compiled with.
    pub size: usize,
    /// Who is told of blocked calls, swaps and refused reloads; NULL: nobody.
    pub observer: *const tollgate_observer,
    /// Profiles without which no index is taken, neither at the opening nor by a reload: those that your
    /// configuration names, since calls would ask for them in vain. An array that ends with NULL, or NULL.
    /// An index that does not have one is TOLLGATE_MISSING_PROFILE.
    pub required_profiles: *const *const c_char,
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
const FIRST_VERSION: usize = 3 * size_of::<usize>() + 8;

/// A limit as C gives it; none where it gives none, by 0.
pub(crate) fn loss(percent: u32) -> Result<Option<u8>, Failure> {
    match percent {
        0 => Ok(None),
        1..=100 => Ok(Some(percent as u8)),
        TOLLGATE_NO_LOSS => Ok(Some(0)),
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
    let mut result = GateOptions::new();
    if let Some(percent) = loss(options.max_loss_percent)? {
        result = result.max_loss_percent(percent);
    }
    if !options.required_profiles.is_null() {
        if !options.required_profiles.is_aligned() {
            return Err(Failure::Argument("options->required_profiles is misaligned"));
        }
        let mut next = options.required_profiles;
        // SAFETY: the caller's promise: pointers up to one that is NULL, and terminated texts.
        while let Some(name) = unsafe { arguments::text(next.read()) } {
            // What no index can have is a mistake of the configuration, and no index's.
            let name = Some(name).filter(|n| n.count_bytes() <= MAX_NAME_LEN).and_then(|n| n.to_str().ok());
            result = result.require_profile(name.ok_or(Failure::Argument(
                "options->required_profiles has a name that is longer than 47 bytes or not UTF-8",
            ))?);
            // SAFETY: the one before was not NULL, so there is another one.
            next = unsafe { next.add(1) };
        }
    }
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
