//! Where the drop-box is and how to get in. Credentials are held in memory only, in types that print
//! nothing.

use std::time::Duration;

use secrecy::SecretString;

use super::host_key::HostKeys;
use super::protocol::recipe::Recipe;

/// A drop-box: a folder on a server, and everything needed to reach it.
#[derive(Debug)]
pub struct Endpoint {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub username: String,
    /// What proves it, tried in this order.
    pub credentials: Vec<Credential>,
    /// Which host keys are accepted.
    pub host_keys: HostKeys,
    /// The folder; relative to where the server puts a login, or absolute. Empty for that place.
    pub folder: String,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How much may be under way at once.
    pub window: Window,
    /// How files come under their final names.
    pub recipe: Recipe,
}

/// A proof of identity.
#[derive(Debug)]
pub enum Credential {
    /// A password; also answers a server that asks for it interactively.
    Password(SecretString),
    /// A private key.
    PrivateKey {
        /// The key itself, PEM or OpenSSH's format: ed25519, ECDSA or RSA.
        pem: SecretString,
        /// What it is encrypted with.
        passphrase: Option<SecretString>,
    },
    /// The keys of the running SSH agent.
    Agent,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the look-up of the name to the first usable answer, in all.
    pub connect: Duration,
    /// Without an answer, or room for more bytes, while something is asked.
    pub silence: Duration,
    /// One operation in all, the time in which its source has nothing not counted.
    pub operation: Duration,
}

/// How much may be under way at once. The server's own limits lower it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Files open at once.
    pub open_files: usize,
    /// Data sent and not acknowledged, in bytes.
    pub unacknowledged_bytes: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            open_files: 64,
            unacknowledged_bytes: 4 * 1024 * 1024,
        }
    }
}

/// `host:port`, as messages name it.
pub(crate) fn address(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
