//! `tollgate screen`: may these numbers be called?

use crate::output::{self, Out};
use crate::record::{KEYS, Record, Widths};
use crate::selection::{Selected, Selection};
use crate::stream::{self, Ended, Form, Input};
use crate::table::{self, Table};
use crate::{FOUND, SUCCESS};
use anyhow::bail;
use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::thread;

/// Says whether numbers may be called, and why not.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate screen --home SK +37126123456 112 0900123456\n  tollgate screen --index \
                  policy.tgx --format jsonl - < numbers.txt\n  tollgate screen --index policy.tgx --column dst - < \
                  calls.csv > answered.csv\n\nExit codes: 0 all allowed, 1 something blocked, 2 error.")]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// How to answer; text where nothing else is said, CSV with --column.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Reads standard input as a CSV whose first line names its columns, and screens the column of this
    /// name, or at this position from 1. Every row is answered by itself, byte for byte, and the
    /// columns e164, region, type, action, reason, rule, list, matched, profile and would_block behind
    /// it. Fields may be quoted and hold line ends. Blank lines are passed on; a row with more or fewer
    /// fields than the header ends the command, since answers would not stand below their names.
    #[arg(long, value_name = "NAME|N")]
    column: Option<String>,
    /// What separates the columns: one of , ; : | ^ ~ or tab. If not given, the one of comma,
    /// semicolon and tab with which the first line has the column.
    #[arg(long, value_name = "CHAR", requires = "column", value_parser = table::delimiter)]
    delimiter: Option<u8>,
    /// Puts this in front of the names of the columns that are added, where the CSV has one of them
    /// already.
    #[arg(long, value_name = "TEXT", requires = "column", default_value = "")]
    prefix: String,
    /// How many threads screen standard input; as many as there are cores if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// How many bytes of standard input are read at once.
    #[arg(long, value_name = "BYTES", hide = true, default_value_t = stream::BLOCK as u32,
        value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    block: u32,
    /// What was dialled, in any spelling; or - for one dialled string a line from standard input, which
    /// are answered in order, each as soon as it is there.
    #[arg(value_name = "NUMBER", required = true)]
    numbers: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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
    if args.column.is_some() && !is_stream {
        bail!("--column screens a CSV from standard input; give - as the only NUMBER");
    }
    if args.column.is_some() && args.format.is_some_and(|format| format != Format::Csv) {
        bail!("--column answers in CSV; leave --format out");
    }
    let selected = args.selection.open()?;
    let Ended { is_blocked, result } = if is_stream { stream(args, selected)? } else { arguments(args, &selected)? };
    match result {
        // Who closes the pipe has seen enough; the exit code speaks of what was answered.
        Err(error) if !error.downcast_ref::<io::Error>().is_some_and(output::is_closed_pipe) => Err(error),
        _ => Ok(if is_blocked { FOUND } else { SUCCESS }),
    }
}

/// Answers standard input.
fn stream(args: &Args, selected: Selected) -> anyhow::Result<Ended> {
    let threads =
        args.threads.map_or_else(|| thread::available_parallelism().map_or(1, NonZeroUsize::get), usize::from);
    let (sink, colour) = Out::for_threads();
    let mut input = Input::lines(Box::new(io::stdin()), args.block as usize);
    let (form, head) = match (&args.column, args.format) {
        (Some(column), _) => {
            let options = table::Options { column, delimiter: args.delimiter, prefix: &args.prefix };
            let (table, head) = input.begin(|bytes, is_all| Table::begin(bytes, is_all, &options))?;
            (Form::Table(table), head)
        }
        (None, Some(Format::Csv)) => (Form::Csv, head()),
        (None, Some(Format::Jsonl)) => (Form::Jsonl, Vec::new()),
        (None, Some(Format::Text) | None) => (Form::Text { colour }, Vec::new()),
    };
    Ok(stream::run(selected, form, &head, input, sink, threads))
}

/// Answers the arguments.
fn arguments(args: &Args, selected: &Selected) -> anyhow::Result<Ended> {
    let query = selected.query();
    let dialled = args.numbers.iter().map(|number| number.as_encoded_bytes());
    let records: Vec<Record<'_>> =
        dialled.map(|dialled| Record::screen(&selected.index, &query, dialled)).collect::<Result<_, _>>()?;
    let mut out = Out::stdout();
    let mut answers = Vec::new();
    match args.format {
        Some(Format::Csv) => {
            answers = head();
            records.iter().for_each(|record| record.append_csv_line(&mut answers));
        }
        Some(Format::Jsonl) => records.iter().for_each(|record| record.append_json_line(&mut answers)),
        Some(Format::Text) | None => {
            let (widths, colour) = (Widths::of(&records), out.has_colours());
            records.iter().for_each(|record| record.append_text_line(&mut answers, widths, colour));
        }
    }
    let is_blocked = records.iter().any(|record| record.verdict.is_blocked());
    let result = out.write_all(&answers).and_then(|()| out.flush()).map_err(anyhow::Error::from);
    Ok(Ended { is_blocked, result })
}

/// The head line of CSV.
fn head() -> Vec<u8> {
    format!("{}\n", KEYS.join(",")).into_bytes()
}
