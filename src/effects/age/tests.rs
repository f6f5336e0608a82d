//! Files are those of age: what its own program made is opened here, and the other way round
//! (`integration/tests/surroundings.rs`); what was changed by a byte, or cut, shows nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;

use base64_simd::STANDARD;
use courier_ledger::{Digest, KeyId, LogId, Sequence};
use tempfile::TempDir;

use super::decrypt::AgeReport;
use super::payload::CHUNK_BYTES;
use super::recipients::Recipient;
use super::*;
use crate::effects::fernet::{FernetKey, START_BYTES, TokenDigest, TokenOrigin, origins};
use crate::effects::sealing::Sealing;

// Made by age-keygen 1.1.1.
const IDENTITY: &str =
    "# a comment\nAGE-SECRET-KEY-103XKSHZU4Y6K64908C65V02JTEWY5J9QM37A7N2JAZ4X7FLXH63QQ44AKJ\n";
const RECIPIENT: &str = "age1l2nwu8udj5ygzsh6kx5yp9a03m37e5daqtpyt6kwgurjcu3tsems5qr6pe";
// Made by age 1.1.1 for it.
const FILE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBwT1RlUGxzVnY4YmlWMlFnVUtuUUtvcER3UkRLOGljMzBRRnVKU2FJU0dZCkVFMXMwMnBDaDE3NXlLVDVJTjQ0cFUrSFdUdTF4dnlwMHZ6TVZpQlI3bkEKLS0tIGFzZW12am1IeWR4WnZqaFVRMGxQUloySDVZRFRmTnVDOUhZT3hNdVZsU28KjiCK/lxy3J3XO9JaGCXoAe7Q0fsdjWvyEkSm+rAtFlk5ihfB3F5N9e5MtiVfxWc2pXlszZ0vHrh4mg==";
const MESSAGE: &[u8] = b"a result of two hospitals\n";
const OTHER: &str = "AGE-SECRET-KEY-1M8E9Y6KJHKHCQ62P7XM4F8VYYYVDE98HZX8WGFZDPDHM05DY9THQQEJLZ3";
const ORIGIN: TokenOrigin = TokenOrigin {
    log: LogId([7; 16]),
    start: Sequence(41),
};

struct Workplace {
    folder: TempDir,
    input: PathBuf,
    output: PathBuf,
    key: FernetKey,
}

impl Workplace {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        Self {
            input: at("in.age"),
            output: at("out"),
            key: FernetKey::generate(&at("key")).unwrap(),
            folder,
        }
    }

    fn seal(&self, message: &[u8], piece: usize) -> (Vec<u8>, TokenDigest) {
        let sealing = Sealing::new(self.key.clone(), Some(recipients(&[RECIPIENT])));
        let mut seal = sealing.begin(ORIGIN, 1_790_000_000, Vec::new()).unwrap();
        for piece in message.chunks(piece) {
            seal.update(piece).unwrap();
        }
        let (file, digest) = seal.finish().unwrap();
        assert_eq!(sealing.size(message.len() as u64), file.len() as u64);
        (file, digest)
    }

    fn open(&self, file: &[u8], identity: &str) -> Result<(AgeReport, Vec<u8>), AgeError> {
        fs::write(&self.input, file).unwrap();
        let identities = Identities::parse(identity).unwrap().unwrap();
        let report = identities.decrypt_file(&self.input, &self.output);
        if report.is_err() {
            let mut names = fs::read_dir(self.folder.path()).unwrap();
            assert!(names.all(|it| {
                ["in.age", "key"]
                    .map(Into::into)
                    .contains(&it.unwrap().file_name())
            }));
        }
        let report = report?;
        let message = fs::read(&self.output).unwrap();
        fs::remove_file(&self.output).unwrap();
        Ok((report, message))
    }
}

fn recipients(texts: &[&str]) -> Recipients {
    let recipients = texts.iter().map(|text| text.parse().unwrap()).collect();
    Recipients::new(recipients).unwrap()
}

fn message(size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at * at) >> 5) as u8).collect()
}

#[test]
fn a_file_that_age_made_is_opened() {
    let place = Workplace::new();
    let file = STANDARD.decode_to_vec(FILE).unwrap();
    let (report, message) = place.open(&file, IDENTITY).unwrap();
    assert_eq!(message, MESSAGE);
    let expected = AgeReport {
        plaintext_sha256: Digest::of(&[MESSAGE]),
        plaintext_bytes: MESSAGE.len() as u64,
        recipients: None,
    };
    assert_eq!(report, expected);
}

#[test]
fn messages_of_every_size_around_the_pieces_come_back() {
    let place = Workplace::new();
    let around = |size: usize| [size.saturating_sub(1), size, size + 1];
    let sizes = [0, CHUNK_BYTES, 2 * CHUNK_BYTES]
        .into_iter()
        .flat_map(around);
    for size in sizes {
        let message = message(size);
        for piece in [1 << 20, CHUNK_BYTES, 5_000] {
            let (file, digest) = place.seal(&message, piece);
            assert_eq!(digest.plaintext_sha256, Digest::of(&[&message]));
            assert_eq!(digest.token_sha256, Digest::of(&[&file]));
            assert_eq!(digest.token_bytes, file.len() as u64);
            let (report, opened) = place.open(&file, IDENTITY).unwrap();
            assert_eq!(opened, message, "{size}");
            assert_eq!(report.recipients, Some(recipients(&[RECIPIENT]).id()));
            assert!(matches!(
                place.open(&file, OTHER),
                Err(AgeError::NoMatch(_))
            ));
        }
    }
}

#[test]
fn each_of_several_recipients_opens_it() {
    let place = Workplace::new();
    let both = recipients(&[RECIPIENT, &recipient_of(OTHER)]);
    let sealing = Sealing::new(place.key.clone(), Some(both.clone()));
    let mut seal = sealing.begin(ORIGIN, 7, Vec::new()).unwrap();
    seal.update(MESSAGE).unwrap();
    let (file, _) = seal.finish().unwrap();
    assert_eq!(sealing.size(MESSAGE.len() as u64), file.len() as u64);
    for identity in [IDENTITY, OTHER] {
        assert_eq!(place.open(&file, identity).unwrap().1, MESSAGE);
    }
    assert_eq!(sealing.id(), both.id());
}

/// The public half of a private key, by what age would print.
fn recipient_of(identity: &str) -> String {
    let key = bech32::decode("age-secret-key-", identity).unwrap();
    let key = secrets::identity(&key).unwrap();
    let public = key.raw_public_key().unwrap().try_into().unwrap();
    bech32::encode("age", &public)
}

#[test]
fn what_was_changed_or_cut_shows_nothing() {
    let place = Workplace::new();
    for size in [0, 100] {
        let (file, _) = place.seal(&message(size), 64);
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(place.open(&changed, IDENTITY).is_err(), "{at}");
            assert!(place.open(&file[..at], IDENTITY).is_err(), "{at}");
        }
        assert!(place.open(&[&file[..], b"x"].concat(), IDENTITY).is_err());
    }
    // Pieces may be neither left out nor cut off nor swapped.
    let (file, _) = place.seal(&message(3 * CHUNK_BYTES), 1 << 20);
    let sealed = CHUNK_BYTES + 16;
    let pieces = file.len() - 3 * sealed;
    let part = |index: usize| &file[pieces + index * sealed..][..sealed];
    for order in [&[0, 1][..], &[0, 2], &[1, 0, 2], &[0, 1, 2, 2], &[]] {
        let parts: Vec<u8> = order.iter().flat_map(|it| part(*it)).copied().collect();
        let other = [&file[..pieces], &parts].concat();
        let refused = place.open(&other, IDENTITY).unwrap_err();
        assert!(matches!(refused, AgeError::Damaged(_)), "{order:?}");
    }
}

#[test]
fn keys_are_read_exactly_and_nothing_else_is_one() {
    assert_eq!(recipient_of(IDENTITY[12..].trim()), RECIPIENT);
    let read: Recipient = RECIPIENT.parse().unwrap();
    assert_eq!(read.to_string(), RECIPIENT);
    let upper = RECIPIENT.to_uppercase();
    assert_eq!(upper.parse::<Recipient>().unwrap(), read);
    for at in 0..RECIPIENT.len() {
        let other = match &RECIPIENT[at..=at] {
            "q" => "p",
            _ => "q",
        };
        let changed = format!("{}{other}{}", &RECIPIENT[..at], &RECIPIENT[at + 1..]);
        assert!(changed.parse::<Recipient>().is_err(), "{changed}");
        assert!(RECIPIENT[..at].parse::<Recipient>().is_err());
    }
    let identity = IDENTITY[12..].trim();
    for text in [identity, "", "age1", "ssh-ed25519 AAAA", "Age1ä"] {
        let refused = text.parse::<Recipient>().unwrap_err().to_string();
        assert!(text.len() < 10 || !refused.contains(text));
    }
    for text in ["", "# nothing", RECIPIENT, "AGE-SECRET-KEY-1QQ"] {
        assert!(Identities::parse(text).unwrap().is_none(), "{text}");
    }
}

#[test]
fn recipients_have_an_id_whatever_their_order() {
    let other = recipient_of(OTHER);
    let one = recipients(&[RECIPIENT, &other]).id();
    assert_eq!(recipients(&[&other, RECIPIENT, &other]).id(), one);
    assert_ne!(recipients(&[RECIPIENT]).id(), one);
    assert!(Recipients::new(Vec::new()).is_none());
}

#[test]
fn a_file_tells_what_it_was_made_for_to_whoever_has_the_key_of_its_mark() {
    let place = Workplace::new();
    let (file, _) = place.seal(b"a result", 64);
    let start = &file[..START_BYTES as usize];
    let of = |origin: TokenOrigin, key: &FernetKey| origin.is_of(start, key).unwrap();
    let other = FernetKey::generate(&place.folder.path().join("other")).unwrap();
    assert!(of(ORIGIN, &place.key) && !of(ORIGIN, &other));
    let (log, next) = (LogId([8; 16]), Sequence(42));
    assert!(!of(TokenOrigin { log, ..ORIGIN }, &place.key));
    assert!(!of(
        TokenOrigin {
            start: next,
            ..ORIGIN
        },
        &place.key
    ));
    // Whoever says that it is for others says no more whose it is.
    let at = start.len() - 29;
    let mut changed = start.to_vec();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    assert!(!ORIGIN.is_of(&changed, &place.key).unwrap());
    let id = recipients(&[RECIPIENT]).id();
    let keys = [other, place.key.clone()];
    let found = |start: &[u8]| origins(&[start], ORIGIN.log, Sequence(9_000), &keys, |_, _| {});
    assert_eq!(found(start), [Some((ORIGIN.start, id))]);
    assert_eq!(found(&changed), [None::<(Sequence, KeyId)>]);
    for length in 0..start.len() {
        let begun = &start[..length];
        assert!(
            ORIGIN.may_go_on_from(begun, &place.key).unwrap(),
            "{length}"
        );
        let theirs = TokenOrigin {
            start: next,
            ..ORIGIN
        };
        let may_be_theirs = theirs.may_go_on_from(begun, &place.key).unwrap();
        assert!(length >= 83 || may_be_theirs, "{length}");
        assert!(length < 83 || !may_be_theirs, "{length}");
    }
}
