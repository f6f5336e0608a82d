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

/// However long the lease, it is not counted on for longer than this after the database confirmed it: a person may take
/// the ledger from a holder that seems dead. The default lease is as long, less its margin.
const UNCONFIRMED: Duration = Duration::from_secs(25);

/// How often a lease is renewed: so that one attempt may fail, and no one need wait for the confirmation.
pub(crate) fn renewal(lease: Duration) -> Duration {
    (lease / 3).min(Duration::from_secs(10))
}

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

/// What is known of a lease.
#[derive(Clone, Copy, Debug, Default)]
enum Grant {
    /// It was not asked for.
    #[default]
    None,
    /// It was granted, having been asked for at this time.
    Asked(Duration),
    /// Another has it.
    Lost,
}

/// Tells how much longer a lease surely lasts; whoever has a clone asks about the same one.
#[derive(Clone, Debug)]
pub struct Lasting {
    grant: Arc<Mutex<Grant>>,
    lease: Duration,
    machine: Arc<dyn Machine>,
}

impl Lasting {
    /// Of a lease of this length that is not held yet.
    pub(crate) fn of(lease: Duration, machine: Arc<dyn Machine>) -> Self {
        Self {
            grant: Arc::default(),
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
        let now = self.machine.now();
        match self.grant() {
            Grant::Asked(asked) if now.saturating_sub(asked) < UNCONFIRMED => {
                (asked + self.lease - self.lease / MARGIN).saturating_sub(now)
            }
            Grant::None | Grant::Asked(_) | Grant::Lost => Duration::ZERO,
        }
    }

    /// Whether it is known that another has it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.grant(), Grant::Lost)
    }

    /// It was asked for at `asked`, and granted.
    pub(crate) fn granted(&self, asked: Duration) {
        self.set(Grant::Asked(asked));
    }

    /// Another has it.
    pub(crate) fn lost(&self) {
        self.set(Grant::Lost);
    }

    fn grant(&self) -> Grant {
        *self.grant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, grant: Grant) {
        *self.grant.lock().unwrap_or_else(PoisonError::into_inner) = grant;
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
        assert!(!lasting.is_lost());
        lasting.clone().lost();
        assert_eq!(lasting.left(), Duration::ZERO);
        assert!(lasting.is_lost());
    }

    #[test]
    fn a_long_lease_is_not_counted_on_when_it_was_not_confirmed_lately() {
        let hour = Duration::from_secs(3600);
        let lasting = Lasting::of(hour, Arc::new(ThisMachine));
        let now = ThisMachine.now();
        lasting.granted(now - UNCONFIRMED);
        assert_eq!(lasting.left(), Duration::ZERO);
        // One renewal may fail before that.
        lasting.granted(now - 2 * renewal(hour));
        assert!(lasting.left() > hour / 2);
        lasting.granted(ThisMachine.now());
        assert!(lasting.left() > hour / 2);
        let short = Duration::from_secs(9);
        assert_eq!(renewal(short), short / 3);
    }
}
