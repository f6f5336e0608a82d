//! The status of every listed request, read by as many threads as are worth it.
//!
//! What always holds here: a status that cannot be read makes one request unreadable and delays no other for
//! longer than its deadline; a broker that has fallen silent is not asked for the rest, whichever thread
//! found that; what has not changed since the last poll is in memory once.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use courier_ledger::{Failure, NodeStatus, Poll, PollError, RequestId, State};
use futures_util::future::{Either, select};

use crate::effects::headway::Asked;
use crate::effects::mutex::lock;

use super::call::Call;
use super::client::Broker;
use super::problem::Problem;
use super::{concurrent, request_status};

/// So many unanswered calls in a row, and no answer in between, mean that the broker is gone: the
/// rest would only wait for the same deadline.
const MIN_UNANSWERED_CALLS: usize = 8;

/// Another thread needs connections of its own and reads the authorities that they trust, which takes as
/// long as some thousand statuses.
const STATUSES_WORTH_A_THREAD: usize = 4000;

/// More would wait for the broker.
const MAX_THREADS: usize = 4;

/// How the broker answered while it was asked for statuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answering,
    /// It fell silent, and was not asked for the rest.
    Silent,
}

/// A poll that takes in each status when it comes, beside what the last one showed.
pub(super) struct Reading<'s> {
    poll: Mutex<Poll>,
    known: &'s State,
    silence: Silence,
    /// A status that the poll does not take ends it.
    contradiction: Mutex<Option<PollError>>,
}

/// The calls that were not answered since the last that was.
#[derive(Default)]
struct Silence {
    calls: AtomicUsize,
    last: Mutex<Option<Problem>>,
}

impl<'s> Reading<'s> {
    pub(super) fn new(poll: Poll, known: &'s State) -> Self {
        Self {
            poll: Mutex::new(poll),
            known,
            silence: Silence::default(),
            contradiction: Mutex::new(None),
        }
    }

    /// The poll with every status that was taken in.
    pub(super) fn end(self) -> Result<Poll, PollError> {
        match lock(&self.contradiction).take() {
            Some(error) => Err(error),
            None => Ok(self
                .poll
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn take_in(&self, id: RequestId, status: Result<Vec<NodeStatus>, Failure>) {
        let mut poll = lock(&self.poll);
        let taken_in = match status {
            Ok(nodes) => poll.read_knowing(id, nodes, self.known.observed(id)),
            Err(failure) => poll.unreadable(id, failure),
        };
        if let Err(error) = taken_in {
            lock(&self.contradiction).get_or_insert(error);
        }
    }
}

impl Silence {
    /// What the last call met with, if so many in a row were not answered.
    fn of(&self, calls: usize) -> Option<Problem> {
        let is_silent = self.calls.load(Ordering::Relaxed) >= calls;
        is_silent.then(|| lock(&self.last).clone()).flatten()
    }

    fn answered(&self) {
        self.calls.store(0, Ordering::Relaxed);
    }

    fn unanswered(&self, problem: &Problem) {
        *lock(&self.last) = Some(problem.clone());
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Broker {
    /// Reads the status of each, and beside them does something `once`; none of that when the broker falls
    /// silent meanwhile, as it is not waited for twice. Fails when the run is to end.
    pub(super) fn read_statuses<T>(
        &self,
        reading: &Reading<'_>,
        ids: &[RequestId],
        once: impl Future<Output = T>,
    ) -> Result<Option<T>, Problem> {
        let of = ids.len() as u64;
        self.headway().asks(Asked::Statuses { read: 0, of });
        let others = self.others_worth_it(ids.len());
        let share = self.settings.concurrency.get() / (others.len() + 1);
        let next = AtomicUsize::new(0);
        let queue =
            || std::iter::from_fn(|| ids.get(next.fetch_add(1, Ordering::Relaxed)).copied());
        let queue = &queue;
        thread::scope(|scope| {
            for other in &others {
                let read = move || {
                    let limit = NonZeroUsize::new(share).unwrap_or(NonZeroUsize::MIN);
                    // When the run is to end, this thread hears of it, too.
                    let _ended =
                        other.wait(async { Ok(other.statuses(reading, queue(), limit).await) });
                };
                // What a thread that cannot be had would have read is read by the others.
                let _refused = thread::Builder::new().spawn_scoped(scope, read);
            }
            self.wait(async { Ok(self.statuses_and_once(reading, queue(), share, once).await) })
        })
    }

    /// Clients for as many more threads as are worth it for so many statuses.
    fn others_worth_it(&self, statuses: usize) -> Vec<Self> {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = (statuses / STATUSES_WORTH_A_THREAD)
            .min(processors)
            .min(self.settings.concurrency.get() / 2)
            .min(MAX_THREADS);
        (1..threads)
            .map_while(|_| self.with_connections_of_its_own().ok())
            .collect()
    }

    async fn statuses_and_once<T>(
        &self,
        reading: &Reading<'_>,
        ids: impl Iterator<Item = RequestId>,
        concurrency: usize,
        once: impl Future<Output = T>,
    ) -> Option<T> {
        let once = pin!(once);
        let Some(beside) = NonZeroUsize::new(concurrency - 1) else {
            let manner = self.statuses(reading, ids, NonZeroUsize::MIN).await;
            return match manner {
                Manner::Silent => None,
                Manner::Answering => Some(once.await),
            };
        };
        match select(pin!(self.statuses(reading, ids, beside)), once).await {
            Either::Left((Manner::Silent, _)) => None,
            Either::Left((Manner::Answering, once)) => Some(once.await),
            Either::Right((once, statuses)) => {
                statuses.await;
                Some(once)
            }
        }
    }

    async fn statuses(
        &self,
        reading: &Reading<'_>,
        ids: impl Iterator<Item = RequestId>,
        concurrency: NonZeroUsize,
    ) -> Manner {
        let give_up = self.settings.concurrency.get().max(MIN_UNANSWERED_CALLS);
        let silence = &reading.silence;
        let manner = Cell::new(Manner::Answering);
        let read = async |id| {
            let call = Call::Status(id);
            let status = match silence.of(give_up) {
                Some(problem) => {
                    manner.set(Manner::Silent);
                    Err(Problem::NotAsked(Box::new(problem)))
                }
                None => {
                    let status = self.ask(call, request_status::parse).await;
                    self.headway().status_read();
                    match &status {
                        Err(problem) if problem.is_unanswered() => silence.unanswered(problem),
                        Ok(_) | Err(_) => silence.answered(),
                    }
                    status
                }
            };
            reading.take_in(id, status.map_err(|problem| self.failure(call, &problem)));
        };
        concurrent::each(ids, concurrency, read).await;
        manner.get()
    }
}
