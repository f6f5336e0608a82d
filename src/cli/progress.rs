//! What a person sees while a run goes on: each result by name as it is delivered or withdrawn, and at a
//! terminal how far all of it has come.
//!
//! What always holds here: nothing is said of a command before it has ended. Deliberately absent: what
//! failed, which is told with its reason when the run is over.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use courier_ledger::{Command, RemoteName, Removal};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::terminal;
use crate::run::{Ending, Progress};

/// How often what moves is drawn.
const BEAT: Duration = Duration::from_millis(120);

/// How a run is shown.
pub(super) struct Display {
    bars: &'static MultiProgress,
    waiting: ProgressBar,
    all: ProgressBar,
    each: Mutex<BTreeMap<RemoteName, ProgressBar>>,
    names: Names,
}

/// Whether results are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As each has ended.
    Shown,
    /// Nobody asked for them.
    Left,
}

impl Display {
    /// Shows that the broker and the drop-box are asked.
    pub(super) fn begin(names: Names) -> Self {
        let bars = terminal::bars();
        let waiting = bars.add(ProgressBar::new_spinner());
        waiting.set_message("asking the broker, connecting to the drop-box");
        waiting.set_style(style("{spinner} {msg} ({elapsed})"));
        move_by_itself(&waiting);
        Self {
            bars,
            waiting,
            all: ProgressBar::hidden(),
            each: Mutex::default(),
            names,
        }
    }

    /// Nothing moves any more.
    pub(super) fn end(&self) {
        self.waiting.finish_and_clear();
        self.all.finish_and_clear();
        drop(self.bars.clear());
    }

    fn each(&self) -> MutexGuard<'_, BTreeMap<RemoteName, ProgressBar>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Display {
    fn planned(&self, changes: usize) {
        self.waiting.finish_and_clear();
        if changes > 0 {
            let all = self.bars.add(self.all.clone());
            all.set_length(changes as u64);
            all.set_style(style("{bar:24} {pos} of {len} changes, {eta} left"));
            all.tick();
        }
    }

    fn began(&self, command: &Command) {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(style("  {spinner} {msg} ({elapsed})"));
        bar.set_message(command.to_string());
        move_by_itself(&bar);
        self.each().insert(command.name().clone(), bar);
    }

    fn ended(&self, command: &Command, ending: &Ending) {
        if let Some(bar) = self.each().remove(command.name()) {
            bar.finish_and_clear();
        }
        self.all.inc(1);
        if self.names == Names::Shown
            && let Some(line) = line(command, ending)
        {
            // Whatever reads standard output or not: what is done stands.
            self.bars.suspend(|| drop(writeln!(io::stdout(), "{line}")));
        }
    }
}

/// Whether standard output is read by a person.
pub(super) fn is_read_by_a_person() -> bool {
    io::stdout().is_terminal()
}

/// What is said of a command that has ended; nothing of one that failed.
fn line(command: &Command, ending: &Ending) -> Option<String> {
    let why = command.why().unwrap_or_default();
    let name = command.name();
    match ending {
        Ending::Delivered(delivery) => Some(format!(
            "delivered {name}, {} ({why})",
            HumanBytes(delivery.size_bytes)
        )),
        Ending::PickedUp(delivery) => Some(format!(
            "delivered {name}, {} ({why}); it was picked up at once",
            HumanBytes(delivery.size_bytes)
        )),
        Ending::Removed(removal) if command.request().is_some() => Some(match removal {
            Removal::Removed => format!("withdrawn {name} ({why})"),
            Removal::AlreadyAbsent => format!("withdrawn {name} ({why}); it was gone already"),
        }),
        Ending::Removed(_) | Ending::Published { .. } | Ending::Failed { .. } => None,
    }
}

/// A thread for what nobody sees would be wasted. Where it is seen, that takes a thread, which the library takes for granted, so
/// it is tried whether one can be had.
fn move_by_itself(bar: &ProgressBar) {
    let can_move = || {
        std::thread::Builder::new()
            .spawn(|| ())
            .map(|thread| thread.join().is_ok())
    };
    if !bar.is_hidden() && can_move().unwrap_or(false) {
        bar.enable_steady_tick(BEAT);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
