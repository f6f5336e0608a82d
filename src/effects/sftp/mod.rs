//! The drop-box: an SFTP version 3 client (draft-ietf-secsh-filexfer-02) over one raw channel of an
//! SSH session, with many requests in flight over many files.
//!
//! What always holds: the host key is verified before a credential is sent; a file comes under its
//! final name only after every byte was acknowledged; whatever fails says what it may have left;
//! memory is bounded by the window; every wait has an end. Deliberately absent: policy. What is
//! uploaded, removed, retried or overwritten is decided elsewhere.
//!
//! From the wire up: `packet`, `request`, `reply`, `status` are the codec; `outbox`, `upload`,
//! `removal`, `glance`, `pipeline` are the protocol without I/O; `session`, `login`, `negotiation`, `link`,
//! `worker` touch the network; `drop_box` is the door.

mod drop_box;
mod endpoint;
mod error;
mod excerpt;
pub(crate) mod fuzzing;
mod glance;
mod host_key;
mod known_hosts;
mod link;
mod login;
mod negotiation;
mod operation;
mod outbox;
mod packet;
mod pipeline;
mod removal;
mod reply;
mod request;
#[cfg(test)]
mod scripted;
mod session;
mod status;
#[cfg(test)]
mod tests;
mod upload;
mod worker;

pub use drop_box::{DropBox, PresentedHostKey, ServerFacts, Waker, probe};
pub use endpoint::{Credential, Endpoint, Placing, Recipe, Timeouts, Verification, Window};
pub use error::{ConnectError, ProtocolError};
pub use host_key::{FingerprintError, HostKeyFingerprint, HostKeys};
pub use operation::{Completed, Done, Operation, OperationError};
