//! Where an index's bytes live: in memory or in a mapped file. The core's only `unsafe`.

use crate::error::Error;
use std::{fs::File, io::Read, ops::Deref, path::Path};

/// The bytes of an index.
#[derive(Debug)]
pub(crate) enum Data {
    Owned(Box<[u8]>),
    Mapped(memmap2::Mmap),
}

impl Data {
    /// Reads a whole file into memory.
    pub(crate) fn read(path: &Path) -> Result<Data, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |m| m.len()) as usize);
        file.read_to_end(&mut bytes).map_err(io)?;
        Ok(Data::Owned(bytes.into()))
    }

    /// Maps a file.
    ///
    /// # Safety
    ///
    /// While the result lives, nobody may change or truncate the file in place. See
    /// [`Index::map`](crate::Index::map).
    pub(crate) unsafe fn map(path: &Path) -> Result<Data, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.len() == 0 {
            // An empty file cannot be mapped everywhere; it is refused by the header check instead.
            return Ok(Data::Owned(Box::new([])));
        }
        // SAFETY: a shared read-only map of a file that, by this function's contract, nobody
        // changes or cuts while it is mapped. Renaming another file into its place is fine: the
        // map keeps the old file's pages.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(io)?;
        Ok(Data::Mapped(map))
    }

    /// True for a mapped file.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self, Data::Mapped(_))
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
