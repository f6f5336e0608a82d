//! One complete poll: the list, then every listed request's status, then evidence for what is
//! missing.
//!
//! What always holds here: without a list there is no snapshot; a status that cannot be read makes
//! one request unreadable and delays no other for longer than its deadline.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::pin::pin;

use courier_ledger::{
    Failure, FailureClass, NodeNames, NodeStatus, Phase, Poll, PollError, RequestId, State,
};

use futures_util::future::{Either, select};

use crate::effects::headway::Asked;
use crate::run::Polled;

use super::call::Call;
use super::client::Broker;
use super::problem::Problem;
use super::request_list::RequestList;
use super::{concurrent, node_list, request_list, request_status};

/// So many unanswered calls in a row, and no answer in between, mean that the broker is gone: the
/// rest would only wait for the same deadline.
const MIN_UNANSWERED_CALLS: usize = 8;

/// How the broker answered while it was asked for statuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answering,
    /// It fell silent, and was not asked for the rest.
    Silent,
}

/// A poll that takes in each status when it comes, beside what the last one showed, so that what has not
/// changed is in memory once.
struct Reading<'s> {
    poll: RefCell<Poll>,
    known: &'s State,
}

/// What is asked once, beside the statuses.
#[derive(Default)]
struct Beside {
    whole: Option<RequestList>,
    node_names: Option<NodeNames>,
}

impl Reading<'_> {
    fn take_in(
        &self,
        id: RequestId,
        status: Result<Vec<NodeStatus>, Failure>,
    ) -> Result<(), PollError> {
        let mut poll = self.poll.borrow_mut();
        match status {
            Ok(nodes) => poll.read_knowing(id, nodes, self.known.observed(id)),
            Err(failure) => poll.unreadable(id, failure),
        }
    }
}

impl Broker {
    /// Asks for the requests with the tag, for the status of each, and for what became of those
    /// that are `expected` and not listed. What is `known` is what the last poll showed.
    ///
    /// Fails when the list cannot be read: then nothing is known. A status that cannot be read is
    /// part of the snapshot.
    pub(crate) fn poll(
        &self,
        expected: &BTreeSet<RequestId>,
        known: &State,
    ) -> Result<Polled, Failure> {
        let polled = self.wait(async { Ok(self.look(expected, known).await) });
        polled.unwrap_or_else(|problem| Err(self.failure(Call::List, &problem)))
    }

    async fn look(&self, expected: &BTreeSet<RequestId>, known: &State) -> Result<Polled, Failure> {
        self.headway().asks(Asked::List);
        let list = async || {
            let (bytes, broker_time) = self.fetch_with_time(Call::List).await?;
            let listed = request_list::parse(&bytes).map_err(Problem::Document)?;
            Ok((listed, broker_time))
        };
        let (listed, broker_time) = self
            .repeat(Call::List, list)
            .await
            .map_err(|problem| self.failure(Call::List, &problem))?;
        let poll = Poll::begin(listed.iter().map(|(id, published)| (*id, *published)))
            .map_err(|error| contradiction(&error))?;
        let poll = RefCell::new(poll);
        let reading = Reading { poll, known };
        let of = listed.len() as u64;
        self.headway().asks(Asked::Statuses { read: 0, of });
        let (manner, beside) = self.statuses_and_beside(&reading, &listed).await;
        let Beside { whole, node_names } = beside.unwrap_or_default();
        manner.map_err(|error| contradiction(&error))?;
        let mut poll = reading.poll.into_inner();
        let missing = poll.missing(expected);
        if !missing.is_empty() {
            self.headway().asks(Asked::Absences(missing.len() as u64));
        }
        for (id, evidence) in self.evidence(&missing, whole.as_ref()).await {
            poll.absent(id, evidence);
        }
        self.headway().asks(Asked::Nothing);
        if let Some(whole) = whole {
            poll.whole(whole);
        }
        if let Some(reason) = self.persistence().stop().reason() {
            // What was not read or looked into is not unreadable or unproven: it was not asked.
            return Err(reason.failure());
        }
        let snapshot = poll.complete(expected);
        Ok(Polled {
            snapshot: snapshot.map_err(|error| contradiction(&error))?,
            broker_time,
            node_names,
        })
    }

    /// Every status, and beside them what is asked once. The list of all requests is asked for after the list
    /// under the tag, so that what is in that is in this; a broker that falls silent is not waited for twice.
    async fn statuses_and_beside(
        &self,
        reading: &Reading<'_>,
        listed: &RequestList,
    ) -> (Result<Manner, PollError>, Option<Beside>) {
        const SILENT: Result<Manner, PollError> = Ok(Manner::Silent);
        let ids: Vec<RequestId> = listed.keys().copied().collect();
        let once = pin!(self.beside(listed));
        let beside = NonZeroUsize::new(self.settings.concurrency.get() - 1);
        let Some(beside) = beside else {
            let manner = self.statuses(reading, &ids, NonZeroUsize::MIN).await;
            let once = if manner == SILENT {
                None
            } else {
                Some(once.await)
            };
            return (manner, once);
        };
        match select(pin!(self.statuses(reading, &ids, beside)), once).await {
            Either::Left((SILENT, _)) => (SILENT, None),
            Either::Left((manner, once)) => (manner, Some(once.await)),
            Either::Right((once, manner)) => (manner.await, Some(once)),
        }
    }

    async fn beside(&self, listed: &RequestList) -> Beside {
        let whole = self.whole_list(listed).await;
        let node_names = self.node_names().await;
        Beside { whole, node_names }
    }

    /// What the broker calls its nodes; without names a run goes on.
    async fn node_names(&self) -> Option<NodeNames> {
        let bytes = self.fetch(Call::Nodes).await;
        let names = bytes.and_then(|it| node_list::parse(&it).map_err(Problem::Document));
        match names {
            Ok(names) => Some(names),
            Err(problem) => {
                let failure = self.failure(Call::Nodes, &problem);
                tracing::info!("the hospitals are not named: {failure}");
                None
            }
        }
    }

    async fn statuses(
        &self,
        reading: &Reading<'_>,
        ids: &[RequestId],
        concurrency: NonZeroUsize,
    ) -> Result<Manner, PollError> {
        let give_up = concurrency.get().max(MIN_UNANSWERED_CALLS);
        let unanswered = Cell::new(0);
        let last = RefCell::new(None);
        let manner = Cell::new(Manner::Answering);
        let failed = |id: &RequestId, problem| self.failure(Call::Status(*id), &problem);
        let taken_in = concurrent::map(ids, concurrency, async |id| {
            if unanswered.get() >= give_up
                && let Some(problem) = &*last.borrow()
            {
                manner.set(Manner::Silent);
                let not_asked = Problem::NotAsked(Box::new(Problem::clone(problem)));
                return reading.take_in(*id, Err(failed(id, not_asked)));
            }
            let status = self.ask(Call::Status(*id), request_status::parse).await;
            self.headway().status_read();
            match &status {
                Err(problem) if problem.is_unanswered() => {
                    last.replace(Some(problem.clone()));
                    unanswered.set(unanswered.get() + 1);
                }
                _ => unanswered.set(0),
            }
            reading.take_in(*id, status.map_err(|problem| failed(id, problem)))
        })
        .await;
        taken_in.into_iter().collect::<Result<(), PollError>>()?;
        Ok(manner.get())
    }
}

/// A poll that contradicts itself is our own fault, and still no reason to panic.
fn contradiction(error: &PollError) -> Failure {
    let (phase, class) = (Phase::List, FailureClass::Permanent);
    Failure {
        phase,
        class,
        text: format!("the poll is not complete: {error}"),
    }
}

impl crate::run::Poller for Broker {
    fn poll(&self, expected: &BTreeSet<RequestId>, known: &State) -> Result<Polled, Failure> {
        Self::poll(self, expected, known)
    }
}
