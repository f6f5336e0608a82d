//! The line of one command under way.

use std::sync::Arc;
use std::time::Instant;

use courier_ledger::Command;
use indicatif::{HumanBytes, ProgressBar};

use super::pace::{Pace, clock};
use crate::effects::headway::{Flow, Headway};

/// A command under way, and its line.
pub(super) struct Transfer {
    bar: ProgressBar,
    name: String,
    why: String,
    begun: Instant,
    /// None for what transfers nothing.
    flow: Option<Arc<Flow>>,
    pace: Pace,
}

impl Transfer {
    pub(super) fn begin(bar: ProgressBar, command: &Command, headway: &Headway) -> Self {
        let flow = match command {
            Command::Upload { request, .. } => Some(headway.flow(*request)),
            Command::Delete { .. }
            | Command::RemoveTemporary { .. }
            | Command::PublishLedger { .. } => None,
        };
        Self {
            bar,
            name: command.name().to_string(),
            why: command.why().unwrap_or_default(),
            begun: Instant::now(),
            flow,
            pace: Pace::default(),
        }
    }

    /// The line goes.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }

    /// How far it is: bytes expected, where that is known, fetched, sent.
    pub(super) fn now(&self) -> (Option<u64>, u64, u64) {
        self.flow
            .as_ref()
            .map_or((Some(0), 0, 0), |flow| flow.now())
    }

    /// Draws the line, what matters most first: the end may not fit.
    pub(super) fn draw(&mut self, now: Instant) {
        let (words, expected) = match &self.flow {
            Some(flow) => {
                let (expected, fetched, sent) = flow.now();
                let seconds = now.duration_since(self.begun).as_secs();
                let pace = |bytes| self.pace.at(now, bytes);
                (words(expected, fetched, sent, seconds, pace), expected)
            }
            None => ("being removed".to_owned(), None),
        };
        let expected = expected.map(|bytes| HumanBytes(bytes).to_string());
        let why = Some(self.why.clone()).filter(|why| !why.is_empty());
        let about: Vec<String> = expected.into_iter().chain(why).collect();
        let about = match about.is_empty() {
            true => String::new(),
            false => format!("  ({})", about.join("; ")),
        };
        self.bar
            .set_message(format!("{}  {words}{about}", self.name));
        self.bar.tick();
    }
}

/// How far a result has come.
fn words(
    expected: Option<u64>,
    fetched: u64,
    sent: u64,
    seconds: u64,
    pace: impl FnOnce(u64) -> Option<u64>,
) -> String {
    let (verb, bytes) = match (fetched, sent) {
        (0, 0) => return format!("waiting for the broker's export, {seconds} s"),
        (fetched, 0) => ("fetched", fetched),
        (_, sent) if Some(sent) == expected => {
            return "sent; the drop-box is to confirm it".to_owned();
        }
        (_, sent) => ("sent", sent),
    };
    let rate = pace(bytes);
    let share = expected.and_then(|expected| (bytes * 100).checked_div(expected));
    let mut words = match share {
        Some(share) => format!("{verb} {share} %"),
        None => format!("{verb} {}", HumanBytes(bytes)),
    };
    if let Some(rate) = rate {
        words.push_str(&format!(", {}/s", HumanBytes(rate)));
        if let Some(expected) = expected {
            let left = expected.saturating_sub(bytes) / rate.max(1);
            words.push_str(&format!(", {} left", clock(left)));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_waited_for_and_how_long() {
        let mebibyte = 1 << 20;
        let said =
            |expected, fetched, sent| words(expected, fetched, sent, 12, |_| Some(2 * mebibyte));
        let all = Some(80 * mebibyte);
        assert_eq!(said(None, 0, 0), "waiting for the broker's export, 12 s");
        assert_eq!(
            said(all, 20 * mebibyte, 0),
            "fetched 25 %, 2.00 MiB/s, 0:30 left"
        );
        assert_eq!(
            said(all, 60 * mebibyte, 40 * mebibyte),
            "sent 50 %, 2.00 MiB/s, 0:20 left"
        );
        assert_eq!(said(None, mebibyte, 0), "fetched 1.00 MiB, 2.00 MiB/s");
        assert_eq!(
            said(all, 80 * mebibyte, 80 * mebibyte),
            "sent; the drop-box is to confirm it"
        );
    }
}
