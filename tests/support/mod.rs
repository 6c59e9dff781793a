//! What several integration tests share: the metadata files, and numbers to try.
#![allow(dead_code)] // each test uses a part

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
