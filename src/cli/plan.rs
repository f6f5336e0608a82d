//! `plan`: what `run` would do now. Polls and decides on a copy; works while a run is active.

use courier_ledger::{Blocked, Command, Digest, Failure, Plan};
use serde::Serialize;

use super::arguments::{Arguments, PlanOptions};
use super::error::{CommandError, PollFailed};
use super::{ledger, output, parts};
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{self, Lookout, Rehearsed};

#[derive(Serialize)]
struct PlanView<'a> {
    commands: Vec<&'a Command>,
    blocked: &'a [Blocked],
    approval_digest: Option<Digest>,
    skipped: Vec<String>,
    unchanged: u64,
}

pub(crate) fn plan(arguments: &Arguments, options: &PlanOptions) -> Result<ExitCode, CommandError> {
    let configuration = parts::configuration(arguments)?;
    let key = parts::load_key(&configuration.key_files.current)?;
    let broker = parts::broker(&configuration, parts::persistence(&configuration)?)?;
    let (mut ledger, legacy) = ledger::rehearsal(&configuration)?;
    let clock = SystemClock::start();
    let policy = configuration.rules.policy(key.id());
    let mut lookout = parts::lookout(&configuration)?;
    let decided = run::rehearse(
        &mut ledger,
        legacy,
        &policy,
        &broker,
        lookout.as_mut().map(|lookout| lookout as &mut dyn Lookout),
        &clock,
    )?;
    let Rehearsed { plan, look_failure } =
        decided.map_err(|failure| CommandError::from(PollFailed(&failure)))?;
    if let Some(failure) = &look_failure {
        warn_of_look(failure);
    }
    if options.json {
        output::write_json(&PlanView {
            commands: plan.changes().collect(),
            blocked: &plan.blocked,
            approval_digest: (!plan.blocked.is_empty()).then(|| plan.approval_digest()),
            skipped: plan.skipped.iter().map(ToString::to_string).collect(),
            unchanged: plan.unchanged,
        })?;
    } else {
        output::write(|output| show(output, &plan))?;
    }
    Ok(
        match (
            options.exit_code,
            plan.blocked.is_empty(),
            plan.changes().next(),
        ) {
            (true, false, _) => ExitCode::Blocked,
            (true, true, Some(_)) => ExitCode::Pending,
            (true, true, None) | (false, _, _) => ExitCode::Done,
        },
    )
}

/// Says that nobody looked.
pub(crate) fn warn_of_look(failure: &Failure) {
    tracing::warn!(
        "what stands at the drop-box could not be looked at ({failure}); REMOTE.CHECK = \"off\" if \
         its server never allows it"
    );
}

fn show(output: &mut dyn std::io::Write, plan: &Plan) -> std::io::Result<()> {
    for command in plan.changes() {
        writeln!(output, "  {command}")?;
    }
    if plan.changes().next().is_none() {
        writeln!(output, "Nothing to do.")?;
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
    show_blocked(output, &plan.blocked, plan.approval_digest())
}

/// Lists what guards hold back, and how to release it.
pub(crate) fn show_blocked(
    output: &mut dyn std::io::Write,
    blocked: &[Blocked],
    digest: Digest,
) -> std::io::Result<()> {
    if blocked.is_empty() {
        return Ok(());
    }
    writeln!(output, "\nBlocked, because a person must decide:")?;
    for Blocked { command, guard } in blocked {
        writeln!(output, "  {command}: {guard}")?;
    }
    writeln!(
        output,
        "\nIf all of this is right, release exactly this, once, with\n  \
         broker-courier approve {digest} --why \"…\"\nand start the next run."
    )
}
