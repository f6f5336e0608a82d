//! Requests and their bytes.

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
            Request::OpenFolder { path: "a/b" },
            Decoded::OpenFolder { path: "a/b".into() },
        ),
        (
            Request::ReadFolder { handle: b"h" },
            Decoded::ReadFolder {
                handle: b"h".to_vec(),
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
