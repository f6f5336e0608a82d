//! The opening of SFTP on a channel: version, extensions, limits, and whether the folder is there.
//! Everything after the first answer is asked at once.

use std::time::{Duration, Instant};

use super::link::{Link, LinkError, Moved};
use crate::effects::sftp::endpoint::Window;
use crate::effects::sftp::protocol::outbox::Capabilities;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::packet::FrameBuffer;
use crate::effects::sftp::wire::reply::{Reply, ServerLimits, ServerVersion};
use crate::effects::sftp::wire::request::{
    FSYNC, LIMITS, POSIX_RENAME, Request, WRITE_OVERHEAD_BYTES, encode_init,
};

/// Data in one WRITE or READ where the server tells no limit: what every server must take.
const DEFAULT_DATA_BYTES: usize = 32 * 1024;
/// Data in one WRITE or READ at most: what OpenSSH takes. Larger packets gain nothing.
const MOST_DATA_BYTES: usize = 255 * 1024;

const LIMITS_ID: u32 = 1;
const FOLDER_ID: u32 = 2;

/// Why the opening failed.
pub(crate) enum NegotiationError {
    /// The connection ended.
    Link(LinkError),
    /// Time ran out.
    TimedOut,
    /// The server does not keep to the protocol.
    Protocol(ProtocolError),
    /// There is no such folder.
    FolderMissing,
    /// It is not a folder.
    NoFolder,
}

impl From<LinkError> for NegotiationError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<ProtocolError> for NegotiationError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// What the server told of itself.
pub(crate) struct Negotiated {
    pub(crate) extensions: Vec<String>,
    pub(crate) limits: ServerLimits,
}

impl Negotiated {
    /// What can be asked of it.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let has = |name: &str| self.extensions.iter().any(|known| known == name);
        Capabilities {
            posix_rename: has(POSIX_RENAME),
            fsync: has(FSYNC),
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
    let mut request = Vec::new();
    encode_init(&mut request);
    let packet = exchange(link, &mut frames, &request, deadline)?;
    let ServerVersion { extensions } = ServerVersion::decode(&packet)?;

    request.clear();
    let mut awaited = 1;
    if extensions.iter().any(|name| name == LIMITS) {
        Request::Limits.encode(LIMITS_ID, &mut request);
        awaited += 1;
    }
    let path = if folder.is_empty() { "." } else { folder };
    Request::Stat { path }.encode(FOLDER_ID, &mut request);

    let mut limits = ServerLimits::default();
    let mut seen = Vec::new();
    while seen.len() < awaited {
        let packet = exchange(link, &mut frames, &request, deadline)?;
        request.clear();
        let (id, reply) = Reply::decode(&packet)?;
        if seen.contains(&id) {
            return Err(ProtocolError::UnknownId { id }.into());
        }
        match (id, reply) {
            (LIMITS_ID, Reply::Extended(body)) if awaited == 2 => {
                limits = ServerLimits::decode(&body)?;
            }
            // It announced limits and does not tell them: the smallest apply.
            (LIMITS_ID, Reply::Status(_)) if awaited == 2 => {}
            (FOLDER_ID, Reply::Status(status)) if status.code.is_absent() => {
                return Err(NegotiationError::FolderMissing);
            }
            // A drop-box may hide its folder from those who put things into it.
            (FOLDER_ID, Reply::Status(_)) => {}
            (FOLDER_ID, Reply::Attributes(attributes)) if attributes.is_no_folder() => {
                return Err(NegotiationError::NoFolder);
            }
            (FOLDER_ID, Reply::Attributes(_)) => {}
            (LIMITS_ID | FOLDER_ID, reply) => {
                let request = "describe itself";
                return Err(ProtocolError::Unexpected {
                    answer: reply.words(),
                    request,
                }
                .into());
            }
            (id, _) => return Err(ProtocolError::UnknownId { id }.into()),
        }
        seen.push(id);
    }
    Ok(Negotiated { extensions, limits })
}

/// Sends `request` and waits for the next packet.
fn exchange(
    link: &mut Link,
    frames: &mut FrameBuffer,
    request: &[u8],
    deadline: Instant,
) -> Result<Vec<u8>, NegotiationError> {
    let mut buffer = [0; 4096];
    let mut unsent = request;
    loop {
        if let Some(packet) = frames.next_packet()? {
            return Ok(packet.to_vec());
        }
        let mut moved = false;
        if !unsent.is_empty()
            && let Moved::Bytes(count) = link.write(unsent)?
        {
            unsent = &unsent[count.min(unsent.len())..];
            moved = true;
        }
        if let Moved::Bytes(count) = link.read(&mut buffer)? {
            frames.extend(&buffer[..count]);
            moved = true;
        }
        if moved {
            continue;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NegotiationError::TimedOut);
        }
        link.wait(None, left.min(Duration::from_secs(1)))?;
    }
}
