//! The words of a trial: what is tried, what was found, how it ended.
//!
//! Deliberately absent: how any of it is done.

use std::time::Duration;

use courier_ledger::{BrokerTime, Placement, RemoteName};

use crate::effects::sftp::{Capabilities, HostKeyFingerprint, Room};

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attempt {
    /// To find an SSH server.
    Address,
    /// To know it.
    HostKey,
    /// To be let in.
    Login,
    /// To be offered SFTP.
    Sftp,
    /// To find the folder.
    Folder,
    /// To find room on its disk.
    Room,
    /// To create a file there.
    Create,
    /// To write it, and to have it confirmed.
    Write,
    /// To put it under its final name, over another file.
    Rename,
    /// To look at it, as `REMOTE.CHECK` does.
    Look,
    /// To read it, as `recover` does.
    Read,
    /// To list the folder, as `recover` does.
    List,
    /// To remove the file.
    Remove,
}

/// What was found where an attempt succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing besides.
    Nothing,
    /// The host key that is accepted.
    HostKey(HostKeyFingerprint),
    /// What the server announced.
    Offers(Capabilities),
    /// How much room there is, or that the server does not offer to be asked.
    Room(Option<Room>),
    /// So many bytes arrived.
    Written(u64),
    /// How a file came over another.
    Placed(Placement),
    /// Somebody took the probe away in the meantime.
    Taken,
    /// So many files are in the folder; so many probes of earlier trials were there, and are not any more.
    Listed {
        /// Files of whatever kind.
        files: u64,
        /// Earlier probes.
        swept: u64,
    },
}

/// An attempt that ended.
#[derive(Debug)]
pub(crate) struct Tried {
    /// What was tried.
    pub(crate) attempt: Attempt,
    /// What was found, or why it was not done, in words.
    pub(crate) result: Result<Finding, String>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// How a trial ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Whether it was asked to end before.
    pub(crate) is_interrupted: bool,
    /// What is left at the drop-box, in spite of everything.
    pub(crate) left: Vec<RemoteName>,
    /// What the server's clock said, and ours around it.
    pub(crate) server_time: Option<BrokerTime>,
}
