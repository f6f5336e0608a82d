//! The tables of a ledger as PostgreSQL keeps them, on a primary and its synchronous standby.
//!
//! What always holds: a statement is executed at once as a whole, by the conditions of its words; what is acknowledged
//! is on both servers; what is executed can be read before that. Deliberately absent: connections (`server`).

use std::collections::BTreeMap;

use courier_ledger::{Digest, Sequence};

use super::sabotage::Sabotage;
use super::statement::{Append, Hold, Statement};
use super::wire::{Answer, Value};

/// The one row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runner {
    pub(crate) log: Option<Vec<u8>>,
    pub(crate) sequence: i64,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) epoch: i64,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) holder: Option<String>,
    /// By the database's clock, in microseconds.
    pub(crate) until: Option<i64>,
}

/// What the tables hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) runner: Runner,
    /// Hash and payload, by number.
    pub(crate) entries: BTreeMap<i64, (Vec<u8>, Vec<u8>)>,
}

/// The database.
#[derive(Default)]
pub(crate) struct Database {
    /// What the primary shows.
    pub(crate) shown: Image,
    /// What the standby has, while that is less.
    pub(crate) replicated: Option<Image>,
    /// Which of the two servers is the primary.
    pub(crate) primary: usize,
    /// How far the clock of each is ahead, in microseconds.
    pub(crate) ahead: [i64; 2],
    /// How often another one became the primary: what was connected before is cut.
    pub(crate) generation: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Image {
    fn is_held(&self, hold: &Hold) -> bool {
        self.runner.epoch == hold.epoch && self.runner.nonce.as_ref() == Some(&hold.nonce)
    }
}

impl Database {
    /// Whether the statement changed something that is not replicated before it is acknowledged.
    pub(crate) fn changes(statement: &Statement) -> bool {
        match statement {
            Statement::Version | Statement::Look | Statement::Portion { .. } => false,
            Statement::Claim { .. }
            | Statement::TakeOver { .. }
            | Statement::Renew { .. }
            | Statement::RenewBehind { .. }
            | Statement::Release { .. }
            | Statement::Append(_) => true,
        }
    }

    /// Executes a statement whose transaction began at `now`, by the clock of whoever is the primary.
    pub(crate) fn execute(&mut self, statement: &Statement, now: i64) -> Answer {
        match statement {
            Statement::Version => rows(&[Value::Number(Some(courier_postgres::VERSION))], true),
            Statement::Look => self.look(now),
            Statement::Claim {
                nonce,
                holder,
                micros,
            } => {
                let is_for_ever = self.sabotage == Some(Sabotage::LeaseForEver);
                let runner = &self.shown.runner;
                let may = runner.nonce.is_none()
                    || runner.nonce.as_ref() == Some(nonce)
                    || runner.until.is_some_and(|until| until < now) && !is_for_ever
                    || self.sabotage == Some(Sabotage::TakeOverBeforeExpiry);
                self.given_to(nonce, holder, now + micros, may)
            }
            Statement::TakeOver {
                nonce,
                holder,
                micros,
                epoch,
            } => {
                let runner = &self.shown.runner;
                let may = runner.nonce.is_some() && runner.epoch == *epoch
                    || runner.nonce.as_ref() == Some(nonce);
                self.given_to(nonce, holder, now + micros, may)
            }
            Statement::Renew { hold, micros } => {
                let may = self.shown.is_held(hold);
                if may {
                    self.shown.runner.until = Some(now + micros);
                }
                Answer::Changed(u64::from(may))
            }
            Statement::RenewBehind { hold, micros, tip } => {
                let runner = &self.shown.runner;
                let is_there = (runner.sequence, runner.hash.as_ref()) == (tip.0, Some(&tip.1));
                let proves_anything = self.sabotage == Some(Sabotage::ActOnAnyCommit);
                let may = self.shown.is_held(hold) && (is_there || proves_anything);
                if may {
                    self.shown.runner.until = Some(now + micros);
                }
                Answer::Changed(u64::from(may))
            }
            Statement::Release { hold } => {
                let may = self.shown.is_held(hold);
                if may {
                    (self.shown.runner.nonce, self.shown.runner.until) = (None, None);
                }
                Answer::Changed(u64::from(may))
            }
            Statement::Append(append) => self.append(append),
            Statement::Portion { first, last, most } => {
                let asked = self.shown.entries.range(first..=last);
                let most = usize::try_from(*most).unwrap();
                let found = asked.take(most).map(|(sequence, (hash, payload))| {
                    vec![
                        Value::Number(Some(*sequence)),
                        Value::Bytes(Some(hash.clone())),
                        Value::Bytes(Some(payload.clone())),
                    ]
                });
                let columns = vec![Value::Number(None), Value::Bytes(None), Value::Bytes(None)];
                let rows = found.collect();
                Answer::Rows { columns, rows }
            }
        }
    }

    fn given_to(&mut self, nonce: &[u8], holder: &str, until: i64, may: bool) -> Answer {
        let runner = &mut self.shown.runner;
        if may {
            runner.epoch += 1;
            runner.nonce = Some(nonce.to_vec());
            runner.holder = Some(holder.to_owned());
            runner.until = Some(until);
        }
        rows(&[Value::Number(Some(runner.epoch))], may)
    }

    fn look(&self, now: i64) -> Answer {
        let runner = &self.shown.runner;
        rows(
            &[
                Value::Bytes(runner.log.clone()),
                Value::Number(Some(runner.sequence)),
                Value::Bytes(runner.hash.clone()),
                Value::Number(Some(runner.epoch)),
                Value::Bytes(runner.nonce.clone()),
                Value::Text(runner.holder.clone()),
                Value::Number(runner.until.map(|until| until - now)),
                Value::Text(None),
                Value::Number(self.shown.entries.keys().next_back().copied()),
            ],
            true,
        )
    }

    fn append(&mut self, append: &Append) -> Answer {
        let runner = &self.shown.runner;
        let is_held = self.shown.is_held(&append.hold) || self.sabotage == Some(Sabotage::NoFence);
        let follows = match &runner.log {
            Some(log) => *log == append.log && runner.hash.as_ref() == Some(&append.from.1),
            None => runner.sequence == 0,
        };
        if !is_held || !follows || runner.sequence != append.from.0 {
            return Answer::Changed(0);
        }
        let is_there = |it: &(i64, Vec<u8>, Vec<u8>)| self.shown.entries.contains_key(&it.0);
        if append.rows.iter().any(is_there) {
            return Answer::Refused("23505");
        }
        let runner = &mut self.shown.runner;
        runner.log = Some(append.log.clone());
        (runner.sequence, runner.hash) = (append.to.0, Some(append.to.1.clone()));
        for (number, hash, payload) in append.rows.clone() {
            self.shown.entries.insert(number, (hash, payload));
        }
        Answer::Changed(append.rows.len() as u64)
    }

    /// Whether an entry is on both servers.
    pub(crate) fn keeps(&self, entry: Sequence, hash: Digest) -> bool {
        let image = self.replicated.as_ref().unwrap_or(&self.shown);
        let kept = image.entries.get(&i64::try_from(entry.0).unwrap());
        kept.is_some_and(|(kept, _)| *kept == hash.0)
    }

    /// Nothing more reaches the standby for a while.
    pub(crate) fn stall(&mut self) {
        if self.replicated.is_none() {
            self.replicated = Some(self.shown.clone());
        }
    }

    /// The standby becomes the primary; says whether something is lost that could be read.
    pub(crate) fn fail_over(&mut self) -> bool {
        self.generation += 1;
        self.primary = 1 - self.primary;
        let Some(replicated) = self.replicated.take() else {
            return false;
        };
        let lost = replicated.entries.len() < self.shown.entries.len();
        self.shown = replicated;
        lost
    }
}

fn rows(columns: &[Value], are_there: bool) -> Answer {
    Answer::Rows {
        columns: columns.to_vec(),
        rows: are_there.then(|| columns.to_vec()).into_iter().collect(),
    }
}
