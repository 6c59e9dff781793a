//! Standard input, answered on all cores, in order and in constant memory.
//!
//! There is no reader and no writer thread: every worker does all of it. It reads a block under the
//! input's lock, answers it into a buffer of its own, and hands the buffer to [`Output`]. Where earlier
//! blocks are still being answered it goes on with the next block; whoever comes with the buffer that
//! all wait for writes that one and those behind it. So no core waits for another as long as no more
//! than [`AHEAD`] blocks a worker are done too early, and nobody hands bytes from thread to thread.
//!
//! A block is what *one* read has brought, up to its last line end. A file or a busy pipe fills it; a
//! program that asks and waits is answered at once.
//!
//! What bounds the memory, whatever the input: a block holds [`BLOCK`] bytes and one line, a line keeps
//! [`MAX_LINE`] bytes, and a worker whose answers outgrow [`MAX_ANSWERS`] waits for its turn and writes
//! them before it goes on.

use crate::record::{Record, Widths};
use crate::selection::Selected;
use crate::table::{self, MAX_ROW, Table};
use anyhow::anyhow;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, mpsc};
use std::thread;
use tollgate::Query;

/// How many bytes are read at once: as much as a pipe holds, and what is made of them stays in a
/// core's cache.
pub(crate) const BLOCK: usize = 1 << 16;

/// How much of a line is kept. Screening looks at far less, and refuses what is longer; this only
/// bounds how much of an endless line is said back.
const MAX_LINE: usize = 1 << 16;

/// How many bytes of answers a worker keeps before it has to write them. A full block of numbers
/// makes one to two million.
const MAX_ANSWERS: usize = 1 << 21;

/// How many answered blocks a worker may be ahead of the one that is to be written next.
const AHEAD: u64 = 2;

/// What a line of input is, and what its answer looks like.
pub(crate) enum Form {
    Text {
        colour: bool,
    },
    Jsonl,
    Csv,
    /// A row of a CSV, answered by the row and the columns of the answer behind it.
    Table(Table),
}

/// How a stream ended.
pub(crate) struct Ended {
    /// Whether any number was blocked that was answered, or was about to be when the output closed.
    pub(crate) is_blocked: bool,
    pub(crate) result: anyhow::Result<()>,
}

/// Answers all of `input`. `head` is written in front of the answers.
pub(crate) fn run(
    selected: Selected,
    form: Form,
    head: &[u8],
    input: Input,
    mut sink: Box<dyn Write + Send>,
    threads: usize,
) -> Ended {
    if let Err(error) = sink.write_all(head).and_then(|()| sink.flush()) {
        return Ended { is_blocked: false, result: Err(error.into()) };
    }
    let output = Output::new(sink, threads, input.lines);
    let stream = Arc::new(Stream { selected, form, input: Mutex::new(input), output });
    let (ended, first) = mpsc::channel();
    for worker in 0..threads {
        let (stream, ended) = (Arc::clone(&stream), ended.clone());
        let work = move || {
            // A worker that died would let the others wait for its block for ever.
            let died = |_| Some(Ended { is_blocked: false, result: Err(anyhow!("a thread has ended unexpectedly")) });
            if let Some(end) = panic::catch_unwind(AssertUnwindSafe(|| stream.work())).unwrap_or_else(died) {
                // Nobody listens where another worker was first.
                let _ = ended.send(end);
            }
        };
        if let Err(error) = thread::Builder::new().name("screen".to_owned()).spawn(work) {
            // Fewer do it, too.
            if worker == 0 {
                return Ended { is_blocked: false, result: Err(anyhow!("cannot start a thread: {error}")) };
            }
            break;
        }
    }
    drop(ended);
    // The threads are left to themselves: when the output has been closed, one of them may still wait
    // for input that never comes.
    first.recv().unwrap_or_else(|_| Ended { is_blocked: false, result: Err(anyhow!("the threads have ended early")) })
}

struct Stream {
    selected: Selected,
    form: Form,
    input: Mutex<Input>,
    output: Output,
}

impl Stream {
    /// Answers blocks until there are no more. How the stream ended, if it is this worker that has
    /// written the last.
    fn work(&self) -> Option<Ended> {
        let query = self.selected.query();
        let mut bytes = Vec::new();
        let mut answers = Vec::new();
        loop {
            let block = self.input.lock().next(&mut bytes)?;
            let mut part = Part { turn: block.turn, answers, is_blocked: false, lines: 0, stop: None };
            let answered = match &self.form {
                Form::Table(table) => self.rows(table, &query, &bytes[..block.len], &mut part),
                _ => self.lines(&query, &bytes[..block.len], &mut part),
            };
            match answered {
                Ok(()) => part.stop = block.stop,
                Err(Interrupt::Stop(stop)) => part.stop = Some(stop),
                Err(Interrupt::Ended(end)) => return Some(end),
            }
            match self.output.finish(part) {
                Ok(spare) => answers = spare,
                Err(end) => return Some(end),
            }
        }
    }

    fn lines(&self, query: &Query<'_>, block: &[u8], part: &mut Part) -> Result<(), Interrupt> {
        let mut rest = block;
        while !rest.is_empty() {
            let line = match rest.iter().position(|&b| b == b'\n') {
                Some(end) => {
                    let line = &rest[..end];
                    rest = &rest[end + 1..];
                    line
                }
                None => std::mem::take(&mut rest),
            };
            let line = &line[..line.len().min(MAX_LINE)];
            let dialled = line.strip_suffix(b"\r").unwrap_or(line);
            let record = Record::screen(&self.selected.index, query, dialled).map_err(Stop::Unknown)?;
            part.is_blocked |= record.verdict.is_blocked();
            match &self.form {
                Form::Text { colour } => record.append_text_line(&mut part.answers, Widths::STREAM, *colour),
                Form::Jsonl => record.append_json_line(&mut part.answers),
                Form::Csv | Form::Table(_) => record.append_csv_line(&mut part.answers),
            }
            if part.answers.len() > MAX_ANSWERS {
                self.output.write_part(part)?;
            }
        }
        Ok(())
    }

    fn rows(&self, table: &Table, query: &Query<'_>, block: &[u8], part: &mut Part) -> Result<(), Interrupt> {
        let mut rest = block;
        let mut unquoted = Vec::new();
        while !rest.is_empty() {
            let row = table.row(rest).map_err(|message| Stop::Row { line: part.lines, message })?;
            let (bytes, after) = rest.split_at(row.len);
            rest = after;
            if row.body == 0 {
                // A blank line is no row.
                part.answers.extend_from_slice(bytes);
            } else {
                let dialled = table::value(&bytes[row.field.clone()], &mut unquoted);
                let record = Record::screen(&self.selected.index, query, dialled).map_err(Stop::Unknown)?;
                part.is_blocked |= record.verdict.is_blocked();
                part.answers.extend_from_slice(&bytes[..row.body]);
                record.append_csv_columns(&mut part.answers, table.delimiter);
                let end = &bytes[row.body..];
                part.answers.extend_from_slice(if end.ends_with(b"\n") { end } else { table.line_end });
            }
            part.lines += bytes.iter().filter(|&&b| b == b'\n').count() as u64;
            if part.answers.len() > MAX_ANSWERS {
                self.output.write_part(part)?;
            }
        }
        Ok(())
    }
}

/// The answers of a block, or of the part of it that is not written yet.
struct Part {
    turn: u64,
    answers: Vec<u8>,
    is_blocked: bool,
    /// How many lines of input have been answered in this block.
    lines: u64,
    /// Nothing comes behind this block, and why.
    stop: Option<Stop>,
}

enum Stop {
    /// The input has ended.
    End,
    Unreadable(io::Error),
    /// A row that cannot be answered, so many lines behind the beginning of its block.
    Row {
        line: u64,
        message: String,
    },
    /// The index does not know what the query names; it was asked before.
    Unknown(tollgate::Error),
}

/// A block is not answered to its end.
enum Interrupt {
    Stop(Stop),
    /// Its answers cannot be written.
    Ended(Ended),
}

impl From<Stop> for Interrupt {
    fn from(stop: Stop) -> Interrupt {
        Interrupt::Stop(stop)
    }
}

impl From<Ended> for Interrupt {
    fn from(end: Ended) -> Interrupt {
        Interrupt::Ended(end)
    }
}

/// Where the input is cut.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// Behind every line end.
    Lines,
    /// Behind line ends that are not inside quotes.
    Rows { delimiter: u8 },
}

/// The input, from which one worker after the other takes a block.
pub(crate) struct Input {
    source: Box<dyn Read + Send>,
    cut: Cut,
    block: usize,
    /// What was read behind the last block's end.
    carry: Vec<u8>,
    /// How much of `carry` is known to hold no whole line.
    searched: usize,
    /// How many lines were read before the first block.
    lines: u64,
    /// The number of the next block.
    turn: u64,
    is_done: bool,
}

/// A block that was read; its bytes are in the worker's buffer.
struct Block {
    turn: u64,
    len: usize,
    stop: Option<Stop>,
}

impl Input {
    /// Lines of text, read in blocks of so many bytes.
    pub(crate) fn lines(source: Box<dyn Read + Send>, block: usize) -> Input {
        Input { source, cut: Cut::Lines, block, carry: Vec::new(), searched: 0, lines: 0, turn: 0, is_done: false }
    }

    /// Reads the beginning: more and more of it, until `enough` makes something of it and of whether it
    /// is all there is. That also says how many bytes are used up, and where the rest is cut.
    pub(crate) fn begin<T>(
        &mut self,
        mut enough: impl FnMut(&[u8], bool) -> anyhow::Result<Option<(T, usize, Cut)>>,
    ) -> anyhow::Result<T> {
        let mut is_all = false;
        loop {
            if let Some((found, used, cut)) = enough(&self.carry, is_all)? {
                self.lines = self.carry.drain(..used).filter(|&b| b == b'\n').count() as u64;
                self.cut = cut;
                return Ok(found);
            }
            let filled = self.carry.len();
            self.carry.resize(filled + self.block, 0);
            let read = read(&mut self.source, &mut self.carry[filled..]).map_err(|error| unreadable(&error))?;
            self.carry.truncate(filled + read);
            is_all = read == 0;
        }
    }

    /// Reads the next block into `bytes`, which only grows; `None` behind the last.
    fn next(&mut self, bytes: &mut Vec<u8>) -> Option<Block> {
        if self.is_done {
            return None;
        }
        let turn = self.turn;
        self.turn += 1;
        let mut filled = self.carry.len();
        reserve(bytes, filled);
        bytes[..filled].copy_from_slice(&self.carry);
        let mut searched = self.searched;
        let mut drops = false;
        loop {
            if let Some(end) = self.last_end(&bytes[..filled], searched) {
                self.carry.clear();
                self.carry.extend_from_slice(&bytes[end..filled]);
                self.searched = self.carry.len();
                return Some(Block { turn, len: end, stop: None });
            }
            match self.cut {
                Cut::Lines if filled > MAX_LINE => {
                    // The rest of the line is read and forgotten.
                    filled = MAX_LINE;
                    drops = true;
                }
                Cut::Rows { .. } if filled > MAX_ROW => {
                    return Some(self.last(turn, 0, Stop::Row { line: 0, message: table::endless() }));
                }
                _ => {}
            }
            searched = filled;
            reserve(bytes, filled + self.block);
            let mut read = match read(&mut self.source, &mut bytes[filled..filled + self.block]) {
                Ok(0) => return Some(self.last(turn, filled, Stop::End)),
                Ok(read) => read,
                // A line that was begun is not known, and not answered.
                Err(error) => return Some(self.last(turn, 0, Stop::Unreadable(error))),
            };
            if drops {
                let Some(end) = bytes[filled..filled + read].iter().position(|&b| b == b'\n') else { continue };
                bytes.copy_within(filled + end..filled + read, filled);
                read -= end;
                drops = false;
            }
            filled += read;
        }
    }

    fn last(&mut self, turn: u64, len: usize, stop: Stop) -> Block {
        self.is_done = true;
        Block { turn, len, stop: Some(stop) }
    }

    /// Behind the last whole line or row; there is none in the first `searched` bytes.
    fn last_end(&self, bytes: &[u8], searched: usize) -> Option<usize> {
        let last = searched + bytes[searched..].iter().rposition(|&b| b == b'\n')? + 1;
        match self.cut {
            Cut::Lines => Some(last),
            Cut::Rows { delimiter } => table::last_end(bytes, last, delimiter),
        }
    }
}

fn reserve(bytes: &mut Vec<u8>, len: usize) {
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
}

fn read(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn unreadable(error: &io::Error) -> anyhow::Error {
    anyhow!("cannot read standard input: {error}")
}

/// The output, to which blocks go in order, whoever brings them.
struct Output {
    order: Mutex<Order>,
    moved: Condvar,
    ahead: u64,
}

struct Order {
    /// The block that is to be written next.
    next: u64,
    /// Blocks that are answered, from `next` on.
    waiting: VecDeque<Option<Part>>,
    /// Gone while somebody writes, and for good when nothing can be written any more.
    sink: Option<Box<dyn Write + Send>>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    is_blocked: bool,
    /// How many lines of input stand before the block that is next.
    lines: u64,
}

impl Output {
    fn new(sink: Box<dyn Write + Send>, threads: usize, lines: u64) -> Output {
        let order =
            Order { next: 0, waiting: VecDeque::new(), sink: Some(sink), spare: Vec::new(), is_blocked: false, lines };
        Output { order: Mutex::new(order), moved: Condvar::new(), ahead: AHEAD * threads as u64 }
    }

    /// Takes a block's answers and writes what can be written. Gives back a buffer, or says how the
    /// stream ended, if with this block.
    fn finish(&self, part: Part) -> Result<Vec<u8>, Ended> {
        let mut order = self.order.lock();
        while part.turn - order.next >= self.ahead {
            self.moved.wait(&mut order);
        }
        let place = (part.turn - order.next) as usize;
        while order.waiting.len() <= place {
            order.waiting.push_back(None);
        }
        order.waiting[place] = Some(part);
        // Whoever has the sink looks for this block when it has written its own.
        if let Some(mut sink) = order.sink.take() {
            while let Some(Some(part)) = order.waiting.front_mut().map(Option::take) {
                order.waiting.pop_front();
                order.next += 1;
                order.is_blocked |= part.is_blocked;
                let (is_blocked, before) = (order.is_blocked, order.lines);
                order.lines += part.lines;
                drop(order);
                let written = write(&mut *sink, &part, before);
                order = self.order.lock();
                match written {
                    Some(result) => return Err(Ended { is_blocked, result }),
                    None => order.spare.push(part.answers),
                }
                self.moved.notify_all();
            }
            order.sink = Some(sink);
            self.moved.notify_all();
        }
        let mut spare = order.spare.pop().unwrap_or_default();
        spare.clear();
        Ok(spare)
    }

    /// Writes what there is of a block, which is not at its end, as soon as it is its turn.
    fn write_part(&self, part: &mut Part) -> Result<(), Ended> {
        let mut order = self.order.lock();
        let mut sink = loop {
            match order.sink.take() {
                Some(sink) if order.next == part.turn => break sink,
                not_yet => order.sink = not_yet,
            }
            self.moved.wait(&mut order);
        };
        order.is_blocked |= part.is_blocked;
        let is_blocked = order.is_blocked;
        drop(order);
        if let Err(error) = sink.write_all(&part.answers) {
            return Err(Ended { is_blocked, result: Err(error.into()) });
        }
        part.answers.clear();
        self.order.lock().sink = Some(sink);
        Ok(())
    }
}

/// Writes a block. How the stream ended, if with this block.
fn write(sink: &mut dyn Write, part: &Part, lines_before: u64) -> Option<anyhow::Result<()>> {
    if let Err(error) = sink.write_all(&part.answers).and_then(|()| sink.flush()) {
        return Some(Err(error.into()));
    }
    Some(match part.stop.as_ref()? {
        Stop::End => Ok(()),
        Stop::Unreadable(error) => Err(unreadable(error)),
        Stop::Row { line, message } => {
            Err(anyhow!("standard input, line {}: {message}", lines_before.saturating_add(line + 1)))
        }
        Stop::Unknown(error) => Err(anyhow!("{error}")),
    })
}
