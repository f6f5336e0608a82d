//! What the threads tell the carrier.

use courier_ledger::{Failure, Sequence};

use super::upload::{FetchError, Fetched};
use crate::effects::sftp::{Completed, DropBox};
use crate::effects::spool::Spool;
use crate::effects::stop::StopReason;

/// What the threads tell the carrier.
pub(super) enum Message {
    /// Connecting has ended.
    Connected(Result<DropBox, Failure>),
    /// A result has begun to arrive, encrypted.
    Arriving(Sequence, Spool),
    /// A fetch has ended.
    Fetched(Sequence, Result<Fetched, FetchError>),
    /// An operation at the drop-box has ended.
    Transferred(Completed),
    /// The run is to end.
    Stopped(StopReason),
}
