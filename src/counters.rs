//! Counters that cost the call path next to nothing: additions to the thread's own shard.
//!
//! A shard is a set of cache lines that one thread alone writes, so that threads do not pass a line
//! to and fro, and the addition needs no bus lock, which would cost as much as reading a number.
//! Only the first [`OWNED`] threads of a process that count anything have one; those after them take
//! turns at the [`SHARED`] shards and add atomically: nothing is given back when a thread ends, since
//! a destructor could run at any time. Long-lived workers own theirs; where every call has a thread
//! of its own, as in Asterisk, counting costs the few nanoseconds more.
//!
//! Counts are exact, a reading is not a snapshot: a call under way may be in one counter and not yet
//! in another.

use crate::verdict::{Action, Reason, Verdict};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Threads that own a shard.
pub(crate) const OWNED: usize = 16;
/// Shards that all others share.
const SHARED: usize = 16;
const SHARDS: usize = OWNED + SHARED;

/// Two cache lines, since adjacent lines are fetched in pairs on common x86 machines.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct Padded<T>(pub(crate) T);

thread_local! {
    /// Neither allocates nor has a destructor, so that it is safe in any thread at any time. [`usize::MAX`]: not asked for
    /// yet.
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The shard of the running thread. Asked for once a call: in a shared library that is a call of its own.
/// Another thread must not have it: `current.rs` relies on that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shard(usize, PhantomData<*const ()>);

impl Shard {
    #[inline]
    pub(crate) fn of_this_thread() -> Shard {
        let mine = MINE.try_with(|mine| {
            if mine.get() == usize::MAX {
                mine.set(next_shard());
            }
            mine.get()
        });
        Shard(mine.unwrap_or(OWNED) % SHARDS, PhantomData)
    }

    /// The same, if the thread owns it and has asked before: nearly every call's first question.
    #[inline(always)]
    pub(crate) fn owned_by_this_thread() -> Option<Shard> {
        let mine = MINE.try_with(Cell::get).ok()?;
        (mine < OWNED).then_some(Shard(mine, PhantomData))
    }

    /// For tests that may not depend on how many threads there were before: as the `n`-th thread of a process has it.
    /// Each number in one thread at a time.
    #[cfg(test)]
    pub(crate) fn nth(n: usize) -> Shard {
        Shard(n % SHARDS, PhantomData)
    }

    /// Its number, where the thread owns it: no other thread of the process ever has it.
    #[inline]
    pub(crate) fn owned(self) -> Option<usize> {
        Some(self.0).filter(|&shard| shard < OWNED)
    }
}

/// Never gives one of the owned shards twice: 2^64 threads do not fit in a process's life.
#[cold]
fn next_shard() -> usize {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    let thread = THREADS.fetch_add(1, Relaxed);
    if thread < OWNED as u64 { thread as usize } else { OWNED + (thread % SHARED as u64) as usize }
}

/// Adds one to a counter of this shard.
#[inline]
fn add(counter: &AtomicU64, shard: Shard) {
    if shard.owned().is_some() {
        // Nobody else writes it.
        counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
    } else {
        counter.fetch_add(1, Relaxed);
    }
}

/// A counter that many threads add to.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    shards: [Padded<AtomicU64>; SHARDS],
}

impl Counter {
    #[inline]
    pub(crate) fn add_one(&self, shard: Shard) {
        add(&self.shards[shard.0 % SHARDS].0, shard);
    }

    pub(crate) fn get(&self) -> u64 {
        self.shards.iter().map(|s| s.0.load(Relaxed)).sum()
    }
}

const REASONS: usize = Reason::ALL.len();

/// Verdicts by action and reason, and shadow verdicts.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    shards: [Padded<[[AtomicU64; REASONS]; 2]>; SHARDS],
    shadow: Counter,
}

impl Verdicts {
    #[inline]
    pub(crate) fn count(&self, verdict: &Verdict, shard: Shard) {
        let blocked = usize::from(verdict.action == Action::Block);
        add(&self.shards[shard.0 % SHARDS].0[blocked][verdict.reason as usize], shard);
        if verdict.would_block() {
            self.shadow.add_one(shard);
        }
    }

    /// A call that passes, by the default.
    #[inline(always)]
    pub(crate) fn count_passed(&self, shard: Shard) {
        add(&self.shards[shard.0 % SHARDS].0[0][Reason::Default as usize], shard);
    }

    pub(crate) fn get(&self, action: Action, reason: Reason) -> u64 {
        let blocked = usize::from(action == Action::Block);
        self.shards.iter().map(|s| s.0[blocked][reason as usize].load(Relaxed)).sum()
    }

    pub(crate) fn shadow(&self) -> u64 {
        self.shadow.get()
    }
}

/// Fewer shards for lists: there may be ten thousand of them, and few calls meet a list at all.
const LIST_SHARDS: usize = 4;

/// What one list did, across all indexes that had a list of its name.
#[derive(Debug, Default)]
pub(crate) struct ListCounter {
    /// Verdicts that it decided, and verdicts that it, a log list, would have blocked.
    shards: [Padded<[AtomicU64; 2]>; LIST_SHARDS],
}

impl ListCounter {
    #[inline]
    pub(crate) fn decided(&self, shard: Shard) {
        self.shards[shard.0 % LIST_SHARDS].0[0].fetch_add(1, Relaxed);
    }

    #[inline]
    pub(crate) fn shadowed(&self, shard: Shard) {
        self.shards[shard.0 % LIST_SHARDS].0[1].fetch_add(1, Relaxed);
    }

    /// (decided, shadow)
    pub(crate) fn get(&self) -> (u64, u64) {
        let sum = |i: usize| self.shards.iter().map(|s| s.0[i].load(Relaxed)).sum();
        (sum(0), sum(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_addition_is_lost() {
        let counter = Counter::default();
        std::thread::scope(|s| {
            for _ in 0..40 {
                s.spawn(|| (0..1000).for_each(|_| counter.add_one(Shard::of_this_thread())));
            }
        });
        assert_eq!(counter.get(), 40_000);
    }
}
