//! Screens numbers with an index file, or, with the feature `compile`, with the built-in starter
//! policy.
//!
//! ```text
//! cargo run --example screen -- data/good/v3/everything.tgx +37126123456 112
//! cargo run --example screen --features compile -- +37126123456 112
//! ```

use tollgate::{Gate, Index};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let gate = match arguments.next_if(|argument| argument.ends_with(".tgx")) {
        Some(path) => Gate::open(path)?,
        None => Gate::new(starter()?),
    };
    for number in arguments {
        let verdict = gate.screen(number.as_bytes());
        println!("{number}: {verdict}");
    }
    let stats = gate.stats();
    for (action, reason, count) in stats.verdicts {
        println!("{count} x {} {}", action.as_str(), reason.as_str());
    }
    Ok(())
}

#[cfg(feature = "compile")]
fn starter() -> Result<Index, Box<dyn std::error::Error>> {
    let compiled = tollgate::compile::Compiler::new().starter()?;
    Ok(Index::from_bytes(compiled.index)?)
}

#[cfg(not(feature = "compile"))]
fn starter() -> Result<Index, Box<dyn std::error::Error>> {
    Err("give an index file (.tgx) first; the starter policy takes the feature `compile`".into())
}
