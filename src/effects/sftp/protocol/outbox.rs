//! Requests on their way: their bytes until the wire has taken them, and what each was for until it
//! is answered. The bytes leave in exactly the order in which they were put in, and a byte that the
//! wire did not take is offered again at the same place.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::answer::{Answer, Awaited, Handle, Piece, Said, Sending};
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::names::Names;
use crate::effects::sftp::wire::reply::Room;
use crate::effects::sftp::wire::request::{Request, encode_write};
use crate::effects::source::{Available, Source};

/// A request that has not been answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    /// The operation whose it is.
    pub(crate) ticket: u64,
    /// What its answer will be.
    pub(crate) awaited: Awaited,
    /// What was asked, in words.
    pub(crate) words: &'static str,
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

    fn note(&mut self, request: Outstanding) {
        self.unacknowledged_bytes += request.data_bytes;
        self.outstanding.insert(self.next_id, request);
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

/// What every server must take in one packet, in bytes (draft-ietf-secsh-filexfer-02, section 3).
pub(crate) const NARROW_PACKET_BYTES: usize = 32 * 1024;

impl Bounds {
    /// The same for a server that breaks under more: what every server must take, and little of it.
    pub(crate) fn narrowed(self) -> Self {
        Self {
            unacknowledged_bytes: self.unacknowledged_bytes.min(4 * NARROW_PACKET_BYTES),
            write_bytes: self.write_bytes.min(NARROW_PACKET_BYTES),
            read_bytes: self.read_bytes.min(NARROW_PACKET_BYTES),
            ..self
        }
    }
}

/// What the server can do, as far as it is known. Corrected when it turns out otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// It announces `posix-rename@openssh.com`.
    pub(crate) posix_rename: bool,
    /// It announces `fsync@openssh.com`.
    pub(crate) fsync: bool,
    /// It announces `statvfs@openssh.com`.
    pub(crate) statvfs: bool,
    /// It refuses to create a file on the condition that it must not exist.
    pub(crate) refuses_exclusive: bool,
}

/// The outbox as one operation sees it.
pub(crate) struct Requests<'a> {
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) capabilities: &'a mut Capabilities,
    /// The operation whose requests these are.
    pub(crate) ticket: u64,
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
    /// Sends a request that is done or refused.
    pub(crate) fn act(&mut self, request: Request<'_>, answer: fn(Said<()>) -> Answer) {
        self.send(request, Awaited::Done(answer), 0);
    }

    /// Sends a request that opens a file.
    pub(crate) fn open(&mut self, request: Request<'_>, answer: fn(Said<Handle>) -> Answer) {
        self.send(request, Awaited::Handle(answer), 0);
    }

    /// Sends a request for a file's attributes.
    pub(crate) fn look(&mut self, request: Request<'_>, answer: fn(Said<Attributes>) -> Answer) {
        self.send(request, Awaited::Attributes(answer), 0);
    }

    /// Sends a request for some of a folder's names.
    pub(crate) fn names(&mut self, request: Request<'_>, answer: fn(Said<Names>) -> Answer) {
        self.send(request, Awaited::Names(answer), 0);
    }

    /// Asks how much room there is.
    pub(crate) fn room(&mut self, request: Request<'_>, answer: fn(Said<Room>) -> Answer) {
        self.send(request, Awaited::Room(answer), 0);
    }

    /// Sends a READ.
    pub(crate) fn read(
        &mut self,
        handle: &[u8],
        offset: u64,
        length: u32,
        answer: fn(Piece) -> Answer,
    ) {
        let request = Request::Read {
            handle,
            offset,
            length,
        };
        let awaited = Awaited::Piece {
            offset,
            length,
            answer,
        };
        let data_bytes = usize::try_from(length).unwrap_or(usize::MAX);
        self.send(request, awaited, data_bytes);
    }

    fn send(&mut self, request: Request<'_>, awaited: Awaited, data_bytes: usize) {
        request.encode(self.outbox.next_id, &mut self.outbox.bytes);
        self.note(awaited, request.words(), data_bytes);
    }

    fn note(&mut self, awaited: Awaited, words: &'static str, data_bytes: usize) {
        self.outbox.note(Outstanding {
            ticket: self.ticket,
            awaited,
            words,
            data_bytes,
        });
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
            let written = |said| Answer::Sending(Sending::Written(said));
            self.note(Awaited::Done(written), "write", bytes);
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
