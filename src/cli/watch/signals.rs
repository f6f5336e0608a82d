//! What a process that watches is asked by signals: to end, with SIGTERM or SIGINT; to read the configuration again,
//! with SIGHUP. For `run` all three are an end.
//!
//! What always holds here: a run that is under way hears that it is to end, and hears it again.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::wake::Wake;
use crate::cli::ending::Asker;
use crate::effects::mutex::lock;

/// What was asked for, and of which run.
#[derive(Default)]
pub(super) struct Asked {
    run: Mutex<Option<Asker>>,
    to_end: AtomicBool,
}

/// Hears signals from now on, for as long as the process lives.
pub(super) fn hear(wakes: Sender<Wake>) -> io::Result<Arc<Asked>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let asked = Arc::new(Asked::default());
    let hearing = Arc::clone(&asked);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let wake = match signal {
                    SIGHUP => Wake::Reload,
                    _ => {
                        hearing.end();
                        Wake::End
                    }
                };
                // Whoever no longer waits is ending.
                let _unheard = wakes.send(wake);
            }
        })?;
    Ok(asked)
}

impl Asked {
    /// Which run is under way, if one is.
    pub(super) fn of_run(&self, asker: Option<Asker>) {
        let mut run = self.lock();
        *run = asker;
        if self.to_end.load(Ordering::Acquire)
            && let Some(asker) = &*run
        {
            asker.ask();
        }
    }

    fn end(&self) {
        let run = self.lock();
        self.to_end.store(true, Ordering::Release);
        if let Some(asker) = &*run {
            asker.ask();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Asker>> {
        lock(&self.run)
    }
}
