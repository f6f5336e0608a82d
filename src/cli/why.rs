//! `why`: the story of one request, from the log alone: what happened, what stands at the drop-box now,
//! what comes next and what that depends on.

use std::io::{self, Write};
use std::path::Path;

use courier_ledger::account::{Account, Happening, RequestAccount};
use courier_ledger::{
    Digest, LogId, Policy, Presence, ReappearanceRule, Remote, Request, RequestId, Sequence, State,
    Timestamp, decide,
};
use indicatif::HumanBytes;
use serde::Serialize;

use super::arguments::{Arguments, WhyOptions};
use super::error::{CommandError, LeftOut, UsageError};
use super::ledger;
use super::redacted::{self, Stretches};
use super::story::{self, Hospitals, at};
use super::{output, wrapped};
use crate::exit_code::ExitCode;

/// The name of what `--json` writes.
const SCHEMA: &str = "broker-courier.why.1";

#[derive(Serialize)]
struct StoryView<'a> {
    schema: &'static str,
    log: Option<LogId>,
    /// The last event that was taken in.
    through: Sequence,
    /// Its hash.
    hash: Digest,
    request: RequestId,
    happenings: Vec<Told<'a>>,
    now: Vec<String>,
    next: Vec<String>,
    /// Of a redacted copy: the first and the last of each stretch of events whose contents were not seen.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left_out: &'a [(Sequence, Sequence)],
}

/// One entry, and its sentences.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    happening: &'a Happening,
    sentence: String,
}

pub(crate) fn why(arguments: &Arguments, options: &WhyOptions) -> Result<ExitCode, CommandError> {
    if let Some(folder) = redacted::named(arguments)? {
        return of_copy(&folder, options);
    }
    let ledger::Told {
        account,
        state,
        reading,
    } = ledger::account(arguments, |_| true)?;
    let id = options.request;
    let Some(request) = account.requests.get(&id) else {
        return Err(UsageError::NoSuchRequest(id).into());
    };
    let (now, next) = (now(&state, id), next(&state, id));
    let happenings = sentences(request, Hospitals(&account.node_names));
    if options.json {
        output::write_json(&StoryView {
            schema: SCHEMA,
            log: account.log,
            through: reading.tip.sequence,
            hash: reading.tip.hash,
            request: id,
            happenings,
            now,
            next,
            left_out: &[],
        })?;
    } else {
        output::write(|output| show(output, id, &happenings, &account.last, &now, &next))?;
    }
    Ok(ExitCode::Done)
}

/// The same by a redacted copy: what is there is told, and of everything else that it is not known.
fn of_copy(folder: &Path, options: &WhyOptions) -> Result<ExitCode, CommandError> {
    let mut account = Account::default();
    let reading = redacted::read(folder, |piece| {
        match piece.kept() {
            Some(entry) => account.read(entry),
            None => account.skip(),
        }
        Ok(())
    })?;
    let id = options.request;
    let Some(request) = account.requests.get(&id) else {
        return Err(LeftOut::Request(id).into());
    };
    let happenings = sentences(request, Hospitals(&account.node_names));
    let left_out = &reading.left_out;
    let unknown = match left_out.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "This is a redacted copy. What these events say was not seen, and some of them may be about this \
             request: {}. What stands at the drop-box now, and what comes next, is not known by it.",
            Stretches(left_out)
        )],
    };
    if options.json {
        output::write_json(&StoryView {
            schema: SCHEMA,
            log: account.log,
            through: reading.tip.sequence,
            hash: reading.tip.hash,
            request: id,
            happenings,
            now: unknown,
            next: Vec::new(),
            left_out,
        })?;
    } else {
        output::write(|output| show(output, id, &happenings, &account.last, &unknown, &[]))?;
    }
    Ok(ExitCode::Done)
}

fn sentences<'a>(request: &'a RequestAccount, hospitals: Hospitals<'_>) -> Vec<Told<'a>> {
    let told = request.happenings.iter().map(|happening| Told {
        happening,
        sentence: story::tell(happening, hospitals),
    });
    told.collect()
}

fn show(
    output: &mut dyn Write,
    id: RequestId,
    happenings: &[Told<'_>],
    (last, time): &(Sequence, Timestamp),
    now: &[String],
    next: &[String],
) -> io::Result<()> {
    writeln!(
        output,
        "Request {id}, from the ledger as of event {last} of {}. Times are UTC.\n",
        at(*time)
    )?;
    for Told {
        happening,
        sentence,
    } in happenings
    {
        let event = format!("#{}", happening.event);
        let first = format!("{}  {event:<7} ", at(happening.time));
        let next = " ".repeat(first.chars().count());
        wrapped::write(output, &first, &next, sentence)?;
    }
    writeln!(output)?;
    let parts = [("Now", now), ("Next", next)];
    for (title, sentences) in parts.into_iter().filter(|(_, it)| !it.is_empty()) {
        wrapped::write(
            output,
            &format!("{title:<5}"),
            "     ",
            &sentences.join(" "),
        )?;
    }
    Ok(())
}

/// What stands at the drop-box, as far as the ledger knows.
fn now(state: &State, id: RequestId) -> Vec<String> {
    let mut told = Vec::new();
    let Some(request) = state.request(id) else {
        return vec!["Nothing was delivered for it, and the broker no longer lists it.".to_owned()];
    };
    told.push(match &request.remote {
        Remote::Nothing => "Nothing of it is at the drop-box.".to_owned(),
        Remote::Stored(_) => format!("{} is at the drop-box{}.", request.name(id), receipt(request)),
        Remote::PickedUp(_) => {
            format!("{} was delivered{}, and taken away.", request.name(id), receipt(request))
        }
        Remote::Uncertain(_) => format!(
            "What stands at the drop-box under {} is not known: the outcome of an attempt is missing.",
            request.name(id)
        ),
        Remote::Deleted(_) => "Its result was withdrawn from the drop-box.".to_owned(),
    });
    if let Some(drift) = request.remote.file().and_then(|file| file.drift) {
        told.push(format!("When the drop-box was last looked at, {drift}."));
    }
    if let Some((partners, _)) = state.declared() {
        let (drop_box, user) = (&partners.drop_box, &partners.user);
        told.push(format!("The drop-box is {drop_box}, as {user}."));
    }
    told
}

fn receipt(request: &Request) -> String {
    let file = request.remote.file();
    let size = file.and_then(|file| file.receipt).map(|receipt| {
        format!(
            " ({}, event {})",
            HumanBytes(receipt.size_bytes),
            receipt.start
        )
    });
    let line = request.line;
    let time = line.map(|line| line.last_update.unwrap_or(line.uploaded));
    let time = time.map(|time| format!(" since {}", at(time)));
    format!("{}{}", time.unwrap_or_default(), size.unwrap_or_default())
}

/// What the next run does, and on what that depends.
fn next(state: &State, id: RequestId) -> Vec<String> {
    let Some(run) = state.run() else {
        return vec!["No run has begun yet: the first one asks the broker and decides.".to_owned()];
    };
    let declared = state.declared().map(|(_, policy)| *policy);
    let known = declared.filter(|policy| policy.digest() == run.policy);
    let policy = known.or(declared).unwrap_or_else(|| Policy::new(run.key));
    let plan = decide(&state.as_next_run_finds_it(), &policy);
    let concerns = |command: &&courier_ledger::Command| command.request() == Some(id);
    let mut told = Vec::new();
    let blocked = plan
        .blocked
        .iter()
        .find(|it| it.command.request() == Some(id));
    let skipped = plan.skipped.iter().find(|it| it.request() == id);
    if let Some(blocked) = blocked {
        told.push(format!(
            "{}, and waits for a person: {}; `broker-courier plan` shows the command that releases it.",
            story::intended(&blocked.command),
            blocked.guard
        ));
    } else if let Some(command) = plan.commands.iter().find(concerns) {
        told.push(format!(
            "{} by the next run ({}), if the broker still shows the same.",
            story::intended(command),
            command.why().unwrap_or_default()
        ));
    } else if let Some(skipped) = skipped {
        told.push(format!("It is left alone: {skipped}."));
    } else {
        told.push(settled(state.request(id), &policy));
    }
    if let Some(failure) = state.request(id).and_then(|it| it.failure.as_ref()) {
        told.push(format!(
            "The last attempt failed: {}.",
            story::because(failure)
        ));
    }
    if known.is_none() {
        told.push(
            "The rules of the last run are recorded as a digest only; this is by those that are known."
                .to_owned(),
        );
    }
    told
}

/// What a request waits for that is as it should be.
fn settled(request: Option<&Request>, policy: &Policy) -> String {
    let presence = request.map(|request| request.presence);
    match presence {
        Some(Presence::Listed) => {
            let change = match policy.change {
                courier_ledger::ChangeRule::Fingerprint => {
                    "shows anything of it otherwise, such as one more hospital that has completed"
                }
                courier_ledger::ChangeRule::Completion => {
                    "shows another completion in hundredths (REQUESTS.CHANGE)"
                }
            };
            format!(
                "Nothing, as long as the broker shows it as it did. It is delivered anew when the broker \
                 {change}, and withdrawn when the broker provably no longer lists it."
            )
        }
        Some(Presence::Imported) => {
            "It is compared with what the broker shows when that is asked next.".to_owned()
        }
        Some(Presence::Gone(_)) | None => match policy.reappeared {
            ReappearanceRule::Upload => {
                "Nothing, unless the broker lists it again: then it is delivered again.".to_owned()
            }
            ReappearanceRule::Ignore => {
                "Nothing, even if the broker lists it again (REQUESTS.REAPPEARED).".to_owned()
            }
        },
    }
}
