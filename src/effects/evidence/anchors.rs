//! Outside anchors of checkpoints: from time to time the last one is shown to a time-stamping authority (RFC 3161)
//! and to a witness, so that not even whoever holds the key can put another history in its place later.
//!
//! What always holds here: what comes back is kept only if it is of that checkpoint; what does not come is said,
//! and asked for again by the next run. Deliberately absent: failing a run, or waiting for long.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use courier_ledger::log::{EventLog, LogError};
use courier_ledger::{Digest, FullTree, LogId, Sequence, Timestamp};
use url::Url;

use super::checkpoint::Signed;
use super::kept::{Kept, KeptError};
use super::note::{NoteError, Verifier};
use super::stamps::Stamps;
use super::timestamp::{QUERY_TYPE, Query, REPLY_TYPE, ReplyError};
use super::witness::{self, SIZE_TYPE};
use crate::effects::post::{Answer, Poster, Unheard};

/// Where somebody attests checkpoints.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AnchorUrl(Url);

/// A text is no such address; follows the key's name in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("takes an http or https address without user, password and fragment")]
pub(crate) struct NoAnchorUrl;

impl FromStr for AnchorUrl {
    type Err = NoAnchorUrl;

    fn from_str(text: &str) -> Result<Self, NoAnchorUrl> {
        let url = Url::parse(text.trim()).map_err(|_| NoAnchorUrl)?;
        let is_open = url.username().is_empty() && url.password().is_none();
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        match is_open && is_web && url.fragment().is_none() {
            true => Ok(Self(url)),
            false => Err(NoAnchorUrl),
        }
    }
}

impl fmt::Display for AnchorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AnchorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

/// Somebody who cosigns.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    /// What his calls are below.
    pub(crate) url: AnchorUrl,
    /// Whose cosignatures count.
    pub(crate) key: Verifier,
}

/// Who attests checkpoints, and how often.
#[derive(Clone, Debug)]
pub(crate) struct AnchorSettings {
    /// A time-stamping authority.
    pub(crate) authority: Option<AnchorUrl>,
    /// A witness.
    pub(crate) witness: Option<Witness>,
    /// How long the last attested checkpoint is enough.
    pub(crate) every: Duration,
}

/// Who attests the checkpoints of one working directory, and the way to him.
pub(crate) struct Anchors {
    settings: AnchorSettings,
    poster: Poster,
    working_dir: PathBuf,
}

/// Why there is no anchor.
#[derive(Debug, thiserror::Error)]
enum AnchorError {
    #[error("{0}")]
    Unheard(#[from] Unheard),
    #[error("it answered {0:?} where {REPLY_TYPE} was asked for")]
    Media(String),
    #[error("{0}")]
    Reply(#[from] ReplyError),
    #[error("its cosignature does not count: {0}")]
    Cosignature(#[from] NoteError),
    #[error(
        "it saw a checkpoint of {0} entries, which is more than were ever signed here: this ledger is an old copy, or \
         another signs with its key"
    )]
    Ahead(u64),
    #[error("the ledger cannot be read: {0}")]
    Log(#[from] LogError),
    #[error("{0}")]
    Kept(#[from] KeptError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the system gives no random numbers")]
    NoRandomNumbers,
}

impl Anchors {
    /// Goes to whom the settings name.
    pub(crate) fn new(settings: AnchorSettings, poster: Poster, working_dir: PathBuf) -> Self {
        Self {
            settings,
            poster,
            working_dir,
        }
    }

    /// Has the last checkpoint attested by whoever has seen none for long enough.
    pub(crate) fn cast(&self, log: &dyn EventLog, now: Timestamp) {
        if let Some(url) = &self.settings.authority
            && let Err(error) = self.stamp(log.tip().log, url)
        {
            tracing::warn!("no time stamp of the ledger from {url}: {error}");
        }
        if let Some(witness) = &self.settings.witness
            && let Err(error) = self.show(log, witness, now)
        {
            tracing::warn!("no cosignature of the ledger from {}: {error}", witness.url);
        }
    }

    fn stamp(&self, log: LogId, url: &AnchorUrl) -> Result<(), AnchorError> {
        let kept = Kept::read(&self.working_dir, log)?;
        let stamps = Stamps::of(&self.working_dir, log);
        let Some(last) = kept.all().last() else {
            return Ok(());
        };
        let file = |source| AnchorError::File {
            path: stamps.path().to_owned(),
            source,
        };
        let size = last.claim.size;
        if !stamps
            .is_due(size, SystemTime::now(), self.settings.every)
            .map_err(file)?
        {
            return Ok(());
        }
        let mut nonce = [0; 8];
        openssl::rand::rand_bytes(&mut nonce).map_err(|_| AnchorError::NoRandomNumbers)?;
        let query = Query::about(last.note.as_bytes(), nonce);
        let answer = self.poster.post(&url.0, QUERY_TYPE, &query.to_der())?;
        let Answer { media, body, .. } = answer.successful()?;
        if media != REPLY_TYPE {
            return Err(AnchorError::Media(media.chars().take(60).collect()));
        }
        query.judge(&body)?;
        stamps.keep(size, &last.note, &body).map_err(file)?;
        tracing::info!("{url} stamped the ledger of {size} entries");
        Ok(())
    }

    fn show(&self, log: &dyn EventLog, by: &Witness, now: Timestamp) -> Result<(), AnchorError> {
        let mut kept = Kept::read(&self.working_dir, log.tip().log)?;
        let Some(last) = kept.all().last().cloned() else {
            return Ok(());
        };
        let seen = kept.all().iter().rev().find_map(|it| {
            let time = by.key.seen(&it.note).ok()?;
            Some((it.claim.size, time))
        });
        if let Some((size, time)) = seen
            && (size == last.claim.size || !has_passed(self.settings.every, time, now))
        {
            return Ok(());
        }
        let cosigned = self.cosigned(log, by, &last, seen.map_or(0, |(size, _)| size))?;
        let mut checkpoints = kept.all().to_vec();
        checkpoints.pop();
        checkpoints.push(cosigned);
        kept.replace(checkpoints)?;
        tracing::info!(
            "{} cosigned the ledger of {} entries",
            by.key.name(),
            last.claim.size
        );
        Ok(())
    }

    /// Asks a witness who saw so many entries last; what he says he saw counts more, once.
    fn cosigned(
        &self,
        log: &dyn EventLog,
        by: &Witness,
        last: &Signed,
        old: u64,
    ) -> Result<Signed, AnchorError> {
        let answer = self.ask(log, by, last, old)?;
        let other = match (answer.status.as_u16(), answer.media.as_str()) {
            (409, SIZE_TYPE) => witness::size(&answer.body),
            _ => None,
        };
        let answer = match other {
            Some(size) if size > last.claim.size => return Err(AnchorError::Ahead(size)),
            Some(size) => self.ask(log, by, last, size)?,
            None => answer,
        };
        let answer = answer.successful()?;
        Ok(witness::cosigned(last, &answer.body, &by.key)?)
    }

    fn ask(
        &self,
        log: &dyn EventLog,
        by: &Witness,
        last: &Signed,
        old: u64,
    ) -> Result<Answer, AnchorError> {
        let path = match old {
            0 => Vec::new(),
            _ => consistency(log, old, last.claim.size)?,
        };
        let mut url = by.url.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("add-checkpoint");
        }
        let request = witness::request(old, &path, last);
        Ok(self
            .poster
            .post(&url, "text/plain; charset=utf-8", request.as_bytes())?)
    }
}

/// The proof that the tree of `new` entries goes on from that of `old` (RFC 6962, section 2.1.2).
fn consistency(log: &dyn EventLog, old: u64, new: u64) -> Result<Vec<Digest>, LogError> {
    let index = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let entries = log.read_from(Sequence(1)).take(index(new));
    let hashes: Vec<Digest> = entries
        .map(|it| it.map(|entry| entry.hash))
        .collect::<Result<_, _>>()?;
    let path = FullTree::of(&hashes).consistency(index(old), index(new));
    Ok(path.unwrap_or_default())
}

fn has_passed(time: Duration, since: Timestamp, now: Timestamp) -> bool {
    let passed = u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0);
    Duration::from_micros(passed) >= time
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anchors")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
