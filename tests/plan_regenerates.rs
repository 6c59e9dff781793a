//! The committed numbering plan is what the compiler makes of the metadata in the crate
//! `phonenumber`. With `TOLLGATE_WRITE_PLAN=1` (that is `make plan`) it is written anew.
#![cfg(feature = "compile")]

use std::{fs, path::Path};

mod metadata;

#[test]
fn the_committed_plan_is_up_to_date() {
    let metadata = metadata::metadata();
    let compiled = tollgate::compile::plan::compile(&metadata.phone, &metadata.short, &metadata.version).unwrap();
    let again = tollgate::compile::plan::compile(&metadata.phone, &metadata.short, &metadata.version).unwrap();
    assert!(compiled == again, "the same metadata gave two different plans");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/plan");
    let sources = metadata::sources_text(&metadata);
    if std::env::var_os("TOLLGATE_WRITE_PLAN").is_some_and(|value| value == "1") {
        fs::write(folder.join("plan.tgp"), &compiled).unwrap();
        fs::write(folder.join("SOURCES"), &sources).unwrap();
        return;
    }
    let committed = fs::read(folder.join("plan.tgp")).unwrap();
    assert!(
        committed == compiled,
        "data/plan/plan.tgp ({} bytes) is not what the compiler makes of libphonenumber {} ({} bytes); run `make plan` \
         and commit data/plan",
        committed.len(),
        metadata.version,
        compiled.len(),
    );
    let committed = fs::read_to_string(folder.join("SOURCES")).unwrap();
    assert_eq!(committed, sources, "data/plan/SOURCES is out of date; run `make plan` and commit data/plan");
}
