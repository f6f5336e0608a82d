//! The dry run and the run are the same decision; the run converges and then does nothing.

mod world;

use std::collections::BTreeMap;

use courier_ledger::RemoteCheckRule;
use proptest::prelude::*;
use world::{Luck, Program};

/// What happens between two runs.
#[derive(Clone, Debug)]
enum Step {
    Publish {
        id: u64,
        published: i64,
    },
    Complete {
        id: u64,
        node: u64,
        time: i64,
    },
    Untag(u64),
    Retag(u64),
    Delete(u64),
    EmptyAnswers(bool),
    /// Somebody else removes a result from the drop-box.
    Vandalise(u64),
    Run {
        luck: Vec<Luck>,
        reversed: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..6u64;
    let luck = prop_oneof![
        3 => Just(Luck::Good),
        1 => Just(Luck::Refused),
        1 => Just(Luck::AnswerLost),
        1 => Just(Luck::LeftBehind),
    ];
    prop_oneof![
        3 => (id.clone(), 1..4i64).prop_map(|(id, published)| Step::Publish { id, published }),
        3 => (id.clone(), 0..3u64, 1..9i64)
            .prop_map(|(id, node, time)| Step::Complete { id, node, time }),
        1 => id.clone().prop_map(Step::Untag),
        1 => id.clone().prop_map(Step::Retag),
        1 => id.clone().prop_map(Step::Delete),
        1 => id.prop_map(Step::Vandalise),
        1 => any::<bool>().prop_map(Step::EmptyAnswers),
        4 => (prop::collection::vec(luck, 0..8), any::<bool>())
            .prop_map(|(luck, reversed)| Step::Run { luck, reversed }),
    ]
}

fn remote_check() -> impl Strategy<Value = RemoteCheckRule> {
    prop_oneof![
        Just(RemoteCheckRule::Off),
        Just(RemoteCheckRule::Report),
        Just(RemoteCheckRule::Repair),
    ]
}

fn take(program: &mut Program, step: Step) -> Result<(), TestCaseError> {
    let mut world = program.world.borrow_mut();
    match step {
        Step::Publish { id, published } => {
            world.untagged.remove(&id);
            world.broker.insert(id, (Some(published), BTreeMap::new()));
        }
        Step::Complete { id, node, time } => {
            if let Some((_, nodes)) = world.broker.get_mut(&id) {
                nodes.insert(node, Some(time));
            }
        }
        Step::Untag(id) => {
            if let Some(shown) = world.broker.remove(&id) {
                world.untagged.insert(id, shown);
            }
        }
        Step::Retag(id) => {
            if let Some(shown) = world.untagged.remove(&id) {
                world.broker.insert(id, shown);
            }
        }
        Step::Delete(id) => {
            world.broker.remove(&id);
        }
        Step::Vandalise(id) => {
            world.drop_box.remove(&format!("export_{id}.zip"));
        }
        Step::EmptyAnswers(empty) => world.broker_is_empty = empty,
        Step::Run { luck, reversed } => {
            let held: Vec<String> = final_names(&world.drop_box);
            let empty = world.broker_is_empty;
            drop(world);
            program.run(luck, reversed);
            if empty {
                let after = final_names(&program.world.borrow().drop_box);
                prop_assert!(
                    held.iter().all(|name| after.contains(name)),
                    "mass deletion"
                );
            }
        }
    }
    Ok(())
}

fn final_names<T>(drop_box: &BTreeMap<String, T>) -> Vec<String> {
    drop_box
        .keys()
        .filter(|name| name.starts_with("export_"))
        .cloned()
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::Direct(
                "proptest-regressions/plan_and_run.txt",
            ),
        )),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_run_right_after_a_plan_executes_exactly_its_commands(
        steps in prop::collection::vec(step(), 0..30),
        remote_check in remote_check(),
    ) {
        let mut program = Program::new();
        program.policy.remote_check = remote_check;
        for step in steps {
            take(&mut program, step)?;
        }
        let planned: Vec<String> = program.plan().changes().map(ToString::to_string).collect();
        program.world.borrow_mut().done.clear();
        program.run(Vec::new(), false);
        prop_assert_eq!(&program.world.borrow().done, &planned);
    }

    #[test]
    fn after_faults_stop_two_runs_converge_and_a_third_does_nothing(
        steps in prop::collection::vec(step(), 0..30),
    ) {
        let mut program = Program::new();
        program.policy.remote_check = RemoteCheckRule::Repair;
        for step in steps {
            take(&mut program, step)?;
        }
        {
            // Something else exists at the broker, so that absences can be proven.
            let mut world = program.world.borrow_mut();
            world.broker_is_empty = false;
            world.untagged.insert(99, (Some(1), BTreeMap::new()));
        }
        program.run(Vec::new(), false);
        program.run(Vec::new(), true);
        let world = program.world.borrow();
        prop_assert_eq!(&world.drop_box, &world.wanted());
        drop(world);
        program.world.borrow_mut().done.clear();
        let report = program.run(Vec::new(), false);
        prop_assert_eq!(program.world.borrow().done.len(), 0);
        prop_assert_eq!(report.exit_code(), broker_courier::ExitCode::Done);
    }
}
