//! Many operations over one connection: who may open a file, who sends next, which answer belongs to
//! whom, who has taken too long. Performs no I/O: bytes and the time come in, bytes and outcomes go
//! out, so that a scripted peer can drive it.
//!
//! What always holds: the bytes buffered for the wire are bounded by two packets and a share for
//! small requests; data without acknowledgement is bounded by the window and one packet; one
//! operation's failure ends no other; an answer that fits no request ends the connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use courier_ledger::{FailureClass, Phase, RemoteName};

use super::answer::{Answer, Misplaced};
use super::excerpt::{Excerpt, Wanted};
use super::listing::Listing;
use super::look::Look;
use super::measurement::Measurement;
use super::operation::{Completed, Operation, Outcome};
use super::outbox::{Bounds, Capabilities, Flow, Outbox, Requests};
use super::recipe::Recipe;
use super::removal::Removal;
use super::upload::{Order, Upload};
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
    Listing(Listing),
    Measurement(Measurement),
}

impl Machine {
    /// Sends what comes first.
    fn begin(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => return upload.begin(out),
            Self::Removal(removal) => removal.begin(out),
            Self::Look(look) => look.begin(out),
            Self::Excerpt(excerpt) => excerpt.begin(out),
            Self::Listing(listing) => listing.begin(out),
            Self::Measurement(measurement) => return measurement.begin(out),
        }
        None
    }

    /// Takes an answer, and sends what comes next.
    fn answer(
        &mut self,
        answer: Answer,
        out: &mut Requests<'_>,
    ) -> Result<Option<Outcome>, Misplaced> {
        match self {
            Self::Upload(upload) => upload.answer(answer, out),
            Self::Removal(removal) => Ok(removal.answer(answer.removing()?, out)),
            Self::Look(look) => Ok(look.answer(answer.looking()?, out)),
            Self::Excerpt(excerpt) => Ok(excerpt.answer(answer.excerpt()?, out)),
            Self::Listing(listing) => Ok(listing.answer(answer.listing()?, out)),
            Self::Measurement(_) => Ok(Some(Measurement::answer(answer.measuring()?))),
        }
    }

    /// Gives up, and cleans up what can be cleaned up.
    fn expire(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => upload.expire(out),
            Self::Removal(_)
            | Self::Look(_)
            | Self::Excerpt(_)
            | Self::Listing(_)
            | Self::Measurement(_) => None,
        }
    }

    /// How it ended when the connection was lost, begun or not.
    fn lost(self, reason: &str) -> Outcome {
        match self {
            Self::Upload(upload) => upload.lost(reason),
            Self::Removal(removal) => Err(removal.lost(reason)),
            Self::Look(look) => Err(look.lost(reason)),
            Self::Excerpt(excerpt) => Err(excerpt.lost(reason)),
            Self::Listing(listing) => Err(listing.lost(reason)),
            Self::Measurement(_) => Err(Measurement::lost(reason)),
        }
    }
}

/// An operation under way.
struct Active {
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

    fn crowded_out_by(&self) -> Option<usize> {
        match &self.machine {
            Machine::Upload(upload) => upload.crowded_out_by(),
            Machine::Removal(_)
            | Machine::Look(_)
            | Machine::Excerpt(_)
            | Machine::Listing(_)
            | Machine::Measurement(_) => None,
        }
    }

    fn occupies_file(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.occupies_file())
    }

    /// What it does next, and the outbox as it sees it, with no other operation in its way.
    fn sending<'a>(
        &'a mut self,
        ticket: u64,
        outbox: &'a mut Outbox,
        capabilities: &'a mut Capabilities,
    ) -> (&'a mut Machine, Requests<'a>) {
        let requests = Requests {
            outbox,
            capabilities,
            ticket,
            outstanding: &mut self.outstanding,
            others_open: None,
        };
        (&mut self.machine, requests)
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
    waiting_uploads: VecDeque<(u64, Machine)>,
    /// What holds no file open for long, so it waits for no upload.
    waiting_small: VecDeque<(u64, Machine)>,
    /// By the ticket that each was submitted with.
    active: BTreeMap<u64, Active>,
    /// Whose turn it is to send data.
    ready: VecDeque<u64>,
    /// Whose source has nothing now.
    starved: Vec<u64>,
    completed: VecDeque<Completed>,
    answers: u64,
    /// A request of before, whose answer nobody waits for.
    unawaited: Option<u32>,
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
            ready: VecDeque::new(),
            starved: Vec::new(),
            completed: VecDeque::new(),
            answers: 0,
            unawaited: None,
        }
    }

    /// The same, on a connection on which the answer to this request may still come.
    pub(crate) fn behind(self, unawaited: Option<u32>) -> Self {
        Self { unawaited, ..self }
    }

    /// Takes an operation; it begins when there is room for it. No other with this ticket may be
    /// under way.
    pub(crate) fn submit(&mut self, ticket: u64, operation: Operation) {
        match operation {
            Operation::Upload {
                source,
                temporary,
                target,
                replaces,
            } => {
                let order = Order {
                    temporary: self.path(&temporary),
                    target: self.path(&target),
                    name: target,
                    replaces,
                    recipe: self.recipe,
                };
                let upload = Box::new(Upload::new(source, order));
                self.waiting_uploads
                    .push_back((ticket, Machine::Upload(upload)));
            }
            Operation::Remove { name } => {
                let removal = Removal::new(self.path(&name), name);
                self.waiting_small
                    .push_back((ticket, Machine::Removal(removal)));
            }
            Operation::Look { name } => {
                let look = Look::new(self.path(&name), name);
                self.waiting_small.push_back((ticket, Machine::Look(look)));
            }
            Operation::Excerpt {
                name,
                length,
                concern,
            } => {
                let wanted = Wanted {
                    length,
                    at_once: u32::try_from(self.bounds.read_bytes).unwrap_or(u32::MAX),
                };
                let excerpt = Excerpt::new(self.path(&name), name, wanted, concern);
                self.waiting_small
                    .push_back((ticket, Machine::Excerpt(excerpt)));
            }
            Operation::List => {
                let listing = Listing::new(folder_path(&self.folder).to_owned());
                self.waiting_small
                    .push_back((ticket, Machine::Listing(listing)));
            }
            Operation::Measure => {
                let measurement = Measurement::new(folder_path(&self.folder).to_owned());
                self.waiting_small
                    .push_back((ticket, Machine::Measurement(measurement)));
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
            if self
                .unawaited
                .take_if(|unawaited| *unawaited == id)
                .is_some()
            {
                continue;
            }
            let request = self.outbox.answered(id)?;
            let answer = request.awaited.answer(reply, request.words)?;
            self.answers += 1;
            let others_open = match &answer {
                Answer::Creating(_) => self.others_open(request.ticket),
                _ => None,
            };
            let Some(active) = self.active.get_mut(&request.ticket) else {
                return Err(ProtocolError::UnknownId { id });
            };
            active.outstanding -= 1;
            let was_moving = active.is_moving();
            let (machine, mut out) =
                active.sending(request.ticket, &mut self.outbox, &mut self.capabilities);
            out.others_open = others_open;
            let outcome = machine
                .answer(answer, &mut out)
                .map_err(|Misplaced| ProtocolError::UnknownId { id })?;
            if active.is_moving() && !was_moving {
                self.ready.push_back(request.ticket);
            }
            active.settle(now);
            match active.crowded_out_by() {
                Some(others_open) => self.crowded_out(request.ticket, others_open),
                None => self.end(request.ticket, outcome),
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
            let Some(ticket) = self.ready.pop_front() else {
                return;
            };
            self.feed(ticket, now);
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
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in late {
            let Some(active) = self.active.get_mut(&ticket) else {
                continue;
            };
            if active.expired {
                return Err(Stalled);
            }
            active.expired = true;
            active.deadline = now + self.bounds.cleanup;
            let (machine, mut out) =
                active.sending(ticket, &mut self.outbox, &mut self.capabilities);
            let outcome = machine.expire(&mut out);
            self.end(ticket, outcome);
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
        let active = std::mem::take(&mut self.active).into_iter();
        let active = active.map(|(ticket, active)| (ticket, active.machine));
        let waiting = self.waiting_uploads.drain(..);
        let waiting = waiting.chain(self.waiting_small.drain(..));
        self.completed
            .extend(active.chain(waiting).map(|(ticket, machine)| Completed {
                ticket,
                result: machine.lost(reason),
            }));
        self.ready.clear();
        self.starved.clear();
        self.outbox = Outbox::default();
    }

    fn path(&self, name: &RemoteName) -> String {
        join(&self.folder, name)
    }

    fn begin_small(&mut self, now: Instant) {
        while self.outbox.outstanding() < MOST_REQUESTS {
            let Some((ticket, machine)) = self.waiting_small.pop_front() else {
                return;
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
            let Some((ticket, machine)) = self.waiting_uploads.pop_front() else {
                return;
            };
            self.begin(ticket, machine, now);
            open += 1;
        }
    }

    /// Files that the server has open for others than `ticket`; none where no other needs one.
    fn others_open(&self, ticket: u64) -> Option<usize> {
        let mut needed = false;
        let mut open = 0;
        for (other, active) in &self.active {
            if let Machine::Upload(upload) = &active.machine
                && *other != ticket
            {
                needed |= upload.occupies_file();
                open += usize::from(upload.has_file_open());
            }
        }
        needed.then_some(open)
    }

    /// The server allows fewer open files than it said: from now on as many as it has open, and the
    /// one that it refused begins again when there is room.
    fn crowded_out(&mut self, ticket: u64, others_open: usize) {
        let Some(active) = self.active.remove(&ticket) else {
            return;
        };
        let open_files = others_open.clamp(1, self.bounds.open_files);
        if open_files < self.bounds.open_files {
            tracing::warn!(
                "the server refuses to open a file while {others_open} others are open: from here \
                 on at most {open_files} at the same time (SFTP.CONCURRENCY)"
            );
            self.bounds.open_files = open_files;
        }
        self.waiting_uploads.push_front((ticket, active.machine));
    }

    /// The server refuses bytes: from now on little is sent at once; said once.
    fn narrow(&mut self) {
        let bounds = self.bounds.narrowed();
        if bounds != self.bounds {
            tracing::warn!(
                "the server refuses bytes of a file: from here on little is sent at once, in small \
                 packets"
            );
            self.bounds = bounds;
        }
    }

    fn begin(&mut self, ticket: u64, machine: Machine, now: Instant) {
        let active = self.active.entry(ticket).or_insert(Active {
            machine,
            outstanding: 0,
            deadline: now + self.bounds.operation,
            idle_since: None,
            expired: false,
        });
        let (machine, mut out) = active.sending(ticket, &mut self.outbox, &mut self.capabilities);
        let outcome = machine.begin(&mut out);
        self.end(ticket, outcome);
    }

    fn feed(&mut self, ticket: u64, now: Instant) {
        let Some(active) = self.active.get_mut(&ticket) else {
            return;
        };
        // What was given up may still be in the queue.
        if !active.is_moving() {
            return;
        }
        let (machine, mut out) = active.sending(ticket, &mut self.outbox, &mut self.capabilities);
        let Machine::Upload(upload) = machine else {
            return;
        };
        let (flow, outcome) = upload.feed(&self.bounds, &mut out);
        match flow {
            Flow::More => self.ready.push_back(ticket),
            Flow::Pending => self.starved.push(ticket),
            Flow::End => {}
        }
        active.settle(now);
        self.end(ticket, outcome);
    }

    fn end(&mut self, ticket: u64, outcome: Option<Outcome>) {
        if let Some(result) = outcome
            && self.active.remove(&ticket).is_some()
        {
            // The same ticket may come again.
            self.ready.retain(|ready| *ready != ticket);
            self.starved.retain(|starved| *starved != ticket);
            if let Err(error) = &result
                && error.failure.phase == Phase::Write
                && error.failure.class == FailureClass::Transient
            {
                self.narrow();
            }
            self.completed.push_back(Completed { ticket, result });
        }
    }
}

/// The server does not answer within the time that was allowed for cleaning up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stalled;

/// The path of the folder itself.
fn folder_path(folder: &str) -> &str {
    if folder.is_empty() { "." } else { folder }
}

/// The path of `name` in `folder`; an empty folder is where the server puts one at login.
pub(crate) fn join(folder: &str, name: &RemoteName) -> String {
    match folder {
        "" => name.to_string(),
        _ => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}
