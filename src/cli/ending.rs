//! Ends a run before its time: at `RUN.DEADLINE`, or when the process is asked to end. The run then
//! ends what is under way and records it; should it not manage that in time, the process ends all the
//! same, and the next run looks into what is in doubt.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::effects::process;
use crate::effects::stop::{Stop, StopReason};
use crate::exit_code::ExitCode;

/// How long a run may take to end when it was asked to.
const GRACE: Duration = Duration::from_millis(1_500);
/// … and when its deadline has passed.
const GRACE_AFTER_DEADLINE: Duration = Duration::from_millis(800);

/// How long words wait for somebody to take them.
const PATIENCE: Duration = Duration::from_millis(100);

enum Word {
    /// SIGTERM, SIGINT or SIGHUP.
    Signal,
    /// The run has ended by itself.
    Ended,
}

/// Ends a run before its time, until it is dropped.
pub(super) struct Ender {
    words: Sender<Word>,
    /// Where signals are heard for this run alone.
    signals: Option<Handle>,
}

/// Asks a run to end, as a signal does; once more: at once.
pub(super) struct Asker(Sender<Word>);

impl Asker {
    pub(super) fn ask(&self) {
        // Nobody listens once the run has ended.
        let _unheard = self.0.send(Word::Signal);
    }
}

impl Ender {
    /// Begins to watch over the run that `stop` ends, and over the signals to this process.
    pub(super) fn begin(stop: Stop) -> io::Result<Self> {
        let mut ender = Self::of_process_that_hears(stop)?;
        let asker = ender.asker();
        let mut asked = vec![SIGTERM, SIGINT];
        // Who starts a run under `nohup` wants it to outlive the terminal.
        if !process::ignores(SIGHUP) {
            asked.push(SIGHUP);
        }
        let mut signals = Signals::new(asked)?;
        ender.signals = Some(signals.handle());
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || signals.forever().for_each(|_| asker.ask()))?;
        Ok(ender)
    }

    /// The same for a run of a process that hears its signals itself.
    pub(super) fn of_process_that_hears(stop: Stop) -> io::Result<Self> {
        let (words, heard) = channel();
        std::thread::Builder::new()
            .name("ending".to_owned())
            .spawn(move || watch_over(&stop, &heard))?;
        Ok(Self {
            words,
            signals: None,
        })
    }

    /// What asks this run to end.
    pub(super) fn asker(&self) -> Asker {
        Asker(self.words.clone())
    }
}

impl Drop for Ender {
    fn drop(&mut self) {
        let _unheard = self.words.send(Word::Ended);
        if let Some(signals) = &self.signals {
            signals.close();
        }
    }
}

/// Says something on a thread of its own, and goes on soon even when nobody takes the words: a pipe that is
/// full and never read must not outlast the deadline.
fn say(words: impl FnOnce() + Send + 'static) {
    let (said, heard) = channel::<()>();
    let thread = std::thread::Builder::new()
        .name("words".to_owned())
        .spawn(move || {
            words();
            drop(said);
        });
    if thread.is_ok() {
        // An end without a message means that it was said.
        let _said = heard.recv_timeout(PATIENCE);
    }
}

fn watch_over(stop: &Stop, heard: &Receiver<Word>) {
    let mut last_moment: Option<Instant> = None;
    loop {
        let until = last_moment.unwrap_or_else(|| stop.deadline());
        match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Word::Ended) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Word::Signal) if last_moment.is_none() => {
                stop.raise(StopReason::Signal);
                last_moment = Some(Instant::now() + GRACE);
                say(|| tracing::warn!("asked to end; ending what is under way (again: at once)"));
            }
            Err(RecvTimeoutError::Timeout) if last_moment.is_none() => {
                stop.raise(StopReason::Deadline);
                last_moment = Some(Instant::now() + GRACE_AFTER_DEADLINE);
                say(|| tracing::warn!("RUN.DEADLINE has passed; ending what is under way"));
            }
            Ok(Word::Signal) | Err(RecvTimeoutError::Timeout) => {
                say(|| {
                    tracing::error!(
                        "ended at once; everything recorded stands, and the next run looks into what \
                         is in doubt"
                    );
                });
                std::process::exit(i32::from(ExitCode::Incomplete.number()));
            }
        }
    }
}
