//! `evidence-key`: a new key that signs checkpoints, in a file of its own; or the public half of one.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::arguments::EvidenceKeyOptions;
use super::error::CommandError;
use super::output;
use crate::effects::evidence::EvidenceKey;
use crate::effects::secret_file::{self, SecretFileError};
use crate::exit_code::ExitCode;

pub(crate) fn evidence_key(options: &EvidenceKeyOptions) -> Result<ExitCode, CommandError> {
    let file = options.file.display();
    if options.public {
        let (verifier, exposed) = EvidenceKey::public(&options.file)?;
        if let Some(exposed) = exposed {
            tracing::warn!("{exposed}");
        }
        output::write(|output| writeln!(output, "{verifier}"))?;
        return Ok(ExitCode::Done);
    }
    let passphrase = match &options.passphrase_file {
        Some(path) => Some(passphrase(path)?),
        None => None,
    };
    let key = EvidenceKey::generate(&options.file, &options.name.0, passphrase.as_ref())?;
    output::tell(|output| {
        writeln!(
            output,
            "Created {file}: EVIDENCE.KEY names it. What others verify by:\n{}\n\
             Give them that line over a way that nobody else writes to.",
            key.verifier()
        )
    });
    Ok(ExitCode::Done)
}

fn passphrase(path: &Path) -> Result<SecretString, NoPassphrase> {
    let read = secret_file::read_line(path);
    let (passphrase, exposed) = read.map_err(|error| NoPassphrase {
        path: path.to_owned(),
        error,
    })?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    Ok(passphrase)
}

/// The passphrase is not there.
#[derive(Debug, thiserror::Error)]
#[error("the file of the passphrase, {}, {error}", path.display())]
struct NoPassphrase {
    path: PathBuf,
    error: SecretFileError,
}

impl From<NoPassphrase> for CommandError {
    fn from(error: NoPassphrase) -> Self {
        Self::new(ExitCode::Configuration, error).hint(
            "`openssl rand -base64 24 > FILE` makes one, and EVIDENCE.KEY_PASSPHRASE_FILE names it for runs",
        )
    }
}
