//! The log in files: `ledger.log`, its head `ledger.head`, its state cache, and what recovery cut
//! off.
//!
//! What always holds here: a damaged file is never changed, except by the one row of the recovery
//! table that heals, and that keeps what it cut off. Formats (`frame`, `head`, `state_cache`, and the
//! header, which begins the chain) know nothing of their use; the bytes are reached only through
//! [`storage::Storage`]. Deliberately absent: what events mean, except that opening folds them
//! (`place`).

pub(crate) mod ahead;
pub(crate) mod error;
pub(crate) mod examine;
pub(crate) mod files;
pub(crate) mod frame;
pub(crate) mod frames;
pub(crate) mod head;
pub(crate) mod heal;
pub(crate) mod journal;
pub(crate) mod kept_state;
pub(crate) mod mark;
pub(crate) mod place;
pub(crate) mod read;
pub(crate) mod recovery;
pub(crate) mod redacted;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
pub(crate) mod state_cache;
pub(crate) mod storage;
pub(crate) mod tail;
pub(crate) mod walk;

#[cfg(test)]
mod tests;
