//! What histories must contain somewhere, so that what they prove is about it, too.
//!
//! What always holds: told by what was recorded, and by nothing that the generator meant to do.

use std::collections::BTreeSet;

use courier_ledger::{BrokerChange, DropBoxChange, Event};

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
}

impl Happening {
    pub(crate) const ALL: [Self; 6] = [
        Self::SameDropBox,
        Self::AnotherDropBox,
        Self::NothingLeft,
        Self::SameBroker,
        Self::BrokerWithdrawn,
        Self::BrokerKept,
    ];
}

impl World {
    /// What happened.
    pub(crate) fn happenings(&self) -> BTreeSet<Happening> {
        let mut happened = BTreeSet::new();
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
                _ => {}
            }
        }
        happened
    }
}
