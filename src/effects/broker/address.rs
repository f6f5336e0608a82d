//! The broker's base address, as everything else below `effects/broker` relies on it.
//!
//! What always holds here: `http` or `https`, with a host and a path that ends with a slash, so that
//! what is joined to it lies below it; no user, no password, no query, no fragment, so that it can
//! always be shown.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The broker's base address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Url);

/// Why a text is no base address; follows the key's name in a sentence and shows nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// No address, or one of neither `http` nor `https`, or without a host.
    #[error("takes an http or https address")]
    Scheme,
    /// A user name or password in the address would be sent along with every call.
    #[error("must not contain a user name or a password")]
    Credentials,
    /// The paths of the calls are put below the address, so nothing may follow its own path.
    #[error("must not contain a query or a fragment")]
    Query,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(text.trim()).map_err(|_| AddressError::Scheme)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Query);
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl Address {
    /// The address itself.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the API key and the results would cross a network unencrypted.
    pub(crate) fn is_exposed(&self) -> bool {
        self.0.scheme() == "http" && !is_this_machine(&self.0)
    }
}

/// Without the slash at its end, as messages show it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_base_address_is_refused_and_not_shown() {
        let refused = |text: &str| text.parse::<Address>().expect_err("refused");
        for text in [
            "",
            "host",
            "host:8080",
            "ftp://host",
            "mailto:a@b",
            "http://",
        ] {
            assert_eq!(refused(text), AddressError::Scheme, "{text}");
        }
        for text in [
            "http://user@host",
            "https://user:sesame@host",
            "https://:sesame@host",
        ] {
            let error = refused(text);
            assert_eq!(error, AddressError::Credentials);
            assert!(!format!("{error} {error:?}").contains("sesame"));
        }
        for text in ["http://host/?a", "http://host/#a"] {
            assert_eq!(refused(text), AddressError::Query);
        }
    }
}
