//! Who may write to a ledger: the owner of its folder alone. What another user leaves there, root above
//! all, its owner cannot read or replace at the next run, and takes for damage.
//!
//! What always holds here: it is asked before anything is opened. Deliberately absent: reading, which
//! whoever can may do.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::again::quoted;
use super::arguments::{Arguments, Command};
use super::error::CommandError;
use crate::effects::{environment, users};
use crate::exit_code::ExitCode;

/// Somebody else's ledger.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} belongs to {owner}, and this runs as {me}: what it would leave there could not be used by {owner}",
    directory.display()
)]
struct NotOwner {
    directory: PathBuf,
    owner: User,
    me: User,
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    id: u32,
    name: Option<String>,
}

impl User {
    fn of(id: u32) -> Self {
        let name = users::user(id).map(|user| user.name);
        Self { id, name }
    }

    fn is_root(&self) -> bool {
        self.id == 0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "user id {}", self.id),
        }
    }
}

/// Refuses to write to a ledger in somebody else's folder; names the line that does it as its owner.
pub(super) fn require(arguments: &Arguments, directory: &Path) -> Result<(), CommandError> {
    // What is not there is told by whoever looks for it.
    let Ok(metadata) = directory.metadata() else {
        return Ok(());
    };
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() == me {
        return Ok(());
    }
    let (owner, me) = (User::of(metadata.uid()), User::of(me));
    let means = Means {
        sudo: is_in_path("sudo"),
        unit: matches!(arguments.command, Command::Run(_)) && has_unit(),
    };
    let line = line(&me, &owner, means, &this_command(arguments));
    let error = NotOwner {
        directory: directory.to_owned(),
        owner,
        me,
    };
    Err(CommandError::new(ExitCode::Configuration, error).hint(line))
}

/// What this machine has to become another user with.
#[derive(Clone, Copy)]
struct Means {
    /// sudo(8).
    sudo: bool,
    /// A unit of systemd's that does the same.
    unit: bool,
}

/// How it is done as the owner.
fn line(me: &User, owner: &User, means: Means, command: &str) -> String {
    let command = match (&owner.name, means.sudo) {
        (_, true) if owner.is_root() => format!("sudo {command}"),
        (Some(name), true) => format!("sudo -u {} {command}", quoted(name)),
        (None, true) => format!("sudo -u '#{}' {command}", owner.id),
        (Some(name), false) if me.is_root() => {
            format!("su -s /bin/sh {} -c {}", quoted(name), quoted(command))
        }
        (Some(name), false) => format!("su {} -c {}", quoted(name), quoted(command)),
        (None, false) => format!("as the user with the id {}: {command}", owner.id),
    };
    match means.unit {
        true => format!("systemctl start {UNIT}, or: {command}"),
        false => command,
    }
}

const UNIT: &str = "broker-courier.service";

fn has_unit() -> bool {
    [
        "/etc/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
    ]
    .iter()
    .any(|folder| Path::new(folder).join(UNIT).exists())
}

fn is_in_path(program: &str) -> bool {
    let path = environment::value("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .any(|folder| !folder.as_os_str().is_empty() && folder.join(program).is_file())
}

/// This very command, as a shell takes it; a configuration that the environment names is named in it,
/// because another user has another environment.
fn this_command(arguments: &Arguments) -> String {
    let mut words: Vec<String> = std::env::args_os()
        .map(|word| quoted(&word.to_string_lossy()))
        .collect();
    let from_environment = environment::value(environment::CONFIG);
    if let (Some(config), Some(named)) = (&arguments.config, from_environment)
        && config.as_os_str() == named
    {
        let option = ["-c".to_owned(), quoted(&absolute(config))];
        words.splice(1..1, option);
    }
    words.join(" ")
}

fn absolute(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path: &OsStr = path.as_os_str();
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u32, name: &str) -> User {
        let name = (!name.is_empty()).then(|| name.to_owned());
        User { id, name }
    }

    #[test]
    fn the_line_to_use_fits_the_users_and_the_machine() {
        let (root, courier) = (user(0, "root"), user(990, "courier"));
        let (other, nameless) = (user(1000, "ann"), user(4711, ""));
        let command = "broker-courier -c '/etc/a b.toml' run";
        let said =
            |me: &User, owner: &User, sudo, unit| line(me, owner, Means { sudo, unit }, command);
        assert_eq!(
            said(&root, &courier, true, false),
            "sudo -u courier broker-courier -c '/etc/a b.toml' run"
        );
        assert_eq!(
            said(&root, &courier, false, false),
            r"su -s /bin/sh courier -c 'broker-courier -c '\''/etc/a b.toml'\'' run'"
        );
        assert_eq!(
            said(&other, &courier, false, false),
            r"su courier -c 'broker-courier -c '\''/etc/a b.toml'\'' run'"
        );
        assert_eq!(
            said(&other, &root, true, false),
            "sudo broker-courier -c '/etc/a b.toml' run"
        );
        assert_eq!(
            said(&root, &nameless, true, false),
            "sudo -u '#4711' broker-courier -c '/etc/a b.toml' run"
        );
        assert_eq!(
            said(&root, &nameless, false, false),
            "as the user with the id 4711: broker-courier -c '/etc/a b.toml' run"
        );
        assert_eq!(
            said(&root, &courier, true, true),
            "systemctl start broker-courier.service, or: \
             sudo -u courier broker-courier -c '/etc/a b.toml' run"
        );
    }
}
