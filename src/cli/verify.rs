//! `verify`: every byte of the ledger, from the first to the last; `status.xml` against it, judged as a run
//! judges it; and copies of `status.xml` that somebody kept.

use courier_ledger::log::{Reading, Tail};
use courier_ledger::{
    Decisions, Digest, KeptCopies, LogId, Sequence, State, StatusDocument, Timestamp, Tip,
};
use serde::Serialize;

use super::against::{self, JudgedCopy};
use super::arguments::{Arguments, VerifyOptions};
use super::checkpoints::Checkpoints;
use super::decisions::{self, DecisionsView};
use super::error::{CommandError, NoProjection};
use super::standing::LocalStatus;
use super::times::Times;
use super::{ledger, output, parts, redacted, terminal, verify_copy};
use crate::effects::ledger_witness::Witness;
use crate::exit_code::ExitCode;

pub(crate) fn verify(
    arguments: &Arguments,
    options: &VerifyOptions,
) -> Result<ExitCode, CommandError> {
    let location = parts::location(arguments)?;
    let directory = location.folder();
    if redacted::is_copy(&location)? {
        return verify_copy::verify(directory, options);
    }
    let copies = against::read(&options.against)?;
    // Before the log: a run that is under way replaces it only after what it shows.
    let local = LocalStatus::read(directory);
    let (witness, mut witnessed) = (location.witness()?, None);
    let seen = witness.as_ref().map(Witness::event);
    let mut checkpoints = Checkpoints::read(directory, options)?;
    let decisions = options.decisions.then(Decisions::default);
    let mut audit = Audit::new(&local, copies, decisions);
    let bar = progress_bar();
    let audited = ledger::audit(
        &location,
        |entry| {
            checkpoints.take(&entry);
            if seen == Some(entry.sequence) {
                witnessed = Some(entry.hash);
            }
            audit.read(&entry)
        },
        |progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.done_bytes);
        },
    );
    bar.finish_and_clear();
    let reading = match audited {
        Ok(reading) => reading,
        Err(error) if ledger::is_absent(&location) => {
            // A run would say so before it says that there is no ledger.
            if let Some(witness) = witness {
                witness.judge(&State::default(), None)?;
            }
            local.judge(&State::default(), None)?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    if let Some(witness) = witness {
        witness.judge(&audit.state, witnessed)?;
    }
    let shown = audit.status(local)?;
    let tree = checkpoints.judged()?;
    let judged = against::judged(&options.against, &audit.copies, reading.tip);
    let otherwise = audit
        .decisions
        .as_ref()
        .is_some_and(|it| !it.otherwise.is_empty());
    let contained = judged.iter().all(JudgedCopy::is_contained) && !otherwise;
    let written = if options.json {
        output::write_json(&AuditView::new(&reading, tree, shown, &audit, judged))
    } else {
        write(&reading, tree, shown, &audit, &judged)
    };
    match (contained, written) {
        (true, Ok(())) => Ok(ExitCode::Done),
        (true, Err(error)) => Err(error),
        (false, written) => {
            // What was found weighs more than who can read of it.
            if let Err(error) = written {
                error.report();
            }
            Ok(ExitCode::Ledger)
        }
    }
}

/// What is gathered while the log is read.
struct Audit {
    state: State,
    times: Times,
    copies: KeptCopies,
    /// Every decision once more, if that is asked for.
    decisions: Option<Decisions>,
    /// The times of the first entry and the last.
    period: Option<(Timestamp, Timestamp)>,
    /// What the local `status.xml` shows.
    claim: Option<Tip>,
    /// The hash of that entry in this log, and what the log shows as of it.
    shown: Option<(Digest, StatusDocument)>,
}

impl Audit {
    fn new(local: &LocalStatus, copies: KeptCopies, decisions: Option<Decisions>) -> Self {
        Self {
            state: State::default(),
            times: Times::default(),
            copies,
            decisions,
            period: None,
            claim: local.projection().map(|(tip, _)| tip),
            shown: None,
        }
    }

    fn read(
        &mut self,
        entry: &courier_ledger::Entry,
    ) -> Result<(), courier_ledger::log::FoldError> {
        self.times.read(entry);
        let (first, _) = self.period.unwrap_or((entry.time, entry.time));
        self.period = Some((first, entry.time));
        if let Some(decisions) = &mut self.decisions {
            decisions.read(&self.state, entry);
        }
        self.state.advance(entry)?;
        self.copies.read(&self.state, entry);
        if let (Some(claim), Some(log)) = (self.claim, self.state.log())
            && claim.sequence == entry.sequence
        {
            let tip = Tip {
                log,
                sequence: entry.sequence,
                hash: entry.hash,
            };
            self.shown = Some((entry.hash, StatusDocument::project(&self.state, tip)));
        }
        Ok(())
    }

    /// The event as of which the local `status.xml` is the projection; none where there is none of this
    /// ledger. What keeps a run from going on is an error here, too.
    fn status(&self, local: LocalStatus) -> Result<Option<Sequence>, CommandError> {
        let hash = self.shown.as_ref().map(|(hash, _)| *hash);
        let differs = match (local.projection(), &self.shown) {
            (Some((tip, bytes)), Some((_, document))) if document.as_bytes() != bytes => Some(tip),
            (Some(_) | None, _) => None,
        };
        let is_of_this = self
            .claim
            .is_some_and(|it| self.state.log() == Some(it.log));
        local.usable(&self.state, hash)?;
        match differs.filter(|_| is_of_this) {
            Some(Tip { sequence, .. }) => Err(NoProjection::Differs { shown: sequence }.into()),
            None => Ok(self.claim.filter(|_| is_of_this).map(|it| it.sequence)),
        }
    }
}

#[derive(Serialize)]
struct AuditView {
    log: LogId,
    events: Sequence,
    hash: Digest,
    tree_root: Option<Digest>,
    checkpoints: usize,
    size_bytes: u64,
    tail: &'static str,
    status_xml_shows: Option<Sequence>,
    /// When the first entry was recorded, …
    first_time: Option<Timestamp>,
    /// … and the last.
    last_time: Option<Timestamp>,
    runs: u64,
    times_go_back: u64,
    decisions: Option<DecisionsView>,
    against: Vec<JudgedCopy>,
}

impl AuditView {
    fn new(
        reading: &Reading,
        tree: Option<(Digest, usize)>,
        shown: Option<Sequence>,
        audit: &Audit,
        against: Vec<JudgedCopy>,
    ) -> Self {
        Self {
            tree_root: tree.map(|(root, _)| root),
            checkpoints: tree.map_or(0, |(_, checkpoints)| checkpoints),
            log: reading.tip.log,
            events: reading.tip.sequence,
            hash: reading.tip.hash,
            size_bytes: reading.size_bytes,
            tail: match reading.tail {
                Tail::Complete => "complete",
                Tail::BeingWritten => "being-written",
                Tail::Torn(_) => "torn",
            },
            status_xml_shows: shown,
            first_time: audit.period.map(|(first, _)| first),
            last_time: audit.period.map(|(_, last)| last),
            runs: reading.runs,
            times_go_back: audit.times.count(),
            decisions: audit.decisions.as_ref().map(DecisionsView::new),
            against,
        }
    }
}

fn write(
    reading: &Reading,
    tree: Option<(Digest, usize)>,
    shown: Option<Sequence>,
    audit: &Audit,
    judged: &[JudgedCopy],
) -> Result<(), CommandError> {
    let status = match shown {
        None => "there is no status.xml of this ledger yet".to_owned(),
        Some(at) => format!("status.xml is the projection as of event {at}"),
    };
    output::write(|output| {
        let Tip {
            log,
            sequence,
            hash,
        } = reading.tip;
        writeln!(
            output,
            "The ledger {log} is whole: {sequence} events, {} bytes.\n\
             Hash chain, head, every event and every transition were checked; {status}.\n\
             Last event: {sequence}, hash {hash}",
            reading.size_bytes,
        )?;
        if let Some((root, checkpoints)) = tree {
            let (is, s) = if checkpoints == 1 {
                ("is", "")
            } else {
                ("are", "s")
            };
            writeln!(
                output,
                "{checkpoints} checkpoint{s} {is} of this history; the tree's root is {root}"
            )?;
        }
        audit.times.write(output)?;
        if let Some(decisions) = &audit.decisions {
            decisions::write(output, decisions)?;
        }
        match reading.tail {
            Tail::Complete => {}
            Tail::BeingWritten => writeln!(output, "A run is writing the next event right now.")?,
            Tail::Torn(_) => writeln!(
                output,
                "Behind it is an event that a crash cut short: the next run keeps it aside and goes on."
            )?,
        }
        for copy in judged {
            writeln!(output, "{copy}")?;
        }
        Ok(())
    })
}

/// On a terminal, how far the audit has come.
fn progress_bar() -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    match style {
        Ok(style) => terminal::progress_bar(0).with_style(style),
        Err(_) => indicatif::ProgressBar::hidden(),
    }
}
