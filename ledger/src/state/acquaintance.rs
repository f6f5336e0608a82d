//! How well the broker is known: which requests it has shown, which numbers its last whole list had,
//! and what speaks for it that it is another one now.
//!
//! What always holds: what was known stays what is compared with, until the broker shows it again or a
//! person says that it may be another. Deliberately absent: what follows (`decide`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use super::illegal::Reason;
use super::request::{Identity, Presence, Remote, Request};
use crate::estrangement::{Estrangement, Extent, GONE_AT_ONCE_MIN, Renumbered, WholeListDelta};
use crate::evidence::Evidence;
use crate::id::RequestId;
use crate::number_set::NumberSet;
use crate::snapshot::{SnapshotDelta, WholeList};
use crate::time::Timestamp;

/// What is known of the broker as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acquaintance {
    /// The numbers of the last whole list; none before one was read.
    numbers: Option<NumberSet>,
    /// The highest number of any whole list.
    highest: Option<RequestId>,
    /// Known numbers that mean others by now, as a person has accepted, when what has them was published.
    accepted: BTreeMap<RequestId, Option<Timestamp>>,
    /// What speaks for another broker.
    estranged: Option<Estranged>,
}

/// What speaks for another broker, against what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Estranged {
    facts: Estrangement,
    before: Before,
    /// Known numbers that the last whole list shows as others.
    renumbered: BTreeMap<RequestId, Option<Timestamp>>,
}

/// What was known when the broker was last taken for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    known: BTreeMap<RequestId, Known>,
    numbers: Option<NumberSet>,
    highest: Option<RequestId>,
}

/// One request, as it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    published: Option<Timestamp>,
    presence: Presence,
}

impl Known {
    fn is_listed(self) -> bool {
        matches!(self.presence, Presence::Imported | Presence::Listed)
    }

    /// Whether what was published then is another request. A draft that was published is not.
    fn is_another(self, published: Option<Timestamp>) -> bool {
        self.published.is_some() && self.published != published
    }
}

/// When the request was published that is meant by its number.
fn published(request: &Request) -> Option<Timestamp> {
    match (&request.observed, &request.remote) {
        (Some((observation, _)), _) => observation.published,
        (None, Remote::Deleted(Identity::Published(published))) => *published,
        (None, remote) => match remote.file().map(|file| file.identity) {
            Some(Identity::Published(published)) => published,
            Some(Identity::Unknown) | None => None,
        },
    }
}

impl State {
    /// What speaks for it that the broker is another one.
    #[must_use]
    pub fn estrangement(&self) -> Option<&Estrangement> {
        self.acquaintance.estranged.as_ref().map(|it| &it.facts)
    }

    /// The numbers of the last list of all requests; none before one was read.
    #[must_use]
    pub fn numbers(&self) -> Option<&NumberSet> {
        self.acquaintance.numbers.as_ref()
    }

    /// A person took responsibility: what is known now is what is compared with from now on.
    pub(super) fn make_acquaintance(&mut self) {
        let Some(estranged) = self.acquaintance.estranged.take() else {
            return;
        };
        self.acquaintance.accepted.extend(estranged.renumbered);
        let highest = self.acquaintance.numbers.as_ref();
        self.acquaintance.highest = highest.and_then(NumberSet::highest);
    }

    /// What is to be compared with what a poll shows: none when nothing of it can speak for another
    /// broker, so that an ordinary poll costs nothing.
    pub(super) fn before(&self, delta: &SnapshotDelta) -> Option<Before> {
        if let Some(Estranged { before, .. }) = &self.acquaintance.estranged {
            return Some(before.clone());
        }
        let renumbers = |observation: &crate::observation::Observation| {
            let known = self.known(observation.id);
            known.is_some_and(|known| known.is_another(observation.published))
        };
        let appeared = delta
            .whole
            .as_ref()
            .is_some_and(|whole| !whole.appeared.is_empty() || !whole.renumbered.is_empty());
        if !appeared && delta.gone.is_empty() && !delta.changed.iter().any(renumbers) {
            return None;
        }
        let known = self.requests.keys();
        Some(Before {
            known: known
                .filter_map(|id| Some((*id, self.known(*id)?)))
                .collect(),
            numbers: self.acquaintance.numbers.clone(),
            highest: self.acquaintance.highest,
        })
    }

    /// Takes in the whole list, and says what the facts are, after everything else was taken in.
    pub(super) fn acquaint(&mut self, before: Option<Before>, delta: &SnapshotDelta) {
        if let Some(whole) = &delta.whole {
            let known = self.acquaintance.numbers.take().unwrap_or_default();
            let numbers = known.without(&whole.vanished).union(&whole.appeared);
            self.acquaintance.highest = self.acquaintance.highest.max(numbers.highest());
            self.acquaintance.numbers = Some(numbers);
        }
        // What was read says itself which request it is.
        for observation in &delta.changed {
            self.acquaintance.accepted.remove(&observation.id);
        }
        let estranged = self.acquaintance.estranged.take();
        self.acquaintance.estranged = before.and_then(|before| {
            let renumbered = delta.whole.iter().flat_map(|whole| &whole.renumbered);
            let renumbered: BTreeMap<_, _> = renumbered.map(|it| (it.id, it.published)).collect();
            let facts = self.facts(&before, &renumbered, delta);
            if facts.is_suspicious() {
                return Some(Estranged {
                    facts,
                    before,
                    renumbered,
                });
            }
            if self.recognises(&before, &renumbered, delta) {
                // What was seen meanwhile was another's.
                self.acquaintance.accepted.extend(renumbered);
                return None;
            }
            // An answer that shows nothing of what was known speaks for nobody.
            estranged.map(|mut estranged| {
                estranged.renumbered.extend(renumbered);
                estranged
            })
        });
    }

    /// Whether a poll shows anything as it was known: a time of publication, where any was known.
    fn recognises(
        &self,
        before: &Before,
        elsewhere: &BTreeMap<RequestId, Option<Timestamp>>,
        delta: &SnapshotDelta,
    ) -> bool {
        let numbers = delta.whole.as_ref().and(self.acquaintance.numbers.as_ref());
        let tells = |known: &Known| known.published.is_some();
        let all_tell = before.known.values().any(tells);
        let telling = before.known.iter().filter(|it| !all_tell || tells(it.1));
        telling.into_iter().any(|(id, known)| {
            let request = self.requests.get(id);
            let listed = request.filter(|request| request.presence == Presence::Listed);
            let read = listed.filter(|_| !self.listing.unreadable.contains_key(id));
            let shown = read.and_then(|request| request.observed.as_ref());
            if let Some((observation, _)) = shown {
                return !known.is_another(observation.published);
            }
            let shown = elsewhere.get(id);
            let renumbered = shown.is_some_and(|published| known.is_another(*published));
            numbers.is_some_and(|numbers| numbers.contains(*id)) && !renumbered
        })
    }

    /// How a request is known; none of one that says nothing about its broker.
    fn known(&self, id: RequestId) -> Option<Known> {
        let request = self.requests.get(&id)?;
        let accepted = self.acquaintance.accepted.get(&id).copied();
        let known = Known {
            published: accepted.unwrap_or_else(|| published(request)),
            presence: request.presence,
        };
        (known.is_listed() || known.published.is_some()).then_some(known)
    }

    fn facts(
        &self,
        before: &Before,
        elsewhere: &BTreeMap<RequestId, Option<Timestamp>>,
        delta: &SnapshotDelta,
    ) -> Estrangement {
        let is_another = |id: RequestId, known: Known| {
            let request = self.requests.get(&id);
            let listed = request.filter(|request| request.presence == Presence::Listed);
            let read = listed.filter(|_| !self.listing.unreadable.contains_key(&id));
            let shown = match read.and_then(|request| request.observed.as_ref()) {
                Some((observation, _)) => Some(observation.published),
                None => elsewhere.get(&id).copied(),
            };
            shown.is_some_and(|published| known.is_another(published))
        };
        // The whole list has the last word; a request that left no trace was forgotten.
        let whole = delta.whole.as_ref().and(self.acquaintance.numbers.as_ref());
        let is_absent = |id: RequestId| {
            let presence = self.requests.get(&id).map(|request| request.presence);
            match (presence, whole) {
                (Some(Presence::Listed), _) => false,
                (_, Some(numbers)) => !numbers.contains(id),
                (Some(Presence::Gone(Evidence::Deleted | Evidence::Unconfirmed)) | None, None) => {
                    true
                }
                (Some(Presence::Gone(Evidence::Untagged) | Presence::Imported), None) => false,
            }
        };
        let mut facts = Estrangement::default();
        let mut renumbered = Vec::new();
        let mut proven_absent = false;
        for (id, known) in &before.known {
            let another = is_another(*id, *known);
            if another {
                renumbered.push(*id);
            }
            if known.is_listed() {
                facts.known += 1;
                facts.gone += u64::from(another || is_absent(*id));
                // Only a list that holds something proves that something is not in it.
                proven_absent |= self
                    .requests
                    .get(id)
                    .is_some_and(|request| request.presence == Presence::Gone(Evidence::Deleted));
            }
        }
        facts.renumbered = renumbered.into_iter().collect();
        let others = proven_absent
            || self.listing.total > 0
            || delta.whole.as_ref().is_some_and(|whole| whole.total > 0);
        if facts.known >= GONE_AT_ONCE_MIN && facts.gone == facts.known && others {
            facts.extent = Extent::AllAtOnce;
        }
        if let (Some(numbers), Some(then), Some(highest)) =
            (&self.acquaintance.numbers, &before.numbers, before.highest)
        {
            facts.reused = numbers.up_to(highest).without(then);
        }
        facts
    }

    /// What can be refused of a whole list before anything has changed.
    pub(super) fn check_whole_list(&self, delta: &SnapshotDelta) -> Result<(), Reason> {
        let Some(whole) = &delta.whole else {
            return Ok(());
        };
        let nothing = NumberSet::default();
        let known = self.acquaintance.numbers.as_ref().unwrap_or(&nothing);
        let canonical = whole.appeared.is_canonical() && whole.vanished.is_canonical();
        let ascending = whole.renumbered.is_sorted_by(|a, b| a.id < b.id);
        let numbers = known.without(&whole.vanished).union(&whole.appeared);
        let new = whole.appeared.intersection(known).is_empty();
        let old = whole.vanished.without(known).is_empty();
        let known_here = |it: &Renumbered| numbers.contains(it.id);
        if canonical
            && ascending
            && new
            && old
            && numbers.len() == whole.total
            && whole.renumbered.iter().all(known_here)
        {
            Ok(())
        } else {
            Err(Reason::WholeListDiffers)
        }
    }

    /// What a whole list says that is not known.
    pub(super) fn whole_list_delta(&self, whole: &WholeList) -> WholeListDelta {
        let nothing = NumberSet::default();
        let known = self.acquaintance.numbers.as_ref().unwrap_or(&nothing);
        let numbers: NumberSet = whole.keys().copied().collect();
        // What was seen since the broker was last taken for itself counts, too: whoever says that it may
        // be another means what it shows now.
        let estranged = self.acquaintance.estranged.as_ref();
        let before = |id| estranged.and_then(|it| it.before.known.get(&id).copied());
        let renumbered = whole.iter().filter(|(id, published)| {
            let known = [before(**id), self.known(**id)];
            known
                .into_iter()
                .flatten()
                .any(|known| known.is_another(**published))
        });
        WholeListDelta {
            total: numbers.len(),
            appeared: numbers.without(known),
            vanished: known.without(&numbers),
            renumbered: renumbered
                .map(|(id, published)| Renumbered {
                    id: *id,
                    published: *published,
                })
                .collect(),
        }
    }
}
