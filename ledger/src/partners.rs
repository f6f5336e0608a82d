//! Whom a ledger deals with: the broker whose requests it answers, and the drop-box that it delivers to.
//!
//! What always holds here: addresses as the configuration names them, no secret. Deliberately absent:
//! keys (`policy`), and whether a partner is still itself (`estrangement`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The broker, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerAddress {
    /// Its URL, without user and password.
    pub url: String,
    /// The tag of the requests.
    pub tag: String,
}

/// The drop-box.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropBoxAddress {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The folder.
    pub folder: String,
}

/// Whom a run deals with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partners {
    /// The broker.
    pub broker: BrokerAddress,
    /// The drop-box.
    pub drop_box: DropBoxAddress,
    /// The user at the SFTP server.
    pub user: String,
    /// The fingerprint of its host key; none while it was never reached.
    pub host_key: Option<String>,
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (tag {})", self.url, self.tag)
    }
}

impl fmt::Display for DropBoxAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, folder } = self;
        write!(f, "sftp://{host}:{port}/{}", folder.trim_start_matches('/'))
    }
}

impl fmt::Display for Partners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "broker {}, drop-box {} as {}",
            self.broker, self.drop_box, self.user
        )?;
        match &self.host_key {
            Some(host_key) => write!(f, ", host key {host_key}"),
            None => Ok(()),
        }
    }
}

/// Another partner is configured than the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange<T> {
    /// The one that the ledger knows.
    pub known: T,
    /// The one that is configured now.
    pub configured: T,
}

/// Which partners are others than the ledger knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchanges {
    /// The broker, or the tag.
    pub broker: Option<Exchange<BrokerAddress>>,
    /// The drop-box.
    pub drop_box: Option<Exchange<DropBoxAddress>>,
}

impl Exchanges {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.broker.is_none() && self.drop_box.is_none()
    }
}

impl fmt::Display for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        if let Some(Exchange { known, configured }) = &self.broker {
            write!(f, "the broker is {configured}, not {known}")?;
            comma = "; ";
        }
        if let Some(Exchange { known, configured }) = &self.drop_box {
            write!(f, "{comma}the drop-box is {configured}, not {known}")?;
        }
        Ok(())
    }
}

/// What a person says of another broker or tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokerChange {
    /// It is the same one under a new address, or the tag has another name.
    Same,
    /// It is another one; what the old one asked for is withdrawn.
    Withdraw,
    /// It is another one; what the old one asked for stays where it is.
    Keep,
}

/// What a person says of another drop-box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropBoxChange {
    /// It is the same one under a new address: what was delivered is there.
    Same,
    /// It is another one: everything is delivered to it.
    Another,
}
