//! A history that is there already, told in the language of scenarios, ready to be saved as one.
//!
//! What always holds: what is printed, played from its beginning, folds to the same state. What the
//! language has no words for (digests of contents, versions, who approved) is in no state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use courier_ledger::{Command, Entry, Event, Found, Policy, Sequence, State, Timestamp};

use crate::history::STEP_MICROS;
use crate::partners;
use crate::polls::Polls;
use crate::recorded;
use crate::setting;
use crate::shown;
use crate::words::Written as _;

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
    polls: Polls,
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
                command,
                approval,
                found,
                ..
            } => {
                self.begin(entry, command, *approval, *found);
                if after.is_ok() {
                    let said = format!("#{} {}", entry.sequence, shown::command(command));
                    shown::line(&mut self.said, &said);
                }
            }
            event => {
                for line in self.before(event, policy, after.as_ref().ok()) {
                    self.say(&line);
                }
                if let Some(line) = recorded::line(event, &self.state, after.as_ref().ok()) {
                    self.clock(entry.time);
                    self.say(&line);
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

    fn begin(
        &mut self,
        entry: &Entry,
        command: &Command,
        approval: Option<Sequence>,
        found: Option<Found>,
    ) {
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
        words.push_str(&recorded::found_words(found));
        if self.begins && self.time == Some(entry.time) {
            self.text.pop();
            shown::line(&mut self.text, &format!(", {words}"));
        } else {
            self.clock(entry.time);
            self.say(&format!("begin {words}"));
        }
        self.begins = true;
    }

    /// What has to be so before an event is recorded.
    fn before(
        &mut self,
        event: &Event,
        policy: Option<&Policy>,
        after: Option<&State>,
    ) -> Vec<String> {
        if let Event::SnapshotObserved(delta) = event {
            self.polls.lines(delta, &self.state, after)
        } else if let Event::PartnersDeclared { partners, .. } = event {
            let keys = partners::written(partners).into_iter();
            keys.map(|words| format!("set {words}")).collect()
        } else if let (Event::RunStarted { .. }, Some(policy)) = (event, policy) {
            let known = self.policy.replace(*policy);
            let known = known.unwrap_or(Policy::new(crate::KEY));
            let differing = setting::differing(&known, policy);
            differing.map(|words| format!("set {words}")).collect()
        } else {
            Vec::new()
        }
    }
}
