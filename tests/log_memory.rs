//! `log` shows events as it reads them: its memory does not depend on how many there are.
//!
//! `LOG_ENTRIES=5000000 cargo test --test log_memory -- --nocapture` measures a longer log and prints
//! what it found; it needs about 200 bytes of disk an entry. Deliberately absent: time.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use courier_ledger::Timestamp;
use courier_ledger::log::{Files, sample};

const SHORT_ENTRIES: u64 = 20_000;

/// Far less than the entries that a long log has more than a short one would take.
const ALLOWED_KB: u64 = 4_096;

/// The most memory that `log --since` has had when nearly all that it shows was read, in kB; it cannot
/// have ended then, because a pipe does not hold the rest.
fn peak_kb(directory: &Path, since: u64, lines: u64) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_broker-courier"))
        .arg("--ledger")
        .arg(directory)
        .args(["log", "--since", &since.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..lines {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "ended early");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap();
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn the_memory_of_log_does_not_depend_on_how_many_events_there_are() {
    let long_entries = std::env::var("LOG_ENTRIES").map_or(200_000, |count| count.parse().unwrap());
    let [short, long] = [SHORT_ENTRIES, long_entries].map(|entries| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let files = Files::new(folder.path()).unwrap();
        sample::leave_runs(files, Timestamp(1), entries / 2).unwrap();
        let all = peak_kb(folder.path(), 1, entries - SHORT_ENTRIES / 2);
        let last = peak_kb(folder.path(), entries - SHORT_ENTRIES / 2, 1);
        eprintln!("{entries} entries: shown all {all} kB, the last alone {last} kB");
        [all, last]
    });
    for (short, long) in short.into_iter().zip(long) {
        assert!(long < short + ALLOWED_KB, "{short} kB became {long} kB");
    }
}
