//! Reads long list files on all cores: a thread cuts the file into blocks at line ends, several read the
//! lines, and the caller is handed the results in the file's order.
//!
//! Of nearly all lines nothing is wanted but the number. Those are read the short way
//! ([`EntryReader::quick`]); the others, with everything that has to be said about them, are handed over
//! as they stand and go the way of all entries. Whichever way a line goes, it means the same.
//!
//! How much is in memory does not depend on how long the file is: there are [`BLOCKS_A_THREAD`] blocks for
//! each thread, with a few times their size for what they say, and the reading thread waits for one to come
//! back.

use super::diagnostic::Diagnostic;
use super::entry::EntryReader;
use super::files::{self, Columns, Decoder, Facts, Format, Lines, MAX_LINE, Record};
use super::lint::PER_CODE;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// About how many bytes a block has.
const BLOCK: usize = 1 << 20;
/// A record with a quoted field as long as this is one that nobody closed.
const MOST_OPEN: usize = 4 * BLOCK;
const BLOCKS_A_THREAD: usize = 3;
const MOST_THREADS: usize = 256;

/// Whole lines of a file.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// The number of the first one.
    line: u32,
    lines: u32,
    /// How many bytes of the file were read when it was cut, and how many there are.
    read: (u64, u64),
}

/// Lines of a block: the number of the first, and where they stand.
pub(crate) struct Span {
    line: u32,
    at: Range<usize>,
}

/// What a block says.
#[derive(Default)]
pub(crate) struct Lot {
    block: Block,
    /// The whole numbers that were read the short way, by `numbers::whole_key`.
    pub(crate) keys: Vec<u64>,
    /// On which lines they stand.
    pub(crate) lines: Vec<u32>,
    /// Until when they count, where the file has a column for that; else empty.
    pub(crate) expires: Vec<Option<i64>>,
    /// How many of them the plan gives to nobody, and the first few of those.
    pub(crate) unassigned: u64,
    unassigned_lines: Vec<Span>,
    /// All other lines.
    others: Vec<Span>,
}

impl Lot {
    /// How many lines of the file there are up to this block's end, how many bytes were read, and how
    /// many there are.
    pub(crate) fn progress(&self) -> (u64, u64, u64) {
        let lines = u64::from(self.block.line) - 1 + u64::from(self.block.lines);
        (lines, self.block.read.0, self.block.read.1)
    }

    /// Goes through the lines that were not read the short way.
    pub(crate) fn others(
        &self,
        format: Format,
        file: &str,
        each: &mut dyn FnMut(files::Row<'_>),
    ) -> Result<(), Box<Diagnostic>> {
        self.rows(&self.others, format, file, each)
    }

    /// Goes through the first few of the numbers that nobody has.
    pub(crate) fn unassigned(&self, format: Format, file: &str, each: &mut dyn FnMut(files::Row<'_>)) {
        // They were read once, and nothing was wrong with them.
        let _ = self.rows(&self.unassigned_lines, format, file, each);
    }

    fn rows(
        &self,
        spans: &[Span],
        format: Format,
        file: &str,
        each: &mut dyn FnMut(files::Row<'_>),
    ) -> Result<(), Box<Diagnostic>> {
        for span in spans {
            files::rows(&self.block.bytes[span.at.clone()], span.line, format, file, each)?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.block.bytes.clear();
        self.keys.clear();
        self.lines.clear();
        self.expires.clear();
        self.unassigned = 0;
        self.unassigned_lines.clear();
        self.others.clear();
    }
}

/// What is done with a lot.
type Each<'e> = dyn FnMut(&Lot, Format) -> Result<(), Box<Diagnostic>> + 'e;

/// Reads a list file. `each` gets its lots in order; where it fails, so does this.
///
/// # Errors
///
/// Those that concern the file and not a line of it, as in [`files::read`], and those of `each`.
pub(crate) fn read(
    path: &Path,
    name: &str,
    threads: usize,
    reader: &EntryReader<'_>,
    now: i64,
    each: &mut Each<'_>,
) -> Result<Facts, Box<Diagnostic>> {
    read_by(BLOCK, path, name, threads, reader, now, each)
}

/// The same, with blocks of about so many bytes.
fn read_by(
    block: usize,
    path: &Path,
    name: &str,
    threads: usize,
    reader: &EntryReader<'_>,
    now: i64,
    each: &mut Each<'_>,
) -> Result<Facts, Box<Diagnostic>> {
    let mut lines = files::open(path, name)?;
    let format = if files::is_csv(name) {
        Format::Csv(files::header(&mut lines, name).map_err(|stop| stop.at(name, 1))?)
    } else {
        Format::Text
    };
    let mut cutter = Cutter { lines, carry: Vec::new(), format, block, ended: false };
    let fail = |cutter: &Cutter, error: io::Error| files::Stop::Io(error).at(name, cutter.lines.line + 1);
    // Most files are one block, and need no threads.
    let mut first = Lot::default();
    cutter.next(&mut first.block).map_err(|e| fail(&cutter, e))?;
    if cutter.ended || threads < 2 {
        while !first.block.bytes.is_empty() {
            classify(reader, format, now, &mut first);
            each(&first, format)?;
            first.clear();
            cutter.next(&mut first.block).map_err(|e| fail(&cutter, e))?;
        }
        return files::finish(cutter.lines, name);
    }
    let threads = threads.min(MOST_THREADS);
    let pool = threads * BLOCKS_A_THREAD;
    let (empty, empties) = mpsc::sync_channel::<Lot>(pool);
    for _ in 1..pool {
        // There is room for as many as there are.
        let _ = empty.send(Lot::default());
    }
    let (cut, cuts) = mpsc::sync_channel::<(u64, Lot)>(pool);
    let (done, dones) = mpsc::sync_channel::<Done>(pool);
    let cuts = Mutex::new(cuts);
    std::thread::scope(|scope| {
        let start = |error: io::Error| {
            Box::new(
                Diagnostic::error("no-thread", format!("cannot start a thread: {error}"))
                    .help("read the list files with one thread, or let the system have more"),
            )
        };
        let reading = Builder::new().spawn_scoped(scope, move || {
            let mut lot = first;
            let mut number = 0;
            loop {
                if lot.block.bytes.is_empty() {
                    return files::finish(cutter.lines, name);
                }
                // Nobody takes blocks or gives any back once something has gone wrong elsewhere, which is
                // told there: then the rest of the file is not read.
                let given_up = || Err(broken());
                if cut.send((number, lot)).is_err() {
                    return given_up();
                }
                number += 1;
                let Ok(empty) = empties.recv() else { return given_up() };
                lot = empty;
                lot.clear();
                cutter.next(&mut lot.block).map_err(|e| fail(&cutter, e))?;
            }
        });
        let reading = reading.map_err(start)?;
        let mut working = Ok(());
        for i in 0..threads {
            let (cuts, done) = (&cuts, done.clone());
            let worker = move || work(cuts, &done, |lot| classify(reader, format, now, lot));
            if let Err(error) = Builder::new().spawn_scoped(scope, worker) {
                // Fewer do it, too.
                working = if i == 0 { Err(start(error)) } else { Ok(()) };
                break;
            }
        }
        drop(done);
        let result = working.and_then(|()| hand_over(&dones, &empty, &mut |lot| each(lot, format)));
        // Who still waits for a block or a place for one ends.
        drop((dones, empty));
        let facts = reading.join().unwrap_or_else(|_| Err(broken()));
        result.and(facts)
    })
}

/// A block's number and what it says; none where that could not be found out.
type Done = (u64, Option<Lot>);

/// What cannot happen: some line made its reader panic.
fn broken() -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error("internal", "reading a list file failed, and this is no fault of the file")
            .help("please report it, with the file if you can; the version is what `tollgate --version` says"),
    )
}

/// A thread's part: blocks in, lots out.
fn work(cuts: &Mutex<Receiver<(u64, Lot)>>, done: &SyncSender<Done>, classify: impl Fn(&mut Lot)) {
    loop {
        let next = cuts.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, mut lot)) = next else { return };
        // A lot that is never done would be waited for for ever.
        let classified = panic::catch_unwind(AssertUnwindSafe(|| classify(&mut lot)));
        if done.send((number, classified.is_ok().then_some(lot))).is_err() {
            return;
        }
    }
}

/// Hands lots over in their order, and back to be filled anew.
fn hand_over(
    dones: &Receiver<Done>,
    empty: &SyncSender<Lot>,
    each: &mut dyn FnMut(&Lot) -> Result<(), Box<Diagnostic>>,
) -> Result<(), Box<Diagnostic>> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    while let Ok((number, lot)) = dones.recv() {
        waiting.insert(number, lot.ok_or_else(broken)?);
        while let Some(lot) = waiting.remove(&next) {
            next += 1;
            each(&lot)?;
            // The reading thread may have ended.
            let _ = empty.send(lot);
        }
    }
    Ok(())
}

/// Cuts a file into blocks.
struct Cutter {
    lines: Lines<Decoder>,
    /// What was read behind the last block.
    carry: Vec<u8>,
    format: Format,
    /// About how many bytes a block is to have.
    block: usize,
    ended: bool,
}

impl Cutter {
    /// The next block; an empty one where there are no more.
    fn next(&mut self, block: &mut Block) -> io::Result<()> {
        block.bytes.clear();
        block.bytes.append(&mut self.carry);
        block.line = self.lines.line.saturating_add(1);
        let mut wanted = self.block;
        loop {
            self.fill(&mut block.bytes, wanted)?;
            if self.ended {
                break;
            }
            match self.end_of(&block.bytes) {
                Some(end) => {
                    self.carry.extend_from_slice(&block.bytes[end..]);
                    block.bytes.truncate(end);
                    break;
                }
                // One line, and too long: the rest of it is of no use.
                None if block.bytes.len() > MAX_LINE && memchr::memchr(b'\n', &block.bytes).is_none() => {
                    self.skip_line(&mut block.bytes)?;
                    break;
                }
                // A quote that nobody closes, as will be found; the last line may still be read in part.
                None if block.bytes.len() >= MOST_OPEN => {
                    let end = memchr::memrchr(b'\n', &block.bytes).map_or(block.bytes.len(), |at| at + 1);
                    self.carry.extend_from_slice(&block.bytes[end..]);
                    block.bytes.truncate(end);
                    break;
                }
                None => wanted += self.block,
            }
        }
        let cut = block.bytes.last().is_some_and(|&last| last != b'\n');
        let lines = memchr::memchr_iter(b'\n', &block.bytes).count() + usize::from(cut);
        block.lines = u32::try_from(lines).unwrap_or(u32::MAX);
        self.lines.line = self.lines.line.saturating_add(block.lines);
        block.read = self.lines.progress();
        Ok(())
    }

    /// Reads until there are so many bytes, or no more.
    fn fill(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
        if let Some(more) = wanted.checked_sub(bytes.len()).filter(|_| !self.ended) {
            let read = self.lines.input.by_ref().take(more as u64).read_to_end(bytes)?;
            self.ended = read < more;
        }
        Ok(())
    }

    /// Where the last whole line, or record, ends.
    fn end_of(&self, bytes: &[u8]) -> Option<usize> {
        let last = memchr::memrchr(b'\n', bytes)? + 1;
        match self.format {
            Format::Csv(columns) if memchr::memchr(b'"', bytes).is_some() => {
                // Only reading it tells whether a quote opens a field, and a line's end ends a record.
                let mut record = Record::new(columns.delimiter);
                let (mut at, mut end) = (0, None);
                for stop in memchr::memchr_iter(b'\n', bytes) {
                    if record.feed(without_return(&bytes[at..stop])) {
                        end = Some(stop + 1);
                        record.clear();
                    } else if record.text.len() > MAX_LINE {
                        // Nobody closed it; the record is to be seen whole up to here.
                        return end.filter(|&end| end > 0).or(Some(last));
                    }
                    at = stop + 1;
                }
                end
            }
            _ => Some(last),
        }
    }

    /// A line that is longer than a block: its beginning, which is too long, is all that is wanted of it.
    fn skip_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.truncate(MAX_LINE + 1);
        let mut rest = Vec::new();
        while !self.ended {
            rest.clear();
            self.fill(&mut rest, BLOCK)?;
            if let Some(end) = memchr::memchr(b'\n', &rest) {
                bytes.push(b'\n');
                self.carry.extend_from_slice(&rest[end + 1..]);
                return Ok(());
            }
        }
        Ok(())
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads the lines of a block.
fn classify(reader: &EntryReader<'_>, format: Format, now: i64, lot: &mut Lot) {
    let bytes = std::mem::take(&mut lot.block.bytes);
    match format {
        Format::Text => text(reader, &bytes, lot),
        Format::Csv(columns) => csv(reader, columns, now, &bytes, lot),
    }
    lot.block.bytes = bytes;
}

/// The lines of a block: number, place without and with their end.
fn lines(bytes: &[u8], first: u32) -> impl Iterator<Item = (u32, Range<usize>, usize)> {
    let mut at = 0;
    (0..).map_while(move |nth| {
        let line = first.saturating_add(nth);
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let start = at;
        at = (start + len + 1).min(bytes.len());
        Some((line, start..start + len, at))
    })
}

fn text(reader: &EntryReader<'_>, bytes: &[u8], lot: &mut Lot) {
    for (line, at, end) in lines(bytes, lot.block.line) {
        // What is cut off a line that is too long may have been an entry.
        if at.len() > MAX_LINE {
            lot.other(line, at.start..end);
            continue;
        }
        let raw = without_return(&bytes[at.clone()]);
        // Nearly every line is an entry and nothing else.
        let quick = match reader.quick(raw) {
            None => {
                let entry = files::entry_in(raw, files::bom(raw, line));
                if entry.is_empty() {
                    continue;
                }
                // What stands beside it must be text, too.
                if entry.len() < raw.len() && std::str::from_utf8(raw).is_ok() {
                    reader.quick(&raw[entry])
                } else {
                    None
                }
            }
            quick => quick,
        };
        match quick {
            Some(quick) => {
                lot.keys.push(quick.key);
                lot.lines.push(line);
                if !quick.assigned {
                    lot.unassigned_line(line, at.start..end);
                }
            }
            None => lot.other(line, at.start..end),
        }
    }
}

impl Lot {
    /// Lines that take a longer look; neighbours are one piece.
    fn other(&mut self, line: u32, at: Range<usize>) {
        match self.others.last_mut() {
            Some(last) if last.at.end == at.start => last.at.end = at.end,
            _ => self.others.push(Span { line, at }),
        }
    }

    fn unassigned_line(&mut self, line: u32, at: Range<usize>) {
        self.unassigned += 1;
        if self.unassigned_lines.len() < PER_CODE {
            self.unassigned_lines.push(Span { line, at });
        }
    }
}

fn csv(reader: &EntryReader<'_>, columns: Columns, now: i64, bytes: &[u8], lot: &mut Lot) {
    let mut record = Record::new(columns.delimiter);
    // Where the record at hand begins, if it began on an earlier line.
    let mut open: Option<(u32, usize)> = None;
    // Expiries come in rows of the same.
    let mut last: (Vec<u8>, Option<i64>) = (Vec::new(), None);
    for (line, at, end) in lines(bytes, lot.block.line) {
        let raw = without_return(&bytes[at.clone()]);
        let (first, start) = open.unwrap_or((line, at.start));
        if open.is_none() && raw.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let quoted = open.is_some() || memchr::memchr(b'"', raw).is_some();
        if quoted {
            if open.is_none() {
                record.clear();
            }
            if !record.feed(raw) {
                open = Some((first, start));
                continue;
            }
            open = None;
        }
        let field = |column: Option<usize>| {
            if quoted { record.field(column) } else { raw.split(|&b| b == columns.delimiter).nth(column?) }
        };
        let mut expires = None;
        let ends = field(columns.expires).unwrap_or_default().trim_ascii();
        let plain = field(columns.note).unwrap_or_default().trim_ascii().is_empty() && at.len() <= MAX_LINE;
        let counts = ends.is_empty() || {
            if last.0 != ends {
                let text = std::str::from_utf8(ends).ok();
                last = (ends.to_vec(), text.and_then(|text| files::expiry(text).ok()));
            }
            expires = last.1;
            // What has expired or cannot be read is to be spoken of.
            expires.is_some_and(|end| end > now)
        };
        let number = field(Some(columns.number)).unwrap_or_default().trim_ascii();
        match reader.quick(number).filter(|_| plain && counts) {
            Some(quick) => {
                lot.keys.push(quick.key);
                lot.lines.push(first);
                if columns.expires.is_some() {
                    lot.expires.push(expires);
                }
                if !quick.assigned {
                    lot.unassigned_line(first, start..end);
                }
            }
            None => lot.other(first, start..end),
        }
    }
    if let Some((line, start)) = open {
        lot.other(line, start..bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::lint::Assigned;
    use crate::compile::model::{Key, ListAction};
    use crate::compile::plan::BUILT_IN;
    use crate::dial::Site;
    use crate::index::format::{Kind, Sections};
    use crate::number::Region;
    use crate::numbers::whole_key;
    use crate::plan::Plan;
    use std::collections::BTreeMap;

    /// 2026-01-01.
    const NOW: i64 = 1_767_225_600;

    /// Lines of every kind, so that a cut can fall anywhere in any of them.
    fn text() -> Vec<u8> {
        let mut text =
            b"\xef\xbb\xbf+421905123456\r\n# comment\n\n   \n+3712*\n0905 123 457 # said twice\n#31#0905123458\n"
                .to_vec();
        text.extend(b"caf\xe9\n+49301234567 # caf\xe9\n+4930100..+4930199\n4930100..4930199\n112\n1\n+4200000000\n");
        text.extend(format!("{}\n+421905123459\n", "9".repeat(MAX_LINE + 10)).bytes());
        for i in 0..200 {
            text.extend(format!("+42190{:07}{}", i * 7919, ["\n", "\r\n", " \n", "\n\n"][i % 4]).bytes());
        }
        text.extend(b"raw:x*\n+421905999999");
        text
    }

    fn csv() -> Vec<u8> {
        let mut csv = b"\xef\xbb\xbfname;number;expires;note\r\n\n".to_vec();
        for i in 0..100 {
            let number = format!("+42190{:07}", i * 7919);
            csv.extend(
                match i % 10 {
                    0 => format!("\"a\nb\";{number};;\n"),
                    1 => format!("x;\"{number}\";2099-01-0{};\r\n", i % 7 + 1),
                    2 => format!("x;{number};2001-01-01;\n"),
                    3 => format!("x;{number};yesterday;\n"),
                    4 => format!("x;{number};;\"a note\nof \"\"two\"\" lines\"\n"),
                    5 => "x;;;\nshort\n\n".to_owned(),
                    6 => format!("5\" pipe;{number};;\n"),
                    7 => format!("x;0905-{:06};2099-01-01T00:00:00Z;\n", i),
                    8 => format!("{};{number};;\n", "y".repeat(300)),
                    _ => format!("x;{number};;;and;more\n"),
                }
                .bytes(),
            );
        }
        csv.extend(format!("{};+421905123456;;\n", "z".repeat(MAX_LINE + 1)).bytes());
        csv.extend(b"x;+421905123457;;");
        csv
    }

    /// By line: what the short way read there, or what the other rows say.
    type Seen = BTreeMap<u32, Result<(u64, Option<i64>), String>>;

    fn other(reader: &EntryReader<'_>, row: &files::Row<'_>) -> Result<(u64, Option<i64>), String> {
        let content = row.content.as_ref().map_err(|fault| fault.code.to_owned())?;
        let keys = reader.read(content.entry, ListAction::Log).map_err(|fault| fault.message.into_owned())?.keys;
        let plain = content.note.is_none() && content.expires.is_none_or(|end| end > NOW);
        match &*keys {
            [Key::Number { digits, whole: true }] if plain && !digits.contains(&b'X') => {
                Ok((whole_key(digits).unwrap(), content.expires))
            }
            _ => Err(format!("{keys:?} {:?} {:?} {:?}", content.expires, content.note, row.place())),
        }
    }

    /// However a file is cut and however many read it, every line says what it says when the file is read
    /// line by line.
    #[test]
    fn a_line_means_the_same_wherever_the_cuts_are() {
        let sections = Sections::parse(BUILT_IN, Kind::Plan).unwrap();
        let plan = Plan::decode(BUILT_IN, &sections).unwrap();
        let assigned = Assigned::new(&plan);
        let home = plan.territory(Region::new("SK").unwrap()).unwrap();
        let site = Site { home, outside_line: None, extensions: 0, international_prefixes: Vec::new() };
        let reader = EntryReader::new(&plan, &assigned, site);
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("list.txt", text()), ("list.csv", csv())] {
            let path = folder.path().join(name);
            std::fs::write(&path, &content).unwrap();
            let mut expected = Seen::new();
            let facts = files::read(&path, name, &mut |row| {
                assert!(expected.insert(row.line, other(&reader, &row)).is_none());
            })
            .unwrap();
            for block in [1, 2, 3, 17, 64, 100, 1000, 70_000, BLOCK] {
                for threads in [1, 3] {
                    let (mut seen, mut quick, mut unassigned, mut nobodys) = (Seen::new(), 0, 0, 0);
                    let mut last = 0;
                    let found = read_by(block, &path, name, threads, &reader, NOW, &mut |lot, format| {
                        assert!(lot.keys.len() == lot.lines.len());
                        assert!(lot.expires.is_empty() || lot.expires.len() == lot.keys.len());
                        for (i, (&key, &line)) in lot.keys.iter().zip(&lot.lines).enumerate() {
                            quick += 1;
                            let digits = crate::numbers::whole_digits(key);
                            nobodys += u64::from(!assigned.any(digits.as_bytes(), true));
                            let expires = lot.expires.get(i).copied().flatten();
                            assert!(seen.insert(line, Ok((key, expires))).is_none());
                        }
                        unassigned += lot.unassigned;
                        assert!(lot.progress().0 >= last, "in order");
                        last = lot.progress().0;
                        lot.others(format, name, &mut |row| {
                            assert!(seen.insert(row.line, other(&reader, &row)).is_none());
                        })
                    })
                    .unwrap();
                    assert_eq!((found.sha256, found.bytes), (facts.sha256, facts.bytes));
                    let lines = content.split(|&b| b == b'\n').count() as u64;
                    assert_eq!(last, lines, "{name} by {block}");
                    assert!(seen == expected, "{name} by {block}: {seen:#?}");
                    assert!(quick * 2 > expected.len(), "{name}: {quick} the short way");
                    assert_eq!(unassigned, nobodys, "{name} by {block}");
                }
            }
        }
    }

    /// Found in review: of a line that is longer than a block the beginning was read as an entry, whatever
    /// came behind it; and the end of one of four million bytes as a line of its own.
    #[test]
    fn what_is_too_long_is_no_entry() {
        let sections = Sections::parse(BUILT_IN, Kind::Plan).unwrap();
        let plan = Plan::decode(BUILT_IN, &sections).unwrap();
        let assigned = Assigned::new(&plan);
        let site = Site { home: 1, outside_line: None, extensions: 0, international_prefixes: Vec::new() };
        let reader = EntryReader::new(&plan, &assigned, site);
        let folder = tempfile::tempdir().unwrap();
        for (name, head, before, behind) in [
            ("a.txt", "", "+421905123456", "99"),
            ("a.txt", "", "+421905123456 #", ""),
            ("a.csv", "number,note\n", "+421905123456,", ""),
            ("a.csv", "number,note\n", "", "\n+421905123456,"),
            ("a.csv", "number,note\n", "", "+421905123456,"),
        ] {
            for long in [MAX_LINE - 4, MAX_LINE + 1, 2 * BLOCK, MOST_OPEN + 10] {
                let fill = if before.is_empty() { "x" } else { " " };
                let path = folder.path().join(name);
                let text = format!("{head}{before}{}{behind}\n+421905123457,\n", fill.repeat(long));
                std::fs::write(&path, text.replace(",\n", if name == "a.csv" { ",\n" } else { "\n" })).unwrap();
                let mut expected = Vec::new();
                files::read(&path, name, &mut |row| {
                    let key = other(&reader, &row).ok().map(|(key, _)| key);
                    expected.push((row.line, key, row.content.as_ref().err().map(|fault| fault.code)));
                })
                .unwrap();
                for threads in [1, 2] {
                    let mut found = Vec::new();
                    read(&path, name, threads, &reader, NOW, &mut |lot, format| {
                        found.extend(lot.lines.iter().zip(&lot.keys).map(|(&line, &key)| (line, Some(key), None)));
                        lot.others(format, name, &mut |row| {
                            let key = other(&reader, &row).ok().map(|(key, _)| key);
                            found.push((row.line, key, row.content.as_ref().err().map(|fault| fault.code)));
                        })
                    })
                    .unwrap();
                    found.sort_unstable();
                    assert_eq!(found, expected, "{name} {long} {before:?} {behind:?}");
                }
            }
        }
    }

    /// Found in review: a reader that panicked left everybody waiting for its block.
    #[test]
    fn a_panic_is_an_error() {
        let (cut, cuts) = mpsc::sync_channel::<(u64, Lot)>(4);
        let (done, dones) = mpsc::sync_channel::<Done>(4);
        let (empty, _empties) = mpsc::sync_channel::<Lot>(4);
        for number in 0..3 {
            cut.send((number, Lot::default())).unwrap();
        }
        drop(cut);
        let cuts = Mutex::new(cuts);
        let seen = std::cell::Cell::new(0);
        work(&cuts, &done, |_| {
            seen.set(seen.get() + 1);
            assert_ne!(seen.get(), 2, "the second one");
        });
        drop(done);
        let mut handed = 0;
        let error = hand_over(&dones, &empty, &mut |_| {
            handed += 1;
            Ok(())
        })
        .unwrap_err();
        assert_eq!((error.code, handed), ("internal", 1));
    }

    /// A row whose quote nobody closes is an error that names its line, wherever the cuts are.
    #[test]
    fn an_open_quote_is_found() {
        let sections = Sections::parse(BUILT_IN, Kind::Plan).unwrap();
        let plan = Plan::decode(BUILT_IN, &sections).unwrap();
        let assigned = Assigned::new(&plan);
        let site = Site { home: 1, outside_line: None, extensions: 0, international_prefixes: Vec::new() };
        let reader = EntryReader::new(&plan, &assigned, site);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        let rows = "+421905123456,x\n".repeat(200_000);
        std::fs::write(&path, format!("number,note\n+421905123456,\n+421905123457,\"open\n{rows}")).unwrap();
        for block in [1, 1000, BLOCK] {
            for threads in [1, 3] {
                let error = read_by(block, &path, "list.csv", threads, &reader, NOW, &mut |lot, format| {
                    lot.others(format, "list.csv", &mut |_| {})
                })
                .unwrap_err();
                let place = error.place.unwrap();
                assert_eq!((error.code, place.line), ("bad-line", 3), "by {block}");
            }
        }
    }
}
