//! Rounds of several contenders, in turns: what disturbs the machine disturbs all of them.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// What a round's time is.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// The processor's, of the calling thread: what waits for memory counts, what waits for other programs
    /// does not.
    Thread,
    /// The wall's, where other processes or threads work for it.
    Wall,
}

/// The processor's time of the calling thread.
pub(crate) fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes a `timespec` where one is, and reads nothing.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "clock_gettime");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// One contender: what a round of it does, and how many questions it answers thereby. A round returns
/// something that is known beforehand, such as how many numbers were found.
pub(crate) struct Contender<'c> {
    round: Box<dyn FnMut() -> u64 + 'c>,
    expected: u64,
    questions: usize,
}

impl<'c> Contender<'c> {
    pub(crate) fn new(questions: usize, expected: u64, round: impl FnMut() -> u64 + 'c) -> Contender<'c> {
        Contender { round: Box::new(round), expected, questions }
    }
}

/// Nanoseconds a question, a round each.
#[derive(Clone)]
pub(crate) struct Times(pub(crate) Vec<f64>);

impl Times {
    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// How many times as long as `other` this took, round by round; the median.
    pub(crate) fn ratio(&self, other: &Times) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// Least and median.
    pub(crate) fn show(&self) -> String {
        format!("{} ({})", figure(self.min()), figure(self.median()))
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { (values[n / 2 - 1] + values[n / 2]) / 2.0 }
}

/// A few digits, however large it is.
pub(crate) fn figure(value: f64) -> String {
    match value {
        v if v >= 1000.0 => {
            let (thousands, rest) = (v.round() as u64 / 1000, v.round() as u64 % 1000);
            format!("{thousands},{rest:03}")
        }
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// Runs them in turns. Nothing of the first round counts.
pub(crate) fn race<const N: usize>(clock: Clock, rounds: usize, mut contenders: [Contender<'_>; N]) -> [Times; N] {
    let mut times = [const { Times(Vec::new()) }; N];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let (start, processor) = (Instant::now(), thread_time());
            let answer = black_box((contender.round)());
            let elapsed = match clock {
                Clock::Thread => thread_time() - processor,
                Clock::Wall => start.elapsed(),
            };
            assert_eq!(answer, contender.expected, "an answer is wrong");
            if round > 0 {
                times.0.push(elapsed.as_nanos() as f64 / contender.questions as f64);
            }
        }
    }
    times
}
