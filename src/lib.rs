//! Tollgate decides whether a telephone call may go out, or come in, by looking at its number.
//!
//! A PBX links it and asks for every call; nothing is asked over a network. What may be called is
//! said in a *policy*, a TOML file with lists of numbers beside it. The compiler makes an *index* of
//! it: one immutable, checksummed file that also holds the world's numbering plan. A [`Gate`] holds
//! an index, is asked by any number of threads, and swaps to a new index without stopping a call.
//!
//! ```
//! use tollgate::{Action, Direction, Gate, Query, Reason};
//!
//! let gate = Gate::open("data/good/v3/everything.tgx")?;
//!
//! // Text as the PBX has it, in any spelling: separators, prefixes, tel: and sip: URIs.
//! let verdict = gate.screen(b"0900 123 456");
//! assert_eq!(verdict.to_string(), "block type premium_rate +421900123456");
//!
//! // Emergency numbers of the home region are allowed, whatever the policy says.
//! assert_eq!(gate.screen(b"112").reason, Reason::Emergency);
//!
//! // Another profile, or the number of whoever calls.
//! let tenant = Query::new().profile("tenant-7");
//! assert_eq!(gate.screen_with(&tenant, b"+49 30 200123")?.action, Action::Block);
//! let inbound = Query::new().direction(Direction::Inbound);
//! assert_eq!(gate.screen_with(&inbound, b"anonymous")?.reason, Reason::Anonymous);
//!
//! // Why? For people, with the file and line of every entry that matched.
//! println!("{}", gate.explain(&Query::new(), b"+371 2612 3456")?);
//! # Ok::<(), tollgate::Error>(())
//! ```
//!
//! # How a call is judged
//!
//! 1. The text becomes digits. What could be read in two ways (an `&` that joins two destinations,
//!    letters in place of digits, two `@`) is no number but [`Reason::Invalid`].
//! 2. An emergency number of the home region is allowed.
//! 3. Entries for the dialled bytes themselves (`raw:`) are asked.
//! 4. What is a withheld, unreadable, internal or short number gets the profile's answer to that;
//!    internal and short numbers that a list names get the list's.
//! 5. The digits become an E.164 number by the dial plan of the home region.
//! 6. Lists (the longest match wins), then number type, unassigned, country, and the default.
//!
//! The verdict is a plain [`Copy`] value: action, reason, rule, number, region, type, list, profile.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | none | open indexes, screen, explain, reload |
//! | `compile` | the module `compile`: policies, lists and plans to indexes |
//! | `cli` | `compile` and the command `tollgate` |
//!
//! A program that only screens needs no feature, and then links no regular expressions, no XML and
//! no metadata: the plan is in the index.
//!
//! # Threads and time
//!
//! [`Index`] and [`Gate`] are `Send` and `Sync`. [`Gate::screen`] allocates nothing, takes no lock,
//! makes no system call (the clock only where an entry that can expire matched), never panics on any
//! bytes, cannot fail ([`Gate::screen_with`] can: on an unknown profile or region), and takes time
//! proportional to the text's length, of which 1,024 bytes are the most that can be a number. It never
//! waits for a reload; reloads wait for each other. An [`Observer`] runs on the thread of the call.
//!
//! To be exact about allocations: a thread's first call through any gate allocates one small node, by
//! which swaps see what the thread is looking at, unless a thread that has ended left one to take over.
//! [`Gate::prepare_thread`] does that beforehand. [`Index::screen`] never allocates.
//!
//! # Lifetimes
//!
//! Nothing in a [`Verdict`] or an [`Explanation`] points into an index. [`Gate::index`] gives an
//! `Arc` that stays valid after a swap. A gate keeps the index before the last swap for
//! [`Gate::rollback`], so memory holds two indexes, and a third while one is being opened.
//!
//! # Swapping
//!
//! ```
//! use tollgate::{Error, GateOptions, Index};
//!
//! let gate = GateOptions::new().open("data/good/v3/everything.tgx")?;
//! let smaller = Index::open("data/good/v3/smaller.tgx")?;
//! // It lost more than half of its entries: a build from a cut list looks like this.
//! assert!(matches!(gate.swap(smaller), Err(Error::Shrunken { .. })));
//! assert_eq!(gate.index().info().policy, "everything");
//! assert_eq!(gate.stats().refused, 1);
//! gate.reload()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # Compiling
//!
//! ```
//! # #[cfg(feature = "compile")] {
//! use std::path::Path;
//! use tollgate::{Index, compile::Compiler};
//!
//! let policy = r#"
//! [site]
//! home = "DE"
//! [profiles.default.outbound]
//! countries.allow = ["DE", "AT", "CH"]
//! "#;
//! let compiled = Compiler::new().compile_str("policy.toml", policy, Path::new("")).unwrap();
//! let index = Index::from_bytes(compiled.index).unwrap();
//! assert!(index.screen(b"00 371 2612 3456").is_blocked());
//! # }
//! ```
//!
//! # Limits
//!
//! - A number keeps [`MAX_NUMBER_DIGITS`] digits, a dialled text may have 1,024 bytes, a name
//!   [`MAX_NAME_LEN`].
//! - One home region a question: [`Query::home`] changes it, but the entries of lists were read with
//!   the policy's own.
//! - The plan says whose a range is, not who answers. Ported numbers, roaming and call forwarding are
//!   not seen.
//! - A whole number is matched with digits dialled behind it only where the plan assigns the longer
//!   number to nobody, and never by an allow list.
//! - Calls are judged one by one: no counting, no concurrency, no time of day.
#![forbid(unsafe_op_in_unsafe_fn)]
// Tests may unwrap, and so may what they share, which `allow-unwrap-in-tests` does not reach.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod automaton;
mod block;
#[cfg(feature = "compile")]
pub mod compile;
mod counters;
mod current;
mod dial;
mod error;
mod explain;
mod gate;
mod index;
mod lanes;
mod lists;
mod number;
mod numbers;
mod plan;
mod prefetch;
mod profile;
mod screen;
#[cfg(test)]
mod steps;
mod text;
mod unseen;
mod verdict;
mod watch;

pub use error::Error;
pub use explain::{Explanation, Match, MatchOutcome, Step};
pub use gate::{DEFAULT_MAX_LOSS_PERCENT, Gate, GateOptions, ListStats, Observer, Stats, Swap};
pub use index::provenance::{EntryInfo, IndexInfo, ListInfo, ProfileInfo, RulesInfo, SourceInfo};
pub use index::{Index, Query};
pub use lists::ListAction;
pub use number::{MAX_NAME_LEN, MAX_NUMBER_DIGITS, Name, Number, NumberType, Region};
pub use plan::{Dialling, NumberingPlan};
pub use unseen::is_unseen;
pub use verdict::{Action, Direction, Reason, Rule, Verdict};
pub use watch::{DEFAULT_INTERVAL, Watcher};

/// The README's examples are compiled and run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
