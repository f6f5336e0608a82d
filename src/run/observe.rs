//! What a run observes before it decides: the broker, then the drop-box. The dry run is the same code
//! over a log that is kept in memory and thrown away.
//!
//! What always holds here: what was seen is recorded before anything is made of it. Deliberately
//! absent: every decision.

use courier_ledger::log::{EventLog, Ledger};
use courier_ledger::{
    BrokerTime, ClockDifference, Digest, Event, Failure, LegacyStatus, NodeName, PORTION_WEIGHT,
    Partners, Policy, PublishedSeen, RemoteCheckRule, RemoteDelta, Timestamp, waits_instead_of,
};

use super::error::RecordError;
use super::report::NewHostKey;
use super::seams::{Clock, Lookout, Polled};

/// The version that is recorded with logs and runs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Takes over the ledger of the replaced program, if there is one and nothing else has happened.
pub(super) fn import(
    ledger: &mut Ledger<impl EventLog>,
    time: Timestamp,
    legacy: Option<LegacyStatus>,
) -> Result<(), RecordError> {
    match legacy {
        Some(LegacyStatus { sha256, entries }) => {
            let imported = Event::LegacyImported { sha256, entries };
            Ok(ledger.append(time, vec![imported])?)
        }
        None => Ok(()),
    }
}

/// Begins a run, which may be bound to a saved plan, and records how the published `status.xml` was found, if that
/// is not how it was found before; gives that back.
pub(super) fn begin(
    ledger: &mut Ledger<impl EventLog>,
    time: Timestamp,
    policy: &Policy,
    bound_to: Option<Digest>,
    every_minutes: Option<u32>,
    seen: Option<PublishedSeen>,
) -> Result<Option<PublishedSeen>, RecordError> {
    let seen = seen.filter(|seen| !seen.is_like(ledger.state().published_seen()));
    let mut events = vec![Event::RunStarted {
        version: VERSION.to_owned(),
        policy: policy.digest(),
        key: policy.key,
        instead_of: waits_instead_of(ledger.state(), policy),
        bound_to,
        every_minutes,
    }];
    let recorded = seen.clone().map(|seen| Event::PublishedLedgerSeen { seen });
    events.extend(recorded);
    ledger.append(time, events)?;
    Ok(seen)
}

/// Records what changed at the broker; gives how far its clock is from ours, where that is worth a word.
/// `Err` inside says why its answer could not be used; nothing may be decided then.
pub(super) fn polled(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    polled: Result<Polled, Failure>,
) -> Result<Result<Option<ClockDifference>, Failure>, RecordError> {
    match polled {
        Err(failure) => {
            ledger.append(
                clock.now(),
                vec![Event::PollFailed {
                    failure: failure.clone(),
                }],
            )?;
            Ok(Err(failure))
        }
        Ok(Polled {
            snapshot,
            broker_time,
            node_names,
        }) => {
            let difference = broker_time.and_then(BrokerTime::difference);
            let delta = snapshot.delta(ledger.state());
            let (portions, last) = delta.portioned(PORTION_WEIGHT);
            for portion in portions {
                // One at a time: each may be as large as an entry should be.
                ledger.append(clock.now(), vec![Event::PortionObserved(portion)])?;
            }
            let mut events = vec![Event::SnapshotObserved(last)];
            events.extend(difference.map(Event::ClockDiffers));
            let seen = node_names.unwrap_or_default();
            let nodes = NodeName::new_among(&seen, ledger.state().node_names());
            events.extend((!nodes.is_empty()).then_some(Event::NodesNamed { nodes }));
            ledger.append(clock.now(), events)?;
            Ok(Ok(difference))
        }
    }
}

/// Records whom the run deals with and by which rules, if that has changed; gives another host key than
/// the known one at the same drop-box. Without a `host_key` the drop-box was not reached.
pub(super) fn declare(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    policy: &Policy,
    partners: &Partners,
    host_key: Option<String>,
) -> Result<Option<NewHostKey>, RecordError> {
    let declared = ledger.state().declared();
    let before = declared.filter(|(it, _)| it.drop_box == partners.drop_box);
    let before = before.and_then(|(it, _)| it.host_key.clone());
    let now = Partners {
        host_key: host_key.or_else(|| before.clone()),
        ..partners.clone()
    };
    if declared == Some(&(now.clone(), *policy)) {
        return Ok(None);
    }
    let new_host_key = match (before, now.host_key.clone()) {
        (Some(known), Some(presented)) if known != presented => {
            Some(NewHostKey { known, presented })
        }
        (Some(_) | None, Some(_) | None) => None,
    };
    let declared = Event::PartnersDeclared {
        partners: Box::new(now),
        policy: *policy,
    };
    ledger.append(clock.now(), vec![declared])?;
    Ok(new_host_key)
}

/// Looks at what was delivered, if the policy says so, and records what changed there; gives back why
/// it could not be looked at. The run goes on without.
pub(super) fn look(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    policy: &Policy,
    lookout: &mut dyn Lookout,
) -> Result<Option<Failure>, RecordError> {
    // At another drop-box than the known one there is nothing to find.
    if policy.remote_check == RemoteCheckRule::Off || ledger.state().exchanges().drop_box.is_some()
    {
        return Ok(None);
    }
    let state = ledger.state();
    let names = state
        .stored_files()
        .filter_map(|(id, _)| Some(state.request(id)?.name(id)))
        .collect();
    match lookout.look(names) {
        Ok(look) => {
            let delta = RemoteDelta::between(ledger.state(), &look, policy.remote_check);
            ledger.append(clock.now(), vec![Event::RemoteObserved(delta)])?;
            Ok(None)
        }
        Err(failure) => {
            ledger.append(
                clock.now(),
                vec![Event::RemoteCheckFailed {
                    failure: failure.clone(),
                }],
            )?;
            Ok(Some(failure))
        }
    }
}
