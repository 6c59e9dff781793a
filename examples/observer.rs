//! An observer that logs blocked calls, and those that a `log` list would have blocked, as JSON
//! lines on standard error.
//!
//! The gate calls an observer on the thread of the call, so this one only puts the event into a
//! queue, without waiting: where the queue is full, the event is dropped and counted.
//!
//! ```text
//! cargo run --example observer -- +37126123456 0905123457 112
//! ```

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tollgate::{Error, GateOptions, Observer, Swap, Verdict};

/// Events that may wait to be written.
const QUEUE: usize = 1024;
/// Bytes of a dialled text that are kept: it may be anything that somebody sent.
const MAX_TEXT: usize = 128;

enum Event {
    Call { dialled: Vec<u8>, verdict: Verdict },
    Swapped(Swap),
    Refused(String),
}

struct Log {
    queue: SyncSender<Event>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    fn put(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    fn call(&self, dialled: &[u8], verdict: &Verdict) {
        let dialled = dialled[..dialled.len().min(MAX_TEXT)].to_vec();
        self.put(Event::Call { dialled, verdict: *verdict });
    }
}

impl Observer for Log {
    fn blocked(&self, dialled: &[u8], verdict: &Verdict) {
        self.call(dialled, verdict);
    }

    fn would_block(&self, dialled: &[u8], verdict: &Verdict) {
        self.call(dialled, verdict);
    }

    fn swapped(&self, swap: &Swap) {
        self.put(Event::Swapped(*swap));
    }

    fn refused(&self, error: &Error) {
        self.put(Event::Refused(error.to_string()));
    }
}

/// Writes events until the observer, and with it the queue, is gone.
fn write(queue: Receiver<Event>) {
    for event in queue {
        let line = match event {
            Event::Call { dialled, verdict } => serde_json::json!({
                "event": if verdict.is_blocked() { "blocked" } else { "would_block" },
                "dialled": String::from_utf8_lossy(&dialled),
                "number": verdict.number.to_string(),
                "reason": verdict.reason.as_str(),
                "list": if verdict.is_blocked() { verdict.list } else { verdict.shadow }.as_str(),
                "profile": verdict.profile.as_str(),
            }),
            Event::Swapped(swap) => serde_json::json!({
                "event": "swapped",
                "generation": swap.generation,
                "entries": swap.entries,
            }),
            Event::Refused(why) => serde_json::json!({ "event": "refused", "why": why }),
        };
        eprintln!("{line}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/good/v3/everything.tgx");
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let writer = std::thread::spawn(move || write(receiver));
    let gate = GateOptions::new().observer(Log { queue: sender, dropped: Arc::clone(&dropped) }).open(index)?;

    for number in std::env::args().skip(1) {
        println!("{}", gate.screen(number.as_bytes()));
    }
    gate.reload()?;

    drop(gate); // and with it the observer, which ends the writer
    writer.join().map_err(|_| "the writer panicked")?;
    if dropped.load(Relaxed) > 0 {
        eprintln!("{} events were dropped", dropped.load(Relaxed));
    }
    Ok(())
}
