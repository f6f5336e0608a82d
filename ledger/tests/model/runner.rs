//! The runner: lock, poll, decide, several commands begun with one append, their endings in any
//! order, the publication, the end; and death between any two of these.
//!
//! What always holds: an effect takes place only when its intent is in the log, as in the run loop
//! that it stands for. Deliberately absent: what the effects do (`carry.rs`).

use std::collections::{BTreeMap, VecDeque};

use courier_ledger::log::{Lock, Memory, Storage as _};
use courier_ledger::{
    Blocked, Command, Digest, Event, Found, Guard, Held, LogId, Phase, Plan, Policy,
    RemoteAfterFailure, RemoteName, Replaces, RequestId, RunCounts, SavedPlan, Sequence, State,
    StatusDocument, Timestamp, Tip, Unproven, UploadReason, decide, waits_instead_of,
};

use super::drop_box::Holds;
use super::poll::{self, Shown, failure};
use super::sabotage::Sabotage;
use super::step::{Answer, Look, Luck};
use super::world::{Decision, World, export};
use super::{Property, Violation};

/// A run under way.
pub(crate) struct Run {
    /// The lock, held until this is dropped; none when a defect gave it back.
    _process: Option<Memory>,
    pub(crate) policy: Policy,
    /// What is left of the plan; none before the poll.
    waiting: Option<VecDeque<Command>>,
    under_way: Vec<Errand>,
    /// Whether it publishes `status.xml` at its end.
    publishes: bool,
    /// Whether the look at the drop-box told sizes; none when nobody looked.
    pub(crate) sees_sizes: Option<bool>,
    /// The approvals that released commands need.
    approvals: BTreeMap<RequestId, Sequence>,
    /// The state that was decided on, where a defect wants it.
    decided_on: Option<State>,
    /// The plan that it is bound to, until it is held against its own.
    pub(crate) bound_to: Option<SavedPlan>,
}

/// A command whose intent is in the log.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    pub(crate) start: Sequence,
    pub(crate) command: Command,
    pub(crate) temporary: Option<RemoteName>,
    /// What a publication uploads.
    pub(crate) document: Vec<u8>,
    /// Earlier uploads in doubt, where nothing else shows whose file stands under the final name.
    pub(crate) unproven: Vec<Unproven>,
    /// Whether it writes under the final name itself, which was free before it was begun.
    pub(crate) in_place: bool,
}

/// Decides, with the defects that a decision can have.
pub(crate) fn decide_at(
    state: &State,
    policy: &Policy,
    now: Timestamp,
    sabotage: Option<Sabotage>,
) -> Plan {
    let mut plan = decide(state, policy);
    if sabotage == Some(Sabotage::LookAtClock) && now.0 / 1_000_000 % 2 == 0 {
        plan.commands.reverse();
    }
    let strange = plan.estranged.is_some() && plan.exchanges.is_empty();
    if sabotage == Some(Sabotage::TrustAnyBroker) && strange {
        let blocked = plan.blocked.drain(..).map(|blocked| blocked.command);
        plan.commands.splice(0..0, blocked);
    }
    if sabotage == Some(Sabotage::TrustAnyPartner) && !plan.exchanges.is_empty() {
        let blocked = plan.blocked.drain(..).map(|blocked| blocked.command);
        plan.commands.splice(0..0, blocked);
    }
    if sabotage == Some(Sabotage::UploadUnderAnyKey) {
        let is_held = |blocked: &Blocked| matches!(blocked.guard, Guard::UnannouncedKey(_));
        let held: Vec<_> = plan.blocked.extract_if(.., |it| is_held(it)).collect();
        let held = held.into_iter().map(|blocked| blocked.command);
        plan.commands.splice(..0, held);
    }
    if sabotage == Some(Sabotage::CallEverythingNew) {
        for command in &mut plan.commands {
            if let Command::Upload { reason, .. } = command {
                *reason = UploadReason::New;
            }
        }
    }
    plan
}

impl World {
    /// Asks for the lock while another runner holds it.
    pub(crate) fn second_runner(&mut self) -> Result<(), Violation> {
        let lock = self.process().try_lock().unwrap();
        let refused = lock == Lock::HeldElsewhere;
        Property::OneRunner.holds(refused, || "a second runner got the lock".to_owned())
    }

    pub(crate) fn start(&mut self, bound_to: Option<SavedPlan>) -> Result<(), Violation> {
        let mut process = self.process();
        let free = process.try_lock().unwrap() == Lock::Acquired;
        Property::OneRunner.holds(free, || "the lock outlived its runner".to_owned())?;
        let Some(seen) = self.sees_what_is_published()? else {
            return Ok(());
        };
        if std::mem::take(&mut self.torn) {
            self.record(vec![Event::TailRecovered {
                offset: 100,
                size_bytes: 7,
                sha256: Digest([6; 32]),
            }])?;
        }
        self.note_clock()?;
        let policy = self.policy;
        let foreseen = self.state.as_next_run_finds_it();
        let expected = self.state.expected_by_next_run(None);
        self.policies.insert(self.state.tip().next(), policy);
        let mut events = vec![Event::RunStarted {
            version: "model".to_owned(),
            policy: policy.digest(),
            key: policy.key,
            instead_of: waits_instead_of(&self.state, &policy),
            bound_to: bound_to.as_ref().map(SavedPlan::digest),
            every_minutes: None,
        }];
        if !seen.is_like(self.state.published_seen()) {
            events.push(Event::PublishedLedgerSeen { seen });
        }
        self.record(events)?;
        // What `plan` shows without a run is what a run will decide.
        let same = decide(&foreseen, &policy) == decide(&self.state, &policy)
            && expected == self.state.expected();
        Property::ReplayDeterminism.holds(same, || {
            "a run finds another state than was foreseen".to_owned()
        })?;
        self.run = Some(Run {
            _process: (self.sabotage != Some(Sabotage::IgnoreLock)).then_some(process),
            policy,
            waiting: None,
            under_way: Vec::new(),
            publishes: false,
            sees_sizes: None,
            approvals: BTreeMap::new(),
            decided_on: None,
            bound_to,
        });
        Ok(())
    }

    pub(crate) fn poll(&mut self, answer: &Answer, look: Look) -> Result<(), Violation> {
        let Some(run) = &self.run else { return Ok(()) };
        if run.waiting.is_some() {
            return Ok(());
        }
        let policy = run.policy;
        let trusting = self.sabotage == Some(Sabotage::TrustEmptyLists);
        let polled = poll::poll(
            &self.broker,
            answer,
            self.others_exist,
            trusting,
            &self.state,
        )?;
        let Some((snapshot, shown)) = polled else {
            let failure = failure(Phase::List);
            self.record(vec![Event::PollFailed { failure }])?;
            return self.end();
        };
        let is_known = snapshot.is_known_to(&self.state);
        let mut delta = snapshot.delta(&self.state);
        self.known_only_without_a_delta(is_known, &delta)?;
        if self.sabotage == Some(Sabotage::LoseObservation) {
            delta.changed.pop();
        }
        self.refuses_false_deltas(&delta)?;
        self.record(vec![Event::SnapshotObserved(delta.clone())])
            .map_err(|it| Property::DeltaEqualsWhole.violated(it.text))?;
        self.adopt_old_results(&shown);
        self.shows_what_was_shown(&delta, &shown)?;
        self.acquaintances.poll(&shown, &mut self.auditor);
        if look == Look::CutOff {
            return self.crash(&[]);
        }
        self.declare(look != Look::NotTried)?;
        self.look(look, &policy)?;
        let plan = decide_at(&self.state, &policy, Timestamp(self.clock), self.sabotage);
        self.nothing_for_unknown_partners(&plan)?;
        self.nothing_for_strangers(&plan)?;
        self.plan_is_guarded(&plan, &shown, &policy)?;
        self.reasons_are_true(&plan, &shown, &policy)?;
        self.decisions.push(Decision {
            tip: self.state.tip(),
            policy,
            plan: plan.clone(),
        });
        self.hold(&plan)?;
        let Some(plan) = self.scoped(plan, &policy)? else {
            return self.end();
        };
        let approvals = plan.approvals();
        self.last_blocked = plan.blocked;
        let publication = |command: &Command| matches!(command, Command::PublishLedger { .. });
        let last = plan.commands.last().is_some_and(publication);
        let elsewhere = plan.exchanges.drop_box.is_some();
        Property::Legality.holds(last != elsewhere || self.sabotage.is_some(), || {
            "the ledger is not published last".to_owned()
        })?;
        let mut commands = plan.commands;
        commands.retain(|command| !publication(command));
        if let Some(run) = &mut self.run {
            run.waiting = Some(commands.into());
            run.approvals = approvals;
            let stale = self.sabotage == Some(Sabotage::ProjectTooEarly);
            run.decided_on = stale.then(|| self.state.clone());
            run.publishes = last;
        }
        if look == Look::NotTried {
            return self.unreachable();
        }
        Ok(())
    }

    /// Records what is held back, when that is new.
    fn hold(&mut self, plan: &Plan) -> Result<(), Violation> {
        let held = Held::of(plan);
        let known = self.state.held().map(|known| &known.held);
        if *known.unwrap_or(&Held::default()) == held {
            return Ok(());
        }
        let digest = held.digest();
        self.record(vec![Event::PlanHeld {
            digest,
            held: Box::new(held),
        }])
    }

    /// A result of the replaced program that agrees with what is seen first counts as uploaded now.
    fn adopt_old_results(&mut self, shown: &Shown) {
        let Some(key) = self.auditor.keys.accepted else {
            return;
        };
        for (id, observation) in &shown.observations {
            let name = export(*id);
            let drop_box = &mut self.drop_box;
            let file = match drop_box.files.get_mut(&name) {
                Some(file) => Some(file),
                None => drop_box.taken.get_mut(&name),
            };
            if let Some(file) = file
                && let Holds::OldResult {
                    completion,
                    key: its_key,
                    adopted,
                } = &mut file.holds
                && adopted.is_none()
                && *completion == observation.completion().hundredths()
            {
                *adopted = Some((observation.clone(), its_key.unwrap_or(key)));
            }
        }
    }

    /// Takes commands off the plan.
    fn intents(&mut self, count: usize) -> (Vec<Event>, Vec<Errand>) {
        let (mut events, mut errands) = (Vec::new(), Vec::new());
        let mut start = self.state.tip();
        let approvals = self.run.as_ref().map(|run| run.approvals.clone());
        let approvals = approvals.unwrap_or_default();
        if let Some(waiting) = self.run.as_mut().and_then(|run| run.waiting.as_mut()) {
            let taken: Vec<_> = waiting.drain(..count.min(waiting.len())).collect();
            for command in taken {
                start = start.next();
                let temporary = command.temporary(self.log, start);
                let unproven = self.state.unproven(&command);
                let in_place = self.finds_free(start, &command, &unproven);
                let found = (in_place && self.sabotage != Some(Sabotage::ForgetLooks))
                    .then_some(Found::Nothing);
                events.push(Event::CommandStarted {
                    command: command.clone(),
                    temporary: temporary.clone(),
                    approval: command.request().and_then(|id| approvals.get(&id).copied()),
                    found,
                });
                errands.push(Errand {
                    start,
                    unproven,
                    command,
                    temporary,
                    document: Vec::new(),
                    in_place,
                });
            }
        }
        (events, errands)
    }

    /// Whether an upload is written under its final name itself, as some are, and finds it free.
    fn finds_free(&self, start: Sequence, command: &Command, unproven: &[Unproven]) -> bool {
        let may_be_free = matches!(
            command,
            Command::Upload { replaces, .. } if *replaces == Replaces::Nothing || !unproven.is_empty()
        );
        let files = &self.drop_box.files;
        may_be_free && start.0.is_multiple_of(3) && !files.contains_key(command.name().as_str())
    }

    pub(crate) fn begin(&mut self, count: usize) -> Result<(), Violation> {
        let (events, errands) = self.intents(count);
        if events.is_empty() {
            return Ok(());
        }
        self.record(events)?;
        if let Some(run) = &mut self.run {
            run.under_way.extend(errands);
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, which: usize, luck: Luck) -> Result<(), Violation> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        if run.under_way.is_empty() {
            return Ok(());
        }
        let errand = run.under_way.remove(which % run.under_way.len());
        let event = self.carry(&errand, luck)?;
        if self.sabotage == Some(Sabotage::RecordTwice) {
            self.record(vec![event.clone()])?;
        }
        self.record(vec![event])
    }

    /// Takes the run to its end.
    pub(crate) fn drain(
        &mut self,
        lucks: &[Luck],
        last_first: bool,
        capacity: usize,
    ) -> Result<(), Violation> {
        if self.run.is_none() {
            return Ok(());
        }
        self.poll(&Answer::Whole, Look::Whole)?;
        let mut lucks = lucks.iter().copied();
        let mut luck = || lucks.next().unwrap_or(Luck::Good);
        while let Some(run) = &self.run {
            let busy = run.under_way.len();
            self.begin(capacity.saturating_sub(busy))?;
            let Some(run) = &self.run else { break };
            if run.under_way.is_empty() {
                self.publish(luck())?;
                self.end()?;
            } else {
                let which = if last_first {
                    run.under_way.len() - 1
                } else {
                    0
                };
                self.finish(which, luck())?;
            }
        }
        Ok(())
    }

    /// Records the intent, projects the local `status.xml`, and uploads it.
    fn publish(&mut self, luck: Luck) -> Result<(), Violation> {
        if self.run.as_ref().is_none_or(|run| !run.publishes) {
            return Ok(());
        }
        let command = Command::PublishLedger {
            name: RemoteName::ledger(),
        };
        let start = self.state.tip().next();
        let temporary = command.temporary(self.log, start);
        let intent = Event::CommandStarted {
            command: command.clone(),
            temporary: temporary.clone(),
            approval: None,
            found: None,
        };
        self.record(vec![intent])?;
        let stale = self.run.as_mut().and_then(|run| run.decided_on.take());
        let document = project(stale.as_ref().unwrap_or(&self.state), self.log, start);
        self.documents.push((start, document.clone()));
        let errand = Errand {
            start,
            command,
            temporary,
            document,
            unproven: Vec::new(),
            in_place: false,
        };
        if luck == Luck::RequestLost {
            // Here a crash may come, too: the document is written, nothing is uploaded.
            if let Some(run) = &mut self.run {
                run.under_way.push(errand);
            }
            return self.crash(&[Luck::LeftBehind]);
        }
        let event = self.carry(&errand, luck)?;
        self.record(vec![event])
    }

    fn end(&mut self) -> Result<(), Violation> {
        if self.run.take().is_none() {
            return Ok(());
        }
        self.record(vec![Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 1,
            verdict: None,
        }])?;
        if self.state.run().is_some_and(|run| run.polled) {
            self.approved = None;
            self.approved_key = None;
        }
        let known = self.state.approval().is_some();
        Property::NoMassDeletion.holds(
            !known || self.state.run().is_some_and(|it| !it.polled),
            || "an approval outlived the run that it was for".to_owned(),
        )
    }

    /// The drop-box is away: what is under way fails, nothing more begins, the run ends in order.
    pub(crate) fn unreachable(&mut self) -> Result<(), Violation> {
        if self.run.as_ref().is_none_or(|run| run.waiting.is_none()) {
            return Ok(());
        }
        if let Some(run) = &mut self.run {
            run.waiting = Some(VecDeque::new());
            for errand in std::mem::take(&mut run.under_way) {
                self.record(vec![Event::CommandFailed {
                    start: errand.start,
                    failure: failure(Phase::Connect),
                    remote: RemoteAfterFailure::Uncertain,
                    found: None,
                }])?;
            }
        }
        self.publish(Luck::Refused)?;
        self.end()
    }

    /// The runner dies; each command under way had come as far as its luck says.
    pub(crate) fn crash(&mut self, lucks: &[Luck]) -> Result<(), Violation> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        // Those without luck had done nothing yet.
        for (errand, luck) in std::mem::take(&mut run.under_way).iter().zip(lucks) {
            self.carry(errand, *luck)?;
        }
        self.run = None;
        Ok(())
    }

    /// The runner dies while it appends the intents of `begun` commands: `kept` are in the log.
    pub(crate) fn torn_begin(&mut self, begun: usize, kept: usize) -> Result<(), Violation> {
        let (mut events, errands) = self.intents(begun);
        if events.is_empty() {
            return Ok(());
        }
        self.torn = kept < events.len();
        events.truncate(kept);
        if !events.is_empty() {
            self.record(events)?;
        }
        if self.sabotage == Some(Sabotage::EffectBeforeIntent) {
            for errand in errands.iter().skip(kept) {
                self.carry(errand, Luck::Good)?;
            }
        }
        self.crash(&[])
    }
}

/// `status.xml` as of `sequence`.
pub(crate) fn project(state: &State, log: LogId, sequence: Sequence) -> Vec<u8> {
    let tip = Tip {
        log,
        sequence,
        hash: Digest([0; 32]),
    };
    StatusDocument::project(state, tip).as_bytes().to_vec()
}
