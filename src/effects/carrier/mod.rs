//! Carries out commands side by side: one thread fetches and encrypts, one speaks SFTP, and
//! what a command's two halves report becomes one ending.
//!
//! What always holds here: what failed and may succeed is tried again, within the run's persistence;
//! a transfer is repeated from the spool, without a new export. Deliberately absent: order, records;
//! the run loop keeps those.

mod ahead;
mod connecting;
mod document;
mod fetch;
mod job;
mod keeper;
mod look;
mod message;
mod metered;
mod ownership;
mod transfer;
mod upload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use courier_ledger::{
    Failure, FailureClass, LogId, Phase, RemoteAfterFailure, RemoteName, Sequence,
};

use super::persistence::Repeated;
use super::sftp::{Completed, Done, DropBox, OperationError};
use crate::run::{Carrier, Ended, Errand};
pub(crate) use connecting::Connecting;
use connecting::Connector;
pub(crate) use fetch::Fetcher;
use fetch::Fetching;
use job::{Job, Progress};
pub(crate) use keeper::Keeper;
pub(crate) use look::DistantLookout;
use message::Message;
use transfer::Repetition;
use upload::Upload;

/// How long an outcome waits for others while more is under way: they are recorded with one fsync.
const GATHERING: Duration = Duration::from_millis(20);
/// So many outcomes wait no longer.
const ENOUGH_TO_RECORD: usize = 32;

/// The connection to the drop-box.
enum Link {
    /// It stands.
    Up(DropBox),
    /// It was lost, and a new one is being made.
    Mending,
    /// There will be none any more.
    Down(Failure),
}

/// Carries commands out over one connection to the drop-box at a time.
pub(crate) struct SftpCarrier {
    connector: Connector,
    receiver: Receiver<Message>,
    link: Link,
    /// Connections made anew since something last succeeded.
    mendings: u32,
    fetching: Fetching,
    jobs: BTreeMap<Sequence, Job>,
    capacity: usize,
    /// That there is no room at the drop-box, once that is known: nothing more is uploaded.
    full: Option<Failure>,
}

impl SftpCarrier {
    fn new(
        connector: Connector,
        receiver: Receiver<Message>,
        drop_box: DropBox,
        fetching: Fetching,
        capacity: usize,
    ) -> Self {
        Self {
            connector,
            receiver,
            link: Link::Up(drop_box),
            mendings: 0,
            fetching,
            jobs: BTreeMap::new(),
            capacity,
            full: None,
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Connected(Ok(drop_box)) => {
                if matches!(self.link, Link::Mending) {
                    self.link = Link::Up(drop_box);
                    self.go_on();
                }
            }
            Message::Connected(Err(failure)) => self.give_up(&failure),
            Message::Stopped(reason) => self.give_up(&reason.failure()),
            Message::Arriving(start, spool) => {
                if let Some(upload) = self.jobs.get_mut(&start).and_then(Job::upload) {
                    upload.spool = Some(spool);
                    self.transfer(start);
                }
            }
            Message::Fetched(start, result) => {
                if let Some(upload) = self.jobs.get_mut(&start).and_then(Job::upload) {
                    upload.fetched(result);
                    self.repeat_or_end(start);
                }
            }
            // The answer to a look that nobody waits for any more.
            Message::Transferred(Completed { ticket, .. }) if ahead::is_look(ticket) => {}
            Message::Transferred(Completed { ticket, result }) => {
                self.transferred(Sequence(ticket), result);
            }
        }
    }

    /// Takes what the drop-box did for a job, or why it did not.
    fn transferred(&mut self, start: Sequence, result: Result<Done, OperationError>) {
        match &result {
            Ok(_) => self.mendings = 0,
            Err(error) if error.connection_lost => {
                // A file whose bytes are all sent may still be waiting for their acknowledgement.
                if matches!(error.failure.phase, Phase::Write | Phase::Confirm) {
                    self.connector.narrow();
                }
                self.mend(&error.failure);
            }
            Err(_) => {}
        }
        let result = result.map_err(|error| {
            let (failure, left) = self.explained(error);
            (self.noted(failure), left)
        });
        let Some(job) = self.jobs.get_mut(&start) else {
            return;
        };
        let progress = match result {
            Ok(done) => job.done(done, self.fetching.keys()),
            Err((failure, left)) => {
                job.failed(failure, left);
                Progress::Attempted
            }
        };
        match progress {
            Progress::MayGoOn => self.transfer(start),
            Progress::Attempted => self.repeat_or_end(start),
        }
    }

    /// What a lost operation is put down to: the reason for which there is no connection any more.
    fn explained(&self, error: OperationError) -> (Failure, RemoteAfterFailure) {
        match &self.link {
            Link::Down(failure) if error.connection_lost && failure.phase == Phase::Run => {
                (failure.clone(), error.remote)
            }
            Link::Up(_) | Link::Mending | Link::Down(_) => (error.failure, error.remote),
        }
    }

    /// Notes when there is no room: then no other upload begins, and all end with the same words.
    fn noted(&mut self, failure: Failure) -> Failure {
        if !failure.is_no_room() {
            return failure;
        }
        let full = self.full.get_or_insert(failure).clone();
        for job in self.jobs.values_mut().filter(|job| job.writes()) {
            job.not_sent(&full);
        }
        full
    }

    /// Begins the transfer of a job, as soon as there is a connection.
    fn transfer(&mut self, start: Sequence) {
        let Some(job) = self.jobs.get_mut(&start) else {
            return;
        };
        if let Some(full) = self.full.as_ref().filter(|_| job.writes()) {
            return job.not_sent(full);
        }
        match &self.link {
            Link::Up(drop_box) => {
                if let Some(operation) = job.begin_transfer(self.fetching.headway()) {
                    drop_box.submit(start.0, operation);
                }
            }
            Link::Mending => job.due = Some(Instant::now()),
            Link::Down(failure) => {
                let failure = failure.clone();
                job.give_up(&failure);
            }
        }
    }

    /// Has a job that failed tried again, if that may help.
    fn repeat_or_end(&mut self, start: Sequence) {
        let Some(job) = self.jobs.get_mut(&start) else {
            return;
        };
        if matches!(self.link, Link::Down(_)) || job.repetition().is_none() {
            return;
        }
        let reason = job.failure().map(ToString::to_string).unwrap_or_default();
        let repetition = job.repetitions + 1;
        let repeated = Repeated::Command(start);
        let wait = self
            .connector
            .persistence
            .wait_before(repeated, repetition, None);
        if let Some(wait) = wait {
            let seconds = wait.as_secs_f64();
            tracing::info!(
                "{}: {reason}; trying once more in {seconds:.1} s",
                job.command
            );
            job.repetitions = repetition;
            job.due = Some(Instant::now() + wait);
        }
    }

    /// Goes on with every job that is due.
    fn go_on(&mut self) {
        let now = Instant::now();
        let due: Vec<Sequence> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.due.is_some_and(|due| due <= now))
            .map(|(start, _)| *start)
            .collect();
        for start in due {
            let Some(job) = self.jobs.get_mut(&start) else {
                continue;
            };
            let due = job.due.take();
            match (job.repetition(), job.upload()) {
                (Some(Repetition::Fetch), Some(upload)) => {
                    let order = upload.fetch();
                    self.fetching.order(order);
                }
                (Some(_) | None, _) => {
                    job.due = due;
                    self.transfer(start);
                }
            }
        }
    }

    /// Makes a new connection in place of one that was lost.
    fn mend(&mut self, lost: &Failure) {
        if !matches!(self.link, Link::Up(_)) {
            return;
        }
        self.mendings += 1;
        match self.connector.wait_before(self.mendings) {
            Some(wait) => {
                tracing::info!("{lost}; connecting anew");
                self.link = Link::Mending;
                self.connector.begin(wait);
            }
            None => self.give_up(&Failure {
                phase: Phase::Connect,
                ..lost.clone()
            }),
        }
    }

    /// Ends everything: what the drop-box is at reports what it may have left, the rest is not begun.
    fn give_up(&mut self, failure: &Failure) {
        if !matches!(self.link, Link::Down(_)) {
            self.link = Link::Down(failure.clone());
        }
        for job in self.jobs.values_mut() {
            job.give_up(failure);
        }
    }

    fn ended(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        self.jobs.retain(|start, job| match job.ending() {
            Some(ending) => {
                ended.push(Ended {
                    start: *start,
                    found: job.found(),
                    unseen: job.unseen,
                    ending,
                });
                false
            }
            None => true,
        });
        ended
    }

    /// When a job is next to go on; none while only a connection is waited for.
    fn next_due(&self) -> Option<Instant> {
        match self.link {
            Link::Mending => None,
            Link::Up(_) | Link::Down(_) => self.jobs.values().filter_map(|job| job.due).min(),
        }
    }
}

impl Drop for SftpCarrier {
    /// What is in order and has nothing under way may serve the next run.
    fn drop(&mut self) {
        let is_at_rest =
            self.jobs.is_empty() && self.connector.persistence.stop().reason().is_none();
        let link = std::mem::replace(&mut self.link, Link::Mending);
        if let (Link::Up(drop_box), true) = (link, is_at_rest) {
            self.connector.keep(drop_box);
        }
    }
}

impl Carrier for SftpCarrier {
    fn host_key(&self) -> Option<String> {
        match &self.link {
            Link::Up(drop_box) => Some(drop_box.host_key().to_string()),
            Link::Mending | Link::Down(_) => None,
        }
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn temporary(&self, name: &RemoteName, log: LogId, start: Sequence) -> RemoteName {
        name.temporary_by(&self.connector.endpoint.temporary, log, start)
    }

    fn found_free(&mut self, names: Vec<RemoteName>) -> BTreeSet<RemoteName> {
        self.look_ahead(names)
    }

    fn beginning(&mut self, name: RemoteName, length: u32) -> Result<Option<Vec<u8>>, Failure> {
        self.look_into(name, length)
    }

    fn begin(&mut self, errand: Errand) {
        let start = errand.start;
        let mut job = Job::new(errand);
        let order = match &self.link {
            Link::Up(_) | Link::Mending if self.full.is_none() => job.upload().map(Upload::fetch),
            Link::Up(_) | Link::Mending | Link::Down(_) => None,
        };
        self.jobs.insert(start, job);
        match order {
            Some(order) => self.fetching.order(order),
            None => self.transfer(start),
        }
    }

    fn endings(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        let mut gathered_until = None;
        loop {
            while let Ok(message) = self.receiver.try_recv() {
                self.take(message);
            }
            if !matches!(self.link, Link::Mending) {
                self.go_on();
            }
            ended.extend(self.ended());
            if self.jobs.is_empty() || ended.len() >= ENOUGH_TO_RECORD {
                return ended;
            }
            let now = Instant::now();
            if !ended.is_empty() {
                gathered_until.get_or_insert(now + GATHERING);
            }
            if gathered_until.is_some_and(|until| until <= now) {
                return ended;
            }
            let until = [gathered_until, self.next_due()]
                .into_iter()
                .flatten()
                .min();
            let next = match until {
                Some(until) => self
                    .receiver
                    .recv_timeout(until.saturating_duration_since(now)),
                None => self.receiver.recv().map_err(RecvTimeoutError::from),
            };
            match next {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return ended,
            }
        }
    }
}

fn nobody_answers() -> Failure {
    Failure {
        phase: Phase::Connect,
        class: FailureClass::Permanent,
        text: "the connecting thread ended without a word; please report this defect".to_owned(),
    }
}
