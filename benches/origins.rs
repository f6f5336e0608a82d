//! How long it takes to find the intents of many delivered files in a long log of which nothing is left:
//! all of them its own, and beside some that are not.
//!
//! `cargo bench --bench origins [-- FILES ENTRIES]` prints the table, for one core.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and it prints"
)]

use std::time::Instant;

use broker_courier::measured::{Encryptor, FernetKey, TokenOrigin, origins};
use courier_ledger::{LogId, Sequence};

const LOG: LogId = LogId([1; 16]);
const OTHER_LOG: LogId = LogId([2; 16]);
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn token(log: LogId, number: u64, time_seconds: u64, key: &FernetKey) -> Vec<u8> {
    let start = Sequence(number);
    let seed = TokenOrigin { log, start }.seed(time_seconds, key).unwrap();
    let (token, _) = Encryptor::new(key, &seed, Vec::new())
        .unwrap()
        .finish()
        .unwrap();
    token
}

fn main() {
    let mut numbers = std::env::args().filter_map(|text| text.parse::<u64>().ok());
    let files = numbers.next().unwrap_or(1_000);
    let entries = numbers.next().unwrap_or(5_000_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, KEY).unwrap();
    let (key, _) = FernetKey::load(&path).unwrap();
    // Uneven: most results are those of the last weeks.
    let number_of = |file: u64| {
        let share = file as f64 / files as f64;
        ((share.sqrt() * entries as f64) as u64).max(1)
    };
    let own: Vec<_> = (1..=files)
        .map(|file| token(LOG, number_of(file), number_of(file) / 100, &key))
        .collect();
    println!("{files} files, {entries} entries");
    for strangers in [0, 10] {
        let mut tokens = own.clone();
        let step = files / (strangers + 1);
        tokens.extend((1..=strangers).map(|stranger| {
            let number = number_of(stranger * step);
            token(OTHER_LOG, number, number / 100, &key)
        }));
        let begun = Instant::now();
        let found = origins(
            &tokens,
            LOG,
            Sequence(entries),
            std::slice::from_ref(&key),
            |_, _| {},
        );
        let seconds = begun.elapsed().as_secs_f64();
        assert_eq!(found.iter().flatten().count() as u64, files);
        println!("{strangers:>3} strangers among them: {seconds:6.1} s");
    }
}
