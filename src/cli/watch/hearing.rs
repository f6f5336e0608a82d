//! The broker's websocket as what wakes a watch.
//!
//! What always holds here: whether it is listened to is shown and said, and a watch goes on without. Deliberately absent:
//! what follows from what is heard (`wake`).

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::diary;
use super::shown::Shown;
use super::wake::Wake;
use crate::effects::broker::{Heard, Listener, Settings};
use crate::effects::watching::Listening;

/// Begins to listen to this broker, which is polled so often, too; none where nobody can listen from here.
pub(super) fn begin(
    broker: Settings,
    interval: Duration,
    waker: &Sender<Wake>,
    shown: &Arc<Shown>,
) -> Option<Listener> {
    shown.change(|standing| {
        standing.interval_seconds = interval.as_secs();
        standing.websocket = Listening::Connecting;
    });
    let (waker, whoever) = (waker.clone(), Arc::clone(shown));
    let hear = move |heard| {
        let wake = match heard {
            Heard::Request(request) => Wake::Told(request, Instant::now()),
            Heard::Connected => {
                whoever.change(|standing| standing.websocket = Listening::Connected);
                diary::listened();
                Wake::Connected
            }
            Heard::Without(why) => {
                let polling = Listening::Polling(why.to_string());
                whoever.change(|standing| standing.websocket = polling);
                return diary::unlistened(&why, interval);
            }
        };
        // Whoever no longer waits is ending.
        let _unheard = waker.send(wake);
    };
    match Listener::begin(broker, hear) {
        Ok(listener) => Some(listener),
        Err(error) => {
            let polling = Listening::Polling(error.to_string());
            shown.change(|standing| standing.websocket = polling);
            tracing::warn!("the broker's websocket cannot be listened to: {error}");
            None
        }
    }
}
