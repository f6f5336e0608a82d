//! Whether this process is surely still the ledger's one runner: what is done to a drop-box without that could
//! undo what another one has done meanwhile.
//!
//! What always holds here: a ledger in files is held for as long as its process lives. Deliberately absent: being told
//! at once that it was taken over; that is learnt when it is to be renewed.

use std::time::Duration;

use courier_postgres::Lasting;

/// How the ledger is held.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerHold(Option<Lasting>);

impl LedgerHold {
    /// By a lease, which ends unless it is renewed.
    pub(crate) fn leased(lasting: Lasting) -> Self {
        Self(Some(lasting))
    }

    /// Whether it is surely held until a step that begins now and may take so long has ended.
    pub(crate) fn outlasts(&self, step: Duration) -> bool {
        self.0.as_ref().is_none_or(|lasting| lasting.left() > step)
    }

    /// Whether it is known that another holds it: whoever waits for a renewal waits in vain.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.as_ref().is_some_and(Lasting::is_lost)
    }

    /// The time that a step may take, if it would be so long otherwise.
    pub(crate) fn step(&self, otherwise: Duration) -> Duration {
        let most = self.0.as_ref().map(Lasting::step);
        most.map_or(otherwise, |most| otherwise.min(most))
    }
}
