//! Where the drop-box is and how to get in. Credentials are held in memory only, in types that print
//! nothing.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use courier_ledger::TemporaryPattern;
use secrecy::SecretString;

use super::host_key::HostKeys;
use super::protocol::outbox::NARROW_PACKET_BYTES;
use super::protocol::recipe::Recipe;
use super::route::{Destination, Route};
use crate::effects::ledger_hold::LedgerHold;

/// A drop-box: a folder on a server, and everything needed to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is reached.
    pub route: Route,
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
    /// What they are called before.
    pub temporary: TemporaryPattern,
    /// Without which nothing is sent once somebody is logged in.
    pub hold: LedgerHold,
}

impl Endpoint {
    /// The server, and the way to it.
    pub(crate) fn destination(&self) -> Destination<'_> {
        Destination {
            host: &self.host,
            port: self.port,
            route: &self.route,
        }
    }

    /// The same, used only while the ledger is surely held: no answer is waited for longer than a step may take then.
    pub(crate) fn under(mut self, hold: LedgerHold) -> Self {
        self.timeouts.silence = hold.step(self.timeouts.silence);
        self.hold = hold;
        self
    }

    /// Offers a private key, too: before the password, which the server need not see then.
    pub(crate) fn offer(&mut self, pem: SecretString, passphrase: Option<SecretString>) {
        let is_password = |it: &Credential| matches!(it, Credential::Password(_));
        let before = self.credentials.iter().position(is_password);
        let place = before.unwrap_or(self.credentials.len());
        let key = Credential::PrivateKey { pem, passphrase };
        self.credentials.insert(place, key);
    }
}

impl fmt::Display for Endpoint {
    /// As `sftp` would be told: `user@host:22/folder`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.destination();
        let folder = self.folder.trim_start_matches('/');
        write!(f, "{}@{address}/{folder}", self.username)
    }
}

/// A private key that is still in its file.
#[derive(Clone, Debug)]
pub(crate) struct PrivateKeyFile {
    /// The file.
    pub path: PathBuf,
    /// What the key is encrypted with.
    pub passphrase: Option<SecretString>,
}

/// A proof of identity.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
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
pub(crate) struct Timeouts {
    /// From the look-up of the name to a connection, in all.
    pub connect: Duration,
    /// Each of these in all: the SSH handshake, the login, the opening of SFTP. Servers ask directories
    /// and name servers meanwhile.
    pub login: Duration,
    /// Without an answer, or room for more bytes, while something is asked.
    pub silence: Duration,
    /// One operation in all, the time in which its source has nothing not counted.
    pub operation: Duration,
}

/// How much may be under way at once. The server's own limits lower it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Files open at once.
    pub open_files: usize,
    /// Data sent and not acknowledged, in bytes.
    pub unacknowledged_bytes: usize,
    /// Data in one packet at most, in bytes.
    pub packet_bytes: usize,
}

/// Hides a round trip of a third of a second from a line of 100 Mbit/s.
const UNACKNOWLEDGED_BYTES: usize = 4 * 1024 * 1024;

impl Window {
    /// A window of so many open files.
    #[must_use]
    pub(crate) fn of(open_files: usize) -> Self {
        Self {
            open_files,
            unacknowledged_bytes: UNACKNOWLEDGED_BYTES,
            packet_bytes: usize::MAX,
        }
    }

    /// The same for a server that breaks under more: what every server must take, and little of it.
    #[must_use]
    pub(crate) fn narrowed(self) -> Self {
        Self {
            unacknowledged_bytes: self.unacknowledged_bytes.min(4 * NARROW_PACKET_BYTES),
            packet_bytes: self.packet_bytes.min(NARROW_PACKET_BYTES),
            ..self
        }
    }
}
