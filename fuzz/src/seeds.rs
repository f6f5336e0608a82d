//! What fuzzing starts from: the committed corpus, and what is made from files that the project has
//! anyway: golden logs, the example configuration, tokens and packets.

use std::fs;
use std::path::{Path, PathBuf};

use broker_courier::fuzzing;

use crate::log::payloads;

/// An input and where it comes from.
pub struct Seed {
    /// Its name, for people.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Everything that a target starts from.
#[must_use]
pub fn seeds(target: &str) -> Vec<Seed> {
    let mut seeds = folder(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target),
    );
    seeds.extend(match target {
        "log" | "fold" => golden(),
        "event" => golden()
            .iter()
            .flat_map(|log| {
                let name = &log.name;
                (1..)
                    .zip(payloads(&log.bytes))
                    .map(move |(number, payload)| {
                        seed(format!("{name}-{number}"), payload.to_vec())
                    })
            })
            .collect(),
        "configuration" => vec![seed("example", file("docs/broker-courier.example.toml"))],
        "age" => age_files(),
        "fernet" => tokens(),
        "sftp_packets" | "sftp_session" => vec![seed("answers", answers())],
        _ => Vec::new(),
    });
    seeds
}

fn seed(name: impl Into<String>, bytes: Vec<u8>) -> Seed {
    let name = name.into();
    Seed { name, bytes }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn file(path: &str) -> Vec<u8> {
    fs::read(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn folder(path: &Path) -> Vec<Seed> {
    let mut seeds: Vec<_> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(|file| {
            let file = file.ok()?;
            let name = file.file_name().to_string_lossy().into_owned();
            Some(seed(name, fs::read(file.path()).ok()?))
        })
        .collect();
    seeds.sort_by(|one, other| one.name.cmp(&other.name));
    seeds
}

fn golden() -> Vec<Seed> {
    let mut logs = Vec::new();
    for part in ["v1", "newer"] {
        let seeds = folder(&repository().join("ledger/tests/golden").join(part));
        logs.extend(seeds.into_iter().filter(|seed| seed.name.ends_with(".log")));
    }
    assert!(!logs.is_empty(), "the golden logs are not where they were");
    logs
}

/// Files of some sizes.
fn age_files() -> Vec<Seed> {
    let files = [0, 1, 70_000].map(|size| fuzzing::sealed(&vec![7; size]).map(|it| (size, it)));
    let seeds = files.into_iter().flatten();
    seeds
        .map(|(size, file)| seed(format!("age-{size}"), file))
        .collect()
}

/// What is signed in a token: version, time, initialisation vector, blocks; and whole tokens.
fn tokens() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for blocks in [0, 1, 2, 5] {
        let mut signed = vec![0x80, 0, 0, 0, 0, 0x69, 0, 0, 0];
        signed.extend((0..16 * (blocks + 1)).map(|it: u8| it.wrapping_mul(37)));
        if let Ok(token) = fuzzing::seal(&signed) {
            seeds.push(seed(format!("token-{blocks}"), token));
        }
        seeds.push(seed(format!("signed-{blocks}"), signed));
    }
    seeds
}

/// Names of a folder, with attributes of every kind and with none.
fn names(id: &[u8; 4]) -> Vec<u8> {
    let string = |text: &[u8]| [&(text.len() as u32).to_be_bytes()[..], text].concat();
    let mut body = [&id[..], &[0, 0, 0, 3]].concat();
    for name in [&b"export_1.zip"[..], b".."] {
        body.extend([string(name), string(b"-rw-r--r-- 1 a a 9 x"), vec![0; 4]].concat());
    }
    body.extend([string(b"two words"), string(b""), vec![0x80, 0, 0, 0x0f]].concat());
    body.extend([0; 8 + 8 + 4 + 8]);
    body.extend([vec![0, 0, 0, 1], string(b"key"), string(b"value")].concat());
    body
}

/// An opening and answers of every kind to the first requests.
fn answers() -> Vec<u8> {
    let string = |text: &[u8]| [&(text.len() as u32).to_be_bytes()[..], text].concat();
    let packet = |kind: u8, body: Vec<u8>| string(&[&[kind], &body[..]].concat());
    let mut bytes = Vec::new();
    for id in 0..12u32 {
        let id = id.to_be_bytes();
        let body = match id[3] {
            0 => [id.to_vec(), vec![0, 0, 0, 0], string(b"ok"), string(b"")].concat(),
            1 => [
                id.to_vec(),
                vec![0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0o201, 0o244],
            ]
            .concat(),
            2..=4 => [id.to_vec(), string(b"handle")].concat(),
            5 => names(&id),
            6..=8 => [id.to_vec(), vec![0, 0, 0, 1], string(b""), string(b"")].concat(),
            _ => [id.to_vec(), vec![0, 0, 0, 0], string(b""), string(b"en")].concat(),
        };
        let kind = match id[3] {
            1 => 105,
            2..=4 => 102,
            5 => 104,
            _ => 101,
        };
        bytes.extend(packet(kind, body));
    }
    let extension = [string(b"posix-rename@openssh.com"), string(b"1")].concat();
    bytes.extend(packet(2, [vec![0, 0, 0, 3], extension].concat()));
    let limits = [262_144u64, 262_144, 261_120, 1_019]
        .map(u64::to_be_bytes)
        .concat();
    bytes.extend(packet(201, [vec![0, 0, 0, 1], limits].concat()));
    bytes
}
