//! What stands at the other end of standard error: whether it takes colours, whether it shows progress, and
//! that words which it does not take end nothing.
//!
//! What always holds here: nothing fails and nothing panics, whatever standard error is. Deliberately
//! absent: what becomes of words for standard output, whose reader is told (`output`).

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use crate::effects::environment;

/// The bars that standard error shows; nowhere, where it cannot move its cursor.
pub(super) fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(|| {
        MultiProgress::with_draw_target(match is_one() && moves_cursor() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        })
    })
}

/// Standard error for messages: what it does not take is lost, and the work goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nothing is left to be done about a standard error that is gone, or whose disk is full.
        drop(bars().suspend(|| io::stderr().write_all(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same, for lines that are JSON objects: each begins with what tells this run from others.
#[derive(Debug)]
pub(super) struct Objects;

impl Objects {
    /// Where this process writes its objects to.
    pub(super) fn of_this_process() -> Self {
        Self
    }
}

impl Write for Objects {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len();
        match bytes.strip_prefix(b"{") {
            Some(fields) => {
                let start = format!("{{\"run\":\"{}\",", run_id());
                Messages.write_all(&[start.as_bytes(), fields].concat())?;
            }
            None => Messages.write_all(bytes)?,
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tells this process from all others in messages: 16 hexadecimal digits, drawn at random.
pub(super) fn run_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let mut drawn = [0; 8];
        // Without random numbers all that is lost is a name.
        let _named_zero = openssl::rand::rand_bytes(&mut drawn);
        drawn.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// When messages are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal that can show colours, unless `NO_COLOR` is set; and with `CLICOLOR_FORCE`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

static CHOSEN: OnceLock<Colour> = OnceLock::new();

/// Decides for the whole process.
pub(super) fn choose(colour: Colour) {
    let _only_once = CHOSEN.set(colour);
}

/// Whether standard error is a terminal.
pub(super) fn is_one() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard output is a terminal that shows every character.
pub(super) fn output_shows_symbols() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(environment::text);
    let is_utf8 = locale.is_some_and(|it| {
        let it = it.to_ascii_lowercase();
        it.contains("utf-8") || it.contains("utf8")
    });
    io::stdout().is_terminal() && is_utf8
}

/// Whether messages are coloured.
pub(super) fn is_coloured() -> bool {
    colours(is_one())
}

/// Whether what standard output shows is coloured.
pub(super) fn output_is_coloured() -> bool {
    colours(io::stdout().is_terminal())
}

fn colours(is_terminal: bool) -> bool {
    match CHOSEN.get().copied().unwrap_or_default() {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => may_colour() && (is_terminal || is_forced()),
    }
}

/// Whether the environment allows colours: a terminal that can show them or `CLICOLOR_FORCE`, and no
/// `NO_COLOR` (<https://no-color.org>, <https://bixense.com/clicolors>). Only `--color` overrules it.
pub(super) fn may_colour() -> bool {
    (moves_cursor() || is_forced()) && environment::text("NO_COLOR").is_none()
}

fn is_forced() -> bool {
    environment::text("CLICOLOR_FORCE").is_some_and(|forced| forced != "0")
}

/// Text in bold, in this colour of ECMA-48, where messages are coloured.
pub(super) fn coloured(text: &str, colour: u8) -> String {
    in_colour(text, colour, is_coloured())
}

/// The same where what standard output shows is coloured.
pub(super) fn painted(text: &str, colour: u8) -> String {
    in_colour(text, colour, output_is_coloured())
}

fn in_colour(text: &str, colour: u8, coloured: bool) -> String {
    match coloured {
        true => format!("\x1b[1;{colour}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// A bar that shows how far something has come; hidden where standard error cannot move its cursor.
pub(super) fn progress_bar(length: u64) -> ProgressBar {
    bars().add(ProgressBar::new(length))
}

fn moves_cursor() -> bool {
    environment::text("TERM").is_none_or(|kind| kind != "dumb")
}
