//! 250 million numbers of North America, as a whole country's register has them: built by the command, as a
//! user does, and asked.
//!
//! It takes 13 bytes a number in the temporary folder for the list and 8 for sorting it, 5.5 GB in all.

use crate::Row;
use crate::numbers::{Listed, Questions, Space, is_allowed};
use crate::peers::{key_of, set_of};
use crate::timing::{Clock, Contender, figure, race};
use crate::world::{map, open, with_list, write_list};
use hashbrown::HashSet;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tollgate::compile::{Compiler, write_file};
use tollgate::{Gate, Query, Verdict};

const QUESTIONS: usize = 2_000_000;
/// A set of so many numbers takes 18 bytes each while it grows; only where there is that much, and as much
/// again for everybody else, is one made.
const SET_BYTES: u64 = 36;

/// The most that any child was resident, in bytes.
fn most_resident_of_children() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: it writes a `rusage` where one has room, and reads nothing.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    assert_eq!(result, 0, "getrusage");
    // SAFETY: zeroed is a value, and the call has succeeded.
    unsafe { usage.assume_init() }.ru_maxrss as u64 * 1024
}

fn available_memory() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = info.lines().find(|line| line.starts_with("MemAvailable:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

pub(crate) fn run(count: u64, rows: &mut Vec<Row>) {
    let Some(command) = option_env!("CARGO_BIN_EXE_tollgate") else {
        panic!("the command is not built: give --all-features");
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (list, policy, index, plain) = (at("numbers.txt"), at("policy.toml"), at("policy.tgx"), at("plain.tgx"));
    let listed = Listed::new(Space::NorthAmerica, count);
    let start = Instant::now();
    write_list(&listed, &list);
    println!("the list: {} bytes, written in {:.0} s", file_size(&list), start.elapsed().as_secs_f64());
    std::fs::write(&policy, with_list("block", "numbers.txt")).unwrap();

    assert_eq!(most_resident_of_children(), 0, "another child would count, too");
    let start = Instant::now();
    let output = Command::new(command).arg("build").arg(&policy).arg("-o").arg(&index).output().unwrap();
    let (seconds, resident) = (start.elapsed().as_secs_f64(), most_resident_of_children());
    // It warns of the numbers that the plan assigns to nobody; that is of interest only where it fails.
    assert!(output.status.success(), "the build failed: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(&list).unwrap();
    write_file(&plain, &Compiler::new().starter().unwrap().index).unwrap();
    let each = (file_size(&index) - file_size(&plain)) as f64 / count as f64;
    let entropy = listed.space.entropy(count);
    let megabytes = resident as f64 / 1e6;
    println!("built in {seconds:.0} s, at most {megabytes:.0} MB resident, {} bytes", file_size(&index));
    rows.push(Row::new(
        "bytes a listed number, 250 million over North America",
        "at most 1.2",
        format!("{each:.2} (entropy {entropy:.2})"),
        each <= 1.2,
    ));
    rows.push(Row::new(
        "build of 250 million, resident",
        "under 1 GB",
        format!("{megabytes:.0} MB"),
        resident < 1_000_000_000,
    ));
    rows.push(Row::new("the same, time", "under 10 minutes", format!("{seconds:.0} s"), seconds < 600.0));

    let start = Instant::now();
    let checksum = map(&index).info().checksum;
    let first = start.elapsed();
    let start = Instant::now();
    // SAFETY: the file is in a folder of this process's own, and nobody changes it.
    let verified = unsafe { tollgate::Index::map_verified(&index, checksum) }.unwrap();
    println!("opened in {first:.0?}, as verified before in {:.1?}", start.elapsed());
    drop(verified);
    ask(&listed, &open(&index), &open(&plain));
}

fn file_size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

fn ask(listed: &Listed, gate: &Gate, plain: &Gate) {
    let allowed = |number| is_allowed(plain, number);
    let clean = listed.questions(21, QUESTIONS, 0, allowed);
    let tenth = listed.questions(22, QUESTIONS, 10, allowed);
    for questions in [&clean, &tenth] {
        questions.check_gates(gate, plain);
    }
    let set = if available_memory() > listed.count * SET_BYTES {
        let set = set_of(&listed.iter().collect::<Vec<u64>>());
        clean.check_peers(None, &set);
        tenth.check_peers(None, &set);
        set
    } else {
        println!("too little memory for a hash set of them");
        HashSet::new()
    };
    for (name, questions) in [("not listed", &clean), ("10 % listed", &tenth)] {
        let hits = if set.is_empty() { 0 } else { questions.hits() };
        let [one, many, hash] = race(
            Clock::Thread,
            5,
            [
                Contender::new(questions.len(), questions.hits(), || {
                    questions.texts().map(|text| u64::from(gate.screen(black_box(text)).is_blocked())).sum()
                }),
                Contender::new(questions.len(), questions.hits(), || blocks(gate, questions)),
                Contender::new(questions.len(), hits, || {
                    questions.texts().map(|text| u64::from(set.contains(&key_of(black_box(text))))).sum()
                }),
            ],
        );
        println!("{name}, ns a number, least (median): screen {}, screen_many {}", one.show(), many.show());
        if !set.is_empty() {
            println!("   hashbrown {}; screen takes {} times as long", hash.show(), figure(one.ratio(&hash)));
        }
    }
}

fn blocks(gate: &Gate, questions: &Questions) -> u64 {
    let texts: Vec<&[u8]> = questions.texts().collect();
    let mut verdicts = [Verdict::EMPTY; 16];
    let mut blocked = 0;
    for block in texts.chunks(16) {
        let count = gate.screen_many(&Query::new(), black_box(block), &mut verdicts).unwrap();
        blocked += verdicts[..count].iter().map(|v| u64::from(v.is_blocked())).sum::<u64>();
    }
    blocked
}
