//! `tollgate_info`, profiles, and versions.

use crate::NAME_BYTES;
use crate::arguments::{self, Output};
use crate::error::tollgate_status;
use crate::gate::tollgate_gate;
use crate::panic::guard;
use crate::stats::cut;
use std::ffi::{CStr, c_char};
use std::fmt::Write;
use std::mem::MaybeUninit;

/// What `built` is where the builder was not told the time.
pub const TOLLGATE_NOT_BUILT: i64 = i64::MIN;

/// What the index of the moment was made of. Texts that do not fit are cut.
#[repr(C)]
pub struct tollgate_info {
    /// Entries in all lists (a range counts once a prefix).
    pub entries: u64,
    /// How many lists, which tollgate_get_lists writes.
    pub lists: u64,
    /// How many profiles, which tollgate_get_profiles writes.
    pub profiles: u64,
    /// How many files went into it.
    pub sources: u64,
    /// The size of the index in bytes.
    pub bytes: u64,
    /// When it was built, in seconds since 1970-01-01T00:00:00Z; TOLLGATE_NOT_BUILT where nobody said.
    pub built: i64,
    /// How many swaps the gate had made.
    pub generation: u64,
    /// The version of the file format.
    pub format_version: u32,
    /// 1 where the file is mapped, 0 where it was read.
    pub mapped: u32,
    /// The policy's name.
    pub policy: [c_char; 48],
    /// The version of the numbering plan: libphonenumber's, such as "9.0.33".
    pub plan_version: [c_char; 32],
    /// The home region.
    pub home: [c_char; 4],
    /// The outside-line digit; empty where there is none.
    pub outside_line: [c_char; 4],
    /// The checksum at the index's end, in hexadecimal: two indexes with one checksum are one.
    pub checksum: [c_char; 40],
    /// The program that built it.
    pub builder: [c_char; 48],
    /// Who built it; may be empty.
    pub by: [c_char; 96],
    /// Why; may be empty.
    pub why: [c_char; 224],
    /// Zero.
    pub reserved_words: [u64; 8],
}

/// A name of a list or profile.
#[repr(C)]
pub struct tollgate_name {
    /// NUL-terminated UTF-8.
    pub text: [c_char; 48],
}

const NO_GATE: &str = "the gate is NULL: tollgate_open gives one";
const NO_OUTPUT: &str = "the output is NULL or misaligned";

/// Writes what the index of the moment was made of. Any thread; allocates.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_get_info(gate: *const tollgate_gate, info: *mut tollgate_info) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, output) = unsafe { (arguments::reference(gate, NO_GATE)?, Output::new(info, NO_OUTPUT)?) };
        let index = gate.gate().index();
        let info = index.info();
        let mut checksum = String::new();
        for byte in info.checksum {
            // A `String` takes everything.
            let _ = write!(checksum, "{byte:02x}");
        }
        output.write(tollgate_info {
            entries: info.entries,
            lists: info.lists.len() as u64,
            profiles: info.profiles.len() as u64,
            sources: info.sources.len() as u64,
            bytes: info.bytes,
            built: info.built.unwrap_or(TOLLGATE_NOT_BUILT),
            generation: gate.gate().stats().swaps,
            format_version: info.format_version.into(),
            mapped: index.is_mapped().into(),
            policy: cut::<NAME_BYTES>(&info.policy),
            plan_version: cut(&info.metadata_version),
            home: cut(&info.home),
            outside_line: cut(info.outside_line.map(|c| c.to_string()).as_deref().unwrap_or_default()),
            checksum: cut(&checksum),
            builder: cut(&info.builder),
            by: cut(&info.by),
            why: cut(&info.why),
            reserved_words: [0; 8],
        });
        Ok(())
    })
}

/// Writes the names of the profiles of the index of the moment, in the policy's order: at most
/// `capacity` of them to `profiles`, and to `*count` how many there are. With `capacity` 0, `profiles`
/// may be NULL; an index may be swapped between two calls, so the second may find more. Any thread;
/// allocates.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_get_profiles(
    gate: *const tollgate_gate,
    profiles: *mut tollgate_name,
    capacity: usize,
    count: *mut usize,
) -> tollgate_status {
    guard(|| {
        // SAFETY: C's promises.
        let (gate, room, count) = unsafe {
            (arguments::reference(gate, NO_GATE)?, arguments::room(profiles, capacity)?, Output::new(count, NO_OUTPUT)?)
        };
        let info = gate.gate().index().info();
        for (place, name) in room.iter_mut().zip(&info.profiles) {
            MaybeUninit::write(place, tollgate_name { text: cut(name) });
        }
        count.write(info.profiles.len());
        Ok(())
    })
}

/// The version of the library that runs: "0.1.0". The text is constant. TOLLGATE_VERSION is that of the
/// header.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
    VERSION.as_ptr()
}

/// The version of the ABI of the library that runs. It is the number in the library's name
/// (`libtollgate.so.1`), so a program that was linked to the library meets no other one; what loads it
/// by hand compares it with TOLLGATE_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_abi_version() -> u32 {
    const ABI: u32 = match u32::from_str_radix(env!("TOLLGATE_ABI_VERSION"), 10) {
        Ok(abi) => abi,
        Err(_) => 0,
    };
    ABI
}
