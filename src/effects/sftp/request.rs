//! The requests of SFTP v3 that a drop-box needs, and their bytes
//! (draft-ietf-secsh-filexfer-02, section 6; OpenSSH's `PROTOCOL`, section 4).
//!
//! Deliberately absent: SETSTAT in any form (some servers answer it with an error after a good
//! upload), listing folders.

use super::packet::PacketWriter;

/// The protocol version that is spoken.
pub(crate) const VERSION: u32 = 3;

pub(crate) const POSIX_RENAME: &str = "posix-rename@openssh.com";
pub(crate) const FSYNC: &str = "fsync@openssh.com";
pub(crate) const LIMITS: &str = "limits@openssh.com";

const INIT: u8 = 1;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const FSTAT: u8 = 8;
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
    /// Closes a file.
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
            Self::Close { handle } | Self::Fstat { handle } => packet.string(handle),
            Self::Stat { path } | Self::Lstat { path } | Self::Remove { path } => {
                packet.string(path.as_bytes())
            }
            Self::Rename { from, to } => packet.string(from.as_bytes()).string(to.as_bytes()),
            Self::PosixRename { from, to } => packet
                .string(POSIX_RENAME.as_bytes())
                .string(from.as_bytes())
                .string(to.as_bytes()),
            Self::Fsync { handle } => packet.string(FSYNC.as_bytes()).string(handle),
            Self::Limits => packet.string(LIMITS.as_bytes()),
        };
        packet.finish();
    }

    fn kind(self) -> u8 {
        match self {
            Self::OpenNew { .. } | Self::OpenOver { .. } | Self::OpenRead { .. } => OPEN,
            Self::Read { .. } => READ,
            Self::Close { .. } => CLOSE,
            Self::Fstat { .. } => FSTAT,
            Self::Stat { .. } => STAT,
            Self::Lstat { .. } => LSTAT,
            Self::Remove { .. } => REMOVE,
            Self::Rename { .. } => RENAME,
            Self::PosixRename { .. } | Self::Fsync { .. } | Self::Limits => EXTENDED,
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

/// The server's side of the codec, for scripted peers.
#[cfg(test)]
pub(crate) mod decoded {
    use super::super::error::ProtocolError;
    use super::super::packet::PacketReader;
    use super::*;

    /// A request as a server reads it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Decoded {
        Init {
            version: u32,
        },
        OpenNew {
            path: String,
        },
        OpenOver {
            path: String,
        },
        OpenRead {
            path: String,
        },
        Read {
            handle: Vec<u8>,
            offset: u64,
            length: u32,
        },
        Close {
            handle: Vec<u8>,
        },
        Write {
            handle: Vec<u8>,
            offset: u64,
            data: Vec<u8>,
        },
        Fstat {
            handle: Vec<u8>,
        },
        Stat {
            path: String,
        },
        Lstat {
            path: String,
        },
        Remove {
            path: String,
        },
        Rename {
            from: String,
            to: String,
        },
        PosixRename {
            from: String,
            to: String,
        },
        Fsync {
            handle: Vec<u8>,
        },
        Limits,
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Reads a request and its id. INIT has none: zero.
    pub(crate) fn decode(packet: &[u8]) -> Result<(u32, Decoded), ProtocolError> {
        let mut reader = PacketReader::new(packet)?;
        let kind = reader.kind();
        let id = reader.u32()?;
        let request = match kind {
            INIT => return Ok((0, Decoded::Init { version: id })),
            OPEN => {
                let path = text(reader.string()?);
                match (reader.u32()?, reader.u32()?) {
                    (OPEN_NEW, 0) => Decoded::OpenNew { path },
                    (OPEN_OVER, 0) => Decoded::OpenOver { path },
                    (OPEN_READ, 0) => Decoded::OpenRead { path },
                    other => panic!("flags and attributes {other:?}"),
                }
            }
            READ => Decoded::Read {
                handle: reader.string()?.to_vec(),
                offset: reader.u64()?,
                length: reader.u32()?,
            },
            CLOSE => Decoded::Close {
                handle: reader.string()?.to_vec(),
            },
            WRITE => Decoded::Write {
                handle: reader.string()?.to_vec(),
                offset: reader.u64()?,
                data: reader.string()?.to_vec(),
            },
            LSTAT => Decoded::Lstat {
                path: text(reader.string()?),
            },
            FSTAT => Decoded::Fstat {
                handle: reader.string()?.to_vec(),
            },
            REMOVE => Decoded::Remove {
                path: text(reader.string()?),
            },
            STAT => Decoded::Stat {
                path: text(reader.string()?),
            },
            RENAME => Decoded::Rename {
                from: text(reader.string()?),
                to: text(reader.string()?),
            },
            EXTENDED => match text(reader.string()?).as_str() {
                POSIX_RENAME => Decoded::PosixRename {
                    from: text(reader.string()?),
                    to: text(reader.string()?),
                },
                FSYNC => Decoded::Fsync {
                    handle: reader.string()?.to_vec(),
                },
                LIMITS => Decoded::Limits,
                other => panic!("extension {other}"),
            },
            other => return Err(ProtocolError::UnknownType { kind: other }),
        };
        assert!(reader.is_empty(), "trailing bytes after {request:?}");
        Ok((id, request))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::super::packet::FrameBuffer;
    use super::decoded::{Decoded, decode};
    use super::*;

    fn decode_only(bytes: &[u8]) -> (u32, Decoded) {
        let mut frames = FrameBuffer::default();
        frames.extend(bytes);
        let decoded = decode(frames.next_packet().unwrap().unwrap()).unwrap();
        assert_eq!(frames.next_packet(), Ok(None));
        decoded
    }

    #[test]
    fn every_request_reads_back_as_it_was_meant() {
        let cases: Vec<(Request<'_>, Decoded)> = vec![
            (
                Request::OpenNew { path: "a/b" },
                Decoded::OpenNew { path: "a/b".into() },
            ),
            (
                Request::OpenOver { path: "a/b" },
                Decoded::OpenOver { path: "a/b".into() },
            ),
            (
                Request::OpenRead { path: "a/b" },
                Decoded::OpenRead { path: "a/b".into() },
            ),
            (
                Request::Read {
                    handle: b"h",
                    offset: 1 << 40,
                    length: 32_768,
                },
                Decoded::Read {
                    handle: b"h".to_vec(),
                    offset: 1 << 40,
                    length: 32_768,
                },
            ),
            (
                Request::Close { handle: b"h" },
                Decoded::Close {
                    handle: b"h".to_vec(),
                },
            ),
            (
                Request::Fstat { handle: b"h" },
                Decoded::Fstat {
                    handle: b"h".to_vec(),
                },
            ),
            (
                Request::Stat { path: "p" },
                Decoded::Stat { path: "p".into() },
            ),
            (
                Request::Lstat { path: "p" },
                Decoded::Lstat { path: "p".into() },
            ),
            (
                Request::Remove { path: "p" },
                Decoded::Remove { path: "p".into() },
            ),
            (
                Request::Rename { from: "f", to: "t" },
                Decoded::Rename {
                    from: "f".into(),
                    to: "t".into(),
                },
            ),
            (
                Request::PosixRename { from: "f", to: "t" },
                Decoded::PosixRename {
                    from: "f".into(),
                    to: "t".into(),
                },
            ),
            (
                Request::Fsync { handle: b"h" },
                Decoded::Fsync {
                    handle: b"h".to_vec(),
                },
            ),
            (Request::Limits, Decoded::Limits),
        ];
        for (request, expected) in cases {
            let mut bytes = Vec::new();
            request.encode(77, &mut bytes);
            assert_eq!(decode_only(&bytes), (77, expected));
        }
    }

    #[test]
    fn a_write_carries_what_was_filled_and_nothing_else() {
        let mut bytes = Vec::new();
        let (filled, ()) = encode_write(&mut bytes, 3, b"handle", 1 << 40, 100, |room| {
            room[..5].copy_from_slice(b"hello");
            (5, ())
        });
        assert_eq!(filled, 5);
        assert_eq!(
            decode_only(&bytes),
            (
                3,
                Decoded::Write {
                    handle: b"handle".to_vec(),
                    offset: 1 << 40,
                    data: b"hello".to_vec()
                }
            )
        );
        let before = bytes.clone();
        encode_write(&mut bytes, 4, b"handle", 5, 100, |_| (0, ()));
        assert_eq!(bytes, before);
    }

    #[test]
    fn the_first_packet_is_the_one_of_the_draft() {
        let mut bytes = Vec::new();
        encode_init(&mut bytes);
        assert_eq!(bytes, [0, 0, 0, 5, 1, 0, 0, 0, 3]);
    }
}
