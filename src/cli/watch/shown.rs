//! What others are shown of a watch while it goes on (`watch.json`).
//!
//! What always holds here: what cannot be shown is said, and ends nothing.

use std::sync::Mutex;

use crate::effects::mutex::lock;
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
        let mut shown = lock(&self.0);
        let (watching, standing) = &mut *shown;
        change(standing);
        if let Err(error) = watching.show(standing) {
            tracing::warn!("`broker-courier status` cannot say how it is watched: {error}");
        }
    }
}
