//! A server's answers (draft-ietf-secsh-filexfer-02, section 7). Fields that nobody asks for are not
//! read; what follows the last known field is tolerated, as servers of other versions send it.

use std::fmt;

use super::attributes::Attributes;
use super::error::ProtocolError;
use super::names::Names;
use super::packet::PacketReader;
use super::status::{Status, StatusCode, printable};

const VERSION: u8 = 2;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED_REPLY: u8 = 201;

/// The longest handle that the draft allows, in bytes.
const LONGEST_HANDLE: usize = 256;
/// More extensions than any server has; the rest is ignored.
const MOST_EXTENSIONS: usize = 256;

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Done, or not.
    Status(Status),
    /// A file was opened.
    Handle(Vec<u8>),
    /// Bytes of a file.
    Data(Vec<u8>),
    /// Names in a folder.
    Names(Names),
    /// What is known of a file.
    Attributes(Attributes),
    /// The answer to an extension, still encoded.
    Extended(Vec<u8>),
}

impl Reply {
    /// Reads an answer and the id of its request.
    pub(crate) fn decode(packet: &[u8]) -> Result<(u32, Self), ProtocolError> {
        let mut reader = PacketReader::new(packet)?;
        let kind = reader.kind();
        if !matches!(kind, STATUS | HANDLE | DATA | NAME | ATTRS | EXTENDED_REPLY) {
            return Err(ProtocolError::UnknownType { kind });
        }
        let id = reader.u32()?;
        let reply = match kind {
            STATUS => {
                let code = reader.u32()?;
                // Some servers leave out the text.
                Self::Status(Status::new(code, reader.string().unwrap_or_default()))
            }
            HANDLE => {
                let handle = reader.string()?;
                if handle.is_empty() || handle.len() > LONGEST_HANDLE {
                    return Err(ProtocolError::Handle {
                        length_bytes: handle.len(),
                    });
                }
                Self::Handle(handle.to_vec())
            }
            DATA => Self::Data(reader.string()?.to_vec()),
            NAME => Self::Names(Names::read(&mut reader)?),
            ATTRS => Self::Attributes(Attributes::read(&mut reader)?),
            _ => Self::Extended(reader.rest().to_vec()),
        };
        Ok((id, reply))
    }

    /// What kind of answer it is, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Status(status) if status.code == StatusCode::OK => "an \"ok\"",
            Self::Status(_) => "a status",
            Self::Handle(_) => "a file handle",
            Self::Data(_) => "bytes of a file",
            Self::Names(_) => "names of files",
            Self::Attributes(_) => "file attributes",
            Self::Extended(_) => "an extended reply",
        }
    }
}

/// The server's opening: its version and its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerVersion {
    /// Names of the extensions, cleaned, in the server's order.
    pub(crate) extensions: Vec<String>,
}

impl ServerVersion {
    /// Reads the opening.
    pub(crate) fn decode(packet: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = PacketReader::new(packet)?;
        if reader.kind() != VERSION {
            return Err(ProtocolError::UnknownType {
                kind: reader.kind(),
            });
        }
        let version = reader.u32()?;
        if version < super::request::VERSION {
            return Err(ProtocolError::Version { version });
        }
        let mut extensions = Vec::new();
        while !reader.is_empty() && extensions.len() < MOST_EXTENSIONS {
            let name = reader.string()?;
            reader.string()?;
            extensions.push(printable(name));
        }
        Ok(Self { extensions })
    }
}

/// The answer to `limits@openssh.com`. Zero means "not limited" or "not told".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerLimits {
    /// The largest packet, in bytes.
    pub(crate) packet_bytes: u64,
    /// The most data in one answer to a READ, in bytes.
    pub(crate) read_bytes: u64,
    /// The most data in one WRITE, in bytes.
    pub(crate) write_bytes: u64,
    /// The most files open at once.
    pub(crate) open_files: u64,
}

impl ServerLimits {
    /// Reads the body of an extended reply.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, ProtocolError> {
        let mut packet = vec![EXTENDED_REPLY];
        packet.extend_from_slice(body);
        let mut reader = PacketReader::new(&packet)?;
        Ok(Self {
            packet_bytes: reader.u64()?,
            read_bytes: reader.u64()?,
            write_bytes: reader.u64()?,
            open_files: reader.u64()?,
        })
    }
}

/// The answer to `statvfs@openssh.com`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// What the user may still write, in bytes.
    pub(crate) free_bytes: u64,
    /// What there is in all, in bytes.
    pub(crate) total_bytes: u64,
}

const MIB: u64 = 1 << 20;

impl fmt::Display for Room {
    /// `12 of 4096 MiB`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, total) = (self.free_bytes / MIB, self.total_bytes / MIB);
        write!(f, "{free} of {total} MiB")
    }
}

impl Room {
    /// Whether it is so little that nothing can be uploaded.
    pub(crate) fn is_too_little(&self) -> bool {
        self.free_bytes < MIB
    }

    /// Reads the body of an extended reply.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, ProtocolError> {
        let mut packet = vec![EXTENDED_REPLY];
        packet.extend_from_slice(body);
        let mut reader = PacketReader::new(&packet)?;
        let _block_bytes = reader.u64()?;
        let unit_bytes = reader.u64()?;
        let total = reader.u64()?;
        let _free = reader.u64()?;
        let available = reader.u64()?;
        Ok(Self {
            free_bytes: available.saturating_mul(unit_bytes),
            total_bytes: total.saturating_mul(unit_bytes),
        })
    }
}

/// The server's side of the codec, for scripted peers.
#[cfg(test)]
pub(crate) mod encoded {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::super::attributes::{HAS_OWNER, HAS_PERMISSIONS, HAS_SIZE, HAS_TIMES};
    use super::super::packet::PacketWriter;
    use super::*;

    pub(crate) fn status(id: u32, code: StatusCode, text: &str, out: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(out, STATUS);
        packet
            .u32(id)
            .u32(code.0)
            .string(text.as_bytes())
            .string(b"");
        packet.finish();
    }

    pub(crate) fn handle(id: u32, handle: &[u8], out: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(out, HANDLE);
        packet.u32(id).string(handle);
        packet.finish();
    }

    pub(crate) fn data(id: u32, bytes: &[u8], out: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(out, DATA);
        packet.u32(id).string(bytes);
        packet.finish();
    }

    pub(crate) fn names(id: u32, names: &[(&[u8], Attributes)], out: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(out, NAME);
        packet.u32(id).u32(u32::try_from(names.len()).unwrap());
        for (name, attributes) in names {
            packet.string(name).string(b"as people read it");
            write(*attributes, &mut packet);
        }
        packet.finish();
    }

    pub(crate) fn room(id: u32, room: Room, out: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(out, EXTENDED_REPLY);
        packet.u32(id).u64(4096).u64(1).u64(room.total_bytes);
        packet.u64(room.free_bytes).u64(room.free_bytes);
        packet.finish();
    }

    pub(crate) fn attributes(id: u32, attributes: Attributes, out: &mut Vec<u8>) {
        let mut packet = PacketWriter::begin(out, ATTRS);
        packet.u32(id);
        write(attributes, &mut packet);
        packet.finish();
    }

    fn write(attributes: Attributes, packet: &mut PacketWriter<'_>) {
        let size = attributes.size_bytes.map_or(0, |_| HAS_SIZE);
        let permissions = attributes.permissions.map_or(0, |_| HAS_PERMISSIONS);
        let times = attributes.modified.map_or(0, |_| HAS_TIMES);
        packet.u32(size | HAS_OWNER | permissions | times);
        if let Some(size) = attributes.size_bytes {
            packet.u64(size);
        }
        packet.u32(0).u32(0);
        if let Some(permissions) = attributes.permissions {
            packet.u32(permissions);
        }
        if let Some(modified) = attributes.modified {
            packet.u32(0).u32(modified);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/sftp-reply.txt",
            ))),
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn arbitrary_bytes_never_panic(
            kind in prop_oneof![Just(VERSION), 100u8..106, Just(EXTENDED_REPLY), any::<u8>()],
            body in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut packet = vec![kind];
            packet.extend_from_slice(&body);
            let _reply = Reply::decode(&packet);
            let _version = ServerVersion::decode(&packet);
            let _limits = ServerLimits::decode(&body);
            let _nothing = Reply::decode(&body);
        }

        #[test]
        fn attributes_and_handles_read_back(
            id in any::<u32>(),
            size_bytes in any::<Option<u64>>(),
            permissions in any::<Option<u32>>(),
            modified in any::<Option<u32>>(),
            handle in proptest::collection::vec(any::<u8>(), 1..=LONGEST_HANDLE),
        ) {
            let attributes = Attributes { size_bytes, permissions, modified };
            let mut packet = Vec::new();
            encoded::attributes(id, attributes, &mut packet);
            prop_assert_eq!(Reply::decode(&packet[4..]).unwrap(), (id, Reply::Attributes(attributes)));
            let mut packet = Vec::new();
            encoded::handle(id, &handle, &mut packet);
            prop_assert_eq!(Reply::decode(&packet[4..]).unwrap(), (id, Reply::Handle(handle.clone())));
            let mut packet = Vec::new();
            encoded::data(id, &handle, &mut packet);
            prop_assert_eq!(Reply::decode(&packet[4..]).unwrap(), (id, Reply::Data(handle)));
        }
    }

    #[test]
    fn a_status_without_a_text_is_a_status() {
        let packet = [STATUS, 0, 0, 0, 9, 0, 0, 0, 3];
        assert_eq!(
            Reply::decode(&packet).unwrap(),
            (9, Reply::Status(Status::new(3, b"")))
        );
    }

    #[test]
    fn handles_of_no_length_or_too_much_are_refused() {
        for length in [0, LONGEST_HANDLE + 1] {
            let mut packet = Vec::new();
            encoded::handle(1, &vec![7; length], &mut packet);
            assert_eq!(
                Reply::decode(&packet[4..]),
                Err(ProtocolError::Handle {
                    length_bytes: length
                })
            );
        }
    }

    #[test]
    fn an_older_protocol_is_refused() {
        assert_eq!(
            ServerVersion::decode(&[VERSION, 0, 0, 0, 2]),
            Err(ProtocolError::Version { version: 2 })
        );
    }
}
