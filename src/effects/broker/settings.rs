//! What the client must be told. Typed once, at the edge; this file holds the defaults.
//!
//! Deliberately absent: `Debug`, because a URL may hold a password until [`super::Broker::new`]
//! has refused it; proxies, because the client connects directly and does not read the
//! environment, so that a run from cron and one from a shell behave alike.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use url::Url;

use crate::effects::persistence::Persistence;
use crate::effects::stop::Stop;

/// The longest run.
const A_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How to reach the broker, what to ask it for, and how long to wait.
#[derive(Clone)]
pub struct Settings {
    /// The broker's base address (`BROKER.URL`): `http` or `https`, with a path if it has one.
    pub url: Url,
    /// The key of an administrator (`BROKER.API_KEY`).
    pub api_key: SecretString,
    /// The tag that a request must have (`REQUESTS.TAG`).
    pub tag: String,
    /// A PEM file with certificate authorities, trusted beside those of the system
    /// (`REQUESTS_CA_BUNDLE`).
    pub ca_bundle: Option<PathBuf>,
    /// How many calls may be in flight during a poll (`BROKER.CONCURRENCY`).
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
    /// How often a call is repeated, and when the run ends.
    pub persistence: Persistence,
    /// Limit for the body of a list. One request takes about 250 bytes.
    pub max_answer_bytes: u64,
}

impl Settings {
    /// Everything else at its default.
    #[must_use]
    pub fn new(url: Url, api_key: SecretString, tag: String) -> Self {
        Self {
            url,
            api_key,
            tag,
            ca_bundle: None,
            concurrency: NonZeroUsize::MIN.saturating_add(15),
            connect_timeout: Duration::from_secs(10),
            list_timeout: Duration::from_secs(120),
            status_timeout: Duration::from_secs(30),
            export_timeout: Duration::from_secs(600),
            download_timeout: Duration::from_secs(3600),
            silence_timeout: Duration::from_secs(60),
            persistence: Persistence::new(0, 0, Stop::at(Instant::now() + A_WEEK)),
            max_answer_bytes: 32 << 20,
        }
    }
}
