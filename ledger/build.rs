//! One number for the sources of this crate. A state cache holds the state as one version of these
//! sources folded and wrote it, and no other version may believe it; a number that is computed cannot
//! be forgotten.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a build script reads the sources and speaks to cargo"
)]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=Cargo.toml");
    let mut sources = BTreeMap::new();
    collect(Path::new("src"), &mut sources)?;
    let mut hasher = DefaultHasher::new();
    std::env::var("CARGO_PKG_VERSION").ok().hash(&mut hasher);
    sources.hash(&mut hasher);
    println!("cargo:rustc-env=COURIER_LEDGER_SOURCES={}", hasher.finish());
    Ok(())
}

fn collect(folder: &Path, sources: &mut BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else {
            let bytes = std::fs::read(&path)?;
            sources.insert(path, bytes);
        }
    }
    Ok(())
}
