//! What carries out commands for a run in a history: one after the other, each step only while the lease outlasts it, as
//! the program's own carrier does.
//!
//! What always holds: a file is written under its temporary name, with its mark, and renamed then; whose file stands
//! under a name in doubt is told by its mark. Deliberately absent: connecting anew in the same run.

use std::sync::Arc;
use std::time::Duration;

use broker_courier::run::{Carrier, Departure, Ended, Ending, Errand, Lookout, Task};
use courier_ledger::{
    Command, Delivery, Digest, Failure, FailureClass, Found, KeyId, Look, Phase, Placement,
    RemoteAfterFailure, RemoteName, Removal, RequestId, Seen, StatusFound, Unproven,
};
use scenario::Shown;

use super::drop_box::{Content, Done, File, Operation, Submitted};
use super::fault::Fault;
use super::happening::Happening;
use super::machine::HostMachine;
use super::sabotage::Sabotage;
use super::simulation::LEASE;

pub(crate) const KEY: KeyId = KeyId([8; 8]);
/// How long a step may take.
const STEP: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// Why a step has no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// Nothing was asked.
    NotSent,
    /// Whether it happens is not known.
    Unknown,
}

/// Goes to the drop-box.
pub(crate) struct Porter {
    machine: HostMachine,
    under_way: Vec<Errand>,
    is_lost: bool,
}

fn failure(phase: Phase, class: FailureClass) -> Failure {
    let text = "as the history wants it".to_owned();
    Failure { phase, class, text }
}

fn size_of(file: &File) -> u64 {
    match &file.content {
        Content::Result(published, nodes) => {
            100 * published.map_or(0, i64::unsigned_abs) + *nodes as u64
        }
        Content::Status(document) => document.len() as u64,
    }
}

impl Porter {
    pub(crate) fn new(machine: HostMachine) -> Self {
        Self {
            machine,
            under_way: Vec::new(),
            is_lost: false,
        }
    }

    fn draw(&self, from: u64, to: u64) -> Duration {
        self.machine.simulation.world().random.millis(from, to)
    }

    /// Whether something goes wrong that does so `times` in a thousand.
    fn goes_wrong(&self, fault: Fault, times: u64) -> bool {
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

    /// One step at the drop-box.
    fn act(&mut self, operation: Operation) -> Result<Done, Lost> {
        let simulation = Arc::clone(&self.machine.simulation);
        if self.is_lost || !self.is_held() {
            self.is_lost = true;
            return Err(Lost::NotSent);
        }
        let looked = simulation.now();
        if self.goes_wrong(Fault::PausesBeforeEffect, 20) {
            let pause = self.draw(1_000, 120_000);
            simulation.happened(Happening::PausedBeforeEffect);
            simulation.pause(self.machine.host, pause);
        }
        self.machine.step();
        let sent = simulation.now();
        let is_late = self.goes_wrong(Fault::SlowDropBox, 15);
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

    /// Whose file stands under the name, where uploads are in doubt.
    fn look_into(&self, name: &RemoteName, unproven: &[Unproven]) -> Option<Found> {
        if unproven.is_empty() {
            return None;
        }
        self.machine.sleep(self.draw(2, 400));
        let simulation = &self.machine.simulation;
        let files = &simulation.world().drop_box.files;
        let Some(file) = files.get(name.as_str()) else {
            return Some(Found::Nothing);
        };
        let own = unproven.iter().find(|it| it.start.0 == file.start);
        Some(own.map_or(Found::Foreign, |it| Found::Own(it.start)))
    }

    /// Puts a file there under its temporary name, and then under its own.
    fn put(&mut self, temporary: &RemoteName, name: &RemoteName, file: File) -> Option<Ending> {
        let (from, to) = (temporary.to_string(), name.to_string());
        let failed = |phase, remote| {
            let failure = failure(phase, FailureClass::Transient);
            Some(Ending::Failed { failure, remote })
        };
        match self.act(Operation::Create(from.clone(), file)) {
            Ok(_) => {}
            Err(Lost::NotSent) => return failed(Phase::Connect, RemoteAfterFailure::Untouched),
            Err(Lost::Unknown) => {
                return failed(Phase::Connect, RemoteAfterFailure::TemporaryMayRemain);
            }
        }
        if self.machine.simulation.sabotage == Some(Sabotage::DeliverNothing) {
            return None;
        }
        match self.act(Operation::Rename(from, to)) {
            Ok(Done::Well) => None,
            Ok(Done::Nothing) => failed(Phase::Place, RemoteAfterFailure::Untouched),
            Err(Lost::NotSent) => failed(Phase::Connect, RemoteAfterFailure::TemporaryMayRemain),
            Err(Lost::Unknown) => failed(Phase::Connect, RemoteAfterFailure::Uncertain),
        }
    }

    fn carry(&mut self, errand: &Errand) -> (Option<Found>, Ending) {
        let name = errand.command.name();
        let start = errand.start.0;
        let found = match &errand.task {
            Task::Upload { unproven, .. } | Task::Remove { unproven } => {
                self.look_into(name, unproven)
            }
            Task::Publish { .. } => None,
        };
        match found {
            // Whoever was replaced takes another one's newer file for a stranger's, and can record nothing of that.
            Some(Found::Foreign) => {
                let failure = failure(Phase::Look, FailureClass::NeedsPerson);
                let remote = RemoteAfterFailure::Untouched;
                return (found, Ending::Failed { failure, remote });
            }
            Some(Found::Own(_)) => self.machine.simulation.happened(Happening::FoundByMark),
            _ => {}
        }
        let ending = match &errand.task {
            Task::Upload {
                request, temporary, ..
            } => self.upload(*request, name, temporary, start),
            Task::Publish {
                temporary,
                document,
            } => {
                let content = Content::Status(Arc::clone(document));
                let failed = self.put(temporary, name, File { start, content });
                failed.unwrap_or_else(|| Ending::Published {
                    sha256: Digest::of(&[document]),
                    size_bytes: document.len() as u64,
                })
            }
            Task::Remove { .. } => self.remove(&errand.command),
        };
        (found, ending)
    }

    fn upload(
        &mut self,
        request: RequestId,
        name: &RemoteName,
        temporary: &RemoteName,
        start: u64,
    ) -> Ending {
        self.machine.sleep(self.draw(5, 300));
        let shown = self
            .machine
            .simulation
            .world()
            .broker
            .shown
            .get(&request.0)
            .cloned();
        let Some(Shown::Readable { published, nodes }) = shown else {
            return Ending::Failed {
                failure: failure(Phase::Export, FailureClass::Transient),
                remote: RemoteAfterFailure::Untouched,
            };
        };
        let content = Content::Result(published, nodes.len());
        let file = File { start, content };
        let size_bytes = size_of(&file);
        let failed = self.put(temporary, name, file);
        failed.unwrap_or_else(|| {
            Ending::Delivered(Delivery {
                name: name.clone(),
                size_bytes,
                plaintext_sha256: Digest([1; 32]),
                token_sha256: Digest([2; 32]),
                key: KEY,
                placement: Placement::PosixRename,
                contents: None,
            })
        })
    }

    fn remove(&mut self, command: &Command) -> Ending {
        let leaves = self.machine.simulation.sabotage == Some(Sabotage::LeaveTemporaries);
        if leaves && matches!(command, Command::RemoveTemporary { .. }) {
            return Ending::Removed(Removal::Removed);
        }
        let remote = match self.act(Operation::Remove(command.name().to_string())) {
            Ok(done) => {
                if matches!(command, Command::Delete { .. }) {
                    self.machine.simulation.happened(Happening::Withdrawn);
                }
                return Ending::Removed(match done {
                    Done::Well => Removal::Removed,
                    Done::Nothing => Removal::AlreadyAbsent,
                });
            }
            Err(Lost::NotSent) => RemoteAfterFailure::Untouched,
            Err(Lost::Unknown) => RemoteAfterFailure::Uncertain,
        };
        let failure = failure(Phase::Connect, FailureClass::Transient);
        Ending::Failed { failure, remote }
    }
}

impl Carrier for Porter {
    fn host_key(&self) -> Option<String> {
        Some("SHA256:first".to_owned())
    }

    fn capacity(&self) -> usize {
        3
    }

    fn beginning(&mut self, name: RemoteName, _: u32) -> Result<Option<Vec<u8>>, Failure> {
        panic!("nothing is signed, and {name} is looked into")
    }

    fn begin(&mut self, errand: Errand) {
        self.under_way.push(errand);
    }

    fn endings(&mut self) -> Vec<Ended> {
        if self.under_way.is_empty() {
            return Vec::new();
        }
        let which = {
            let random = &mut self.machine.simulation.world().random;
            random.between(0, self.under_way.len() as u64)
        };
        let errand = self.under_way.remove(usize::try_from(which).unwrap());
        let (found, ending) = self.carry(&errand);
        vec![Ended {
            start: errand.start,
            found,
            unseen: None,
            ending,
        }]
    }
}

impl Lookout for Porter {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        self.machine.sleep(self.draw(2, 400));
        let files = &self.machine.simulation.world().drop_box.files;
        let seen = |name: &RemoteName| match files.get(name.as_str()) {
            Some(file) => Seen::Present(Some(size_of(file))),
            None => Seen::Absent,
        };
        Ok(names
            .into_iter()
            .map(|name| {
                let seen = seen(&name);
                (name, seen)
            })
            .collect())
    }
}

impl Departure for Porter {
    type Carrier = Self;

    fn arrive(self) -> Result<(Self, StatusFound), Failure> {
        self.machine.sleep(self.draw(5, 400));
        if self.goes_wrong(Fault::AwayPartners, 20) {
            return Err(failure(Phase::Connect, FailureClass::Transient));
        }
        let found = {
            let files = &self.machine.simulation.world().drop_box.files;
            match files.get("status.xml").map(|file| &file.content) {
                None => StatusFound::Nothing,
                Some(Content::Status(document)) => {
                    StatusFound::of_beginning(document).unwrap_or(StatusFound::Damaged)
                }
                Some(Content::Result(..)) => StatusFound::Damaged,
            }
        };
        Ok((self, found))
    }
}
