//! What the ledger costs, each figure beside its goal: `cargo bench -p courier-ledger` prints the
//! table, `-- ROUNDS` says of how many rounds each figure is the median.
//!
//! The logs are written once into a temporary directory and read from the page cache; memory is the
//! peak of a process of its own, which reads the log and nothing else. For a profiler: `-- --write
//! DIRECTORY` keeps the long log in an empty directory, `-- --memory DIRECTORY` reads it once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    unreachable_pub,
    reason = "a benchmark that cannot go on has failed, measures time and prints"
)]

mod counting;
mod figure;
mod history;

use std::cell::Cell;
use std::path::Path;
use std::process;
use std::rc::Rc;
use std::time::Instant;

use courier_ledger::log::{self, EventLog, Files, LogError};
use courier_ledger::{
    Digest, Entry, Event, IllegalEvent, Policy, Sequence, State, StatusDocument, Timestamp, Tip,
    decide,
};

use counting::Counting;
use figure::{Goal, print};
use history::Size;

/// A thousand requests of thirty hospitals, over years of runs with five changes each.
const LONG: Size = Size {
    requests: 1_000,
    nodes: 30,
    entries: 1_000_000,
    changes: 5,
};

/// As many requests as no broker has.
const WIDE: Size = Size {
    requests: 100_000,
    nodes: 30,
    entries: 1,
    changes: 0,
};

#[derive(Debug)]
struct Stop;

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        panic!("{error}")
    }
}

impl From<IllegalEvent> for Stop {
    fn from(error: IllegalEvent) -> Self {
        panic!("{error}")
    }
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    arguments.retain(|argument| argument != "--bench");
    match arguments.as_slice() {
        [figure, directory] if figure == "--memory" => {
            let state = fold_log(Path::new(directory));
            let held = figure::resident_megabytes();
            println!("{} {held}", figure::peak_megabytes());
            drop(state);
        }
        [figure, directory] if figure == "--write" => history::write(Path::new(directory), LONG),
        rest => {
            let rounds = rest.first().map_or(5, |rounds| rounds.parse().unwrap());
            table(rounds);
        }
    }
}

fn table(rounds: usize) {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let directory = |name: &str| {
        let path = place.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let (long, wide) = (directory("long"), directory("wide"));
    history::write(&long, LONG);
    history::write(&wide, WIDE);
    figure::print_head();
    append(&directory("append"), 1, 2_000);
    append(&directory("batches"), 64, 32_000);
    read(&long, rounds);
    fold_alone(&long, rounds);
    audit(&long, rounds);
    wide_state(&wide, rounds);
}

/// Reads the log and folds it: decode, hash, re-encode, apply.
fn fold_log(directory: &Path) -> State {
    let mut state = State::default();
    log::read::<_, Stop>(&Files::new(directory).unwrap(), |entry| {
        state.advance(&entry)?;
        Ok(())
    })
    .unwrap();
    state
}

/// Appends with as many events waiting for each fsync.
fn append(directory: &Path, waiting: usize, count: usize) {
    let syncs = Rc::new(Cell::new(0));
    let storage = Counting {
        files: Files::new(directory).unwrap(),
        syncs: Rc::clone(&syncs),
    };
    let mut journal = history::create(storage);
    syncs.set(0);
    let event = Event::CommandFailed {
        start: Sequence(5),
        failure: courier_ledger::Failure {
            phase: courier_ledger::Phase::Write,
            class: courier_ledger::FailureClass::Transient,
            text: "the server closed the connection".to_owned(),
        },
        remote: courier_ledger::RemoteAfterFailure::TemporaryMayRemain,
        found: None,
    };
    let start = Instant::now();
    for _ in 0..count / waiting {
        let first = journal.tip().sequence.next();
        journal
            .append(first, Timestamp(7), vec![event.clone(); waiting])
            .unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    let name = format!("append, {waiting} waiting");
    print(&name, Goal::None, count as f64 / seconds, "events/s", None);
    let per_sync = count as f64 / syncs.get() as f64;
    print(
        &name,
        Goal::AtLeast(waiting as f64),
        per_sync,
        "per fsync",
        None,
    );
}

fn read(directory: &Path, rounds: usize) {
    let size = std::fs::metadata(directory.join("ledger.log"))
        .unwrap()
        .len();
    let name = format!(
        "read 1,000,000 entries ({} MB): decode, hash, fold",
        size / 1_000_000
    );
    let times = figure::times(rounds, || fold_log(directory));
    print(
        &name,
        Goal::AtMost(1.0),
        times.median(),
        "s",
        Some([times.best(), times.busy()]),
    );
    let (peak, _) = memory(directory);
    print("… its memory", Goal::AtMost(200.0), peak, "MB peak", None);
}

/// A process of its own that reads the log: the most it ever had in memory, and what it had in the
/// end, in megabytes.
fn memory(directory: &Path) -> (f64, f64) {
    let output = process::Command::new(std::env::current_exe().unwrap())
        .arg("--memory")
        .arg(directory)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (peak, held) = text.trim().split_once(' ').unwrap();
    (peak.parse().unwrap(), held.parse().unwrap())
}

/// Folds entries that are in memory already, some at a time.
fn fold_alone(directory: &Path, rounds: usize) {
    // More than the reading thread is ahead, so that it waits while a portion is folded.
    const PORTION: usize = 50_000;
    let mut rates = Vec::new();
    let mut computed = Vec::new();
    for _ in 0..rounds {
        let (mut state, mut portion) = (State::default(), Vec::with_capacity(PORTION));
        let (mut seconds, mut busy, mut count) = (0.0, 0.0, 0);
        let mut fold = |portion: &mut Vec<Entry>| {
            let times = figure::times(1, || {
                for entry in portion.iter() {
                    state.advance(entry).unwrap();
                }
            });
            seconds += times.median();
            busy += times.busy();
            count += portion.len();
            portion.clear();
        };
        log::read::<_, Stop>(&Files::new(directory).unwrap(), |entry| {
            portion.push(entry);
            if portion.len() == PORTION {
                fold(&mut portion);
            }
            Ok(())
        })
        .unwrap();
        fold(&mut portion);
        rates.push(count as f64 / seconds);
        computed.push(count as f64 / busy);
    }
    let best = rates.iter().copied().fold(0.0, f64::max);
    let (rate, computed) = (figure::middle(&rates), figure::middle(&computed));
    print(
        "fold alone",
        Goal::AtLeast(3e6),
        rate,
        "events/s",
        Some([best, computed]),
    );
}

fn audit(directory: &Path, rounds: usize) {
    let storage = Files::new(directory).unwrap();
    let times = figure::times(rounds, || {
        let mut state = State::default();
        log::verify::<_, Stop>(
            &storage,
            |entry| {
                state.advance(&entry)?;
                Ok(())
            },
            |_| (),
        )
        .unwrap();
        state
    });
    let name = "verify 1,000,000 entries, legality included";
    print(
        name,
        Goal::AtMost(0.7),
        times.median(),
        "s",
        Some([times.best(), times.busy()]),
    );
}

fn wide_state(directory: &Path, rounds: usize) {
    let state = fold_log(directory);
    let policy = Policy::new(history::KEY);
    let millis = |times: figure::Times| {
        let rounds = [times.best() * 1e3, times.busy() * 1e3];
        (times.median() * 1e3, Some(rounds))
    };
    let (median, busy) = millis(figure::times(rounds, || decide(&state, &policy)));
    print(
        "plan, 100,000 requests, none changed",
        Goal::AtMost(100.0),
        median,
        "ms",
        busy,
    );
    let other = Policy {
        on_key_change: courier_ledger::KeyChangeRule::Reupload,
        ..Policy::new(courier_ledger::KeyId(*b"another."))
    };
    let (median, busy) = millis(figure::times(rounds, || decide(&state, &other)));
    print(
        "plan, 100,000 requests, all to be uploaded",
        Goal::AtMost(100.0),
        median,
        "ms",
        busy,
    );
    let tip = Tip {
        log: history::LOG,
        sequence: state.tip(),
        hash: Digest([1; 32]),
    };
    let project = || StatusDocument::project(&state, tip);
    let (median, busy) = millis(figure::times(rounds, project));
    print(
        "status.xml of 100,000 requests",
        Goal::AtMost(100.0),
        median,
        "ms",
        busy,
    );
    let (peak, held) = memory(directory);
    let name = "state of 100,000 requests of 30 nodes";
    print(name, Goal::AtMost(200.0), held, "MB held", None);
    print(
        "… the most while its log was read",
        Goal::None,
        peak,
        "MB peak",
        None,
    );
}
