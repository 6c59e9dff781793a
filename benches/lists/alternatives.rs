//! Structures for whole numbers and for prefixes that were tried beside the one that is used.

use crate::numbers::{Listed, Questions, Random, Space, is_allowed};
use crate::peers::{Direct, Heads, fst_of, fst_walk, set_of};
use crate::timing::{Clock, Contender, Times, figure, race};
use crate::world::{World, compile, open, with_list, write_list};
use roaring::RoaringTreemap;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use tollgate::Gate;
use vers_vecs::EliasFanoVec;
use xorf::{BinaryFuse8, Filter};

const ROUNDS: usize = 5;
const QUESTIONS: usize = 500_000;

/// By number.
fn keyed<'c>(questions: &'c Questions, contains: impl Fn(u64) -> bool + 'c) -> Contender<'c> {
    Contender::new(questions.len(), questions.hits(), move || {
        questions.keys.iter().map(|&key| u64::from(contains(black_box(key)))).sum()
    })
}

/// By digits without plus.
fn spelled<'c>(questions: &'c Questions, contains: impl Fn(&[u8]) -> bool + 'c) -> Contender<'c> {
    Contender::new(questions.len(), questions.hits(), move || {
        questions.texts().map(|text| u64::from(contains(&black_box(text)[1..]))).sum()
    })
}

fn screened<'c>(gate: &'c Gate, questions: &'c Questions, blocked: u64) -> Contender<'c> {
    Contender::new(questions.len(), blocked, move || {
        questions.texts().map(|text| u64::from(gate.screen(black_box(text)).is_blocked())).sum()
    })
}

/// An index of so many of the world's numbers, and what it takes a number.
fn index_of(world: &World, listed: &Listed) -> (Gate, f64) {
    let name = format!("{}", listed.count);
    let (list, policy, index) =
        (world.path(&format!("{name}.txt")), world.path(&format!("{name}.toml")), world.path(&format!("{name}.tgx")));
    write_list(listed, &list);
    std::fs::write(&policy, with_list("block", &format!("{name}.txt"))).unwrap();
    compile(&policy, &index);
    std::fs::remove_file(list).unwrap();
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    (open(&index), (size(&index) - size(&world.plain)) as f64 / listed.count as f64)
}

/// A structure and what it takes.
struct Tried {
    name: &'static str,
    bytes: f64,
    misses: Times,
    hits: Times,
}

/// All structures for whole numbers, with so many of the world's.
pub(crate) fn whole_numbers(world: &World, count: u64) {
    let plain = world.plain();
    let listed = Listed::new(Space::world(), count);
    let allowed = |number| is_allowed(&plain, number);
    let misses = listed.questions(11, QUESTIONS, 0, allowed);
    let hits = listed.questions(12, QUESTIONS, 1, allowed);
    let keys = listed.sorted();
    let each = |bytes: usize| bytes as f64 / count as f64;
    let mut tried: Vec<Tried> = Vec::new();
    let mut races = |name, bytes, contains: &dyn Fn(u64) -> bool| {
        let [misses, hits] = race(Clock::Thread, ROUNDS, [keyed(&misses, contains), keyed(&hits, contains)]);
        tried.push(Tried { name, bytes, misses, hits });
    };

    races("sorted `u64`, binary search", 8.0, &|key| keys.binary_search(&key).is_ok());
    let set = set_of(&keys);
    misses.check_peers(None, &set);
    hits.check_peers(None, &set);
    races("`hashbrown` set of `u64`", each(set.allocation_size()), &|key| set.contains(&key));
    drop(set);
    let treemap: RoaringTreemap = RoaringTreemap::from_sorted_iter(keys.iter().copied()).unwrap();
    races("`roaring` treemap (serialized size)", each(treemap.serialized_size()), &|key| treemap.contains(key));
    drop(treemap);
    let elias_fano = EliasFanoVec::from_slice(&keys);
    races("Elias-Fano of all numbers (`vers-vecs`, predecessor)", each(elias_fano.heap_size()), &|key| {
        elias_fano.predecessor(key) == Some(key)
    });
    drop(elias_fano);
    let direct = Direct::of(&keys);
    races("direct table, buckets of 65,536, sorted `u16` tails", each(direct.bytes()), &|key| direct.contains(key));
    let filter = BinaryFuse8::try_from(&keys).unwrap();
    let filter_bytes = filter.fingerprints.len();
    races("binary fuse filter (8 bits) in front of that", each(direct.bytes() + filter_bytes), &|key| {
        filter.contains(&key) && direct.contains(key)
    });
    drop((direct, filter));

    let mut races = |name, bytes, contains: &dyn Fn(&[u8]) -> bool| {
        let [misses, hits] = race(Clock::Thread, ROUNDS, [spelled(&misses, contains), spelled(&hits, contains)]);
        tried.push(Tried { name, bytes, misses, hits });
    };
    let map = fst_of(&keys);
    let map_bytes = map.as_fst().as_bytes().len();
    races("`fst` over all digits (digits in)", each(map_bytes), &|digits| fst_walk(&map, digits).is_some());
    drop(map);
    let heads = Heads::of(&keys);
    races("`fst` over all but four digits, sorted `u16` tails (digits in)", each(heads.bytes()), &|digits| {
        heads.contains(digits)
    });
    drop((heads, keys));

    let (gate, bytes) = index_of(world, &listed);
    for questions in [&misses, &hits] {
        questions.check_gates(&gate, &plain);
    }
    let hit = hits.hits();
    let [miss, miss_without, hit, hit_without] = race(
        Clock::Thread,
        ROUNDS,
        [
            screened(&gate, &misses, 0),
            screened(&plain, &misses, 0),
            screened(&gate, &hits, hit),
            screened(&plain, &hits, 0),
        ],
    );
    let without = Times(miss_without.0.iter().zip(&hit_without.0).map(|(a, b)| a.min(*b)).collect());
    let more = |times: &Times, base: &Times| Times(times.0.iter().zip(&base.0).map(|(a, b)| a - b).collect());
    tried.push(Tried {
        name: "**ours**: `Gate::screen` with the list, less the same without it",
        bytes,
        misses: more(&miss, &miss_without),
        hits: more(&hit, &hit_without),
    });
    tried.push(Tried { name: "`Gate::screen`, text to verdict", bytes, misses: miss, hits: hit });

    println!(
        "\n| {count} numbers (entropy {:.2}) | bytes a number | not listed, ns | listed, ns |",
        listed.space.entropy(count)
    );
    println!("| --- | --- | --- | --- |");
    for row in &tried {
        println!("| {} | {:.2} | {} | {} |", row.name, row.bytes, row.misses.show(), row.hits.show());
    }
    println!("(`Gate::screen` without any list: {} ns)", without.show());
}

/// 50,000 prefixes of six to nine digits, asked with numbers of the same calling codes.
pub(crate) fn prefixes(world: &World) {
    let plain = world.plain();
    let mut random = Random(13);
    let mut prefixes = BTreeSet::new();
    while prefixes.len() < 50_000 {
        let number = world.listed.space.number(random.below(world.listed.space.size())).to_string();
        prefixes.insert(number[..6 + random.below(4) as usize].to_owned());
    }
    let (list, policy, index) = (world.path("prefixes.txt"), world.path("prefixes.toml"), world.path("prefixes.tgx"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&list).unwrap());
    for prefix in &prefixes {
        writeln!(file, "+{prefix}*").unwrap();
    }
    file.into_inner().unwrap();
    std::fs::write(&policy, with_list("block", "prefixes.txt")).unwrap();
    compile(&policy, &index);
    let gate = open(&index);
    let map = fst::Map::from_iter(prefixes.iter().map(|prefix| (prefix, 1))).unwrap();
    let is_covered = |number: u64| fst_walk(&map, number.to_string().as_bytes()).is_some();
    println!("50,000 prefixes, ns, least (median):");
    for covered in [false, true] {
        let mut questions = world
            .listed
            .questions(14, QUESTIONS, 0, |number| is_allowed(&plain, number) && is_covered(number) == covered);
        questions.listed.fill(covered);
        questions.check_gates(&gate, &plain);
        let hits = questions.hits();
        let [ours, without, walk] = race(
            Clock::Thread,
            ROUNDS,
            [
                screened(&gate, &questions, hits),
                screened(&plain, &questions, 0),
                spelled(&questions, |digits| fst_walk(&map, digits).is_some()),
            ],
        );
        let more = figure(ours.median() - without.median());
        println!("   {}:", if covered { "covered" } else { "not covered" });
        println!(
            "      `fst` walk {}; screen {}, without them {}: {more} more",
            walk.show(),
            ours.show(),
            without.show()
        );
    }
}

/// What a plot shows of one size: nanoseconds and bytes, by structure.
pub(crate) struct Point {
    pub(crate) count: u64,
    /// Screen, `fst` walk, `hashbrown`, the direct table.
    pub(crate) times: [f64; 4],
    /// Ours, `fst`, `hashbrown`, Elias-Fano.
    pub(crate) bytes: [f64; 4],
}

/// One size for the plots: 10 % of the questions are listed.
pub(crate) fn point(world: &World, count: u64) -> Point {
    let plain = world.plain();
    let listed = Listed::new(Space::world(), count);
    let questions = listed.questions(15, QUESTIONS, 10, |number| is_allowed(&plain, number));
    let keys = listed.sorted();
    let (gate, bytes) = index_of(world, &listed);
    let (map, set, direct) = (fst_of(&keys), set_of(&keys), Direct::of(&keys));
    questions.check_gates(&gate, &plain);
    questions.check_peers(Some(&map), &set);
    let times = race(
        Clock::Thread,
        ROUNDS,
        [
            screened(&gate, &questions, questions.hits()),
            spelled(&questions, |digits| fst_walk(&map, digits).is_some()),
            keyed(&questions, |key| set.contains(&key)),
            keyed(&questions, |key| direct.contains(key)),
        ],
    );
    let each = |bytes: usize| bytes as f64 / count as f64;
    Point {
        count,
        times: times.map(|times| times.min()),
        bytes: [
            bytes,
            each(map.as_fst().as_bytes().len()),
            each(set.allocation_size()),
            each(EliasFanoVec::from_slice(&keys).heap_size()),
        ],
    }
}
