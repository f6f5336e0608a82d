//! One complete poll: the list, then every listed request's status, then evidence for what is
//! missing.
//!
//! What always holds here: without a list there is no snapshot; a status that cannot be read makes
//! one request unreadable and delays no other for longer than its deadline.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::Snapshot;
use courier_ledger::{Failure, FailureClass, NodeStatus, Phase, Poll, PollError, RequestId};

use futures_util::future::join;

use super::call::Call;
use super::client::Broker;
use super::problem::Problem;
use super::{concurrent, request_list, request_status};

/// So many unanswered calls in a row, and no answer in between, mean that the broker is gone: the
/// rest would only wait for the same deadline.
const MIN_UNANSWERED_CALLS: usize = 8;

impl Broker {
    /// Asks for the requests with the tag, for the status of each, and for what became of those
    /// that are `expected` and not listed.
    ///
    /// Fails when the list cannot be read: then nothing is known. A status that cannot be read is
    /// part of the snapshot.
    pub(crate) fn poll(&self, expected: &BTreeSet<RequestId>) -> Result<Snapshot, Failure> {
        let polled = self.wait(async { Ok(self.look(expected).await) });
        polled.unwrap_or_else(|problem| Err(self.failure(Call::List, &problem)))
    }

    async fn look(&self, expected: &BTreeSet<RequestId>) -> Result<Snapshot, Failure> {
        let listed = self
            .ask(Call::List, request_list::parse)
            .await
            .map_err(|problem| self.failure(Call::List, &problem))?;
        // After the list under the tag: what is in that must be in this.
        let whole = self.ask(Call::WholeList, request_list::parse);
        let statuses = self.statuses(listed.keys().copied().collect());
        let (whole, statuses) = join(whole, statuses).await;
        let whole = self.sound(whole, &listed);
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
        poll.complete(expected)
            .map_err(|error| contradiction(&error))
    }

    async fn statuses(
        &self,
        ids: Vec<RequestId>,
    ) -> BTreeMap<RequestId, Result<Vec<NodeStatus>, Problem>> {
        let concurrency = self.settings.concurrency;
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
    fn poll(&self, expected: &BTreeSet<RequestId>) -> Result<Snapshot, Failure> {
        Self::poll(self, expected)
    }
}
