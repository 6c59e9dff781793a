//! The `tollgate` command: builds, asks, explains and compares indexes.
//!
//! One subcommand a file. What they share: `selection.rs` (which index is asked, and how),
//! `record.rs` (an answer in text, JSON and CSV), `output.rs` (standard output and its end),
//! `render.rs` (the compiler's diagnostics). `stream.rs` answers standard input on all cores, and
//! `table.rs` reads it as a CSV whose columns are kept.
//!
//! Exit codes are part of the contract: 0 is "all allowed", "all the same" or "nothing to say"; 1
//! is "something blocked", "different" or "warnings"; 2 is an error.

mod build;
mod diff;
mod explain;
mod generate;
mod init;
mod inspect;
mod lint;
mod output;
mod plan;
mod record;
mod render;
mod screen;
mod selection;
mod stream;
mod table;
mod verify;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;

/// Nothing found, everything done.
const SUCCESS: u8 = 0;
/// Something is blocked, different, or worth a warning.
const FOUND: u8 = 1;
/// The command could not do what it was asked.
const FAILURE: u8 = 2;

/// Screens telephone numbers: compiles policies, asks them and says why.
#[derive(Parser)]
#[command(
    name = "tollgate",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Example:\n  tollgate screen --home SK +37126123456 112\n  tollgate init policy.toml && tollgate build \
                  policy.toml -o policy.tgx\n\nExit codes: 0 allowed, same or clean; 1 blocked, different or warned; 2 \
                  error."
)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Init(init::Args),
    Build(build::Args),
    Lint(lint::Args),
    Screen(screen::Args),
    Explain(explain::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Plan(plan::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}

fn main() -> ExitCode {
    let result = match Command::parse().action {
        Action::Init(args) => init::run(&args),
        Action::Build(args) => build::run(&args),
        Action::Lint(args) => lint::run(&args),
        Action::Screen(args) => screen::run(&args),
        Action::Explain(args) => explain::run(&args),
        Action::Inspect(args) => inspect::run(&args),
        Action::Verify(args) => verify::run(&args),
        Action::Diff(args) => diff::run(&args),
        Action::Plan(args) => plan::run(&args),
        Action::Generate(args) => generate::run(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<render::Shown>() => ExitCode::from(FAILURE),
        // A bare system error is one of writing the output: all others say which file they are about.
        Err(error) => match error.downcast_ref::<io::Error>() {
            // Whoever read the output has seen enough.
            Some(closed) if output::is_closed_pipe(closed) => ExitCode::from(SUCCESS),
            Some(error) => {
                render::error(&anyhow::anyhow!("cannot write to standard output: {error}"));
                ExitCode::from(FAILURE)
            }
            None => {
                render::error(&error);
                ExitCode::from(FAILURE)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Command::command().debug_assert();
    }
}
