//! How the broker is reached: directly, which is what holds without a word, through the proxy that the
//! environment names, or through one that the configuration names.
//!
//! What always holds here: a password of the proxy's is shown nowhere; hosts of `NO_PROXY` are reached
//! directly. Deliberately absent: proxies for the drop-box.

use std::fmt;
use std::str::FromStr;

use reqwest::{ClientBuilder, NoProxy};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::effects::environment;

/// What `requests`, and so the replaced program, looks for.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// How the broker is reached.
#[derive(Clone, Debug, Default)]
pub(crate) enum Proxy {
    /// Directly.
    #[default]
    None,
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    OfEnvironment,
    /// Through this one.
    At {
        /// Its address.
        url: Url,
        /// Who asks it, and with which password.
        login: Option<(String, SecretString)>,
    },
}

/// Why a text names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyError {
    /// It is no address of one.
    #[error(
        "must be \"environment\", or the URL of a proxy: http://host:port or https://host:port"
    )]
    Scheme,
    /// It holds a password.
    #[error(
        "must not hold user and password: they belong to PROXY_USERNAME and PROXY_PASSWORD_FILE"
    )]
    Credentials,
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        if text == "environment" {
            return Ok(Self::OfEnvironment);
        }
        let url = Url::parse(text).map_err(|_| ProxyError::Scheme)?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_bare {
            return Err(ProxyError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ProxyError::Credentials);
        }
        Ok(Self::At { url, login: None })
    }
}

/// As the configuration has it, without who asks.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::OfEnvironment => f.write_str("environment"),
            Self::At { url, .. } => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

impl Proxy {
    /// The same, asked with a user's name and password.
    pub(crate) fn with_login(self, login: Option<(String, SecretString)>) -> Self {
        match self {
            Self::At { url, .. } => Self::At { url, login },
            other => other,
        }
    }

    /// Has a client reach everything so.
    pub(super) fn used_by(&self, client: ClientBuilder) -> reqwest::Result<ClientBuilder> {
        let Self::At { url, login } = self else {
            return Ok(match self {
                Self::OfEnvironment => client,
                Self::None | Self::At { .. } => client.no_proxy(),
            });
        };
        let mut proxy = reqwest::Proxy::all(url.as_str())?.no_proxy(NoProxy::from_env());
        if let Some((user, password)) = login {
            proxy = proxy.basic_auth(user, password.expose_secret());
        }
        Ok(client.no_proxy().proxy(proxy))
    }

    /// What is to be said when nobody is reached directly, though a proxy may have been meant.
    pub(super) fn passed_over(&self) -> Option<String> {
        let Self::None = self else { return None };
        let mut variables = VARIABLES.into_iter();
        let set = variables.find(|name| environment::value(name).is_some())?;
        Some(format!(
            "{set} is set and not used: BROKER.PROXY = \"environment\" obeys it"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_proxy_is_asked_with_the_password_for_what_is_behind_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            String::from_utf8(request).unwrap()
        });
        let login = ("u".to_owned(), SecretString::from("p"));
        let proxy: Proxy = proxy.parse().unwrap();
        let proxy = proxy.with_login(Some(login));
        assert!(!format!("{proxy:?}").contains("\"p\""));
        let client = proxy.used_by(reqwest::Client::builder()).unwrap();
        let client = client.build().unwrap();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let answer = runtime.block_on(client.get("http://broker.example/broker").send());
        assert_eq!(answer.unwrap().status(), 204);
        let asked = asked.join().unwrap().to_lowercase();
        assert!(
            asked.starts_with("get http://broker.example/broker http/1.1"),
            "{asked}"
        );
        assert!(asked.contains("proxy-authorization: basic dtpw"), "{asked}");
    }

    #[test]
    fn a_proxy_is_an_address_without_a_password() {
        let shown = |text: &str| text.parse::<Proxy>().map(|proxy| proxy.to_string());
        for text in ["environment", "http://proxy:3128", "https://proxy.example"] {
            assert_eq!(shown(text), Ok(text.to_owned()));
        }
        for text in [
            "",
            "proxy:3128",
            "socks5://proxy",
            "http://proxy/path",
            "Environment",
        ] {
            assert_eq!(shown(text), Err(ProxyError::Scheme), "{text}");
        }
        assert_eq!(shown("http://u:p@proxy"), Err(ProxyError::Credentials));
    }
}
