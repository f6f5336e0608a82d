//! What a look at the drop-box does to the state. A look changes no file's ownership and no line of
//! `status.xml`: the ledger says what was delivered, not what others did to it afterwards.

use super::illegal::Reason;
use super::request::{Remote, StoredFile};
use super::{Request, State};
use crate::drift::{Drift, Drifted, Look, RemoteDelta, Seen};
use crate::id::RequestId;
use crate::policy::RemoteCheckRule;
use crate::time::Timestamp;

impl State {
    pub(super) fn look(&mut self, delta: &RemoteDelta, time: Timestamp) -> Result<(), Reason> {
        if !self.run_under_way()?.polled {
            return Err(Reason::LookedBeforePoll);
        }
        let mut last = None;
        let mut newly = 0;
        for Drifted { id, drift } in &delta.changed {
            if last.replace(*id).is_some_and(|last| last >= *id) {
                return Err(Reason::OutOfOrder(*id));
            }
            match self.stored_file(*id)?.drift {
                Some(known) if known == *drift => return Err(Reason::NothingNew(*id)),
                Some(_) => {}
                None => newly += 1,
            }
        }
        let mut last = None;
        for id in &delta.settled {
            if last.replace(*id).is_some_and(|last| last >= *id) {
                return Err(Reason::OutOfOrder(*id));
            }
            let changed_too = delta
                .changed
                .binary_search_by_key(id, |drifted| drifted.id)
                .is_ok();
            if changed_too || self.stored_file(*id)?.drift.is_none() {
                return Err(Reason::NothingNew(*id));
            }
        }
        let fetched = self.fetched(delta)?;
        let files = self.stored_files().count() as u64;
        let drifted = self
            .stored_files()
            .filter(|(_, file)| file.drift.is_some())
            .count() as u64;
        let no_longer = delta.settled.len() as u64 + fetched;
        if (files, drifted + newly) != (delta.total, delta.drifted + no_longer) {
            return Err(Reason::LookDiffers);
        }
        for Drifted { id, drift } in &delta.changed {
            self.set_drift(*id, Some(*drift));
        }
        for id in &delta.settled {
            self.set_drift(*id, None);
        }
        for id in delta.picked_up() {
            self.set_picked_up(*id, time);
        }
        let run = self.run_under_way()?;
        run.looked = true;
        run.newly_drifted = delta.changed.iter().map(|drifted| drifted.id).collect();
        Ok(())
    }

    /// How many of the files that were fetched had been known to have drifted.
    fn fetched(&self, delta: &RemoteDelta) -> Result<u64, Reason> {
        if delta.picked_up.as_ref().is_some_and(Vec::is_empty) {
            return Err(Reason::LookDiffers);
        }
        let mut last = None;
        let mut drifted = 0;
        for id in delta.picked_up() {
            if last.replace(*id).is_some_and(|last| last >= *id) {
                return Err(Reason::OutOfOrder(*id));
            }
            let is_changed = delta
                .changed
                .binary_search_by_key(id, |drifted| drifted.id)
                .is_ok();
            if is_changed || delta.settled.binary_search(id).is_ok() {
                return Err(Reason::NothingNew(*id));
            }
            drifted += u64::from(self.stored_file(*id)?.drift.is_some());
        }
        Ok(drifted)
    }

    fn set_picked_up(&mut self, id: RequestId, time: Timestamp) {
        if let Some(request) = self.requests.get_mut(&id)
            && let Remote::Stored(file) = &request.remote
        {
            request.remote = Remote::PickedUp(StoredFile {
                drift: None,
                missed: Some(time),
                ..file.clone()
            });
        }
    }

    fn stored_file(&self, id: RequestId) -> Result<&StoredFile, Reason> {
        match self.request(id) {
            Some(Request {
                remote: Remote::Stored(file),
                ..
            }) => Ok(file),
            Some(_) | None => Err(Reason::NotDelivered(id)),
        }
    }

    fn set_drift(&mut self, id: RequestId, drift: Option<Drift>) {
        if let Some(Request {
            remote: Remote::Stored(file),
            ..
        }) = self.requests.get_mut(&id).map(|request| &mut **request)
        {
            file.drift = drift;
        }
    }
}

impl RemoteDelta {
    /// What `look` says that `state` does not know, by this rule. A name that was not looked at says nothing.
    #[must_use]
    pub fn between(state: &State, look: &Look, rule: RemoteCheckRule) -> Self {
        let mut delta = Self::default();
        let mut picked_up = Vec::new();
        for (id, file) in state.stored_files() {
            let name = state.request(id).map(|request| request.name(id));
            let Some(seen) = name.and_then(|name| look.get(&name)) else {
                continue;
            };
            delta.total += 1;
            let drift = drift(file, *seen);
            if rule == RemoteCheckRule::Pickup && drift == Some(Drift::Missing) {
                picked_up.push(id);
                continue;
            }
            delta.drifted += u64::from(drift.is_some());
            match drift {
                Some(drift) if file.drift != Some(drift) => {
                    delta.changed.push(Drifted { id, drift });
                }
                None if file.drift.is_some() => delta.settled.push(id),
                Some(_) | None => {}
            }
        }
        delta.picked_up = (!picked_up.is_empty()).then_some(picked_up);
        delta
    }
}

fn drift(file: &StoredFile, seen: Seen) -> Option<Drift> {
    match (seen, file.receipt) {
        (Seen::Absent, _) => Some(Drift::Missing),
        (Seen::Present(Some(size_bytes)), Some(receipt)) => {
            (size_bytes != receipt.size_bytes).then_some(Drift::Resized { size_bytes })
        }
        (Seen::Present(_), _) => None,
    }
}

impl State {
    /// The results that stand at the drop-box, as far as was confirmed and nobody was seen to take
    /// them: what a look looks at.
    pub fn stored_files(&self) -> impl Iterator<Item = (RequestId, &StoredFile)> {
        self.requests()
            .filter_map(|(id, request)| match &request.remote {
                Remote::Stored(file) => Some((id, file)),
                Remote::Nothing
                | Remote::PickedUp(_)
                | Remote::Uncertain(_)
                | Remote::Deleted(_) => None,
            })
    }
}
