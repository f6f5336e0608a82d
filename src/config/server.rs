//! Who the SFTP server is, and what is known of its host key: all that is needed to ask for the key. No
//! secret, no user, no folder.

use std::path::PathBuf;

use secrecy::SecretString;

use super::keys::{self, Key};
use super::kind::{LocalPath, Secret, Text};
use super::reader::Reader;
use crate::effects::sftp::{Destination, HostKeyFingerprint, ProxyLogin, Route, Timeouts};

/// A server, before anybody logs in.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is reached.
    pub route: Route,
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
    let route = route(reader);
    let timeouts = timeouts(reader);
    let pinned = reader.several(&keys::HOST_KEY);
    let named = reader.path(&keys::KNOWN_HOSTS);
    Some(Server {
        host: host?,
        port,
        route,
        timeouts,
        pinned,
        known_hosts: named.map_or_else(|| reader.known_hosts(), |path| vec![path]),
    })
}

impl Server {
    /// The server, and the way to it.
    pub(crate) fn destination(&self) -> Destination<'_> {
        Destination {
            host: &self.host,
            port: self.port,
            route: &self.route,
        }
    }
}

/// How the server is reached, and who asks for that.
pub(super) fn route(reader: &mut Reader<'_>) -> Route {
    let proxy = reader.optional(&keys::SFTP_PROXY);
    let login = (
        &keys::SFTP_PROXY_USERNAME,
        &keys::SFTP_PROXY_PASSWORD,
        &keys::SFTP_PROXY_PASSWORD_FILE,
    );
    let login = proxy_login(reader, login, proxy.is_some());
    let command = reader.optional(&keys::PROXY_COMMAND);
    if proxy.is_some() && command.is_some() {
        let text = "and SFTP.PROXY are both given: keep one of them";
        reader.wrong(&keys::PROXY_COMMAND, text);
    }
    match (proxy, command) {
        (Some(proxy), _) => Route::Proxy {
            proxy,
            login: login.map(|(username, password)| ProxyLogin { username, password }),
        },
        (None, Some(command)) => Route::Command(command),
        (None, None) => Route::Direct,
    }
}

/// Who asks a proxy: both of name and password, or none, and only where the configuration names the proxy.
pub(super) fn proxy_login(
    reader: &mut Reader<'_>,
    (username, password, file): (&Key<Text<String>>, &Key<Secret>, &Key<LocalPath>),
    is_proxy_named: bool,
) -> Option<(String, SecretString)> {
    let name = reader.optional(username);
    let secret = reader.secret(password, file);
    if name.is_some() != secret.is_some() {
        let text =
            "and PROXY_PASSWORD (or PROXY_PASSWORD_FILE) belong together: give both, or none";
        reader.wrong(username, text);
    }
    if name.is_some() && !is_proxy_named {
        let table = username.name.table;
        let text = format!("belongs to a proxy that {table}.PROXY names by its URL");
        reader.wrong(username, &text);
    }
    name.zip(secret)
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
