//! The spool: where encrypted results wait between the stream that makes them and the upload that
//! sends them, so that an upload can start over without a new export.
//!
//! What always holds here: ciphertext only; nothing has a name on disk while it is in use, so a
//! killed process leaves nothing behind; memory does not grow with a result; the disk space taken
//! has a limit. Deliberately absent: waiting (a reader learns that there is nothing yet, and is
//! called when there is more), and keeping anything beyond the run.

mod buffer;
mod claim;
mod directory;
mod error;
mod reader;
mod writer;

pub(crate) use buffer::Spool;
pub(crate) use claim::SpoolLimits;
pub(crate) use directory::SpoolDirectory;
pub(crate) use error::SpoolError;

#[cfg(test)]
mod tests;
