//! What others would use: structures for whole numbers, and libphonenumber.

use fst::MapBuilder;
use hashbrown::HashSet;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType as T};
use tollgate::Region;

/// The longest key that is a prefix: what a plain transducer has to do.
#[inline]
pub(crate) fn fst_walk(map: &fst::Map<Vec<u8>>, number: &[u8]) -> Option<u64> {
    let fst = map.as_fst();
    let mut node = fst.root();
    let (mut out, mut best) = (0u64, None);
    for &byte in number {
        let Some(i) = node.find_input(byte) else { break };
        let t = node.transition(i);
        out += t.out.value();
        node = fst.node(t.addr);
        if node.is_final() {
            best = Some(out + node.final_output().value());
        }
    }
    best
}

/// A transducer over sorted numbers of any lengths: as texts they are in another order.
pub(crate) fn fst_of(keys: &[u64]) -> fst::Map<Vec<u8>> {
    // Left-aligned in fifteen digits, a number stands where its text does.
    let mut aligned: Vec<(u64, u64)> = keys.iter().map(|&key| (key * 10u64.pow(14 - key.ilog10()), key)).collect();
    aligned.sort_unstable();
    let mut builder = MapBuilder::memory();
    let mut text = String::new();
    for (_, key) in aligned {
        use std::fmt::Write as _;
        text.clear();
        write!(text, "{key}").unwrap();
        builder.insert(&text, 1).unwrap();
    }
    builder.into_map()
}

pub(crate) fn set_of(keys: &[u64]) -> HashSet<u64> {
    keys.iter().copied().collect()
}

/// The number that a text with a plus is: what a set of numbers needs first.
#[inline]
pub(crate) fn key_of(text: &[u8]) -> u64 {
    text[1..].iter().fold(0, |key, digit| key * 10 + u64::from(digit - b'0'))
}

/// Where sorted `u16` tails are under each of some heads.
pub(crate) struct Tails {
    begins: Vec<u32>,
    tails: Vec<u16>,
}

impl Tails {
    /// `bucket` says of each key, in order, in which bucket it is, and its tail there.
    fn of(keys: &[u64], buckets: usize, bucket: impl Fn(u64) -> (usize, u16)) -> Tails {
        let mut begins = vec![0; buckets + 1];
        let mut tails = Vec::with_capacity(keys.len());
        for &key in keys {
            let (at, tail) = bucket(key);
            begins[at + 1] += 1;
            tails.push(tail);
        }
        for i in 0..buckets {
            begins[i + 1] += begins[i];
        }
        Tails { begins, tails }
    }

    #[inline]
    fn contains(&self, bucket: usize, tail: u16) -> bool {
        let (from, to) = (self.begins[bucket] as usize, self.begins[bucket + 1] as usize);
        self.tails[from..to].binary_search(&tail).is_ok()
    }

    fn bytes(&self) -> usize {
        self.begins.len() * 4 + self.tails.len() * 2
    }
}

/// A direct table over all but the last six digits, a thousand to a page; below it buckets of 65,536
/// numbers.
pub(crate) struct Direct {
    pages: Vec<u32>,
    /// By head: its first bucket, and one more so that 0 is none.
    heads: Vec<u32>,
    tails: Tails,
}

const BUCKETS_OF_A_HEAD: u32 = 16; // 16 · 65,536 is a million and a little more

impl Direct {
    pub(crate) fn of(keys: &[u64]) -> Direct {
        let mut pages = vec![0u32; 1_000_000];
        let mut heads = vec![0u32; 1000];
        let mut buckets = 0;
        for head in keys.chunk_by(|a, b| a / 1_000_000 == b / 1_000_000).map(|own| own[0] / 1_000_000) {
            let page = &mut pages[(head / 1000) as usize];
            if *page == 0 {
                *page = (heads.len() / 1000) as u32;
                heads.resize(heads.len() + 1000, 0);
            }
            heads[*page as usize * 1000 + (head % 1000) as usize] = buckets + 1;
            buckets += BUCKETS_OF_A_HEAD;
        }
        let used = pages.iter().rposition(|&page| page != 0).map_or(0, |last| last + 1);
        pages.truncate(used);
        let mut direct = Direct { pages, heads, tails: Tails { begins: Vec::new(), tails: Vec::new() } };
        direct.tails = Tails::of(keys, buckets as usize, |key| direct.bucket(key).unwrap_or_default());
        direct
    }

    #[inline]
    fn bucket(&self, key: u64) -> Option<(usize, u16)> {
        let (head, tail) = (key / 1_000_000, key % 1_000_000);
        let page = *self.pages.get((head / 1000) as usize)?;
        let first = self.heads[page as usize * 1000 + (head % 1000) as usize].checked_sub(1)?;
        Some((first as usize + (tail >> 16) as usize, tail as u16))
    }

    #[inline]
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.bucket(key).is_some_and(|(bucket, tail)| self.tails.contains(bucket, tail))
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.pages.len() + self.heads.len()) * 4 + self.tails.bytes()
    }
}

/// A transducer over all but the last four digits; below it the last four of each number, sorted.
pub(crate) struct Heads {
    heads: fst::Map<Vec<u8>>,
    tails: Tails,
}

impl Heads {
    pub(crate) fn of(keys: &[u64]) -> Heads {
        let mut heads: Vec<u64> = keys.iter().map(|key| key / 10_000).collect();
        heads.dedup();
        let tails =
            Tails::of(keys, heads.len(), |key| (heads.binary_search(&(key / 10_000)).unwrap(), (key % 10_000) as u16));
        let mut texts: Vec<(String, u64)> = heads.iter().enumerate().map(|(i, h)| (h.to_string(), i as u64)).collect();
        texts.sort();
        Heads { heads: fst::Map::from_iter(texts).unwrap(), tails }
    }

    /// By its text, without plus.
    #[inline]
    pub(crate) fn contains(&self, number: &[u8]) -> bool {
        let (head, tail) = number.split_at(number.len() - 4);
        let tail = tail.iter().fold(0, |tail, digit| tail * 10 + u16::from(digit - b'0'));
        self.heads.get(head).is_some_and(|bucket| self.tails.contains(bucket as usize, tail))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.heads.as_fst().as_bytes().len() + self.tails.bytes()
    }
}

/// An example of every number type of every region, as libphonenumber's metadata has them.
pub(crate) struct Examples {
    pub(crate) e164: Vec<String>,
    /// As dialled at home, with the region.
    pub(crate) national: Vec<(Region, rlibphonenumber::Region, String)>,
}

pub(crate) fn every_region() -> Examples {
    let util = &*PHONE_NUMBER_UTIL;
    let mut examples = Examples { e164: Vec::new(), national: Vec::new() };
    let mut regions: Vec<rlibphonenumber::Region> = util.get_supported_regions().collect();
    regions.sort_by_key(ToString::to_string);
    for region in regions {
        for kind in
            [T::FixedLine, T::Mobile, T::TollFree, T::PremiumRate, T::SharedCost, T::PersonalNumber, T::VoIP, T::UAN]
        {
            let Ok(number) = util.get_example_number_for_type_and_region(region, kind) else { continue };
            examples.e164.push(util.format(&number, PhoneNumberFormat::E164).into_owned());
            let home = Region::new(&region.to_string()).unwrap();
            examples.national.push((home, region, util.format(&number, PhoneNumberFormat::National).into_owned()));
        }
    }
    examples
}

/// What `rlibphonenumber` makes of a text: whether it is a number of a known region. Its type is asked for,
/// too.
#[inline]
pub(crate) fn libphonenumber(text: &str, home: rlibphonenumber::Region) -> Option<bool> {
    let util = &*PHONE_NUMBER_UTIL;
    let number = util.parse(text, Some(home)).ok()?;
    let kind = std::hint::black_box(util.get_number_type(&number));
    Some(util.get_region_for_number(&number).is_some() && kind != T::Unknown)
}
