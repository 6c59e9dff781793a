//! Rules 3 and 4: a verdict is a value, a swap is all or nothing, a reload that fails changes
//! nothing; the counters are exact; the watcher follows the file.
#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used)] // in what the tests share, as in tests

mod common;

use common::{build, index};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tollgate::compile::plan::BUILT_IN;
use tollgate::compile::write_file;
use tollgate::{Action, Error, Gate, GateOptions, Index, Observer, Query, Reason, Swap, Verdict, Watcher};

/// A policy that blocks the first `count` numbers of a range.
fn policy(count: usize) -> String {
    let entries: Vec<String> = (0..count).map(|i| format!("\"+4219051234{i:02}\"")).collect();
    format!(
        "[site]\nhome = \"SK\"\n[lists.bad]\naction = \"block\"\nentries = [{}]\n\
         [profiles.default.outbound]\nlists = [\"bad\"]\n",
        entries.join(", ")
    )
}

/// A number that every [`policy`] with entries blocks, and one that those with over 50 do.
const FIRST: &[u8] = b"+421905123400";
const FIFTIETH: &[u8] = b"+421905123450";

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn add(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }
}

impl Observer for Notes {
    fn blocked(&self, dialled: &[u8], verdict: &Verdict) {
        self.add(format!("blocked {} {verdict}", String::from_utf8_lossy(dialled)));
    }
    fn would_block(&self, dialled: &[u8], verdict: &Verdict) {
        self.add(format!("would block {} {}", String::from_utf8_lossy(dialled), verdict.shadow));
    }
    fn swapped(&self, swap: &Swap) {
        self.add(format!("swapped {} {} {}", swap.generation, swap.entries_before, swap.entries));
    }
    fn refused(&self, error: &Error) {
        self.add(format!("refused {error}"));
    }
}

/// A way to spoil an index file, and words that the error must have: what is wrong, what to do.
struct Fault {
    name: &'static str,
    bytes: Option<Vec<u8>>,
    is_it: fn(&Error) -> bool,
    says: &'static [&'static str],
}

fn faults(good: &[u8]) -> Vec<Fault> {
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = byte;
        Some(bytes)
    };
    let middle = good.len() / 2;
    vec![
        Fault {
            name: "missing",
            bytes: None,
            is_it: |e| matches!(e, Error::Io { .. }),
            says: &["cannot read", "policy.tgx", "check the path"],
        },
        Fault {
            name: "empty",
            bytes: Some(Vec::new()),
            is_it: |e| matches!(e, Error::NotAnIndex { .. }),
            says: &["empty", "tollgate build"],
        },
        Fault {
            name: "truncated",
            bytes: Some(good[..middle].to_vec()),
            is_it: |e| matches!(e, Error::Length { .. }),
            says: &["it was cut", "copy it again, aside, and rename it"],
        },
        Fault {
            name: "truncated in the header",
            bytes: Some(good[..20].to_vec()),
            is_it: |e| matches!(e, Error::NotAnIndex { .. }),
            says: &["not a Tollgate index"],
        },
        Fault {
            name: "corrupt",
            bytes: changed(middle, !good[middle]),
            is_it: |e| matches!(e, Error::Checksum),
            says: &["checksum", "build or copy it again"],
        },
        Fault {
            name: "of an older version",
            bytes: changed(8, 2),
            is_it: |e| matches!(e, Error::Version { found: 2, supported: 3, .. }),
            says: &["format 2", "reads format 3", "build the index again"],
        },
        Fault {
            name: "of a newer version",
            bytes: changed(8, 4),
            is_it: |e| matches!(e, Error::Version { found: 4, supported: 3, .. }),
            says: &["format 4", "build the index again"],
        },
        Fault {
            name: "a plan",
            bytes: Some(BUILT_IN.to_vec()),
            is_it: |e| matches!(e, Error::NotAnIndex { .. }),
            says: &["numbering plan, not an index", "tollgate build"],
        },
        Fault {
            name: "a policy",
            bytes: Some(policy(60).into_bytes()),
            is_it: |e| matches!(e, Error::NotAnIndex { .. }),
            says: &["TOLLGATE", "tollgate build"],
        },
        Fault {
            name: "shrunken",
            bytes: Some(build(&policy(20))),
            is_it: |e| matches!(e, Error::Shrunken { before: 60, after: 20, limit_percent: 50, .. }),
            says: &["20 entries", "60", "50 %", "reload with a higher limit"],
        },
        Fault {
            name: "without entries",
            bytes: Some(build("[site]\nhome = \"SK\"\n[profiles.default.outbound]\n")),
            is_it: |e| matches!(e, Error::Shrunken { after: 0, .. }),
            says: &["0 entries", "Check the lists"],
        },
    ]
}

fn refuses_every_fault(mapped: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let good = build(&policy(60));
    write_file(&path, &good).unwrap();
    let notes = Notes::default();
    let mut options = GateOptions::new().observer(notes.clone());
    if mapped {
        // SAFETY: this test replaces the file by renaming or removing it, never in place.
        options = unsafe { options.mapped() };
    }
    let gate = options.open(&path).unwrap();
    assert_eq!((gate.index().is_mapped(), gate.path()), (mapped, Some(path.as_path())));
    let before = gate.index().screen(FIFTIETH);
    assert_eq!((before.action, before.reason), (Action::Block, Reason::List));
    let held = gate.index();

    for (i, fault) in faults(&good).iter().enumerate() {
        match &fault.bytes {
            Some(bytes) => write_file(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = gate.reload().unwrap_err();
        let text = error.to_string();
        assert!((fault.is_it)(&error), "{}: {error:?}", fault.name);
        for words in fault.says {
            assert!(text.contains(words), "{}: {words:?} is not in {text:?}", fault.name);
        }
        let stats = gate.stats();
        assert_eq!((stats.refused, stats.swaps), (i as u64 + 1, 0), "{}", fault.name);
        assert_eq!(stats.last_error.as_deref(), Some(text.as_str()));
        assert_eq!(notes.take(), [format!("refused {text}")]);
        assert!(Arc::ptr_eq(&held, &gate.index()), "{}: the old index stays", fault.name);
        assert_eq!(gate.screen(FIFTIETH), before, "{}", fault.name);
        notes.take();
    }
    assert!(gate.rollback().is_none(), "a refused reload is nothing to go back from");

    // And then a good one.
    write_file(&path, &build(&policy(40))).unwrap();
    let swap = gate.reload().unwrap();
    assert_eq!((swap.generation, swap.entries_before, swap.entries), (1, 60, 40));
    assert_eq!(notes.take(), ["swapped 1 60 40"]);
    assert_eq!(gate.stats().last_error, None);
    assert_eq!(gate.screen(FIFTIETH).action, Action::Allow);
    // What was held is still whole, though its file is gone and the gate has moved on.
    assert_eq!(held.screen(FIFTIETH), before);
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    refuses_every_fault(false);
}

#[test]
fn a_reload_that_fails_changes_nothing_mapped() {
    refuses_every_fault(true);
}

#[test]
fn a_broken_file_opens_no_gate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    for fault in faults(&build(&policy(60))) {
        // What has shrunken is whole, and there is nothing to compare it with.
        if fault.name == "shrunken" || fault.name == "without entries" {
            continue;
        }
        match &fault.bytes {
            Some(bytes) => write_file(&path, bytes).unwrap(),
            None => assert!(!path.exists()),
        }
        let error = Gate::open(&path).unwrap_err();
        assert!((fault.is_it)(&error), "{}: {error:?}", fault.name);
    }
    assert!(matches!(Gate::open(folder.path()), Err(Error::Io { .. })), "a folder");
}

#[test]
fn the_limit_for_losses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    write_file(&path, &build(&policy(60))).unwrap();
    let gate = Gate::open(&path).unwrap();
    // Half may go, one more may not.
    write_file(&path, &build(&policy(29))).unwrap();
    assert!(matches!(gate.reload(), Err(Error::Shrunken { .. })));
    assert!(matches!(gate.reload_within(0), Err(Error::Shrunken { limit_percent: 0, .. })));
    assert_eq!(gate.reload_within(52).unwrap().entries, 29);
    write_file(&path, &build(&policy(15))).unwrap();
    assert_eq!(gate.reload().unwrap().entries, 15);
    assert!(matches!(gate.swap(index(&policy(1))), Err(Error::Shrunken { before: 15, after: 1, .. })));
    // Growing is never limited, and 100 % lets all go.
    write_file(&path, &build(&policy(60))).unwrap();
    assert_eq!(gate.reload_within(0).unwrap().entries, 60);
    write_file(&path, &build("[site]\nhome = \"SK\"\n[profiles.default.outbound]\n")).unwrap();
    assert_eq!(gate.reload_within(255).unwrap().entries, 0);
    assert_eq!((gate.stats().swaps, gate.stats().refused), (4, 3));
    let lax = GateOptions::new().max_loss_percent(100).with_index(index(&policy(60)));
    assert_eq!(lax.swap(index(&policy(0))).unwrap().entries, 0);
}

/// What the writers of modules asked for: a policy from which a tenant was dropped came in force, and all of that
/// tenant's calls were errors.
#[test]
fn an_index_without_a_required_profile_takes_no_place() {
    let with = format!("{}[profiles.tenant-7]\nextends = \"default\"\n", policy(60));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let options = || GateOptions::new().require_profile("default").require_profile("tenant-7");
    let is_missing = |error: &Error| matches!(error, Error::MissingProfile { name } if name == "tenant-7");

    write_file(&path, &build(&policy(60))).unwrap();
    assert!(is_missing(&options().open(&path).unwrap_err()));
    assert!(is_missing(&options().accepts(&index(&policy(60))).unwrap_err()));
    assert!(options().accepts(&index(&with)).is_ok());

    write_file(&path, &build(&with)).unwrap();
    let notes = Notes::default();
    let gate = options().max_loss_percent(100).observer(notes.clone()).open(&path).unwrap();
    write_file(&path, &build(&policy(61))).unwrap();
    assert!(is_missing(&gate.reload().unwrap_err()));
    assert!(is_missing(&gate.reload_within(100).unwrap_err()));
    assert!(is_missing(&gate.swap(index(&policy(62))).unwrap_err()));
    assert_eq!((gate.stats().swaps, gate.stats().refused), (0, 3));
    assert!(gate.stats().last_error.unwrap().contains("no profile \"tenant-7\""));
    assert_eq!(notes.take().len(), 3);
    assert!(gate.screen_with(&Query::new().profile("tenant-7"), FIRST).unwrap().is_blocked());
    // One that has it takes its place, and a rollback finds one that has it.
    gate.swap(index(&with.replace("\"+421905123401\"", "\"+421905123499\""))).unwrap();
    gate.rollback().unwrap();
    assert!(gate.screen_with(&Query::new().profile("tenant-7"), FIRST).is_ok());
}

#[test]
fn rollback_goes_back_and_forth() {
    let notes = Notes::default();
    let gate = GateOptions::new().observer(notes.clone()).with_index(index(&policy(60)));
    assert!(gate.rollback().is_none());
    gate.swap(index(&policy(40))).unwrap();
    assert_eq!(gate.index().screen(FIFTIETH).action, Action::Allow);
    assert_eq!(gate.rollback().unwrap().entries, 60);
    assert_eq!(gate.index().screen(FIFTIETH).action, Action::Block);
    assert_eq!(gate.rollback().unwrap().entries, 40);
    assert_eq!(gate.index().screen(FIFTIETH).action, Action::Allow);
    assert_eq!(gate.stats().swaps, 3);
    assert_eq!(notes.take(), ["swapped 1 60 40", "swapped 2 40 60", "swapped 3 60 40"]);
}

#[test]
fn a_gate_from_memory_has_no_file() {
    let gate = Arc::new(Gate::new(index(&policy(1))));
    assert!(gate.path().is_none());
    assert!(matches!(gate.reload(), Err(Error::NoFile)));
    assert!(matches!(gate.watch(Duration::from_millis(10)), Err(Error::NoFile)));
    assert_eq!(gate.stats().refused, 1);
    assert!(gate.stats().last_error.unwrap().contains("has no file; open it on one"));
}

const COUNTED: &str = r#"
[site]
home = "SK"
[lists.good]
action = "allow"
entries = ["+421905000001"]
[lists.bad]
action = "block"
entries = ["+42190511*"]
[lists.maybe]
action = "log"
entries = ["+42190522*"]
[profiles.default.outbound]
lists = ["good", "bad", "maybe"]
countries.block = ["LV"]
types.block = ["premium_rate"]
"#;

#[test]
fn the_observer_is_told() {
    let notes = Notes::default();
    let gate = GateOptions::new().observer(notes.clone()).with_index(index(COUNTED));
    for dialled in ["112", "0905 33 44 55", "+421905 000 001"] {
        assert!(!gate.screen(dialled.as_bytes()).is_blocked());
        assert_eq!(notes.take(), [""; 0], "{dialled}");
    }
    assert!(gate.screen(b"0905 112233").is_blocked());
    assert_eq!(notes.take(), ["blocked 0905 112233 block list bad +421905112233"]);
    assert!(gate.screen_with(&Query::new(), b"+37126123456").unwrap().is_blocked());
    assert_eq!(notes.take(), ["blocked +37126123456 block country LV +37126123456"]);
    assert!(!gate.screen(b"0905223344").is_blocked());
    assert_eq!(notes.take(), ["would block 0905223344 maybe"]);
    // To explain is not to call.
    gate.explain(&Query::new(), b"0905112233").unwrap();
    gate.screen_with(&Query::new().profile("nobody"), b"0905112233").unwrap_err();
    assert_eq!(notes.take(), [""; 0]);
    assert_eq!(gate.stats().total(Action::Block), 2);
}

#[test]
fn counts_are_exact() {
    // More threads than the counters have shards.
    const THREADS: u64 = 20;
    const ROUNDS: u64 = 2000;
    let calls: [(&str, Action, Reason, Option<&str>); 10] = [
        ("112", Action::Allow, Reason::Emergency, None),
        ("0905112233", Action::Block, Reason::List, Some("bad")),
        ("0905113333", Action::Block, Reason::List, Some("bad")),
        // The way of nearly all calls, and the next one.
        ("+421905334455", Action::Allow, Reason::Default, None),
        ("00421905334455", Action::Allow, Reason::Default, None),
        ("0905000001", Action::Allow, Reason::List, Some("good")),
        ("0905223344", Action::Allow, Reason::Default, None),
        ("+37126123456", Action::Block, Reason::Country, None),
        ("0900123456", Action::Block, Reason::Type, None),
        ("0905&112", Action::Block, Reason::Invalid, None),
    ];
    let gate = Gate::new(index(COUNTED));
    for (dialled, action, reason, list) in calls {
        let v = gate.index().screen(dialled.as_bytes());
        assert_eq!((v.action, v.reason, v.list.as_str()), (action, reason, list.unwrap_or("")), "{dialled}");
    }
    // Swaps go on all the while, to indexes in which the lists have other places.
    let other = COUNTED.replace("[lists.good]", "[lists.another]\naction = \"block\"\nentries = []\n[lists.good]");
    let (one, two) = (build(COUNTED), build(&other));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        for (dialled, action, ..) in calls {
                            let verdict = if round % 2 == 0 {
                                gate.screen(dialled.as_bytes())
                            } else {
                                gate.screen_with(&Query::new(), dialled.as_bytes()).unwrap()
                            };
                            assert_eq!(verdict.action, action);
                        }
                    }
                })
            })
            .collect();
        let swapper = scope.spawn(|| {
            let mut swaps = 0;
            while !done.load(Ordering::Relaxed) {
                gate.swap(Index::from_bytes(if swaps % 2 == 0 { &*two } else { &*one }).unwrap()).unwrap();
                swaps += 1;
            }
            swaps
        });
        for thread in threads {
            thread.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let swaps: u64 = swapper.join().unwrap();
        assert_eq!(gate.stats().swaps, swaps);
    });
    let each = THREADS * ROUNDS;
    let mut expected = BTreeMap::new();
    let mut lists = BTreeMap::new();
    for (_, action, reason, list) in calls {
        *expected.entry((action.as_str(), reason.as_str())).or_insert(0) += each;
        if let Some(list) = list {
            *lists.entry(list).or_insert(0) += each;
        }
    }
    let stats = gate.stats();
    let counted: BTreeMap<_, _> = stats.verdicts.iter().map(|(a, r, n)| ((a.as_str(), r.as_str()), *n)).collect();
    assert_eq!(counted, expected);
    assert_eq!(stats.would_block, each);
    for list in ["good", "bad", "maybe"] {
        let found = stats.lists.iter().find(|l| l.name == list).unwrap();
        assert_eq!(found.decided, lists.get(list).copied().unwrap_or(0), "{list}");
        assert_eq!(found.would_block, if list == "maybe" { each } else { 0 }, "{list}");
    }
    assert_eq!((stats.total(Action::Allow), stats.total(Action::Block)), (5 * each, 5 * each));
}

/// Pages in memory, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Two threads screen through a thousand swaps between two indexes that differ in every field of
/// two verdicts: each verdict is the one index's or the other's, whole; and no index is kept.
#[test]
fn no_verdict_is_torn() {
    const SWAPS: usize = 1000;
    let site = "[site]\nhome = \"SK\"\n";
    let policies = [
        format!(
            "{site}[lists.red]\naction = \"block\"\nentries = [\"+421905123456\"]\n[lists.watch]\naction = \"log\"\n\
             entries = [\"+37126*\"]\n[profiles.default.outbound]\nlists = [\"red\", \"watch\"]\n"
        ),
        format!(
            "{site}[lists.green]\naction = \"allow\"\nentries = [\"+4219*\"]\n[lists.blue]\naction = \"log\"\n\
             entries = [\"+42190*\"]\n[profiles.default.outbound]\nlists = [\"blue\", \"green\"]\n\
             countries.block = [\"LV\"]\n"
        ),
    ];
    let files = policies.each_ref().map(|policy| build(policy));
    let numbers: [&[u8]; 2] = [b"0905 123 456", b"+371 2612 3456"];
    let expected = files.each_ref().map(|bytes| {
        let index = Index::from_bytes(&**bytes).unwrap();
        numbers.map(|number| index.screen(number))
    });
    for (i, number) in numbers.iter().enumerate() {
        let [a, b] = [expected[0][i], expected[1][i]];
        assert_ne!(a.action, b.action, "{number:?}");
        assert!(a.reason != b.reason || a.list != b.list, "{a} {b}");
    }
    assert!(expected[0][1].would_block() && expected[1][0].would_block());

    let gate = GateOptions::new().max_loss_percent(100).with_index(Index::from_bytes(&*files[0]).unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut seen = [0u64; 2];
                while !done.load(Ordering::Relaxed) {
                    for (i, number) in numbers.iter().enumerate() {
                        let verdict = gate.screen(number);
                        let from = expected.iter().position(|verdicts| verdicts[i] == verdict);
                        seen[from.unwrap_or_else(|| panic!("torn: {verdict:?}"))] += 1;
                    }
                    // What is held does not change, whatever the gate does.
                    let held = gate.index();
                    let both = numbers.map(|number| held.screen(number));
                    assert!(expected.contains(&both), "an index changed while it was held: {both:?}");
                }
                seen
            })
        });
        let mut early = 0;
        for swap in 1..=SWAPS {
            gate.swap(Index::from_bytes(&*files[swap % 2]).unwrap()).unwrap();
            if swap == SWAPS / 10 {
                #[cfg(target_os = "linux")]
                {
                    early = resident();
                }
            }
        }
        done.store(true, Ordering::Relaxed);
        for thread in threads {
            let seen = thread.join().unwrap();
            assert!(seen.iter().all(|&n| n > 0), "both indexes are asked: {seen:?}");
        }
        // Nine hundred indexes of 400 kB would be 360 MB; the other tests of this program, which
        // may run at the same time, hold a few of them.
        #[cfg(target_os = "linux")]
        {
            let late = resident();
            assert!(late < early + 48_000_000, "{early} bytes after {} swaps, {late} after {SWAPS}", SWAPS / 10);
        }
        let _ = early;
    });
    assert_eq!(gate.stats().swaps, SWAPS as u64);
}

/// Waits until it is so, for a bounded time.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not so after 20 seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const INTERVAL: Duration = Duration::from_millis(10);

fn watched(path: &Path, count: usize) -> Arc<Gate> {
    write_file(path, &build(&policy(count))).unwrap();
    Arc::new(Gate::open(path).unwrap())
}

#[test]
fn the_watcher_follows_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    let watcher = gate.watch(INTERVAL).unwrap();

    // A rename into place is picked up.
    write_file(&path, &build(&policy(40))).unwrap();
    eventually("40 entries", || gate.index().entries() == 40);

    // A file that vanishes is waited for, and nothing is refused meanwhile.
    std::fs::remove_file(&path).unwrap();
    std::thread::sleep(INTERVAL * 5);
    assert_eq!((gate.stats().swaps, gate.stats().refused), (1, 0));
    assert_eq!(gate.screen(FIRST).action, Action::Block);

    // A broken one is refused once, not every time the watcher looks.
    write_file(&path, b"TOLLGATE, but no index at all").unwrap();
    eventually("one refusal", || gate.stats().refused == 1);
    std::thread::sleep(INTERVAL * 5);
    assert_eq!((gate.stats().swaps, gate.stats().refused), (1, 1));
    assert_eq!(gate.index().entries(), 40);
    assert!(gate.stats().last_error.is_some());

    // A good one ends that.
    write_file(&path, &build(&policy(50))).unwrap();
    eventually("50 entries", || gate.index().entries() == 50);
    assert_eq!(gate.stats().last_error, None);

    // Without the watcher nobody looks.
    drop(watcher);
    write_file(&path, &build(&policy(60))).unwrap();
    std::thread::sleep(INTERVAL * 5);
    assert_eq!(gate.index().entries(), 50);
    assert_eq!(gate.reload().unwrap().entries, 60);
}

#[test]
fn the_watcher_sees_what_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    write_file(&path, &build(&policy(55))).unwrap();
    let _watcher = gate.watch(INTERVAL).unwrap();
    eventually("55 entries", || gate.index().entries() == 55);
    assert_eq!(gate.stats().swaps, 1);
}

#[test]
fn the_watcher_keeps_no_gate_alive_and_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    let slow = gate.watch(Duration::from_secs(3600)).unwrap();
    let quick = gate.watch(INTERVAL).unwrap();
    let weak = Arc::downgrade(&gate);
    drop(gate);
    eventually("the gate is gone", || weak.upgrade().is_none());
    let start = Instant::now();
    drop(slow);
    drop(quick);
    assert!(start.elapsed() < Duration::from_secs(10), "dropping a watcher does not wait for its interval");
}

/// A reload that failed because the file could not be read at all (here a folder lies in its
/// place for a moment; in life a share is away, or there is no permission yet) was not tried again until
/// the file changed again, which it never did.
#[cfg(unix)]
#[test]
fn the_watcher_tries_again_what_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    let _watcher = gate.watch(INTERVAL).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    // The folder itself does not change, and is tried again and again.
    eventually("three refusals", || gate.stats().refused >= 3);
    assert!(gate.stats().last_error.unwrap().starts_with("cannot read"));
    std::fs::remove_dir(&path).unwrap();
    write_file(&path, &build(&policy(40))).unwrap();
    eventually("40 entries", || gate.index().entries() == 40);
    assert_eq!(gate.stats().last_error, None);
}

/// The C library's observers may end a watch on its own thread, where nobody can wait for it.
#[test]
fn a_watcher_is_told_to_end_and_knows_its_thread() {
    #[derive(Clone, Default)]
    struct Threads(Arc<Mutex<Vec<bool>>>);
    impl Observer for Threads {
        fn swapped(&self, _: &Swap) {
            self.0.lock().unwrap().push(Watcher::is_watching_thread());
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let threads = Threads::default();
    write_file(&path, &build(&policy(60))).unwrap();
    let gate = Arc::new(GateOptions::new().observer(threads.clone()).open(&path).unwrap());
    write_file(&path, &build(&policy(61))).unwrap();
    gate.reload().unwrap();
    let watcher = gate.watch(INTERVAL).unwrap();
    write_file(&path, &build(&policy(62))).unwrap();
    eventually("the watcher has told", || threads.0.lock().unwrap().len() == 2);
    assert_eq!(*threads.0.lock().unwrap(), [false, true]);
    watcher.stop();
    drop(watcher);
    write_file(&path, &build(&policy(63))).unwrap();
    std::thread::sleep(INTERVAL * 5);
    assert_eq!(gate.stats().swaps, 2);
}

/// An operator reloaded, saw that the index was wrong, and rolled back; the watcher's first look found
/// a file that was not the current index and loaded it again.
#[test]
fn the_watcher_does_not_undo_a_rollback() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    let watch = || gate.watch(INTERVAL).unwrap();
    write_file(&path, &build(&policy(40))).unwrap();
    assert_eq!(gate.reload().unwrap().entries, 40);
    // Before its first look, or before it was there at all.
    let first = watch();
    assert_eq!(gate.rollback().unwrap().entries, 60);
    let second = watch();
    std::thread::sleep(INTERVAL * 10);
    assert_eq!((gate.index().entries(), gate.stats().swaps), (60, 2));
    // The next file is followed.
    write_file(&path, &build(&policy(50))).unwrap();
    eventually("50 entries", || gate.index().entries() == 50);
    drop((first, second));
}

/// After a rollback the error of the reload before it stood in the statistics for ever: whoever watches
/// them was told of a fault that was over.
#[test]
fn a_rollback_forgets_the_last_error() {
    let gate = Gate::new(index(&policy(60)));
    gate.swap(index(&policy(40))).unwrap();
    gate.swap(index(&policy(1))).unwrap_err();
    assert!(gate.stats().last_error.is_some());
    gate.rollback().unwrap();
    assert_eq!(gate.stats().last_error, None);
    assert_eq!(gate.stats().refused, 1);
}

/// Two reloads of one file (a script's and the watcher's), and the index to roll back to was the
/// current one again: the old one was lost when it was needed.
#[test]
fn reloading_the_same_file_keeps_the_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let notes = Notes::default();
    write_file(&path, &build(&policy(60))).unwrap();
    let gate = GateOptions::new().observer(notes.clone()).open(&path).unwrap();
    write_file(&path, &build(&policy(40))).unwrap();
    assert!(gate.reload().unwrap().changed);
    let held = gate.index();
    for _ in 0..3 {
        let swap = gate.reload().unwrap();
        assert_eq!((swap.changed, swap.generation, swap.entries_before, swap.entries), (false, 1, 40, 40));
    }
    assert!(!gate.swap(index(&policy(40))).unwrap().changed);
    assert!(Arc::ptr_eq(&held, &gate.index()));
    // It is a reload that was not refused all the same.
    gate.swap(index(&policy(1))).unwrap_err();
    assert!(!gate.reload().unwrap().changed);
    assert_eq!((gate.stats().swaps, gate.stats().last_error), (1, None));
    notes.take();
    assert_eq!(gate.rollback().unwrap().entries, 60);
    assert_eq!(notes.take(), ["swapped 2 40 60"]);
}

/// With an interval of nothing the watcher's thread did nothing but look: a processor was busy with it.
#[cfg(target_os = "linux")]
#[test]
fn a_watcher_without_an_interval_does_not_spin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    // A folder in place of the file: every look is a refused reload, and refusals are counted.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let start = Instant::now();
    let watcher = gate.watch(Duration::ZERO).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    drop(watcher);
    let most = start.elapsed().as_millis() as u64 / 10 + 1;
    let looks = gate.stats().refused;
    assert!((1..=most).contains(&looks), "{looks} looks, {most} at the most");
}

/// Whoever asked for the counts, or wanted to go back, waited until a reload had read and checked its
/// file, for seconds on a slow share. Here the file is a pipe that nobody writes to for a while.
#[cfg(unix)]
#[test]
fn nobody_waits_for_a_file_but_those_who_reload() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    gate.swap(index(&policy(50))).unwrap();
    std::fs::remove_file(&path).unwrap();
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a path that ends in a zero byte, as it must.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let (began, begun) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| {
            began.send(()).unwrap();
            gate.reload()
        });
        begun.recv().unwrap();
        // The pipe opens when its reader has come: the reload is under way, and waits for bytes.
        let mut pipe = std::fs::File::options().write(true).open(&path).unwrap();
        assert_eq!(gate.stats().swaps, 1);
        assert_eq!(gate.rollback().unwrap().entries, 60);
        assert_eq!(gate.screen(FIRST).action, Action::Block);
        assert!(!reload.is_finished());
        // An index that comes through a pipe is read to its end.
        pipe.write_all(&build(&policy(40))).unwrap();
        drop(pipe);
        assert_eq!(reload.join().unwrap().unwrap().entries, 40);
    });
    assert_eq!(gate.stats().swaps, 3);
}

/// A file that is written anew with the same size and given its old time (`rsync -t`, `cp -p` in place)
/// looked like the one before. The time of the inode's change cannot be set.
#[cfg(unix)]
#[test]
fn the_watcher_sees_a_file_whose_time_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tgx");
    let gate = watched(&path, 60);
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    let other = build(&policy(60).replace("+4219051234", "+4219051235"));
    assert_eq!(other.len(), build(&policy(60)).len());
    std::thread::sleep(INTERVAL * 5); // some file systems tell the time in ticks
    // In place, which a gate that reads its file (and does not map it) can bear.
    std::fs::write(&path, &other).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let _watcher = gate.watch(INTERVAL).unwrap();
    eventually("the other numbers", || gate.screen(FIRST).action == Action::Allow);
}
