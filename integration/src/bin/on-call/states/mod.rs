//! The bad states, one function each: how it comes about, what cron's mail must say, what a person does.

mod access;
mod guards;
mod ledger;
mod machine;
mod partners;

use crate::State;

/// All of them, in the order in which they are played.
pub(crate) fn all() -> Vec<State> {
    [
        access::ALL,
        machine::ALL,
        guards::ALL,
        partners::ALL,
        ledger::ALL,
    ]
    .concat()
}
