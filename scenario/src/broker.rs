//! What the broker shows, and how it answers a poll.
//!
//! What always holds: an answer is complete. Deliberately absent: answers that are refused before
//! they become a snapshot; the broker's own tests have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use courier_ledger::{
    Evidence, Failure, NodeId, NodeStatus, Nodes, Poll, RequestId, Snapshot, Timestamp, WholeList,
};

use crate::history::failure;
use crate::whole_list::{self, Others};
use crate::words::{Unclear, Words, range};

/// What the broker shows of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Its status can be read.
    Readable {
        /// When it was published; none for a draft.
        published: Option<i64>,
        /// Its nodes, and when each completed.
        nodes: Vec<(u64, Option<i64>)>,
    },
    /// Its status cannot be read.
    Unreadable(Failure),
}

/// The broker as it is now.
#[derive(Clone, Debug, Default)]
pub struct Broker {
    /// The requests that it lists.
    pub shown: BTreeMap<u64, Shown>,
    /// What a poll proves of those that it does not list. Of the rest it proves what the whole list
    /// does; nothing, when that is not read.
    pub evidence: BTreeMap<u64, Evidence>,
    /// What it has besides.
    pub others: Others,
    /// When each was published, as far as that was said.
    published: BTreeMap<u64, Option<i64>>,
}

impl Broker {
    /// Shows a published request with nodes that have completed at these times.
    pub fn publish(&mut self, id: u64, published: i64, nodes: &[(u64, Option<i64>)]) {
        self.show(id, Some(published), nodes);
    }

    /// Shows a request that is not published yet.
    pub fn draft(&mut self, id: u64, nodes: &[(u64, Option<i64>)]) {
        self.show(id, None, nodes);
    }

    fn show(&mut self, id: u64, published: Option<i64>, nodes: &[(u64, Option<i64>)]) {
        let nodes = nodes.to_vec();
        self.published.insert(id, published);
        self.shown.insert(id, Shown::Readable { published, nodes });
    }

    /// Lists a request whose status cannot be read.
    pub fn unreadable(&mut self, id: u64) {
        self.shown.insert(id, Shown::Unreadable(failure()));
    }

    /// No longer lists a request, on this evidence.
    pub fn withdraw(&mut self, id: u64, evidence: Evidence) {
        self.shown.remove(&id);
        self.evidence.insert(id, evidence);
    }

    /// The complete poll of the broker as it is now; what is `expected` and not shown is looked into.
    #[must_use]
    pub fn snapshot(&self, expected: &BTreeSet<RequestId>) -> Snapshot {
        let whole = self.whole();
        self.snapshot_with(expected, |id| match self.evidence.get(&id.0) {
            Some(known) => *known,
            None if whole.contains_key(&id) => Evidence::Untagged,
            None if whole.is_empty() => Evidence::Unconfirmed,
            None => Evidence::Deleted,
        })
    }

    /// The list of all requests; empty when it is not read.
    fn whole(&self) -> WholeList {
        let Some(others) = &self.others else {
            return WholeList::new();
        };
        let listed = self.shown.iter().map(|(id, shown)| {
            let published = match shown {
                Shown::Readable { published, .. } => *published,
                Shown::Unreadable(_) => self.published.get(id).copied().unwrap_or(Some(1)),
            };
            (*id, published)
        });
        let others = others.iter().map(|(id, published)| (*id, *published));
        let all = others.chain(listed);
        all.map(|(id, published)| (RequestId(id), published.map(Timestamp)))
            .collect()
    }

    /// The complete poll, with other evidence than the broker's.
    pub fn snapshot_with(
        &self,
        expected: &BTreeSet<RequestId>,
        mut evidence: impl FnMut(RequestId) -> Evidence,
    ) -> Snapshot {
        let listing = self.shown.iter().map(|(id, shown)| match shown {
            Shown::Readable { published, .. } => (RequestId(*id), published.map(Timestamp)),
            Shown::Unreadable(_) => (RequestId(*id), Some(Timestamp(1))),
        });
        let mut poll = Poll::begin(listing).expect("each is listed once");
        for (id, shown) in &self.shown {
            let id = RequestId(*id);
            match shown {
                Shown::Readable { nodes, .. } => {
                    let nodes = nodes.iter().map(|(node, completed)| {
                        NodeStatus(NodeId(*node), completed.map(Timestamp))
                    });
                    poll.read(id, nodes.collect())
                }
                Shown::Unreadable(failure) => poll.unreadable(id, failure.clone()),
            }
            .expect("it is listed");
        }
        for id in poll.missing(expected) {
            poll.absent(id, evidence(id));
        }
        let whole = self.whole();
        if !whole.is_empty() {
            poll.whole(whole);
        }
        poll.complete(expected)
            .expect("every request was asked for")
    }

    /// Takes a line that is about the broker; `false` when it is about something else.
    pub fn tell(&mut self, verb: &str, words: &mut Words) -> Result<bool, Unclear> {
        match verb {
            "publish" => {
                let ids = words.numbers()?;
                words.expect("at")?;
                let (published, nodes) = (words.value()?, nodes(words)?);
                for id in ids {
                    self.publish(id, published, &nodes);
                }
            }
            "draft" => {
                let (ids, nodes) = (words.numbers()?, nodes(words)?);
                for id in ids {
                    self.draft(id, &nodes);
                }
            }
            "unreadable" => {
                let (ids, failure) = (words.numbers()?, self::failure_in(words)?);
                for id in ids {
                    self.shown.insert(id, Shown::Unreadable(failure.clone()));
                }
            }
            "withdraw" => {
                let (ids, evidence) = (words.numbers()?, words.value()?);
                for id in ids {
                    self.withdraw(id, evidence);
                }
            }
            "others" => self.others = whole_list::read(words)?,
            "recreate" => {
                *self = Self {
                    others: Some(BTreeMap::new()),
                    ..Self::default()
                }
            }
            "list-nothing" => {
                self.shown.clear();
                self.evidence.clear();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// `nodes 1@5 2 3-9@7`: each node with the time at which it completed, if it did.
fn nodes(words: &mut Words) -> Result<Vec<(u64, Option<i64>)>, Unclear> {
    let mut nodes = Vec::new();
    if words.next_is("nodes") {
        while words.peek().is_some() {
            let word = words.word()?;
            let unclear = || Unclear::new(format!("{word:?} is not a node, as in 1@5 or 2"));
            let (ids, time) = match word.split_once('@') {
                Some((ids, time)) => (ids, Some(time.parse().map_err(|_| unclear())?)),
                None => (word.as_str(), None),
            };
            nodes.extend(range(ids).ok_or_else(unclear)?.map(|id| (id, time)));
        }
    }
    Ok(nodes)
}

/// A failure, `write transient "in words"`, or the one that needs no words.
pub fn failure_in(words: &mut Words) -> Result<Failure, Unclear> {
    match words.maybe() {
        Some(phase) => Ok(Failure {
            phase,
            class: words.value()?,
            text: words.word()?,
        }),
        None => Ok(failure()),
    }
}

/// The line that makes the broker show this.
pub(crate) fn line(id: u64, published: Option<i64>, nodes: &Nodes) -> String {
    let mut line = match published {
        Some(time) => format!("publish {id} at {time}"),
        None => format!("draft {id}"),
    };
    if !nodes.is_empty() {
        line.push_str(" nodes");
    }
    for NodeStatus(node, completed) in nodes.iter() {
        let _ = match completed {
            Some(Timestamp(time)) => write!(line, " {node}@{time}"),
            None => write!(line, " {node}"),
        };
    }
    line
}
