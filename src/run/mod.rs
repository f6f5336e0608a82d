//! The one run loop: lock → log → poll and connect → judge → import → snapshot → look → decide → execute →
//! project → publish.
//!
//! What always holds: nothing is written before it is known that this ledger is the one that was
//! published; nothing is done whose intent is not on disk, nothing is claimed whose outcome is not.
//! Deliberately absent: every decision; they are `courier-ledger`'s.

mod approach;
mod error;
mod evidence;
mod execute;
mod hold;
mod observe;
mod report;
mod scope;
mod seams;
mod sparing;

use std::collections::BTreeMap;

use courier_ledger::log::{EventLog, Ledger, Rehearsal};
use courier_ledger::{
    ClockDifference, Command, Event, Failure, Grounds, Held, LegacyStatus, NumberSet, Observation,
    Partners, Plan, Policy, RequestId, decide,
};

use approach::Arrived;
pub use approach::{Approach, ApproachError, Before, approach, approach_if_due};
pub use error::RecordError;
use execute::Surroundings;
pub use observe::VERSION;
pub use report::{NewHostKey, RunReport};
pub use scope::Scope;
pub use seams::{
    Carrier, Clock, Departure, Ended, Ending, Errand, Evidence, Lookout, Polled, Poller, Progress,
    StatusFile, Task,
};
pub use sparing::Sparing;

/// Everything that a run is made of, besides its log and what it begins with.
pub struct Parts<'a> {
    /// How to decide.
    pub policy: Policy,
    /// Whom to deal with.
    pub partners: Partners,
    /// The local `status.xml`.
    pub status_file: &'a dyn StatusFile,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Who hears of each command.
    pub progress: &'a dyn Progress,
    /// Who signs what was published, if anybody does.
    pub evidence: Option<&'a dyn Evidence>,
    /// Whether another command may be begun: no longer after the run's deadline.
    pub may_begin: &'a dyn Fn() -> bool,
    /// How often runs are to begin, in minutes, where that is known.
    pub every_minutes: Option<u32>,
    /// What of the plan is to be carried out.
    pub scope: &'a Scope,
}

/// Runs once over a ledger, from what was gathered before. An error means that nothing more could be
/// recorded; everything recorded before stands, and the ledger must be opened anew.
pub fn run<L: EventLog, C: Carrier + Lookout>(
    ledger: &mut Ledger<L>,
    approach: Approach<C>,
    parts: Parts<'_>,
) -> Result<RunReport, RecordError> {
    let clock = parts.clock;
    let Approach {
        time,
        began,
        legacy,
        polled,
        arrived,
    } = approach;
    let mut report = RunReport::default();
    report.clocks.extend(ledger.note_clock(time)?);
    observe::import(ledger, time, legacy)?;
    let Parts {
        policy,
        partners,
        status_file,
        clock: _,
        progress,
        evidence,
        may_begin,
        every_minutes,
        scope,
    } = parts;
    let seen = match &arrived {
        Arrived::There(_, seen) => Some(seen.clone()),
        Arrived::Failed(_) | Arrived::Spared => None,
    };
    report.published_seen =
        observe::begin(ledger, time, &policy, scope.bound_to(), every_minutes, seen)?;
    match observe::polled(ledger, clock, polled)? {
        Err(failure) => report.poll_failure = Some(failure),
        Ok(difference) => match arrived {
            Arrived::There(mut carrier, _) => {
                report.clocks.extend(difference);
                let host_key = carrier.host_key();
                report.host_key = observe::declare(ledger, clock, &policy, &partners, host_key)?;
                report.look_failure = observe::look(ledger, clock, &policy, &mut carrier)?;
                let (plan, aside) = planned(ledger, clock, &policy, scope, &mut report)?;
                let surroundings = Surroundings {
                    clock,
                    status_file,
                    progress,
                    may_begin,
                };
                // A plan that no longer holds is as none: not even the ledger is published.
                if report.moved.is_empty() {
                    execute::execute(ledger, plan, &mut carrier, surroundings, &mut report)?;
                    if let Some(evidence) = evidence {
                        evidence::put_beside(ledger, evidence, &mut carrier);
                    }
                }
                report.not_begun = report.not_begun.union(&aside);
            }
            Arrived::Spared => {
                report.clocks.extend(difference);
                observe::declare(ledger, clock, &policy, &partners, None)?;
                let (plan, aside) = planned(ledger, clock, &policy, scope, &mut report)?;
                // What this very poll has made due, however that may be, is the next run's.
                let due: NumberSet = plan.changes().filter_map(Command::request).collect();
                report.is_due = !due.is_empty();
                report.not_begun = due.union(&aside);
            }
            Arrived::Failed(failure) => {
                report.clocks.extend(difference);
                observe::declare(ledger, clock, &policy, &partners, None)?;
                let (plan, aside) = planned(ledger, clock, &policy, scope, &mut report)?;
                if report.moved.is_empty() {
                    execute::unreachable(ledger, clock, &plan, failure, status_file, &mut report)?;
                }
                report.not_begun = report.not_begun.union(&aside);
            }
        },
    }
    let duration = clock.elapsed().saturating_sub(began).as_micros();
    let finished = Event::RunFinished {
        counts: report.counts,
        duration_micros: u64::try_from(duration).unwrap_or(u64::MAX),
        verdict: Some(report.verdict()),
    };
    ledger.append(clock.now(), vec![finished])?;
    Ok(report)
}

/// What is to be done, with what waits for a person recorded and reported; and the requests that it leaves alone.
fn planned<L: EventLog>(
    ledger: &mut Ledger<L>,
    clock: &dyn Clock,
    policy: &Policy,
    scope: &Scope,
    report: &mut RunReport,
) -> Result<(Plan, NumberSet), RecordError> {
    let mut plan = decide(ledger.state(), policy);
    hold::hold(ledger, clock, &plan)?;
    report.moved = scope.apply(&mut plan, policy);
    let aside = set_aside(report, &plan);
    report_held_back(report, &mut plan);
    Ok((plan, aside))
}

/// What a run would do that started now.
pub struct Rehearsed {
    /// The plan.
    pub plan: Plan,
    /// Why the drop-box could not be looked at, if it should have been.
    pub look_failure: Option<Failure>,
    /// The clocks that do not agree with ours.
    pub clocks: Vec<ClockDifference>,
    /// What delivered results of changed requests answer, as far as the last poll had shown it.
    pub answered: BTreeMap<RequestId, Observation>,
}

/// Decides on a copy what a run would do now: nothing is appended, nothing changes. Without a
/// `lookout` the drop-box is not looked at; no guard depends on that.
pub fn rehearse(
    ledger: &mut Ledger<Rehearsal>,
    legacy: Option<LegacyStatus>,
    policy: &Policy,
    partners: &Partners,
    poller: &dyn Poller,
    lookout: Option<&mut dyn Lookout>,
    clock: &dyn Clock,
) -> Result<Result<Rehearsed, Failure>, RecordError> {
    if ledger.state().log().is_none() {
        let created = Event::LogCreated {
            log: ledger.tip().log,
            version: VERSION.to_owned(),
        };
        ledger.append(clock.now(), vec![created])?;
    }
    let time = clock.now();
    let state = ledger.state();
    let shown = state.requests().filter_map(|(id, request)| {
        let (observation, fingerprint) = request.observed.as_ref()?;
        Some((id, (observation.clone(), *fingerprint)))
    });
    let shown: BTreeMap<_, _> = shown.collect();
    let polled = poller.poll(&state.expected_by_next_run(legacy.as_ref()), state);
    let mut clocks: Vec<_> = ledger.note_clock(time)?.into_iter().collect();
    observe::import(ledger, time, legacy)?;
    observe::begin(ledger, time, policy, None, None, None)?;
    match observe::polled(ledger, clock, polled)? {
        Err(failure) => return Ok(Err(failure)),
        Ok(difference) => clocks.extend(difference),
    }
    observe::declare(ledger, clock, policy, partners, None)?;
    let look_failure = match lookout {
        Some(lookout) => observe::look(ledger, clock, policy, lookout)?,
        None => None,
    };
    let plan = decide(ledger.state(), policy);
    let answers = plan
        .all()
        .filter_map(|it| Grounds::answers(ledger.state(), it));
    let answered = answers.filter_map(|(id, answered)| {
        let (observation, fingerprint) = shown.get(&id)?;
        (*fingerprint == answered).then(|| (id, observation.clone()))
    });
    let answered = answered.collect();
    Ok(Ok(Rehearsed {
        plan,
        look_failure,
        clocks,
        answered,
    }))
}

/// The requests that the plan would see to, and the run does not: those that nobody wants it to, or all of
/// them where the plan that it is bound to no longer holds.
fn set_aside(report: &RunReport, plan: &Plan) -> NumberSet {
    let all = plan.whole().filter_map(Command::request);
    match report.moved.is_empty() {
        true => plan.set_aside.iter().filter_map(Command::request).collect(),
        false => all.collect(),
    }
}

/// Moves what the plan leaves undone, and why, to the report.
fn report_held_back(report: &mut RunReport, plan: &mut Plan) {
    report.counts.unchanged = plan.unchanged;
    report.set_aside = plan.set_aside.len() as u64;
    report.counts.blocked = plan.blocked.len() as u64;
    if plan.waits() {
        report.held = Some(Held::of(plan));
        report.limit = plan.limit;
    }
    let released = plan.released.is_some();
    report.unannounced_key = plan.unannounced_key.take().filter(|_| !released);
    report.fallen = plan.fallen.take();
    report.skipped = std::mem::take(&mut plan.skipped);
    let unreadable = |skipped: &&courier_ledger::Skipped| {
        matches!(skipped, courier_ledger::Skipped::Unreadable(..))
    };
    report.counts.unreadable = report.skipped.iter().filter(unreadable).count() as u64;
}
