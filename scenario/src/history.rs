//! A history in memory: the entries, the state that they fold to, and the broker as it is now.
//!
//! What always holds: what is recorded follows from what is there. Deliberately absent: files; whoever
//! needs the log's bytes writes the entries.

use courier_ledger::{
    Command, Delivery, Digest, Entry, Event, Failure, FailureClass, Held, IllegalEvent, KeyId,
    LegacyStatus, LogId, Partners, Phase, Placement, Plan, Policy, RemoteName, Removal, Replaces,
    RequestId, RunCounts, Sequence, State, Timestamp, UploadReason, decide, waits_instead_of,
};

use crate::broker::Broker;

/// The key that a history begins with.
pub const KEY: KeyId = KeyId(*b"first k.");
/// Another key.
pub const OTHER_KEY: KeyId = KeyId(*b"second k");
/// How much later each entry is than the one before, in microseconds, unless something else is said.
pub const STEP_MICROS: i64 = 1_000_001;

/// A log in memory with its state, and the broker as it is now.
#[derive(Clone)]
pub struct History {
    entries: Vec<Entry>,
    state: State,
    /// What is decided by, and encrypted with.
    pub policy: Policy,
    /// Whom runs deal with, once the story names anybody.
    pub partners: Option<Partners>,
    /// The broker.
    pub broker: Broker,
    /// How much later each entry is than the one before, unless the clock is set.
    pub step_micros: i64,
    version: String,
    now: Timestamp,
    /// The next entry has just this time.
    pub(crate) next_time: Option<Timestamp>,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// A log that was just created.
    #[must_use]
    pub fn new() -> Self {
        let mut history = Self::without_log("test", Timestamp(1_700_000_000_000_000));
        history.create(LogId([7; 16]));
        history
    }

    /// Nothing yet; entries will be recorded by this version, after this time.
    #[must_use]
    pub fn without_log(version: &str, now: Timestamp) -> Self {
        Self {
            entries: Vec::new(),
            state: State::default(),
            policy: Policy::new(KEY),
            partners: None,
            broker: Broker::default(),
            step_micros: STEP_MICROS,
            version: version.to_owned(),
            now,
            next_time: None,
        }
    }

    /// The log begins.
    pub fn create(&mut self, log: LogId) {
        let version = self.version.clone();
        self.record(Event::LogCreated { log, version });
    }

    /// Everything recorded so far, unless it was taken.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes the entries away; the state stays.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// What the entries fold to.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The log's identity.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.state.log().expect("the log was created")
    }

    /// The time of the last entry.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sets the clock: the next entry has just this time.
    pub fn set_clock(&mut self, time: Timestamp) {
        self.next_time = Some(time);
    }

    fn entry(&self, event: Event) -> Entry {
        let later = Timestamp(self.now.0.saturating_add(self.step_micros));
        Entry {
            sequence: self.state.tip().next(),
            time: self.next_time.unwrap_or(later),
            event,
            salt: None,
            hash: Digest([0; 32]),
        }
    }

    fn keep(&mut self, state: State, entry: Entry) -> Sequence {
        let sequence = entry.sequence;
        self.state = state;
        self.now = entry.time;
        self.next_time = None;
        self.entries.push(entry);
        sequence
    }

    /// Appends one event and folds it in; one that cannot follow is our own mistake.
    pub fn record(&mut self, event: Event) -> Sequence {
        let entry = self.entry(event);
        let state = std::mem::take(&mut self.state);
        let state = state
            .apply(&entry)
            .unwrap_or_else(|illegal| panic!("{illegal}: {:?}", entry.event));
        self.keep(state, entry)
    }

    /// Appends one event and folds it in, or changes nothing.
    pub fn try_record(&mut self, event: Event) -> Result<Sequence, IllegalEvent> {
        let entry = self.entry(event);
        let state = self.state.clone().apply(&entry)?;
        Ok(self.keep(state, entry))
    }

    /// What the transition table says of an event.
    pub fn try_event(&self, event: Event) -> Result<State, IllegalEvent> {
        self.state.clone().apply(&self.entry(event))
    }

    /// What the transition table says of an event with this number.
    pub fn try_entry(&self, sequence: Sequence, event: Event) -> Result<State, IllegalEvent> {
        let mut entry = self.entry(event);
        entry.sequence = sequence;
        self.state.clone().apply(&entry)
    }

    /// Takes over a `status.xml` of the replaced program.
    pub fn import(&mut self, xml: &str) {
        let LegacyStatus { sha256, entries } =
            LegacyStatus::parse(xml.as_bytes()).expect("a status.xml");
        self.record(Event::LegacyImported { sha256, entries });
    }

    /// The beginning of a run, which may be bound to a saved plan.
    #[must_use]
    pub fn run_started(&self, bound_to: Option<Digest>) -> Event {
        Event::RunStarted {
            version: self.version.clone(),
            policy: self.policy.digest(),
            key: self.policy.key,
            instead_of: waits_instead_of(&self.state, &self.policy),
            bound_to,
            every_minutes: None,
        }
    }

    /// Begins a run.
    pub fn start_run(&mut self) -> Sequence {
        self.record(self.run_started(None))
    }

    /// Whom the run deals with, as it is recorded; none when that is known, or the story names nobody.
    #[must_use]
    pub fn declared(&self) -> Option<Event> {
        let partners = self.partners.clone()?;
        let declared = (partners, self.policy);
        if self.state.declared() == Some(&declared) {
            return None;
        }
        let (partners, policy) = declared;
        Some(Event::PartnersDeclared {
            partners: Box::new(partners),
            policy,
        })
    }

    /// Records whom the run deals with, when that is new.
    pub fn declare(&mut self) {
        if let Some(event) = self.declared() {
            self.record(event);
        }
    }

    /// What a poll of the broker as it is now would record.
    #[must_use]
    pub fn snapshot(&self) -> Event {
        let snapshot = self.broker.snapshot(&self.state.expected());
        Event::SnapshotObserved(snapshot.delta(&self.state))
    }

    /// Polls the broker.
    pub fn poll(&mut self) -> Sequence {
        self.record(self.snapshot())
    }

    /// Decides; the ledger is always published last.
    pub fn decide(&self) -> Plan {
        let plan = decide(&self.state, &self.policy);
        let last = plan.commands.last();
        assert!(
            matches!(last, Some(Command::PublishLedger { .. }))
                || plan.exchanges.drop_box.is_some(),
            "the ledger is published last: {plan:?}"
        );
        plan
    }

    /// Starts a run, polls, decides, and records what is held back.
    pub fn plan(&mut self) -> Plan {
        self.start_run();
        self.declare();
        self.poll();
        let plan = self.decide();
        self.hold(&plan);
        plan
    }

    /// What a plan holds back, as it is recorded; none when that is known.
    #[must_use]
    pub fn held(&self, plan: &Plan) -> Option<Event> {
        let held = Held::of(plan);
        let is_known = match self.state.held() {
            Some(known) => known.held == held,
            None => held == Held::default(),
        };
        let digest = held.digest();
        (!is_known).then_some(Event::PlanHeld {
            digest,
            held: Box::new(held),
        })
    }

    /// Records what a plan holds back, when that is new.
    pub fn hold(&mut self, plan: &Plan) {
        if let Some(event) = self.held(plan) {
            self.record(event);
        }
    }

    /// The approval of what is held back.
    #[must_use]
    pub fn approval(&self) -> Option<Event> {
        let held = self.state.held()?;
        Some(Event::PlanApproved {
            held: held.entry,
            plan: held.digest,
            broker: None,
            drop_box: None,
            who: "an operator".to_owned(),
            why: "it is right".to_owned(),
        })
    }

    /// A whole run in which everything succeeds; gives the plan that it carried out.
    pub fn run(&mut self) -> Plan {
        let plan = self.plan();
        let approvals = plan.approvals();
        for command in &plan.commands {
            let approval = command.request().and_then(|id| approvals.get(&id));
            let start = self.record(self.intent(command, approval.copied()));
            self.succeed(start, command);
        }
        self.finish();
        plan
    }

    /// The name under which a request's result stands, or would.
    #[must_use]
    pub fn name(&self, id: RequestId) -> RemoteName {
        let request = self.state.request(id);
        request.map_or_else(|| RemoteName::export(id), |it| it.name(id))
    }

    /// The upload of what was observed last.
    #[must_use]
    pub fn upload(&self, request: RequestId, reason: UploadReason) -> Option<Command> {
        let known = self.state.request(request)?;
        let (observation, fingerprint) = known.observed.as_ref()?;
        Some(Command::Upload {
            request,
            name: RemoteName::result(request, self.policy.encryption),
            published: observation.published,
            fingerprint: *fingerprint,
            completion: observation.completion(),
            reason,
            replaces: if known.remote.is_ours() && known.encryption == self.policy.encryption {
                Replaces::Own
            } else {
                Replaces::Nothing
            },
        })
    }

    /// The intent of a command.
    #[must_use]
    pub fn intent(&self, command: &Command, approval: Option<Sequence>) -> Event {
        let start = self.state.tip().next();
        Event::CommandStarted {
            command: command.clone(),
            temporary: command.temporary(self.log(), start),
            approval,
            found: None,
        }
    }

    /// Begins a command.
    pub fn begin(&mut self, command: &Command) -> Sequence {
        self.record(self.intent(command, None))
    }

    /// Ends a command as it should end.
    pub fn succeed(&mut self, start: Sequence, command: &Command) -> Sequence {
        let event = match command {
            Command::RemoveTemporary { .. } | Command::Delete { .. } => Event::Deleted {
                start,
                removal: Removal::Removed,
                found: None,
                unseen: None,
            },
            Command::Upload { name, .. } => Event::Uploaded {
                start,
                delivery: delivery(name, self.policy.key),
                found: None,
                unseen: None,
            },
            Command::PublishLedger { .. } => Event::LedgerPublished {
                start,
                through: start,
                sha256: Digest([1; 32]),
                size_bytes: 1,
            },
        };
        self.record(event)
    }

    /// Begins a command and ends it as it should end.
    pub fn carry_out(&mut self, command: &Command) {
        let start = self.begin(command);
        self.succeed(start, command);
    }

    /// Ends the run.
    pub fn finish(&mut self) -> Sequence {
        self.record(Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 1,
            verdict: None,
        })
    }
}

/// What a delivery under this name is, unless something else is said.
#[must_use]
pub fn delivery(name: &RemoteName, key: KeyId) -> Delivery {
    Delivery {
        name: name.clone(),
        size_bytes: 100,
        plaintext_sha256: Digest([2; 32]),
        token_sha256: Digest([3; 32]),
        key,
        placement: Placement::PosixRename,
        contents: None,
    }
}

/// What goes wrong, unless something else is said.
#[must_use]
pub fn failure() -> Failure {
    Failure {
        phase: Phase::Status,
        class: FailureClass::Transient,
        text: "the broker answered 500".to_owned(),
    }
}
