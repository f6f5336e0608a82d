//! The key of an administrator of the broker, which goes into a line of HTTP.
//!
//! What always holds here: visible ASCII, at least one character of it; neither `Debug` nor an error
//! shows any of it.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// The key of an administrator.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    key: SecretString,
    authorization: HeaderValue,
}

/// Why a text is no key; follows the key's name in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiKeyError {
    /// There is none.
    #[error("must not be empty")]
    Empty,
    /// It would end the line of HTTP, or is not printed.
    #[error("must not contain control characters or line breaks")]
    Control,
    /// Servers read these in different ways, or not at all.
    #[error("must not contain spaces, or characters beyond ASCII")]
    Unsendable,
}

impl ApiKey {
    /// Takes a key that a header of HTTP can carry.
    pub(crate) fn new(key: SecretString) -> Result<Self, ApiKeyError> {
        let text = key.expose_secret();
        if text.is_empty() {
            return Err(ApiKeyError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(ApiKeyError::Control);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiKeyError::Unsendable);
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {text}")).map_err(|_| ApiKeyError::Unsendable)?;
        authorization.set_sensitive(true);
        Ok(Self { key, authorization })
    }

    /// The column, from 1, of the first character that no key has.
    pub(crate) fn first_unsendable(text: &str) -> Option<usize> {
        let position = text.chars().position(|c| !c.is_ascii_graphic());
        position.map(|before| before + 1)
    }

    /// What proves to the broker who asks.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// The key, to look for it where it must not be.
    pub(crate) fn expose(&self) -> &str {
        self.key.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        for (key, error) in [
            ("", ApiKeyError::Empty),
            ("a\nb", ApiKeyError::Control),
            ("a\u{7f}", ApiKeyError::Control),
            ("a b", ApiKeyError::Unsendable),
            ("ä", ApiKeyError::Unsendable),
        ] {
            assert_eq!(ApiKey::new(key.into()).expect_err("refused"), error);
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ApiKey::new("xxxAdmin1234".into()).expect("a key");
        assert!(!format!("{key:?}").contains("Admin"));
        assert_eq!(key.authorization(), "Bearer xxxAdmin1234");
    }
}
