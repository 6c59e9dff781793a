//! Another Rust static library in the same process, with its own copy of the standard library: it
//! panics and catches, as libtollgate may.

/// One where a panic was caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_rust_panics() -> i32 {
    let result = std::panic::catch_unwind(|| {
        let nothing: Vec<u8> = Vec::new();
        std::hint::black_box(nothing)[std::hint::black_box(0)]
    });
    i32::from(result.is_err())
}
