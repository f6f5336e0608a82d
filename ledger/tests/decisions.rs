//! The decisions that the replaced program got wrong, and the guards: one named test each.

mod history;

use courier_ledger::*;
use history::{History, OTHER_KEY, blocked, changes, failure};

const NOTHING: [&str; 0] = [];

/// Requests 0 to `count - 1`, each published and uploaded.
fn stored(count: u64) -> History {
    let mut history = History::new();
    for id in 0..count {
        history.publish(id, 10 + i64::try_from(id).expect("small"), &[(1, Some(5))]);
    }
    assert_eq!(history.run().len() as u64, count);
    assert_eq!(history.run(), NOTHING);
    history
}

#[test]
fn defect_2_a_deleted_request_that_reappears_is_uploaded_again_and_not_deleted_any_more() {
    let mut history = stored(1);
    history.withdraw(0, Evidence::Deleted);
    assert_eq!(history.run(), ["delete 0"]);
    assert!(history.status_xml().contains("<deleted>"));
    history.publish(0, 10, &[(1, Some(5))]);
    assert_eq!(history.run(), ["upload 0 Reappeared"]);
    assert!(!history.status_xml().contains("<deleted>"));
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn defect_2_the_old_rule_leaves_it_alone_but_never_another_request() {
    let mut history = stored(1);
    history.policy.reappeared = ReappearanceRule::Ignore;
    history.withdraw(0, Evidence::Untagged);
    history.run();
    history.publish(0, 10, &[(1, Some(6))]);
    let plan = history.plan();
    assert_eq!(changes(&plan), NOTHING);
    assert_eq!(plan.skipped, [Skipped::ReappearanceIgnored(RequestId(0))]);
    history.publish(0, 99, &[]);
    assert_eq!(history.run(), ["upload 0 New"]);
}

#[test]
fn defect_3_an_empty_list_deletes_nothing() {
    let mut history = stored(3);
    history.broker.clear();
    let plan = history.plan();
    assert_eq!(changes(&plan), NOTHING);
    assert_eq!(
        blocked(&plan),
        [0, 1, 2].map(|id| (format!("delete {id}"), Guard::EmptyListing))
    );
}

#[test]
fn a_clinic_that_withdraws_its_only_request_needs_no_approval() {
    let mut history = stored(1);
    history.withdraw(0, Evidence::Deleted);
    assert_eq!(history.run(), ["delete 0"]);
}

#[test]
fn a_disappearance_without_evidence_deletes_nothing_until_there_is_evidence() {
    let mut history = stored(2);
    history.withdraw(0, Evidence::Unconfirmed);
    let plan = history.plan();
    assert_eq!(blocked(&plan), [("delete 0".to_owned(), Guard::NoEvidence)]);
    assert_eq!(changes(&plan), NOTHING);
    history.withdraw(0, Evidence::Untagged);
    assert_eq!(history.run(), ["delete 0"]);
}

#[test]
fn defect_4_a_request_that_cannot_be_read_is_left_alone_and_the_rest_goes_on() {
    let mut history = stored(2);
    history.unreadable(0);
    history.publish(1, 11, &[(1, Some(6))]);
    let plan = history.plan();
    assert_eq!(changes(&plan), ["upload 1 Changed"]);
    assert_eq!(plan.skipped, [Skipped::Unreadable(RequestId(0), failure())]);
    history.publish(0, 10, &[(1, Some(5))]);
    history.publish(1, 11, &[(1, Some(5))]);
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn defect_5_changes_that_two_decimals_hide_are_seen() {
    let mut history = History::new();
    let nodes = |completed: u64| -> Vec<(u64, Option<i64>)> {
        (0..400)
            .map(|node| (node, (node < completed).then_some(5)))
            .collect()
    };
    history.publish(0, 10, &nodes(399));
    history.publish(1, 11, &[(1, Some(5)), (2, None)]);
    history.publish(2, 12, &[(1, Some(5))]);
    history.run();
    assert!(
        history
            .status_xml()
            .contains("<completion>1.0</completion>")
    );
    history.publish(0, 10, &nodes(400));
    history.publish(1, 11, &[(1, Some(5)), (2, Some(5)), (3, None), (4, None)]);
    history.publish(2, 12, &[(1, Some(6))]);
    let mut old = history.clone();
    assert_eq!(
        history.run(),
        ["upload 0 Changed", "upload 1 Changed", "upload 2 Changed"]
    );
    old.policy.change = ChangeRule::Completion;
    assert_eq!(old.run(), NOTHING);
}

#[test]
fn defect_10_the_order_is_deletions_then_uploads_by_number() {
    let mut history = stored(6);
    for id in [9, 7, 8] {
        history.publish(id, 100, &[]);
    }
    history.withdraw(4, Evidence::Deleted);
    history.withdraw(2, Evidence::Untagged);
    assert_eq!(
        history.run(),
        [
            "delete 2",
            "delete 4",
            "upload 7 New",
            "upload 8 New",
            "upload 9 New"
        ]
    );
}

#[test]
fn defect_10_one_failure_delays_no_other_request() {
    let mut history = History::new();
    history.publish(0, 10, &[]);
    history.publish(1, 11, &[]);
    let plan = history.plan();
    let [first, second, _publish] = plan.commands.as_slice() else {
        panic!("{plan:?}")
    };
    let (one, two) = (history.begin(first), history.begin(second));
    history.record(Event::CommandFailed {
        start: one,
        failure: failure(),
        remote: RemoteAfterFailure::Untouched,
    });
    history.succeed(two, second);
    history.finish();
    assert_eq!(history.run(), ["upload 0 New"]);
}

#[test]
fn defect_22_another_request_under_the_same_number_is_not_a_change_of_the_first() {
    let mut history = stored(1);
    history.publish(0, 99, &[(1, Some(5))]);
    assert_eq!(history.run(), ["upload 0 OtherRequest"]);
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn a_draft_that_is_published_stays_the_same_request() {
    let mut history = History::new();
    history.draft(0);
    assert_eq!(history.run(), ["upload 0 New"]);
    history.publish(0, 50, &[]);
    assert_eq!(history.run(), ["upload 0 Changed"]);
    history.policy.drafts = DraftRule::Wait;
    history.draft(1);
    let plan = history.plan();
    assert_eq!(plan.skipped, [Skipped::Draft(RequestId(1))]);
}

#[test]
fn defect_22_a_recreated_database_with_many_numbers_needs_an_approval() {
    let mut history = stored(11);
    for id in 0..11 {
        history.publish(id, 1000, &[]);
    }
    let plan = history.plan();
    assert_eq!(changes(&plan), NOTHING);
    assert_eq!(plan.blocked.len(), 11);
    assert!(
        plan.blocked
            .iter()
            .all(|it| it.guard == Guard::TooManyOverwrites)
    );
}

#[test]
fn defect_23_the_key_of_each_upload_is_known_and_a_change_follows_the_policy() {
    let mut history = stored(2);
    history.policy.key = OTHER_KEY;
    assert_eq!(history.run(), NOTHING);
    history.policy.on_key_change = KeyChangeRule::Reupload;
    assert_eq!(
        history.run(),
        ["upload 0 KeyChanged", "upload 1 KeyChanged"]
    );
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn defect_25_numbers_and_completions_belong_together_per_element() {
    let mut history = History::new();
    history.import(
        "<status><request-status><completion>0.5</completion><uploaded>2021-10-11 09:39:50\
         </uploaded><id>2</id></request-status><request-status><id>1</id><completion>1.0\
         </completion><uploaded>2021-10-11 09:39:51</uploaded></request-status></status>",
    );
    history.publish(1, 10, &[(1, Some(5))]);
    history.publish(2, 11, &[(1, Some(5)), (2, None)]);
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn more_deletions_than_allowed_are_blocked_until_exactly_they_are_approved() {
    let mut history = stored(30);
    for id in 0..11 {
        history.withdraw(id, Evidence::Deleted);
    }
    let plan = history.plan();
    assert_eq!((plan.blocked.len(), changes(&plan).len()), (11, 0));
    let approval = |plan: &Plan| Event::DeletionsApproved {
        plan: plan.approval_digest(),
        who: "an operator".to_owned(),
        why: "the study has ended".to_owned(),
    };
    history.finish();
    history.record(approval(&plan));
    let mut other = history.clone();
    other.withdraw(11, Evidence::Deleted);
    assert_eq!(
        changes(&other.plan()),
        NOTHING,
        "an approval holds for nothing else"
    );
    assert_eq!(history.run().len(), 11);
    assert_eq!(history.state.approval(), None, "an approval is used once");
}

#[test]
fn ten_deletions_or_a_fifth_are_allowed_whichever_is_larger() {
    let guards = Guards::default();
    assert_eq!(
        [0, 49, 50, 55, 100].map(|stored| guards.allowance(stored)),
        [10, 10, 10, 11, 20]
    );
}

#[test]
fn an_interrupted_upload_is_in_doubt_and_done_again_after_its_temporary_file_is_removed() {
    let mut history = History::new();
    history.publish(3, 10, &[]);
    let plan = history.plan();
    history.begin(&plan.commands[0]);
    assert_eq!(
        history.run(),
        ["remove .export_3.zip.07070707-4.part", "upload 3 InDoubt"]
    );
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn an_interrupted_deletion_is_done_again() {
    let mut history = stored(1);
    history.withdraw(0, Evidence::Deleted);
    let plan = history.plan();
    history.begin(&plan.commands[0]);
    assert_eq!(history.run(), ["delete 0"]);
}

#[test]
fn an_import_uploads_nothing_again_and_later_changes_are_seen() {
    let mut history = History::new();
    let xml = "<status><request-status><id>2</id><completion>0.5</completion>\
        <uploaded>2021-10-11 09:39:50</uploaded><last-update>2021-10-11 09:39:56</last-update>\
        </request-status><request-status><id>1</id><completion>0.0</completion>\
        <uploaded>2021-10-11 09:39:51</uploaded><deleted>2021-10-12 08:00:00</deleted>\
        </request-status></status>";
    history.import(xml);
    history.publish(2, 10, &[(1, Some(5)), (2, None)]);
    assert_eq!(history.run(), NOTHING);
    assert_eq!(
        history.status_xml(),
        xml.strip_prefix("<status>").expect("prefix")
    );
    history.publish(2, 10, &[(1, Some(5)), (2, Some(5)), (3, None), (4, None)]);
    assert_eq!(history.run(), ["upload 2 Changed"]);
    history.publish(1, 9, &[]);
    assert_eq!(history.run(), ["upload 1 Reappeared"]);
}

#[test]
fn a_failed_poll_releases_no_approval_and_decides_nothing() {
    let mut history = stored(1);
    let (policy, key) = (history.policy.digest(), history.policy.key);
    history.record(Event::RunStarted {
        version: "test".to_owned(),
        policy,
        key,
    });
    history.record(Event::PollFailed { failure: failure() });
    history.finish();
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn the_state_does_not_depend_on_which_command_ended_first() {
    let endings = |order: [usize; 3]| {
        let mut history = History::new();
        for id in 0..3 {
            history.publish(id, 10, &[]);
        }
        let plan = history.plan();
        let starts: Vec<_> = plan.commands[..3]
            .iter()
            .map(|it| (history.begin(it), it))
            .collect();
        for index in order {
            history.succeed(starts[index].0, starts[index].1);
        }
        let ids: Vec<_> = history.state.lines().map(|(id, _)| id.0).collect();
        ids
    };
    assert_eq!(endings([0, 1, 2]), [0, 1, 2]);
    assert_eq!(endings([2, 0, 1]), [0, 1, 2]);
}

#[test]
fn illegal_events_are_named_and_never_panic() {
    let mut history = stored(1);
    let outcome = Event::Deleted {
        start: Sequence(2),
        removal: Removal::Removed,
    };
    let error = history.try_event(outcome).expect_err("no such intent");
    assert_eq!(error.kind, "Deleted");
    assert!(
        error.to_string().contains("no command 2 is under way"),
        "{error}"
    );

    history.publish(5, 10, &[]);
    let plan = history.plan();
    let delta = SnapshotDelta {
        total: 9,
        digest: SnapshotDigest::EMPTY,
        changed: Vec::new(),
        gone: Vec::new(),
        unreadable: Vec::new(),
    };
    assert!(
        history.try_event(Event::SnapshotObserved(delta)).is_err(),
        "delta is not the whole"
    );
    let wrong = Event::CommandStarted {
        command: plan.commands[0].clone(),
        temporary: Some(RemoteName::export(RequestId(0))),
    };
    assert!(
        history.try_event(wrong).is_err(),
        "a temporary name of its own"
    );
    let start = history.begin(&plan.commands[0]);
    let counts = RunCounts::default();
    assert!(
        history
            .try_event(Event::RunFinished {
                counts,
                duration_micros: 0
            })
            .is_err()
    );
    assert!(
        history
            .try_event(Event::Deleted {
                start,
                removal: Removal::Removed
            })
            .is_err(),
        "an upload does not end in a deletion"
    );
}

#[test]
fn evidence_of_an_earlier_poll_deletes_nothing() {
    let mut history = stored(1);
    history.withdraw(0, Evidence::Deleted);
    assert_eq!(changes(&history.plan()), ["delete 0"]);
    history.finish();
    history.evidence.clear();
    let plan = history.plan();
    assert_eq!(
        blocked(&plan),
        [("delete 0".to_owned(), Guard::EmptyListing)]
    );
}
