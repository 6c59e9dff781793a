//! `libtollgate`: the gate for C and C++.
//!
//! One file an object of C. The header `include/tollgate.h` is generated from what stands here, so
//! the comments of public items are written for those who read that header; `docs/c.md` has the
//! conventions and the reasons.
//!
//! | file | what it is |
//! | --- | --- |
//! | `panic.rs` | the boundary: a panic becomes a status |
//! | `error.rs` | `tollgate_status`, the thread's last error |
//! | `arguments.rs` | what C passes: pointers, texts, structs that carry their size |
//! | `gate.rs` | `tollgate_gate`: open, close, reload, rollback, watch |
//! | `options.rs` | `tollgate_options` |
//! | `observer.rs` | `tollgate_observer` |
//! | `query.rs` | `tollgate_query` |
//! | `screen.rs` | the call itself |
//! | `verdict.rs` | `tollgate_verdict` and the numbers in it |
//! | `explain.rs`, `json.rs` | why, for people and for programs |
//! | `stats.rs` | `tollgate_stats`, `tollgate_list` |
//! | `info.rs` | `tollgate_info`, profiles, versions |
//! | `signals.rs` | the watching thread leaves signals to the program, and no call is cancelled half way |
//!
//! `unsafe` is where a pointer of C is read or written: in `arguments.rs`, and in the functions that
//! pass C's promises on to it.

// The names are C's.
#![allow(non_camel_case_types)]
// What a caller has to promise is what the header says of each function: pointers that are valid for
// what they are documented to be.
#![allow(clippy::missing_safety_doc)]
// Tests may unwrap.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod error;
mod explain;
mod gate;
mod info;
mod json;
mod observer;
mod options;
mod panic;
mod query;
mod screen;
mod signals;
mod stats;
mod verdict;

/// The bytes of a name in a struct: [`tollgate::MAX_NAME_LEN`] and the NUL behind it.
const NAME_BYTES: usize = 48;
const _: () = assert!(tollgate::MAX_NAME_LEN + 1 == NAME_BYTES);
