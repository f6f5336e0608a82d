//! Nothing that is not exactly a token is decrypted, not even a first byte of it, and no output
//! replaces anything or shows itself before it is complete.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io;
use std::path::Path;

use super::decrypt::{PIECE_BYTES, TokenFile};
use super::tests::{HELLO, SECRET, SEED, Workplace, encrypt, key, message};
use super::token::HEADER_BYTES;
use super::*;

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
    let error = decrypt_file(&[key(SECRET)], &missing, &place.output).unwrap_err();
    assert!(matches!(error, DecryptError::Read { .. }), "{error}");
    let error = decrypt_file(&[key(SECRET)], place.folder.path(), &place.output).unwrap_err();
    assert!(matches!(error, DecryptError::Read { .. }), "{error}");
}

#[test]
fn white_space_after_a_token_is_tolerated() {
    let place = Workplace::new();
    for tail in ["\n", "\r\n", " \n\n"] {
        let (_, plaintext) = place.decrypt(format!("{HELLO}{tail}").as_bytes()).unwrap();
        assert_eq!(plaintext, b"hello");
        let token = TokenFile::open(&place.input).unwrap();
        assert_eq!(token.text_bytes, HELLO.len() as u64);
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
