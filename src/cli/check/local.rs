//! This machine: the configuration, the keys, who may read and write what, the room on the disk; and the ledger, where
//! that is in a database.

use std::path::Path;
use std::time::Instant;

use courier_ledger::Counted;

use super::report::{Link, Report, Standing};
use crate::cli::arguments::Arguments;
use crate::cli::error::CommandError;
use crate::cli::{ledger, lost_key, owner, parts};
use crate::config::{Configuration, ConfigurationError, Warning};
use crate::effects::secret_file::Exposed;
use crate::effects::sftp::Endpoint;
use crate::exit_code::ExitCode;

const CONFIGURATION: Link = Link::new("local.configuration", "configuration");
const KEY: Link = Link::new("local.key", "encryption key");
const PRIVATE_KEY: Link = Link::new("local.private-key", "private key");
const PERMISSIONS: Link = Link::new("local.permissions", "permissions");
const FOLDER: Link = Link::new("local.folder", "WORKING_DIR");
const SPACE: Link = Link::new("local.space", "free space");
/// Tried only where the ledger is in a database.
const DATABASE: Link = Link::new("ledger.database", "ledger in a database");

/// All of them.
pub(super) const LINKS: &[Link] = &[CONFIGURATION, KEY, PRIVATE_KEY, PERMISSIONS, FOLDER, SPACE];

const MIB: u64 = 1 << 20;

/// The configuration; none when it cannot be used, which is said.
pub(super) fn configuration(
    arguments: &Arguments,
    report: &mut Report,
) -> Result<Option<(Configuration, Vec<Exposed>)>, CommandError> {
    let path = parts::configuration_path(arguments)?;
    let since = Instant::now();
    let loaded = Configuration::load(path);
    let took = Some(since.elapsed());
    match loaded {
        Ok((configuration, warnings)) => {
            let mut exposed = Vec::new();
            let mut says = vec![path.display().to_string()];
            for warning in warnings {
                match warning {
                    Warning::Key(text) => says.push(text),
                    Warning::Exposed(file) => exposed.push(file),
                }
            }
            let standing = match says.len() {
                1 => Standing::Holds,
                _ => Standing::Noted {
                    remedy: String::new(),
                },
            };
            report.add(CONFIGURATION, &standing, &says, took);
            Ok(Some((configuration, exposed)))
        }
        Err(error) => {
            let says = match &error {
                ConfigurationError::Problems { path, problems } => problems
                    .iter()
                    .map(|problem| format!("{}{problem}", path.display()))
                    .collect(),
                ConfigurationError::Unreadable { source, .. } => vec![format!("{error}: {source}")],
            };
            let standing = Standing::Fails {
                code: ExitCode::Configuration,
                remedy: "docs/configuration.md describes every key".to_owned(),
            };
            report.add(CONFIGURATION, &standing, &says, took);
            Ok(None)
        }
    }
}

/// Everything else here; gives the drop-box, unless its private key cannot be read.
pub(super) fn rest(
    arguments: &Arguments,
    configuration: &Configuration,
    mut exposed: Vec<Exposed>,
    report: &mut Report,
) -> Option<Endpoint> {
    let working_dir = &configuration.working_dir;
    let since = Instant::now();
    match lost_key::load_and_exposed(configuration) {
        Ok((key, warning)) => {
            exposed.extend(warning);
            let path = configuration.key_files.current.display();
            let mut says = vec![format!("{path}, key id {}", key.id())];
            if let Some(recipients) = &configuration.recipients {
                let texts: Vec<_> = recipients.each().map(ToString::to_string).collect();
                says.push(format!(
                    "results are encrypted with age, recipients {}: {}",
                    recipients.id(),
                    texts.join(", ")
                ));
            }
            report.add(KEY, &Standing::Holds, &says, Some(since.elapsed()));
        }
        Err(error) => fail(report, KEY, &error),
    }
    let endpoint = match parts::endpoint_and_exposed(configuration) {
        Ok((endpoint, warning)) => {
            exposed.extend(warning);
            let says = match &configuration.private_key {
                Some(file) => file.path.display().to_string(),
                None => "none is configured".to_owned(),
            };
            report.add(PRIVATE_KEY, &Standing::Holds, &[says], None);
            Some(endpoint)
        }
        Err(error) => {
            fail(report, PRIVATE_KEY, &error);
            None
        }
    };
    permissions(&exposed, report);
    folder(arguments, working_dir, report);
    space(working_dir, configuration.spool.reserve_bytes, report);
    if let Some(settings) = &configuration.ledger {
        database(&settings.address.to_string(), configuration, report);
    }
    endpoint
}

/// Whether the ledger there is whole, and the one that this machine has seen.
fn database(address: &str, configuration: &Configuration, report: &mut Report) {
    let since = Instant::now();
    match ledger::witnessed_state(&configuration.location()) {
        Ok((state, tip)) => {
            let says = match state.log() {
                Some(log) => format!(
                    "{address} holds {log}, {}",
                    Counted(tip.sequence.0, "event")
                ),
                None => format!("{address} has the tables; no ledger has begun there yet"),
            };
            report.add(DATABASE, &Standing::Holds, &[says], Some(since.elapsed()));
        }
        Err(error) => fail(report, DATABASE, &error),
    }
}

fn fail(report: &mut Report, link: Link, error: &CommandError) {
    let standing = Standing::Fails {
        code: error.code,
        remedy: error.advice().unwrap_or_default().to_owned(),
    };
    report.add(link, &standing, &[error.in_one_line()], None);
}

fn permissions(exposed: &[Exposed], report: &mut Report) {
    let (standing, says) = match exposed {
        [] => {
            let says = "no secret can be read by others".to_owned();
            (Standing::Holds, vec![says])
        }
        exposed => {
            let files = exposed.iter().map(|it| it.path.display().to_string());
            let remedy = format!("chmod 600 {}", files.collect::<Vec<_>>().join(" "));
            let says = exposed.iter().map(|it| {
                let path = it.path.display();
                format!(
                    "{path} holds secrets, and others can read it (mode {:04o})",
                    it.mode
                )
            });
            (Standing::Noted { remedy }, says.collect())
        }
    };
    report.add(PERMISSIONS, &standing, &says, None);
}

/// Whether whoever runs this may run the courier.
fn folder(arguments: &Arguments, working_dir: &Path, report: &mut Report) {
    if let Err(error) = owner::require(arguments, working_dir) {
        return fail(report, FOLDER, &error);
    }
    let path = working_dir.display();
    let needed = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    if let Err(error) = rustix::fs::access(working_dir, needed) {
        let standing = Standing::Fails {
            code: ExitCode::Configuration,
            remedy: format!("chmod 700 {path}; is it on a disk that can be written to?"),
        };
        let says = [format!("{path} cannot be written to: {error}")];
        return report.add(FOLDER, &standing, &says, None);
    }
    let says = [format!("{path} is this user's, and can be written to")];
    report.add(FOLDER, &Standing::Holds, &says, None);
}

fn space(working_dir: &Path, reserve_bytes: u64, report: &mut Report) {
    let free = match rustix::fs::statvfs(working_dir) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let standing = Standing::Noted {
                remedy: String::new(),
            };
            let says = [format!("cannot be found out: {error}")];
            return report.add(SPACE, &standing, &says, None);
        }
    };
    let says = [format!("{} MiB for results and the ledger", free / MIB)];
    let standing = match free < reserve_bytes.max(1) {
        true => Standing::Fails {
            code: ExitCode::Incomplete,
            remedy: format!(
                "free some: the ledger needs room, and SPOOL.RESERVE_MIB leaves it {} MiB",
                reserve_bytes / MIB
            ),
        },
        false => Standing::Holds,
    };
    report.add(SPACE, &standing, &says, None);
}
