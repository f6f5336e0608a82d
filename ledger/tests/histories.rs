//! Arbitrary histories of broker, drop-box, runner and people, folded by the pure core and held
//! against the invariants.
//!
//! `HISTORIES=1000000 cargo test --release -p courier-ledger --test histories` runs a long campaign.
//! A history that fails is shrunk and printed with its seed, as a scenario that can be saved below
//! `tests/scenarios/`; the seed is kept in `proptest-regressions/histories.txt` and replayed first
//! from then on.
#![expect(
    clippy::disallowed_methods,
    reason = "the number of histories comes from the environment"
)]

mod model;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use courier_ledger::State;
use model::{Happening, Histories, Property, Sabotage, Setting, Step, Violation, World};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use scenario::Teller;

/// Where a history begins, its steps, and how many of them were taken.
type History = (Setting, Vec<Step>, Option<Arc<AtomicUsize>>);

/// How many histories are checked, and from which seed they are drawn: the same ones every time, so that
/// what fails is the change; a campaign, for which `HISTORIES` is set, draws new ones.
fn histories() -> ProptestConfig {
    let (cases, rng_seed) =
        std::env::var("HISTORIES").map_or((10_000, RngSeed::Fixed(1)), |count| {
            let count = count.parse().expect("HISTORIES is a number of histories");
            (count, RngSeed::Random)
        });
    ProptestConfig {
        cases,
        rng_seed,
        ..ProptestConfig::default()
    }
}

/// Plays a history, and holds it against every property.
fn play(history: History, sabotage: Option<Sabotage>) -> (World, Result<(), Violation>) {
    let (setting, steps, seen) = history;
    let mut world = World::new(setting, sabotage);
    let held = hold(&mut world, &steps, seen.as_deref());
    (world, held)
}

fn hold(world: &mut World, steps: &[Step], seen: Option<&AtomicUsize>) -> Result<(), Violation> {
    for step in steps {
        if let Some(seen) = seen {
            // Shrinking drops what was never reached.
            seen.fetch_add(1, Ordering::SeqCst);
        }
        world.take(step)?;
    }
    world.settle()?;
    world.replay()?;
    world.survives_encoding()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "../proptest-regressions/histories.txt",
        ))),
        ..histories()
    })]

    #[test]
    fn every_invariant_holds_in_arbitrary_histories(
        history in Histories::sequential_strategy(20..60),
    ) {
        let (world, held) = play(history, None);
        if let Err(violation) = held {
            prop_assert!(false, "{:?}\n{}", violation, world.story(Some(&violation)));
        }
    }
}

/// Whether histories, the same every time, show that a defect violates the property.
fn is_noticed(sabotage: Sabotage, property: Property) {
    let mut runner = TestRunner::deterministic();
    let strategy = Histories::sequential_strategy(20..60);
    for _ in 0..1_000 {
        let tree = strategy.new_tree(&mut runner).expect("a history");
        if let (_, Err(violation)) = play(tree.current(), Some(sabotage)) {
            assert_eq!(violation.property, property, "{}", violation.text);
            return;
        }
    }
    panic!("{sabotage:?} was not noticed");
}

macro_rules! noticed {
    ($($name:ident: $sabotage:ident, $property:ident;)*) => {
        $(
            #[test]
            fn $name() {
                is_noticed(Sabotage::$sabotage, Property::$property);
            }
        )*
    };
}

noticed! {
    convergence_fails_when_uploads_deliver_nothing: DeliverNothing, Convergence;
    idempotence_fails_when_another_key_is_recorded: RecordWrongKey, Idempotence;
    no_lost_outcome_fails_when_effects_come_before_intents: EffectBeforeIntent, NoLostOutcome;
    no_mass_deletion_fails_when_empty_lists_are_trusted: TrustEmptyLists, NoMassDeletion;
    ownership_fails_when_anything_is_overwritten: OverwriteAnything, Ownership;
    ownership_fails_when_anything_short_is_taken: TakeAnythingShort, Ownership;
    convergence_fails_when_looks_are_forgotten: ForgetLooks, Convergence;
    replay_determinism_fails_when_reading_alters_a_time: AlterOnReading, ReplayDeterminism;
    status_is_projection_fails_when_it_is_projected_too_early: ProjectTooEarly, StatusIsProjection;
    one_runner_fails_when_the_lock_is_not_kept: IgnoreLock, OneRunner;
    clock_independence_fails_when_decisions_look_at_the_clock: LookAtClock, ClockIndependence;
    true_reasons_fail_when_every_upload_is_called_new: CallEverythingNew, TrueReasons;
    known_key_fails_when_any_key_is_used: UploadUnderAnyKey, KnownKey;
    legality_fails_when_an_outcome_is_recorded_twice: RecordTwice, Legality;
    delta_equals_whole_fails_when_an_observation_is_lost: LoseObservation, DeltaEqualsWhole;
    order_independence_fails_when_times_belong_to_places: MixUpTimes, OrderIndependence;
    no_stranger_fails_when_any_broker_is_trusted: TrustAnyBroker, NoStranger;
    known_partner_fails_when_partners_are_declared_once: DeclareOnce, KnownPartner;
    known_partner_fails_when_any_partner_is_trusted: TrustAnyPartner, KnownPartner;
    no_stranger_fails_when_what_stays_is_withdrawn: WithdrawAnyway, NoStranger;
    recovery_fails_when_nothing_is_adopted: AdoptNothing, Recovery;
    clock_fails_when_nothing_is_said_of_it: SayNothingOfClocks, Clock;
    saved_plan_fails_when_one_that_has_moved_is_carried_out: CarryOutMoved, SavedPlan;
    saved_plan_fails_when_guards_are_passed_in_parts: PassGuardsInParts, SavedPlan;
    standing_fails_when_anything_is_gone_on_with: GoOnWithAnything, Standing;
    standing_fails_when_any_publication_is_overwritten: OverwriteAnyPublication, Standing;
}

/// Plays a story that was printed, and gives the state that it leads to.
fn told(story: &str) -> State {
    let mut teller = Teller::default();
    let differences = scenario::play(story, &mut teller);
    assert!(differences.is_empty(), "{differences:?}\n{story}");
    teller.history().state().clone()
}

#[test]
fn a_history_is_printed_as_a_scenario_that_leads_to_the_same_state() {
    let mut runner = TestRunner::deterministic();
    let strategy = Histories::sequential_strategy(20..60);
    for _ in 0..300 {
        let tree = strategy.new_tree(&mut runner).expect("a history");
        let (world, held) = play(tree.current(), None);
        let story = world.story(held.as_ref().err());
        assert_eq!(told(&story), world.state, "{story}");
    }
}

/// What must happen somewhere among histories: what never happens proves nothing.
#[test]
fn everything_happens_in_some_history() {
    let mut runner = TestRunner::deterministic();
    let strategy = Histories::sequential_strategy(20..60);
    let mut happened = BTreeMap::new();
    for _ in 0..500 {
        let tree = strategy.new_tree(&mut runner).expect("a history");
        for what in play(tree.current(), None).0.happenings() {
            *happened.entry(what).or_insert(0) += 1;
        }
    }
    for what in Happening::ALL {
        assert!(
            happened.contains_key(&what),
            "{what:?} is not in {happened:?}"
        );
    }
}

#[test]
fn what_cannot_follow_is_printed_with_its_refusal() {
    let mut runner = TestRunner::deterministic();
    let strategy = Histories::sequential_strategy(20..60);
    let failed = (0..1_000).find_map(|_| {
        let tree = strategy.new_tree(&mut runner).expect("a history");
        let (world, held) = play(tree.current(), Some(Sabotage::RecordTwice));
        Some((world, held.err()?))
    });
    let (world, violation) = failed.expect("an outcome that is recorded twice is noticed");
    let story = world.story(Some(&violation));
    let tip = told(&story).tip();
    assert_eq!(tip.0 + 1, world.entries.len() as u64);
    assert!(story.contains("cannot follow: no command"), "{story}");
}
