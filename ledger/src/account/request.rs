//! One request through the log, in the order of its entries, and what follows for how long things took.
//!
//! What always holds here: a time between two things is between what two clocks said: a completion is
//! what the broker tells, a delivery is recorded by ours.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "each question is about few of the things that can happen"
)]

use serde::Serialize;

use super::happening::{Appearance, Happening, What};
use crate::command::Command;
use crate::evidence::Evidence;
use crate::id::{RequestId, Sequence};
use crate::nodes::NodeStatus;
use crate::observation::Observation;
use crate::time::Timestamp;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestAccount {
    /// What happened to it.
    pub happenings: Vec<Happening>,
    observed: Option<Observation>,
    presence: Presence,
    /// Something that may be about it was left out.
    interrupted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Unknown,
    Listed,
    Unreadable,
    Gone,
}

/// How long the completion of a hospital waited for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// The request.
    pub request: RequestId,
    /// The newest completion, as the broker tells it, …
    pub completed: Timestamp,
    /// … or when the ledger began, if that was later: before it nobody could deliver.
    pub counted_from: Timestamp,
    /// When its delivery was recorded, and by which entry; none while it waits.
    pub delivered: Option<(Sequence, Timestamp)>,
}

/// How long a withdrawn request's result stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Withdrawal {
    /// The request.
    pub request: RequestId,
    /// What is known about why.
    pub evidence: Evidence,
    /// The last poll that still listed it: it was withdrawn after that.
    pub last_listed: Option<Timestamp>,
    /// The poll that did not.
    pub missed: Timestamp,
    /// When the deletion of its result was recorded, and by which entry; none while it waits.
    pub deleted: Option<(Sequence, Timestamp)>,
}

impl RequestAccount {
    /// How the broker last showed it.
    #[must_use]
    pub fn observed(&self) -> Option<&Observation> {
        self.observed.as_ref()
    }

    /// Whether the broker listed it last.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        matches!(self.presence, Presence::Listed | Presence::Unreadable)
    }

    /// One of which something may have been left out before.
    pub(super) fn interrupted() -> Self {
        Self {
            interrupted: true,
            ..Self::default()
        }
    }

    /// Something that may be about it was left out: how it stood is not known any more.
    pub(super) fn interrupt(&mut self) {
        self.observed = None;
        self.presence = Presence::Unknown;
        self.interrupted = true;
    }

    pub(super) fn push(&mut self, event: Sequence, time: Timestamp, what: What) {
        self.happenings.push(Happening { event, time, what });
    }

    /// The newest completion that the broker has shown.
    pub(super) fn newest_completion(&self) -> Option<Timestamp> {
        let nodes = self.observed.iter().flat_map(|it| it.nodes.iter());
        nodes.filter_map(|NodeStatus(_, completed)| completed).max()
    }

    /// The broker showed it so.
    pub(super) fn shown(&mut self, event: Sequence, time: Timestamp, observation: &Observation) {
        let before = self.observed.as_ref();
        let another = before
            .is_some_and(|it| it.published.is_some() && it.published != observation.published);
        let appearance = match (before, self.presence) {
            (Some(_), _) if another => Appearance::Another,
            (Some(_), Presence::Listed) => Appearance::Changed,
            (Some(_), _) | (None, Presence::Gone) => Appearance::Again,
            (None, _) if self.interrupted => Appearance::Then,
            (None, _) => Appearance::First,
        };
        let before = before.filter(|_| !another);
        let known: Vec<_> = before.iter().flat_map(|it| it.nodes.iter()).collect();
        let completed = observation.nodes.iter();
        let completed = completed.filter(|node| node.1.is_some() && !known.contains(node));
        let what = What::Shown {
            appearance,
            published: observation.published,
            completion: observation.completion(),
            completed: completed.collect(),
        };
        self.observed = Some(observation.clone());
        self.presence = Presence::Listed;
        self.push(event, time, what);
    }

    /// The broker listed it, and it could not be read; said once for each stretch of polls.
    pub(super) fn unreadable(&mut self, event: Sequence, time: Timestamp, what: What) {
        if self.presence != Presence::Unreadable {
            self.push(event, time, what);
        }
        self.presence = Presence::Unreadable;
    }

    /// It can be read again, and is as it was.
    pub(super) fn read_again(&mut self, event: Sequence, time: Timestamp) {
        if self.presence == Presence::Unreadable && self.observed.is_some() {
            self.presence = Presence::Listed;
            self.push(event, time, What::ReadAgain);
        }
    }

    /// The broker no longer listed it.
    pub(super) fn gone(
        &mut self,
        event: Sequence,
        time: Timestamp,
        evidence: Evidence,
        last_poll: Option<Timestamp>,
    ) {
        let last_listed = match self.presence {
            Presence::Gone => self.last_listed(),
            Presence::Listed | Presence::Unreadable => last_poll,
            Presence::Unknown => None,
        };
        self.presence = Presence::Gone;
        let what = What::Gone {
            evidence,
            last_listed,
        };
        self.push(event, time, what);
    }

    fn last_listed(&self) -> Option<Timestamp> {
        let gone = self.happenings.iter().rev().find_map(|it| match it.what {
            What::Gone { last_listed, .. } => Some(last_listed),
            _ => None,
        });
        gone.flatten()
    }

    /// How long each of its completions waited: one for each delivery that brought a newer completion than
    /// the one before, and one for what still waits. `began` is when the ledger did.
    #[must_use]
    pub fn waits(&self, request: RequestId, began: Timestamp) -> Vec<Wait> {
        let mut waits = Vec::new();
        let mut delivered_up_to = None;
        for happening in &self.happenings {
            match &happening.what {
                What::Delivered {
                    newest_completion, ..
                } => {
                    let newer = newest_completion.filter(|it| Some(*it) > delivered_up_to);
                    if let Some(completed) = newer {
                        delivered_up_to = Some(completed);
                        waits.push(Wait {
                            request,
                            completed,
                            counted_from: completed.max(began),
                            delivered: Some((happening.event, happening.time)),
                        });
                    }
                }
                // What the replaced program delivered was not measured.
                What::TakenOver { entry } => {
                    delivered_up_to = Some(entry.last_update.unwrap_or(entry.uploaded));
                }
                What::Shown {
                    appearance: Appearance::Another,
                    ..
                } => delivered_up_to = None,
                _ => {}
            }
        }
        let waiting = self.newest_completion().filter(|_| self.is_listed());
        if let Some(completed) = waiting.filter(|it| Some(*it) > delivered_up_to) {
            waits.push(Wait {
                request,
                completed,
                counted_from: completed.max(began),
                delivered: None,
            });
        }
        waits
    }

    /// How long its results stayed after it was withdrawn, each time that it was.
    #[must_use]
    pub fn withdrawals(&self, request: RequestId) -> Vec<Withdrawal> {
        let mut withdrawals: Vec<Withdrawal> = Vec::new();
        let mut open: Option<Withdrawal> = None;
        let mut is_stored = false;
        let mut deletes = None;
        for happening in &self.happenings {
            let time = happening.time;
            match &happening.what {
                What::Delivered { .. } | What::Adopted { .. } => is_stored = true,
                What::TakenOver { entry } => is_stored = entry.deleted.is_none(),
                What::Gone {
                    evidence,
                    last_listed,
                } => {
                    let known = open.take().unwrap_or(Withdrawal {
                        request,
                        evidence: *evidence,
                        last_listed: *last_listed,
                        missed: time,
                        deleted: None,
                    });
                    open = Some(Withdrawal {
                        evidence: *evidence,
                        ..known
                    });
                }
                What::Shown { .. } | What::Unreadable { .. } => open = None,
                What::Begun {
                    command: Command::Delete { .. },
                    ..
                } => deletes = Some(happening.event),
                What::Deleted { start, .. } if Some(*start) == deletes => {
                    is_stored = false;
                    withdrawals.extend(open.take().map(|it| Withdrawal {
                        deleted: Some((happening.event, time)),
                        ..it
                    }));
                }
                _ => {}
            }
        }
        withdrawals.extend(open.filter(|_| is_stored));
        withdrawals
    }
}
