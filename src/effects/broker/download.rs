//! A bundle on its way: read as it comes, never held.
//!
//! What always holds here: the end is reported (`Ok(0)`) only after every announced byte came and
//! the last ones are those of a whole zip archive; anything else is an error, and stays one.
//! `download_timeout` limits the whole, `silence_timeout` each wait. Deliberately absent: ranges
//! (the broker ignores them) and resuming.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use courier_ledger::{Failure, FailureClass, RequestId};
use reqwest::Response;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::bundle::Bundle;
use super::call::Call;
use super::client::Broker;
use super::network::Network;
use super::problem::Problem;
use super::transport::{Limits, Stage, problem};
use super::zip_end::ZipEnds;

/// The plaintext of a bundle, as it comes.
pub struct Download {
    network: Arc<Network>,
    response: Response,
    call: Call,
    address: String,
    clock: Clock,
    content_length: Option<u64>,
    /// What has come and was not read yet.
    piece: Bytes,
    received: u64,
    ends: ZipEnds,
    state: State,
}

#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
    limits: Limits,
    silence: Duration,
}

enum State {
    Coming,
    Whole,
    Failed(Failure),
}

impl Broker {
    /// Has the bundle of a request built and begins to fetch it; once more, when the link has expired
    /// before it was used.
    pub fn fetch_bundle(&self, request: RequestId) -> Result<Download, Failure> {
        let call = Call::Download(request);
        let begin = |bundle: &Bundle| {
            let attempt = async || self.begin_download(bundle).await;
            self.wait(self.repeat(call, attempt))
        };
        let begun = match begin(&self.export(request)?) {
            Err(Problem::Status {
                status: 404 | 410, ..
            }) => begin(&self.export(request)?),
            begun => begun,
        };
        begun.map_err(|problem| self.failure(call, &problem))
    }

    /// Begins to fetch a bundle. A link that has expired is a transient failure: another export
    /// gives another one.
    pub(super) async fn begin_download(&self, bundle: &Bundle) -> Result<Download, Problem> {
        let call = Call::Download(bundle.request());
        let (limits, silence) = (self.limits(call), self.settings.silence_timeout);
        let clock = Clock {
            started: Instant::now(),
            limits,
            silence,
        };
        let sent = self.send(call, Some(bundle.link.expose_secret()));
        let response = match timeout(clock.next_wait(), sent).await {
            Ok(sent) => sent.map_err(|problem| clock.which(problem))?,
            Err(_) => return Err(clock.which(Problem::AnswerTimedOut(limits.whole))),
        };
        Ok(Download {
            content_length: response.content_length(),
            network: Arc::clone(&self.network),
            response,
            piece: Bytes::new(),
            call,
            address: self.address().to_owned(),
            clock,
            received: 0,
            ends: ZipEnds::default(),
            state: State::Coming,
        })
    }
}

impl Clock {
    /// How long the next wait may take.
    fn next_wait(&self) -> Duration {
        let left = self.limits.whole.saturating_sub(self.started.elapsed());
        self.silence.min(left)
    }

    /// Tells which of the two limits was reached.
    fn which(&self, problem: Problem) -> Problem {
        match problem {
            Problem::AnswerTimedOut(_) | Problem::BodyTimedOut(_)
                if self.started.elapsed() < self.limits.whole =>
            {
                Problem::Silent(self.silence)
            }
            problem => problem,
        }
    }
}

impl Download {
    /// How many bytes the broker announced, if it did.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    fn advance(&mut self, buffer: &mut [u8]) -> Result<usize, Problem> {
        if self.piece.is_empty() {
            self.piece = self.next_piece()?.unwrap_or_default();
        }
        let count = self.piece.len().min(buffer.len());
        if count > 0 {
            self.piece.copy_to_slice(&mut buffer[..count]);
            self.received += count as u64;
            self.ends.see(&buffer[..count]);
            return if self.ends.begins() {
                Ok(count)
            } else {
                Err(Problem::NotZip)
            };
        }
        let received = self.received;
        match self.content_length {
            Some(announced) if announced != received => Err(Problem::Short {
                announced,
                received,
            }),
            _ if !self.ends.ends() => Err(Problem::ZipCut { received }),
            _ => Ok(0),
        }
    }
}

impl Download {
    /// The next bytes, however many come at once; none at the end.
    fn next_piece(&mut self) -> Result<Option<Bytes>, Problem> {
        let (response, clock) = (&mut self.response, self.clock);
        self.network.wait(async move {
            loop {
                let piece = match timeout(clock.next_wait(), response.chunk()).await {
                    Ok(Ok(piece)) => piece,
                    Ok(Err(error)) => {
                        return Err(clock.which(problem(&error, Stage::Body, clock.limits)));
                    }
                    Err(_) => return Err(clock.which(Problem::BodyTimedOut(clock.limits.whole))),
                };
                // An empty piece is not the end.
                if piece.as_ref().is_none_or(|piece| !piece.is_empty()) {
                    return Ok(piece);
                }
            }
        })
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Failed(failure) => return Err(error(failure)),
            State::Whole => return Ok(0),
            State::Coming if buffer.is_empty() => return Ok(0),
            State::Coming => (),
        }
        match self.advance(buffer) {
            Ok(0) => {
                self.state = State::Whole;
                Ok(0)
            }
            Ok(count) => Ok(count),
            Err(problem) => {
                let failure = problem.failure(self.call, &self.address);
                let error = error(&failure);
                self.state = State::Failed(failure);
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("call", &self.call)
            .field("content_length", &self.content_length)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// What the errors of [`Download`]'s `read` hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.text)]
pub struct DownloadError(pub Failure);

impl DownloadError {
    /// The failure in an error that came out of a reader over a [`Download`], if it came from
    /// there.
    #[must_use]
    pub fn failure(error: &io::Error) -> Option<&Failure> {
        let inner = error.get_ref()?.downcast_ref::<Self>()?;
        Some(&inner.0)
    }
}

fn error(failure: &Failure) -> io::Error {
    let kind = match failure.class {
        FailureClass::Transient => io::ErrorKind::UnexpectedEof,
        FailureClass::Permanent | FailureClass::NeedsPerson => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, DownloadError(failure.clone()))
}
