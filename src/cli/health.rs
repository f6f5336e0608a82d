//! Whether all is well, in one word, and what is not, as far as the ledger tells.
//!
//! What always holds here: nothing is asked of anybody; what is pending is what the last run's rules say
//! about what the broker showed last. Deliberately absent: each request on its own (`ledger_view`).

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use courier_ledger::{
    Command, Counted, Digest, Guard, RequestId, Run, RunCounts, Sequence, State, Timestamp, decide,
};
use serde::Serialize;

use super::busy::lasting;
use super::terminal;
use crate::effects::lock_holder::Holder;
use crate::effects::watching::{Listening, Standing};

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// The last run did all that was to be done.
    Well,
    /// A run is active.
    Working,
    /// Something waits for a person.
    Waits,
    /// The last run did not do all that was to be done.
    Failing,
    /// No run has begun yet.
    New,
}

impl Verdict {
    /// In words, and in a colour of ECMA-48.
    fn shown(self) -> (&'static str, u8) {
        match self {
            Self::Well => ("All is well", 32),
            Self::Working => ("A run is active", 32),
            Self::Waits => ("A person must decide", 33),
            Self::Failing => ("Not all is well", 31),
            Self::New => ("Nothing has been run yet", 33),
        }
    }
}

/// How things stand.
#[derive(Serialize)]
pub(super) struct Health {
    pub(super) verdict: Verdict,
    last_run: Option<RunView>,
    /// When the last run ended that did all that was to be done.
    pub(super) last_good: Option<Timestamp>,
    /// What the next run is to do, if nothing changes, the oldest first.
    pub(super) pending: Vec<Pending>,
    /// What failed when it was last tried.
    pub(super) failed: Vec<Failed>,
    /// What waits for a person.
    pub(super) held: Option<HeldView>,
    /// How many delivered files were found not to be as they were.
    pub(super) drifted: u64,
    /// The process that works on the ledger now.
    active: Option<Active>,
    /// The process that watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<Standing>,
    #[serde(skip)]
    now: Timestamp,
}

#[derive(Serialize)]
struct RunView {
    started: Timestamp,
    finished: Option<Timestamp>,
    counts: Option<RunCounts>,
    /// Absent in ledgers of older versions.
    exit_code: Option<u8>,
    failure: Option<String>,
}

/// Something that is to be done.
#[derive(Serialize)]
pub(super) struct Pending {
    request: Option<RequestId>,
    what: String,
    /// Since when the broker has shown what it follows from.
    pub(super) since: Option<Timestamp>,
}

/// Something that failed.
#[derive(Serialize)]
pub(super) struct Failed {
    request: RequestId,
    failure: String,
}

/// What waits for a person.
#[derive(Serialize)]
pub(super) struct HeldView {
    /// What `approve` takes.
    digest: Digest,
    /// The event that recorded it.
    event: Sequence,
    /// How many commands.
    pub(super) commands: u64,
    /// What else speaks against going on.
    reasons: Vec<String>,
    /// Whether a person has released it for the next run.
    approved: bool,
}

#[derive(Serialize)]
struct Active {
    pid: u32,
    running_seconds: Option<u64>,
    last_written_seconds_ago: Option<u64>,
}

impl Health {
    /// What a state tells at this time; the ledger in `working_dir`, where it is the present state, tells
    /// who works on it.
    pub(super) fn of(state: &State, working_dir: Option<&Path>, now: Timestamp) -> Self {
        let watch = working_dir.and_then(Standing::of);
        let holder = working_dir.and_then(Holder::of);
        // Who watches holds the ledger between runs, too.
        let is_over = state.run().is_some_and(|run| run.finished.is_some());
        let rests = |holder: &Holder| {
            is_over && watch.as_ref().is_some_and(|watch| watch.pid == holder.pid)
        };
        let holder = holder.filter(|holder| !rests(holder));
        let held = held(state);
        let waits = held.as_ref().is_some_and(|held| !held.approved);
        Self {
            verdict: match state.run() {
                None => Verdict::New,
                Some(_) if holder.is_some() => Verdict::Working,
                Some(_) if waits => Verdict::Waits,
                Some(run) if run.is_good() => Verdict::Well,
                Some(_) => Verdict::Failing,
            },
            last_run: state.run().map(run_view),
            last_good: state.last_good(),
            pending: pending(state),
            failed: failed(state),
            held,
            drifted: drifted(state),
            active: holder.map(|holder| Active {
                pid: holder.pid,
                running_seconds: holder.running.map(|it| it.as_secs()),
                last_written_seconds_ago: holder.written.map(|it| it.as_secs()),
            }),
            watch,
            now,
        }
    }

    /// How long the oldest of what is pending has waited.
    pub(super) fn oldest_pending(&self) -> Option<Duration> {
        self.age(self.pending.first()?.since?)
    }

    /// How long ago something was; nothing for what is yet to come.
    pub(super) fn age(&self, time: Timestamp) -> Option<Duration> {
        let micros = u64::try_from(self.now.0.checked_sub(time.0)?).ok()?;
        Some(Duration::from_micros(micros))
    }

    /// Writes it for people.
    pub(super) fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        let (words, colour) = self.verdict.shown();
        writeln!(output, "{}", terminal::painted(words, colour))?;
        if let Some(active) = &self.active {
            write!(output, "Active    process {}", active.pid)?;
            if let Some(seconds) = active.running_seconds {
                write!(
                    output,
                    ", running for {}",
                    lasting(Duration::from_secs(seconds))
                )?;
            }
            if let Some(seconds) = active.last_written_seconds_ago {
                let ago = lasting(Duration::from_secs(seconds));
                write!(output, ", last event written {ago} ago")?;
            }
            writeln!(output)?;
        }
        if let Some(Standing {
            pid,
            interval_seconds,
            websocket,
        }) = &self.watch
        {
            writeln!(
                output,
                "Watch     process {pid}, a run every {interval_seconds} s at least"
            )?;
            match websocket {
                Listening::Connecting => {}
                Listening::Connected => {
                    writeln!(output, "          woken by the broker's websocket")?
                }
                Listening::Polling(why) => {
                    writeln!(
                        output,
                        "          not woken by the broker's websocket: {why}"
                    )?;
                }
            }
        }
        if let Some(run) = &self.last_run {
            self.write_run(output, run)?;
        }
        self.write_pending(output)?;
        for Failed { request, failure } in self.failed.iter().take(FEW) {
            writeln!(output, "Failed    request {request}: {failure}")?;
        }
        if self.failed.len() > FEW {
            writeln!(output, "          and {} more", self.failed.len() - FEW)?;
        }
        if let Some(held) = &self.held {
            let digest = held.digest.to_string();
            let digest = digest.get(..12).unwrap_or(&digest);
            let (commands, event) = (held.commands, held.event);
            let approved = match held.approved {
                true => "; approved, the next run carries it out",
                false => "; `broker-courier plan` shows it",
            };
            writeln!(
                output,
                "Held      {digest}, event {event}: {}{approved}",
                Counted(commands, "command")
            )?;
            for reason in &held.reasons {
                writeln!(output, "          {reason}")?;
            }
        }
        if self.drifted > 0 {
            writeln!(output, "Drifted   {}", self.drifted_in_words())?;
        }
        Ok(())
    }

    fn drifted_in_words(&self) -> String {
        match self.drifted {
            1 => "1 file is not as it was delivered".to_owned(),
            drifted => format!("{drifted} files are not as they were delivered"),
        }
    }

    fn write_run(&self, output: &mut dyn Write, run: &RunView) -> io::Result<()> {
        write!(
            output,
            "Last run  {}",
            self.when(run.finished.unwrap_or(run.started))
        )?;
        match (&run.counts, run.exit_code) {
            (Some(_), Some(code)) => writeln!(output, ", exit code {code}")?,
            (Some(_), None) => writeln!(output)?,
            (None, _) if self.active.is_some() => writeln!(output, ", under way")?,
            (None, _) => writeln!(
                output,
                ", cut off: the next run looks into what is in doubt"
            )?,
        }
        if let Some(counts) = &run.counts {
            writeln!(output, "          {counts}")?;
        }
        if let Some(failure) = &run.failure {
            writeln!(output, "          {failure}")?;
        }
        if self.last_good.is_some() && self.last_good == run.finished {
            return Ok(());
        }
        match self.last_good {
            Some(time) => writeln!(output, "Last good {}", self.when(time)),
            None => writeln!(output, "Last good never"),
        }
    }

    fn write_pending(&self, output: &mut dyn Write) -> io::Result<()> {
        let Some(oldest) = self.pending.first() else {
            return Ok(());
        };
        let since = oldest.since.and_then(|since| self.age(since));
        let since = since.map(|age| format!(" for {}", lasting(age)));
        writeln!(
            output,
            "Pending   {}, the oldest{}\n          {}",
            self.pending.len(),
            since.unwrap_or_default(),
            oldest.what
        )
    }

    /// A time with how long ago it was.
    fn when(&self, time: Timestamp) -> String {
        let shown = time.to_legacy();
        match self.age(time) {
            Some(age) => format!("{shown} UTC, {} ago", lasting(age)),
            None => format!("{shown} UTC"),
        }
    }
}

/// So many lines of one kind are read; the rest is a number.
const FEW: usize = 5;

fn run_view(run: &Run) -> RunView {
    let verdict = run.verdict.as_ref();
    let failure = verdict.and_then(|verdict| verdict.failure.as_ref());
    RunView {
        started: run.started,
        finished: run.finished.map(|(time, _)| time),
        counts: run.finished.map(|(_, counts)| counts),
        exit_code: verdict.map(|verdict| verdict.exit_code),
        failure: failure
            .or(run.poll_failure.as_ref())
            .map(ToString::to_string),
    }
}

fn pending(state: &State) -> Vec<Pending> {
    // Before partners and rules were recorded, nobody knows what is to be done.
    let Some((_, policy)) = state.declared() else {
        return Vec::new();
    };
    let plan = decide(state, policy);
    let blocked = plan.blocked.iter().map(|blocked| &blocked.command);
    let mut pending: Vec<Pending> = plan
        .changes()
        .chain(blocked)
        .map(|it| due(state, it))
        .collect();
    pending.sort_by_key(|it| (it.since.is_none(), it.since));
    pending
}

fn due(state: &State, command: &Command) -> Pending {
    let request = command.request();
    Pending {
        request,
        what: command.to_string(),
        since: request.and_then(|id| state.request(id)?.changed),
    }
}

fn failed(state: &State) -> Vec<Failed> {
    let requests = state.requests();
    requests
        .filter_map(|(request, it)| {
            let failure = it.failure.as_ref()?.to_string();
            Some(Failed { request, failure })
        })
        .collect()
}

fn held(state: &State) -> Option<HeldView> {
    let held = state.held().filter(|held| held.held.waits())?;
    let mut reasons: Vec<String> = Vec::new();
    if !held.held.exchanges.is_empty() {
        reasons.push(held.held.exchanges.to_string());
    }
    reasons.extend(held.held.estranged.as_ref().map(ToString::to_string));
    reasons.extend(
        held.held
            .key
            .as_ref()
            .map(|key| Guard::UnannouncedKey(*key).to_string()),
    );
    Some(HeldView {
        digest: held.digest,
        event: held.entry,
        commands: held.held.commands.len() as u64,
        reasons,
        approved: state.approval().is_some(),
    })
}

fn drifted(state: &State) -> u64 {
    let files = state
        .requests()
        .filter_map(|(_, request)| request.remote.file());
    files.filter(|file| file.drift.is_some()).count() as u64
}

/// What a monitoring system reads: a line, and a code as the Monitoring Plugins' guidelines have them
/// (<https://www.monitoring-plugins.org/doc/guidelines.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        })
    }
}

impl Health {
    /// How grave it is, when no good run longer ago than `max_age` is worth no alarm, and a line on it.
    pub(super) fn checked(&self, max_age: Duration) -> (Level, String) {
        let age = self.last_good.and_then(|time| self.age(time));
        let mut level = Level::Ok;
        let mut words = Vec::new();
        let mut found = |grave: Level, said: String| {
            level = level.max(grave);
            words.push(said);
        };
        match age {
            None if self.last_good.is_some() => {
                found(
                    Level::Warning,
                    "the last good run is in the future".to_owned(),
                );
            }
            None => found(Level::Critical, "no run was good yet".to_owned()),
            Some(age) => {
                let grave = match age > max_age {
                    true => Level::Critical,
                    false => Level::Ok,
                };
                found(grave, format!("last good run {} ago", lasting(age)));
            }
        }
        if let Some(held) = self.held.as_ref().filter(|held| !held.approved) {
            found(
                Level::Warning,
                match held.commands {
                    1 => "1 command waits for a person".to_owned(),
                    commands => format!("{commands} commands wait for a person"),
                },
            );
        }
        let failure = self.last_run.as_ref().and_then(|run| run.failure.as_ref());
        if let Some(failure) = failure {
            found(Level::Warning, format!("last run: {failure}"));
        }
        if !self.failed.is_empty() {
            found(
                Level::Warning,
                format!("{} failed", Counted(self.failed.len(), "request")),
            );
        }
        if self.drifted > 0 {
            found(Level::Warning, self.drifted_in_words());
        }
        let seconds = |age: Duration| age.as_secs();
        // Performance data: label=value[unit];warn;crit
        let line = format!(
            "BROKER-COURIER {level} - {} | age={}s;;{} pending={} failed={} held={} drifted={}",
            words.join("; ").replace('|', "/"),
            age.map_or("U".to_owned(), |age| seconds(age).to_string()),
            seconds(max_age),
            self.pending.len(),
            self.failed.len(),
            self.held.as_ref().map_or(0, |held| held.commands),
            self.drifted
        );
        (level, line)
    }
}
