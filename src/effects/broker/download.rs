//! A bundle on its way: read as it comes, never held.
//!
//! What always holds here: the end is reported (no further piece) only after every announced byte came
//! and the last ones are those of a whole zip archive; anything else is an error, and stays one.
//! `download_timeout` limits the whole, `silence_timeout` each wait. Deliberately absent: ranges
//! (the broker ignores them) and resuming.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use courier_ledger::{BundleEntry, Failure, RequestId};
use reqwest::Response;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::bundle::Bundle;
use super::call::Call;
use super::client::Broker;
use super::problem::Problem;
use super::transport::{Limits, Stage, problem};
use super::zip_end::ZipEnds;

/// The plaintext of a bundle, as it comes.
pub(crate) struct Download {
    response: Response,
    call: Call,
    address: String,
    clock: Clock,
    content_length: Option<u64>,
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
    pub(crate) async fn fetch_bundle(&self, request: RequestId) -> Result<Download, Failure> {
        let call = Call::Download(request);
        let mut links = 0;
        loop {
            links += 1;
            let bundle = self.export(request).await?;
            let attempt = async || self.begin_download(&bundle).await;
            match self.repeat(call, attempt).await {
                Err(Problem::Status {
                    status: 404 | 410, ..
                }) if links == 1 => {}
                begun => return begun.map_err(|problem| self.failure(call, &problem)),
            }
        }
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
            response,
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
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// What the bundle holds, once it came by whole; none where its directory says nothing.
    pub(crate) fn contents(&self) -> Option<Vec<BundleEntry>> {
        self.ends.entries()
    }

    /// The next bytes, however many come at once; none at the end.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, Failure> {
        match &self.state {
            State::Failed(failure) => return Err(failure.clone()),
            State::Whole => return Ok(None),
            State::Coming => {}
        }
        match self.advance().await {
            Ok(Some(piece)) => Ok(Some(piece)),
            Ok(None) => {
                self.state = State::Whole;
                Ok(None)
            }
            Err(problem) => {
                let failure = problem.failure(self.call, &self.address);
                self.state = State::Failed(failure.clone());
                Err(failure)
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Bytes>, Problem> {
        if let Some(piece) = self.receive().await? {
            self.received += piece.len() as u64;
            self.ends.see(&piece);
            return match self.ends.begins() {
                true => Ok(Some(piece)),
                false => Err(Problem::NotZip),
            };
        }
        let received = self.received;
        match self.content_length {
            Some(announced) if announced != received => Err(Problem::Short {
                announced,
                received,
            }),
            _ if !self.ends.ends() => Err(Problem::ZipCut { received }),
            _ => Ok(None),
        }
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Problem> {
        let clock = self.clock;
        loop {
            let piece = match timeout(clock.next_wait(), self.response.chunk()).await {
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
