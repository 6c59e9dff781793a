//! Every crash that a fuzzer found stays found: `tests/crashes/<target>/` holds the input, made as
//! small as it gets, beside a file of the same name with `.story` behind it that says what happened.
//! The checks themselves are the fuzz targets', and run over their seeds here too.
//!
//! With `TOLLGATE_WRITE_SEEDS=1` (that is `make fuzz`) the seeds are written to `fuzz/corpus`.
#![cfg(feature = "compile")]

#[allow(dead_code, unreachable_pub)] // what the fuzz targets need beside this
#[path = "../fuzz/src/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

#[test]
fn crashes_stay_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes");
    let mut replayed = 0;
    for (target, check) in checks::TARGETS {
        // A target without crashes has no folder.
        let Ok(files) = fs::read_dir(folder.join(target)) else { continue };
        for path in files.map(|file| file.unwrap().path()) {
            if path.extension().is_some_and(|e| e == "story") {
                continue;
            }
            let mut story = path.clone().into_os_string();
            story.push(".story");
            assert!(fs::metadata(&story).is_ok_and(|m| m.len() > 0), "{} has no story", path.display());
            println!("{}", path.display()); // shown where the check panics
            check(&fs::read(&path).unwrap());
            replayed += 1;
        }
    }
    println!("{replayed} crashes replayed");
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name();
        let known = name == "README.md" || checks::TARGETS.iter().any(|(target, _)| name == *target);
        assert!(known, "{} belongs to no target", name.display());
    }
}

#[test]
fn every_check_holds_for_its_seeds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = std::env::var_os("TOLLGATE_WRITE_SEEDS").is_some_and(|value| value == "1");
    let seeds = checks::seeds();
    for (target, check) in checks::TARGETS {
        assert!(seeds.iter().any(|(t, ..)| *t == target), "{target} has no seed");
        for (_, name, bytes) in seeds.iter().filter(|(t, ..)| *t == target) {
            println!("{target} {name}");
            check(bytes);
            if write {
                let folder = corpus.join(target);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(name), bytes).unwrap();
            }
        }
    }
}

/// The story of `tests/crashes/index/entry-counts-wrap`, made anew, so that it outlives the format
/// version of the file.
#[test]
fn entry_counts_that_wrap_are_refused() {
    let (_, _, seed) = checks::seeds().into_iter().find(|(t, name, _)| *t == "index" && name == "everything").unwrap();
    let (kind, mut sections) = checks::take_apart(&seed).unwrap();
    assert!(tollgate::Index::from_bytes(checks::put_together(kind, &sections)).is_ok());
    let (_, lists) = sections.iter_mut().find(|(tag, _)| tag == b"LIST").unwrap();
    // A list's record: action, count of entries, name; behind the number of lists.
    lists[5..13].copy_from_slice(&u64::MAX.to_le_bytes());
    let error = tollgate::Index::from_bytes(checks::put_together(kind, &sections)).unwrap_err();
    assert!(matches!(error, tollgate::Error::Corrupt { section: "LIST", .. }), "{error}");
}
