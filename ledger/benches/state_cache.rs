//! How long a long log takes to open, with its state cache and without, and how large a state is.
//!
//! `cargo bench -p courier-ledger --bench state_cache [-- ENTRIES [REQUESTS [NODES]]]` writes a log of
//! so many entries (5,000,000 about 1,000 requests of 30 nodes) into the build folder and removes it
//! again; it needs about 400 bytes of disk an entry. Deliberately absent: a cold cache. What lies
//! before the state cache is not read, so there is little that a cold one could add.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    reason = "a benchmark that cannot go on has failed, measures time and prints; the history has \
              more than this one needs"
)]

#[path = "ledger/history.rs"]
mod history;

use std::path::Path;
use std::time::{Duration, Instant};

use courier_ledger::log::{EventLog as _, Files, LogPlace as _, read_state};
use courier_ledger::{State, Timestamp};

use history::Size;

const TIME: Timestamp = Timestamp(1_790_000_000_000_000);
/// Of so many openings the median is shown.
const ROUNDS: usize = 21;

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|word| word.replace([',', '_'], "").parse().ok())
        .collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let size = Size {
        requests: number(1, 1_000),
        nodes: number(2, 30),
        entries: number(0, 5_000_000),
        changes: 5,
    };

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path();
    history::write(path, size);
    let (without, whole) = (timed(path, 1, opened), timed(path, 1, read));
    let (mut journal, state) = Files::new(path).unwrap().open(TIME).unwrap();
    journal.write_cache(&state).unwrap();
    journal.close().unwrap();
    let (with, cached) = (timed(path, ROUNDS, opened), timed(path, ROUNDS, read));
    assert_eq!((opened(path), read(path)), (state.clone(), state.clone()));

    let bytes = |name: &str| std::fs::metadata(path.join(name)).unwrap().len();
    let Size {
        requests, nodes, ..
    } = size;
    println!(
        "log of {} entries, {requests} requests of {nodes} nodes: {} MB, state cache {} kB",
        state.tip(),
        bytes("ledger.log") / 1_000_000,
        bytes("ledger.cache") / 1_000,
    );
    println!("opened to write, with its state cache  {}", line(&with));
    println!("read,            with its state cache  {}", line(&cached));
    println!("opened to write, without              {}", line(&without));
    println!("read,            without              {}", line(&whole));
}

/// As `run` opens it.
fn opened(path: &Path) -> State {
    Files::new(path).unwrap().open(TIME).unwrap().1
}

/// As `status` and `plan` read it.
fn read(path: &Path) -> State {
    read_state(&Files::new(path).unwrap()).unwrap().0
}

/// How long each of some rounds takes, ascending; without the time that forgetting the state takes.
fn timed(path: &Path, rounds: usize, open: fn(&Path) -> State) -> Vec<Duration> {
    let mut times: Vec<_> = (0..rounds)
        .map(|_| {
            let began = Instant::now();
            let state = open(path);
            let time = began.elapsed();
            drop(state);
            time
        })
        .collect();
    times.sort_unstable();
    times
}

fn line(times: &[Duration]) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    match times {
        [time] => format!("{:.2} ms, once", millis(*time)),
        [best, .., worst] => format!(
            "{:.2} ms, median of {}; best {:.2}, worst {:.2}",
            millis(times[times.len() / 2]),
            times.len(),
            millis(*best),
            millis(*worst)
        ),
        [] => String::new(),
    }
}
