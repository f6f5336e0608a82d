//! Requests on their way: their bytes until the wire has taken them, and what each was for until it
//! is answered. The bytes leave in exactly the order in which they were put in, and a byte that the
//! wire did not take is offered again at the same place.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::reply::{Attributes, Reply};
use crate::effects::sftp::wire::request::{Request, encode_write};
use crate::effects::sftp::wire::status::{Status, StatusCode};
use crate::effects::source::{Available, Source};

/// What a request is for, in the story of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Creates the file, or empties the old one.
    Create,
    /// Removes what stood under the temporary name.
    ClearTemporary,
    /// Writes a piece.
    Write,
    /// Brings the file to the disk.
    Sync,
    /// Asks for the size of the open file.
    Measure,
    /// Closes the file.
    Close,
    /// Asks for the size of the file by its name.
    MeasureByName,
    /// Opens the file to read it back.
    Reopen,
    /// Reads a piece of it back.
    Read {
        /// Where the piece begins.
        offset: u64,
        /// How many bytes were asked for.
        length: u32,
    },
    /// Looks whether the final name is free.
    LookBefore,
    /// Puts the file in place, over what is there.
    Replace,
    /// Puts the file in place.
    Place,
    /// Looks why the file could not be put in place.
    LookAfterRefusal,
    /// Removes the old file from the final name.
    Unlink,
    /// Puts the file in place, once more.
    PlaceAgain,
    /// Looks what the rename did that was sent right before.
    LookBehind,
    /// Looks whether the file is still there.
    LookAfter,
    /// Removes the temporary file of an upload that was given up.
    Withdraw,
    /// Removes a file.
    Remove,
    /// Looks at a file.
    Look,
}

impl Purpose {
    fn words(self) -> &'static str {
        match self {
            Self::Create | Self::Reopen => "open a file",
            Self::Read { .. } => "read",
            Self::ClearTemporary | Self::Unlink | Self::Withdraw | Self::Remove => "remove a file",
            Self::Write => "write",
            Self::Sync => "sync a file",
            Self::Close => "close a file",
            Self::Measure
            | Self::MeasureByName
            | Self::LookBefore
            | Self::LookAfterRefusal
            | Self::LookBehind
            | Self::LookAfter
            | Self::Look => "tell a file's attributes",
            Self::Replace | Self::Place | Self::PlaceAgain => "rename a file",
        }
    }

    /// The answer that `reply` is to such a request.
    pub(crate) fn answer(self, reply: Reply) -> Result<Answer, ProtocolError> {
        let answer = reply.words();
        let wants_handle = matches!(self, Self::Create | Self::Reopen);
        let wants_data = matches!(self, Self::Read { .. });
        let wants_attributes = matches!(
            self,
            Self::Measure
                | Self::MeasureByName
                | Self::LookBefore
                | Self::LookAfterRefusal
                | Self::LookBehind
                | Self::LookAfter
                | Self::Look
        );
        match reply {
            Reply::Status(status) if status.code != StatusCode::OK => Ok(Answer::Refused(status)),
            Reply::Status(_) if !wants_handle && !wants_data && !wants_attributes => Ok(Answer::Ok),
            Reply::Handle(handle) if wants_handle => Ok(Answer::Handle(handle)),
            Reply::Data(bytes) if wants_data => Ok(Answer::Data(bytes)),
            Reply::Attributes(attributes) if wants_attributes => Ok(Answer::Attributes(attributes)),
            Reply::Status(_)
            | Reply::Handle(_)
            | Reply::Data(_)
            | Reply::Attributes(_)
            | Reply::Extended(_) => Err(ProtocolError::Unexpected {
                answer,
                request: self.words(),
            }),
        }
    }
}

/// An answer that fits its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done.
    Ok,
    /// The file is open.
    Handle(Vec<u8>),
    /// Bytes of it.
    Data(Vec<u8>),
    /// The file is there.
    Attributes(Attributes),
    /// Not done.
    Refused(Status),
}

/// A request that has not been answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    /// Whose it is.
    pub(crate) slot: u64,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// Data that it carries or asks for.
    data_bytes: usize,
}

/// The requests on their way.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    taken: usize,
    next_id: u32,
    outstanding: BTreeMap<u32, Outstanding>,
    unacknowledged_bytes: usize,
    held_bytes: usize,
}

impl Outbox {
    /// Bytes that the wire has not taken yet.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Says that the wire took the first `count` pending bytes.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.bytes.len());
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
        }
    }

    /// Requests without an answer.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Data in requests without an answer, and data that was answered out of its order: what the
    /// window bounds.
    pub(crate) fn windowed_bytes(&self) -> usize {
        self.unacknowledged_bytes + self.held_bytes
    }

    /// Says that so many bytes that were read must wait for those before them.
    pub(crate) fn hold(&mut self, bytes: usize) {
        self.held_bytes += bytes;
    }

    /// Says that so many of them wait no longer.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
    }

    /// Notes that request `id` was answered, and says what it was.
    pub(crate) fn answered(&mut self, id: u32) -> Result<Outstanding, ProtocolError> {
        let request = self
            .outstanding
            .remove(&id)
            .ok_or(ProtocolError::UnknownId { id })?;
        self.unacknowledged_bytes -= request.data_bytes;
        Ok(request)
    }

    fn note(&mut self, slot: u64, purpose: Purpose, data_bytes: usize) {
        self.outstanding.insert(
            self.next_id,
            Outstanding {
                slot,
                purpose,
                data_bytes,
            },
        );
        self.unacknowledged_bytes += data_bytes;
        // Ids may come round after 2^32 requests; only a few thousand are ever open.
        self.next_id = self.next_id.wrapping_add(1);
    }

    fn compact(&mut self) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
    }
}

/// What may be on its way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Files open at once, at least one.
    pub(crate) open_files: usize,
    /// Data without acknowledgement, in bytes.
    pub(crate) unacknowledged_bytes: usize,
    /// Data in one WRITE, in bytes, at least one.
    pub(crate) write_bytes: usize,
    /// Data in one answer to a READ, in bytes, at least one.
    pub(crate) read_bytes: usize,
    /// How long an operation may take in all.
    pub(crate) operation: Duration,
    /// How long an operation that was given up may take to clean up.
    pub(crate) cleanup: Duration,
}

/// What the server can do, as far as it is known. Corrected when it turns out otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// It announces `posix-rename@openssh.com`.
    pub(crate) posix_rename: bool,
    /// It announces `fsync@openssh.com`.
    pub(crate) fsync: bool,
}

/// The outbox as one operation sees it.
pub(crate) struct Requests<'a> {
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) capabilities: &'a mut Capabilities,
    /// Whose requests these are.
    pub(crate) slot: u64,
    /// Its requests without an answer.
    pub(crate) outstanding: &'a mut usize,
    /// Files that the server has open for other operations; none where no other needs one.
    pub(crate) others_open: Option<usize>,
}

/// What came of asking a source for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    /// Bytes that a WRITE now carries.
    pub(crate) bytes: usize,
    /// What the source said last.
    pub(crate) source: Flow,
}

/// Whether a source has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It may.
    More,
    /// Not now.
    Pending,
    /// Not any more.
    End,
}

impl Requests<'_> {
    /// Sends a request.
    pub(crate) fn send(&mut self, purpose: Purpose, request: Request<'_>) {
        request.encode(self.outbox.next_id, &mut self.outbox.bytes);
        self.outbox.note(self.slot, purpose, 0);
        *self.outstanding += 1;
    }

    /// Sends a READ.
    pub(crate) fn read(&mut self, handle: &[u8], offset: u64, length: u32) {
        let request = Request::Read {
            handle,
            offset,
            length,
        };
        request.encode(self.outbox.next_id, &mut self.outbox.bytes);
        let data_bytes = usize::try_from(length).unwrap_or(usize::MAX);
        self.outbox
            .note(self.slot, Purpose::Read { offset, length }, data_bytes);
        *self.outstanding += 1;
    }

    /// Sends a WRITE of as much as `source` has, at most `room` bytes.
    pub(crate) fn write(
        &mut self,
        handle: &[u8],
        offset: u64,
        room: usize,
        source: &mut dyn Source,
    ) -> io::Result<Fed> {
        self.outbox.compact();
        let (bytes, flow) = encode_write(
            &mut self.outbox.bytes,
            self.outbox.next_id,
            handle,
            offset,
            room,
            |buffer| match fill(source, buffer) {
                Ok((bytes, flow)) => (bytes, Ok(flow)),
                // A source that failed has nothing that is worth sending.
                Err(error) => (0, Err(error)),
            },
        );
        let source = flow?;
        if bytes > 0 {
            self.outbox.note(self.slot, Purpose::Write, bytes);
            *self.outstanding += 1;
        }
        Ok(Fed { bytes, source })
    }
}

/// Reads until the buffer is full or the source has nothing now: the fewer the packets, the faster.
fn fill(source: &mut dyn Source, buffer: &mut [u8]) -> io::Result<(usize, Flow)> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..])? {
            Available::Bytes(0) | Available::Pending => return Ok((filled, Flow::Pending)),
            Available::Bytes(count) if count > buffer.len() - filled => {
                return Err(io::Error::other(
                    "the source counts more bytes than there was room for",
                ));
            }
            Available::Bytes(count) => filled += count,
            Available::End => return Ok((filled, Flow::End)),
        }
    }
    Ok((filled, Flow::More))
}
