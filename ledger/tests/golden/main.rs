//! The bytes of the log, for ever: each file in `v1/` was committed once and is never changed. Every
//! later version reads it to the same entries, and writes those to the same bytes.
//!
//! What always holds here: one log for each kind of event, which ends with it; one that holds every
//! variant of every nested type; next to each, what it says, as JSON. `newer/` holds logs that a
//! later version might write, with the refusal of each; `redacted/` copies with events left out.
//!
//! A missing file is made with
//! `UPDATE_GOLDEN=1 cargo test -p courier-ledger --test golden`, from its recipe in `recipe.rs`. That
//! never touches a file that exists. Deliberately absent: a way to change one.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads the committed files"
)]

mod newer;
mod recipe;
mod variants;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use courier_ledger::log::{
    EventLog as _, LogError, LogPlace as _, MemoryDisk, NewLog, Piece, Reading, Redactor, Tail,
    read, read_redacted, verify,
};
use courier_ledger::{Entry, Event, LogId, Salt, Sequence, State};
use scenario::History;
use serde_json::{Value, json};

/// A log's two files.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LogFiles {
    log: Vec<u8>,
    head: Vec<u8>,
}

const HOW: &str = "say in ledger/tests/golden/recipe.rs how a smallest legal log ends with it, then \
     run `UPDATE_GOLDEN=1 cargo test -p courier-ledger --test golden` and commit the new files";

/// The logs of `v1/` by name, after those that are missing were made, if that was asked for.
static GOLDEN: LazyLock<BTreeMap<String, LogFiles>> = LazyLock::new(|| {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for name in Event::KINDS.iter().copied().chain([
            recipe::EVERY_VARIANT,
            recipe::FOUND,
            recipe::LOOKS,
            recipe::RELEASED,
            recipe::INSTEAD_OF,
            recipe::BOUND_TO,
            recipe::RECOVERED_AT,
            recipe::FETCHED,
            recipe::CONTENTS,
            recipe::NOT_BEGUN,
            recipe::VERDICT,
            recipe::SALTED,
            recipe::INTERVAL,
            recipe::WITH_AGE,
        ]) {
            if let Some(story) = recipe::make(name) {
                add(&folder("v1"), name, &made(name, &story));
            }
        }
        for (name, files) in newer::make_all() {
            add(&folder("newer"), name, &files);
        }
    }
    committed("v1")
});

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// Writes the files of a log that has none yet, and what it says, if it can be read.
fn add(folder: &Path, name: &str, files: &LogFiles) {
    fs::create_dir_all(folder).expect("the folder can be made");
    let write = |ending: &str, bytes: &[u8]| {
        let path = folder.join(format!("{name}.{ending}"));
        if let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(path) {
            file.write_all(bytes).expect("the file can be written");
        }
    };
    let is_new = !folder.join(format!("{name}.log")).exists();
    if is_new {
        write("log", &files.log);
        write("head", &files.head);
        if let Ok((_, entries)) = entries(files) {
            write("json", text(&entries).as_bytes());
        }
    }
}

/// The logs of a folder, by name.
fn committed(name: &str) -> BTreeMap<String, LogFiles> {
    let folder = folder(name);
    let mut logs = BTreeMap::new();
    for file in fs::read_dir(&folder).into_iter().flatten() {
        let path = file.expect("the folder can be read").path();
        if path.extension().is_some_and(|ending| ending == "log") {
            let read = |ending| fs::read(path.with_extension(ending)).expect("log and head");
            let (log, head) = (read("log"), read("head"));
            let stem = path.file_stem().expect("a name").to_string_lossy();
            logs.insert(stem.into_owned(), LogFiles { log, head });
        }
    }
    logs
}

fn disk(files: &LogFiles) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.set_contents("ledger.log", Some(&files.log));
    disk.set_contents("ledger.head", Some(&files.head));
    disk
}

fn entries(files: &LogFiles) -> Result<(Reading, Vec<Entry>), LogError> {
    let mut entries = Vec::new();
    let reading = read(&disk(files).process(), |entry| {
        entries.push(entry);
        Ok::<(), LogError>(())
    })?;
    Ok((reading, entries))
}

/// What a log says, as people read it.
fn text(entries: &[Entry]) -> String {
    let entries = entries.iter().map(|entry| {
        json!({
            "sequence": entry.sequence,
            "time": entry.time,
            "hash": entry.hash,
            "event": entry.event,
        })
    });
    let text = serde_json::to_string_pretty(&Value::Array(entries.collect()));
    text.expect("events are JSON") + "\n"
}

/// The files of a recipe.
fn made(name: &str, story: &History) -> LogFiles {
    let mut entries = story.entries().to_vec();
    for entry in entries.iter_mut().filter(|_| name == recipe::SALTED) {
        let salt = Salt(
            [entry.sequence.0.to_le_bytes(), *b"of salt."]
                .concat()
                .try_into()
                .expect("16 bytes"),
        );
        entry.salt = entry.event.holds_text().then_some(salt);
    }
    written(&entries).0
}

/// The files that the entries are written to now, and the entries with their hashes.
fn written(entries: &[Entry]) -> (LogFiles, Vec<Entry>) {
    let Some((first, rest)) = entries.split_first() else {
        panic!("no log is without entries");
    };
    let Event::LogCreated { log, version } = &first.event else {
        panic!("every log begins with its creation");
    };
    let disk = MemoryDisk::new();
    let new = NewLog {
        id: *log,
        version: version.clone(),
    };
    disk.set_salts(entries.iter().filter_map(|entry| entry.salt));
    let (mut journal, _) = disk.process().create(first.time, new).expect("created");
    let begun: Result<Vec<_>, _> = journal.read_from(Sequence::NONE).collect();
    let mut made = begun.expect("reads");
    for entry in rest {
        let events = vec![entry.event.clone()];
        let appended = journal.append(entry.sequence, entry.time, events);
        made.extend(appended.expect("appended"));
    }
    journal.close().expect("sealed");
    let files = LogFiles {
        log: disk.contents("ledger.log").expect("there"),
        head: disk.contents("ledger.head").expect("there"),
    };
    (files, made)
}

#[test]
fn every_kind_of_event_has_a_golden_log_that_ends_with_it() {
    for kind in Event::KINDS.iter().copied() {
        let files = GOLDEN.get(kind);
        let files = files.unwrap_or_else(|| panic!("{kind} has no golden log: {HOW}"));
        let (_, entries) = entries(files).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(
            entries.last().map(|entry| entry.event.kind()),
            Some(kind),
            "{kind}.log"
        );
    }
}

#[test]
fn golden_logs_are_read_and_written_byte_for_byte() {
    for (name, files) in &*GOLDEN {
        let (reading, entries) = entries(files).unwrap_or_else(|error| panic!("{name}: {error}"));
        let path = folder("v1").join(format!("{name}.json"));
        let expected = fs::read_to_string(path).expect("every golden log has its .json");
        assert_eq!(text(&entries), expected, "{name}.log says something else");
        let (rewritten, made) = written(&entries);
        assert_eq!(made, entries, "{name}.log is written otherwise");
        assert_eq!(rewritten, *files, "{name}.log is written otherwise");

        assert_eq!(reading.tail, Tail::Complete, "{name}");
        assert_eq!(reading.head, Some(reading.tip.sequence), "{name}");
        assert_eq!(reading.size_bytes, files.log.len() as u64, "{name}");
        let mut state = State::default();
        let audit = verify(
            &disk(files).process(),
            |entry| {
                let next = std::mem::take(&mut state).apply(&entry);
                state = next.unwrap_or_else(|illegal| panic!("{name}: {illegal}"));
                Ok::<(), LogError>(())
            },
            |_| {},
        );
        assert_eq!(audit.expect("verifies"), reading, "{name}");
        assert_eq!(state.tip(), reading.tip.sequence, "{name}");
    }
}

/// Copies in which events were left out, byte for byte, too: whoever holds one can read it for ever.
#[test]
fn redacted_copies_are_read_and_written_byte_for_byte() {
    for name in [recipe::EVERY_VARIANT, recipe::SALTED] {
        let (_, entries) = entries(&GOLDEN[name]).expect("reads");
        let mut redactor = Redactor::begin(log_of(&entries), Vec::new()).expect("begins");
        let pieces = entries.iter().map(|entry| {
            let (sequence, hash) = (entry.sequence, entry.hash);
            match entry.event.holds_text() || sequence.0.is_multiple_of(5) {
                true => Piece::LeftOut { sequence, hash },
                false => Piece::Kept(entry.clone()),
            }
        });
        let pieces: Vec<_> = pieces.collect();
        for piece in &pieces {
            redactor.push(piece).expect("is written");
        }
        let written = redactor.end().expect("ends");
        let path = folder("redacted").join(format!("{name}.log"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
            fs::create_dir_all(folder("redacted")).expect("the folder can be made");
            fs::write(&path, &written).expect("the file can be written");
        }
        let committed = fs::read(&path).expect("there is a committed copy");
        assert_eq!(written, committed, "{name}");
        let disk = MemoryDisk::new();
        disk.set_contents("ledger.log", Some(&committed));
        let mut read = Vec::new();
        let reading = read_redacted(&disk.process(), |piece| {
            read.push(piece);
            Ok::<(), LogError>(())
        });
        assert_eq!(
            reading.expect("is whole").tip.hash,
            entries.last().expect("one").hash
        );
        assert_eq!(read, pieces, "{name}");
    }
}

fn log_of(entries: &[Entry]) -> LogId {
    match entries.first().map(|entry| &entry.event) {
        Some(Event::LogCreated { log, .. }) => *log,
        other => panic!("every log begins with its creation: {other:?}"),
    }
}

/// Where a recipe still says how a log was made, it must not drift from the file.
#[test]
fn recipes_still_make_the_golden_logs() {
    for (name, files) in &*GOLDEN {
        if let Some(story) = recipe::make(name) {
            assert_eq!(made(name, &story), *files, "{name}");
        }
    }
}

#[test]
fn every_variant_of_every_nested_type_is_in_a_golden_log() {
    let mut seen = variants::Seen::default();
    for files in GOLDEN.values() {
        for entry in entries(files).expect("reads").1 {
            seen.take_in(&serde_json::to_value(&entry.event).expect("JSON"));
        }
    }
    let missing = seen.missing();
    assert!(
        missing.is_empty(),
        "no golden log holds {missing:?}: add a recipe for a new log (the ones that exist never \
         change), then {HOW}"
    );
}

#[test]
fn logs_of_a_newer_version_are_refused_with_the_version_that_wrote_them() {
    let _made = GOLDEN.len();
    let found = committed("newer");
    let refusals: Vec<_> = found
        .iter()
        .map(|(name, files)| match entries(files) {
            Err(error @ LogError::Refused(_)) => (name.as_str(), error.to_string()),
            other => panic!("{name} is not refused: {other:?}"),
        })
        .collect();
    let expected = newer::REFUSALS
        .map(|(name, byte, text)| (name, format!("ledger.log, byte {byte}: {text}")));
    assert_eq!(refusals, expected);
    for (name, files) in newer::make_all() {
        assert_eq!(found.get(name), Some(&files), "{name}");
    }
}
