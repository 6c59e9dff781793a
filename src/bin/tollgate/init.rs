//! `tollgate init`: a policy to start from.

use crate::selection::region;
use crate::{SUCCESS, render};
use anyhow::{anyhow, bail};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use tollgate::compile::{STARTER, plan, write_file};
use tollgate::{NumberingPlan, Region};

/// Writes a commented policy to start from.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate init policy.toml --home DE\n\nExit codes: 0 written, 2 error.")]
pub(crate) struct Args {
    /// Where the policy goes.
    #[arg(value_name = "FILE", default_value = "policy.toml")]
    file: PathBuf,
    /// The country that the site dials in (ISO 3166-1, such as SK).
    #[arg(long, value_name = "REGION", value_parser = region)]
    home: Option<Region>,
    /// Overwrites the file if it is there.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    if let Some(home) = args.home {
        let plan = NumberingPlan::from_bytes(plan::BUILT_IN)?;
        if !plan.regions().any(|region| region == home) {
            bail!("the numbering plan has no region {home}; give an ISO 3166-1 alpha-2 code such as SK");
        }
    }
    let text = starter(args.home);
    let path = args.file.display();
    let result = if args.force {
        write_file(&args.file, text.as_bytes())
    } else {
        let file = OpenOptions::new().write(true).create_new(true).open(&args.file);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
    };
    match result {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{path} is there already; name another file, or say --force to overwrite it")
        }
        Err(e) => return Err(anyhow!("cannot write {path}: {e}; check the folder and its permissions")),
        Ok(()) => {}
    }
    let index = args.file.with_extension("tgx");
    let index = index.display();
    let first = match args.home {
        Some(home) => format!("{path} is written, at home in {home}."),
        None => format!("{path} is written; set `home` in it to the country that the site dials in."),
    };
    render::plain(&format!(
        "{first} Next:\n  tollgate lint {path}\n  tollgate build {path} -o {index}\n  tollgate screen --index {index} \
         +37126123456"
    ));
    Ok(SUCCESS)
}

/// The starter policy, at home in a region: its own country is none that it blocks.
pub(crate) fn starter(home: Option<Region>) -> String {
    let Some(home) = home else { return STARTER.to_owned() };
    let own = format!("\"{home}\",");
    let mut text = String::with_capacity(STARTER.len());
    for line in STARTER.split_inclusive('\n') {
        if line.trim_start().starts_with(&own) {
            continue;
        }
        match line.strip_prefix("home = \"SK\"") {
            Some(rest) => text.extend([&format!("home = \"{home}\""), rest]),
            None => text.push_str(line),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use tollgate::compile::Compiler;

    #[test]
    fn the_starter_policy_compiles_everywhere_and_blocks_no_home() {
        let plan = NumberingPlan::from_bytes(plan::BUILT_IN).unwrap();
        for home in plan.regions() {
            let text = starter(Some(home));
            assert!(text.contains(&format!("\nhome = \"{home}\" ")), "{home}");
            assert!(!text.contains(&format!("\n    \"{home}\",")), "{home}");
            if ["LV", "US", "CU", "AD"].contains(&home.as_str()) {
                let compiled = Compiler::new().compile_str("starter.toml", &text, Path::new("")).unwrap();
                assert_eq!(compiled.report.to_string(), "", "{home}");
            }
        }
    }
}
