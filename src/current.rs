//! What a gate holds and exchanges: one value, read by any number of threads, none of which waits.
//!
//! `arc-swap` does that for every thread, at the price of two locked instructions a reading. Each of them is a barrier:
//! a call waits until all of its own loads have arrived before the next call's may begin, which with a list larger than
//! the caches is most of its time. So the threads that own a shard (`counters.rs`) read without: a *slot* of the thread's
//! own says what it reads, by plain stores, and whoever exchanges the value pays for the barrier, on all processors at
//! once (`membarrier(2)`; hazard pointers, Michael 2004, with an asymmetric fence, P1202). All other threads, nested
//! readings, and systems without `membarrier` use `arc-swap`.

use crate::counters::{OWNED, Padded, Shard};
use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicPtr, compiler_fence};

/// How often a thread begins again, whose value was exchanged in the few nanoseconds in which it named it.
const MOST_TRIES: u32 = 16;

/// The value of the moment.
pub(crate) struct Current<T> {
    shared: ArcSwap<T>,
    /// Where the value of `shared` is, for the threads with a slot; null where there is no `membarrier`.
    own: AtomicPtr<T>,
    /// What the threads that own a shard read; null where a thread reads nothing.
    slots: [Padded<AtomicPtr<T>>; OWNED],
    /// Values that were exchanged while a slot named them.
    kept: Mutex<Vec<Arc<T>>>,
}

/// A value that is read. It stays in memory for as long as this lives; which is why this stays in its thread.
pub(crate) enum Reading<'c, T> {
    Own(OwnReading<'c, T>),
    Shared(Guard<Arc<T>>),
}

/// A reading by the thread's own slot, which names the value.
pub(crate) struct OwnReading<'c, T> {
    value: *const T,
    slot: &'c AtomicPtr<T>,
    /// A slot is one thread's.
    of_this_thread: PhantomData<*const T>,
}

impl<T> Drop for OwnReading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // What was read was read before; see `exchange`.
        self.slot.store(ptr::null_mut(), Release);
    }
}

impl<T> Deref for OwnReading<'_, T> {
    type Target = T;

    #[inline]
    #[allow(unsafe_code)]
    fn deref(&self) -> &T {
        // SAFETY: `read_own` has found the value current with the slot naming it, the slot does so until
        // this is dropped, and `exchange` lets go of nothing that a slot names.
        unsafe { &*self.value }
    }
}

impl<T> Deref for Reading<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Reading::Own(own) => own,
            Reading::Shared(guard) => guard,
        }
    }
}

impl<T> Current<T> {
    pub(crate) fn new(value: Arc<T>) -> Current<T> {
        let own = if barrier::register() { Arc::as_ptr(&value).cast_mut() } else { ptr::null_mut() };
        Current {
            shared: ArcSwap::new(value),
            own: AtomicPtr::new(own),
            slots: Default::default(),
            kept: Mutex::default(),
        }
    }

    /// The value of the moment, or one that came later. (While a value is exchanged, a reading within a reading
    /// may have the new one, and the thread's next one the old one again; once it is exchanged, all have the new.)
    /// `shard` is the running thread's.
    #[inline]
    pub(crate) fn read(&self, shard: Shard) -> Reading<'_, T> {
        match self.read_own(shard) {
            Some(own) => Reading::Own(own),
            None => Reading::Shared(self.shared.load()),
        }
    }

    /// By the thread's own slot, if it has one that is free: a reading within a reading, as of an observer that
    /// asks the gate, must not end the outer one's.
    #[inline(always)]
    pub(crate) fn read_own(&self, shard: Shard) -> Option<OwnReading<'_, T>> {
        let slot = &self.slots.get(shard.owned()?)?.0;
        if !slot.load(Relaxed).is_null() {
            return None;
        }
        match self.name_in(slot)? {
            Some(own) => Some(own),
            None => self.name_again_in(slot),
        }
    }

    /// The value was exchanged in the few nanoseconds in which the thread named it: it begins again.
    #[cold]
    #[inline(never)]
    fn name_again_in<'c>(&'c self, slot: &'c AtomicPtr<T>) -> Option<OwnReading<'c, T>> {
        for _ in 1..MOST_TRIES {
            if let Some(own) = self.name_in(slot)? {
                return Some(own);
            }
        }
        None
    }

    /// Names the value in a slot of the thread's own, which is free. None where there is none to name; and none within
    /// where it was exchanged meanwhile: then the slot is free again.
    #[inline(always)]
    fn name_in<'c>(&'c self, slot: &'c AtomicPtr<T>) -> Option<Option<OwnReading<'c, T>>> {
        let value = self.own.load(Acquire);
        if value.is_null() {
            return None;
        }
        // From here on `exchange` keeps the value, if it sees this. It does, or this thread sees that the
        // value is another one: the barrier of `exchange` lies between its store and its look at the slots;
        // so either the store here comes before that barrier, or the load below behind it. The compiler must
        // not turn the two round, and the processor may.
        //
        // `Release`, since it may follow the end of this thread's reading of the value before, and `exchange` may see
        // only this: what was read then was read before it, too.
        slot.store(value, Release);
        compiler_fence(SeqCst);
        // The same place may hold another value by now, which is then the current one, and named: what is read is
        // what this load gave.
        let now = self.own.load(Acquire);
        let own = OwnReading { value: now, slot, of_this_thread: PhantomData };
        Some(ptr::eq(now, value).then_some(own))
    }

    /// Does what a thread's first reading does once.
    pub(crate) fn prepare(&self) {
        drop(self.shared.load());
        drop(self.read(Shard::of_this_thread()));
    }

    /// Puts another value in place, and gives the one before. Who reads that one goes on; it is let go when nobody does,
    /// and nobody has been found to at a later exchange.
    pub(crate) fn exchange(&self, value: Arc<T>) -> Arc<T> {
        self.exchange_with(value, barrier::all_threads)
    }

    /// `barrier` says whether there was one.
    fn exchange_with(&self, value: Arc<T>, barrier: impl FnOnce() -> bool) -> Arc<T> {
        let mut kept = self.kept.lock();
        let place = Arc::as_ptr(&value).cast_mut();
        let old = self.shared.swap(value);
        if self.own.load(Relaxed).is_null() {
            return old;
        }
        // Before anything else: those who read it have no count in it.
        kept.push(Arc::clone(&old));
        self.own.store(place, Release);
        if barrier() {
            // A slot that does not name a value here was emptied, or filled with another one, behind its thread's last look
            // at the value (`Release` there, `Acquire` here), or is not yet filled: then its thread will see that the value
            // is another one.
            let is_named =
                |value: &Arc<T>| self.slots.iter().any(|slot| ptr::eq(slot.0.load(Acquire), Arc::as_ptr(value)));
            kept.retain(is_named);
        } else {
            // It was there when it was registered; a process may have forbidden it to itself since. From now on
            // all go by `shared`, and what is kept stays: nobody can tell who reads it. The new value is kept as well, since
            // a slot may name it already.
            self.own.store(ptr::null_mut(), Release);
            kept.push(self.shared.load_full());
        }
        old
    }
}

/// `membarrier(2)`: a barrier in all threads of the process at once.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod barrier {
    fn call(command: libc::c_int) -> libc::c_long {
        // SAFETY: the call takes three numbers, and reads and writes no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    /// Whether the system says that it has it. A filter that only pretends that calls succeed (`SECCOMP_RET_ERRNO` with no
    /// error) says 0 here, which is nothing.
    fn is_there() -> bool {
        let all = libc::c_long::from(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        matches!(call(libc::MEMBARRIER_CMD_QUERY), known if known > 0 && known & all == all)
    }

    /// Before the first barrier; a second time does nothing.
    pub(super) fn register() -> bool {
        is_there() && call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0
    }

    /// Each thread of the process has done what comes before in its program, as others see it, and nothing of what
    /// comes behind.
    pub(super) fn all_threads() -> bool {
        let all = || call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
        // A child that was forked may have to register again.
        is_there() && (all() || register() && all())
    }
}

#[cfg(not(target_os = "linux"))]
mod barrier {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn all_threads() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    /// A value that knows whether it is alive, and is overwritten when it is not.
    struct Canary<'c> {
        value: usize,
        twice: usize,
        alive: &'c AtomicUsize,
    }

    impl<'c> Canary<'c> {
        fn new(value: usize, alive: &'c AtomicUsize) -> Arc<Canary<'c>> {
            alive.fetch_add(1, SeqCst);
            Arc::new(Canary { value, twice: value * 2, alive })
        }
    }

    impl Drop for Canary<'_> {
        fn drop(&mut self) {
            (self.value, self.twice) = (1, 1);
            self.alive.fetch_sub(1, SeqCst);
        }
    }

    /// More threads than there are slots, some of which read within a reading, while others exchange: what is
    /// read is whole and never goes back, and in the end everything but the current value is gone.
    #[test]
    fn what_is_read_is_alive() {
        let alive = AtomicUsize::new(0);
        let end = AtomicBool::new(false);
        let current = Current::new(Canary::new(0, &alive));
        let all_read = Barrier::new(OWNED + 5);
        let mut by_slots = 0;
        std::thread::scope(|scope| {
            let mut readers = Vec::new();
            for i in 0..OWNED + 4 {
                let (current, end, all_read) = (&current, &end, &all_read);
                readers.push(scope.spawn(move || {
                    let shard = Shard::nth(i);
                    let (mut last, mut count, mut own) = (0, 0usize, 0usize);
                    while !end.load(Relaxed) {
                        let one = current.read(shard);
                        own += usize::from(matches!(one, Reading::Own(_)));
                        assert_eq!(one.twice, one.value * 2);
                        if i % 3 == 0 {
                            let inner = current.read(shard);
                            assert!(inner.twice == inner.value * 2 && inner.value >= one.value);
                            drop(inner);
                            if count % 64 == 0 {
                                std::thread::yield_now();
                            }
                            assert_eq!(one.twice, one.value * 2);
                        } else {
                            assert!(one.value >= last);
                            last = one.value;
                        }
                        if count == 0 {
                            drop(one);
                            all_read.wait();
                        }
                        count += 1;
                    }
                    own
                }));
            }
            all_read.wait();
            for value in 1..3000 {
                let old = current.exchange(Canary::new(value, &alive));
                assert_eq!(old.value, value - 1);
                if value % 16 == 0 {
                    std::thread::yield_now();
                }
            }
            end.store(true, Relaxed);
            by_slots = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        });
        // Where all went by `shared`, nothing of this was tried.
        assert!(!barrier::register() || by_slots > 1000, "{by_slots}");
        // Nobody reads any more, and no slot says that somebody does.
        assert!(current.slots.iter().all(|slot| slot.0.load(SeqCst).is_null()));
        drop(current.exchange(Canary::new(9999, &alive)));
        assert_eq!(alive.load(SeqCst), 1);
        drop(current);
        assert_eq!(alive.load(SeqCst), 0);
    }

    /// Who reads keeps the value, however often it is exchanged meanwhile, and by himself.
    #[test]
    fn a_reading_outlives_exchanges() {
        let alive = AtomicUsize::new(0);
        let current = Current::new(Canary::new(7, &alive));
        let reading = current.read(Shard::nth(0));
        for value in 8..20 {
            drop(current.exchange(Canary::new(value, &alive)));
            assert_eq!((reading.value, reading.twice), (7, 14));
            assert_eq!(current.read(Shard::nth(0)).value, value);
        }
        assert!(alive.load(SeqCst) <= 3);
        drop(reading);
        drop(current.exchange(Canary::new(20, &alive)));
        assert_eq!(alive.load(SeqCst), 1);
        // The slot is free again.
        assert_eq!(current.read(Shard::nth(0)).value, 20);
    }

    /// Found in review: where the barrier failed, the new value was kept by nobody, though a reading had begun with it,
    /// and the exchange after next let go of it.
    #[test]
    fn a_reading_outlives_a_barrier_that_fails() {
        if !barrier::register() {
            return; // All go by `shared` here from the beginning.
        }
        let alive = AtomicUsize::new(0);
        let current = Current::new(Canary::new(1, &alive));
        let mut reading = None;
        // A thread reads the new value after it is in place and before the barrier.
        let old = current.exchange_with(Canary::new(2, &alive), || {
            reading = Some(current.read(Shard::nth(0)));
            false
        });
        drop(old);
        for value in 3..6 {
            drop(current.exchange_with(Canary::new(value, &alive), || panic!("there is no barrier any more")));
            assert_eq!(reading.as_deref().map(|own| (own.value, own.twice)), Some((2, 4)));
            assert_eq!(current.read(Shard::nth(0)).value, value);
        }
        drop(reading);
        drop(current);
        assert_eq!(alive.load(SeqCst), 0);
    }
}
