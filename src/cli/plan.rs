//! `plan`: what `run` would do now. Polls and decides on a copy; works while a run is active.

use courier_ledger::{
    Blocked, Command, Digest, Estrangement, Exchanges, Failure, Held, KeyId, Plan,
};
use serde::Serialize;

use super::arguments::{Arguments, PlanOptions};
use super::error::{CommandError, PollFailed};
use super::standing::Published;
use super::{held, ledger, lost_key, output, parts};
use crate::effects::carrier::DistantLookout;
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{self, Lookout, Rehearsed};

#[derive(Serialize)]
struct PlanView<'a> {
    commands: Vec<&'a Command>,
    blocked: &'a [Blocked],
    exchanges: &'a Exchanges,
    estranged: Option<&'a Estrangement>,
    unannounced_key: Option<UnannouncedKeyView>,
    approval_digest: Option<Digest>,
    skipped: Vec<String>,
    unchanged: u64,
}

/// A key that a person must say is the right one.
#[derive(Serialize)]
struct UnannouncedKeyView {
    key: KeyId,
    instead_of: KeyId,
}

pub(crate) fn plan(arguments: &Arguments, options: &PlanOptions) -> Result<ExitCode, CommandError> {
    let configuration = parts::configuration(arguments)?;
    let key = lost_key::load(&configuration.key_files, &configuration.working_dir)?;
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
    let lookout = visit.as_mut().ok().map(|visit| visit as &mut dyn Lookout);
    let clock = SystemClock::start();
    let policy = configuration.rules.policy(key.id());
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
        plan,
        look_failure,
        clocks,
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
    if options.json {
        output::write_json(&PlanView {
            commands: plan.changes().collect(),
            blocked: &plan.blocked,
            exchanges: &plan.exchanges,
            estranged: plan.estranged.as_ref(),
            unannounced_key: unannounced_key.map(|it| UnannouncedKeyView {
                key: it.key,
                instead_of: it.instead_of,
            }),
            approval_digest: plan.waits().then(|| Held::of(&plan).digest()),
            skipped: plan.skipped.iter().map(ToString::to_string).collect(),
            unchanged: plan.unchanged,
        })?;
    } else {
        output::write(|output| show(output, &plan, arguments))?;
    }
    Ok(
        match (options.exit_code, plan.waits(), plan.changes().next()) {
            (true, true, _) => ExitCode::Blocked,
            (true, false, Some(_)) => ExitCode::Pending,
            (true, false, None) | (false, _, _) => ExitCode::Done,
        },
    )
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

fn show(
    output: &mut dyn std::io::Write,
    plan: &Plan,
    arguments: &Arguments,
) -> std::io::Result<()> {
    for command in plan.changes() {
        writeln!(output, "  {command}")?;
    }
    if plan.changes().next().is_none() {
        let nothing = match plan.waits() {
            true => "Nothing is done until a person decides.",
            false => "Nothing to do.",
        };
        writeln!(output, "{nothing}")?;
    }
    let unanswered = |command: &Command| match command {
        Command::Upload { completion, .. } => completion.nodes == 0,
        Command::Delete { .. }
        | Command::RemoveTemporary { .. }
        | Command::PublishLedger { .. } => false,
    };
    if plan.changes().any(unanswered) {
        writeln!(output, "  (0/0 completed: no hospital has answered yet)")?;
    }
    for skipped in &plan.skipped {
        writeln!(output, "  left alone: {skipped}")?;
    }
    writeln!(
        output,
        "\n{} to do, {} blocked, {} left alone, {} unchanged",
        plan.changes().count(),
        plan.blocked.len(),
        plan.skipped.len(),
        plan.unchanged
    )?;
    held::show(output, &Held::of(plan), arguments)
}
