//! The part of a run that leads to its plan. The dry run is the same code over a log that is kept
//! in memory and thrown away.

use courier_ledger::{
    Event, Failure, LegacyStatus, Policy, RemoteCheckRule, RemoteDelta, RemoteName,
};

use super::record::{Record, RecordError};
use super::seams::{Lookout, Poller};

/// The version that is recorded with logs and runs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Takes over the ledger of the replaced program, if there is one and nothing else has happened.
pub(super) fn import(
    record: &mut Record<'_>,
    legacy: Option<LegacyStatus>,
) -> Result<(), RecordError> {
    match legacy {
        Some(LegacyStatus { sha256, entries }) => {
            record.append(vec![Event::LegacyImported { sha256, entries }])
        }
        None => Ok(()),
    }
}

/// Begins a run: polls the broker and records what changed. `Err` inside says why the broker's answer
/// could not be used; nothing may be decided then.
pub(super) fn begin(
    record: &mut Record<'_>,
    policy: &Policy,
    poller: &dyn Poller,
) -> Result<Result<(), Failure>, RecordError> {
    record.append(vec![Event::RunStarted {
        version: VERSION.to_owned(),
        policy: policy.digest(),
        key: policy.key,
    }])?;
    match poller.poll(record.state()) {
        Err(failure) => {
            record.append(vec![Event::PollFailed {
                failure: failure.clone(),
            }])?;
            Ok(Err(failure))
        }
        Ok(snapshot) => {
            let delta = snapshot.delta(record.state());
            record.append(vec![Event::SnapshotObserved(delta)])?;
            Ok(Ok(()))
        }
    }
}

/// Looks at what was delivered, if the policy says so, and records what changed there; gives back why
/// it could not be looked at. The run goes on without.
pub(super) fn look(
    record: &mut Record<'_>,
    policy: &Policy,
    lookout: &mut dyn Lookout,
) -> Result<Option<Failure>, RecordError> {
    if policy.remote_check == RemoteCheckRule::Off {
        return Ok(None);
    }
    let names = record
        .state()
        .stored_files()
        .map(|(id, _)| RemoteName::export(id))
        .collect();
    match lookout.look(names) {
        Ok(look) => {
            let delta = RemoteDelta::between(record.state(), &look);
            record.append(vec![Event::RemoteObserved(delta)])?;
            Ok(None)
        }
        Err(failure) => {
            record.append(vec![Event::RemoteCheckFailed {
                failure: failure.clone(),
            }])?;
            Ok(Some(failure))
        }
    }
}
