//! The log on real files: what was appended is read back, and what was not written by us is refused
//! or healed as the table says.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests look at real files and say what they counted"
)]

mod history;

use std::path::Path;

use courier_ledger::log::*;
use courier_ledger::*;
use history::History;

const LOG: LogId = LogId([5; 16]);

/// A history long enough for every kind of event but the rare ones, as events.
fn events() -> Vec<Event> {
    let mut history = History::new();
    for id in 0..30 {
        history.publish(id, 10, &[(1, Some(5)), (2, None)]);
        history.run();
    }
    for id in 0..6 {
        history.withdraw(id, Evidence::Deleted);
        history.publish(id + 6, 10, &[(1, Some(6)), (2, None)]);
        history.run();
    }
    history
        .entries
        .into_iter()
        .skip(1)
        .map(|entry| entry.event)
        .collect()
}

fn open(directory: &Path) -> Result<(Opened<Files>, Vec<Entry>), LogError> {
    let mut entries = Vec::new();
    let files = Files::in_directory(directory);
    let opened = Journal::open(files, Timestamp(1), &mut |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok((opened, entries))
}

fn existing(opened: Opened<Files>) -> Journal<Files> {
    match opened {
        Opened::Existing(journal) => journal,
        Opened::Nothing(_) => panic!("there is a log"),
    }
}

fn create(directory: &Path) -> (Journal<Files>, Entry) {
    match open(directory).unwrap().0 {
        Opened::Nothing(vacancy) => vacancy.create(LOG, Timestamp(0), "test").unwrap(),
        Opened::Existing(_) => panic!("there is no log yet"),
    }
}

/// Writes the events, the witness after the first `witnessed` entries.
fn write(directory: &Path, events: &[Event], witnessed: usize) -> Vec<Entry> {
    let (mut journal, first) = create(directory);
    let mut entries = vec![first];
    for event in events {
        if entries.len() == witnessed {
            journal.bear_witness().unwrap();
        }
        let next = journal.tip().sequence.next();
        entries.extend(
            journal
                .append(next, Timestamp(7), vec![event.clone()])
                .unwrap(),
        );
    }
    if entries.len() == witnessed {
        journal.bear_witness().unwrap();
    }
    entries
}

#[test]
fn what_was_appended_is_read_back_with_the_same_hashes() {
    let directory = tempfile::tempdir().unwrap();
    let written = write(directory.path(), &events(), 40);
    let (opened, read) = open(directory.path()).unwrap();
    assert_eq!(read, written);
    assert_eq!(
        existing(opened).tip().sequence,
        written.last().unwrap().sequence
    );
}

#[test]
fn a_second_runner_is_turned_away_and_readers_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let (_journal, _) = create(directory.path());
    assert!(matches!(
        open(directory.path()),
        Err(LogError::Locked { .. })
    ));
    let reading = read(&Files::in_directory(directory.path()), &mut |_| Ok(()))
        .unwrap()
        .unwrap();
    assert_eq!(reading.entries, 1);
}

#[test]
fn an_append_that_expects_another_number_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = create(directory.path());
    let event = events().remove(0);
    let result = journal.append(Sequence(9), Timestamp(0), vec![event]);
    assert!(matches!(result, Err(LogError::WrongSequence { .. })));
    drop(journal);
    assert_eq!(open(directory.path()).unwrap().1.len(), 1);
}

#[test]
fn the_recovery_table_row_by_row() {
    use EndFound::*;
    use WitnessFound::*;
    let headers = [
        HeaderFound::NoFile,
        HeaderFound::Known,
        HeaderFound::Malformed,
        HeaderFound::Unknown,
    ];
    let witnesses = [NoFile, Malformed, Agrees, Differs, BeyondTheEnd];
    let ends = [
        Boundary,
        TornFrame,
        BadFrameInside,
        SequenceGap,
        Undecodable,
    ];
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for header in headers {
        for witness in witnesses {
            for end in ends {
                for more_than_one_run in [false, true] {
                    let found = Findings {
                        header,
                        witness,
                        end,
                        more_than_one_run,
                    };
                    let is = action(found);
                    let whole = matches!(end, Boundary | TornFrame);
                    let trusted = witness == Agrees || (witness == NoFile && !more_than_one_run);
                    let expected_open = header == HeaderFound::Known && whole && trusted;
                    assert_eq!(
                        matches!(is, Action::Open | Action::Heal),
                        expected_open,
                        "{found:?}"
                    );
                    assert_eq!(
                        is == Action::Heal,
                        expected_open && end == TornFrame,
                        "{found:?}"
                    );
                    assert_eq!(
                        is == Action::Create,
                        header == HeaderFound::NoFile && witness == NoFile,
                        "{found:?}"
                    );
                    *seen.entry(format!("{is:?}")).or_default() += 1;
                }
            }
        }
    }
    assert_eq!(
        seen.len(),
        13,
        "every action and every rule is reached: {seen:?}"
    );
    assert_eq!(seen.values().sum::<u32>(), 200);
}

/// Every truncation and every bit flip of a log of 200 entries and more, and of its witness.
#[test]
fn damage_is_refused_or_healed_and_never_believed() {
    let directory = tempfile::tempdir().unwrap();
    let events = events();
    let witnessed = events.len() - 12;
    let written = write(directory.path(), &events, witnessed);
    assert!(written.len() >= 200, "{}", written.len());
    let log = std::fs::read(directory.path().join("ledger.log")).unwrap();
    let head = std::fs::read(directory.path().join("ledger.head")).unwrap();
    let witness = written[witnessed - 1].sequence;

    let mut counts = [0u32; 3];
    let mut check = |log: &[u8], head: &[u8], what: &dyn Fn() -> String| {
        let disk = Disk { log, head };
        let mut entries = Vec::new();
        let result = read(&disk, &mut |entry| {
            entries.push(entry);
            Ok(())
        });
        match result {
            Err(LogError::Refused { .. }) => counts[0] += 1,
            Ok(Some(reading)) => {
                assert!(
                    entries.len() <= written.len(),
                    "{}: more than was written",
                    what()
                );
                assert_eq!(
                    entries,
                    written[..entries.len()],
                    "{}: a wrong event",
                    what()
                );
                assert!(
                    reading.tip.sequence >= witness,
                    "{}: less than the witness saw",
                    what()
                );
                counts[if reading.unfinished_bytes > 0 { 1 } else { 2 }] += 1;
            }
            other => panic!("{}: {other:?}", what()),
        }
    };
    // Debug builds look at a sample; a release build at everything.
    let step = if cfg!(debug_assertions) { 101 } else { 1 };
    for length in (0..log.len()).step_by(step) {
        check(&log[..length], &head, &|| {
            format!("log cut to {length} bytes")
        });
    }
    for length in 0..head.len() {
        check(&log, &head[..length], &|| {
            format!("witness cut to {length} bytes")
        });
    }
    let mut damaged = log.clone();
    for byte in (0..log.len()).step_by(step) {
        for bit in 0..8 {
            damaged[byte] ^= 1 << bit;
            check(&damaged, &head, &|| {
                format!("bit {bit} of byte {byte} of the log flipped")
            });
            damaged[byte] ^= 1 << bit;
        }
    }
    let mut damaged = head.clone();
    for byte in 0..head.len() {
        for bit in 0..8 {
            damaged[byte] ^= 1 << bit;
            check(&log, &damaged, &|| {
                format!("bit {bit} of byte {byte} of the witness flipped")
            });
            damaged[byte] ^= 1 << bit;
        }
    }
    let [refused, torn, whole] = counts;
    println!(
        "{} entries, {} bytes: {refused} refused, {torn} with a torn tail, {whole} cut at a boundary \
         after the witness",
        written.len(),
        log.len()
    );
}

/// A disk that cannot be written to.
struct Disk<'a> {
    log: &'a [u8],
    head: &'a [u8],
}

impl Disk<'_> {
    fn file(&self, name: &str) -> &[u8] {
        if name == "ledger.log" {
            self.log
        } else {
            self.head
        }
    }
}

impl Storage for Disk<'_> {
    fn size(&self, name: &str) -> std::io::Result<Option<u64>> {
        Ok(Some(self.file(name).len() as u64))
    }
    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = self
            .file(name)
            .get(usize::try_from(offset).unwrap()..)
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
    fn replace(&mut self, _: &str, _: &[u8]) -> std::io::Result<()> {
        unreachable!("reading changes nothing")
    }
    fn append(&mut self, _: &str, _: &[u8]) -> std::io::Result<()> {
        unreachable!("reading changes nothing")
    }
    fn rewrite(&mut self, _: &str, _: u64, _: &[u8]) -> std::io::Result<()> {
        unreachable!("reading changes nothing")
    }
    fn truncate(&mut self, _: &str, _: u64) -> std::io::Result<()> {
        unreachable!("reading changes nothing")
    }
    fn sync(&mut self, _: &str) -> std::io::Result<()> {
        unreachable!("reading changes nothing")
    }
    fn lock(&mut self) -> std::io::Result<bool> {
        unreachable!("reading needs no lock")
    }
    fn describe(&self, name: &str) -> String {
        name.to_owned()
    }
}

#[test]
fn a_torn_tail_is_kept_cut_off_and_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let events = events();
    let written = write(directory.path(), &events, 30);
    let path = directory.path().join("ledger.log");
    let log = std::fs::read(&path).unwrap();
    std::fs::write(&path, &log[..log.len() - 5]).unwrap();
    let (opened, read) = open(directory.path()).unwrap();
    let (last, before) = read.split_last().unwrap();
    assert_eq!(before, &written[..written.len() - 1]);
    let Event::TailRecovered {
        offset, size_bytes, ..
    } = last.event
    else {
        panic!("{last:?}")
    };
    assert_eq!(offset + size_bytes, log.len() as u64 - 5);
    let kept = std::fs::read(directory.path().join(format!("ledger.torn.{offset}"))).unwrap();
    assert_eq!(kept, log[usize::try_from(offset).unwrap()..log.len() - 5]);
    drop(opened);
    assert_eq!(open(directory.path()).unwrap().1, read);
}

#[test]
fn refusals_name_file_byte_rule_and_remedy_and_change_nothing() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage, Rule); 6] = [
        (
            "log gone",
            |dir| std::fs::remove_file(dir.join("ledger.log")).unwrap(),
            Rule::LogLost,
        ),
        (
            "witness gone",
            |dir| std::fs::remove_file(dir.join("ledger.head")).unwrap(),
            Rule::WitnessLost,
        ),
        (
            "witness empty",
            |dir| std::fs::write(dir.join("ledger.head"), "").unwrap(),
            Rule::WitnessMalformed,
        ),
        (
            "log empty",
            |dir| std::fs::write(dir.join("ledger.log"), "").unwrap(),
            Rule::HeaderMalformed,
        ),
        (
            "newer version",
            |dir| {
                let path = dir.join("ledger.log");
                let mut log = std::fs::read(&path).unwrap();
                log[8] = 2;
                let crc = crc32fast::hash(&log[..27]);
                log[27..31].copy_from_slice(&crc.to_le_bytes());
                std::fs::write(path, log).unwrap();
            },
            Rule::FormatUnknown,
        ),
        (
            "old backup of the log",
            |dir| {
                let path = dir.join("ledger.log");
                let log = std::fs::read(&path).unwrap();
                std::fs::write(path, &log[..300]).unwrap();
            },
            Rule::ShorterThanWitness,
        ),
    ];
    for (name, damage, rule) in cases {
        let directory = tempfile::tempdir().unwrap();
        let events = events();
        write(directory.path(), &events, events.len());
        damage(directory.path());
        let before = contents(directory.path());
        let error = open(directory.path()).unwrap_err();
        assert!(
            matches!(&error, LogError::Refused { rule: is, .. } if *is == rule),
            "{name}: {error}"
        );
        assert!(error.to_string().contains("ledger."), "{name}: {error}");
        assert!(error.hint().is_some(), "{name}");
        assert_eq!(
            contents(directory.path()),
            before,
            "{name}: something was changed"
        );
    }
}

fn contents(directory: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}
