//! Every command that the state does not allow, and every outcome that its command cannot have, is
//! refused with its reason: one test per rule of the transition table. Other events: `refusals.rs`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod history;

use courier_ledger::*;
use history::{History, KEY, delivery, failure};

/// Why the event cannot follow, in words.
fn refusal(history: &History, event: Event) -> String {
    let error = history.try_event(event).unwrap_err();
    error.reason.to_string()
}

/// Requests 0, 1 and 2 uploaded, and a run under way that has polled again.
fn polled() -> History {
    let mut history = History::new();
    for id in 0..3 {
        history.publish(id, 10, &[(1, Some(5))]);
    }
    history.run();
    let _plan = history.plan();
    history
}

fn started(command: &Command, history: &History) -> Event {
    let start = history.state.tip().next();
    Event::CommandStarted {
        command: command.clone(),
        temporary: command.temporary(history.state.log().unwrap(), start),
    }
}

/// Why the state does not allow the command, in words.
fn not_allowed(history: &History, command: &Command) -> String {
    let text = refusal(history, started(command, history));
    let prefix = "the state does not allow the command: ";
    text.strip_prefix(prefix).unwrap_or(&text).to_owned()
}

fn only_upload(plan: &Plan) -> Command {
    plan.changes().next().unwrap().clone()
}

#[test]
fn an_upload_is_of_what_was_observed_last_under_its_own_name() {
    let mut history = polled();
    history.publish(0, 10, &[(1, Some(6))]);
    let command = only_upload(&history.plan());
    assert!(history.try_event(started(&command, &history)).is_ok());
    let altered = |change: &dyn Fn(&mut Command)| {
        let mut command = command.clone();
        change(&mut command);
        not_allowed(&history, &command)
    };
    let otherwise = "the request was observed otherwise";
    let other_fingerprint = |it: &mut Command| {
        if let Command::Upload { fingerprint, .. } = it {
            *fingerprint = Fingerprint(Digest([1; 32]));
        }
    };
    assert_eq!(altered(&other_fingerprint), otherwise);
    let other_identity = |it: &mut Command| {
        if let Command::Upload { published, .. } = it {
            *published = None;
        }
    };
    assert_eq!(altered(&other_identity), otherwise);
    let other_name = |it: &mut Command| {
        if let Command::Upload { name, .. } = it {
            *name = RemoteName::export(RequestId(1));
        }
    };
    assert_eq!(altered(&other_name), "the request's file has another name");
    let foreign = |it: &mut Command| {
        if let Command::Upload { replaces, .. } = it {
            *replaces = Replaces::Nothing;
        }
    };
    let wrong = "the command is wrong about what stands under the name";
    assert_eq!(altered(&foreign), wrong);
    let unknown = |it: &mut Command| {
        if let Command::Upload { request, .. } = it {
            *request = RequestId(99);
        }
    };
    assert_eq!(altered(&unknown), "the request is not known");
    let mut fresh = History::new();
    fresh.publish(7, 10, &[]);
    let mut command = only_upload(&fresh.plan());
    if let Command::Upload { replaces, .. } = &mut command {
        *replaces = Replaces::Own;
    }
    assert_eq!(not_allowed(&fresh, &command), wrong);
}

#[test]
fn nothing_is_uploaded_that_is_gone_or_could_not_be_read() {
    let mut history = polled();
    history.publish(0, 10, &[(1, Some(6))]);
    let command = only_upload(&history.plan());
    let mut gone = history.clone();
    gone.withdraw(0, Evidence::Deleted);
    let _plan = gone.plan();
    assert_eq!(not_allowed(&gone, &command), "the request is not listed");
    history.unreadable(0);
    let _plan = history.plan();
    assert_eq!(
        not_allowed(&history, &command),
        "the request could not be read"
    );
}

#[test]
fn a_deletion_needs_its_own_file_its_evidence_and_without_any_an_approval() {
    let mut history = polled();
    history.withdraw(0, Evidence::Deleted);
    history.withdraw(1, Evidence::Unconfirmed);
    history.publish(8, 10, &[]);
    let _plan = history.plan();
    history.withdraw(8, Evidence::Unconfirmed);
    let _plan = history.plan();
    let delete = |id: u64, evidence| Command::Delete {
        request: RequestId(id),
        name: RemoteName::export(RequestId(id)),
        evidence,
    };
    let right = delete(0, Evidence::Deleted);
    assert!(history.try_event(started(&right, &history)).is_ok());
    let other_evidence = "the request is not gone on that evidence";
    for (command, why) in [
        (delete(0, Evidence::Untagged), other_evidence),
        (delete(2, Evidence::Deleted), other_evidence),
        (delete(99, Evidence::Deleted), "the request is not known"),
        (
            delete(8, Evidence::Unconfirmed),
            "the file is not this ledger's",
        ),
        (
            delete(1, Evidence::Unconfirmed),
            "a deletion without evidence needs an approval",
        ),
        (
            Command::Delete {
                request: RequestId(0),
                name: RemoteName::export(RequestId(2)),
                evidence: Evidence::Deleted,
            },
            "the request's file has another name",
        ),
    ] {
        assert_eq!(not_allowed(&history, &command), why, "{command:?}");
    }
    history.record(Event::DeletionsApproved {
        plan: Digest([1; 32]),
        who: "a person".to_owned(),
        why: "it is right".to_owned(),
    });
    let approved = delete(1, Evidence::Unconfirmed);
    assert!(history.try_event(started(&approved, &history)).is_ok());
}

#[test]
fn one_command_at_a_time_works_on_a_request() {
    let busy = "another command for the request is under way";
    let mut history = polled();
    history.publish(0, 10, &[(1, Some(6))]);
    history.publish(1, 10, &[(1, Some(6))]);
    history.withdraw(2, Evidence::Deleted);
    let plan = history.plan();
    let [delete, first, second] = [0, 1, 2].map(|index| plan.commands[index].clone());
    for command in [&delete, &first] {
        history.begin(command);
        assert_eq!(not_allowed(&history, command), busy);
    }
    assert!(history.try_event(started(&second, &history)).is_ok());
}

#[test]
fn only_known_leftovers_are_swept_and_only_status_xml_is_published() {
    let history = polled();
    let name = RemoteName::export(RequestId(0));
    assert_eq!(
        not_allowed(&history, &Command::RemoveTemporary { name: name.clone() }),
        "no such temporary file is left over"
    );
    assert_eq!(
        not_allowed(&history, &Command::PublishLedger { name }),
        "the ledger has another name"
    );
}

#[test]
fn an_intent_names_its_own_temporary_file() {
    let mut history = polled();
    history.publish(0, 10, &[(1, Some(6))]);
    history.withdraw(2, Evidence::Deleted);
    let plan = history.plan();
    let [delete, upload] = [&plan.commands[0], &plan.commands[1]];
    let wrong = "the temporary name is not the intent's own";
    for (command, temporary) in [
        (upload, None),
        (upload, Some(RemoteName::export(RequestId(0)))),
        (delete, Some(RemoteName::export(RequestId(2)))),
    ] {
        let command = command.clone();
        let event = Event::CommandStarted { command, temporary };
        assert_eq!(refusal(&history, event), wrong);
    }
}

#[test]
fn an_outcome_is_of_the_kind_and_name_of_its_open_command() {
    let mut history = polled();
    history.publish(0, 10, &[(1, Some(6))]);
    history.withdraw(2, Evidence::Deleted);
    let plan = history.plan();
    let [deletion, upload] = [0, 1].map(|index| history.begin(&plan.commands[index]));
    let publication = history.begin(plan.commands.last().unwrap());
    let tip = history.state.tip();
    let uploaded = |start, id| Event::Uploaded {
        start,
        delivery: delivery(&RemoteName::export(RequestId(id)), KEY),
    };
    let picked_up = |start, id| Event::PickedUp {
        start,
        delivery: delivery(&RemoteName::export(RequestId(id)), KEY),
    };
    let deleted = |start| Event::Deleted {
        start,
        removal: Removal::Removed,
    };
    let published = |start, through| Event::LedgerPublished {
        start,
        through,
        sha256: Digest([1; 32]),
        size_bytes: 1,
    };
    for (start, event) in [
        (upload, uploaded(upload, 1)),
        (deletion, uploaded(deletion, 2)),
        (publication, uploaded(publication, 0)),
        (deletion, picked_up(deletion, 2)),
        (upload, deleted(upload)),
        (publication, deleted(publication)),
        (upload, published(upload, tip)),
        (deletion, published(deletion, tip)),
        (publication, published(publication, tip.next())),
    ] {
        assert_eq!(
            refusal(&history, event),
            format!("command {start} cannot end like this")
        );
    }
    let never = Sequence(1);
    for event in [
        uploaded(never, 0),
        picked_up(never, 0),
        deleted(never),
        published(never, tip),
        Event::CommandFailed {
            start: never,
            failure: failure(),
            remote: RemoteAfterFailure::Uncertain,
        },
    ] {
        assert_eq!(refusal(&history, event), "no command 1 is under way");
    }
    for event in [
        uploaded(upload, 0),
        deleted(deletion),
        published(publication, tip),
    ] {
        assert!(history.try_event(event).is_ok());
    }
}
