//! The server's side of the codec, for scripted peers.

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
    OpenFolder {
        path: String,
    },
    ReadFolder {
        handle: Vec<u8>,
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
    Room {
        path: String,
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
        OPENDIR => Decoded::OpenFolder {
            path: text(reader.string()?),
        },
        READDIR => Decoded::ReadFolder {
            handle: reader.string()?.to_vec(),
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
            STATVFS => Decoded::Room {
                path: text(reader.string()?),
            },
            LIMITS => Decoded::Limits,
            other => panic!("extension {other}"),
        },
        other => return Err(ProtocolError::UnknownType { kind: other }),
    };
    assert!(reader.is_empty(), "trailing bytes after {request:?}");
    Ok((id, request))
}
