//! The names in a folder, as a server lists them (draft-ietf-secsh-filexfer-02, section 7, `NAME`).
//! They are somebody else's bytes: one that is not a single path segment of visible ASCII can name
//! nothing of ours, so it is counted and not kept.
//!
//! What always holds: memory follows from the packet's size, never from a number in it. Deliberately
//! absent: the line that a server writes for people beside each name.

use super::attributes::Attributes;
use super::error::ProtocolError;
use super::packet::PacketReader;

/// The longest name that is kept, in bytes: what file systems allow.
const LONGEST_NAME_BYTES: usize = 255;

/// A file, or what else has a name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name: one path segment of visible ASCII.
    pub(crate) name: String,
    /// What the server tells of it; of a link, not of what it leads to.
    pub(crate) attributes: Attributes,
}

/// Some of the names in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Those that can be kept.
    pub(crate) entries: Vec<Entry>,
    /// How many others there are, the folder itself and the one above it not counted.
    pub(crate) others: u64,
    /// Whether the answer had no name at all.
    pub(crate) is_empty: bool,
}

impl Names {
    /// Reads the body of an answer.
    pub(super) fn read(reader: &mut PacketReader<'_>) -> Result<Self, ProtocolError> {
        let count = reader.u32()?;
        let mut names = Self {
            is_empty: count == 0,
            ..Self::default()
        };
        for _ in 0..count {
            let name = reader.string()?;
            reader.string()?;
            let attributes = Attributes::read_listed(reader)?;
            match kept(name) {
                Some(name) => names.entries.push(Entry { name, attributes }),
                None if matches!(name, b"." | b"..") => {}
                None => names.others += 1,
            }
        }
        Ok(names)
    }
}

/// The name, if it is a single path segment of visible ASCII that is no longer than a file's name.
pub(crate) fn kept(name: &[u8]) -> Option<String> {
    let is_visible = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\');
    let is_kept = (1..=LONGEST_NAME_BYTES).contains(&name.len())
        && !matches!(name, b"." | b"..")
        && name.iter().all(is_visible);
    is_kept.then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::super::reply::{Reply, encoded};
    use super::*;

    const NOTHING_TOLD: Attributes = Attributes {
        size_bytes: None,
        permissions: None,
        modified: None,
    };

    fn read(names: &[&[u8]]) -> Names {
        let listed: Vec<_> = names.iter().map(|name| (*name, NOTHING_TOLD)).collect();
        let mut packet = Vec::new();
        encoded::names(7, &listed, &mut packet);
        match Reply::decode(&packet[4..]) {
            Ok((7, Reply::Names(names))) => names,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_single_visible_segments_are_kept_and_the_rest_is_counted() {
        let longest = vec![b'x'; LONGEST_NAME_BYTES];
        let too_long = vec![b'x'; LONGEST_NAME_BYTES + 1];
        let names = read(&[
            b"export_1.zip",
            &longest,
            b".hidden",
            b"...",
            b".",
            b"..",
            b"",
            b"a/b",
            b"/etc/passwd",
            b"..\\up",
            b"two words",
            b"red\x1b[31m",
            b"two\nlines",
            b"end\0",
            b"\xff\xfe",
            "\u{e4}rzte.zip".as_bytes(),
            &too_long,
        ]);
        let kept: Vec<_> = names.entries.iter().map(|it| it.name.as_bytes()).collect();
        assert_eq!(kept, [b"export_1.zip", &longest[..], b".hidden", b"..."]);
        assert_eq!(names.others, 11);
        assert!(!names.is_empty);
    }

    #[test]
    fn an_answer_without_a_name_says_so() {
        assert!(read(&[]).is_empty);
        assert!(!read(&[b"."]).is_empty);
    }

    #[test]
    fn a_count_that_the_packet_does_not_hold_is_an_error_and_takes_no_memory() {
        let mut packet = vec![104, 0, 0, 0, 7];
        packet.extend(u32::MAX.to_be_bytes());
        let truncated = Err(ProtocolError::Truncated { kind: 104 });
        assert_eq!(Reply::decode(&packet), truncated);
        // One name, and an extension count that the packet does not hold either.
        packet.extend([0, 0, 0, 1, b'a', 0, 0, 0, 0, 0x80, 0, 0, 0]);
        packet.extend(u32::MAX.to_be_bytes());
        assert_eq!(Reply::decode(&packet), truncated);
    }

    #[test]
    fn every_attribute_of_one_name_is_passed_over_before_the_next() {
        let mut packet = vec![104, 0, 0, 0, 7, 0, 0, 0, 2];
        packet.extend([0, 0, 0, 1, b'a', 0, 0, 0, 4]);
        packet.extend(b"long");
        packet.extend(0x8000_000f_u32.to_be_bytes());
        packet.extend(9_u64.to_be_bytes());
        packet.extend([0; 8]);
        packet.extend(0o100_644_u32.to_be_bytes());
        packet.extend([0; 8]);
        packet.extend([0, 0, 0, 1, 0, 0, 0, 1, b'k', 0, 0, 0, 1, b'v']);
        packet.extend([0, 0, 0, 1, b'b', 0, 0, 0, 0, 0, 0, 0, 0]);
        let (_, reply) = Reply::decode(&packet).unwrap();
        let entry = |name: &str, attributes| Entry {
            name: name.to_owned(),
            attributes,
        };
        let told = Attributes {
            size_bytes: Some(9),
            permissions: Some(0o100_644),
            modified: Some(0),
        };
        let names = Names {
            entries: vec![entry("a", told), entry("b", NOTHING_TOLD)],
            ..Names::default()
        };
        assert_eq!(reply, Reply::Names(names));
    }
}
