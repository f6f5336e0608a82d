//! The opening of SFTP on a channel: version, extensions, limits, whether the folder is there, and how
//! `status.xml` in it begins.
//!
//! Deliberately absent: what is asked after the version, and what the answers mean (`protocol::opening`).

use std::time::{Duration, Instant};

use courier_ledger::{RemoteName, StatusFound};

use super::link::{Link, LinkError, Moved};
use crate::effects::sftp::endpoint::Window;
use crate::effects::sftp::protocol::opening::{Opened, Opening, OpeningError};
use crate::effects::sftp::protocol::outbox::Capabilities;
use crate::effects::sftp::protocol::pipeline::join;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::packet::FrameBuffer;
use crate::effects::sftp::wire::reply::{ServerLimits, ServerVersion};
use crate::effects::sftp::wire::request::{
    FSYNC, POSIX_RENAME, STATVFS, WRITE_OVERHEAD_BYTES, encode_init,
};
use crate::effects::sftp::wire::status::printable;

/// Data in one WRITE or READ where the server tells no limit: what every server must take.
const DEFAULT_DATA_BYTES: usize = 32 * 1024;
/// Data in one WRITE or READ at most: what OpenSSH takes. Larger packets gain nothing.
const MOST_DATA_BYTES: usize = 255 * 1024;

/// Why the opening failed.
pub(crate) enum NegotiationError {
    /// The connection ended.
    Link(LinkError),
    /// Time ran out.
    TimedOut,
    /// Something else than SFTP is there: what it said instead, cleaned.
    NoSftp(String),
    /// What the server answered.
    Opening(OpeningError),
}

impl From<LinkError> for NegotiationError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<ProtocolError> for NegotiationError {
    fn from(error: ProtocolError) -> Self {
        Self::Opening(error.into())
    }
}

impl From<OpeningError> for NegotiationError {
    fn from(error: OpeningError) -> Self {
        Self::Opening(error)
    }
}

/// What the server told of itself, and what it has in place of `status.xml`.
pub(crate) struct Negotiated {
    extensions: Vec<String>,
    limits: ServerLimits,
    /// What stands in place of `status.xml`.
    pub(crate) status: StatusFound,
    /// The request whose answer nobody waits for.
    pub(crate) unawaited: Option<u32>,
}

impl Negotiated {
    /// What can be asked of it.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let has = |name: &str| self.extensions.iter().any(|known| known == name);
        Capabilities {
            posix_rename: has(POSIX_RENAME),
            fsync: has(FSYNC),
            statvfs: has(STATVFS),
            // It shows when a file is created.
            refuses_exclusive: false,
        }
    }

    /// Data in one WRITE, in bytes.
    pub(crate) fn write_bytes(&self) -> usize {
        self.data_bytes(self.limits.write_bytes)
    }

    /// Data in one READ, in bytes.
    pub(crate) fn read_bytes(&self) -> usize {
        self.data_bytes(self.limits.read_bytes)
    }

    fn data_bytes(&self, limit: u64) -> usize {
        let told = |limit: u64| (limit > 0).then(|| usize::try_from(limit).unwrap_or(usize::MAX));
        let packet =
            told(self.limits.packet_bytes).map(|limit| limit.saturating_sub(WRITE_OVERHEAD_BYTES));
        match (told(limit), packet) {
            (Some(data), Some(packet)) => data.min(packet),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => DEFAULT_DATA_BYTES,
        }
        .clamp(1, MOST_DATA_BYTES)
    }

    /// Files open at once.
    pub(crate) fn open_files(&self, window: &Window) -> usize {
        let told = match self.limits.open_files {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        window.open_files.min(told).max(1)
    }
}

/// Opens SFTP on `link`.
pub(crate) fn negotiate(
    link: &mut Link,
    folder: &str,
    deadline: Instant,
) -> Result<Negotiated, NegotiationError> {
    let mut frames = FrameBuffer::default();
    let mut requests = Vec::new();
    encode_init(&mut requests);
    let packet = exchange(link, &mut frames, &mut requests, deadline)
        .map_err(|error| instead(link, &frames, error))?;
    while !link.listen_to_sftp_only()? {
        wait(link, deadline)?;
    }
    let ServerVersion { extensions } = ServerVersion::decode(&packet)?;
    let path = join(folder, &RemoteName::ledger());
    let mut opening = Opening::begin(&extensions, folder, path, &mut requests);
    let opened = loop {
        let packet = exchange(link, &mut frames, &mut requests, deadline)?;
        if let Some(opened) = opening.answer(&packet, &mut requests)? {
            break opened;
        }
    };
    // What follows must not begin within a request.
    send(link, &mut requests, deadline)?;
    let Opened {
        limits,
        status,
        unawaited,
    } = opened;
    Ok(Negotiated {
        extensions,
        limits,
        status,
        unawaited,
    })
}

/// What it means that the first answer did not come: where a login shell, an expired password or a
/// missing program ends the session before SFTP has begun, that is no matter of time.
fn instead(link: &Link, frames: &FrameBuffer, error: NegotiationError) -> NegotiationError {
    let has_ended = matches!(error, NegotiationError::Link(LinkError::Ended));
    let is_text = matches!(
        error,
        NegotiationError::Opening(OpeningError::Protocol(ProtocolError::Text))
    );
    if !has_ended && !is_text {
        return error;
    }
    let said = [link.said_beside(), printable(frames.untaken())];
    let said: Vec<_> = said.into_iter().filter(|it| !it.is_empty()).collect();
    NegotiationError::NoSftp(said.join(" "))
}

/// Sends `requests` and waits for the next packet.
fn exchange(
    link: &mut Link,
    frames: &mut FrameBuffer,
    requests: &mut Vec<u8>,
    deadline: Instant,
) -> Result<Vec<u8>, NegotiationError> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(packet) = frames.next_packet()? {
            return Ok(packet.to_vec());
        }
        let mut moved = offer(link, requests)?;
        if let Moved::Bytes(count) = link.read(&mut buffer)? {
            frames.extend(&buffer[..count]);
            moved = true;
        }
        if !moved {
            wait(link, deadline)?;
        }
    }
}

/// Sends what is left of `requests`.
fn send(
    link: &mut Link,
    requests: &mut Vec<u8>,
    deadline: Instant,
) -> Result<(), NegotiationError> {
    while !requests.is_empty() {
        if !offer(link, requests)? {
            wait(link, deadline)?;
        }
    }
    Ok(())
}

/// Offers the link what is to be sent; says whether it took any.
fn offer(link: &mut Link, requests: &mut Vec<u8>) -> Result<bool, LinkError> {
    if requests.is_empty() {
        return Ok(false);
    }
    match link.write(requests)? {
        Moved::Bytes(count) => {
            requests.drain(..count.min(requests.len()));
            Ok(true)
        }
        Moved::Nothing => Ok(false),
    }
}

fn wait(link: &Link, deadline: Instant) -> Result<(), NegotiationError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(NegotiationError::TimedOut);
    }
    Ok(link.wait(None, left.min(Duration::from_secs(1)))?)
}
