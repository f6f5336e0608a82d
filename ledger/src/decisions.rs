//! Every decision of a log once more: whether each run did what its rules say about what it knew.
//!
//! What always holds here: a run is judged by the rules that the log has for it, and by nothing that came
//! later. Deliberately absent: runs of which the log has only a digest of the rules; they are counted.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what is decided shows in few events"
)]

use std::collections::BTreeMap;
use std::fmt;

use crate::command::Command;
use crate::counted::Counted;
use crate::decide::decide;
use crate::digest::Digest;
use crate::event::{Entry, Event, RunCounts, RunVerdict};
use crate::held::Held;
use crate::id::Sequence;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::state::State;

/// What was found, entry by entry.
#[derive(Debug, Default)]
pub struct Decisions {
    /// How many runs were decided again.
    pub decided: u64,
    /// Runs whose rules the log does not have.
    pub unknown: u64,
    /// Where a run did otherwise.
    pub otherwise: Vec<Otherwise>,
    known: BTreeMap<Digest, Policy>,
    /// The saved plan that the run is bound to.
    bound_to: Option<Digest>,
    current: Option<Expected>,
}

/// Where a run did otherwise than its rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otherwise {
    /// The run's first entry.
    pub run: Sequence,
    /// The entry that does not fit.
    pub event: Sequence,
    /// What does not.
    pub what: Contradiction,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// A command was begun that was not decided.
    NotDecided(Command),
    /// A command was begun under another approval than the one that releases it, or without.
    Approval(Command),
    /// What was recorded as held back, or left alone, is not what was.
    Held,
    /// What was held back, or left alone, was not recorded.
    NotRecorded,
    /// So many commands were never begun, and the run counts fewer as failed.
    NotBegun(u64),
    /// The run counts so many as held back and so many as unchanged, and it were others.
    Counts {
        /// As the run counted.
        counted: (u64, u64),
        /// As it was decided.
        decided: (u64, u64),
    },
}

/// What is left of a run's plan; no plan where its rules are not known.
#[derive(Debug)]
struct Expected {
    run: Sequence,
    plan: Option<Plan>,
    left: Vec<Command>,
}

impl Decisions {
    /// Takes the next entry; `before` is the state that it is about to follow.
    pub fn read(&mut self, before: &State, entry: &Entry) {
        match &entry.event {
            Event::RunStarted { bound_to, .. } => {
                self.current = None;
                self.bound_to = *bound_to;
            }
            Event::PartnersDeclared { policy, .. } => {
                self.known.insert(policy.digest(), *policy);
            }
            Event::PlanHeld { held, .. } => {
                if let Some(run) = self.begin(before) {
                    let plan = self.current.as_ref().and_then(|it| it.plan.as_ref());
                    if plan.is_some_and(|plan| Held::of(plan) != **held) {
                        self.otherwise(run, entry, Contradiction::Held);
                    }
                }
            }
            Event::CommandStarted {
                command, approval, ..
            } => {
                self.decide_first(before, entry);
                self.started(entry, command, *approval);
            }
            Event::RunFinished {
                counts, verdict, ..
            } => {
                self.decide_first(before, entry);
                self.finished(entry, counts, verdict.as_ref());
            }
            _ => {}
        }
    }

    /// Decides, unless that was done; gives the run if it was done now.
    fn begin(&mut self, before: &State) -> Option<Sequence> {
        let run = before.run().filter(|run| run.polled)?;
        if self.current.as_ref().is_some_and(|it| it.run == run.start) {
            return None;
        }
        let default = Policy::new(run.key);
        let recorded = self.known.get(&run.policy).copied();
        let policy = recorded.or_else(|| (default.digest() == run.policy).then_some(default));
        let plan = policy.map(|policy| decide(before, &policy));
        match plan {
            Some(_) => self.decided += 1,
            None => self.unknown += 1,
        }
        let commands = plan.iter().flat_map(|plan| &plan.commands);
        self.current = Some(Expected {
            run: run.start,
            left: commands.cloned().collect(),
            plan,
        });
        Some(run.start)
    }

    /// As [`Self::begin`], where nothing new was recorded as held back.
    fn decide_first(&mut self, before: &State, entry: &Entry) {
        let Some(run) = self.begin(before) else {
            return;
        };
        let plan = self.current.as_ref().and_then(|it| it.plan.as_ref());
        let known = before.held().map(|it| &it.held);
        // Versions that recorded no partners recorded nothing of this either.
        let records = before.declared().is_some();
        let nothing = Held::default();
        if records && plan.is_some_and(|plan| Held::of(plan) != *known.unwrap_or(&nothing)) {
            self.otherwise(run, entry, Contradiction::NotRecorded);
        }
    }

    fn otherwise(&mut self, run: Sequence, entry: &Entry, what: Contradiction) {
        let event = entry.sequence;
        self.otherwise.push(Otherwise { run, event, what });
    }

    fn started(&mut self, entry: &Entry, command: &Command, approval: Option<Sequence>) {
        let Some(Expected {
            run,
            plan: Some(plan),
            left,
        }) = &mut self.current
        else {
            return;
        };
        let run = *run;
        let at = left.iter().position(|it| it == command);
        let due = command
            .request()
            .and_then(|id| plan.approvals().get(&id).copied());
        let what = match at {
            None => Some(Contradiction::NotDecided(command.clone())),
            Some(at) => {
                left.remove(at);
                (due != approval).then(|| Contradiction::Approval(command.clone()))
            }
        };
        if let Some(what) = what {
            self.otherwise(run, entry, what);
        }
    }

    fn finished(&mut self, entry: &Entry, counts: &RunCounts, verdict: Option<&RunVerdict>) {
        let Some(Expected {
            run,
            plan: Some(plan),
            left,
        }) = self.current.take()
        else {
            return;
        };
        let is_change = |command: &&Command| !matches!(command, Command::PublishLedger { .. });
        let told = verdict.and_then(|verdict| verdict.not_begun.as_ref());
        let is_told = |command: &&Command| {
            let request = command.request();
            request.is_some_and(|id| told.is_some_and(|told| told.contains(id)))
        };
        // Bound to a plan that no longer held, it says so, and has done nothing at all.
        let refused = self.bound_to.is_some()
            && left.len() == plan.commands.len()
            && verdict.is_some_and(|verdict| verdict.failure.is_some());
        let untold = left.iter().filter(is_change).filter(|it| !is_told(it));
        let left = untold.count() as u64;
        if left > counts.failed && !refused {
            self.otherwise(run, entry, Contradiction::NotBegun(left));
        }
        let counted = (counts.blocked, counts.unchanged);
        let decided = (plan.blocked.len() as u64, plan.unchanged);
        if counted != decided {
            self.otherwise(run, entry, Contradiction::Counts { counted, decided });
        }
    }
}

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, event, what } = self;
        write!(f, "run {run}, event {event}: ")?;
        match what {
            Contradiction::NotDecided(command) => {
                write!(f, "{command} was begun, and was not decided")
            }
            Contradiction::Approval(command) => {
                write!(f, "{command} does not name the approval that releases it")
            }
            Contradiction::Held => f.write_str("what is recorded as held back is not what was"),
            Contradiction::NotRecorded => f.write_str("what was held back was not recorded"),
            Contradiction::NotBegun(left) => {
                let were = if *left == 1 { "was" } else { "were" };
                let left = Counted(*left, "command");
                write!(f, "{left} {were} never begun, and the run does not say so")
            }
            Contradiction::Counts { counted, decided } => write!(
                f,
                "the run counts {} held back and {} unchanged, and it were {} and {}",
                counted.0, counted.1, decided.0, decided.1
            ),
        }
    }
}
