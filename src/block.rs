//! A block of small numbers, compared at once: what a look-up among millions of numbers does with the 64 bytes that it
//! waits for.

/// The bytes of a block: a line of the cache, on nearly all machines.
pub(crate) const BLOCK: usize = 64;

/// By the logarithm of a number's bytes: a bit for the first byte of each number of a block.
const FIRST_BYTES: [u64; 4] = [u64::MAX, 0x5555_5555_5555_5555, 0x1111_1111_1111_1111, 0x0101_0101_0101_0101];

/// By the same: what makes a word of equal numbers out of one.
const REPEAT: [u64; 4] = [0x0101_0101_0101_0101, 0x0001_0001_0001_0001, 0x0000_0001_0000_0001, 1];

/// Which of the numbers in a block equal `number`: a bit for each, at its first byte. They are little-endian, of
/// `2^log_width` bytes each; `number` must fit in as many, and `log_width` is 0 to 3.
///
/// Without a branch, since whether there is one is all that anybody wants to know, and widths change from call to call.
#[inline(always)]
pub(crate) fn equal_numbers(block: &[u8; BLOCK], number: u64, log_width: u8) -> u64 {
    let log_width = usize::from(log_width % 4);
    let ones = equal_bytes(block, number.wrapping_mul(REPEAT[log_width]));
    // A number is equal where each of its bytes is.
    let twos = ones & ones >> 1;
    let fours = twos & twos >> 2;
    let eights = fours & fours >> 4;
    [ones, twos, fours, eights][log_width] & FIRST_BYTES[log_width]
}

/// Which bytes of a block are those of a word that is repeated: bit n for byte n.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
fn equal_bytes(block: &[u8; BLOCK], word: u64) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi64x};
    let (words, _) = block.as_chunks::<8>();
    words.as_chunks::<2>().0.iter().rev().fold(0, |equal, [low, high]| {
        let [low, high] = [low, high].map(|word| i64::from_le_bytes(*word));
        // SAFETY: every x86-64 has SSE2, where these are from; they take and give values, no pointers.
        let own = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_set_epi64x(high, low), _mm_set1_epi64x(word as i64))) };
        equal << 16 | u64::from(own as u16)
    })
}

/// Elsewhere a word at a time.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn equal_bytes(block: &[u8; BLOCK], word: u64) -> u64 {
    equal_bytes_by_words(block, word)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn equal_bytes_by_words(block: &[u8; BLOCK], word: u64) -> u64 {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    block.as_chunks().0.iter().rev().fold(0, |equal, own| {
        let differs = u64::from_le_bytes(*own) ^ word;
        // The high bit of each byte that is zero: adding carries into it from any lower bit, and never further.
        let zero = !(((differs & LOW_BITS) + LOW_BITS) | differs | LOW_BITS);
        // The eight of them side by side, the lowest byte's lowest: each is moved to a place of its own in the highest byte.
        equal << 8 | (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(block: &[u8; BLOCK], number: u64, log_width: u8) -> u64 {
        let width = 1 << log_width;
        let wanted = &number.to_le_bytes()[..width];
        let is_equal = |at: &usize| block[*at..*at + width] == *wanted;
        (0..BLOCK).step_by(width).filter(is_equal).map(|at| 1 << at).sum()
    }

    proptest! {
        /// Blocks of few different bytes, so that numbers are equal often, and in part still more often.
        #[test]
        fn says_what_one_by_one_says(
            block in prop::array::uniform32(prop::array::uniform2(prop::sample::select(vec![0u8, 1, 2, 127, 128, 129, 255]))),
            log_width in 0u8..4,
            which in 0usize..64,
            other in any::<u64>(),
        ) {
            let block: [u8; BLOCK] = std::array::from_fn(|i| block[i / 2][i % 2]);
            let width = 1usize << log_width;
            let own = which / width * width;
            let mut padded = [0; 8];
            padded[..width].copy_from_slice(&block[own..own + width]);
            for number in [u64::from_le_bytes(padded), other >> (64 - 8 * width)] {
                let expected = naive(&block, number, log_width);
                prop_assert_eq!(equal_numbers(&block, number, log_width), expected);
            }
            for word in [other, u64::from_le_bytes(*block.first_chunk().unwrap())] {
                prop_assert_eq!(equal_bytes(&block, word), equal_bytes_by_words(&block, word));
            }
        }
    }
}
