//! The command line as a person meets it, without a network.

#![allow(clippy::unwrap_used, reason = "tests")]

mod evidence;
mod packages;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use assert_cmd::Command;

fn courier() -> Command {
    let mut command = Command::cargo_bin("broker-courier").unwrap();
    command
        .env_remove("BROKER_COURIER_CONFIG")
        .env_remove("RUST_LOG");
    command
}

fn exits(command: &mut Command, code: i32) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    (stdout, stderr)
}

/// A complete configuration whose broker and server are not there.
fn configuration(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("courier.toml");
    let text = format!(
        "[BROKER]\nURL = \"http://127.0.0.1:9\"\nAPI_KEY = \"k\"\n[REQUESTS]\nTAG = \"rki\"\n\
         [SFTP]\nHOST = \"127.0.0.1\"\nPORT = 9\nUSERNAME = \"u\"\nPASSWORD = \"p\"\n\
         FOLDERNAME = \"rki\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
         [MISC]\nWORKING_DIR = \"{}\"\n",
        folder.display()
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn key(folder: &Path) {
    exits(courier().arg("keygen").arg(folder.join("rki.key")), 0);
}

#[test]
fn wrong_usage_is_exit_2_and_help_is_exit_0() {
    exits(courier().arg("--help"), 0);
    exits(courier().arg("--version"), 0);
    exits(courier().arg("fly"), 2);
    let (_, stderr) = exits(courier().arg("run"), 2);
    assert!(stderr.contains("--config"), "{stderr}");
    exits(courier().args(["log", "--since", "the other day"]), 2);
}

#[test]
fn a_password_in_an_address_is_shown_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let here = folder.path().display().to_string();
    for address in [
        "postgres://courier:S3CRET@db.example/courier",
        "postgres://courier@db.example/courier?password=S3CRET",
        "postgres://courier:S3CRET@db.example/courier?sslmode=S3CRET",
    ] {
        let copy = ["ledger", "copy", "--from", &here, "--to", address];
        for words in [&["--ledger", address, "status"][..], &copy] {
            let (said, error) = exits(courier().args(words), 2);
            assert!(!format!("{said}{error}").contains("S3CRET"), "{error}");
            assert!(error.contains("PGPASSWORD"), "{error}");
        }
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}[LEDGER]\nURL = \"{address}\"\n")).unwrap();
        for words in [
            &["config", "show"][..],
            &["config", "show", "--json"],
            &["status"],
        ] {
            let (said, error) = exits(courier().arg("-c").arg(&config).args(words), 3);
            assert!(
                !format!("{said}{error}").contains("S3CRET"),
                "{said}{error}"
            );
        }
        fs::write(&config, text).unwrap();
    }
}

#[test]
fn help_documents_every_exit_code() {
    let (help, _) = exits(courier().arg("--help"), 0);
    for code in 0..=8 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
    }
    assert!(help.contains("\n 10  "), "{help}");
}

#[test]
fn the_configuration_may_stand_before_or_after_the_command_or_in_the_environment() {
    let missing = "nowhere/courier.toml";
    for command in [
        courier().args(["-c", missing, "plan"]),
        courier().args(["plan", "--config", missing]),
        courier().env("BROKER_COURIER_CONFIG", missing).arg("plan"),
    ] {
        let (_, stderr) = exits(command, 3);
        assert!(stderr.contains(missing), "{stderr}");
    }
}

#[test]
fn a_missing_malformed_or_empty_key_file_is_exit_3_and_leaves_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let path = folder.path().join("rki.key");
    let run = || exits(courier().arg("-c").arg(&config).arg("run"), 3).1;
    assert!(run().contains("rki.key does not exist"));
    fs::write(&path, "").unwrap();
    assert!(run().contains("is empty"));
    fs::write(&path, "c2hvcnQ=").unwrap();
    let message = run();
    assert!(
        message.contains("44 characters") && !message.contains("c2hvcnQ"),
        "{message}"
    );
    assert!(!folder.path().join("ledger.log").exists());
}

#[test]
fn a_key_that_others_can_read_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    let path = folder.path().join("rki.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, stderr) = exits(courier().arg("-c").arg(&config).arg("run"), 4);
    assert!(stderr.contains("chmod 600"), "{stderr}");
}

#[test]
fn a_broker_that_is_down_is_exit_4_recorded_and_nothing_else_happens() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    let (_, stderr) = exits(courier().arg("-c").arg(&config).arg("run"), 4);
    assert!(stderr.contains("nothing was changed"), "{stderr}");
    let (log, _) = exits(courier().args(["log", "--ledger"]).arg(folder.path()), 0);
    let kinds: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(
        kinds,
        ["LogCreated", "RunStarted", "PollFailed", "RunFinished"]
    );
    let (summary, _) = exits(courier().args(["verify", "--ledger"]).arg(folder.path()), 0);
    assert!(summary.contains("is whole: 4 events"), "{summary}");
    let (plan, _) = exits(courier().arg("-c").arg(&config).arg("plan"), 4);
    assert!(plan.is_empty());
    let after = exits(courier().args(["verify", "--ledger"]).arg(folder.path()), 0).0;
    assert_eq!(after, summary, "plan appended something");
}

#[test]
fn a_missing_working_directory_is_exit_3() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    let text = fs::read_to_string(&config).unwrap();
    let gone = format!("{}/gone", folder.path().display());
    fs::write(
        &config,
        text.replace(
            &format!("\"{}\"", folder.path().display()),
            &format!("\"{gone}\""),
        ),
    )
    .unwrap();
    let (_, stderr) = exits(courier().arg("-c").arg(&config).arg("run"), 3);
    assert!(stderr.contains("WORKING_DIR"), "{stderr}");
}

#[test]
fn config_init_makes_everything_for_its_owner_alone_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("etc/courier");
    let config = place.join("courier.toml");
    let init = |further: &[&str], code| {
        let mut command = courier();
        command.arg("-c").arg(&config).args(["config", "init"]);
        exits(command.args(further), code)
    };
    let (_, stderr) = init(&["--url", "http://127.0.0.1:9"], 2);
    let needed = "these options are needed: --tag, --host, --username, --folder";
    assert!(stderr.contains(needed), "{stderr}");
    let mut options = vec!["--url", "broker", "--tag", "rki", "--host", "127.0.0.1"];
    options.extend(["--port", "9", "--username", "u", "--folder", "rki"]);
    let (_, stderr) = init(&options, 2);
    assert!(stderr.contains("BROKER.URL takes an http"), "{stderr}");
    assert!(!place.exists());

    options[1] = "http://127.0.0.1:9";
    let (stdout, _) = init(&options, 0);
    for name in ["api-key", "sftp-password"] {
        let path = place.join(name).display().to_string();
        assert!(stdout.contains(&format!("to fill  {path}")), "{stdout}");
        assert!(
            stdout.contains(&format!("cat > '{path}'"))
                || stdout.contains(&format!("cat > {path}")),
            "{stdout}"
        );
    }
    for (name, mode) in [
        ("", 0o700),
        ("work", 0o700),
        ("courier.toml", 0o600),
        ("results.key", 0o600),
        ("api-key", 0o600),
        ("sftp-password", 0o600),
    ] {
        let metadata = fs::metadata(place.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
    let before = fs::read(&config).unwrap();
    let (_, stderr) = init(&options, 3);
    assert!(stderr.contains("is there already"), "{stderr}");
    assert_eq!(fs::read(&config).unwrap(), before);
    // Begun again, what is there is kept.
    fs::remove_file(&config).unwrap();
    fs::write(place.join("api-key"), "k").unwrap();
    let key = fs::read(place.join("results.key")).unwrap();
    let (stdout, _) = init(&options, 0);
    assert!(stdout.contains("kept "), "{stdout}");
    assert_eq!(fs::read(place.join("results.key")).unwrap(), key);
    assert_eq!(fs::read(place.join("api-key")).unwrap(), b"k");

    let command = |words: &[&str], code| exits(courier().arg("-c").arg(&config).args(words), code);
    // A secret that was not filled in is told, and what there is is shown all the same.
    let (stdout, stderr) = command(&["config", "show"], 3);
    assert!(stdout.contains("SFTP.PORT"), "{stdout}");
    assert!(stderr.contains("sftp-password is empty"), "{stderr}");
    fs::write(place.join("sftp-password"), "a secret").unwrap();
    let (stdout, _) = command(&["config", "show", "--json"], 0);
    let shown: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(shown["schema"], "broker-courier.config.1");
    assert!(!stdout.contains("a secret"), "{stdout}");
    let (stdout, _) = command(&["check"], 4);
    for link in ["configuration", "key", "permissions", "folder", "space"] {
        assert!(
            stdout.contains(&format!("ok        local.{link} ")),
            "{stdout}"
        );
    }
}

#[test]
fn a_damaged_status_xml_is_not_taken_over_and_leaves_no_log() {
    let whole = "<status><request-status><id>2</id><completion>0.5</completion>\
        <uploaded>2021-10-11 09:39:50</uploaded></request-status></status>";
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    let path = folder.path().join("status.xml");
    for damaged in [
        "",
        "<html><body>502</body></html>",
        whole.strip_suffix("</status>").unwrap(),
        &whole.replace("0.5", "0.50"),
        &whole.replace("2021-10-11", "2021-13-11"),
        &whole.replace("<id>2</id>", ""),
        &format!("{whole}{whole}"),
    ] {
        fs::write(&path, damaged).unwrap();
        let (_, stderr) = exits(courier().arg("-c").arg(&config).arg("run"), 7);
        assert!(
            stderr.contains("status.xml") && stderr.contains("hint:"),
            "{stderr}"
        );
        assert!(!folder.path().join("ledger.log").exists(), "{damaged}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            damaged,
            "it was changed"
        );
    }
    fs::write(&path, whole).unwrap();
    exits(courier().arg("-c").arg(&config).arg("run"), 4);
    let (log, _) = exits(courier().args(["log", "--ledger"]).arg(folder.path()), 0);
    assert!(log.contains("LegacyImported"), "{log}");
    let (status, _) = exits(
        courier()
            .args(["replay", "--status-xml", "--ledger"])
            .arg(folder.path()),
        0,
    );
    assert!(
        status.ends_with(whole.strip_prefix("<status>").unwrap()),
        "{status}"
    );
}

#[test]
fn a_status_xml_of_a_lost_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    let text = format!(
        "<status log=\"{}\" sequence=\"7\" hash=\"{}\"></status>",
        "ab".repeat(16),
        "cd".repeat(32)
    );
    fs::write(folder.path().join("status.xml"), text).unwrap();
    let (_, stderr) = exits(courier().arg("-c").arg(&config).arg("run"), 7);
    assert!(stderr.contains("that ledger is not here"), "{stderr}");
}

#[test]
fn a_second_run_at_the_same_time_is_exit_8() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    let lock = fs::File::open(folder.path()).unwrap();
    lock.lock().unwrap();
    let (_, stderr) = exits(courier().arg("-c").arg(&config).arg("run"), 8);
    assert!(stderr.contains("another run"), "{stderr}");
    exits(courier().args(["status", "--ledger"]).arg(folder.path()), 0);
    drop(lock);
    exits(courier().arg("-c").arg(&config).arg("run"), 4);
}

#[test]
fn keys_are_made_once_and_decrypt_what_they_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    key(folder.path());
    let path = folder.path().join("rki.key");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&path).unwrap();
    let (_, stderr) = exits(courier().arg("keygen").arg(&path), 3);
    assert!(stderr.contains("never overwritten"), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let token = fernet::Fernet::new(text.trim())
        .unwrap()
        .encrypt(b"a result");
    let (input, output) = (
        folder.path().join("export_1.zip"),
        folder.path().join("plain.zip"),
    );
    fs::write(&input, &token).unwrap();
    let decrypt = |code| {
        let mut command = courier();
        exits(
            command
                .arg("decrypt")
                .arg(&input)
                .arg("-o")
                .arg(&output)
                .arg("--key")
                .arg(&path),
            code,
        )
    };
    decrypt(0);
    assert_eq!(fs::read(&output).unwrap(), b"a result");
    decrypt(1);

    // From a pipe and to one, with whichever key fits.
    let other = folder.path().join("other.key");
    exits(courier().arg("keygen").arg(&other), 0);
    let pipe = |given: &str, words: &[&str], code: i32| {
        let mut command = courier();
        command.arg("decrypt").args(words).arg("--key").arg(&other);
        let assert = command
            .arg("--key")
            .arg(&path)
            .write_stdin(given.to_owned());
        let output = assert.assert().code(code).get_output().clone();
        (output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(
        pipe(&token, &["-"], 0),
        (b"a result".to_vec(), String::new())
    );
    let named = input.to_str().unwrap();
    assert_eq!(pipe("", &[named, "-o", "-"], 0).0, b"a result");
    let changed = token.replacen('A', "B", 1);
    for wrong in [&changed, &token[..token.len() - 4], "", "no token"] {
        let (decrypted, said) = pipe(wrong, &["-"], 1);
        assert!(
            decrypted.is_empty() && said.contains("standard input"),
            "{said}"
        );
    }
    assert!(
        pipe(&token, &["-", named], 2)
            .1
            .contains("goes there alone")
    );
    assert!(pipe("", &[named], 2).1.contains("-o OUT"));

    fs::remove_file(&output).unwrap();
    fs::write(&input, changed).unwrap();
    decrypt(1);
    assert!(!output.exists());
}

// Made by age 1.1.1, for the identity below.
const AGE_FILE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBwT1RlUGxzVnY4YmlWMlFnVUtuUUtvcER3UkRLOGljMzBRRnVKU2FJU0dZCkVFMXMwMnBDaDE3NXlLVDVJTjQ0cFUrSFdUdTF4dnlwMHZ6TVZpQlI3bkEKLS0tIGFzZW12am1IeWR4WnZqaFVRMGxQUloySDVZRFRmTnVDOUhZT3hNdVZsU28KjiCK/lxy3J3XO9JaGCXoAe7Q0fsdjWvyEkSm+rAtFlk5ihfB3F5N9e5MtiVfxWc2pXlszZ0vHrh4mg==";
const AGE_IDENTITY: &str =
    "AGE-SECRET-KEY-103XKSHZU4Y6K64908C65V02JTEWY5J9QM37A7N2JAZ4X7FLXH63QQ44AKJ\n";

#[test]
fn an_age_file_from_a_pipe_comes_out_once_the_whole_of_it_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("results.identity");
    fs::write(&identity, AGE_IDENTITY).unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    let file = base64_simd::STANDARD.decode_to_vec(AGE_FILE).unwrap();
    let pipe = |given: &[u8], words: &[&str], code: i32| {
        let mut command = courier();
        command.args(["decrypt", "-"]).args(words);
        let assert = command.write_stdin(given).assert().code(code);
        let output = assert.get_output().clone();
        (output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    let identity = ["--identity", identity.to_str().unwrap()];
    let (message, said) = pipe(&file, &identity, 0);
    assert_eq!(message, b"a result of two hospitals\n");
    assert_eq!(said, "");
    let mut changed = file.clone();
    *changed.last_mut().unwrap() ^= 1;
    for wrong in [&changed[..], &file[..file.len() - 1], &file[..40]] {
        let (message, said) = pipe(wrong, &identity, 1);
        assert!(message.is_empty(), "{said}");
        assert!(said.contains("standard input"), "{said}");
    }
    let (message, said) = pipe(&file, &[], 2);
    assert!(message.is_empty() && said.contains("--identity"), "{said}");
}

#[test]
fn an_auditor_without_a_ledger_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _) = exits(courier().args(["status", "--ledger"]).arg(folder.path()), 0);
    assert!(status.contains("nothing has been run yet"), "{status}");
    exits(courier().args(["verify", "--ledger"]).arg(folder.path()), 2);
    exits(
        courier()
            .args(["replay", "--at", "5", "--ledger"])
            .arg(folder.path()),
        2,
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    key(folder.path());
    exits(courier().arg("-c").arg(&config).arg("run"), 4);
    let program = assert_cmd::cargo::cargo_bin("broker-courier");
    let script = format!(
        "set -o pipefail; {} log --ledger {} | true",
        program.display(),
        folder.path().display()
    );
    let status = std::process::Command::new("bash")
        .args(["-c", &script])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let help = exits(courier().arg("--help"), 0).0;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = exits(courier().args(["completions", shell]), 0).0;
        assert!(commands.iter().all(|name| script.contains(name)), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    exits(courier().arg("man").arg(folder.path()), 0);
    for name in commands {
        let page = folder.path().join(format!("broker-courier-{name}.1"));
        assert!(page.is_file(), "{}", page.display());
    }
    let missing = folder.path().join("missing");
    let (_, said) = exits(courier().arg("man").arg(missing), 2);
    assert!(said.contains("the folder must exist"), "{said}");
}
