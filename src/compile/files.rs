//! List files: text or CSV, plain or compressed, read as a stream, line by line.
//!
//! - Text: one entry a line. A comment begins with `#` at the start of the line or after white
//!   space. A line that begins like a feature code (`#31#…`: digits between two `#`) is an entry:
//!   that it could be taken for a comment would let numbers through that somebody listed.
//! - CSV, where the name ends in `.csv` (before `.gz` or `.zst`): a header that names at least
//!   `number`, in any case, optionally `expires` and `note`; other columns are not looked at. The
//!   delimiter is the one of `,`, `;` and tab with which the header has a `number`.
//! - `.gz` and `.zst` are read as they are, several members or frames too.
//!
//! Whatever the bytes are, a line costs bounded memory and a bad one becomes a [`Diagnostic`].

use crate::compile::diagnostic::{Diagnostic, Place};
use csv_core::ReadFieldResult;
use jiff::{Timestamp, civil};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;

/// No entry is this long; what is, is not a list.
pub(super) const MAX_LINE: usize = 64 * 1024;
const BUFFER: usize = 256 * 1024;

/// How to mend a bad expiry.
pub(crate) const EXPIRY_HELP: &str = "write a date, such as 2027-01-31 (the entry then counts until the end of that day, UTC), or a time with its \
     offset, such as 2027-01-31T18:00:00+01:00";

/// When an entry ends: seconds since 1970 from which on it no longer counts.
///
/// A bare date is the last day on which the entry counts, and days are UTC days: the file does not
/// know where it will be read. A time must say its offset, for the same reason.
pub(crate) fn expiry(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if text.len() == 10 {
        let date: civil::Date = text.parse().map_err(|_| format!("{text:?} is not a date"))?;
        // By days, since 9999-12-31, which stands for "never" in many a file, has no next one.
        let start = date.duration_since(civil::date(1970, 1, 1)).as_secs();
        return Ok(start + 24 * 60 * 60);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_second());
    }
    Err(match text.parse::<civil::DateTime>() {
        Ok(_) => format!("the time {text:?} does not say its offset from UTC"),
        Err(_) => format!("{text:?} is neither a date nor a time"),
    })
}

/// What a file was.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: u64,
}

/// One line that holds an entry, or should.
pub(crate) struct Row<'r> {
    pub(crate) file: &'r str,
    /// From 1.
    pub(crate) line: u32,
    /// The line as read, for places.
    pub(crate) raw: &'r [u8],
    /// Where the entry stands in `raw`.
    pub(crate) at: Range<usize>,
    pub(crate) content: Result<Content<'r>, Fault>,
}

/// What a good line says.
#[derive(Debug)]
pub(crate) struct Content<'r> {
    pub(crate) entry: &'r str,
    pub(crate) expires: Option<i64>,
    pub(crate) note: Option<&'r str>,
}

/// What is wrong with a line, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    pub(crate) help: Option<Cow<'static, str>>,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Fault {
        Fault { code, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<Cow<'static, str>>) -> Fault {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn error(self) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.message);
        diagnostic.help = self.help.map(Cow::into_owned);
        diagnostic
    }
}

impl Row<'_> {
    /// Where the entry stands.
    pub(crate) fn place(&self) -> Place {
        place(self.file, self.line, self.raw, self.at.clone())
    }
}

/// A place in a line that need not be UTF-8; what is not is shown as `�`.
fn place(file: &str, line: u32, raw: &[u8], at: Range<usize>) -> Place {
    match std::str::from_utf8(raw) {
        Ok(text) => Place::in_line(file, line, text, at),
        Err(_) => {
            let lossy = |range: &[u8]| String::from_utf8_lossy(range).into_owned();
            let (start, end) = (at.start.min(raw.len()), at.end.min(raw.len()).max(at.start.min(raw.len())));
            let (before, inside) = (lossy(&raw[..start]), lossy(&raw[start..end]));
            let text = format!("{before}{inside}{}", lossy(&raw[end..]));
            Place::in_line(file, line, &text, before.len()..before.len() + inside.len())
        }
    }
}

/// Reads one list file and hands over every line that is not blank or a comment.
///
/// An error is one that concerns the file, not a line of it: it is missing, its compression is
/// broken, its header names no numbers. It cannot be skipped.
pub(crate) fn read(path: &Path, name: &str, each: &mut dyn FnMut(Row<'_>)) -> Result<Facts, Box<Diagnostic>> {
    let mut lines = open(path, name)?;
    let result = if is_csv(name) { read_csv(&mut lines, name, each) } else { read_text(&mut lines, name, each) };
    match result {
        Ok(()) => finish(lines, name),
        Err(stop) => Err(stop.at(name, lines.line + 1)),
    }
}

/// Why a file cannot be read on, at this line; 0 where it cannot be opened.
fn unreadable(name: &str, line: u32, error: &io::Error) -> Box<Diagnostic> {
    let verb = if line == 0 { "open" } else { "read on in" };
    let diagnostic = Diagnostic::error("unreadable-file", format!("cannot {verb} the list file {name}: {error}"))
        .help("list files are looked for beside the policy file; check the name, the permissions, and that the copy is whole")
        .at(Place::of_file(name, line));
    Box::new(diagnostic)
}

/// A file's name without what says how it is compressed, in lower case.
fn stem(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    [".gz", ".zst"].iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower).to_owned()
}

/// Whether a file's name says that it is CSV.
pub(super) fn is_csv(name: &str) -> bool {
    stem(name).ends_with(".csv")
}

/// Opens a list file, to be read line by line as it is once decompressed.
pub(super) fn open(path: &Path, name: &str) -> Result<Lines<Decoder>, Box<Diagnostic>> {
    let fail = |error: io::Error| unreadable(name, 0, &error);
    let file = File::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let lower = name.to_ascii_lowercase();
    let inner = BufReader::with_capacity(BUFFER, Hashing { file, hash: Sha256::new(), bytes: 0, len: metadata.len() });
    let decoder = if lower.ends_with(".gz") {
        Decoder::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(inner)))
    } else if lower.ends_with(".zst") {
        Decoder::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(inner).map_err(fail)?))
    } else {
        Decoder::Plain(inner)
    };
    Ok(Lines { input: BufReader::with_capacity(BUFFER, decoder), line: 0, buffer: Vec::new() })
}

/// What the file was, once all of it has been read.
pub(super) fn finish(lines: Lines<Decoder>, name: &str) -> Result<Facts, Box<Diagnostic>> {
    // What a decompressor leaves unread belongs to the file's fingerprint too.
    let mut hashing = match lines.input.into_inner() {
        Decoder::Plain(inner) => inner.into_inner(),
        Decoder::Gzip(decoder) => decoder.into_inner().into_inner(),
        Decoder::Zstd(decoder) => decoder.finish().into_inner(),
    };
    io::copy(&mut hashing, &mut io::sink()).map_err(|e| unreadable(name, lines.line, &e))?;
    Ok(Facts { sha256: hashing.hash.finalize().into(), bytes: hashing.bytes })
}

/// How the lines of a list file are read.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Text,
    Csv(Columns),
}

/// Reads the lines of a piece of a list file that begins and ends where lines (in CSV, records) do.
/// `line` is the number of its first one.
pub(super) fn rows(
    bytes: &[u8],
    line: u32,
    format: Format,
    file: &str,
    each: &mut dyn FnMut(Row<'_>),
) -> Result<(), Box<Diagnostic>> {
    // As large as the piece, which may be a single line.
    let input = BufReader::with_capacity(bytes.len().clamp(1, BUFFER), bytes);
    let mut lines = Lines { input, line: line.saturating_sub(1), buffer: Vec::new() };
    let result = match format {
        Format::Text => read_text(&mut lines, file, each),
        Format::Csv(columns) => read_records(&mut lines, file, columns, each),
    };
    result.map_err(|stop| stop.at(file, lines.line + 1))
}

pub(super) enum Stop {
    Io(io::Error),
    Says(Box<Diagnostic>),
}

impl Stop {
    /// The diagnostic, for what happened at this line.
    pub(super) fn at(self, name: &str, line: u32) -> Box<Diagnostic> {
        match self {
            Stop::Io(error) => unreadable(name, line, &error),
            Stop::Says(diagnostic) => diagnostic,
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Io(error)
    }
}

/// Counts and hashes the bytes as they are on disk.
pub(super) struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
    /// As long as the file was when it was opened.
    len: u64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

pub(super) enum Decoder {
    Plain(BufReader<Hashing>),
    Gzip(Box<flate2::bufread::MultiGzDecoder<BufReader<Hashing>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Hashing>>>),
}

impl Decoder {
    fn hashing(&self) -> &Hashing {
        match self {
            Decoder::Plain(inner) => inner.get_ref(),
            Decoder::Gzip(decoder) => decoder.get_ref().get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Plain(inner) => inner.read(buffer),
            Decoder::Gzip(inner) => inner.read(buffer),
            Decoder::Zstd(inner) => inner.read(buffer),
        }
    }
}

pub(super) struct Lines<R> {
    pub(super) input: BufReader<R>,
    /// The line that was read last, from 1.
    pub(super) line: u32,
    /// Its bytes, without the line's end.
    buffer: Vec<u8>,
}

impl Lines<Decoder> {
    /// How many bytes of the file have been read, and how many it has.
    pub(super) fn progress(&self) -> (u64, u64) {
        let hashing = self.input.get_ref().hashing();
        (hashing.bytes, hashing.len)
    }
}

enum Next {
    End,
    Line,
    TooLong,
}

impl<R: Read> Lines<R> {
    /// Reads the next line into `buffer`; of a line that is too long, the beginning.
    fn next(&mut self) -> io::Result<Next> {
        self.buffer.clear();
        let mut seen = 0usize;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                if seen == 0 {
                    return Ok(Next::End);
                }
                break;
            }
            let end = chunk.iter().position(|&b| b == b'\n');
            let take = end.unwrap_or(chunk.len());
            let keep = take.min((MAX_LINE + 1).saturating_sub(self.buffer.len()));
            self.buffer.extend_from_slice(&chunk[..keep]);
            let used = take + usize::from(end.is_some());
            self.input.consume(used);
            seen += used;
            if end.is_some() {
                break;
            }
        }
        self.line = self.line.saturating_add(1);
        if self.buffer.len() > MAX_LINE {
            self.buffer.truncate(MAX_LINE);
            return Ok(Next::TooLong);
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        Ok(Next::Line)
    }
}

fn too_long() -> Fault {
    Fault::new("line-too-long", format!("this line is longer than {MAX_LINE} bytes"))
        .help("a list has one entry a line; is this the right file, and is it compressed under another name?")
}

fn not_utf8(raw: &[u8], line: u32) -> Fault {
    if line == 1 && (raw.starts_with(&[0xff, 0xfe]) || raw.starts_with(&[0xfe, 0xff])) {
        return Fault::new("not-utf8", "the file is UTF-16").help("save it as UTF-8");
    }
    if line == 1 && raw.starts_with(&[0x1f, 0x8b]) {
        return Fault::new("not-utf8", "the file is compressed with gzip").help("let its name end in .gz");
    }
    if line == 1 && raw.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Fault::new("not-utf8", "the file is compressed with zstd").help("let its name end in .zst");
    }
    Fault::new("not-utf8", "this line is not UTF-8").help("save the file as UTF-8, or write the entry in digits")
}

/// The bytes of a byte order mark at the beginning of a file.
pub(super) fn bom(raw: &[u8], line: u32) -> usize {
    if line == 1 && raw.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

fn read_text(lines: &mut Lines<impl Read>, file: &str, each: &mut dyn FnMut(Row<'_>)) -> Result<(), Stop> {
    loop {
        let next = lines.next()?;
        let raw = &lines.buffer[..];
        let row = |at: Range<usize>, content| Row { file, line: lines.line, raw, at, content };
        match next {
            Next::End => return Ok(()),
            Next::TooLong => each(row(0..1, Err(too_long()))),
            Next::Line => {
                let at = entry_in(raw, bom(raw, lines.line));
                if at.is_empty() {
                    continue;
                }
                match std::str::from_utf8(raw) {
                    Err(e) => {
                        let bad = e.valid_up_to();
                        each(row(bad..bad + e.error_len().unwrap_or(1), Err(not_utf8(raw, lines.line))));
                    }
                    Ok(text) => {
                        let entry = &text[at.clone()];
                        each(row(at, Ok(Content { entry, expires: None, note: None })));
                    }
                }
            }
        }
    }
}

/// What of a line in a text file is entry: not the white space around it, not a comment.
pub(super) fn entry_in(raw: &[u8], from: usize) -> Range<usize> {
    let mut start = from;
    while raw.get(start).is_some_and(u8::is_ascii_whitespace) {
        start += 1;
    }
    let mut end = start;
    let mut blank = true;
    while let Some(&byte) = raw.get(end) {
        if byte == b'#' && blank && !(end == start && is_feature_code(&raw[start..])) {
            break;
        }
        blank = byte.is_ascii_whitespace();
        end += 1;
    }
    while end > start && raw[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    start..end
}

/// `#31#`: digits between two number signs.
fn is_feature_code(text: &[u8]) -> bool {
    let digits = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && text.get(1 + digits) == Some(&b'#')
}

/// Where a CSV file has what.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) delimiter: u8,
    pub(super) number: usize,
    pub(super) expires: Option<usize>,
    pub(super) note: Option<usize>,
}

/// One CSV record: the fields' text and where each began, in lines and bytes of the line.
pub(super) struct Record {
    reader: csv_core::Reader,
    pub(super) text: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone)]
struct Field {
    /// In `Record::text`.
    text: Range<usize>,
    /// In the line's bytes.
    raw: Range<usize>,
}

impl Record {
    pub(super) fn new(delimiter: u8) -> Record {
        let reader =
            csv_core::ReaderBuilder::new().delimiter(delimiter).terminator(csv_core::Terminator::Any(b'\n')).build();
        Record { reader, text: Vec::new(), fields: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
    }

    /// Feeds one line (without its end); true where the record ends with it, false where a quoted
    /// field goes on in the next line.
    pub(super) fn feed(&mut self, line: &[u8]) -> bool {
        let open_field = self.fields.last().map_or(0, |f| f.text.end);
        let mut field_start = open_field;
        let mut at = 0;
        let mut raw_start = 0;
        // The reader wants the line's end too, to see that the record ends there.
        let mut ended = false;
        loop {
            let input: &[u8] = if at < line.len() { &line[at..] } else { b"\n" };
            if at > line.len() {
                return ended;
            }
            let used = self.text.len();
            // No field is longer than its line.
            self.text.resize(used + input.len().max(16), 0);
            let (result, nin, nout) = self.reader.read_field(input, &mut self.text[used..]);
            self.text.truncate(used + nout);
            at += nin;
            match result {
                ReadFieldResult::Field { record_end } => {
                    // The delimiter or the end was read too.
                    let raw_end = at.saturating_sub(1).clamp(raw_start, line.len());
                    self.fields.push(Field { text: field_start..self.text.len(), raw: raw_start..raw_end });
                    field_start = self.text.len();
                    raw_start = at.min(line.len());
                    ended = record_end;
                    if record_end {
                        return true;
                    }
                }
                ReadFieldResult::InputEmpty if at > line.len() => return false,
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::End => return true,
            }
        }
    }

    pub(super) fn field(&self, column: Option<usize>) -> Option<&[u8]> {
        self.fields.get(column?).map(|f| &self.text[f.text.clone()])
    }
}

fn read_csv(lines: &mut Lines<impl Read>, file: &str, each: &mut dyn FnMut(Row<'_>)) -> Result<(), Stop> {
    let columns = header(lines, file)?;
    read_records(lines, file, columns, each)
}

/// What follows a header.
fn read_records(
    lines: &mut Lines<impl Read>,
    file: &str,
    columns: Columns,
    each: &mut dyn FnMut(Row<'_>),
) -> Result<(), Stop> {
    let mut record = Record::new(columns.delimiter);
    // The first line of the record at hand, which its places show.
    let mut first: Vec<u8> = Vec::new();
    let mut first_line = 0;
    let mut open = false;
    loop {
        let next = lines.next()?;
        match next {
            Next::End if open => {
                return Err(Stop::Says(Box::new(unclosed(file, first_line, &first))));
            }
            Next::End => return Ok(()),
            Next::TooLong => {
                if open {
                    return Err(Stop::Says(Box::new(unclosed(file, first_line, &first))));
                }
                each(Row { file, line: lines.line, raw: &lines.buffer, at: 0..1, content: Err(too_long()) });
                continue;
            }
            Next::Line => {}
        }
        if !open {
            if lines.buffer.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            first.clear();
            first.extend_from_slice(&lines.buffer);
            first_line = lines.line;
            record.clear();
        }
        open = !record.feed(&lines.buffer);
        if open {
            if record.text.len() > MAX_LINE {
                return Err(Stop::Says(Box::new(unclosed(file, first_line, &first))));
            }
            continue;
        }
        let at = trimmed(&first, record.fields.get(columns.number).map_or(0..first.len(), |f| f.raw.clone()));
        let content = content(&record, columns, &first, first_line);
        each(Row { file, line: first_line, raw: &first, at, content });
    }
}

fn content<'r>(record: &'r Record, columns: Columns, raw: &[u8], line: u32) -> Result<Content<'r>, Fault> {
    let text = |column: Option<usize>| {
        record
            .field(column)
            .map(|field| std::str::from_utf8(field).map(str::trim).map_err(|_| not_utf8(raw, line)))
            .transpose()
    };
    let entry = text(Some(columns.number))?.unwrap_or_default();
    if entry.is_empty() {
        return Err(Fault::new("bad-line", "this row has no number"));
    }
    let expires = match text(columns.expires)? {
        None | Some("") => None,
        Some(text) => Some(expiry(text).map_err(|why| Fault::new("bad-expiry", why).help(EXPIRY_HELP))?),
    };
    Ok(Content { entry, expires, note: text(columns.note)?.filter(|note| !note.is_empty()) })
}

fn trimmed(raw: &[u8], at: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (at.start.min(raw.len()), at.end.min(raw.len()));
    while start < end && (raw[start].is_ascii_whitespace() || raw[start] == b'"') {
        start += 1;
    }
    while end > start && (raw[end - 1].is_ascii_whitespace() || raw[end - 1] == b'"') {
        end -= 1;
    }
    start..end
}

fn unclosed(file: &str, line: u32, raw: &[u8]) -> Diagnostic {
    Diagnostic::error("bad-line", "a quote is opened in this row and never closed")
        .help("close it, or write a quote that is meant as such twice")
        .at(place(file, line, raw, 0..raw.len()))
}

/// Reads the header: the delimiter that makes one of the columns `number`, and the columns.
pub(super) fn header(lines: &mut Lines<impl Read>, file: &str) -> Result<Columns, Stop> {
    let stop = |diagnostic: Diagnostic| Err(Stop::Says(Box::new(diagnostic)));
    loop {
        match lines.next()? {
            Next::End => {
                return stop(
                    Diagnostic::error("bad-csv-header", "the file is empty; it does not even have a header")
                        .help("the first line must name the columns, at least `number`")
                        .at(Place::of_file(file, 1)),
                );
            }
            Next::TooLong => {
                return stop(too_long().error().at(place(file, lines.line, &lines.buffer, 0..1)));
            }
            Next::Line if lines.buffer.iter().all(u8::is_ascii_whitespace) => continue,
            Next::Line => break,
        }
    }
    let from = bom(&lines.buffer, lines.line);
    let raw = &lines.buffer[from..];
    for delimiter in [b',', b';', b'\t'] {
        let mut record = Record::new(delimiter);
        if !record.feed(raw) {
            continue;
        }
        let column = |name: &str| {
            let mut found = record
                .fields
                .iter()
                .enumerate()
                .filter(|(_, f)| record.text[f.text.clone()].trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
            (found.next().map(|(i, _)| i), found.next().map(|(_, f)| f.raw.clone()))
        };
        let (Some(number), twice) = column("number") else { continue };
        if let Some(second) = twice {
            return stop(
                Diagnostic::error("bad-csv-header", "two columns are called `number`")
                    .help("rename the one that is not the number to screen")
                    .at(place(file, lines.line, raw, second)),
            );
        }
        return Ok(Columns { delimiter, number, expires: column("expires").0, note: column("note").0 });
    }
    let fault = match std::str::from_utf8(raw) {
        Ok(_) => Fault::new("bad-csv-header", "no column is called `number`")
            .help("the first line must name the columns, at least `number`, then perhaps `expires` and `note`"),
        Err(_) => not_utf8(&lines.buffer, lines.line),
    };
    stop(fault.error().at(place(file, lines.line, raw, 0..raw.len())))
}

/// The places of the entries that begin on these lines (sorted), read anew: places are not kept
/// for ten million entries on the chance that one of them deserves a warning. Lines that are gone
/// are left out.
pub(crate) fn places(path: &Path, name: &str, wanted: &[u32]) -> Vec<Place> {
    let mut places = Vec::with_capacity(wanted.len());
    let _ = read(path, name, &mut |row| {
        if wanted.binary_search(&row.line).is_ok() {
            places.push(row.place());
        }
    });
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Line, entry or fault, column.
    fn rows(name: &str, bytes: &[u8]) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut rows = Vec::new();
        let facts = read(&path, name, &mut |row| {
            let place = row.place();
            let seen = &place.text[place.start..place.start + place.len];
            rows.push(match &row.content {
                Ok(c) => {
                    let extra = match (c.expires, c.note) {
                        (None, None) => String::new(),
                        (e, n) => format!(" {e:?} {n:?}"),
                    };
                    format!("{}:{} {}{extra} [{seen}]", place.line, place.column, c.entry)
                }
                Err(fault) => format!("{}:{} !{} [{seen}]", place.line, place.column, fault.code),
            });
        });
        match facts {
            Ok(facts) => {
                assert_eq!(facts.bytes, bytes.len() as u64);
                assert_eq!(facts.sha256, <[u8; 32]>::from(Sha256::digest(bytes)));
                Ok(rows)
            }
            Err(diagnostic) => Err(diagnostic.to_string()),
        }
    }

    #[test]
    fn text_has_comments_and_feature_codes() {
        let text = "\u{feff}+371 1\r\n\r\n  # comment\r\n  +372* # why\n#31#030 9\n#31 old\nraw:#x#y\nlast";
        assert_eq!(
            rows("a.txt", text.as_bytes()).unwrap(),
            [
                "1:2 +371 1 [+371 1]",
                "4:3 +372* [+372*]",
                "5:1 #31#030 9 [#31#030 9]",
                "7:1 raw:#x#y [raw:#x#y]",
                "8:1 last [last]"
            ]
        );
    }

    #[test]
    fn text_that_is_not_utf8_names_the_line() {
        assert_eq!(
            rows("a.txt", b"1234\n12\xff4\n5").unwrap(),
            ["1:1 1234 [1234]", "2:3 !not-utf8 [\u{fffd}]", "3:1 5 [5]"]
        );
        assert_eq!(rows("a.txt", b"\xff\xfe1\0\n\0").unwrap()[0], "1:1 !not-utf8 [\u{fffd}]");
    }

    #[test]
    fn a_long_line_is_refused_and_the_next_is_read() {
        let mut bytes = vec![b'7'; 200_000];
        bytes.extend(b"\n42\n");
        assert_eq!(rows("a", &bytes).unwrap(), ["1:1 !line-too-long [7]", "2:1 42 [42]"]);
    }

    #[test]
    fn csv_has_columns_in_any_order() {
        let text = "\u{feff}Note;NUMBER;x;Expires\r\n\"a;\"\"b\"\"\";+371 1;;1970-01-01\r\n\r\n;+372*;;\r\nshort\r\nn;\"+373\";\r\n";
        assert_eq!(
            rows("a.CSV", text.as_bytes()).unwrap(),
            [
                "2:11 +371 1 Some(86400) Some(\"a;\\\"b\\\"\") [+371 1]",
                "4:2 +372* [+372*]",
                "5:1 !bad-line [short]",
                "6:4 +373 None Some(\"n\") [+373]"
            ]
        );
        assert_eq!(rows("a.csv", b"number\n1\n2").unwrap(), ["2:1 1 [1]", "3:1 2 [2]"]);
        assert_eq!(rows("a.csv", b"x\tnumber\n1\t2").unwrap(), ["2:3 2 [2]"]);
    }

    #[test]
    fn csv_quotes_may_hold_lines_but_must_close() {
        let text = "number,note\n1,\"a\nb\"\n2,c\n";
        assert_eq!(
            rows("a.csv", text.as_bytes()).unwrap(),
            ["2:1 1 None Some(\"a\\nb\") [1]", "4:1 2 None Some(\"c\") [2]"]
        );
        let error = rows("a.csv", b"number,note\n1,\"a\n2,c\n").unwrap_err();
        assert!(error.starts_with("a.csv:2:1: error: a quote is opened"), "{error}");
    }

    #[test]
    fn csv_needs_a_header() {
        for (bytes, expected) in [
            (&b""[..], "a.csv:1:1: error: the file is empty"),
            (b"+371,1\n", "a.csv:1:1: error: no column is called `number`"),
            (b"number,Number\n", "a.csv:1:8: error: two columns"),
        ] {
            let error = rows("a.csv", bytes).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn compressed_files_are_read_as_they_are() {
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let two = [gzip(b"1\n2"), gzip(b"3\n4\n")].concat();
        assert_eq!(rows("a.txt.gz", &two).unwrap(), ["1:1 1 [1]", "2:1 23 [23]", "3:1 4 [4]"]);
        let zstd = zstd::encode_all(&b"number\n1\n2\n"[..], 1).unwrap();
        assert_eq!(rows("a.csv.zst", &zstd).unwrap(), ["2:1 1 [1]", "3:1 2 [2]"]);
        // Cut, and not compressed at all.
        for (name, bytes) in
            [("a.gz", &two[..two.len() - 9]), ("a.gz", b"12\n"), ("a.zst", b"12\n"), ("a.zst", &zstd[..9])]
        {
            assert!(rows(name, bytes).unwrap_err().contains("the list file"), "{name}");
        }
        assert_eq!(rows("a.txt", &zstd).unwrap()[0], "1:2 !not-utf8 [\u{fffd}]");
    }

    #[test]
    fn an_expiry_is_the_end_of_a_day_or_a_time() {
        assert_eq!(expiry("1970-01-01"), Ok(86_400));
        assert_eq!(expiry(" 1970-01-01T01:00:00+01:00 "), Ok(0));
        assert_eq!(expiry("1970-01-01 00:00:10Z"), Ok(10));
        for bad in ["", "tomorrow", "1970-13-01", "1970-02-30", "31.12.2026", "1970-01-01T00:00:00"] {
            assert!(expiry(bad).is_err(), "{bad}");
        }
        assert_eq!(expiry("9999-12-31"), Ok(253_402_300_800));
    }

    /// Any bytes: no panic, and every place is inside its text.
    #[test]
    fn hostile_bytes_never_panic() {
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize
        };
        let pool = b"0123456789+*#X.,;\"\"\n\r\n \traw:number\xff\xc3\xa9\0";
        for i in 0..300 {
            let mut bytes: Vec<u8> = if i % 2 == 0 { b"number,note,expires\n".to_vec() } else { Vec::new() };
            bytes.extend((0..random() % 300).map(|_| pool[random() % pool.len()]));
            for name in ["f.txt", "f.csv", "f.gz", "f.zst"] {
                let _ = rows(name, &bytes);
            }
        }
    }
}
