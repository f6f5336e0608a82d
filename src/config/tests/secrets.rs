//! Secrets: where they come from, what is warned about, and that nothing ever shows them.

use super::super::load::path_of_text;
use super::super::reader::Folders;
use super::*;

/// Stands in every secret of [`full`], and nowhere else.
const SENTINEL: &str = "S3CRET";

/// A file with every secret inline, and most other keys.
fn full() -> String {
    let text = with(
        "SFTP",
        "PORT = 2222\nKEY_FILE = \"id\"\nKEY_PASSPHRASE = \"S3CRET-three\"\nHOST_KEY = \
         [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]",
    );
    text.replace("xxxAdmin1234", "S3CRET-one")
        .replace("sftppassword", "S3CRET-two")
}

/// Everything that somebody could be shown of a file.
fn shown(text: &str) -> String {
    let folders = Folders {
        file: Path::new("courier.toml"),
        home: None,
        started_in: None,
    };
    let of_path = format!("{:?}", path_of_text(text, folders, &keys::WORKING_DIR));
    match Configuration::of_text(text, 0o644, folders) {
        Ok((configuration, warnings)) => format!("{configuration:?} {warnings:?} {of_path}"),
        Err(error) => format!("{error} {error:?} {of_path}"),
    }
}

#[test]
fn no_secret_is_shown_whatever_was_cut_off_or_lost() {
    let text = full();
    assert!(Scene::new(&text).load().is_ok());
    let hidden = |text: &str| {
        let shown = shown(text);
        assert!(!shown.contains(SENTINEL), "{text}\n{shown}");
    };
    hidden(&text);
    for (index, removed) in text.char_indices() {
        let (before, after) = text.split_at(index);
        hidden(before);
        hidden(&format!("{before}{}", &after[removed.len_utf8()..]));
    }
}

#[test]
fn no_secret_is_shown_whatever_was_added_or_mistyped() {
    let text = full();
    for (index, replaced) in text.char_indices() {
        let (before, after) = text.split_at(index);
        for wrong in ['"', '\'', '\n', '=', '[', '#', '\\', '\u{7f}'] {
            for after in [after, &after[replaced.len_utf8()..]] {
                let text = format!("{before}{wrong}{after}");
                let shown = shown(&text);
                assert!(!shown.contains(SENTINEL), "{text}\n{shown}");
            }
        }
    }
}

#[test]
fn no_secret_is_shown_of_a_value_in_a_wrong_place() {
    for text in [
        LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "\"S3CRET !\" = 1"),
        LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "API_KEY = [\"S3CRET\", 1]"),
        LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "API_KEY.S3CRET = 1"),
        LEGACY.replace(
            "API_KEY = \"xxxAdmin1234\"",
            "API_KEY_FILE = \"\"\"S3CRET\n\"\"\"",
        ),
        LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "URL = \"S3CRET\""),
        LEGACY.replace("http://", "http://user:S3CRET@"),
        LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "API_KEY = \"S3CRET\\n\""),
    ] {
        let scene = Scene::new(&text);
        let error = scene.load().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SENTINEL), "{shown}");
    }
}

#[test]
fn a_secret_comes_from_a_file_of_its_own_without_the_line_break_at_its_end() {
    let scene = Scene::new(LEGACY.replace(
        "PASSWORD = \"sftppassword\"",
        "PASSWORD_FILE = \"password\"",
    ));
    for (content, secret) in [
        ("from a file", "from a file"),
        ("from a file\n", "from a file"),
        ("from a file\r\n", "from a file"),
        ("from a file\n\r\n\n", "from a file"),
        ("\u{feff}from a file\r\n", "from a file"),
        (" spaces count ", " spaces count "),
    ] {
        scene.put("password", content);
        assert_eq!(password(&scene.loaded()), Some(secret));
        assert_eq!(scene.warnings(), [""; 0]);
    }
    let scene = Scene::new(LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "API_KEY_FILE = \"key\""));
    for content in [
        "from-a-file",
        "from-a-file\n",
        "from-a-file\r\n",
        "\u{feff} from-a-file \r\n\r\n",
    ] {
        scene.put("key", content);
        assert_eq!(scene.loaded().broker.api_key.expose(), "from-a-file");
        assert_eq!(scene.warnings(), [""; 0]);
    }
}

#[test]
fn a_secrets_file_that_cannot_be_used_is_a_problem_of_its_key() {
    let scene = Scene::new(LEGACY.replace(
        "PASSWORD = \"sftppassword\"",
        "PASSWORD_FILE = \"password\"",
    ));
    let problem = |expected: &str| {
        assert_eq!(
            scene.problems(),
            format!(":9: SFTP.PASSWORD_FILE cannot be used: password {expected}")
        );
    };
    problem("does not exist");
    for empty in ["", "\n", "\r\n", "\u{feff}", "\u{feff}\r\n"] {
        scene.put("password", empty);
        problem("is empty");
    }
    let utf16 = "is not UTF-8 text: it is UTF-16, which some editors call \"Unicode\"; save it as UTF-8 \
                 (line 1, column 1)";
    for bytes in [&b"\xff\xfe"[..], b"\xff\xfes\0e\0", b"s\0e\0c\0"] {
        scene.put("password", bytes);
        problem(utf16);
    }
    scene.put("password", b"caf\xe9");
    problem(
        "is not UTF-8 text: this byte is none of it; was the file saved as Latin-1 (Windows-1252)? save \
         it as UTF-8 (line 1, column 4)",
    );
    for two in ["S3CRET\nS3CRET", "S3CRET\r\n\r\nS3CRET\n", "S3CRET\rS3CRET"] {
        scene.put("password", two);
        problem("has a second line (line 2), and a secret is one");
    }
    for (text, column) in [("S3CRET\0", 7), ("ä\u{1b}S3CRET", 2), ("\tS3CRET", 1)] {
        scene.put("password", text);
        problem(&format!(
            "has a control character (line 1, column {column}), which no secret has"
        ));
    }
    scene.put("password", vec![b'x'; (1 << 20) + 1]);
    problem("is not a file that holds one secret");
    fs::remove_file(scene.folder.path().join("password")).unwrap();
    fs::create_dir(scene.folder.path().join("password")).unwrap();
    problem("is not a file that holds one secret");
}

#[test]
fn a_key_of_two_lines_is_a_problem() {
    let scene = Scene::new(LEGACY.replace("API_KEY = \"xxxAdmin1234\"", "API_KEY_FILE = \"key\""));
    scene.put("key", "one\ntwo\n");
    assert_eq!(
        scene.problems(),
        ":3: BROKER.API_KEY_FILE cannot be used: key has a second line (line 2), and a secret is one"
    );
    for key in ["a b", "a ä"] {
        scene.put("key", key);
        assert_eq!(
            scene.problems(),
            ":3: BROKER.API_KEY_FILE cannot be used: key holds a key that must not contain spaces, or \
             characters beyond ASCII (column 2 of it)"
        );
    }
}

#[test]
fn a_secret_in_the_configuration_has_no_control_characters() {
    for (key, text) in [
        ("SFTP.PASSWORD", LEGACY.replace("sftppassword", "a\\nb")),
        ("SFTP.PASSWORD", LEGACY.replace("sftppassword", "a\\u0000")),
        ("BROKER.API_KEY", LEGACY.replace("xxxAdmin1234", "a\\tb")),
    ] {
        let problems = Scene::new(text).problems();
        let expected = format!("{key} must not contain control characters or line breaks");
        assert!(problems.ends_with(&expected), "{problems}");
    }
}

#[test]
fn a_key_that_no_header_carries_is_a_problem() {
    for key in ["a b", "ä"] {
        let scene = Scene::new(LEGACY.replace("xxxAdmin1234", key));
        assert_eq!(
            scene.problems(),
            ":3: BROKER.API_KEY must not contain spaces, or characters beyond ASCII"
        );
    }
}

#[test]
fn a_secret_given_twice_is_a_problem() {
    for (table, key) in [
        ("BROKER", "API_KEY"),
        ("SFTP", "PASSWORD"),
        ("SFTP", "KEY_PASSPHRASE"),
        ("EVIDENCE", "KEY_PASSPHRASE"),
    ] {
        let inner = if LEGACY.contains(key) && key != "KEY_PASSPHRASE" {
            format!("{key}_FILE = \"secret\"")
        } else {
            format!("{key} = \"x\"\n{key}_FILE = \"secret\"")
        };
        let scene = Scene::new(with(table, &inner));
        scene.put("secret", "x");
        let expected = format!("{table}.{key}_FILE and {table}.{key} are both given: keep one");
        assert!(scene.problems().contains(&expected), "{}", scene.problems());
    }
}

#[test]
fn a_private_key_needs_no_password() {
    let text = LEGACY.replace("PASSWORD = \"sftppassword\"", "KEY_FILE = \"id\"");
    let scene = Scene::new(text);
    let configuration = scene.loaded();
    assert!(configuration.drop_box.credentials.is_empty());
    // Whether it is there is not this module's business.
    let file = configuration.private_key.unwrap();
    assert_eq!(file.path, scene.folder.path().join("id"));
}

#[test]
fn files_with_secrets_that_others_can_read_give_a_warning() {
    let scene = Scene::new(LEGACY);
    for (mode, count) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)] {
        scene.protect("courier.toml", mode);
        assert_eq!(scene.warnings().len(), count, "{mode:o}");
    }
    let scene = Scene::example(EXAMPLE);
    scene.protect("courier.toml", 0o644);
    assert_eq!(scene.warnings(), [""; 0]);
    scene.protect("api-key", 0o640);
    assert_eq!(
        scene.warnings(),
        [
            "api-key holds secrets and can be read by its group or by others (mode 0640): \
             `chmod 600 api-key` closes it"
        ]
    );
}

#[test]
fn what_is_given_and_not_used_or_not_safe_gives_a_warning() {
    let address = LEGACY.replace("localhost:8080", "broker.example.org");
    assert_eq!(
        Scene::new(address).warnings(),
        [
            "courier.toml:2: BROKER.URL is not https: the API key and the results cross the \
             network unencrypted"
        ]
    );
    for local in [
        "127.0.0.1",
        "127.1.2.3",
        "[::1]",
        "localhost",
        "a.localhost",
    ] {
        let scene = Scene::new(LEGACY.replace("localhost:8080", local));
        assert_eq!(scene.warnings(), [""; 0], "{local}");
    }
    let keys = "HOST_KEY = \"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"\n\
                KNOWN_HOSTS = \"known_hosts\"";
    assert_eq!(
        Scene::new(with("SFTP", keys)).warnings(),
        ["courier.toml:8: SFTP.KNOWN_HOSTS is not used: SFTP.HOST_KEY decides"]
    );
    assert_eq!(
        Scene::new(with("SFTP", "KEY_PASSPHRASE = \"x\"")).warnings(),
        ["courier.toml:7: SFTP.KEY_PASSPHRASE is not used: there is no SFTP.KEY_FILE"]
    );
}
