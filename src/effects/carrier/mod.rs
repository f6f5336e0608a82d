//! Carries out commands side by side: a few threads fetch and encrypt, one thread speaks SFTP, and
//! what a command's two halves report becomes one ending.
//!
//! What always holds here: what failed and may succeed is tried again, within the run's persistence;
//! a transfer is repeated from the spool, without a new export. Deliberately absent: order, records;
//! the run loop keeps those.

mod connecting;
mod document;
mod fetch;
mod job;
mod look;
mod ownership;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use courier_ledger::{Command, Digest, Failure, FailureClass, Phase, RemoteAfterFailure, Sequence};

use super::fernet::TOKEN_START_BYTES;
use super::persistence::Repeated;
use super::sftp::{Completed, Done, DropBox, Operation, OperationError};
use super::spool::Spool;
use super::stop::StopReason;
use crate::run::{Carrier, Ending, Errand};
pub use connecting::Connecting;
use connecting::{CurrentWaker, Way};
pub use fetch::Fetcher;
use fetch::{FetchError, FetchOrder, Fetched, Fetching};
use job::{Job, Repetition, Supply, Transfer};
pub use look::DistantLookout;
use ownership::Ownership;

/// How long an outcome waits for others while more is under way: they are recorded with one fsync.
const GATHERING: Duration = Duration::from_millis(20);
/// So many outcomes wait no longer.
const ENOUGH_TO_RECORD: usize = 32;

/// What the threads tell the carrier.
enum Message {
    /// Connecting has ended.
    Connected(Result<DropBox, Failure>),
    /// A result has begun to arrive, encrypted.
    Arriving(Sequence, Spool),
    /// A fetch has ended.
    Fetched(Sequence, Result<Fetched, FetchError>),
    /// An operation at the drop-box has ended.
    Transferred(Completed),
    /// The run is to end.
    Stopped(StopReason),
}

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
pub struct SftpCarrier {
    way: Way,
    receiver: Receiver<Message>,
    link: Link,
    /// Connections made anew since something last succeeded.
    mendings: u32,
    waker: CurrentWaker,
    fetching: Fetching,
    jobs: BTreeMap<Sequence, Job>,
    capacity: usize,
}

impl SftpCarrier {
    fn new(
        way: Way,
        receiver: Receiver<Message>,
        drop_box: DropBox,
        waker: CurrentWaker,
        fetching: Fetching,
        capacity: usize,
    ) -> Self {
        Self {
            way,
            receiver,
            link: Link::Up(drop_box),
            mendings: 0,
            waker,
            fetching,
            jobs: BTreeMap::new(),
            capacity,
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Connected(Ok(drop_box)) => {
                if matches!(self.link, Link::Mending) {
                    self.waker.set(Some(drop_box.waker()));
                    self.link = Link::Up(drop_box);
                    self.go_on();
                }
            }
            Message::Connected(Err(failure)) => self.give_up(&failure),
            Message::Stopped(reason) => self.give_up(&reason.failure()),
            Message::Arriving(start, spool) => {
                if let Some(job) = self.jobs.get_mut(&start) {
                    job.supply = Some(Supply::Spool(spool));
                    self.transfer(start);
                }
            }
            Message::Fetched(start, result) => {
                if let Some(job) = self.jobs.get_mut(&start) {
                    if result.is_err() && matches!(job.transfer, Transfer::NotBegun) {
                        job.transfer = Transfer::NotNeeded;
                    }
                    job.fetched = Some(result);
                    self.repeat_or_end(start);
                }
            }
            Message::Transferred(Completed {
                ticket,
                result: Ok(Done::Excerpt(found)),
            }) => self.looked_into(Sequence(ticket), found.as_deref()),
            Message::Transferred(Completed { ticket, result }) => {
                let start = Sequence(ticket);
                match &result {
                    Ok(_) => self.mendings = 0,
                    Err(error) if error.connection_lost => self.mend(&error.failure),
                    Err(_) => {}
                }
                let result = result.map_err(|error| self.explained(error));
                if let Some(job) = self.jobs.get_mut(&start) {
                    job.transferred(result);
                    self.repeat_or_end(start);
                }
            }
        }
    }

    /// Goes on with a job once it is known whose file stands under its final name.
    fn looked_into(&mut self, start: Sequence, found: Option<&[u8]>) {
        self.mendings = 0;
        let Some(job) = self.jobs.get_mut(&start) else {
            return;
        };
        match Ownership::shown_by(&job.errand, found, self.fetching.key()) {
            Ok(ownership) => {
                job.ownership = ownership;
                job.transfer = Transfer::NotBegun;
                self.transfer(start);
            }
            Err(failure) => {
                job.transferred(Err((failure, RemoteAfterFailure::Untouched)));
                self.repeat_or_end(start);
            }
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

    /// Begins the transfer of a job, as soon as there is a connection.
    fn transfer(&mut self, start: Sequence) {
        let Some(job) = self.jobs.get_mut(&start) else {
            return;
        };
        match &self.link {
            Link::Up(drop_box) => {
                if let Some(operation) = operation(job) {
                    job.due = None;
                    job.transfer = Transfer::UnderWay;
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
        let repetition = job.repetitions + 1;
        let repeated = Repeated::Command(start);
        let wait = self.way.persistence.wait_before(repeated, repetition, None);
        if let Some(wait) = wait {
            tracing::info!(command = %job.errand.command, "tried once more");
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
            match (job.repetition(), &job.errand.command) {
                (Some(Repetition::Fetch), Command::Upload { request, .. }) => {
                    let (log, request) = (job.errand.log, *request);
                    job.begin_anew();
                    self.fetching.order(FetchOrder {
                        log,
                        start,
                        request,
                    });
                }
                _ => {
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
        self.waker.set(None);
        self.mendings += 1;
        match self.way.wait_before(self.mendings) {
            Some(wait) => {
                tracing::info!("{lost}; connecting anew");
                self.link = Link::Mending;
                self.way.begin(wait);
            }
            None => self.give_up(&Failure {
                phase: Phase::Connect,
                ..lost.clone()
            }),
        }
    }

    /// Ends everything: what the drop-box is at reports what it may have left, the rest is not begun.
    fn give_up(&mut self, failure: &Failure) {
        self.waker.set(None);
        if !matches!(self.link, Link::Down(_)) {
            self.link = Link::Down(failure.clone());
        }
        for job in self.jobs.values_mut() {
            job.give_up(failure);
        }
    }

    fn ended(&mut self) -> Vec<(Sequence, Ending)> {
        let ended: Vec<Sequence> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.has_ended())
            .map(|(start, _)| *start)
            .collect();
        ended
            .into_iter()
            .filter_map(|start| Some((start, self.jobs.remove(&start)?.ending())))
            .collect()
    }

    /// When a job is next to go on; none while only a connection is waited for.
    fn next_due(&self) -> Option<Instant> {
        match self.link {
            Link::Mending => None,
            Link::Up(_) | Link::Down(_) => self.jobs.values().filter_map(|job| job.due).min(),
        }
    }
}

impl Carrier for SftpCarrier {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn begin(&mut self, errand: Errand) {
        let (log, start) = (errand.log, errand.start);
        let job = Job::new(errand);
        let request = match &job.errand.command {
            Command::Upload { request, .. } => Some(*request),
            Command::Delete { .. }
            | Command::RemoveTemporary { .. }
            | Command::PublishLedger { .. } => None,
        };
        self.jobs.insert(start, job);
        match request {
            Some(request) if !matches!(self.link, Link::Down(_)) => {
                self.fetching.order(FetchOrder {
                    log,
                    start,
                    request,
                });
            }
            Some(_) | None => self.transfer(start),
        }
    }

    fn endings(&mut self) -> Vec<(Sequence, Ending)> {
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

/// What the drop-box is asked for; none while an upload has nothing to send.
fn operation(job: &Job) -> Option<Operation> {
    let Errand {
        command, temporary, ..
    } = &job.errand;
    let name = command.name().clone();
    if job.ownership == Ownership::Unknown {
        let length = TOKEN_START_BYTES;
        return Some(Operation::Excerpt { name, length });
    }
    match command {
        Command::RemoveTemporary { .. } | Command::Delete { .. } => {
            Some(Operation::Remove { name })
        }
        Command::Upload { .. } | Command::PublishLedger { .. } => Some(Operation::Upload {
            source: job.supply.as_ref()?.source(),
            temporary: temporary.clone()?,
            target: name,
            replaces: job.replaces(),
        }),
    }
}

fn nobody_answers() -> Failure {
    Failure {
        phase: Phase::Connect,
        class: FailureClass::Permanent,
        text: "the connecting thread ended without a word; please report this defect".to_owned(),
    }
}

/// SHA-256 of a document.
fn digest_of(document: &[u8]) -> Digest {
    Digest::of(&[document])
}
