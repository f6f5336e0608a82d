//! `METRICS.TEXTFILE`: how things stand after a run, for the text file collector of Prometheus'
//! node_exporter (<https://github.com/prometheus/node_exporter#textfile-collector>; exposition format
//! 0.0.4).
//!
//! What always holds here: a file is whole and readable for the collector, whatever the umask; none that
//! cannot be written ends a run. Deliberately absent: time stamps, for which the collector would skip the
//! whole file, and anything about a single request.

use std::fmt::Write as _;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use courier_ledger::{State, Timestamp};

use super::health::Health;
use crate::run::VERSION;

/// Every figure: its name behind `broker_courier_`, what it is, and where it is from; none is left out.
type Figure = (&'static str, &'static str, fn(&Snapshot<'_>) -> Option<f64>);

const FIGURES: &[Figure] = &[
    (
        "last_run_timestamp_seconds",
        "When the last run ended, in seconds since 1970.",
        |it| it.state.run()?.finished.map(|(time, _)| seconds(time)),
    ),
    (
        "last_success_timestamp_seconds",
        "When the last run ended that did all that was to be done.",
        |it| it.state.last_good().map(seconds),
    ),
    (
        "last_run_exit_code",
        "The exit code of the last run.",
        |it| Some(f64::from(it.state.run()?.verdict.as_ref()?.exit_code)),
    ),
    ("listed_requests", "Requests that the broker lists.", |it| {
        Some(it.state.listed() as f64)
    }),
    (
        "delivered_results",
        "Results that are at the drop-box, as far as is known.",
        |it| Some(it.state.stored() as f64),
    ),
    (
        "pending_requests",
        "Results that are still to be delivered or withdrawn.",
        |it| Some(it.health.pending.len() as f64),
    ),
    (
        "oldest_pending_seconds",
        "For how long the oldest of them had waited when the last run ended; 0 when there is none.",
        |it| {
            Some(
                it.health
                    .oldest_pending()
                    .map_or(0.0, |age| age.as_secs_f64()),
            )
        },
    ),
    ("blocked", "Commands that wait for a person.", |it| {
        Some(
            it.health
                .held
                .as_ref()
                .map_or(0.0, |held| held.commands as f64),
        )
    }),
    (
        "failed_requests",
        "Requests whose last command failed.",
        |it| Some(it.health.failed.len() as f64),
    ),
    (
        "drifted_results",
        "Delivered files that were found not to be as they were.",
        |it| Some(it.health.drifted as f64),
    ),
    ("ledger_entries", "Entries of the ledger.", |it| {
        Some(it.state.tip().0 as f64)
    }),
];

struct Snapshot<'a> {
    state: &'a State,
    health: &'a Health,
}

fn seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1e6
}

/// Replaces the file `path` by what a state tells; that it cannot be is said.
pub(super) fn write(path: &Path, state: &State, health: &Health) {
    let snapshot = Snapshot { state, health };
    if let Err(error) = replace(path, text(&snapshot).as_bytes()) {
        tracing::warn!(
            "METRICS.TEXTFILE: {} cannot be written: {error}",
            path.display()
        );
    }
}

/// The same as text, for whoever asks.
pub(super) fn text_of(state: &State, health: &Health) -> String {
    text(&Snapshot { state, health })
}

fn text(snapshot: &Snapshot<'_>) -> String {
    let ledger = snapshot.state.log().map(|log| log.to_string());
    let ledger = ledger.unwrap_or_default();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut figure = |name: &str, about: &str, labels: &str, value: f64| {
        let _infallible = write!(
            text,
            "# HELP broker_courier_{name} {about}\n# TYPE broker_courier_{name} gauge\n\
             broker_courier_{name}{{ledger=\"{ledger}\"{labels}}} {value}\n"
        );
    };
    for (name, about, value) in FIGURES {
        if let Some(value) = value(snapshot) {
            figure(name, about, "", value);
        }
    }
    let version = format!(",version=\"{VERSION}\"");
    figure("build_info", "The program that wrote this.", &version, 1.0);
    text
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    // The collector reads what ends in `.prom`; this does not.
    let mut new = tempfile::Builder::new()
        .prefix(".broker-courier-")
        .suffix(".part")
        .tempfile_in(folder)?;
    new.write_all(bytes)?;
    let file: &File = new.as_file();
    file.set_permissions(Permissions::from_mode(0o644))?;
    new.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;

    const PREFIX: &str = "broker_courier_";
    const ALERTS: &str = include_str!("../../monitoring/alerts.yaml");
    const ALERTS_TEST: &str = include_str!("../../monitoring/alerts_test.yaml");
    const DASHBOARD: &str = include_str!("../../monitoring/dashboard.json");
    const DOCUMENT: &str = include_str!("../../docs/monitoring.md");

    /// The figures that a text names.
    fn named(text: &str) -> BTreeSet<String> {
        let is_of_name = |c: char| c.is_ascii_lowercase() || c == '_';
        let mentions = text.split(PREFIX).skip(1);
        let names = mentions.map(|rest| rest.split(|c| !is_of_name(c)).next().unwrap().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn rules_and_dashboard_name_figures_that_there_are_and_the_document_names_all() {
        let mut known: BTreeSet<String> = FIGURES.iter().map(|it| it.0.to_owned()).collect();
        known.insert("build_info".to_owned());
        for text in [ALERTS, ALERTS_TEST, DASHBOARD] {
            let named = named(text);
            assert!(!named.is_empty());
            assert!(named.is_subset(&known), "{named:?}");
        }
        for figure in &known {
            assert!(DOCUMENT.contains(&format!("`{figure}`")), "{figure}");
        }
        let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
        assert!(dashboard["panels"].as_array().unwrap().len() > 4);
    }

    /// By Prometheus' own program, where it is installed.
    #[test]
    #[expect(clippy::print_stderr, reason = "a test that could not be made says so")]
    fn the_rules_do_what_their_tests_say() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring");
        let check = |arguments: &[&str]| {
            let output = Command::new("promtool")
                .args(arguments)
                .current_dir(folder)
                .output();
            match output {
                Ok(output) => assert!(output.status.success(), "{output:?}"),
                Err(error) => eprintln!("SKIPPED: promtool is not here ({error})"),
            }
        };
        check(&["check", "rules", "alerts.yaml"]);
        check(&["test", "rules", "alerts_test.yaml"]);
    }
}
