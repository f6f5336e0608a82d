//! What a host does: it takes the ledger when it can, runs again and again while it has it, with the program's own run
//! loop over the program's own ledger of tables, and begins anew when something fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use broker_courier::run::{ApproachError, Before, Clock as _, Parts, RecordError, Scope};
use courier_ledger::log::{
    Claim, EventLog as _, FoldError, Ledger, LogError, LogPlace as _, NewLog, Vacancy as _,
};
use courier_ledger::{Event, LogId, Policy, RemoteCheckRule, State, Timestamp};
use courier_postgres::{Database, Settings};

use super::carrier::{KEY, Porter};
use super::happening::Happening;
use super::machine::{HostMachine, Killed};
use super::parts::{Broker, HostClock, NoFile};
use super::property::Property;
use super::simulation::LEASE;
use super::witness::Witness;

/// The program of one host.
pub(crate) struct Program {
    pub(crate) machine: HostMachine,
}

/// The rules of every run of a history.
pub(crate) fn policy(remote_check: RemoteCheckRule) -> Policy {
    Policy {
        remote_check,
        ..Policy::new(KEY)
    }
}

/// Whether the program goes on with the ledger that it has.
enum Next {
    Again,
    Anew,
}

impl Program {
    /// Lives until the history is over, however often it is killed.
    pub(crate) fn live(&self) {
        while !self.machine.simulation.is_over() {
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(()) => {}
                Err(killed) if killed.is::<Killed>() => {}
                Err(panic) => {
                    let words = panic.downcast_ref::<String>().cloned();
                    let words =
                        words.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
                    let text = format!("host {} panicked: {words:?}", self.machine.host);
                    self.machine.simulation.violated(Property::NoDefect, text);
                }
            }
            {
                let host = &mut self.machine.simulation.world().hosts[self.machine.host];
                (host.lasting, host.granted) = (None, None);
            }
            let wait = self.draw(700, 5_000);
            let _killed_again = catch_unwind(AssertUnwindSafe(|| self.machine.sleep(wait)));
        }
    }

    fn draw(&self, from: u64, to: u64) -> Duration {
        self.machine.simulation.world().random.millis(from, to)
    }

    fn place(&self, instead_of: Option<u64>) -> Database {
        let address = "postgres://courier@database/courier?schema=model&sslmode=disable";
        let holder = match instead_of {
            None => format!("host-{}", self.machine.host),
            Some(_) => format!("a person on host-{}", self.machine.host),
        };
        let settings = Settings {
            lease: LEASE,
            instead_of,
            patience: Duration::from_secs(20),
            ..Settings::new(address.parse().expect("an address"), holder)
        };
        let database = Database::new(settings).on(Arc::new(self.machine.clone()));
        let kept = self.machine.simulation.world().hosts[self.machine.host]
            .kept
            .clone();
        match kept {
            Some(kept) => database.knowing(kept.0, kept.1),
            None => database,
        }
    }

    /// Takes the ledger and runs until something fails.
    fn turn(&self) {
        let simulation = &self.machine.simulation;
        let clock = HostClock(self.machine.clone());
        simulation.world().hosts[self.machine.host].is_dead = false;
        let instead_of = self.seems_dead();
        let (log, state) = match self.open(clock.now(), instead_of) {
            Ok(opened) => opened,
            Err(error) => return self.failed(&error.into()),
        };
        simulation.world().hosts[self.machine.host].lasting = Some(log.lasting());
        simulation.only_one_holds();
        let mut ledger = match Ledger::resume(log, state) {
            Ok(ledger) => ledger,
            Err(error) => return self.failed(&error.into()),
        };
        if let Some(epoch) = instead_of {
            let taken = Event::LedgerTakenOver {
                holder: "the other host".to_owned(),
                epoch: epoch + 1,
                who: "an operator".to_owned(),
                why: "it is dead".to_owned(),
            };
            if let Err(error) = ledger.append(clock.now(), vec![taken]) {
                self.failed(&error.into());
            }
            simulation.world().hosts[self.machine.host].lasting = None;
            let _given_back = ledger.close();
            return;
        }
        let runs = simulation.world().random.between(1, 12);
        for _ in 0..runs {
            if simulation.is_over() {
                break;
            }
            if let Next::Anew = self.run(&mut ledger, &clock) {
                break;
            }
            let is_long = simulation.world().random.happens(80);
            let wait = match is_long {
                true => self.draw(20_000, 60_000),
                false => self.draw(300, 6_000),
            };
            self.machine.sleep(wait);
        }
        // From here on it does nothing that needs the lease.
        simulation.world().hosts[self.machine.host].lasting = None;
        let _given_back = ledger.close();
    }

    /// The epoch of a holder of whom a person knows that it is dead, and wants to wait no longer.
    fn seems_dead(&self) -> Option<u64> {
        let mut world = self.machine.simulation.world();
        let other = 1 - self.machine.host;
        let runner = &world.database.shown.runner;
        let holds = runner.nonce.is_some() && runner.holder == Some(format!("host-{other}"));
        let epoch = u64::try_from(runner.epoch).ok()?;
        let is_dead = holds && world.hosts[other].is_dead;
        (is_dead && world.random.happens(400)).then_some(epoch)
    }

    fn open(&self, now: Timestamp, instead_of: Option<u64>) -> Result<(Witness, State), FoldError> {
        let (table, state) = match self.place(instead_of).claim(now)? {
            Claim::Log(table, state) => (table, *state),
            Claim::Vacant(vacancy) => {
                let id = self.machine.simulation.world().random.next();
                let id = LogId(u128::from(id).to_be_bytes());
                let version = "model".to_owned();
                vacancy.begin(now, NewLog { id, version })?
            }
        };
        let place = self.place(None);
        Ok((Witness::new(table, place, self.machine.clone()), state))
    }

    fn run(&self, ledger: &mut Ledger<Witness>, clock: &HostClock) -> Next {
        let simulation = &self.machine.simulation;
        let began_quietly = simulation.world().is_quiet;
        let remote_check = simulation.world().remote_check;
        let partners = scenario::partners();
        let before = Before {
            state: ledger.state(),
            hash_of: &|entry| ledger.log().hash_of(entry),
            drop_box: &partners.drop_box,
        };
        let (broker, porter) = (
            Broker(self.machine.clone()),
            Porter::new(self.machine.clone()),
        );
        let approach = match broker_courier::run::approach(&before, None, &broker, porter, clock) {
            Ok(approach) => approach,
            Err(ApproachError::Refused(why)) => {
                if let Err(error) = ledger.log().confirm() {
                    self.failed(&error.into());
                    return Next::Anew;
                }
                let text = format!("host {}: {why:?}", self.machine.host);
                simulation.violated(Property::NothingPublishedTooEarly, text);
                return Next::Anew;
            }
            Err(ApproachError::Log(error)) => {
                self.failed(&error.into());
                return Next::Anew;
            }
        };
        let parts = Parts {
            policy: policy(remote_check),
            partners,
            status_file: &NoFile,
            clock,
            progress: &(),
            evidence: None,
            may_begin: &|| true,
            every_minutes: None,
            scope: &Scope::All,
        };
        match broker_courier::run::run(ledger, approach, parts) {
            Ok(report) => {
                simulation.tell(|| format!("host {} ran: {}", self.machine.host, report.counts));
                let whole = report.poll_failure.is_none()
                    && report.drop_box_failure.is_none()
                    && report.failures.is_empty();
                if whole {
                    simulation.happened(Happening::RanWhole);
                    simulation.world().quiet_runs += u64::from(began_quietly);
                }
                let kept = Box::new((ledger.state().clone(), ledger.tip()));
                simulation.world().hosts[self.machine.host].kept = Some(kept);
                Next::Again
            }
            Err(error) => {
                self.failed(&error);
                Next::Anew
            }
        }
    }

    /// What may fail does; what must not is a defect.
    fn failed(&self, error: &RecordError) {
        let simulation = &self.machine.simulation;
        let host = self.machine.host;
        simulation.tell(|| format!("host {host}: {error:?}"));
        match error {
            RecordError::Log(LogError::Busy { .. }) => simulation.happened(Happening::FoundBusy),
            RecordError::Log(LogError::Fenced { .. }) => {
                simulation.happened(Happening::FoundFenced);
            }
            RecordError::Log(LogError::Other(_) | LogError::Unusable { .. }) => {}
            RecordError::Log(LogError::Refused(_)) | RecordError::Illegal(_) => {
                simulation.violated(Property::WholeChain, format!("host {host}: {error:?}"));
            }
            RecordError::Log(
                LogError::Conflict { .. } | LogError::Absent { .. } | LogError::Exists { .. },
            )
            | RecordError::StatusFile { .. } => {
                simulation.violated(Property::NoDefect, format!("host {host}: {error:?}"));
            }
        }
    }
}
