//! `tollgate screen`: may these numbers be called?

use crate::output::{self, Out};
use crate::record::{KEYS, Record, Row, Widths};
use crate::selection::{Selected, Selection};
use crate::{FOUND, SUCCESS};
use anyhow::{anyhow, bail};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use tollgate::Query;

/// Says whether numbers may be called, and why not.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate screen --home SK +37126123456 112 0900123456\n  tollgate screen --index \
                        policy.tgx --format jsonl - < numbers.txt\n\nExit codes: 0 all allowed, 1 something blocked, 2 \
                        error.")]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// What was dialled, in any spelling; or - for one dialled string a line from standard input.
    #[arg(value_name = "NUMBER", required = true)]
    numbers: Vec<OsString>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Aligned columns, for people.
    Text,
    /// A JSON object a line.
    Jsonl,
    /// Comma-separated values under a head line.
    Csv,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let is_stream = args.numbers.iter().any(|number| number == "-");
    if is_stream && args.numbers.len() > 1 {
        bail!("- stands for standard input and must be the only NUMBER");
    }
    let selected = args.selection.open()?;
    let mut answers = Answers::new(args.format, &selected, is_stream);
    let result = answers.all(&args.numbers, is_stream);
    match result {
        // Who closes the pipe has seen enough; the exit code speaks of what was answered.
        Err(error) if !error.downcast_ref::<io::Error>().is_some_and(output::is_closed_pipe) => Err(error),
        _ => Ok(if answers.is_blocked { FOUND } else { SUCCESS }),
    }
}

/// The answers on their way out.
struct Answers<'s> {
    selected: &'s Selected,
    query: Query<'s>,
    sink: Sink,
    is_blocked: bool,
}

enum Sink {
    /// A stream cannot wait for the widest row.
    TextStream(Out),
    Text(Out, Vec<Row>),
    Jsonl(Out),
    Csv(Box<csv::Writer<Out>>),
}

impl<'s> Answers<'s> {
    fn new(format: Format, selected: &'s Selected, is_stream: bool) -> Answers<'s> {
        let out = Out::stdout();
        let sink = match format {
            Format::Text if is_stream => Sink::TextStream(out),
            Format::Text => Sink::Text(out, Vec::new()),
            Format::Jsonl => Sink::Jsonl(out),
            Format::Csv => Sink::Csv(Box::new(csv::Writer::from_writer(out))),
        };
        Answers { selected, query: selected.query(), sink, is_blocked: false }
    }

    fn all(&mut self, numbers: &[OsString], is_stream: bool) -> anyhow::Result<()> {
        if let Sink::Csv(out) = &mut self.sink {
            out.write_record(KEYS).map_err(output::csv_error)?;
        }
        if is_stream {
            self.stream(BufReader::with_capacity(1 << 16, io::stdin().lock()))?;
        } else {
            for number in numbers {
                self.answer(number.as_encoded_bytes())?;
            }
        }
        if let Sink::Text(out, rows) = &mut self.sink {
            let widths = Widths::of(rows);
            rows.iter().try_for_each(|row| row.write(out, widths))?;
        }
        Ok(self.flush()?)
    }

    /// One answer a line, in constant memory. Answers leave whenever the next line is not here yet,
    /// so that a program at the other end of two pipes can ask and wait.
    fn stream(&mut self, mut input: BufReader<impl Read>) -> anyhow::Result<()> {
        let mut line = Line::default();
        loop {
            if input.buffer().is_empty() {
                self.flush()?;
            }
            let bytes = match input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(anyhow!("cannot read standard input: {error}")),
            };
            if bytes.is_empty() {
                return if line.is_begun { self.answer(line.text()) } else { Ok(()) };
            }
            let (part, is_whole) = match bytes.iter().position(|&b| b == b'\n') {
                Some(end) => (&bytes[..end], true),
                None => (bytes, false),
            };
            line.push(part);
            let used = part.len() + usize::from(is_whole);
            input.consume(used);
            if is_whole {
                self.answer(line.text())?;
                line.clear();
            }
        }
    }

    fn answer(&mut self, dialled: &[u8]) -> anyhow::Result<()> {
        let record = Record::screen(&self.selected.index, &self.query, dialled)?;
        self.is_blocked |= record.verdict.is_blocked();
        match &mut self.sink {
            Sink::TextStream(out) => record.row().write(out, Widths::STREAM)?,
            Sink::Text(_, rows) => rows.push(record.row()),
            Sink::Jsonl(out) => {
                out.write_all(b"{")?;
                record.write_json_members(out)?;
                out.write_all(b"}\n")?;
            }
            Sink::Csv(out) => record.write_csv(out)?,
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::TextStream(out) | Sink::Text(out, _) | Sink::Jsonl(out) => out.flush(),
            Sink::Csv(out) => out.flush(),
        }
    }
}

/// How much of a line is kept. Screening looks at far less, and refuses what is longer; this only
/// bounds how much of an endless line is said back.
const MAX_LINE: usize = 1 << 16;

/// The line that is being read, without its end.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    is_begun: bool,
}

impl Line {
    fn push(&mut self, part: &[u8]) {
        self.is_begun = true;
        let room = MAX_LINE.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn text(&self) -> &[u8] {
        self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.is_begun = false;
    }
}
