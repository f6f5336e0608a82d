//! Records what a plan holds back and leaves alone, when that is not what was recorded last.

use courier_ledger::log::{EventLog, Ledger};
use courier_ledger::{Event, Held, Plan};

use super::error::RecordError;
use super::seams::Clock;

/// Records what waits for a person, and what is left alone, if that has changed.
pub(super) fn hold(
    ledger: &mut Ledger<impl EventLog>,
    clock: &dyn Clock,
    plan: &Plan,
) -> Result<(), RecordError> {
    let held = Held::of(plan);
    let known = match ledger.state().held() {
        Some(known) => known.held == held,
        None => held == Held::default(),
    };
    if known {
        return Ok(());
    }
    let digest = held.digest();
    Ok(ledger.append(
        clock.now(),
        vec![Event::PlanHeld {
            digest,
            held: Box::new(held),
        }],
    )?)
}
