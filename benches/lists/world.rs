//! Policies, list files and indexes that the parts share.

use crate::numbers::{Listed, Space};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tollgate::compile::{Compiler, STARTER, write_file};
use tollgate::{Gate, GateOptions, Index};

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) listed: Listed,
    /// One `+` and number a line, in random order.
    pub(crate) numbers: PathBuf,
    pub(crate) policy: PathBuf,
    /// The starter policy with that list.
    pub(crate) index: PathBuf,
    /// The starter policy alone.
    pub(crate) plain: PathBuf,
}

impl World {
    pub(crate) fn new(count: u64) -> World {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (numbers, policy, index, plain) = (at("numbers.txt"), at("policy.toml"), at("policy.tgx"), at("plain.tgx"));
        let listed = Listed::new(Space::world(), count);
        write_list(&listed, &numbers);
        std::fs::write(&policy, with_list("block", "numbers.txt")).unwrap();
        compile(&policy, &index);
        write_file(&plain, &Compiler::new().starter().unwrap().index).unwrap();
        World { folder, listed, numbers, policy, index, plain }
    }

    /// The gate with the list, on a mapped file as several processes share it.
    pub(crate) fn gate(&self) -> Gate {
        open(&self.index)
    }

    pub(crate) fn plain(&self) -> Gate {
        open(&self.plain)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn write_list(listed: &Listed, path: &Path) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    listed.write(&mut out).unwrap();
    out.flush().unwrap();
}

/// The starter policy with one list more, whose numbers stand in a file.
pub(crate) fn with_list(action: &str, file: &str) -> String {
    let policy = STARTER.replacen("# lists = [\"partners\", \"blacklist\"]", "lists = [\"register\"]", 1);
    assert!(policy != STARTER, "the starter policy has changed: find where its profile names lists");
    format!("{policy}\n[lists.register]\naction = \"{action}\"\nfiles = [\"{file}\"]\n")
}

pub(crate) fn compile(policy: &Path, index: &Path) {
    let compiled = Compiler::new().compile_file(policy).unwrap_or_else(|r| panic!("{:#?}", r.diagnostics));
    write_file(index, &compiled.index).unwrap();
}

pub(crate) fn open(index: &Path) -> Gate {
    // SAFETY: these files are in a folder of this process's own, and only ever replaced by renaming.
    unsafe { GateOptions::new().mapped() }.open(index).unwrap()
}

pub(crate) fn map(index: &Path) -> Index {
    // SAFETY: as in `open`.
    unsafe { Index::map(index) }.unwrap()
}
