//! Two threads, and swaps under them.

use crate::Row;
use crate::numbers::{Questions, is_allowed};
use crate::timing::{figure, median, thread_time};
use crate::world::{World, compile, map, with_list};
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tollgate::Gate;

const QUESTIONS: usize = 1_000_000;

/// Swaps a gate 100 times a second while `run` runs, if asked to.
fn while_swapping<T>(gate: &Gate, swapping: bool, run: impl FnOnce() -> T) -> T {
    if !swapping {
        return run();
    }
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = gate.stats().swaps;
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                gate.rollback().unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let result = run();
        done.store(true, Ordering::Relaxed);
        result
    });
    assert_eq!(gate.stats().swaps - before, swaps.into_inner());
    result
}

/// How often as much two threads do as one in the same time: by the wall's clock, and by the processor's of
/// each thread, which does not see that a thread waited for another program.
struct Gain {
    wall: f64,
    processor: f64,
}

fn gain(work: &(impl Fn(usize) + Sync)) -> Gain {
    let timed = |thread: usize| {
        let (start, processor) = (Instant::now(), thread_time());
        work(thread);
        (start.elapsed().as_secs_f64(), (thread_time() - processor).as_secs_f64())
    };
    let one = timed(0);
    let barrier = Barrier::new(2);
    let part = |thread: usize| {
        barrier.wait();
        timed(thread)
    };
    let (mine, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| part(1));
        (part(0), other.join().unwrap())
    });
    Gain { wall: one.0 / mine.0 + one.0 / other.0, processor: one.1 / mine.1 + one.1 / other.1 }
}

/// A gate on the list's index, which can go back and forth to another one of the same numbers.
fn swappable(world: &World) -> Gate {
    let (policy, other) = (world.path("other.toml"), world.path("other.tgx"));
    std::fs::write(&policy, with_list("block", "numbers.txt").replace("name = \"starter\"", "name = \"other\""))
        .unwrap();
    compile(&policy, &other);
    let gate = world.gate();
    assert!(gate.swap(map(&other)).unwrap().changed);
    gate
}

fn gain_of_screen(gate: &Gate, questions: &Questions) -> Gain {
    let expected = questions.hits();
    gain(&|thread| {
        // Each thread begins elsewhere.
        let half = questions.len() / 2;
        let (first, second) = if thread == 0 { (0, half) } else { (half, 0) };
        let mut blocked = 0;
        for from in [first, second] {
            for text in questions.texts().skip(from).take(half) {
                blocked += u64::from(gate.screen(black_box(text)).is_blocked());
            }
        }
        assert_eq!(blocked, expected);
    })
}

pub(crate) fn two_threads(world: &World, rows: &mut Vec<Row>) {
    let (gate, plain) = (swappable(world), world.plain());
    let questions = world.listed.questions(7, QUESTIONS, 10, |number| is_allowed(&plain, number));
    questions.check_gates(&gate, &plain);
    let arithmetic = |_| {
        let sum = (0..100_000_000u64).fold(1u64, |sum, i| black_box(sum.wrapping_mul(6_364_136_223_846_793_005) ^ i));
        black_box(sum);
    };
    let (mut loops, mut screens, mut swapped) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..21 {
        loops.push(gain(&arithmetic));
        screens.push(gain_of_screen(&gate, &questions));
        swapped.push(while_swapping(&gate, true, || gain_of_screen(&gate, &questions)));
    }
    let wall = |gains: &[Gain]| median(gains.iter().map(|gain| gain.wall).collect());
    let processor = |gains: &[Gain]| median(gains.iter().map(|gain| gain.processor).collect());
    println!("what a second thread makes of one, by the wall's clock and by the threads' own:");
    for (what, gains) in [("a loop without memory", &loops), ("screen", &screens), ("screen while swapping", &swapped)]
    {
        println!("   {what} {:.2} ×, {:.2} ×", wall(gains), processor(gains));
    }
    for (what, gains) in [("two threads, `screen`", &screens), ("the same, swapped 100 times a second", &swapped)] {
        let share = wall(gains) / wall(&loops) * 100.0;
        let measured = format!("{share:.0} % ({:.2} of {:.2} ×)", wall(gains), wall(&loops));
        rows.push(Row::new(what, "95 % of a loop's gain", measured, share >= 95.0));
    }
}

pub(crate) fn quantile(world: &World, rows: &mut Vec<Row>) {
    let (gate, plain) = (swappable(world), world.plain());
    let questions = world.listed.questions(8, QUESTIONS, 10, |number| is_allowed(&plain, number));
    let round = || {
        let mut times: Vec<u32> = Vec::with_capacity(questions.len());
        let mut blocked = 0;
        for text in questions.texts() {
            let start = Instant::now();
            blocked += u64::from(gate.screen(black_box(text)).is_blocked());
            times.push(start.elapsed().as_nanos() as u32);
        }
        assert_eq!(blocked, questions.hits());
        let at = times.len() - times.len() / 10_000;
        let (_, quantile, rest) = times.select_nth_unstable(at);
        (f64::from(*quantile), f64::from(rest.iter().copied().max().unwrap_or(*quantile)))
    };
    let (mut still, mut swapping, mut longest) = (Vec::new(), Vec::new(), (0f64, 0f64));
    round();
    for _ in 0..20 {
        let (quantile, most) = round();
        still.push(quantile);
        longest.0 = longest.0.max(most);
        let (quantile, most) = while_swapping(&gate, true, round);
        swapping.push(quantile);
        longest.1 = longest.1.max(most);
    }
    let (still, swapping) = (median(still), median(swapping));
    println!("99.99 %: {} ns, while swapping {} ns (with the clock's 20 to 40 ns)", figure(still), figure(swapping));
    println!("longest: {} ns, while swapping {} ns: what else the machine did", figure(longest.0), figure(longest.1));
    let times = swapping / still;
    let measured = format!("{times:.2} × ({} against {} ns)", figure(swapping), figure(still));
    rows.push(Row::new("99.99 % quantile of `screen` while swapping", "at most 2 ×", measured, times <= 2.0));
}
