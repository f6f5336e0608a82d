//! `import`: what becomes of the `status.xml` of the replaced program when the first run takes it over: of each
//! request, whether it stays, is uploaded again, or goes. The broker is asked; nothing is changed, and the first
//! run needs no word.
//!
//! Deliberately absent: the drop-box, which `check` and `plan` look at.

use std::io::{self, Write};

use courier_ledger::{Command, Counted, LegacyEntry, LegacyStatus, Plan, RemoteName, Skipped};
use serde::Serialize;

use super::arguments::{Arguments, JsonOption};
use super::error::{CommandError, PollFailed, UsageError};
use super::{ledger, lost_key, output, parts};
use crate::config::Configuration;
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{self, Rehearsed};

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Fate {
    /// Nothing is done.
    Stays,
    /// The replaced program has removed it, and it stays away.
    StaysAway,
    /// It is uploaded.
    Uploaded,
    /// It is removed.
    Removed,
    /// Something would be done, and waits for a person.
    Held,
    /// It is left alone, for a reason.
    LeftAlone,
}

impl Fate {
    const ALL: [Self; 6] = [
        Self::Stays,
        Self::StaysAway,
        Self::Uploaded,
        Self::Removed,
        Self::Held,
        Self::LeftAlone,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::Stays => "stays as it is",
            Self::StaysAway => "stays withdrawn",
            Self::Uploaded => "is uploaded",
            Self::Removed => "is removed",
            Self::Held => "waits for a person",
            Self::LeftAlone => "is left alone",
        }
    }
}

#[derive(Serialize)]
struct ImportView<'a> {
    schema: &'static str,
    status_sha256: String,
    requests: &'a [RequestView],
    others: Vec<String>,
}

#[derive(Serialize)]
struct RequestView {
    id: u64,
    name: String,
    completion: String,
    uploaded: String,
    last_update: Option<String>,
    deleted: Option<String>,
    then: Fate,
    why: Option<String>,
}

pub(crate) fn import(
    arguments: &Arguments,
    options: &JsonOption,
) -> Result<ExitCode, CommandError> {
    let configuration = parts::configuration(arguments)?;
    if !ledger::is_absent(&configuration.location()) {
        return Err(UsageError::NothingToImport("there is a ledger already").into());
    }
    let (legacy, plan) = planned(&configuration)?;
    let requests: Vec<RequestView> = legacy
        .entries
        .iter()
        .map(|entry| request(entry, &plan))
        .collect();
    let is_known = |command: &Command| {
        let of = command.request();
        of.is_none() || legacy.entries.iter().any(|entry| Some(entry.id) == of)
    };
    let others = plan.changes().filter(|command| !is_known(command));
    let others: Vec<String> = others.map(ToString::to_string).collect();
    if options.json {
        output::write_json(&ImportView {
            schema: "broker-courier.import.1",
            status_sha256: legacy.sha256.to_string(),
            requests: &requests,
            others,
        })?;
    } else {
        output::write(|output| show(output, &configuration, &requests, &others))?;
    }
    Ok(ExitCode::Done)
}

/// What is taken over, and what the first run does then, decided on a copy.
fn planned(configuration: &Configuration) -> Result<(LegacyStatus, Plan), CommandError> {
    let (mut ledger, legacy) = ledger::rehearsal(configuration, None)?;
    let Some(legacy) = legacy else {
        let nothing = "there is no status.xml of the replaced program";
        return Err(UsageError::NothingToImport(nothing).into());
    };
    let key = lost_key::load(configuration)?;
    let broker = parts::broker(configuration, parts::persistence(configuration)?)?;
    let policy = configuration
        .rules
        .policy(parts::sealing(configuration, key.clone()).id());
    let decided = run::rehearse(
        &mut ledger,
        Some(legacy.clone()),
        &policy,
        &parts::partners(configuration),
        &broker,
        None,
        &SystemClock::start(),
    )?;
    let Rehearsed { plan, .. } =
        decided.map_err(|failure| CommandError::from(PollFailed(&failure)))?;
    Ok((legacy, plan))
}

fn request(entry: &LegacyEntry, plan: &Plan) -> RequestView {
    let (then, why) = fate(entry, plan);
    RequestView {
        id: entry.id.0,
        name: RemoteName::export(entry.id).to_string(),
        completion: entry.completion.to_string(),
        uploaded: entry.uploaded.to_string(),
        last_update: entry.last_update.map(|time| time.to_string()),
        deleted: entry.deleted.map(|time| time.to_string()),
        then,
        why,
    }
}

fn fate(entry: &LegacyEntry, plan: &Plan) -> (Fate, Option<String>) {
    let is_its = |command: &Command| command.request() == Some(entry.id);
    if let Some(command) = plan.changes().find(|command| is_its(command)) {
        let fate = match command {
            Command::Upload { .. } => Fate::Uploaded,
            Command::Delete { .. } | Command::RemoveTemporary { .. } => Fate::Removed,
            Command::PublishLedger { .. } => Fate::Stays,
        };
        return (fate, Some(command.to_string()));
    }
    if let Some(blocked) = plan.held().find(|blocked| is_its(&blocked.command)) {
        let why = format!("{}: {}", blocked.command, blocked.guard);
        return (Fate::Held, Some(why));
    }
    let skipped = plan.skipped.iter();
    match { skipped }.find(|skipped: &&Skipped| skipped.request() == entry.id) {
        Some(skipped) => (Fate::LeftAlone, Some(skipped.to_string())),
        None if entry.deleted.is_some() => (Fate::StaysAway, None),
        None => (Fate::Stays, None),
    }
}

fn show(
    output: &mut dyn Write,
    configuration: &Configuration,
    requests: &[RequestView],
    others: &[String],
) -> io::Result<()> {
    writeln!(
        output,
        "{} has {} of the replaced program. The first run takes them over as they are:\n",
        configuration.working_dir.join("status.xml").display(),
        Counted(requests.len(), "request")
    )?;
    for request in requests {
        let why = request.why.as_ref().map(|why| format!(" ({why})"));
        writeln!(
            output,
            "  {:<18} completion {:<4}  {}{}",
            request.name,
            request.completion,
            request.then.words(),
            why.unwrap_or_default()
        )?;
    }
    for other in others {
        writeln!(output, "  besides: {other}")?;
    }
    let counts = Fate::ALL.into_iter().filter_map(|fate| {
        let count = requests.iter().filter(|it| it.then == fate).count();
        (count > 0).then(|| format!("{count} {}", fate.words()))
    });
    let counts: Vec<String> = counts.collect();
    writeln!(
        output,
        "\n{}; {} others are uploaded. Nothing was changed.",
        counts.join(", "),
        others.len()
    )
}
