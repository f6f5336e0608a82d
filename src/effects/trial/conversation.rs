//! A connection on which one thing after the other is asked, and which hears at any time that it is to end.
//!
//! What always holds: cleaning up takes a bounded time.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use courier_ledger::{Failure, FailureClass, Phase, RemoteName};

use super::probe::Names;
use crate::effects::sftp::{
    Completed, ConnectError, Done, DropBox, Endpoint, Milestone, Operation,
};
use crate::effects::stop::Stop;
use crate::effects::waker::Waker;

/// How long the probe's removal may take when the process was asked to end, which it does a little later
/// whatever happens.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// How long each step of another connection for the probe's removal may take.
const PATIENCE_ANEW: Duration = Duration::from_secs(10);

/// What is heard.
pub(super) enum Heard {
    /// A step on the way.
    Reached(Milestone),
    /// The end of the way.
    Connected(Result<DropBox, ConnectError>),
    /// The end of what was asked.
    Completed(Completed),
    /// It is to end.
    Stopped,
}

/// Why there is no answer.
pub(super) enum Broken {
    /// The server refused.
    Refused(Failure),
    /// The connection is gone.
    Lost(Failure),
    /// It is to end.
    Interrupted,
}

/// A connection in the making.
pub(super) struct Connecting {
    heard: Receiver<Heard>,
}

/// A connection.
pub(super) struct Conversation {
    drop_box: DropBox,
    heard: Receiver<Heard>,
    ticket: u64,
    /// What was asked and not answered.
    is_owed: bool,
    is_interrupted: bool,
}

impl Connecting {
    /// What comes next.
    pub(super) fn hear(&self) -> Heard {
        // The thread that connects tells its end, whatever that is.
        self.heard.recv().unwrap_or(Heard::Stopped)
    }

    /// What may be asked now.
    pub(super) fn with(self, drop_box: DropBox) -> Conversation {
        Conversation {
            drop_box,
            heard: self.heard,
            ticket: 0,
            is_owed: false,
            is_interrupted: false,
        }
    }
}

impl Conversation {
    /// Begins to connect, on a thread of its own.
    pub(super) fn begin(endpoint: Endpoint, stop: &Stop) -> Connecting {
        let (sender, heard) = channel();
        let stopped = sender.clone();
        stop.listen(move |_| {
            let _unheard = stopped.send(Heard::Stopped);
        });
        let told = sender.clone();
        let begun = std::thread::Builder::new()
            .name("connect".to_owned())
            .spawn(move || {
                let connected = connect(&endpoint, &sender);
                let _unheard = sender.send(Heard::Connected(connected));
            });
        if let Err(error) = begun {
            let error = ConnectError::Local {
                address: "the drop-box".to_owned(),
                reason: error.to_string(),
            };
            let _unheard = told.send(Heard::Connected(Err(error)));
        }
        Connecting { heard }
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&mut self, operation: Operation) -> Result<Done, Broken> {
        if self.is_interrupted {
            return Err(Broken::Interrupted);
        }
        self.submit(operation);
        self.answer(None)
    }

    fn submit(&mut self, operation: Operation) {
        self.ticket += 1;
        self.is_owed = true;
        self.drop_box.submit(self.ticket, operation);
    }

    /// The answer to what was asked last; once the trial is to end, until then.
    fn answer(&mut self, until: Option<Instant>) -> Result<Done, Broken> {
        loop {
            let next = match until {
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    self.heard.recv_timeout(left).ok()
                }
                None => self.heard.recv().ok(),
            };
            match next {
                Some(Heard::Completed(Completed { ticket, result })) if ticket == self.ticket => {
                    self.is_owed = false;
                    return result.map_err(|error| match error.connection_lost {
                        true => Broken::Lost(error.failure),
                        false => Broken::Refused(error.failure),
                    });
                }
                Some(Heard::Stopped) if until.is_none() => {
                    self.is_interrupted = true;
                    return Err(Broken::Interrupted);
                }
                Some(_) => {}
                None if until.is_some() => return Err(Broken::Interrupted),
                None => return Err(Broken::Lost(ended())),
            }
        }
    }

    /// Removes what may be left of the probe; gives what is still there for all that is known.
    pub(super) fn clean_up(&mut self, names: &Names) -> Vec<RemoteName> {
        let until = Instant::now() + PATIENCE;
        // What is under way could otherwise put it there again.
        if self.is_owed
            && let Err(Broken::Interrupted | Broken::Lost(_)) = self.answer(Some(until))
        {
            return names.all();
        }
        let mut left = names.all();
        left.retain(|name| {
            self.submit(Operation::Remove { name: name.clone() });
            self.answer(Some(until)).is_err()
        });
        left
    }

    /// The same over another connection, as the one before is gone.
    pub(super) fn clean_up_anew(
        endpoint: &Endpoint,
        stop: &Stop,
        names: &Names,
    ) -> Vec<RemoteName> {
        let mut endpoint = endpoint.clone();
        let timeouts = &mut endpoint.timeouts;
        for timeout in [
            &mut timeouts.connect,
            &mut timeouts.login,
            &mut timeouts.silence,
            &mut timeouts.operation,
        ] {
            *timeout = (*timeout).min(PATIENCE_ANEW);
        }
        let connecting = Self::begin(endpoint, stop);
        loop {
            match connecting.hear() {
                Heard::Connected(Ok(drop_box)) => {
                    return connecting.with(drop_box).clean_up(names);
                }
                Heard::Connected(Err(_)) | Heard::Stopped => return names.all(),
                Heard::Reached(_) | Heard::Completed(_) => {}
            }
        }
    }
}

fn connect(endpoint: &Endpoint, heard: &Sender<Heard>) -> Result<DropBox, ConnectError> {
    let waker = Waker::new().map_err(|error| ConnectError::Local {
        address: endpoint.to_string(),
        reason: error.to_string(),
    })?;
    let (steps, ends) = (heard.clone(), heard.clone());
    DropBox::connect_in_steps(
        endpoint,
        waker,
        move |milestone| {
            let _unheard = steps.send(Heard::Reached(milestone));
        },
        move |done| {
            let _unheard = ends.send(Heard::Completed(done));
        },
    )
}

fn ended() -> Failure {
    Failure {
        phase: Phase::Write,
        class: FailureClass::Transient,
        text: "the connection to the drop-box has ended".to_owned(),
    }
}
