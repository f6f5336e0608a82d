//! What a person reads when a command fails: what went wrong, its causes, and what to do next. Every
//! error of the parts becomes one here, with its exit code and its advice, so that `?` is all that a
//! command needs.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use courier_ledger::log::{FoldError, LogError};
use courier_ledger::{Failure, FailureClass, KeyId, Moved, Phase, RequestId, Sequence};
use courier_postgres::AddressError;
use openssl::error::ErrorStack;

use super::terminal::{self, Messages};
use super::{again, busy, logging};
use crate::config::ConfigurationError;
use crate::effects::age::AgeError;
use crate::effects::broker::BrokerError;
use crate::effects::evidence::{EvidenceKeyError, KeptError, NoteError, ProofError};
use crate::effects::fernet::{DecryptError, KeyError};
use crate::effects::pipe::PipeError;
use crate::effects::secret_file::SecretFileError;
use crate::effects::sftp::{ConnectError, PrivateKeyFault};
use crate::effects::spool::SpoolError;
use crate::effects::status_file::StatusFileError;
use crate::exit_code::ExitCode;
use crate::run::RecordError;

/// Colours of ECMA-48.
const RED: u8 = 31;
const CYAN: u8 = 36;

/// An error on its way to a person, with its exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The exit code.
    pub(crate) code: ExitCode,
    error: Box<dyn Error>,
    hint: Option<String>,
}

impl CommandError {
    /// An error without advice.
    pub(super) fn new(code: ExitCode, error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            code,
            error: error.into(),
            hint: None,
        }
    }

    /// The same, with advice.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error with its causes, in one sentence.
    pub(super) fn in_one_line(&self) -> String {
        let mut text = self.error.to_string();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// The advice, if there is any.
    pub(super) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Writes the error, each cause on a line of its own, and the advice to standard error.
    pub(crate) fn report(&self) {
        let causes = self.causes();
        let hint = self.hint.as_deref().map(again::pasteable);
        let hint = hint.as_deref();
        if logging::is_json() {
            let because = causes.join("; ");
            let because = Some(because.as_str()).filter(|because| !because.is_empty());
            tracing::error!(hint, because, "{}", self.error);
            return;
        }
        let mut text = format!("{}: {}\n", terminal::coloured("error", RED), self.error);
        for cause in causes {
            text.push_str(&format!("  because: {cause}\n"));
        }
        if let Some(hint) = hint {
            text.push_str(&format!("{}: {hint}\n", terminal::coloured("hint", CYAN)));
        }
        if logging::is_worth_saying(&text) {
            drop(Messages.write_all(text.as_bytes()));
        }
    }

    fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// What was asked for needs events that were left out of a redacted copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeftOut {
    /// The state at a moment.
    #[error(
        "this is a redacted copy: event {missing} was left out, and how things stood can be told up to event {last} \
         only"
    )]
    State {
        /// The first event that is missing.
        missing: Sequence,
        /// The one before.
        last: Sequence,
    },
    /// Every decision once more.
    #[error("this is a redacted copy: decisions follow from events that were left out")]
    Decisions,
    /// Copies of `status.xml`.
    #[error(
        "this is a redacted copy: what status.xml shows follows from events that were left out"
    )]
    Copies,
    /// A request of which nothing is there.
    #[error("this is a redacted copy, and nothing that was kept tells of request {0}")]
    Request(RequestId),
    /// The events of a run.
    #[error(
        "this is a redacted copy: to which run an event belongs follows from events that were left out"
    )]
    Runs,
}

impl From<LeftOut> for CommandError {
    fn from(error: LeftOut) -> Self {
        let hint = match error {
            LeftOut::State { last, .. } => format!("`broker-courier replay --at {last}` shows it"),
            LeftOut::Decisions | LeftOut::Copies => {
                "`verify` without that checks what is there, and --checkpoints FILE --key VKEY that it is what \
                 was signed"
                    .to_owned()
            }
            LeftOut::Request(_) => "whoever made the copy can keep what is about it: redact --request".to_owned(),
            LeftOut::Runs => "`log --since SEQ --until SEQ` shows a part by numbers".to_owned(),
        };
        Self::new(ExitCode::Usage, error).hint(hint)
    }
}

/// Why a ledger was not copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCopied {
    /// Something else is there.
    #[error("{0} holds something else than the beginning of this ledger")]
    Another(String),
}

impl From<NotCopied> for CommandError {
    fn from(error: NotCopied) -> Self {
        Self::new(ExitCode::Ledger, error).hint(
            "nothing was changed there: name an empty folder, or another schema (…?schema=NAME) with new tables",
        )
    }
}

/// Why there is no redacted copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRedacted {
    /// Something has its name.
    #[error("{} exists already and is never written into", .0.display())]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("{}: the copy cannot be written", path.display())]
    Unwritable {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl NotRedacted {
    /// The copy in this folder cannot be written.
    pub(super) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unwritable { path, source }
    }
}

impl From<NotRedacted> for CommandError {
    fn from(error: NotRedacted) -> Self {
        Self::new(ExitCode::Usage, error)
            .hint("name a folder that is not there yet, in one that this user may write to")
    }
}

/// What was asked for cannot be done, because of how it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    /// Neither an argument nor the environment names a configuration.
    #[error("no configuration was given")]
    NoConfiguration,
    /// A database was to be dealt with, and the ledger is in files.
    #[error("no database was given")]
    NoDatabase,
    /// A ledger in files was to be taken from its holder.
    #[error(
        "the ledger is in files: its lock ends with the process that has it, so there is nothing to take over"
    )]
    NoLease,
    /// The address of a database cannot be used.
    #[error("the address of the ledger's database {0}")]
    Address(Arc<AddressError>),
    /// The seed of the waits.
    #[error("BROKER_COURIER_SEED is not a number")]
    Seed,
    /// What is to be approved.
    #[error("DIGEST is 64 hexadecimal digits, or at least the first 6 of them")]
    Digest,
    /// Nothing waits for an approval.
    #[error("nothing is held back: there is nothing to approve")]
    NothingHeld,
    /// There is nothing of the replaced program's.
    #[error("{0}: nothing is to be taken over")]
    NothingToImport(&'static str),
    /// Nothing is known to be left anywhere.
    #[error("nothing was left behind anywhere")]
    NothingLeftBehind,
    /// A person does not say what another partner is, or says it of one that is not another.
    #[error("{option} belongs to an approval when, and only when, another {about} is configured")]
    Answer {
        /// The option.
        option: &'static str,
        /// What it is about.
        about: &'static str,
    },
    /// Something else waits for an approval.
    #[error("that is not what is held back now, which is {held}")]
    NotHeld {
        /// What is held back.
        held: courier_ledger::Digest,
    },
    /// A decision that nobody answers for.
    #[error("what a person decides needs a name and a reason: --who and --why")]
    Unsigned,
    /// Requests that nobody knows.
    #[error(
        "--only names what neither the broker nor the ledger knows: request {}",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    UnknownRequests(BTreeSet<RequestId>),
    /// A key that need not be announced.
    #[error("the key {0} is in use already")]
    KeyInUse(KeyId),
    /// Recipients that need not be announced.
    #[error("the recipients {0} are in use already")]
    RecipientsInUse(KeyId),
    /// A key file is named where recipients decide.
    #[error("SECURITY.ENCRYPTION is `age`: recipients are announced, not a key file")]
    RecipientsDecide,
    /// A file for age, and no private key.
    #[error("{} is encrypted with age, and no --identity is given", .0.display())]
    NoIdentity(PathBuf),
    /// A copy of `status.xml`.
    #[error("{} cannot be read", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing was ever told of this request.
    #[error("the ledger knows no request {0}: no poll listed it, and nothing was delivered for it")]
    NoSuchRequest(courier_ledger::RequestId),
    /// A moment that is to come.
    #[error("that is yet to come: the last event is of {last}")]
    ToCome {
        /// Its time.
        last: courier_ledger::Timestamp,
    },
    /// There is no such run.
    #[error("no run has an event {0}")]
    NoSuchRun(Sequence),
    /// Nothing lies in a period.
    #[error("nothing of the ledger lies there: it goes from {first} to {last}")]
    NothingThen {
        /// The time of its first event.
        first: courier_ledger::Timestamp,
        /// The time of its last one.
        last: courier_ledger::Timestamp,
    },
    /// A file that was to be written.
    #[error("{} cannot be written", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no ledger yet.
    #[error("the ledger has no such event")]
    NoEvents,
    /// The ledger is not as long as that.
    #[error("the ledger has no event {asked}; its last one is {last}")]
    NoSuchEvent {
        /// The event that was asked for.
        asked: Sequence,
        /// The last one that there is.
        last: Sequence,
    },
}

impl From<UsageError> for CommandError {
    fn from(error: UsageError) -> Self {
        let hint = match error {
            UsageError::NoConfiguration => {
                Some("name it with --config FILE, or in $BROKER_COURIER_CONFIG")
            }
            UsageError::NoDatabase => {
                Some("name it with --ledger postgres://…, or in the configuration (LEDGER.URL)")
            }
            UsageError::NoLease => Some(
                "`broker-courier status` names the process; once that has ended, the next run goes on",
            ),
            UsageError::Copy { .. } => Some("name files that this user can read"),
            UsageError::Address(_)
            | UsageError::Seed
            | UsageError::NothingLeftBehind
            | UsageError::Unsigned => None,
            UsageError::UnknownRequests(_) => Some(
                "nothing was done; `broker-courier plan` names what is to be done, `status` every request",
            ),
            UsageError::RecipientsInUse(_) => {
                Some("SECURITY.RECIPIENTS names them; change it first, then announce it")
            }
            UsageError::RecipientsDecide => Some(
                "`broker-courier rotate-key --why \"…\"` without FILE announces SECURITY.RECIPIENTS",
            ),
            UsageError::NoIdentity(_) => {
                Some("--identity FILE names the recipient's private key, which age-keygen made")
            }
            UsageError::KeyInUse(_) => {
                Some("without FILE, `rotate-key` puts a new one in its place")
            }
            UsageError::Digest | UsageError::NotHeld { .. } | UsageError::Answer { .. } => Some(
                "`broker-courier run` says what it holds back, and the command that approves it",
            ),
            UsageError::NothingToImport(_) => Some(
                "MISC.WORKING_DIR must be the folder in which the replaced program keeps its status.xml; \
                 `broker-courier status` shows a ledger that is there",
            ),
            UsageError::NothingHeld => Some(
                "an approval is for what the last run held back: `broker-courier status` shows it",
            ),
            UsageError::NoSuchRequest(_) => Some(
                "`broker-courier status --all` lists those that it knows; the broker shows requests with \
                 another tag, and this ledger does not",
            ),
            UsageError::ToCome { .. } => Some("`broker-courier plan` says what would be done now"),
            UsageError::NoSuchRun(_) => Some(
                "`broker-courier log --kind RunStarted` lists the runs with the numbers of their first events",
            ),
            UsageError::NothingThen { .. } => Some(
                "--from and --to take times of the ledger; dates are days of this machine's time zone",
            ),
            UsageError::Output { .. } => {
                Some("name a file in a folder that is there, and that this user may write to")
            }
            UsageError::NoEvents => {
                Some("`broker-courier log` lists the events with their sequence numbers")
            }
            UsageError::NoSuchEvent { .. } => {
                Some("`broker-courier log` lists the events with their numbers")
            }
        };
        let error = Self::new(ExitCode::Usage, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<ConfigurationError> for CommandError {
    fn from(error: ConfigurationError) -> Self {
        Self::new(ExitCode::Configuration, error).hint("docs/configuration.md describes every key")
    }
}

/// The working directory is not there.
#[derive(Debug, thiserror::Error)]
#[error("the working directory {} does not exist", .0.display())]
pub(crate) struct NoWorkingDirectory(pub(crate) PathBuf);

impl From<NoWorkingDirectory> for CommandError {
    fn from(error: NoWorkingDirectory) -> Self {
        Self::new(ExitCode::Configuration, error).hint(
            "create it, owned by the user that runs the courier, mode 0700 (MISC.WORKING_DIR)",
        )
    }
}

/// The folder of files cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read as a folder", path.display())]
pub(crate) struct NoFolder {
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) error: std::io::Error,
}

impl From<NoFolder> for CommandError {
    fn from(error: NoFolder) -> Self {
        Self::new(ExitCode::Usage, error).hint("name the folder that the delivered files lie in")
    }
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        let hint = match error {
            KeyError::Missing(_)
            | KeyError::Directory(_)
            | KeyError::NotAFile(_)
            | KeyError::Empty(_)
            | KeyError::Malformed(_)
            | KeyError::NotText { .. }
            | KeyError::Unreadable { .. } => {
                "SECURITY.PATH_ENCRYPTION_KEY names it; `broker-courier keygen FILE` makes one"
            }
            KeyError::Exists(_) | KeyError::Unwritable { .. } | KeyError::Random(_) => {
                "choose a file that does not exist, in a folder that you may write to"
            }
        };
        Self::new(ExitCode::Configuration, error).hint(hint)
    }
}

impl From<EvidenceKeyError> for CommandError {
    fn from(error: EvidenceKeyError) -> Self {
        let hint = match error {
            EvidenceKeyError::File { .. } | EvidenceKeyError::Malformed(_) => {
                "EVIDENCE.KEY names it; `broker-courier evidence-key FILE` makes one"
            }
            EvidenceKeyError::NoPassphrase(_) | EvidenceKeyError::WrongPassphrase(_) => {
                "name the file that `evidence-key --passphrase-file` took in EVIDENCE.KEY_PASSPHRASE_FILE"
            }
            EvidenceKeyError::Exists(_) => "`evidence-key --public` shows the public half of one",
            EvidenceKeyError::Unwritable { .. } | EvidenceKeyError::Library(_) => {
                "choose a file that does not exist, in a folder that you may write to"
            }
        };
        Self::new(ExitCode::Configuration, error).hint(hint)
    }
}

/// What was asked for cannot be proven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotProven {
    /// A redacted copy does not have it.
    #[error("this is a redacted copy: the event was left out of it, or may have been")]
    LeftOut,
    /// The kept checkpoints cannot be used.
    #[error(transparent)]
    Kept(KeptError),
    /// There are none.
    #[error("no checkpoint of this ledger was signed yet")]
    NothingSigned,
    /// There is none of this size.
    #[error("no checkpoint of {size} events was signed{}", last.map_or(String::new(), |last| format!("; the last one is of {last}")))]
    NoSuchCheckpoint {
        /// The size.
        size: u64,
        /// That of the last one.
        last: Option<u64>,
    },
    /// The event is not in the ledger.
    #[error("the ledger has no such event")]
    NoEntry,
    /// The request was not delivered.
    #[error("the ledger knows of no delivery of request {0}")]
    NotDelivered(RequestId),
    /// The event came later.
    #[error("event {number} came after the checkpoint, which is of {size} events")]
    Later {
        /// The event.
        number: Sequence,
        /// The size of the checkpoint.
        size: u64,
    },
    /// The checkpoint has more events than the ledger.
    #[error(
        "the checkpoint is of {0} events, and the ledger has fewer: it was cut, or is an old copy"
    )]
    NotThisLedger(u64),
    /// The sizes are the wrong way round.
    #[error("a ledger of {new} events does not go on from one of {old}")]
    Order {
        /// The size of the first.
        old: u64,
        /// The size of the second.
        new: u64,
    },
    /// Something stands where the proof is to go.
    #[error("{} exists already and is never overwritten", .0.display())]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<NotProven> for CommandError {
    fn from(error: NotProven) -> Self {
        let (code, hint) = match error {
            NotProven::Kept(_) => (ExitCode::Ledger, "a run signs and keeps them"),
            NotProven::NotThisLedger(_) => (
                ExitCode::Ledger,
                "`broker-courier verify` looks at every byte",
            ),
            NotProven::NothingSigned => (
                ExitCode::Usage,
                "with EVIDENCE.KEY, a run signs one: docs/proofs.md",
            ),
            NotProven::Later { .. } => (
                ExitCode::Usage,
                "the next run that changes something signs a checkpoint that holds it",
            ),
            NotProven::NoSuchCheckpoint { .. } | NotProven::Order { .. } => (
                ExitCode::Usage,
                "the file of checkpoints beside the ledger names their sizes",
            ),
            NotProven::LeftOut => (
                ExitCode::Usage,
                "whoever made the copy can prove it from the ledger itself",
            ),
            NotProven::NoEntry | NotProven::NotDelivered(_) => (
                ExitCode::Usage,
                "`broker-courier log` lists the events with their numbers",
            ),
            NotProven::Exists(_) | NotProven::Unwritable { .. } => (
                ExitCode::Usage,
                "choose a file that does not exist, in a folder that you may write to",
            ),
        };
        Self::new(code, error).hint(hint)
    }
}

/// A checkpoint that is not this ledger's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadCheckpoint {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} holds something else than checkpoints", .0.display())]
    NoCheckpoints(PathBuf),
    /// Those that are kept cannot be used.
    #[error(transparent)]
    Kept(KeptError),
    /// Nobody who is known has signed one.
    #[error("{}, checkpoint of {size} events: {error}", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// The size of its tree.
        size: u64,
        /// Why.
        error: NoteError,
    },
    /// One is of another ledger.
    #[error("{}: a checkpoint of another ledger, {origin}", path.display())]
    Another {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        origin: String,
    },
    /// The history is another one.
    #[error(
        "{}: the checkpoint of {size} events is of another history: this ledger was rewritten, or went on \
         from an old copy",
        path.display()
    )]
    Contradicts {
        /// The file.
        path: PathBuf,
        /// The size of its tree.
        size: u64,
    },
    /// The ledger ends before it.
    #[error(
        "{}: the ledger ends with event {last}, and a checkpoint of {size} events was signed: it was cut, \
         or is an old copy",
        path.display()
    )]
    Longer {
        /// The file.
        path: PathBuf,
        /// The size of its tree.
        size: u64,
        /// The last event that there is.
        last: u64,
    },
}

impl From<BadCheckpoint> for CommandError {
    fn from(error: BadCheckpoint) -> Self {
        match error {
            BadCheckpoint::Unreadable { .. } | BadCheckpoint::NoCheckpoints(_) => {
                Self::new(ExitCode::Usage, error).hint("name files that this user can read")
            }
            BadCheckpoint::Signature { .. } | BadCheckpoint::Another { .. } => {
                Self::new(ExitCode::Ledger, error)
                    .hint("--key must be that of whoever signs this ledger's checkpoints")
            }
            BadCheckpoint::Kept(_)
            | BadCheckpoint::Contradicts { .. }
            | BadCheckpoint::Longer { .. } => Self::new(ExitCode::Ledger, error)
                .hint("docs/recovery.md says what can be done; keep both as they are until then"),
        }
    }
}

/// A proof that proves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadProof {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no checkpoints.
    #[error("{} holds something else than checkpoints", .0.display())]
    NoCheckpoints(PathBuf),
    /// The proof does not hold.
    #[error("{} proves nothing: {error}", path.display())]
    Proof {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ProofError,
    },
}

impl From<BadProof> for CommandError {
    fn from(error: BadProof) -> Self {
        let (code, hint) = match &error {
            BadProof::Unreadable { .. } | BadProof::NoCheckpoints(_) => {
                (ExitCode::Usage, "name a file that this user can read")
            }
            BadProof::Proof {
                error: ProofError::Form,
                ..
            } => (ExitCode::Usage, "`broker-courier prove` writes proofs"),
            BadProof::Proof {
                error: ProofError::NoOld(_),
                ..
            } => (
                ExitCode::Usage,
                "--checkpoints names a file that holds it, such as that of the drop-box",
            ),
            BadProof::Proof {
                error: ProofError::Unknown,
                ..
            } => (ExitCode::Usage, "a newer version reads it"),
            BadProof::Proof {
                error: ProofError::Note(NoteError::Unsigned) | ProofError::Origin(_),
                ..
            } => (
                ExitCode::Ledger,
                "--key must be that of whoever made the proof",
            ),
            BadProof::Proof { .. } => (
                ExitCode::Ledger,
                "do not rely on what it says; ask for another, and keep this one",
            ),
        };
        Self::new(code, error).hint(hint)
    }
}

/// The private key that opens the drop-box cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("SFTP.KEY_FILE cannot be used: {} {error}", path.display())]
pub(crate) struct NoPrivateKey {
    /// Its file.
    pub(crate) path: PathBuf,
    /// Why.
    pub(crate) error: PrivateKeyError,
}

/// Why; follows the file's path in a sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateKeyError {
    #[error(transparent)]
    File(#[from] SecretFileError),
    #[error(transparent)]
    Key(#[from] PrivateKeyFault),
}

impl From<NoPrivateKey> for CommandError {
    fn from(error: NoPrivateKey) -> Self {
        let remedy = match &error.error {
            PrivateKeyError::File(_) => {
                "it must hold a private key that the user of this program can read".to_owned()
            }
            PrivateKeyError::Key(fault) => fault.remedy(&error.path),
        };
        Self::new(ExitCode::Configuration, error).hint(remedy)
    }
}

impl From<BrokerError> for CommandError {
    fn from(error: BrokerError) -> Self {
        Self::new(ExitCode::Configuration, error)
    }
}

impl From<SpoolError> for CommandError {
    fn from(error: SpoolError) -> Self {
        Self::new(ExitCode::Configuration, error)
            .hint("MISC.WORKING_DIR must be writable for the user that runs the courier")
    }
}

/// The operating system gives no random numbers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRandomNumbers {
    /// For the waits between attempts.
    #[error(transparent)]
    Seed(ErrorStack),
    /// For the id of a new ledger.
    #[error(transparent)]
    LogId(ErrorStack),
}

impl From<NoRandomNumbers> for CommandError {
    fn from(error: NoRandomNumbers) -> Self {
        match error {
            NoRandomNumbers::Seed(_) => Self::new(ExitCode::Incomplete, error),
            NoRandomNumbers::LogId(_) => {
                Self::new(ExitCode::Ledger, error).hint("no random numbers")
            }
        }
    }
}

/// Nothing would end the run when it is asked to end.
#[derive(Debug, thiserror::Error)]
#[error("signals cannot be watched: {0}")]
pub(crate) struct NoSignals(pub(crate) io::Error);

impl From<NoSignals> for CommandError {
    fn from(error: NoSignals) -> Self {
        Self::new(ExitCode::Incomplete, error)
    }
}

/// Another process watches over the same working directory, or nobody can say that this one does.
#[derive(Debug, thiserror::Error)]
#[error("{folder} cannot be watched over: {why}", folder = .0.display(), why = .1)]
pub(crate) struct NotBesideAnother(pub(crate) PathBuf, pub(crate) io::Error);

impl From<NotBesideAnother> for CommandError {
    fn from(error: NotBesideAnother) -> Self {
        let NotBesideAnother(folder, why) = &error;
        let (code, hint) = match why.kind() {
            io::ErrorKind::ResourceBusy => {
                (ExitCode::Busy, busy::advice(&folder.join("ledger.log")))
            }
            _ => (
                ExitCode::Ledger,
                format!(
                    "{} must be writable for whoever watches",
                    folder.join("watch.json").display()
                ),
            ),
        };
        Self::new(code, error).hint(hint)
    }
}

/// A configuration that is read again names another ledger.
#[derive(Debug, thiserror::Error)]
#[error("MISC.WORKING_DIR is no longer {}, whose ledger is held", .0.display())]
pub(crate) struct MovedWorkingDirectory(pub(crate) PathBuf);

impl From<MovedWorkingDirectory> for CommandError {
    fn from(error: MovedWorkingDirectory) -> Self {
        Self::new(ExitCode::Configuration, error)
            .hint("to go on with another ledger, end this process and begin it again")
    }
}

/// Nothing would wake the thread that serves the drop-box.
#[derive(Debug, thiserror::Error)]
#[error("the drop-box cannot be served: {0}")]
pub(crate) struct NoWaker(pub(crate) io::Error);

impl From<NoWaker> for CommandError {
    fn from(error: NoWaker) -> Self {
        Self::new(ExitCode::Incomplete, error)
    }
}

/// Standard output takes nothing more.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct OutputError(pub(crate) io::Error);

impl From<OutputError> for CommandError {
    fn from(error: OutputError) -> Self {
        Self::new(ExitCode::Incomplete, error).hint("standard output could not be written")
    }
}

/// The run was ended before its time.
fn ended_early(failure: &Failure) -> CommandError {
    CommandError::new(ExitCode::Incomplete, failure.text.clone())
        .hint("what was not done is left to the next run")
}

/// The broker gave no usable answer.
pub(crate) struct PollFailed<'a>(pub(crate) &'a Failure);

impl From<PollFailed<'_>> for CommandError {
    fn from(PollFailed(failure): PollFailed<'_>) -> Self {
        if failure.phase == Phase::Run {
            return ended_early(failure);
        }
        let text = format!("the broker gave no usable answer: {failure}");
        Self::new(ExitCode::Broker, text).hint("nothing was changed at the drop-box")
    }
}

/// A plan that a run was bound to no longer holds.
pub(crate) struct PlanMoved<'a>(pub(crate) &'a [Moved]);

/// So much of what has moved is named; the rest is a number.
const NAMED_MOVES: usize = 20;

impl From<PlanMoved<'_>> for CommandError {
    fn from(PlanMoved(moved): PlanMoved<'_>) -> Self {
        let mut text =
            "the world has moved since the plan was made, and nothing was done:".to_owned();
        for moved in moved.iter().take(NAMED_MOVES) {
            text.push_str(&format!("\n  {moved}"));
        }
        if moved.len() > NAMED_MOVES {
            text.push_str(&format!("\n  and {} more", moved.len() - NAMED_MOVES));
        }
        Self::new(ExitCode::Blocked, text)
            .hint("look at a new plan: `broker-courier plan --out FILE`")
    }
}

/// The drop-box could not be reached.
pub(crate) struct DropBoxFailed<'a>(pub(crate) &'a Failure);

impl From<DropBoxFailed<'_>> for CommandError {
    fn from(DropBoxFailed(failure): DropBoxFailed<'_>) -> Self {
        if failure.phase == Phase::Run {
            return ended_early(failure);
        }
        let error = Self::new(ExitCode::DropBox, failure.to_string());
        if failure.phase == Phase::HostKey {
            return error.hint(
                "no credential was sent; `broker-courier host-key` shows the key and the line \
                 (SFTP.HOST_KEY) that accepts it",
            );
        }
        match failure.class {
            FailureClass::NeedsPerson => error,
            FailureClass::Transient | FailureClass::Permanent => {
                error.hint("nothing was uploaded; the next run tries again")
            }
        }
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        DropBoxFailed(&error.failure()).into()
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        let code = match error {
            LogError::Busy { .. } | LogError::Fenced { .. } => ExitCode::Busy,
            LogError::Absent { .. } => ExitCode::Usage,
            LogError::Exists { .. }
            | LogError::Refused(_)
            | LogError::Conflict { .. }
            | LogError::Unusable { .. }
            | LogError::Other(_) => ExitCode::Ledger,
        };
        let hint = match &error {
            LogError::Busy { place, by: None } => busy::advice(Path::new(place)),
            error => error.hint().to_owned(),
        };
        Self::new(code, error).hint(hint)
    }
}

impl From<FoldError> for CommandError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Log(error) => error.into(),
            FoldError::Illegal(_) => Self::new(ExitCode::Ledger, error).hint(
                "its bytes are whole, so the program that wrote it, or this one, has a defect: \
                 please report it with the output of `broker-courier log`",
            ),
        }
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Log(error) => error.into(),
            RecordError::Illegal(_) | RecordError::StatusFile { .. } => {
                Self::new(ExitCode::Ledger, error)
                    .hint("everything recorded before stands, and the next run goes on from there")
            }
        }
    }
}

/// `status.xml` is not the projection of the ledger beside it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoProjection {
    /// It claims to be one.
    #[error("status.xml says that it shows the ledger as of event {shown}, and it does not")]
    Differs {
        /// The event that it claims to show.
        shown: Sequence,
    },
    /// It says nothing.
    #[error(transparent)]
    Unusable(#[from] StatusFileError),
}

impl From<NoProjection> for CommandError {
    fn from(error: NoProjection) -> Self {
        let hint = match error {
            NoProjection::Differs { .. } => {
                "the next run writes it anew from the log, which is whole"
            }
            NoProjection::Unusable(_) => "the next run writes it anew from the log",
        };
        Self::new(ExitCode::Ledger, error).hint(hint)
    }
}

/// A file that was not decrypted.
pub(crate) struct NotDecrypted {
    /// Why.
    pub(crate) error: DecryptError,
    /// The key that the ledger names for the file, if it names one.
    pub(crate) named: Option<KeyId>,
}

impl From<NotDecrypted> for CommandError {
    fn from(error: NotDecrypted) -> Self {
        let NotDecrypted { error, named } = error;
        let hint = match (&error, named) {
            (DecryptError::Unauthentic { keys, .. }, Some(named)) if !keys.contains(&named) => {
                format!(
                    "the ledger names the key {named} for it: name its file with --key, or in \
                     SECURITY.OLD_KEYS; nothing was written"
                )
            }
            (DecryptError::Unauthentic { .. }, _) => {
                "was it delivered whole, and encrypted with a key that was tried? --key FILE and \
                 SECURITY.OLD_KEYS name others; nothing was written"
                    .to_owned()
            }
            (
                DecryptError::NotAToken(_)
                | DecryptError::Truncated { .. }
                | DecryptError::NotBase64 { .. },
                _,
            ) => "was it delivered whole? nothing was written".to_owned(),
            (
                DecryptError::Read { .. }
                | DecryptError::Padding(_)
                | DecryptError::OutputExists(_)
                | DecryptError::Write { .. }
                | DecryptError::Cryptography(_),
                _,
            ) => "nothing was written".to_owned(),
        };
        Self::new(ExitCode::Incomplete, error).hint(hint)
    }
}

impl From<PipeError> for CommandError {
    fn from(error: PipeError) -> Self {
        let hint = match &error {
            PipeError::Read(_) => "nothing was written",
            PipeError::Write { .. } => {
                "what comes from a pipe is kept there, encrypted as it is, until it is verified: TMPDIR \
                 names another folder; nothing was written"
            }
        };
        Self::new(ExitCode::Incomplete, error).hint(hint)
    }
}

impl From<AgeError> for CommandError {
    fn from(error: AgeError) -> Self {
        let hint = error.hint();
        Self::new(ExitCode::Incomplete, error).hint(hint)
    }
}
