//! The calls that the courier makes, and what each is allowed: path, media type, time, size.
//!
//! Deliberately absent: the link of a download. It is a capability, so a [`Call`] can always be
//! shown.

use std::time::Duration;

use courier_ledger::{Phase, RequestId};
use reqwest::Method;

use super::media::Media;
use super::settings::Settings;
use crate::effects::persistence::Repeated;

/// A status of 1,000 hospitals takes 400 KiB; definitions are smaller.
const MAX_SMALL_ANSWER_BYTES: u64 = 4 << 20;
const MAX_LINK_BYTES: u64 = 1 << 10;

/// One call to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// The requests with the tag.
    List,
    /// Every request.
    WholeList,
    /// Every node.
    Nodes,
    /// The nodes' part in one request.
    Status(RequestId),
    /// The definition of one request.
    Definition(RequestId),
    /// The building of one request's bundle.
    Export(RequestId),
    /// The bundle.
    Download(RequestId),
}

impl Call {
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::List | Self::Nodes => Phase::List,
            Self::Status(_) => Phase::Status,
            Self::WholeList | Self::Definition(_) => Phase::Evidence,
            Self::Export(_) => Phase::Export,
            Self::Download(_) => Phase::Download,
        }
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::Export(_) => Method::POST,
            _ => Method::GET,
        }
    }

    /// The path below the broker's base address; a download's without its last segment.
    pub(crate) fn path(self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Self::List => words(&["broker", "request", "filtered"]),
            Self::WholeList => words(&["broker", "request"]),
            Self::Nodes => words(&["broker", "node"]),
            Self::Status(id) => words(&["broker", "request", &id.to_string(), "status"]),
            Self::Definition(id) => words(&["broker", "request", &id.to_string()]),
            Self::Export(id) => words(&["broker", "export", "request-bundle", &id.to_string()]),
            Self::Download(_) => words(&["broker", "download"]),
        }
    }

    /// As what it is tried again.
    pub(crate) fn repeated(self) -> Repeated {
        match self {
            Self::List | Self::WholeList | Self::Nodes => Repeated::List,
            Self::Status(id) | Self::Definition(id) | Self::Export(id) | Self::Download(id) => {
                Repeated::Request(id)
            }
        }
    }

    /// What the answer must be.
    pub(crate) fn media(self) -> Media {
        match self {
            Self::List | Self::WholeList | Self::Nodes | Self::Status(_) => Media::Xml,
            Self::Definition(_) => Media::Definition,
            Self::Export(_) => Media::Text,
            Self::Download(_) => Media::Zip,
        }
    }

    /// From connecting to the last byte.
    pub(crate) fn timeout(self, settings: &Settings) -> Duration {
        match self {
            Self::List | Self::WholeList => settings.list_timeout,
            Self::Nodes | Self::Status(_) | Self::Definition(_) => settings.status_timeout,
            Self::Export(_) => settings.export_timeout,
            Self::Download(_) => settings.download_timeout,
        }
    }

    /// The key that allows it longer, in words.
    pub(crate) fn longer(self) -> &'static str {
        match self {
            Self::List | Self::WholeList => "BROKER.LIST_TIMEOUT allows it longer",
            Self::Nodes | Self::Status(_) | Self::Definition(_) => {
                "BROKER.STATUS_TIMEOUT allows it longer"
            }
            Self::Export(_) => {
                "the broker may need longer for this bundle: BROKER.EXPORT_TIMEOUT allows it"
            }
            Self::Download(_) => "BROKER.DOWNLOAD_TIMEOUT allows it longer",
        }
    }

    /// The limit of an answer that is held in memory.
    pub(crate) fn max_bytes(self, settings: &Settings) -> u64 {
        let limit = match self {
            Self::List | Self::WholeList => settings.max_answer_bytes,
            Self::Nodes | Self::Status(_) | Self::Definition(_) => MAX_SMALL_ANSWER_BYTES,
            Self::Export(_) | Self::Download(_) => MAX_LINK_BYTES,
        };
        limit.min(settings.max_answer_bytes)
    }

    /// Whether words of the answer may be repeated in an error: around a download's link they may
    /// contain it.
    pub(crate) fn may_be_quoted(self) -> bool {
        !matches!(self, Self::Export(_) | Self::Download(_))
    }
}
