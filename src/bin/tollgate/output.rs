//! Standard output: buffered, coloured on a terminal only, and closed by its reader at any time.

use anstyle::{AnsiColor, Style};
use std::fmt;
use std::io::{self, BufWriter, Write};

pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
pub(crate) const HEAD: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Standard output. What is written is seen at the latest after [`Write::flush`].
pub(crate) struct Out {
    writer: BufWriter<Box<dyn Write>>,
    colour: bool,
}

impl Out {
    /// `NO_COLOR`, `CLICOLOR_FORCE` and the terminal decide about colours.
    pub(crate) fn stdout() -> Out {
        let stdout = anstream::stdout().lock();
        // Where there are no colours nothing has to be stripped either.
        let colour = stdout.current_choice() != anstream::ColorChoice::Never;
        let raw: Box<dyn Write> = if colour { Box::new(stdout) } else { Box::new(io::stdout().lock()) };
        Out { writer: BufWriter::with_capacity(1 << 16, raw), colour }
    }

    /// The same for threads that take turns and bring buffers of their own, and whether there are
    /// colours.
    pub(crate) fn for_threads() -> (Box<dyn Write + Send>, bool) {
        let stdout = anstream::stdout();
        match stdout.current_choice() {
            anstream::ColorChoice::Never => (Box::new(io::stdout()), false),
            _ => (Box::new(stdout), true),
        }
    }

    /// Whether there are colours.
    pub(crate) fn has_colours(&self) -> bool {
        self.colour
    }

    /// The text in a style, if there are colours.
    pub(crate) fn paint<T: fmt::Display>(&self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.colour { style } else { Style::new() }, text }
    }

    /// A JSON value, indented, and the end of the line.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *self, value)?;
        self.write_all(b"\n")
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A text with its style around it.
pub(crate) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = self.style;
        write!(f, "{style}{}{style:#}", self.text)
    }
}

/// The reader of our output has gone (`| head -1`).
pub(crate) fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Writes the output of a command whose answer is known already: who closes the pipe early still
/// gets that answer.
pub(crate) fn print(code: u8, write: impl FnOnce(&mut Out) -> io::Result<()>) -> anyhow::Result<u8> {
    let mut out = Out::stdout();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if !is_closed_pipe(&error) => Err(error.into()),
        _ => Ok(code),
    }
}

/// Text from outside, fit for a terminal: what would move the cursor, change colours or the
/// direction of writing is shown as an escape.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if tollgate::is_unseen(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Seconds since the epoch as RFC 3339; outside the calendar as the number.
pub(crate) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

/// `1 entry`, `2 entries`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `--format` of the commands for people.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(printable("+371\u{1b}[2J \u{202e}é"), "+371\\u{1b}[2J \\u{202e}é");
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(time(1_785_542_400), "2026-08-01T00:00:00Z");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }
}
