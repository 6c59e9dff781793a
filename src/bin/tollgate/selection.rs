//! Which index is asked, and how: the options that `screen` and `explain` share.

use crate::{init, output, render};
use anyhow::anyhow;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use tollgate::compile::{Compiled, Compiler, Report, Severity};
use tollgate::{Direction, Index, Query, Region};

#[derive(clap::Args)]
pub(crate) struct Selection {
    /// Asks this compiled index.
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    index: Option<PathBuf>,
    /// Compiles this policy in memory and asks it.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Asks this profile instead of `default`.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Judges the numbers as callers' numbers, by the profile's inbound rules.
    #[arg(long)]
    inbound: bool,
    /// Reads the numbers as they are dialled in this country (ISO 3166-1, such as SK); the policy's
    /// home if not given.
    #[arg(long, value_name = "REGION", value_parser = region)]
    home: Option<Region>,
}

/// An index and how to ask it.
pub(crate) struct Selected {
    pub(crate) index: Index,
    profile: Option<String>,
    direction: Direction,
    home: Option<Region>,
}

impl Selection {
    /// Opens or compiles what is asked, and checks that it knows the profile and the region.
    pub(crate) fn open(&self) -> anyhow::Result<Selected> {
        let index = match (&self.index, &self.policy) {
            (Some(path), _) => open_index(path)?,
            (None, Some(path)) => open_policy(path)?,
            (None, None) => {
                let index = built_in(self.home)?;
                if self.home.is_none() && io::stderr().is_terminal() {
                    let home = index.info().home;
                    render::note(&format!(
                        "asking the built-in starter policy, at home in {home}; say --home REGION, or --index or \
                         --policy to ask a policy of your own"
                    ));
                }
                index
            }
        };
        let direction = if self.inbound { Direction::Inbound } else { Direction::Outbound };
        let selected = Selected { index, profile: self.profile.clone(), direction, home: self.home };
        // What the query names is checked here, once, so that an answer cannot fail half-way.
        match selected.index.screen_with(&selected.query(), b"") {
            Ok(_) => Ok(selected),
            Err(error) => Err(selected.unknown(error)),
        }
    }
}

impl Selected {
    pub(crate) fn query(&self) -> Query<'_> {
        let mut query = Query::new().direction(self.direction);
        if let Some(profile) = &self.profile {
            query = query.profile(profile);
        }
        if let Some(home) = self.home {
            query = query.home(home);
        }
        query
    }

    fn unknown(&self, error: tollgate::Error) -> anyhow::Error {
        match error {
            tollgate::Error::UnknownProfile { name } => {
                const SHOWN: usize = 5;
                let profiles = self.index.info().profiles;
                let known: Vec<&str> = profiles.iter().take(SHOWN).map(String::as_str).collect();
                let more = match profiles.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    n => format!(" and {n} more, which `tollgate inspect` lists"),
                };
                anyhow!("there is no profile {name:?}; known profiles: {}{more}", known.join(", "))
            }
            error => error.into(),
        }
    }
}

/// `--home` and the like.
pub(crate) fn region(text: &str) -> Result<Region, String> {
    Region::new(text)
        .filter(|&region| region != Region::WORLD)
        .ok_or_else(|| "give an ISO 3166-1 alpha-2 code such as SK".to_owned())
}

/// Opens an index file; an error names the file.
pub(crate) fn open_index(path: &Path) -> anyhow::Result<Index> {
    Index::open(path).map_err(|error| match error {
        tollgate::Error::Io { .. } => error.into(),
        error => anyhow!("{}: {error}", path.display()),
    })
}

fn open_policy(path: &Path) -> anyhow::Result<Index> {
    let compiled = shown(path, Compiler::new().compile_file(path))?;
    Ok(Index::from_bytes(compiled.index)?)
}

/// The starter policy at home in a region.
fn built_in(home: Option<Region>) -> anyhow::Result<Index> {
    let text = init::starter(home);
    let compiled = Compiler::new().compile_str("starter.toml", &text, Path::new(""));
    let compiled = compiled.map_err(|report| match home {
        // It compiles in every region that there is.
        Some(home) => tollgate::Error::UnknownRegion { region: home.as_str().to_owned() }.into(),
        None => anyhow::Error::from(report),
    })?;
    Ok(Index::from_bytes(compiled.index)?)
}

/// The index of a policy, or of the built-in one.
pub(crate) fn open_policy_or_built_in(path: Option<&Path>) -> anyhow::Result<Index> {
    path.map_or_else(|| built_in(None), open_policy)
}

/// Shows a report that has errors, once, with their source lines.
pub(crate) fn shown(path: &Path, result: Result<Compiled, Report>) -> anyhow::Result<Compiled> {
    result.map_err(|report| {
        render::report(&report);
        let errors = output::count(report.errors(), "error", "errors");
        let policy = path.display().to_string();
        let in_lists = report.diagnostics.iter().any(|d| {
            d.severity == Severity::Error
                && d.place.as_ref().is_some_and(|place| place.line > 0 && place.file != policy)
        });
        let hint = if in_lists { " (--skip-bad-lines leaves bad lines of list files out)" } else { "" };
        render::error(&anyhow!("{policy}: {errors}; no index was made{hint}"));
        render::Shown.into()
    })
}

/// Where a new index or plan goes: the file that a link leads to, so that the link stays one. What
/// is there already must be a file of ours: `-o policy.toml` is a slip of the hand.
pub(crate) fn target(output: &Path) -> anyhow::Result<PathBuf> {
    if output.as_os_str() == "-" {
        return Err(anyhow!("an index cannot be written to standard output; name a file"));
    }
    if output.symlink_metadata().is_err() {
        return Ok(output.to_owned());
    }
    let shown = output.display();
    let path = output
        .canonicalize()
        .map_err(|e| anyhow!("cannot write {shown}: {e}; it is a link that leads nowhere? Remove it first"))?;
    if !path.is_file() {
        return Err(anyhow!("cannot write {shown}: it is there, and is no ordinary file; name another"));
    }
    let mut head = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(8).read_to_end(&mut head))
        .map_err(|e| anyhow!("cannot read what is in the place of {shown}: {e}; check its permissions"))?;
    if head.is_empty() || head == *b"TOLLGATE" {
        return Ok(path);
    }
    Err(anyhow!("{shown} is there, and is no file of Tollgate; it stays as it is. Name another, or remove it first"))
}
