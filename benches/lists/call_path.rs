//! Screening beside a transducer, a hash set, and libphonenumber.

use crate::Row;
use crate::numbers::{Questions, is_allowed, is_unassigned};
use crate::peers::{every_region, fst_of, fst_walk, key_of, libphonenumber as ask_libphonenumber, set_of};
use crate::timing::{Clock, Contender, figure, race};
use crate::world::World;
use hashbrown::HashSet;
use std::hint::black_box;
use tollgate::{Gate, Index, Query, Region, Verdict};

const ROUNDS: usize = 9;
const QUESTIONS: usize = 1_000_000;
const BLOCK: usize = 16;

fn screens<'c>(gate: &'c Gate, questions: &'c Questions, blocked: u64) -> Contender<'c> {
    Contender::new(questions.len(), blocked, move || {
        questions.texts().map(|text| u64::from(gate.screen(black_box(text)).is_blocked())).sum()
    })
}

/// Blocks of 16 at a time.
fn blocks<'c>(gate: &'c Gate, questions: &'c Questions, blocked: u64) -> Contender<'c> {
    Contender::new(questions.len(), blocked, move || {
        let mut texts = questions.texts();
        let mut verdicts = [Verdict::EMPTY; BLOCK];
        let mut blocked = 0;
        loop {
            let mut block: [&[u8]; BLOCK] = [&[]; BLOCK];
            let mut count = 0;
            for (place, text) in block.iter_mut().zip(&mut texts) {
                *place = text;
                count += 1;
            }
            if count == 0 {
                return blocked;
            }
            gate.screen_many(&Query::new(), black_box(&block[..count]), &mut verdicts).unwrap();
            blocked += verdicts[..count].iter().map(|v| u64::from(v.is_blocked())).sum::<u64>();
        }
    })
}

fn walks<'c>(map: &'c fst::Map<Vec<u8>>, questions: &'c Questions) -> Contender<'c> {
    Contender::new(questions.len(), questions.hits(), move || {
        questions.texts().map(|text| u64::from(fst_walk(map, &black_box(text)[1..]).is_some())).sum()
    })
}

fn looks<'c>(set: &'c HashSet<u64>, questions: &'c Questions) -> Contender<'c> {
    Contender::new(questions.len(), questions.hits(), move || {
        questions.texts().map(|text| u64::from(set.contains(&key_of(black_box(text))))).sum()
    })
}

pub(crate) fn speed(world: &World, rows: &mut Vec<Row>) {
    let keys = world.listed.sorted();
    let (map, set) = (fst_of(&keys), set_of(&keys));
    drop(keys);
    let (gate, plain) = (world.gate(), world.plain());
    // As a program has it that reads the file: in memory of its own, which the system may put in large pages.
    let owned = Gate::new(Index::open(&world.index).unwrap());
    let allowed = |number| is_allowed(&plain, number);
    let clean = world.listed.questions(1, QUESTIONS, 0, allowed);
    let tenth = world.listed.questions(2, QUESTIONS, 10, allowed);
    for questions in [&clean, &tenth] {
        questions.check_gates(&gate, &plain);
        questions.check_peers(Some(&map), &set);
    }

    let [ours, in_memory, many, without, fst, hash] = race(
        Clock::Thread,
        ROUNDS,
        [
            screens(&gate, &clean, 0),
            screens(&owned, &clean, 0),
            blocks(&gate, &clean, 0),
            screens(&plain, &clean, 0),
            walks(&map, &clean),
            looks(&set, &clean),
        ],
    );
    println!("not listed, ns a number, least (median):");
    println!("   screen {}, of an index in memory {}", ours.show(), in_memory.show());
    println!("   screen_many in blocks of {BLOCK} {}", many.show());
    println!("   screen without the list {}", without.show());
    println!("   fst walk {}, hashbrown {}", fst.show(), hash.show());
    let times = fst.ratio(&ours);
    let measured = format!("{times:.1} × ({} against {} ns)", figure(ours.min()), figure(fst.min()));
    rows.push(Row::new("`screen`, not listed, against the `fst` walk", "5 × faster", measured, times >= 5.0));
    let times = ours.ratio(&hash);
    let measured = format!("{times:.2} × ({} against {} ns)", figure(ours.min()), figure(hash.min()));
    rows.push(Row::new("the same, against `hashbrown`", "at most 2 ×, aim 1 ×", measured, times <= 2.0));
    let many_times = ours.ratio(&many);
    let many_measured = format!("{many_times:.2} × ({} against {} ns)", figure(many.min()), figure(ours.min()));

    let [ours, many, fst, hash] = race(
        Clock::Thread,
        ROUNDS,
        [
            screens(&gate, &tenth, tenth.hits()),
            blocks(&gate, &tenth, tenth.hits()),
            walks(&map, &tenth),
            looks(&set, &tenth),
        ],
    );
    println!("10 % listed:");
    println!("   screen {}, screen_many {}", ours.show(), many.show());
    println!("   fst walk {}, hashbrown {}", fst.show(), hash.show());
    let times = fst.ratio(&ours);
    let measured = format!("{times:.1} × ({} against {} ns)", figure(ours.min()), figure(fst.min()));
    rows.push(Row::new("`screen`, 10 % listed, against the `fst` walk", "4 × faster", measured, times >= 4.0));
    rows.push(Row::new(
        "`screen_many`, blocks of 16, against `screen`",
        "2 × faster",
        many_measured,
        many_times >= 2.0,
    ));
    println!("   screen_many is {:.2} × as fast as screen here", ours.ratio(&many));

    let unassigned = world.listed.questions(3, QUESTIONS / 4, 0, |number| is_unassigned(&plain, number));
    unassigned.check_gates(&gate, &plain);
    let all = unassigned.len() as u64;
    let [ours, without] =
        race(Clock::Thread, ROUNDS, [screens(&gate, &unassigned, all), screens(&plain, &unassigned, all)]);
    println!("numbers that the plan assigns to nobody, not listed:");
    println!("   screen {}, without the list {}", ours.show(), without.show());
}

/// Slovak and German mobile numbers, which the plan assigns and the starter policy allows: with them
/// libphonenumber is quickest.
fn home_mobiles(count: usize) -> Vec<String> {
    let mut random = crate::numbers::Random(2);
    (0..count)
        .map(|_| match random.below(3) {
            0 => format!("421905{:06}", random.below(1_000_000)),
            1 => format!("421917{:06}", random.below(1_000_000)),
            _ => format!("49151{:08}", 10_000_000 + random.below(80_000_000)),
        })
        .collect()
}

type Dialled = (Region, rlibphonenumber::Region, String);

pub(crate) fn libphonenumber(world: &World, rows: &mut Vec<Row>) {
    let gate = world.plain();
    let (sk, their_sk) = (Region::new("SK").unwrap(), rlibphonenumber::Region::SK);
    let abroad = |e164: &str| (sk, their_sk, format!("00{}", e164.trim_start_matches('+')));
    let home = home_mobiles(2_000);
    let examples = every_region();
    let plus: Vec<Dialled> = home.iter().map(|n| (sk, their_sk, format!("+{n}"))).collect();
    let all_plus: Vec<Dialled> = examples.e164.iter().map(|n| (sk, their_sk, n.clone())).collect();
    let dialled: Vec<Dialled> = home
        .iter()
        .map(|n| match n.strip_prefix("421") {
            Some(n) => (sk, their_sk, format!("0{} {} {}", &n[..3], &n[3..6], &n[6..])),
            None => (sk, their_sk, format!("00{}-{}", &n[..5], &n[5..])),
        })
        .collect();
    let mut all_dialled = examples.national;
    all_dialled.extend(examples.e164.iter().map(|n| abroad(n)));
    for (name, asked, texts) in [
        ("`rlibphonenumber`, E.164, every type of every region", 50.0, &all_plus),
        ("the same, mobiles of two countries", 50.0, &plus),
        ("`rlibphonenumber`, dialled, every type of every region", 20.0, &all_dialled),
        ("the same, mobiles of two countries", 20.0, &dialled),
    ] {
        let numbers = check_readings(&gate, texts);
        println!("{name}: {} texts, {numbers} of them numbers of somebody", texts.len());
        // As in a program: what is dialled at the site's home takes no query.
        let is_home = texts.iter().all(|(home, ..)| *home == sk);
        let questions: Vec<Query> =
            texts.iter().map(|(home, ..)| if *home == sk { Query::new() } else { Query::new().home(*home) }).collect();
        let blocked: u64 = questions
            .iter()
            .zip(texts)
            .map(|(query, (.., text))| u64::from(gate.screen_with(query, text.as_bytes()).unwrap().is_blocked()))
            .sum();
        let theirs: u64 =
            texts.iter().filter_map(|(_, home, text)| ask_libphonenumber(text, *home)).map(u64::from).sum();
        let passes = (100_000 / texts.len()).max(1);
        let [ours, peer] = race(
            Clock::Thread,
            ROUNDS,
            [
                Contender::new(texts.len() * passes, blocked * passes as u64, || {
                    let mut blocked = 0;
                    for _ in 0..passes {
                        if is_home {
                            for (.., text) in texts {
                                blocked += u64::from(gate.screen(black_box(text.as_bytes())).is_blocked());
                            }
                            continue;
                        }
                        for (query, (.., text)) in questions.iter().zip(texts) {
                            let verdict = gate.screen_with(black_box(query), black_box(text.as_bytes())).unwrap();
                            blocked += u64::from(verdict.is_blocked());
                        }
                    }
                    blocked
                }),
                Contender::new(texts.len(), theirs, || {
                    texts
                        .iter()
                        .filter_map(|(_, home, text)| ask_libphonenumber(black_box(text), *home))
                        .map(u64::from)
                        .sum()
                }),
            ],
        );
        println!("   screen {}, rlibphonenumber {}", ours.show(), peer.show());
        let times = peer.ratio(&ours);
        let measured = format!("{times:.0} × ({} against {} ns)", figure(ours.min()), figure(peer.min()));
        rows.push(Row::new(name, &format!("{asked} × faster"), measured, times >= asked));
    }
}

/// Both read the same number, or Tollgate says that it is none. How many do both take for somebody's?
fn check_readings(gate: &Gate, texts: &[Dialled]) -> usize {
    let util = &*rlibphonenumber::PHONE_NUMBER_UTIL;
    let mut both = 0;
    for (home, region, text) in texts {
        let ours = gate.screen_with(&Query::new().home(*home), text.as_bytes()).unwrap();
        let theirs = util.parse(text, Some(*region)).unwrap();
        let theirs = util.format(&theirs, rlibphonenumber::PhoneNumberFormat::E164);
        assert!(ours.number.to_string() == theirs || !ours.has_number(), "{text} in {home}: {ours} {theirs}");
        both += usize::from(ours.has_number() && !ours.region.is_none());
    }
    assert!(both * 10 > texts.len() * 9, "{both} of {}", texts.len());
    both
}
