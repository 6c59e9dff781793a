//! `tollgate generate`: man pages and shell completions, of the arguments themselves, for those who
//! package the command. Not shown in the help: nobody else needs it.

use crate::{Command, SUCCESS, output};
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

/// Writes man pages or shell completions.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate generate completions bash > /etc/bash_completion.d/tollgate\n  tollgate generate \
                  man /usr/local/share/man/man1"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Writes a man page for the command and one for each subcommand into a folder.
    Man {
        /// The folder; it is made if it is not there.
        folder: PathBuf,
    },
    /// Prints a shell's completions.
    Completions {
        /// Which shell's.
        shell: Shell,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.what {
        What::Man { folder } => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            let command = Command::command().disable_help_subcommand(true);
            clap_mangen::generate_to(command, folder)
                .with_context(|| format!("cannot write man pages into {}", folder.display()))?;
            Ok(SUCCESS)
        }
        What::Completions { shell } => output::print(SUCCESS, |out| {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Command::command(), "tollgate", &mut script);
            out.write_all(&script)
        }),
    }
}
