//! Tokens are compatible byte for byte with another implementation and the specification's vectors,
//! and nothing that is not exactly a token is decrypted, not even a first byte of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use courier_ledger::Digest;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tempfile::TempDir;

use super::decrypt::{PIECE_BYTES, TokenFile};
use super::encrypt::BATCH_BYTES;
use super::output::NewFile;
use super::token::HEADER_BYTES;
use super::*;

const SECRET: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const SEED: TokenSeed = TokenSeed {
    time_seconds: 499_162_800,
    iv: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
};
const HELLO: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

fn key(text: &str) -> FernetKey {
    FernetKey::parse(text.as_bytes()).unwrap()
}

fn encrypt(key: &FernetKey, seed: &TokenSeed, chunks: &[&[u8]]) -> (Vec<u8>, TokenDigest) {
    let mut encryptor = Encryptor::new(key, seed, Vec::new()).unwrap();
    for chunk in chunks {
        encryptor.update(chunk).unwrap();
    }
    encryptor.finish().unwrap()
}

/// Bytes without a pattern that a block cipher in the wrong mode would repeat.
fn message(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}

struct Workplace {
    folder: TempDir,
    input: PathBuf,
    output: PathBuf,
}

impl Workplace {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (input, output) = (folder.path().join("token"), folder.path().join("plain"));
        Self {
            folder,
            input,
            output,
        }
    }

    fn decrypt(&self, token: &[u8]) -> Result<(DecryptReport, Vec<u8>), DecryptError> {
        fs::write(&self.input, token).unwrap();
        let report = decrypt_file(&key(SECRET), &self.input, &self.output)?;
        let plaintext = fs::read(&self.output).unwrap();
        fs::remove_file(&self.output).unwrap();
        Ok((report, plaintext))
    }

    fn refused(&self, token: &[u8]) -> DecryptError {
        let error = self.decrypt(token).unwrap_err();
        assert_eq!(self.names(), ["token"], "something was written: {error}");
        assert!(
            error.to_string().contains(self.input.to_str().unwrap()),
            "unnamed: {error}"
        );
        error
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Sizes on both sides of every boundary: of a block, of base64's three bytes, of the batches.
fn boundary_sizes() -> impl Iterator<Item = usize> {
    let around = |size: usize| size.saturating_sub(49)..=size + 49;
    around(0)
        .chain(around(BATCH_BYTES))
        .chain(around(PIECE_BYTES))
        .chain(around(2 * BATCH_BYTES))
}

#[test]
fn tokens_of_every_size_around_the_boundaries_decrypt_elsewhere_and_here() {
    let other = fernet::Fernet::new(SECRET).unwrap();
    let place = Workplace::new();
    for size in boundary_sizes() {
        let message = message(size);
        let (token, digest) = encrypt(&key(SECRET), &SEED, &[&message]);
        assert_eq!(
            token_size(size as u64),
            token.len() as u64,
            "size of {size}"
        );
        assert_eq!(
            other.decrypt(str::from_utf8(&token).unwrap()).unwrap(),
            message,
            "{size}"
        );
        assert_eq!(
            digest,
            TokenDigest {
                plaintext_sha256: Digest::of(&[&message]),
                token_sha256: Digest::of(&[&token]),
                plaintext_bytes: size as u64,
                token_bytes: token.len() as u64,
            }
        );
        let (report, plaintext) = place.decrypt(&token).unwrap();
        assert_eq!(plaintext, message, "{size}");
        assert_eq!(
            report,
            DecryptReport {
                time_seconds: SEED.time_seconds,
                plaintext_sha256: digest.plaintext_sha256,
                token_sha256: digest.token_sha256,
                plaintext_bytes: digest.plaintext_bytes,
                token_bytes: digest.token_bytes,
            }
        );
    }
}

#[test]
fn tokens_made_elsewhere_decrypt_here() {
    let other = fernet::Fernet::new(SECRET).unwrap();
    let place = Workplace::new();
    for size in boundary_sizes().step_by(7).chain([1 << 20, (1 << 20) + 1]) {
        let message = message(size);
        let token = other.encrypt(&message);
        assert_eq!(token_size(size as u64), token.len() as u64);
        assert_eq!(
            place.decrypt(token.as_bytes()).unwrap().1,
            message,
            "{size}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: Some(Box::new(
            FileFailurePersistence::Direct("proptest-regressions/fernet.txt")
        )),
        ..ProptestConfig::default()
    })]

    #[test]
    fn chunking_changes_nothing(
        secret in any::<[u8; 32]>(),
        time_seconds in 0..4_000_000_000_u64,
        iv in any::<[u8; 16]>(),
        size in 0..200_000_usize,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let secret = base64_simd::URL_SAFE.encode_to_string(secret);
        let seed = TokenSeed { time_seconds, iv };
        let message = message(size);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(size + 1)).collect();
        cuts.extend([0, size]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts.windows(2).map(|cut| &message[cut[0]..cut[1]]).collect();

        let (token, digest) = encrypt(&key(&secret), &seed, &chunks);
        prop_assert_eq!(&(token.clone(), digest), &encrypt(&key(&secret), &seed, &[&message]));
        // The other implementation refuses tokens from the future.
        if time_seconds < 1_700_000_000 {
            let other = fernet::Fernet::new(&secret).unwrap();
            prop_assert_eq!(other.decrypt(str::from_utf8(&token).unwrap()).unwrap(), message);
        }
    }
}

#[test]
fn the_specification_s_vector_is_generated() {
    // fernet/spec, generate.json
    let (token, _) = encrypt(&key(SECRET), &SEED, &[b"hello"]);
    assert_eq!(str::from_utf8(&token).unwrap(), HELLO);
}

#[test]
fn the_specification_s_vector_is_verified() {
    // fernet/spec, verify.json
    let (report, plaintext) = Workplace::new().decrypt(HELLO.as_bytes()).unwrap();
    assert_eq!(plaintext, b"hello");
    assert_eq!(report.time_seconds, 499_162_800);
}

#[test]
fn the_specification_s_invalid_tokens_are_refused() {
    // fernet/spec, invalid.json
    let place = Workplace::new();
    let refused = |token: &str| place.refused(token.as_bytes());
    let incorrect_mac = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==";
    assert!(matches!(
        refused(incorrect_mac),
        DecryptError::Unauthentic { .. }
    ));
    let too_short = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==";
    assert!(matches!(
        refused(too_short),
        DecryptError::Truncated { characters: 56, .. }
    ));
    let invalid_base64 = "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==";
    assert!(matches!(
        refused(invalid_base64),
        DecryptError::NotAToken(_)
    ));
    let payload_size = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm";
    assert!(matches!(
        refused(payload_size),
        DecryptError::Truncated { .. }
    ));
    let payload_padding = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==";
    assert!(matches!(refused(payload_padding), DecryptError::Padding(_)));
    let incorrect_iv = "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==";
    assert!(matches!(refused(incorrect_iv), DecryptError::Padding(_)));
}

#[test]
fn a_token_s_age_does_not_matter() {
    // The two vectors of fernet/spec, invalid.json, that are invalid for their time alone.
    let other = fernet::Fernet::new(SECRET).unwrap();
    let place = Workplace::new();
    for token in [
        "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
    ] {
        assert_eq!(
            place.decrypt(token.as_bytes()).unwrap().1,
            other.decrypt(token).unwrap()
        );
    }
}

#[test]
fn every_change_of_a_byte_is_refused_and_nothing_is_written() {
    let place = Workplace::new();
    for position in 0..HELLO.len() {
        for value in 0..=u8::MAX {
            let mut token = HELLO.as_bytes().to_vec();
            if token[position] != value {
                token[position] = value;
                drop(place.refused(&token));
            }
        }
    }
}

#[test]
fn every_truncation_is_refused_and_nothing_is_written() {
    let place = Workplace::new();
    let (token, _) = encrypt(&key(SECRET), &SEED, &[&message(100)]);
    for length in 0..token.len() {
        let error = place.refused(&token[..length]);
        assert!(
            length < 4
                || matches!(
                    error,
                    DecryptError::Truncated { .. } | DecryptError::Unauthentic { .. }
                ),
            "{length}: {error}"
        );
    }
    drop(place.refused(&[&token[..], b"AAAA"].concat()));
    drop(place.refused(&[&token[..], &token[..]].concat()));
}

#[test]
fn damage_anywhere_in_a_long_token_is_refused() {
    let place = Workplace::new();
    let (token, _) = encrypt(&key(SECRET), &SEED, &[&message(3 * PIECE_BYTES)]);
    for position in [
        0,
        50,
        PIECE_BYTES - 1,
        PIECE_BYTES,
        2 * PIECE_BYTES + 7,
        token.len() - 5,
    ] {
        for value in *b"A=\n%" {
            let mut token = token.clone();
            token[position] = if token[position] == value {
                b'B'
            } else {
                value
            };
            drop(place.refused(&token));
        }
    }
    // Padding inside the text, at the end of a piece that decodes by itself.
    let mut padded = token;
    padded[PIECE_BYTES - 1] = b'=';
    padded[PIECE_BYTES - 2] = b'=';
    padded[PIECE_BYTES - 3] = b'A';
    assert!(matches!(
        place.refused(&padded),
        DecryptError::NotBase64 { from: 0, .. }
    ));
}

#[test]
fn other_files_are_not_tokens() {
    let place = Workplace::new();
    for content in [
        &b""[..],
        b"\n",
        b"PK\x03\x04 a zip file",
        b"gBAA",
        b"hello, world",
        &[0; 200],
    ] {
        let error = place.refused(content);
        let is_plain = matches!(
            error,
            DecryptError::NotAToken(_) | DecryptError::Truncated { .. }
        );
        assert!(is_plain, "{error}");
    }
    let missing = place.folder.path().join("missing");
    let error = decrypt_file(&key(SECRET), &missing, &place.output).unwrap_err();
    assert!(matches!(error, DecryptError::Read { .. }), "{error}");
    let error = decrypt_file(&key(SECRET), place.folder.path(), &place.output).unwrap_err();
    assert!(matches!(error, DecryptError::Read { .. }), "{error}");
}

#[test]
fn white_space_after_a_token_is_tolerated() {
    let place = Workplace::new();
    for tail in ["\n", "\r\n", " \n\n"] {
        let (report, plaintext) = place.decrypt(format!("{HELLO}{tail}").as_bytes()).unwrap();
        assert_eq!(plaintext, b"hello");
        assert_eq!(report.token_sha256, Digest::of(&[HELLO.as_bytes()]));
        assert_eq!(report.token_bytes, HELLO.len() as u64);
    }
}

#[test]
fn another_key_is_refused() {
    let place = Workplace::new();
    let (token, _) = encrypt(&key(&fernet::Fernet::generate_key()), &SEED, &[b"hello"]);
    let error = place.refused(&token);
    assert!(matches!(error, DecryptError::Unauthentic { .. }), "{error}");
    assert!(
        error.to_string().contains(&key(SECRET).id().to_string()),
        "{error}"
    );
}

#[test]
fn an_existing_output_is_never_overwritten() {
    let place = Workplace::new();
    fs::write(&place.output, "mine").unwrap();
    let error = place.decrypt(HELLO.as_bytes()).unwrap_err();
    assert!(matches!(error, DecryptError::OutputExists(_)), "{error}");
    assert_eq!(fs::read(&place.output).unwrap(), b"mine");

    fs::remove_file(&place.output).unwrap();
    std::os::unix::fs::symlink("nowhere", &place.output).unwrap();
    let error = place.decrypt(HELLO.as_bytes()).unwrap_err();
    assert!(matches!(error, DecryptError::OutputExists(_)), "{error}");
    assert_eq!(place.names(), ["plain", "token"]);
}

#[test]
fn an_output_that_appears_meanwhile_is_not_overwritten() {
    let place = Workplace::new();
    let folder = place.folder.path();
    for create in [NewFile::create, NewFile::named] {
        let new = create(folder).unwrap();
        new.file().write_all(b"ours").unwrap();
        fs::write(&place.output, "theirs").unwrap();
        let error = new.publish(&place.output, folder).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&place.output).unwrap(), b"theirs");
        assert_eq!(place.names(), ["plain"]);
    }
}

#[test]
fn an_output_has_its_name_only_when_complete_and_belongs_to_its_owner_alone() {
    let place = Workplace::new();
    let folder = place.folder.path();
    for create in [NewFile::create, NewFile::named] {
        let new = create(folder).unwrap();
        new.file().write_all(b"half").unwrap();
        assert!(!place.output.exists());
        drop(new);
        assert_eq!(place.names(), [""; 0]);

        let new = create(folder).unwrap();
        new.file().write_all(b"whole").unwrap();
        new.publish(&place.output, folder).unwrap();
        assert_eq!(fs::read(&place.output).unwrap(), b"whole");
        assert_eq!(
            place.output.metadata().unwrap().permissions().mode() & 0o7777,
            0o600
        );
        assert_eq!(place.names(), ["plain"]);
        fs::remove_file(&place.output).unwrap();
    }
}

#[test]
fn a_token_that_changes_between_the_passes_is_refused_by_the_second() {
    let place = Workplace::new();
    let (mut token, _) = encrypt(&key(SECRET), &SEED, &[&message(2 * PIECE_BYTES)]);
    fs::write(&place.input, &token).unwrap();
    let file = TokenFile::open(&place.input).unwrap();
    file.verify(&key(SECRET)).unwrap();
    token[HEADER_BYTES * 2] ^= 1;
    fs::write(&place.input, &token).unwrap();
    let error = file
        .decrypt(&key(SECRET), &mut io::sink(), Path::new("plain"))
        .unwrap_err();
    assert!(matches!(error, DecryptError::Unauthentic { .. }), "{error}");
    fs::write(&place.input, &token[..1000]).unwrap();
    let error = file
        .decrypt(&key(SECRET), &mut io::sink(), Path::new("plain"))
        .unwrap_err();
    assert!(matches!(error, DecryptError::Read { .. }), "{error}");
}

#[test]
fn a_failing_output_keeps_its_error_s_kind() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut encryptor = Encryptor::new(&key(SECRET), &SEED, Full).unwrap();
    let error = encryptor.update(&message(2 * BATCH_BYTES)).unwrap_err();
    assert!(
        matches!(&error, EncryptError::Output(error) if error.kind() == io::ErrorKind::StorageFull)
    );
}

#[test]
fn initialisation_vectors_are_drawn_anew() {
    let (one, two) = (TokenSeed::draw(7).unwrap(), TokenSeed::draw(7).unwrap());
    assert_eq!(one.time_seconds, 7);
    assert_ne!(one.iv, two.iv);
}
