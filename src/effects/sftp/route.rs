//! How the SFTP server is reached: directly, through a proxy, or over a command of the operator's.
//!
//! What always holds here: a password is shown nowhere; the proxy, not this machine, looks the server's name up.
//! Deliberately absent: the environment, which says nothing of SSH, and proxies that speak TLS themselves.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use url::{Host, Url};

/// `host:port`, as messages name it.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// A server, and the way to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination<'a> {
    /// Its name or address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The way.
    pub route: &'a Route,
}

impl fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&address(self.host, self.port))
    }
}

/// How a server is reached.
#[derive(Clone, Debug, Default)]
pub(crate) enum Route {
    /// Directly.
    #[default]
    Direct,
    /// Through a proxy.
    Proxy {
        /// Which.
        proxy: SftpProxy,
        /// Who asks it, and with which password.
        login: Option<ProxyLogin>,
    },
    /// Over what a command carries.
    Command(ProxyCommand),
}

/// Who asks a proxy.
#[derive(Clone, Debug)]
pub(crate) struct ProxyLogin {
    /// The user at the proxy.
    pub username: String,
    /// Its password.
    pub password: SecretString,
}

/// What a proxy is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// HTTP's CONNECT (RFC 9110, section 9.3.6).
    Http,
    /// SOCKS version 5 (RFC 1928).
    Socks5,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SftpProxy {
    /// What it is asked in.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Why a text names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SftpProxyError {
    /// It is no address of one.
    #[error("must be the URL of a proxy: http://host:port or socks5://host:port")]
    Form,
    /// It holds a password.
    #[error(
        "must not hold user and password: they belong to PROXY_USERNAME and PROXY_PASSWORD_FILE"
    )]
    Credentials,
}

impl FromStr for SftpProxy {
    type Err = SftpProxyError;

    fn from_str(text: &str) -> Result<Self, SftpProxyError> {
        let url = Url::parse(text).map_err(|_| SftpProxyError::Form)?;
        let (kind, usual_port) = match url.scheme() {
            "http" => (ProxyKind::Http, Some(80)),
            // Those who know both mean by the second that the proxy looks names up, as it always does here.
            "socks5" | "socks5h" => (ProxyKind::Socks5, Some(1080)),
            _ => return Err(SftpProxyError::Form),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SftpProxyError::Credentials);
        }
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) if is_bare => host.to_string(),
            _ => return Err(SftpProxyError::Form),
        };
        let port = url.port().or(usual_port);
        match (host.is_empty(), port) {
            (false, Some(port)) => Ok(Self { kind, host, port }),
            _ => Err(SftpProxyError::Form),
        }
    }
}

impl fmt::Display for SftpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", address(&self.host, self.port))
    }
}

/// A command that carries a connection over its standard input and output, as OpenSSH's `ProxyCommand`
/// (ssh_config(5)): in it `%h` stands for the host, `%p` for the port, `%%` for a percent sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyCommand(String);

/// A text is no such command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyCommandError {
    /// There is nothing to start.
    #[error("must be a command of the shell")]
    Empty,
    /// A percent sign stands for nothing.
    #[error("holds a % that stands for nothing: %h is the host, %p the port, %% a percent sign")]
    Token,
}

impl FromStr for ProxyCommand {
    type Err = ProxyCommandError;

    fn from_str(text: &str) -> Result<Self, ProxyCommandError> {
        if text.trim().is_empty() {
            return Err(ProxyCommandError::Empty);
        }
        let command = Self(text.to_owned());
        let expanded = command.expanded("", 0);
        expanded.map(|_| command).ok_or(ProxyCommandError::Token)
    }
}

impl fmt::Display for ProxyCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ProxyCommand {
    /// The command for this server; none where a percent sign stands for nothing.
    fn expanded(&self, host: &str, port: u16) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.0.chars();
        while let Some(c) = rest.next() {
            match c {
                '%' => match rest.next()? {
                    'h' => text.push_str(host),
                    'p' => text.push_str(&port.to_string()),
                    '%' => text.push('%'),
                    _ => return None,
                },
                c => text.push(c),
            }
        }
        Some(text)
    }

    /// The command for this server.
    pub(crate) fn of(&self, host: &str, port: u16) -> String {
        // Parsing has seen every percent sign.
        self.expanded(host, port).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn a_proxy_is_an_address_without_a_password() {
        let shown = |text: &str| text.parse::<SftpProxy>().map(|proxy| proxy.to_string());
        for (text, means) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://proxy", "http://proxy:80"),
            ("socks5://proxy", "socks5://proxy:1080"),
            ("socks5h://[::1]:9050", "socks5://[::1]:9050"),
        ] {
            assert_eq!(shown(text), Ok(means.to_owned()), "{text}");
        }
        for text in [
            "",
            "proxy:3128",
            "https://proxy",
            "http://proxy/x",
            "socks4://proxy",
        ] {
            assert_eq!(shown(text), Err(SftpProxyError::Form), "{text}");
        }
        let with_password = shown("socks5://u:p@proxy");
        assert_eq!(with_password, Err(SftpProxyError::Credentials));
    }

    #[test]
    fn a_command_names_the_server_and_every_percent_sign_stands_for_something() {
        let command: ProxyCommand = "ssh -W %h:%p 50%% jump".parse().unwrap();
        assert_eq!(command.of("box", 22), "ssh -W box:22 50% jump");
        for (text, error) in [
            ("", ProxyCommandError::Empty),
            (" ", ProxyCommandError::Empty),
            ("ssh %r", ProxyCommandError::Token),
            ("ssh 50%", ProxyCommandError::Token),
        ] {
            assert_eq!(text.parse::<ProxyCommand>(), Err(error), "{text}");
        }
    }
}
