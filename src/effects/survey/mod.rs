//! Everything that is at a drop-box, as far as it may be seen: the published ledger, how each file under
//! a result's name begins, unfinished uploads, and how much else there is. The drop-box itself is looked
//! at over SFTP, a copy of it in a folder of this machine; what comes of it is the same.
//!
//! What always holds: nothing is changed, there or here; no name that a server made up goes further than
//! its count; what could not be read says why. Deliberately absent: whose the files are, and what
//! follows from it.

mod distant;
mod local;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{
    Encryption, Failure, LogId, RemoteName, RequestId, Sequence, TemporaryPattern,
};

pub(crate) use distant::DistantFolder;
pub(crate) use local::LocalFolder;

/// What is at a drop-box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The published ledger, `status.xml`.
    pub ledger: LedgerThere,
    /// What stands under the names of results: a request has one for each encryption.
    pub exports: BTreeMap<(RequestId, Encryption), Export>,
    /// What else there is.
    pub folder: Folder,
    /// The fingerprint of the host key that the drop-box presented; none of a copy.
    pub host_key: Option<String>,
}

/// The `status.xml` of a drop-box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerThere {
    /// There is none.
    Nothing,
    /// Its bytes, whatever they say.
    Document(Vec<u8>),
    /// It cannot be read: why, in words.
    Unreadable(String),
}

/// What stands under a result's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its size, where that is shown.
    pub size_bytes: Option<u64>,
    /// How it begins.
    pub start: Start,
}

/// How a file begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Its first bytes, as many as tell a token's origin; fewer where it is shorter.
    Bytes(Vec<u8>),
    /// It cannot be read: why, in words.
    Unreadable(String),
}

/// What else there is in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// It was listed.
    Listed {
        /// Uploads that were begun and not finished.
        temporaries: Vec<Temporary>,
        /// How many other names there are.
        others: u64,
    },
    /// It may not be listed: why, in words. Files were asked for by name only, so others may be there.
    Refused(String),
}

/// A file under a name that this program writes under until an upload is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    /// Its name.
    pub name: RemoteName,
    /// The name that it would have got.
    pub of: RemoteName,
    /// The upload's intent.
    pub start: Sequence,
    /// How the log's name begins, which is all that the file's name tells of it.
    log: LogId,
    /// How its name was made.
    pattern: TemporaryPattern,
}

impl Temporary {
    /// Whether it is one of this log's, as far as its name tells.
    #[must_use]
    pub fn is_of(&self, log: LogId) -> bool {
        self.of.temporary_by(&self.pattern, log, self.start) == self.name
    }

    /// The log's name as far as it is told, zeros for the rest.
    #[must_use]
    pub fn log_start(&self) -> LogId {
        self.log
    }
}

/// A place that can be surveyed.
pub(crate) trait Surveyed {
    /// Looks at everything. Where the folder may not be listed, `named` says from the bytes of
    /// `status.xml` which results are looked for. `progress` hears how many of them were looked at, and of
    /// how many. A failure means that nothing is known.
    fn survey(
        &self,
        named: &dyn Fn(&[u8]) -> BTreeSet<RequestId>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Survey, Failure>;
}

/// What is said of a folder, a link or a pipe under a name of ours.
const NO_FILE: &str = "it is not an ordinary file";

/// The results to look for by name, each under both, where the folder may not be listed.
fn named_by(
    ledger: &LedgerThere,
    named: &dyn Fn(&[u8]) -> BTreeSet<RequestId>,
) -> BTreeSet<(RequestId, Encryption)> {
    let requests = match ledger {
        LedgerThere::Document(bytes) => named(bytes),
        LedgerThere::Nothing | LedgerThere::Unreadable(_) => BTreeSet::new(),
    };
    let both = |id| Encryption::ALL.into_iter().map(move |it| (id, it));
    requests.into_iter().flat_map(both).collect()
}
