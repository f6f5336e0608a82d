//! From what a ledger tells to what a report says.

use std::collections::BTreeMap;

use courier_ledger::account::{
    Account, Decided, Declared, Gap, Happening, RequestAccount, What, gaps, usual_interval_micros,
};
use courier_ledger::log::Tail;
use courier_ledger::{Command, Evidence, KeyId, Presence, Remote, RequestId, State, Timestamp};

use super::days;
use super::facts::{
    AtBroker, AtDropBox, Check, CheckpointFacts, DeliveryFacts, DriftFacts, Facts, GapFacts,
    KeyFacts, Period, RequestFacts, Totals, WaitFacts, Waiting, WithdrawalFacts, Withdrawn,
};
use super::figures::Figures;
use crate::cli::ledger::Told;

impl Facts {
    /// Those of a ledger.
    pub(super) fn gather(
        told: Told,
        checkpoint: Option<CheckpointFacts>,
        period: Period,
        limit: Option<i64>,
    ) -> Self {
        let Told {
            account,
            state,
            reading,
        } = told;
        let state = &state;
        let waits = waits(&account, period);
        let withdrawals = withdrawals(&account, period);
        let requests = requests(&account, state, period, &waits);
        let usual = usual_interval_micros(&account.runs);
        let gaps = gaps(&account.runs, &account.held, period.to);
        let gaps = gaps.into_iter().filter(|gap| {
            gap.from <= period.to && gap.until.is_none_or(|until| until >= period.from)
        });
        let gaps = gaps.map(|gap| counted(gap, &waits)).collect();
        let (keys, drift) = (keys(&account, period), drift(&account, period));
        let Account {
            log,
            began,
            runs,
            decisions,
            declared,
            remarks,
            node_names,
            ..
        } = account;
        let runs: Vec<_> = keep(runs, |it| period.has(it.started));
        let decisions = keep(decisions, |it| period.has(it.time));
        let remarks = keep(remarks, |it| period.has(it.time));
        let days = days::of(
            runs.iter().map(|run| (run.started, run.is_good())),
            requests
                .iter()
                .flat_map(|it| it.deliveries.iter().map(|it| it.time)),
            requests.iter().flat_map(|it| it.withdrawn.iter().copied()),
        );
        let totals = Totals {
            requests: requests.len() as u64,
            deliveries: requests.iter().map(|it| it.deliveries.len() as u64).sum(),
            withdrawals: requests.iter().map(|it| it.withdrawn.len() as u64).sum(),
            failed_attempts: requests.iter().map(|it| it.failed_attempts).sum(),
            runs: runs.len() as u64,
            good_runs: runs.iter().filter(|run| run.is_good()).count() as u64,
            decisions: decisions.len() as u64,
            stored: state.stored(),
        };
        Self {
            schema: "broker-courier.report.1",
            log,
            began,
            period,
            check: Check {
                verdict: "whole",
                events: reading.tip.sequence,
                hash: reading.tip.hash,
                size_bytes: reading.size_bytes,
                tail: match reading.tail {
                    Tail::Complete => "complete",
                    Tail::BeingWritten => "being-written",
                    Tail::Torn(_) => "torn",
                },
            },
            checkpoint,
            partners: in_force(declared, period),
            totals,
            waiting: waiting(waits, limit),
            withdrawal: withdrawn(withdrawals),
            requests,
            days,
            usual_interval_micros: usual,
            gaps,
            decisions,
            keys,
            drift,
            runs,
            remarks,
            hospital_names: node_names,
        }
    }
}

fn keep<T>(all: Vec<T>, kept: impl Fn(&T) -> bool) -> Vec<T> {
    all.into_iter().filter(kept).collect()
}

/// The last before the period, and those in it.
fn in_force(declared: Vec<Declared>, period: Period) -> Vec<Declared> {
    let first = declared.partition_point(|it| it.time < period.from);
    declared.into_iter().skip(first.saturating_sub(1)).collect()
}

fn waits(account: &Account, period: Period) -> Vec<WaitFacts> {
    let all = account.requests.iter();
    let all = all.flat_map(|(id, request)| request.waits(*id, account.began));
    let all = all.filter(|wait| wait.delivered.is_none_or(|(_, time)| period.has(time)));
    let facts = all.map(|wait| {
        let end = wait.delivered.map_or(period.to, |(_, time)| time);
        WaitFacts {
            wait,
            micros: end.0.saturating_sub(wait.counted_from.0).max(0),
        }
    });
    facts.collect()
}

fn waiting(waits: Vec<WaitFacts>, limit_micros: Option<i64>) -> Waiting {
    let (delivered, still): (Vec<_>, Vec<_>) =
        waits.iter().partition(|it| it.wait.delivered.is_some());
    let over = |limit: i64| waits.iter().filter(|it| it.micros > limit).count() as u64;
    Waiting {
        figures: Figures::of(delivered.iter().map(|it| it.micros)),
        limit_micros,
        over_limit: limit_micros.map(over),
        still: still.len() as u64,
        longest_still_micros: still.iter().map(|it| it.micros).max(),
        waits,
    }
}

fn withdrawals(account: &Account, period: Period) -> Vec<WithdrawalFacts> {
    let all = account.requests.iter();
    let all = all.flat_map(|(id, request)| request.withdrawals(*id));
    let all = all.filter(|it| it.deleted.is_none_or(|(_, time)| period.has(time)));
    let facts = all.map(|withdrawal| {
        let since = |from: Timestamp| {
            let (_, deleted) = withdrawal.deleted?;
            Some(deleted.0.saturating_sub(from.0).max(0))
        };
        WithdrawalFacts {
            withdrawal,
            at_most_micros: withdrawal.last_listed.and_then(since),
            at_least_micros: since(withdrawal.missed),
        }
    });
    facts.collect()
}

fn withdrawn(withdrawals: Vec<WithdrawalFacts>) -> Withdrawn {
    let bounds = withdrawals.iter().filter_map(|it| it.at_most_micros);
    Withdrawn {
        figures: Figures::of(bounds),
        still: withdrawals
            .iter()
            .filter(|it| it.withdrawal.deleted.is_none())
            .count() as u64,
        withdrawals,
    }
}

/// The requests to which something happened in the period, or of which something is at the drop-box.
fn requests(
    account: &Account,
    state: &State,
    period: Period,
    waits: &[WaitFacts],
) -> Vec<RequestFacts> {
    let mut longest: BTreeMap<RequestId, i64> = BTreeMap::new();
    for wait in waits {
        let known = longest.entry(wait.wait.request).or_default();
        *known = wait.micros.max(*known);
    }
    let facts = account.requests.iter().filter_map(|(id, request)| {
        let known = state.request(*id);
        let happened = request.happenings.iter().any(|it| period.has(it.time));
        let concerns = happened || known.is_some_and(|it| it.remote.is_ours());
        concerns.then(|| one(state, period, *id, request, longest.get(id).copied()))
    });
    facts.collect()
}

fn one(
    state: &State,
    period: Period,
    request: RequestId,
    told: &RequestAccount,
    longest_wait_micros: Option<i64>,
) -> RequestFacts {
    let observed = told.observed();
    let known = state.request(request);
    let unreadable = state.unreadable().any(|(id, _)| id == request);
    let mut deliveries = Vec::new();
    let (mut failed_attempts, mut withdrawn) = (0, Vec::new());
    let mut deletes = None;
    for happening in told.happenings.iter().filter(|it| period.has(it.time)) {
        match &happening.what {
            What::Delivered {
                delivery,
                placed,
                completion,
                ..
            } => deliveries.push(DeliveryFacts {
                event: happening.event,
                time: happening.time,
                name: delivery.name.to_string(),
                size_bytes: delivery.size_bytes,
                token_sha256: delivery.token_sha256,
                plaintext_sha256: delivery.plaintext_sha256,
                key: delivery.key,
                completion: *completion,
                placed: *placed,
            }),
            What::Failed { .. } | What::CutOff { .. } => failed_attempts += 1,
            What::Begun {
                command: Command::Delete { .. },
                ..
            } => deletes = Some(happening.event),
            What::Deleted { start, .. } if Some(*start) == deletes => {
                withdrawn.push(happening.time);
            }
            _ => {}
        }
    }
    let time = |it: Option<&Happening>| it.map(|it| it.time);
    RequestFacts {
        request,
        published: observed.and_then(|it| it.published),
        first_seen: time(told.happenings.first()).unwrap_or_default(),
        last_activity: time(told.happenings.last()).unwrap_or_default(),
        completion: observed.map(|it| it.completion()),
        hospitals: observed.map(|it| it.nodes.clone()).unwrap_or_default(),
        broker: known.map(|it| listed(it.presence, unreadable)),
        drop_box: known.map(|it| at_drop_box(&it.remote)),
        deliveries,
        failed_attempts,
        withdrawn,
        longest_wait_micros,
    }
}

fn listed(presence: Presence, unreadable: bool) -> AtBroker {
    match presence {
        _ if unreadable => AtBroker::Unreadable,
        Presence::Imported => AtBroker::Imported,
        Presence::Listed => AtBroker::Listed,
        Presence::Gone(Evidence::Deleted) => AtBroker::Deleted,
        Presence::Gone(Evidence::Untagged) => AtBroker::Untagged,
        Presence::Gone(Evidence::Unconfirmed) => AtBroker::Missing,
    }
}

fn at_drop_box(remote: &Remote) -> AtDropBox {
    match remote {
        Remote::Nothing => AtDropBox::Nothing,
        Remote::Stored(_) => AtDropBox::Stored,
        Remote::PickedUp(_) => AtDropBox::PickedUp,
        Remote::Uncertain(_) => AtDropBox::Uncertain,
        Remote::Deleted(_) => AtDropBox::Withdrawn,
    }
}

fn counted(gap: Gap, waits: &[WaitFacts]) -> GapFacts {
    let waited = waits.iter().filter(|it| {
        let delivered = it.wait.delivered.map(|(_, time)| time);
        gap.until.is_none_or(|until| it.wait.counted_from < until)
            && delivered.is_none_or(|time| time > gap.from)
    });
    GapFacts {
        waiting: waited.count() as u64,
        gap,
    }
}

fn keys(account: &Account, period: Period) -> Vec<KeyFacts> {
    let mut keys: BTreeMap<KeyId, KeyFacts> = BTreeMap::new();
    for run in account.runs.iter().filter(|run| period.has(run.started)) {
        let known = keys.entry(run.key).or_insert_with(|| KeyFacts {
            key: run.key,
            first_used: run.started,
            last_used: run.started,
            deliveries: 0,
            announced_by: None,
        });
        known.last_used = run.started;
    }
    let happenings = account.requests.values().flat_map(|it| &it.happenings);
    for happening in happenings.filter(|it| period.has(it.time)) {
        if let What::Delivered { delivery, .. } = &happening.what
            && let Some(key) = keys.get_mut(&delivery.key)
        {
            key.deliveries += 1;
        }
    }
    for decision in &account.decisions {
        if let Decided::KeyAnnounced { key } = decision.what
            && let Some(key) = keys.get_mut(&key)
        {
            key.announced_by = Some(decision.who.clone());
        }
    }
    let mut keys: Vec<_> = keys.into_values().collect();
    keys.sort_by_key(|it| (it.first_used, it.key));
    keys
}

fn drift(account: &Account, period: Period) -> Vec<DriftFacts> {
    let all = account.requests.iter().flat_map(|(id, request)| {
        request.happenings.iter().filter_map(|it| {
            let drift = match it.what {
                What::Drifted { drift } => Some(drift),
                What::Settled => None,
                _ => return None,
            };
            Some(DriftFacts {
                event: it.event,
                time: it.time,
                request: *id,
                drift,
            })
        })
    });
    let mut drift: Vec<_> = all.filter(|it| period.has(it.time)).collect();
    drift.sort_by_key(|it| (it.event, it.request));
    drift
}
