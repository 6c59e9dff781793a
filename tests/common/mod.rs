//! What the integration tests share.
#![allow(dead_code)] // each test binary uses its own part

use std::path::Path;
use tollgate::Index;
use tollgate::compile::Compiler;

/// The bytes of a policy's index.
pub(crate) fn build(policy: &str) -> Vec<u8> {
    match Compiler::new().compile_str("policy.toml", policy, Path::new(".")) {
        Ok(compiled) => compiled.index,
        Err(report) => panic!("{policy}\n{:#?}", report.diagnostics),
    }
}

/// A policy's index.
pub(crate) fn index(policy: &str) -> Index {
    Index::from_bytes(build(policy)).expect("what the compiler writes can be opened")
}

/// A deterministic generator (splitmix64) for tests that print their seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

/// A policy that uses every part of an index.
pub(crate) const EVERYTHING: &str = r#"
[policy]
name = "everything"
[site]
home = "SK"
international_prefixes = ["00", "011"]
outside_line = "9"
extensions = [3, 4]
[lists.partners]
action = "allow"
entries = ["+371 6700 0000", { number = "+37167000001", expires = "2100-01-01", note = "until the contract ends" }]
[lists.blacklist]
action = "block"
entries = ["+3712*", "+4930100..+4930199", "+33162XXXXXX", "0905 123 456", "raw:100*", "raw:sip:spam", "1181",
    "+49301234567", "+49301234568", "+12125550123", "+12125550124"]
[lists.feed]
action = "log"
entries = ["+421905*", "+44*"]
[profiles.default.outbound]
lists = ["partners", "blacklist", "feed"]
countries.block = ["CU", "LV"]
types.block = ["premium_rate", "shared_cost", "satellite"]
[profiles.default.inbound]
lists = ["blacklist"]
anonymous = "block"
[profiles.strict]
extends = "default"
outbound.countries.allow = ["SK", "CZ"]
"#;
