//! The configuration file, as it is written and as it is not.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

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

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let file = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("courier.toml")
    }

    fn load(&self) -> Result<(Configuration, Vec<Warning>), ConfigurationError> {
        Configuration::load(&self.path())
    }
}

fn problems(text: &str) -> Vec<String> {
    match File::new(text).load() {
        Err(ConfigurationError::Problems { problems, .. }) => problems
            .into_iter()
            .map(|Problem { line, text }| format!("{}: {text}", line.unwrap_or(0)))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_of_the_replaced_program_loads_unchanged() {
    let (configuration, warnings) = File::new(LEGACY).load().unwrap();
    assert!(warnings.is_empty());
    assert_eq!(configuration.broker.url.as_str(), "http://localhost:8080/");
    assert_eq!(configuration.broker.api_key.expose_secret(), "xxxAdmin1234");
    assert_eq!(configuration.requests.tag, "rki");
    let sftp = &configuration.sftp;
    assert_eq!(
        (sftp.host.as_str(), sftp.port, sftp.folder.as_str()),
        ("127.0.0.1", 22, "rki")
    );
    assert_eq!(sftp.timeout, Duration::from_secs(25));
    assert_eq!(
        configuration.security.path_encryption_key,
        Path::new("/opt/rki.key")
    );
    assert_eq!(configuration.working_dir, Path::new("/opt"));
    assert_eq!(configuration.guards, Guards::default());
    let with_bundle = format!("REQUESTS_CA_BUNDLE = \"/etc/ca.pem\"\n{LEGACY}");
    let (configuration, _) = File::new(&with_bundle).load().unwrap();
    assert_eq!(
        configuration.broker.ca_bundle.as_deref(),
        Some(Path::new("/etc/ca.pem"))
    );
}

#[test]
fn all_problems_are_reported_at_once_each_with_its_line() {
    let text = r#"[BROKER]
URL = "ftp://localhost"
API_KEY = "xxxAdmin1234"
CONCURENCY = 4
[REQUEST]
TAG = "rki"
[SFTP]
HOST = "127.0.0.1"
PORT = "ssh"
FOLDER = "rki"
HOST_KEY = "MD5:00"
[REQUESTS]
CHANGE = "sometimes"
[GUARDS]
MAX_DELETIONS = "120%"
"#;
    assert_eq!(
        problems(text),
        [
            "0: MISC.WORKING_DIR is missing: path",
            "0: REQUESTS.TAG is missing: text",
            "0: SECURITY.PATH_ENCRYPTION_KEY is missing: path",
            "0: SFTP.FOLDERNAME is missing: path on the server",
            "0: SFTP.PASSWORD is missing (or SFTP.PASSWORD_FILE, or SFTP.KEY_FILE)",
            "0: SFTP.USERNAME is missing: text",
            "2: BROKER.URL takes http or https address",
            "4: BROKER.CONCURENCY is not a known key; did you mean BROKER.CONCURRENCY?",
            "5: [REQUEST] is not a known table; did you mean REQUESTS?",
            "9: SFTP.PORT takes a number from 1 to 65535",
            "10: SFTP.FOLDER is not a known key; did you mean SFTP.FOLDERNAME?",
            "11: SFTP.HOST_KEY takes `SHA256:…`, or a list of them",
            "13: REQUESTS.CHANGE takes `fingerprint` or `completion`",
            "15: GUARDS.MAX_DELETIONS takes a number, or a percentage like `\"20%\"`",
        ]
    );
}

#[test]
fn a_known_key_in_another_table_or_case_is_recognised() {
    let text = LEGACY.replace("TAG = \"rki\"", "TAG = \"rki\"\nPORT = 22\ntag = \"x\"");
    assert_eq!(
        problems(&text),
        [
            "6: REQUESTS.PORT is not a known key; did you mean SFTP.PORT?",
            "7: REQUESTS.tag is not a known key; did you mean REQUESTS.TAG?",
        ]
    );
}

#[test]
fn numbers_may_stand_in_quotes_or_not_and_lists_where_they_are_meant() {
    let key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    let text = LEGACY.replace(
        "TIMEOUT = \"25\"",
        &format!("TIMEOUT = 7\nHOST_KEY = [\"{key}\"]"),
    );
    let text = format!("{text}[GUARDS]\nMAX_DELETIONS = 3\n");
    let (configuration, _) = File::new(&text).load().unwrap();
    assert_eq!(configuration.sftp.timeout, Duration::from_secs(7));
    assert_eq!(configuration.sftp.host_keys.len(), 1);
    assert_eq!(configuration.guards.allowance(1000), 3);
    let list = LEGACY.replace("HOST = \"127.0.0.1\"", "HOST = [\"a\", \"b\"]");
    assert_eq!(problems(&list), ["7: SFTP.HOST takes name or address"]);
}

#[test]
fn secrets_come_from_files_of_their_own_without_the_line_break() {
    let text = LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "API_KEY_FILE = \"api-key\"");
    let file = File::new(&text);
    let secret = file.folder.path().join("api-key");
    fs::write(&secret, "from a file\r\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let (configuration, warnings) = file.load().unwrap();
    assert_eq!(configuration.broker.api_key.expose_secret(), "from a file");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].to_string().contains("chmod 600"),
        "{warnings:?}"
    );
    fs::write(&secret, "\n").unwrap();
    assert!(file.load().unwrap_err().to_string().contains("is empty"));
    fs::remove_file(&secret).unwrap();
    assert!(
        file.load()
            .unwrap_err()
            .to_string()
            .contains("does not exist")
    );
    let both = text.replace("API_KEY_FILE", "API_KEY = \"x\"\nAPI_KEY_FILE");
    assert!(
        problems(&both).iter().any(|it| it.contains("both given")),
        "{:?}",
        problems(&both)
    );
}

#[test]
fn a_configuration_with_secrets_that_others_can_read_gives_a_warning() {
    let file = File::new(LEGACY);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(file.load().unwrap().1.len(), 1);
}

#[test]
fn the_ledger_is_found_without_any_secret() {
    let file = File::new("[MISC]\nWORKING_DIR = \"ledger\"\n");
    let found = Configuration::working_dir(&file.path()).unwrap();
    assert_eq!(found, file.folder.path().join("ledger"));
}

#[test]
fn the_documented_table_is_the_codes() {
    let document = include_str!("../../docs/configuration.md");
    let table = reference_markdown();
    assert!(
        document.contains(&table),
        "docs/configuration.md must hold this table:\n{table}"
    );
}

/// No message and no `Debug` output shows a secret, whatever is wrong with the file.
#[test]
fn no_secret_is_ever_shown() {
    let text = LEGACY
        .replace("xxxAdmin1234", "S3CRET-one")
        .replace("sftppassword", "S3CRET-two");
    let shown = |text: &str| {
        let result = File::new(text).load();
        let shown = match &result {
            Ok((configuration, warnings)) => format!("{configuration:?} {warnings:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains("S3CRET"), "{shown}");
    };
    shown(&text);
    for (index, _) in text.char_indices() {
        shown(&text[..index]);
        let mut without = text.clone();
        without.remove(index);
        shown(&without);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::Direct(
                "proptest-regressions/configuration.txt",
            ),
        )),
        ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _result = File::new(&text).load();
    }

    #[test]
    fn arbitrary_values_never_panic(value in ".{0,20}", line in 1..15usize) {
        let mut lines: Vec<String> = LEGACY.lines().map(str::to_owned).collect();
        if let Some((key, _)) = lines[line].clone().split_once(" = ") {
            lines[line] = format!("{key} = {value:?}");
        }
        let _result = File::new(&lines.join("\n")).load();
    }
}
