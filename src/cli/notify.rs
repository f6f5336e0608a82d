//! `NOTIFY.COMMAND`: who is told when a run ends otherwise than the one before.
//!
//! What always holds here: what a run recorded is not told twice in a row, and no name of a patient's data is in it, for
//! there is none. Deliberately absent: runs that found another one active.

use std::fmt;

use courier_ledger::{Run, RunVerdict};

use super::error::CommandError;
use super::terminal;
use crate::effects::notice;
use crate::exit_code::ExitCode;
use crate::run::RunReport;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    /// A run failed, in part or as a whole.
    Failure,
    /// Something waits for a person.
    Held,
    /// All is well again.
    Recovery,
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failure => "failure",
            Self::Held => "held",
            Self::Recovery => "recovery",
        })
    }
}

/// How the run before this one ended: none when there was none, or nobody recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
    good: bool,
    verdict: Option<RunVerdict>,
}

impl Before {
    pub(super) fn of(run: Option<&Run>) -> Self {
        Self {
            good: run.is_none_or(Run::is_good),
            verdict: run.and_then(|run| run.verdict.clone()),
        }
    }
}

/// Tells how a run ended, if it ended otherwise than the one before.
pub(super) fn ended(command: Option<&str>, before: &Before, report: &RunReport) {
    let code = report.exit_code();
    let verdict = report.verdict();
    let occasion = match code {
        ExitCode::Done if before.good => return,
        ExitCode::Done => Occasion::Recovery,
        _ if before
            .verdict
            .as_ref()
            .is_some_and(|it| alike(it, &verdict)) =>
        {
            return;
        }
        ExitCode::Blocked => Occasion::Held,
        _ => Occasion::Failure,
    };
    let failure = verdict.failure.map(|failure| format!("{failure}\n"));
    let text = format!("{}{}\n", failure.unwrap_or_default(), report.counts);
    give(command, occasion, code, &text);
}

/// Whether two runs failed in the same way: words may tell of times and sizes.
fn alike(one: &RunVerdict, other: &RunVerdict) -> bool {
    let kind = |it: &RunVerdict| it.failure.as_ref().map(|it| (it.phase, it.class));
    one.exit_code == other.exit_code && kind(one) == kind(other)
}

/// Tells that a run could not begin, or not be recorded: each time, for nothing may be written then.
pub(super) fn failed(command: Option<&str>, error: &CommandError) {
    let occasion = match error.code {
        ExitCode::Busy => return,
        ExitCode::Blocked => Occasion::Held,
        _ => Occasion::Failure,
    };
    give(command, occasion, error.code, &format!("{error}\n"));
}

fn give(command: Option<&str>, occasion: Occasion, code: ExitCode, text: &str) {
    let Some(command) = command else { return };
    let text = format!(
        "broker-courier: {occasion}, exit code {}: {}\n{text}`broker-courier status` shows more.\n",
        code.number(),
        code.words()
    );
    let variables = [
        ("BROKER_COURIER_EVENT", occasion.to_string()),
        ("BROKER_COURIER_EXIT_CODE", code.number().to_string()),
        ("BROKER_COURIER_RUN", terminal::run_id().to_owned()),
    ];
    if let Err(error) = notice::give(command, &text, &variables) {
        tracing::warn!("NOTIFY.COMMAND: {error}");
    }
}
