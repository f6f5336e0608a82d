//! What is held back until a person decides, by each guard.

use std::fs;

use testbed::broker::{Answer, Route};

use crate::call::Call;
use crate::{Outcome, State};

pub(crate) const ALL: &[State] = &[
    ("held: the broker lists nothing", empty_list),
    ("held: more deletions than usual", many_deletions),
    ("held: a disappearance without proof", no_evidence),
    ("held: the broker was set up anew", recreated),
    (
        "held: a key that nobody announced, swapped by mistake",
        swapped_key,
    ),
    ("held: a key that nobody announced, and is right", right_key),
];

fn empty_list(call: &mut Call) -> Outcome<()> {
    for route in [Route::List, Route::WholeList] {
        call.broker.fail_next(route, Answer::empty_list(), 1);
    }
    call.cron(6, &["the broker lists nothing", "approve"])?;
    call.did("asked the broker's operator, who brought the database back");
    call.well()
}

fn many_deletions(call: &mut Call) -> Outcome<()> {
    for id in call.first().into_iter().take(4) {
        call.withdraw(id);
    }
    call.cron(6, &["GUARDS.MAX_DELETIONS"])?;
    call.did("asked the analyst, who had withdrawn them");
    call.pastes("approve ")?;
    call.well()
}

fn no_evidence(call: &mut Call) -> Outcome<()> {
    let id = call.first()[0];
    call.withdraw(id);
    call.broker
        .fail_next(Route::WholeList, Answer::error(403), 1);
    call.broker
        .fail_next(Route::Existence, Answer::error(403), 1);
    call.cron(6, &["nothing proves"])?;
    call.did("asked the analyst, who had withdrawn it");
    call.pastes("approve ")?;
    call.well()
}

fn recreated(call: &mut Call) -> Outcome<()> {
    call.broker.recreate_database();
    call.broker.publish("other");
    let id = call.answer();
    call.cron(6, &["another broker, or its database was set up anew"])?;
    call.did("asked the broker's operator, who had set it up anew");
    call.wants_only(Some(id));
    call.pastes("approve ")?;
    call.well()
}

fn swapped_key(call: &mut Call) -> Outcome<()> {
    let (key, kept) = (call.place.key_path(), call.beside("kept"));
    fs::rename(&key, &kept)?;
    call.types(&format!("broker-courier keygen {}", key.display()))?;
    call.answer();
    call.cron(6, &["nobody announced it"])?;
    fs::rename(&kept, &key)?;
    call.did("put the key back that the message names");
    call.well()
}

fn right_key(call: &mut Call) -> Outcome<()> {
    let (key, kept) = (call.place.key_path(), call.beside("kept"));
    fs::rename(&key, &kept)?;
    call.types(&format!("broker-courier keygen {}", key.display()))?;
    call.place
        .change_config("[SECURITY]", "[SECURITY]\nOLD_KEYS = \"kept\"")?;
    call.answer();
    call.cron(6, &["nobody announced it"])?;
    call.did("made sure that the recipient has it");
    call.pastes("approve ")?;
    call.well()
}
