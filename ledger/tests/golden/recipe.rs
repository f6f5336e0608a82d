//! How golden logs were made: for each kind of event a smallest legal log that ends with it, every
//! field with a value of its own, and one log that holds every variant of every nested type.
//!
//! A log that was committed is never made again, so a recipe only says what one *was* made from.
//! Deliberately absent: numbers that repeat within one log; a field that is read for another one
//! shall show.

use courier_ledger::*;

use crate::story::{Story, delivery, digest, failure};

/// The log of every variant.
pub(crate) const EVERY_VARIANT: &str = "every-variant";

/// The log of that name; none when nobody has said yet how it is made.
pub(crate) fn make(name: &str) -> Option<Story> {
    let mut story = Story::begin();
    match name {
        "LogCreated" => {}
        "LegacyImported" => import(&mut story),
        "RunStarted" => story.start_run(),
        "SnapshotObserved" => observe_all(&mut story),
        "PollFailed" => {
            story.start_run();
            let failure = failure(Phase::List, FailureClass::NeedsPerson);
            story.record(Event::PollFailed { failure });
        }
        "CommandStarted" => {
            story.publish_first();
            story.upload(1, UploadReason::New);
        }
        "Uploaded" => {
            story.publish_first();
            story.store(1, Placement::PosixRename);
        }
        "PickedUp" => {
            story.publish_first();
            let start = story.upload(1, UploadReason::New);
            let delivery = delivery(1, Placement::Rename);
            story.record(Event::PickedUp { start, delivery });
        }
        "Deleted" => {
            story.publish_first();
            story.store(1, Placement::Direct);
            story.withdraw(1, Evidence::Untagged);
            story.delete(1, Evidence::Untagged, Removal::AlreadyAbsent);
        }
        "CommandFailed" => {
            story.publish_first();
            let start = story.upload(1, UploadReason::New);
            story.record(Event::CommandFailed {
                start,
                failure: failure(Phase::Place, FailureClass::Permanent),
                remote: RemoteAfterFailure::Uncertain,
            });
        }
        "DeletionsApproved" => approve(&mut story),
        "LedgerPublished" => {
            story.start_run();
            publish(&mut story);
        }
        "RunFinished" => {
            story.start_run();
            finish(&mut story);
        }
        "TailRecovered" => {
            story.record(Event::TailRecovered {
                offset: 4_321,
                size_bytes: 321,
                sha256: digest("what was cut off"),
            });
        }
        "RemoteObserved" => look(&mut story),
        "RemoteCheckFailed" => {
            story.start_run();
            let failure = failure(Phase::Look, FailureClass::Transient);
            story.record(Event::RemoteCheckFailed { failure });
        }
        EVERY_VARIANT => every_variant(&mut story),
        _ => return None,
    }
    Some(story)
}

fn import(story: &mut Story) {
    let hour = 3_600_000_000;
    let uploaded = Timestamp(1_700_000_000_000_000);
    let entry = |id, completion| LegacyEntry {
        id: RequestId(id),
        completion: Hundredths(completion),
        uploaded,
        last_update: None,
        deleted: None,
    };
    story.record(Event::LegacyImported {
        sha256: digest("status.xml"),
        entries: vec![
            LegacyEntry {
                last_update: Some(Timestamp(uploaded.0 + hour)),
                deleted: Some(Timestamp(uploaded.0 + 2 * hour)),
                ..entry(12, 67)
            },
            entry(7, 100),
        ],
    });
}

/// A poll that shows everything that a poll can show.
fn observe_all(story: &mut Story) {
    story.publish_first();
    story.list(2, Some(1_792_000_000_000_000), &[(17, Some(1)), (18, None)]);
    story.list_unreadable(5);
    story.withdraw(1, Evidence::Deleted);
}

fn approve(story: &mut Story) {
    story.record(Event::DeletionsApproved {
        plan: digest("the plan"),
        who: "operator@clinic.example".to_owned(),
        why: "the study has ended: Zürich, 18.11.".to_owned(),
    });
}

fn publish(story: &mut Story) {
    let through = story.state.tip();
    let name = RemoteName::ledger();
    let start = story.command(Command::PublishLedger { name });
    story.record(Event::LedgerPublished {
        start,
        through,
        sha256: digest("the published status.xml"),
        size_bytes: 70_123,
    });
}

fn finish(story: &mut Story) {
    story.record(Event::RunFinished {
        counts: RunCounts {
            uploaded: 1,
            deleted: 20,
            failed: 300,
            blocked: 4_000,
            unreadable: 50_000,
            unchanged: 600_000,
        },
        duration_micros: 7_000_000,
    });
}

fn look(story: &mut Story) {
    story.publish_first();
    for id in 2..=3 {
        story.show(id, Some(1_790_000_000_000_000), &[(40, None)]);
    }
    for id in 1..=3 {
        story.store(id, Placement::UnlinkThenRename);
    }
    let drifted = |id, drift| Drifted {
        id: RequestId(id),
        drift,
    };
    story.record(Event::RemoteObserved(RemoteDelta {
        total: 3,
        drifted: 1,
        changed: vec![drifted(2, Drift::Missing)],
        settled: Vec::new(),
    }));
    let size_bytes = 99;
    story.record(Event::RemoteObserved(RemoteDelta {
        total: 3,
        drifted: 2,
        changed: vec![
            drifted(1, Drift::Resized { size_bytes }),
            drifted(3, Drift::Missing),
        ],
        settled: vec![RequestId(2)],
    }));
}

/// Begins commands and lets them fail and succeed in every way there is.
fn every_variant(story: &mut Story) {
    use FailureClass::{NeedsPerson, Permanent, Transient};
    use RemoteAfterFailure::{TemporaryMayRemain, Uncertain, Untouched};

    import(story);
    observe_all(story);
    story.show(4, None, &[]);
    story.show(3, Some(1_790_000_000_000_001), &[(1, Some(-5))]);
    let phases = [
        Phase::List,
        Phase::Status,
        Phase::Evidence,
        Phase::Export,
        Phase::Download,
        Phase::Encrypt,
        Phase::Spool,
        Phase::Connect,
        Phase::HostKey,
        Phase::Authenticate,
        Phase::Create,
        Phase::Write,
        Phase::Confirm,
        Phase::Place,
        Phase::Remove,
        Phase::Run,
        Phase::Look,
    ];
    let reasons = [
        UploadReason::New,
        UploadReason::Changed,
        UploadReason::OtherRequest,
        UploadReason::Reappeared,
        UploadReason::KeyChanged,
        UploadReason::InDoubt,
        UploadReason::Drifted,
    ];
    let remotes = [Untouched, TemporaryMayRemain, Uncertain];
    let classes = [Transient, Permanent, NeedsPerson];
    for (index, phase) in phases.into_iter().enumerate() {
        let start = story.upload(3, reasons[index % reasons.len()]);
        story.record(Event::CommandFailed {
            start,
            failure: failure(phase, classes[index % classes.len()]),
            // Untouched until every reason had its turn with nothing of ours in place.
            remote: remotes[index / reasons.len()],
        });
    }
    for (id, placement) in (20..).zip([
        Placement::PosixRename,
        Placement::Rename,
        Placement::UnlinkThenRename,
        Placement::Direct,
    ]) {
        story.show(id, Some(1_780_000_000_000_000 + id as i64), &[(id, None)]);
        story.store(id, placement);
    }
    story.look_for(20);
    let leftover = story.state.leftovers().next().cloned();
    if let Some(name) = leftover {
        let start = story.command(Command::RemoveTemporary { name });
        let removal = Removal::Removed;
        story.record(Event::Deleted { start, removal });
    }
    for (id, evidence) in [
        (21, Evidence::Deleted),
        (22, Evidence::Untagged),
        (23, Evidence::Unconfirmed),
    ] {
        story.withdraw(id, evidence);
    }
    approve(story);
    story.delete(21, Evidence::Deleted, Removal::Removed);
    story.delete(22, Evidence::Untagged, Removal::AlreadyAbsent);
    story.delete(23, Evidence::Unconfirmed, Removal::Removed);
    publish(story);
    finish(story);
}
