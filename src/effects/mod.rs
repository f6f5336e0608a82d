//! The effect handlers: everything that touches a network, a disk or a clock. They carry out what
//! `courier-ledger` decided and report what happened; they decide nothing.

pub mod broker;
pub mod carrier;
pub mod clock;
pub mod fernet;
mod new_file;
pub mod persistence;
pub mod secret_file;
pub mod sftp;
pub mod source;
pub mod spool;
pub mod status_file;
pub mod stop;
pub mod waker;
