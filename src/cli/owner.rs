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
    let line = line_of_service(arguments, directory).unwrap_or_else(|| {
        let means = Means {
            sudo: is_in_path("sudo"),
            unit: matches!(arguments.command, Command::Run(_)) && has_unit(),
        };
        line(&me, &owner, means, &this_command(arguments))
    });
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

/// Whether somebody has written one: that of the packages runs as a user of its own, which nobody else is.
fn has_unit() -> bool {
    Path::new("/etc/systemd/system").join(UNIT).exists()
}

/// What the packages bring to run a command as one of their services does.
const AS_SERVICE: &str = "broker-courier-as";

/// How it is done for a service of the packages, whose user is there only while it runs, and into whose folder
/// nobody gets but root.
fn line_of_service(arguments: &Arguments, directory: &Path) -> Option<String> {
    let config = std::path::absolute(arguments.config.as_ref()?).ok()?;
    let service = service(&config, &directory.canonicalize().ok()?)?;
    let words = std::env::args_os().skip(1);
    let words = without_configuration(words.map(|word| word.to_string_lossy().into_owned()));
    let line = format!("{AS_SERVICE} {} {}", quoted(&service), words.join(" "));
    is_in_path(AS_SERVICE).then_some(line)
}

/// The service that has this configuration, and its ledger in this folder.
fn service(config: &Path, directory: &Path) -> Option<String> {
    let is_service = directory.starts_with("/var/lib/private")
        && config.parent() == Some(Path::new("/etc/broker-courier"));
    let name = config.file_stem().filter(|_| is_service)?;
    Some(name.to_string_lossy().into_owned())
}

/// The words of a command, as a shell takes them, but for those that name its configuration.
fn without_configuration(mut words: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" | "--config" => drop(words.next()),
            joined if joined.starts_with("--config=") => {}
            joined if joined.starts_with("-c") => {}
            _ => kept.push(quoted(&word)),
        }
    }
    kept
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
    fn a_service_of_the_packages_is_known_by_its_places() {
        let (config, ledger) = (
            Path::new("/etc/broker-courier/rki.toml"),
            Path::new("/var/lib/private/broker-courier-rki"),
        );
        assert_eq!(service(config, ledger).as_deref(), Some("rki"));
        assert_eq!(service(config, Path::new("/var/lib/broker-courier")), None);
        assert_eq!(service(Path::new("/home/ann/rki.toml"), ledger), None);
        let words = ["-c", "rki.toml", "approve", "1f", "--why", "it is right"];
        let again = |words: &[&str]| {
            without_configuration(words.iter().map(|&word| word.to_owned())).join(" ")
        };
        assert_eq!(again(&words), "approve 1f --why 'it is right'");
        assert_eq!(again(&["run", "--config=rki.toml"]), "run");
        assert_eq!(again(&["--config", "rki.toml", "run"]), "run");
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
