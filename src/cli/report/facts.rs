//! Everything that a report says, as data: what `--json` writes, and what the page is drawn from.
//!
//! What always holds here: it follows from the ledger and the arguments alone, so the same ones give the same
//! report. Times between two moments are in microseconds.

use std::collections::BTreeMap;

use courier_ledger::account::{
    Account, Decided, Decision, Declared, Gap, Placed, Remark, RequestAccount, RunAccount, Wait,
    What, Withdrawal, gaps, usual_interval_micros,
};
use courier_ledger::log::{Reading, Tail};
use courier_ledger::{
    Command, Completion, Digest, Drift, KeyId, LogId, Nodes, Presence, Remote, RequestId, Sequence,
    State, Timestamp,
};
use serde::Serialize;

use super::days::{self, Day};
use super::figures::Figures;

/// The name of what `--json` writes.
const SCHEMA: &str = "broker-courier.report.1";

/// A report.
#[derive(Serialize)]
pub(super) struct Facts {
    pub(super) schema: &'static str,
    pub(super) log: Option<LogId>,
    /// When the ledger began.
    pub(super) began: Timestamp,
    /// What is reported on.
    pub(super) period: Period,
    pub(super) check: Check,
    /// Whom the ledger dealt with in the period: the last before it, and every change.
    pub(super) partners: Vec<Declared>,
    pub(super) totals: Totals,
    pub(super) waiting: Waiting,
    pub(super) withdrawal: Withdrawn,
    pub(super) requests: Vec<RequestFacts>,
    pub(super) days: Vec<Day>,
    pub(super) usual_interval_micros: Option<i64>,
    pub(super) gaps: Vec<GapFacts>,
    pub(super) decisions: Vec<Decision>,
    pub(super) keys: Vec<KeyFacts>,
    pub(super) drift: Vec<DriftFacts>,
    pub(super) runs: Vec<RunAccount>,
    pub(super) remarks: Vec<Remark>,
}

/// From when to when.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Period {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The last entry that was taken in.
    pub(super) last_event: Sequence,
}

impl Period {
    pub(super) fn has(&self, time: Timestamp) -> bool {
        self.from <= time && time <= self.to
    }
}

/// What the reading of the ledger found.
#[derive(Serialize)]
pub(super) struct Check {
    /// It is an error if it is anything else.
    pub(super) verdict: &'static str,
    pub(super) events: Sequence,
    /// The hash of the last one.
    pub(super) hash: Digest,
    pub(super) size_bytes: u64,
    pub(super) tail: &'static str,
}

/// How many.
#[derive(Serialize)]
pub(super) struct Totals {
    pub(super) requests: u64,
    pub(super) deliveries: u64,
    pub(super) withdrawals: u64,
    pub(super) failed_attempts: u64,
    pub(super) runs: u64,
    pub(super) good_runs: u64,
    pub(super) decisions: u64,
    /// At the drop-box at the end of the period, as far as the ledger knows.
    pub(super) stored: u64,
}

/// How long completions waited for their delivery.
#[derive(Serialize)]
pub(super) struct Waiting {
    #[serde(flatten)]
    pub(super) figures: Figures,
    pub(super) limit_micros: Option<i64>,
    /// How many waited longer, or still do.
    pub(super) over_limit: Option<u64>,
    /// How many wait at the end of the period, …
    pub(super) still: u64,
    /// … and how long the longest has.
    pub(super) longest_still_micros: Option<i64>,
    pub(super) waits: Vec<WaitFacts>,
}

/// One wait.
#[derive(Serialize)]
pub(super) struct WaitFacts {
    #[serde(flatten)]
    pub(super) wait: Wait,
    pub(super) micros: i64,
}

/// How long withdrawn results stayed.
#[derive(Serialize)]
pub(super) struct Withdrawn {
    /// Of the bounds.
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// How many are still to be deleted at the end of the period.
    pub(super) still: u64,
    pub(super) withdrawals: Vec<WithdrawalFacts>,
}

/// One withdrawal.
#[derive(Serialize)]
pub(super) struct WithdrawalFacts {
    #[serde(flatten)]
    pub(super) withdrawal: Withdrawal,
    /// It took at most so long: from when it was last seen listed.
    pub(super) at_most_micros: Option<i64>,
    /// And at least so long: from when it was first missed.
    pub(super) at_least_micros: Option<i64>,
}

/// One request.
#[derive(Serialize)]
pub(super) struct RequestFacts {
    pub(super) request: RequestId,
    pub(super) published: Option<Timestamp>,
    pub(super) first_seen: Timestamp,
    pub(super) last_activity: Timestamp,
    pub(super) completion: Option<Completion>,
    /// Hospitals, and when they completed.
    pub(super) hospitals: Nodes,
    /// At the broker, at the end of the period.
    pub(super) broker: Option<Listed>,
    /// At the drop-box, at the end of the period.
    pub(super) drop_box: Option<AtDropBox>,
    pub(super) deliveries: Vec<DeliveryFacts>,
    pub(super) failed_attempts: u64,
    pub(super) withdrawn: Vec<Timestamp>,
    /// The longest wait for one of its deliveries in the period.
    pub(super) longest_wait_micros: Option<i64>,
}

/// What the broker said of a request last.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Listed {
    Imported,
    Listed,
    Unreadable,
    Deleted,
    Untagged,
    Missing,
}

/// What is known of a file.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AtDropBox {
    Nothing,
    Stored,
    PickedUp,
    Uncertain,
    Withdrawn,
}

/// One delivery.
#[derive(Serialize)]
pub(super) struct DeliveryFacts {
    pub(super) event: Sequence,
    pub(super) time: Timestamp,
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) token_sha256: Digest,
    pub(super) plaintext_sha256: Digest,
    pub(super) key: KeyId,
    pub(super) completion: Completion,
    pub(super) placed: Placed,
}

/// One gap, and how many completions waited in it.
#[derive(Serialize)]
pub(super) struct GapFacts {
    #[serde(flatten)]
    pub(super) gap: Gap,
    pub(super) waiting: u64,
}

/// One key.
#[derive(Serialize)]
pub(super) struct KeyFacts {
    pub(super) key: KeyId,
    pub(super) first_used: Timestamp,
    pub(super) last_used: Timestamp,
    pub(super) deliveries: u64,
    pub(super) announced_by: Option<String>,
}

/// A file that was found otherwise than it was delivered, or again as it was.
#[derive(Serialize)]
pub(super) struct DriftFacts {
    pub(super) event: Sequence,
    pub(super) time: Timestamp,
    pub(super) request: RequestId,
    /// None where it was again as it had been.
    pub(super) drift: Option<Drift>,
}

impl Facts {
    /// Those of a ledger.
    pub(super) fn new(
        account: Account,
        state: &State,
        reading: &Reading,
        period: Period,
        limit: Option<i64>,
    ) -> Self {
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
            schema: SCHEMA,
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
    let time = |it: Option<&courier_ledger::account::Happening>| it.map(|it| it.time);
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

fn listed(presence: Presence, unreadable: bool) -> Listed {
    use courier_ledger::Evidence;
    match presence {
        _ if unreadable => Listed::Unreadable,
        Presence::Imported => Listed::Imported,
        Presence::Listed => Listed::Listed,
        Presence::Gone(Evidence::Deleted) => Listed::Deleted,
        Presence::Gone(Evidence::Untagged) => Listed::Untagged,
        Presence::Gone(Evidence::Unconfirmed) => Listed::Missing,
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
