//! Plans, states and entries in words.
//!
//! What always holds: the words are the program's own where it has some, so that a scenario reads as
//! its output does.

use std::fmt::Write as _;

use courier_ledger::{
    Blocked, Command, Digest, Encryption, Entry, Identity, LogId, Plan, Presence, Remote,
    RemoteDelta, RemoteName, Replaces, Request, State, StatusDocument, StoredFile, Timestamp, Tip,
};

use crate::words::{Written as _, key};

/// What a plan does, holds back and leaves alone.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    for command in plan.changes() {
        line(&mut text, &self::command(command));
    }
    if !plan.exchanges.is_empty() {
        line(&mut text, &plan.exchanges.to_string());
    }
    if let Some(estranged) = &plan.estranged {
        line(&mut text, &format!("the broker: {estranged}"));
    }
    if let Some(fallen) = &plan.fallen {
        let mut words = format!("the approval #{} does not hold:", fallen.approval);
        for (sign, commands) in [('+', &fallen.added), ('-', &fallen.gone)] {
            for command in commands {
                let _ = write!(words, " {sign} {command}");
            }
        }
        line(&mut text, &words);
    }
    for Blocked { command, guard } in &plan.blocked {
        line(&mut text, &format!("blocked: {command}: {guard}"));
    }
    for skipped in &plan.skipped {
        line(&mut text, &format!("left alone: {skipped}"));
    }
    if plan.unchanged > 0 {
        line(&mut text, &format!("unchanged: {}", plan.unchanged));
    }
    if text.is_empty() {
        line(&mut text, "nothing to do");
    }
    text
}

pub(crate) fn command(command: &Command) -> String {
    match command {
        Command::Upload {
            replaces: Replaces::Own,
            ..
        } => format!("{command}, over its own"),
        Command::Upload { .. }
        | Command::Delete { .. }
        | Command::RemoveTemporary { .. }
        | Command::PublishLedger { .. } => command.to_string(),
    }
}

/// An entry, as the log shows it.
pub(crate) fn entry(entry: &Entry) -> String {
    let (sequence, kind) = (entry.sequence, entry.event.kind());
    format!("#{sequence} {kind}: {}", entry.event)
}

/// What a look found.
pub(crate) fn look(delta: &RemoteDelta) -> String {
    let mut text = format!("{delta}\n");
    for drifted in &delta.changed {
        let name = RemoteName::export(drifted.id);
        line(&mut text, &format!("{name}: {}", drifted.drift));
    }
    for id in &delta.settled {
        let name = RemoteName::export(*id);
        line(&mut text, &format!("{name}: as delivered again"));
    }
    for id in delta.picked_up() {
        let name = RemoteName::export(*id);
        line(&mut text, &format!("{name}: fetched by the recipient"));
    }
    text
}

/// What is known, line by line.
#[must_use]
pub fn state(state: &State) -> String {
    let mut text = String::new();
    for (id, request) in state.requests() {
        let failure = state.unreadable().find(|(unreadable, _)| *unreadable == id);
        let mut words = vec![presence(request.presence)];
        if let Some((_, failure)) = failure {
            words.push(format!("unreadable ({failure})"));
        }
        if let Some((observation, _)) = &request.observed {
            let published = match observation.published {
                Some(Timestamp(time)) => format!("published {time}"),
                None => "draft".to_owned(),
            };
            words.push(format!(
                "{published}, {} completed",
                observation.completion()
            ));
        }
        words.push(remote(request));
        if request.encryption != Encryption::Fernet {
            words.push(format!("as {}", request.name(id)));
        }
        if let Some(failure) = &request.failure {
            words.push(format!("failed: {failure}"));
        }
        line(&mut text, &format!("request {id}: {}", words.join("; ")));
    }
    for (start, intent) in state.intents() {
        line(
            &mut text,
            &format!("under way: #{start} {}", command(&intent.command)),
        );
    }
    for name in state.leftovers() {
        line(&mut text, &format!("left over: {name}"));
    }
    let exchanges = state.exchanges();
    if !exchanges.is_empty() {
        line(&mut text, &exchanges.to_string());
    }
    for (drop_box, names) in state.left_behind() {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        line(
            &mut text,
            &format!("left behind at {drop_box}: {}", names.join(", ")),
        );
    }
    if let Some(estranged) = state.estrangement() {
        line(&mut text, &format!("the broker: {estranged}"));
    }
    if let Some(held) = state.held().filter(|it| it.held.waits()) {
        line(&mut text, &format!("held back: {}", held.digest));
    }
    if let Some(approval) = state.approval() {
        line(&mut text, &format!("approved: {}", approval.plan));
    }
    if let Some(publication) = state.publication() {
        line(
            &mut text,
            &format!("published through #{}", publication.through),
        );
    }
    if let Some(run) = state.run() {
        let mut words = format!("run of #{}, key {}", run.start, key(run.key));
        for (is, word) in [(run.polled, "polled"), (run.looked, "looked")] {
            if is {
                let _ = write!(words, ", {word}");
            }
        }
        if let Some(failure) = &run.poll_failure {
            let _ = write!(words, ", poll failed: {failure}");
        }
        let _ = match &run.finished {
            Some((_, counts)) => write!(words, ", finished: {counts}"),
            None => write!(words, ", not finished"),
        };
        line(&mut text, &words);
    }
    line(
        &mut text,
        &format!("{} listed, last entry #{}", state.listed(), state.tip()),
    );
    text
}

fn presence(presence: Presence) -> String {
    match presence {
        Presence::Imported => "imported".to_owned(),
        Presence::Listed => "listed".to_owned(),
        Presence::Gone(evidence) => format!("gone, {}", evidence.written()),
    }
}

fn remote(request: &Request) -> String {
    let doubts = || {
        let starts = request.in_doubt.iter().map(|start| {
            let free = match request.found_free.contains(start) {
                true => " (the name was free)",
                false => "",
            };
            format!(" #{start}{free}")
        });
        starts.collect::<String>()
    };
    match &request.remote {
        Remote::Nothing => "nothing delivered".to_owned(),
        Remote::Stored(stored) => format!("stored {}", file(stored)),
        Remote::PickedUp(stored) => format!("picked up {}", file(stored)),
        Remote::Uncertain(None) => format!("in doubt{}", doubts()),
        Remote::Uncertain(Some(stored)) => {
            format!("in doubt{}, before that {}", doubts(), file(stored))
        }
        Remote::Deleted(Identity::Unknown) => "deleted".to_owned(),
        Remote::Deleted(identity) => format!("deleted, {}", self::identity(*identity)),
    }
}

fn identity(identity: Identity) -> String {
    match identity {
        Identity::Unknown => "of an unknown time".to_owned(),
        Identity::Published(None) => "of a draft".to_owned(),
        Identity::Published(Some(Timestamp(time))) => format!("of {time}"),
    }
}

fn file(file: &StoredFile) -> String {
    let mut words = format!("{} {}", file.completion, identity(file.identity));
    if let Some(id) = file.key {
        let _ = write!(words, ", key {}", key(id));
    }
    match &file.receipt {
        Some(receipt) => {
            let (bytes, start) = (receipt.size_bytes, receipt.start);
            let _ = write!(words, ", {bytes} bytes by #{start}");
        }
        None => words.push_str(", imported"),
    }
    if let Some(drift) = file.drift {
        let _ = write!(words, ", {drift}");
    }
    words
}

/// The lines of `status.xml`.
pub(crate) fn status(state: &State) -> String {
    let mut text = String::new();
    for (id, entry) in state.lines() {
        let mut words = format!(
            "{id}: {} uploaded {}",
            entry.completion,
            entry.uploaded.to_legacy()
        );
        for (word, time) in [("updated", entry.last_update), ("deleted", entry.deleted)] {
            if let Some(time) = time {
                let _ = write!(words, ", {word} {}", time.to_legacy());
            }
        }
        line(&mut text, &words);
    }
    text
}

/// `status.xml` itself, from behind its root's attributes.
pub(crate) fn status_xml(state: &State) -> String {
    let tip = Tip {
        log: state.log().unwrap_or(LogId([0; 16])),
        sequence: state.tip(),
        hash: Digest([0; 32]),
    };
    let document = StatusDocument::project(state, tip);
    let text = String::from_utf8_lossy(document.as_bytes());
    let (_, body) = text.split_once('>').unwrap_or(("", &text));
    body.replace("<request-status>", "\n<request-status>")
        .trim_start()
        .to_owned()
        + "\n"
}

pub(crate) fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
