//! What the fuzz targets share.

pub mod checks;

use checks::{put_together, take_apart};
use libfuzzer_sys::fuzzer_mutate;

/// Changes one section of an index or plan file and puts the file together again: a change of
/// length would otherwise move all that is behind it, and end at the table of sections every time.
/// One change in eight is to the bytes as they are, table and all.
pub fn mutate_container(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    if seed % 8 != 0
        && let Some((kind, mut sections)) = take_apart(&data[..size])
        && !sections.is_empty()
    {
        let chosen = (seed / 8) as usize % sections.len();
        let section = &mut sections[chosen].1;
        let len = section.len();
        section.resize(len + 64.max(len / 4), 0);
        let room = section.len();
        let len = fuzzer_mutate(section, len, room);
        section.truncate(len);
        let whole = put_together(kind, &sections);
        if whole.len() <= max_size {
            data[..whole.len()].copy_from_slice(&whole);
            return whole.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
}
