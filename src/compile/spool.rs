//! Sorts more `u64`s than there is room for: runs of what fits are sorted and put into files, and merged
//! when they are read back.
//!
//! The files have no name, so that nothing stays behind whatever happens to the process. They are where
//! the system has its temporary files: `TMPDIR`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// Bytes that a run is written and read by.
const BUFFER: usize = 1 << 20;

/// Takes keys in any order.
pub(crate) struct Spool {
    /// The most keys that are in memory.
    room: usize,
    keys: Vec<u64>,
    runs: Vec<Run>,
    count: u64,
}

/// A sorted run in a file.
struct Run {
    file: File,
    len: u64,
}

impl Spool {
    /// With room for so many bytes of keys in memory, or a little more.
    pub(crate) fn new(bytes: u64) -> Spool {
        let room = usize::try_from(bytes / 8).unwrap_or(usize::MAX).max(BUFFER / 8);
        Spool { room, keys: Vec::new(), runs: Vec::new(), count: 0 }
    }

    /// Takes these keys.
    ///
    /// # Errors
    ///
    /// Of writing a run.
    pub(crate) fn extend(&mut self, mut keys: impl Iterator<Item = u64>) -> io::Result<()> {
        loop {
            let before = self.keys.len();
            if before >= self.room {
                self.put_out()?;
                continue;
            }
            self.keys.extend(keys.by_ref().take(self.room - before));
            let taken = self.keys.len() - before;
            self.count += taken as u64;
            if taken == 0 {
                return Ok(());
            }
        }
    }

    /// Sorts what is in memory and writes it into a file.
    fn put_out(&mut self) -> io::Result<()> {
        let cut = sort(&mut self.keys);
        let mut file = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
        let mut merge = Merge::of(self.keys.split_at(cut));
        while let Some(key) = merge.next()? {
            file.write_all(&key.to_le_bytes())?;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.runs.push(Run { file, len: self.keys.len() as u64 });
        self.keys.clear();
        Ok(())
    }

    /// All keys, sorted, to be read as often as is wanted.
    ///
    /// # Errors
    ///
    /// Of writing the last run.
    pub(crate) fn finish(mut self) -> io::Result<Sorted> {
        if !self.runs.is_empty() && !self.keys.is_empty() {
            self.put_out()?;
            // What follows needs the memory.
            self.keys = Vec::new();
        }
        let cut = sort(&mut self.keys);
        Ok(Sorted { keys: self.keys, cut, runs: self.runs, count: self.count })
    }
}

/// Sorts both halves, each on a thread, and says where the second one begins.
fn sort(keys: &mut [u64]) -> usize {
    let cut = keys.len() / 2;
    let (left, right) = keys.split_at_mut(cut);
    if left.len() < BUFFER {
        left.sort_unstable();
        right.sort_unstable();
    } else {
        std::thread::scope(|scope| {
            scope.spawn(|| left.sort_unstable());
            right.sort_unstable();
        });
    }
    cut
}

/// Keys in order, some in memory or all in files.
pub(crate) struct Sorted {
    keys: Vec<u64>,
    cut: usize,
    runs: Vec<Run>,
    count: u64,
}

impl Sorted {
    /// How many keys there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Reads them, the smallest first. One reader at a time: they share the files' positions.
    ///
    /// # Errors
    ///
    /// Of going back to the beginning of a file.
    pub(crate) fn read(&self) -> io::Result<Merge<'_>> {
        let mut merge = Merge::of(self.keys.split_at(self.cut));
        for run in &self.runs {
            (&run.file).seek(SeekFrom::Start(0))?;
            merge.add(Source::Run { file: &run.file, left: run.len, buffer: Vec::new(), at: 0 })?;
        }
        Ok(merge)
    }
}

enum Source<'s> {
    Keys(std::slice::Iter<'s, u64>),
    Run { file: &'s File, left: u64, buffer: Vec<u8>, at: usize },
}

impl Source<'_> {
    fn next(&mut self) -> io::Result<Option<u64>> {
        match self {
            Source::Keys(keys) => Ok(keys.next().copied()),
            Source::Run { file, left, buffer, at } => {
                if *at == buffer.len() {
                    let bytes = left.saturating_mul(8).min(BUFFER as u64);
                    if bytes == 0 {
                        return Ok(None);
                    }
                    buffer.resize(bytes as usize, 0);
                    file.read_exact(buffer)?;
                    *left -= bytes / 8;
                    *at = 0;
                }
                let key = buffer.get(*at..).and_then(|rest| rest.first_chunk()).map(|key| u64::from_le_bytes(*key));
                *at += 8;
                Ok(key)
            }
        }
    }
}

/// Reads sorted sources as one.
pub(crate) struct Merge<'s> {
    sources: Vec<Source<'s>>,
    /// Each source's next key.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
}

impl<'s> Merge<'s> {
    fn of((left, right): (&'s [u64], &'s [u64])) -> Merge<'s> {
        let mut merge = Merge { sources: Vec::new(), heads: BinaryHeap::new() };
        for keys in [left, right] {
            let mut keys = keys.iter();
            if let Some(&first) = keys.next() {
                merge.heads.push(Reverse((first, merge.sources.len())));
                merge.sources.push(Source::Keys(keys));
            }
        }
        merge
    }

    fn add(&mut self, mut source: Source<'s>) -> io::Result<()> {
        if let Some(first) = source.next()? {
            self.heads.push(Reverse((first, self.sources.len())));
            self.sources.push(source);
        }
        Ok(())
    }

    /// The next key.
    ///
    /// # Errors
    ///
    /// Of reading a run.
    pub(crate) fn next(&mut self) -> io::Result<Option<u64>> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let Reverse((key, source)) = *head;
        match self.sources[source].next()? {
            Some(next) => *head = Reverse((next, source)),
            None => {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        Ok(Some(key))
    }
}

impl Default for Sorted {
    fn default() -> Sorted {
        Sorted { keys: Vec::new(), cut: 0, runs: Vec::new(), count: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the keys come and however little room there is, they come back in order, twice.
    #[test]
    fn what_goes_in_comes_out_sorted() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 20
        };
        for (count, bytes) in [(0, 0), (1, 0), (1000, 0), (600_000, 0), (600_000, 1 << 21), (600_000, 1 << 30)] {
            let keys: Vec<u64> = (0u64..count).map(|i| if i % 10 == 0 { 42 } else { random() }).collect();
            let mut spool = Spool::new(bytes);
            for part in keys.chunks(77_777) {
                spool.extend(part.iter().copied()).unwrap();
            }
            let sorted = spool.finish().unwrap();
            assert_eq!(sorted.len(), count);
            assert_eq!(sorted.runs.len() > 1, bytes < 1 << 22 && count > BUFFER as u64 / 8, "{count} {bytes}");
            let mut expected = keys;
            expected.sort_unstable();
            for _ in 0..2 {
                let mut found = Vec::new();
                let mut merge = sorted.read().unwrap();
                while let Some(key) = merge.next().unwrap() {
                    found.push(key);
                }
                assert!(found == expected, "{count} {bytes}");
            }
        }
    }
}
