//! `tollgate_query`: what is asked beside the number.

use crate::arguments;
use crate::error::Failure;
use crate::verdict::tollgate_direction;
use std::ffi::c_char;
use tollgate::{Direction, MAX_NAME_LEN, Query, Region};

/// What to ask beside the number. All zeros but the size are the defaults:
///
///     struct tollgate_query query = TOLLGATE_QUERY_INIT;
///     query.profile = "tenant-7";
///
/// The texts are read during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tollgate_query {
    /// sizeof(struct tollgate_query).
    pub size: usize,
    /// The profile to ask; NULL: `default`.
    pub profile: *const c_char,
    /// The region whose dialling rules the text follows, such as "SK"; NULL: the policy's.
    pub home: *const c_char,
    /// A tollgate_direction: whether the number was dialled, which is the default, or is the caller's.
    pub direction: i32,
    /// 0, or TOLLGATE_UNCOUNTED.
    pub flags: u32,
}

/// For `flags`: to ask without consequences, as a console does. The call is not counted, and no observer is
/// told; the verdict is the same.
pub const TOLLGATE_UNCOUNTED: u32 = 1;

/// What C asks.
pub(crate) struct Asked<'q> {
    pub(crate) query: Query<'q>,
    pub(crate) is_counted: bool,
}

const FIRST_VERSION: usize = 3 * size_of::<usize>() + 8;

/// The question of Rust for C's.
///
/// # Safety
///
/// NULL, or a struct as the header describes it, whose texts live for `'a`.
// Not a call: the result would be written in pieces and read at once, which waits until they have arrived.
#[inline(always)]
pub(crate) unsafe fn read<'a>(query: *const tollgate_query) -> Result<Asked<'a>, Failure> {
    let mut result = Query::new();
    if query.is_null() {
        return Ok(Asked { query: result, is_counted: true });
    }
    // SAFETY: integers and pointers that may be NULL, and the caller's promise.
    let query =
        unsafe { arguments::sized(query, FIRST_VERSION, "query->size is not set: begin with TOLLGATE_QUERY_INIT") }?;
    if query.flags & !TOLLGATE_UNCOUNTED != 0 {
        return Err(Failure::Argument("query->flags has one that is unknown: begin with TOLLGATE_QUERY_INIT"));
    }
    match query.direction {
        d if d == tollgate_direction::TOLLGATE_OUTBOUND as i32 => {}
        d if d == tollgate_direction::TOLLGATE_INBOUND as i32 => result = result.direction(Direction::Inbound),
        _ => return Err(Failure::Argument("query->direction is no tollgate_direction")),
    }
    // SAFETY: the caller's promise.
    if let Some(profile) = unsafe { arguments::text(query.profile) } {
        // A name that is longer than names can be is not looked for, and not copied into an error.
        let name = Some(profile.to_bytes()).filter(|name| name.len() <= MAX_NAME_LEN);
        result = result.profile_bytes(name.ok_or(Failure::UnknownProfile)?);
    }
    // SAFETY: the caller's promise.
    if let Some(home) = unsafe { arguments::text(query.home) } {
        let region = Some(home).filter(|h| h.count_bytes() <= 3).and_then(|h| h.to_str().ok()).and_then(Region::new);
        result = result.home(region.ok_or(Failure::UnknownRegion)?);
    }
    Ok(Asked { query: result, is_counted: query.flags & TOLLGATE_UNCOUNTED == 0 })
}
