//! Reads `region<TAB>text` lines on standard input and prints, for each,
//! `number<TAB>region<TAB>type<TAB>kind`: what is dialled in that region. `tests/oracle/phonenumbers.py`
//! compares the answers with those of PyPI's `phonenumbers`.
//!
//! ```text
//! $ printf 'SK\t0900 123 456\nUS\t911\n' | cargo run -q --features compile --example oracle_answers
//! +421900123456 SK premium_rate number
//! +1911 - unknown emergency
//! ```
//!
//! (with tabs between the fields)

use std::io::{self, BufRead, BufWriter, Write};
use tollgate::{Dialling, NumberingPlan, Region, compile::plan::BUILT_IN};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = NumberingPlan::from_bytes(BUILT_IN)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (home, text) = line.split_once('\t').ok_or("a line is not `region<TAB>text`")?;
        let home = Region::new(home).unwrap_or(Region::NONE);
        // The number is printed for short and emergency calls too: what libphonenumber parses them as.
        match plan.read(home, text) {
            Some(number) => {
                let (region, number_type) = plan.classify(&number);
                let region = if region.is_none() { "-" } else { region.as_str() };
                write!(out, "{number}\t{region}\t{number_type}\t")?;
            }
            None => write!(out, "-\t-\t-\t")?,
        }
        let kind = match plan.dial(home, text) {
            Dialling::Emergency => "emergency",
            Dialling::Withheld => "withheld",
            Dialling::Short => "short",
            Dialling::Number(_) => "number",
            _ => "invalid",
        };
        writeln!(out, "{kind}")?;
    }
    out.flush()?;
    Ok(())
}
