//! What stands at the other end of standard error: whether it takes colours, whether it shows progress, and
//! that words which it does not take end nothing.
//!
//! What always holds here: nothing fails and nothing panics, whatever standard error is. Deliberately
//! absent: standard output, whose reader is told (`output`).

use std::io::{self, IsTerminal as _, Write};

use indicatif::ProgressBar;

use super::environment;

/// Standard error for messages: what it does not take is lost, and the work goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nothing is left to be done about a standard error that is gone, or whose disk is full.
        drop(io::stderr().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether messages are coloured: on a terminal that can show it, unless `NO_COLOR` is set
/// (<https://no-color.org>).
pub(super) fn is_coloured() -> bool {
    is_able() && environment::text("NO_COLOR").is_none()
}

/// A bar that shows how far something has come; hidden where standard error cannot move its cursor.
pub(super) fn progress_bar(length: u64) -> ProgressBar {
    match is_able() {
        true => ProgressBar::new(length),
        false => ProgressBar::hidden(),
    }
}

fn is_able() -> bool {
    io::stderr().is_terminal() && environment::text("TERM").is_none_or(|kind| kind != "dumb")
}
