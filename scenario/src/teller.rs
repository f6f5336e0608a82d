//! What each line of a story does to a history.
//!
//! What always holds: an event that cannot follow is answered with the reason and changes nothing.
//! Deliberately absent: the program's run loop; what is done here is what its log says of it.

use std::collections::BTreeMap;

use courier_ledger::{
    ClockDifference, Digest, Event, Hundredths, LegacyEntry, NodeId, NodeName, RequestId,
    RunVerdict, Sequence, Timestamp,
};

use crate::alteration;
use crate::command;
use crate::counts::counts;
use crate::file::Stage;
use crate::history::History;
use crate::observation;
use crate::partners;
use crate::recover;
use crate::setting::set;
use crate::shown;
use crate::table::Tables;
use crate::words::{Unclear, Words};

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
                let (start, intent) = command::open(&self.history, words)?;
                let event = command::outcome(&self.history, verb, start, intent.as_ref(), words)?;
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
                let key = words.peek().unwrap_or_default().to_owned();
                let mut rest = words.clone();
                rest.word()?;
                if partners::set(&mut self.history.partners, &key, &mut rest)? {
                    return Ok(String::new());
                }
                set(&mut self.history.policy, words)?;
                String::new()
            }
            "declare" => match self.history.declared() {
                Some(event) => self.note(event),
                None => "nothing new\n".to_owned(),
            },
            "left-behind-gone" => self.left_behind_gone(),
            "recover-from" => {
                let recovered = Box::new(recover::read(words)?);
                let (who, why) = ("an operator".to_owned(), "the disk was lost".to_owned());
                self.note(Event::LedgerRecovered {
                    recovered,
                    who,
                    why,
                })
            }
            "clock" => {
                self.history.set_clock(Timestamp(words.value()?));
                String::new()
            }
            "approve" => self.approve(words)?,
            "clocks" => {
                let (whose, theirs) = (words.value()?, Timestamp(words.value()?));
                words.expect("ours")?;
                let ours = Timestamp(words.value()?);
                self.note(Event::ClockDiffers(ClockDifference {
                    whose,
                    theirs,
                    ours,
                }))
            }
            "name" => {
                let mut nodes = Vec::new();
                while words.peek().is_some() {
                    let (node, name) = (NodeId(words.value()?), words.word()?);
                    nodes.push(NodeName { node, name });
                }
                self.note(Event::NodesNamed { nodes })
            }
            "announce" => {
                let (who, why) = ("an operator".to_owned(), "the old one is lost".to_owned());
                let key = words.value()?;
                self.note(Event::KeyAnnounced { key, who, why })
            }
            "take-over" => {
                let (who, why) = ("an operator".to_owned(), "its host is dead".to_owned());
                let holder = "host-a, process 7".to_owned();
                let epoch = words.value()?;
                self.note(Event::LedgerTakenOver {
                    holder,
                    epoch,
                    who,
                    why,
                })
            }
            "import" => self.import_ids(words)?,
            "create" => {
                let log = words.after("log")?.unwrap_or(self.history_log());
                let version = "test".to_owned();
                self.note(Event::LogCreated { log, version })
            }
            "start" => {
                let bound_to = words.after("bound")?;
                self.note(self.history.run_started(bound_to))
            }
            "poll" => {
                let event = observation::poll(&self.history, words)?;
                self.note(event)
            }
            "look" => self.look(words)?,
            "sees" => {
                let event = observation::published(words)?;
                self.note(event)
            }
            "hold" => {
                let plan = self.history.decide();
                match self.history.held(&plan) {
                    Some(event) => self.note(event),
                    None => "nothing new\n".to_owned(),
                }
            }
            "decide" => shown::plan(&self.history.decide()),
            "plan" => shown::plan(&self.history.plan()),
            "run" => shown::plan(&self.history.run()),
            "finish" => {
                let verdict = words.after("exit")?.map(|exit_code| RunVerdict {
                    exit_code,
                    failure: None,
                    not_begun: None,
                });
                let (counts, duration_micros) = (counts(words)?, 1);
                self.note(Event::RunFinished {
                    counts,
                    duration_micros,
                    verdict,
                })
            }
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
                Some(approval) => format!("approved: {}\n", approval.plan),
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
            let mut command = command::command(&self.history, words)?;
            let start = self.history.state().tip().next();
            let planned = self.history.decide().approvals();
            let planned = command.request().and_then(|id| planned.get(&id).copied());
            let approval = match words.next_is("under") {
                true if words.next_is("none") => None,
                true => Some(words.value()?),
                false => planned,
            };
            let found = words.after("found")?;
            let altered = alteration::command(&mut command, words)?;
            let own = || command.temporary(self.history_log(), start);
            let temporary = altered.unwrap_or_else(own);
            let said = self.note(Event::CommandStarted {
                command: command.clone(),
                temporary,
                approval,
                found,
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

    /// Looks at the drop-box; says what was found if that can be recorded.
    fn look(&mut self, words: &mut Words) -> Result<String, Unclear> {
        let event = observation::look(&self.history, self.history.policy.remote_check, words)?;
        let found = match &event {
            Event::RemoteObserved(delta) => shown::look(delta),
            _ => String::new(),
        };
        let said = self.note(event);
        Ok(match said.as_str() {
            "" | "allowed\n" => found + &said,
            _ => said,
        })
    }

    /// `approve`: exactly what is held back. `approve other`: something else. `approve digest`: as
    /// older versions recorded it.
    fn approve(&mut self, words: &mut Words) -> Result<String, Unclear> {
        let (who, why) = ("an operator".to_owned(), "the study has ended".to_owned());
        if let Some(plan) = words.after("digest")? {
            return Ok(self.note(Event::DeletionsApproved { plan, who, why }));
        }
        let known = self.history.state().held();
        let (held, plan) = known.map_or((Sequence(1), Digest([1; 32])), |it| (it.entry, it.digest));
        let plan = match words.next_is("other") {
            true => Digest([1; 32]),
            false => plan,
        };
        let (broker, drop_box) = (words.after("broker")?, words.after("drop-box")?);
        Ok(self.note(Event::PlanApproved {
            held,
            plan,
            broker,
            drop_box,
            who,
            why,
        }))
    }

    /// Nothing is left at the first drop-box that something was left behind at.
    fn left_behind_gone(&mut self) -> String {
        let mut left_behind = self.history.state().left_behind();
        let known = left_behind.next().map(|(drop_box, _)| drop_box.clone());
        drop(left_behind);
        let drop_box = known.unwrap_or_else(|| partners::partners().drop_box);
        let (who, why) = ("an operator".to_owned(), "it was emptied".to_owned());
        self.note(Event::LeftBehindGone { drop_box, who, why })
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
