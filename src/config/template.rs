//! A new configuration file: the documented example, every key with its comment, with what a person answered
//! in place of the example's values.

use std::path::{Path, PathBuf};

use super::reader::Folders;
use super::{Configuration, ConfigurationError};

const EXAMPLE: &str = include_str!("../../docs/broker-courier.example.toml");

/// What a person must say of a new configuration.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// What the configuration is called.
    pub(crate) name: Name,
    /// The broker's base address.
    pub(crate) url: String,
    /// The tag of requests that are delivered.
    pub(crate) tag: String,
    /// The SFTP server.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Who logs in.
    pub(crate) username: String,
    /// What proves it.
    pub(crate) proof: Proof,
    /// The folder of the drop-box.
    pub(crate) folder: String,
    /// The server's host key, if it is known.
    pub(crate) host_key: Option<String>,
    /// The folder of the ledger.
    pub(crate) working_dir: String,
}

/// What proves who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A password in a file of its own.
    Password,
    /// A private key in this file.
    PrivateKey(String),
}

/// What a configuration is called, and after it the files and folders that are its alone: where several
/// stand in one folder, none takes another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `courier.toml`: what belongs to it has plain names.
    Courier,
    /// `rki.toml`, say: what belongs to it begins with `rki`.
    Other(String),
}

impl Name {
    /// That of this file.
    pub(crate) fn of(config: &Path) -> Self {
        match config.file_stem().map(|stem| stem.to_string_lossy()) {
            None => Self::Courier,
            Some(stem) if stem == "courier" => Self::Courier,
            Some(stem) => Self::Other(stem.into_owned()),
        }
    }

    /// The file of the API key, beside the configuration.
    pub(crate) fn api_key_file(&self) -> String {
        self.file("api-key", "api-key")
    }

    /// The file of the password, beside the configuration.
    pub(crate) fn password_file(&self) -> String {
        self.file("sftp-password", "sftp-password")
    }

    /// The file of the encryption key, beside the configuration.
    pub(crate) fn key_file(&self) -> String {
        self.file("results.key", "key")
    }

    /// The folder of the ledger: of a configuration in `/etc/NAME` that of a service, else beside it.
    pub(crate) fn working_dir(&self, folder: &Path) -> PathBuf {
        let service = folder.strip_prefix("/etc").ok();
        match service.filter(|service| service.components().count() == 1) {
            Some(service) => {
                let mut path = Path::new("/var/lib").join(service).into_os_string();
                if let Self::Other(name) = self {
                    path.push(format!("-{name}"));
                }
                path.into()
            }
            None => self.file("work", "work").into(),
        }
    }

    fn file(&self, plain: &str, after_name: &str) -> String {
        match self {
            Self::Courier => plain.to_owned(),
            Self::Other(name) => format!("{name}.{after_name}"),
        }
    }
}

impl Answers {
    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<String> = EXAMPLE.lines().map(ToOwned::to_owned).collect();
        let mut set = |table: &str, key: &str, line: &str| {
            if let Some(place) = place(&lines, table, key) {
                lines[place] = line.to_owned();
            }
        };
        let assigned = |key: &str, value: &str| format!("{key} = {}", quoted(value));
        for (table, key, value) in [
            ("BROKER", "API_KEY_FILE", &self.name.api_key_file()),
            ("SFTP", "PASSWORD_FILE", &self.name.password_file()),
            ("SECURITY", "PATH_ENCRYPTION_KEY", &self.name.key_file()),
            ("BROKER", "URL", &self.url),
            ("REQUESTS", "TAG", &self.tag),
            ("SFTP", "HOST", &self.host),
            ("SFTP", "USERNAME", &self.username),
            ("SFTP", "FOLDERNAME", &self.folder),
            ("MISC", "WORKING_DIR", &self.working_dir),
        ] {
            set(table, key, &assigned(key, value));
        }
        if self.port != 22 {
            set("SFTP", "PORT", &format!("PORT = {}", self.port));
        }
        if let Proof::PrivateKey(path) = &self.proof {
            let password = assigned("PASSWORD_FILE", &self.name.password_file());
            set("SFTP", "PASSWORD_FILE", &format!("# or: {password}"));
            set("SFTP", "KEY_FILE", &assigned("KEY_FILE", path));
        }
        match &self.host_key {
            Some(host_key) => set("SFTP", "HOST_KEY", &assigned("HOST_KEY", host_key)),
            None => set(
                "SFTP",
                "HOST_KEY",
                "# Still to be added: without it the known hosts of OpenSSH decide.\n\
                 #HOST_KEY = \"SHA256:…\"",
            ),
        }
        lines.join("\n") + "\n"
    }

    /// What is wrong with the answers, each in the words of its key; the files of secrets aside.
    pub(crate) fn problems(&self) -> Vec<String> {
        let in_place = |text: String, key: &str, file: &str| {
            let line = format!("\n{key}_FILE = {}\n", quoted(file));
            text.replace(&line, &format!("\n{key} = \"x\"\n"))
        };
        let text = in_place(self.text(), "API_KEY", &self.name.api_key_file());
        let text = in_place(text, "PASSWORD", &self.name.password_file());
        let folders = Folders {
            file: Path::new(""),
            home: Some(Path::new("/")),
            started_in: None,
        };
        match Configuration::of_text(&text, 0o600, folders) {
            Ok(_) => Vec::new(),
            Err(ConfigurationError::Problems { problems, .. }) => {
                problems.into_iter().map(|problem| problem.text).collect()
            }
            Err(error @ ConfigurationError::Unreadable { .. }) => vec![error.to_string()],
        }
    }
}

/// The line that gives a key its value, commented out or not.
fn place(lines: &[String], table: &str, key: &str) -> Option<usize> {
    let mut current = "";
    lines.iter().position(|line| {
        if let Some(name) = line.strip_prefix('[') {
            current = name.trim_end_matches(']');
        }
        let plain = line.trim_start_matches("# or: ").trim_start_matches('#');
        current == table && plain.split_once(" = ").is_some_and(|(name, _)| name == key)
    })
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
