//! Tokens are compatible byte for byte with another implementation and the specification's vectors.
//! What all tests of tokens share is here too.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use courier_ledger::{Digest, LogId, Sequence};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tempfile::TempDir;

use super::decrypt::{DecryptReport, PIECE_BYTES, TokenFile};
use super::encrypt::BATCH_BYTES;
use super::origin::TOKEN_START_BYTES;
use super::token::TokenDigest;
use super::*;

pub(super) const SECRET: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
pub(super) const SEED: TokenSeed = TokenSeed {
    time_seconds: 499_162_800,
    iv: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
};
pub(super) const HELLO: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

pub(super) fn key(text: &str) -> FernetKey {
    FernetKey::parse(text.as_bytes()).unwrap()
}

pub(super) fn encrypt(
    key: &FernetKey,
    seed: &TokenSeed,
    chunks: &[&[u8]],
) -> (Vec<u8>, TokenDigest) {
    let mut encryptor = Encryptor::new(key, seed, Vec::new()).unwrap();
    for chunk in chunks {
        encryptor.update(chunk).unwrap();
    }
    encryptor.finish().unwrap()
}

/// Bytes without a pattern that a block cipher in the wrong mode would repeat.
pub(super) fn message(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}

pub(super) struct Workplace {
    pub(super) folder: TempDir,
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
}

impl Workplace {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (input, output) = (folder.path().join("token"), folder.path().join("plain"));
        Self {
            folder,
            input,
            output,
        }
    }

    pub(super) fn decrypt(&self, token: &[u8]) -> Result<(DecryptReport, Vec<u8>), DecryptError> {
        fs::write(&self.input, token).unwrap();
        let report = decrypt_file(&[key(SECRET)], &self.input, &self.output)?;
        let plaintext = fs::read(&self.output).unwrap();
        fs::remove_file(&self.output).unwrap();
        Ok((report, plaintext))
    }

    pub(super) fn refused(&self, token: &[u8]) -> DecryptError {
        let error = self.decrypt(token).unwrap_err();
        assert_eq!(self.names(), ["token"], "something was written: {error}");
        assert!(
            error.to_string().contains(self.input.to_str().unwrap()),
            "unnamed: {error}"
        );
        error
    }

    pub(super) fn names(&self) -> Vec<String> {
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
                plaintext_sha256: digest.plaintext_sha256,
                plaintext_bytes: digest.plaintext_bytes,
                key: key(SECRET).id(),
            }
        );
        let opened = TokenFile::open(&place.input).unwrap();
        assert_eq!((opened.seed, opened.text_bytes), (SEED, digest.token_bytes));
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
    let place = Workplace::new();
    let (_, plaintext) = place.decrypt(HELLO.as_bytes()).unwrap();
    assert_eq!(plaintext, b"hello");
    let opened = TokenFile::open(&place.input).unwrap();
    assert_eq!(opened.seed.time_seconds, 499_162_800);
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
    let draw = || ORIGIN.seed(7, &key(SECRET)).unwrap();
    let (one, two) = (draw(), draw());
    assert_eq!(one.time_seconds, 7);
    assert_ne!(one.iv, two.iv);
    assert_ne!(one.iv[..8], two.iv[..8]);
}

const ORIGIN: TokenOrigin = TokenOrigin {
    log: LogId([7; 16]),
    start: Sequence(41),
};

#[test]
fn a_token_tells_what_it_was_made_for_to_whoever_has_its_key() {
    let seed = ORIGIN.seed(7, &key(SECRET)).unwrap();
    let (token, _) = encrypt(&key(SECRET), &seed, &[b"a result"]);
    let of =
        |origin: TokenOrigin, text: &[u8], secret: &str| origin.is_of(text, &key(secret)).unwrap();
    assert!(of(ORIGIN, &token, SECRET));
    assert!(of(ORIGIN, &token[..TOKEN_START_BYTES], SECRET));
    assert!(!of(ORIGIN, &token[..TOKEN_START_BYTES - 1], SECRET));
    let (log, start) = (LogId([8; 16]), Sequence(42));
    assert!(!of(TokenOrigin { start, ..ORIGIN }, &token, SECRET));
    assert!(!of(TokenOrigin { log, ..ORIGIN }, &token, SECRET));
    let other = base64_simd::URL_SAFE.encode_to_string([9; 32]);
    assert!(!of(ORIGIN, &token, &other));
    let (foreign, _) = encrypt(&key(SECRET), &SEED, &[b"a result"]);
    assert!(!of(ORIGIN, &foreign, SECRET));
    assert!(!of(ORIGIN, &[b'!'; 64], SECRET));
}
