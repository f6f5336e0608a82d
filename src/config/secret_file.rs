//! Secrets in files of their own (`*_FILE`). Content never appears in a message.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::Warning;

/// Largest secret file in bytes: far above any password or private key.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a secret; a trailing line break is not part of it. The error says what is wrong with the
/// file.
pub(crate) fn read(path: &Path) -> Result<(SecretString, Option<Warning>), String> {
    let shown = path.display();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("{shown} does not exist"),
        _ => format!("{shown} cannot be read: {error}"),
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(format!("{shown} is not a file that holds one secret"));
    }
    // Never grown: no copy stays behind in memory that is not wiped.
    let capacity = usize::try_from(metadata.len() + 1).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(failed)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("{shown} is not UTF-8 text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(format!("{shown} is empty"));
    }
    Ok((SecretString::from(text), exposure(path, metadata.mode())))
}

/// A warning when group or others may read a file that holds secrets.
pub(super) fn exposure(path: &Path, mode: u32) -> Option<Warning> {
    let path = path.display();
    (mode & 0o044 != 0).then(|| {
        Warning(format!(
            "{path} holds secrets and can be read by its group or by others (mode {:04o}): \
             `chmod 600 {path}` closes it",
            mode & 0o7777
        ))
    })
}
