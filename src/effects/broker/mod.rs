//! The client of the AKTIN broker's admin interface (`docs/broker.md`).
//!
//! What always holds here: an answer counts only with status 200, the expected media type, the
//! expected root element in the broker's namespace and a complete document; everything else is a
//! [`Failure`](courier_ledger::Failure) that names the call, what came and what to do. Every wait
//! has a deadline, every body a limit. No key, download link or byte of a body reaches an error, a
//! log or a `Debug`. Deliberately absent: decisions; what is missing from the list is
//! looked into, never acted upon.

mod address;
mod answer;
mod api_key;
mod authorities;
mod bundle;
mod call;
mod client;
mod concurrent;
mod definition;
mod document;
mod download;
mod error;
mod evidence;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod https;
mod inquiry;
mod listening;
mod media;
mod network;
mod node_list;
mod plain_status;
mod poll;
mod predicate;
mod problem;
mod proxy;
mod request_list;
mod request_status;
mod resolver;
mod settings;
mod statuses;
mod transport;
mod websocket;
mod zip_directory;
mod zip_end;

#[cfg(test)]
mod tests;

pub(crate) use address::Address;
pub(crate) use api_key::ApiKey;
pub(crate) use client::Broker;
pub(crate) use error::BrokerError;
pub(crate) use https::client as https_client;
pub(crate) use inquiry::{Reached, Unanswered};
pub(crate) use listening::{Heard, Listener};
pub(crate) use network::Network;
pub(crate) use predicate::Tag;
pub(crate) use proxy::Proxy;
pub(crate) use settings::Settings;
pub(crate) use transport::{Limits, Stage, problem};
pub(crate) use websocket::Unheard as Unlistened;
