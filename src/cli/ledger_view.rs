//! The folded ledger as `status` and `replay` show it.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use courier_ledger::{
    Counted, KeyId, LogId, Presence, PublishedSeen, Remote, Request, RequestId, State, Timestamp,
    Tip,
};
use courier_postgres::{Holding, StoodBy};
use indicatif::HumanBytes;
use serde::Serialize;

use super::busy::lasting;
use super::health::Health;

/// A state, ready to be shown.
#[derive(Serialize)]
pub(crate) struct LedgerView {
    log: Option<LogId>,
    sequence: courier_ledger::Sequence,
    hash: courier_ledger::Digest,
    listed: u64,
    stored: u64,
    keys: Vec<KeyView>,
    in_doubt: Vec<String>,
    leftovers: Vec<String>,
    status_xml_published_through: Option<courier_ledger::Sequence>,
    /// How the published one was found, if that was not as expected.
    status_xml_seen: Option<String>,
    /// Who holds it, where that stands in a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    holding: Option<HoldingView>,
    requests: Vec<RequestView>,
}

/// Who holds a ledger in a database.
#[derive(Serialize)]
struct HoldingView {
    /// None where nobody does.
    holder: Option<String>,
    epoch: u64,
    /// For how long nobody else can take it.
    left_seconds: u64,
    /// Who would go on, the latest first.
    stood_by: Vec<StoodByView>,
}

/// Who stood by lately.
#[derive(Serialize)]
struct StoodByView {
    who: String,
    seconds_ago: u64,
}

impl fmt::Display for StoodByView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ago = lasting(Duration::from_secs(self.seconds_ago));
        write!(f, "{} stood by {ago} ago", self.who)
    }
}

impl fmt::Display for HoldingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (epoch, left) = (self.epoch, self.left_seconds);
        match &self.holder {
            Some(holder) if left > 0 => write!(f, "held by {holder}, epoch {epoch}, {left} s left"),
            Some(holder) => write!(
                f,
                "was held by {holder}, epoch {epoch}, and may be taken over"
            ),
            None => write!(f, "held by nobody, epoch {epoch}"),
        }
    }
}

/// What is written as JSON; `docs/json.md` has its shapes.
#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    #[serde(flatten)]
    health: Option<&'a Health>,
    #[serde(flatten)]
    ledger: &'a LedgerView,
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
    /// When a look found that the recipient had fetched the file.
    missed: Option<Timestamp>,
}

impl LedgerView {
    /// The view of `state`, whose last entry is `tip`.
    pub(crate) fn new(state: &State, tip: Tip) -> Self {
        Self {
            log: state.log(),
            sequence: tip.sequence,
            hash: tip.hash,
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
            holding: None,
        }
    }

    /// The same, with who holds it, and who stood by.
    pub(super) fn held(self, holding: Option<&Holding>, stood_by: &[StoodBy]) -> Self {
        let holding = holding.map(|holding| HoldingView {
            holder: holding.holder.clone(),
            epoch: holding.epoch,
            left_seconds: holding.left.as_secs(),
            stood_by: stood_by
                .iter()
                .map(|it| StoodByView {
                    who: it.who.clone(),
                    seconds_ago: it.ago.as_secs(),
                })
                .collect(),
        });
        Self { holding, ..self }
    }

    /// What `status --json` writes: the same, and how things stand.
    pub(super) fn with<'a>(&'a self, health: &'a Health) -> impl Serialize + 'a {
        Whole {
            schema: "broker-courier.status.1",
            health: Some(health),
            ledger: self,
        }
    }

    /// What `replay --json` writes.
    pub(super) fn alone(&self) -> impl Serialize + '_ {
        Whole {
            schema: "broker-courier.replay.1",
            health: None,
            ledger: self,
        }
    }

    /// Writes it for people.
    pub(super) fn write(&self, output: &mut dyn Write, shown: Shown) -> io::Result<()> {
        writeln!(
            output,
            "Broker    lists {}",
            Counted(self.listed, "request")
        )?;
        let were = if self.stored == 1 { "was" } else { "were" };
        let stored = Counted(self.stored, "result");
        writeln!(output, "Drop-box  {stored} {were} delivered")?;
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
        match self.log {
            Some(log) => writeln!(
                output,
                "Ledger    {log}, {}",
                Counted(self.sequence.0, "event")
            )?,
            None => writeln!(output, "Ledger    empty: nothing has been run yet")?,
        }
        if let Some(holding) = &self.holding {
            writeln!(output, "          {holding}")?;
            for it in &holding.stood_by {
                writeln!(output, "          {it}")?;
            }
        }
        let requests = self.requests.iter();
        let (current, withdrawn): (Vec<_>, Vec<_>) =
            requests.partition(|it| shown == Shown::All || !it.is_over());
        if !current.is_empty() {
            writeln!(
                output,
                "\n{:>7}  {:>9}  {:<9}  {:>10}  {:<16}  NOTE",
                "REQUEST", "COMPLETED", "DROP-BOX", "SIZE", "UPLOADED (UTC)"
            )?;
        }
        for request in current {
            request.write(output)?;
        }
        if !withdrawn.is_empty() {
            writeln!(output, "\n{} withdrawn: --all shows them", withdrawn.len())?;
        }
        Ok(())
    }
}

/// Which requests are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Those that the broker lists, or of which something may stand at the drop-box.
    Current,
    /// All that are known.
    All,
}

impl RequestView {
    fn is_over(&self) -> bool {
        matches!(self.drop_box, "-" | "deleted") && !matches!(self.broker, "listed" | "unreadable")
    }

    /// A row; a note that is too long for one stands below it.
    fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        // What nobody looked at is not said to be there.
        let drop_box = match self.drop_box {
            "stored" => "delivered",
            other => other,
        };
        let uploaded = self.last_update.or(self.uploaded).map(Timestamp::to_legacy);
        let uploaded = uploaded.as_deref().and_then(|time| time.get(..16));
        let size = self.size_bytes.map(|bytes| HumanBytes(bytes).to_string());
        let row = format!(
            "{:>7}  {:>9}  {drop_box:<9}  {:>10}  {:<16}",
            self.id,
            self.completion.as_deref().unwrap_or("-"),
            size.as_deref().unwrap_or("-"),
            uploaded.unwrap_or("-"),
        );
        let mut notes: Vec<String> = Vec::new();
        if self.broker != "listed" {
            notes.push(self.broker.to_owned());
        }
        let deleted = self.deleted.map(Timestamp::to_legacy);
        notes.extend(deleted.map(|time| format!("withdrawn {}", time.get(..16).unwrap_or(&time))));
        notes.extend(self.note.clone());
        let note = notes.join(", ");
        if row.chars().count() + 2 + note.chars().count() <= WIDTH {
            writeln!(output, "{}", format!("{row}  {note}").trim_end())
        } else {
            writeln!(output, "{}\n{:>9}{note}", row.trim_end(), "")
        }
    }
}

/// What a terminal has at least, in characters.
const WIDTH: usize = 80;

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
            .or_else(|| file?.drift.map(|drift| drift.to_string()))
            .or_else(|| {
                Some(format!(
                    "the recipient has fetched it; noticed {}",
                    file?.missed?
                ))
            }),
        missed: file.and_then(|file| file.missed),
    }
}
