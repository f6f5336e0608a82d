//! `decrypt`: a delivered file back to the zip that the broker gave.

use super::arguments::{Arguments, DecryptOptions};
use super::error::{CommandError, NotDecrypted};
use super::{output, parts};
use crate::effects::fernet::decrypt_file;
use crate::exit_code::ExitCode;

pub(crate) fn decrypt(
    arguments: &Arguments,
    options: &DecryptOptions,
) -> Result<ExitCode, CommandError> {
    let path = match &options.key {
        Some(path) => path.clone(),
        None => parts::key_file(arguments)?,
    };
    let key = parts::load_key(&path)?;
    let report =
        decrypt_file(&key, &options.file, &options.output).map_err(|error| NotDecrypted {
            error,
            key: key.id(),
        })?;
    output::write(|output| {
        writeln!(
            output,
            "{}: {} bytes, SHA-256 {}",
            options.output.display(),
            report.plaintext_bytes,
            report.plaintext_sha256
        )
    })?;
    Ok(ExitCode::Done)
}
