//! Host keys: how they are written, and whether the one that a server presents is accepted. The
//! answer is final: there is no "trust on first use".

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::known_hosts::{KnownHosts, Standing};

/// The SHA-256 of a host key, written as OpenSSH does: `SHA256:` and base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HostKeyFingerprint([u8; 32]);

/// A fingerprint that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a host key fingerprint is \"SHA256:\" and 43 characters of base64, as `ssh-keygen -lf` prints it"
)]
pub(crate) struct FingerprintError;

impl HostKeyFingerprint {
    /// The fingerprint of a key in its wire format (RFC 4253, section 6.6).
    #[must_use]
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(openssl::sha::sha256(key))
    }
}

impl FromStr for HostKeyFingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = text
            .trim()
            .strip_prefix("SHA256:")
            .ok_or(FingerprintError)?;
        base64_simd::STANDARD_NO_PAD
            .decode_to_vec(encoded.trim_end_matches('='))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(FingerprintError)
    }
}

impl fmt::Display for HostKeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SHA256:{}",
            base64_simd::STANDARD_NO_PAD.encode_to_string(self.0)
        )
    }
}

impl fmt::Debug for HostKeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which host keys are accepted.
#[derive(Clone, Debug)]
pub(crate) enum HostKeys {
    /// Those with one of these fingerprints.
    Pinned(Vec<HostKeyFingerprint>),
    /// Those that these files name for the host, in OpenSSH's format. A file that is not there knows
    /// no host.
    KnownHosts(Vec<PathBuf>),
}

/// What is accepted, read once before connecting.
#[derive(Debug)]
pub(crate) enum AcceptedKeys {
    Pinned(Vec<HostKeyFingerprint>),
    Known {
        known: KnownHosts,
        /// The files that were looked at, in words.
        looked_at: Vec<String>,
    },
}

/// A verdict on a host key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Unknown,
    Changed,
    Revoked,
}

impl From<Standing> for Verdict {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Known => Self::Accepted,
            Standing::Unknown => Self::Unknown,
            Standing::Other => Self::Changed,
            Standing::Revoked => Self::Revoked,
        }
    }
}

impl AcceptedKeys {
    /// Judges a key in its wire format.
    pub(crate) fn judge(&self, key: &[u8]) -> Verdict {
        match self {
            Self::Pinned(pins) if pins.is_empty() => Verdict::Unknown,
            Self::Pinned(pins) if pins.contains(&HostKeyFingerprint::of(key)) => Verdict::Accepted,
            Self::Pinned(_) => Verdict::Changed,
            Self::Known { known, .. } => known.standing(key).into(),
        }
    }

    /// Judges the key that has this fingerprint.
    pub(crate) fn judge_fingerprint(&self, fingerprint: HostKeyFingerprint) -> Verdict {
        match self {
            Self::Pinned(pins) if pins.is_empty() => Verdict::Unknown,
            Self::Pinned(pins) if pins.contains(&fingerprint) => Verdict::Accepted,
            Self::Pinned(_) => Verdict::Changed,
            Self::Known { known, .. } => known
                .standing_of(|key| HostKeyFingerprint::of(key) == fingerprint)
                .into(),
        }
    }

    /// The types of keys that may be accepted, where that is known before one is seen: a server with
    /// several keys must present one of those.
    pub(crate) fn types(&self) -> Vec<String> {
        match self {
            Self::Pinned(_) => Vec::new(),
            Self::Known { known, .. } => known.types(),
        }
    }

    /// Which keys would have been accepted in place of one that is not, for the middle of a sentence.
    pub(crate) fn expected(&self) -> String {
        match self {
            Self::Pinned(keys) => {
                let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
                format!(", and SFTP.HOST_KEY accepts {}", keys.join(" or "))
            }
            Self::Known { looked_at, .. } => {
                format!(", and {} names another", looked_at.join(" or "))
            }
        }
    }

    /// Where a key was looked for that is unknown, and what stands in the way, for the middle of a
    /// sentence.
    pub(crate) fn looked_for(&self) -> String {
        let Self::Known { known, looked_at } = self else {
            return String::new();
        };
        let mut text = format!(" to {}", looked_at.join(" and "));
        if known.has_authority() {
            text.push_str(
                "; a certificate authority is named for it there, but host certificates cannot be \
                 verified here",
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_fingerprint_reads_as_openssh_writes_it() {
        let text = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDvwSc2l2/HbbIEjJU";
        let parsed: HostKeyFingerprint = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
        assert_eq!(format!("{text}=").parse(), Ok(parsed));
        assert_eq!(format!("{parsed:?}"), text);
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        for text in [
            "",
            "SHA256:",
            "SHA256:abcd",
            "MD5:aa:bb",
            "uNiVztksCsDhcc0u9e8BgrJXVGDvwSc2l2/HbbIEjJU",
        ] {
            assert_eq!(
                text.parse::<HostKeyFingerprint>(),
                Err(FingerprintError),
                "{text}"
            );
        }
    }

    #[test]
    fn no_pin_accepts_no_key() {
        assert_eq!(AcceptedKeys::Pinned(vec![]).judge(b"key"), Verdict::Unknown);
        let other = AcceptedKeys::Pinned(vec![HostKeyFingerprint::of(b"other")]);
        assert_eq!(other.judge(b"key"), Verdict::Changed);
        let several = AcceptedKeys::Pinned(vec![
            HostKeyFingerprint::of(b"other"),
            HostKeyFingerprint::of(b"key"),
        ]);
        assert_eq!(several.judge(b"key"), Verdict::Accepted);
    }
}
