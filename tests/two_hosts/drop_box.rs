//! The drop-box: what stands there, and what it was asked to do, which it does in its own time.
//!
//! What always holds: it knows no epochs and no leases, and does whatever it was asked, once. Deliberately absent:
//! connections; whoever asked may be gone when it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use super::happening::Happening;
use super::property::Property;
use super::simulation::{LEASE, Simulation};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// When the request was published, and how many nodes had completed.
    Result(Option<i64>, usize),
    /// `status.xml`.
    Status(Arc<[u8]>),
}

/// A file, with its mark.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// The entry that it was written for.
    pub(crate) start: u64,
    pub(crate) content: Content,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(published, nodes) => {
                write!(f, "published {}, {nodes} nodes", published.unwrap_or(0))
            }
            Self::Status(_) => f.write_str("status.xml"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(name, file) => write!(f, "{name} is written, {}", file.content),
            Self::Rename(from, to) => write!(f, "{from} is renamed to {to}"),
            Self::Remove(name) => write!(f, "{name} is removed"),
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create(String, File),
    Rename(String, String),
    Remove(String),
}

/// What it was asked by somebody.
pub(crate) struct Submitted {
    pub(crate) ticket: u64,
    pub(crate) operation: Operation,
    pub(crate) host: usize,
    /// When whoever asks looked at the lease.
    pub(crate) looked: Duration,
    pub(crate) due: Duration,
    /// Whether it is done as soon as another one was renamed to the same name, if that is sooner: nothing is worse.
    pub(crate) is_spiteful: bool,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Well,
    /// There was no such file.
    Nothing,
}

/// The drop-box.
#[derive(Default)]
pub(crate) struct DropBox {
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) submitted: Vec<Submitted>,
    pub(crate) done: BTreeMap<u64, Done>,
    pub(crate) tickets: u64,
    /// The results whose removal was asked for before.
    pub(crate) removed: BTreeSet<String>,
}

/// Does what is asked, when it is due.
pub(crate) async fn run(simulation: Arc<Simulation>) {
    loop {
        let next = simulation
            .world()
            .drop_box
            .submitted
            .iter()
            .map(|it| it.due)
            .min();
        let submitted = simulation.submitted.notified();
        match next {
            None => submitted.await,
            Some(due) if due > simulation.now() => {
                let _due_or_more_submitted = timeout_at(simulation.at(due), submitted).await;
            }
            Some(due) => {
                let mut world = simulation.world();
                let submitted = &mut world.drop_box.submitted;
                let at = submitted
                    .iter()
                    .position(|it| it.due == due)
                    .expect("it is there");
                let submitted = submitted.remove(at);
                drop(world);
                carry_out(&simulation, submitted);
            }
        }
    }
}

fn carry_out(simulation: &Simulation, submitted: Submitted) {
    let Submitted {
        ticket,
        operation,
        host,
        looked,
        ..
    } = submitted;
    simulation.tell(|| format!("the drop-box: {operation} for host {host}"));
    // What a dead holder had sent is not kept back by its lease where a person has taken that.
    let is_late = simulation.now() > looked + LEASE / 3 || looked < simulation.world().taken_over;
    let holder = simulation.world().database.shown.runner.holder.clone();
    let is_held = holder == Some(format!("host-{host}"));
    if is_late {
        simulation.happened(Happening::EffectLate);
        if !is_held {
            simulation.happened(Happening::EffectOvertaken);
        }
    } else if !is_held {
        let text = format!("host {host} {operation}: and {holder:?} holds the ledger");
        simulation.violated(Property::NoStaleEffect, text);
    }
    let mut wrong = None;
    let done = {
        let files = &mut simulation.world().drop_box.files;
        match &operation {
            Operation::Create(name, file) => {
                files.insert(name.clone(), file.clone());
                Done::Well
            }
            Operation::Rename(from, to) => match files.remove(from) {
                None => Done::Nothing,
                Some(file) => {
                    let start = file.start;
                    let before = files.insert(to.clone(), file);
                    if before.is_some_and(|before| before.start > start) {
                        wrong = Some(format!("{to} of #{start} replaces a newer one"));
                    }
                    Done::Well
                }
            },
            Operation::Remove(name) => match files.remove(name) {
                None => Done::Nothing,
                Some(_) => Done::Well,
            },
        }
    };
    if is_late && matches!(&operation, Operation::Remove(name) if !name.starts_with('.')) {
        simulation.happened(Happening::RemovedLate);
    }
    if is_late && done == Done::Nothing && matches!(operation, Operation::Rename(..)) {
        simulation.happened(Happening::RenamedNothing);
    }
    if let Some(text) = wrong {
        simulation.violated(Property::RightOrder, text);
    }
    let now = simulation.now();
    let drop_box = &mut simulation.world().drop_box;
    if let (Operation::Rename(_, renamed), Done::Well) = (&operation, done) {
        for waiting in &mut drop_box.submitted {
            let is_same = match &waiting.operation {
                Operation::Rename(_, name) | Operation::Remove(name) => name == renamed,
                Operation::Create(..) => false,
            };
            if is_same && waiting.is_spiteful {
                waiting.due = now;
            }
        }
    }
    drop_box.done.insert(ticket, done);
}
