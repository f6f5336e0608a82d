//! `keygen`: a new encryption key in a file of its own.

use super::arguments::KeygenOptions;
use super::error::CommandError;
use super::output;
use crate::effects::fernet::FernetKey;
use crate::exit_code::ExitCode;

pub(crate) fn keygen(options: &KeygenOptions) -> Result<ExitCode, CommandError> {
    let key = FernetKey::generate(&options.file)?;
    output::tell(|output| {
        writeln!(
            output,
            "Created {} (key id {})",
            options.file.display(),
            key.id()
        )?;
        writeln!(
            output,
            "Give it to the recipient over a separate, safe way; without it nothing can be decrypted."
        )
    });
    Ok(ExitCode::Done)
}
