//! Reloads an index a thousand times under two threads that screen, and checks what a reload
//! promises: every verdict is wholly one index's, and memory does not grow.
//!
//! ```text
//! cargo run --release --example hot_reload
//! ```
//!
//! Ends with exit code 1 where a verdict is torn, a reload fails or memory grows.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tollgate::{GateOptions, Index, Verdict};

const RELOADS: u32 = 1000;
/// Reloads before memory is first measured: the allocator has then seen every size.
const WARM_UP: u32 = 50;
/// What memory may grow by, in KiB: an index of this size takes about 1,000 in memory, so that a leak
/// of one in a hundred would show.
const MARGIN: u64 = 4096;

/// Texts on whose verdicts the two indexes do not agree, and two on which they do.
const TEXTS: [&str; 8] = [
    "112",
    "+37167000000",
    "0037126123456",
    "0900 123 456",
    "+420601123456",
    "tel:+44-20-7946-0018",
    "+5352345678",
    "not a number",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("hot_reload: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/good/v3");
    let files = [std::fs::read(good.join("everything.tgx"))?, std::fs::read(good.join("smaller.tgx"))?];
    let [first, second] = [Index::from_bytes(&*files[0])?, Index::from_bytes(&*files[1])?];
    let expected: Vec<[Verdict; 2]> =
        TEXTS.iter().map(|text| [first.screen(text.as_bytes()), second.screen(text.as_bytes())]).collect();

    let folder = std::env::temp_dir().join(format!("tollgate-hot-reload-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = reload_under_load(&folder.join("policy.tgx"), &files, &expected);
    std::fs::remove_dir_all(&folder)?;
    result
}

/// Writes aside and renames, as `tollgate build` does, so that no reader sees half a file.
fn publish(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension("tmp");
    std::fs::write(&aside, bytes)?;
    std::fs::rename(&aside, path)
}

fn reload_under_load(
    path: &Path,
    files: &[Vec<u8>; 2],
    expected: &[[Verdict; 2]],
) -> Result<(), Box<dyn std::error::Error>> {
    publish(path, &files[0])?;
    // The second index has far fewer entries, which a gate would refuse by default.
    let gate = GateOptions::new().max_loss_percent(100).open(path)?;
    let stop = AtomicBool::new(false);
    let [of_first, of_second, torn] = [const { AtomicU64::new(0) }; 3];
    let mut memory = Vec::new();

    let reloads = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    for (text, verdicts) in TEXTS.iter().zip(expected) {
                        let verdict = gate.screen(text.as_bytes());
                        let count = match [verdict == verdicts[0], verdict == verdicts[1]] {
                            [true, true] => continue,
                            [true, false] => &of_first,
                            [false, true] => &of_second,
                            [false, false] => &torn,
                        };
                        count.fetch_add(1, Relaxed);
                    }
                }
            });
        }
        let mut reload_all = || -> Result<(), Box<dyn std::error::Error>> {
            for n in 0..WARM_UP + RELOADS {
                if n == WARM_UP || n == WARM_UP + RELOADS / 2 {
                    memory.extend(resident());
                }
                publish(path, &files[(n as usize + 1) % 2])?;
                gate.reload()?;
            }
            memory.extend(resident());
            Ok(())
        };
        let result = reload_all();
        stop.store(true, Relaxed);
        result
    });
    reloads?;

    let [of_first, of_second, torn] = [of_first, of_second, torn].map(AtomicU64::into_inner);
    println!("{RELOADS} reloads, {} swaps in all", gate.stats().swaps);
    println!("{of_first} verdicts of the first index, {of_second} of the second, {torn} of neither");
    match memory[..] {
        [start, middle, end] => println!("resident memory: {start} KiB, {middle} KiB, {end} KiB"),
        _ => println!("resident memory: this system does not say"),
    }
    if torn > 0 {
        return Err("a verdict was neither index's".into());
    }
    if of_first == 0 || of_second == 0 {
        return Err("only one index was ever asked: the reloads were not seen".into());
    }
    if let [start, middle, end] = memory[..]
        && end > start.max(middle) + MARGIN
    {
        return Err("memory grew".into());
    }
    Ok(())
}

/// Resident memory in KiB, where the system says.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
