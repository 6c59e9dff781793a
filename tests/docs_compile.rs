//! What the documentation shows is true: every TOML block of README.md and docs/ that is marked
//! `toml policy` compiles without errors or warnings, and every code and key that the policy
//! reference must name is in it.

#![cfg(feature = "compile")]

use std::path::{Path, PathBuf};
use tollgate::Index;
use tollgate::compile::Compiler;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let docs = std::fs::read_dir(root().join("docs")).expect("docs/ is a folder");
    let docs = docs.map(|entry| entry.expect("docs/ can be read").path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    pages.sort();
    pages
}

/// The blocks of a page behind a fence with this info string, with the line each begins on.
fn blocks(text: &str, info: &str) -> Vec<(usize, String)> {
    let fence = format!("```{info}");
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (i, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line == "```" => found.extend(open.take()),
            Some((_, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == fence => open = Some((i + 1, String::new())),
            None => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

#[test]
fn policies_compile() {
    // The list files that the examples name, as the reference shows them.
    let folder = tempfile::tempdir().unwrap();
    let csv = "number,expires,note\n+12125550123,2099-01-31,ticket 4711\n";
    std::fs::write(folder.path().join("blacklist.csv"), csv).unwrap();
    std::fs::write(folder.path().join("ranges.txt"), "+4930100..+4930199  # a range\n").unwrap();
    let mut compiled = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (line, policy) in blocks(&text, "toml policy") {
            let name = format!("{}:{line}", page.strip_prefix(root()).unwrap().display());
            match Compiler::new().compile_str(&name, &policy, folder.path()) {
                Ok(built) => {
                    assert_eq!(built.report.to_string(), "", "{name}");
                    Index::from_bytes(built.index).unwrap();
                }
                Err(report) => panic!("{name}: {report}"),
            }
            compiled += 1;
        }
    }
    assert!(compiled >= 5, "{compiled} policies were compiled: is the marking right?");
}

/// Every code that the compiler's sources name is explained in the policy reference.
#[test]
fn every_code_is_explained() {
    let reference = std::fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let mut codes = Vec::new();
    for file in ["mod", "policy", "files", "blocks", "entry", "long", "lint/mod", "lint/long", "writer"] {
        let source = std::fs::read_to_string(root().join(format!("src/compile/{file}.rs"))).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for call in ["Diagnostic::error(", "Diagnostic::warning(", "Fault::new(", "self.warn(", "warnings.count("] {
            for rest in source.split(call).skip(1) {
                let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
                codes.extend(rest.split('"').next().map(str::to_owned));
            }
        }
    }
    codes.push("bad-entry".to_owned()); // a constant in entry.rs
    codes.sort();
    codes.dedup();
    assert!(codes.len() >= 25, "{codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !reference.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/policy.md does not explain {missing:?}");
}
