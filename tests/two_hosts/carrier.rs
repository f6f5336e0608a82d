//! What carries out commands for a run in a history: one after the other, step by step.
//!
//! What always holds: a file is written under its temporary name, with its mark, and renamed then; whose file stands
//! under a name in doubt is told by its mark. Deliberately absent: connecting anew in the same run.

use std::sync::Arc;

use broker_courier::run::{Carrier, Departure, Ended, Ending, Errand, Lookout, Task};
use courier_ledger::{
    Command, Delivery, Digest, Failure, FailureClass, Found, KeyId, Look, Phase, Placement,
    RemoteAfterFailure, RemoteName, Removal, Replaces, RequestId, Seen, StatusFound, Unproven,
};
use scenario::Shown;

use super::drop_box::{Content, Done, File, Operation};
use super::fault::Fault;
use super::happening::Happening;
use super::machine::HostMachine;
use super::sabotage::Sabotage;
use super::steps::{Lost, Steps};

pub(crate) const KEY: KeyId = KeyId([8; 8]);

/// Goes to the drop-box.
pub(crate) struct Porter {
    machine: HostMachine,
    under_way: Vec<Errand>,
    steps: Steps,
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
            steps: Steps::of(machine.clone()),
            machine,
            under_way: Vec::new(),
        }
    }

    /// Whose file stands under the name, where uploads are in doubt.
    fn look_into(&self, name: &RemoteName, unproven: &[Unproven]) -> Option<Found> {
        if unproven.is_empty() {
            return None;
        }
        self.machine.sleep(self.steps.draw(2, 400));
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
        match self.steps.act(Operation::Create(from.clone(), file)) {
            Ok(_) => {}
            Err(Lost::NotSent) => return failed(Phase::Connect, RemoteAfterFailure::Untouched),
            Err(Lost::Unknown) => {
                return failed(Phase::Connect, RemoteAfterFailure::TemporaryMayRemain);
            }
        }
        if self.machine.simulation.sabotage == Some(Sabotage::DeliverNothing) {
            return None;
        }
        match self.steps.act(Operation::Rename(from, to)) {
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
                replaces: Replaces::Nothing,
                ..
            } if found.is_none() && self.is_there(name) => Ending::Failed {
                failure: failure(Phase::Place, FailureClass::NeedsPerson),
                remote: RemoteAfterFailure::Untouched,
            },
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

    fn is_there(&self, name: &RemoteName) -> bool {
        let drop_box = &self.machine.simulation.world().drop_box;
        drop_box.files.contains_key(name.as_str())
    }

    fn upload(
        &mut self,
        request: RequestId,
        name: &RemoteName,
        temporary: &RemoteName,
        start: u64,
    ) -> Ending {
        self.machine.sleep(self.steps.draw(5, 300));
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
        let remote = match self
            .steps
            .act(Operation::Remove(command.name().to_string()))
        {
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
        self.machine.sleep(self.steps.draw(2, 400));
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
        self.machine.sleep(self.steps.draw(5, 400));
        if self.steps.goes_wrong(Fault::AwayPartners, 20) {
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
