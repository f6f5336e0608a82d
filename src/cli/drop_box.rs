//! From the configuration to the drop-box: where it is, and what proves who comes.

use std::path::PathBuf;

use super::error::CommandError;
use crate::config::Configuration;
use crate::effects::secret_file;
use crate::effects::sftp::{Credential, Endpoint, HostKeys, Timeouts, Window};
use crate::exit_code::ExitCode;

/// The drop-box of the configuration; reads the private key if it names one.
pub(super) fn endpoint(configuration: &Configuration) -> Result<Endpoint, CommandError> {
    let sftp = &configuration.sftp;
    let host_keys = if sftp.host_keys.is_empty() {
        HostKeys::KnownHosts(sftp.known_hosts.clone().unwrap_or_else(users_known_hosts))
    } else {
        HostKeys::Pinned(sftp.host_keys.clone())
    };
    Ok(Endpoint {
        host: sftp.host.clone(),
        port: sftp.port,
        username: sftp.username.clone(),
        credentials: credentials(configuration)?,
        host_keys,
        folder: sftp.folder.clone(),
        timeouts: Timeouts {
            connect: sftp.timeout,
            silence: sftp.timeout,
            operation: sftp.upload_timeout,
        },
        window: Window {
            open_files: sftp.concurrency,
            ..Window::default()
        },
        recipe: sftp.recipe,
    })
}

/// The proofs of identity: keys before the password, which the server need not see then.
fn credentials(configuration: &Configuration) -> Result<Vec<Credential>, CommandError> {
    let sftp = &configuration.sftp;
    let mut credentials = Vec::new();
    if sftp.agent {
        credentials.push(Credential::Agent);
    }
    if let Some(path) = &sftp.key_file {
        let (pem, exposed) = secret_file::read_text(path).map_err(|error| {
            let path = path.display();
            let text = format!("SFTP.KEY_FILE cannot be used: {path} {error}");
            CommandError::new(ExitCode::Configuration, text)
                .hint("it must hold a private key that the user of this program can read")
        })?;
        if let Some(exposed) = exposed {
            tracing::warn!("{exposed}");
        }
        credentials.push(Credential::PrivateKey {
            pem,
            passphrase: sftp.key_passphrase.clone(),
        });
    }
    credentials.extend(sftp.password.clone().map(Credential::Password));
    Ok(credentials)
}

fn users_known_hosts() -> PathBuf {
    std::env::home_dir()
        .unwrap_or_default()
        .join(".ssh")
        .join("known_hosts")
}
