//! `tollgate verify`: are these files what they were when they were built?

use crate::output::{self, Format, Out, count, hex, printable};
use crate::selection::open_index;
use crate::{FAILURE, SUCCESS};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tollgate::{IndexInfo, SourceInfo};

/// Checks every byte of index files, as opening them does.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate verify policy.tgx\n  tollgate verify --sources . policy.tgx\n\nExit codes: 0 \
                        all good, 2 one is not."
)]
pub(crate) struct Args {
    /// The index files.
    #[arg(value_name = "INDEX", required = true)]
    indexes: Vec<PathBuf>,
    /// Compares the files in this folder with the SHA-256 of those that went into the index.
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What was found out about one index.
struct Checked<'a> {
    path: &'a Path,
    info: Result<IndexInfo, String>,
    /// A source and what is wrong with it.
    sources: Vec<(SourceInfo, Option<String>)>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let checked: Vec<Checked<'_>> = args.indexes.iter().map(|path| check(path, args.sources.as_deref())).collect();
    let code = if checked.iter().all(Checked::is_good) { SUCCESS } else { FAILURE };
    output::print(code, |out| match args.format {
        Format::Json => out.json(&checked.iter().map(Checked::json).collect()),
        Format::Text => checked.iter().try_for_each(|checked| checked.write_text(out)),
    })
}

fn check<'a>(path: &'a Path, folder: Option<&Path>) -> Checked<'a> {
    let info = match open_index(path) {
        Ok(index) => index.info(),
        Err(error) => return Checked { path, info: Err(error.to_string()), sources: Vec::new() },
    };
    let sources = folder.map_or_else(Vec::new, |folder| {
        info.sources.iter().map(|source| (source.clone(), fault(source, &folder.join(&source.path)))).collect()
    });
    Checked { path, info: Ok(info), sources }
}

/// What is wrong with a source as it is now.
fn fault(source: &SourceInfo, path: &Path) -> Option<String> {
    match sha256(path) {
        Err(error) => Some(format!("cannot be read: {error}")),
        Ok(found) if found == source.sha256 => None,
        Ok(_) => Some("is not the file that the index was built from".to_owned()),
    }
}

fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(n) => hash.update(&block[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Checked<'_> {
    fn is_good(&self) -> bool {
        self.info.is_ok() && self.sources.iter().all(|(_, fault)| fault.is_none())
    }

    fn json(&self) -> Value {
        let info = self.info.as_ref();
        json!({
            "path": self.path.to_string_lossy(),
            "ok": self.is_good(),
            "policy": info.ok().map(|info| &info.policy),
            "checksum": info.ok().map(|info| hex(&info.checksum)),
            "bytes": info.ok().map(|info| info.bytes),
            "entries": info.ok().map(|info| info.entries),
            "error": info.err(),
            "sources": self.sources.iter()
                .map(|(source, fault)| json!({ "path": source.path, "ok": fault.is_none(), "error": fault }))
                .collect::<Vec<_>>(),
        })
    }

    fn write_text(&self, out: &mut Out) -> io::Result<()> {
        let path = self.path.display();
        let info = match &self.info {
            Err(error) => {
                let bad = out.paint(output::BAD, "bad");
                return writeln!(out, "{bad}  {}", printable(error));
            }
            Ok(info) => info,
        };
        let good = out.paint(output::GOOD, "ok");
        let entries = count(info.entries, "entry", "entries");
        writeln!(out, "{good}   {path}: checksum {}, {entries}", hex(&info.checksum))?;
        for (source, fault) in &self.sources {
            let name = printable(&source.path);
            match fault {
                None => writeln!(out, "{}   {path}: {name} is unchanged", out.paint(output::GOOD, "ok"))?,
                Some(fault) => {
                    writeln!(out, "{}  {path}: {name} {fault}; build again", out.paint(output::BAD, "bad"))?;
                }
            }
        }
        Ok(())
    }
}
