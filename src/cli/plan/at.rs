//! `plan --at`: what would have been done at an earlier moment, by the rules of then or by others; from the
//! ledger alone.
//!
//! What always holds here: nobody is asked. What a look at the drop-box would have shown counts only as far
//! as a run of that moment had looked.

use std::io::{self, Write};

use courier_ledger::{
    Blocked, Digest, Grounds, Held, Plan, Policy, Sequence, State, Timestamp, decide,
};
use serde::Serialize;

use super::view::PlanView;
use super::{exit_code, shown};
use crate::cli::arguments::{Arguments, PlanOptions};
use crate::cli::error::CommandError;
use crate::cli::moment::Moment;
use crate::cli::{ledger, output};
use crate::exit_code::ExitCode;

/// The plan of then, and what it follows from.
#[derive(Serialize)]
struct AtView<'a> {
    as_of: AsOf,
    policy: &'a Policy,
    policy_known: Known,
    #[serde(flatten)]
    plan: PlanView<'a>,
}

/// The last entry that was taken in.
#[derive(Clone, Copy, Serialize)]
struct AsOf {
    event: Sequence,
    time: Timestamp,
    hash: Digest,
}

/// How the rules of then are known.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Known {
    /// The ledger has them.
    Recorded,
    /// The ledger has their digest, and it is that of the default ones.
    Default,
    /// The ledger has their digest only: these are those that it recorded before, or the default ones.
    DigestOnly,
    /// No run had begun.
    NoRun,
}

pub(super) fn plan(
    arguments: &Arguments,
    options: &PlanOptions,
    at: Moment,
) -> Result<ExitCode, CommandError> {
    let (state, tip) = ledger::replay_state(arguments, Some(at))?;
    let as_of = AsOf {
        event: tip.sequence,
        time: state.time(),
        hash: tip.hash,
    };
    let (mut policy, policy_known) = rules(&state);
    for rule in &options.policy {
        rule.change(&mut policy);
    }
    let state = as_decided_on(state);
    let plan = decide(&state, &policy);
    let grounds = plan
        .all()
        .filter_map(|command| Grounds::of(&state, command, None));
    let grounds: Vec<Grounds> = grounds.collect();
    if options.json {
        output::write_json(&AtView {
            as_of,
            policy: &policy,
            policy_known,
            plan: PlanView::new(&plan, &grounds),
        })?;
    } else {
        output::write(|output| {
            introduce(output, as_of, policy_known, options)?;
            shown::write_plan(output, &plan, &grounds)?;
            write_held(output, &plan)
        })?;
    }
    Ok(exit_code(options, &plan))
}

/// The rules of the last run.
fn rules(state: &State) -> (Policy, Known) {
    let declared = state.declared().map(|(_, policy)| *policy);
    let Some(run) = state.run() else {
        // No key decides anything before one was used.
        let nothing = Policy::new(courier_ledger::KeyId([0; 8]));
        return (declared.unwrap_or(nothing), Known::NoRun);
    };
    let default = Policy::new(run.key);
    match declared {
        Some(policy) if policy.digest() == run.policy => (policy, Known::Recorded),
        _ if default.digest() == run.policy => (default, Known::Default),
        Some(policy) => (
            Policy {
                key: run.key,
                ..policy
            },
            Known::DigestOnly,
        ),
        None => (default, Known::DigestOnly),
    }
}

/// What a run decides on that is under way, or would that begins now.
fn as_decided_on(state: State) -> State {
    let run = state.run();
    let decides = run.is_some_and(|run| run.polled && run.finished.is_none());
    match decides && state.intents().next().is_none() {
        true => state,
        false => state.as_next_run_finds_it(),
    }
}

fn introduce(
    output: &mut dyn Write,
    as_of: AsOf,
    known: Known,
    options: &PlanOptions,
) -> io::Result<()> {
    writeln!(
        output,
        "As of event {} of {}, from what the broker had shown by then.",
        as_of.event, as_of.time
    )?;
    match known {
        Known::Recorded | Known::Default => {}
        Known::DigestOnly => writeln!(
            output,
            "The rules of the last run are recorded as a digest only; these are those known before."
        )?,
        Known::NoRun => writeln!(output, "No run had begun; these are the default rules.")?,
    }
    if !options.policy.is_empty() {
        writeln!(
            output,
            "Rules given with --policy take the place of those of then."
        )?;
    }
    writeln!(output)
}

/// What a person would have had to decide; nothing of it can be approved now.
fn write_held(output: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let held = Held::of(plan);
    if !plan.waits() {
        return Ok(());
    }
    writeln!(output, "\nA person would have had to decide:")?;
    if !held.exchanges.is_empty() {
        writeln!(output, "  {}", held.exchanges)?;
    }
    if let Some(estranged) = &held.estranged {
        writeln!(output, "  {estranged}")?;
    }
    for Blocked { command, guard } in &plan.blocked {
        writeln!(output, "  {command}: {guard}")?;
    }
    Ok(())
}
