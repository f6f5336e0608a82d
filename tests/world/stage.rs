//! The run loop's side of the language of scenarios: the same broker and the same configuration, and
//! words for what goes wrong in the next run.
//!
//! Deliberately absent: entries one by one. What a run records is up to the run loop.

use broker_courier::run::Scope;
use courier_ledger::log::{Rehearsal, chain};
use courier_ledger::{
    BrokerTime, Event, Failure, FailureClass, OtherClock, Phase, RequestId, SavedPlan, State,
    Timestamp,
};
use scenario::{Stage, Unclear, Words, failure_in, plan_in_words, state_in_words};

use super::published::{found, refusal};
use super::{LOG, Luck, Program};

/// Tells stories of whole runs.
pub(crate) struct RunStage {
    pub(crate) program: Program,
    /// What was backed up.
    backup: Option<(Rehearsal, State)>,
    /// A plan that a person has seen.
    kept: Option<SavedPlan>,
}

impl RunStage {
    pub(crate) fn new() -> Self {
        Self {
            program: Program::new(),
            backup: None,
            kept: None,
        }
    }

    fn run(&mut self, scope: &Scope) -> String {
        self.program.world.borrow_mut().done.clear();
        let ran = self.program.run(scope);
        let mut text = String::new();
        let mut say = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        for done in &self.program.world.borrow().done {
            say(done.clone());
        }
        let report = match ran {
            Ok(Some(report)) => report,
            Ok(None) => {
                say("killed".to_owned());
                return text;
            }
            Err(why) => {
                say(format!("refused: {}", refusal(why)));
                return text;
            }
        };
        if let Some(seen) = &report.published_seen {
            say(seen.to_string());
        }
        for (command, failure) in &report.failures {
            say(format!("failed: {command}: {failure}"));
        }
        if let Some(estranged) = report.held.as_ref().and_then(|it| it.estranged.as_ref()) {
            say(format!("the broker: {estranged}"));
        }
        if let Some(fallen) = &report.fallen {
            say(format!("the approval #{} does not hold", fallen.approval));
        }
        for blocked in report.held.iter().flat_map(|held| &held.commands) {
            say(format!("blocked: {}: {}", blocked.command, blocked.guard));
        }
        // What the wild clock of these worlds says is nobody's.
        let brokers = report
            .clocks
            .iter()
            .filter(|it| it.whose == OtherClock::Broker);
        for difference in brokers {
            say(difference.to_string());
        }
        for skipped in &report.skipped {
            say(format!("left alone: {skipped}"));
        }
        for (what, failure) in [
            ("the broker", &report.poll_failure),
            ("the drop-box", &report.drop_box_failure),
            ("the look at the drop-box", &report.look_failure),
        ] {
            if let Some(failure) = failure {
                say(format!("{what} failed: {failure}"));
            }
        }
        for moved in &report.moved {
            say(format!("moved: {moved}"));
        }
        if report.set_aside > 0 {
            say(format!("{} left to another run", report.set_aside));
        }
        let code = report.exit_code();
        say(format!("{}", report.counts));
        say(format!("exit {} ({code:?})", code as u8));
        text
    }
}

impl Stage for RunStage {
    fn tell(&mut self, line: &str) -> Result<String, Unclear> {
        let mut words = Words::of(line);
        let verb = words.word()?;
        let program = &mut self.program;
        let mut world = program.world.borrow_mut();
        if world.broker.tell(&verb, &mut words)? {
            words.end()?;
            return Ok(String::new());
        }
        let mut text = String::new();
        match verb.as_str() {
            "broker-fails" => world.next.poll = Some(failure(&mut words, Phase::List)?),
            "broker-clock" => {
                let date = Timestamp(words.value()?);
                words.expect("ours")?;
                let now = Timestamp(words.value()?);
                world.next.broker_time = Some(BrokerTime {
                    sent: now,
                    answered: now,
                    date,
                });
            }
            "published" => {
                world.published = found(&world.published, &mut words)?;
            }
            "drop-box-away" => world.next.arrival = Some(failure(&mut words, Phase::Connect)?),
            "look-fails" => world.next.look = Some(failure(&mut words, Phase::Look)?),
            "in-place" => world.in_place = true,
            "last-first" => world.next.last_first = true,
            "killed-after" => world.next.killed_after = Some(count(&mut words)?),
            "deadline-after" => world.next.deadline_after = Some(count(&mut words)?),
            "luck" => {
                while words.peek().is_some() {
                    let luck = luck(&words.word()?)?;
                    world.next.luck.push(luck);
                }
            }
            "lose-file" => {
                for id in words.numbers()? {
                    world.drop_box.remove(&format!("export_{id}.zip"));
                }
            }
            "drop-box" => {
                for name in world.drop_box.keys() {
                    text.push_str(name);
                    text.push('\n');
                }
            }
            _ => {
                drop(world);
                text = self.take(&verb, &mut words)?;
            }
        }
        words.end()?;
        Ok(text)
    }
}

impl RunStage {
    fn take(&mut self, verb: &str, words: &mut Words) -> Result<String, Unclear> {
        match verb {
            "begin" => *self = Self::new(),
            "set" => {
                let key = words.peek().unwrap_or_default().to_owned();
                let mut value = words.clone();
                value.word()?;
                match scenario::set_partner(&mut self.program.partners, &key, &mut value)? {
                    true => *words = value,
                    false => scenario::set(&mut self.program.policy, words)?,
                }
            }
            "run" => {
                let scope = match words.peek() {
                    Some("only") => {
                        words.word()?;
                        Scope::Only(words.numbers()?.into_iter().map(RequestId).collect())
                    }
                    Some("kept") => {
                        words.word()?;
                        let kept = self.kept.clone();
                        let kept = kept.ok_or_else(|| Unclear::new("no plan was kept"))?;
                        Scope::Bound(Box::new(kept))
                    }
                    Some(_) | None => Scope::All,
                };
                return Ok(self.run(&scope));
            }
            "keep" => {
                let mut plan = match self.program.plan() {
                    Ok(plan) => plan,
                    Err(failure) => return Ok(format!("the broker failed: {failure}\n")),
                };
                if words.peek() == Some("only") {
                    words.word()?;
                    plan.narrow(&words.numbers()?.into_iter().map(RequestId).collect());
                }
                let partners = self.program.partners.clone();
                let partners = partners.ok_or_else(|| Unclear::new("there are no partners"))?;
                let (policy, made) = (self.program.policy, Timestamp(0));
                let tip = Some(self.program.ledger.tip());
                self.kept = Some(SavedPlan::of(&plan, policy, partners, tip, made));
            }
            "plan" => {
                return Ok(match self.program.plan() {
                    Ok(plan) => plan_in_words(&plan),
                    Err(failure) => format!("the broker failed: {failure}\n"),
                });
            }
            "backup" => {
                let ledger = &self.program.ledger;
                self.backup = Some((ledger.log().clone(), ledger.state().clone()));
            }
            "restore" => {
                let nothing = || Unclear::new("there is no backup");
                let (log, state) = self.backup.clone().ok_or_else(nothing)?;
                self.program.put(log, state);
            }
            "lose" => {
                let log = Rehearsal::after(chain::start(LOG));
                self.program.put(log, State::default());
            }
            "state" => return Ok(state_in_words(self.program.ledger.state())),
            "approve" => {
                let held = self.program.ledger.state().held();
                let held = held.filter(|it| it.held.waits());
                let held = held.ok_or_else(|| Unclear::new("nothing is blocked"))?;
                let approved = Event::PlanApproved {
                    held: held.entry,
                    plan: held.digest,
                    broker: words.after("broker")?,
                    drop_box: words.after("drop-box")?,
                    who: "an operator".to_owned(),
                    why: "it is right".to_owned(),
                };
                self.program.append(approved);
            }
            other => return Err(Unclear::new(format!("{other:?} is not a command"))),
        }
        Ok(String::new())
    }
}

fn count(words: &mut Words) -> Result<usize, Unclear> {
    let number: u32 = words.value()?;
    usize::try_from(number).map_err(|_| Unclear::new("too many"))
}

/// A failure as it is said, or one of this phase.
pub(super) fn failure(words: &mut Words, phase: Phase) -> Result<Failure, Unclear> {
    match words.peek() {
        Some(_) => failure_in(words),
        None => Ok(Failure {
            phase,
            class: FailureClass::Transient,
            text: "bad luck".to_owned(),
        }),
    }
}

impl Luck {
    /// As it is read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Refused => "refused",
            Self::AnswerLost => "answer-lost",
            Self::LeftBehind => "left-behind",
        }
    }
}

fn luck(word: &str) -> Result<Luck, Unclear> {
    let all = [
        Luck::Good,
        Luck::Refused,
        Luck::AnswerLost,
        Luck::LeftBehind,
    ];
    let luck = all.into_iter().find(|luck| luck.word() == word);
    luck.ok_or_else(|| Unclear::new(format!("{word:?} is no luck")))
}
