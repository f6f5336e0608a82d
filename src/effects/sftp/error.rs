//! What can go wrong before the drop-box is usable, and what a server can send that is no SFTP.
//! Messages name `host:port` and the remedy; no credential ever enters one, and texts of the server
//! are cleaned first.

use std::path::PathBuf;

use courier_ledger::{Failure, FailureClass, Phase, Quoted};
use thiserror::Error;

use super::host_key::HostKeyFingerprint;
use super::wire::error::ProtocolError;

/// Why there is no connection to the drop-box.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// The name does not resolve, nobody listens, the connection ended, or time ran out.
    #[error("no connection to {address}: {reason}")]
    Unreachable {
        /// `host:port`.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// The proxy on the way gives no connection, and a person has to see to it.
    #[error("no connection to {address}: the proxy {proxy} (SFTP.PROXY) refuses: {reason}")]
    ProxyRefused {
        /// `host:port`.
        address: String,
        /// Its address.
        proxy: String,
        /// Why, in words.
        reason: String,
    },
    /// Something answers there, and it does not speak SSH.
    #[error("{address} does not speak SSH ({reason}): check host and port")]
    NotSsh {
        /// `host:port`.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// Nothing of what the server offers is known here.
    #[error(
        "no encryption keys can be agreed on with {address}: nothing that it offers is accepted here \
         ({offered}); servers of today offer more, so this one has to be updated"
    )]
    NoCommonAlgorithm {
        /// `host:port`.
        address: String,
        /// What it offers for which purpose, cleaned.
        offered: String,
    },
    /// The SSH handshake failed in another way.
    #[error("the SSH handshake with {address} failed: {reason}")]
    Handshake {
        /// `host:port`.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// The file of known hosts cannot be read.
    #[error("the known hosts in {} cannot be read: {reason}", path.display())]
    KnownHostsUnreadable {
        /// The file.
        path: PathBuf,
        /// Why, in words.
        reason: String,
    },
    /// Nothing is known of the server's host key. No credential was sent.
    #[error(
        "the host key of {address} is unknown{looked_for}: {algorithm} {fingerprint}; compare it with \
         what the server's operator says, then accept it in the configuration (SFTP.HOST_KEY)"
    )]
    HostKeyUnknown {
        /// `host:port`.
        address: String,
        /// Where it was looked for, for the middle of a sentence.
        looked_for: String,
        /// Of the key that was presented.
        fingerprint: HostKeyFingerprint,
        /// Its algorithm.
        algorithm: String,
    },
    /// The server presents another host key than the one that is known. No credential was sent.
    #[error(
        "the host key of {address} is not the one that was accepted: it presents {algorithm} \
         {fingerprint}{expected}; somebody may be intercepting the connection, or the server was renewed: ask \
         its operator before accepting this key"
    )]
    HostKeyChanged {
        /// `host:port`.
        address: String,
        /// Which one was expected, for the middle of a sentence; empty where that is not known.
        expected: String,
        /// Of the key that was presented.
        fingerprint: HostKeyFingerprint,
        /// Its algorithm.
        algorithm: String,
    },
    /// The server presents a key that the known hosts mark as revoked. No credential was sent.
    #[error("the host key of {address} is revoked: {algorithm} {fingerprint}; ask its operator")]
    HostKeyRevoked {
        /// `host:port`.
        address: String,
        /// Of the key that was presented.
        fingerprint: HostKeyFingerprint,
        /// Its algorithm.
        algorithm: String,
    },
    /// The private key cannot be used at all.
    #[error(
        "the private key for {address} cannot be used: wrong passphrase or unsupported format (PEM \
         or OpenSSH; ed25519, ECDSA or RSA)"
    )]
    KeyUnusable {
        /// `host:port`.
        address: String,
    },
    /// The agent cannot be used.
    #[error("the SSH agent cannot be used: {reason}")]
    AgentUnusable {
        /// Why, in words.
        reason: String,
    },
    /// The connection ended after a credential was shown, without an answer: that is how servers refuse
    /// who may not try again.
    #[error(
        "{address} ended the login of user {} after the {tried} was sent ({reason}): it \
         counts as refused and is not tried again, as servers lock out who does; check \
         SFTP.USERNAME, SFTP.PASSWORD or PASSWORD_FILE, and SFTP.KEY_FILE, or whether \
         SFTP.LOGIN_TIMEOUT is too short for that server",
        Quoted(username)
    )]
    LoginCutOff {
        /// `host:port`.
        address: String,
        /// Who tried.
        username: String,
        /// What was tried, in words.
        tried: &'static str,
        /// Why, in words.
        reason: String,
    },
    /// The password is the right one, and must be replaced by a person.
    #[error(
        "the password of user {} at {address} has expired{said}: have it renewed, then \
         change it in the configuration",
        Quoted(username)
    )]
    PasswordExpired {
        /// `host:port`.
        address: String,
        /// Whose it is.
        username: String,
        /// What the server says, for the middle of a sentence.
        said: String,
    },
    /// The server accepts none of the credentials.
    #[error(
        "{address} refuses the login of user {}: {tried}{said}; the server accepts: \
         {offered}; check SFTP.USERNAME, SFTP.PASSWORD or PASSWORD_FILE, and SFTP.KEY_FILE",
        Quoted(username)
    )]
    AuthenticationRefused {
        /// `host:port`.
        address: String,
        /// Who tried.
        username: String,
        /// What was tried, in words.
        tried: String,
        /// What the server says, for the middle of a sentence.
        said: String,
        /// The methods that the server offers.
        offered: String,
    },
    /// The login worked, and there is no SFTP behind it.
    #[error("{address} accepts the login and offers no SFTP: {reason}")]
    SubsystemRefused {
        /// `host:port`.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// The folder is not there.
    #[error(
        "the folder {} at {address} does not exist: create it, or correct its name",
        Quoted(folder)
    )]
    FolderMissing {
        /// `host:port`.
        address: String,
        /// The folder.
        folder: String,
    },
    /// Something else stands under the folder's name.
    #[error("{} at {address} is not a folder", Quoted(folder))]
    NoFolder {
        /// `host:port`.
        address: String,
        /// The folder.
        folder: String,
    },
    /// The server does not keep to SFTP version 3.
    #[error("{address} does not keep to SFTP: {source}")]
    Protocol {
        /// `host:port`.
        address: String,
        /// What it sent.
        source: ProtocolError,
    },
    /// This machine lacks something.
    #[error("the connection to {address} cannot be prepared on this machine: {reason}")]
    Local {
        /// `host:port`.
        address: String,
        /// Why, in words.
        reason: String,
    },
}

impl ConnectError {
    /// Where it happened, in the words of the log.
    #[must_use]
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Self::KnownHostsUnreadable { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::HostKeyRevoked { .. } => Phase::HostKey,
            Self::KeyUnusable { .. }
            | Self::AgentUnusable { .. }
            | Self::LoginCutOff { .. }
            | Self::PasswordExpired { .. }
            | Self::AuthenticationRefused { .. } => Phase::Authenticate,
            Self::Unreachable { .. }
            | Self::ProxyRefused { .. }
            | Self::NotSsh { .. }
            | Self::NoCommonAlgorithm { .. }
            | Self::Handshake { .. }
            | Self::SubsystemRefused { .. }
            | Self::FolderMissing { .. }
            | Self::NoFolder { .. }
            | Self::Protocol { .. }
            | Self::Local { .. } => Phase::Connect,
        }
    }

    /// What it asks for. Only what may go away by itself is worth another attempt; a refused login
    /// is not, as servers lock out who tries again.
    #[must_use]
    pub(crate) fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable { .. } | Self::Handshake { .. } | Self::Local { .. } => {
                FailureClass::Transient
            }
            Self::Protocol { .. } => FailureClass::Permanent,
            Self::ProxyRefused { .. }
            | Self::NotSsh { .. }
            | Self::NoCommonAlgorithm { .. }
            | Self::KnownHostsUnreadable { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::HostKeyRevoked { .. }
            | Self::KeyUnusable { .. }
            | Self::AgentUnusable { .. }
            | Self::LoginCutOff { .. }
            | Self::PasswordExpired { .. }
            | Self::AuthenticationRefused { .. }
            | Self::SubsystemRefused { .. }
            | Self::FolderMissing { .. }
            | Self::NoFolder { .. } => FailureClass::NeedsPerson,
        }
    }

    /// The error as it is recorded.
    #[must_use]
    pub(crate) fn failure(&self) -> Failure {
        Failure {
            phase: self.phase(),
            class: self.class(),
            text: self.to_string(),
        }
    }
}
