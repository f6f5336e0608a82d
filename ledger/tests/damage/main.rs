//! The damage campaign: every truncation and every single flipped bit of a log of more than 200
//! entries and of its head. No wrong event is accepted, no damage at or before the head, and
//! every genuine torn tail is healed.
//!
//! All of it in a release build; a debug build takes each 61st flip, and before the head each
//! 31st truncation. The counts are printed.

mod redacted;

use std::ops::Range;

use courier_ledger::log::sample::{TIME, new_log, started};
use courier_ledger::log::{EventLog, LogError, LogPlace as _, MemoryDisk, Reading, Tail, read};
use courier_ledger::{Digest, Entry, Event, RunCounts, Sequence};

const FLIP_STRIDE: usize = if cfg!(debug_assertions) { 61 } else { 1 };
const CUT_STRIDE: usize = if cfg!(debug_assertions) { 31 } else { 1 };
const RUN_STRIDE: usize = if cfg!(debug_assertions) { 7 } else { 1 };

struct Original {
    log: Vec<u8>,
    head: Vec<u8>,
    entries: Vec<Entry>,
    /// Where each frame begins, and the end.
    boundaries: Vec<usize>,
    /// How many entries the head covers.
    covered: usize,
}

fn events(run: u64) -> Vec<Event> {
    let counts = RunCounts {
        uploaded: run,
        ..RunCounts::default()
    };
    vec![
        started(),
        Event::DeletionsApproved {
            plan: Digest::of(&[&run.to_le_bytes()]),
            who: "operator".to_owned(),
            why: "withdrawn ".repeat(run as usize % 4),
        },
        Event::RunFinished {
            counts,
            duration_micros: run * 1_000_003,
            verdict: None,
        },
    ]
}

fn original() -> Original {
    let disk = MemoryDisk::new();
    let (mut journal, _) = disk.process().create(TIME, new_log()).expect("creates");
    let mut entries = all(&journal);
    let mut covered = 0;
    for run in 0..70 {
        let next = journal.tip().sequence.next();
        entries.extend(journal.append(next, TIME, events(run)).expect("appends"));
        if run == 65 {
            journal.seal().expect("seals");
            covered = entries.len();
        }
    }
    let log = disk.contents("ledger.log").expect("there");
    let head = disk.contents("ledger.head").expect("there");
    let mut boundaries = vec![31];
    let mut offset = 31;
    while offset < log.len() {
        let length: [u8; 4] = log[offset..offset + 4].try_into().expect("four bytes");
        offset += u32::from_le_bytes(length) as usize + 48;
        boundaries.push(offset);
    }
    assert!(entries.len() >= 200 && boundaries.len() == entries.len() + 1);
    Original {
        log,
        head,
        entries,
        boundaries,
        covered,
    }
}

/// Reads a damaged copy; the entries accepted, or none when it is refused.
fn accepted(disk: &MemoryDisk, log: &[u8], head: &[u8]) -> Option<(Reading, Vec<Entry>)> {
    disk.set_contents("ledger.log", Some(log));
    disk.set_contents("ledger.head", Some(head));
    let mut entries = Vec::new();
    let reading = read(&disk.process(), |entry| {
        entries.push(entry);
        Ok::<(), LogError>(())
    });
    match reading {
        Ok(reading) => Some((reading, entries)),
        Err(LogError::Refused(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

fn all(log: &impl EventLog) -> Vec<Entry> {
    let entries: Result<Vec<_>, _> = log.read_from(Sequence::NONE).collect();
    entries.expect("reads")
}

/// Opens a torn copy as a writer, and checks that it is healed and what was cut off is kept.
fn heals(original: &Original, log: &[u8], whole: usize) {
    let disk = MemoryDisk::new();
    disk.set_contents("ledger.log", Some(log));
    disk.set_contents("ledger.head", Some(&original.head));
    let (journal, _) = disk.process().open(TIME).expect("heals");
    let entries = all(&journal);
    assert_eq!(entries[..whole], original.entries[..whole]);
    assert_eq!(entries.len(), whole + 1);
    assert!(matches!(entries[whole].event, Event::TailRecovered { .. }));
    assert_eq!(journal.recovered().len(), 1);
    let offset = original.boundaries[whole];
    let kept = disk
        .contents(&format!("ledger.torn.{offset}"))
        .expect("kept");
    assert_eq!(kept, log[offset..]);
}

/// Runs `check` for each of `range`, on two threads, and adds up what it counts.
fn campaign<const N: usize>(
    range: Range<usize>,
    stride: usize,
    check: impl Fn(&MemoryDisk, usize) -> [u64; N] + Sync,
) -> [u64; N] {
    const THREADS: usize = 2;
    let part = |thread: usize| {
        let disk = MemoryDisk::new();
        let mut sum = [0; N];
        for case in range
            .clone()
            .skip(thread * stride)
            .step_by(THREADS * stride)
        {
            for (sum, count) in sum.iter_mut().zip(check(&disk, case)) {
                *sum += count;
            }
        }
        sum
    };
    std::thread::scope(|scope| {
        let part = &part;
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || part(thread)))
            .collect();
        threads.into_iter().fold([0; N], |mut total, thread| {
            for (total, count) in total.iter_mut().zip(thread.join().expect("no panic")) {
                *total += count;
            }
            total
        })
    })
}

#[test]
fn every_truncation_before_the_head_is_refused_and_every_one_after_it_heals() {
    let original = &original();
    let size = original.log.len();
    let covered = original.boundaries[original.covered];
    let check = |disk: &MemoryDisk, cut: usize| {
        let log = &original.log[..cut];
        let whole = original
            .boundaries
            .partition_point(|boundary| *boundary <= cut);
        let whole = whole.saturating_sub(1);
        let result = accepted(disk, log, &original.head);
        if whole < original.covered {
            assert!(result.is_none(), "cut at {cut} is accepted");
            return [1, 0, 0];
        }
        let (reading, entries) = result.unwrap_or_else(|| panic!("cut at {cut} is refused"));
        assert_eq!(entries, original.entries[..whole], "cut at {cut}");
        if cut == original.boundaries[whole] {
            assert_eq!(reading.tail, Tail::Complete, "cut at {cut}");
            [0, 1, 0]
        } else {
            assert!(matches!(reading.tail, Tail::Torn(_)), "cut at {cut}");
            heals(original, log, whole);
            [0, 0, 1]
        }
    };
    let [refused, none, neither] = campaign(0..covered, CUT_STRIDE, check);
    let [no, opened, healed] = campaign(covered..size, 1, check);
    let total = refused + opened + healed;
    eprintln!("truncations: {total}: {refused} refused, {opened} at a boundary, {healed} healed");
    assert_eq!((none, neither, no), (0, 0, 0));
    assert_eq!(refused, covered.div_ceil(CUT_STRIDE) as u64);
    assert_eq!(opened + healed, (size - covered) as u64);
}

#[test]
fn a_flipped_bit_is_refused_or_in_the_last_frame_taken_for_torn() {
    let original = &original();
    let bits = original.log.len() * 8;
    let last = original.entries.len() - 1;
    let [refused, torn] = campaign(0..bits, FLIP_STRIDE, |disk, bit| {
        let mut log = original.log.clone();
        log[bit / 8] ^= 1 << (bit % 8);
        let result = accepted(disk, &log, &original.head);
        if bit / 8 < original.boundaries[last] {
            assert!(result.is_none(), "bit {bit} is accepted");
            return [1, 0];
        }
        let (reading, entries) = result.unwrap_or_else(|| panic!("bit {bit} is refused"));
        assert_eq!(entries, original.entries[..last], "bit {bit}");
        assert!(matches!(reading.tail, Tail::Torn(_)), "bit {bit}");
        heals(original, &log, last);
        [0, 1]
    });
    eprintln!(
        "flipped bits of the log: {}: {refused} refused, {torn} torn",
        refused + torn
    );
    assert_eq!(refused + torn, bits.div_ceil(FLIP_STRIDE) as u64);
}

#[test]
fn every_damage_to_the_head_is_refused() {
    let original = &original();
    let bits = original.head.len() * 8;
    for bit in 0..bits {
        let mut head = original.head.clone();
        head[bit / 8] ^= 1 << (bit % 8);
        assert!(
            accepted(&MemoryDisk::new(), &original.log, &head).is_none(),
            "bit {bit}"
        );
    }
    for cut in 0..original.head.len() {
        let head = &original.head[..cut];
        assert!(
            accepted(&MemoryDisk::new(), &original.log, head).is_none(),
            "cut at {cut}"
        );
    }
    eprintln!(
        "head: {bits} flipped bits and {} cuts refused",
        original.head.len()
    );
}

/// Behind a head that lags, a zeroed sector is all that an append out of order leaves; flipped
/// bytes, runs of them too, never pass for it.
#[test]
fn runs_of_flipped_bytes_before_the_last_frame_are_refused() {
    let original = &original();
    let last = original.boundaries[original.entries.len() - 1];
    let first = original.boundaries[original.covered];
    for size in [2, 16, 48, 100] {
        for start in (first..last - size).step_by(RUN_STRIDE) {
            let mut log = original.log.clone();
            for byte in &mut log[start..start + size] {
                *byte ^= 0x55;
            }
            assert!(
                accepted(&MemoryDisk::new(), &log, &original.head).is_none(),
                "{start}"
            );
        }
    }
}
