//! What ends a wait, and why the next run begins.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use crate::cli::notify::Told;

/// What wakes whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The process is asked to end.
    End,
    /// The configuration is to be read again.
    Reload,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A run.
    Run(Why),
    /// Reading the configuration again.
    Reload,
    /// Ending.
    End,
}

/// Why a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It is the first one.
    Begun,
    /// The last one was long ago.
    Interval,
    /// The configuration was read again.
    Reloaded,
    /// Somebody wrote to the ledger while it waited for a person.
    Decided,
}

impl Why {
    /// Whether a monitor hears of the run even when all is well: it waits for those that are due.
    pub(super) fn is_told_to_monitors(self) -> Told {
        match self {
            Self::Begun | Self::Interval => Told::Each,
            Self::Reloaded | Self::Decided => Told::Failed,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begun => "the first run",
            Self::Interval => "WATCH.INTERVAL has passed",
            Self::Reloaded => "the configuration was read again",
            Self::Decided => "somebody wrote to the ledger",
        })
    }
}

/// Waits for what is to be done next, until then.
pub(super) fn next(wakes: &Receiver<Wake>, until: Instant) -> Option<Next> {
    match wakes.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Wake::Reload) => Some(Next::Reload),
        // Without anybody who could ask for it there is nothing to wait for.
        Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => Some(Next::End),
        Err(RecvTimeoutError::Timeout) => None,
    }
}
