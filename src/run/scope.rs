//! What of a plan a run carries out: all of it, what is about some requests, or exactly what a person has seen.
//!
//! What always holds here: guards judge the whole plan before anything is set aside. Deliberately absent: what
//! has become of a kept plan since (`courier_ledger::SavedPlan`).

use std::collections::BTreeSet;

use courier_ledger::{Digest, Moved, Plan, Policy, RequestId, SavedPlan};

/// What of a plan a run carries out.
#[derive(Clone, Debug, Default)]
pub enum Scope {
    /// All of it.
    #[default]
    All,
    /// What is about these requests; the rest waits for another run.
    Only(BTreeSet<RequestId>),
    /// Exactly what stands in this plan, or nothing.
    Bound(Box<SavedPlan>),
}

impl Scope {
    /// The digest of the plan that the run is bound to.
    pub(super) fn bound_to(&self) -> Option<Digest> {
        match self {
            Self::Bound(saved) => Some(saved.digest()),
            Self::All | Self::Only(_) => None,
        }
    }

    /// Leaves of the plan what is to be done; gives what has moved since a kept plan was made.
    pub(super) fn apply(&self, plan: &mut Plan, policy: &Policy) -> Vec<Moved> {
        match self {
            Self::All => Vec::new(),
            Self::Only(requests) => {
                plan.narrow(requests);
                Vec::new()
            }
            Self::Bound(saved) => {
                let moved = saved.moved(plan, policy);
                if let Some(requests) = &saved.only {
                    plan.narrow(requests);
                }
                moved
            }
        }
    }
}
