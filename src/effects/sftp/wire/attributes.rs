//! What a server tells of a file (draft-ietf-secsh-filexfer-02, section 5): its size, what kind of file
//! it is, and when it was changed. Deliberately absent: owner, last access and extensions, which are
//! passed over.

use super::error::ProtocolError;
use super::packet::PacketReader;

pub(super) const HAS_SIZE: u32 = 0x1;
pub(super) const HAS_OWNER: u32 = 0x2;
pub(super) const HAS_PERMISSIONS: u32 = 0x4;
pub(super) const HAS_TIMES: u32 = 0x8;
const HAS_EXTENSIONS: u32 = 0x8000_0000;

const FILE_TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const ORDINARY: u32 = 0o100_000;

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// Its size in bytes, if the server says.
    pub(crate) size_bytes: Option<u64>,
    /// Its type and permission bits, if the server says.
    pub(crate) permissions: Option<u32>,
    /// When it was last changed, by the server's clock, in whole seconds, if the server says. Two
    /// files are compared by it; it decides nothing else.
    pub(crate) modified: Option<u32>,
}

impl Attributes {
    /// Whether it is certainly something else than a folder.
    pub(crate) fn is_no_folder(self) -> bool {
        self.is_other_than(DIRECTORY)
    }

    /// Whether it is certainly something else than an ordinary file: a folder, a link, a pipe.
    pub(crate) fn is_no_file(self) -> bool {
        self.is_other_than(ORDINARY)
    }

    fn is_other_than(self, kind: u32) -> bool {
        self.permissions
            .is_some_and(|bits| bits & FILE_TYPE != 0 && bits & FILE_TYPE != kind)
    }

    /// Reads the attributes at the end of an answer. What follows the last one that is asked for is
    /// tolerated, as servers of other versions send it.
    pub(super) fn read(reader: &mut PacketReader<'_>) -> Result<Self, ProtocolError> {
        read(reader).map(|(attributes, _)| attributes)
    }

    /// Reads the attributes beside a name, and passes over all that follows them: another name may.
    pub(super) fn read_listed(reader: &mut PacketReader<'_>) -> Result<Self, ProtocolError> {
        let (attributes, flags) = read(reader)?;
        if flags & HAS_EXTENSIONS != 0 {
            for _ in 0..reader.u32()? {
                reader.string()?;
                reader.string()?;
            }
        }
        Ok(attributes)
    }
}

/// The attributes that are asked for, and which others follow them.
fn read(reader: &mut PacketReader<'_>) -> Result<(Attributes, u32), ProtocolError> {
    let flags = reader.u32()?;
    let size_bytes = if flags & HAS_SIZE != 0 {
        Some(reader.u64()?)
    } else {
        None
    };
    if flags & HAS_OWNER != 0 {
        reader.u64()?;
    }
    let permissions = if flags & HAS_PERMISSIONS != 0 {
        Some(reader.u32()?)
    } else {
        None
    };
    let modified = if flags & HAS_TIMES != 0 {
        let _last_access = reader.u32()?;
        Some(reader.u32()?)
    } else {
        None
    };
    let attributes = Attributes {
        size_bytes,
        permissions,
        modified,
    };
    Ok((attributes, flags))
}
