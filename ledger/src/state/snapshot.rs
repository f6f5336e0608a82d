//! What a poll's snapshot does to the state: which requests came, went, changed or could not be read.
//! A snapshot that does not follow from the one before it is refused as a whole.

use super::illegal::Reason;
use super::request::{Identity, Presence, Remote, Request};
use super::{Listing, State};
use crate::digest::SnapshotDigest;
use crate::id::RequestId;
use crate::observation::{Fingerprint, Observation};
use crate::snapshot::{Gone, Snapshot, SnapshotDelta, Unreadable};
use crate::time::Timestamp;

impl State {
    pub(super) fn observe(&mut self, delta: &SnapshotDelta, time: Timestamp) -> Result<(), Reason> {
        self.run_under_way()?;
        // What the replaced program left is under the key that was in use all along.
        let key = self.keys.accepted;
        self.check_delta(delta)?;
        self.check_whole_list(delta)?;
        let before = self.before(delta);
        let fingerprints: Vec<_> = delta.changed.iter().map(Observation::fingerprint).collect();
        self.listing = self.listing_after(delta, &fingerprints)?;
        for gone in &delta.gone {
            if let Some(request) = self.requests.get_mut(&gone.id) {
                if !matches!(request.presence, Presence::Gone(_)) {
                    request.changed = Some(time);
                }
                request.presence = Presence::Gone(gone.evidence);
            }
        }
        for Unreadable { id, .. } in &delta.unreadable {
            self.listed_mut(*id, time);
        }
        for (observation, fingerprint) in delta.changed.iter().zip(fingerprints) {
            let request = self.listed_mut(observation.id, time);
            request.changed = Some(time);
            request.observed = Some((observation.clone(), fingerprint));
            if let Remote::Stored(file) | Remote::PickedUp(file) = &mut request.remote
                && file.fingerprint.is_none()
                && file.completion == observation.completion().hundredths()
            {
                file.fingerprint = Some(fingerprint);
                file.identity = Identity::Published(observation.published);
                file.key = file.key.or(key);
            }
        }
        self.acquaint(before, delta);
        for gone in &delta.gone {
            // An upload that is under way may yet put a file there.
            let request = self.requests.get(&gone.id);
            if request.is_some_and(|it| it.is_forgettable()) && !self.is_busy(gone.id) {
                self.requests.remove(&gone.id);
            }
        }
        self.run_under_way()?.polled = true;
        Ok(())
    }

    /// The request, listed from now on.
    fn listed_mut(&mut self, id: RequestId, time: Timestamp) -> &mut Request {
        let request = self
            .requests
            .entry(id)
            .or_insert_with(|| Box::new(Request::new(Presence::Listed)));
        if request.presence != Presence::Listed || request.changed.is_none() {
            request.changed = Some(time);
        }
        request.presence = Presence::Listed;
        request
    }

    /// The listing that a delta leads to, which must be the recorded whole.
    fn listing_after(
        &self,
        delta: &SnapshotDelta,
        fingerprints: &[Fingerprint],
    ) -> Result<Listing, Reason> {
        let (mut total, mut observed) = (self.listing.total, self.listing.observed);
        let mut never_read = self.listing.never_read.clone();
        let was = |id: &RequestId| {
            let request = self.requests.get(id);
            let known = request.and_then(|request| request.observed.as_ref());
            let is_listed = request.is_some_and(|request| request.presence == Presence::Listed);
            (known.map(|(_, fingerprint)| fingerprint.0), is_listed)
        };
        for gone in &delta.gone {
            let (known, was_listed) = was(&gone.id);
            if was_listed {
                total -= 1;
                never_read.remove(&gone.id);
                if let Some(known) = known {
                    observed.remove(known);
                }
            }
        }
        for Unreadable { id, .. } in &delta.unreadable {
            let (known, was_listed) = was(id);
            if !was_listed {
                total += 1;
                match known {
                    Some(known) => observed.add(known),
                    None => {
                        never_read.insert(*id);
                    }
                }
            }
        }
        for (observation, fingerprint) in delta.changed.iter().zip(fingerprints) {
            match was(&observation.id) {
                (Some(known), true) => observed.remove(known),
                (None, true) => {
                    never_read.remove(&observation.id);
                }
                (_, false) => total += 1,
            }
            observed.add(fingerprint.0);
        }
        let mut whole = observed;
        for Unreadable { id, .. } in &delta.unreadable {
            if let (Some(known), _) = was(id) {
                whole.remove(known);
            }
            whole.add(Unreadable::part(*id));
        }
        if total != delta.total || whole != delta.digest {
            return Err(Reason::SnapshotDiffers);
        }
        Ok(Listing {
            total,
            observed,
            never_read,
            unreadable: delta
                .unreadable
                .iter()
                .map(|unreadable| (unreadable.id, unreadable.failure.clone()))
                .collect(),
        })
    }

    /// What can be refused before anything has changed.
    fn check_delta(&self, delta: &SnapshotDelta) -> Result<(), Reason> {
        let ascending = |ids: &mut dyn Iterator<Item = RequestId>| {
            let mut last = None;
            for id in ids {
                if last.is_some_and(|last| last >= id) {
                    return Err(Reason::OutOfOrder(id));
                }
                last = Some(id);
            }
            Ok(())
        };
        ascending(&mut delta.changed.iter().map(|observation| observation.id))?;
        ascending(&mut delta.gone.iter().map(|gone| gone.id))?;
        ascending(&mut delta.unreadable.iter().map(|unreadable| unreadable.id))?;
        for observation in &delta.changed {
            if !observation.is_canonical() {
                return Err(Reason::NodesOutOfOrder(observation.id));
            }
        }
        let unreadable = |id: &RequestId| {
            delta
                .unreadable
                .binary_search_by_key(id, |unreadable| unreadable.id)
                .is_ok()
        };
        let gone = |id: &RequestId| delta.gone.binary_search_by_key(id, |gone| gone.id).is_ok();
        for observation in &delta.changed {
            if unreadable(&observation.id) || gone(&observation.id) {
                return Err(Reason::OutOfOrder(observation.id));
            }
        }
        for absent in &delta.gone {
            if unreadable(&absent.id) {
                return Err(Reason::OutOfOrder(absent.id));
            }
            match self
                .requests
                .get(&absent.id)
                .map(|request| request.presence)
            {
                Some(Presence::Imported | Presence::Listed) => {}
                Some(Presence::Gone(known)) if absent.evidence != known => {}
                Some(Presence::Gone(_)) | None => {
                    return Err(Reason::NotListedBefore(absent.id));
                }
            }
        }
        let read = |id: &RequestId| {
            delta
                .changed
                .binary_search_by_key(id, |observation| observation.id)
                .is_ok()
        };
        match self
            .listing
            .never_read
            .iter()
            .find(|id| !unreadable(id) && !gone(id) && !read(id))
        {
            Some(id) => Err(Reason::NeitherReadNorUnreadable(*id)),
            None => Ok(()),
        }
    }
}

impl Snapshot {
    /// Whether `state` has seen all of it: what differs is nothing.
    #[must_use]
    pub fn is_known_to(&self, state: &State) -> bool {
        let same_list = self.whole.as_ref().is_none_or(|whole| {
            let delta = state.whole_list_delta(whole);
            delta.appeared.is_empty() && delta.vanished.is_empty() && delta.renumbered.is_empty()
        });
        let mut shown = self.observations.iter();
        let mut gone = self.gone.iter();
        same_list
            && self.unreadable.is_empty()
            && shown.all(|(id, observation)| state.shows(*id, observation))
            && gone.all(|(&id, &evidence)| state.knows_gone(Gone { id, evidence }))
    }

    /// What differs from what `state` last saw.
    #[must_use]
    pub fn delta(self, state: &State) -> SnapshotDelta {
        let mut digest = SnapshotDigest::EMPTY;
        let mut changed = Vec::new();
        let total = (self.observations.len() + self.unreadable.len()) as u64;
        for (id, observation) in self.observations {
            let known = state.requests.get(&id).and_then(|it| it.observed.as_ref());
            let Fingerprint(part) = match known {
                // What is the same has the same; to make one of it takes longer than to compare.
                Some((known, fingerprint)) if *known == observation => *fingerprint,
                _ => observation.fingerprint(),
            };
            digest.add(part);
            if !state.shows(id, &observation) {
                changed.push(observation);
            }
        }
        for id in self.unreadable.keys() {
            digest.add(Unreadable::part(*id));
        }
        let gone = self
            .gone
            .into_iter()
            .map(|(id, evidence)| Gone { id, evidence });
        let gone = gone.filter(|gone| !state.knows_gone(*gone)).collect();
        let whole = self
            .whole
            .map(|whole| Box::new(state.whole_list_delta(&whole)));
        let unreadable = self
            .unreadable
            .into_iter()
            .map(|(id, failure)| Unreadable { id, failure })
            .collect();
        SnapshotDelta {
            total,
            digest,
            changed,
            gone,
            unreadable,
            whole,
        }
    }
}
