//! What a run of a host is made of, besides its ledger and its carrier.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use broker_courier::run::{Clock, Polled, Poller, StatusFile};
use courier_ledger::{Failure, FailureClass, Phase, RequestId, State, Timestamp};

use super::fault::Fault;
use super::machine::HostMachine;

/// A host's clocks, for a run.
pub(crate) struct HostClock(pub(crate) HostMachine);

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.simulation.clock_of_day(self.0.host))
    }

    fn elapsed(&self) -> Duration {
        self.0.simulation.own_clock(self.0.host)
    }
}

/// The broker, as a host reaches it.
pub(crate) struct Broker(pub(crate) HostMachine);

impl Poller for Broker {
    fn poll(&self, expected: &BTreeSet<RequestId>, _: &State) -> Result<Polled, Failure> {
        let (wait, fails) = {
            let mut world = self.0.simulation.world();
            let fails = world.goes_wrong(Fault::AwayPartners, 20);
            (world.random.millis(5, 500), fails)
        };
        self.0.sleep(wait);
        if fails {
            return Err(Failure {
                phase: Phase::List,
                class: FailureClass::Transient,
                text: "as the history wants it".to_owned(),
            });
        }
        Ok(Polled {
            snapshot: self.0.simulation.world().broker.snapshot(expected),
            broker_time: None,
            node_names: None,
        })
    }
}

/// No local `status.xml`.
pub(crate) struct NoFile;

impl StatusFile for NoFile {
    fn path(&self) -> &Path {
        Path::new("status.xml")
    }

    fn replace(&self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}
