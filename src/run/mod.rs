//! The one run loop: lock → log → import → poll → snapshot → look → decide → execute → project → publish.
//!
//! What always holds: nothing is done whose intent is not on disk, nothing is claimed whose outcome
//! is not. Deliberately absent: every decision; they are `courier-ledger`'s.

mod execute;
mod prelude;
mod record;
mod rehearsal;
mod report;
mod seams;

use courier_ledger::log::EventLog;
use courier_ledger::{Event, Failure, LegacyStatus, Plan, Policy, State, decide};

pub use prelude::VERSION;
pub use record::{Record, RecordError};
pub use rehearsal::Rehearsal;
pub use report::RunReport;
pub use seams::{Carrier, Clock, Departure, Ending, Errand, Lookout, Poller, StatusFile};

/// Everything that a run is made of, besides its log.
pub struct Parts<'a, D> {
    /// How to decide.
    pub policy: Policy,
    /// The broker.
    pub poller: &'a dyn Poller,
    /// The way to the drop-box, under way already.
    pub departure: D,
    /// The local `status.xml`.
    pub status_file: &'a dyn StatusFile,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Whether another command may be begun: no longer after the run's deadline.
    pub may_begin: &'a dyn Fn() -> bool,
}

/// Runs once over a log that `state` was folded from, and gives the state that it leads to. An error means that nothing more could be
/// recorded; everything recorded before stands.
pub fn run<D: Departure>(
    log: &mut dyn EventLog,
    state: State,
    legacy: Option<LegacyStatus>,
    parts: Parts<'_, D>,
) -> Result<(RunReport, State), RecordError> {
    let began = parts.clock.elapsed();
    let mut record = Record::new(log, parts.clock, state);
    let mut report = RunReport::default();
    prelude::import(&mut record, legacy)?;
    match prelude::begin(&mut record, &parts.policy, parts.poller)? {
        Err(failure) => report.poll_failure = Some(failure),
        Ok(()) => match parts.departure.arrive() {
            Ok(mut carrier) => {
                report.look_failure = prelude::look(&mut record, &parts.policy, &mut carrier)?;
                let mut plan = decide(record.state(), &parts.policy);
                take_notes(&mut report, &mut plan);
                execute::execute(
                    &mut record,
                    plan,
                    &mut carrier,
                    parts.status_file,
                    parts.may_begin,
                    &mut report,
                )?;
            }
            Err(failure) => {
                let mut plan = decide(record.state(), &parts.policy);
                take_notes(&mut report, &mut plan);
                execute::unreachable(&mut record, &plan, failure, parts.status_file, &mut report)?;
            }
        },
    }
    let duration = parts.clock.elapsed().saturating_sub(began).as_micros();
    record.append(vec![Event::RunFinished {
        counts: report.counts,
        duration_micros: u64::try_from(duration).unwrap_or(u64::MAX),
    }])?;
    Ok((report, record.into_state()))
}

/// What a run would do that started now.
pub struct Rehearsed {
    /// The plan.
    pub plan: Plan,
    /// Why the drop-box could not be looked at, if it should have been.
    pub look_failure: Option<Failure>,
}

/// Decides on a copy what a run would do now: nothing is appended, nothing changes. Without a
/// `lookout` the drop-box is not looked at; no guard depends on that.
pub fn rehearse(
    log: &mut Rehearsal,
    state: State,
    legacy: Option<LegacyStatus>,
    policy: &Policy,
    poller: &dyn Poller,
    lookout: Option<&mut dyn Lookout>,
    clock: &dyn Clock,
) -> Result<Result<Rehearsed, Failure>, RecordError> {
    let mut record = Record::new(log, clock, state);
    if record.state().log().is_none() {
        let log = record.log_id();
        record.append(vec![Event::LogCreated {
            log,
            version: VERSION.to_owned(),
        }])?;
    }
    prelude::import(&mut record, legacy)?;
    if let Err(failure) = prelude::begin(&mut record, policy, poller)? {
        return Ok(Err(failure));
    }
    let look_failure = match lookout {
        Some(lookout) => prelude::look(&mut record, policy, lookout)?,
        None => None,
    };
    Ok(Ok(Rehearsed {
        plan: decide(record.state(), policy),
        look_failure,
    }))
}

fn take_notes(report: &mut RunReport, plan: &mut Plan) {
    report.counts.unchanged = plan.unchanged;
    report.counts.blocked = plan.blocked.len() as u64;
    if !plan.blocked.is_empty() {
        let digest = plan.approval_digest();
        report.blocked = Some((std::mem::take(&mut plan.blocked), digest));
    }
    report.skipped = std::mem::take(&mut plan.skipped);
    let unreadable = |skipped: &&courier_ledger::Skipped| {
        matches!(skipped, courier_ledger::Skipped::Unreadable(..))
    };
    report.counts.unreadable = report.skipped.iter().filter(unreadable).count() as u64;
}
