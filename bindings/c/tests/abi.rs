//! What belongs to an ABI version stays as long as its number does. `abi/<version>/` holds it:
//! `functions` (prototypes), `types` (typedefs, and every field with its type, observers' functions with
//! their prototypes), `constants` (names and numbers) and `layout.c` (sizes and offsets, which C compilers
//! check). Something new is added to the end by `make abi`; nothing is ever changed or taken away there:
//! whoever has to, raises the version in `build.rs` and makes a new folder.

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
    // What a struct begins with grows as the struct does: a program has the value that it was compiled with.
    let macros = macros.map(|m| match m.split_once("_INIT {") {
        Some((object, _)) => format!("{object}_INIT"),
        None => m,
    });
    of_enums.chain(macros.map(|m| format!("#define TOLLGATE_{m}"))).collect()
}

/// The structs that the header defines: name and body.
fn structs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split("typedef struct ").skip(1).filter_map(|part| {
        let (name, body) = part.split_once('{')?;
        let body = body.split_once('}').expect("a struct ends").0;
        // One without a body is opaque.
        (!name.contains(';')).then_some((name.trim(), body))
    })
}

/// The fields of the structs: struct, name, and the whole declaration. Not those that are reserved: what is
/// new takes their room, and the size of the whole is `layout.c`'s.
fn fields(header: &str) -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    for (object, body) in structs(header) {
        for declaration in body.split(';').map(words).filter(|f| !f.is_empty()) {
            let name = match declaration.split_once("(*") {
                Some((_, function)) => function.split(')').next().unwrap_or_default(),
                None => declaration.split('[').next().unwrap_or_default().rsplit([' ', '*']).next().unwrap_or_default(),
            };
            if !name.starts_with("reserved") {
                out.push((object.to_owned(), name.to_owned(), declaration.clone()));
            }
        }
    }
    out
}

/// What programs are compiled with beside functions and constants: typedefs, and every field's type.
fn types(header: &str) -> Vec<String> {
    let typedefs = header.lines().map(words).filter(|l| l.starts_with("typedef ") && l.ends_with(';'));
    let fields = fields(header).into_iter().map(|(object, _, declaration)| format!("{object}: {declaration};"));
    let mut seen = BTreeSet::new();
    typedefs.chain(fields).filter(|line| seen.insert(line.clone())).collect()
}

fn folder() -> PathBuf {
    here().join("abi").join(env!("TOLLGATE_ABI_VERSION"))
}

/// What was promised and is not true any more.
fn gone(committed: &str, now: &[String]) -> Vec<String> {
    committed.lines().filter(|l| !l.is_empty() && !now.iter().any(|n| n == l)).map(str::to_owned).collect()
}

fn committed(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_default()
}

/// Compares what is committed with what is there now.
fn compare(file: &str, now: &[String]) {
    let path = folder().join(file);
    let committed = committed(file);
    let gone = gone(&committed, now);
    assert!(
        gone.is_empty(),
        "these lines of {file} are no longer true: {gone:#?}\nPrograms that were compiled with them break. Put them \
         back, or raise the ABI version in build.rs and begin a folder of its own"
    );
    let known: BTreeSet<&str> = committed.lines().filter(|l| !l.is_empty()).collect();
    let new: Vec<_> = now.iter().filter(|line| !known.contains(line.as_str())).collect();
    if std::env::var_os("TOLLGATE_WRITE_ABI").is_some_and(|value| value == "1") {
        let lines = committed.lines().filter(|l| !l.is_empty()).chain(new.iter().map(|line| line.as_str()));
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
    assert!(constants.iter().any(|c| c == "#define TOLLGATE_QUERY_INIT"), "{constants:#?}");
    compare("constants", &constants);
}

#[test]
fn types_stay_as_they_are() {
    let types = types(&header());
    assert!(types.iter().any(|t| t == "typedef int32_t tollgate_status;"), "{types:#?}");
    assert!(types.iter().any(|t| t == "tollgate_verdict: uint8_t action;"), "{types:#?}");
    compare("types", &types);
}

/// Found in review: another prototype of an observer's function, or another type of a field of the same size,
/// passed for the same ABI. And the start value of a struct that may grow was frozen with it.
#[test]
fn every_change_that_breaks_programs_is_seen() {
    let header = header();
    let is_seen = |from: &str, to: &str| {
        let changed = header.replacen(from, to, 1);
        assert_ne!(changed, header, "the header has no {from:?}");
        let lists =
            [("functions", functions(&changed)), ("types", types(&changed)), ("constants", constants(&changed))];
        lists.iter().any(|(file, now)| !gone(&committed(file), now).is_empty())
    };
    for (from, to) in [
        ("(*refused)(void *user_data, int32_t status,", "(*refused)(void *user_data, uint32_t status,"),
        ("void (*swapped)", "int (*swapped)"),
        ("uint32_t mapped;", "int32_t mapped;"),
        ("const char *profile;", "char *profile;"),
        ("char number[44];", "unsigned char number[44];"),
        ("typedef int32_t tollgate_status;", "typedef uint32_t tollgate_status;"),
        ("TOLLGATE_BLOCK = 2", "TOLLGATE_BLOCK = 3"),
        ("TOLLGATE_REASONS 24", "TOLLGATE_REASONS 25"),
        ("uint32_t interval_ms)", "uint64_t interval_ms)"),
        ("uint32_t tollgate_abi_version(void);", ""),
    ] {
        assert!(is_seen(from, to), "{from:?} may become {to:?}");
    }
    for (from, to) in [
        ("{ sizeof(struct tollgate_query), NULL,", "{ sizeof(struct tollgate_query), 0, NULL,"),
        ("uint64_t reserved_words[2];", "uint64_t answered; uint64_t reserved_words[1];"),
        ("#define TOLLGATE_VERSION_PATCH 0", "#define TOLLGATE_VERSION_PATCH 1"),
    ] {
        assert!(!is_seen(from, to), "{from:?} may not become {to:?}");
    }
}

/// Offsets and sizes are for C compilers to see; here, that no field is left out.
#[test]
fn every_field_has_its_place() {
    let layout = committed("layout.c");
    let fields = fields(&header());
    assert!(fields.len() > 50, "{fields:#?}");
    let places: Vec<_> = fields.iter().map(|(object, name, _)| format!("FIELD({object}, {name},")).collect();
    let missing: Vec<_> = places.iter().filter(|place| !layout.contains(place.as_str())).collect();
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
