//! `tollgate build`: a policy becomes an index file.

use crate::output::{count, printable};
use crate::selection::{region, shown, target};
use crate::{SUCCESS, render};
use anyhow::anyhow;
use indicatif::{HumanCount, ProgressBar, ProgressFinish, ProgressStyle};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tollgate::compile::{Compiler, Progress, write_file};
use tollgate::{Index, Region};

/// Compiles a policy and its lists into an index file.
///
/// The file is written aside and renamed into place, so that a reader never sees half of it. The
/// same policy, lists and plan give the same bytes; a build time is noted only where one is given,
/// by --build-time or the variable SOURCE_DATE_EPOCH.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate build policy.toml -o policy.tgx --by ops --why 'ticket 4711'\n\nExit codes: \
                        0 built, 2 error."
)]
pub(crate) struct Args {
    /// The policy file.
    #[arg(value_name = "POLICY.toml")]
    policy: PathBuf,
    /// Where the index goes.
    #[arg(short, long, value_name = "INDEX")]
    output: PathBuf,
    /// Leaves out lines of list files that cannot be read, counts and lists them.
    #[arg(long)]
    skip_bad_lines: bool,
    /// Uses this numbering plan (see `tollgate plan`) in place of the built-in one.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The home region (ISO 3166-1, such as SK), whatever the policy says.
    #[arg(long, value_name = "REGION", value_parser = region)]
    home: Option<Region>,
    /// The build time to note: RFC 3339, or now.
    #[arg(long, value_name = "TIME", value_parser = build_time)]
    build_time: Option<i64>,
    /// How much memory the numbers of long lists may take while they are sorted, such as 200M or 2G. What does not
    /// fit is sorted in temporary files, in the folder that TMPDIR names.
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = size)]
    memory: u64,
    /// How many threads read long lists; as many as can run at a time, unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Who builds it, to note.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Why it is built, to note.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let output = target(&args.output)?;
    let mut compiler = Compiler::new()
        .skip_bad_lines(args.skip_bad_lines)
        .build_time(args.build_time.map_or_else(source_date_epoch, |time| Ok(Some(time)))?)
        .memory(args.memory)
        .progress(progress());
    if let Some(threads) = args.threads {
        compiler = compiler.threads(usize::from(threads));
    }
    if let Some(path) = &args.plan {
        let plan = std::fs::read(path)
            .map_err(|e| anyhow!("cannot read the plan {}: {e}; check the path and its permissions", path.display()))?;
        compiler = compiler.plan(plan);
    }
    if let Some(home) = args.home {
        compiler = compiler.home(home);
    }
    if let Some(by) = &args.by {
        compiler = compiler.by(by);
    }
    if let Some(why) = &args.why {
        compiler = compiler.why(why);
    }
    let compiled = compiler.compile_file(&args.policy);
    drop(compiler); // and with it the progress bar
    let compiled = shown(&args.policy, compiled)?;
    let report = &compiled.report;
    render::report(report);

    // What is about to be put in place of a good index has to be one. It may be large: there is no copy.
    let len = compiled.index.len();
    let index = Index::from_bytes(compiled.index)
        .map_err(|e| anyhow!("the new index would not open, and was not written: {e}"))?;
    write_file(&output, index.as_bytes()).map_err(|e| {
        anyhow!(
            "cannot write {}: {e}; check the folder, its permissions and the space left; what was there before is \
             unchanged",
            args.output.display()
        )
    })?;

    let info = index.info();
    let mut line = format!(
        "{}: {} in {}, {}, {} bytes, {}",
        args.output.display(),
        count(info.entries, "entry", "entries"),
        count(info.lists.len() as u64, "list", "lists"),
        count(info.profiles.len() as u64, "profile", "profiles"),
        len,
        count(report.warnings(), "warning", "warnings"),
    );
    if args.skip_bad_lines {
        line = format!("{line}, {}", count(report.skipped_lines(), "line skipped", "lines skipped"));
    }
    render::plain(&line);
    Ok(SUCCESS)
}

/// `--build-time`.
fn build_time(text: &str) -> Result<i64, String> {
    if text == "now" {
        return Ok(jiff::Timestamp::now().as_second());
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_second)
        .map_err(|_| "give now, or a time such as 2026-08-01T12:00:00Z (RFC 3339)".to_owned())
}

/// The variable by which reproducible builds are told the time
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn source_date_epoch() -> anyhow::Result<Option<i64>> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    seconds.map(Some).ok_or_else(|| {
        anyhow!("SOURCE_DATE_EPOCH is {text:?}, which is no number of seconds; mend it, unset it, or give --build-time")
    })
}

/// `--memory`: bytes, or thousands, millions, thousands of millions of 1,024 and its powers.
fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)).filter(|&bytes| bytes > 0);
    bytes.ok_or_else(|| "give a number of bytes, such as 800000000, 800M or 2G".to_owned())
}

/// A bar with rate and time left for each list file that takes longer than a second, on a terminal only.
fn progress() -> impl FnMut(Progress) + 'static {
    let mut started = Instant::now();
    let mut bar: Option<ProgressBar> = None;
    move |progress: Progress| {
        if bar.is_none() && started.elapsed() < Duration::from_secs(1) && !progress.done {
            return;
        }
        if progress.done {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
            started = Instant::now();
            return;
        }
        let bar = bar.get_or_insert_with(|| {
            // Of a pipe nobody knows the end.
            let template = match progress.total_bytes {
                0 => "{spinner} {msg}, {elapsed}",
                _ => "{wide_bar} {percent}% {msg}, {eta} left",
            };
            let style = ProgressStyle::with_template(template);
            let bar = ProgressBar::new(progress.total_bytes)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_finish(ProgressFinish::AndClear)
                .with_elapsed(started.elapsed());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let rate = progress.lines as f64 / started.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!(
            "{}: {} lines, {} a second",
            printable(&progress.file),
            HumanCount(progress.lines),
            HumanCount(rate as u64)
        ));
        bar.set_position(progress.bytes.min(progress.total_bytes));
    }
}
