//! The configuration file as it is meant to be written. What is wrong with others is in
//! `tests/problems.rs`, secrets are in `tests/secrets.rs`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod problems;
mod schema;
mod secrets;
mod template;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::reader::Folders;
use super::*;
use crate::effects::sftp::{Credential, HostKeys};

/// A real file of the replaced program.
const LEGACY: &str = r#"[BROKER]
URL = "http://localhost:8080"
API_KEY = "xxxAdmin1234"
[REQUESTS]
TAG = "rki"
[SFTP]
HOST = "127.0.0.1"
USERNAME = "sftpuser"
PASSWORD = "sftppassword"
TIMEOUT = "25"
FOLDERNAME = "rki"
[SECURITY]
PATH_ENCRYPTION_KEY = "/opt/rki.key"
[MISC]
WORKING_DIR = "/opt"
"#;

const EXAMPLE: &str = include_str!("../../docs/broker-courier.example.toml");

/// A configuration file in a folder of its own.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let scene = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        scene.put("courier.toml", text);
        scene
    }

    /// The example file, with the files that it names.
    fn example(text: &str) -> Self {
        let scene = Self::new(text);
        scene.put("api-key", "xxxAdmin1234\n");
        scene.put("sftp-password", "sftppassword\n");
        scene
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), content).unwrap();
        self.protect(name, 0o600);
    }

    fn protect(&self, name: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("courier.toml")
    }

    fn load(&self) -> Result<(Configuration, Vec<Warning>), ConfigurationError> {
        Configuration::load_alone(&self.path())
    }

    fn loaded(&self) -> Configuration {
        self.load().unwrap().0
    }

    /// The warnings, without the folder.
    fn warnings(&self) -> Vec<String> {
        let (_, warnings) = self.load().unwrap();
        warnings.iter().map(|it| self.shorten(it)).collect()
    }

    /// The problems, one a line, without the folder.
    fn problems(&self) -> String {
        match self.load() {
            Err(ConfigurationError::Problems { problems, .. }) => {
                let lines: Vec<String> = problems.iter().map(|it| self.shorten(it)).collect();
                lines.join("\n")
            }
            other => panic!("{other:?}"),
        }
    }

    fn shorten(&self, text: &impl ToString) -> String {
        let folder = format!("{}/", self.folder.path().display());
        text.to_string().replace(&folder, "")
    }
}

/// The password that opens the drop-box.
fn password(configuration: &Configuration) -> Option<&str> {
    let credentials = &configuration.drop_box.credentials;
    credentials.iter().find_map(|credential| match credential {
        Credential::Password(password) => Some(password.expose_secret()),
        Credential::PrivateKey { .. } | Credential::Agent => None,
    })
}

/// The legacy file with further lines below a table's header, or before the first table.
fn with(table: &str, lines: &str) -> String {
    match table {
        "" => format!("{lines}\n{LEGACY}"),
        table if LEGACY.contains(&format!("[{table}]\n")) => {
            LEGACY.replace(&format!("[{table}]\n"), &format!("[{table}]\n{lines}\n"))
        }
        table => format!("{LEGACY}[{table}]\n{lines}\n"),
    }
}

/// The legacy file without the line of this key.
fn without(key: &str) -> String {
    let lines = LEGACY.lines().filter(|line| !line.starts_with(key));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_file_of_the_replaced_program_loads_unchanged_and_without_a_warning() {
    let (configuration, warnings) = Scene::new(LEGACY).load().unwrap();
    assert_eq!(warnings, []);
    assert_eq!(configuration.broker.api_key.expose(), "xxxAdmin1234");
    assert_eq!(password(&configuration).unwrap(), "sftppassword");
    let folders = Folders {
        file: Path::new("/etc/courier.toml"),
        home: Some(Path::new("/home/courier")),
        started_in: None,
    };
    let (configuration, _) = Configuration::of_text(LEGACY, 0o600, folders).unwrap();
    insta::assert_debug_snapshot!(configuration);
}

#[test]
fn a_bundle_of_certificates_stands_before_any_table() {
    let configuration = Scene::new(with("", "REQUESTS_CA_BUNDLE = \"/etc/ca.pem\"")).loaded();
    let bundle = configuration.broker.ca_bundle;
    assert_eq!(bundle.as_deref(), Some(Path::new("/etc/ca.pem")));
}

#[test]
fn without_rules_of_its_own_a_file_means_the_ledgers_defaults() {
    let key = KeyId([7; 8]);
    let policy = Scene::new(LEGACY).loaded().rules.policy(key);
    assert_eq!(policy, Policy::new(key));
}

#[test]
fn each_rule_reaches_the_policy() {
    let text = LEGACY
        .replace(
            "TAG = \"rki\"",
            "TAG = \"rki\"\nCHANGE = \"completion\"\nREAPPEARED = \"ignore\"\nDRAFTS = \"wait\"",
        )
        .replace("[MISC]", "ON_KEY_CHANGE = \"reupload\"\n[MISC]");
    let policy = Scene::new(text).loaded().rules.policy(KeyId([7; 8]));
    assert_eq!(policy.change, ChangeRule::Completion);
    assert_eq!(policy.reappeared, ReappearanceRule::Ignore);
    assert_eq!(policy.drafts, DraftRule::Wait);
    assert_eq!(policy.on_key_change, KeyChangeRule::Reupload);
}

#[test]
fn deletions_are_allowed_by_number_or_by_share() {
    for (value, count, percent) in [
        ("3", 3, 0),
        ("\"3\"", 3, 0),
        ("0", 0, 0),
        ("\"25%\"", 0, 25),
        ("\" 0 % \"", 0, 0),
        ("\"100%\"", 0, 100),
    ] {
        let text = with("GUARDS", &format!("MAX_DELETIONS = {value}"));
        let Guards {
            max_deletions,
            max_deletions_percent,
        } = Scene::new(text).loaded().rules.guards;
        assert_eq!((max_deletions, max_deletions_percent), (count, percent));
    }
}

/// The limit for connecting and for silence, in seconds.
fn timeout(text: &str) -> u64 {
    let timeouts = Scene::new(text).loaded().drop_box.timeouts;
    assert_eq!(timeouts.connect, timeouts.silence);
    timeouts.connect.as_secs()
}

#[test]
fn numbers_may_stand_in_quotes() {
    for value in ["7", "\"7\"", "\" 7 \"", "0_7"] {
        let text = LEGACY.replace("\"25\"", value);
        if value.starts_with('0') {
            assert!(Scene::new(text).load().is_err());
        } else {
            assert_eq!(timeout(&text), 7);
        }
    }
    let text = LEGACY.replace("\"25\"", "1_000");
    assert_eq!(timeout(&text), 1000);
    assert_eq!(timeout(&without("TIMEOUT")), 25);
}

#[test]
fn one_host_key_or_a_list_of_them() {
    let one = "\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"";
    let two = "\"SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0\"";
    for (value, count) in [(one.to_owned(), 1), (format!("[{one},\n {two}]"), 2)] {
        let text = with("SFTP", &format!("HOST_KEY = {value}"));
        let HostKeys::Pinned(host_keys) = Scene::new(text).loaded().drop_box.host_keys else {
            panic!("others are accepted");
        };
        assert_eq!(host_keys.len(), count);
        assert_eq!(format!("\"{}\"", host_keys[0]), one);
    }
}

#[test]
fn relative_paths_start_at_the_files_folder_and_a_tilde_is_home() {
    let text = LEGACY
        .replace("\"/opt\"", "\"ledger\"")
        .replace("\"/opt/rki.key\"", "\"~/rki.key\"");
    let scene = Scene::new(text);
    let configuration = scene.loaded();
    let folder = scene.folder.path();
    assert_eq!(configuration.working_dir, folder.join("ledger"));
    let key = std::env::home_dir().unwrap().join("rki.key");
    assert_eq!(configuration.key_files.current, key);
}

#[test]
fn old_keys_are_one_path_or_a_list_of_them() {
    let old = |value: &str| {
        let scene = Scene::new(with("SECURITY", &format!("OLD_KEYS = {value}")));
        let found = scene.load().map(|(configuration, _)| configuration);
        let folder = scene.folder.path().to_owned();
        let relative = |path: PathBuf| path.strip_prefix(&folder).unwrap_or(&path).to_owned();
        found.map(|it| {
            it.key_files
                .old
                .into_iter()
                .map(relative)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(old("\"old\"").unwrap(), [Path::new("old")]);
    let several = [Path::new("a.key"), Path::new("/etc/old")];
    assert_eq!(old("[\"a.key\",\n \"/etc/old\"]").unwrap(), several);
    assert_eq!(old("[]").unwrap(), [""; 0].map(PathBuf::from));
    for wrong in [
        "\"\"",
        "[\"\"]",
        "7",
        "[7]",
        "[\"~root/key\"]",
        "\"a\\u0007\"",
    ] {
        let error = old(wrong).unwrap_err().to_string();
        assert!(error.contains("SECURITY.OLD_KEYS"), "{wrong}: {error}");
    }
}

#[test]
fn the_brokers_address_ends_with_a_slash() {
    for (given, expected) in [
        ("http://localhost:8080", "http://localhost:8080/"),
        (
            "https://example.org/aktin/x",
            "https://example.org/aktin/x/",
        ),
        (
            "https://example.org/aktin/x/",
            "https://example.org/aktin/x/",
        ),
        (" HTTPS://Example.ORG:443 ", "https://example.org/"),
    ] {
        let text = LEGACY.replace("http://localhost:8080", given);
        let address = Scene::new(text).loaded().broker.address;
        let url = address.url();
        assert_eq!(url.as_str(), expected);
        let joined = url.join("broker/status").unwrap();
        assert_eq!(joined.as_str(), format!("{expected}broker/status"));
    }
}

#[test]
fn a_tag_may_hold_quotes_and_a_folder_any_characters_but_control_characters() {
    let text = LEGACY
        .replace("TAG = \"rki\"", "TAG = '''a'b\"c'''")
        .replace(
            "FOLDERNAME = \"rki\"",
            "FOLDERNAME = \"/a/Übergabe b..c//\"",
        );
    let configuration = Scene::new(text).loaded();
    assert_eq!(configuration.broker.tag.as_str(), "a'b\"c");
    assert_eq!(configuration.drop_box.folder, "/a/Übergabe b..c");
    let root = LEGACY.replace("FOLDERNAME = \"rki\"", "FOLDERNAME = \"/\"");
    assert_eq!(Scene::new(root).loaded().drop_box.folder, "/");
}

#[test]
fn an_address_of_ipv6_is_a_host() {
    let text = LEGACY.replace("127.0.0.1", "fd00::7");
    assert_eq!(Scene::new(text).loaded().drop_box.host, "fd00::7");
}

#[test]
fn dotted_keys_windows_line_ends_and_a_byte_order_mark_are_toml_too() {
    let expected = format!("{:?}", Scene::new(LEGACY).loaded());
    let mut table = "";
    let mut dotted = String::new();
    for line in LEGACY.lines() {
        match line.strip_prefix('[') {
            Some(name) => table = name.trim_end_matches(']'),
            None => dotted.push_str(&format!("{table}.{line}\n")),
        }
    }
    for text in [
        dotted,
        LEGACY.replace('\n', "\r\n"),
        format!("\u{feff}{LEGACY}"),
    ] {
        assert_eq!(format!("{:?}", Scene::new(text).loaded()), expected);
    }
}

#[test]
fn the_ledger_and_the_key_are_found_in_a_file_that_is_incomplete_otherwise() {
    let text = "[SECURITY]\nPATH_ENCRYPTION_KEY = \"results.key\"\n\
                [SFTP]\nPROT = 22\nPASSWORD_FILE = \"not there\"\n\
                [MISC]\nWORKING_DIR = \"ledger\"\n";
    let scene = Scene::new(text);
    let folder = scene.folder.path();
    let working_dir = Configuration::working_dir(&scene.path()).unwrap();
    assert_eq!(working_dir, folder.join("ledger"));
    let key_files = Configuration::key_files(&scene.path()).unwrap();
    assert_eq!(key_files.current, folder.join("results.key"));
    assert_eq!(key_files.old, [""; 0].map(PathBuf::from));
}

#[test]
fn the_example_loads_without_a_warning() {
    let (_, warnings) = Scene::example(EXAMPLE).load().unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn the_example_shows_every_key_and_its_commented_values_are_the_defaults() {
    let mut shown = Vec::new();
    let mut table = "";
    for line in EXAMPLE.lines() {
        let plain = line.trim_start_matches("# or: ").trim_start_matches('#');
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        } else if let Some((key, _)) = plain.split_once(" = ") {
            shown.extend(keys::find(table, key));
        }
    }
    shown.sort();
    let mut known: Vec<_> = keys::names().collect();
    known.sort();
    assert_eq!(shown, known);

    let uncommented = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    });
    let uncommented: String = uncommented.collect();
    assert!(uncommented.contains("\nRESERVE_MIB = 8\n"));
    let paths = |scene: &Scene| scene.shorten(&format!("{:?}", scene.loaded()));
    assert_eq!(
        paths(&Scene::example(&uncommented)),
        paths(&Scene::example(EXAMPLE))
    );
}

#[test]
fn the_documented_table_is_the_codes() {
    let document = include_str!("../../docs/configuration.md");
    let (_, after) = document.split_once("## Every key\n\n").unwrap();
    let (documented, _) = after.split_once("\n## ").unwrap();
    let table = reference_markdown();
    assert!(
        documented == table,
        "docs/configuration.md must hold this table below \"Every key\":\n{table}"
    );
}

#[test]
fn the_documented_example_loads() {
    let document = include_str!("../../docs/configuration.md");
    let (_, after) = document.split_once("```toml\n").unwrap();
    let (example, _) = after.split_once("```").unwrap();
    let (_, warnings) = Scene::example(example).load().unwrap();
    assert_eq!(warnings, []);
}
