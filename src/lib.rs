//! Tollgate screens telephone numbers.
#![forbid(unsafe_op_in_unsafe_fn)]

mod automaton;
#[cfg(feature = "compile")]
pub mod compile;
mod counters;
mod dial;
mod error;
mod explain;
mod gate;
mod index;
mod lists;
mod number;
mod plan;
mod profile;
mod screen;
mod text;
mod verdict;
mod watch;

pub use error::Error;
pub use explain::{Explanation, Match, MatchOutcome, Step};
pub use gate::{DEFAULT_MAX_LOSS_PERCENT, Gate, GateOptions, ListStats, Observer, Stats, Swap};
pub use index::provenance::{EntryInfo, IndexInfo, ListInfo, SourceInfo};
pub use index::{Index, Query};
pub use lists::ListAction;
pub use number::{MAX_NAME_LEN, MAX_NUMBER_DIGITS, Name, Number, NumberType, Region};
pub use plan::{Dialling, NumberingPlan};
pub use verdict::{Action, Direction, Reason, Rule, Verdict};
pub use watch::{DEFAULT_INTERVAL, Watcher};
