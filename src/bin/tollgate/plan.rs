//! `tollgate plan`: a numbering plan from newer metadata than this release comes with.

use crate::output::{self, Format, count};
use crate::{SUCCESS, render};
use anyhow::anyhow;
use clap::error::ErrorKind;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use tollgate::NumberingPlan;
use tollgate::compile::{plan, write_file};

/// Compiles libphonenumber's metadata into a numbering plan for `tollgate build --plan`.
///
/// The two XML files are in the folder `resources` of a libphonenumber release.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate plan --phone PhoneNumberMetadata.xml --short ShortNumberMetadata.xml \
                        --metadata-version 9.0.33 -o plan.tgp\n  tollgate plan --show plan.tgp\n\nExit codes: 0 done, 2 \
                        error.")]
#[command(group(clap::ArgGroup::new("task").required(true).args(["phone", "show"])))]
pub(crate) struct Args {
    /// libphonenumber's PhoneNumberMetadata.xml.
    #[arg(long, value_name = "XML", requires_all = ["short", "metadata_version", "output"])]
    phone: Option<PathBuf>,
    /// libphonenumber's ShortNumberMetadata.xml.
    #[arg(long, value_name = "XML", requires = "phone")]
    short: Option<PathBuf>,
    /// The release of libphonenumber, which the files do not name.
    #[arg(long, value_name = "VERSION", requires = "phone")]
    metadata_version: Option<String>,
    /// Where the plan goes.
    #[arg(short, long, value_name = "FILE", requires = "phone")]
    output: Option<PathBuf>,
    /// Shows what a plan file is; without FILE, the built-in plan.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "phone")]
    show: Option<Option<PathBuf>>,
    /// How to show it.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    if let Some(path) = &args.show {
        return show(path.as_deref(), args.format);
    }
    let (Some(phone), Some(short), Some(version), Some(output)) =
        (&args.phone, &args.short, &args.metadata_version, &args.output)
    else {
        // The argument groups above see to it; if ever they do not, this does.
        clap::Error::raw(ErrorKind::MissingRequiredArgument, "give --phone, --short, --metadata-version and -o\n")
            .exit()
    };
    let bytes = plan::compile(&text(phone)?, &text(short)?, version)?;
    let plan = NumberingPlan::from_bytes(&bytes)
        .map_err(|e| anyhow!("the new plan would not open, and was not written: {e}"))?;
    write_file(&crate::selection::target(output)?, &bytes)
        .map_err(|e| anyhow!("cannot write {}: {e}; check the folder and its permissions", output.display()))?;
    render::plain(&format!(
        "{}: libphonenumber {}, {}, {} bytes; use it with `tollgate build --plan {}`",
        output.display(),
        plan.metadata_version(),
        count(plan.regions().count() as u64, "region", "regions"),
        bytes.len(),
        output.display(),
    ));
    Ok(SUCCESS)
}

fn show(path: Option<&Path>, format: Format) -> anyhow::Result<u8> {
    let read = path
        .map(|path| std::fs::read(path).map_err(|e| anyhow!("cannot read {}: {e}; check the path", path.display())));
    let read = read.transpose()?;
    let bytes = read.as_deref().unwrap_or(plan::BUILT_IN);
    let name = path.map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
    let plan = NumberingPlan::from_bytes(bytes).map_err(|e| anyhow!("{name}: {e}"))?;
    let mut regions: Vec<_> = plan.regions().collect();
    regions.sort_unstable();
    let regions: Vec<&str> = regions.iter().map(|region| region.as_str()).collect();
    output::print(SUCCESS, |out| match format {
        Format::Json => out.json(&json!({
            "path": path.map(Path::to_string_lossy),
            "metadata_version": plan.metadata_version(),
            "bytes": bytes.len(),
            "regions": regions,
        })),
        Format::Text => {
            writeln!(
                out,
                "{name}: libphonenumber {}, {}, {} bytes",
                output::printable(plan.metadata_version()),
                count(regions.len() as u64, "region", "regions"),
                bytes.len()
            )?;
            regions.chunks(25).try_for_each(|line| writeln!(out, "  {}", line.join(" ")))
        }
    })
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|e| anyhow!("cannot read {}: {e}; check the path", path.display()))
}
