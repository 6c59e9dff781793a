//! The compiler: what turns people's files into bytes that the runtime maps.

pub mod plan;
