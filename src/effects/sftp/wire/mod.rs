//! The codec of SFTP version 3 (draft-ietf-secsh-filexfer-02): bytes from and to the few requests and
//! answers that a drop-box needs.
//!
//! What always holds: nothing here can open a socket, read a clock or start a thread, and no length
//! that a server sends is trusted (`tests/purity.rs`). Deliberately absent: what a request is for.

pub(super) mod attributes;
pub(super) mod error;
pub(super) mod names;
pub(super) mod packet;
pub(super) mod reply;
pub(super) mod request;
pub(super) mod status;
