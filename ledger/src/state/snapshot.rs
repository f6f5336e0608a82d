//! What a poll's snapshot does to the state: which requests came, went, changed or could not be read.
//! A snapshot that does not follow from the one before it is refused as a whole.

use super::State;
use super::illegal::Reason;
use super::request::{Identity, Presence, Remote, Request};
use crate::id::RequestId;
use crate::snapshot::{SnapshotDelta, Unreadable};

impl State {
    pub(super) fn observe(&mut self, delta: &SnapshotDelta) -> Result<(), Reason> {
        self.run_under_way()?;
        self.check_delta(delta)?;
        let key = self.run.as_ref().map(|run| run.key);
        let mut replaced = Vec::new();
        for gone in &delta.gone {
            let Some(request) = self.requests.get_mut(&gone.id) else {
                continue;
            };
            let was = std::mem::replace(&mut request.presence, Presence::Gone(gone.evidence));
            if was == Presence::Listed {
                self.listing.total -= 1;
                self.listing.never_read.remove(&gone.id);
                if let Some((_, fingerprint)) = &request.observed {
                    self.listing.observed.remove(fingerprint.0);
                }
            }
            replaced.push(gone.id);
        }
        for Unreadable { id, .. } in &delta.unreadable {
            let request = self
                .requests
                .entry(*id)
                .or_insert_with(|| Request::new(Presence::Imported));
            if std::mem::replace(&mut request.presence, Presence::Listed) != Presence::Listed {
                self.listing.total += 1;
                match &request.observed {
                    Some((_, fingerprint)) => self.listing.observed.add(fingerprint.0),
                    None => {
                        self.listing.never_read.insert(*id);
                    }
                }
            }
        }
        for observation in &delta.changed {
            let fingerprint = observation.fingerprint();
            let request = self
                .requests
                .entry(observation.id)
                .or_insert_with(|| Request::new(Presence::Imported));
            let was = std::mem::replace(&mut request.presence, Presence::Listed);
            match (&request.observed, was) {
                (Some((_, old)), Presence::Listed) => self.listing.observed.remove(old.0),
                (None, Presence::Listed) => {
                    self.listing.never_read.remove(&observation.id);
                }
                (_, Presence::Imported | Presence::Gone(_)) => self.listing.total += 1,
            }
            self.listing.observed.add(fingerprint.0);
            request.observed = Some((observation.clone(), fingerprint));
            if let Remote::Stored(file) = &mut request.remote
                && file.fingerprint.is_none()
                && file.completion == observation.completion().hundredths()
            {
                file.fingerprint = Some(fingerprint);
                file.identity = Identity::Published(observation.published);
                file.key = key;
            }
        }
        self.listing.unreadable = delta
            .unreadable
            .iter()
            .map(|unreadable| (unreadable.id, unreadable.failure.clone()))
            .collect();
        for id in replaced {
            // An upload that is under way may yet put a file there.
            let is_forgettable = self.requests.get(&id).is_some_and(Request::is_forgettable);
            if is_forgettable && !self.is_busy(id) {
                self.requests.remove(&id);
            }
        }
        self.check_listing(delta)?;
        self.run_under_way()?.polled = true;
        Ok(())
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

    /// The delta must lead to the recorded whole.
    fn check_listing(&self, delta: &SnapshotDelta) -> Result<(), Reason> {
        let mut whole = self.listing.observed;
        for id in self.listing.unreadable.keys() {
            if let Some((_, fingerprint)) = self
                .requests
                .get(id)
                .and_then(|request| request.observed.as_ref())
            {
                whole.remove(fingerprint.0);
            }
            whole.add(Unreadable::part(*id));
        }
        if self.listing.total != delta.total || whole != delta.digest {
            return Err(Reason::SnapshotDiffers);
        }
        Ok(())
    }
}
