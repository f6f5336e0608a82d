//! What is found when a log is opened, and what is done about it: one table, one function.

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFound {
    /// There is no file.
    NoFile,
    /// A log that this version reads.
    Known,
    /// Not a log, or a damaged header.
    Malformed,
    /// Another version of the format, or another hash function.
    Unknown,
}

/// What the witness says, held against the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessFound {
    /// There is no file.
    NoFile,
    /// It cannot be read.
    Malformed,
    /// The log holds exactly that entry.
    Agrees,
    /// The log holds another entry with that number.
    Differs,
    /// The log's whole entries end before it.
    BeyondTheEnd,
}

/// How the log's bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndFound {
    /// On a frame boundary.
    Boundary,
    /// With a frame that is short or whose checksums do not fit, and nothing after it.
    TornFrame,
    /// A bad frame, and a valid frame header after it.
    BadFrameInside,
    /// A whole frame whose number is not the next one.
    SequenceGap,
    /// A whole frame whose hash fits and whose event cannot be read.
    Undecodable,
}

/// Everything that the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The header.
    pub header: HeaderFound,
    /// The witness.
    pub witness: WitnessFound,
    /// The end.
    pub end: EndFound,
    /// Whether the whole entries hold more than one run.
    pub more_than_one_run: bool,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin a new log.
    Create,
    /// Go on.
    Open,
    /// Keep what is torn, cut it off, and go on.
    Heal,
    /// Change nothing; a person must look.
    Refuse(Rule),
}

/// The rule by which a log is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// There is a witness and no log.
    #[error("the log is gone, and its witness says that there was one")]
    LogLost,
    /// The first bytes are not a log's.
    #[error("the first bytes are not those of a log, or are damaged")]
    HeaderMalformed,
    /// Another version.
    #[error("the log was written in a format that this version does not know")]
    FormatUnknown,
    /// The witness cannot be read.
    #[error("the witness is damaged")]
    WitnessMalformed,
    /// The witness is gone.
    #[error("the witness is gone, and the log holds more than its first run")]
    WitnessLost,
    /// The witness knows another entry.
    #[error("the log holds another entry than its witness saw")]
    WitnessDiffers,
    /// The log is shorter than the witness.
    #[error("the log ends before the entry that its witness saw")]
    ShorterThanWitness,
    /// Damage before the end.
    #[error("a frame is damaged, and whole frames follow it")]
    DamagedInside,
    /// A number is missing.
    #[error("the number of a frame is not the next one")]
    SequenceGap,
    /// An event cannot be read.
    #[error("a frame is whole, and its event cannot be read")]
    Undecodable,
}

impl Rule {
    /// What a person can do.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::LogLost => {
                "restore ledger.log from a backup; to begin anew on purpose, move ledger.head and \
                 status.xml away (everything is then uploaded again)"
            }
            Self::HeaderMalformed | Self::DamagedInside | Self::SequenceGap => {
                "restore ledger.log and ledger.head together from a backup, and look at the disk; \
                 the published status.xml tells which event it must at least contain"
            }
            Self::FormatUnknown | Self::Undecodable => {
                "a newer version of the program may have written it: use that one"
            }
            Self::WitnessMalformed | Self::WitnessLost => {
                "compare the log's tip (`broker-courier log`) with the attributes on the root of the \
                 published status.xml, then restore ledger.head from a backup"
            }
            Self::WitnessDiffers | Self::ShorterThanWitness => {
                "was one of ledger.log and ledger.head restored without the other? restore both from \
                 the same backup; the published status.xml tells which event they must contain"
            }
        }
    }
}

/// The table of `docs/log-format.md`, row by row.
#[must_use]
pub fn action(found: Findings) -> Action {
    use EndFound::{BadFrameInside, Boundary, SequenceGap, TornFrame, Undecodable};
    use HeaderFound::{Known, Malformed, NoFile, Unknown};
    use WitnessFound::{Agrees, BeyondTheEnd, Differs};

    match (found.header, found.witness, found.end) {
        (NoFile, WitnessFound::NoFile, _) => Action::Create,
        (NoFile, _, _) => Action::Refuse(Rule::LogLost),
        (Malformed, _, _) => Action::Refuse(Rule::HeaderMalformed),
        (Unknown, _, _) => Action::Refuse(Rule::FormatUnknown),
        (Known, WitnessFound::Malformed, _) => Action::Refuse(Rule::WitnessMalformed),
        (Known, _, BadFrameInside) => Action::Refuse(Rule::DamagedInside),
        (Known, _, SequenceGap) => Action::Refuse(Rule::SequenceGap),
        (Known, _, Undecodable) => Action::Refuse(Rule::Undecodable),
        (Known, Differs, Boundary | TornFrame) => Action::Refuse(Rule::WitnessDiffers),
        (Known, BeyondTheEnd, Boundary | TornFrame) => Action::Refuse(Rule::ShorterThanWitness),
        (Known, WitnessFound::NoFile, Boundary | TornFrame) if found.more_than_one_run => {
            Action::Refuse(Rule::WitnessLost)
        }
        (Known, WitnessFound::NoFile | Agrees, Boundary) => Action::Open,
        (Known, WitnessFound::NoFile | Agrees, TornFrame) => Action::Heal,
    }
}
