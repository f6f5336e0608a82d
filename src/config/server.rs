//! Who the SFTP server is, and what is known of its host key: all that is needed to ask for the key. No
//! secret, no user, no folder.

use std::path::PathBuf;

use super::keys;
use super::reader::Reader;
use crate::effects::sftp::{HostKeyFingerprint, Timeouts};

/// A server, before anybody logs in.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// The host keys that the configuration accepts; none where it names none.
    pub pinned: Vec<HostKeyFingerprint>,
    /// The files in which OpenSSH keeps the host keys that it knows.
    pub known_hosts: Vec<PathBuf>,
}

/// None only when it is missing or malformed, which the reader noted.
pub(super) fn server(reader: &mut Reader<'_>) -> Option<Server> {
    let host = host(reader);
    let port = reader.number(&keys::PORT);
    let timeouts = timeouts(reader);
    let pinned = reader.host_keys(&keys::HOST_KEY);
    let named = reader.path(&keys::KNOWN_HOSTS);
    Some(Server {
        host: host?,
        port,
        timeouts,
        pinned,
        known_hosts: named.map_or_else(|| reader.known_hosts(), |path| vec![path]),
    })
}

pub(super) fn timeouts(reader: &mut Reader<'_>) -> Timeouts {
    let timeout = reader.seconds(&keys::SFTP_TIMEOUT);
    Timeouts {
        connect: timeout,
        login: reader.seconds(&keys::LOGIN_TIMEOUT),
        silence: timeout,
        operation: reader.seconds(&keys::UPLOAD_TIMEOUT),
    }
}

pub(super) fn host(reader: &mut Reader<'_>) -> Option<String> {
    let host = reader.required(&keys::HOST)?;
    // An IPv6 address has colons, and at least two of them.
    let has_port = host.matches(':').count() == 1;
    if has_port || host.contains(['/', '@', '[', ']']) || host.contains(char::is_whitespace) {
        let text = "takes a name or an address alone, without scheme, user, brackets or port \
                    (SFTP.PORT, SFTP.USERNAME)";
        reader.wrong(&keys::HOST, text);
        return None;
    }
    Some(host)
}
