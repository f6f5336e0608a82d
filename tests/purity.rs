//! What the program draws as pure stays pure: in the wire and the protocol of SFTP nothing opens a
//! socket or a file, reads a clock or the environment, starts a thread, or names what does. What
//! `ledger/clippy.toml` and its tests are for the pure core, this is for a part of a package that is
//! not pure as a whole.
//!
//! And what the program says is words: nothing is shown as Rust writes its own values.
//!
//! Deliberately absent: the files with tests of their own; a `#[cfg(test)]` module inside a file is
//! held to the same, where it is about the outside.

use std::fs;
use std::path::{Path, PathBuf};

/// The pure folders.
const PURE: [&str; 2] = ["src/effects/sftp/wire", "src/effects/sftp/protocol"];

/// Names that lead out: modules of the standard library, crates, types, and the parts of the SFTP client
/// that touch the network.
const OUTSIDE: [&str; 26] = [
    "SystemTime",
    "TcpStream",
    "UnixStream",
    "connection",
    "drop_box",
    "env",
    "fastrand",
    "fd",
    "fs",
    "getrandom",
    "indicatif",
    "jiff",
    "known_hosts",
    "libc",
    "libssh2_sys",
    "net",
    "os",
    "process",
    "reqwest",
    "rustix",
    "secrecy",
    "ssh2",
    "tempfile",
    "thread",
    "tokio",
    "unix",
];

/// The same, where only two words together lead out.
const OUTSIDE_TOGETHER: [(&str, &str); 3] =
    [("Instant", "now"), ("Timestamp", "now"), ("io", "stdin")];

/// The identifiers of a source file, without comments and the text of strings.
fn words(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(|line| [line, "\n"])
        .collect();
    let code = code.replace(r#"\""#, "").replace(r#"'"'"#, "");
    let outside_strings = code.split('"').step_by(2);
    outside_strings
        .flat_map(|code| code.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What of the outside a source file names.
fn outside(source: &str) -> Vec<String> {
    let words = words(source);
    let alone = words.iter().filter(|word| OUTSIDE.contains(&word.as_str()));
    let together = words.windows(2).filter_map(|pair| {
        let pair = (pair[0].as_str(), pair[1].as_str());
        OUTSIDE_TOGETHER
            .contains(&pair)
            .then(|| format!("{}::{}", pair.0, pair.1))
    });
    // An instant that came in as an argument can still be asked for the time since.
    let elapsed = words.iter().filter(|word| *word == "elapsed");
    alone.chain(elapsed).cloned().chain(together).collect()
}

/// The source files of a folder and those inside it, without files of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            sources.push(path);
        }
    }
    sources
}

#[test]
fn the_wire_and_the_protocol_of_sftp_name_nothing_of_the_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut read = 0;
    for folder in PURE {
        for path in sources(&root.join(folder)) {
            let source = fs::read_to_string(&path).expect("it can be read");
            assert_eq!(outside(&source), Vec::<String>::new(), "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 20, "only {read} files were read");
}

#[test]
fn what_leads_out_is_noticed() {
    for (line, found) in [
        ("use std::net::TcpStream;", vec!["net", "TcpStream"]),
        ("use std::{fs, io};", vec!["fs"]),
        ("let name = std::env::var(\"HOME\");", vec!["env"]),
        ("let now = Instant::now();", vec!["Instant::now"]),
        ("let late = start.elapsed();", vec!["elapsed"]),
        ("fn at(time: std::time::SystemTime) {}", vec!["SystemTime"]),
        ("std::thread::spawn(|| ());", vec!["thread"]),
        ("let session = ssh2::Session::new();", vec!["ssh2"]),
        ("use rustix::event::poll;", vec!["rustix"]),
        (
            "async fn f() { tokio::task::yield_now().await }",
            vec!["tokio"],
        ),
        (
            "use crate::effects::sftp::connection::link::Link;",
            vec!["connection"],
        ),
        ("// std::fs is not used; \"thread\" is a word", vec![]),
        ("let text = \"the env of a thread\";", vec![]),
        ("fn tick(&mut self, now: Instant) {}", vec![]),
    ] {
        assert_eq!(outside(line), found, "{line}");
    }
}

/// The lines of a source file that show a value as Rust writes it (`{:?}`, or a field of tracing's with
/// `?`), outside its tests and what is for developers alone (`Debug`).
fn shown_as_rust(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let (mut is_for_developers, mut is_in_assertion, mut is_handed_on) = (false, false, false);
    let mut found = Vec::new();
    for line in code.lines() {
        if line.starts_with("impl") {
            is_for_developers = line.contains("Debug for ");
        }
        let field = line.match_indices('?').any(|(at, _)| {
            line[..at].trim_end().ends_with(['(', ',', '='])
                && line[at + 1..].starts_with(char::is_alphabetic)
        });
        let start = line.trim_start();
        // What panics is our own fault, and for us to read.
        let panics = start.starts_with("assert")
            || start.starts_with("debug_assert")
            || line.contains("panic!(");
        is_in_assertion = match is_in_assertion {
            true => start != ");",
            false => panics && line.ends_with('('),
        };
        let says = !start.starts_with("//") && !panics && !is_in_assertion && !is_handed_on;
        // How tracing hands over what is to be said, words included.
        is_handed_on = line.contains("fn record_debug(");
        if says && !is_for_developers && (line.contains(":?}") || line.contains(":#?}") || field) {
            found.push(line.trim());
        }
    }
    found
}

#[test]
fn what_is_said_is_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut read, mut shown) = (0, Vec::new());
    for folder in ["src", "ledger/src"] {
        for path in sources(&root.join(folder)) {
            let is_for_tests = path.to_string_lossy().ends_with("tests.rs")
                || path.iter().any(|part| {
                    ["tests", "simulated", "fuzzing.rs"]
                        .iter()
                        .any(|it| part == *it)
                });
            if is_for_tests {
                continue;
            }
            let source = fs::read_to_string(&path).expect("it can be read");
            let lines = shown_as_rust(&source);
            shown.extend(
                lines
                    .iter()
                    .map(|line| format!("{}: {line}", path.display())),
            );
            read += 1;
        }
    }
    assert!(shown.is_empty(), "{shown:#?}");
    assert!(read > 150, "only {read} files were read");
    for line in [
        "#[error(\"the folder {folder:?} is gone\")]",
        "write!(f, \"{:?}\", self.call)",
        "tracing::warn!(?call, \"tried once more\");",
        "tracing::warn!(call = ?call, \"tried once more\");",
    ] {
        assert_eq!(shown_as_rust(line), [line]);
    }
    for line in [
        "// as {:?} shows it",
        "let it = f(x)?;",
        "\"is it there?\"",
        "impl fmt::Debug for A {\n{:?}\n}",
    ] {
        assert!(shown_as_rust(line).is_empty(), "{line}");
    }
}
