//! The container that index and plan files share: header, table of sections, sections, checksum.
//!
//! `docs/format.md` is the specification; this file implements its first chapter. What is inside a
//! section is its owner's business (`plan.rs`, `lists.rs`, `profile.rs`, …), who read it with a
//! [`Cursor`] so that every complaint names section and byte.

use crate::error::Error;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_128;

/// The first eight bytes.
pub(crate) const MAGIC: &[u8; 8] = b"TOLLGATE";
/// The format version of an index that this build writes and reads.
pub(crate) const VERSION: u16 = 3;
/// The same of a numbering plan by itself.
const PLAN_VERSION: u16 = 1;
/// The bytes of the header.
pub(crate) const HEADER_BYTES: usize = 24;
const TABLE_ENTRY_BYTES: usize = 24;
/// The bytes of the checksum that ends a file.
pub(crate) const CHECKSUM_BYTES: usize = 16;
/// No file has more sections than this; a larger count is a broken header.
const MAX_SECTIONS: u32 = 64;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub(crate) enum Kind {
    /// A compiled policy, plan included.
    Index = 1,
    /// A numbering plan alone.
    Plan = 2,
}

impl Kind {
    /// The version that this build writes and reads.
    const fn version(self) -> u16 {
        match self {
            Kind::Index => VERSION,
            Kind::Plan => PLAN_VERSION,
        }
    }
}

/// What is known of a file before it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// Nothing: everything that look-ups rely on is checked.
    Nothing,
    /// It was opened before, and its checksum is the one that it had then. What would take time that
    /// grows with the lists is left out. Look-ups stay within the file whatever its bytes are; what
    /// could be wrong where this is not true are answers.
    Checked,
}

/// What a file's header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// The number of sections.
    count: u32,
    /// The length of the file.
    pub(crate) length: u64,
}

/// Checks a file's first bytes (all that there are, or at least the header) before anything is
/// allocated for the rest: magic, version, kind, and the length where the file's is known.
pub(crate) fn check_header(bytes: &[u8], file_len: Option<u64>, kind: Kind) -> Result<Header, Error> {
    if bytes.is_empty() {
        return Err(Error::NotAnIndex { what: "the file is empty" });
    }
    if bytes.len() < HEADER_BYTES || &bytes[..8] != MAGIC {
        return Err(Error::NotAnIndex { what: "it does not begin with TOLLGATE" });
    }
    let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    // The kind first: what is another kind of file has versions of its own.
    let found_kind = u16_at(10);
    if found_kind != kind as u16 {
        return Err(Error::NotAnIndex {
            what: match found_kind {
                1 => "it is an index where a numbering plan is expected",
                2 => "it is a numbering plan, not an index",
                _ => "its kind is unknown",
            },
        });
    }
    let version = u16_at(8);
    if version != kind.version() {
        return Err(Error::Version { found: version, supported: kind.version() });
    }
    let count = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
    let mut length = [0; 8];
    length.copy_from_slice(&bytes[16..24]);
    let length = u64::from_le_bytes(length);
    match file_len {
        Some(found) if found != length => Err(Error::Length { expected: length, found }),
        _ => Ok(Header { count, length }),
    }
}

/// Where each section of a checked file lies.
#[derive(Debug, Clone)]
pub(crate) struct Sections {
    table: Vec<([u8; 4], Range<usize>)>,
}

impl Sections {
    /// Checks header, length, checksum and table, in this order, so that the first complaint is
    /// the most useful one.
    pub(crate) fn parse(bytes: &[u8], kind: Kind) -> Result<Sections, Error> {
        Sections::parse_with(bytes, kind, checksum)
    }

    /// The same, with another way to find out the checksum of all but the checksum.
    pub(crate) fn parse_with(
        bytes: &[u8],
        kind: Kind,
        checksum: impl FnOnce(&[u8]) -> [u8; CHECKSUM_BYTES],
    ) -> Result<Sections, Error> {
        let corrupt = |offset: usize, what| Error::Corrupt { section: "header", offset: offset as u64, what };
        let Header { count, .. } = check_header(bytes, Some(bytes.len() as u64), kind)?;
        let table_end = HEADER_BYTES + count.min(MAX_SECTIONS) as usize * TABLE_ENTRY_BYTES;
        if count > MAX_SECTIONS || bytes.len() < table_end + CHECKSUM_BYTES {
            return Err(corrupt(12, "more sections than the file can hold"));
        }
        let body_end = bytes.len() - CHECKSUM_BYTES;
        if checksum(&bytes[..body_end]) != bytes[body_end..] {
            return Err(Error::Checksum);
        }
        let mut table: Vec<([u8; 4], Range<usize>)> = Vec::with_capacity(count as usize);
        let mut end = table_end;
        for (i, entry) in bytes[HEADER_BYTES..table_end].chunks_exact(TABLE_ENTRY_BYTES).enumerate() {
            let at = HEADER_BYTES + i * TABLE_ENTRY_BYTES;
            let tag = [entry[0], entry[1], entry[2], entry[3]];
            if entry[4..8] != [0; 4] {
                return Err(corrupt(at + 4, "a reserved field is not zero"));
            }
            let field = |from: usize| {
                let mut value = [0; 8];
                value.copy_from_slice(&entry[from..from + 8]);
                u64::from_le_bytes(value)
            };
            let (offset, len) = (field(8), field(16));
            let start = align8(end);
            if offset != start as u64 {
                return Err(corrupt(at + 8, "a section does not begin where the one before it ends"));
            }
            if len > body_end.saturating_sub(start) as u64 {
                return Err(corrupt(at + 16, "a section is longer than the file"));
            }
            if bytes[end..start].iter().any(|&b| b != 0) {
                return Err(corrupt(end, "padding between sections is not zero"));
            }
            if table.iter().any(|(other, _)| *other == tag) {
                return Err(corrupt(at, "two sections have the same tag"));
            }
            end = start + len as usize;
            table.push((tag, start..end));
        }
        if body_end != align8(end) {
            return Err(corrupt(16, "there are bytes behind the last section"));
        }
        if bytes[end..body_end].iter().any(|&b| b != 0) {
            return Err(corrupt(end, "padding behind the last section is not zero"));
        }
        Ok(Sections { table })
    }

    /// Where the section with this tag lies, in bytes of the file.
    pub(crate) fn range(&self, tag: &'static str) -> Result<Range<usize>, Error> {
        self.table.iter().find(|(t, _)| t == tag.as_bytes()).map(|(_, range)| range.clone()).ok_or(Error::Corrupt {
            section: tag,
            offset: 0,
            what: "the section is missing",
        })
    }

    /// A cursor over the section with this tag.
    pub(crate) fn cursor<'a>(&self, bytes: &'a [u8], tag: &'static str) -> Result<Cursor<'a>, Error> {
        Ok(Cursor { bytes: &bytes[self.range(tag)?], at: 0, section: tag })
    }

    /// Tags and sizes, in file order.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.table.iter().map(|(tag, range)| (std::str::from_utf8(tag).unwrap_or("????"), range.len() as u64))
    }
}

const fn align8(n: usize) -> usize {
    (n + 7) & !7
}

/// Reads a section front to back; every error names section and byte.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    section: &'static str,
}

impl<'a> Cursor<'a> {
    /// How far the cursor has come, in bytes.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The error for something wrong at `offset` bytes into the section.
    pub(crate) fn corrupt(&self, offset: usize, what: &'static str) -> Error {
        Error::Corrupt { section: self.section, offset: offset as u64, what }
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..n)) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => Err(self.corrupt(self.at, "the section is too short")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Error> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A 32-byte digest.
    pub(crate) fn digest(&mut self) -> Result<[u8; 32], Error> {
        self.array()
    }

    /// A `u32` that counts records of at least `size` bytes each, and so is bounded by what is
    /// left of the section: a hostile count cannot make the reader allocate.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize, Error> {
        let at = self.at;
        let count = self.u32()? as usize;
        if count > (self.bytes.len() - self.at) / size.max(1) {
            return Err(self.corrupt(at, "a count is larger than the section"));
        }
        Ok(count)
    }

    /// Text: a `u16` length and UTF-8.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        let at = self.at;
        let len = self.u16()? as usize;
        std::str::from_utf8(self.take(len)?).map_err(|_| self.corrupt(at, "text is not UTF-8"))
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// Nothing may be left.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.corrupt(self.at, "there are bytes behind the section's content"))
        }
    }
}

/// The checksum that ends a file, over all bytes before it.
pub(crate) fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    xxh3_128(body).to_le_bytes()
}

/// Puts sections together into a file.
#[cfg(any(feature = "compile", test))]
pub(crate) struct Container {
    kind: Kind,
    sections: Vec<([u8; 4], Vec<u8>)>,
}

#[cfg(any(feature = "compile", test))]
impl Container {
    pub(crate) fn new(kind: Kind) -> Container {
        Container { kind, sections: Vec::new() }
    }

    /// Appends a section; the tag is four ASCII letters.
    pub(crate) fn add(&mut self, tag: &'static str, bytes: Vec<u8>) {
        let tag = <[u8; 4]>::try_from(tag.as_bytes()).expect("a tag has four letters");
        self.sections.push((tag, bytes));
    }

    /// The whole file.
    pub(crate) fn finish(self) -> Vec<u8> {
        let table_end = HEADER_BYTES + self.sections.len() * TABLE_ENTRY_BYTES;
        let body_end = self.sections.iter().fold(table_end, |end, (_, s)| align8(end) + s.len());
        let body_end = align8(body_end);
        let mut out = Vec::with_capacity(body_end + CHECKSUM_BYTES);
        out.extend(MAGIC);
        out.extend(self.kind.version().to_le_bytes());
        out.extend((self.kind as u16).to_le_bytes());
        out.extend((self.sections.len() as u32).to_le_bytes());
        out.extend(((body_end + CHECKSUM_BYTES) as u64).to_le_bytes());
        let mut at = table_end;
        for (tag, section) in &self.sections {
            at = align8(at);
            out.extend(tag);
            out.extend([0; 4]);
            out.extend((at as u64).to_le_bytes());
            out.extend((section.len() as u64).to_le_bytes());
            at += section.len();
        }
        for (_, section) in &self.sections {
            out.resize(align8(out.len()), 0);
            out.extend(section);
        }
        out.resize(body_end, 0);
        let sum = checksum(&out);
        out.extend(sum);
        out
    }
}

/// Writes a section's fields; the twin of [`Cursor`].
#[cfg(any(feature = "compile", test))]
#[derive(Default)]
pub(crate) struct SectionWriter(pub(crate) Vec<u8>);

#[cfg(any(feature = "compile", test))]
impl SectionWriter {
    pub(crate) fn u8(&mut self, v: u8) {
        self.0.push(v);
    }

    pub(crate) fn u16(&mut self, v: u16) {
        self.0.extend(v.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, v: u32) {
        self.0.extend(v.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, v: u64) {
        self.0.extend(v.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, v: i64) {
        self.0.extend(v.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, v: &[u8]) {
        self.0.extend(v);
    }

    /// Text: a `u16` length and UTF-8, cut at a character where it is longer than that.
    pub(crate) fn text(&mut self, v: &str) {
        let mut end = v.len().min(u16::MAX as usize);
        while !v.is_char_boundary(end) {
            end -= 1;
        }
        self.u16(end as u16);
        self.bytes(&v.as_bytes()[..end]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut c = Container::new(Kind::Index);
        c.add("AAAA", b"hello".to_vec());
        c.add("BBBB", vec![]);
        c.add("CCCC", vec![1; 16]);
        c.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample();
        let sections = Sections::parse(&bytes, Kind::Index).unwrap();
        assert_eq!(&bytes[sections.range("AAAA").unwrap()], b"hello");
        assert_eq!(sections.range("BBBB").unwrap().len(), 0);
        assert_eq!(&bytes[sections.range("CCCC").unwrap()], [1; 16]);
        assert!(matches!(sections.range("DDDD"), Err(Error::Corrupt { section: "DDDD", .. })));
        assert!(matches!(Sections::parse(&bytes, Kind::Plan), Err(Error::NotAnIndex { .. })));
    }

    #[test]
    fn every_cut_flip_and_extension_is_refused() {
        let bytes = sample();
        for n in 0..bytes.len() {
            assert!(Sections::parse(&bytes[..n], Kind::Index).is_err(), "cut to {n}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[n] ^= 1 << bit;
                assert!(Sections::parse(&flipped, Kind::Index).is_err(), "bit {bit} of byte {n}");
            }
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(Sections::parse(&longer, Kind::Index), Err(Error::Length { .. })));
    }
}
