//! The starter policy: what is asked where there is no policy yet, and what one begins with.

/// A commented policy to edit; it compiles as it is.
pub const STARTER: &str = include_str!("../../data/starter.toml");
