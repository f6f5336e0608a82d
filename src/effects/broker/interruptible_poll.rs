//! A poll that ends with the run. A call to the broker cannot be interrupted, so the poll works on a
//! thread of its own, which is left behind when the run is to end before it.

use std::sync::Arc;
use std::sync::mpsc::channel;

use courier_ledger::{Failure, FailureClass, Phase, Snapshot, State};

use super::client::Broker;
use crate::effects::stop::StopReason;
use crate::run::Poller;

/// A broker that is asked until the run is to end.
pub struct InterruptiblePoll(Arc<Broker>);

impl InterruptiblePoll {
    /// Asks this broker.
    #[must_use]
    pub fn new(broker: Arc<Broker>) -> Self {
        Self(broker)
    }
}

enum Heard {
    Polled(Result<Snapshot, Failure>),
    Stopped(StopReason),
}

impl Poller for InterruptiblePoll {
    fn poll(&self, state: &State) -> Result<Snapshot, Failure> {
        let (sender, receiver) = channel();
        let stopped = sender.clone();
        self.0.persistence().stop().listen(move |reason| {
            // The poll may be over already.
            let _unheard = stopped.send(Heard::Stopped(reason));
        });
        let (broker, state) = (Arc::clone(&self.0), state.clone());
        std::thread::Builder::new()
            .name("poll".to_owned())
            .spawn(move || {
                let polled = broker.poll(&state);
                let _unheard = sender.send(Heard::Polled(polled));
            })
            .map_err(|error| failed(format!("no thread for the poll: {error}")))?;
        match receiver.recv() {
            Ok(Heard::Polled(polled)) => polled,
            Ok(Heard::Stopped(reason)) => Err(reason.failure()),
            Err(_) => Err(failed(
                "the polling thread panicked; please report this defect".to_owned(),
            )),
        }
    }
}

fn failed(text: String) -> Failure {
    Failure {
        phase: Phase::List,
        class: FailureClass::Permanent,
        text,
    }
}
