//! What a drop-box is asked to do and what it answers: the words that the run loop shares with this
//! module. Names are those of files in the endpoint's folder.

use std::fmt;

use courier_ledger::{
    Failure, Placement, RemoteAfterFailure, RemoteName, Removal, Replaces, Seen, Unseen,
};

use crate::effects::sftp::wire::names::Entry;
use crate::effects::sftp::wire::reply::Room;
use crate::effects::source::Source;

/// One thing to do at the drop-box.
pub(crate) enum Operation {
    /// Writes a file under a temporary name, confirms it and puts it under its final name.
    Upload {
        /// Where the bytes come from.
        source: Box<dyn Source>,
        /// The temporary name: ours alone, as the recorded intent says. A file that stands there is
        /// removed.
        temporary: RemoteName,
        /// The final name.
        target: RemoteName,
        /// What may stand under the final name.
        replaces: Replaces,
    },
    /// Removes a file.
    Remove {
        /// Its name.
        name: RemoteName,
    },
    /// Looks whether a file is there, and how large it is.
    Look {
        /// Its name.
        name: RemoteName,
    },
    /// Reads how a file begins.
    Excerpt {
        /// Its name.
        name: RemoteName,
        /// How much of it, in bytes.
        length: u32,
        /// Why somebody wants to know.
        concern: Concern,
    },
    /// Reads the names of everything in the folder.
    List,
    /// Asks how much room there is for files in the folder.
    Measure,
}

/// Why somebody wants to know how a file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// An upload had no outcome, and may have put it there.
    UploadInDoubt,
    /// Everything in the folder is looked at.
    Survey,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload {
                target, replaces, ..
            } => {
                write!(f, "Upload {{ target: {target}, replaces: {replaces:?} }}")
            }
            Self::Remove { name } => write!(f, "Remove {{ name: {name} }}"),
            Self::Look { name } => write!(f, "Look {{ name: {name} }}"),
            Self::Excerpt { name, .. } => write!(f, "Excerpt {{ name: {name} }}"),
            Self::List => write!(f, "List"),
            Self::Measure => write!(f, "Measure"),
        }
    }
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Every write was acknowledged, the size agreed as far as the server tells it, and the file was
    /// put under its final name.
    Uploaded {
        /// Bytes written.
        size_bytes: u64,
        /// How it came under its final name.
        placement: Placement,
        /// Why that was not seen.
        unseen: Option<Unseen>,
    },
    /// The same, and a moment later it was gone: the recipient took it.
    PickedUp {
        /// Bytes written.
        size_bytes: u64,
        /// How it came under its final name.
        placement: Placement,
        /// Why not all of that was seen.
        unseen: Option<Unseen>,
    },
    /// The file is not there any more.
    Removed {
        /// Whether it was.
        removal: Removal,
        /// Why that was not seen.
        unseen: Option<Unseen>,
    },
    /// The file was looked at.
    Seen(Seen),
    /// How the file begins, as far as it is that long; none when it is not there.
    Excerpt(Option<Vec<u8>>),
    /// What is in the folder.
    Listed(Listed),
    /// How much room there is; none where the server does not offer to be asked.
    Measured(Option<Room>),
}

/// What is in the folder, as far as the server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// Everything.
    Whole {
        /// What has a name that can be kept.
        entries: Vec<Entry>,
        /// How many other names there are.
        others: u64,
    },
    /// It lets nobody list the folder; its words.
    Refused(String),
}

/// Why an operation was not done, and what it leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperationError {
    /// What failed.
    pub failure: Failure,
    /// What may remain at the drop-box.
    pub remote: RemoteAfterFailure,
    /// Whether the connection is gone: everything else on it fails too, and a new one is needed.
    pub connection_lost: bool,
}

impl OperationError {
    /// The connection stands.
    pub(crate) fn new(failure: Failure, remote: RemoteAfterFailure) -> Self {
        Self {
            failure,
            remote,
            connection_lost: false,
        }
    }

    /// The connection is gone.
    pub(crate) fn lost(failure: Failure, remote: RemoteAfterFailure) -> Self {
        Self {
            connection_lost: true,
            ..Self::new(failure, remote)
        }
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for OperationError {}

/// How an operation ended.
pub(crate) type Outcome = Result<Done, OperationError>;

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Completed {
    /// The number that it was submitted with.
    pub ticket: u64,
    /// How it ended.
    pub result: Result<Done, OperationError>,
}
