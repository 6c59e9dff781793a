//! What must hold for any bytes, one function a fuzz target, and the inputs to start from.
//!
//! `tests/fuzz_regressions.rs` includes this file too: with a stable compiler it replays the crashes
//! that were found and runs every check over its seeds, so that the targets cannot rot.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate::compile::Compiler;
use tollgate::compile::plan::{self, BUILT_IN};
use tollgate::{Action, Direction, Gate, Index, MAX_NUMBER_DIGITS, NumberType, NumberingPlan, Query, Reason, Region};
use xxhash_rust::xxh3::xxh3_128;

/// A policy that uses every part of an index.
const EVERYTHING: &str = r#"
[policy]
name = "everything"
author = "the fuzzer"
[site]
home = "SK"
international_prefixes = ["00", "011"]
outside_line = "9"
extensions = [3, 4]
[lists.partners]
action = "allow"
entries = ["+371 6700 0000", { number = "+37167000001", expires = "2100-01-01", note = "until the contract ends" }]
[lists.blacklist]
action = "block"
entries = ["+3712*", "+4215500100..+4215500199", "+12125XXXXXX", "0905 123 456", "raw:100*", "raw:sip:spam", "1181",
    "+421301234567", "+421301234568", "+12125550123", "+12125550124"]
[lists.feed]
action = "log"
entries = ["+421905*", "+54*"]
[profiles.default.outbound]
lists = ["partners", "blacklist", "feed"]
countries.block = ["CU", "LV"]
types.block = ["premium_rate", "shared_cost", "satellite"]
[profiles.default.inbound]
lists = ["blacklist"]
anonymous = "block"
[profiles.strict]
extends = "default"
outbound.countries.allow = ["SK", "US"]
"#;

/// What is asked of an index or plan that a fuzzer made.
const TEXTS: [&str; 12] = [
    "112",
    "9112",
    "+37126123456",
    "0905123456",
    "100200",
    "1181",
    "+421301234567",
    "+331621234567890123456",
    "00011234567890",
    "tel:5550123;phone-context=+1-212",
    "sip:+37126123456;npdi;rn=+421905123456@host",
    "anonymous",
];

fn small_plan() -> &'static [u8] {
    static PLAN: OnceLock<Vec<u8>> = OnceLock::new();
    PLAN.get_or_init(|| {
        let (phone, short) = (include_str!("../small_plan/phone.xml"), include_str!("../small_plan/short.xml"));
        plan::compile(phone, short, "1.0").expect("the small plan is right")
    })
}

fn compiler() -> Compiler {
    // A fixed time: the same input must always give the same answer.
    Compiler::new().plan(small_plan()).now(1_700_000_000)
}

fn compiled(compiler: &Compiler, policy: &str) -> Vec<u8> {
    compiler.compile_str("policy.toml", policy, Path::new("")).expect("the policy is right").index
}

/// One byte of choices, one that chooses a home region, and the dialled bytes.
pub fn dialled(data: &[u8]) {
    struct World {
        gate: Gate,
        /// The same policy without `raw:` entries, for which the spelling counts.
        no_raw: Index,
        regions: Vec<Region>,
    }
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(|| {
        let open = |policy: &str| Index::from_bytes(compiled(&Compiler::new(), policy)).expect("it opens");
        World {
            gate: Gate::new(open(EVERYTHING)),
            no_raw: open(&EVERYTHING.replace(r#""raw:100*", "raw:sip:spam", "#, "")),
            regions: NumberingPlan::from_bytes(BUILT_IN).expect("the plan is right").regions().collect(),
        }
    });
    let [choices, region, text @ ..] = data else { return };
    let mut query = Query::new();
    if choices & 1 != 0 {
        query = query.direction(Direction::Inbound);
    }
    if choices & 2 != 0 {
        query = query.profile("strict");
    }
    if choices & 4 != 0 {
        query = query.home(world.regions[*region as usize % world.regions.len()]);
    }
    let verdict = world.gate.screen_with(&query, text).expect("profile and region are known");
    let explained = world.gate.explain(&query, text).expect("profile and region are known");
    assert_eq!(explained.verdict, verdict, "explain and screen differ");
    assert!(!explained.to_string().is_empty());

    let number = verdict.number.as_bytes();
    assert!(number.len() <= MAX_NUMBER_DIGITS && number.iter().all(u8::is_ascii_digit));
    assert!(usize::from(verdict.matched) <= text.len().max(number.len()));
    assert_eq!(verdict.list.is_empty(), verdict.reason != Reason::List);
    if verdict.reason == Reason::Emergency {
        assert_eq!(verdict.action, Action::Allow, "an emergency call was blocked");
    }
    // What was judged, dialled in full, is the same number; of one that nobody has, an exchange may
    // strip digits again.
    if verdict.number_type != NumberType::Unknown {
        let full = format!("+{}", verdict.number.as_str());
        let again = world.gate.screen_with(&query, full.as_bytes()).expect("profile and region are known");
        assert_eq!(again.number, verdict.number, "{full} is read as another number");
    }

    // White space around, and separators in, a text of digits change nothing.
    if text.is_empty() || text.len() > 64 || !text.iter().all(u8::is_ascii_digit) {
        return;
    }
    let ask = |text: &[u8]| world.no_raw.screen_with(&query, text).expect("profile and region are known");
    let plain = ask(text);
    let around = [b" \t", text, b"  "].concat();
    assert_eq!(ask(&around), plain, "white space around");
    let spaced = world.gate.screen_with(&query, &around).expect("profile and region are known");
    assert_eq!(spaced, verdict, "white space around, with raw lists");
    let separator = b"- ./"[usize::from(choices >> 6)];
    let mut separated = Vec::new();
    for (i, &digit) in text.iter().enumerate() {
        if i > 0 && (i + usize::from(choices >> 3 & 7)) % 3 == 0 {
            separated.push(separator);
        }
        separated.push(digit);
    }
    assert_eq!(ask(&separated), plain, "separators");
    let spelled = world.gate.screen_with(&query, &separated).expect("profile and region are known");
    assert_eq!(spelled.number, verdict.number, "separators change the number");
}

/// Makes the length and the checksum fit, so that not everything ends there.
pub fn repair(bytes: &mut [u8]) {
    let len = bytes.len() as u64;
    if let Some(field) = bytes.get_mut(16..24) {
        field.copy_from_slice(&len.to_le_bytes());
    }
    if let Some(body) = bytes.len().checked_sub(16) {
        let sum = xxh3_128(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&sum);
    }
}

/// An index file; length and checksum need not fit.
pub fn index(data: &[u8]) {
    let mut bytes = data.to_vec();
    repair(&mut bytes);
    let Ok(index) = Index::from_bytes(bytes) else { return };
    let abroad = Region::new("AR").expect("a code");
    for query in [
        Query::new(),
        Query::new().direction(Direction::Inbound),
        Query::new().profile("strict"),
        Query::new().home(abroad),
    ] {
        for text in TEXTS {
            // The file may not have what the query names.
            let Ok(explained) = index.explain(&query, text.as_bytes()) else { continue };
            let Ok(verdict) = index.screen_with(&query, text.as_bytes()) else { panic!("explained, not screened") };
            assert_eq!(explained.verdict, verdict, "explain and screen differ");
            let _ = explained.to_string();
        }
    }
    let info = index.info();
    assert_eq!(info.entries, index.entries());
    let _ = format!("{info:?}");
    let mut listed = 0u64;
    index.list_entries(|entry| listed += entry.entry.len() as u64);
    std::hint::black_box(listed);
}

/// A plan file; length and checksum need not fit.
pub fn plan(data: &[u8]) {
    let mut bytes = data.to_vec();
    repair(&mut bytes);
    let compiler = Compiler::new().plan(bytes.as_slice()).now(0);
    let Ok(plan) = NumberingPlan::from_bytes(&bytes) else {
        // The compiler refuses it as well, and says so.
        let report = compiler.compile_str("policy.toml", EVERYTHING, Path::new("")).expect_err("the plan is broken");
        assert!(report.diagnostics.iter().any(|d| d.code == "bad-plan"), "{:?}", report.diagnostics);
        return;
    };
    let _ = plan.metadata_version();
    let regions: Vec<Region> = plan.regions().take(16).collect();
    for home in regions {
        for text in TEXTS {
            let _ = plan.dial(home, text);
            if let Some(number) = plan.read(home, text) {
                let _ = plan.classify(&number);
            }
        }
    }
    // The compiler may refuse the policy with this plan; what it writes can be opened.
    if let Ok(compiled) = compiler.compile_str("policy.toml", EVERYTHING, Path::new("")) {
        let index = Index::from_bytes(compiled.index).expect("what the compiler writes can be opened");
        for text in TEXTS {
            let _ = index.screen(text.as_bytes());
        }
    }
}

/// Screens a few numbers; the compiler's indexes are always good.
fn opens_and_screens(bytes: &[u8]) {
    let index = Index::from_bytes(bytes).expect("what the compiler writes can be opened");
    for query in [Query::new(), Query::new().direction(Direction::Inbound)] {
        for text in TEXTS {
            let verdict = index.screen_with(&query, text.as_bytes()).expect("there is always a default profile");
            if verdict.reason == Reason::Emergency {
                assert_eq!(verdict.action, Action::Allow);
            }
        }
    }
    index.list_entries(|entry| assert!(!entry.list.is_empty()));
}

fn well_placed(report: &tollgate::compile::Report) {
    for diagnostic in report.diagnostics.iter().chain(&report.skipped) {
        assert!(!diagnostic.message.is_empty() && !diagnostic.to_string().is_empty());
        if let Some(place) = &diagnostic.place {
            assert!(place.text.get(place.start..place.start + place.len).is_some(), "not in the line: {place:?}");
        }
    }
}

/// A policy's text.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // It must not read whatever the machine has, such as a device without an end.
    if text.contains("files") && (text.contains('/') || text.contains('\\')) {
        return;
    }
    let folder = folder();
    let compile = || compiler().compile_str("policy.toml", text, &folder);
    match compile() {
        Err(report) => {
            assert!(report.has_errors(), "refused without an error");
            well_placed(&report);
        }
        Ok(compiled) => {
            well_placed(&compiled.report);
            opens_and_screens(&compiled.index);
            let again = compile().expect("it compiled before");
            assert!(again.index == compiled.index, "the same policy gave two indexes");
        }
    }
}

/// The first byte chooses the file's name, the rest is its content.
pub fn list(data: &[u8]) {
    let [choice, content @ ..] = data else { return };
    let name = LIST_NAMES[usize::from(*choice) % LIST_NAMES.len()];
    let folder = folder();
    std::fs::create_dir(&folder).expect("a temporary folder");
    std::fs::write(folder.join(name), content).expect("a temporary file");
    let action = ["block", "allow", "log"][usize::from(*choice / 64) % 3];
    let policy = format!(
        "[site]\nhome = \"SK\"\n[lists.feed]\naction = \"{action}\"\nfiles = [\"{name}\"]\n\
         [profiles.default.outbound]\nlists = [\"feed\"]\n"
    );
    let compile = |skip| compiler().skip_bad_lines(skip).compile_str("policy.toml", &policy, &folder);
    let strict = compile(false);
    let lenient = compile(true);
    let _ = std::fs::remove_dir_all(&folder);
    match (strict, lenient) {
        (Ok(strict), Ok(lenient)) => {
            assert!(strict.index == lenient.index, "no line is bad, and yet leaving bad lines out makes a difference");
            assert_eq!(lenient.report.skipped_lines(), 0);
            well_placed(&strict.report);
            opens_and_screens(&strict.index);
        }
        (Err(strict), Ok(lenient)) => {
            assert!(lenient.report.skipped_lines() > 0, "refused for no line");
            well_placed(&strict);
            well_placed(&lenient.report);
            opens_and_screens(&lenient.index);
        }
        (Err(strict), Err(lenient)) => {
            well_placed(&strict);
            well_placed(&lenient);
        }
        (Ok(_), Err(_)) => panic!("leaving bad lines out made a good file bad"),
    }
}

const LIST_NAMES: [&str; 6] = ["l.txt", "l.csv", "l.txt.gz", "l.csv.gz", "l.txt.zst", "l.csv.zst"];

/// A folder for one check's files: no other process or thread has it. It need not exist.
fn folder() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tollgate-fuzz-{}-{number}", std::process::id()))
}

/// A section: its tag and its bytes.
pub type Section = ([u8; 4], Vec<u8>);

/// What kind of file a container is, and its sections. None where the table is no use.
pub fn take_apart(bytes: &[u8]) -> Option<(u16, Vec<Section>)> {
    let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let kind = u16::from_le_bytes(bytes.get(10..12)?.try_into().ok()?);
    let count = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
    let mut sections = Vec::new();
    for i in 0..count.min(64) as usize {
        let at = 24 + 24 * i;
        let tag = bytes.get(at..at + 4)?.try_into().ok()?;
        let start = usize::try_from(u64_at(at + 8)?).ok()?;
        let end = start.checked_add(usize::try_from(u64_at(at + 16)?).ok()?)?;
        sections.push((tag, bytes.get(start..end)?.to_vec()));
    }
    Some((kind, sections))
}

/// A file with these sections.
pub fn put_together(kind: u16, sections: &[Section]) -> Vec<u8> {
    // The version of an index is another one than a plan's.
    let version: u16 = if kind == 1 { 3 } else { 1 };
    let mut out = b"TOLLGATE".to_vec();
    out.extend(version.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((sections.len() as u32).to_le_bytes());
    out.extend([0; 8]);
    let mut at = out.len() + 24 * sections.len();
    for (tag, section) in sections {
        at = at.next_multiple_of(8);
        out.extend(tag);
        out.extend([0; 4]);
        out.extend((at as u64).to_le_bytes());
        out.extend((section.len() as u64).to_le_bytes());
        at += section.len();
    }
    for (_, section) in sections {
        out.resize(out.len().next_multiple_of(8), 0);
        out.extend(section);
    }
    out.resize(out.len().next_multiple_of(8) + 16, 0);
    repair(&mut out);
    out
}

/// A check, by the name of its target.
pub type Check = fn(&[u8]);

/// Every target.
pub const TARGETS: [(&str, Check); 5] =
    [("dialled", dialled), ("index", index), ("plan", plan), ("policy", policy), ("list", list)];

/// Inputs to start from: target, name, bytes.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();

    let texts = [
        "112",
        "9112",
        "0905123456",
        "0905 123 456",
        "00371-2612-3456",
        "+371 6700 0000",
        "011442079460000",
        "900421905123456",
        "(212) 555-0123",
        "1-800-FLOWERS",
        "1234",
        "1181",
        "anonymous",
        "Restricted",
        "%2B37126123456",
        "tel:+37126123456",
        "tel:5550123;phone-context=+1-212",
        "sip:+37126123456;npdi;rn=+421905123456@host;user=phone",
        "sips:100@host:5061",
        "\"A\" <sip:0905123456@host>;tag=1",
        "urn:service:sos.fire",
        "#31#0905123456",
        "*67+4212",
        "112,,5",
        "+44 20 7946 0000 ext. 5",
        "123&SIP/456",
        "+881612345678",
        "+٣٧١٢٦١٢٣٤٥٦",
        "0900123456789012",
    ];
    for (i, text) in texts.iter().enumerate() {
        for (choices, region) in [(0u8, 0u8), (1, 0), (4 + (i as u8) * 8, i as u8 * 9)] {
            let bytes = [&[choices, region], text.as_bytes()].concat();
            seeds.push(("dialled", format!("{i:02}-{choices}"), bytes));
        }
    }

    let everything = compiled(&compiler(), EVERYTHING);
    let least = "[site]\nhome = \"US\"\n[profiles.default.outbound]\n";
    let (kind, sections) = take_apart(&everything).expect("the compiler's files have a table");
    seeds.push(("index", "without-padding-or-checksum".into(), everything[..everything.len() - 16].to_vec()));
    seeds.push(("index", "rebuilt".into(), put_together(kind, &sections)));
    seeds.push(("index", "least".into(), compiled(&compiler(), least)));
    seeds.push(("index", "everything".into(), everything));
    seeds.push(("plan", "small".into(), small_plan().to_vec()));

    seeds.push(("policy", "everything.toml".into(), EVERYTHING.into()));
    seeds.push(("policy", "least.toml".into(), least.into()));
    seeds.push(("policy", "starter.toml".into(), tollgate::compile::STARTER.into()));
    for kind in ["good", "bad"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        // This file belongs to two packages.
        let root = if folder.ends_with("fuzz") { folder.parent().unwrap_or(folder) } else { folder };
        let Ok(files) = std::fs::read_dir(root.join("tests/policies").join(kind)) else { continue };
        for file in files.flatten().map(|f| f.path()).filter(|f| f.extension().is_some_and(|e| e == "toml")) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            seeds.push(("policy", format!("{kind}-{name}"), std::fs::read(file).unwrap_or_default()));
        }
    }

    let text = "# comment\n+37126123456\n+3712*   # a prefix\n\n0905 123 456\nraw:100*\n+4215500100..+4215500199\n#31#0905123456\n";
    let csv =
        "number,expires,note\n+37126123456,2100-01-01,\"a, b\"\n\"+3712*\",,\n0905123456,2030-01-31T18:00:00+01:00,x\n";
    let bad = "number;note\r\n+37126123456;\r\nhello;\r\n+;\"open\r\n";
    for (i, name) in LIST_NAMES.iter().enumerate() {
        let plain = if name.contains("csv") { [csv, bad] } else { [text, bad] };
        for (j, plain) in plain.iter().enumerate() {
            let content = if name.ends_with(".gz") {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(plain.as_bytes()).and_then(|()| encoder.finish()).expect("in memory")
            } else if name.ends_with(".zst") {
                zstd::encode_all(plain.as_bytes(), 3).expect("in memory")
            } else {
                plain.as_bytes().to_vec()
            };
            seeds.push(("list", format!("{j}-{name}"), [&[i as u8], content.as_slice()].concat()));
        }
    }
    seeds
}
