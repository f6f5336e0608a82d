//! An event as the line that records it.
//!
//! What always holds: played where the event stands, the line records it. Deliberately absent: the
//! beginning of a log and of a command, which more than one line can tell (`retell`).

use std::fmt::Write as _;

use courier_ledger::{
    ClockDifference, Digest, Drift, Event, Failure, Found, LegacyEntry, NodeName, PublishedSeen,
    Removal, SnapshotPortion, State, Unseen,
};

use crate::counts;
use crate::history::failure;
use crate::recover;
use crate::words::{Written as _, key};

/// The line, between the states before and after the event, if it can follow; none for the beginning
/// of a log or of a command.
pub(crate) fn line(event: &Event, before: &State, after: Option<&State>) -> Option<String> {
    Some(match event {
        Event::LogCreated { .. } | Event::CommandStarted { .. } => return None,
        Event::LegacyImported { entries, .. } => format!("import {}", legacy(entries)),
        Event::RunStarted {
            bound_to: Some(plan),
            ..
        } => format!("start bound {plan}"),
        Event::RunStarted { bound_to: None, .. } => "start".to_owned(),
        Event::SnapshotObserved(_) => "poll".to_owned(),
        Event::PortionObserved(portion) => {
            let SnapshotPortion {
                changed,
                gone,
                unreadable,
            } = portion;
            format!(
                "poll part {}",
                changed.len() + gone.len() + unreadable.len()
            )
        }
        Event::PollFailed { failure } => format!("poll fails{}", failure_words(failure)),
        Event::Uploaded {
            start,
            delivery,
            found,
            unseen,
        }
        | Event::PickedUp {
            start,
            delivery,
            found,
            unseen,
        } => {
            let verb = match event {
                Event::Uploaded { .. } => "uploaded",
                _ => "picked-up",
            };
            let (bytes, id) = (delivery.size_bytes, key(delivery.key));
            let by = delivery.placement.written();
            format!(
                "{verb} #{start}{}{} bytes {bytes} key {id} by {by}",
                found_words(*found),
                unseen_words(*unseen)
            )
        }
        Event::Deleted {
            start,
            removal,
            found,
            unseen,
        } => {
            let removal = match removal {
                Removal::Removed => "",
                Removal::AlreadyAbsent => " already-absent",
            };
            let (found, unseen) = (found_words(*found), unseen_words(*unseen));
            format!("deleted #{start}{removal}{found}{unseen}")
        }
        Event::CommandFailed {
            start,
            failure,
            remote,
            found,
        } => {
            let (remote, failure) = (remote.written(), failure_words(failure));
            let found = found_words(*found);
            format!("failed #{start} {remote}{found}{failure}")
        }
        Event::DeletionsApproved { plan, .. } => format!("approve digest {plan}"),
        Event::PlanHeld { .. } => "hold".to_owned(),
        Event::PartnersDeclared { .. } => "declare".to_owned(),
        Event::LedgerRecovered { recovered, .. } => recover::written(recovered),
        Event::LeftBehindGone { .. } => "left-behind-gone".to_owned(),
        Event::PlanApproved {
            plan,
            broker,
            drop_box,
            ..
        } => {
            let known = before.held().map(|held| held.digest);
            let other = match known == Some(*plan) {
                true => "",
                false => " other",
            };
            let mut words = format!("approve{other}");
            if let Some(broker) = broker {
                let _ = write!(words, " broker {}", broker.written());
            }
            if let Some(drop_box) = drop_box {
                let _ = write!(words, " drop-box {}", drop_box.written());
            }
            words
        }
        Event::ClockDiffers(difference) => {
            let ClockDifference {
                whose,
                theirs,
                ours,
            } = difference;
            format!("clocks {} {} ours {}", whose.written(), theirs.0, ours.0)
        }
        Event::NodesNamed { nodes } => {
            let named = |it: &NodeName| format!(" {} \"{}\"", it.node, it.name);
            format!("name{}", nodes.iter().map(named).collect::<String>())
        }
        Event::KeyAnnounced { key: announced, .. } => format!("announce {}", key(*announced)),
        Event::LedgerTakenOver { epoch, .. } => format!("take-over {epoch}"),
        Event::LedgerPublished {
            start,
            through,
            sha256,
            size_bytes,
        } => {
            let mut words = format!("published #{start}");
            if through != start {
                let _ = write!(words, " through #{through}");
            }
            if *sha256 != Digest([1; 32]) {
                let _ = write!(words, " sha256 {sha256}");
            }
            let _ = write!(words, " bytes {size_bytes}");
            words
        }
        Event::RunFinished {
            counts, verdict, ..
        } => {
            let exit = verdict.as_ref().map(|it| format!(" exit {}", it.exit_code));
            format!(
                "finish{}{}",
                exit.unwrap_or_default(),
                counts::written(*counts)
            )
        }
        Event::TailRecovered {
            offset, size_bytes, ..
        } => format!("recover {offset} {size_bytes}"),
        Event::RemoteObserved(_) => {
            let mut words = "look".to_owned();
            for (id, file) in after.into_iter().flat_map(State::stored_files) {
                let _ = match file.drift {
                    Some(Drift::Missing) => write!(words, " {id} missing"),
                    Some(Drift::Resized { size_bytes }) => {
                        write!(words, " {id} has {size_bytes}")
                    }
                    None => Ok(()),
                };
            }
            words
        }
        Event::RemoteCheckFailed { failure } => format!("look fails{}", failure_words(failure)),
        Event::PublishedLedgerSeen { seen } => format!("sees {}", seen_words(seen)),
    })
}

/// What the replaced program would have kept.
fn legacy(entries: &[LegacyEntry]) -> String {
    let mut xml = "<status>".to_owned();
    for entry in entries {
        let _ = write!(
            xml,
            "<request-status><id>{}</id><completion>{}</completion>\
             <uploaded>{}</uploaded>",
            entry.id,
            entry.completion,
            entry.uploaded.to_legacy()
        );
        for (element, time) in [
            ("last-update", entry.last_update),
            ("deleted", entry.deleted),
        ] {
            if let Some(time) = time {
                let _ = write!(xml, "<{element}>{}</{element}>", time.to_legacy());
            }
        }
        xml.push_str("</request-status>");
    }
    xml.push_str("</status>");
    xml
}

/// What was found, as the outcome of a command says it.
pub(crate) fn found_words(found: Option<Found>) -> String {
    match found {
        None => String::new(),
        Some(Found::Nothing) => " found nothing".to_owned(),
        Some(Found::Own(start)) => format!(" found own#{start}"),
        Some(Found::Foreign) => " found foreign".to_owned(),
    }
}

/// Why nothing was seen afterwards, as the outcome of a command says it.
fn unseen_words(unseen: Option<Unseen>) -> &'static str {
    match unseen {
        None => "",
        Some(Unseen::Forbidden) => " unseen forbidden",
        Some(Unseen::Untold) => " unseen untold",
    }
}

/// How the published `status.xml` was found, in words.
fn seen_words(seen: &PublishedSeen) -> String {
    match seen {
        PublishedSeen::AsExpected => "as-expected".to_owned(),
        PublishedSeen::Missing => "missing".to_owned(),
        PublishedSeen::Unusable => "unusable".to_owned(),
        PublishedSeen::Unreadable(failure) => format!("unreadable{}", failure_words(failure)),
    }
}

/// A failure as it is read, after a space; nothing for the one that needs no words.
pub(crate) fn failure_words(failure: &Failure) -> String {
    if *failure == self::failure() {
        return String::new();
    }
    let (phase, class) = (failure.phase.written(), failure.class.written());
    let text = failure.text.replace('"', "'");
    format!(" {phase} {class} \"{text}\"")
}
