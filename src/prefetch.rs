//! Asks the processor for memory that will be read in a moment.
//!
//! A look-up among millions of numbers reads one place that is in no cache, and that is known long before
//! it is needed. What is asked for here comes while the call goes on with something else.

/// Asks for the line of the cache that a byte is in. Changes nothing but how long reading it takes; does nothing
/// where there is no such byte.
#[inline(always)]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    if let Some(byte) = bytes.get(at) {
        prefetch_value(byte);
    }
}

/// The same for the line that a value begins in.
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) fn prefetch_value<T: Copy>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has SSE, where the instruction is from. It has no effect on what the program
        // computes, whatever the address; this one is a value's.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    // Elsewhere it is read: most processors go on for a while until it has come.
    #[cfg(not(target_arch = "x86_64"))]
    std::hint::black_box(*value);
}
