//! The shape of an SFTP v3 packet: a length, a type, and fields of four kinds
//! (draft-ietf-secsh-filexfer-02, section 3). Lengths that a server sends are never trusted: a packet
//! has a greatest size, and a field ends where its packet ends.
//!
//! Deliberately absent: what the fields mean (`request.rs`, `reply.rs`).

use super::error::ProtocolError;

/// The greatest packet that is read from a server, in bytes. Nothing that is asked for here has a
/// larger answer; OpenSSH's own limit is the same.
pub(crate) const LARGEST_REPLY_BYTES: usize = 256 * 1024;

/// Writes one packet at the end of a buffer; its length is known when it is finished.
pub(crate) struct PacketWriter<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> PacketWriter<'a> {
    /// Begins a packet of type `kind`.
    pub(crate) fn begin(buffer: &'a mut Vec<u8>, kind: u8) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&[0; 4]);
        buffer.push(kind);
        Self { buffer, start }
    }

    /// Adds a 32-bit number.
    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.buffer.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Adds a 64-bit number.
    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.buffer.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Adds a counted string of bytes.
    pub(crate) fn string(&mut self, value: &[u8]) -> &mut Self {
        self.u32(length_of(value.len()));
        self.buffer.extend_from_slice(value);
        self
    }

    /// Adds room for a counted string of at most `room` bytes, lets `fill` write into it, and keeps
    /// as much as `fill` says. The room is zeroed first.
    pub(crate) fn string_in_place<T>(
        &mut self,
        room: usize,
        fill: impl FnOnce(&mut [u8]) -> (usize, T),
    ) -> (usize, T) {
        let count_at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        let data_at = self.buffer.len();
        self.buffer.resize(data_at + room, 0);
        let (filled, result) = fill(&mut self.buffer[data_at..]);
        let filled = filled.min(room);
        self.buffer.truncate(data_at + filled);
        self.buffer[count_at..data_at].copy_from_slice(&length_of(filled).to_be_bytes());
        (filled, result)
    }

    /// Ends the packet.
    pub(crate) fn finish(self) {
        let length = length_of(self.buffer.len() - self.start - 4);
        self.buffer[self.start..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Takes the packet back.
    pub(crate) fn discard(self) {
        self.buffer.truncate(self.start);
    }
}

/// Lengths on the wire have 32 bits. Names are short and data is cut to the server's limit, so
/// nothing longer is ever written.
fn length_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Reads the fields of one packet.
pub(crate) struct PacketReader<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> PacketReader<'a> {
    /// Begins with the type of a packet whose length has been taken off.
    pub(crate) fn new(packet: &'a [u8]) -> Result<Self, ProtocolError> {
        let (&kind, rest) = packet.split_first().ok_or(ProtocolError::Empty)?;
        Ok(Self { kind, rest })
    }

    /// The packet's type.
    pub(crate) fn kind(&self) -> u8 {
        self.kind
    }

    /// Whether every field has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a 32-bit number.
    pub(crate) fn u32(&mut self) -> Result<u32, ProtocolError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a 64-bit number.
    pub(crate) fn u64(&mut self) -> Result<u64, ProtocolError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads a counted string of bytes.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], ProtocolError> {
        let (string, rest) = counted_string(self.rest).ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(string)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (array, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(*array)
    }

    fn truncated(&self) -> ProtocolError {
        ProtocolError::Truncated { kind: self.kind }
    }
}

/// A counted string, and what follows it (RFC 4251, section 5).
pub(crate) fn counted_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Cuts the bytes that arrive into packets. Holds at most one packet and what was read with it.
#[derive(Default)]
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
    taken: usize,
}

impl FrameBuffer {
    /// Adds what has arrived.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What has arrived and was not taken.
    pub(crate) fn untaken(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// The next whole packet without its length, or `None` until more has arrived.
    pub(crate) fn next_packet(&mut self) -> Result<Option<&[u8]>, ProtocolError> {
        let Some((head, rest)) = self.bytes[self.taken..].split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        if length > LARGEST_REPLY_BYTES {
            return Err(
                if head
                    .iter()
                    .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
                {
                    ProtocolError::Text
                } else {
                    ProtocolError::TooLong {
                        length_bytes: length,
                    }
                },
            );
        }
        if rest.len() < length {
            return Ok(None);
        }
        let start = self.taken + 4;
        self.taken = start + length;
        Ok(Some(&self.bytes[start..self.taken]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/sftp-packet.txt",
            ))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_is_written_is_read_back_however_it_is_cut(
            packets in proptest::collection::vec(
                (any::<u8>(), any::<u32>(), any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300)),
                0..8,
            ),
            cut in 1usize..50,
        ) {
            let mut bytes = Vec::new();
            for (kind, small, large, string) in &packets {
                let mut writer = PacketWriter::begin(&mut bytes, *kind);
                writer.u32(*small).u64(*large).string(string);
                let half = string.len() / 2;
                let (filled, ()) = writer.string_in_place(string.len(), |room| {
                    room[..half].copy_from_slice(&string[..half]);
                    (half, ())
                });
                prop_assert_eq!(filled, half);
                writer.finish();
                PacketWriter::begin(&mut bytes, 0).discard();
            }
            let mut frames = FrameBuffer::default();
            let mut read = Vec::new();
            for piece in bytes.chunks(cut) {
                frames.extend(piece);
                while let Some(packet) = frames.next_packet().unwrap() {
                    let mut reader = PacketReader::new(packet).unwrap();
                    let small = reader.u32().unwrap();
                    let large = reader.u64().unwrap();
                    let string = reader.string().unwrap().to_vec();
                    prop_assert_eq!(reader.string().unwrap(), &string[..string.len() / 2]);
                    prop_assert!(reader.is_empty());
                    read.push((reader.kind(), small, large, string));
                }
            }
            prop_assert_eq!(read, packets);
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_never_grow_without_bound(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..32),
        ) {
            let mut frames = FrameBuffer::default();
            'pieces: for piece in &pieces {
                frames.extend(piece);
                loop {
                    match frames.next_packet() {
                        Ok(Some(packet)) => if let Ok(mut reader) = PacketReader::new(packet) {
                            while reader.string().is_ok() && !reader.is_empty() {}
                        },
                        Ok(None) => break,
                        Err(_) => break 'pieces,
                    }
                }
                prop_assert!(frames.bytes.len() <= LARGEST_REPLY_BYTES + 4 + 64);
            }
        }
    }

    #[test]
    fn a_login_message_is_told_from_a_long_packet() {
        let mut frames = FrameBuffer::default();
        frames.extend(b"Welcome to the server!\n");
        assert_eq!(frames.next_packet(), Err(ProtocolError::Text));
        let mut frames = FrameBuffer::default();
        frames.extend(&[0xff; 8]);
        assert!(matches!(
            frames.next_packet(),
            Err(ProtocolError::TooLong { .. })
        ));
    }
}
