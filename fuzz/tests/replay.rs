//! The short run: every seed of every target, and a bounded number of its mutations. On stable,
//! without libFuzzer.
//!
//! `FUZZ_SEED` repeats a run, `FUZZ_ROUNDS` says how many mutations each target gets. An input that
//! fails is kept in `fuzz/artifacts/<target>/`; once the defect is mended it belongs into
//! `fuzz/corpus/<target>/`. Deliberately absent: coverage; `run.sh` is led by it, this is not.

mod mutation;

use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::{env, fs};

use broker_courier_fuzz::{Seed, TARGETS, seeds};
use mutation::{Chance, mutate};

const ROUNDS: u64 = 3_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

/// Runs `input`, and keeps it when it fails.
fn check(target: &str, run: fn(&[u8]), input: &[u8], origin: &str) {
    if catch_unwind(AssertUnwindSafe(|| run(input))).is_ok() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("artifacts")
        .join(target);
    let crc = crc32fast::hash(input);
    let path = folder.join(format!("failed-{crc:08x}"));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input));
    match kept {
        Ok(()) => panic!(
            "{target} fails on {origin}; the input is {}",
            path.display()
        ),
        Err(_) => panic!("{target} fails on {origin}: {input:02x?}"),
    }
}

fn replay(target: &str) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.expect("a target of that name");
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target} has no seed");
    for Seed { name, bytes } in &seeds {
        check(target, *run, bytes, name);
    }
    let seed = number("FUZZ_SEED").unwrap_or_else(|| RandomState::new().hash_one(target));
    let rounds = number("FUZZ_ROUNDS").unwrap_or(ROUNDS);
    eprintln!(
        "{target}: {} seeds, {rounds} mutations, FUZZ_SEED={seed}",
        seeds.len()
    );
    let mut chance = Chance(seed);
    let inputs: Vec<&[u8]> = seeds.iter().map(|seed| seed.bytes.as_slice()).collect();
    for round in 0..rounds {
        let input = mutate(&inputs, &mut chance);
        check(
            target,
            *run,
            &input,
            &format!("FUZZ_SEED={seed}, mutation {round}"),
        );
    }
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed_and_has_an_entry_for_libfuzzer() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$(stringify!($name)),*]);
            for (name, _) in TARGETS {
                let entry = format!("targets/{name}.rs");
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(entry);
                let text = fs::read_to_string(&path).unwrap_or_default();
                assert!(text.contains(&format!("broker_courier_fuzz::{name}(data)")), "{name}");
            }
        }
    };
}

targets!(
    log,
    event,
    fold,
    history,
    legacy_status,
    request_list,
    request_status,
    configuration,
    age,
    fernet,
    sftp_packets,
    sftp_session,
);
