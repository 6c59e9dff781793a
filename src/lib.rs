//! Tollgate screens telephone numbers.
#![forbid(unsafe_op_in_unsafe_fn)]

mod automaton;
#[cfg(feature = "compile")]
pub mod compile;
mod dial;
mod error;
mod index;
mod number;
mod plan;
mod text;
mod verdict;

pub use error::Error;
pub use number::{MAX_NAME_LEN, MAX_NUMBER_DIGITS, Name, Number, NumberType, Region};
pub use plan::{Dialling, NumberingPlan};
pub use verdict::{Action, Direction, Reason, Rule, Verdict};
