//! The ledger's order: judged, then kept. An event that cannot follow never reaches the log.

use crate::event::Event;
use crate::failure::{Failure, FailureClass, Phase};
use crate::id::Sequence;
use crate::log::error::{FoldError, LogError};
use crate::log::file::journal::Journal;
use crate::log::file::simulated::memory::{Memory, MemoryDisk};
use crate::log::ledger::Ledger;
use crate::log::sample::{TIME, finished, new_log, started};

fn begun(disk: &MemoryDisk) -> Ledger<Journal<Memory>> {
    Ledger::create(disk.process(), TIME, new_log()).expect("begins")
}

/// A planted defect: the outcome of a command that never began.
fn impossible() -> Event {
    Event::Deleted {
        start: Sequence(1),
        removal: crate::command::Removal::Removed,
        found: None,
        unseen: None,
    }
}

fn bytes(disk: &MemoryDisk) -> Vec<(String, Option<Vec<u8>>)> {
    let names = disk.names().into_iter();
    names
        .map(|name| (name.clone(), disk.contents(&name)))
        .collect()
}

#[test]
fn an_event_that_cannot_follow_leaves_the_log_as_it_was() {
    let disk = MemoryDisk::new();
    let mut ledger = begun(&disk);
    ledger.append(TIME, vec![started()]).expect("follows");
    let (before, steps, state) = (bytes(&disk), disk.steps(), ledger.state().clone());
    let error = ledger.append(TIME, vec![impossible()]);
    assert!(matches!(error, Err(FoldError::Illegal(_))), "{error:?}");
    assert_eq!(bytes(&disk), before);
    assert_eq!(disk.steps(), steps, "nothing was written");
    assert_eq!(*ledger.state(), state);
    // Nor does one that stands behind others which could.
    let error = ledger.append(TIME, vec![finished(0), impossible()]);
    assert!(matches!(error, Err(FoldError::Illegal(_))), "{error:?}");
    assert_eq!(bytes(&disk), before);
    // The state is ahead of the log now, and nothing is appended any more.
    let error = ledger.append(TIME, vec![started()]);
    assert!(matches!(
        error,
        Err(FoldError::Log(LogError::Conflict { .. }))
    ));
    assert!(matches!(ledger.cache(), Err(LogError::Conflict { .. })));
    assert_eq!(bytes(&disk), before);
    ledger.close().expect("closes");
    let again = Ledger::open(disk.process(), TIME).expect("opens: the log is legal");
    assert_eq!(*again.state(), state);
}

#[test]
fn what_the_log_could_not_keep_is_not_built_on() {
    let disk = MemoryDisk::new();
    let mut ledger = begun(&disk);
    disk.fail_at(disk.steps() + 1, crate::log::Fault::Error);
    ledger.append(TIME, vec![started()]).expect_err("fails");
    let failure = Failure {
        phase: Phase::List,
        class: FailureClass::Transient,
        text: "none".to_owned(),
    };
    let next = ledger.append(TIME, vec![Event::PollFailed { failure }]);
    assert!(matches!(
        next,
        Err(FoldError::Log(
            LogError::Conflict { .. } | LogError::Unusable { .. }
        ))
    ));
    drop(ledger);
    let again = Ledger::open(disk.process(), TIME).expect("opens");
    assert_eq!(again.tip().sequence, again.state().tip());
}
