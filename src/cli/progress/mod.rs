//! What a person sees while a run goes on: each result by name as it is delivered or withdrawn, and at a
//! terminal how far all of it has come, what the broker is being waited for, and each transfer.
//!
//! What always holds here: it is not said of a command that it is done before it has ended. Deliberately
//! absent: what failed, which is told with its reason when the run is over; and anything at all where standard
//! error is no terminal, but the names.

mod pace;
mod transfer;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use courier_ledger::{Command, RemoteName, Removal};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::terminal;
use crate::effects::headway::{Asked, Headway};
use crate::effects::mutex::lock;
use crate::run::{Ending, Progress};
use pace::Pace;
use transfer::Transfer;

/// How often what moves is drawn.
const BEAT: Duration = Duration::from_millis(120);

/// How a run is shown.
pub(super) struct Display {
    board: Arc<Board>,
    names: Names,
    /// Draws what moves; none where nobody sees it, or no thread can be had.
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is drawn.
struct Board {
    bars: &'static MultiProgress,
    waiting: ProgressBar,
    begun: Instant,
    headway: Headway,
    all: ProgressBar,
    sum: Mutex<Sum>,
    each: Mutex<BTreeMap<RemoteName, Transfer>>,
    over: AtomicBool,
}

/// How far all of it has come.
#[derive(Default)]
struct Sum {
    /// Since when, once it is known what is to be done.
    begun: Option<Instant>,
    /// Bytes of what has been delivered.
    delivered: u64,
    pace: Pace,
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
    pub(super) fn begin(names: Names, headway: Headway) -> Self {
        let bars = terminal::bars();
        let waiting = bars.add(ProgressBar::new_spinner());
        waiting.set_style(style("{spinner} {wide_msg}"));
        let board = Arc::new(Board {
            bars,
            begun: Instant::now(),
            headway,
            all: ProgressBar::hidden(),
            sum: Mutex::default(),
            each: Mutex::default(),
            over: AtomicBool::new(false),
            waiting,
        });
        let thread = match board.waiting.is_hidden() {
            // A thread for what nobody sees would be wasted.
            true => None,
            false => drawing(&board),
        };
        Self {
            board,
            names,
            thread: Mutex::new(thread),
        }
    }

    /// Nothing moves any more.
    pub(super) fn end(&self) {
        let board = &self.board;
        board.over.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.thread).take() {
            thread.thread().unpark();
            // A panic there was reported there.
            let _ended = thread.join();
        }
        board.waiting.finish_and_clear();
        board.all.finish_and_clear();
        drop(board.bars.clear());
    }
}

/// Draws until it is over. Where no thread can be had, nothing moves, and that is all.
fn drawing(board: &Arc<Board>) -> Option<JoinHandle<()>> {
    board.draw();
    let board = Arc::clone(board);
    let thread = std::thread::Builder::new()
        .name("progress".to_owned())
        .spawn(move || {
            while !board.over.load(Ordering::Acquire) {
                board.draw();
                std::thread::park_timeout(BEAT);
            }
        });
    thread.ok()
}

impl Board {
    fn draw(&self) {
        let now = Instant::now();
        if !self.waiting.is_finished() {
            let seconds = now.duration_since(self.begun).as_secs();
            let words = asked(self.headway.asked());
            self.waiting.set_message(format!("{words}, {seconds} s"));
            self.waiting.tick();
        }
        let mut sum = lock(&self.sum);
        let Some(begun) = sum.begun else {
            return;
        };
        let (mut sent, mut left) = (sum.delivered, Some(0));
        let mut under_way = 0;
        for transfer in lock(&self.each).values_mut() {
            transfer.draw(now);
            let (expected, _, sent_of_it) = transfer.now();
            sent += sent_of_it;
            left = left
                .zip(expected)
                .map(|(left, expected)| left + expected.saturating_sub(sent_of_it));
            under_way += 1;
        }
        let rate = sum.pace.at(now, sent);
        let (done, of) = (self.all.position(), self.all.length().unwrap_or(0));
        let mut words = format!("{done} of {of} changes");
        if sent > 0 {
            words.push_str(&format!(", {}", HumanBytes(sent)));
        }
        if let Some(rate) = rate {
            words.push_str(&format!(", {}/s", HumanBytes(rate)));
        }
        // When all that is left is under way, bytes tell how long; before, changes do.
        let by_bytes = left.zip(rate).filter(|_| done + under_way >= of);
        let by_bytes = by_bytes.map(|(left, rate)| left / rate.max(1));
        let elapsed = now.duration_since(begun).as_secs();
        let by_changes = (elapsed * of.saturating_sub(done)).checked_div(done);
        if let Some(seconds) = by_bytes.or(by_changes) {
            words.push_str(&format!(", {} left", pace::clock(seconds)));
        }
        self.all.set_message(words);
        self.all.tick();
    }
}

/// What the broker is being waited for.
fn asked(asked: Asked) -> String {
    match asked {
        Asked::List => "waiting for the broker's list of requests".to_owned(),
        Asked::Statuses { read, of } => format!("asking the broker: {read} of {of} statuses"),
        Asked::Absences(count) => {
            format!("asking the broker what became of {count} that it lists no longer")
        }
        Asked::Nothing => "the broker has answered; connecting to the drop-box".to_owned(),
    }
}

impl Progress for Display {
    fn planned(&self, changes: usize) {
        let board = &self.board;
        board.waiting.finish_and_clear();
        if changes > 0 {
            let all = board.bars.add(board.all.clone());
            all.set_length(changes as u64);
            all.set_style(style("{bar:8} {wide_msg}"));
            lock(&board.sum).begun = Some(Instant::now());
        }
    }

    fn began(&self, command: &Command) {
        let bar = self.board.bars.add(ProgressBar::new_spinner());
        bar.set_style(style("  {spinner} {wide_msg}"));
        let transfer = Transfer::begin(bar, command, &self.board.headway);
        lock(&self.board.each).insert(command.name().clone(), transfer);
    }

    fn ended(&self, command: &Command, ending: &Ending) {
        let board = &self.board;
        // In the order in which `draw` takes them.
        let mut sum = lock(&board.sum);
        if let Some(transfer) = lock(&board.each).remove(command.name()) {
            transfer.end();
        }
        if let Ending::Delivered(delivery) | Ending::PickedUp(delivery) = ending {
            sum.delivered += delivery.size_bytes;
        }
        drop(sum);
        board.all.inc(1);
        if self.names == Names::Shown
            && let Some(line) = line(command, ending)
        {
            // Whatever reads standard output or not: what is done stands.
            board
                .bars
                .suspend(|| drop(writeln!(io::stdout(), "{line}")));
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

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
