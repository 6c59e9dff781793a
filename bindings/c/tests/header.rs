//! `include/tollgate.h` is what cbindgen makes of the sources. With `TOLLGATE_WRITE_HEADER=1` (that is
//! `make header`) it is written anew.

use std::path::Path;

fn generated() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    // File by file, so that no `cargo metadata` runs; in the order in which they are to be read.
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["error", "verdict", "query", "observer", "options", "gate", "screen", "explain", "stats", "info"] {
        builder = builder.with_src(here.join(format!("src/{file}.rs")));
    }
    let mut bytes = Vec::new();
    builder.generate().expect("cbindgen reads the sources").write(&mut bytes);
    String::from_utf8(bytes).expect("a header is text")
}

#[test]
fn the_committed_header_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include/tollgate.h");
    let generated = generated();
    if std::env::var_os("TOLLGATE_WRITE_HEADER").is_some_and(|value| value == "1") {
        std::fs::write(&path, generated).expect("the header can be written");
        return;
    }
    let committed = std::fs::read_to_string(&path).expect("the header is committed");
    assert!(
        committed == generated,
        "include/tollgate.h is not what cbindgen makes of bindings/c/src; run `make header` and commit it"
    );
}
