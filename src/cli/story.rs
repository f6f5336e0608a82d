//! What happened to a request, in sentences, one for each entry that tells of it.
//!
//! What always holds here: a sentence says no more than its entry does. Texts of others stand in quotation
//! marks. Deliberately absent: what stands at the drop-box now, and what comes next (`why`).

use courier_ledger::account::{Appearance, Happening, Placed, What};
use courier_ledger::{
    Command, Completion, Counted, Evidence, Failure, FailureClass, NodeId, NodeNames, NodeStatus,
    Quoted, RemoteAfterFailure, Removal, Timestamp, UploadReason,
};
use indicatif::HumanBytes;

/// How hospitals are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hospitals<'a>(pub(super) &'a NodeNames);

impl Hospitals<'_> {
    /// The common name that the broker gives it, and its number; that alone where no name was recorded.
    pub(super) fn name(self, node: NodeId) -> String {
        match self.0.get(&node).map(|name| common_name(name)) {
            Some(name) => format!("{} ({node})", Quoted(name)),
            None => format!("hospital {node}"),
        }
    }
}

/// The common name of a distinguished name (RFC 4514), where that begins with one; else the whole.
fn common_name(name: &str) -> &str {
    let common = name.strip_prefix("CN=");
    // A comma that belongs to the name is escaped; then the whole is the safer thing to show.
    let common = common.filter(|it| !it.contains('\\'));
    common.and_then(|it| it.split(',').next()).unwrap_or(name)
}

/// A time as a story has it: UTC, in whole seconds.
pub(super) fn at(time: Timestamp) -> String {
    time.to_legacy()
}

/// The sentences for one entry.
pub(super) fn tell(happening: &Happening, hospitals: Hospitals<'_>) -> String {
    match &happening.what {
        What::TakenOver { entry } => {
            let what = match entry.deleted {
                Some(time) => format!("and withdrawn it on {}", at(time)),
                None => match entry.last_update {
                    Some(time) => format!("and last replaced its result on {}", at(time)),
                    None => "once".to_owned(),
                },
            };
            format!(
                "The replaced program had delivered it on {}, {what}; that was taken over from its \
                 status.xml.",
                at(entry.uploaded)
            )
        }
        What::Adopted {
            size_bytes, key, ..
        } => format!(
            "An earlier ledger, which was lost, had delivered it: its file was found at the drop-box, {} \
             under key {key}, and is this ledger's from now on.",
            HumanBytes(*size_bytes)
        ),
        What::Shown {
            appearance,
            published,
            completion,
            completed,
        } => shown(*appearance, *published, *completion, completed, hospitals),
        What::Unreadable { failure } => format!(
            "The broker listed it, and its status could not be read, so nothing is done to it: {}.",
            because(failure)
        ),
        What::ReadAgain => "It could be read again, and was as it had been.".to_owned(),
        What::Gone {
            evidence,
            last_listed,
        } => gone(*evidence, *last_listed),
        What::Begun {
            command,
            approval,
            bound_to,
        } => {
            let mut told = begun(command);
            if let Some(approval) = approval {
                told.push_str(&format!(", released by the approval of event {approval}"));
            }
            if let Some(plan) = bound_to {
                told.push_str(&format!(", by a run that was bound to the plan {plan}"));
            }
            told.push('.');
            told
        }
        What::Delivered {
            delivery,
            placed,
            completion,
            found,
            unseen,
            ..
        } => {
            let placed = match placed {
                Placed::InPlace => "was delivered",
                Placed::PickedUp => "was delivered, and the recipient took it away at once",
            };
            let mut told = format!(
                "{} {placed}: {} under key {}, with {}; SHA-256 of the file {}, of what is in it {}.",
                delivery.name,
                HumanBytes(delivery.size_bytes),
                delivery.key,
                progress(*completion),
                delivery.token_sha256,
                delivery.plaintext_sha256,
            );
            if let Some(found) = found {
                told.push_str(&format!(" Before, {found}."));
            }
            if let Some(unseen) = unseen {
                told.push_str(&format!(" It was {unseen}."));
            }
            told
        }
        What::Deleted {
            removal, unseen, ..
        } => {
            let told = match removal {
                Removal::Removed => "Its result was removed from the drop-box.",
                Removal::AlreadyAbsent => "Its result was no longer at the drop-box.",
            };
            match unseen {
                Some(unseen) => format!("{told} It was {unseen}."),
                None => told.to_owned(),
            }
        }
        What::Failed {
            failure, remote, ..
        } => {
            let left = match remote {
                RemoteAfterFailure::Untouched => "What stood at the drop-box was not touched",
                RemoteAfterFailure::TemporaryMayRemain => {
                    "A temporary file may have remained, which the next run removes"
                }
                RemoteAfterFailure::Uncertain => {
                    "What stands at the drop-box is not known until the next run has done it again"
                }
            };
            format!("That failed: {}. {left}.", because(failure))
        }
        What::CutOff { start } => format!(
            "The run that had begun this with event {start} was cut off: what came of it is not known, \
             and this run looks into it."
        ),
        What::HolderReplaced {
            holder, who, why, ..
        } => format!(
            "{} took the ledger from {} while this was under way: {}.",
            Quoted(who),
            Quoted(holder),
            Quoted(why)
        ),
        What::Held {
            command,
            guard,
            plan,
        } => {
            let plan = plan.to_string();
            format!(
                "Held back until a person decides: {} ({guard}); what is held back is called {}.",
                intended(command),
                plan.get(..12).unwrap_or(&plan)
            )
        }
        What::LeftAlone { skipped } => format!("Left alone: {skipped}."),
        What::Approved { who, why } => {
            format!("{} released it: {}.", Quoted(who), Quoted(why))
        }
        What::Drifted { drift } => format!("A look at the drop-box found that {drift}."),
        What::Settled => {
            "A look at the drop-box found it again as it had been delivered.".to_owned()
        }
        What::Fetched => {
            "A look at the drop-box found that the recipient had fetched it (REMOTE.CHECK)."
                .to_owned()
        }
    }
}

/// How far a request has come.
pub(super) fn progress(completion: Completion) -> String {
    match completion {
        Completion { nodes: 0, .. } => "no hospital's data: none has answered yet".to_owned(),
        Completion { completed, nodes } => {
            format!("{completed} of {} completed", Counted(nodes, "hospital"))
        }
    }
}

/// A failure in a sentence.
pub(super) fn because(failure: &Failure) -> String {
    let next = match failure.class {
        FailureClass::Transient => "it may pass by itself",
        FailureClass::Permanent => "it will not pass by itself",
        FailureClass::NeedsPerson => "a person is needed",
    };
    format!("{}: {} ({next})", failure.phase, Quoted(&failure.text))
}

fn shown(
    appearance: Appearance,
    published: Option<Timestamp>,
    completion: Completion,
    completed: &[NodeStatus],
    hospitals: Hospitals<'_>,
) -> String {
    let how = match appearance {
        Appearance::First => "The broker showed it for the first time",
        Appearance::Changed => "The broker showed it otherwise than before",
        Appearance::Again => "The broker showed it again",
        Appearance::Another => "The broker showed another request under this number",
        Appearance::Then => "The broker showed it (what came before was left out)",
    };
    let published = match published {
        Some(time) => format!("published on {}", at(time)),
        None => "not published yet".to_owned(),
    };
    let mut told = format!("{how}, {published}: {}.", progress(completion));
    if completion.nodes == 0 {
        told = format!("{how}, {published}; no hospital had answered yet.");
    }
    let done = completed.iter().filter_map(|NodeStatus(node, time)| {
        let name = hospitals.name(*node);
        time.map(|time| format!("{name} completed on {}", at(time)))
    });
    let done: Vec<_> = done.collect();
    if !done.is_empty() {
        let new = match appearance {
            Appearance::Then => "Completed",
            Appearance::First | Appearance::Changed | Appearance::Again | Appearance::Another => {
                "New"
            }
        };
        told.push_str(&format!(" {new}: {}.", done.join(", ")));
    }
    told
}

fn gone(evidence: Evidence, last_listed: Option<Timestamp>) -> String {
    let last = match last_listed {
        Some(time) => format!(" It was last seen listed on {}.", at(time)),
        None => String::new(),
    };
    let follows = match evidence {
        Evidence::Deleted | Evidence::Untagged => "so its result is to be withdrawn",
        Evidence::Unconfirmed => "so nothing is deleted before a person says so",
    };
    format!("The broker no longer listed it: {evidence}, {follows}.{last}")
}

fn begun(command: &Command) -> String {
    match command {
        Command::Upload { reason, .. } => {
            let rule = match reason {
                UploadReason::New => "nothing had been delivered for it",
                UploadReason::Changed => {
                    "the broker showed it otherwise than when it was delivered"
                }
                UploadReason::OtherRequest => "what was delivered belonged to another request",
                UploadReason::Reappeared => {
                    "it was back after it had been withdrawn (REQUESTS.REAPPEARED)"
                }
                UploadReason::KeyChanged => "the key had changed (SECURITY.ON_KEY_CHANGE)",
                UploadReason::InDoubt => "the outcome of an earlier attempt was not known",
                UploadReason::Drifted => {
                    "it was not at the drop-box as it had been delivered (REMOTE.CHECK)"
                }
            };
            format!("Its delivery was decided, because {rule}, and begun")
        }
        Command::Delete { evidence, .. } => {
            format!("Its withdrawal was decided, because {evidence}, and begun")
        }
        Command::RemoveTemporary { .. } | Command::PublishLedger { .. } => {
            format!("Begun: {command}")
        }
    }
}

/// What a command is to do, in words.
pub(super) fn intended(command: &Command) -> String {
    match command {
        Command::Upload { name, .. } => format!("{name} is to be delivered"),
        Command::Delete { name, .. } => format!("{name} is to be deleted"),
        Command::RemoveTemporary { name } | Command::PublishLedger { name } => name.to_string(),
    }
}
