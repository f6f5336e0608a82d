//! The ledger of broker-courier in PostgreSQL: the same entries, bytes and hashes as in its files, in a
//! table, and one row that says where the log ends, who its runner is and until when.
//!
//! What always holds here: an append is one transaction, which moves the tip from exactly the place that
//! the runner knew, under the runner's own epoch; whoever is late or was replaced changes nothing. A
//! statement has a deadline, and one whose answer was lost is looked after, never repeated blindly.
//! Nothing is acted on that was only read: a transaction of our own that found it there was acknowledged first,
//! for a replicated database may show what it can still lose. Plain SQL alone, in unnamed statements:
//! no advisory locks, no LISTEN, no sequences, nothing that a connection pool would take away.
//! Deliberately absent: what events mean.

mod address;
mod bytes;
mod error;
mod keeper;
mod lease;
mod machine;
mod place;
mod portions;
mod read;
mod schema;
mod session;
mod settings;
mod standby;
mod table;
mod tables;

pub use address::{Address, AddressError};
pub use error::{DatabaseError, Tampered};
pub use lease::{Holding, Lasting};
pub use machine::{Connecting, Machine, Running, Work};
pub use place::{Database, Vacant};
pub use read::{holding, length, read, read_from, read_state, read_state_and_hashes, verify};
pub use schema::{VERSION, migrate};
pub use session::Session;
pub use settings::{Certificate, Moved, Settings};
pub use standby::{StoodBy, stand_by, stood_by};
pub use table::Table;
