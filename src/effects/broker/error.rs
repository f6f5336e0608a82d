//! Why a client cannot be made: every variant is about the configuration, and a person must act.
//!
//! Deliberately absent: whatever happens in a call; that is recorded as a
//! [`Failure`](courier_ledger::Failure).

use std::io;
use std::path::PathBuf;

/// Why the settings make no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    /// The file with further certificate authorities cannot be read.
    #[error("REQUESTS_CA_BUNDLE: {} cannot be read", path.display())]
    ReadCaBundle {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("REQUESTS_CA_BUNDLE: {} holds no certificate in PEM form, or a malformed one", path.display())]
    MalformedCaBundle {
        /// The file.
        path: PathBuf,
    },
    /// The HTTP or TLS library could not be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// The runtime that calls are made on could not be set up.
    #[error("the HTTP client cannot be run")]
    Runtime(#[source] io::Error),
}
