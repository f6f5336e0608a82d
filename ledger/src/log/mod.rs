//! The event log on disk.
use crate::*;
/// Tip.
#[derive(Clone, Copy, Debug)]
pub struct Tip {
    /// Seq.
    pub sequence: Sequence,
    /// Hash.
    pub hash: Digest,
}
/// Err.
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct LogError;
/// Log.
pub trait EventLog {
    /// Id.
    fn log_id(&self) -> LogId;
    /// Tip.
    fn tip(&self) -> Tip;
    /// Append.
    fn append(&mut self, expected: Sequence, time: Timestamp, events: Vec<Event>) -> Result<Vec<Entry>, LogError>;
}
