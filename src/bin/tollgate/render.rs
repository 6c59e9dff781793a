//! What goes to standard error: the compiler's diagnostics with their source lines, errors, notes.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use std::fmt;
use std::io::Write;
use tollgate::compile::{Diagnostic, Place, Report, Severity};

/// An error that the user has seen already.
#[derive(Debug)]
pub(crate) struct Shown;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("see above")
    }
}

impl std::error::Error for Shown {}

/// How many skipped lines are listed; the others are counted.
const SKIPPED_SHOWN: usize = 20;

/// `error: …`.
pub(crate) fn error(error: &anyhow::Error) {
    plain(&Renderer::styled().render(&[Group::with_title(Level::ERROR.primary_title(error.to_string()))]));
}

/// `note: …`.
pub(crate) fn note(text: &str) {
    plain(&Renderer::styled().render(&[Group::with_title(Level::NOTE.primary_title(text))]));
}

/// Everything in a report, and how much of it there is.
pub(crate) fn report(report: &Report) {
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        text.push_str(&diagnostic_text(diagnostic, None));
        text.push_str("\n\n");
    }
    for diagnostic in report.skipped.iter().take(SKIPPED_SHOWN) {
        text.push_str(&diagnostic_text(diagnostic, Some("skipped")));
        text.push_str("\n\n");
    }
    if !text.is_empty() {
        // With an empty line behind it, since a summary follows.
        plain(text.trim_end_matches('\n'));
        plain("");
    }
    let skipped = report.skipped_lines().saturating_sub(report.skipped.len().min(SKIPPED_SHOWN) as u64);
    if skipped > 0 {
        note(&format!("{skipped} more lines were skipped"));
    }
    if report.not_shown() > 0 {
        note(&format!("{} more errors and warnings are not shown", report.not_shown()));
    }
}

/// A diagnostic with its line and a pointer, in colours that [`plain`] takes out again where nobody
/// would see them.
fn diagnostic_text(diagnostic: &Diagnostic, name: Option<&'static str>) -> String {
    let level = match (diagnostic.severity, name) {
        (_, Some(name)) => Level::WARNING.with_name(name),
        (Severity::Error, None) => Level::ERROR,
        (Severity::Warning, None) => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(place) = &diagnostic.place {
        elements.extend(place_elements(place, &diagnostic.label));
    }
    if let Some(help) = &diagnostic.help {
        elements.push(Level::HELP.message(help.as_str()).into());
    }
    Renderer::styled().decor_style(DecorStyle::Ascii).render(&[title.elements(elements)])
}

/// The place, and the line if there is one to show.
fn place_elements<'p>(place: &'p Place, label: &'p str) -> Vec<Element<'p>> {
    let (line, column) = (place.line as usize, place.column as usize);
    let origin = Origin::path(place.file.as_str());
    if line == 0 {
        return vec![origin.into()];
    }
    if place.text.is_empty() {
        return vec![origin.line(line).char_column(column).into()];
    }
    let end = (place.start + place.len).min(place.text.len());
    let start = place.start.min(end);
    let label = Some(label).filter(|label| !label.is_empty());
    let snippet = Snippet::source(place.text.as_str())
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(start..end).label(label));
    let is_cut = place.text.get(..start).map(|before| before.chars().count() + 1) != Some(column);
    if is_cut {
        // The snippet would take its column from the text that is left.
        vec![origin.line(line).char_column(column).into(), snippet.into()]
    } else {
        vec![snippet.path(place.file.as_str()).into()]
    }
}

/// Text as it is. That standard error is closed is no reason to do anything else.
pub(crate) fn plain(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}
