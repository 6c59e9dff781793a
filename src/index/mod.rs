//! The compiled policy: open, check, read.

pub(crate) mod format;
