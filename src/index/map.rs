//! Where an index's bytes live: in memory or in a mapped file, which is `unsafe`.

use super::format::{CHECKSUM_BYTES, HEADER_BYTES, Kind, check_header};
use crate::error::Error;
use std::io::{self, Read};
use std::{fs::File, ops::Deref, path::Path};
use xxhash_rust::xxh3::Xxh3;

/// How much of a file is read at a time for its checksum: little enough to stay in the cache.
const PIECE: usize = 256 << 10;

/// The bytes of an index.
#[derive(Debug)]
pub(crate) enum Data {
    Owned(Box<[u8]>),
    Mapped(memmap2::Mmap),
}

impl Data {
    /// Reads a whole file into memory. The header is read first, and nothing is allocated for a file
    /// that is none of ours or not as long as it says.
    pub(crate) fn read(path: &Path) -> Result<Data, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        // A pipe or a device does not say how long it is: it is read until it has more than it should.
        let file_len = metadata.is_file().then_some(metadata.len());
        let mut bytes = Vec::new();
        file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(io)?;
        let length = check_header(&bytes, file_len, Kind::Index)?.length;
        let rest = length.saturating_sub(bytes.len() as u64);
        if file_len.is_some() {
            reserve(&mut bytes, rest).map_err(io)?;
        }
        // What is too short or too long now was changed meanwhile; the length is checked again.
        file.take(rest.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
        Ok(Data::Owned(bytes.into()))
    }

    /// Maps a file, and gives it back so that it can be read as well; none where it is empty.
    ///
    /// # Safety
    ///
    /// While the result lives, nobody may change or truncate the file in place. See
    /// [`Index::map`](crate::Index::map).
    #[allow(unsafe_code)]
    pub(crate) unsafe fn map(path: &Path) -> Result<(Data, Option<File>), Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.len() == 0 {
            // An empty file cannot be mapped everywhere; it is refused by the header check instead.
            return Ok((Data::Owned(Box::new([])), None));
        }
        // SAFETY: a shared read-only map of a file that, by this function's contract, nobody
        // changes or cuts while it is mapped. Renaming another file into its place is fine: the
        // map keeps the old file's pages.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(io)?;
        Ok((Data::Mapped(map), Some(file)))
    }

    /// Gives back the pages of a mapped file that were looked at so far. They are read again from the file
    /// when something asks for them.
    #[allow(unsafe_code)]
    pub(crate) fn forget_pages(&self) {
        #[cfg(unix)]
        if let Data::Mapped(map) = self {
            // SAFETY: "don't need" is unsafe where it loses what was written. This map is shared and
            // read-only: there is nothing but what is in the file, which by `map`'s contract nobody
            // changes. That it fails costs memory and nothing else.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }

    /// True for a mapped file.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self, Data::Mapped(_))
    }
}

/// The checksum of all of a file but the checksum that ends it, read piece by piece.
pub(crate) fn checksum(path: &Path, mut file: File) -> Result<[u8; CHECKSUM_BYTES], Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut left = file.metadata().map_err(io)?.len().saturating_sub(CHECKSUM_BYTES as u64);
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; PIECE];
    while left > 0 {
        let wanted = left.min(PIECE as u64) as usize;
        let read = match file.read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(io(e)),
        };
        hash.update(&buffer[..read]);
        left -= read as u64;
    }
    Ok(hash.digest128().to_le_bytes())
}

/// Makes room for `more` bytes, or says that there is none: an index that is too large must not end
/// the process.
fn reserve(bytes: &mut Vec<u8>, more: u64) -> io::Result<()> {
    // One more, so that the read that finds the end does not make it grow.
    let more = usize::try_from(more).ok().and_then(|n| n.checked_add(1));
    match more.map(|more| bytes.try_reserve_exact(more)) {
        Some(Ok(())) => Ok(()),
        _ => Err(io::ErrorKind::OutOfMemory.into()),
    }
}

impl Deref for Data {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Data::Owned(bytes) => bytes,
            Data::Mapped(map) => map,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::format::Container;
    use std::io::{Seek, Write};

    /// A file that the operator made too large (`truncate -s 2T`), or a device that never ends, ended
    /// the process: room for the whole was asked for before the first byte was looked at.
    #[test]
    fn huge_and_endless_files_are_refused_by_their_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.tgx");
        let mut file = File::create(&path).unwrap();
        // Where the file system has no sparse files of 2 TB, the story cannot happen.
        if file.set_len(2 << 40).is_ok() {
            assert!(matches!(Data::read(&path), Err(Error::NotAnIndex { .. })), "nothing but zeros");
            let good = Container::new(Kind::Index).finish();
            file.rewind().unwrap();
            file.write_all(&good).unwrap();
            let error = Data::read(&path).unwrap_err();
            let expected = good.len() as u64;
            assert!(
                matches!(error, Error::Length { expected: e, found } if (e, found) == (expected, 2 << 40)),
                "{error}"
            );
        }
        #[cfg(unix)]
        assert!(matches!(Data::read(Path::new("/dev/zero")), Err(Error::NotAnIndex { .. })));
        #[cfg(unix)]
        assert!(matches!(Data::read(Path::new("/dev/null")), Err(Error::NotAnIndex { what: "the file is empty" })));
    }

    #[test]
    fn without_room_there_is_an_error() {
        for more in [u64::MAX, i64::MAX as u64] {
            assert_eq!(reserve(&mut Vec::new(), more).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        }
        let mut bytes = vec![1];
        reserve(&mut bytes, 100).unwrap();
        assert!(bytes.capacity() > 100);
    }
}
