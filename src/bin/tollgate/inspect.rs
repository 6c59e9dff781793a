//! `tollgate inspect`: what an index was made of.

use crate::SUCCESS;
use crate::output::{self, Format, Out, count, hex, printable, time};
use crate::selection::{open_index, open_policy_or_built_in};
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use tollgate::{IndexInfo, ProfileInfo, RulesInfo};

/// Shows what an index holds and what it was made of.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate inspect policy.tgx\n  tollgate inspect --format json\n\nExit codes: 0 \
                        shown, 2 error.")]
pub(crate) struct Args {
    /// The index; the built-in starter policy if neither index nor policy is given.
    #[arg(value_name = "INDEX", conflicts_with = "policy")]
    index: Option<PathBuf>,
    /// Compiles this policy in memory and shows it.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let index = match &args.index {
        Some(path) => open_index(path)?,
        None => open_policy_or_built_in(args.policy.as_deref())?,
    };
    let info = index.info();
    output::print(SUCCESS, |out| match args.format {
        Format::Json => out.json(&info_json(&info, &index.profiles())),
        Format::Text => write_text(out, &info),
    })
}

fn info_json(info: &IndexInfo, profiles: &[ProfileInfo]) -> Value {
    json!({
        "policy": info.policy,
        "by": info.by,
        "why": info.why,
        "built": info.built.map(time),
        "builder": info.builder,
        "format_version": info.format_version,
        "bytes": info.bytes,
        "checksum": hex(&info.checksum),
        "plan": {
            "metadata_version": info.metadata_version,
            "sources": info.plan_sources.iter()
                .map(|(name, sha256)| json!({ "name": name, "sha256": hex(sha256) }))
                .collect::<Vec<_>>(),
        },
        "site": {
            "home": info.home,
            "outside_line": info.outside_line,
            "extensions": info.extensions,
            "international_prefixes": info.international_prefixes,
        },
        "entries": info.entries,
        "lists": info.lists.iter()
            .map(|list| json!({ "name": list.name, "action": list.action.as_str(), "entries": list.entries }))
            .collect::<Vec<_>>(),
        "profiles": info.profiles,
        "rules": profiles.iter()
            .map(|profile| json!({
                "profile": profile.name,
                "outbound": rules_json(&profile.outbound),
                "inbound": rules_json(&profile.inbound),
            }))
            .collect::<Vec<_>>(),
        "sources": info.sources.iter()
            .map(|source| json!({
                "path": source.path, "sha256": hex(&source.sha256), "bytes": source.bytes, "entries": source.entries,
            }))
            .collect::<Vec<_>>(),
        "sections": info.sections.iter()
            .map(|(name, bytes)| json!({ "name": name, "bytes": bytes }))
            .collect::<Vec<_>>(),
    })
}

/// The rules of one direction.
fn rules_json(rules: &RulesInfo) -> Value {
    json!({
        "lists": rules.lists,
        "blocked_types": rules.blocked_types,
        "blocked_countries": rules.blocked_countries,
        "unknown_region_blocked": rules.unknown_region_blocked,
        "anonymous": rules.anonymous.as_str(),
        "internal": rules.internal.as_str(),
        "short": rules.short.as_str(),
        "invalid": rules.invalid.as_str(),
        "unassigned": rules.unassigned.as_str(),
        "default": rules.default.as_str(),
    })
}

/// How many profiles and lists are shown; an index may have ten thousand.
const SHOWN: usize = 50;

fn write_text(out: &mut Out, info: &IndexInfo) -> io::Result<()> {
    let mut line = |name: &str, value: &dyn Display| {
        let name = out.paint(output::HEAD, format!("{name:<12}"));
        writeln!(out, "{name}  {value}")
    };
    line("policy", &printable(&info.policy))?;
    for (name, text) in [("by", &info.by), ("why", &info.why)] {
        if !text.is_empty() {
            line(name, &printable(text))?;
        }
    }
    if let Some(built) = info.built {
        line("built", &time(built))?;
    }
    line("builder", &format_args!("{}, format {}", printable(&info.builder), info.format_version))?;
    line("bytes", &info.bytes)?;
    line("checksum", &hex(&info.checksum))?;
    line("plan", &format_args!("libphonenumber {}", printable(&info.metadata_version)))?;
    for (name, sha256) in &info.plan_sources {
        line("", &format_args!("{}  {}", hex(sha256), printable(name)))?;
    }
    line("home", &info.home)?;
    if let Some(digit) = info.outside_line {
        line("outside line", &digit)?;
    }
    if !info.extensions.is_empty() {
        let lengths: Vec<String> = info.extensions.iter().map(u8::to_string).collect();
        line("extensions", &format_args!("{} digits", lengths.join(", ")))?;
    }
    if !info.international_prefixes.is_empty() {
        line("prefixes", &info.international_prefixes.join(", "))?;
    }
    line("entries", &info.entries)?;
    let more = |n: usize| n.checked_sub(SHOWN).filter(|&n| n > 0);
    for (i, list) in info.lists.iter().take(SHOWN).enumerate() {
        let entries = count(list.entries, "entry", "entries");
        line(if i == 0 { "lists" } else { "" }, &format_args!("{} ({}, {entries})", list.name, list.action.as_str()))?;
    }
    if let Some(n) = more(info.lists.len()) {
        line("", &format_args!("and {n} more"))?;
    }
    let shown: Vec<&str> = info.profiles.iter().take(SHOWN).map(String::as_str).collect();
    match more(info.profiles.len()) {
        Some(n) => line("profiles", &format_args!("{} and {n} more", shown.join(", ")))?,
        None => line("profiles", &shown.join(", "))?,
    }
    for (i, source) in info.sources.iter().enumerate() {
        let entries = count(source.entries, "entry", "entries");
        line(
            if i == 0 { "sources" } else { "" },
            &format_args!("{}  {} ({} bytes, {entries})", hex(&source.sha256), printable(&source.path), source.bytes),
        )?;
    }
    for (i, (name, bytes)) in info.sections.iter().enumerate() {
        line(if i == 0 { "sections" } else { "" }, &format_args!("{name} {bytes:>12}"))?;
    }
    Ok(())
}
