//! The database's side of a connection, and what goes wrong between the two.
//!
//! What always holds: a statement that has arrived is executed whether its client still waits or not, unless the
//! server itself is gone; its transaction begins when it arrives.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{sleep, sleep_until};

use super::database::Database;
use super::fault::Fault;
use super::happening::Happening;
use super::luck::{Luck, Mishap};
use super::property::Property;
use super::sabotage::Sabotage;
use super::simulation::{HOSTS, LEASE, Simulation};
use super::statement::Statement;
use super::wire::{self, Answer};

/// Connects a host, if anybody answers.
pub(crate) async fn connect(simulation: &Arc<Simulation>, host: usize) -> DuplexStream {
    let (ours, theirs) = duplex(1 << 20);
    let (wait, is_hung) = {
        let mut world = simulation.world();
        let is_hung = world.goes_wrong(Fault::HungConnections, 10);
        (world.random.millis(1, 20), is_hung)
    };
    sleep(wait).await;
    let now = simulation.now();
    let (generation, is_away) = {
        let world = simulation.world();
        let is_away = world.down_until > now || world.hosts[host].cut_until > now;
        (world.database.generation, is_away)
    };
    if is_hung {
        simulation.happened(Happening::ConnectionHung);
    }
    if !is_away {
        let connection = Connection {
            simulation: Arc::clone(simulation),
            host,
            generation,
            is_hung,
        };
        let _ends_by_itself = tokio::task::spawn_local(async move {
            let _lost_or_ended = connection.serve(theirs).await;
        });
    }
    ours
}

struct Connection {
    simulation: Arc<Simulation>,
    host: usize,
    generation: u64,
    is_hung: bool,
}

impl Connection {
    async fn serve(self, mut stream: DuplexStream) -> io::Result<()> {
        if self.is_hung {
            sleep(Duration::from_secs(60)).await;
            return Ok(());
        }
        wire::greet(&mut stream).await?;
        while let Some(asked) = wire::asked(&mut stream).await? {
            let began = self.simulation.own_clock(self.host);
            let statement = Statement::of(&asked);
            let Some(answer) = self.answer(&statement).await else {
                return Ok(());
            };
            stream.write_all(&wire::encoded(&answer)).await?;
            self.granted(&statement, &answer, began);
            let took = self.simulation.own_clock(self.host).saturating_sub(began);
            self.stops_behind(took);
        }
        Ok(())
    }

    /// A host that has waited long for an answer may be paused when it comes: nothing is worse for whoever counts from
    /// there.
    fn stops_behind(&self, took: Duration) {
        let pause = {
            let mut world = self.simulation.world();
            let is_paused = world.goes_wrong(Fault::Pauses, 300) && took > LEASE / 6;
            is_paused.then(|| world.random.millis(15_000, 60_000))
        };
        if let Some(pause) = pause {
            self.simulation.pause(self.host, pause);
        }
    }

    /// What a test says that goes wrong at this statement.
    fn mishap(&self, statement: &Statement) -> Option<Mishap> {
        let script = &mut self.simulation.world().script;
        let (begins, mishap) = script.front().copied()?;
        let is_meant = statement.to_string().starts_with(begins);
        is_meant.then(|| {
            script.pop_front();
            mishap
        })
    }

    /// A time of so many milliseconds passes.
    async fn passes(&self, from: u64, to: u64) {
        let time = self.simulation.world().random.millis(from, to);
        sleep(time).await;
    }

    /// What is answered; none where the connection is lost.
    async fn answer(&self, statement: &Statement) -> Option<Answer> {
        let simulation = &self.simulation;
        let luck = match self.mishap(statement) {
            None => simulation.world().luck(),
            Some(Mishap::ShownAndLost) => {
                simulation.world().database.stall();
                let _shown = self.executed(statement, simulation.database_clock());
                return None;
            }
            Some(Mishap::FailsOver) => {
                fail_over(simulation, Duration::from_secs(1)).await;
                return None;
            }
        };
        if luck == Luck::ArrivesLate {
            self.passes(10_000, 60_000).await;
        }
        self.passes(1, 15).await;
        let now = simulation.database_clock();
        match luck {
            Luck::LostBefore => {
                simulation.happened(Happening::LostBefore);
                return None;
            }
            Luck::Refused => {
                simulation.happened(Happening::Refused40001);
                return Some(Answer::Refused("40001"));
            }
            Luck::Waits => self.passes(2_000, 11_000).await,
            Luck::Good | Luck::LostAfter | Luck::ArrivesLate | Luck::AnsweredLate => {}
        }
        let answer = self.executed(statement, now)?;
        if luck == Luck::ArrivesLate {
            simulation.happened(Happening::ExecutedLate);
        }
        if Database::changes(statement) {
            self.is_replicated(statement).await?;
        }
        if luck == Luck::LostAfter {
            simulation.happened(Happening::LostAfter);
            return None;
        }
        if luck == Luck::AnsweredLate {
            simulation.happened(Happening::AnsweredLate);
            self.passes(9_000, 40_000).await;
        }
        self.passes(1, 15).await;
        // What was on its way when the server or the network went away never arrives.
        let is_cut = simulation.world().hosts[self.host].cut_until > simulation.now();
        if is_cut || !self.is_there() {
            return None;
        }
        Some(answer)
    }

    fn is_there(&self) -> bool {
        self.simulation.world().database.generation == self.generation
    }

    fn executed(&self, statement: &Statement, now: i64) -> Option<Answer> {
        if !self.is_there() {
            return None;
        }
        let simulation = &self.simulation;
        let (answer, before, after, is_shown_early) = {
            let database = &mut simulation.world().database;
            let before = database.shown.runner.clone();
            let answer = database.execute(statement, now);
            let after = database.shown.runner.clone();
            let is_shown_early = database.replicated.as_ref().is_some_and(|replicated| {
                !Database::changes(statement)
                    && replicated.entries.len() < database.shown.entries.len()
            });
            (answer, before, after, is_shown_early)
        };
        simulation.tell(|| format!("host {} asks: {statement}: {answer}", self.host));
        if is_shown_early {
            simulation.happened(Happening::ShownUnreplicated);
        }
        if let Statement::TakeOver { .. } = statement
            && after.epoch > before.epoch
        {
            simulation.is_given_to(self.host);
            simulation.world().taken_over = simulation.now();
            simulation.happened(Happening::TakenByPerson);
        }
        if let Statement::Claim { nonce, .. } = statement
            && after.epoch > before.epoch
        {
            simulation.is_given_to(self.host);
            let free = before.nonce.is_none();
            if free {
                simulation.happened(Happening::TookFree);
            } else if before.nonce.as_ref() != Some(nonce) {
                simulation.happened(Happening::TookOver);
            }
        }
        if let (Statement::RenewBehind { .. }, Answer::Changed(count)) = (statement, &answer) {
            simulation.happened(match count {
                1 => Happening::AppendFoundDone,
                _ => Happening::AppendFoundLost,
            });
        }
        if let Statement::Append(append) = statement {
            let is_fenced = before.epoch != append.hold.epoch
                || before.nonce.as_ref() != Some(&append.hold.nonce);
            match (after.sequence > before.sequence, is_fenced) {
                (true, true) => {
                    let text = format!("{:?} appended under {}", append.hold.epoch, before.epoch);
                    simulation.violated(Property::NoStaleAppend, text);
                }
                (false, true) => simulation.happened(Happening::AppendFenced),
                (_, false) => {}
            }
        }
        Some(answer)
    }

    /// Waits until what was executed is on the standby, too; none when that will never be acknowledged.
    async fn is_replicated(&self, statement: &Statement) -> Option<()> {
        let is_append = matches!(statement, Statement::Append(_));
        if self.simulation.sabotage == Some(Sabotage::ActOnUnacknowledged) && !is_append {
            return Some(());
        }
        loop {
            let notified = self.simulation.replicated.notified();
            if !self.is_there() {
                return None;
            }
            if self.simulation.world().database.replicated.is_none() {
                return Some(());
            }
            notified.await;
        }
    }

    /// Notes when a host was given more time, for defects that count that otherwise.
    fn granted(&self, statement: &Statement, answer: &Answer, began: Duration) {
        let is_given = match (statement, answer) {
            (Statement::Renew { .. } | Statement::RenewBehind { .. }, Answer::Changed(1)) => true,
            (Statement::Claim { .. } | Statement::TakeOver { .. }, Answer::Rows { rows, .. }) => {
                !rows.is_empty()
            }
            _ => false,
        };
        if is_given {
            let answered = self.simulation.own_clock(self.host);
            let host = &mut self.simulation.world().hosts[self.host];
            host.granted = Some((began, answered));
        }
    }
}

/// Lets the standby become the primary, after a while in which there is none.
pub(crate) async fn fail_over(simulation: &Simulation, outage: Duration) {
    let down_until = simulation.now() + outage;
    let (ahead, lost) = {
        let mut world = simulation.world();
        world.down_until = down_until;
        let database = &mut world.database;
        let before = database.ahead[database.primary];
        let lost = database.fail_over();
        (database.ahead[database.primary] - before, lost)
    };
    simulation.replicated.notify_waiters();
    for host in 0..HOSTS {
        simulation.wakes[host].notify_one();
    }
    simulation.happened(Happening::FailedOver);
    match ahead.signum() {
        1 => simulation.happened(Happening::ClockAhead),
        -1 => simulation.happened(Happening::ClockBehind),
        _ => {}
    }
    if lost {
        simulation.happened(Happening::LostUnreplicated);
    }
    sleep_until(simulation.at(down_until)).await;
}
