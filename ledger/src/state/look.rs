//! What a look at the drop-box does to the state. A look changes no file's ownership and no line of
//! `status.xml`: the ledger says what was delivered, not what others did to it afterwards.

use super::illegal::Reason;
use super::request::{Remote, StoredFile};
use super::{Request, State};
use crate::drift::{Drifted, RemoteDelta};
use crate::id::RequestId;

impl State {
    pub(super) fn look(&mut self, delta: &RemoteDelta) -> Result<(), Reason> {
        if !self.run_under_way()?.polled {
            return Err(Reason::LookedBeforePoll);
        }
        let mut last = None;
        for Drifted { id, drift } in &delta.changed {
            if last.replace(*id).is_some_and(|last| last >= *id) {
                return Err(Reason::OutOfOrder(*id));
            }
            let file = self.stored_file_mut(*id)?;
            if file.drift.replace(*drift) == Some(*drift) {
                return Err(Reason::NothingNew(*id));
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
            if changed_too || self.stored_file_mut(*id)?.drift.take().is_none() {
                return Err(Reason::NothingNew(*id));
            }
        }
        let files = self.stored_files().count() as u64;
        let drifted = self
            .stored_files()
            .filter(|(_, file)| file.drift.is_some())
            .count() as u64;
        if (files, drifted) != (delta.total, delta.drifted) {
            return Err(Reason::LookDiffers);
        }
        self.run_under_way()?.looked = true;
        Ok(())
    }

    fn stored_file_mut(&mut self, id: RequestId) -> Result<&mut StoredFile, Reason> {
        match self.requests.get_mut(&id) {
            Some(Request {
                remote: Remote::Stored(file),
                ..
            }) => Ok(file),
            Some(_) | None => Err(Reason::NotDelivered(id)),
        }
    }
}
