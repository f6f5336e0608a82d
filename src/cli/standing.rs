//! Whether the ledger of a working directory may be gone on with, in words: what `status.xml` there, or
//! at the drop-box, says against it, and what a person does then.
//!
//! Deliberately absent: the judgement itself, which is `courier-ledger`'s.

use std::fmt;
use std::path::{Path, PathBuf};

use courier_ledger::{
    Digest, DropBoxAddress, Failure, FailureClass, LegacyStatus, Phase, PublishedSeen, Refused,
    Sequence, Standing, State, StatusFound, Tip, published_standing, standing,
};

use super::error::{CommandError, NoProjection};
use crate::effects::status_file::{Found, LocalStatusFile, StatusFileError};
use crate::exit_code::ExitCode;
use crate::run::{ApproachError, StatusFile as _};

/// The local `status.xml`, as it was read before the log.
pub(super) struct LocalStatus {
    path: PathBuf,
    read: Result<Found, StatusFileError>,
    found: StatusFound,
}

impl LocalStatus {
    /// Reads it.
    pub(super) fn read(working_dir: &Path) -> Self {
        let file = LocalStatusFile::inside(working_dir);
        let read = file.read();
        let found = match &read {
            Ok(Found::Nothing) => StatusFound::Nothing,
            Ok(Found::Legacy(_)) => StatusFound::Legacy,
            Ok(Found::Projection(tip, _)) => StatusFound::Projection(*tip),
            Err(StatusFileError::NoFile { .. }) => StatusFound::NoFile,
            Err(error @ StatusFileError::Unreadable { .. }) => StatusFound::Unreadable(Failure {
                phase: Phase::Run,
                class: FailureClass::NeedsPerson,
                text: error.to_string(),
            }),
            Err(StatusFileError::Damaged { .. }) => StatusFound::Damaged,
        };
        Self {
            path: file.path().to_owned(),
            read,
            found,
        }
    }

    /// The entry whose hash decides, in a log of which `state` is all.
    pub(super) fn entry_in(&self, state: &State) -> Option<Sequence> {
        self.found.entry_in(state)
    }

    /// What it is the projection of, if it is one, and its bytes.
    pub(super) fn projection(&self) -> Option<(Tip, &[u8])> {
        match &self.read {
            Ok(Found::Projection(tip, bytes)) => Some((*tip, bytes)),
            Ok(Found::Nothing | Found::Legacy(_)) | Err(_) => None,
        }
    }

    /// As [`Self::judge`], for who changes nothing: what a run would write anew is an error, too.
    pub(super) fn usable(self, state: &State, hash: Option<Digest>) -> Result<(), CommandError> {
        match standing(&self.found, state, hash) {
            Ok(Standing::Rewrite) => match self.read {
                Err(error) => Err(NoProjection::from(error).into()),
                Ok(_) => Ok(()),
            },
            Ok(Standing::GoOn | Standing::Import) => Ok(()),
            Err(_) => Ok(self.judge(state, hash).map(drop)?),
        }
    }

    /// The entry that it shows, of whatever ledger.
    pub(super) fn shown(&self) -> Option<Sequence> {
        self.projection().map(|(tip, _)| tip.sequence)
    }

    /// What is to be imported into a log of which `state` is all, if it may be gone on with; `hash` is
    /// that of the entry that decides.
    pub(super) fn judge(
        self,
        state: &State,
        hash: Option<Digest>,
    ) -> Result<Option<LegacyStatus>, NoStanding> {
        let path = self.path;
        match (standing(&self.found, state, hash), self.read) {
            (Err(why), read) => Err(NoStanding {
                place: Place::Local(path),
                why,
                source: read.err().map(Box::new),
            }),
            (Ok(Standing::Import), Ok(Found::Legacy(legacy))) => Ok(Some(legacy)),
            (Ok(Standing::Rewrite), Err(error)) => {
                tracing::warn!("{error}; it is written anew from the ledger");
                Ok(None)
            }
            (Ok(Standing::GoOn | Standing::Import | Standing::Rewrite), _) => Ok(None),
        }
    }
}

/// The published `status.xml`, as it was read before the log.
pub(super) struct Published<'a> {
    /// What stands there.
    pub(super) found: &'a StatusFound,
    /// Where.
    pub(super) drop_box: &'a DropBoxAddress,
    /// The same in words.
    pub(super) folder: String,
}

impl Published<'_> {
    /// The entry that it shows, of whatever ledger.
    pub(super) fn shown(&self) -> Option<Sequence> {
        match self.found {
            StatusFound::Projection(tip) => Some(tip.sequence),
            _ => None,
        }
    }

    /// Whether a run would go on; says what it would say. `hash` is that of the entry that it shows.
    pub(super) fn judge(
        &self,
        state: &State,
        hash: Option<Digest>,
        legacy: Option<&LegacyStatus>,
    ) -> Result<(), NoStanding> {
        match published_standing(self.found, self.drop_box, state, hash, legacy) {
            Ok(seen) if seen.is_like(state.published_seen()) => {}
            Ok(seen) => tell_published(&seen),
            Err(why) => {
                return Err(NoStanding {
                    place: Place::Published(self.folder.clone()),
                    why,
                    source: None,
                });
            }
        }
        Ok(())
    }
}

/// Says once how the published `status.xml` was found, if that is worth a word.
pub(super) fn tell_published(seen: &PublishedSeen) {
    match seen {
        PublishedSeen::AsExpected => tracing::info!("{seen} again"),
        PublishedSeen::Missing | PublishedSeen::Unreadable(_) | PublishedSeen::Unusable => {
            tracing::warn!("{seen}");
        }
    }
}

/// Why a run did not begin, in words; `folder` is where it was to deliver to.
pub(super) fn not_approached(error: ApproachError, folder: String) -> CommandError {
    match error {
        ApproachError::Log(error) => error.into(),
        ApproachError::Refused(why) => NoStanding {
            place: Place::Published(folder),
            why,
            source: None,
        }
        .into(),
    }
}

/// Which `status.xml` speaks against a ledger.
#[derive(Debug)]
pub(crate) enum Place {
    /// This one.
    Local(PathBuf),
    /// The one in this folder of a server.
    Published(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Published(folder) => write!(f, "the status.xml at the drop-box ({folder})"),
        }
    }
}

/// Why a ledger is not gone on with.
#[derive(Debug)]
pub(crate) struct NoStanding {
    /// Which `status.xml` speaks against it.
    pub(crate) place: Place,
    /// What it says.
    pub(crate) why: Refused,
    /// Why it cannot be used, if it cannot be.
    pub(crate) source: Option<Box<StatusFileError>>,
}

impl fmt::Display for NoStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, why, source } = self;
        if let Some(error) = source {
            return error.fmt(f);
        }
        match why {
            Refused::AnotherLedger { shown, here: None } => write!(
                f,
                "{place} was written from the ledger {shown}, and that ledger is not here"
            ),
            Refused::AnotherLedger {
                shown,
                here: Some(here),
            } => write!(
                f,
                "{place} belongs to another ledger: it was written from {shown}, and the ledger here \
                 is {here}"
            ),
            Refused::OldCopy { shown, last } => write!(
                f,
                "{place} shows the ledger as of event {shown}, and the ledger here ends with event \
                 {last}: it is an old copy"
            ),
            Refused::Forked { at } => write!(
                f,
                "{place} shows another event {at} than the ledger here has: one of the two went on \
                 from an old copy, or was rewritten"
            ),
            Refused::Foreign => write!(
                f,
                "{place} is neither a ledger's nor the replaced program's, and this ledger never \
                 wrote one there"
            ),
            Refused::NoFile => write!(f, "{place} is not an ordinary file"),
            Refused::Unreadable => write!(f, "{place} cannot be read"),
            Refused::NotTakenOver { .. } => write!(
                f,
                "{place} is the replaced program's, and this ledger did not take it over"
            ),
            Refused::ReplacedRuns => write!(
                f,
                "{place} is the replaced program's, although this ledger has published its own: that \
                 program still runs, or somebody put an old file there"
            ),
        }
    }
}

impl std::error::Error for NoStanding {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().and_then(std::error::Error::source)
    }
}

impl NoStanding {
    /// Damage and old copies are the ledger's; what belongs to somebody else is for a person to decide.
    fn code(&self) -> ExitCode {
        match (&self.place, &self.why) {
            (Place::Local(_), _) => ExitCode::Ledger,
            (Place::Published(_), Refused::OldCopy { .. } | Refused::Forked { .. }) => {
                ExitCode::Ledger
            }
            (
                Place::Published(_),
                Refused::AnotherLedger { .. }
                | Refused::Foreign
                | Refused::NoFile
                | Refused::Unreadable
                | Refused::NotTakenOver { .. }
                | Refused::ReplacedRuns,
            ) => ExitCode::Blocked,
        }
    }

    fn hint(&self) -> &'static str {
        match (&self.place, &self.why) {
            (Place::Local(_), Refused::AnotherLedger { .. }) => {
                "restore ledger.log and ledger.head from a backup; if there is none, \
                 `broker-courier recover` begins a new ledger from what is at the drop-box"
            }
            (Place::Published(_), Refused::AnotherLedger { .. }) => {
                "nothing was changed; give each configuration a folder of its own \
                 (SFTP.FOLDERNAME); if the working directory was lost, or is a new one, restore it \
                 from a backup, or let `broker-courier recover` begin a new ledger from what is there"
            }
            (_, Refused::OldCopy { .. }) => {
                "nothing was changed; restore ledger.log and ledger.head from a newer backup; if \
                 there is none, `broker-courier recover` begins a new ledger from this one and from \
                 what is at the drop-box"
            }
            (_, Refused::Forked { .. }) => {
                "nothing was changed; find out who went on from an old copy or changed one of them; \
                 restore the right ledger.log and ledger.head from a backup; if there are none, \
                 `broker-courier recover` begins a new ledger from what is at the drop-box"
            }
            (Place::Local(_), Refused::NoFile) => {
                "move it away; the next run writes status.xml anew"
            }
            (Place::Local(_), Refused::Unreadable) => "check its permissions",
            (Place::Local(_), _) => {
                "put the copy that is at the drop-box in its place; if there is none, move the file \
                 away to begin without it"
            }
            (Place::Published(_), Refused::Foreign | Refused::NoFile | Refused::Unreadable) => {
                "nothing was changed; find out who put it there, and move it away at the drop-box, or \
                 give this courier a folder of its own (SFTP.FOLDERNAME)"
            }
            (Place::Published(_), Refused::NotTakenOver { here: None }) => {
                "nothing was changed; stop the replaced program, and copy that file into \
                 MISC.WORKING_DIR: the first run takes it over"
            }
            (Place::Published(_), Refused::NotTakenOver { here: Some(_) }) => {
                "nothing was changed; stop the replaced program; this ledger began without what it \
                 left, so begin anew, with an empty MISC.WORKING_DIR that holds a copy of that file"
            }
            (Place::Published(_), Refused::ReplacedRuns) => {
                "nothing was changed; stop the replaced program, and move that file away at the \
                 drop-box: the next run writes its own anew"
            }
        }
    }
}

impl From<NoStanding> for CommandError {
    fn from(error: NoStanding) -> Self {
        let (code, hint) = (error.code(), error.hint());
        Self::new(code, error).hint(hint)
    }
}
