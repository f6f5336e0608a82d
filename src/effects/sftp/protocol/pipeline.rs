//! Many operations over one connection: who may open a file, who sends next, which answer belongs to
//! whom, who has taken too long. Performs no I/O: bytes and the time come in, bytes and outcomes go
//! out, so that a scripted peer can drive it.
//!
//! What always holds: the bytes buffered for the wire are bounded by two packets and a share for
//! small requests; data without acknowledgement is bounded by the window and one packet; one
//! operation's failure ends no other; an answer that fits no request ends the connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use courier_ledger::RemoteName;

use super::excerpt::Excerpt;
use super::look::Look;
use super::operation::{Completed, Operation, Outcome, never_begun, upload_never_begun};
use super::outbox::{Answer, Bounds, Capabilities, Flow, Outbox, Purpose, Requests};
use super::recipe::Recipe;
use super::removal::Removal;
use super::upload::Upload;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::packet::FrameBuffer;
use crate::effects::sftp::wire::reply::Reply;

/// The most requests without an answer; what is submitted beyond waits.
const MOST_REQUESTS: usize = 1024;

/// What an operation does next.
enum Machine {
    Upload(Box<Upload>),
    Removal(Removal),
    Look(Look),
    Excerpt(Excerpt),
}

impl Machine {
    /// Sends what comes first.
    fn begin(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => return upload.begin(out),
            Self::Removal(removal) => removal.begin(out),
            Self::Look(look) => look.begin(out),
            Self::Excerpt(excerpt) => excerpt.begin(out),
        }
        None
    }

    /// Takes an answer, and sends what comes next.
    fn answer(
        &mut self,
        purpose: Purpose,
        answer: Answer,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => upload.answer(purpose, answer, out),
            Self::Removal(removal) => Some(removal.answer(&answer)),
            Self::Look(look) => Some(look.answer(&answer)),
            Self::Excerpt(excerpt) => excerpt.answer(answer, out),
        }
    }

    /// Gives up, and cleans up what can be cleaned up.
    fn expire(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => upload.expire(out),
            Self::Removal(_) | Self::Look(_) | Self::Excerpt(_) => None,
        }
    }

    /// How it ended when the connection was lost.
    fn lost(&mut self, reason: &str) -> Outcome {
        match self {
            Self::Upload(upload) => upload.lost(reason),
            Self::Removal(removal) => Err(removal.lost(reason)),
            Self::Look(look) => Err(look.lost(reason)),
            Self::Excerpt(excerpt) => Err(excerpt.lost(reason)),
        }
    }
}

/// An operation under way.
struct Active {
    ticket: u64,
    machine: Machine,
    outstanding: usize,
    deadline: Instant,
    /// Since when it waits for nothing but its source: that time is not its own.
    idle_since: Option<Instant>,
    expired: bool,
}

impl Active {
    fn is_moving(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.is_moving())
    }

    fn is_crowded_out(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.is_crowded_out())
    }

    fn occupies_file(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.occupies_file())
    }

    /// Stops or resumes the clock: it runs while the server owes something.
    fn settle(&mut self, now: Instant) {
        if self.outstanding == 0 {
            self.idle_since.get_or_insert(now);
        } else if let Some(since) = self.idle_since.take() {
            self.deadline += now.saturating_duration_since(since);
        }
    }
}

/// The operations of one connection.
pub(crate) struct Pipeline {
    folder: String,
    recipe: Recipe,
    bounds: Bounds,
    capabilities: Capabilities,
    outbox: Outbox,
    frames: FrameBuffer,
    waiting_uploads: VecDeque<(u64, Box<Upload>)>,
    /// Removals and looks: they need no open file, so they wait for no upload.
    waiting_small: VecDeque<(u64, Operation)>,
    active: BTreeMap<u64, Active>,
    next_slot: u64,
    /// Whose turn it is to send data.
    ready: VecDeque<u64>,
    /// Whose source has nothing now.
    starved: Vec<u64>,
    completed: VecDeque<Completed>,
    answers: u64,
}

impl Pipeline {
    /// A pipeline with nothing to do.
    pub(crate) fn new(
        folder: String,
        recipe: Recipe,
        bounds: Bounds,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            folder,
            recipe,
            bounds,
            capabilities,
            outbox: Outbox::default(),
            frames: FrameBuffer::default(),
            waiting_uploads: VecDeque::new(),
            waiting_small: VecDeque::new(),
            active: BTreeMap::new(),
            next_slot: 0,
            ready: VecDeque::new(),
            starved: Vec::new(),
            completed: VecDeque::new(),
            answers: 0,
        }
    }

    /// Takes an operation; it begins when there is room for it.
    pub(crate) fn submit(&mut self, ticket: u64, operation: Operation) {
        match operation {
            Operation::Remove { .. } | Operation::Look { .. } | Operation::Excerpt { .. } => {
                self.waiting_small.push_back((ticket, operation));
            }
            Operation::Upload {
                source,
                temporary,
                target,
                replaces,
            } => {
                let paths = (self.path(&temporary), self.path(&target));
                let upload = Upload::new(source, paths.0, paths.1, target, replaces, self.recipe);
                self.waiting_uploads.push_back((ticket, Box::new(upload)));
            }
        }
    }

    /// Sources that had nothing may have something.
    pub(crate) fn source_ready(&mut self) {
        self.ready.extend(self.starved.drain(..));
    }

    /// Bytes for the wire.
    pub(crate) fn pending(&self) -> &[u8] {
        self.outbox.pending()
    }

    /// Says that the wire took the first `count` pending bytes.
    pub(crate) fn sent(&mut self, count: usize) {
        self.outbox.take(count);
    }

    /// Whether the server owes an answer, or the wire room.
    pub(crate) fn is_owed(&self) -> bool {
        self.outbox.outstanding() > 0 || !self.outbox.pending().is_empty()
    }

    /// Answers so far: a growing count is progress.
    pub(crate) fn answers(&self) -> u64 {
        self.answers
    }

    /// The next operation that ended.
    pub(crate) fn next_completed(&mut self) -> Option<Completed> {
        self.completed.pop_front()
    }

    /// Takes bytes from the wire.
    ///
    /// # Errors
    /// The server does not keep to the protocol: nothing that it says can be relied on any more.
    pub(crate) fn receive(&mut self, bytes: &[u8], now: Instant) -> Result<(), ProtocolError> {
        self.frames.extend(bytes);
        loop {
            let Some(packet) = self.frames.next_packet()? else {
                return Ok(());
            };
            let (id, reply) = Reply::decode(packet)?;
            let request = self.outbox.answered(id)?;
            let answer = request.purpose.answer(reply)?;
            self.answers += 1;
            let others_open = match request.purpose {
                Purpose::Create => self.others_open(request.slot),
                _ => None,
            };
            let Some(active) = self.active.get_mut(&request.slot) else {
                return Err(ProtocolError::UnknownId { id });
            };
            active.outstanding -= 1;
            let was_moving = active.is_moving();
            let mut out = Requests {
                outbox: &mut self.outbox,
                capabilities: &mut self.capabilities,
                slot: request.slot,
                outstanding: &mut active.outstanding,
                others_open,
            };
            let outcome = active.machine.answer(request.purpose, answer, &mut out);
            if active.is_moving() && !was_moving {
                self.ready.push_back(request.slot);
            }
            active.settle(now);
            if active.is_crowded_out() {
                self.crowded_out(request.slot);
            } else {
                self.end(request.slot, outcome);
            }
        }
    }

    /// Begins what may begin, and sends data as far as window and buffer allow.
    pub(crate) fn pump(&mut self, now: Instant) {
        self.begin_small(now);
        self.begin_uploads(now);
        while self.outbox.pending().len() < self.bounds.write_bytes
            && self.outbox.windowed_bytes() < self.bounds.unacknowledged_bytes
            && self.outbox.outstanding() < MOST_REQUESTS
        {
            let Some(slot) = self.ready.pop_front() else {
                return;
            };
            self.feed(slot, now);
        }
    }

    /// Gives up what has taken too long.
    ///
    /// # Errors
    /// An operation that was given up cannot even be cleaned up in time: the connection is no use.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<(), Stalled> {
        let late: Vec<u64> = self
            .active
            .iter()
            .filter(|(_, active)| active.idle_since.is_none() && active.deadline <= now)
            .map(|(slot, _)| *slot)
            .collect();
        for slot in late {
            let Some(active) = self.active.get_mut(&slot) else {
                continue;
            };
            if active.expired {
                return Err(Stalled);
            }
            active.expired = true;
            active.deadline = now + self.bounds.cleanup;
            let mut out = Requests {
                outbox: &mut self.outbox,
                capabilities: &mut self.capabilities,
                slot,
                outstanding: &mut active.outstanding,
                others_open: None,
            };
            let outcome = active.machine.expire(&mut out);
            self.end(slot, outcome);
        }
        Ok(())
    }

    /// When `tick` is next needed.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.active
            .values()
            .filter(|active| active.idle_since.is_none())
            .map(|active| active.deadline)
            .min()
    }

    /// The connection is gone: everything ends.
    pub(crate) fn lost(&mut self, reason: &str) {
        for (_, mut active) in std::mem::take(&mut self.active) {
            self.completed.push_back(Completed {
                ticket: active.ticket,
                result: active.machine.lost(reason),
            });
        }
        for (ticket, upload) in std::mem::take(&mut self.waiting_uploads) {
            self.completed
                .push_back(upload_never_begun(ticket, upload.name(), reason));
        }
        for (ticket, operation) in self.waiting_small.drain(..) {
            self.completed
                .push_back(never_begun(ticket, &operation, reason));
        }
        self.ready.clear();
        self.starved.clear();
        self.outbox = Outbox::default();
    }

    fn path(&self, name: &RemoteName) -> String {
        join(&self.folder, name)
    }

    fn begin_small(&mut self, now: Instant) {
        while self.outbox.outstanding() < MOST_REQUESTS {
            let Some((ticket, operation)) = self.waiting_small.pop_front() else {
                return;
            };
            let machine = match operation {
                Operation::Remove { name } => {
                    Machine::Removal(Removal::new(self.path(&name), name))
                }
                Operation::Look { name } => Machine::Look(Look::new(self.path(&name), name)),
                Operation::Excerpt { name, length } => {
                    Machine::Excerpt(Excerpt::new(self.path(&name), name, length))
                }
                // Uploads have a queue of their own.
                Operation::Upload { .. } => continue,
            };
            self.begin(ticket, machine, now);
        }
    }

    fn begin_uploads(&mut self, now: Instant) {
        let mut open = self
            .active
            .values()
            .filter(|active| active.occupies_file())
            .count();
        while open < self.bounds.open_files && self.outbox.outstanding() < MOST_REQUESTS {
            let Some((ticket, upload)) = self.waiting_uploads.pop_front() else {
                return;
            };
            self.begin(ticket, Machine::Upload(upload), now);
            open += 1;
        }
    }

    /// Files that the server has open for others than `slot`; none where no other needs one.
    fn others_open(&self, slot: u64) -> Option<usize> {
        let mut needed = false;
        let mut open = 0;
        for (other, active) in &self.active {
            if let Machine::Upload(upload) = &active.machine
                && *other != slot
            {
                needed |= upload.occupies_file();
                open += usize::from(upload.has_file_open());
            }
        }
        needed.then_some(open)
    }

    /// The server allows fewer open files than it said: from now on as many as it has open, and the
    /// one that it refused begins again when there is room.
    fn crowded_out(&mut self, slot: u64) {
        let Some(active) = self.active.remove(&slot) else {
            return;
        };
        let Machine::Upload(upload) = active.machine else {
            return;
        };
        let open_files = upload.others_open().clamp(1, self.bounds.open_files);
        if open_files < self.bounds.open_files {
            tracing::warn!(
                "the server refuses to open a file while {} others are open: from here on at most \
                 {open_files} at the same time (SFTP.CONCURRENCY)",
                upload.others_open()
            );
            self.bounds.open_files = open_files;
        }
        self.waiting_uploads.push_front((active.ticket, upload));
    }

    fn begin(&mut self, ticket: u64, machine: Machine, now: Instant) {
        let slot = self.next_slot;
        self.next_slot += 1;
        let active = self.active.entry(slot).or_insert(Active {
            ticket,
            machine,
            outstanding: 0,
            deadline: now + self.bounds.operation,
            idle_since: None,
            expired: false,
        });
        let mut out = Requests {
            outbox: &mut self.outbox,
            capabilities: &mut self.capabilities,
            slot,
            outstanding: &mut active.outstanding,
            others_open: None,
        };
        let outcome = active.machine.begin(&mut out);
        self.end(slot, outcome);
    }

    fn feed(&mut self, slot: u64, now: Instant) {
        // What has ended or was given up may still be in the queue.
        let Some(active) = self.active.get_mut(&slot) else {
            return;
        };
        let Machine::Upload(upload) = &mut active.machine else {
            return;
        };
        if !upload.is_moving() {
            return;
        }
        let mut out = Requests {
            outbox: &mut self.outbox,
            capabilities: &mut self.capabilities,
            slot,
            outstanding: &mut active.outstanding,
            others_open: None,
        };
        let (flow, outcome) = upload.feed(&self.bounds, &mut out);
        match flow {
            Flow::More => self.ready.push_back(slot),
            Flow::Pending => self.starved.push(slot),
            Flow::End => {}
        }
        active.settle(now);
        self.end(slot, outcome);
    }

    fn end(&mut self, slot: u64, outcome: Option<Outcome>) {
        if let Some(result) = outcome
            && let Some(active) = self.active.remove(&slot)
        {
            self.completed.push_back(Completed {
                ticket: active.ticket,
                result,
            });
        }
    }
}

/// The server does not answer within the time that was allowed for cleaning up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stalled;

/// The path of `name` in `folder`; an empty folder is where the server puts one at login.
pub(crate) fn join(folder: &str, name: &RemoteName) -> String {
    match folder {
        "" => name.to_string(),
        _ => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}
