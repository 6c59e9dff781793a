//! Rule 2: screening allocates nothing, takes no lock, makes no system call, and never panics.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used)] // in what the tests share, as in tests

mod common;

use common::{EVERYTHING, Random, index};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use tollgate::{Direction, Gate, Query, Region};

/// Counts this thread's allocations.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every method hands its arguments on to the system's allocator, whose contract is the same.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Texts of every kind, and noise.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "",
        "112",
        "9112",
        "911",
        "100",
        "1234",
        "1181",
        "anonymous",
        "0",
        "+37126123456",
        "00371-2612-3456",
        "90037126123456",
        "+421905123456",
        "0905123456",
        "0900123456",
        "+4930155555",
        "+33162123456",
        "+44790012345",
        "sip:+37126123456;npdi;rn=+421905123456@host;user=phone",
        "\"A\" <sip:100@host>",
        "tel:5550123;phone-context=+1-212",
        "%2B37126123456",
        "#31#0905123456",
        "1-800-FLOWERS",
        "+37167000001",
        "+371670000012",
        "+881612345678",
        "+9999999999",
        "123&SIP/456",
        "raw:100",
        "100abc",
        "urn:service:sos",
        "+٣٧١٢٦١٢٣٤٥٦",
    ]
    .iter()
    .map(|t| t.as_bytes().to_vec())
    .collect();
    let mut random = Random(7);
    for _ in 0..2000 {
        let len = random.below(300) as usize;
        let alphabet: &[u8] = match random.below(4) {
            0 => b"0123456789",
            1 => b"+0123456789 -().*#;=&@<>\"%pwx",
            2 => b"sip:tel+0123456789@.;rn=npdi,%2B",
            _ => &[],
        };
        texts.push(
            (0..len)
                .map(|_| match alphabet {
                    [] => random.next() as u8,
                    some => some[random.below(some.len() as u64) as usize],
                })
                .collect(),
        );
    }
    texts
}

fn queries() -> Vec<Query<'static>> {
    let query = Query::new();
    vec![
        query,
        query.direction(Direction::Inbound),
        query.profile("strict"),
        query.home(Region::new("US").unwrap()),
        query.home(Region::new("AR").unwrap()).profile("strict"),
    ]
}

/// With a `raw:` entry no call goes by a lane (`src/lanes.rs`), so that policies come with and without.
fn policies() -> [String; 2] {
    let without = EVERYTHING.replace("\"raw:100*\", \"raw:sip:spam\", ", "");
    assert!(!without.contains("raw:"));
    [EVERYTHING.to_owned(), without]
}

#[test]
fn screening_allocates_nothing() {
    for policy in policies() {
        allocates_nothing(&Gate::new(index(&policy)));
    }
}

fn allocates_nothing(gate: &Gate) {
    let (texts, queries) = (texts(), queries());
    let _ = gate.screen(b"112"); // the thread's first call may set up arc-swap's thread-local
    let before = ALLOCATIONS.get();
    let mut blocked = 0;
    for query in &queries {
        for text in &texts {
            blocked += u32::from(gate.screen_with(query, text).unwrap().is_blocked());
        }
    }
    let after = ALLOCATIONS.get();
    assert!(blocked > 100, "the texts must reach the rules");
    assert_eq!(after - before, 0, "allocations in {} calls", texts.len() * queries.len());
    // The counter counts.
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get() - after, 2);
}

/// The first call of each thread allocated, once, although no call should: `arc-swap` keeps a node a
/// thread. A thread that prepares has it before its first call.
#[test]
fn a_prepared_threads_first_call_allocates_nothing() {
    let gate = Gate::new(index(EVERYTHING));
    let queries = queries();
    // Threads that are alive at a time, so that none finds another's node.
    let barrier = std::sync::Barrier::new(4);
    let counts = std::thread::scope(|scope| {
        let threads = [true, true, true, false].map(|prepare| {
            let (gate, queries, barrier) = (&gate, &queries, &barrier);
            scope.spawn(move || {
                if prepare {
                    gate.prepare_thread();
                }
                let before = ALLOCATIONS.get();
                let first = gate.screen(b"0900 123 456");
                let _ = gate.screen_with(&queries[1], b"+37126123456");
                let after = ALLOCATIONS.get();
                barrier.wait();
                assert!(first.is_blocked());
                (prepare, after - before)
            })
        });
        threads.map(|t| t.join().unwrap())
    });
    for (prepare, count) in counts {
        assert!(!prepare || count == 0, "{count} allocations in a prepared thread's calls");
        // An unprepared thread may find a node that another test's thread left behind.
        assert!(prepare || count < 8, "{count} allocations in a thread's first calls");
    }
}

/// In a child under seccomp's strict mode every system call but `exit` (and `read`, `write`) kills, and so
/// does reading the clock.
#[cfg(target_os = "linux")]
mod system_calls {
    use super::*;

    fn strictly(f: impl FnOnce() -> bool) -> Option<bool> {
        // SAFETY: between fork and exit the child calls `f`, which neither allocates nor locks (the
        // test above), and raw system calls: nothing that another thread of the parent could have
        // left half done.
        unsafe {
            match libc::fork() {
                -1 => panic!("fork: {}", std::io::Error::last_os_error()),
                0 => {
                    libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT);
                    let code = i32::from(!f());
                    libc::syscall(libc::SYS_exit, code);
                    std::hint::unreachable_unchecked()
                }
                child => {
                    let mut status = 0;
                    assert_eq!(libc::waitpid(child, &mut status, 0), child);
                    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status) == 0)
                }
            }
        }
    }

    #[test]
    fn screening_makes_none() {
        for policy in policies() {
            // Without the one entry that expires: that one may ask the clock.
            makes_none(&Gate::new(index(&policy.replace(
                "{ number = \"+37167000001\", expires = \"2100-01-01\", note = \"until the contract ends\" }",
                "\"+37167000001\"",
            ))));
        }
    }

    fn makes_none(gate: &Gate) {
        let (texts, queries) = (texts(), queries());
        let _ = gate.screen(b"112");
        let screened = strictly(|| {
            let mut blocked = 0;
            for query in &queries {
                for text in &texts {
                    blocked += u32::from(gate.screen_with(query, text).is_ok_and(|v| v.is_blocked()));
                }
            }
            blocked > 100
        });
        assert_eq!(screened, Some(true), "None: a system call was made and the child killed");
        // The trap works.
        let trapped = strictly(|| {
            // SAFETY: asks for the process id, no more.
            unsafe { libc::syscall(libc::SYS_getppid) != 0 }
        });
        assert_eq!(trapped, None);
    }
}
