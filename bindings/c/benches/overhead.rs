//! What a call through the C library costs more than the same call in Rust: `tollgate_screen` of the
//! installed library, as a program that loaded it calls it, beside `Gate::screen`, in one process and in
//! turns. Every answer is compared before anything is timed.
//!
//! ```text
//! make capi-bench
//! ```

use std::ffi::{CString, c_char, c_int, c_void};
use std::hint::black_box;
use std::time::Instant;
use tollgate::{Direction, Gate, Query};

/// `struct tollgate_query`.
#[repr(C)]
struct CQuery {
    size: usize,
    profile: *const c_char,
    home: *const c_char,
    direction: i32,
    flags: u32,
}

/// `struct tollgate_verdict`, as far as it is looked at here.
#[repr(C, align(8))]
struct CVerdict {
    action: u8,
    reason: u8,
    rest: [u8; 286],
}

type Open = unsafe extern "C" fn(*const c_char, *const c_void, *mut *mut c_void) -> c_int;
type Screen = unsafe extern "C" fn(*const c_void, *const CQuery, *const c_char, usize, *mut CVerdict) -> c_int;

const INDEX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/good/v3/everything.tgx");

/// What is dialled, by what happens to it.
const CALLS: [(&str, &[&str]); 4] = [
    ("E.164, no list decides", &["+421905999888", "+420601123456", "+4930200123", "+442079460018"]),
    ("dialled at home", &["0905 999 888", "00420601123456", "9 00 44 20 7946 0018", "02 5930 0000"]),
    ("a list decides", &["+37126123499", "+37167000000", "0905 123 456", "+33162123456"]),
    ("emergency", &["112", "9112", "155", "158"]),
];

/// How often all rows are measured, and in how many rounds in turns each time. The fastest round of each side counts:
/// what disturbs a round makes it slower, and some of that lasts longer than a row.
const PASSES: usize = 8;
const ROUNDS: usize = 400;
const CALLS_A_ROUND: usize = 2000;

fn main() {
    let Some(library) = std::env::args().skip(1).find(|a| !a.starts_with('-')) else {
        eprintln!("usage: overhead LIBRARY (make capi-bench)");
        std::process::exit(2);
    };
    let (open, screen) = load(&library);
    let path = CString::new(INDEX).expect("a path has no NUL");
    let mut handle = std::ptr::null_mut();
    // SAFETY: the prototype of the header, a terminated path, defaults, and room for a pointer.
    assert_eq!(unsafe { open(path.as_ptr(), std::ptr::null(), &mut handle) }, 0, "{INDEX} cannot be opened");
    let gate = Gate::open(INDEX).expect("the index is committed");

    println!("{:<34} {:>9} {:>9} {:>9} {:>7}", "", "Rust", "C", "more", "ratio");
    let profile = CString::new("tenant-7").expect("a name has no NUL");
    let query =
        CQuery { size: size_of::<CQuery>(), profile: profile.as_ptr(), home: std::ptr::null(), direction: 1, flags: 0 };
    let mut rows: Vec<(String, [f64; 2])> = Vec::new();
    for (pass, (name, texts)) in (0..PASSES).flat_map(|pass| CALLS.iter().map(move |&row| (pass, row))) {
        let mut note = |name: String, times: [f64; 2]| match rows.iter_mut().find(|(other, _)| *other == name) {
            Some((_, best)) => (0..2).for_each(|side| best[side] = best[side].min(times[side])),
            None => rows.push((name, times)),
        };
        if pass == 0 {
            eprintln!("measuring: {name}");
        }
        let c = |text: &str, verdict: &mut CVerdict| {
            // SAFETY: the prototype of the header, a gate of `open`, text and length, and room for a verdict.
            let status = unsafe { screen(handle, std::ptr::null(), text.as_ptr().cast(), text.len(), verdict) };
            assert_eq!(status, 0);
        };
        let rust = |text: &str| gate.screen(text.as_bytes());
        note(name.to_owned(), compare(texts, rust, c));

        let c = |text: &str, verdict: &mut CVerdict| {
            // SAFETY: as above, and a query whose texts live.
            let status = unsafe { screen(handle, &query, text.as_ptr().cast(), text.len(), verdict) };
            assert_eq!(status, 0);
        };
        let asked = Query::new().profile("tenant-7").direction(Direction::Inbound);
        let rust = |text: &str| gate.screen_with(&asked, text.as_bytes()).expect("the profile is there");
        note(format!("{name}, by a query"), compare(texts, rust, c));
    }
    let mut worst = f64::MIN;
    for (name, [of_rust, of_c]) in rows {
        let more = of_c - of_rust;
        println!("{name:<34} {of_rust:>6.1} ns {of_c:>6.1} ns {more:>6.1} ns {:>7.2}", of_c / of_rust);
        worst = worst.max(more);
    }
    println!("\nat the most {worst:.1} ns more; 15 ns are allowed");
    if worst > 15.0 {
        std::process::exit(1);
    }
}

/// Nanoseconds of a call in Rust and in C.
fn compare(texts: &[&str], rust: impl Fn(&str) -> tollgate::Verdict, c: impl Fn(&str, &mut CVerdict)) -> [f64; 2] {
    let mut verdict = CVerdict { action: 0, reason: 0, rest: [0; 286] };
    for text in texts {
        let answer = rust(text);
        c(text, &mut verdict);
        let number = &verdict.rest[10..54];
        let end = number.iter().position(|&b| b == 0).expect("the number is terminated");
        assert_eq!(verdict.action == 2, answer.is_blocked(), "{text}");
        assert_eq!(verdict.reason, answer.reason as u8 + 1, "{text}");
        assert_eq!(&number[..end], answer.number.to_string().as_bytes(), "{text}");
    }
    let [mut of_rust, mut of_c] = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for i in 0..CALLS_A_ROUND {
            black_box(rust(black_box(texts[i % texts.len()])));
        }
        of_rust = of_rust.min(start.elapsed().as_nanos() as f64 / CALLS_A_ROUND as f64);
        let start = Instant::now();
        for i in 0..CALLS_A_ROUND {
            c(black_box(texts[i % texts.len()]), &mut verdict);
            black_box(&verdict);
        }
        of_c = of_c.min(start.elapsed().as_nanos() as f64 / CALLS_A_ROUND as f64);
    }
    [of_rust, of_c]
}

/// The functions of a library that is loaded as a program's loader does it.
fn load(library: &str) -> (Open, Screen) {
    let path = CString::new(library).expect("a path has no NUL");
    // SAFETY: libtollgate has no constructors; a path that is none gives NULL, which ends the program.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    assert!(!handle.is_null(), "{library} cannot be loaded");
    let find = |name: &std::ffi::CStr| {
        // SAFETY: a handle of `dlopen`, a terminated name.
        let symbol = unsafe { libc::dlsym(handle, name.as_ptr()) };
        assert!(!symbol.is_null(), "{library} has no {name:?}");
        symbol
    };
    // SAFETY: these are the header's prototypes.
    unsafe {
        (
            std::mem::transmute::<*mut c_void, Open>(find(c"tollgate_open")),
            std::mem::transmute::<*mut c_void, Screen>(find(c"tollgate_screen")),
        )
    }
}
