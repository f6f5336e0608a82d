//! The door for fuzzing: tokens as bytes, under a key that is no secret.

use std::cell::RefCell;
use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use base64_simd::URL_SAFE;
use tempfile::NamedTempFile;

use super::decrypt::TokenFile;
use super::key::FernetKey;

const KEY: &[u8] = b"ZnV6emluZyBrZXk6IDMyIGJ5dGVzIG5vdCBzZWNyZXQ=";

thread_local! {
    // Decryption reads a file twice; one that is used again and again costs least.
    static FILE: RefCell<Option<NamedTempFile>> = const { RefCell::new(None) };
}

/// Decrypts a token, its file's bytes, in the two passes that a file takes.
pub fn token(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let key = FernetKey::parse(KEY).ok_or("the key is none")?;
    FILE.with_borrow_mut(|place| {
        let file = match place.take() {
            Some(file) => file,
            None => NamedTempFile::new()?,
        };
        let file = place.insert(file);
        file.as_file()
            .set_len(0)
            .and_then(|()| std::fs::write(file.path(), bytes))
            .and_then(|()| file.flush())?;
        let token = TokenFile::open(file.path())?;
        token.verify(&key)?;
        let mut message = Vec::new();
        token.decrypt(&key, &mut message, Path::new("message"))?;
        Ok(message)
    })
}

/// Makes a token of whatever is to stand before its HMAC, so that what comes after the comparison of
/// HMACs is reached.
pub fn seal(signed: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let key = FernetKey::parse(KEY).ok_or("the key is none")?;
    let tag = key.signer().and_then(|mut signer| {
        signer.update(signed)?;
        signer.sign_to_vec()
    })?;
    Ok(URL_SAFE.encode_to_string([signed, &tag].concat()).into())
}
