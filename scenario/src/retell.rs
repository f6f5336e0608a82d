//! A history that is there already, told in the language of scenarios, ready to be saved as one.
//!
//! What always holds: what is printed, played from its beginning, folds to the same state. What the
//! language has no words for (digests of contents, versions, who approved) is in no state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use courier_ledger::{
    Command, Digest, Drift, Entry, Event, Failure, Found, NumberSet, Policy, Presence, Removal,
    RequestId, Sequence, SnapshotDelta, Span, State, Timestamp,
};

use crate::broker;
use crate::counts;
use crate::history::{STEP_MICROS, failure};
use crate::setting;
use crate::shown;
use crate::whole_list::{self, Others};
use crate::words::{Written as _, key};

/// Tells the entries of a log; `policies` are the ones that runs began with, by their first entry,
/// `comments` what stands before an entry.
#[must_use]
pub fn retell(
    entries: &[Entry],
    policies: &BTreeMap<Sequence, Policy>,
    comments: &BTreeMap<Sequence, Vec<String>>,
) -> String {
    let mut telling = Telling::default();
    for entry in entries {
        for comment in comments.get(&entry.sequence).into_iter().flatten() {
            telling.comment(comment);
        }
        telling.entry(entry, policies.get(&entry.sequence));
    }
    let beyond = comments.range(telling.state.tip().next()..);
    for comment in beyond.flat_map(|(_, comments)| comments) {
        telling.comment(comment);
    }
    let said = std::mem::take(&mut telling.said);
    let mut text = telling.text;
    if said.is_empty() {
        text.push_str("state\n----\n");
    } else {
        let _ = write!(text, "----\n{said}\nstate\n----\n");
    }
    text.push_str(&shown::state(&telling.state));
    text
}

#[derive(Default)]
struct Telling {
    text: String,
    /// What the lines of this block say.
    said: String,
    state: State,
    time: Option<Timestamp>,
    policy: Option<Policy>,
    unreadable: BTreeMap<RequestId, Failure>,
    others: Others,
    /// When each was published, as it was last told.
    published: BTreeMap<RequestId, Option<i64>>,
    /// Whether the last line began commands, which more can be begun with.
    begins: bool,
}

impl Telling {
    fn say(&mut self, line: &str) {
        self.begins = false;
        shown::line(&mut self.text, line);
    }

    fn comment(&mut self, comment: &str) {
        self.say(&format!("# {}", comment.replace('\n', " ")));
    }

    /// Sets the clock if the next entry would have another time.
    fn clock(&mut self, time: Timestamp) {
        let due = self.time.map(|last| last.0.saturating_add(STEP_MICROS));
        if due.is_some_and(|due| due != time.0) {
            self.say(&format!("clock {}", time.0));
        }
    }

    fn entry(&mut self, entry: &Entry, policy: Option<&Policy>) {
        // Whoever asks wants to see what led to an entry that cannot follow, too.
        let after = self.state.clone().apply(entry);
        match &entry.event {
            Event::LogCreated { log, .. } => {
                let start = Timestamp(1_700_000_000_000_000 + STEP_MICROS);
                match entry.time == start {
                    true => self.say(&format!("begin log {log}")),
                    false => {
                        self.say("begin empty");
                        self.say(&format!("clock {}", entry.time.0));
                        self.say(&format!("create log {log}"));
                    }
                }
            }
            Event::CommandStarted {
                command, approval, ..
            } => {
                self.begin(entry, command, *approval);
                if after.is_ok() {
                    let said = format!("#{} {}", entry.sequence, shown::command(command));
                    shown::line(&mut self.said, &said);
                }
            }
            event => {
                let lines = self.lines(event, policy, after.as_ref().ok());
                for line in lines {
                    if line.records {
                        self.clock(entry.time);
                    }
                    self.say(&line.words);
                }
                if let (Event::RemoteObserved(delta), Ok(_)) = (event, &after) {
                    self.said.push_str(&shown::look(delta));
                }
            }
        }
        self.time = Some(entry.time);
        match after {
            Ok(state) => self.state = state,
            Err(illegal) => shown::line(&mut self.said, &illegal.to_string()),
        }
    }

    fn begin(&mut self, entry: &Entry, command: &Command, approval: Option<Sequence>) {
        let mut words = match command {
            Command::Upload {
                request, reason, ..
            } => format!("upload {request} {}", reason.written()),
            Command::Delete {
                request, evidence, ..
            } => format!("delete {request} {}", evidence.written()),
            Command::RemoveTemporary { name } => format!("remove {name}"),
            Command::PublishLedger { .. } => "publish".to_owned(),
        };
        match approval {
            Some(approval) => {
                let _ = write!(words, " under #{approval}");
            }
            None if self.state.approval().is_some() => words.push_str(" under none"),
            None => {}
        }
        if self.begins && self.time == Some(entry.time) {
            self.text.pop();
            shown::line(&mut self.text, &format!(", {words}"));
        } else {
            self.clock(entry.time);
            self.say(&format!("begin {words}"));
        }
        self.begins = true;
    }

    /// The lines that lead to an event, the last of which records it.
    fn lines(
        &mut self,
        event: &Event,
        policy: Option<&Policy>,
        after: Option<&State>,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        match event {
            Event::LogCreated { .. } | Event::CommandStarted { .. } => {}
            Event::LegacyImported { entries, .. } => {
                let mut xml = "<status>".to_owned();
                for entry in entries {
                    let _ = write!(
                        xml,
                        "<request-status><id>{}</id><completion>{}</completion>\
                         <uploaded>{}</uploaded>",
                        entry.id,
                        entry.completion,
                        entry.uploaded.to_legacy()
                    );
                    for (element, time) in [
                        ("last-update", entry.last_update),
                        ("deleted", entry.deleted),
                    ] {
                        if let Some(time) = time {
                            let _ = write!(xml, "<{element}>{}</{element}>", time.to_legacy());
                        }
                    }
                    xml.push_str("</request-status>");
                }
                lines.push(records(format!("import {xml}</status>")));
            }
            Event::RunStarted { .. } => {
                if let Some(policy) = policy {
                    let known = self.policy.replace(*policy);
                    let known = known.unwrap_or(Policy::new(crate::KEY));
                    let differing = setting::differing(&known, policy);
                    lines.extend(differing.map(|words| sets(format!("set {words}"))));
                }
                lines.push(records("start".to_owned()));
            }
            Event::SnapshotObserved(delta) => {
                let unreadable: BTreeMap<_, _> = delta
                    .unreadable
                    .iter()
                    .map(|unreadable| (unreadable.id, unreadable.failure.clone()))
                    .collect();
                for observation in &delta.changed {
                    let published = observation.published.map(|time| time.0);
                    lines.push(sets(broker::line(
                        observation.id.0,
                        published,
                        &observation.nodes,
                    )));
                }
                for gone in &delta.gone {
                    lines.push(sets(format!(
                        "withdraw {} {}",
                        gone.id,
                        gone.evidence.written()
                    )));
                }
                for (id, failure) in &unreadable {
                    if self.unreadable.get(id) != Some(failure) {
                        lines.push(sets(format!(
                            "unreadable {id}{}",
                            self::failure_words(failure)
                        )));
                    }
                }
                // What can be read again, and is as it was.
                let told: BTreeSet<_> = delta
                    .changed
                    .iter()
                    .map(|observation| observation.id)
                    .chain(delta.gone.iter().map(|gone| gone.id))
                    .collect();
                for id in self.unreadable.keys() {
                    let known = self.state.request(*id).and_then(|it| it.observed.as_ref());
                    if !unreadable.contains_key(id)
                        && !told.contains(id)
                        && let Some((known, _)) = known
                    {
                        let published = known.published.map(|time| time.0);
                        lines.push(sets(broker::line(id.0, published, &known.nodes)));
                    }
                }
                lines.extend(self.others(delta, after));
                self.unreadable = unreadable;
                lines.push(records("poll".to_owned()));
            }
            Event::PollFailed { failure } => {
                lines.push(records(format!("poll fails{}", failure_words(failure))));
            }
            Event::Uploaded {
                start,
                delivery,
                found,
            }
            | Event::PickedUp {
                start,
                delivery,
                found,
            } => {
                let verb = match event {
                    Event::Uploaded { .. } => "uploaded",
                    _ => "picked-up",
                };
                let (bytes, id) = (delivery.size_bytes, key(delivery.key));
                let by = delivery.placement.written();
                lines.push(records(format!(
                    "{verb} #{start}{} bytes {bytes} key {id} by {by}",
                    found_words(*found)
                )));
            }
            Event::Deleted {
                start,
                removal,
                found,
            } => {
                let removal = match removal {
                    Removal::Removed => "",
                    Removal::AlreadyAbsent => " already-absent",
                };
                let found = found_words(*found);
                lines.push(records(format!("deleted #{start}{removal}{found}")));
            }
            Event::CommandFailed {
                start,
                failure,
                remote,
                found,
            } => {
                let (remote, failure) = (remote.written(), failure_words(failure));
                let found = found_words(*found);
                lines.push(records(format!("failed #{start} {remote}{found}{failure}")));
            }
            Event::DeletionsApproved { plan, .. } => {
                lines.push(records(format!("approve digest {plan}")));
            }
            Event::PlanHeld { .. } => lines.push(records("hold".to_owned())),
            Event::PlanApproved { plan, .. } => {
                let known = self.state.held().map(|held| held.digest);
                let other = match known == Some(*plan) {
                    true => "",
                    false => " other",
                };
                lines.push(records(format!("approve{other}")));
            }
            Event::LedgerPublished {
                start,
                through,
                sha256,
                size_bytes,
            } => {
                let mut words = format!("published #{start}");
                if through != start {
                    let _ = write!(words, " through #{through}");
                }
                if *sha256 != Digest([1; 32]) {
                    let _ = write!(words, " sha256 {sha256}");
                }
                let _ = write!(words, " bytes {size_bytes}");
                lines.push(records(words));
            }
            Event::RunFinished { counts, .. } => {
                lines.push(records(format!("finish{}", counts::written(*counts))));
            }
            Event::TailRecovered {
                offset, size_bytes, ..
            } => lines.push(records(format!("recover {offset} {size_bytes}"))),
            Event::RemoteObserved(_) => {
                let mut words = "look".to_owned();
                for (id, file) in after.into_iter().flat_map(State::stored_files) {
                    let _ = match file.drift {
                        Some(Drift::Missing) => write!(words, " {id} missing"),
                        Some(Drift::Resized { size_bytes }) => {
                            write!(words, " {id} has {size_bytes}")
                        }
                        None => Ok(()),
                    };
                }
                lines.push(records(words));
            }
            Event::RemoteCheckFailed { failure } => {
                lines.push(records(format!("look fails{}", failure_words(failure))));
            }
        }
        lines
    }

    /// What the whole list had besides what is listed.
    fn others(&mut self, delta: &SnapshotDelta, after: Option<&State>) -> Vec<Line> {
        let mut lines = Vec::new();
        let observed = delta.changed.iter();
        self.published
            .extend(observed.map(|it| (it.id, it.published.map(|time| time.0))));
        let Some(whole) = &delta.whole else {
            if self.others.take().is_some() {
                lines.push(sets(whole_list::line(&None)));
            }
            return lines;
        };
        let renumbered: BTreeMap<_, _> = whole
            .renumbered
            .iter()
            .map(|it| (it.id, it.published.map(|time| time.0)))
            .collect();
        self.published.extend(&renumbered);
        let state = after.unwrap_or(&self.state);
        let is_listed = |id: &RequestId| {
            let request = state.request(*id);
            request.is_some_and(|request| request.presence == Presence::Listed)
        };
        let mut others = BTreeMap::new();
        let spans = state.numbers().map_or(&[] as &[_], NumberSet::spans);
        for id in spans.iter().flat_map(|Span(first, last)| first.0..=last.0) {
            let id = RequestId(id);
            let published = self.published.get(&id).copied().flatten();
            if !is_listed(&id) {
                others.insert(id.0, published);
            } else if renumbered.contains_key(&id) && state.unreadable().any(|it| it.0 == id) {
                // Its status cannot be read, and the whole list says that it is another.
                lines.push(sets(broker::line(id.0, published, &[])));
                let failure = state.unreadable().find(|it| it.0 == id);
                let words = failure.map(|it| failure_words(it.1)).unwrap_or_default();
                lines.push(sets(format!("unreadable {id}{words}")));
            }
        }
        if self.others.as_ref() != Some(&others) {
            lines.push(sets(whole_list::line(&Some(others.clone()))));
            self.others = Some(others);
        }
        lines
    }
}

struct Line {
    words: String,
    records: bool,
}

fn sets(words: String) -> Line {
    let records = false;
    Line { words, records }
}

fn records(words: String) -> Line {
    let records = true;
    Line { words, records }
}

/// What was found, as the outcome of a command says it.
fn found_words(found: Option<Found>) -> String {
    match found {
        None => String::new(),
        Some(Found::Nothing) => " found nothing".to_owned(),
        Some(Found::Own(start)) => format!(" found own#{start}"),
        Some(Found::Foreign) => " found foreign".to_owned(),
    }
}

/// A failure as it is read, after a space; nothing for the one that needs no words.
fn failure_words(failure: &Failure) -> String {
    if *failure == self::failure() {
        return String::new();
    }
    let (phase, class) = (failure.phase.written(), failure.class.written());
    let text = failure.text.replace('"', "'");
    format!(" {phase} {class} \"{text}\"")
}
