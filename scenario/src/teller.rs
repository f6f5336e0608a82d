//! What each line of a story does to a history.
//!
//! What always holds: an event that cannot follow is answered with the reason and changes nothing.
//! Deliberately absent: the program's run loop; what is done here is what its log says of it.

use std::collections::BTreeMap;

use courier_ledger::{
    Command, Digest, Event, Evidence, Guards, Hundredths, Intent, LegacyEntry, Look, Policy,
    RemoteDelta, RemoteName, Removal, RequestId, RunCounts, Seen, Sequence, Timestamp,
    UploadReason,
};

use crate::alteration::{self, name};
use crate::broker::failure_in;
use crate::file::Stage;
use crate::history::{History, delivery};
use crate::shown;
use crate::table::Tables;
use crate::words::{Unclear, Words, range};

/// Whether a line's events are recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Record,
    /// It is only said whether they could be.
    Try,
}

/// Tells stories.
pub struct Teller {
    history: History,
    saved: BTreeMap<String, History>,
    pub(crate) tables: Tables,
    /// How many entries were shown.
    shown: usize,
    mode: Mode,
    /// The number that the next event claims, if it is not the next one.
    number: Option<Sequence>,
}

impl Default for Teller {
    fn default() -> Self {
        Self::of(History::new())
    }
}

impl Teller {
    /// Goes on with a history.
    #[must_use]
    pub fn of(history: History) -> Self {
        Self {
            history,
            saved: BTreeMap::new(),
            tables: Tables::default(),
            shown: 0,
            mode: Mode::Record,
            number: None,
        }
    }

    /// The history as it is now.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    fn take(&mut self, verb: &str, words: &mut Words) -> Result<String, Unclear> {
        if self.history.broker.tell(verb, words)? {
            words.end()?;
            return Ok(String::new());
        }
        let text = match verb {
            "begin" => self.begin(words)?,
            "uploaded" | "picked-up" | "deleted" | "failed" | "published" => {
                let (start, intent) = self.open(words)?;
                let event = self.outcome(verb, start, intent.as_ref(), words)?;
                self.note(event)
            }
            "save" => {
                self.saved.insert(words.word()?, self.history.clone());
                String::new()
            }
            "from" => {
                let name = words.word()?;
                let unclear = || Unclear::new(format!("nothing was saved as {name:?}"));
                self.history = self.saved.get(&name).ok_or_else(unclear)?.clone();
                self.shown = self.history.entries().len();
                String::new()
            }
            "set" => {
                set(&mut self.history.policy, words)?;
                String::new()
            }
            "clock" => {
                self.history.set_clock(Timestamp(words.value()?));
                String::new()
            }
            "approve" => self.approve(words)?,
            "import" => self.import_ids(words)?,
            "create" => {
                let log = words.after("log")?.unwrap_or(self.history_log());
                let version = "test".to_owned();
                self.note(Event::LogCreated { log, version })
            }
            "start" => self.note(self.history.run_started()),
            "poll" => self.poll(words)?,
            "look" => self.look(words)?,
            "decide" => shown::plan(&self.history.decide()),
            "plan" => shown::plan(&self.history.plan()),
            "run" => shown::plan(&self.history.run()),
            "finish" => self.finish(words)?,
            "recover" => {
                let (offset, size_bytes) = (words.value()?, words.value()?);
                let sha256 = Digest([6; 32]);
                self.note(Event::TailRecovered {
                    offset,
                    size_bytes,
                    sha256,
                })
            }
            "state" => shown::state(self.history.state()),
            "status" => shown::status(self.history.state()),
            "status.xml" => shown::status_xml(self.history.state()),
            "approval" => match self.history.state().approval() {
                Some(plan) => format!("approved: {plan}\n"),
                None => "nothing is approved\n".to_owned(),
            },
            "events" => {
                let entries = self.history.entries();
                let new = entries.get(self.shown..).unwrap_or_default();
                let text = new.iter().map(|entry| shown::entry(entry) + "\n").collect();
                self.shown = entries.len();
                text
            }
            "allowance" => {
                let guards = self.history.policy.guards;
                let stored = words.numbers()?.into_iter();
                stored
                    .map(|stored| format!("{stored} stored: {}\n", guards.allowance(stored)))
                    .collect()
            }
            _ => return Err(Unclear::new(format!("{verb:?} is not a command"))),
        };
        words.end()?;
        Ok(text)
    }

    fn history_log(&self) -> courier_ledger::LogId {
        self.history
            .state()
            .log()
            .unwrap_or(courier_ledger::LogId([7; 16]))
    }

    /// Records an event, or says why it cannot follow.
    fn note(&mut self, event: Event) -> String {
        let taken = match (self.mode, self.number) {
            (Mode::Record, None) => {
                return match self.history.try_record(event) {
                    Ok(_) => String::new(),
                    Err(illegal) => format!("{illegal}\n"),
                };
            }
            (_, None) => self.history.try_event(event),
            (_, Some(number)) => self.history.try_entry(number, event),
        };
        match taken {
            Ok(_) => "allowed\n".to_owned(),
            Err(illegal) => format!("{illegal}\n"),
        }
    }

    /// A new history, or the beginning of commands.
    fn begin(&mut self, words: &mut Words) -> Result<String, Unclear> {
        match words.peek() {
            None => {
                self.renew(History::new());
                return Ok(String::new());
            }
            Some("empty" | "log" | "stored") => {}
            Some(_) => return self.begin_commands(words),
        }
        if words.next_is("empty") {
            let new = History::without_log("test", Timestamp(1_700_000_000_000_000));
            self.renew(new);
        } else if let Some(log) = words.after("log")? {
            let mut new = History::without_log("test", Timestamp(1_700_000_000_000_000));
            new.create(log);
            self.renew(new);
        } else if let Some(count) = words.after::<u64>("stored")? {
            self.renew(stored(count));
        }
        Ok(String::new())
    }

    fn renew(&mut self, history: History) {
        self.shown = history.entries().len();
        self.history = history;
    }

    /// Several commands in one line are begun at the same time, with one append.
    fn begin_commands(&mut self, words: &mut Words) -> Result<String, Unclear> {
        let mut text = String::new();
        loop {
            let mut command = self.command(words)?;
            let start = self.history.state().tip().next();
            let altered = alteration::command(&mut command, words)?;
            let own = || command.temporary(self.history_log(), start);
            let temporary = altered.unwrap_or_else(own);
            let said = self.note(Event::CommandStarted {
                command: command.clone(),
                temporary,
            });
            if said.is_empty() {
                shown::line(&mut text, &format!("#{start} {}", shown::command(&command)));
            } else {
                text.push_str(&said);
            }
            if !words.next_is(",") {
                return Ok(text);
            }
            self.history.set_clock(self.history.now());
        }
    }

    /// A command: one that is planned, or one that the words say everything about.
    fn command(&self, words: &mut Words) -> Result<Command, Unclear> {
        match words.word()?.as_str() {
            "upload" => {
                let id = RequestId(words.value()?);
                let Some(reason) = words.maybe::<UploadReason>() else {
                    return self.planned(id);
                };
                let unclear = || Unclear::new(format!("request {id} was never read"));
                self.history.upload(id, reason).ok_or_else(unclear)
            }
            "delete" => {
                let request = RequestId(words.value()?);
                match words.maybe::<Evidence>() {
                    Some(evidence) => Ok(Command::Delete {
                        request,
                        name: RemoteName::export(request),
                        evidence,
                    }),
                    None => self.planned(request),
                }
            }
            "remove" => {
                let word = words.word()?;
                let mut leftovers = self.history.state().leftovers();
                let name = match leftovers.find(|name| name.as_str() == word) {
                    Some(name) => name.clone(),
                    None => name(&mut Words::of(&word))?,
                };
                Ok(Command::RemoveTemporary { name })
            }
            "publish" => Ok(Command::PublishLedger {
                name: RemoteName::ledger(),
            }),
            other => Err(Unclear::new(format!(
                "{other:?} is not a command that can begin"
            ))),
        }
    }

    fn planned(&self, id: RequestId) -> Result<Command, Unclear> {
        let mut commands = self.history.decide().commands.into_iter();
        let planned = commands.find(|command| command.request() == Some(id));
        planned.ok_or_else(|| Unclear::new(format!("nothing is planned for request {id}")))
    }

    /// The command that a line is about: `#7`, the number of a request, or `status`.
    fn open(&self, words: &mut Words) -> Result<(Sequence, Option<Intent>), Unclear> {
        let mut intents = self.history.state().intents();
        let found = if let Some(start) = words.maybe::<Sequence>() {
            let intent = intents.find(|(open, _)| *open == start);
            return Ok((start, intent.map(|(_, intent)| intent.clone())));
        } else if words.next_is("status") {
            intents.find(|(_, intent)| matches!(intent.command, Command::PublishLedger { .. }))
        } else {
            let id = RequestId(words.value()?);
            intents.find(|(_, intent)| intent.command.request() == Some(id))
        };
        let (start, intent) = found.ok_or_else(|| Unclear::new("no such command is under way"))?;
        Ok((start, Some(intent.clone())))
    }

    fn outcome(
        &self,
        verb: &str,
        start: Sequence,
        intent: Option<&Intent>,
        words: &mut Words,
    ) -> Result<Event, Unclear> {
        Ok(match verb {
            "deleted" => Event::Deleted {
                start,
                removal: words.maybe().unwrap_or(Removal::Removed),
                found: words.after("found")?,
            },
            "failed" => Event::CommandFailed {
                start,
                remote: words.value()?,
                found: words.after("found")?,
                failure: failure_in(words)?,
            },
            "published" => Event::LedgerPublished {
                start,
                through: words.after("through")?.unwrap_or(start),
                sha256: words.after("sha256")?.unwrap_or(Digest([1; 32])),
                size_bytes: words.after("bytes")?.unwrap_or(1),
            },
            _ => {
                let name = match words.next_is("as") {
                    true => name(words)?,
                    false => intent.map_or(RemoteName::ledger(), |it| it.command.name().clone()),
                };
                let mut delivery = delivery(&name, self.history.policy.key);
                let found = words.after("found")?;
                while words.peek().is_some() {
                    if let Some(bytes) = words.after("bytes")? {
                        delivery.size_bytes = bytes;
                    } else if let Some(key) = words.after("key")? {
                        delivery.key = key;
                    } else {
                        words.expect("by")?;
                        delivery.placement = words.value()?;
                    }
                }
                match verb {
                    "uploaded" => Event::Uploaded {
                        start,
                        delivery,
                        found,
                    },
                    _ => Event::PickedUp {
                        start,
                        delivery,
                        found,
                    },
                }
            }
        })
    }

    /// `approve`: exactly what would be blocked now. `approve other`: something else.
    fn approve(&mut self, words: &mut Words) -> Result<String, Unclear> {
        let plan = if words.next_is("other") {
            Digest([1; 32])
        } else {
            let now = || self.history.decide().approval_digest();
            words.after("digest")?.unwrap_or_else(now)
        };
        let (who, why) = ("an operator".to_owned(), "the study has ended".to_owned());
        Ok(self.note(Event::DeletionsApproved { plan, who, why }))
    }

    /// Requests of the replaced program by number, each uploaded once and half complete.
    fn import_ids(&mut self, words: &mut Words) -> Result<String, Unclear> {
        let entry = |id| LegacyEntry {
            id: RequestId(id),
            completion: Hundredths(50),
            uploaded: Timestamp(1),
            last_update: None,
            deleted: None,
        };
        let entries = words.numbers()?.into_iter().map(entry).collect();
        let sha256 = Digest([1; 32]);
        Ok(self.note(Event::LegacyImported { sha256, entries }))
    }

    fn poll(&mut self, words: &mut Words) -> Result<String, Unclear> {
        if words.next_is("fails") {
            let failure = failure_in(words)?;
            return Ok(self.note(Event::PollFailed { failure }));
        }
        let Event::SnapshotObserved(mut delta) = self.history.snapshot() else {
            return Err(Unclear::new("a poll shows a snapshot"));
        };
        alteration::snapshot(&mut delta, words)?;
        Ok(self.note(Event::SnapshotObserved(delta)))
    }

    /// Looks at the drop-box: every file is as it was delivered, unless something else is said.
    fn look(&mut self, words: &mut Words) -> Result<String, Unclear> {
        if words.next_is("fails") {
            let failure = failure_in(words)?;
            return Ok(self.note(Event::RemoteCheckFailed { failure }));
        }
        let stored = self.history.state().stored_files();
        let mut look: Look = stored
            .map(|(id, file)| {
                let size = file.receipt.map(|receipt| receipt.size_bytes);
                (RemoteName::export(id), Seen::Present(size))
            })
            .collect();
        while words.peek().is_some_and(|word| word != "but") {
            let ids = words.numbers()?;
            let seen = match words.word()?.as_str() {
                "missing" => Some(Seen::Absent),
                "unsized" => Some(Seen::Present(None)),
                "unseen" => None,
                "has" => Some(Seen::Present(Some(words.value()?))),
                other => return Err(Unclear::new(format!("{other:?} is not how a file stands"))),
            };
            for id in ids {
                let name = RemoteName::export(RequestId(id));
                match seen {
                    Some(seen) => look.insert(name, seen),
                    None => look.remove(&name),
                };
            }
        }
        let mut delta = RemoteDelta::between(self.history.state(), &look);
        alteration::look(&mut delta, words)?;
        let mut text = format!("{delta}\n");
        for drifted in &delta.changed {
            let name = RemoteName::export(drifted.id);
            shown::line(&mut text, &format!("{name}: {}", drifted.drift));
        }
        for id in &delta.settled {
            let name = RemoteName::export(*id);
            shown::line(&mut text, &format!("{name}: as delivered again"));
        }
        let said = self.note(Event::RemoteObserved(delta));
        Ok(match said.as_str() {
            "" | "allowed\n" => text + &said,
            _ => said,
        })
    }

    fn finish(&mut self, words: &mut Words) -> Result<String, Unclear> {
        let mut counts = RunCounts::default();
        while words.peek().is_some() {
            let word = words.word()?;
            let number = match word.as_str() {
                "uploaded" => &mut counts.uploaded,
                "deleted" => &mut counts.deleted,
                "failed" => &mut counts.failed,
                "blocked" => &mut counts.blocked,
                "unreadable" => &mut counts.unreadable,
                "unchanged" => &mut counts.unchanged,
                _ => return Err(Unclear::new(format!("{word:?} is not counted"))),
            };
            *number = words.value()?;
        }
        let duration_micros = 1;
        Ok(self.note(Event::RunFinished {
            counts,
            duration_micros,
        }))
    }
}

impl Stage for Teller {
    fn tell(&mut self, line: &str) -> Result<String, Unclear> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(text) = self.table_line(verb, rest)? {
            return Ok(text);
        }
        if verb == "import" && rest.starts_with('<') {
            self.history.import(rest);
            return Ok(String::new());
        }
        let mut words = Words::of(line);
        self.mode = match words.next_is("try") {
            true => Mode::Try,
            false => Mode::Record,
        };
        self.number = words.after("as")?;
        let verb = words.word()?;
        self.take(&verb, &mut words)
    }
}

/// Requests 0 to `count - 1`, published at 10, 11, …, their one node completed at 5, and uploaded.
fn stored(count: u64) -> History {
    let mut history = History::new();
    for id in 0..count {
        let published = 10 + i64::try_from(id).expect("few");
        history.broker.publish(id, published, &[(1, Some(5))]);
    }
    let (first, second) = (history.run(), history.run());
    assert_eq!(first.changes().count() as u64, count, "{first:?}");
    assert_eq!((second.changes().count(), second.unchanged), (0, count));
    history
}

/// Sets a key of the configuration.
pub fn set(policy: &mut Policy, words: &mut Words) -> Result<(), Unclear> {
    match words.word()?.as_str() {
        "REQUESTS.CHANGE" => policy.change = words.value()?,
        "REQUESTS.REAPPEARED" => policy.reappeared = words.value()?,
        "REQUESTS.DRAFTS" => policy.drafts = words.value()?,
        "SECURITY.ON_KEY_CHANGE" => policy.on_key_change = words.value()?,
        "SECURITY.PATH_ENCRYPTION_KEY" => policy.key = words.value()?,
        "REMOTE.CHECK" => policy.remote_check = words.value()?,
        "GUARDS.MAX_DELETIONS" => {
            policy.guards = Guards {
                max_deletions: words.value()?,
                max_deletions_percent: {
                    words.expect("or")?;
                    let percent = words.word()?;
                    let number = percent.strip_suffix('%').and_then(range);
                    let number = number.and_then(|it| u8::try_from(*it.start()).ok());
                    number.ok_or_else(|| Unclear::new("a percentage is missing, as in 20%"))?
                },
            };
        }
        other => return Err(Unclear::new(format!("{other:?} decides nothing"))),
    }
    words.end()
}
