//! The requests of SFTP v3 that a drop-box needs, and their bytes
//! (draft-ietf-secsh-filexfer-02, section 6; OpenSSH's `PROTOCOL`, section 4).
//!
//! Deliberately absent: SETSTAT in any form (some servers answer it with an error after a good
//! upload).

use super::packet::PacketWriter;

#[cfg(test)]
pub(crate) mod decoded;
#[cfg(test)]
mod tests;

/// The protocol version that is spoken.
pub(crate) const VERSION: u32 = 3;

pub(crate) const POSIX_RENAME: &str = "posix-rename@openssh.com";
pub(crate) const FSYNC: &str = "fsync@openssh.com";
pub(crate) const STATVFS: &str = "statvfs@openssh.com";
pub(crate) const LIMITS: &str = "limits@openssh.com";

const INIT: u8 = 1;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const FSTAT: u8 = 8;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REMOVE: u8 = 13;
const STAT: u8 = 17;
const RENAME: u8 = 18;
const EXTENDED: u8 = 200;

/// WRITE, CREAT and EXCL.
const OPEN_NEW: u32 = 0x02 | 0x08 | 0x20;
/// WRITE, CREAT and TRUNC.
const OPEN_OVER: u32 = 0x02 | 0x08 | 0x10;
/// READ.
const OPEN_READ: u32 = 0x01;

/// Bytes of a WRITE packet that are not data: length, type, id, handle and its length, offset,
/// length of the data. A handle has at most 256 bytes.
pub(crate) const WRITE_OVERHEAD_BYTES: usize = 4 + 1 + 4 + 4 + 256 + 8 + 4;

/// A request that carries no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    /// Creates a file that must not exist, for writing.
    OpenNew { path: &'a str },
    /// Empties a file, or creates it, for writing.
    OpenOver { path: &'a str },
    /// Opens a file for reading.
    OpenRead { path: &'a str },
    /// Reads at most so many bytes.
    Read {
        handle: &'a [u8],
        offset: u64,
        length: u32,
    },
    /// Opens a folder, to list what is in it.
    OpenFolder { path: &'a str },
    /// Asks for more of what is in an open folder.
    ReadFolder { handle: &'a [u8] },
    /// Closes a file or folder.
    Close { handle: &'a [u8] },
    /// Asks for the attributes of an open file.
    Fstat { handle: &'a [u8] },
    /// Asks for the attributes of a file, through links.
    Stat { path: &'a str },
    /// Asks for the attributes of a file, of a link itself.
    Lstat { path: &'a str },
    /// Removes a file.
    Remove { path: &'a str },
    /// Renames a file; what happens to a file at the target is the server's choice.
    Rename { from: &'a str, to: &'a str },
    /// Renames a file, replacing what stands at the target.
    PosixRename { from: &'a str, to: &'a str },
    /// Asks for a file to be on the disk.
    Fsync { handle: &'a [u8] },
    /// Asks how much room there is where a folder is.
    Room { path: &'a str },
    /// Asks for the server's limits.
    Limits,
}

impl Request<'_> {
    /// Adds the request to `buffer`.
    pub(crate) fn encode(self, id: u32, buffer: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(buffer, self.kind());
        packet.u32(id);
        match self {
            // The attributes are empty: the server's own defaults apply.
            Self::OpenNew { path } => packet.string(path.as_bytes()).u32(OPEN_NEW).u32(0),
            Self::OpenOver { path } => packet.string(path.as_bytes()).u32(OPEN_OVER).u32(0),
            Self::OpenRead { path } => packet.string(path.as_bytes()).u32(OPEN_READ).u32(0),
            Self::Read {
                handle,
                offset,
                length,
            } => packet.string(handle).u64(offset).u32(length),
            Self::ReadFolder { handle } | Self::Close { handle } | Self::Fstat { handle } => {
                packet.string(handle)
            }
            Self::OpenFolder { path }
            | Self::Stat { path }
            | Self::Lstat { path }
            | Self::Remove { path } => packet.string(path.as_bytes()),
            Self::Rename { from, to } => packet.string(from.as_bytes()).string(to.as_bytes()),
            Self::PosixRename { from, to } => packet
                .string(POSIX_RENAME.as_bytes())
                .string(from.as_bytes())
                .string(to.as_bytes()),
            Self::Fsync { handle } => packet.string(FSYNC.as_bytes()).string(handle),
            Self::Room { path } => packet.string(STATVFS.as_bytes()).string(path.as_bytes()),
            Self::Limits => packet.string(LIMITS.as_bytes()),
        };
        packet.finish();
    }

    /// What is asked, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::OpenNew { .. } | Self::OpenOver { .. } | Self::OpenRead { .. } => "open a file",
            Self::Read { .. } => "read",
            Self::OpenFolder { .. } => "open a folder",
            Self::ReadFolder { .. } => "list a folder",
            Self::Close { .. } => "close a file",
            Self::Fstat { .. } | Self::Stat { .. } | Self::Lstat { .. } => {
                "tell a file's attributes"
            }
            Self::Remove { .. } => "remove a file",
            Self::Rename { .. } | Self::PosixRename { .. } => "rename a file",
            Self::Fsync { .. } => "sync a file",
            Self::Room { .. } => "tell how much room there is",
            Self::Limits => "tell its limits",
        }
    }

    fn kind(self) -> u8 {
        match self {
            Self::OpenNew { .. } | Self::OpenOver { .. } | Self::OpenRead { .. } => OPEN,
            Self::Read { .. } => READ,
            Self::OpenFolder { .. } => OPENDIR,
            Self::ReadFolder { .. } => READDIR,
            Self::Close { .. } => CLOSE,
            Self::Fstat { .. } => FSTAT,
            Self::Stat { .. } => STAT,
            Self::Lstat { .. } => LSTAT,
            Self::Remove { .. } => REMOVE,
            Self::Rename { .. } => RENAME,
            Self::PosixRename { .. } | Self::Fsync { .. } | Self::Room { .. } | Self::Limits => {
                EXTENDED
            }
        }
    }
}

/// Adds the opening of the protocol to `buffer`.
pub(crate) fn encode_init(buffer: &mut Vec<u8>) {
    let mut packet = PacketWriter::begin(buffer, INIT);
    packet.u32(VERSION);
    packet.finish();
}

/// Adds a WRITE of at most `room` bytes to `buffer`, which `fill` puts there and counts. A count of
/// zero leaves no request behind.
pub(crate) fn encode_write<T>(
    buffer: &mut Vec<u8>,
    id: u32,
    handle: &[u8],
    offset: u64,
    room: usize,
    fill: impl FnOnce(&mut [u8]) -> (usize, T),
) -> (usize, T) {
    let mut packet = PacketWriter::begin(buffer, WRITE);
    packet.u32(id).string(handle).u64(offset);
    let (filled, result) = packet.string_in_place(room, fill);
    if filled == 0 {
        packet.discard();
    } else {
        packet.finish();
    }
    (filled, result)
}
