//! One complete poll: the list, then every listed request's status, then evidence for what is
//! missing.
//!
//! What always holds here: without a list there is no snapshot; a status that cannot be read makes
//! one request unreadable and delays no other for longer than its deadline.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::pin::pin;

use courier_ledger::{Failure, FailureClass, NodeStatus, Phase, Poll, PollError, RequestId};

use futures_util::future::{Either, select};

use crate::run::Polled;

use super::call::Call;
use super::client::Broker;
use super::problem::Problem;
use super::request_list::RequestList;
use super::{concurrent, request_list, request_status};

/// So many unanswered calls in a row, and no answer in between, mean that the broker is gone: the
/// rest would only wait for the same deadline.
const MIN_UNANSWERED_CALLS: usize = 8;

/// The status of each listed request, as far as it could be read.
type Statuses = BTreeMap<RequestId, Result<Vec<NodeStatus>, Problem>>;

/// Whether the broker fell silent meanwhile.
fn is_silent(statuses: &Statuses) -> bool {
    let mut statuses = statuses.values();
    statuses.any(|status| matches!(status, Err(Problem::NotAsked(_))))
}

impl Broker {
    /// Asks for the requests with the tag, for the status of each, and for what became of those
    /// that are `expected` and not listed.
    ///
    /// Fails when the list cannot be read: then nothing is known. A status that cannot be read is
    /// part of the snapshot.
    pub(crate) fn poll(&self, expected: &BTreeSet<RequestId>) -> Result<Polled, Failure> {
        let polled = self.wait(async { Ok(self.look(expected).await) });
        polled.unwrap_or_else(|problem| Err(self.failure(Call::List, &problem)))
    }

    async fn look(&self, expected: &BTreeSet<RequestId>) -> Result<Polled, Failure> {
        let list = async || {
            let (bytes, broker_time) = self.fetch_with_time(Call::List).await?;
            let listed = request_list::parse(&bytes).map_err(Problem::Document)?;
            Ok((listed, broker_time))
        };
        let (listed, broker_time) = self
            .repeat(Call::List, list)
            .await
            .map_err(|problem| self.failure(Call::List, &problem))?;
        let (statuses, whole) = self.statuses_and_whole_list(&listed).await;
        let mut poll = Poll::begin(listed.iter().map(|(id, published)| (*id, *published)))
            .map_err(|error| contradiction(&error))?;
        for (id, status) in statuses {
            match status {
                Ok(nodes) => poll.read(id, nodes),
                Err(problem) => poll.unreadable(id, self.failure(Call::Status(id), &problem)),
            }
            .map_err(|error| contradiction(&error))?;
        }
        let missing = poll.missing(expected);
        for (id, evidence) in self.evidence(&missing, whole.as_ref()).await {
            poll.absent(id, evidence);
        }
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
        })
    }

    /// Every status, and beside them the list of all requests. It is asked for after the list under the
    /// tag, so that what is in that is in this; a broker that falls silent is not waited for twice.
    async fn statuses_and_whole_list(
        &self,
        listed: &RequestList,
    ) -> (Statuses, Option<RequestList>) {
        let ids: Vec<RequestId> = listed.keys().copied().collect();
        let whole = pin!(self.whole_list(listed));
        let beside = NonZeroUsize::new(self.settings.concurrency.get() - 1);
        let Some(beside) = beside else {
            let statuses = self.statuses(ids, NonZeroUsize::MIN).await;
            let whole = if is_silent(&statuses) {
                None
            } else {
                whole.await
            };
            return (statuses, whole);
        };
        match select(pin!(self.statuses(ids, beside)), whole).await {
            Either::Left((statuses, _)) if is_silent(&statuses) => (statuses, None),
            Either::Left((statuses, whole)) => (statuses, whole.await),
            Either::Right((whole, statuses)) => (statuses.await, whole),
        }
    }

    async fn statuses(&self, ids: Vec<RequestId>, concurrency: NonZeroUsize) -> Statuses {
        let give_up = concurrency.get().max(MIN_UNANSWERED_CALLS);
        let unanswered = Cell::new(0);
        let last = RefCell::new(None);
        let statuses = concurrent::map(&ids, concurrency, async |id| {
            if unanswered.get() >= give_up
                && let Some(problem) = &*last.borrow()
            {
                return Err(Problem::NotAsked(Box::new(Problem::clone(problem))));
            }
            let status = self.ask(Call::Status(*id), request_status::parse).await;
            match &status {
                Err(problem) if problem.is_unanswered() => {
                    last.replace(Some(problem.clone()));
                    unanswered.set(unanswered.get() + 1);
                }
                _ => unanswered.set(0),
            }
            status
        })
        .await;
        ids.into_iter().zip(statuses).collect()
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
    fn poll(&self, expected: &BTreeSet<RequestId>) -> Result<Polled, Failure> {
        Self::poll(self, expected)
    }
}
