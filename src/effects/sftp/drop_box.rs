//! The drop-box as the run loop sees it: connect, submit, hear what became of it. One thread per
//! drop-box owns the connection; nothing here blocks after connecting.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use courier_ledger::{Quoted, StatusFound};

use super::connection::link::{Link, words};
use super::connection::login::log_in;
use super::connection::negotiation::{NegotiationError, negotiate};
use super::connection::session::{Handshaken, Stopped, handshake};
use super::connection::watchdog::Watchdog;
use super::connection::worker::{Message, Worker};
use super::endpoint::{Endpoint, Timeouts};
use super::error::ConnectError;
use super::host_key::{AcceptedKeys, HostKeyFingerprint, HostKeys, Verdict};
use super::known_hosts::KnownHosts;
use super::protocol::opening::OpeningError;
use super::protocol::operation::{Completed, Operation};
use super::protocol::outbox::{Bounds, Capabilities};
use super::protocol::pipeline::Pipeline;
use super::route::Destination;
use crate::effects::waker::Waker;

/// The host key that a server presents: of several, the one that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PresentedHostKey {
    /// Its fingerprint.
    pub fingerprint: HostKeyFingerprint,
    /// Its type, as `known_hosts` names it: `ssh-ed25519`.
    pub algorithm: String,
    /// What the fingerprints say that are accepted; unknown where there are none.
    pub pinned: Verdict,
    /// What OpenSSH's files of known hosts say.
    pub known: Verdict,
}

/// Asks a server for its host key, and holds it against `pinned`, or, where that is empty, against the files
/// of known hosts. No credential is sent.
///
/// # Errors
/// The server cannot be reached in time, or speaks no SSH that is safe; or the known hosts would decide and
/// cannot be read.
pub(crate) fn probe(
    server: Destination<'_>,
    timeouts: &Timeouts,
    pinned: &[HostKeyFingerprint],
    known_hosts: &[PathBuf],
) -> Result<PresentedHostKey, ConnectError> {
    let known = known_keys(known_hosts, server);
    let known = match pinned {
        [] => Some(known?),
        // They decide nothing.
        [..] => known.ok(),
    };
    let decides = known.as_ref().filter(|_| pinned.is_empty());
    let pinned = AcceptedKeys::Pinned(pinned.to_vec());
    let accepted = decides.unwrap_or(&pinned);
    let (fingerprint, algorithm) = match handshake(server, accepted, timeouts) {
        Ok(connection) => (connection.fingerprint, connection.algorithm.clone()),
        Err(
            ConnectError::HostKeyUnknown {
                fingerprint,
                algorithm,
                ..
            }
            | ConnectError::HostKeyChanged {
                fingerprint,
                algorithm,
                ..
            }
            | ConnectError::HostKeyRevoked {
                fingerprint,
                algorithm,
                ..
            },
        ) => (fingerprint, algorithm),
        Err(error) => return Err(error),
    };
    Ok(PresentedHostKey {
        fingerprint,
        algorithm,
        pinned: pinned.judge_fingerprint(fingerprint),
        known: known.map_or(Verdict::Unknown, |it| it.judge_fingerprint(fingerprint)),
    })
}

/// A connected drop-box. Dropping it ends the connection; operations that have not ended by then
/// end with an error.
#[derive(Debug)]
pub(crate) struct DropBox {
    messages: Sender<Message>,
    waker: Waker,
    host_key: HostKeyFingerprint,
    open_files: usize,
    thread: Option<JoinHandle<()>>,
    capabilities: Capabilities,
    published: StatusFound,
}

/// What is reached on the way to a drop-box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Milestone {
    /// An SSH server, whose host key is accepted.
    HostKey(HostKeyFingerprint),
    /// It lets the user in.
    Login,
}

impl DropBox {
    /// Connects, verifies the host key, logs in, opens SFTP, looks for the folder, and starts the
    /// thread that does the work. Each of these has its own time. `waker` is what sources wake
    /// when they have more; no other drop-box may use it at the same time. `completed` is called on
    /// that thread, once for each submitted operation; it must not block.
    ///
    /// # Errors
    /// [`ConnectError`] says which of these did not work.
    pub(crate) fn connect(
        endpoint: &Endpoint,
        waker: Waker,
        completed: impl Fn(Completed) + Send + 'static,
    ) -> Result<Self, ConnectError> {
        Self::connect_in_steps(endpoint, waker, |_| (), completed)
    }

    /// The same, and tells what was reached on the way, but for the end.
    ///
    /// # Errors
    /// [`ConnectError`] says which of these did not work.
    pub(crate) fn connect_in_steps(
        endpoint: &Endpoint,
        waker: Waker,
        reached: impl Fn(Milestone),
        completed: impl Fn(Completed) + Send + 'static,
    ) -> Result<Self, ConnectError> {
        let accepted = accepted_keys(endpoint)?;
        let mut connection = handshake(endpoint.destination(), &accepted, &endpoint.timeouts)?;
        reached(Milestone::HostKey(connection.fingerprint));
        connection.begin(endpoint.timeouts.login);
        log_in(&connection, &endpoint.username, &endpoint.credentials)?;
        reached(Milestone::Login);
        connection.begin(endpoint.timeouts.login);
        let (mut link, watchdog) = open_channel(&mut connection)?;
        let negotiated = negotiate(&mut link, &endpoint.folder, connection.deadline())
            .map_err(|error| negotiation_error(&connection, &endpoint.folder, error))?;

        let local = |error: std::io::Error| ConnectError::Local {
            address: connection.address.clone(),
            reason: words(&error),
        };
        let (messages, inbox) = channel();
        let bounds = Bounds {
            open_files: negotiated.open_files(&endpoint.window),
            unacknowledged_bytes: endpoint.window.unacknowledged_bytes.max(1),
            write_bytes: negotiated.write_bytes().min(endpoint.window.packet_bytes),
            read_bytes: negotiated.read_bytes().min(endpoint.window.packet_bytes),
            operation: endpoint.timeouts.operation,
            cleanup: endpoint.timeouts.silence,
        };
        let worker = Worker {
            link,
            watchdog,
            pipeline: Pipeline::new(
                endpoint.folder.clone(),
                endpoint.recipe,
                bounds,
                negotiated.capabilities(),
            )
            .behind(negotiated.unawaited),
            messages: inbox,
            waker: waker.clone(),
            silence: endpoint.timeouts.silence,
            hold: endpoint.hold.clone(),
            address: connection.address.clone(),
            completed: Box::new(completed),
        };
        let thread = std::thread::Builder::new()
            .name("sftp".to_owned())
            .spawn(move || worker.run())
            .map_err(local)?;
        Ok(Self {
            messages,
            waker,
            host_key: connection.fingerprint,
            open_files: bounds.open_files,
            thread: Some(thread),
            capabilities: negotiated.capabilities(),
            published: negotiated.status,
        })
    }

    /// The fingerprint of the host key that the server has shown.
    pub(crate) fn host_key(&self) -> HostKeyFingerprint {
        self.host_key
    }

    /// What stood in place of `status.xml` when it was connected to.
    pub(crate) fn published(&self) -> &StatusFound {
        &self.published
    }

    /// What the server announced that it can do besides the protocol.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Files that may be open at the server at once.
    pub(crate) fn open_files(&self) -> usize {
        self.open_files
    }

    /// Hands an operation in. Its end comes to `completed` with the same ticket, also when the
    /// connection is gone; until then no other may be handed in with it.
    pub(crate) fn submit(&self, ticket: u64, operation: Operation) {
        // The thread listens until this drop-box is dropped.
        let _unheard = self.messages.send(Message::Submit(ticket, operation));
        self.waker.wake();
    }
}

impl Drop for DropBox {
    fn drop(&mut self) {
        let _unheard = self.messages.send(Message::Stop);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported there.
            let _ended = thread.join();
        }
    }
}

fn accepted_keys(endpoint: &Endpoint) -> Result<AcceptedKeys, ConnectError> {
    match &endpoint.host_keys {
        HostKeys::Pinned(pins) => Ok(AcceptedKeys::Pinned(pins.clone())),
        HostKeys::KnownHosts(paths) => known_keys(paths, endpoint.destination()),
    }
}

/// The keys that these files name for the host.
fn known_keys(paths: &[PathBuf], server: Destination<'_>) -> Result<AcceptedKeys, ConnectError> {
    let mut known = KnownHosts::default();
    let mut looked_at = Vec::new();
    for path in paths {
        let shown = path.display();
        match std::fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                known.learn(&text, server.host, server.port);
                looked_at.push(shown.to_string());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                looked_at.push(format!("{shown} (does not exist)"));
            }
            Err(error) => {
                return Err(ConnectError::KnownHostsUnreadable {
                    path: path.clone(),
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(AcceptedKeys::Known { known, looked_at })
}

fn open_channel(connection: &mut Handshaken) -> Result<(Link, Arc<Watchdog>), ConnectError> {
    let refused = |stopped: Stopped| {
        let address = connection.address.clone();
        let reason = stopped.words();
        if stopped.is_connection() {
            ConnectError::Unreachable {
                address,
                reason: format!("{reason} (opening SFTP)"),
            }
        } else {
            ConnectError::SubsystemRefused { address, reason }
        }
    };
    let session = &connection.session;
    let mut channel = connection
        .drive(|| session.channel_session())
        .map_err(refused)?;
    connection
        .drive(|| channel.subsystem("sftp"))
        .map_err(refused)?;
    let session = session.clone();
    let (stream, watchdog) = connection.hand_on();
    Ok((Link::new(channel, session, stream), watchdog))
}

fn negotiation_error(
    connection: &Handshaken,
    folder: &str,
    error: NegotiationError,
) -> ConnectError {
    let address = connection.address.clone();
    match error {
        NegotiationError::NoSftp(said) if said.is_empty() => ConnectError::SubsystemRefused {
            address,
            reason: "it ended the session without a word; is the account allowed to use SFTP, and \
                     is its password still valid?"
                .to_owned(),
        },
        NegotiationError::NoSftp(said) => ConnectError::SubsystemRefused {
            address,
            reason: format!("it says {} instead", Quoted(&said)),
        },
        // The watchdog's cut is no doing of the server's.
        NegotiationError::Link(error) if !connection.is_over() => ConnectError::Unreachable {
            address,
            reason: format!("{error} (opening SFTP)"),
        },
        NegotiationError::Link(_) | NegotiationError::TimedOut => ConnectError::Unreachable {
            address,
            reason: "no answer in time (opening SFTP)".to_owned(),
        },
        NegotiationError::Opening(OpeningError::Protocol(source)) => {
            ConnectError::Protocol { address, source }
        }
        NegotiationError::Opening(OpeningError::FolderMissing) => ConnectError::FolderMissing {
            address,
            folder: folder.to_owned(),
        },
        NegotiationError::Opening(OpeningError::NoFolder) => ConnectError::NoFolder {
            address,
            folder: folder.to_owned(),
        },
    }
}
