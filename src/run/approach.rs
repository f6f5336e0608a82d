//! What a run gathers before it writes its first byte: the broker's answer, the way to the drop-box, and
//! the judgement whether the ledger is the one that was published there.
//!
//! What always holds: nothing is recorded, nothing is changed, here or there. Deliberately absent: the
//! judgement itself (`courier_ledger::published_standing`), and that of the local `status.xml`, which
//! comes before anybody is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use courier_ledger::log::LogError;
use courier_ledger::{
    Digest, DropBoxAddress, Failure, LegacyStatus, PublishedSeen, Refused, RequestId, Sequence,
    State, StatusFound, Timestamp, published_standing,
};

use super::seams::{Clock, Departure, Polled, Poller};
use super::sparing::Sparing;

/// Everything that a run is to begin with.
pub struct Approach<C> {
    /// When it was begun, …
    pub(super) time: Timestamp,
    /// … and by the clock that never goes back.
    pub(super) began: Duration,
    /// What is to be taken over from the replaced program.
    pub(super) legacy: Option<LegacyStatus>,
    /// What the broker answered.
    pub(super) polled: Result<Polled, Failure>,
    /// The carrier, and how the published `status.xml` was found.
    pub(super) arrived: Arrived<C>,
}

/// What came of the way to the drop-box.
pub(super) enum Arrived<C> {
    /// It is reached, and `status.xml` was found so there.
    There(C, PublishedSeen),
    /// It is not, for this reason.
    Failed(Failure),
    /// Nobody went.
    Spared,
}

impl<C> Approach<C> {
    /// When it was begun: a log that begins with it begins then.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Which of these requests neither the broker shows nor the ledger knows; none where the broker gave no
    /// answer.
    #[must_use]
    pub fn unknown(&self, requests: &BTreeSet<RequestId>, state: &State) -> BTreeSet<RequestId> {
        let Ok(polled) = &self.polled else {
            return BTreeSet::new();
        };
        let imported = self.legacy.iter().flat_map(|it| &it.entries);
        let imported: BTreeSet<RequestId> = imported.map(|entry| entry.id).collect();
        let is_unknown = |id: &&RequestId| {
            !polled.snapshot.tells_of(**id)
                && state.request(**id).is_none()
                && !imported.contains(id)
        };
        requests.iter().filter(is_unknown).copied().collect()
    }
}

/// The log that a run is to go on with, as it is before.
pub struct Before<'a> {
    /// The state that it leads to.
    pub state: &'a State,
    /// The hash of one of its entries; none where it holds no such entry.
    pub hash_of: &'a dyn Fn(Sequence) -> Result<Option<Digest>, LogError>,
    /// The drop-box that is delivered to.
    pub drop_box: &'a DropBoxAddress,
}

/// Why a run does not begin. Nothing was recorded or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApproachError {
    /// The ledger is not the one that was published.
    #[error("the status.xml at the drop-box is not one of this ledger")]
    Refused(Refused),
    /// The log could not be read.
    #[error("the event log could not be read")]
    Log(#[from] LogError),
}

/// Polls the broker while the drop-box is connected to, and judges what was published there.
pub fn approach<D: Departure>(
    before: &Before<'_>,
    legacy: Option<LegacyStatus>,
    poller: &dyn Poller,
    departure: D,
    clock: &dyn Clock,
) -> Result<Approach<D::Carrier>, ApproachError> {
    approach_if_due(before, legacy, poller, departure, clock, None)
}

/// The same; where it may be spared, and nothing is to be done there, nobody goes to the drop-box.
pub fn approach_if_due<D: Departure>(
    before: &Before<'_>,
    legacy: Option<LegacyStatus>,
    poller: &dyn Poller,
    departure: D,
    clock: &dyn Clock,
    sparing: Option<&Sparing<'_>>,
) -> Result<Approach<D::Carrier>, ApproachError> {
    let (time, began) = (clock.now(), clock.elapsed());
    let expected = before.state.expected_by_next_run(legacy.as_ref());
    let polled = poller.poll(&expected, before.state);
    let spares = |sparing: &&Sparing<'_>| match &polled {
        Ok(polled) => legacy.is_none() && sparing.spares(before.state, polled, time),
        // Without the broker's answer nothing is done there.
        Err(_) => true,
    };
    let arrived = match sparing.filter(spares) {
        Some(_) => Arrived::Spared,
        None => match departure.arrive() {
            Ok((carrier, published)) => {
                Arrived::There(carrier, judge(before, &published, legacy.as_ref())?)
            }
            Err(failure) => Arrived::Failed(failure),
        },
    };
    Ok(Approach {
        time,
        began,
        legacy,
        polled,
        arrived,
    })
}

/// Holds what was published against the log.
pub(super) fn judge(
    before: &Before<'_>,
    published: &StatusFound,
    legacy: Option<&LegacyStatus>,
) -> Result<PublishedSeen, ApproachError> {
    let hash = match published.entry_in(before.state) {
        Some(entry) => (before.hash_of)(entry)?,
        None => None,
    };
    published_standing(published, before.drop_box, before.state, hash, legacy)
        .map_err(ApproachError::Refused)
}
