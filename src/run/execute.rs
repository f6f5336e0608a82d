//! Carries out a plan: intents on disk first, errands side by side, outcomes on disk as they come.
//! One writer owns the log, and what waits shares an fsync.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use courier_ledger::log::{EventLog, Ledger};
use courier_ledger::{
    Command, Event, Failure, FailureClass, Found, Phase, Plan, RemoteAfterFailure, RemoteName,
    Replaces, RunCounts, Sequence, StatusDocument,
};

use super::error::RecordError;
use super::report::RunReport;
use super::seams::{Carrier, Clock, Ended, Ending, Errand, Progress, StatusFile, Task};

/// What a plan is carried out with, besides the ledger and the carrier.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) status_file: &'a dyn StatusFile,
    pub(super) progress: &'a dyn Progress,
    /// Whether another command may be begun.
    pub(super) may_begin: &'a dyn Fn() -> bool,
}

/// Carries out the plan, publishes the ledger, and adds what happened to the report.
pub(super) fn execute(
    ledger: &mut Ledger<impl EventLog>,
    plan: Plan,
    carrier: &mut dyn Carrier,
    surroundings: Surroundings<'_>,
    report: &mut RunReport,
) -> Result<(), RecordError> {
    let Surroundings {
        clock,
        status_file,
        progress,
        may_begin,
    } = surroundings;
    let publishes = publishes(&plan);
    let approvals = plan.approvals();
    let approval = |command: &Command| approvals.get(&command.request()?).copied();
    progress.planned(plan.changes().count());
    let mut waiting = VecDeque::from(plan.commands);
    let mut under_way: BTreeMap<Sequence, Command> = BTreeMap::new();
    let mut outcomes: Vec<Event> = Vec::new();
    // What is left over and could not be removed: nothing is put there in this run.
    let mut kept: BTreeSet<RemoteName> = BTreeSet::new();
    loop {
        let first_start = ledger.next_sequence().0 + outcomes.len() as u64;
        let mut errands: Vec<Errand> = Vec::new();
        while under_way.len() < carrier.capacity()
            && report.drop_box_failure.is_none()
            && report.full.is_none()
            && may_begin()
        {
            let begun = errands.iter().map(|it| &it.command);
            let begun: Vec<&Command> = under_way.values().chain(begun).collect();
            let taken = begun.iter().map(|it| it.name()).chain(&kept);
            let taken: BTreeSet<&RemoteName> = taken.collect();
            // A rename that reaches the server late must find nothing to rename: what is left over is gone before
            // anything is done under the final names.
            let sweeps = begun.iter().any(|it| is_sweep(it));
            let is_next = |it: &Command| !taken.contains(it.name()) && (is_sweep(it) || !sweeps);
            let next = waiting.iter().position(is_next);
            let Some(command) = next.and_then(|at| waiting.remove(at)) else {
                break;
            };
            let start = Sequence(first_start + errands.len() as u64);
            // The ledger is published when all else is recorded.
            if let Some(task) = task(ledger, start, &command, carrier) {
                under_way.insert(start, command.clone());
                errands.push(Errand {
                    log: ledger.tip().log,
                    start,
                    command,
                    task,
                });
            }
        }
        let free = carrier.found_free(looked_for(&errands));
        let mut events = std::mem::take(&mut outcomes);
        events.extend(errands.iter().map(|errand| {
            let is_free = free.contains(errand.command.name()) && may_be_free(errand);
            intent(
                errand.command.clone(),
                errand.temporary(),
                approval(&errand.command),
                is_free.then_some(Found::Nothing),
            )
        }));
        ledger.append(clock.now(), events)?;
        for errand in errands {
            progress.began(&errand.command);
            carrier.begin(errand);
        }
        if under_way.is_empty() {
            break;
        }
        for ended in carrier.endings() {
            let Some(command) = under_way.remove(&ended.start) else {
                continue;
            };
            progress.ended(&command, &ended.ending);
            if matches!(
                (&command, &ended.ending),
                (Command::RemoveTemporary { .. }, Ending::Failed { .. })
            ) {
                kept.insert(command.name().clone());
            }
            outcomes.push(outcome(&command, ended, report));
        }
    }
    // What was never begun is tried again by the next run.
    let is_change = |command: &&Command| !matches!(command, Command::PublishLedger { .. });
    report.counts.failed += waiting.iter().filter(is_change).count() as u64;
    report.not_begun = waiting.iter().filter_map(Command::request).collect();
    let lost = report
        .drop_box_failure
        .clone()
        .or_else(|| report.full.clone());
    if !publishes {
        return replace(&ledger.project(), status_file);
    }
    let name = RemoteName::ledger();
    let temporary = carrier.temporary(&name, ledger.tip().log, ledger.next_sequence());
    publish(
        ledger,
        clock,
        status_file,
        report,
        temporary,
        |errand| match lost {
            Some(failure) => untouched(failure),
            None => {
                carrier.begin(errand);
                let ended = carrier.endings().into_iter().next();
                ended.map_or_else(no_outcome, |ended| ended.ending)
            }
        },
    )
}

/// Projects `status.xml`, replaces the local file, and has it uploaded.
fn publish(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    status_file: &dyn StatusFile,
    report: &mut RunReport,
    temporary: RemoteName,
    upload: impl FnOnce(Errand) -> Ending,
) -> Result<(), RecordError> {
    let (log, start) = (ledger.tip().log, ledger.next_sequence());
    let name = RemoteName::ledger();
    let command = Command::PublishLedger { name };
    ledger.append(
        clock.now(),
        vec![intent(command.clone(), Some(&temporary), None, None)],
    )?;
    let document = ledger.project();
    replace(&document, status_file)?;
    let ending = upload(Errand {
        log,
        start,
        command: command.clone(),
        task: Task::Publish {
            temporary,
            document: Arc::from(document.as_bytes()),
        },
    });
    // Nobody else writes a `status.xml` where this ledger does, so nothing was looked for.
    let found = None;
    let ended = Ended {
        start,
        found,
        unseen: None,
        ending,
    };
    let event = outcome(&command, ended, report);
    Ok(ledger.append(clock.now(), vec![event])?)
}

/// Whether it removes what an earlier command has left over.
fn is_sweep(command: &Command) -> bool {
    matches!(command, Command::RemoveTemporary { .. })
}

/// Whether the ledger is to be published: not at a drop-box that may be somebody else's.
fn publishes(plan: &Plan) -> bool {
    let mut commands = plan.commands.iter();
    commands.any(|command| matches!(command, Command::PublishLedger { .. }))
}

/// Replaces the local `status.xml`.
fn replace(document: &StatusDocument, status_file: &dyn StatusFile) -> Result<(), RecordError> {
    let replaced = status_file.replace(document.as_bytes());
    replaced.map_err(|source| RecordError::StatusFile {
        path: status_file.path().to_owned(),
        source,
    })
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
    report.counts.failed += plan.changes().count() as u64;
    report.not_begun = plan.changes().filter_map(Command::request).collect();
    report.drop_box_failure = Some(failure.clone());
    if !publishes(plan) {
        return replace(&ledger.project(), status_file);
    }
    let name = RemoteName::ledger();
    let temporary = name.temporary(ledger.tip().log, ledger.next_sequence());
    publish(ledger, clock, status_file, report, temporary, |_| {
        untouched(failure)
    })
}

/// What a command takes; none for the publication of the ledger, which waits for everything else.
fn task(
    ledger: &Ledger<impl EventLog>,
    start: Sequence,
    command: &Command,
    carrier: &dyn Carrier,
) -> Option<Task> {
    let unproven = || ledger.state().unproven(command);
    match command {
        Command::Upload {
            request,
            name,
            replaces,
            ..
        } => Some(Task::Upload {
            request: *request,
            temporary: carrier.temporary(name, ledger.tip().log, start),
            replaces: *replaces,
            unproven: unproven(),
        }),
        Command::Delete { .. } | Command::RemoveTemporary { .. } => Some(Task::Remove {
            unproven: unproven(),
        }),
        Command::PublishLedger { .. } => None,
    }
}

/// Whether nothing of this ledger's is known to stand under the name that it uploads to.
fn may_be_free(errand: &Errand) -> bool {
    match &errand.task {
        Task::Upload {
            replaces, unproven, ..
        } => *replaces == Replaces::Nothing || !unproven.is_empty(),
        Task::Remove { .. } | Task::Publish { .. } => false,
    }
}

/// The names that are looked at before their uploads are begun.
fn looked_for(errands: &[Errand]) -> Vec<RemoteName> {
    let uploads = errands.iter().filter(|errand| may_be_free(errand));
    uploads
        .map(|errand| errand.command.name().clone())
        .collect()
}

fn intent(
    command: Command,
    temporary: Option<&RemoteName>,
    approval: Option<Sequence>,
    found: Option<Found>,
) -> Event {
    Event::CommandStarted {
        command,
        temporary: temporary.cloned(),
        approval,
        found,
    }
}

fn untouched(failure: Failure) -> Ending {
    Ending::Failed {
        failure,
        remote: RemoteAfterFailure::Untouched,
    }
}

fn no_outcome() -> Ending {
    Ending::Failed {
        failure: Failure {
            phase: Phase::Run,
            class: FailureClass::Transient,
            text: "no outcome".to_owned(),
        },
        remote: RemoteAfterFailure::Uncertain,
    }
}

/// The event that an ending is recorded as; the report learns of it, too.
fn outcome(command: &Command, ended: Ended, report: &mut RunReport) -> Event {
    let Ended {
        start,
        found,
        unseen,
        ending,
    } = ended;
    report.unseen = report.unseen.max(unseen);
    let RunReport { counts, .. } = report;
    match ending {
        Ending::Delivered(delivery) => {
            counts.uploaded += 1;
            Event::Uploaded {
                start,
                delivery,
                found,
                unseen,
            }
        }
        Ending::PickedUp(delivery) => {
            counts.uploaded += 1;
            Event::PickedUp {
                start,
                delivery,
                found,
                unseen,
            }
        }
        Ending::Removed(removal) => {
            count_removal(counts, command);
            Event::Deleted {
                start,
                removal,
                found,
                unseen,
            }
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
            // People count results.
            counts.failed += u64::from(!matches!(command, Command::PublishLedger { .. }));
            if report.drop_box_failure.is_none() && is_of_the_connection(&failure) {
                report.drop_box_failure = Some(failure.clone());
            }
            if report.full.is_none() && failure.is_no_room() {
                report.full = Some(failure.clone());
            }
            report.failures.push((command.to_string(), failure.clone()));
            Event::CommandFailed {
                start,
                failure,
                remote,
                found,
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
