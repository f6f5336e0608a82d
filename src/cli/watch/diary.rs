//! What a watch says of itself, in its log: what it did and why, and now and then that there was nothing to do.
//!
//! What always holds here: a run that changed nothing and went as the one before it has no line of its own.
//! Deliberately absent: what went wrong in a run (`run_words`).

use std::time::{Duration, Instant};

use super::wake::Why;
use crate::cli::error::CommandError;
use crate::cli::run_words;
use crate::effects::broker::Unlistened;
use crate::exit_code::ExitCode;
use crate::run::RunReport;

/// After so much time without anything to do that is said.
const QUIET: Duration = Duration::from_secs(3600);

/// What was said last.
#[derive(Default)]
pub(super) struct Diary {
    /// How the last run ended.
    code: Option<ExitCode>,
    /// Since when there was nothing to do, and in how many runs.
    quiet: Option<(Instant, u64)>,
}

pub(super) fn begun(interval: Duration) {
    tracing::info!("watching: a run at least every {} s", interval.as_secs());
}

/// Another host watches.
pub(super) fn stands_by(error: &CommandError) {
    tracing::info!("standing by until it can go on: {}", error.in_one_line());
}

/// There is a connection to the broker's websocket.
pub(super) fn listened() {
    tracing::info!("the broker's websocket wakes it");
}

/// There is none, or no longer one.
pub(super) fn unlistened(why: &Unlistened, interval: Duration) {
    tracing::info!(
        "the broker's websocket does not wake it: {why}; there is a run every {} s, and one when it does again",
        interval.as_secs()
    );
}

pub(super) fn reloaded() {
    tracing::info!("the configuration was read again");
}

pub(super) fn not_reloaded() {
    tracing::warn!("the configuration that was read before stays in use");
}

pub(super) fn ended() {
    tracing::info!("ended, as asked");
}

impl Diary {
    /// A run has ended.
    pub(super) fn run(&mut self, why: Why, report: &RunReport) {
        let code = report.exit_code();
        let did_something = report.counts.uploaded + report.counts.deleted > 0;
        if did_something || self.code != Some(code) {
            tracing::info!("{why}: {}", run_words::sum(report));
            self.code = Some(code);
            self.quiet = None;
            return;
        }
        let (since, runs) = self.quiet.unwrap_or((Instant::now(), 0));
        self.quiet = Some((since, runs + 1));
        if since.elapsed() >= QUIET {
            let minutes = since.elapsed().as_secs() / 60;
            tracing::info!(
                "nothing was to be done for {minutes} min, in {} runs",
                runs + 1
            );
            self.quiet = Some((Instant::now(), 0));
        }
    }
}
