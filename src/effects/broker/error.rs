//! Why a client cannot be made: every variant is about the configuration, and a person must act.
//!
//! Deliberately absent: whatever happens in a call; that is recorded as a
//! [`Failure`](courier_ledger::Failure).

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A certificate that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(super) file: PathBuf,
    /// The how manyth of its file, and the line that it begins in.
    pub(super) place: Option<(usize, usize)>,
    pub(super) why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.place {
            Some((number, line)) => {
                write!(
                    f,
                    "certificate {number} in {file} (line {line}) {}",
                    self.why
                )
            }
            None => write!(f, "{file} {}", self.why),
        }
    }
}

fn told(first: Option<&LeftOut>) -> String {
    first.map(|it| format!(" ({it})")).unwrap_or_default()
}

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
    /// It holds none that can be used.
    #[error(
        "REQUESTS_CA_BUNDLE: {} holds no certificate in PEM form that can be used{}",
        path.display(),
        told(first.as_ref())
    )]
    MalformedCaBundle {
        /// The file.
        path: PathBuf,
        /// The first one that cannot.
        first: Option<LeftOut>,
    },
    /// It is a folder, and holds none that can be used.
    #[error(
        "REQUESTS_CA_BUNDLE: the folder {path} holds no certificate that can be used under a name that \
         OpenSSL looks for, as 0a1b2c3d.0{}: `openssl rehash {path}` makes those names",
        told(first.as_ref()),
        path = path.display()
    )]
    NoHashedCertificate {
        /// The folder.
        path: PathBuf,
        /// The first one that cannot.
        first: Option<LeftOut>,
    },
    /// The HTTP or TLS library could not be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// The runtime that calls are made on could not be set up.
    #[error("the HTTP client cannot be run")]
    Runtime(#[source] io::Error),
}
