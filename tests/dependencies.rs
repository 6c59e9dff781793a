//! What a PBX links stays small: the runtime without features has few crates below it, and none of
//! them brings metadata, regular expressions or XML.

use std::collections::BTreeSet;
use std::process::Command;

/// All crates together, this one and those below it.
const MOST: usize = 15;

#[test]
fn the_runtime_has_few_dependencies() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--package", env!("CARGO_PKG_NAME"), "--edges", "normal", "--no-default-features"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("crate names are text");
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("tollgate") && crates.contains("arc-swap"), "{tree}");
    assert!(crates.len() <= MOST, "{} crates, at most {MOST} are meant: {crates:?}", crates.len());
    for name in &crates {
        for word in ["phonenumber", "regex", "xml", "serde", "toml"] {
            assert!(!name.contains(word), "the runtime depends on {name}");
        }
    }
}
