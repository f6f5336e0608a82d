//! What is asked first on a new channel, once the server has told its version: its limits, whether the
//! folder is there, and how `status.xml` in it begins. All of it is asked at once; only reading takes
//! another question. Performs no I/O.
//!
//! What always holds: what is answered about `status.xml` never ends the connection; it is found, or it is
//! said why not. Deliberately absent: waiting for the file to be closed, which tells nothing.

use courier_ledger::{Failure, FailureClass, Phase, StatusFound};

use super::answer::Handle;
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::reply::{Reply, ServerLimits};
use crate::effects::sftp::wire::request::{LIMITS, Request};
use crate::effects::sftp::wire::status::{Status, StatusCode};

const LIMITS_ID: u32 = 1;
const FOLDER_ID: u32 = 2;
const LOOK_ID: u32 = 3;
const OPEN_ID: u32 = 4;
const READ_ID: u32 = 5;
/// Far from what requests count up from.
const CLOSE_ID: u32 = u32::MAX;

/// More than the beginning of any `status.xml` takes, in bytes.
pub(crate) const HEAD_BYTES: usize = 512;

/// What a server told of itself, of the folder, and of the `status.xml` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The server's limits.
    pub(crate) limits: ServerLimits,
    /// What stands in the folder in place of `status.xml`.
    pub(crate) status: StatusFound,
    /// The request that was sent and whose answer nobody waits for.
    pub(crate) unawaited: Option<u32>,
}

/// Why the opening failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OpeningError {
    /// The server does not keep to the protocol.
    Protocol(ProtocolError),
    /// There is no such folder.
    FolderMissing,
    /// It is not a folder.
    NoFolder,
}

impl From<ProtocolError> for OpeningError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// An opening under way.
pub(crate) struct Opening {
    /// `status.xml`, as the server knows it.
    path: String,
    /// The requests without an answer.
    awaited: Vec<u32>,
    limits: ServerLimits,
    looked: Option<Result<Attributes, Status>>,
    read: Reading,
}

/// How far reading is.
enum Reading {
    /// The file is being opened.
    Opening,
    /// It is open, and this much was read.
    Open(Handle, Vec<u8>),
    /// It was read as far as it tells something.
    Done(Handle, StatusFound),
    /// The server did not open it, or not let it be read.
    Refused(Status, Option<Handle>),
}

impl Opening {
    /// Asks in `out`, on a server that has these extensions, for the folder (an empty one is where the
    /// server puts one at login) and for `path`, which is `status.xml` in it.
    pub(crate) fn begin(
        extensions: &[String],
        folder: &str,
        path: String,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut awaited = vec![FOLDER_ID, LOOK_ID, OPEN_ID];
        if extensions.iter().any(|name| name == LIMITS) {
            Request::Limits.encode(LIMITS_ID, out);
            awaited.push(LIMITS_ID);
        }
        let folder = if folder.is_empty() { "." } else { folder };
        Request::Stat { path: folder }.encode(FOLDER_ID, out);
        Request::Lstat { path: &path }.encode(LOOK_ID, out);
        Request::OpenRead { path: &path }.encode(OPEN_ID, out);
        Self {
            path,
            awaited,
            limits: ServerLimits::default(),
            looked: None,
            read: Reading::Opening,
        }
    }

    /// Takes an answer, and asks in `out` what comes next; gives the result when it is there.
    pub(crate) fn answer(
        &mut self,
        packet: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Opened>, OpeningError> {
        let (id, reply) = Reply::decode(packet)?;
        let place = self.awaited.iter().position(|awaited| *awaited == id);
        let place = place.ok_or(ProtocolError::UnknownId { id })?;
        self.awaited.swap_remove(place);
        match (id, reply) {
            (LIMITS_ID, Reply::Extended(body)) => self.limits = ServerLimits::decode(&body)?,
            // It announced limits and does not tell them: the smallest apply.
            (LIMITS_ID, Reply::Status(_)) => {}
            (FOLDER_ID, Reply::Status(status)) if status.code.is_absent() => {
                return Err(OpeningError::FolderMissing);
            }
            // A drop-box may hide its folder from those who put things into it.
            (FOLDER_ID, Reply::Status(_)) => {}
            (FOLDER_ID, Reply::Attributes(attributes)) if attributes.is_no_folder() => {
                return Err(OpeningError::NoFolder);
            }
            (FOLDER_ID, Reply::Attributes(_)) => {}
            (LOOK_ID, Reply::Attributes(attributes)) => self.looked = Some(Ok(attributes)),
            (LOOK_ID, Reply::Status(status)) if status.code != StatusCode::OK => {
                self.looked = Some(Err(status));
            }
            (OPEN_ID, Reply::Handle(handle)) => self.read_on(handle, Vec::new(), out),
            (OPEN_ID, Reply::Status(status)) if status.code != StatusCode::OK => {
                self.read = Reading::Refused(status, None);
            }
            (READ_ID, Reply::Data(more)) => self.take(&more, out),
            (READ_ID, Reply::Status(status)) if status.code == StatusCode::EOF => {
                self.take(&[], out);
            }
            (READ_ID, Reply::Status(status)) if status.code != StatusCode::OK => {
                if let Reading::Open(handle, _) = self.reading() {
                    self.read = Reading::Refused(status, Some(handle));
                }
            }
            (_, reply) => {
                let request = match id {
                    LIMITS_ID | FOLDER_ID => "describe itself",
                    LOOK_ID => "tell a file's attributes",
                    OPEN_ID => "open a file",
                    _ => "read",
                };
                return Err(ProtocolError::Unexpected {
                    answer: reply.words(),
                    request,
                }
                .into());
            }
        }
        if !self.awaited.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.end(out)))
    }

    fn reading(&mut self) -> Reading {
        std::mem::replace(&mut self.read, Reading::Opening)
    }

    /// Takes bytes of the file; none at its end.
    fn take(&mut self, more: &[u8], out: &mut Vec<u8>) {
        let Reading::Open(handle, mut bytes) = self.reading() else {
            return;
        };
        bytes.extend(more.iter().take(HEAD_BYTES - bytes.len().min(HEAD_BYTES)));
        let is_whole = more.is_empty() || bytes.len() >= HEAD_BYTES;
        match StatusFound::of_beginning(&bytes) {
            Some(found) => self.read = Reading::Done(handle, found),
            None if is_whole => self.read = Reading::Done(handle, StatusFound::Damaged),
            None => self.read_on(handle, bytes, out),
        }
    }

    fn read_on(&mut self, handle: Handle, bytes: Vec<u8>, out: &mut Vec<u8>) {
        let length = u32::try_from(HEAD_BYTES - bytes.len()).unwrap_or(0);
        Request::Read {
            handle: &handle,
            offset: bytes.len() as u64,
            length,
        }
        .encode(READ_ID, out);
        self.awaited.push(READ_ID);
        self.read = Reading::Open(handle, bytes);
    }

    /// What came of it; closes what is open.
    fn end(&mut self, out: &mut Vec<u8>) -> Opened {
        let (found, handle) = match self.reading() {
            Reading::Done(handle, found) => (Ok(found), Some(handle)),
            Reading::Refused(status, handle) => (Err(status), handle),
            // Every question was answered, so the file was opened or refused.
            Reading::Open(handle, _) => (Ok(StatusFound::Damaged), Some(handle)),
            Reading::Opening => (Ok(StatusFound::Nothing), None),
        };
        if let Some(handle) = &handle {
            Request::Close { handle }.encode(CLOSE_ID, out);
        }
        let status = match (self.looked.take(), found) {
            (Some(Ok(attributes)), _) if attributes.is_no_file() => StatusFound::NoFile,
            (_, Ok(found)) => found,
            (_, Err(status)) if status.code.is_absent() => StatusFound::Nothing,
            // Some servers answer "failure" for what is not there.
            (Some(Err(look)), Err(_)) if look.code.is_absent() => StatusFound::Nothing,
            (_, Err(status)) => StatusFound::Unreadable(Failure {
                phase: Phase::Look,
                class: if status.code.is_denied() {
                    FailureClass::NeedsPerson
                } else {
                    status.code.class()
                },
                text: format!("{}: {status}", self.path),
            }),
        };
        Opened {
            limits: self.limits,
            status,
            unawaited: handle.map(|_| CLOSE_ID),
        }
    }
}
