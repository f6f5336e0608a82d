//! The drop-box: an SFTP version 3 client (draft-ietf-secsh-filexfer-02) over one raw channel of an
//! SSH session, with many requests in flight over many files.
//!
//! What always holds: the host key is verified before a credential is sent; a file comes under its
//! final name only after every byte was acknowledged; whatever fails says what it may have left;
//! memory is bounded by the window; every wait has an end. Deliberately absent: policy. What is
//! uploaded, removed, retried or overwritten is decided elsewhere.
//!
//! From the wire up, and no arrow back: `wire` is the codec, `protocol` the protocol without I/O,
//! `connection` touches the network, `drop_box` is the door. `endpoint`, `host_key`, `known_hosts`,
//! `private_key` and `error` are the words for where a drop-box is and for why it cannot be reached.

mod connection;
mod drop_box;
mod endpoint;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod host_key;
mod known_hosts;
mod private_key;
mod protocol;
mod route;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use drop_box::{DropBox, Milestone, PresentedHostKey, probe};
pub(crate) use endpoint::{Credential, Endpoint, PrivateKeyFile, Timeouts, Window};
pub(crate) use error::ConnectError;
pub(crate) use host_key::{HostKeyFingerprint, HostKeys, Verdict};
pub(crate) use private_key::{PrivateKeyFault, recognised as private_key};
pub(crate) use protocol::opening::HEAD_BYTES as STATUS_HEAD_BYTES;
pub(crate) use protocol::operation::{Completed, Concern, Done, Listed, Operation, OperationError};
pub(crate) use protocol::outbox::Capabilities;
pub(crate) use protocol::recipe::{Placing, Recipe, Verification};
pub(crate) use route::{Destination, ProxyCommand, ProxyLogin, Route, SftpProxy};
pub(crate) use wire::attributes::Attributes;
pub(crate) use wire::names::{Entry, kept as kept_name};
pub(crate) use wire::reply::Room;
