//! What a server can send that is no SFTP version 3. Deliberately absent: its texts, which are somebody
//! else's.

use thiserror::Error;

/// What a server sent that is no SFTP version 3.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ProtocolError {
    /// Text where a packet should begin.
    #[error("it prints text where SFTP should begin, as login scripts do")]
    Text,
    /// A packet that is longer than any answer.
    #[error("it announces a packet of {length_bytes} bytes")]
    TooLong {
        /// The length that it announces.
        length_bytes: usize,
    },
    /// A packet without a type.
    #[error("it sends an empty packet")]
    Empty,
    /// A packet that ends inside a field.
    #[error("a packet of type {kind} ends too early")]
    Truncated {
        /// The packet's type.
        kind: u8,
    },
    /// A packet of a type that is no answer.
    #[error("it sends a packet of type {kind}, which is no answer")]
    UnknownType {
        /// The packet's type.
        kind: u8,
    },
    /// An answer to nothing.
    #[error("it answers request {id}, which is not open")]
    UnknownId {
        /// The request.
        id: u32,
    },
    /// An answer of the wrong kind.
    #[error("it sends {answer} where the request was to {request}")]
    Unexpected {
        /// What came.
        answer: &'static str,
        /// What was asked.
        request: &'static str,
    },
    /// A protocol that is too old.
    #[error("it speaks version {version}, and 3 is needed")]
    Version {
        /// The version.
        version: u32,
    },
    /// A file handle that the draft does not allow.
    #[error("it sends a file handle of {length_bytes} bytes, and 1 to 256 are allowed")]
    Handle {
        /// Its length.
        length_bytes: usize,
    },
}
