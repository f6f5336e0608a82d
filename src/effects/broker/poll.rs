//! One complete poll: the list, then every listed request's status, then evidence for what is
//! missing.
//!
//! What always holds here: without a list there is no snapshot. Deliberately absent: how statuses are read
//! (`statuses`).

use std::collections::BTreeSet;

use courier_ledger::{
    BrokerTime, Failure, FailureClass, NodeNames, Phase, Poll, PollError, RequestId, State,
};

use crate::effects::headway::Asked;
use crate::run::Polled;

use super::call::Call;
use super::client::Broker;
use super::problem::Problem;
use super::request_list::RequestList;
use super::statuses::Reading;
use super::{node_list, request_list};

/// What is asked once, beside the statuses.
#[derive(Default)]
struct Beside {
    whole: Option<RequestList>,
    node_names: Option<NodeNames>,
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
        let failed = |problem: Problem| self.failure(Call::List, &problem);
        let (listed, broker_time) = self.wait(self.list()).map_err(failed)?;
        let poll = Poll::begin(listed.iter().map(|(id, published)| (*id, *published)))
            .map_err(|error| contradiction(&error))?;
        let reading = Reading::new(poll, known);
        let ids: Vec<RequestId> = listed.keys().copied().collect();
        let beside = self.read_statuses(&reading, &ids, self.beside(&listed));
        let Beside { whole, node_names } = beside.map_err(failed)?.unwrap_or_default();
        let mut poll = reading.end().map_err(|error| contradiction(&error))?;
        let missing = poll.missing(expected);
        if !missing.is_empty() {
            self.headway().asks(Asked::Absences(missing.len() as u64));
        }
        let evidence = self.wait(async { Ok(self.evidence(&missing, whole.as_ref()).await) });
        for (id, evidence) in evidence.map_err(failed)? {
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

    async fn list(&self) -> Result<(RequestList, Option<BrokerTime>), Problem> {
        self.headway().asks(Asked::List);
        let list = async || {
            let (bytes, broker_time) = self.fetch_with_time(Call::List).await?;
            let listed = request_list::parse(&bytes).map_err(Problem::Document)?;
            Ok((listed, broker_time))
        };
        self.repeat(Call::List, list).await
    }

    /// The list of all requests is asked for after the list under the tag, so that what is in that is in this.
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
