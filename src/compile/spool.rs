//! Sorts more keys than there is room for: runs of what fits are sorted and put into files, and merged
//! when they are read back.
//!
//! The files have no name, so that nothing stays behind whatever happens to the process. They are where
//! the system has its temporary files: `TMPDIR`. Where there is very little room, runs are merged into
//! longer ones meanwhile, so that few files are open however many numbers there are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::thread;

/// Bytes that a run is written by.
const BUFFER: usize = 1 << 20;
/// Bytes that each of many runs is read by.
const READ_BUFFER: usize = 128 << 10;
/// As many runs of a kind become one.
const MOST_RUNS: usize = 32;

/// What is sorted: a number that has a place in a file.
pub(crate) trait Key: Copy + Ord + Send {
    const BYTES: usize;
    fn write(self, to: &mut impl Write) -> io::Result<()>;
    /// Of [`Key::BYTES`] bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Key for u64 {
    const BYTES: usize = 8;

    fn write(self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.to_le_bytes())
    }

    fn read(bytes: &[u8]) -> Option<u64> {
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

impl Key for u128 {
    const BYTES: usize = 16;

    fn write(self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.to_le_bytes())
    }

    fn read(bytes: &[u8]) -> Option<u128> {
        bytes.first_chunk().map(|bytes| u128::from_le_bytes(*bytes))
    }
}

/// Takes keys in any order.
pub(crate) struct Spool<K> {
    /// The most keys that are in memory.
    room: usize,
    keys: Vec<K>,
    runs: Vec<Run>,
    count: u64,
}

/// A sorted run in a file.
struct Run {
    file: File,
    /// In keys.
    len: u64,
    /// How often its keys have been merged.
    level: u32,
}

impl<K: Key> Spool<K> {
    /// With room for so many bytes of keys in memory, or a little more.
    pub(crate) fn new(bytes: u64) -> Spool<K> {
        let room = usize::try_from(bytes / K::BYTES as u64).unwrap_or(usize::MAX).max(BUFFER / K::BYTES);
        Spool { room, keys: Vec::new(), runs: Vec::new(), count: 0 }
    }

    /// Takes these keys.
    ///
    /// # Errors
    ///
    /// Of writing a run.
    pub(crate) fn extend(&mut self, mut keys: impl Iterator<Item = K>) -> io::Result<()> {
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

    /// Sorts what is in memory and writes it into a file; and makes one of many files.
    fn put_out(&mut self) -> io::Result<()> {
        let cut = sort(&mut self.keys);
        self.runs.push(write(Merge::of(self.keys.split_at(cut)), 0)?);
        self.keys.clear();
        while let Some(last) = self.runs.last() {
            let level = last.level;
            let first = self.runs.iter().position(|run| run.level == level).unwrap_or(0);
            if self.runs.len() - first < MOST_RUNS {
                break;
            }
            let longer = write(merge::<K>(&self.runs[first..], &[], 0)?, level + 1)?;
            self.runs.truncate(first);
            self.runs.push(longer);
        }
        Ok(())
    }

    /// All keys, sorted, to be read as often as is wanted.
    ///
    /// # Errors
    ///
    /// Of writing the last run.
    pub(crate) fn finish(mut self) -> io::Result<Sorted<K>> {
        if !self.runs.is_empty() && !self.keys.is_empty() {
            self.put_out()?;
            // What follows needs the memory.
            self.keys = Vec::new();
        }
        let cut = sort(&mut self.keys);
        Ok(Sorted { keys: self.keys, cut, runs: self.runs, count: self.count })
    }
}

/// Writes a run.
fn write<K: Key>(mut keys: Merge<'_, K>, level: u32) -> io::Result<Run> {
    let mut file = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
    let mut len = 0;
    while let Some(key) = keys.next()? {
        key.write(&mut file)?;
        len += 1;
    }
    Ok(Run { file: file.into_inner().map_err(io::IntoInnerError::into_error)?, len, level })
}

/// Sorts both halves, each on a thread, and says where the second one begins.
fn sort<K: Key>(keys: &mut [K]) -> usize {
    let cut = keys.len() / 2;
    let (left, right) = keys.split_at_mut(cut);
    let mut elsewhere = false;
    if left.len() * K::BYTES >= BUFFER {
        thread::scope(|scope| {
            // Where the system has no more threads, one does it all.
            elsewhere = thread::Builder::new().spawn_scoped(scope, || left.sort_unstable()).is_ok();
            right.sort_unstable();
        });
    } else {
        right.sort_unstable();
    }
    if !elsewhere {
        left.sort_unstable();
    }
    cut
}

/// Keys in order, some in memory or all in files.
pub(crate) struct Sorted<K> {
    keys: Vec<K>,
    cut: usize,
    runs: Vec<Run>,
    count: u64,
}

impl<K> Default for Sorted<K> {
    fn default() -> Sorted<K> {
        Sorted { keys: Vec::new(), cut: 0, runs: Vec::new(), count: 0 }
    }
}

impl<K: Key> Sorted<K> {
    /// How many keys there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Reads them, the smallest first. One reader at a time: they share the files' positions.
    ///
    /// # Errors
    ///
    /// Of going back to the beginning of a file.
    pub(crate) fn read(&self) -> io::Result<Merge<'_, K>> {
        merge(&self.runs, &self.keys, self.cut)
    }
}

/// Reads runs and sorted keys as one.
fn merge<'s, K: Key>(runs: &'s [Run], keys: &'s [K], cut: usize) -> io::Result<Merge<'s, K>> {
    let mut merge = Merge::of(keys.split_at(cut));
    for run in runs {
        (&run.file).seek(SeekFrom::Start(0))?;
        merge.add(Source::Run { file: &run.file, left: run.len, buffer: Vec::new(), at: 0 })?;
    }
    Ok(merge)
}

enum Source<'s, K> {
    Keys(std::slice::Iter<'s, K>),
    Run { file: &'s File, left: u64, buffer: Vec<u8>, at: usize },
}

impl<K: Key> Source<'_, K> {
    fn next(&mut self) -> io::Result<Option<K>> {
        match self {
            Source::Keys(keys) => Ok(keys.next().copied()),
            Source::Run { file, left, buffer, at } => {
                if *at == buffer.len() {
                    let keys = (*left).min((READ_BUFFER / K::BYTES) as u64);
                    if keys == 0 {
                        return Ok(None);
                    }
                    buffer.resize(keys as usize * K::BYTES, 0);
                    file.read_exact(buffer)?;
                    *left -= keys;
                    *at = 0;
                }
                let key = buffer.get(*at..).and_then(K::read);
                *at += K::BYTES;
                Ok(key)
            }
        }
    }
}

/// Reads sorted sources as one.
pub(crate) struct Merge<'s, K> {
    sources: Vec<Source<'s, K>>,
    /// Each source's next key.
    heads: BinaryHeap<Reverse<(K, usize)>>,
}

impl<'s, K: Key> Merge<'s, K> {
    fn of((left, right): (&'s [K], &'s [K])) -> Merge<'s, K> {
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

    fn add(&mut self, mut source: Source<'s, K>) -> io::Result<()> {
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
    pub(crate) fn next(&mut self) -> io::Result<Option<K>> {
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
        for (count, bytes) in [(0, 0), (1, 0), (1000, 0), (5_000_000, 0), (600_000, 1 << 21), (600_000, 1 << 30)] {
            let keys: Vec<u64> = (0u64..count).map(|i| if i % 10 == 0 { 42 } else { random() }).collect();
            let mut spool = Spool::new(bytes);
            for part in keys.chunks(77_777) {
                spool.extend(part.iter().copied()).unwrap();
            }
            let sorted = spool.finish().unwrap();
            assert_eq!(sorted.len(), count);
            assert_eq!(sorted.runs.len() > 1, bytes < 1 << 22 && count > BUFFER as u64 / 8, "{count} {bytes}");
            // Forty runs have become one and eight.
            assert!(sorted.runs.len() < MOST_RUNS && (count < 5_000_000 || sorted.runs[0].level == 1));
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
