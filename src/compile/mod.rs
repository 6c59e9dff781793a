//! The compiler (feature `compile`): a policy file and its lists become one index.
//!
//! ```text
//! policy.toml ─ policy.rs ─┐
//! list files ── files.rs ──┼─▶ model.rs ─ lint.rs ─▶ writer.rs ─▶ index bytes
//! entries ───── entry.rs ──┘        plan/ ─▶ plan bytes ──┘
//! ```

pub(crate) mod model;
pub mod plan;
pub(crate) mod writer;

pub use writer::write_file;
