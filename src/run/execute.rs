//! Carries out a plan: intents on disk first, errands side by side, outcomes on disk as they come.
//! One writer owns the log, and what waits shares an fsync.

use std::collections::BTreeMap;
use std::sync::Arc;

use courier_ledger::log::{EventLog, Ledger};
use courier_ledger::{
    Command, Event, Failure, FailureClass, Phase, Plan, RemoteAfterFailure, RemoteName, Request,
    RunCounts, Sequence,
};

use super::error::RecordError;
use super::report::RunReport;
use super::seams::{Carrier, Clock, Ending, Errand, StatusFile};

/// Carries out the plan, publishes the ledger, and adds what happened to the report.
pub(super) fn execute(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    plan: Plan,
    carrier: &mut dyn Carrier,
    status_file: &dyn StatusFile,
    may_begin: &dyn Fn() -> bool,
    report: &mut RunReport,
) -> Result<(), RecordError> {
    let mut waiting = plan
        .commands
        .into_iter()
        .filter(|command| !matches!(command, Command::PublishLedger { .. }))
        .collect::<std::collections::VecDeque<_>>();
    let mut under_way: BTreeMap<Sequence, Command> = BTreeMap::new();
    let mut outcomes: Vec<Event> = Vec::new();
    loop {
        let first_start = ledger.next_sequence().0 + outcomes.len() as u64;
        let mut errands = Vec::new();
        while under_way.len() < carrier.capacity()
            && report.drop_box_failure.is_none()
            && may_begin()
        {
            let Some(command) = waiting.pop_front() else {
                break;
            };
            let start = Sequence(first_start + errands.len() as u64);
            let errand = errand(ledger, start, command);
            under_way.insert(start, errand.command.clone());
            errands.push(errand);
        }
        let mut events = std::mem::take(&mut outcomes);
        events.extend(errands.iter().map(intent));
        ledger.append(clock.now(), events)?;
        for errand in errands {
            carrier.begin(errand);
        }
        if under_way.is_empty() {
            break;
        }
        for (start, ending) in carrier.endings() {
            let Some(command) = under_way.remove(&start) else {
                continue;
            };
            outcomes.push(outcome(start, &command, ending, report));
        }
    }
    // What was never begun is tried again by the next run.
    report.counts.failed += waiting.len() as u64;
    publish(ledger, clock, carrier, status_file, report)
}

/// Projects `status.xml`, replaces the local file, and uploads it.
fn publish(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    carrier: &mut dyn Carrier,
    status_file: &dyn StatusFile,
    report: &mut RunReport,
) -> Result<(), RecordError> {
    let command = Command::PublishLedger {
        name: RemoteName::ledger(),
    };
    let mut errand = errand(ledger, ledger.next_sequence(), command);
    ledger.append(clock.now(), vec![intent(&errand)])?;
    let document = ledger.project();
    status_file
        .replace(document.as_bytes())
        .map_err(|source| RecordError::StatusFile {
            path: status_file.path().to_owned(),
            source,
        })?;
    errand.document = Some(Arc::from(document.as_bytes()));
    let (start, command) = (errand.start, errand.command.clone());
    let ending = match &report.drop_box_failure {
        Some(failure) => Ending::Failed {
            failure: failure.clone(),
            remote: RemoteAfterFailure::Untouched,
        },
        None => {
            carrier.begin(errand);
            carrier
                .endings()
                .into_iter()
                .next()
                .map_or_else(|| lost("no outcome"), |(_, end)| end)
        }
    };
    let event = outcome(start, &command, ending, report);
    Ok(ledger.append(clock.now(), vec![event])?)
}

/// Records that the drop-box could not be reached: only the publication, which every run owes, is
/// begun and failed; everything else is left to the next run.
pub(super) fn unreachable(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    plan: &Plan,
    failure: Failure,
    status_file: &dyn StatusFile,
    report: &mut RunReport,
) -> Result<(), RecordError> {
    struct Nobody;
    impl Carrier for Nobody {
        fn capacity(&self) -> usize {
            0
        }
        fn begin(&mut self, _errand: Errand) {}
        fn endings(&mut self) -> Vec<(Sequence, Ending)> {
            Vec::new()
        }
    }
    report.counts.failed += plan.changes().count() as u64;
    report.drop_box_failure = Some(failure);
    publish(ledger, clock, &mut Nobody, status_file, report)
}

fn errand(ledger: &Ledger<impl EventLog>, start: Sequence, command: Command) -> Errand {
    let log = ledger.tip().log;
    let temporary = command.temporary(log, start);
    let request = command.request().and_then(|id| ledger.state().request(id));
    Errand {
        log,
        start,
        temporary,
        unproven: request.map(Request::unproven).unwrap_or_default(),
        command,
        document: None,
    }
}

fn intent(errand: &Errand) -> Event {
    Event::CommandStarted {
        command: errand.command.clone(),
        temporary: errand.temporary.clone(),
    }
}

fn lost(text: &str) -> Ending {
    let failure = Failure {
        phase: Phase::Run,
        class: FailureClass::Transient,
        text: text.to_owned(),
    };
    Ending::Failed {
        failure,
        remote: RemoteAfterFailure::Uncertain,
    }
}

/// The event that an ending is recorded as; the report learns of it, too.
fn outcome(start: Sequence, command: &Command, ending: Ending, report: &mut RunReport) -> Event {
    let RunReport { counts, .. } = report;
    match ending {
        Ending::Delivered(delivery) => {
            counts.uploaded += 1;
            Event::Uploaded { start, delivery }
        }
        Ending::PickedUp(delivery) => {
            counts.uploaded += 1;
            Event::PickedUp { start, delivery }
        }
        Ending::Removed(removal) => {
            count_removal(counts, command);
            Event::Deleted { start, removal }
        }
        Ending::Published { sha256, size_bytes } => {
            // The intent is the last entry that the document shows.
            Event::LedgerPublished {
                start,
                through: start,
                sha256,
                size_bytes,
            }
        }
        Ending::Failed { failure, remote } => {
            counts.failed += 1;
            if report.drop_box_failure.is_none() && is_of_the_connection(&failure) {
                report.drop_box_failure = Some(failure.clone());
            }
            report.failures.push((command.to_string(), failure.clone()));
            Event::CommandFailed {
                start,
                failure,
                remote,
            }
        }
    }
}

fn count_removal(counts: &mut RunCounts, command: &Command) {
    if matches!(command, Command::Delete { .. }) {
        counts.deleted += 1;
    }
}

/// Whether a failure concerns the drop-box as a whole rather than one command.
fn is_of_the_connection(failure: &Failure) -> bool {
    matches!(
        failure.phase,
        Phase::Connect | Phase::HostKey | Phase::Authenticate
    )
}
