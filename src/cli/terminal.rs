//! What stands at the other end of standard error: whether it takes colours, whether it shows progress, and
//! that words which it does not take end nothing.
//!
//! What always holds here: nothing fails and nothing panics, whatever standard error is. Deliberately
//! absent: standard output, whose reader is told (`output`).

use std::io::{self, IsTerminal as _, Write};

use indicatif::ProgressBar;

use crate::effects::environment;

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

/// Whether messages are coloured.
pub(super) fn is_coloured() -> bool {
    io::stderr().is_terminal() && may_colour()
}

/// Whether the environment allows colours: a terminal that can show them, and no `NO_COLOR`
/// (<https://no-color.org>). Nothing else there overrules it.
pub(super) fn may_colour() -> bool {
    moves_cursor() && environment::text("NO_COLOR").is_none()
}

/// A bar that shows how far something has come; hidden where standard error cannot move its cursor.
pub(super) fn progress_bar(length: u64) -> ProgressBar {
    match io::stderr().is_terminal() && moves_cursor() {
        true => ProgressBar::new(length),
        false => ProgressBar::hidden(),
    }
}

fn moves_cursor() -> bool {
    environment::text("TERM").is_none_or(|kind| kind != "dumb")
}
