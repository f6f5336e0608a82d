//! `plan`: what `run` would do now. Polls and decides on a copy; works while a run is active.

mod answered;
mod at;
mod rule;
mod shown;
mod view;

use std::collections::BTreeSet;

use courier_ledger::{Failure, Grounds, Plan, RequestId, SavedPlan};

use super::arguments::{Arguments, PlanOptions};
use super::error::{CommandError, PollFailed, UsageError};
use super::standing::Published;
use super::{again, held, ledger, lost_key, output, parts, plan_file};
use crate::effects::carrier::DistantLookout;
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{self, Clock as _, Lookout, Rehearsed};
pub(crate) use rule::Rule;
use view::PlanView;

pub(crate) fn plan(arguments: &Arguments, options: &PlanOptions) -> Result<ExitCode, CommandError> {
    if let Some(at) = options.at {
        return at::plan(arguments, options, at);
    }
    let configuration = parts::configuration(arguments)?;
    let key = lost_key::load(&configuration)?;
    let broker = parts::broker(&configuration, parts::persistence(&configuration)?)?;
    let partners = parts::partners(&configuration);
    let endpoint = parts::endpoint(&configuration)?;
    let mut visit = DistantLookout::visit(&endpoint);
    let published = match &visit {
        Ok(visit) => Some(Published {
            found: visit.published(),
            drop_box: &partners.drop_box,
            folder: endpoint.to_string(),
        }),
        Err(failure) => {
            warn_of_visit(failure);
            None
        }
    };
    let (mut ledger, legacy) = ledger::rehearsal(&configuration, published.as_ref())?;
    let tip = ledger.state().log().map(|_| ledger.tip());
    let lookout = visit.as_mut().ok().map(|visit| visit as &mut dyn Lookout);
    let clock = SystemClock::start();
    let policy = configuration
        .rules
        .policy(parts::sealing(&configuration, key.clone()).id());
    let decided = run::rehearse(
        &mut ledger,
        legacy,
        &policy,
        &partners,
        &broker,
        lookout,
        &clock,
    )?;
    let Rehearsed {
        mut plan,
        look_failure,
        clocks,
        answered,
    } = decided.map_err(|failure| CommandError::from(PollFailed(&failure)))?;
    for clock in &clocks {
        output::warn_of_clock(clock);
    }
    if let Some(failure) = &look_failure {
        warn_of_look(failure);
    }
    let released = plan.released.is_some();
    let unannounced_key = plan.unannounced_key.as_ref().filter(|_| !released);
    if let Some(key) = unannounced_key {
        held::tell_key(key);
    }
    if let Some(fallen) = &plan.fallen {
        held::tell_fallen(fallen);
    }
    let answered = answered::complete(answered, &plan, ledger.state(), &configuration.location());
    let grounds = plan.all().filter_map(|command| {
        let answered = answered.get(&command.request()?);
        Grounds::of(ledger.state(), command, answered)
    });
    let grounds: Vec<Grounds> = grounds.collect();
    if let Some(only) = options.only.requests() {
        let unknown = |id: &RequestId| ledger.state().request(*id).is_none();
        let unknown: BTreeSet<RequestId> = only.iter().copied().filter(unknown).collect();
        if !unknown.is_empty() {
            return Err(UsageError::UnknownRequests(unknown).into());
        }
        plan.narrow(&only);
    }
    let mut kept = None;
    if let Some(path) = &options.out {
        let saved = SavedPlan::of(&plan, policy, partners, tip, clock.now());
        kept = Some((path, saved.digest()));
        plan_file::write(path, saved)?;
    }
    if options.json {
        output::write_json(&PlanView::new(&plan, &grounds))?;
    } else {
        output::write(|output| {
            shown::write(output, &plan, &grounds, arguments)?;
            kept.map_or(Ok(()), |(path, digest)| {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                let (program, path) = (again::called(arguments), path.to_string_lossy());
                let command = format!("{program} run --plan {}", again::quoted(&path));
                writeln!(
                    output,
                    "\nKept as the plan\n  {digest}\nExactly this, or nothing, does\n  {command}"
                )
            })
        })?;
    }
    Ok(exit_code(options, &plan))
}

fn exit_code(options: &PlanOptions, plan: &Plan) -> ExitCode {
    match (options.exit_code, plan.waits(), plan.changes().next()) {
        (true, true, _) => ExitCode::Blocked,
        (true, false, Some(_)) => ExitCode::Pending,
        (true, false, None) | (false, _, _) => ExitCode::Done,
    }
}

/// Says that the drop-box was not reached.
fn warn_of_visit(failure: &Failure) {
    tracing::warn!(
        "the drop-box could not be reached, so neither its status.xml nor what was delivered was \
         looked at: {failure}"
    );
}

/// Says that nobody looked.
pub(crate) fn warn_of_look(failure: &Failure) {
    tracing::warn!(
        "what stands at the drop-box could not be looked at ({failure}); REMOTE.CHECK = \"off\" if \
         its server never allows it"
    );
}
