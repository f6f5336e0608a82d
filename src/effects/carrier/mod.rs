//! Carries out commands side by side: a few threads fetch and encrypt, one thread speaks SFTP, and
//! what a command's two halves report becomes one ending.
//!
//! Deliberately absent: retries of a decision, order, records; the run loop keeps those.

mod fetch;
mod job;
mod look;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use courier_ledger::{
    Command, Digest, Failure, FailureClass, Phase, RemoteAfterFailure, Replaces, Sequence,
};

use super::sftp::{Completed, ConnectError, DropBox, Endpoint, Operation};
use super::source::{Available, Source};
use crate::run::{Carrier, Departure, Ending, Errand};
pub use fetch::Fetcher;
use fetch::{FetchOrder, Fetched, Fetching};
use job::{Job, Transfer};
pub use look::DistantLookout;

/// How long an outcome waits for others while more is under way: they are recorded with one fsync.
const GATHERING: Duration = Duration::from_millis(20);
/// So many outcomes wait no longer.
const ENOUGH_TO_RECORD: usize = 32;

/// What the threads tell the carrier.
enum Message {
    /// A result has begun to arrive, encrypted; or the fetch has failed before anything arrived.
    Arriving(Sequence, Box<dyn Source>),
    /// A fetch has ended.
    Fetched(Sequence, Result<Fetched, Failure>),
    /// An operation at the drop-box has ended.
    Transferred(Completed),
}

/// A connection to the drop-box in the making.
pub struct Connecting {
    thread: std::thread::JoinHandle<Result<DropBox, ConnectError>>,
    fetcher: Arc<Fetcher>,
    messages: (Sender<Message>, Receiver<Message>),
    capacity: usize,
}

impl Connecting {
    /// Begins to connect on a thread of its own, so that the broker can be polled meanwhile.
    pub fn begin(endpoint: Endpoint, fetcher: Fetcher) -> Self {
        let (sender, receiver) = channel();
        let completed = sender.clone();
        let capacity = fetcher.concurrency + endpoint.window.open_files;
        let thread = std::thread::spawn(move || {
            DropBox::connect(endpoint, move |done| {
                // The run is over when nobody listens any more.
                let _unheard = completed.send(Message::Transferred(done));
            })
        });
        Self {
            thread,
            fetcher: Arc::new(fetcher),
            messages: (sender, receiver),
            capacity,
        }
    }
}

impl Departure for Connecting {
    type Carrier = SftpCarrier;

    fn arrive(self) -> Result<SftpCarrier, Failure> {
        let Self {
            thread,
            fetcher,
            messages: (sender, receiver),
            capacity,
        } = self;
        let drop_box = match thread.join() {
            Ok(Ok(drop_box)) => drop_box,
            Ok(Err(error)) => return Err(error.failure()),
            Err(_) => {
                return Err(Failure {
                    phase: Phase::Connect,
                    class: FailureClass::Permanent,
                    text: "the connecting thread panicked; please report this defect".to_owned(),
                });
            }
        };
        let waker = drop_box.waker();
        let fetching = Fetching::new(fetcher, sender, Arc::new(move || waker.wake()));
        Ok(SftpCarrier {
            drop_box,
            fetching,
            receiver,
            jobs: BTreeMap::new(),
            capacity,
            lost: None,
        })
    }
}

/// Carries commands out over one connection to the drop-box.
pub struct SftpCarrier {
    drop_box: DropBox,
    fetching: Fetching,
    receiver: Receiver<Message>,
    jobs: BTreeMap<Sequence, Job>,
    capacity: usize,
    lost: Option<Failure>,
}

impl SftpCarrier {
    fn upload(&self, start: Sequence, job: &Job, source: Box<dyn Source>, replaces: Replaces) {
        let Errand {
            command, temporary, ..
        } = &job.errand;
        let Some(temporary) = temporary else { return };
        self.drop_box.submit(
            start.0,
            Operation::Upload {
                source,
                temporary: temporary.to_string(),
                target: command.name().to_string(),
                replaces,
            },
        );
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Arriving(start, source) => {
                let Some(mut job) = self.jobs.remove(&start) else {
                    return;
                };
                if let Some(failure) = &self.lost {
                    job.transfer =
                        Transfer::Ended(Err((failure.clone(), RemoteAfterFailure::Untouched)));
                } else {
                    self.upload(start, &job, source, job.replaces());
                    job.transfer = Transfer::UnderWay;
                }
                self.jobs.insert(start, job);
            }
            Message::Fetched(start, result) => {
                if let Some(job) = self.jobs.get_mut(&start) {
                    if result.is_err() && matches!(job.transfer, Transfer::NotBegun) {
                        job.transfer = Transfer::NotNeeded;
                    }
                    job.fetched = Some(result);
                }
            }
            Message::Transferred(Completed { ticket, result }) => {
                let result = result.map_err(|error| {
                    if error.connection_lost && self.lost.is_none() {
                        self.lost = Some(Failure {
                            phase: Phase::Connect,
                            ..error.failure.clone()
                        });
                    }
                    (error.failure, error.remote)
                });
                if let Some(job) = self.jobs.get_mut(&Sequence(ticket)) {
                    job.transfer = Transfer::Ended(result);
                }
            }
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
}

impl Carrier for SftpCarrier {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn begin(&mut self, errand: Errand) {
        let start = errand.start;
        let mut job = Job::new(errand);
        match (&self.lost, &job.errand.command) {
            (Some(failure), _) => {
                job.transfer =
                    Transfer::Ended(Err((failure.clone(), RemoteAfterFailure::Untouched)));
            }
            (None, Command::RemoveTemporary { name } | Command::Delete { name, .. }) => {
                self.drop_box.submit(
                    start.0,
                    Operation::Remove {
                        name: name.to_string(),
                    },
                );
                job.transfer = Transfer::UnderWay;
            }
            (None, Command::Upload { request, .. }) => {
                // The fetchers live as long as the carrier does.
                self.fetching.order(FetchOrder {
                    start,
                    request: *request,
                });
            }
            (None, Command::PublishLedger { .. }) => {
                let document = job
                    .errand
                    .document
                    .clone()
                    .unwrap_or_else(|| Arc::from(&[][..]));
                self.upload(
                    start,
                    &job,
                    Box::new(Document {
                        bytes: document,
                        at: 0,
                    }),
                    Replaces::Own,
                );
                job.transfer = Transfer::UnderWay;
            }
        }
        self.jobs.insert(start, job);
    }

    fn endings(&mut self) -> Vec<(Sequence, Ending)> {
        let mut ended = Vec::new();
        let mut gathering_ends = None;
        loop {
            while let Ok(message) = self.receiver.try_recv() {
                self.take(message);
            }
            ended.extend(self.ended());
            if self.jobs.is_empty() || ended.len() >= ENOUGH_TO_RECORD {
                return ended;
            }
            let next = if ended.is_empty() {
                self.receiver.recv().ok()
            } else {
                let now = Instant::now();
                let until = *gathering_ends.get_or_insert(now + GATHERING);
                let left = until.saturating_duration_since(now);
                self.receiver.recv_timeout(left).ok()
            };
            match next {
                Some(message) => self.take(message),
                None => return ended,
            }
        }
    }
}

/// Bytes in memory as a source.
struct Document {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Source for Document {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if count == 0 {
            return Ok(Available::End);
        }
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(Available::Bytes(count))
    }

    fn restart(&mut self) -> io::Result<()> {
        self.at = 0;
        Ok(())
    }
}

/// SHA-256 of a document.
fn digest_of(document: &[u8]) -> Digest {
    Digest::of(&[document])
}
