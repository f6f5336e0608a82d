//! `decrypt`: a delivered file back to the zip that the broker gave, with the key that the ledger names
//! for it, or whichever of the known ones fits.

use std::path::Path;

use courier_ledger::{KeyId, RemoteName};

use super::arguments::{Arguments, DecryptOptions};
use super::error::{CommandError, NotDecrypted};
use super::{ledger, output, parts};
use crate::effects::fernet::{FernetKey, decrypt_file};
use crate::exit_code::ExitCode;

pub(crate) fn decrypt(
    arguments: &Arguments,
    options: &DecryptOptions,
) -> Result<ExitCode, CommandError> {
    let named = named(arguments, &options.file);
    let mut keys = keys(arguments, options)?;
    keys.sort_by_key(|key| Some(key.id()) != named);
    let report = decrypt_file(&keys, &options.file, &options.output)
        .map_err(|error| NotDecrypted { error, named })?;
    output::tell(|output| {
        writeln!(
            output,
            "{}: {} bytes, SHA-256 {}, key {}",
            options.output.display(),
            report.plaintext_bytes,
            report.plaintext_sha256,
            report.key
        )
    });
    if let Some(named) = named.filter(|named| *named != report.key) {
        tracing::warn!(
            "the ledger names the key {named} for {}, and it was made with {}: it is another version \
             than the last one delivered, or another file",
            options.file.display(),
            report.key
        );
    }
    Ok(ExitCode::Done)
}

/// The keys to try: the one that was asked for, or all that the configuration names. Its first may be
/// lost, and an earlier one fit.
fn keys(arguments: &Arguments, options: &DecryptOptions) -> Result<Vec<FernetKey>, CommandError> {
    if let Some(path) = &options.key {
        return Ok(vec![parts::load_key(path)?]);
    }
    let files = parts::key_files(arguments)?;
    let old = parts::load_old_keys(&files);
    match FernetKey::load(&files.current) {
        Err(error) if !old.is_empty() => {
            tracing::warn!("only earlier keys are tried: {error}");
            Ok(old)
        }
        Ok(_) | Err(_) => {
            let current = parts::load_key(&files.current)?;
            Ok(std::iter::once(current).chain(old).collect())
        }
    }
}

/// The key that the ledger names for what was last delivered under the file's name, if there is a
/// ledger to ask.
fn named(arguments: &Arguments, file: &Path) -> Option<KeyId> {
    if arguments.ledger.is_none() && arguments.config.is_none() {
        return None;
    }
    let state = match ledger::read_state(arguments) {
        Ok((state, _)) => state,
        Err(error) => {
            tracing::warn!("the ledger cannot say which key it is: {error}");
            return None;
        }
    };
    let name = file.file_name()?.to_str()?;
    let (_, request) = state
        .requests()
        .find(|(id, _)| RemoteName::export(*id).as_str() == name)?;
    request.remote.file()?.key
}
