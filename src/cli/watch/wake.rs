//! What ends a wait, and why the next run begins.
//!
//! What always holds here: what the broker tells in one go is one reason for one run, which begins `WATCH.SETTLE` after
//! its first word at the latest.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use courier_ledger::RequestId;

use crate::cli::notify::Told;

/// Of `WATCH.SETTLE`, for so long the broker says nothing once it has told everything for now.
const PART_OF_SETTLE: u32 = 4;

/// What wakes whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The process is asked to end.
    End,
    /// The configuration is to be read again.
    Reload,
    /// The broker told of a request, then.
    Told(RequestId, Instant),
    /// The broker is listened to.
    Connected,
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
    /// The broker told of a request, and so many more times of it or others.
    Told(RequestId, u64),
    /// The broker is listened to from now on, and what was before it was heard by nobody.
    Connected,
    /// The configuration was read again.
    Reloaded,
    /// The last one found something to do at the drop-box, to which it did not go.
    Due,
    /// Somebody wrote to the ledger while it waited for a person.
    Decided,
}

impl Why {
    /// Whether a monitor hears of the run even when all is well: it waits for those that are due.
    pub(super) fn is_told_to_monitors(self) -> Told {
        match self {
            Self::Begun | Self::Interval => Told::Each,
            Self::Told(..) | Self::Connected | Self::Reloaded | Self::Due | Self::Decided => {
                Told::Failed
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun => f.write_str("the first run"),
            Self::Interval => f.write_str("WATCH.INTERVAL has passed"),
            Self::Told(request, 0) => write!(f, "the broker told of request {request}"),
            Self::Told(request, more) => {
                write!(
                    f,
                    "the broker told of request {request}, and {more} times more"
                )
            }
            Self::Connected => f.write_str("the broker is listened to"),
            Self::Reloaded => f.write_str("the configuration was read again"),
            Self::Due => f.write_str("the last run found something to do"),
            Self::Decided => f.write_str("somebody wrote to the ledger"),
        }
    }
}

/// Waits for what is to be done next, until then.
pub(super) fn next(wakes: &Receiver<Wake>, until: Instant, settle: Duration) -> Option<Next> {
    match wakes.recv_timeout(until.saturating_duration_since(Instant::now())) {
        // It may have waited for the end of a run, and been gathered meanwhile.
        Ok(Wake::Told(request, when)) => Some(gather(wakes, Some(request), when, settle)),
        Ok(Wake::Connected) => Some(gather(wakes, None, Instant::now(), settle)),
        Ok(Wake::Reload) => Some(Next::Reload),
        // Without anybody who could ask for it there is nothing to wait for.
        Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => Some(Next::End),
        Err(RecvTimeoutError::Timeout) => None,
    }
}

/// Forgets what the broker told before now: the run that begins will see it.
pub(super) fn forget_told(wakes: &Receiver<Wake>) -> Option<Next> {
    loop {
        match wakes.try_recv() {
            Ok(Wake::Told(..) | Wake::Connected) => {}
            Ok(Wake::Reload) => return Some(Next::Reload),
            Ok(Wake::End) => return Some(Next::End),
            Err(_) => return None,
        }
    }
}

/// Gathers what else the broker tells, until it is quiet, or for so long.
fn gather(
    wakes: &Receiver<Wake>,
    first: Option<RequestId>,
    since: Instant,
    settle: Duration,
) -> Next {
    let (mut request, mut more, mut last) = (first, 0, since);
    loop {
        let until = (since + settle).min(last + settle / PART_OF_SETTLE);
        match wakes.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Wake::Told(told, when)) => {
                more += u64::from(request.is_some());
                request.get_or_insert(told);
                last = when;
            }
            Ok(Wake::Connected) => last = Instant::now(),
            // There is a run then, too.
            Ok(Wake::Reload) => return Next::Reload,
            Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return Next::End,
            Err(RecvTimeoutError::Timeout) => {
                return Next::Run(request.map_or(Why::Connected, |it| Why::Told(it, more)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::mpsc::channel;

    use super::*;

    const NOW: Duration = Duration::from_millis(1);

    fn follows(told: impl IntoIterator<Item = Wake>) -> Option<Next> {
        let (sender, wakes) = channel();
        for wake in told {
            sender.send(wake).unwrap();
        }
        next(&wakes, Instant::now() + NOW, NOW)
    }

    #[test]
    fn what_is_told_in_a_moment_is_one_reason() {
        let told = |id| Wake::Told(RequestId(id), Instant::now());
        assert_eq!(follows([]), None);
        let run = follows([told(7), told(7), Wake::Connected, told(3)]);
        assert_eq!(run, Some(Next::Run(Why::Told(RequestId(7), 2))));
        let run = follows([Wake::Connected]);
        assert_eq!(run, Some(Next::Run(Why::Connected)));
        assert_eq!(follows([told(7), Wake::End]), Some(Next::End));
        assert_eq!(follows([told(7), Wake::Reload]), Some(Next::Reload));
    }

    #[test]
    fn once_the_broker_is_quiet_nothing_is_waited_for() {
        // Long ago for a quarter of it, and so long that a test that waited would never end.
        let settle = Duration::from_secs(40);
        let told = Instant::now().checked_sub(settle / 4).unwrap();
        let (sender, wakes) = channel();
        for id in [7, 3] {
            sender.send(Wake::Told(RequestId(id), told)).unwrap();
        }
        let began = Instant::now();
        let run = next(&wakes, began, settle);
        assert_eq!(run, Some(Next::Run(Why::Told(RequestId(7), 1))));
        assert!(wakes.try_recv().is_err());
    }
}
