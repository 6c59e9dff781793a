//! `tollgate explain`: every step from the text to the verdict.

use crate::output::{self, Format, Out, printable, time};
use crate::record::{Record, verdict_text};
use crate::selection::Selection;
use crate::{FOUND, SUCCESS};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{self, Write};
use tollgate::{Explanation, Match, MatchOutcome};

/// Shows how a verdict comes about: each step, with file and line of the list entries.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate explain --policy policy.toml 0037126123456\n  tollgate explain --home SK \
                        --format json 0900123456\n\nExit codes: 0 all allowed, 1 something blocked, 2 error."
)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// How to answer; JSON is an object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// What was dialled, in any spelling.
    #[arg(value_name = "NUMBER", required = true)]
    numbers: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let selected = args.selection.open()?;
    let query = selected.query();
    let mut explained = Vec::with_capacity(args.numbers.len());
    for number in &args.numbers {
        let dialled = number.as_encoded_bytes();
        let record = Record::screen(&selected.index, &query, dialled)?;
        explained.push((record, selected.index.explain(&query, dialled)?));
    }
    let is_blocked = explained.iter().any(|(record, _)| record.verdict.is_blocked());
    output::print(if is_blocked { FOUND } else { SUCCESS }, |out| {
        for (i, (record, explanation)) in explained.iter().enumerate() {
            match args.format {
                Format::Json => write_json(out, record, explanation)?,
                Format::Text => {
                    if i > 0 {
                        writeln!(out)?;
                    }
                    write_text(out, record, explanation)?;
                }
            }
        }
        Ok(())
    })
}

fn write_text(out: &mut Out, record: &Record<'_>, explanation: &Explanation) -> io::Result<()> {
    let dialled = out.paint(output::HEAD, printable(&explanation.dialled));
    writeln!(out, "{dialled}")?;
    for step in &explanation.steps {
        writeln!(out, "  {:<10} {}", step.name, printable(&step.text))?;
        for m in &step.matches {
            write_match(out, m)?;
        }
    }
    let style = if record.verdict.is_blocked() { output::BAD } else { output::GOOD };
    let verdict = out.paint(style, verdict_text(record));
    write!(out, "  {:<10} {verdict}", "verdict")?;
    if record.verdict.would_block() {
        let shadow = format!("(list {} would have blocked it)", record.verdict.shadow);
        write!(out, "  {}", out.paint(output::NOTE, shadow))?;
    }
    writeln!(out)
}

fn write_match(out: &mut Out, m: &Match) -> io::Result<()> {
    let style = match m.outcome {
        MatchOutcome::Decides => output::HEAD,
        MatchOutcome::Noted => output::NOTE,
        _ => output::FAINT,
    };
    let outcome = m.outcome.as_str();
    let head = format!("{} list {}", m.action.as_str(), m.list);
    if m.entries.is_empty() {
        let text = out.paint(style, format!("{head}: {outcome}"));
        return writeln!(out, "  {:<10}   {text}", "");
    }
    for entry in &m.entries {
        let mut text = format!("{head}: {} at {}: {outcome}", printable(&entry.entry), printable(&entry.place()));
        if let Some(expires) = entry.expires {
            text = format!("{text}; until {}", time(expires));
        }
        if !entry.note.is_empty() {
            text = format!("{text}; {}", printable(&entry.note));
        }
        writeln!(out, "  {:<10}   {}", "", out.paint(style, text))?;
    }
    Ok(())
}

fn write_json(out: &mut Out, record: &Record<'_>, explanation: &Explanation) -> io::Result<()> {
    let mut members = b"{".to_vec();
    record.append_json_members(&mut members);
    out.write_all(&members)?;
    let steps: Vec<Value> = explanation
        .steps
        .iter()
        .map(|step| {
            let matches: Vec<Value> = step.matches.iter().flat_map(match_json).collect();
            json!({ "name": step.name, "text": step.text, "matches": matches })
        })
        .collect();
    out.write_all(b",\"steps\":")?;
    serde_json::to_writer(&mut *out, &steps)?;
    out.write_all(b"}\n")
}

/// One object an entry; one without a place where the index does not know it.
fn match_json(m: &Match) -> Vec<Value> {
    let outcome = match m.outcome {
        MatchOutcome::Decides => "decides",
        MatchOutcome::Noted => "noted",
        MatchOutcome::Outweighed => "outweighed",
        MatchOutcome::Expired => "expired",
        MatchOutcome::NotTheWhole => "not_the_whole",
        MatchOutcome::OtherProfile => "other_profile",
        _ => "other",
    };
    let (list, action, covered) = (&m.list, m.action.as_str(), m.covered);
    if m.entries.is_empty() {
        return vec![json!({
            "list": list, "action": action, "entry": null, "file": null, "line": null, "note": null,
            "expires": null, "outcome": outcome, "covered": covered,
        })];
    }
    let entries = m.entries.iter().map(|e| {
        json!({
            "list": list, "action": action, "entry": e.entry, "file": e.source, "line": e.line,
            "note": (!e.note.is_empty()).then_some(&e.note), "expires": e.expires.map(time),
            "outcome": outcome, "covered": covered,
        })
    });
    entries.collect()
}
