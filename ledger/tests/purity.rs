//! The crate's dependency tree holds nothing that could open a socket, draw randomness or run an
//! executor: its normal dependencies are exactly these.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test that asks cargo"
)]

use std::collections::BTreeSet;
use std::process::Command;

/// Everything that the crate may be built from.
const ALLOWED: [&str; 29] = [
    "autocfg",
    "block-buffer",
    "cfg-if",
    "const-oid",
    "courier-ledger",
    "cpufeatures",
    "crc32fast",
    "crypto-common",
    "digest",
    "hybrid-array",
    "jiff",
    "jiff-core",
    "memchr",
    "num-traits",
    "proc-macro2",
    "quick-xml",
    "quote",
    "rmp",
    "rmp-serde",
    "serde",
    "serde_bytes",
    "serde_core",
    "serde_derive",
    "sha2",
    "syn",
    "thiserror",
    "thiserror-impl",
    "typenum",
    "unicode-ident",
];

#[test]
fn the_dependency_tree_holds_nothing_that_could_have_effects() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "courier-ledger",
        ])
        .args([
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(tree.contains("courier-ledger"), "{text}");
    let foreign: Vec<_> = tree.iter().filter(|name| !ALLOWED.contains(name)).collect();
    assert!(
        foreign.is_empty(),
        "not allowed in the pure crate: {foreign:?}"
    );
}

#[test]
fn the_lints_that_keep_clocks_files_and_environment_out_are_on() {
    let manifest = include_str!("../Cargo.toml");
    for line in [
        "disallowed_methods = \"deny\"",
        "disallowed_types = \"deny\"",
    ] {
        assert!(manifest.contains(line), "{line}");
    }
    let rules = include_str!("../clippy.toml");
    for rule in [
        "SystemTime::now",
        "Instant::now",
        "env::var",
        "fs::File",
        "net::TcpStream",
    ] {
        assert!(rules.contains(rule), "{rule}");
    }
}
