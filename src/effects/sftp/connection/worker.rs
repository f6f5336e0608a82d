//! The thread that owns the connection: it moves bytes between the pipeline and the link, keeps the
//! time, and tells what ended. After the connection is gone it stays to say so to every submission.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::link::{Link, LinkError, Moved};
use super::watchdog::Watchdog;
use crate::effects::ledger_hold::LedgerHold;
use crate::effects::sftp::protocol::operation::{Completed, Operation};
use crate::effects::sftp::protocol::pipeline::{Pipeline, Stalled};
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::waker::Waker;

/// The longest sleep: a bound on what a missed readiness could cost.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Answers are small; this is more than a burst of them.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A word to the worker.
pub(crate) enum Message {
    /// Do this.
    Submit(u64, Operation),
    /// End.
    Stop,
}

/// The worker.
pub(crate) struct Worker {
    pub(crate) link: Link,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) pipeline: Pipeline,
    pub(crate) messages: Receiver<Message>,
    pub(crate) waker: Waker,
    pub(crate) silence: Duration,
    pub(crate) hold: LedgerHold,
    pub(crate) address: String,
    pub(crate) completed: Box<dyn Fn(Completed) + Send>,
}

/// Why the worker's loop ended.
enum End {
    /// It was told to.
    Stopped,
    /// The connection is of no use any more.
    Lost(Lost),
}

/// Why a connection is of no use any more.
#[derive(Debug, Error)]
enum Lost {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("it does not answer in the time that is allowed for an operation")]
    Stalled,
    #[error("no answer for {} seconds", silence.as_secs())]
    Silent { silence: Duration },
    #[error(
        "it is not certain any more that the ledger is this run's, and nothing is done without that"
    )]
    Unheld,
    #[error("no answer for {} seconds, only messages that mean nothing", silence.as_secs())]
    Flooded { silence: Duration },
}

impl Worker {
    /// Works until told to stop.
    pub(crate) fn run(mut self) {
        match self.work() {
            End::Stopped => {
                self.pipeline
                    .lost("the connection was closed before the end");
                self.deliver();
                self.link.close();
            }
            End::Lost(lost) => {
                self.link.cut();
                let reason = format!("the connection to {} is lost: {lost}", self.address);
                tracing::debug!("{reason}");
                self.pipeline.lost(&reason);
                self.deliver();
                while let Ok(Message::Submit(ticket, operation)) = self.messages.recv() {
                    self.pipeline.submit(ticket, operation);
                    self.pipeline.lost(&reason);
                    self.deliver();
                }
            }
        }
    }

    fn work(&mut self) -> End {
        let mut buffer = vec![0; READ_BUFFER_BYTES];
        let mut progress_at = Instant::now();
        loop {
            if self.take_messages() {
                return End::Stopped;
            }
            match self.turn(&mut buffer, &mut progress_at) {
                Ok(()) => {}
                Err(_) if self.watchdog.has_cut() => {
                    return End::Lost(Lost::Flooded {
                        silence: self.silence,
                    });
                }
                Err(lost) => return End::Lost(lost),
            }
            self.deliver();
            let is_at_rest = !self.pipeline.is_owed() && self.pipeline.pending().is_empty();
            if is_at_rest && let Err(error) = self.link.keep_alive() {
                return End::Lost(error.into());
            }
            let timeout = self.timeout(progress_at);
            self.watchdog.allow(timeout + self.silence);
            let woken = self.waker.as_fd();
            if let Err(error) = self.link.wait(Some(woken), timeout) {
                return End::Lost(error.into());
            }
        }
    }

    /// Moves bytes until neither side has more.
    fn turn(&mut self, buffer: &mut [u8], progress_at: &mut Instant) -> Result<(), Lost> {
        loop {
            let now = Instant::now();
            self.pipeline.tick(now).map_err(|Stalled| Lost::Stalled)?;
            let answers = self.pipeline.answers();
            let owed = self.pipeline.is_owed();
            let mut moved = self.read(buffer, now)?;
            self.pipeline.pump(now);
            while let Moved::Bytes(count) = match self.pipeline.pending() {
                [] => Moved::Nothing,
                _ if self.hold.is_lost() => return Err(Lost::Unheld),
                // A rename that another runner knows nothing of must not reach the server: what is to be sent waits
                // until the lease was renewed, or until there has been no answer for too long.
                _ if !self.hold.outlasts(self.silence) => Moved::Nothing,
                pending => {
                    self.watchdog.allow(self.silence);
                    self.link.write(pending)?
                }
            } {
                self.pipeline.sent(count);
                *progress_at = now;
                moved = true;
                // Both sides would block if only one of them read.
                self.read(buffer, now)?;
                self.pipeline.pump(now);
            }
            if !owed || self.pipeline.answers() > answers {
                *progress_at = now;
            } else if now.saturating_duration_since(*progress_at) >= self.silence {
                let silence = self.silence;
                return Err(match self.hold.outlasts(silence) {
                    true => Lost::Silent { silence },
                    false => Lost::Unheld,
                });
            }
            if !moved {
                return Ok(());
            }
        }
    }

    /// Reads all that has arrived; says whether that was anything.
    fn read(&mut self, buffer: &mut [u8], now: Instant) -> Result<bool, Lost> {
        let mut moved = false;
        loop {
            self.watchdog.allow(self.silence);
            let Moved::Bytes(count) = self.link.read(buffer)? else {
                return Ok(moved);
            };
            let received = buffer.get(..count).unwrap_or_default();
            self.pipeline.receive(received, now)?;
            moved = true;
        }
    }

    /// Takes what was submitted; says whether to stop.
    fn take_messages(&mut self) -> bool {
        if self.waker.take() {
            self.pipeline.source_ready();
        }
        loop {
            match self.messages.try_recv() {
                Ok(Message::Submit(ticket, operation)) => self.pipeline.submit(ticket, operation),
                Err(TryRecvError::Empty) => return false,
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => return true,
            }
        }
    }

    fn timeout(&self, progress_at: Instant) -> Duration {
        let now = Instant::now();
        let mut timeout = LONGEST_WAIT;
        if let Some(deadline) = self.pipeline.next_deadline() {
            timeout = timeout.min(deadline.saturating_duration_since(now));
        }
        if self.pipeline.is_owed() {
            let silent = progress_at + self.silence;
            timeout = timeout.min(silent.saturating_duration_since(now));
        }
        timeout
    }

    fn deliver(&mut self) {
        while let Some(completed) = self.pipeline.next_completed() {
            (self.completed)(completed);
        }
    }
}
