//! From what is to what should be: a function of its arguments, the guards included. The same log
//! and the same policy give the same plan, on any machine, at any time of day.

use std::collections::BTreeMap;

use crate::command::{Command, RemoteName, Replaces, UploadReason};
use crate::drift::Drift;
use crate::evidence::Evidence;
use crate::id::{KeyId, RequestId};
use crate::observation::{Fingerprint, Observation};
use crate::plan::{Blocked, Fallen, Guard, Limit, Plan, Released, Skipped, UnannouncedKey};
use crate::policy::{
    ChangeRule, DraftRule, KeyChangeRule, Policy, ReappearanceRule, RemoteCheckRule,
};
use crate::state::State;
use crate::state::request::{Identity, Presence, Remote, Request, StoredFile};

/// What is to be done in this state under this policy, and what is held back.
pub fn decide(state: &State, policy: &Policy) -> Plan {
    let mut plan = Plan {
        exchanges: state.exchanges(),
        estranged: state.estrangement().cloned(),
        ..Plan::default()
    };
    let (mut deletions, mut uploads) = (Vec::new(), Vec::new());
    for (id, request) in state.requests() {
        match wanted(state, policy, id, request) {
            Wanted::Nothing => {}
            Wanted::AsItIs => plan.unchanged += 1,
            Wanted::LeftAlone(skipped) => plan.skipped.push(skipped),
            Wanted::Gone(evidence) => deletions.push((id, evidence)),
            Wanted::Current(observation, fingerprint, reason) => {
                uploads.push(upload(policy, request, observation, fingerprint, reason));
            }
        }
    }
    let guards = GuardVerdict::new(state, policy, &deletions, &uploads);
    let mut guarded = Vec::new();
    let mut admit = |command: Command, guard: Option<Guard>| match guard {
        None => guarded.push(command),
        Some(guard) => plan.blocked.push(Blocked { command, guard }),
    };
    for (request, evidence) in deletions {
        let name = state
            .request(request)
            .map_or_else(|| RemoteName::export(request), |it| it.name(request));
        admit(
            Command::Delete {
                request,
                name,
                evidence,
            },
            guards.of_deletion(evidence),
        );
    }
    for command in uploads {
        let guard = guards.of_upload(&command);
        admit(command, guard);
    }
    plan.limit = guards.limit;
    plan.unannounced_key = waits_instead_of(state, policy).map(|instead_of| UnannouncedKey {
        key: policy.key,
        instead_of,
        results: state.results_by_key(),
    });
    if plan.exchanges.drop_box.is_some() {
        // Nothing at all is done at a drop-box that may be somebody else's.
        return plan;
    }
    let sweep = state
        .leftovers()
        .filter(|name| !is_still_needed(state, policy, name))
        .map(|name| Command::RemoveTemporary { name: name.clone() });
    plan.commands.extend(sweep);
    plan.commands.extend(guarded);
    release_if_approved(state, &mut plan);
    plan.commands.push(Command::PublishLedger {
        name: RemoteName::ledger(),
    });
    plan
}

/// Whether a file that is left over is all that the recipient has for certain: a result under an earlier
/// name, while it is not known what stands under the present one.
fn is_still_needed(state: &State, policy: &Policy, name: &RemoteName) -> bool {
    let Some((id, encryption)) = RemoteName::read_result(name.as_str()) else {
        return false;
    };
    // Whatever is to be put under that very name again needs it free.
    encryption != policy.encryption
        && state
            .request(id)
            .is_some_and(|it| matches!(it.remote, Remote::Uncertain(_)))
}

/// The key that a run by this policy would have to use, where it has to ask a person about its own.
#[must_use]
pub fn waits_instead_of(state: &State, policy: &Policy) -> Option<KeyId> {
    match policy.on_key_change {
        KeyChangeRule::Keep => state.unannounced(policy.key),
        KeyChangeRule::Reupload => None,
    }
}

/// What should become of one request's file.
enum Wanted<'a> {
    /// There is none, and none is needed.
    Nothing,
    /// It is as it should be.
    AsItIs,
    /// It stays as it is, for a reason that is worth showing.
    LeftAlone(Skipped),
    /// It should be gone.
    Gone(Evidence),
    /// It should hold the current result.
    Current(&'a Observation, Fingerprint, UploadReason),
}

fn wanted<'a>(
    state: &'a State,
    policy: &Policy,
    id: RequestId,
    request: &'a Request,
) -> Wanted<'a> {
    match request.presence {
        Presence::Imported => Wanted::Nothing,
        Presence::Gone(evidence) if request.remote.is_ours() => Wanted::Gone(evidence),
        Presence::Gone(_) => Wanted::Nothing,
        Presence::Listed => {
            if let Some(failure) = state.unreadable_because(id) {
                return Wanted::LeftAlone(Skipped::Unreadable(id, failure.clone()));
            }
            let Some((observation, fingerprint)) = &request.observed else {
                return Wanted::Nothing;
            };
            if observation.published.is_none() && policy.drafts == DraftRule::Wait {
                return Wanted::LeftAlone(Skipped::Draft(id));
            }
            if state.keeps(id) {
                return Wanted::LeftAlone(Skipped::NameKept(id));
            }
            match reason(state, policy, request, observation, *fingerprint) {
                Verdict::Upload(reason) => Wanted::Current(observation, *fingerprint, reason),
                Verdict::Keep => Wanted::AsItIs,
                Verdict::Ignore => Wanted::LeftAlone(Skipped::ReappearanceIgnored(id)),
                Verdict::Report(drift) => Wanted::LeftAlone(Skipped::Drifted(id, drift)),
                Verdict::Leave(drift) => Wanted::LeftAlone(Skipped::DriftedAgain(id, drift)),
            }
        }
    }
}

enum Verdict {
    Upload(UploadReason),
    Keep,
    Ignore,
    Report(Drift),
    Leave(Drift),
}

/// Why a listed, readable request is uploaded, if it is.
fn reason(
    state: &State,
    policy: &Policy,
    request: &Request,
    observation: &Observation,
    fingerprint: Fingerprint,
) -> Verdict {
    let another = |identity: Identity| !identity.is(observation.published);
    match &request.remote {
        Remote::Nothing => Verdict::Upload(UploadReason::New),
        Remote::Uncertain(Some(file)) if another(file.identity) => {
            Verdict::Upload(UploadReason::OtherRequest)
        }
        Remote::Uncertain(_) => Verdict::Upload(UploadReason::InDoubt),
        Remote::Deleted(identity) if another(*identity) => Verdict::Upload(UploadReason::New),
        Remote::Deleted(_) => match policy.reappeared {
            ReappearanceRule::Upload => Verdict::Upload(UploadReason::Reappeared),
            ReappearanceRule::Ignore => Verdict::Ignore,
        },
        Remote::Stored(file) | Remote::PickedUp(file) => {
            if another(file.identity) {
                Verdict::Upload(UploadReason::OtherRequest)
            } else if has_changed(policy.change, file, observation, fingerprint) {
                Verdict::Upload(UploadReason::Changed)
            } else if policy.on_key_change == KeyChangeRule::Reupload
                && (request.encryption != policy.encryption
                    || file.key.is_some_and(|key| key != policy.key))
            {
                Verdict::Upload(UploadReason::KeyChanged)
            } else {
                about_drift(state, policy, observation.id, request.repaired, file)
            }
        }
    }
}

/// What becomes of a file that is otherwise current. Only a look of this very run counts: what an
/// earlier one saw may have changed since. What it saw anew is said; what was known is in `status`.
fn about_drift(
    state: &State,
    policy: &Policy,
    id: RequestId,
    repaired: bool,
    file: &StoredFile,
) -> Verdict {
    let Some(run) = state.run().filter(|run| run.looked) else {
        return Verdict::Keep;
    };
    let is_new = run.newly_drifted.contains(&id);
    match (policy.remote_check, file.drift) {
        (RemoteCheckRule::Off, _) | (_, None) => Verdict::Keep,
        (RemoteCheckRule::Repair, Some(_)) if !repaired => Verdict::Upload(UploadReason::Drifted),
        (RemoteCheckRule::Repair, Some(drift)) if is_new => Verdict::Leave(drift),
        (RemoteCheckRule::Report | RemoteCheckRule::Pickup, Some(drift)) if is_new => {
            Verdict::Report(drift)
        }
        (RemoteCheckRule::Report | RemoteCheckRule::Repair | RemoteCheckRule::Pickup, Some(_)) => {
            Verdict::Keep
        }
    }
}

/// Defect 5 of the replaced program: two decimals of a ratio hide most changes.
fn has_changed(
    rule: ChangeRule,
    file: &StoredFile,
    observation: &Observation,
    fingerprint: Fingerprint,
) -> bool {
    match (rule, file.fingerprint) {
        (ChangeRule::Fingerprint, Some(known)) => known != fingerprint,
        (ChangeRule::Fingerprint, None) | (ChangeRule::Completion, _) => {
            file.completion != observation.completion().hundredths()
        }
    }
}

fn upload(
    policy: &Policy,
    request: &Request,
    observation: &Observation,
    fingerprint: Fingerprint,
    reason: UploadReason,
) -> Command {
    Command::Upload {
        request: observation.id,
        name: RemoteName::result(observation.id, policy.encryption),
        published: observation.published,
        fingerprint,
        completion: observation.completion(),
        reason,
        replaces: if request.is_ours_under(policy.encryption) {
            Replaces::Own
        } else {
            Replaces::Nothing
        },
    }
}

/// What the guards say of this plan as a whole.
struct GuardVerdict {
    exchanged: bool,
    estranged: bool,
    nothing_listed: bool,
    /// Where there are too many.
    limit: Option<Limit>,
    unannounced_key: Option<KeyId>,
}

impl GuardVerdict {
    fn new(
        state: &State,
        policy: &Policy,
        deletions: &[(RequestId, Evidence)],
        uploads: &[Command],
    ) -> Self {
        let unproven = deletions
            .iter()
            .any(|(_, evidence)| *evidence == Evidence::Unconfirmed);
        let proven = deletions
            .iter()
            .filter(|(_, evidence)| *evidence != Evidence::Unconfirmed)
            .count();
        let overwrites = uploads
            .iter()
            .filter(|command| overwrites_another(command))
            .count();
        let (wanted, stored) = ((proven + overwrites) as u64, state.stored());
        let limit = Limit {
            wanted,
            allowed: policy.guards.allowance(stored),
            stored,
            guards: policy.guards,
        };
        Self {
            exchanged: !state.exchanges().is_empty(),
            estranged: state.estrangement().is_some(),
            nothing_listed: state.listed() == 0 && unproven,
            limit: Some(limit).filter(|limit| limit.wanted > limit.allowed),
            unannounced_key: waits_instead_of(state, policy).map(|_| policy.key),
        }
    }

    fn of_deletion(&self, evidence: Evidence) -> Option<Guard> {
        match evidence {
            _ if self.exchanged => Some(Guard::OtherPartner),
            _ if self.estranged => Some(Guard::OtherBroker),
            _ if self.nothing_listed => Some(Guard::EmptyListing),
            Evidence::Unconfirmed => Some(Guard::NoEvidence),
            Evidence::Deleted | Evidence::Untagged => self.limit.map(|_| Guard::TooManyDeletions),
        }
    }

    fn of_upload(&self, command: &Command) -> Option<Guard> {
        if self.exchanged {
            return Some(Guard::OtherPartner);
        }
        if self.estranged {
            return Some(Guard::OtherBroker);
        }
        if let Some(key) = self.unannounced_key {
            return Some(Guard::UnannouncedKey(key));
        }
        (self.limit.is_some() && overwrites_another(command)).then_some(Guard::TooManyOverwrites)
    }
}

fn overwrites_another(command: &Command) -> bool {
    match command {
        Command::Upload { reason, .. } => *reason == UploadReason::OtherRequest,
        Command::Delete { .. }
        | Command::RemoveTemporary { .. }
        | Command::PublishLedger { .. } => false,
    }
}

/// An approval releases exactly what it was given for, in the plan's order: nothing that is blocked is
/// not in it, and nothing that is in it is no longer to be done.
fn release_if_approved(state: &State, plan: &mut Plan) {
    let Some(approval) = state.approval() else {
        return;
    };
    let Some(approved) = &approval.commands else {
        return;
    };
    if plan.blocked.is_empty() {
        return;
    }
    let added = plan.blocked.iter().filter(|it| !approval.releases(it));
    let added: Vec<_> = added.map(|blocked| blocked.command.clone()).collect();
    let blocked = plan.blocked.iter().map(|blocked| &blocked.command);
    let due: BTreeMap<_, _> = blocked
        .chain(&plan.commands)
        .filter_map(|command| Some((command.request()?, command)))
        .collect();
    let is_gone = |(id, command): &(&RequestId, &Command)| due.get(*id) != Some(command);
    let gone = approved.iter().filter(is_gone);
    let gone: Vec<_> = gone.map(|(_, command)| command.clone()).collect();
    // Whoever approved has not seen what speaks against the broker since.
    if plan.estranged.is_some()
        || !plan.exchanges.is_empty()
        || !added.is_empty()
        || !gone.is_empty()
    {
        plan.fallen = Some(Fallen {
            approval: approval.entry,
            who: approval.who.clone(),
            added,
            gone,
        });
        return;
    }
    let released: Vec<_> = plan.blocked.drain(..).collect();
    plan.commands
        .extend(released.iter().map(|blocked| blocked.command.clone()));
    plan.commands.sort_by_key(|command| match command {
        Command::RemoveTemporary { .. } => (0, None),
        Command::Delete { request, .. } => (1, Some(*request)),
        Command::Upload { request, .. } => (2, Some(*request)),
        Command::PublishLedger { .. } => (3, None),
    });
    plan.released = Some(Released {
        approval: approval.entry,
        commands: released,
    });
}
