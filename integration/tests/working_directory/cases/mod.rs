//! The bad working directories, by the file that is bad.

mod directory;
mod head;
mod log;
mod state_cache;
mod status;

use std::path::Path;

use crate::scene::Scene;

/// One bad working directory.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) spoil: fn(&Path, &Scene),
    /// Exit code of `run`, and what it says.
    pub(crate) run: (i32, &'static str),
    /// Exit code of `verify` before that, and what it says.
    pub(crate) verify: (i32, &'static str),
}

const LOG: &str = "ledger.log";
const HEAD: &str = "ledger.head";
const STATUS: &str = "status.xml";
const STATE_CACHE: &str = "ledger.cache";

pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    [
        log::CASES,
        head::CASES,
        state_cache::CASES,
        status::CASES,
        directory::CASES,
    ]
    .into_iter()
    .flatten()
}
