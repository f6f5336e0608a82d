//! What the client must be told, as the configuration says it. Each value is valid by its type.
//!
//! Deliberately absent: defaults, which are the configuration's. Unless it says otherwise, the client
//! connects directly and does not read the environment, so that a run from cron and one from a shell
//! behave alike.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
use super::api_key::ApiKey;
use super::predicate::Tag;
use super::proxy::Proxy;

/// How to reach the broker, what to ask it for, and how long to wait.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The broker's base address.
    pub address: Address,
    /// The key of an administrator.
    pub api_key: ApiKey,
    /// The tag that a request must have.
    pub tag: Tag,
    /// A PEM file with certificate authorities, trusted beside those of the system.
    pub ca_bundle: Option<PathBuf>,
    /// How it is reached.
    pub proxy: Proxy,
    /// How many calls may be in flight during a poll.
    pub concurrency: NonZeroUsize,
    /// Limit for name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Limit for a list, from connecting to its last byte: the broker parses every definition.
    pub list_timeout: Duration,
    /// Limit for one status or one definition, from connecting to its last byte.
    pub status_timeout: Duration,
    /// Limit for the building of a bundle, which the broker finishes before it answers.
    pub export_timeout: Duration,
    /// Limit for a download as a whole, from connecting to its last byte.
    pub download_timeout: Duration,
    /// Limit for the wait for the next byte of a download.
    pub silence_timeout: Duration,
    /// Limit for the body of a list. One request takes about 250 bytes.
    pub max_answer_bytes: u64,
}
