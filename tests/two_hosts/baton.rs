//! What makes two threads of programs and the world around them one thing after the other: whoever has the baton goes
//! on, everybody else waits for it.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// A word to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    On,
    /// As a kill does, this runs nothing of the program's any more.
    Die,
}

/// A word of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parked {
    /// It waits for this time.
    Until(Duration),
    /// It waits for what runs beside it, but no longer.
    ForWorkUntil(Duration),
    /// It has ended.
    Ended,
}

/// The baton of one program.
pub(crate) struct Baton {
    go: SyncSender<Go>,
    gone: Mutex<Receiver<Go>>,
    park: SyncSender<Parked>,
    parked: Mutex<Receiver<Parked>>,
}

impl Baton {
    pub(crate) fn new() -> Self {
        let ((go, gone), (park, parked)) = (sync_channel(1), sync_channel(1));
        Self {
            go,
            gone: Mutex::new(gone),
            park,
            parked: Mutex::new(parked),
        }
    }

    /// Lets the program go on until it waits; for the world.
    pub(crate) fn hand_over(&self, word: Go) -> Parked {
        self.go.send(word).unwrap();
        self.parked.lock().unwrap().recv().unwrap()
    }

    /// Waits for the baton before anything else; for the program.
    pub(crate) fn await_first(&self) -> Go {
        self.gone.lock().unwrap().recv().unwrap()
    }

    /// Waits; for the program.
    pub(crate) fn park(&self, word: Parked) -> Go {
        self.park.send(word).unwrap();
        self.await_first()
    }

    /// Ends; for the program.
    pub(crate) fn end(&self) {
        self.park.send(Parked::Ended).unwrap();
    }
}
