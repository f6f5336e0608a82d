//! What others are shown of a watch while it goes on (`watch.json`).
//!
//! What always holds here: what cannot be shown is said, and ends nothing.

use std::sync::{Mutex, PoisonError};

use crate::effects::watching::{Listening, Standing, Watching};

/// What is shown, and where.
pub(super) struct Shown(Mutex<(Watching, Standing)>);

impl Shown {
    /// Shows nothing yet.
    pub(super) fn by(watching: Watching) -> Self {
        let standing = Standing {
            pid: std::process::id(),
            interval_seconds: 0,
            websocket: Listening::Connecting,
        };
        Self(Mutex::new((watching, standing)))
    }

    /// Shows what has changed.
    pub(super) fn change(&self, change: impl FnOnce(&mut Standing)) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (watching, standing) = &mut *shown;
        change(standing);
        if let Err(error) = watching.show(standing) {
            tracing::warn!("`broker-courier status` cannot say how it is watched: {error}");
        }
    }
}
