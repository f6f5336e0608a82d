//! Everything that commands write of the golden logs is as the published schemas say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::published::Published;
use super::{courier, exits, golden};

/// Every golden log, in the folder of a ledger each.
fn ledgers(place: &Path) -> Vec<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![golden()];
    for kind in ["v1", "redacted"] {
        for entry in fs::read_dir(project.join("ledger/tests/golden").join(kind)).unwrap() {
            let log = entry.unwrap().path();
            if log.extension().is_none_or(|it| it != "log") {
                continue;
            }
            let folder = place.join(kind).join(log.file_stem().unwrap());
            fs::create_dir_all(&folder).unwrap();
            fs::copy(&log, folder.join("ledger.log")).unwrap();
            let head = log.with_extension("head");
            if head.exists() {
                fs::copy(head, folder.join("ledger.head")).unwrap();
            }
            all.push(folder);
        }
    }
    assert!(all.len() > 40, "{all:?}");
    all
}

/// What a command writes of a ledger, if it has an answer for it.
fn json(folder: &Path, words: &[&str]) -> Option<Vec<Value>> {
    let output = courier()
        .args(words)
        .arg("--ledger")
        .arg(folder)
        .output()
        .unwrap();
    let texts = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    let texts: Vec<Value> = texts.map(Result::unwrap).collect();
    output.status.success().then_some(texts)
}

#[test]
fn every_command_writes_what_its_schema_says_of_every_golden_log() {
    let place = tempfile::tempdir().unwrap();
    let mut published = Published::of(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (mut kinds, mut held) = (BTreeSet::new(), [0_usize; 5]);
    for folder in ledgers(place.path()) {
        let lines = json(&folder, &["log", "--json"]).unwrap();
        for line in &lines {
            published.hold_by("broker-courier.log.1", line);
            kinds.insert(line["kind"].as_str().unwrap().to_owned());
        }
        let last = lines.last().unwrap()["sequence"].to_string();
        let commands: [&[&str]; 4] = [
            &["status", "--json"],
            &["replay", "--json"],
            &["plan", "--at", &last, "--json"],
            &["report", "--json"],
        ];
        let mut requests = BTreeSet::new();
        for (command, held) in commands.iter().zip(&mut held) {
            for told in json(&folder, command).unwrap_or_default() {
                published.hold(&told);
                *held += 1;
                let ids = told["requests"].as_array().into_iter().flatten();
                requests.extend(ids.filter_map(|it| it["id"].as_u64()));
            }
        }
        for id in requests {
            for told in json(&folder, &["why", &id.to_string(), "--json"]).unwrap_or_default() {
                published.hold(&told);
                held[4] += 1;
            }
        }
    }
    // Nothing was passed over but what a redacted copy cannot tell.
    assert!(held.iter().all(|&it| it >= 41), "{held:?}");
    assert!(kinds.len() > 25, "{kinds:?}");
}

#[test]
fn a_schema_notices_what_it_does_not_say() {
    let mut published = Published::of(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (told, _) = exits(
        courier()
            .args(["status", "--json", "--ledger"])
            .arg(golden()),
        0,
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    let changes: [fn(&mut Value); 4] = [
        |it| it["drifted"] = json!("3"),
        |it| it["more"] = json!(1),
        |it| it["requests"][0]["uploaded"] = json!("yesterday"),
        |it| {
            it.as_object_mut().unwrap().remove("verdict");
        },
    ];
    for change in changes {
        let mut other = told.clone();
        change(&mut other);
        let held =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| published.hold(&other)));
        assert!(held.is_err(), "{other:#}");
    }
    published.hold(&told);
}
