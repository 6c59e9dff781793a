//! Screens the texts of one row of `benches/instructions.tsv` a given number of times.
//!
//! `.ci/instructions` runs it under callgrind twice, with different numbers of passes: the difference is
//! what the calls took, without opening the index and reading the texts.
//!
//! ```console
//! $ tollgate-instructions list                        # the numbers of the list, one a line
//! $ tollgate-instructions rows                        # the names of the rows
//! $ tollgate-instructions texts E.164 > texts         # what is screened, one a line
//! $ tollgate-instructions run E.164 texts plain.tgx list.tgx 11
//! ```

use std::collections::HashSet;
use std::error::Error;
use std::hint::black_box;
use tollgate::{Action, Gate, Query, Reason, Verdict};

/// Texts of a row, all screened in one pass.
const TEXTS: usize = 1000;
const LISTED: usize = 100_000;
const BLOCK: usize = 16;

/// splitmix64 with a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Slovak and German mobile numbers, which the plan assigns and the starter policy allows.
fn mobile(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("421905{:06}", random.below(1_000_000)),
        1 => format!("421917{:06}", random.below(1_000_000)),
        _ => format!("49151{:08}", 10_000_000 + random.below(80_000_000)),
    }
}

/// The listed numbers, in random order and each once.
fn listed() -> Vec<String> {
    let mut random = Random(2);
    let mut seen = HashSet::new();
    std::iter::repeat_with(|| mobile(&mut random)).filter(|n| seen.insert(n.clone())).take(LISTED).collect()
}

fn not_listed() -> impl Iterator<Item = String> {
    let listed: HashSet<String> = listed().into_iter().collect();
    let mut random = Random(3);
    std::iter::repeat_with(move || mobile(&mut random)).filter(move |n| !listed.contains(n))
}

struct Row {
    name: &'static str,
    /// Whether the index with the list is asked.
    list: bool,
    /// In blocks, with `screen_many`.
    many: bool,
    texts: fn() -> Vec<String>,
    answer: (Action, Reason),
}

const ALLOWED: (Action, Reason) = (Action::Allow, Reason::Default);

static ROWS: [Row; 12] = [
    Row {
        name: "E.164",
        list: false,
        many: false,
        texts: || not_listed().map(|n| format!("+{n}")).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "E.164, blocks of 16",
        list: false,
        many: true,
        texts: || not_listed().map(|n| format!("+{n}")).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "national, with its prefix",
        list: false,
        many: false,
        texts: || slovak().map(|n| format!("0{n}")).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "00, with separators",
        list: false,
        many: false,
        texts: || german().map(|n| format!("00 {} {}-{}", &n[..2], &n[2..5], &n[5..])).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "sip URI",
        list: false,
        many: false,
        texts: || not_listed().map(|n| format!("sip:+{n}@pbx.example.org;user=phone")).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "emergency",
        list: false,
        many: false,
        texts: || (0..TEXTS).map(|i| ["112", "150", "155", "158"][i % 4].to_owned()).collect(),
        answer: (Action::Allow, Reason::Emergency),
    },
    Row {
        name: "unassigned",
        list: false,
        many: false,
        // The national part is one digit short.
        texts: || slovak().map(|n| format!("+421{}", &n[..8])).take(TEXTS).collect(),
        answer: (Action::Block, Reason::Unassigned),
    },
    Row {
        name: "premium",
        list: false,
        many: false,
        texts: || {
            let mut random = Random(4);
            (0..TEXTS).map(|_| format!("+421900{:06}", 100_000 + random.below(700_000))).collect()
        },
        answer: (Action::Block, Reason::Type),
    },
    Row {
        name: "100,000 listed, hit",
        list: true,
        many: false,
        texts: || listed().iter().map(|n| format!("+{n}")).take(TEXTS).collect(),
        answer: (Action::Block, Reason::List),
    },
    Row {
        name: "100,000 listed, not listed",
        list: true,
        many: false,
        texts: || not_listed().map(|n| format!("+{n}")).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "100,000 listed, not listed, blocks of 16",
        list: true,
        many: true,
        texts: || not_listed().map(|n| format!("+{n}")).take(TEXTS).collect(),
        answer: ALLOWED,
    },
    Row {
        name: "100,000 listed, unassigned",
        list: true,
        many: false,
        texts: || slovak().map(|n| format!("+421{}", &n[..8])).take(TEXTS).collect(),
        answer: (Action::Block, Reason::Unassigned),
    },
];

/// Without the calling code.
fn slovak() -> impl Iterator<Item = String> {
    not_listed().filter_map(|n| n.strip_prefix("421").map(str::to_owned))
}

fn german() -> impl Iterator<Item = String> {
    not_listed().filter(|n| n.starts_with("49"))
}

fn run(row: &Row, texts: &str, gate: &Gate, passes: usize) -> Result<(), Box<dyn Error>> {
    for text in texts.lines() {
        let verdict = gate.screen(text.as_bytes());
        if (verdict.action, verdict.reason) != row.answer {
            return Err(format!("{text}: {verdict}").into());
        }
    }
    let texts: Vec<&[u8]> = texts.lines().map(str::as_bytes).collect();
    let mut verdicts = [Verdict::EMPTY; BLOCK];
    for _ in 0..passes {
        if row.many {
            for block in texts.chunks(BLOCK) {
                black_box(gate.screen_many(&Query::new(), black_box(block), &mut verdicts)?);
            }
        } else {
            for text in &texts {
                black_box(gate.screen(black_box(text)));
            }
        }
    }
    Ok(())
}

fn row(name: &str) -> Result<&'static Row, Box<dyn Error>> {
    Ok(ROWS.iter().find(|row| row.name == name).ok_or("no such row; `rows` names them")?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => listed().iter().for_each(|n| println!("+{n}")),
        ["rows"] => ROWS.iter().for_each(|row| println!("{}", row.name)),
        ["texts", name] => (row(name)?.texts)().iter().for_each(|text| println!("{text}")),
        ["run", name, texts, plain, list, passes] => {
            let row = row(name)?;
            let texts = std::fs::read_to_string(texts)?;
            run(row, &texts, &Gate::open(if row.list { list } else { plain })?, passes.parse()?)?;
        }
        _ => return Err("give list, rows, texts ROW, or run ROW TEXTS PLAIN.tgx LIST.tgx PASSES".into()),
    }
    Ok(())
}
