//! `docs/policies.md` holds exactly what `decide` does: its two tables are made here, by deciding.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod history;

use std::fmt::Write as _;

use courier_ledger::*;
use history::{History, OTHER_KEY, delivery, failure};

const PUBLISHED: i64 = 10;
const DONE: &[(u64, Option<i64>)] = &[(1, Some(5)), (2, None)];
/// The same completion in two decimals, another fingerprint.
const RESUBMITTED: &[(u64, Option<i64>)] = &[(1, Some(6)), (2, None)];
const FURTHER: &[(u64, Option<i64>)] = &[(1, Some(5)), (2, Some(7))];
/// More files, so that one deletion is neither all nor too much.
const OTHERS: std::ops::Range<u64> = 1..4;

/// What stands at the drop-box under the name of request 0.
#[derive(Clone, Copy)]
enum Stands {
    Nothing,
    Delivered,
    PickedUp,
    InDoubt,
    Deleted,
    Imported,
}

impl Stands {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Nothing, "nothing of this ledger's"),
        (Self::Delivered, "its result"),
        (Self::PickedUp, "its result, taken away by the recipient"),
        (Self::InDoubt, "unknown: an upload had no outcome"),
        (Self::Deleted, "nothing: deleted when it was withdrawn"),
        (Self::Imported, "what the replaced program's ledger names"),
    ];

    fn history(self) -> History {
        let mut history = History::new();
        if let Self::Imported = self {
            history.import(
                "<status><request-status><id>0</id><completion>0.5</completion>\
                 <uploaded>2021-10-11 09:39:50</uploaded></request-status></status>",
            );
        }
        for id in OTHERS {
            history.publish(id, PUBLISHED, DONE);
        }
        match self {
            Self::Nothing | Self::Imported => {
                history.run();
            }
            Self::Delivered => {
                history.publish(0, PUBLISHED, DONE);
                history.run();
            }
            Self::Deleted => {
                history.publish(0, PUBLISHED, DONE);
                history.run();
                history.withdraw(0, Evidence::Untagged);
                history.run();
            }
            Self::PickedUp => {
                history.publish(0, PUBLISHED, DONE);
                let plan = history.plan();
                for command in &plan.commands {
                    let start = history.begin(command);
                    match command {
                        Command::Upload { name, .. } => {
                            let delivery = delivery(name, history.policy.key);
                            history.record(Event::PickedUp { start, delivery });
                        }
                        other @ (Command::RemoveTemporary { .. }
                        | Command::Delete { .. }
                        | Command::PublishLedger { .. }) => history.succeed(start, other),
                    }
                }
                history.finish();
            }
            Self::InDoubt => {
                history.publish(0, PUBLISHED, DONE);
                history.run();
                history.publish(0, PUBLISHED, RESUBMITTED);
                let plan = history.plan();
                history.begin(&plan.commands[0]);
            }
        }
        history
    }
}

/// How a history gets somewhere.
type Lead = fn(&mut History);

/// What the broker shows of request 0 now.
const SHOWN: [(&str, Lead); 7] = [
    ("as delivered", |it| it.publish(0, PUBLISHED, DONE)),
    ("changed", |it| it.publish(0, PUBLISHED, FURTHER)),
    ("another request", |it| it.publish(0, 99, DONE)),
    ("unreadable", |it| it.unreadable(0)),
    ("deleted", |it| it.withdraw(0, Evidence::Deleted)),
    ("untagged", |it| it.withdraw(0, Evidence::Untagged)),
    ("not listed, unproven", |it| {
        it.withdraw(0, Evidence::Unconfirmed);
    }),
];

/// What the plan says of request 0, in words.
fn verdict(plan: &Plan) -> String {
    let about = |command: &Command| match command {
        Command::Upload { reason, .. } => format!("upload: {reason}"),
        Command::Delete { .. } => "delete".to_owned(),
        Command::RemoveTemporary { .. } | Command::PublishLedger { .. } => command.to_string(),
    };
    let ours = |command: &&Command| command.request() == Some(RequestId(0));
    if let Some(command) = plan.commands.iter().find(ours) {
        return about(command);
    }
    if let Some(blocked) = plan.blocked.iter().find(|it| ours(&&it.command)) {
        return format!("blocked: {}", blocked.guard);
    }
    let skipped = plan.skipped.iter().any(|skipped| match skipped {
        Skipped::Unreadable(id, _)
        | Skipped::ReappearanceIgnored(id)
        | Skipped::Draft(id)
        | Skipped::Drifted(id, _) => *id == RequestId(0),
    });
    match (skipped, plan.unchanged > OTHERS.count() as u64) {
        (true, _) => "left alone, and said so".to_owned(),
        (false, true) => "keep".to_owned(),
        (false, false) => "–".to_owned(),
    }
}

fn what_a_run_does() -> String {
    let mut table = String::from("| at the drop-box |");
    for (shown, _) in SHOWN {
        write!(table, " {shown} |").unwrap();
    }
    table.push_str("\n|---|---|---|---|---|---|---|---|\n");
    for (stands, words) in Stands::ALL {
        write!(table, "| {words} |").unwrap();
        for (_, show) in SHOWN {
            let mut history = stands.history();
            show(&mut history);
            write!(table, " {} |", verdict(&history.plan())).unwrap();
        }
        table.push('\n');
    }
    table
}

/// One row of the second table: the key with its value, the situation, and how to get there.
type Row = (&'static str, &'static str, Lead);

fn drifted(history: &mut History) {
    let _plan = history.plan();
    let sights = history
        .state
        .stored_files()
        .map(|(id, _)| {
            let missing = id == RequestId(0);
            let sight = if missing {
                Sight::Absent
            } else {
                Sight::Present(Some(100))
            };
            (RemoteName::export(id), sight)
        })
        .collect();
    let delta = RemoteDelta::between(&history.state, &sights);
    history.record(Event::RemoteObserved(delta));
}

const ROWS: [Row; 14] = [
    (
        "`REQUESTS.CHANGE = \"fingerprint\"`",
        "resubmitted, completion as before",
        |it| {
            it.publish(0, PUBLISHED, RESUBMITTED);
        },
    ),
    (
        "`REQUESTS.CHANGE = \"completion\"`",
        "resubmitted, completion as before",
        |it| {
            it.policy.change = ChangeRule::Completion;
            it.publish(0, PUBLISHED, RESUBMITTED);
        },
    ),
    (
        "`REQUESTS.CHANGE = \"completion\"`",
        "completion changed",
        |it| {
            it.policy.change = ChangeRule::Completion;
            it.publish(0, PUBLISHED, FURTHER);
        },
    ),
    (
        "`REQUESTS.REAPPEARED = \"upload\"`",
        "withdrawn, deleted, and back",
        |it| {
            it.withdraw(0, Evidence::Untagged);
            it.run();
            it.publish(0, PUBLISHED, DONE);
        },
    ),
    (
        "`REQUESTS.REAPPEARED = \"ignore\"`",
        "withdrawn, deleted, and back",
        |it| {
            it.policy.reappeared = ReappearanceRule::Ignore;
            it.withdraw(0, Evidence::Untagged);
            it.run();
            it.publish(0, PUBLISHED, DONE);
        },
    ),
    (
        "`REQUESTS.REAPPEARED = \"ignore\"`",
        "withdrawn, deleted; another request has its number",
        |it| {
            it.policy.reappeared = ReappearanceRule::Ignore;
            it.withdraw(0, Evidence::Untagged);
            it.run();
            it.publish(0, 99, DONE);
        },
    ),
    ("`REQUESTS.DRAFTS = \"upload\"`", "a draft", |it| {
        it.withdraw(0, Evidence::Deleted);
        it.run();
        it.draft(0);
    }),
    ("`REQUESTS.DRAFTS = \"wait\"`", "a draft", |it| {
        it.policy.drafts = DraftRule::Wait;
        it.withdraw(0, Evidence::Deleted);
        it.run();
        it.draft(0);
    }),
    (
        "`SECURITY.ON_KEY_CHANGE = \"keep\"`",
        "delivered under an earlier key",
        |it| {
            it.policy.key = OTHER_KEY;
        },
    ),
    (
        "`SECURITY.ON_KEY_CHANGE = \"reupload\"`",
        "delivered under an earlier key",
        |it| {
            it.policy.key = OTHER_KEY;
            it.policy.on_key_change = KeyChangeRule::Reupload;
        },
    ),
    (
        "`REMOTE.CHECK = \"off\"`",
        "missing at the drop-box",
        drifted,
    ),
    (
        "`REMOTE.CHECK = \"report\"`",
        "missing at the drop-box",
        |it| {
            it.policy.remote_check = RemoteCheckRule::Report;
            drifted(it);
        },
    ),
    (
        "`REMOTE.CHECK = \"repair\"`",
        "missing at the drop-box",
        |it| {
            it.policy.remote_check = RemoteCheckRule::Repair;
            drifted(it);
        },
    ),
    (
        "`REMOTE.CHECK = \"repair\"`",
        "missing at the drop-box; this run could not look",
        |it| {
            it.policy.remote_check = RemoteCheckRule::Repair;
            drifted(it);
            it.finish();
            let _plan = it.plan();
            it.record(Event::RemoteCheckFailed { failure: failure() });
        },
    ),
];

fn what_the_policies_change() -> String {
    let mut table =
        String::from("| configuration | situation | what a run does |\n|---|---|---|\n");
    for (key, situation, lead_there) in ROWS {
        let mut history = Stands::Delivered.history();
        lead_there(&mut history);
        let has_decided =
            history.state.run().unwrap().polled && history.state.run().unwrap().finished.is_none();
        let plan = if has_decided {
            decide(&history.state, &history.policy)
        } else {
            history.plan()
        };
        writeln!(table, "| {key} | {situation} | {} |", verdict(&plan)).unwrap();
    }
    table
}

#[test]
fn the_documented_policies_are_what_decide_does() {
    let document = include_str!("../../docs/policies.md");
    for table in [what_a_run_does(), what_the_policies_change()] {
        assert!(
            document.contains(&table),
            "docs/policies.md must hold this table:\n{table}"
        );
    }
}
