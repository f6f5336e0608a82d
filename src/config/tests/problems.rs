//! Files that cannot be used: every problem, its line, and what is expected.

use proptest::prelude::*;

use super::super::load::path_of_text;
use super::super::reader::Folders;
use super::*;

/// The only problem of a file.
fn problem(text: &str) -> String {
    let problems = Scene::new(text).problems();
    assert_eq!(problems.lines().count(), 1, "{problems}");
    problems
}

#[test]
fn all_problems_are_reported_at_once_by_line() {
    let text = r#"REQUESTS_CA_BUNDEL = "ca.pem"
[BROKER]
URL = "ftp://localhost"
API_KEY = "xxxAdmin1234"
API_KEY_FILE = "not-there"
CONCURENCY = 4
CONNECT_TIMEOUT = 0
STATUS_TIMEOUT = "soon"
EXPORT_TIMEOUT = 900.0
MAX_ANSWER_MIB = 99999999999999999999999999
[REQUEST]
TAG = "rki"
[SFTP]
HOST = "sftp://example.org"
PORT = "ssh"
FOLDER = "rki"
HOST_KEY = "MD5:00"
KEY_PASSPHRASE = 12345
CONCURRENCY = -1
[REQUESTS]
CHANGE = "sometimes"
REAPPEARED = true
[GUARDS]
MAX_DELETIONS = "120%"
[EXTRAS]
"#;
    insta::assert_snapshot!(Scene::new(text).problems());
}

#[test]
fn everything_that_an_empty_file_lacks_is_named() {
    insta::assert_snapshot!(Scene::new("").problems());
}

#[test]
fn nobody_attests_what_nobody_signed_and_a_witness_has_an_address_and_a_key_of_his_kind() {
    const SIGNER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = "[EVIDENCE]\nKEY = 'evidence.key'\n";
    for (lines, why) in [
        (
            "[EVIDENCE]\nTIMESTAMP_URL = 'http://a/'".to_owned(),
            "EVIDENCE.TIMESTAMP_URL attests what EVIDENCE.KEY signs: give that, too",
        ),
        (
            format!("{key}TIMESTAMP_URL = 'ftp://a/'"),
            "EVIDENCE.TIMESTAMP_URL takes an http or https address",
        ),
        (
            format!("{key}WITNESS_URL = 'http://a/'"),
            "EVIDENCE.WITNESS_URL needs EVIDENCE.WITNESS_KEY",
        ),
        (
            format!("{key}WITNESS_URL = 'http://a/'\nWITNESS_KEY = '{SIGNER}'"),
            "EVIDENCE.WITNESS_KEY is the key of somebody who signs, not of a witness",
        ),
    ] {
        let problem = problem(&format!("{}\n{lines}\n", with("SFTP", "")));
        assert!(problem.contains(why), "{problem}");
    }
}

#[test]
fn an_error_begins_with_the_file_and_lists_all_problems() {
    let scene = Scene::new(with("SFTP", "PROT = 22"));
    let error = scene.load().unwrap_err();
    assert_eq!(
        scene.shorten(&error),
        "courier.toml:7: SFTP.PROT is not a known key; did you mean SFTP.PORT?"
    );
    let scene = Scene::new(with("SFTP", "PROT = 22\nTIME = 1"));
    let error = scene.load().unwrap_err();
    let shown = scene.shorten(&error);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], "2 problems");
    assert!(lines[1].starts_with("  courier.toml:7: "), "{shown}");
    assert!(lines[2].starts_with("  courier.toml:8: "), "{shown}");
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    let cases = [
        ("SFTP", "PROT", "did you mean SFTP.PORT?"),
        ("SFTP", "port", "did you mean SFTP.PORT?"),
        ("SFTP", "FOLDER_NAME", "did you mean SFTP.FOLDERNAME?"),
        ("SFTP", "user", "did you mean SFTP.USERNAME?"),
        (
            "BROKER",
            "MAX_ANSWER",
            "did you mean BROKER.MAX_ANSWER_MIB?",
        ),
        ("MISC", "DIRECTORY", "is not a known key"),
        ("REQUESTS", "PORT", "did you mean SFTP.PORT?"),
        ("REQUESTS", "Known_Hosts", "did you mean SFTP.KNOWN_HOSTS?"),
        ("BROKER", "Concurrency", "did you mean BROKER.CONCURRENCY?"),
        ("", "WORKING_DIR", "did you mean MISC.WORKING_DIR?"),
        ("MISC", "REQUESTS_CA_BUNDLE", "stands before any table"),
    ];
    for (table, key, expected) in cases {
        let found = problem(&with(table, &format!("{key} = \"x\"")));
        assert!(found.ends_with(expected), "{found}");
        assert!(found.contains(&format!("{key} is not a known key")));
    }
    let stranger = problem(&with("SFTP", "ZZZZZZ = 1"));
    assert_eq!(stranger, ":7: SFTP.ZZZZZZ is not a known key");
    for (table, expected) in [
        (
            "sftp",
            ":16: [sftp] is not a known table; did you mean [SFTP]?",
        ),
        (
            "GUARD",
            ":16: [GUARD] is not a known table; did you mean [GUARDS]?",
        ),
        (
            "ZZZZZZ",
            ":16: [ZZZZZZ] is not a known table; the known ones are BROKER, REQUESTS, SFTP, \
             SECURITY, REMOTE, GUARDS, SPOOL, METRICS, NOTIFY, EVIDENCE, PUBLISH, RUN, WATCH, LEDGER, MISC",
        ),
        (
            "REQUESTS_CA_BUNDLE",
            ":16: REQUESTS_CA_BUNDLE is a key, not a table: write REQUESTS_CA_BUNDLE = \"…\" \
             before any table",
        ),
    ] {
        assert_eq!(problem(&with(table, "A = 1")), expected);
    }
    assert_eq!(
        problem(&with("", "SPOOL = 5")),
        ":1: SPOOL is a table: write [SPOOL]"
    );
    assert_eq!(
        problem(&format!("{LEGACY}[[RUN]]\nDEADLINE = 1\n")),
        ":16: RUN is a table: write [RUN]"
    );
}

/// What is in the table of keys is read: a key that is documented and ignored would be a trap.
#[test]
fn every_known_key_is_read() {
    for key in keys::KEYS {
        let name = key.name();
        let line = format!("{} = 2001-02-03", name.key);
        let inner = format!("\n{} = ", name.key);
        // The key's own line, if the file has one, is replaced.
        let text: String = LEGACY.replacen(&inner, &format!("{inner}2001-02-03 # "), 1);
        let text = match (name.table, text == LEGACY) {
            // The same name stands in another table of the file.
            ("SFTP", _) if name.key == "CONCURRENCY" => with("SFTP", &line),
            ("NOTIFY", _) if name.key == "URL" => with("NOTIFY", &line),
            ("LEDGER", _) => with("LEDGER", &line),
            (table, true) => with(table, &line),
            _ => text,
        };
        let problems = Scene::new(text).problems();
        let expected = format!(": {name} takes {}", key.kind().takes());
        assert!(
            problems.lines().any(|line| line.ends_with(&expected)),
            "{name}: {problems}"
        );
    }
}

#[test]
fn values_out_of_range_or_of_another_form_say_what_is_expected() {
    let cases = [
        ("BROKER", "CONCURRENCY = 0", "takes a number from 1 to 256"),
        (
            "BROKER",
            "CONCURRENCY = 257",
            "takes a number from 1 to 256",
        ),
        (
            "BROKER",
            "CONCURRENCY = 0x10",
            "takes a number from 1 to 256",
        ),
        (
            "BROKER",
            "LIST_TIMEOUT = 604801",
            "takes seconds, from 1 to 604800",
        ),
        (
            "BROKER",
            "LIST_TIMEOUT = \"\"",
            "takes seconds, from 1 to 604800",
        ),
        ("SFTP", "PORT = 65536", "takes a number from 1 to 65535"),
        ("SFTP", "PORT = [22]", "takes a number from 1 to 65535"),
        ("SFTP", "KEY_FILE = \"\"", "must not be empty"),
        (
            "SFTP",
            "KEY_FILE = \"a\\u0000b\"",
            "must not contain control characters",
        ),
        (
            "SFTP",
            "KEY_FILE = \"~root/key\"",
            "may begin with `~/`, not with the name of a user",
        ),
        (
            "SFTP",
            "HOST_KEY = []",
            "takes `SHA256:…`, or a list of them",
        ),
        (
            "SFTP",
            "HOST_KEY = [1]",
            "takes `SHA256:…`, or a list of them",
        ),
        (
            "SFTP",
            "HOST_KEY = \"SHA256:47DEQpj8HBSa\"",
            "takes `SHA256:…`, or a list of them",
        ),
        ("REQUESTS", "DRAFTS = \"Wait\"", "takes `upload` or `wait`"),
        (
            "REQUESTS",
            "DRAFTS = 1",
            "takes `upload` or `wait`, in quotes",
        ),
        (
            "GUARDS",
            "MAX_DELETIONS = -1",
            "takes a number like `10`, or a percentage like `\"20%\"`",
        ),
        (
            "GUARDS",
            "MAX_DELETIONS = \"%\"",
            "takes a number like `10`, or a percentage like `\"20%\"`",
        ),
        (
            "SPOOL",
            "MAX_MIB = 1.5",
            "takes a number from 0 to 1073741824",
        ),
    ];
    for (table, line, expected) in cases {
        let found = problem(&with(table, line));
        let (key, _) = line.split_once(" = ").unwrap();
        assert!(
            found.ends_with(&format!(": {table}.{key} {expected}")),
            "{found}"
        );
    }
}

#[test]
fn required_values_are_checked_too() {
    let long = format!("TAG = \"{}\"", "x".repeat(201));
    let cases = [
        (
            "URL = \"http://localhost:8080\"",
            "URL = \"localhost:8080\"",
            ":2: BROKER.URL takes an http or https address",
        ),
        (
            "URL = \"http://localhost:8080\"",
            "URL = \"http://\"",
            ":2: BROKER.URL takes an http or https address",
        ),
        (
            "http://",
            "http://a:b@",
            ":2: BROKER.URL must not contain a user name or a password",
        ),
        (
            "8080",
            "8080/?a=b",
            ":2: BROKER.URL must not contain a query or a fragment",
        ),
        (
            "8080",
            "8080/#a",
            ":2: BROKER.URL must not contain a query or a fragment",
        ),
        (
            "TAG = \"rki\"",
            "TAG = \"\"",
            ":5: REQUESTS.TAG must not be empty",
        ),
        (
            "TAG = \"rki\"",
            "TAG = \"a\\tb\"",
            ":5: REQUESTS.TAG must not contain control characters",
        ),
        (
            "TAG = \"rki\"",
            &long,
            ":5: REQUESTS.TAG takes at most 200 characters",
        ),
        (
            "127.0.0.1",
            "127.0.0.1:22",
            ":7: SFTP.HOST takes a name or an address alone, without scheme, user, brackets or port (SFTP.PORT, SFTP.USERNAME)",
        ),
        (
            "FOLDERNAME = \"rki\"",
            "FOLDERNAME = \"a/../b\"",
            ":11: SFTP.FOLDERNAME must not contain `..`",
        ),
        (
            "FOLDERNAME = \"rki\"",
            "FOLDERNAME = 7",
            ":11: SFTP.FOLDERNAME takes a path on the server, in quotes",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(problem(&LEGACY.replace(from, to)), expected);
    }
}

#[test]
fn a_missing_key_has_the_line_of_its_table() {
    assert_eq!(
        problem(&without("USERNAME")),
        ":6: SFTP.USERNAME is missing: who logs in"
    );
}

#[test]
fn a_key_given_twice_hides_no_other_problem() {
    let found = Scene::new(with("SFTP", "HOST = \"b\"\nPROT = 2")).problems();
    assert_eq!(
        found,
        ":8: SFTP.PROT is not a known key; did you mean SFTP.PORT?\n\
         :9:1: HOST is given twice"
    );
    let found = problem(&format!("{LEGACY}[BROKER]\n"));
    assert_eq!(found, ":16:2: BROKER is given twice");
}

#[test]
fn what_is_not_toml_is_told_by_line_and_column_and_hides_what_would_follow_from_it() {
    for (from, to, expected) in [
        (
            "HOST = \"127.0.0.1\"",
            "HOST = sftp",
            ":7:8: not TOML: string values must be quoted, expected literal string",
        ),
        (
            "HOST = \"127.0.0.1\"",
            "HOST = 127.0.0.1",
            ":7:13: not TOML: invalid float",
        ),
        (
            "[SFTP]",
            "[SFTP",
            ":6:6: not TOML: unclosed table, expected `]`",
        ),
    ] {
        assert_eq!(problem(&LEGACY.replace(from, to)), expected);
    }
    let scene = Scene::new(b"[BROKER]\nURL = \"\xff\"\n");
    assert_eq!(
        scene.problems(),
        ":2:8: not UTF-8 text: this byte is none of it; was the file saved as Latin-1 (Windows-1252)? save \
         it as UTF-8"
    );
}

#[test]
fn a_file_that_another_editor_saved_is_read_or_said_to_be_what_it_is() {
    for saved in [
        LEGACY.replace('\n', "\r\n"),
        format!("\u{feff}{LEGACY}"),
        format!("\u{feff}{}", LEGACY.replace('\n', "\r\n")),
    ] {
        let scene = Scene::new(&saved);
        assert_eq!(scene.loaded().broker.tag.to_string(), "rki");
        assert!(Configuration::working_dir(&scene.path()).is_ok());
    }
    let utf16 = |mark: &[u8], of: fn(u16) -> [u8; 2]| {
        let mut bytes = mark.to_vec();
        bytes.extend(LEGACY.encode_utf16().flat_map(of));
        bytes
    };
    for saved in [
        utf16(b"\xff\xfe", u16::to_le_bytes),
        utf16(b"\xfe\xff", u16::to_be_bytes),
        utf16(b"", u16::to_le_bytes),
        utf16(b"", u16::to_be_bytes),
    ] {
        assert_eq!(
            Scene::new(saved).problems(),
            ":1:1: not UTF-8 text: it is UTF-16, which some editors call \"Unicode\"; save it as UTF-8"
        );
    }
}

#[test]
fn a_path_that_is_missing_is_told_with_everything_that_may_explain_it() {
    let scene = Scene::new("[MISC]\nWORKING_DRI = \"/opt\"\n");
    let error = Configuration::working_dir(&scene.path()).unwrap_err();
    assert_eq!(
        scene.shorten(&error),
        "2 problems\n  \
         courier.toml:1: MISC.WORKING_DIR is missing: the folder of the ledger and of \
         `status.xml`; must exist, and belong to whoever runs the courier\n  \
         courier.toml:2: MISC.WORKING_DRI is not a known key; did you mean MISC.WORKING_DIR?"
    );
}

#[test]
fn what_is_not_there_is_told_with_all_other_problems() {
    let text = LEGACY
        .replace(
            "PASSWORD = \"sftppassword\"",
            "PASSWORD_FILE = \"password\"",
        )
        .replace("\"/opt/rki.key\"", "\"rki.key\"")
        .replace("\"/opt\"", "\"books\"");
    let scene = Scene::new(format!("REQUESTS_CA_BUNDLE = \"ca.pem\"\n{text}"));
    let problems = |scene: &Scene| match Configuration::load(&scene.path()) {
        Err(error) => scene.shorten(&error),
        Ok(loaded) => panic!("{loaded:?}"),
    };
    assert_eq!(
        problems(&scene),
        "4 problems\n  \
         courier.toml:1: REQUESTS_CA_BUNDLE names ca.pem, which does not exist\n  \
         courier.toml:10: SFTP.PASSWORD_FILE cannot be used: password does not exist\n  \
         courier.toml:14: SECURITY.PATH_ENCRYPTION_KEY names rki.key, which does not exist: restore it, or \
         make one for a new ledger (`broker-courier keygen`)\n  \
         courier.toml:16: MISC.WORKING_DIR names books, which does not exist: create it, owned by the user \
         that runs the courier, mode 0700"
    );
    for name in ["ca.pem", "password", "books"] {
        scene.put(name, "x");
    }
    assert_eq!(
        problems(&scene),
        "2 problems\n  \
         courier.toml:14: SECURITY.PATH_ENCRYPTION_KEY names rki.key, which does not exist: restore it, or \
         make one for a new ledger (`broker-courier keygen`)\n  \
         courier.toml:16: MISC.WORKING_DIR names books, which is not a folder"
    );
    fs::remove_file(scene.folder.path().join("books")).unwrap();
    fs::create_dir(scene.folder.path().join("books")).unwrap();
    // A key that is missing alone is told by whoever knows which one it was.
    Configuration::load(&scene.path()).unwrap();
}

#[test]
fn what_the_replaced_program_would_have_found_is_named() {
    let text = LEGACY
        .replace("\"/opt/rki.key\"", "\"rki.key\"")
        .replace("\"/opt\"", "\"ledger\"");
    let (scene, here) = (Scene::new(&text), Scene::new(""));
    fs::create_dir(here.folder.path().join("ledger")).unwrap();
    here.put("rki.key", "x");
    let path = scene.path();
    let folders = Folders {
        file: &path,
        home: None,
        started_in: Some(here.folder.path()),
    };
    let error = load::of_text_with_places(&text, folders).unwrap_err();
    let error = here.shorten(&scene.shorten(&error));
    let explained = "a relative path starts at the configuration's folder, and in the replaced program where \
                     it was started";
    for (line, name) in [(13, "rki.key"), (15, "ledger")] {
        assert!(error.contains(&format!("courier.toml:{line}: ")), "{error}");
        let named = format!("; {explained}: {name} is there, and can be named instead");
        assert!(error.contains(&named), "{error}");
    }
    // What stands where it belongs needs no word.
    fs::create_dir(scene.folder.path().join("ledger")).unwrap();
    scene.put("rki.key", "x");
    load::of_text_with_places(&text, folders).unwrap();
}

#[test]
fn a_server_is_known_without_any_secret() {
    let text = "[SFTP]\nHOST = \"server\"\nPASSWORD_FILE = \"missing\"\nKNOWN_HOSTS = \"hosts\"\n";
    let scene = Scene::new(text);
    let server = Configuration::server(&scene.path()).unwrap();
    assert_eq!((server.host.as_str(), server.port), ("server", 22));
    assert_eq!(server.pinned, []);
    assert_eq!(server.known_hosts, [scene.folder.path().join("hosts")]);
    let scene = Scene::new("[SFTP]\nPORT = 0\n");
    let error = Configuration::server(&scene.path()).unwrap_err();
    assert_eq!(
        scene.shorten(&error),
        "2 problems\n  courier.toml:1: SFTP.HOST is missing: the SFTP server\n  \
         courier.toml:2: SFTP.PORT takes a number from 1 to 65535"
    );
}

#[test]
fn a_tilde_needs_a_home_folder() {
    let folders = |home| Folders {
        file: Path::new("courier.toml"),
        home,
        started_in: None,
    };
    let text = |value: &str| format!("[MISC]\nWORKING_DIR = \"{value}\"\n");
    for (value, expected) in [("~", "home"), ("~/", "home/"), ("~//a/b", "home/a/b")] {
        let home = folders(Some(Path::new("home")));
        let found = path_of_text(&text(value), home, &keys::WORKING_DIR).unwrap();
        assert_eq!(found, Path::new(expected));
        let homeless = path_of_text(&text(value), folders(None), &keys::WORKING_DIR);
        assert_eq!(
            homeless.unwrap_err().to_string(),
            "courier.toml:2: MISC.WORKING_DIR begins with `~`, and this user has no home folder"
        );
    }
}

#[test]
fn a_file_that_is_none_is_an_error_of_its_own() {
    let scene = Scene::new(LEGACY);
    let missing = scene.folder.path().join("missing.toml");
    for path in [missing, scene.folder.path().to_owned()] {
        let error = Configuration::load(&path).unwrap_err();
        assert!(matches!(error, ConfigurationError::Unreadable { .. }));
        assert!(error.to_string().ends_with(" cannot be read"));
    }
    scene.put("courier.toml", "#".repeat((1 << 20) + 1));
    let error = scene.load().unwrap_err();
    assert!(matches!(error, ConfigurationError::Unreadable { .. }));
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
        let _result = Scene::new(text).load();
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _result = Scene::new(bytes).load();
    }

    #[test]
    fn arbitrary_values_never_panic(
        index in 0..keys::KEYS.len(),
        value in prop_oneof![
            ".{0,30}".prop_map(|text| format!("{text:?}")),
            any::<i128>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| number.to_string()),
            "[\\[\\]{}\"'=,~%#A-Za-z0-9 .:-]{0,30}",
        ],
    ) {
        let name = keys::KEYS[index].name();
        let _result = Scene::new(with(name.table, &format!("{} = {value}", name.key))).load();
    }

    /// Arbitrary files of known and unknown names never panic, and their problems are in order.
    #[test]
    fn problems_are_in_order(lines in proptest::collection::vec(
        "(\\[(BROKER|SFTP|MISC|[A-Z]{1,4})\\]|[A-Z_]{1,8} = (1|\"[a-z]{0,4}\"|\\[\\]))",
        0..20,
    )) {
        if let Err(ConfigurationError::Problems { problems, .. }) =
            Scene::new(lines.join("\n")).load()
        {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.is_sorted());
            let with_line = problems.iter().take_while(|it| it.line.is_some()).count();
            prop_assert!(problems.iter().skip(with_line).all(|it| it.line.is_none()));
        }
    }
}
