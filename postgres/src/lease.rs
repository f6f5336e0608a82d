//! For how long a runner surely holds the ledger.
//!
//! What always holds here: time is this machine's own, from before the database was last asked, and it goes
//! on while the machine sleeps; the clock of the day is never asked. Deliberately absent: asking the
//! database (`keeper`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::machine::Machine;

/// Of each lease, this part is not counted on: for clocks that do not go at one pace, and for a database
/// whose standby has another time than its primary.
const MARGIN: u32 = 6;

/// Who holds a ledger, as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Who; none where nobody does.
    pub holder: Option<String>,
    /// How often the ledger was taken.
    pub epoch: u64,
    /// How much longer, by the database's clock; zero when that is over.
    pub left: Duration,
}

/// Tells how much longer a lease surely lasts; whoever has a clone asks about the same one.
#[derive(Clone, Debug)]
pub struct Lasting {
    until: Arc<Mutex<Duration>>,
    lease: Duration,
    machine: Arc<dyn Machine>,
}

impl Lasting {
    /// Of a lease of this length that is not held yet.
    pub(crate) fn of(lease: Duration, machine: Arc<dyn Machine>) -> Self {
        Self {
            until: Arc::default(),
            lease,
            machine,
        }
    }

    /// How long one step may take that needs the lease: so long is always left while it can be renewed.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.lease / 3
    }

    /// How much longer; zero when it may have ended.
    #[must_use]
    pub fn left(&self) -> Duration {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.saturating_sub(self.machine.now())
    }

    /// It was asked for at `asked`, and granted.
    pub(crate) fn granted(&self, asked: Duration) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) =
            asked + self.lease - self.lease / MARGIN;
    }

    /// Another has it.
    pub(crate) fn lost(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::ThisMachine;

    #[test]
    fn a_lease_lasts_less_long_than_it_was_granted_for_and_not_after_it_was_lost() {
        let hour = Duration::from_secs(3600);
        let lasting = Lasting::of(hour, Arc::new(ThisMachine));
        assert_eq!(lasting.left(), Duration::ZERO);
        lasting.granted(ThisMachine.now());
        let left = lasting.left();
        assert!(left < hour && left > hour / 2, "{left:?}");
        // Just before it is renewed, one step still fits in.
        assert!(left > lasting.step() * 2);
        lasting.clone().lost();
        assert_eq!(lasting.left(), Duration::ZERO);
    }
}
