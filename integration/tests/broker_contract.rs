//! The contract between the embedded broker and the real one: exchanges recorded from the real one,
//! replayed in order on an empty database. `broker-transcript.json` is the ordinary way,
//! `broker-corners.json` what lies beside it.
//!
//! What always holds here: statuses, recorded headers and bodies are compared after times, UUIDs,
//! the servlet's hash and versions have been replaced by their kind. Of a zip, what was recorded is
//! compared: its comment, and its entries in order with their names and texts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod websocket;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _, Write as _};

use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use serde::Deserialize;
use testbed::aktin::{Aktin, VARIABLE};
use testbed::broker::{EmbeddedBroker, Settings};

/// What was recorded in one go.
struct Transcript {
    json: &'static str,
    count: usize,
    /// The type that the recorder's library gave every `POST` that named none.
    type_of_posts: Option<&'static str>,
}

const ORDINARY: Transcript = Transcript {
    json: include_str!("../data/broker-transcript.json"),
    count: 78,
    // The statuses in it show this.
    type_of_posts: Some("application/x-www-form-urlencoded"),
};

const CORNERS: Transcript = Transcript {
    json: include_str!("../data/broker-corners.json"),
    count: 221,
    type_of_posts: None,
};

#[derive(Deserialize)]
struct Exchange {
    request: Asked,
    response: Answered,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    path: String,
    r#as: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Recorded,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Recorded {
    Text(String),
    Binary {
        starts_with: String,
        comment: Option<String>,
        #[serde(default)]
        entries: Vec<Entry>,
    },
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    text: String,
}

#[test]
fn the_embedded_broker_answers_as_recorded() {
    embedded(&ORDINARY);
}

#[test]
fn the_embedded_broker_answers_as_recorded_in_corners() {
    embedded(&CORNERS);
}

#[test]
fn the_real_broker_answers_as_recorded() {
    real(&ORDINARY);
}

#[test]
fn the_real_broker_answers_as_recorded_in_corners() {
    real(&CORNERS);
}

fn embedded(transcript: &Transcript) {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    replay(&broker.url(), transcript);
}

fn real(transcript: &Transcript) {
    let Some(broker) = Aktin::start_if_available() else {
        // Past the harness, which hides what a test that passes prints.
        let note = format!("SKIPPED: {VARIABLE} is not set, so the real broker was not asked\n");
        io::stderr().write_all(note.as_bytes()).unwrap();
        return;
    };
    replay(broker.unwrap().url(), transcript);
}

/// Replays everything and panics with every difference found.
fn replay(url: &str, transcript: &Transcript) {
    let exchanges: Vec<Exchange> = serde_json::from_str(transcript.json).unwrap();
    assert_eq!(exchanges.len(), transcript.count);
    let client = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let mut uuids = BTreeMap::new();
    let mut failures = Vec::new();
    for (number, exchange) in exchanges.iter().enumerate() {
        let answer = ask(&client, url, transcript, &exchange.request, &uuids);
        for difference in differences(url, exchange, answer, &mut uuids) {
            let Asked { method, path, .. } = &exchange.request;
            let note = &exchange.note;
            failures.push(format!("{number} {method} {path} ({note}): {difference}"));
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

fn ask(
    client: &Client,
    url: &str,
    transcript: &Transcript,
    asked: &Asked,
    uuids: &BTreeMap<String, String>,
) -> Response {
    let mut path = asked.path.clone();
    for (recorded, actual) in uuids {
        path = path.replace(recorded, actual);
    }
    let method = asked.method.parse().unwrap();
    let mut request = client.request(method, format!("{url}/{path}"));
    let key = match asked.r#as.as_str() {
        "none" => None,
        "admin" => Some(EmbeddedBroker::ADMIN_KEY),
        "node-1" => Some(EmbeddedBroker::NODE_1_KEY),
        "node-2" => Some(EmbeddedBroker::NODE_2_KEY),
        "unknown" => Some("no-such-key"),
        other => panic!("nobody is called {other}"),
    };
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    if let Some(media_type) = transcript.type_of_posts
        && asked.method == "POST"
        && !asked.headers.contains_key("content-type")
    {
        request = request.header(CONTENT_TYPE, media_type);
    }
    let body = asked.body.clone().unwrap_or_default();
    request.body(body).send().unwrap()
}

fn differences(
    url: &str,
    exchange: &Exchange,
    answer: Response,
    uuids: &mut BTreeMap<String, String>,
) -> Vec<String> {
    let recorded = &exchange.response;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let body = answer.bytes().unwrap();
    let mut differences = Vec::new();
    if status != recorded.status {
        differences.push(format!("status {status} instead of {}", recorded.status));
    }
    let is_head = exchange.request.method == "HEAD";
    // How many bytes longer the variable parts make the body; none where that cannot be told.
    let growth = match &recorded.body {
        Recorded::Text(expected) => {
            let actual = String::from_utf8_lossy(&body);
            if is_uuid(expected) && is_uuid(&actual) {
                uuids.insert(expected.clone(), actual.clone().into_owned());
            }
            let (expected_kind, actual_kind) = (normalised(expected), normalised(&actual));
            if expected_kind != actual_kind {
                differences.push(format!(
                    "body\n  {actual_kind}\ninstead of\n  {expected_kind}"
                ));
            }
            (!is_head).then(|| body.len() as i64 - expected.len() as i64)
        }
        Recorded::Binary {
            starts_with,
            comment,
            entries,
        } => {
            if !body.starts_with(starts_with.as_bytes()) {
                differences.push(format!("a body that does not begin with {starts_with:?}"));
            }
            match unzip(&body) {
                Err(error) => differences.push(format!("a zip that does not open: {error}")),
                Ok((actual, texts)) => {
                    let expected = entries.iter().map(|entry| (&entry.name, &entry.text));
                    let expected = normal_entries(expected);
                    let actual_entries = normal_entries(texts.iter().map(|(n, t)| (n, t)));
                    if comment.as_ref().is_some_and(|comment| *comment != actual) {
                        differences.push(format!("the comment {actual:?} of the zip"));
                    }
                    if !entries.is_empty() && expected != actual_entries {
                        differences
                            .push(format!("entries\n{actual_entries}\ninstead of\n{expected}"));
                    }
                }
            }
            None
        }
    };
    for (name, expected) in &recorded.headers {
        let actual = header(&headers, name);
        let is_same = match (name.as_str(), growth) {
            // The length that was announced is the body's own, whatever its variable parts.
            ("content-length", None) if is_head => actual.parse::<u64>().is_ok_and(|n| n > 0),
            ("content-length", None) => actual == body.len().to_string(),
            ("content-length", Some(growth)) => {
                let expected: i64 = expected.parse().unwrap();
                actual == (expected + growth).to_string()
            }
            ("location", _) => actual == expected.replace("URL", url),
            // Jetty and hyper differ in the letters' case and in spaces.
            ("content-type", _) => actual.eq_ignore_ascii_case(expected),
            _ => normalised(&actual) == normalised(expected),
        };
        if !is_same {
            differences.push(format!("{name} {actual:?} instead of {expected:?}"));
        }
    }
    differences
}

/// The comment of a zip, and its entries as name and text.
fn unzip(bytes: &[u8]) -> Result<(String, Vec<(String, String)>), zip::result::ZipError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let comment = String::from_utf8_lossy(archive.comment()).into_owned();
    let mut entries = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        entries.push((entry.name().to_owned(), text));
    }
    Ok((comment, entries))
}

fn normal_entries<'e>(entries: impl Iterator<Item = (&'e String, &'e String)>) -> String {
    let entries = entries.map(|(name, text)| format!("  {name}: {}", normalised(text)));
    entries.collect::<Vec<_>>().join("\n")
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.as_bytes());
    String::from_utf8_lossy(value.unwrap_or(b"(absent)")).into_owned()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()
}

/// The text with every variable part replaced by its kind.
fn normalised(text: &str) -> String {
    let mut normal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((kind, length)) = variable(text, text.len() - rest.len()) {
            normal.push_str(kind);
            rest = &rest[length..];
        } else {
            normal.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    normal
}

/// The kind and length of the variable part that begins at that byte.
fn variable(text: &str, at: usize) -> Option<(&'static str, usize)> {
    let (before, rest) = text.split_at(at);
    if rest.get(..36).is_some_and(is_uuid) && !rest.starts_with("00000000") {
        return Some(("UUID", 36));
    }
    let until = |ends: &[char]| rest.find(ends).unwrap_or(rest.len());
    if before.ends_with("ServletContainer-") {
        return Some(("HASH", until(&['<', '\n'])));
    }
    if before.ends_with("<version>") || before.ends_with("Jetty:// ") {
        return Some(("VERSION", until(&['<'])));
    }
    let end = until(&['<']);
    if before.ends_with('>') && rest[..end].parse::<jiff::Timestamp>().is_ok() {
        return Some(("TIME", end));
    }
    let date = rest
        .get(..29)
        .filter(|_| at == 0 && rest.ends_with(" GMT"))?;
    jiff::fmt::rfc2822::parse(date).ok().map(|_| ("DATE", 29))
}
