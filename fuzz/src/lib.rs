//! What is fuzzed, as plain functions: libFuzzer calls them for as long as one likes (`run.sh`), and
//! `tests/replay.rs` calls them on stable, with the corpus and a bounded number of its mutations.
//!
//! What always holds: a function returns, whatever its bytes are, or it has found a defect. Besides
//! that nothing panics, each says what else must hold of what it reads. Deliberately absent: network,
//! randomness, and files other than one temporary one.

mod documents;
mod fold;
mod history;
mod log;
mod seeds;
mod sftp;

pub use documents::{age, configuration, fernet, legacy_status, request_list, request_status};
pub use fold::{event, fold};
pub use history::history;
pub use log::log;
pub use seeds::{Seed, seeds};
pub use sftp::{sftp_packets, sftp_session};

/// A target: its name, which is its corpus folder's, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 12] = [
    ("log", log),
    ("event", event),
    ("fold", fold),
    ("history", history),
    ("legacy_status", legacy_status),
    ("request_list", request_list),
    ("request_status", request_status),
    ("configuration", configuration),
    ("age", age),
    ("fernet", fernet),
    ("sftp_packets", sftp_packets),
    ("sftp_session", sftp_session),
];
