//! The calls of a run, one at a time and once each, for whoever wants to know which of them does not work.
//!
//! What always holds here: what a run counts, counts, and nothing else; nothing is repeated. Deliberately
//! absent: the rest of a bundle, of which only the beginning is fetched.

use courier_ledger::{BrokerTime, NodeStatus, RequestId};

use super::call::Call;
use super::client::Broker;
use super::document::DocumentError;
use super::problem::Problem;
use super::request_list::{self, RequestList};
use super::request_status;

/// How far a call came that was not answered as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nothing that is a broker answered.
    Nobody,
    /// The broker answered that the key does not open this.
    Door,
    /// The broker answered something that cannot be used.
    Broker,
}

/// Why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// How far it came.
    pub(crate) reached: Reached,
    /// What came, in words that name the call.
    pub(crate) text: String,
    /// What a person can do; empty where trying again is all there is.
    pub(crate) advice: &'static str,
}

impl Broker {
    /// The numbers of all requests, and what the broker's clock said.
    pub(crate) fn ask_whole_list(
        &self,
    ) -> Result<(Vec<RequestId>, Option<BrokerTime>), Unanswered> {
        self.ask_list(Call::WholeList)
    }

    /// The numbers of the requests with the tag.
    pub(crate) fn ask_tagged_list(&self) -> Result<Vec<RequestId>, Unanswered> {
        self.ask_list(Call::List).map(|(ids, _)| ids)
    }

    /// The nodes' part in a request.
    pub(crate) fn ask_status(&self, request: RequestId) -> Result<Vec<NodeStatus>, Unanswered> {
        let call = Call::Status(request);
        let answer = self.wait(async {
            let bytes = self.fetch(call).await?;
            request_status::parse(&bytes).map_err(Problem::Document)
        });
        answer.map_err(|problem| self.unanswered(call, &problem))
    }

    /// Has the bundle of a request built, and fetches its beginning; gives how large it is, where the broker
    /// tells. The broker keeps what it has built for ten minutes.
    pub(crate) fn ask_bundle(&self, request: RequestId) -> Result<Option<u64>, Unanswered> {
        let beginning = self.wait(async {
            let fetched = async {
                let mut download = self.fetch_bundle(request).await?;
                let size_bytes = download.content_length();
                download.next_piece().await?;
                Ok(size_bytes)
            };
            Ok(fetched.await)
        });
        let unanswered = |problem| self.unanswered(Call::Export(request), &problem);
        beginning.map_err(unanswered)?.map_err(
            // The advice is part of such a text.
            |failure: courier_ledger::Failure| Unanswered {
                reached: Reached::Broker,
                text: failure.text,
                advice: "",
            },
        )
    }

    fn ask_list(&self, call: Call) -> Result<(Vec<RequestId>, Option<BrokerTime>), Unanswered> {
        let answer = self.wait(async {
            let (bytes, broker_time) = self.fetch_with_time(call).await?;
            let list: RequestList = request_list::parse(&bytes).map_err(Problem::Document)?;
            Ok((list.into_keys().collect(), broker_time))
        });
        answer.map_err(|problem| self.unanswered(call, &problem))
    }

    fn unanswered(&self, call: Call, problem: &Problem) -> Unanswered {
        let (method, path) = (call.method(), call.path().join("/"));
        Unanswered {
            reached: reached(problem),
            text: format!("{method} {}/{path}: {problem}", self.address()),
            advice: problem.advice(call),
        }
    }
}

fn reached(problem: &Problem) -> Reached {
    match problem {
        Problem::NameUnknown
        | Problem::NoThread
        | Problem::Refused
        | Problem::Unreachable
        | Problem::ConnectTimedOut(_)
        | Problem::AnswerTimedOut(_)
        | Problem::BodyTimedOut(_)
        | Problem::Silent(_)
        | Problem::Tls(_)
        | Problem::Closed
        | Problem::NotHttp
        | Problem::Transport
        | Problem::Redirect { .. }
        | Problem::Media { .. }
        | Problem::Document(DocumentError::Html(_) | DocumentError::Root(_))
        | Problem::Status {
            status: 404 | 407, ..
        }
        | Problem::Stopped(_)
        | Problem::NotAsked(_) => Reached::Nobody,
        Problem::Status {
            status: 401 | 403, ..
        } => Reached::Door,
        Problem::Status { .. }
        | Problem::Charset
        | Problem::Packed
        | Problem::TooLarge(_)
        | Problem::Document(_)
        | Problem::NotLink
        | Problem::NotZip
        | Problem::ZipCut { .. }
        | Problem::Short { .. } => Reached::Broker,
    }
}
