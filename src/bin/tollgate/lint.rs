//! `tollgate lint`: what the compiler would say, without an index.

use crate::output::{self, Format, count};
use crate::{FAILURE, FOUND, SUCCESS, render};
use serde_json::{Value, json};
use std::path::PathBuf;
use tollgate::compile::{Compiler, Diagnostic, Report};

/// Checks a policy and its lists, and builds nothing.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate lint policy.toml\n\nExit codes: 0 nothing to say, 1 warnings, 2 errors.")]
pub(crate) struct Args {
    /// The policy file.
    #[arg(value_name = "POLICY.toml")]
    policy: PathBuf,
    /// Does not count lines of list files that cannot be read, as `build` with this option.
    #[arg(long)]
    skip_bad_lines: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let report = Compiler::new().skip_bad_lines(args.skip_bad_lines).check_file(&args.policy);
    let code = match (report.errors(), report.warnings()) {
        (0, 0) => SUCCESS,
        (0, _) => FOUND,
        _ => FAILURE,
    };
    match args.format {
        Format::Json => output::print(code, |out| out.json(&report_json(&report))),
        Format::Text => {
            render::report(&report);
            let (errors, warnings) = (report.errors(), report.warnings());
            render::plain(&format!(
                "{}: {}, {}",
                args.policy.display(),
                count(errors, "error", "errors"),
                count(warnings, "warning", "warnings")
            ));
            Ok(code)
        }
    }
}

fn report_json(report: &Report) -> Value {
    json!({
        "errors": report.errors(),
        "warnings": report.warnings(),
        "not_shown": report.not_shown(),
        "diagnostics": report.diagnostics.iter().map(diagnostic_json).collect::<Vec<_>>(),
    })
}

/// `column` counts characters, `start` and `len` count bytes of `text`, which may be cut.
fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.place.as_ref();
    let in_line = place.filter(|place| place.line > 0);
    json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "file": place.map(|place| &place.file),
        "line": in_line.map(|place| place.line),
        "column": in_line.map(|place| place.column),
        "text": in_line.map(|place| &place.text),
        "start": in_line.map(|place| place.start),
        "len": in_line.map(|place| place.len),
    })
}
