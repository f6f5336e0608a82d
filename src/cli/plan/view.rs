//! A plan as programs read it (`docs/plan.md`).
//!
//! What always holds here: what people are shown is in it; fields keep their names and meanings, and new ones
//! may come.

use std::collections::BTreeSet;

use courier_ledger::{
    Blocked, Command, Digest, Estrangement, Exchanges, Grounds, Held, KeyId, Limit, Plan, RequestId,
};
use serde::Serialize;

/// A plan, ready to be shown.
#[derive(Serialize)]
pub(super) struct PlanView<'a> {
    schema: &'static str,
    commands: Vec<&'a Command>,
    blocked: &'a [Blocked],
    /// What each of them rests on.
    grounds: &'a [Grounds],
    exchanges: &'a Exchanges,
    estranged: Option<&'a Estrangement>,
    limit: Option<&'a Limit>,
    unannounced_key: Option<UnannouncedKeyView>,
    approval_digest: Option<Digest>,
    skipped: Vec<String>,
    unchanged: u64,
    only: Option<&'a BTreeSet<RequestId>>,
    /// What `only` leaves to another run.
    set_aside: &'a [Command],
}

/// A key that a person must say is the right one.
#[derive(Serialize)]
struct UnannouncedKeyView {
    key: KeyId,
    instead_of: KeyId,
}

impl<'a> PlanView<'a> {
    pub(super) fn new(plan: &'a Plan, grounds: &'a [Grounds]) -> Self {
        let released = plan.released.is_some();
        let unannounced_key = plan.unannounced_key.as_ref().filter(|_| !released);
        Self {
            schema: "broker-courier.plan.1",
            commands: plan.changes().collect(),
            blocked: &plan.blocked,
            grounds,
            exchanges: &plan.exchanges,
            estranged: plan.estranged.as_ref(),
            limit: plan.limit.as_ref(),
            unannounced_key: unannounced_key.map(|it| UnannouncedKeyView {
                key: it.key,
                instead_of: it.instead_of,
            }),
            approval_digest: plan.waits().then(|| Held::of(plan).digest()),
            skipped: plan.skipped.iter().map(ToString::to_string).collect(),
            unchanged: plan.unchanged,
            only: plan.only.as_ref(),
            set_aside: &plan.set_aside,
        }
    }
}
