//! The state of a ledger whose entries are kept elsewhere, in the state cache of the folder that stays on this machine.
//!
//! What always holds here: it is a cache, and only a place in a log and the state there; whoever has the entries says
//! whether the log has that place. Deliberately absent: offsets, as there is no file to read on in, so that a log in
//! this folder takes it for none of its own.

use std::borrow::Cow;

use crate::log::error::LogError;
use crate::log::event_log::belongs_to;
use crate::log::file::error::failed;
use crate::log::file::mark::Mark;
use crate::log::file::state_cache::{Past, StateCache};
use crate::log::file::storage::{LogFile, Storage};
use crate::state::State;
use crate::tip::Tip;

/// The state that was kept last, and the place that it is of; none where there is none, or a damaged one.
#[must_use]
pub fn kept_state<S: Storage + ?Sized>(storage: &S) -> Option<(State, Tip)> {
    let StateCache { mark, state, .. } = StateCache::load(storage)?;
    let state = state.into_owned();
    belongs_to(&state, mark.tip).ok()?;
    Some((state, mark.tip))
}

/// Keeps the state at this place, instead of what was kept before.
pub fn keep_state<S: Storage + ?Sized>(
    storage: &mut S,
    state: &State,
    tip: Tip,
) -> Result<(), LogError> {
    belongs_to(state, tip)?;
    let mark = Mark { tip, offset: 0 };
    let cache = StateCache {
        before: mark,
        mark,
        past: Cow::Owned(Past::default()),
        index: Cow::Owned(Vec::new()),
        state: Cow::Borrowed(state),
    };
    let replacing = storage.replace(LogFile::Cache, &cache.encode()?);
    replacing.map_err(failed(storage, LogFile::Cache, "replacing"))
}
