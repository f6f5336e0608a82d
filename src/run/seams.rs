//! What the run loop needs from the world, so that a simulation can stand in for it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use courier_ledger::log::EventLog;
use courier_ledger::{
    BrokerTime, Command, Delivery, Digest, Failure, Found, LogId, Look, NodeNames,
    RemoteAfterFailure, RemoteName, Removal, Replaces, RequestId, Sequence, Snapshot, State,
    StatusFound, Timestamp, Tip, Unproven, Unseen,
};

/// Asks the broker for everything.
pub trait Poller {
    /// One complete poll. Each absence of a request that is `expected` is looked into; what is `known`
    /// already need not be kept a second time.
    fn poll(&self, expected: &BTreeSet<RequestId>, known: &State) -> Result<Polled, Failure>;
}

/// What a complete poll brings.
#[derive(Debug)]
pub struct Polled {
    /// What the broker showed.
    pub snapshot: Snapshot,
    /// What its clock said, if it said so.
    pub broker_time: Option<BrokerTime>,
    /// What it calls its nodes, if it said so.
    pub node_names: Option<NodeNames>,
}

/// A command whose intent is on disk.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The log that holds its intent.
    pub log: LogId,
    /// The intent's sequence number.
    pub start: Sequence,
    /// The command, as the intent has it.
    pub command: Command,
    /// What it takes to carry it out.
    pub task: Task,
}

impl Errand {
    /// The temporary name that its intent names, where it has one.
    #[must_use]
    pub fn temporary(&self) -> Option<&RemoteName> {
        match &self.task {
            Task::Upload { temporary, .. } | Task::Publish { temporary, .. } => Some(temporary),
            Task::Remove { .. } => None,
        }
    }
}

/// What it takes to carry out a command of each kind. `unproven` are earlier uploads without an outcome,
/// where nothing else shows that what stands under the final name is this ledger's: unless one of them
/// put it there, it is not to be touched.
#[derive(Clone, Debug)]
pub enum Task {
    /// A result is fetched and uploaded.
    Upload {
        /// The request.
        request: RequestId,
        /// The temporary name that the intent names.
        temporary: RemoteName,
        /// What may stand under the final name.
        replaces: Replaces,
        /// Who else may have put it there.
        unproven: Vec<Unproven>,
    },
    /// A file is removed.
    Remove {
        /// Who may have put it there.
        unproven: Vec<Unproven>,
    },
    /// The ledger is uploaded.
    Publish {
        /// The temporary name that the intent names.
        temporary: RemoteName,
        /// `status.xml`.
        document: Arc<[u8]>,
    },
}

/// How an errand ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// A result is in place.
    Delivered(Delivery),
    /// A result was delivered, and the recipient took it away.
    PickedUp(Delivery),
    /// A file is gone.
    Removed(Removal),
    /// `status.xml` is in place.
    Published {
        /// SHA-256 of what was published.
        sha256: Digest,
        /// Its size in bytes.
        size_bytes: u64,
    },
    /// It did not succeed.
    Failed {
        /// How.
        failure: Failure,
        /// What it may have left.
        remote: RemoteAfterFailure,
    },
}

/// An errand that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The intent's sequence number.
    pub start: Sequence,
    /// What stood under the final name before anything was changed there, where that was looked for.
    pub found: Option<Found>,
    /// Why nothing was seen of what it did, where that is so.
    pub unseen: Option<Unseen>,
    /// How it ended.
    pub ending: Ending,
}

/// Carries out commands, several at a time.
pub trait Carrier {
    /// The fingerprint of the host key that the drop-box has shown.
    fn host_key(&self) -> Option<String>;

    /// How many errands may be under way at once.
    fn capacity(&self) -> usize;

    /// The temporary name that the command recorded at `start` writes under.
    fn temporary(&self, name: &RemoteName, log: LogId, start: Sequence) -> RemoteName {
        name.temporary(log, start)
    }

    /// Which of these final names are free, where files are written under them from the start, and the
    /// drop-box tells; asked before uploads are begun.
    fn found_free(&mut self, _names: Vec<RemoteName>) -> BTreeSet<RemoteName> {
        BTreeSet::new()
    }

    /// How the file of this name begins, to so many bytes; none where there is none. Asked while nothing is
    /// under way.
    fn beginning(&mut self, name: RemoteName, length: u32) -> Result<Option<Vec<u8>>, Failure>;

    /// Takes an errand on; never waits for it.
    fn begin(&mut self, errand: Errand);

    /// Waits until an errand has ended, and gives all that have; empty when none is under way.
    fn endings(&mut self) -> Vec<Ended>;
}

/// Signs what a run has published, so that others can hold it against what comes later. It fails no run: what
/// it cannot do it says.
pub trait Evidence {
    /// Under which name something is to be put at the drop-box, if anything is due.
    fn due(&self, log: &dyn EventLog) -> Option<RemoteName>;

    /// What is to stand there in place of what does; none where nothing is to be put there.
    fn seal(&self, log: &dyn EventLog, there: Option<Vec<u8>>) -> Option<Arc<[u8]>>;

    /// The list of what is delivered, to stand under its name in place of what does, which begins so; none where nothing
    /// is to be put there. Asked behind [`Self::seal`], when that stands there.
    fn manifest(&self, state: &State, tip: Tip, there: Option<Vec<u8>>) -> Option<Arc<[u8]>>;

    /// All of it stands there.
    fn published(&self);
}

/// Looks at what was delivered.
pub trait Lookout {
    /// How each of these files stands at the drop-box now: all of them, or why they could not be
    /// looked at.
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure>;
}

/// A carrier that is still on its way to the drop-box while the broker is polled.
pub trait Departure {
    /// What arrives.
    type Carrier: Carrier + Lookout;

    /// Waits until the drop-box is reached, and tells what stands there in place of `status.xml`; a
    /// failure says why it is not.
    fn arrive(self) -> Result<(Self::Carrier, StatusFound), Failure>;
}

/// `status.xml` in the working directory.
pub trait StatusFile {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Replaces it atomically.
    fn replace(&self, document: &[u8]) -> io::Result<()>;
}

/// Hears how a run goes on. Nothing follows from it.
pub trait Progress {
    /// So many results are to be changed.
    fn planned(&self, changes: usize) {
        let _nobody_counts = changes;
    }

    /// A command has begun.
    fn began(&self, command: &Command) {
        let _nobody_listens = command;
    }

    /// It has ended.
    fn ended(&self, command: &Command, ending: &Ending) {
        let _nobody_listens = (command, ending);
    }
}

/// Nobody listens.
impl Progress for () {}

/// Tells the time. Only records hold it; no decision reads it.
pub trait Clock {
    /// The wall clock, UTC.
    fn now(&self) -> Timestamp;

    /// Time since some fixed point, never going back.
    fn elapsed(&self) -> Duration;
}
