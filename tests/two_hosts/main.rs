//! Two hosts, one ledger in a database, one drop-box, and everything that goes wrong between them: histories that
//! follow from seeds, played with the program's own run loop over its own ledger of tables, against a database that
//! speaks PostgreSQL's protocol in memory, in a time that nobody waits for.
//!
//! `HISTORIES=20000 cargo test -p broker-courier --test two_hosts` plays more, and others. `HISTORY=SEED` plays one and
//! tells it (`-- --nocapture`); `WITHOUT=Kills,Cuts` leaves out what does not matter, which a history that fails names.
//! A seed is another history whenever what histories are drawn from changes: what one has found gets a test of its own.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and what was played is said"
)]

mod baton;
mod carrier;
mod database;
mod drive;
mod drop_box;
mod fault;
mod faults;
mod happening;
mod history;
mod luck;
mod machine;
mod parts;
mod program;
mod property;
mod random;
mod sabotage;
mod server;
mod simulation;
mod statement;
mod steps;
mod wire;
mod witness;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use fault::{Fault, Faults};
use happening::Happening;
use history::{Setting, Story, play};
use luck::Mishap;
use property::{Property, Violation};
use sabotage::Sabotage;

/// Which seeds are played: the same ones every time, so that what fails is the change; others where somebody asks for
/// so many.
fn seeds() -> std::ops::Range<u64> {
    match std::env::var("HISTORIES") {
        Ok(count) => {
            let count: u64 = count.parse().expect("HISTORIES is a number of histories");
            let first = RandomState::new().hash_one(0) >> 16;
            first..first + count
        }
        Err(_) => 1..101,
    }
}

/// The one history that somebody wants to hear, if anybody does.
fn wanted() -> Option<Setting> {
    let seed = std::env::var("HISTORY").ok()?;
    let mut setting = Setting::of(seed.parse().expect("HISTORY is a seed"));
    for name in std::env::var("WITHOUT")
        .iter()
        .flat_map(|names| names.split(','))
    {
        setting
            .faults
            .remove(&name.parse().expect("a kind of fault"));
    }
    Some(setting)
}

/// Leaves out of a history that fails whatever it fails without; gives what was left out.
fn shrunk(mut setting: Setting, violation: &Violation) -> Faults {
    let mut without = Faults::new();
    for fault in Fault::ALL {
        let before = setting.faults.clone();
        setting.faults.remove(fault);
        let played = play(&setting, Story::Untold).violation;
        match played.is_some_and(|it| it.property == violation.property) {
            true => drop(without.insert(*fault)),
            false => setting.faults = before,
        }
    }
    without
}

#[test]
fn two_hosts_keep_one_ledger_whatever_goes_wrong() {
    if let Some(setting) = wanted() {
        let played = play(&setting, Story::Told);
        println!("{}", played.story.join("\n"));
        assert!(played.violation.is_none(), "{}", played.violation.unwrap());
        return;
    }
    let mut happened: BTreeMap<Happening, u64> = BTreeMap::new();
    let (mut histories, mut entries) = (0, 0);
    for seed in seeds() {
        let setting = Setting::of(seed);
        let played = play(&setting, Story::Untold);
        if let Some(violation) = played.violation {
            let without: Vec<_> = shrunk(setting, &violation)
                .iter()
                .map(Fault::to_string)
                .collect();
            panic!(
                "{violation}\nHISTORY={seed} WITHOUT={} repeats it",
                without.join(",")
            );
        }
        histories += 1;
        entries += played.entries;
        for (what, times) in played.happened {
            *happened.entry(what).or_default() += times;
        }
    }
    println!("{histories} histories, {entries} entries");
    for (what, times) in &happened {
        println!("{times:8} {what}");
    }
    // What never happens proves nothing.
    for what in Happening::ALL {
        assert!(happened.contains_key(what), "{what} is not in {happened:?}");
    }
}

#[test]
fn a_seed_repeats_its_history() {
    for seed in 1..4 {
        let first = play(&Setting::of(seed), Story::Told);
        let again = play(&Setting::of(seed), Story::Told);
        assert_eq!(first.story, again.story, "{seed}");
    }
}

/// An append is shown, its answer is lost, and the primary with it, before a commit has proved it: it is gone, and a
/// renewal that another server acknowledges says nothing about it.
#[test]
fn what_was_shown_and_lost_in_a_fail_over_is_appended_once_more() {
    let setting = Setting {
        faults: Faults::new(),
        script: vec![
            ("append", Mishap::ShownAndLost),
            ("renew", Mishap::FailsOver),
        ],
        ..Setting::of(1)
    };
    let played = play(&setting, Story::Told);
    let story = played.story.join("\n");
    assert!(
        played.violation.is_none(),
        "{}\n{story}",
        played.violation.unwrap()
    );
    for what in [Happening::LostUnreplicated, Happening::AppendFoundLost] {
        assert!(played.happened.contains_key(&what), "{what}\n{story}");
    }
}

/// Whether histories, the same every time, show that a defect violates a property.
fn is_noticed(sabotage: Sabotage, properties: &[Property]) {
    for seed in 1..400 {
        let setting = Setting {
            sabotage: Some(sabotage),
            ..Setting::of(seed)
        };
        if let Some(violation) = play(&setting, Story::Untold).violation {
            println!("{sabotage:?}: history {seed}: {violation}");
            assert!(properties.contains(&violation.property), "{violation}");
            return;
        }
    }
    panic!("{sabotage:?} was not noticed");
}

macro_rules! noticed {
    ($($name:ident: $sabotage:ident, $($property:ident)|+;)*) => {
        $(
            #[test]
            fn $name() {
                is_noticed(Sabotage::$sabotage, &[$(Property::$property),+]);
            }
        )*
    };
}

noticed! {
    an_append_under_any_epoch_is_noticed: NoFence, NoStaleAppend;
    a_ledger_that_is_taken_from_its_holder_is_noticed: TakeOverBeforeExpiry, OneHolder;
    a_lease_by_the_clock_of_the_day_is_noticed: LeaseByClockOfDay, OneHolder | NoStaleEffect;
    a_lease_that_begins_with_its_answer_is_noticed: LeaseFromAnswer, OneHolder | NoStaleEffect;
    a_lease_without_a_margin_is_noticed: LeaseWithoutMargin, OneHolder | NoStaleEffect;
    an_effect_without_a_look_at_the_lease_is_noticed: EffectWithoutLook, NoStaleEffect;
    an_append_that_is_repeated_blindly_is_noticed: BlindRetry, NothingDoubled | WholeChain;
    acting_on_what_no_commit_confirms_is_noticed: ActOnUnacknowledged, NothingLost | OneHolder;
    a_late_rename_of_what_was_left_is_noticed: LeaveTemporaries, RightOrder;
    an_upload_that_delivers_nothing_is_noticed: DeliverNothing, Convergence;
    a_lease_that_never_ends_is_noticed: LeaseForEver, Liveness;
    acting_on_what_any_commit_confirms_is_noticed: ActOnAnyCommit, NothingLost;
}
