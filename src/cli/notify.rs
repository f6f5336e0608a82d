//! Who is told of runs: `NOTIFY.COMMAND`, when one ends otherwise than the one before, and `NOTIFY.URL`, of
//! each that begins and ends.
//!
//! What always holds here: what a run recorded is not told to the command twice in a row; a monitor hears exit
//! codes and counts, no name and no text; and no name of a patient's data is in either, for there is none.
//! Deliberately absent: runs that found another one active.

use std::fmt;

use courier_ledger::{Run, RunVerdict};

use super::error::CommandError;
use super::terminal;
use crate::config::Configuration;
use crate::effects::notice;
use crate::effects::ping::{Monitor, Ping};
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

/// Of which runs a monitor hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Of this one, however it ends.
    Each,
    /// Of this one only if it does not end well: it is one more than those that are waited for.
    Failed,
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

/// Who is told, as the configuration says.
pub(super) struct Listeners {
    command: Option<String>,
    monitor: Option<Monitor>,
}

impl Listeners {
    pub(super) fn of(configuration: &Configuration) -> Self {
        let reports = &configuration.reports;
        let url = reports.url.as_ref();
        // Whatever is wrong with the authorities is told when the broker's client is made.
        let monitor = url.and_then(|url| Monitor::at(url.clone(), &configuration.broker).ok());
        Self {
            command: reports.command.clone(),
            monitor,
        }
    }

    /// Tells that a run has begun.
    pub(super) fn begun(&self) {
        self.ping(Ping::Start, "");
    }

    /// Tells how a run ended; the command only if it ended otherwise than the one before.
    pub(super) fn ended(&self, before: &Before, report: &RunReport) {
        self.ended_again(before, report, Told::Each);
    }

    /// The same of a run of many in one process.
    pub(super) fn ended_again(&self, before: &Before, report: &RunReport, told: Told) {
        let code = report.exit_code();
        if told == Told::Each || code != ExitCode::Done {
            self.ping_end(code, &format!("{}\n", report.counts));
        }
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
        self.start(occasion, code, &text);
    }

    /// Tells that a run could not begin, or not be recorded: each time, for nothing may be written then.
    pub(super) fn failed(&self, error: &CommandError) {
        let occasion = match error.code {
            ExitCode::Busy => return,
            ExitCode::Blocked => Occasion::Held,
            _ => Occasion::Failure,
        };
        self.ping_end(error.code, "");
        self.start(occasion, error.code, &format!("{error}\n"));
    }

    fn ping_end(&self, code: ExitCode, counts: &str) {
        let words = format!("exit code {}: {}\n{counts}", code.number(), code.words());
        self.ping(Ping::End(code.number()), &words);
    }

    fn ping(&self, what: Ping, words: &str) {
        let Some(monitor) = &self.monitor else { return };
        if let Err(unheard) = monitor.ping(what, terminal::run_id(), words) {
            tracing::warn!("NOTIFY.URL: the monitor did not hear of this run: {unheard}");
        }
    }

    fn start(&self, occasion: Occasion, code: ExitCode, text: &str) {
        let Some(command) = &self.command else { return };
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
}

/// Whether two runs failed in the same way: words may tell of times and sizes.
fn alike(one: &RunVerdict, other: &RunVerdict) -> bool {
    let kind = |it: &RunVerdict| it.failure.as_ref().map(|it| (it.phase, it.class));
    one.exit_code == other.exit_code && kind(one) == kind(other)
}
