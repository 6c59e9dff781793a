//! Lists with more numbers than are entries of their own: what they block, explain and warn of is what
//! the same numbers do in short files.
#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used)] // in what the tests share, as in tests

mod common;

use common::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tollgate::compile::{Compiled, Compiler, Report};
use tollgate::{Gate, GateOptions, Index, Observer, Query, Verdict};

/// More than the compiler keeps the lines of.
const LONG: usize = 120_000;

/// 2026-01-01T00:00:00Z, by which the warnings and verdicts of expired entries are made.
const NOW: i64 = 1_767_225_600;

const RULES: &str = r#"
[site]
home = "SK"
[lists.partners]
action = "allow"
PARTNERS
[lists.blacklist]
action = "block"
BLACKLIST
[lists.feed]
action = "log"
FEED
[profiles.default.outbound]
lists = ["partners", "blacklist", "feed"]
unassigned = "allow"
"#;

fn compile(folder: &Path, policy: &str, compiler: Compiler) -> Compiled {
    std::fs::write(folder.join("policy.toml"), policy).unwrap();
    compiler.now(NOW).compile_file(&folder.join("policy.toml")).unwrap_or_else(|r| panic!("{r}"))
}

fn policy(partners: &str, blacklist: &str, feed: &str) -> String {
    RULES.replace("PARTNERS", partners).replace("BLACKLIST", blacklist).replace("FEED", feed)
}

/// How many warnings of each kind there are, shown or not.
fn counts(report: &Report) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for diagnostic in &report.diagnostics {
        let more = diagnostic.message.strip_prefix("and ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        *counts.entry(diagnostic.code).or_default() += more.unwrap_or(1);
    }
    counts
}

/// Numbers as lists have them: some ranges full, some sparse, some of other lengths.
fn numbers(random: &mut Random, n: usize) -> Vec<String> {
    (0..n)
        .map(|i| match i % 6 {
            0..3 => format!("+421905{:06}", random.below(1_000_000)),
            3 => format!("+4930{}", random.digits(7)),
            4 => format!("+1212{}", random.digits(7)),
            _ => format!("+44{}", random.digits(9 + i % 2)),
        })
        .collect()
}

/// The same numbers in one long file and in short ones of which every line is kept: the verdicts are
/// the same, whatever is looked up, in three lists that overlap, with dates and prefixes between.
#[test]
fn a_long_file_means_what_short_ones_do() {
    let mut random = Random(31);
    let folder = tempfile::tempdir().unwrap();
    let black = numbers(&mut random, LONG);
    let feed: Vec<String> = numbers(&mut random, LONG).into_iter().chain(black.iter().take(2000).cloned()).collect();
    let dates = ["", "", "", "2099-01-01", "2027-06-30", "2001-01-01", "2030-01-01T12:00:00Z"];
    let row = |i: usize, number: &String| format!("{number},{}\n", dates[i % dates.len()]);
    let rows: Vec<String> = black.iter().enumerate().map(|(i, number)| row(i, number)).collect();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("black.csv", format!("number,expires\n{}", rows.concat()));
    write("feed.txt", feed.join("\n"));
    let (mut black_parts, mut feed_parts) = (Vec::new(), Vec::new());
    for (i, part) in rows.chunks(LONG / 2).enumerate() {
        write(&format!("black{i}.csv"), format!("number,expires\n{}", part.concat()));
        black_parts.push(format!("black{i}.csv"));
    }
    for (i, part) in feed.chunks(LONG / 2).enumerate() {
        write(&format!("feed{i}.txt"), part.join("\r\n"));
        feed_parts.push(format!("feed{i}.txt"));
    }
    let partners = format!("entries = [{:?}, {:?}, \"+4420*\"]", black[7], feed[9]);
    let long = policy(&partners, "files = [\"black.csv\"]\nentries = [\"+12125*\"]", "files = [\"feed.txt\"]");
    let black_entries = format!("files = {black_parts:?}\nentries = [\"+12125*\"]");
    let short = policy(&partners, &black_entries, &format!("files = {feed_parts:?}"));
    let long_index = compile(folder.path(), &long, Compiler::new());
    let short_index = compile(folder.path(), &short, Compiler::new());
    assert_eq!((long_index.entries, short_index.entries), (2 * LONG as u64 + 2004, 2 * LONG as u64 + 2004));
    assert!(long_index.index.len() * 5 < short_index.index.len());
    // Not even a warning more or less is counted.
    assert_eq!(counts(&long_index.report), counts(&short_index.report));

    // However many read it and however little room there is, it is the same index.
    for (threads, memory) in [(1, 1 << 30), (3, 0), (2, 1 << 30)] {
        let again = compile(folder.path(), &long, Compiler::new().threads(threads).memory(memory));
        assert!(again.index == long_index.index, "{threads} threads, {memory} bytes");
    }

    let (long, short) = (Index::from_bytes(long_index.index).unwrap(), Index::from_bytes(short_index.index).unwrap());
    assert_eq!(long.entries(), short.entries());
    let probes = black.iter().chain(&feed).cloned();
    let others = numbers(&mut random, 60_000).into_iter();
    let over_dialled = black.iter().take(5000).map(|number| format!("{number}00"));
    let mut decided = 0;
    for number in probes.chain(others).chain(over_dialled) {
        let (a, b) = (
            long.screen_at(&Query::new(), number.as_bytes(), NOW).unwrap(),
            short.screen_at(&Query::new(), number.as_bytes(), NOW).unwrap(),
        );
        assert_eq!(a, b, "{number}");
        decided += usize::from(!a.list.is_empty() || !a.shadow.is_empty());
    }
    // But for the one in seven of one of them that has expired.
    assert!(decided > LONG + LONG * 9 / 10, "{decided}");
    let entries = |index: &Index| {
        let mut all = BTreeSet::new();
        index.list_entries(|e| {
            all.insert((e.list, e.entry));
        });
        all
    };
    assert!(entries(&long) == entries(&short));

    // The explanation names the file, and the line where it is known.
    let why = |index: &Index| index.explain(&Query::new(), black[3].as_bytes()).unwrap().to_string();
    assert!(why(&long).contains(" at black.csv — "), "{}", why(&long));
    assert!(why(&short).contains(" at black0.csv:5 — "), "{}", why(&short));
    let lines: Vec<bool> = long.info().sources.iter().map(|source| source.lines_kept).collect();
    assert_eq!(lines, [true, false, false]);
}

/// What a number of a long file has of its own is kept: its note, and with it its line.
#[test]
fn notes_of_long_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "number,note\n".to_owned();
    for i in 0..LONG {
        let note = if i % 1000 == 5 { "ticket 4711" } else { "" };
        writeln!(csv, "+421905{i:06},{note}").unwrap();
    }
    std::fs::write(folder.path().join("long.csv"), csv).unwrap();
    let policy = policy("", "files = [\"long.csv\"]", "");
    let compiled = compile(folder.path(), &policy, Compiler::new());
    let index = Index::from_bytes(compiled.index).unwrap();
    let why = |number: &str| index.explain(&Query::new(), number.as_bytes()).unwrap().to_string();
    assert!(why("+421905001005").contains(" at long.csv:1007 (ticket 4711) — "), "{}", why("+421905001005"));
    assert!(why("+421905001006").contains(" at long.csv — "), "{}", why("+421905001006"));
    let mut with_lines = 0;
    index.list_entries(|e| with_lines += usize::from(e.line.is_some()));
    assert_eq!(with_lines, LONG / 1000);
}

/// What is odd about long lists is said: twice in a list, under a prefix of the list, in lists of
/// opposite actions; counted exactly, and shown with the file.
#[test]
fn long_lists_are_linted() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for i in 0..LONG {
        writeln!(text, "+421905{i:06}").unwrap();
    }
    // Again, from somewhere on; and numbers that nobody has.
    for i in 0..30 {
        writeln!(text, "+421905{:06}\n+42100000000{i}", i * 1000).unwrap();
    }
    std::fs::write(folder.path().join("long.txt"), &text).unwrap();
    let policy = policy(
        "entries = [\"+421905000123\", \"+421905000124\"]",
        "files = [\"long.txt\"]\nentries = [\"+42190500*\", \"+421905111111\"]",
        "",
    );
    let compiled = compile(folder.path(), &policy, Compiler::new());
    let report = &compiled.report;
    let shown =
        |code: &str| report.diagnostics.iter().find(|d| d.code == code).map(ToString::to_string).unwrap_or_default();
    assert!(shown("unassigned-entry").contains(&format!("long.txt:{}:1", LONG + 2)), "{report}");
    assert!(shown("duplicate-entry").contains("+421905000000 is in the list \"blacklist\" already, at "), "{report}");
    assert!(shown("covered-entry").contains("+421905000000 is covered by +42190500* at "), "{report}");
    let counts = counts(report);
    assert_eq!(counts["unassigned-entry"], 30);
    assert_eq!(counts["duplicate-entry"], 31, "thirty of the file, and one that the policy has itself");
    // Those in the allow list have a reason.
    assert_eq!(counts["covered-entry"], 10_000 - 2);
    assert_eq!(counts["contradicting-entry"], 2);
}

/// Found in review: a number of an allow list below a prefix of that list was said to change nothing where
/// the block list that it is excepted from is long. Who followed the advice blocked it.
#[test]
fn an_exception_from_a_long_list_has_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..LONG).map(|i| format!("+421905{i:06}\n")).collect();
    let half = text.len() / 2;
    for (name, part) in [("long.txt", &*text), ("a.txt", &text[..half]), ("b.txt", &text[half..])] {
        std::fs::write(folder.path().join(name), part).unwrap();
    }
    let partners = "entries = [\"+421905*\", \"+421905000123\", \"+421905000123\", \"+421999*\", \"+421999000123\"]";
    let long = compile(folder.path(), &policy(partners, "files = [\"long.txt\"]", ""), Compiler::new());
    let short = compile(folder.path(), &policy(partners, "files = [\"a.txt\", \"b.txt\"]", ""), Compiler::new());
    assert_eq!(counts(&long.report), counts(&short.report));
    assert_eq!(counts(&long.report)["covered-entry"], 1, "{}", long.report);
}

/// More different dates than fit beside a number, and numbers that stand in a file again and again.
#[test]
fn many_dates_and_many_repetitions() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "number,expires\n".to_owned();
    for i in 0..LONG {
        // 2026-01-02 and later, a minute apart.
        let (day, hour, minute) = (2 + i % 25, i / 25 % 24, i / 600 % 60);
        writeln!(csv, "+421905{:06},2026-01-{day:02}T{hour:02}:{minute:02}:00Z", i % 1000 * 7).unwrap();
    }
    std::fs::write(folder.path().join("dates.csv"), csv).unwrap();
    let text = policy("", "files = [\"dates.csv\"]", "");
    let compiled = compile(folder.path(), &text, Compiler::new());
    let again = compile(folder.path(), &text, Compiler::new().memory(0).threads(1));
    assert!(again.index == compiled.index);
    assert_eq!(counts(&compiled.report)["duplicate-entry"], LONG as u64 - 1000);
    assert_eq!(compiled.entries, LONG as u64);
    assert!(compiled.index.len() < 450_000, "{}", compiled.index.len());
    let index = Index::from_bytes(compiled.index).unwrap();
    // The one that holds longest counts. 2026-01-26T23:59:00Z is the last of all.
    for i in [0, 499, 999] {
        let number = format!("+421905{:06}", i * 7);
        let last = (0..LONG)
            .filter(|n| n % 1000 == i)
            .map(|n| (2 + n % 25 - 1) as i64 * 86_400 + (n / 25 % 24) as i64 * 3600 + (n / 600 % 60) as i64 * 60);
        let last = NOW + last.max().unwrap();
        for (now, blocked) in [(last - 1, true), (last, false)] {
            let verdict = index.screen_at(&Query::new(), number.as_bytes(), now).unwrap();
            assert_eq!(verdict.is_blocked(), blocked, "{number} at {now}, until {last}");
        }
    }
}

/// A row of numbers is judged as each of them is, by index and gate, whatever they are.
#[test]
fn a_row_is_judged_as_its_numbers_are() {
    let mut random = Random(77);
    let folder = tempfile::tempdir().unwrap();
    let listed = numbers(&mut random, LONG);
    std::fs::write(folder.path().join("long.txt"), listed.join("\n")).unwrap();
    for raw in ["", "entries = [\"raw:x*\", \"+4915*\"]"] {
        let text = policy("", &format!("files = [\"long.txt\"]\n{raw}"), "entries = [\"+420*\"]");
        let index = Index::from_bytes(compile(folder.path(), &text, Compiler::new()).index).unwrap();
        let gate = Gate::new(Index::from_bytes(index.as_bytes()).unwrap());
        let dialled: Vec<String> = (0..5000)
            .map(|i| match i % 9 {
                0 => listed[random.below(LONG as u64) as usize].clone(),
                1 => format!("0905 {}", random.digits(6)),
                2 => format!("00{}", random.digits(11)),
                3 => ["112", "", "anonymous", "x1", "1", "sip:+37126123456@h", "&", "112345"][i / 9 % 8].to_owned(),
                4 => format!("{}{}", listed[i], random.digits(3)),
                5 => format!("+420601{}", random.digits(6)),
                6 => format!("+4915{}", random.digits(8)),
                _ => numbers(&mut random, 1).remove(0),
            })
            .collect();
        let texts: Vec<&[u8]> = dialled.iter().map(String::as_bytes).collect();
        for len in [0, 1, 15, 16, 17, 5000] {
            let mut verdicts = vec![Verdict::EMPTY; len];
            let n = gate.screen_many(&Query::new(), &texts, &mut verdicts).unwrap();
            assert_eq!(n, len);
            let mut each = Vec::new();
            gate.screen_each(&Query::new(), &dialled[..len], |verdict| each.push(*verdict)).unwrap();
            assert_eq!(each, verdicts);
            let mut by_index = vec![Verdict::EMPTY; len + 1];
            assert_eq!(index.screen_many(&Query::new(), &texts[..len], &mut by_index).unwrap(), len);
            assert_eq!(by_index.pop(), Some(Verdict::EMPTY));
            for ((text, verdict), by_index) in dialled.iter().zip(&verdicts).zip(&by_index) {
                assert_eq!((*verdict, *by_index), (index.screen(text.as_bytes()), *verdict), "{text}");
            }
        }
        let stats = gate.stats();
        let counted: u64 = stats.verdicts.iter().map(|(.., n)| n).sum();
        assert_eq!(counted, 2 * (1 + 15 + 16 + 17 + 5000));
        assert!(stats.lists.iter().any(|l| l.name == "blacklist" && l.decided > 500));
    }
    let gate = Gate::open("data/good/v3/everything.tgx").unwrap();
    let mut verdicts = [Verdict::EMPTY];
    assert!(gate.screen_many(&Query::new().profile("nobody"), &["112"], &mut verdicts).is_err());
    assert_eq!(verdicts, [Verdict::EMPTY]);
    assert!(Verdict::EMPTY.is_blocked(), "what nobody has judged lets no call through");
}

/// What a row's numbers are counted as and who is told of them is what single calls are counted as and who is told of those,
/// also where no list is asked and the row goes another way.
#[test]
fn a_row_is_counted_and_observed_as_its_numbers_are() {
    type Blocked = Vec<(Vec<u8>, Verdict)>;
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Blocked>>);
    impl Observer for Told {
        fn blocked(&self, dialled: &[u8], verdict: &Verdict) {
            self.0.lock().unwrap().push((dialled.to_vec(), *verdict));
        }
    }
    let policy = r#"
[site]
home = "SK"
[lists.blacklist]
action = "block"
entries = ["+421905123456"]
[profiles.default.outbound]
lists = ["blacklist"]
types.block = ["premium_rate"]
countries.block = ["LV"]
[profiles.bare.outbound]
types.block = ["premium_rate"]
countries.block = ["LV"]
"#;
    let folder = tempfile::tempdir().unwrap();
    let index = compile(folder.path(), policy, Compiler::new()).index;
    let texts = [
        "+421905123456",
        "+421905000001",
        "0905 000 002",
        "00421905000003",
        "+421900123456",
        "0900 123 457",
        "00 371 26123456",
        "+37126123457",
        "+42190512345",
        "112",
        "anonymous",
        "",
        "&",
        "sip:+37126123458@h",
        "+4915112345678",
        "004915112345679",
        "00421900123458",
    ];
    for profile in ["default", "bare"] {
        let query = Query::new().profile(profile);
        let asked = |ask: &dyn Fn(&Gate)| {
            let told = Told::default();
            let index = Index::from_bytes(index.clone()).unwrap();
            let gate = GateOptions::new().observer(told.clone()).with_index(index);
            ask(&gate);
            let told = told.0.lock().unwrap().clone();
            (gate.stats().verdicts, gate.stats().lists, told)
        };
        let single =
            asked(&|gate| texts.iter().for_each(|text| _ = gate.screen_with(&query, text.as_bytes()).unwrap()));
        let many = asked(&|gate| _ = gate.screen_many(&query, &texts, &mut [Verdict::EMPTY; 17]).unwrap());
        let each = asked(&|gate| gate.screen_each(&query, &texts, |_| ()).unwrap());
        assert!(single.0.len() >= 5 && single.2.len() >= 6, "{single:?}");
        assert_eq!(many, single, "{profile}");
        assert_eq!(each, single, "{profile}");
    }
}

/// A file that was opened before is opened again without reading all of it, and answers the same; with
/// another checksum it is refused.
#[test]
#[allow(unsafe_code)]
fn a_file_opened_before_is_known_by_its_checksum() {
    let mut random = Random(5);
    let folder = tempfile::tempdir().unwrap();
    let listed = numbers(&mut random, LONG);
    std::fs::write(folder.path().join("long.txt"), listed.join("\n")).unwrap();
    let compiled = compile(folder.path(), &policy("", "files = [\"long.txt\"]", ""), Compiler::new());
    let path = folder.path().join("a.tgx");
    std::fs::write(&path, &compiled.index).unwrap();
    let index = Index::open(&path).unwrap();
    let mut checksum = index.info().checksum;
    // SAFETY: nobody changes the file while it is mapped.
    let mapped = unsafe { Index::map(&path) }.unwrap();
    // SAFETY: as above.
    let verified = unsafe { Index::map_verified(&path, checksum) }.unwrap();
    assert!(mapped.is_mapped() && verified.is_mapped());
    for number in listed.iter().step_by(50).cloned().chain(numbers(&mut random, 1000)) {
        let expected = index.screen(number.as_bytes());
        assert_eq!(mapped.screen(number.as_bytes()), expected);
        assert_eq!(verified.screen(number.as_bytes()), expected);
    }
    checksum[3] ^= 1;
    // SAFETY: as above.
    let refused = unsafe { Index::map_verified(&path, checksum) };
    assert!(matches!(refused, Err(tollgate::Error::Checksum)), "{refused:?}");
    drop((mapped, verified));
    // Damage that came since: `map` finds it, `map_verified` does not, and neither reads elsewhere.
    let mut damaged = compiled.index.clone();
    for _ in 0..2000 {
        let at = 1000 + random.below(damaged.len() as u64 - 410_000 - 1000) as usize;
        damaged[at] = random.next() as u8;
    }
    let other = folder.path().join("b.tgx");
    std::fs::write(&other, &damaged).unwrap();
    checksum[3] ^= 1;
    // SAFETY: as above.
    assert!(matches!(unsafe { Index::map(&other) }, Err(tollgate::Error::Checksum)));
    // SAFETY: as above.
    if let Ok(index) = unsafe { Index::map_verified(&other, checksum) } {
        for number in &listed {
            let _ = index.screen(number.as_bytes());
        }
    }
}
