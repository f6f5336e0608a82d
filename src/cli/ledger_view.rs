//! The folded ledger as `status` and `replay` show it.

use std::fmt;
use std::io::{self, Write};

use courier_ledger::{
    KeyId, LogId, Presence, PublishedSeen, Remote, Request, RequestId, RunCounts, State, Timestamp,
    Tip,
};
use serde::Serialize;

/// A state, ready to be shown.
#[derive(Serialize)]
pub(crate) struct LedgerView {
    log: Option<LogId>,
    sequence: courier_ledger::Sequence,
    hash: courier_ledger::Digest,
    last_run: Option<RunView>,
    listed: u64,
    stored: u64,
    keys: Vec<KeyView>,
    in_doubt: Vec<String>,
    leftovers: Vec<String>,
    status_xml_published_through: Option<courier_ledger::Sequence>,
    /// How the published one was found, if that was not as expected.
    status_xml_seen: Option<String>,
    requests: Vec<RequestView>,
}

#[derive(Serialize)]
struct RunView {
    started: Timestamp,
    finished: Option<Timestamp>,
    counts: Option<RunCounts>,
    poll_failure: Option<String>,
}

/// How many results lie under one key.
#[derive(Serialize)]
struct KeyView {
    /// None is that of the replaced program, which did not record it.
    key: Option<KeyId>,
    results: u64,
}

impl fmt::Display for KeyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(key) => write!(f, "{} under key {key}", self.results),
            None => write!(f, "{} under a key that was not recorded", self.results),
        }
    }
}

#[derive(Serialize)]
struct RequestView {
    id: RequestId,
    broker: &'static str,
    published: Option<Timestamp>,
    completion: Option<String>,
    drop_box: &'static str,
    size_bytes: Option<u64>,
    plaintext_sha256: Option<courier_ledger::Digest>,
    token_sha256: Option<courier_ledger::Digest>,
    key: Option<KeyId>,
    uploaded: Option<Timestamp>,
    last_update: Option<Timestamp>,
    deleted: Option<Timestamp>,
    note: Option<String>,
}

impl LedgerView {
    /// The view of `state`, whose last entry is `tip`.
    pub(crate) fn new(state: &State, tip: Tip) -> Self {
        Self {
            log: state.log(),
            sequence: tip.sequence,
            hash: tip.hash,
            last_run: state.run().map(|run| RunView {
                started: run.started,
                finished: run.finished.map(|(time, _)| time),
                counts: run.finished.map(|(_, counts)| counts),
                poll_failure: run.poll_failure.as_ref().map(ToString::to_string),
            }),
            listed: state.listed(),
            stored: state.stored(),
            keys: state
                .results_by_key()
                .into_iter()
                .map(|(key, results)| KeyView { key, results })
                .collect(),
            in_doubt: state
                .intents()
                .map(|(start, it)| format!("#{start} {}", it.command))
                .collect(),
            leftovers: state.leftovers().map(ToString::to_string).collect(),
            status_xml_published_through: state.publication().map(|it| it.through),
            status_xml_seen: match state.published_seen() {
                PublishedSeen::AsExpected => None,
                seen => Some(seen.to_string()),
            },
            requests: state
                .requests()
                .map(|(id, request)| view(state, id, request))
                .collect(),
        }
    }

    /// Writes it for people.
    pub(crate) fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        match self.log {
            Some(log) => writeln!(output, "Ledger    {log}, {} events", self.sequence)?,
            None => writeln!(output, "Ledger    empty: nothing has been run yet")?,
        }
        if let Some(run) = &self.last_run {
            write!(output, "Last run  started {}", run.started)?;
            match (&run.finished, &run.counts) {
                (Some(time), Some(counts)) => {
                    writeln!(output, ", finished {time}: {counts}")?;
                }
                _ => writeln!(output, ", under way or cut off")?,
            }
            if let Some(failure) = &run.poll_failure {
                writeln!(
                    output,
                    "          the broker gave no usable answer: {failure}"
                )?;
            }
        }
        writeln!(output, "Broker    lists {} requests", self.listed)?;
        writeln!(output, "Drop-box  holds {} results", self.stored)?;
        for key in &self.keys {
            writeln!(output, "          {key}")?;
        }
        if let Some(seen) = &self.status_xml_seen {
            writeln!(output, "          {seen}")?;
        }
        for intent in &self.in_doubt {
            writeln!(output, "In doubt  {intent}")?;
        }
        for name in &self.leftovers {
            writeln!(output, "Left over {name}")?;
        }
        if !self.requests.is_empty() {
            writeln!(
                output,
                "\n{:>8}  {:<12} {:>9}  {:<10} {:>12}  {:<19}  {:<19}  NOTE",
                "REQUEST", "BROKER", "COMPLETED", "DROP-BOX", "BYTES", "UPLOADED", "LAST UPDATE"
            )?;
        }
        for request in &self.requests {
            let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), Timestamp::to_legacy);
            let note = match (&request.note, request.deleted) {
                (Some(note), _) => note.clone(),
                (None, Some(deleted)) => format!("deleted {}", deleted.to_legacy()),
                (None, None) => String::new(),
            };
            let line = format!(
                "{:>8}  {:<12} {:>9}  {:<10} {:>12}  {:<19}  {:<19}  {note}",
                request.id,
                request.broker,
                request.completion.as_deref().unwrap_or("-"),
                request.drop_box,
                request
                    .size_bytes
                    .map_or("-".to_owned(), |bytes| bytes.to_string()),
                time(request.uploaded),
                time(request.last_update),
            );
            writeln!(output, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn view(state: &State, id: RequestId, request: &Request) -> RequestView {
    let unreadable = state
        .unreadable()
        .find(|(listed, _)| *listed == id)
        .map(|(_, why)| why);
    let file = request.remote.file();
    let receipt = file.and_then(|file| file.receipt);
    RequestView {
        id,
        broker: match (request.presence, unreadable) {
            (_, Some(_)) => "unreadable",
            (Presence::Imported, None) => "imported",
            (Presence::Listed, None) => "listed",
            (Presence::Gone(courier_ledger::Evidence::Deleted), None) => "deleted",
            (Presence::Gone(courier_ledger::Evidence::Untagged), None) => "untagged",
            (Presence::Gone(courier_ledger::Evidence::Unconfirmed), None) => "missing",
        },
        published: request
            .observed
            .as_ref()
            .and_then(|(observation, _)| observation.published),
        completion: request
            .observed
            .as_ref()
            .map(|(it, _)| it.completion().to_string()),
        drop_box: match &request.remote {
            Remote::Nothing => "-",
            Remote::Stored(_) => "stored",
            Remote::PickedUp(_) => "picked up",
            Remote::Uncertain(_) => "in doubt",
            Remote::Deleted(_) => "deleted",
        },
        size_bytes: receipt.map(|receipt| receipt.size_bytes),
        plaintext_sha256: receipt.map(|receipt| receipt.plaintext_sha256),
        token_sha256: receipt.map(|receipt| receipt.token_sha256),
        key: file.and_then(|file| file.key),
        uploaded: request.line.map(|line| line.uploaded),
        last_update: request.line.and_then(|line| line.last_update),
        deleted: request.line.and_then(|line| line.deleted),
        note: unreadable
            .or(request.failure.as_ref())
            .map(ToString::to_string)
            .or_else(|| file?.drift.map(|drift| drift.to_string())),
    }
}
