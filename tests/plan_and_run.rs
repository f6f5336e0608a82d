//! The dry run and the run are the same decision; the run converges and then does nothing.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use courier_ledger::{Drift, RemoteCheckRule, RemoteName};
use proptest::prelude::*;
use scenario::Stage as _;
use world::{Luck, RunStage};

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
        Just(RemoteCheckRule::Pickup),
    ]
}

/// The lines that a history is told in: the requests as they are at the broker, and what was told of
/// them already.
struct Telling {
    stage: RunStage,
    /// Requests with the tag, and those that lost it: when they were published, and who completed.
    tagged: BTreeMap<u64, Shown>,
    untagged: BTreeMap<u64, Shown>,
    answers_empty: bool,
    /// Whether something else exists at the broker, so that absences can be proven.
    others_exist: bool,
    known: BTreeSet<u64>,
    /// What was told, ready to be saved as a scenario.
    text: String,
}

type Shown = (i64, BTreeMap<u64, i64>);

impl Telling {
    fn new(remote_check: RemoteCheckRule) -> Self {
        let mut telling = Self {
            stage: RunStage::new(),
            tagged: BTreeMap::new(),
            untagged: BTreeMap::new(),
            answers_empty: false,
            others_exist: false,
            known: BTreeSet::new(),
            text: String::new(),
        };
        telling.tell("begin");
        telling.tell(match remote_check {
            RemoteCheckRule::Off => "set REMOTE.CHECK off",
            RemoteCheckRule::Report => "set REMOTE.CHECK report",
            RemoteCheckRule::Repair => "set REMOTE.CHECK repair",
            RemoteCheckRule::Pickup => "set REMOTE.CHECK pickup",
        });
        telling
    }

    /// Takes a line, and gives what it says.
    fn tell(&mut self, line: &str) -> String {
        self.text.push_str(line);
        self.text.push('\n');
        self.stage
            .tell(line)
            .unwrap_or_else(|unclear| panic!("{line}: {unclear}"))
    }

    /// Makes the broker show what it holds now.
    fn show(&mut self) {
        let nothing = self.tagged.is_empty() && self.untagged.is_empty() && !self.others_exist;
        if self.answers_empty || nothing {
            self.tell("list-nothing");
            return;
        }
        for (id, (published, nodes)) in self.tagged.clone() {
            let mut line = format!("publish {id} at {published}");
            if !nodes.is_empty() {
                line.push_str(" nodes");
            }
            for (node, time) in nodes {
                let _ = write!(line, " {node}@{time}");
            }
            self.tell(&line);
        }
        for id in self.known.clone() {
            if !self.tagged.contains_key(&id) {
                let evidence = match self.untagged.contains_key(&id) {
                    true => "untagged",
                    false => "deleted",
                };
                self.tell(&format!("withdraw {id} {evidence}"));
            }
        }
    }

    fn final_names(&self) -> Vec<String> {
        final_names(&self.stage.program.world.borrow().drop_box)
    }

    fn run(&mut self, luck: &[Luck], last_first: bool) -> String {
        self.show();
        if !luck.is_empty() {
            let words: Vec<_> = luck.iter().map(|luck| luck.word()).collect();
            self.tell(&format!("luck {}", words.join(" ")));
        }
        if last_first {
            self.tell("last-first");
        }
        self.tell("run")
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Publish { id, published } => {
                self.known.insert(id);
                self.untagged.remove(&id);
                self.tagged.insert(id, (published, BTreeMap::new()));
            }
            Step::Complete { id, node, time } => {
                if let Some((_, nodes)) = self.tagged.get_mut(&id) {
                    nodes.insert(node, time);
                }
            }
            Step::Untag(id) => {
                if let Some(shown) = self.tagged.remove(&id) {
                    self.untagged.insert(id, shown);
                }
            }
            Step::Retag(id) => {
                if let Some(shown) = self.untagged.remove(&id) {
                    self.tagged.insert(id, shown);
                }
            }
            Step::Delete(id) => {
                self.tagged.remove(&id);
            }
            Step::Vandalise(id) => {
                self.tell(&format!("lose-file {id}"));
            }
            Step::EmptyAnswers(empty) => self.answers_empty = empty,
            Step::Run { luck, reversed } => {
                let held = self.final_names();
                self.run(&luck, reversed);
                if self.answers_empty {
                    let after = self.final_names();
                    prop_assert!(
                        held.iter().all(|name| after.contains(name)),
                        "mass deletion\n{}",
                        self.text
                    );
                }
            }
        }
        Ok(())
    }
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
        let mut telling = Telling::new(remote_check);
        for step in steps {
            telling.take(step)?;
        }
        telling.show();
        let plan = telling.stage.program.plan();
        let plan = plan.map_err(|failure| TestCaseError::fail(failure.to_string()))?;
        let planned: Vec<String> = plan.changes().map(ToString::to_string).collect();
        telling.tell("run");
        prop_assert_eq!(
            &telling.stage.program.world.borrow().done,
            &planned,
            "{}",
            telling.text
        );
    }

    #[test]
    fn after_faults_stop_two_runs_converge_and_a_third_does_nothing(
        steps in prop::collection::vec(step(), 0..30),
    ) {
        let mut telling = Telling::new(RemoteCheckRule::Repair);
        for step in steps {
            telling.take(step)?;
        }
        telling.answers_empty = false;
        telling.others_exist = true;
        // What another request under a known number leads to waits for a person, who agrees.
        telling.run(&[], false);
        let held = telling.stage.program.ledger.state().held();
        if held.is_some_and(|held| held.held.waits()) {
            telling.tell("approve");
            telling.run(&[], false);
        }
        telling.run(&[], true);
        {
            let world = telling.stage.program.world.borrow();
            let mut wanted = world.wanted();
            // What was lost once more after it was put back is left alone.
            for (id, request) in telling.stage.program.ledger.state().requests() {
                let drift = request.remote.file().and_then(|file| file.drift);
                if request.repaired && drift == Some(Drift::Missing) {
                    wanted.remove(RemoteName::export(id).as_str());
                }
            }
            prop_assert_eq!(&world.drop_box, &wanted, "{}", telling.text);
        }
        let said = telling.run(&[], false);
        prop_assert_eq!(
            telling.stage.program.world.borrow().done.len(),
            0,
            "{}",
            telling.text
        );
        prop_assert!(said.ends_with("\nexit 0 (Done)\n"), "{}\n{}", said, telling.text);
    }
}
