//! Tests of the compiler as a whole: policies in files beside what is said about them.
//!
//! `tests/policies/bad/NAME.toml` has faults and `NAME.expected` is the report's `Display`. To
//! write the expected files anew after a change of words, run the tests with `BLESS=1` and read
//! the difference.

use super::*;
use crate::compile::model::{Countries, Key, Types};
use crate::number::NumberType;
use crate::verdict::Action;
use std::io::Write;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(name)
}

fn compiler() -> Compiler {
    Compiler::new().now(NOW)
}

/// Reads a policy as if it were called by its bare name, so that no path of this machine is in the
/// report.
fn model_of(path: &Path) -> Result<(Model, Meta, Report), Report> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    compiler().model_of(name, &text, path.parent().unwrap())
}

fn of(text: &str) -> Result<(Model, Meta, Report), Report> {
    compiler().model_of("p.toml", text, Path::new(""))
}

#[track_caller]
fn good(text: &str) -> Model {
    match of(text) {
        Ok((model, ..)) => model,
        Err(report) => panic!("{report}"),
    }
}

fn bless(path: &Path, report: &Report) {
    // List files are named with their folder, which differs from machine to machine.
    let folder = format!("{}/", path.parent().unwrap().display());
    let found = report.to_string().replace(&folder, "");
    let expected = path.with_extension("expected");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&expected, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(found, wanted, "{}", path.display());
}

#[test]
fn bad_policies_are_told_what_is_wrong() {
    let mut codes = std::collections::BTreeSet::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder("bad")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let Err(report) = model_of(&path) else { panic!("{} compiles", path.display()) };
            for diagnostic in &report.diagnostics {
                if diagnostic.severity == Severity::Error {
                    codes.insert(diagnostic.code);
                }
                let place = diagnostic.place.as_ref().unwrap();
                assert!(place.text.get(place.start..place.start + place.len).is_some(), "{diagnostic}");
            }
            bless(&path, &report);
            count += 1;
        }
    }
    assert!(count > 30);
    let wanted = [
        "allow-and-block",
        "bad-csv-header",
        "bad-entry",
        "bad-expiry",
        "bad-line",
        "bad-name",
        "bad-value",
        "blocks-emergency",
        "duplicate-name",
        "extends-cycle",
        "listed-twice",
        "missing-key",
        "name-too-long",
        "syntax",
        "unknown-key",
        "unknown-list",
        "unknown-profile",
        "unknown-region",
        "unknown-type",
        "unreadable-file",
        "wrong-type",
    ];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn the_contract_compiles() {
    let path = folder("good").join("contract.toml");
    let (model, _, report) = model_of(&path).unwrap();
    // The plan knows nobody behind France's numbers for telephone sales.
    assert_eq!(report.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["unassigned-entry"], "{report}");
    assert_eq!(model.name, "acme");
    assert_eq!(model.site.outside_line, Some(b'9'));
    assert_eq!(model.site.extensions, [3, 4]);
    let names: Vec<_> = model.lists.iter().map(|l| (&*l.name, l.action)).collect();
    assert_eq!(names, [("partners", ListAction::Allow), ("blacklist", ListAction::Block)]);
    assert_eq!(
        model.sources.iter().map(|s| (&*s.path, s.entries)).collect::<Vec<_>>(),
        [("contract.toml", 6), ("blacklist.csv", 2)]
    );
    let somali = model.entries.iter().find(|e| e.note.is_some()).unwrap();
    assert_eq!(somali.key, Key::Number { digits: (*b"252611234567").into(), whole: true });
    assert_eq!((somali.origin, somali.expires), (Origin { source: 1, line: 2 }, Some(4_102_444_800)));
    let [default, tenant] = &model.profiles[..] else { panic!() };
    assert_eq!((&*default.name, &*tenant.name), ("default", "tenant-7"));
    assert_eq!(default.outbound.lists, [0, 1]);
    assert_eq!(
        default.outbound.countries,
        Countries::Block(vec![Region::new("CU").unwrap(), Region::new("LV").unwrap()])
    );
    assert_eq!(
        tenant.outbound.countries,
        Countries::Allow(vec![Region::new("CZ").unwrap(), Region::new("SK").unwrap()])
    );
    assert_eq!(tenant.outbound.types, default.outbound.types);
    assert_eq!(tenant.inbound, default.inbound);
}

#[test]
fn lint_says_each_thing_once() {
    let path = folder("good").join("lint.toml");
    let (_, _, report) = model_of(&path).unwrap();
    let codes: std::collections::BTreeSet<_> = report.diagnostics.iter().map(|d| d.code).collect();
    let wanted = [
        "contradicting-entry",
        "covered-entry",
        "duplicate-entry",
        "emergency-entry",
        "empty-list",
        "expired-entry",
        "home-not-allowed",
        "no-default-profile",
        "short-entry",
        "unassigned-entry",
        "unused-list",
    ];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), wanted, "{report}");
    bless(&path, &report);
}

#[test]
fn the_starter_compiles_without_a_word() {
    let (model, meta, report) = compiler().model_of("starter.toml", STARTER, Path::new("")).unwrap();
    assert_eq!(report.to_string(), "");
    assert_eq!(model.name, "starter");
    assert!(meta.why.starts_with("Blocks the destinations"));
    let outbound = &model.profiles[0].outbound;
    let Countries::Block(regions) = &outbound.countries else { panic!() };
    let regions: Vec<_> = regions.iter().map(Region::as_str).collect();
    assert_eq!(regions, ["CU", "EE", "GM", "GN", "LT", "LV", "MV", "SO", "TN", "ZW"]);
    let types = Types::bit(NumberType::PremiumRate) | Types::bit(NumberType::SharedCost) | Types::SATELLITE;
    assert_eq!(outbound.types, Types(types));
    assert_eq!(outbound.unassigned, Action::Block);
    // What is commented out is right too.
    let all: String = STARTER
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with(['[', ' ', ']', '{']) || rest.contains(" = ") && !rest.contains(':') => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with("files = ") && !line.starts_with("  "))
        .map(|line| format!("{line}\n"))
        .collect();
    let report = match of(&all) {
        Ok((model, _, report)) => {
            assert_eq!(model.profiles.len(), 2, "{all}");
            report
        }
        Err(report) => report,
    };
    assert_eq!(report.errors(), 0, "{report}\n{all}");
}

#[test]
fn a_policy_that_says_nothing_has_the_defaults() {
    let model = good("[site]\nhome = \"SK\"");
    assert_eq!(model.name, "p");
    let [default] = &model.profiles[..] else { panic!() };
    assert_eq!(*default.name, *"default");
    let open = &default.inbound;
    assert!(
        [open.anonymous, open.internal, open.short, open.invalid, open.unassigned, open.default]
            .iter()
            .all(|d| *d == Action::Allow)
    );
    let out = &default.outbound;
    assert_eq!((out.anonymous, out.invalid, out.unassigned), (Action::Block, Action::Block, Action::Block));
    assert_eq!((out.internal, out.short, out.default), (Action::Allow, Action::Allow, Action::Allow));
    assert_eq!((&out.countries, out.types), (&Countries::Any, Types(0)));
}

#[test]
fn profiles_take_from_those_they_extend_what_they_do_not_say() {
    // Forward references, three levels, an implicit default.
    let model = good(
        r#"
[site]
home = "SK"
[lists.l]
action = "block"
entries = ["+3712*"]
[profiles.c]
extends = "b"
outbound.lists = []
outbound.types.allow = ["mobile"]
[profiles.b]
extends = "a"
outbound.countries.allow = ["SK"]
inbound.short = "block"
[profiles.a]
extends = "default"
outbound = { countries.block = ["CU"], lists = ["l"], types.block = ["voip"], unassigned = "allow" }
"#,
    );
    let by_name = |name: &str| model.profiles.iter().find(|p| p.name == name).unwrap();
    let (a, b, c) = (by_name("a"), by_name("b"), by_name("c"));
    assert_eq!(model.profiles[0].name, "default");
    assert_eq!(a.outbound.countries, Countries::Block(vec![Region::new("CU").unwrap()]));
    for p in [b, c] {
        assert_eq!(p.outbound.countries, Countries::Allow(vec![Region::new("SK").unwrap()]));
        assert_eq!(
            (p.outbound.unassigned, p.outbound.invalid, p.inbound.short),
            (Action::Allow, Action::Block, Action::Block)
        );
    }
    assert_eq!((&*b.outbound.lists, &*c.outbound.lists), (&[0][..], &[][..]));
    assert_eq!(b.outbound.types, Types(Types::bit(NumberType::Voip)));
    assert_eq!(c.outbound.types.0 & Types::bit(NumberType::Mobile), 0);
    assert_eq!(c.outbound.types.0 & Types::bit(NumberType::Unknown), 0);
    assert_ne!(c.outbound.types.0 & Types::SATELLITE, 0);
    assert_eq!(c.outbound.types.0.count_ones(), 11);
}

#[test]
fn ten_thousand_profiles_may_stand_on_each_other() {
    let mut text = String::from("[site]\nhome = \"SK\"\n");
    for i in 0..10_000 {
        text.push_str(&format!("[profiles.p{i}]\nextends = \"p{}\"\n", i + 1));
    }
    text.push_str("[profiles.p10000]\ninbound.short = \"block\"\n");
    let model = good(&text);
    assert_eq!(model.profiles.len(), 10_002);
    assert!(model.profiles[1..].iter().all(|p| p.inbound.short == Action::Block));
}

#[test]
fn bad_lines_can_be_skipped_and_are_listed() {
    let path = folder("bad").join("bad-lines.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let compiler = compiler().skip_bad_lines(true);
    let (model, _, report) = compiler.model_of("p.toml", &text, path.parent().unwrap()).unwrap();
    assert_eq!((report.errors(), report.skipped_lines()), (0, 5), "{report}");
    assert!(report.skipped.iter().all(|d| d.place.is_some()));
    assert_eq!(model.sources.iter().map(|s| s.entries).collect::<Vec<_>>(), [0, 2, 1]);
    // What stands in the policy itself must be right.
    let bad = "[site]\nhome = \"SK\"\n[lists.a]\naction = \"block\"\nentries = [\"zzz\"]";
    assert_eq!(compiler.model_of("p.toml", bad, Path::new("")).unwrap_err().errors(), 1);
}

#[test]
fn a_file_of_rubbish_costs_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(dir.path().join("l.txt")).unwrap();
    for i in 0..30_000 {
        writeln!(file, "rubbish {i}").unwrap();
    }
    let text = "[site]\nhome = \"SK\"\n[lists.a]\naction = \"block\"\nfiles = [\"l.txt\"]";
    let report = compiler().model_of("p.toml", text, dir.path()).unwrap_err();
    assert_eq!((report.errors(), report.diagnostics.len()), (30_000, MAX_KEPT));
    assert!(report.to_string().ends_with("and 29900 more\n"));
}

#[test]
fn warnings_of_a_kind_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let lines: String = (0..1000).map(|i| format!("+3712{:04}\n", i % 500)).collect();
    std::fs::write(dir.path().join("l.txt"), lines).unwrap();
    let text = "[site]\nhome = \"SK\"\n[lists.a]\naction = \"block\"\nfiles = [\"l.txt\"]\n[profiles.default]\ninbound.lists = [\"a\"]";
    let (_, _, report) = compiler().model_of("p.toml", text, dir.path()).unwrap();
    let duplicates: Vec<_> = report.diagnostics.iter().filter(|d| d.code == "duplicate-entry").collect();
    assert_eq!(duplicates.len(), lint::PER_CODE + 1);
    assert_eq!(duplicates[lint::PER_CODE].message, "and 480 more warnings of the kind `duplicate-entry`");
    assert!(duplicates[..lint::PER_CODE].iter().all(|d| d.place.as_ref().is_some_and(|p| !p.text.is_empty())));
}

#[test]
fn the_home_region_can_be_overridden() {
    let text = "[lists.a]\naction = \"block\"\nentries = [\"030 90 18 20\"]";
    let compiler = compiler().home(Region::new("DE").unwrap());
    let (model, ..) = compiler.model_of("p.toml", text, Path::new("")).unwrap();
    assert_eq!(model.site.home, Region::new("DE").unwrap());
    assert_eq!(model.entries[0].key, Key::Number { digits: (*b"4930901820").into(), whole: true });
    let report = Compiler::new().home(Region::WORLD).model_of("p.toml", text, Path::new("")).unwrap_err();
    assert!(report.to_string().contains("no home region"));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let model = good(
        "\u{feff}[site]\r\nhome = \"SK\"\r\n[lists.a]\r\naction = \"block\"\r\nentries = [\r\n\"+3712*\",\r\n]\r\n",
    );
    assert_eq!(model.entries[0].origin.line, 6);
}

#[test]
fn files_and_plans_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.toml");
    let report = compiler().check_file(&path);
    assert!(report.to_string().contains("cannot read the policy"));
    std::fs::write(&path, b"[site]\nhome = \"S\xff\"").unwrap();
    assert!(compiler().check_file(&path).to_string().contains("p.toml:2:1: error: the policy is not UTF-8"));
    let report = compiler().plan(b"no plan".to_vec()).starter().unwrap_err();
    assert_eq!(report.diagnostics[0].code, "bad-plan");
    // Found in review: alone among the errors, it did not say what to do.
    assert!(report.diagnostics[0].help.as_deref().is_some_and(|help| help.contains("`tollgate plan`")), "{report}");
}

/// Found in review: every pattern whose fixed digit is under the others' `X`s doubled the states, and
/// with some thirty of them the build took all memory.
#[test]
fn overlapping_patterns_end_soon() {
    let policy = |patterns: &[String]| {
        format!(
            "[site]\nhome = \"SK\"\n[lists.a]\naction = \"block\"\nentries = {patterns:?}\n[profiles.default.outbound]\nlists = [\"a\"]"
        )
    };
    let overlapping = |n: usize| -> Vec<String> {
        (0..n).map(|i| format!("+421{}{}{}", "X".repeat(i % 20), 5 + i / 20, "X".repeat(19 - i % 20))).collect()
    };
    let start = std::time::Instant::now();
    let report = compiler().compile_str("p.toml", &policy(&overlapping(40)), Path::new("")).unwrap_err();
    let error = report.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap();
    assert_eq!(error.code, "too-many-patterns", "{report}");
    assert!(error.message.contains("too many overlapping X patterns"), "{report}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("write ranges instead")), "{report}");
    assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
    // A few that overlap, and any number that do not, are fine.
    compiler().compile_str("p.toml", &policy(&overlapping(8)), Path::new("")).unwrap();
    let apart: Vec<String> = (0..30_000).map(|i| format!("+4219{i:05}XXX")).collect();
    compiler().compile_str("p.toml", &policy(&apart), Path::new("")).unwrap();
}

/// Found in review: 65,537 international prefixes were counted as one, and the index that the build
/// gave could not be opened.
#[test]
fn more_than_the_format_can_count_is_refused() {
    let prefixes: Vec<String> = (0..65_537).map(|i| format!("8{i:05}")).collect();
    let text = format!("[site]\nhome = \"SK\"\ninternational_prefixes = {prefixes:?}\n[profiles.default.outbound]");
    let report = compiler().compile_str("p.toml", &text, Path::new("")).unwrap_err();
    assert_eq!(report.diagnostics[0].code, "too-large", "{report}");
}

#[test]
fn progress_is_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("l.txt"), "+3712*\n+3713*\n").unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = seen.clone();
    let compiler = compiler().progress(move |p| sink.lock().unwrap().push(p));
    let text = "[site]\nhome = \"SK\"\n[lists.a]\naction = \"block\"\nfiles = [\"l.txt\"]";
    compiler.model_of("p.toml", text, dir.path()).unwrap();
    let progress = |done| Progress { file: "l.txt".into(), lines: 2, bytes: 14, total_bytes: 14, done };
    assert_eq!(*seen.lock().unwrap(), [progress(false), progress(true)]);
}

/// Damaged policies: no panic, and every place is inside its text.
#[test]
fn hostile_policies_never_panic() {
    let good = std::fs::read_to_string(folder("good").join("contract.toml")).unwrap() + STARTER;
    let pieces = [
        "\"",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        "'''",
        "\\",
        "é",
        "\u{feff}",
        "\0",
        "1e9",
        "2027-01-01",
        ".",
        ",",
        "extends = \"default\"\n",
        "allow = []",
    ];
    let mut seed = 3u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let plan = Plan::decode(plan::BUILT_IN, &Sections::parse(plan::BUILT_IN, Kind::Plan).unwrap()).unwrap();
    for _ in 0..2000 {
        let mut text = good.clone();
        for _ in 0..1 + random() % 4 {
            let mut at = random() % text.len();
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + random() % 9).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.replace_range(at..end.max(at), pieces[random() % pieces.len()]);
        }
        let mut report = Report::default();
        let known = Known { region: &|region| plan.territory(region).is_some(), home: None };
        policy::parse(&SourceText::new("p", &text), &text, &known, &mut report);
        for place in report.diagnostics.iter().filter_map(|d| d.place.as_ref()) {
            assert!(place.text.get(place.start..place.start + place.len).is_some());
        }
    }
}
