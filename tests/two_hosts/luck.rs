//! What becomes of one statement between a client and the database.

use super::fault::Fault;
use super::simulation::World;

/// What becomes of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luck {
    Good,
    LostBefore,
    LostAfter,
    /// It arrives late.
    ArrivesLate,
    /// It waits for a lock.
    Waits,
    AnsweredLate,
    Refused,
}

/// What goes wrong at one statement, where a test says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It is executed and can be read, it is not replicated, and its answer is lost.
    ShownAndLost,
    /// It does not arrive: the standby becomes the primary.
    FailsOver,
}

impl World {
    /// Draws what becomes of the next statement.
    pub(crate) fn luck(&mut self) -> Luck {
        let (fault, luck) = match self.random.between(0, 1000) {
            0..12 => (Fault::LostConnections, Luck::LostBefore),
            12..28 => (Fault::LostConnections, Luck::LostAfter),
            28..34 => (Fault::LateStatements, Luck::ArrivesLate),
            34..48 => (Fault::LateStatements, Luck::Waits),
            48..50 => (Fault::LateStatements, Luck::AnsweredLate),
            50..60 => (Fault::Refusals, Luck::Refused),
            _ => return Luck::Good,
        };
        match self.faults.contains(&fault) {
            true => luck,
            false => Luck::Good,
        }
    }
}
