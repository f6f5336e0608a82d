//! One step after the other at the drop-box, each only while the lease outlasts it, as the program's own connection does.
//!
//! What always holds: after a step without an answer nothing more is asked.

use std::sync::Arc;
use std::time::Duration;

use courier_ledger::RemoteCheckRule;

use super::drop_box::{Done, Operation, Submitted};
use super::fault::Fault;
use super::happening::Happening;
use super::machine::HostMachine;
use super::sabotage::Sabotage;
use super::simulation::LEASE;

/// How long a step may take.
const STEP: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// Why a step has no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nothing was asked.
    NotSent,
    /// Whether it happens is not known.
    Unknown,
}

/// A host's way to the drop-box.
pub(crate) struct Steps {
    machine: HostMachine,
    is_lost: bool,
}

impl Steps {
    pub(crate) fn of(machine: HostMachine) -> Self {
        let is_lost = false;
        Self { machine, is_lost }
    }

    pub(crate) fn draw(&self, from: u64, to: u64) -> Duration {
        self.machine.simulation.world().random.millis(from, to)
    }

    /// Whether something goes wrong that does so `times` in a thousand.
    pub(crate) fn goes_wrong(&self, fault: Fault, times: u64) -> bool {
        self.machine.simulation.world().goes_wrong(fault, times)
    }

    /// Waits until the lease outlasts a step; says whether it does.
    fn is_held(&self) -> bool {
        let (simulation, host) = (&self.machine.simulation, self.machine.host);
        if simulation.sabotage == Some(Sabotage::EffectWithoutLook) {
            return true;
        }
        let until = simulation.now() + STEP;
        let mut has_waited = false;
        while simulation.left(host) <= STEP {
            if simulation.now() >= until {
                simulation.happened(Happening::NotBegun);
                return false;
            }
            has_waited = true;
            self.machine.sleep(Duration::from_millis(200));
        }
        if has_waited {
            simulation.happened(Happening::HeldBack);
        }
        true
    }

    /// Whether it is put right when it is done late: of a request that is back, what is removed is found by who looks
    /// alone, and uploaded again once.
    fn may_be_late(&self, operation: &Operation) -> bool {
        let mut world = self.machine.simulation.world();
        match operation {
            Operation::Remove(name) if !name.starts_with('.') => {
                world.remote_check == RemoteCheckRule::Repair
                    && world.drop_box.removed.insert(name.clone())
            }
            Operation::Create(..) | Operation::Rename(..) | Operation::Remove(_) => true,
        }
    }

    /// One step at the drop-box.
    pub(crate) fn act(&mut self, operation: Operation) -> Result<Done, Lost> {
        let simulation = Arc::clone(&self.machine.simulation);
        if self.is_lost || !self.is_held() {
            self.is_lost = true;
            return Err(Lost::NotSent);
        }
        let looked = simulation.now();
        let may_be_late = self.may_be_late(&operation);
        if self.goes_wrong(Fault::PausesBeforeEffect, 20) && may_be_late {
            let pause = self.draw(1_000, 120_000);
            simulation.happened(Happening::PausedBeforeEffect);
            simulation.pause(self.machine.host, pause);
        }
        self.machine.step();
        let sent = simulation.now();
        // Results are removed seldom.
        let times = match &operation {
            Operation::Remove(name) if !name.starts_with('.') => 200,
            Operation::Create(..) | Operation::Rename(..) | Operation::Remove(_) => 15,
        };
        let is_late = self.goes_wrong(Fault::SlowDropBox, times) && may_be_late;
        let takes = match is_late {
            true => self.draw(10_000, 200_000),
            false => self.draw(2, 400),
        };
        let is_spiteful = is_late && simulation.world().random.happens(500);
        let is_unanswered = self.goes_wrong(Fault::SlowDropBox, 10);
        let ticket = {
            let drop_box = &mut simulation.world().drop_box;
            drop_box.tickets += 1;
            let ticket = drop_box.tickets;
            drop_box.submitted.push(Submitted {
                ticket,
                operation,
                host: self.machine.host,
                looked,
                due: sent + takes,
                is_spiteful,
            });
            ticket
        };
        simulation.submitted.notify_one();
        let answered = takes + self.draw(1, 5);
        self.machine.sleep(answered.min(STEP));
        let done = simulation.world().drop_box.done.remove(&ticket);
        match done {
            Some(done) if !is_unanswered => Ok(done),
            _ => {
                self.is_lost = true;
                Err(Lost::Unknown)
            }
        }
    }
}
