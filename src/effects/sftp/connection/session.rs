//! From a name to a logged-in SSH session: look-up, connection, handshake, host key, login. The host
//! key is judged before any credential is touched, and everything ends at one deadline.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use courier_ledger::Quoted;
use libssh2_sys::{
    LIBSSH2_ERROR_ALGO_UNSUPPORTED, LIBSSH2_ERROR_BANNER_RECV, LIBSSH2_ERROR_EAGAIN,
    LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_METHOD_NONE, LIBSSH2_ERROR_PROTO,
    LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_RECV, LIBSSH2_ERROR_SOCKET_SEND,
    LIBSSH2_ERROR_TIMEOUT,
};
use ssh2::{ErrorCode, MethodType, Session};

use super::link::{wait, words};
use super::offer::unknown_here;
use super::reach::reach;
use super::socket::Socket;
use super::watchdog::Watchdog;
use crate::effects::sftp::endpoint::Timeouts;
use crate::effects::sftp::error::ConnectError;
use crate::effects::sftp::host_key::{AcceptedKeys, HostKeyFingerprint, Verdict};
use crate::effects::sftp::known_hosts::type_of;
use crate::effects::sftp::route::Destination;
use crate::effects::sftp::wire::status::printable;

/// The ciphers that cost least on hardware with AES instructions, first; the rest follows.
const FAST_CIPHERS: [&str; 2] = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];

/// The kinds of host keys that a server may have several of.
const KEY_FAMILIES: [&str; 3] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
    "rsa-sha2-512,rsa-sha2-256",
];

/// Why a call did not succeed.
pub(crate) enum Stopped {
    /// The deadline passed.
    TimedOut,
    /// libssh2 gave it up.
    Failed(ssh2::Error),
    /// Waiting itself failed.
    Wait(io::Error),
}

impl Stopped {
    /// The code of libssh2, if it is one.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Failed(error) => match error.code() {
                ErrorCode::Session(code) => Some(code),
                ErrorCode::SFTP(_) => None,
            },
            Self::TimedOut | Self::Wait(_) => None,
        }
    }

    /// Whether the connection is the trouble, not what was asked on it.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Wait(_))
            || matches!(
                self.code(),
                Some(
                    LIBSSH2_ERROR_SOCKET_DISCONNECT
                        | LIBSSH2_ERROR_SOCKET_RECV
                        | LIBSSH2_ERROR_SOCKET_SEND
                        | LIBSSH2_ERROR_TIMEOUT
                )
            )
    }

    /// In words that can be shown.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::TimedOut => "no answer in time".to_owned(),
            Self::Failed(error) => printable(error.message().as_bytes()),
            Self::Wait(error) => words(error),
        }
    }
}

/// A session whose host key was accepted, and that has not logged in.
pub(crate) struct Handshaken {
    pub(crate) session: Session,
    stream: Arc<Socket>,
    pub(crate) address: String,
    watchdog: Arc<Watchdog>,
    deadline: Instant,
    is_handed_on: bool,
    pub(crate) fingerprint: HostKeyFingerprint,
    pub(crate) algorithm: String,
}

impl Drop for Handshaken {
    fn drop(&mut self) {
        if !self.is_handed_on {
            self.stream.cut();
        }
    }
}

/// Calls until it is no longer "try again", or the deadline has passed.
pub(crate) fn drive<T>(
    stream: &Socket,
    session: &Session,
    deadline: Instant,
    mut call: impl FnMut() -> Result<T, ssh2::Error>,
) -> Result<T, Stopped> {
    loop {
        match call() {
            // The watchdog's cut is no doing of the server's.
            Err(_) if Instant::now() >= deadline => return Err(Stopped::TimedOut),
            Err(error) if error.code() == ErrorCode::Session(LIBSSH2_ERROR_EAGAIN) => {
                let left = deadline.saturating_duration_since(Instant::now());
                wait(stream, session, None, left).map_err(Stopped::Wait)?;
            }
            result => return result.map_err(Stopped::Failed),
        }
    }
}

/// Connects and shakes hands, and accepts a host key or ends there. A server with several keys is
/// asked for the one that is known.
pub(crate) fn handshake(
    to: Destination<'_>,
    accepted: &AcceptedKeys,
    timeouts: &Timeouts,
) -> Result<Handshaken, ConnectError> {
    let types = accepted.types();
    let first = attempt(to, (!types.is_empty()).then(|| types.join(",")), timeouts)?;
    let Err(refusal) = first.judged(accepted) else {
        return Ok(first);
    };
    if !matches!(
        (accepted, &refusal),
        (AcceptedKeys::Pinned(_), ConnectError::HostKeyChanged { .. })
    ) {
        return Err(refusal);
    }
    // A fingerprint does not say which of the server's keys it is of.
    for family in KEY_FAMILIES {
        let presented_already = family.split(',').any(|name| name == first.algorithm)
            || family.starts_with("rsa-") && first.algorithm == "ssh-rsa";
        if presented_already {
            continue;
        }
        if let Ok(next) = attempt(to, Some(family.to_owned()), timeouts)
            && next.judged(accepted).is_ok()
        {
            return Ok(next);
        }
    }
    Err(refusal)
}

impl Handshaken {
    fn judged(&self, accepted: &AcceptedKeys) -> Result<(), ConnectError> {
        let (address, algorithm) = (self.address.clone(), self.algorithm.clone());
        let fingerprint = self.fingerprint;
        let verdict = match self.session.host_key() {
            Some((key, _)) => accepted.judge(key),
            None => Verdict::Unknown,
        };
        match verdict {
            Verdict::Accepted => Ok(()),
            Verdict::Unknown => Err(ConnectError::HostKeyUnknown {
                address,
                looked_for: accepted.looked_for(),
                fingerprint,
                algorithm,
            }),
            Verdict::Changed => Err(ConnectError::HostKeyChanged {
                address,
                expected: accepted.expected(),
                fingerprint,
                algorithm,
            }),
            Verdict::Revoked => Err(ConnectError::HostKeyRevoked {
                address,
                fingerprint,
                algorithm,
            }),
        }
    }

    /// Lets others hold the socket, too, and decide about it from now on.
    pub(crate) fn hand_on(&mut self) -> (Arc<Socket>, Arc<Watchdog>) {
        self.is_handed_on = true;
        (Arc::clone(&self.stream), Arc::clone(&self.watchdog))
    }

    /// Begins what comes next, which has so much time.
    pub(crate) fn begin(&mut self, limit: Duration) {
        self.deadline = Instant::now() + limit;
        self.watchdog.allow_until(self.deadline);
    }

    /// When what is under way must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the time for what is under way has passed.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Calls until done or the deadline has passed.
    pub(crate) fn drive<T>(
        &self,
        call: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<T, Stopped> {
        drive(&self.stream, &self.session, self.deadline, call)
    }
}

fn attempt(
    to: Destination<'_>,
    key_types: Option<String>,
    timeouts: &Timeouts,
) -> Result<Handshaken, ConnectError> {
    let address = to.to_string();
    let stream = Arc::new(reach(to, timeouts.connect)?);
    let deadline = Instant::now() + timeouts.login;
    let local = |reason: String| ConnectError::Local {
        address: address.clone(),
        reason,
    };
    stream
        .set_nonblocking(true)
        .map_err(|error| local(words(&error)))?;
    // Small requests must not wait for each other; a peer that vanished is noticed some day.
    let _slower = stream.set_nodelay(true);
    let _unnoticed = rustix::net::sockopt::set_socket_keepalive(&*stream, true);
    let watchdog =
        Watchdog::over(Arc::clone(&stream), deadline).map_err(|error| local(words(&error)))?;
    let mut session = Session::new().map_err(|error| local(error.message().to_owned()))?;
    session.set_tcp_stream(Arc::clone(&stream));
    session.set_blocking(false);
    prefer(&session, MethodType::CryptCs, &FAST_CIPHERS.join(","));
    prefer(&session, MethodType::CryptSc, &FAST_CIPHERS.join(","));
    if let Some(types) = key_types {
        // A known RSA key is presented under other names today.
        prefer(
            &session,
            MethodType::HostKey,
            &types.replace("ssh-rsa", KEY_FAMILIES[2]),
        );
    }
    // The handle must be a second one: `drive` borrows the session while the call changes it.
    let mut handle = session.clone();
    if let Err(stopped) = drive(&stream, &session, deadline, || handle.handshake()) {
        stream.cut();
        return Err(if lacks_keys(&stopped) {
            without_keys(to, timeouts, &stopped)
        } else {
            handshake_error(address, &stopped, &stream.said())
        });
    }
    let key = session.host_key().map(|(key, _)| key.to_vec());
    let Some(key) = key else {
        stream.cut();
        return Err(ConnectError::Handshake {
            address,
            reason: "the server presents no host key".to_owned(),
        });
    };
    Ok(Handshaken {
        fingerprint: HostKeyFingerprint::of(&key),
        algorithm: type_of(&key).unwrap_or("of unknown type").to_owned(),
        session,
        stream,
        address,
        watchdog: Arc::new(watchdog),
        deadline,
        is_handed_on: false,
    })
}

/// Moves methods to the front. What libssh2 does not know stays out, and a failure leaves its own
/// order.
fn prefer(session: &Session, method: MethodType, first: &str) {
    let supported = session.supported_algs(method).unwrap_or_default();
    let mut order: Vec<&str> = first
        .split(',')
        .filter(|name| supported.contains(name))
        .collect();
    for name in supported {
        if !order.contains(&name) {
            order.push(name);
        }
    }
    let _kept = session.method_pref(method, &order.join(","));
}

fn lacks_keys(stopped: &Stopped) -> bool {
    matches!(
        stopped.code(),
        Some(
            LIBSSH2_ERROR_KEX_FAILURE | LIBSSH2_ERROR_METHOD_NONE | LIBSSH2_ERROR_ALGO_UNSUPPORTED
        )
    )
}

/// Why no keys were agreed on: libssh2 does not tell a server without a common algorithm from one that
/// breaks the handshake off, so the server is asked once more what it offers.
fn without_keys(to: Destination<'_>, timeouts: &Timeouts, stopped: &Stopped) -> ConnectError {
    let address = to.to_string();
    let offer = reach(to, timeouts.connect)
        .ok()
        .and_then(|stream| unknown_here(&stream, Instant::now() + timeouts.connect).ok());
    match offer {
        Some(Some(offered)) => ConnectError::NoCommonAlgorithm { address, offered },
        Some(None) => ConnectError::Handshake {
            address,
            reason: format!(
                "{}, although it offers algorithms that are known here; it ended the handshake early, \
                 or something between here and there changes it",
                stopped.words()
            ),
        },
        None => ConnectError::Handshake {
            address,
            reason: format!(
                "{}; it does not say which algorithms it offers",
                stopped.words()
            ),
        },
    }
}

/// `said` is what the command said that carries the connection, if one does.
fn handshake_error(address: String, stopped: &Stopped, said: &str) -> ConnectError {
    let reason = stopped.words();
    match stopped.code() {
        _ if !said.is_empty() => ConnectError::Unreachable {
            address,
            reason: format!("SFTP.PROXY_COMMAND says {}", Quoted(said)),
        },
        Some(LIBSSH2_ERROR_BANNER_RECV | LIBSSH2_ERROR_PROTO) => {
            ConnectError::NotSsh { address, reason }
        }
        Some(LIBSSH2_ERROR_SOCKET_DISCONNECT) => ConnectError::Unreachable {
            address,
            reason:
                "it was closed before the SSH handshake was done; is it an SSH server, and does \
                     it admit this machine?"
                    .to_owned(),
        },
        _ if stopped.is_connection() => ConnectError::Unreachable {
            address,
            reason: format!("{reason} (during the SSH handshake)"),
        },
        _ => ConnectError::Handshake { address, reason },
    }
}
