//! The protocol without I/O: what is asked of the server, in which order, and what its answers mean.
//! Bytes and the time come in, bytes and outcomes go out, so that a scripted peer can drive it.
//!
//! What always holds: nothing here can open a socket, read a clock or start a thread
//! (`tests/purity.rs`), and nothing knows the connection that carries it. Deliberately absent:
//! policy; what is done, retried or overwritten is decided elsewhere.

mod answer;
mod excerpt;
mod listing;
mod look;
mod measurement;
pub(super) mod opening;
pub(super) mod operation;
pub(super) mod outbox;
pub(super) mod pipeline;
pub(super) mod recipe;
mod removal;
mod sighting;
mod upload;
mod withdrawal;
