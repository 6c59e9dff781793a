//! What the compiler says about a policy: [`Diagnostic`]s with their places, in a [`Report`].
//!
//! They are plain data. The command draws them with the source line and an underline, a web front
//! end may draw them otherwise, and `Display` gives the one line that editors and logs understand.

use std::fmt;
use std::ops::Range;

/// Of each severity, and of the skipped lines, a report keeps this many and counts the rest: a
/// list file of ten million lines of rubbish must not become ten million texts in memory.
pub const MAX_KEPT: usize = 100;

/// A source line longer than this is cut around the place.
const MAX_TEXT: usize = 240;
/// How much of a cut line stands before the place.
const TEXT_BEFORE: usize = 80;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// There is no index until this is mended.
    Error,
    /// The index is made; the policy probably does not say what was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One thing that is wrong, or looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What kind, in kebab case: stable, for scripts and for the manual.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// A few words to stand at the underline; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where; `None` where it is about no line in particular.
    pub place: Option<Place>,
}

/// A place in a source file, with the line it stands on, so that nobody has to read the file again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The policy as the caller named it; a list file by its path from where the compiler runs, so
    /// that editors can jump to it.
    pub file: String,
    /// From 1. 0 where the place is the file as a whole.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Where the place begins in `text`, in bytes.
    pub start: usize,
    /// How long it is in `text`, in bytes.
    pub len: usize,
    /// The source line, cut around the place (with `…` at the cuts) where it is very long.
    pub text: String,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            label: String::new(),
            help: None,
            place: None,
        }
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(mut self, place: Place) -> Diagnostic {
        self.place = Some(place);
        self
    }
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: error: message (help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.severity.as_str(), self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl Place {
    /// A place inside one line, `range` in bytes of the line.
    pub(crate) fn in_line(file: &str, line: u32, text: &str, range: Range<usize>) -> Place {
        let text = text.trim_end_matches(['\r', '\n']);
        let start = floor(text, range.start);
        let end = floor(text, range.end.max(start));
        let column = text[..start].chars().count() as u32 + 1;
        if text.len() <= MAX_TEXT {
            return Place { file: file.into(), line, column, start, len: end - start, text: text.into() };
        }
        let from = floor(text, start.saturating_sub(TEXT_BEFORE));
        let to = floor(text, from + MAX_TEXT);
        let end = end.min(to);
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        Place {
            file: file.into(),
            line,
            column,
            start: start - from + before.len(),
            len: end.saturating_sub(start),
            text: format!("{before}{}{after}", &text[from..to]),
        }
    }

    /// A file as a whole, or a line of it that cannot be shown.
    pub(crate) fn of_file(file: &str, line: u32) -> Place {
        Place { file: file.into(), line, column: 1, start: 0, len: 0, text: String::new() }
    }
}

impl fmt::Display for Place {
    /// `file:line:column`, or the file alone where it is meant as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// The largest character boundary that is not behind `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A source text held whole (the policy), to turn byte ranges into places.
#[derive(Debug)]
pub(crate) struct SourceText<'t> {
    file: String,
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'t> SourceText<'t> {
    pub(crate) fn new(file: &str, text: &'t str) -> SourceText<'t> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        SourceText { file: file.into(), text, lines }
    }

    /// The line, from 1, that the byte at `at` stands on.
    pub(crate) fn line(&self, at: usize) -> u32 {
        self.lines.partition_point(|&start| start <= at) as u32
    }

    /// The place of a byte range; what it covers of further lines is left out.
    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        let start = range.start.min(self.text.len());
        let line = self.line(start).max(1);
        let begin = self.lines[line as usize - 1];
        let end = self.lines.get(line as usize).copied().unwrap_or(self.text.len());
        Place::in_line(&self.file, line, &self.text[begin..end], start - begin..range.end.max(start) - begin)
    }
}

/// All that the compiler had to say. Bounded: see [`MAX_KEPT`].
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Errors and warnings, in the order of reading; the first [`MAX_KEPT`] of each severity.
    pub diagnostics: Vec<Diagnostic>,
    /// The lines of list files that were left out because
    /// [`skip_bad_lines`](crate::compile::Compiler::skip_bad_lines) was asked for; the first
    /// [`MAX_KEPT`] of them.
    pub skipped: Vec<Diagnostic>,
    errors: u64,
    warnings: u64,
    skipped_lines: u64,
}

impl Report {
    /// How many errors there are, kept or not.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// How many warnings there are, kept or not.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.warnings
    }

    /// How many lines were skipped, kept or not.
    #[must_use]
    pub fn skipped_lines(&self) -> u64 {
        self.skipped_lines
    }

    /// Errors and warnings that are counted but no longer here to be shown.
    #[must_use]
    pub fn not_shown(&self) -> u64 {
        self.errors + self.warnings - self.diagnostics.len() as u64
    }

    /// True where there is at least one error, and so no index.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_KEPT as u64 {
            self.diagnostics.push(diagnostic);
        }
    }

    pub(crate) fn skip(&mut self, diagnostic: Diagnostic) {
        self.skipped_lines += 1;
        if self.skipped.len() < MAX_KEPT {
            self.skipped.push(diagnostic);
        }
    }

    /// True where one more error would be counted only, so that its text need not be made.
    pub(crate) fn is_full(&self) -> bool {
        self.errors >= MAX_KEPT as u64
    }

    /// Puts the diagnostics in the order of their places: one file's top to bottom, files in the
    /// order in which they were first spoken of.
    pub(crate) fn sort(&mut self) {
        let mut files: Vec<String> = Vec::new();
        let mut keyed: Vec<(usize, u32, u32, Diagnostic)> = Vec::with_capacity(self.diagnostics.len());
        for diagnostic in self.diagnostics.drain(..) {
            let key = match &diagnostic.place {
                None => (usize::MAX, 0, 0),
                Some(place) => {
                    let file = files.iter().position(|f| *f == place.file).unwrap_or_else(|| {
                        files.push(place.file.clone());
                        files.len() - 1
                    });
                    (file, place.line, place.column)
                }
            };
            keyed.push((key.0, key.1, key.2, diagnostic));
        }
        keyed.sort_by_key(|(file, line, column, _)| (*file, *line, *column));
        self.diagnostics = keyed.into_iter().map(|(.., diagnostic)| diagnostic).collect();
    }
}

impl fmt::Display for Report {
    /// A line each; then how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.diagnostics {
            writeln!(f, "{diagnostic}")?;
        }
        match self.not_shown() {
            0 => Ok(()),
            n => writeln!(f, "and {n} more"),
        }
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_a_column_and_a_slice() {
        let text = SourceText::new("p.toml", "a = 1\r\nñame = \"x\"\nlast");
        let place = text.place(15..18);
        assert_eq!((place.line, place.column, &*place.text), (2, 8, "ñame = \"x\""));
        assert_eq!(&place.text[place.start..place.start + place.len], "\"x\"");
        let end = text.place(99..200);
        assert_eq!((end.line, end.column, end.len), (3, 5, 0));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}HERE{}", "é".repeat(500), "z".repeat(500));
        let place = Place::in_line("f", 1, &line, 1000..1004);
        assert_eq!(place.column, 501);
        assert_eq!(&place.text[place.start..place.start + place.len], "HERE");
        assert!(place.text.len() < 260 && place.text.starts_with('…') && place.text.ends_with('…'));
    }

    #[test]
    fn a_report_counts_what_it_does_not_keep() {
        let mut report = Report::default();
        for i in 0..250 {
            report.push(Diagnostic::error("x", format!("{i}")));
        }
        report.push(Diagnostic::warning("y", "w"));
        assert_eq!((report.errors(), report.warnings(), report.not_shown()), (250, 1, 150));
        assert!(report.to_string().ends_with("and 150 more\n"));
    }
}
