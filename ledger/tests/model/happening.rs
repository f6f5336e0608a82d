//! What histories must contain somewhere, so that what they prove is about it, too.
//!
//! What always holds: told by what was recorded, and by nothing that the generator meant to do.

use std::collections::BTreeSet;

use courier_ledger::{BrokerChange, DropBoxChange, Event, Found, Missing};

use super::saved::Bound;
use super::world::World;

/// Something that happens in some histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    SameDropBox,
    AnotherDropBox,
    NothingLeft,
    SameBroker,
    BrokerWithdrawn,
    BrokerKept,
    /// A lost ledger's file was adopted, …
    Recovered,
    /// … one of them that the published `status.xml` did not know, …
    LaterFound,
    /// … and what is missing was fetched.
    Fetched,
    ClockBehind,
    /// A run met another courier's `status.xml`, before it had published anything itself, …
    CourierFirst,
    /// … and after that.
    CourierLater,
    /// An upload in doubt that had found its name free was known by what it left there.
    FoundFree,
    /// A run that was bound to a saved plan did exactly that, …
    PlanCarriedOut,
    /// … and another one nothing.
    PlanMoved,
}

impl Happening {
    pub(crate) const ALL: [Self; 15] = [
        Self::SameDropBox,
        Self::AnotherDropBox,
        Self::NothingLeft,
        Self::SameBroker,
        Self::BrokerWithdrawn,
        Self::BrokerKept,
        Self::Recovered,
        Self::LaterFound,
        Self::Fetched,
        Self::ClockBehind,
        Self::CourierFirst,
        Self::CourierLater,
        Self::FoundFree,
        Self::PlanCarriedOut,
        Self::PlanMoved,
    ];
}

impl World {
    /// What happened.
    pub(crate) fn happenings(&self) -> BTreeSet<Happening> {
        let mut happened = BTreeSet::new();
        let mut free = BTreeSet::new();
        for entry in &self.entries {
            match &entry.event {
                Event::PlanApproved {
                    broker, drop_box, ..
                } => {
                    happened.extend(drop_box.map(|it| match it {
                        DropBoxChange::Same => Happening::SameDropBox,
                        DropBoxChange::Another => Happening::AnotherDropBox,
                    }));
                    happened.extend(broker.map(|it| match it {
                        BrokerChange::Same => Happening::SameBroker,
                        BrokerChange::Withdraw => Happening::BrokerWithdrawn,
                        BrokerChange::Keep => Happening::BrokerKept,
                    }));
                }
                Event::LeftBehindGone { .. } => {
                    happened.insert(Happening::NothingLeft);
                }
                Event::LedgerRecovered { recovered, .. } => {
                    let (mut adopted, shown) = (recovered.adopted.iter(), &recovered.entries);
                    if adopted.len() > 0 {
                        happened.insert(Happening::Recovered);
                    }
                    if adopted.any(|it| shown.iter().all(|entry| entry.id != it.request)) {
                        happened.insert(Happening::LaterFound);
                    }
                    if recovered.missing == Missing::Fetched && recovered.missing().next().is_some()
                    {
                        happened.insert(Happening::Fetched);
                    }
                }
                Event::CommandStarted { found: Some(_), .. } => {
                    free.insert(entry.sequence);
                }
                Event::Uploaded { found, .. }
                | Event::PickedUp { found, .. }
                | Event::Deleted { found, .. } => {
                    if let Some(Found::Own(start)) = found
                        && free.contains(start)
                    {
                        happened.insert(Happening::FoundFree);
                    }
                }
                Event::ClockDiffers(_) => {
                    happened.insert(Happening::ClockBehind);
                }
                _ => {}
            }
        }
        for (met, what) in [
            (false, Happening::CourierFirst),
            (true, Happening::CourierLater),
        ] {
            happened.extend(self.met_courier.contains(&met).then_some(what));
        }
        happened.extend(self.met_kept.iter().map(|met| match met {
            Bound::CarriedOut => Happening::PlanCarriedOut,
            Bound::Moved => Happening::PlanMoved,
        }));
        happened
    }
}
