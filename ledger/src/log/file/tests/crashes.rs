//! Faults at every step of the memory disk: no acknowledged entry is lost, none is invented, and no
//! interruption is taken for damage.

use super::*;
use crate::log::file::simulated::disk::Fault;

/// What a runner knows to be on disk, and what it tried.
#[derive(Default)]
struct History {
    acknowledged: usize,
    tried: Vec<Event>,
}

/// One run: open, check, append alone and in batches, small and large, close.
fn run(disk: &MemoryDisk, run: usize, history: &mut History) -> Result<(), LogError> {
    let mut seen = Vec::new();
    let opened = opened(disk.process(), &mut |entry| seen.push(entry.event));
    let mut journal = match opened {
        Ok(opened) => opened.journal,
        Err(error) => {
            assert!(!matches!(error, LogError::Refused(_)), "{error}");
            return Err(error);
        }
    };
    // Recovery's own entries aside, what is read is what was tried, as far as it got, and all of
    // what was acknowledged; from here on it is on disk.
    seen.retain(|event| !matches!(event, Event::TailRecovered { .. }));
    if seen.len() > history.tried.len() && history.tried.is_empty() {
        history.tried.push(created());
    }
    assert!(
        seen.len() >= history.acknowledged,
        "acknowledged entries are lost"
    );
    assert_eq!(seen[..], history.tried[..seen.len()]);
    history.tried.truncate(seen.len());
    history.acknowledged = seen.len();

    let sizes = [1, 40, 900, 4, 2000, 7, 300, 300, 1200, 5];
    let batches = [
        vec![started()],
        sizes.map(|size| sized(size + run)).to_vec(),
        vec![sized(6000), finished(1)],
        (0..40).map(finished).collect(),
        vec![finished(3)],
    ];
    for events in batches {
        let count = events.len();
        history.tried.extend(events.iter().cloned());
        append(&mut journal, events)?;
        history.acknowledged += count;
    }
    journal.close()
}

/// Two whole runs, a third with `fault` at `step`, and how many steps it took.
fn interrupted(step: u64, fault: Option<Fault>) -> (MemoryDisk, History, u64) {
    let disk = MemoryDisk::new();
    let mut history = History::default();
    let whole_runs = if step.is_multiple_of(2) { 0 } else { 2 };
    for number in 0..whole_runs {
        run(&disk, number, &mut history).expect("nothing fails");
    }
    let before = disk.steps();
    if let Some(fault) = fault {
        disk.fail_at(before + step / 2, fault);
    }
    let outcome = run(&disk, 2, &mut history);
    assert!(fault.is_some() || outcome.is_ok());
    (disk.clone(), history, disk.steps() - before)
}

fn every_step() -> impl Iterator<Item = u64> {
    let (first, later) = (interrupted(0, None).2, interrupted(1, None).2);
    assert!(first > 12 && later > 12);
    (2..=2 * first.max(later) + 1)
        .filter(move |step| *step / 2 <= if step.is_multiple_of(2) { first } else { later })
}

#[test]
fn a_power_loss_at_any_step_loses_nothing_acknowledged() {
    for step in every_step() {
        for seed in 0..40 {
            let (disk, mut history, _) = interrupted(step, Some(Fault::PowerLoss));
            disk.restart(seed);
            run(&disk, 3, &mut history).expect("goes on");
            run(&disk, 4, &mut history).expect("goes on");
            assert!(!disk.names().iter().any(|name| name.ends_with(".tmp")));
        }
    }
}

#[test]
fn a_power_loss_during_recovery_loses_nothing_acknowledged() {
    for step in every_step().step_by(3) {
        for seed in 0..12 {
            for second in 1..14 {
                let (disk, mut history, _) = interrupted(step, Some(Fault::PowerLoss));
                disk.restart(seed);
                disk.fail_at(disk.steps() + second, Fault::PowerLoss);
                run(&disk, 3, &mut history).expect_err("the power goes");
                disk.restart(seed + 100);
                run(&disk, 4, &mut history).expect("goes on");
            }
        }
    }
}

/// The kernel may call lost pages clean: what the next start reads is on no disk until it is written
/// once more.
#[test]
fn after_a_failed_write_or_fsync_what_the_next_start_reads_survives_a_power_loss() {
    for fault in [Fault::Error, Fault::Full] {
        for step in every_step() {
            for seed in 0..10 {
                let (disk, mut history, _) = interrupted(step, Some(fault));
                // Only the process ended: the cache is as it was.
                let (opened, entries) = open(&disk).expect("opens");
                let tip = opened.journal.tip();
                drop(opened);
                disk.restart(seed);
                let (opened, again) = open(&disk).expect("opens");
                assert_eq!((opened.journal.tip(), &again), (tip, &entries));
                drop(opened);
                run(&disk, 3, &mut history).expect("goes on");
            }
        }
    }
}

#[test]
fn after_a_failed_fsync_nothing_is_appended_any_more() {
    for fault in [Fault::Error, Fault::Full, Fault::PowerLoss] {
        for failing in 1..=2 {
            let disk = MemoryDisk::new();
            let (mut opened, _) = open(&disk).expect("opens");
            disk.fail_at(disk.steps() + failing, fault);
            let error = append(&mut opened.journal, vec![started()]).expect_err("fails");
            assert!(failure_of(&error).is_some(), "{error}");
            let before = disk.steps();
            for _ in 0..2 {
                let error = append(&mut opened.journal, vec![started()]).expect_err("unusable");
                assert!(matches!(error, LogError::Unusable { .. }), "{error}");
            }
            assert!(matches!(
                opened.journal.seal(),
                Err(LogError::Unusable { .. })
            ));
            assert_eq!(disk.steps(), before);
        }
    }
}

#[test]
fn a_full_disk_leaves_a_whole_log() {
    let disk = MemoryDisk::new();
    let (opened, _) = open(&disk).expect("opens");
    drop(opened);
    let full: usize = disk.files().values().map(Vec::len).sum();
    for room in (0..4000).step_by(37) {
        disk.set_capacity_bytes(Some(full + 300 + room));
        let (mut opened, before) = open(&disk).expect("opens");
        let appended = append(&mut opened.journal, vec![sized(2500), sized(900)]);
        drop(opened);
        disk.set_capacity_bytes(None);
        let (opened, after) = open(&disk).expect("opens");
        assert!(opened.recovered().is_empty());
        match appended {
            Ok(entries) => {
                assert_eq!(after.len(), before.len() + entries.len());
                return;
            }
            Err(error) => {
                let kind = failure_of(&error);
                assert_eq!(kind, Some(std::io::ErrorKind::StorageFull));
                assert_eq!(after, before);
            }
        }
    }
    panic!("there is room for the last");
}

#[test]
fn a_process_that_dies_at_any_step_loses_nothing_acknowledged() {
    for step in every_step() {
        let (disk, mut history, _) = interrupted(step, Some(Fault::Error));
        run(&disk, 3, &mut history).expect("goes on");
    }
}
