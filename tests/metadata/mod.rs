//! What several integration tests share: the metadata files, and numbers to try.
#![allow(dead_code)] // each test uses a part

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, fs, path::Path, process::Command, time::SystemTime};

/// libphonenumber's metadata as the crate `phonenumber` ships it.
pub(crate) struct Metadata {
    pub(crate) version: String,
    pub(crate) phone: String,
    pub(crate) short: String,
}

/// Finds the metadata through `cargo metadata`, so that no path and no copy is kept here.
pub(crate) fn metadata() -> Metadata {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let package = value["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|p| p["name"] == "phonenumber"))
        .expect("phonenumber is a dev-dependency");
    let (_, version) =
        package["version"].as_str().and_then(|v| v.split_once('+')).expect("its version names the metadata's");
    let assets = Path::new(package["manifest_path"].as_str().expect("a path")).with_file_name("assets");
    let read = |name: &str| fs::read_to_string(assets.join(name)).expect("the crate ships the metadata");
    Metadata {
        version: version.to_owned(),
        phone: read("PhoneNumberMetadata.xml"),
        short: read("ShortNumberMetadata.xml"),
    }
}

/// The text of `data/plan/SOURCES`.
pub(crate) fn sources_text(metadata: &Metadata) -> String {
    let mut text = format!(
        "The numbering plan plan.tgp is compiled from libphonenumber's metadata, release {},\n\
         as the crate phonenumber ships it (folder assets/).\n\n",
        metadata.version
    );
    for (name, content) in [("PhoneNumberMetadata.xml", &metadata.phone), ("ShortNumberMetadata.xml", &metadata.short)]
    {
        let digest = Sha256::digest(content.as_bytes());
        let hex = digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(text, "sha256 {hex}  {name}");
    }
    text.push_str("\nRegenerate with `make plan`; the licence of the metadata is in NOTICE.\n");
    text
}

/// A small generator of reproducible randomness (xorshift64*); the seed is printed.
pub(crate) struct Random(u64);

impl Random {
    /// From `TOLLGATE_SEED`, or the clock.
    pub(crate) fn from_environment() -> Random {
        let seed = match std::env::var("TOLLGATE_SEED") {
            Ok(text) => text.parse().expect("TOLLGATE_SEED is a number"),
            Err(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64),
        };
        println!("TOLLGATE_SEED={seed}");
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| (b'0' + self.below(10) as u8) as char).collect()
    }
}

/// A dialling region of the metadata, as far as numbers to try need it.
pub(crate) struct Home {
    pub(crate) id: String,
    pub(crate) calling_code: String,
    pub(crate) national_prefix: Option<String>,
    /// Patterns: the national prefix for parsing, the international prefix, and all kinds of numbers.
    pub(crate) prefix_for_parsing: Option<Hir>,
    pub(crate) international_prefix: Option<Hir>,
    pub(crate) numbers: Vec<Hir>,
    pub(crate) local_lengths: Vec<usize>,
}

/// All territories of `PhoneNumberMetadata.xml`, `001` included.
pub(crate) fn homes(phone_xml: &str) -> Vec<Home> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(phone_xml, options).expect("XML");
    let pattern = |text: &str| {
        let text: String = text.split_whitespace().collect();
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(&text).expect("a pattern")
    };
    let territories = document.descendants().filter(|node| node.has_tag_name("territory"));
    territories
        .map(|node| {
            let elements = || node.descendants().filter(|n| n.has_tag_name("nationalNumberPattern"));
            Home {
                id: node.attribute("id").expect("an id").to_owned(),
                calling_code: node.attribute("countryCode").expect("a code").to_owned(),
                national_prefix: node.attribute("nationalPrefix").map(str::to_owned),
                prefix_for_parsing: node.attribute("nationalPrefixForParsing").map(pattern),
                international_prefix: node.attribute("internationalPrefix").map(pattern),
                numbers: elements().filter_map(|n| n.text()).map(pattern).collect(),
                local_lengths: node
                    .descendants()
                    .filter_map(|n| n.attribute("localOnly"))
                    .flat_map(|list| list.split([',', '[', ']', '-']))
                    .filter_map(|n| n.parse().ok())
                    .collect(),
            }
        })
        .collect()
}

/// Random digits that a pattern matches.
pub(crate) fn sample(pattern: &Hir, random: &mut Random, out: &mut String) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).expect("digits")),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes: Vec<u8> = class.iter().flat_map(|range| range.start()..=range.end()).collect();
            out.push(*random.of(&bytes) as char);
        }
        HirKind::Class(Class::Unicode(class)) => {
            let chars: Vec<char> = class.iter().flat_map(|range| range.start()..=range.end()).collect();
            out.push(*random.of(&chars));
        }
        HirKind::Capture(capture) => sample(&capture.sub, random, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, random, out)),
        HirKind::Alternation(branches) => sample(random.of(branches), random, out),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 3);
            let times = repetition.min + random.below((most - repetition.min + 1) as usize) as u32;
            (0..times).for_each(|_| sample(&repetition.sub, random, out));
        }
    }
}

/// `sample`, as a new string.
pub(crate) fn sampled(pattern: &Hir, random: &mut Random) -> String {
    let mut out = String::new();
    sample(pattern, random, &mut out);
    out
}

/// Digits with a few of them changed, and sometimes one more or less.
pub(crate) fn mutated(digits: &str, random: &mut Random) -> String {
    let mut bytes = digits.as_bytes().to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = b'0' + random.below(10) as u8;
        }
    }
    match random.below(10) {
        0 => bytes.push(b'0' + random.below(10) as u8),
        1 if bytes.len() > 3 => {
            bytes.pop();
        }
        _ => {}
    }
    String::from_utf8(bytes).expect("digits")
}
