//! Why a client cannot be made: every variant is about the configuration, and a person must act.
//!
//! Deliberately absent: whatever happens in a call; that is recorded as a
//! [`Failure`](courier_ledger::Failure).

use std::io;
use std::path::PathBuf;

use super::predicate::TagError;

/// Why the settings make no client.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Neither `http` nor `https`, or without a host.
    #[error("BROKER.URL must begin with http:// or https:// and name a host")]
    Scheme,
    /// A user name or password in the address would be sent along with every call.
    #[error("BROKER.URL must not contain a user name or a password")]
    Credentials,
    /// The paths of the calls are put below the address, so nothing may follow its own path.
    #[error("BROKER.URL must end with its path: it has a query or a fragment")]
    Query,
    /// The key is empty, or an HTTP header cannot carry it.
    #[error(
        "BROKER.API_KEY is empty or holds a character that no HTTP header can carry (a newline?)"
    )]
    ApiKey,
    /// The tag cannot be asked for.
    #[error("REQUESTS.TAG cannot be used")]
    Tag(#[from] TagError),
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
