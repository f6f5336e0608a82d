//! The connection: a logged-in SSH session, one raw channel on it, and the thread that moves bytes
//! between that channel and the protocol. The only place that touches the network.
//!
//! What always holds: the host key is judged before a credential is sent; every wait has an end.
//! Deliberately absent: what the bytes mean.

pub(super) mod answers;
mod carrier_command;
mod limited;
pub(super) mod link;
pub(super) mod login;
pub(super) mod negotiation;
pub(super) mod offer;
mod reach;
pub(super) mod session;
pub(super) mod socket;
mod tunnel;
pub(super) mod watchdog;
pub(super) mod worker;
