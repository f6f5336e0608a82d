//! Key files: what is accepted, what is refused with which words, and what a generated one is like.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;

const SECRET: &str = "BJ6vEt7BuRpPb-SEEXUKvA-IJyfSscOkRH3NBS4iN_A=";

fn write_key(path: &Path, text: impl AsRef<[u8]>, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn load(text: impl AsRef<[u8]>) -> Result<FernetKey, KeyError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    write_key(&path, text, 0o600);
    let loaded = FernetKey::load(&path);
    if let Err(error) = &loaded {
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "unnamed: {error}"
        );
    }
    loaded.map(|(key, exposed)| {
        assert_eq!(exposed, None);
        key
    })
}

#[test]
fn white_space_around_a_key_is_ignored() {
    let id = load(SECRET).unwrap().id();
    for text in [
        format!("{SECRET}\n"),
        format!("{SECRET}\r\n"),
        format!("\t {SECRET}  \n\n"),
    ] {
        assert_eq!(load(text).unwrap().id(), id);
    }
}

#[test]
fn both_base64_alphabets_are_the_same_key() {
    let standard = SECRET.replace('-', "+").replace('_', "/");
    assert_eq!(load(standard).unwrap().id(), load(SECRET).unwrap().id());
}

#[test]
fn the_id_tells_keys_apart_and_never_changes() {
    // Recorded with every upload: another way to compute it would read as a change of key.
    assert_eq!(load(SECRET).unwrap().id().to_string(), "a86073525a4c9b56");
    assert_ne!(
        load(fernet::Fernet::generate_key()).unwrap().id(),
        load(SECRET).unwrap().id()
    );
}

#[test]
fn a_key_cannot_be_printed() {
    let key = load(SECRET).unwrap();
    assert_eq!(format!("{key:?}"), format!("FernetKey({})", key.id()));
}

#[test]
fn an_empty_key_file_is_called_empty() {
    for text in ["", "\n", " \r\n "] {
        assert!(matches!(load(text), Err(KeyError::Empty(_))), "{text:?}");
    }
}

#[test]
fn a_malformed_key_file_says_what_is_expected_and_shows_nothing() {
    let malformed = [
        SECRET[1..].to_owned(),
        SECRET.replace('=', ""),
        SECRET.replace('=', "A"),
        format!("{SECRET}{SECRET}"),
        format!("{SECRET} {SECRET}"),
        SECRET.replace('7', "%"),
        SECRET.replace('7', "é"),
        format!("KEY={SECRET}"),
        // Bits that no encoder sets: this is not what somebody generated.
        SECRET.replace("A=", "B="),
        "x".repeat(100_000),
    ];
    for text in malformed {
        let error = load(&text).unwrap_err();
        assert!(matches!(error, KeyError::Malformed(_)), "{text}: {error}");
        assert!(
            error
                .to_string()
                .contains("expected 44 characters of URL-safe base64")
        );
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(&text) && !shown.contains(&SECRET[2..12]),
            "{shown}"
        );
    }
    assert!(matches!(load([0x80; 1025]), Err(KeyError::Malformed(_))));
}

#[test]
fn a_key_file_that_another_editor_saved_is_read_or_said_to_be_what_it_is() {
    let id = load(SECRET).unwrap().id();
    for saved in [
        format!("\u{feff}{SECRET}"),
        format!("\u{feff}{SECRET}\r\n\r\n"),
    ] {
        assert_eq!(load(saved).unwrap().id(), id);
    }
    let utf16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = load([b"\xff\xfe", utf16.as_slice()].concat()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 1, column 1: not UTF-8 text: it is UTF-16"),
        "{error}"
    );
    let error = load([0xff; 44]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 1, column 1: not UTF-8 text"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains(&SECRET[2..12]));
}

#[test]
fn a_missing_key_file_is_called_missing() {
    let folder = TempDir::new().unwrap();
    let error = FernetKey::load(&folder.path().join("key")).unwrap_err();
    assert!(matches!(error, KeyError::Missing(_)), "{error}");
}

#[test]
fn a_directory_or_a_pipe_is_no_key_file_and_does_not_block() {
    let folder = TempDir::new().unwrap();
    let error = FernetKey::load(folder.path()).unwrap_err();
    assert!(matches!(error, KeyError::Directory(_)), "{error}");
    let pipe = folder.path().join("pipe");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, 0o600.into(), 0).unwrap();
    let error = FernetKey::load(&pipe).unwrap_err();
    assert!(matches!(error, KeyError::NotAFile(_)), "{error}");
}

#[test]
fn a_key_file_behind_a_file_is_unreadable() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = FernetKey::load(&file.join("key")).unwrap_err();
    assert!(matches!(error, KeyError::Unreadable { .. }), "{error}");
}

#[test]
fn a_key_file_that_others_can_read_gives_a_warning() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    for (mode, is_exposed) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o644, true),
        (0o622, false),
    ] {
        write_key(&path, SECRET, mode);
        let (_, exposed) = FernetKey::load(&path).unwrap();
        assert_eq!(exposed.is_some(), is_exposed, "{mode:o}");
        if let Some(exposed) = exposed {
            assert_eq!(exposed.mode, mode);
            let text = exposed.to_string();
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            assert!(text.contains(&format!("{mode:04o}")), "{text}");
        }
    }
}

#[test]
fn a_generated_key_is_what_is_loaded_and_what_others_accept() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let key = FernetKey::generate(&path).unwrap();
    let (loaded, exposed) = FernetKey::load(&path).unwrap();
    assert_eq!((loaded.id(), exposed), (key.id(), None));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.len(), 45);
    assert!(text.ends_with("=\n"));
    assert!(fernet::Fernet::new(text.trim()).is_some());
    let other = FernetKey::generate(&folder.path().join("other")).unwrap();
    assert_ne!(other.id(), key.id());
}

#[test]
fn generating_a_key_overwrites_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, "mine").unwrap();
    let error = FernetKey::generate(&path).unwrap_err();
    assert!(matches!(error, KeyError::Exists(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");

    let link = folder.path().join("link");
    std::os::unix::fs::symlink("target", &link).unwrap();
    let error = FernetKey::generate(&link).unwrap_err();
    assert!(matches!(error, KeyError::Exists(_)), "{error}");
    assert!(!folder.path().join("target").exists());

    let error = FernetKey::generate(&folder.path().join("missing/key")).unwrap_err();
    assert!(matches!(error, KeyError::Unwritable { .. }), "{error}");
}

const GENERATE_HERE: &str = "COURIER_TEST_GENERATE_KEY";

#[test]
fn a_generated_key_file_has_mode_0600_under_any_umask() {
    // The umask belongs to the process: other tests run in this one, so a child takes each.
    if let Some(path) = std::env::var_os(GENERATE_HERE) {
        drop(FernetKey::generate(Path::new(&path)).unwrap());
        return;
    }
    let folder = TempDir::new().unwrap();
    for umask in ["000", "022", "077", "277", "777"] {
        let path = folder.path().join(umask);
        let status = Command::new("sh")
            .args(["-c", r#"umask "$0" && exec "$@""#, umask])
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "effects::fernet::key_tests::a_generated_key_file_has_mode_0600_under_any_umask",
            ])
            .env(GENERATE_HERE, &path)
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "umask {umask}");
        let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "umask {umask}");
        drop(FernetKey::load(&path).unwrap());
    }
}
