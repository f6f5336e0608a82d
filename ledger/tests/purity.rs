//! The pure core stays pure: nothing it depends on opens a socket, draws random numbers or starts
//! threads, and its manifest switches nothing of that kind on.
//!
//! Deliberately absent: what other packages of the workspace switch on in shared dependencies. The
//! tree is resolved for `courier-ledger` alone.
#![expect(
    clippy::disallowed_types,
    reason = "asks cargo for the dependency tree"
)]

use std::collections::BTreeSet;
use std::process::Command;

/// Every crate that the library may bring along, direct or not. Add one only after a look at what
/// it does to the outside world.
const ALLOWED: [&str; 29] = [
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
    // Not on x86-64: elsewhere cpufeatures asks it what the processor can do.
    "libc",
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

/// `name feature,feature` of every crate below `courier-ledger`, normal dependencies only.
fn tree() -> Vec<(String, Vec<String>)> {
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
            "normal",
            "--prefix",
            "none",
            "--format",
            "{lib} {p}|{f}",
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
    let lines = text.lines().filter_map(|line| {
        let (package, features) = line.split_once('|')?;
        let name = package.split_whitespace().nth(1)?.to_owned();
        let features = features
            .trim_end_matches(" (*)")
            .split(',')
            .map(str::to_owned);
        Some((name, features.collect()))
    });
    lines.collect()
}

#[test]
fn only_allowed_crates_are_below_the_core() {
    let found: BTreeSet<String> = tree().into_iter().map(|(name, _)| name).collect();
    assert!(
        found.contains("courier-ledger") && found.contains("sha2"),
        "{found:?}"
    );
    let allowed = BTreeSet::from(ALLOWED.map(str::to_owned));
    let beyond: Vec<_> = found.difference(&allowed).collect();
    assert!(
        beyond.is_empty(),
        "the pure core must not depend on {beyond:?}"
    );
}

#[test]
fn what_opens_sockets_or_draws_random_numbers_is_never_allowed() {
    for name in [
        "async-std",
        "curl",
        "fastrand",
        "getrandom",
        "hyper",
        "mio",
        "native-tls",
        "openssl",
        "openssl-sys",
        "rand",
        "rand_core",
        "reqwest",
        "russh",
        "rustix",
        "rustls",
        "smol",
        "socket2",
        "ssh2",
        "tokio",
        "ureq",
        "uuid",
    ] {
        assert!(!ALLOWED.contains(&name), "{name}");
    }
}

#[test]
fn no_feature_of_the_core_brings_the_outside_in() {
    for (name, features) in tree() {
        for feature in features {
            let outside = [
                "net",
                "rand",
                "random",
                "tz-system",
                "tzdb-zoneinfo",
                "async-tokio",
            ];
            assert!(
                !outside.contains(&feature.as_str()),
                "{name} with feature {feature}"
            );
        }
    }
}
