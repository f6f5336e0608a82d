//! `decrypt`: a delivered file back to the zip that the broker gave.

use super::arguments::{Arguments, DecryptOptions};
use super::error::CommandError;
use super::{output, place};
use crate::effects::fernet::{FernetKey, decrypt_file};
use crate::exit_code::ExitCode;

pub(crate) fn decrypt(
    arguments: &Arguments,
    options: &DecryptOptions,
) -> Result<ExitCode, CommandError> {
    let path = match &options.key {
        Some(path) => path.clone(),
        None => place::key_file(arguments)?,
    };
    let key = place::load_key(&path)?;
    let report = decrypt_file(&key, &options.file, &options.output).map_err(|error| {
        CommandError::new(ExitCode::Incomplete, error).hint(format!(
            "was it delivered whole, and encrypted with this key ({})? nothing was written",
            FernetKey::id(&key)
        ))
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
