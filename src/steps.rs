//! Counts what the call path does, in tests only: that time is proportional to the digits is
//! something to count, not to time.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// One turn of a loop: a state, a key compared, a member looked at.
pub(crate) fn tick() {
    STEPS.set(STEPS.get() + 1);
}

/// The turns that `f` takes on this thread.
pub(crate) fn count(f: impl FnOnce()) -> u64 {
    let before = STEPS.get();
    f();
    STEPS.get() - before
}
