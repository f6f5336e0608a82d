//! The end of a run before its time: its deadline, or a signal. Whoever waits anywhere hears of it.
//!
//! What always holds here: once raised it stays raised, and the first reason counts. Deliberately
//! absent: what is to be done about it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::effects::mutex::lock;

use courier_ledger::{Failure, FailureClass, Phase};
use tokio::sync::Notify;

/// Why a run ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// `RUN.DEADLINE` has passed.
    Deadline,
    /// The process was asked to end.
    Signal,
}

impl StopReason {
    /// As it is recorded for what was under way.
    #[must_use]
    pub(crate) fn failure(self) -> Failure {
        let text = match self {
            Self::Deadline => "RUN.DEADLINE has passed",
            Self::Signal => "the run was asked to end by a signal",
        };
        Failure {
            phase: Phase::Run,
            class: FailureClass::Transient,
            text: text.to_owned(),
        }
    }
}

/// Called once when the run is to end.
type Listener = Box<dyn FnOnce(StopReason) + Send>;

#[derive(Default)]
struct State {
    reason: Option<StopReason>,
    listeners: Vec<Listener>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Wakes threads.
    raised: Condvar,
    /// Wakes tasks.
    notify: Notify,
}

/// Whether the run is to end, for everybody in it. Clones are the same.
#[derive(Clone)]
pub(crate) struct Stop {
    shared: Arc<Shared>,
    deadline: Instant,
}

impl Stop {
    /// A run that may go on until then.
    #[must_use]
    pub(crate) fn at(deadline: Instant) -> Self {
        Self {
            shared: Arc::default(),
            deadline,
        }
    }

    /// When the run must have ended.
    #[must_use]
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How much time the run has left.
    #[must_use]
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Why the run is to end, if it is.
    #[must_use]
    pub(crate) fn reason(&self) -> Option<StopReason> {
        let reason = self.lock().reason;
        reason.or_else(|| self.left().is_zero().then_some(StopReason::Deadline))
    }

    /// Ends the run.
    pub(crate) fn raise(&self, reason: StopReason) {
        let mut state = self.lock();
        if state.reason.is_some() {
            return;
        }
        state.reason = Some(reason);
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        self.shared.raised.notify_all();
        self.shared.notify.notify_waiters();
        for listener in listeners {
            listener(reason);
        }
    }

    /// Has `listener` called when the run is to end; at once if it is already.
    pub(crate) fn listen(&self, listener: impl FnOnce(StopReason) + Send + 'static) {
        let mut state = self.lock();
        match state.reason {
            Some(reason) => {
                drop(state);
                listener(reason);
            }
            None => state.listeners.push(Box::new(listener)),
        }
    }

    /// Waits that long; less, with the reason, if the run ends before.
    pub(crate) fn wait(&self, time: Duration) -> Result<(), StopReason> {
        let until = Instant::now() + time;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if let Some(reason) = state.reason {
                return Err(reason);
            }
            if now >= self.deadline {
                return Err(StopReason::Deadline);
            }
            if now >= until {
                return Ok(());
            }
            let pause = until.min(self.deadline).saturating_duration_since(now);
            state = self
                .shared
                .raised
                .wait_timeout(state, pause)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Completes when the run is to end. Needs a Tokio runtime with a clock.
    pub(crate) async fn raised(&self) -> StopReason {
        loop {
            // Made before the look: what is raised in between wakes it.
            let raised = self.shared.notify.notified();
            if let Some(reason) = self.reason() {
                return reason;
            }
            let _deadline = tokio::time::timeout_at(self.deadline.into(), raised).await;
        }
    }

    /// As [`wait`](Self::wait), for a task.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), StopReason> {
        match tokio::time::timeout(time, self.raised()).await {
            Ok(reason) => Err(reason),
            Err(_) => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: what a panic leaves behind is whole.
        lock(&self.shared.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endless() -> Stop {
        Stop::at(Instant::now() + Duration::from_secs(3600))
    }

    #[test]
    fn the_first_reason_counts_and_everybody_hears_it_once() {
        let stop = endless();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = |heard: &Arc<Mutex<Vec<StopReason>>>| {
            let heard = Arc::clone(heard);
            move |reason| heard.lock().expect("not poisoned").push(reason)
        };
        stop.listen(listener(&heard));
        assert_eq!(stop.reason(), None);
        stop.raise(StopReason::Signal);
        stop.clone().raise(StopReason::Deadline);
        stop.listen(listener(&heard));
        assert_eq!(stop.reason(), Some(StopReason::Signal));
        assert_eq!(
            *heard.lock().expect("not poisoned"),
            [StopReason::Signal; 2]
        );
    }

    #[test]
    fn whoever_waits_is_woken() {
        let stop = endless();
        let waiting = stop.clone();
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(3000)));
        stop.raise(StopReason::Signal);
        assert_eq!(thread.join().expect("no panic"), Err(StopReason::Signal));
        assert_eq!(
            Stop::at(Instant::now()).wait(Duration::from_secs(3000)),
            Err(StopReason::Deadline)
        );
    }
}
