//! What belongs to an ABI version stays as long as its number does. `abi/<version>/` holds it:
//! `functions` (prototypes), `constants` (names and numbers) and `layout.c` (sizes and offsets, which C
//! compilers check). Something new is added to the end by `make abi`; nothing is ever changed or taken
//! away there: whoever has to, raises the version in `build.rs` and makes a new folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The header without its comments.
fn header() -> String {
    let text = fs::read_to_string(here().join("../../include/tollgate.h")).expect("the header is committed");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    out.push_str(rest);
    out.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the header defines, one a line.
fn functions(header: &str) -> Vec<String> {
    let body = header.split_once("extern \"C\" {").expect("the functions are C's").1;
    let body: String = body.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let prototypes = body.split(';').map(|p| words(p).replace("TOLLGATE_MUST_USE ", ""));
    prototypes.filter(|p| p.contains("tollgate_")).map(|p| format!("{p};")).collect()
}

fn constants(header: &str) -> Vec<String> {
    let of_enums = header.lines().map(words).filter(|l| l.starts_with("TOLLGATE_") && l.contains(" = "));
    let of_enums = of_enums.map(|l| l.trim_end_matches(',').to_owned());
    // The version of the header changes with every release.
    let macros = header.lines().map(words).filter_map(|l| l.strip_prefix("#define TOLLGATE_").map(str::to_owned));
    let macros = macros.filter(|m| m.contains(' ') && !m.starts_with("VERSION") && !m.starts_with("MUST_USE"));
    of_enums.chain(macros.map(|m| format!("#define TOLLGATE_{m}"))).collect()
}

/// The fields of the structs, as `layout.c` names them.
fn fields(header: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in header.split("typedef struct ").skip(1) {
        let Some((name, body)) = part.split_once('{') else { continue };
        if name.contains(';') {
            continue; // an opaque one
        }
        let body = body.split_once('}').expect("a struct ends").0;
        for field in body.split(';').map(words).filter(|f| !f.is_empty()) {
            let field = match field.split_once("(*") {
                Some((_, function)) => function.split(')').next().unwrap_or_default(),
                None => field.split('[').next().unwrap_or_default().rsplit([' ', '*']).next().unwrap_or_default(),
            };
            out.push(format!("FIELD({}, {field},", name.trim()));
        }
    }
    out
}

fn folder() -> PathBuf {
    here().join("abi").join(env!("TOLLGATE_ABI_VERSION"))
}

/// Compares what is committed with what is there now.
fn compare(file: &str, now: &[String]) {
    let path = folder().join(file);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let committed: Vec<&str> = committed.lines().filter(|l| !l.is_empty()).collect();
    let is_now: BTreeSet<&str> = now.iter().map(String::as_str).collect();
    let gone: Vec<_> = committed.iter().filter(|line| !is_now.contains(*line)).collect();
    assert!(
        gone.is_empty(),
        "these lines of {file} are no longer true: {gone:#?}\nPrograms that were compiled with them break. Put them \
         back, or raise the ABI version in build.rs and begin a folder of its own"
    );
    let known: BTreeSet<&str> = committed.iter().copied().collect();
    let new: Vec<_> = now.iter().filter(|line| !known.contains(line.as_str())).collect();
    if std::env::var_os("TOLLGATE_WRITE_ABI").is_some_and(|value| value == "1") {
        let lines = committed.iter().copied().chain(new.iter().map(|line| line.as_str()));
        fs::create_dir_all(folder()).expect("the folder can be made");
        fs::write(&path, lines.map(|line| format!("{line}\n")).collect::<String>()).expect("the list can be written");
        return;
    }
    assert!(new.is_empty(), "new, and not in {}: {new:#?}\nrun `make abi` and commit it", path.display());
}

#[test]
fn functions_stay_as_they_are() {
    let functions = functions(&header());
    assert!(functions.len() > 20 && functions.iter().all(|f| f.contains('(')), "{functions:#?}");
    compare("functions", &functions);
}

#[test]
fn constants_keep_their_numbers() {
    let constants = constants(&header());
    assert!(constants.iter().any(|c| c == "TOLLGATE_OK = 0"), "{constants:#?}");
    assert!(constants.iter().any(|c| c == "#define TOLLGATE_NO_LOSS UINT32_MAX"), "{constants:#?}");
    compare("constants", &constants);
}

/// Offsets and sizes are for C compilers to see; here, that no field is left out.
#[test]
fn every_field_has_its_place() {
    let layout = fs::read_to_string(folder().join("layout.c")).expect("layout.c is committed");
    let fields = fields(&header());
    assert!(fields.len() > 50, "{fields:#?}");
    let missing: Vec<_> = fields.iter().filter(|field| !layout.contains(field.as_str())).collect();
    assert!(missing.is_empty(), "not in abi/{}/layout.c: {missing:#?}", env!("TOLLGATE_ABI_VERSION"));
    let lines = layout.lines().filter(|l| l.starts_with("FIELD(")).count();
    assert_eq!(lines, fields.len(), "layout.c has fields that the header does not have");
}

/// The same number stands in several places, which cannot read each other.
#[test]
fn versions_agree() {
    let abi = env!("TOLLGATE_ABI_VERSION");
    let header = header();
    let manifest = fs::read_to_string(here().join("Cargo.toml")).expect("the manifest is there");
    let makefile = fs::read_to_string(here().join("../../Makefile")).expect("the Makefile is there");
    assert!(header.contains(&format!("#define TOLLGATE_ABI_VERSION {abi}\n")), "cbindgen.toml");
    let metadata = manifest.split("[package.metadata.capi.library]").nth(1).expect("cargo-c's metadata");
    let library = metadata.split("version = \"").nth(1).and_then(|v| v.split('"').next()).expect("its version");
    assert!(library.starts_with(&format!("{abi}.")), "Cargo.toml: {library}");
    assert!(makefile.contains(&format!("\nCAPI_VERSION = {library}\n")), "the Makefile has another CAPI_VERSION");
    let [version, major, minor, patch] = [
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    assert!(header.contains(&format!("#define TOLLGATE_VERSION \"{version}\"\n")), "cbindgen.toml");
    for (part, number) in [("MAJOR", major), ("MINOR", minor), ("PATCH", patch)] {
        assert!(header.contains(&format!("#define TOLLGATE_VERSION_{part} {number}\n")), "cbindgen.toml: {part}");
    }
    let root = fs::read_to_string(here().join("../../Cargo.toml")).expect("the root's manifest is there");
    assert!(root.contains(&format!("\nversion = \"{version}\"\n")), "the command and the library are one release");
}
