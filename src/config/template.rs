//! A new configuration file: the documented example, every key with its comment, with what a person answered
//! in place of the example's values.

use std::path::Path;

use super::reader::Folders;
use super::{Configuration, ConfigurationError};

const EXAMPLE: &str = include_str!("../../docs/broker-courier.example.toml");

/// What a person must say of a new configuration.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
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

impl Answers {
    /// The file of the API key, beside the configuration.
    pub(crate) const API_KEY_FILE: &'static str = "api-key";
    /// The file of the password, beside the configuration.
    pub(crate) const PASSWORD_FILE: &'static str = "sftp-password";
    /// The file of the encryption key, beside the configuration.
    pub(crate) const KEY_FILE: &'static str = "results.key";

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
            set(
                "SFTP",
                "PASSWORD_FILE",
                "# or: PASSWORD_FILE = \"sftp-password\"",
            );
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
        let text = self
            .text()
            .replace("API_KEY_FILE = \"api-key\"", "API_KEY = \"x\"")
            .replace("\nPASSWORD_FILE = \"sftp-password\"", "\nPASSWORD = \"x\"");
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
