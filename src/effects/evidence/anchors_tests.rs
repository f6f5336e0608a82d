//! Anchors at an authority that is OpenSSL's and at a witness that keeps the rules of his protocol.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use courier_ledger::log::{EventLog as _, Rehearsal, chain};
use courier_ledger::tree::goes_on;
use courier_ledger::{Digest, Event, LogId, Timestamp};
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use tempfile::TempDir;

use super::anchors::{AnchorSettings, AnchorUrl, Anchors, Witness};
use super::checkpoint::Signed;
use super::keeper::Keeper;
use super::kept::Kept;
use super::key::EvidenceKey;
use super::note::Verifier;
use crate::effects::post::Poster;
use crate::run::Evidence as _;

const LOG: LogId = LogId([7; 16]);
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const ALWAYS: Duration = Duration::ZERO;
const DAILY: Duration = Duration::from_secs(86400);

/// What somebody answers to a body that was posted to a path: a status, a type, a body.
type Answer = (u16, &'static str, Vec<u8>);

/// Answers, one connection after the other, as long as the test lasts.
fn somebody(mut answer: impl FnMut(&str, &[u8]) -> Answer + Send + 'static) -> AnchorUrl {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/attest", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let (status, media, answer) = answer(head.lines().next().unwrap(), &body);
            let head = format!(
                "HTTP/1.1 {status} Said\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n",
                answer.len()
            );
            stream
                .get_mut()
                .write_all(&[head.as_bytes(), &answer].concat())
                .unwrap();
        }
    });
    url.parse().unwrap()
}

/// A ledger that grows, and its signed checkpoints.
struct Scene {
    folder: TempDir,
    log: Rehearsal,
    keeper: Keeper,
    verifier: Verifier,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key =
            EvidenceKey::generate(&folder.path().join("key"), "clinic.example", None).unwrap();
        let verifier = key.verifier().clone();
        let keeper = Keeper::new(key, folder.path().to_owned());
        let log = Rehearsal::after(chain::start(LOG));
        Self {
            folder,
            log,
            keeper,
            verifier,
        }
    }

    /// So many more entries, and a checkpoint over all of them.
    fn grow(&mut self, entries: usize) {
        let event = |number: usize| Event::DeletionsApproved {
            plan: Digest([3; 32]),
            who: "somebody".to_owned(),
            why: format!("reason {number}"),
        };
        let next = self.log.tip().sequence.next();
        let events = (0..entries).map(event).collect();
        self.log.append(next, NOW, events).unwrap();
        assert!(self.keeper.seal(&self.log, None).is_some());
    }

    fn cast(&self, settings: AnchorSettings) {
        let working_dir = self.folder.path().to_owned();
        Anchors::new(settings, Poster::direct(), working_dir).cast(&self.log, NOW);
    }

    fn stamp(&self, authority: &AnchorUrl, every: Duration) {
        self.cast(AnchorSettings {
            authority: Some(authority.clone()),
            witness: None,
            every,
        });
    }

    fn show(&self, witness: &Witness, every: Duration) {
        self.cast(AnchorSettings {
            authority: None,
            witness: Some(witness.clone()),
            every,
        });
    }

    fn kept(&self) -> Vec<Signed> {
        Kept::read(self.folder.path(), LOG).unwrap().all().to_vec()
    }

    fn stamps(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.folder.path().join("timestamps-07070707")) else {
            return Vec::new();
        };
        let name = |file: std::io::Result<fs::DirEntry>| file.unwrap().file_name().into_string();
        let mut names: Vec<String> = files.map(|file| name(file).unwrap()).collect();
        names.sort();
        names
    }
}

fn openssl(folder: &Path, arguments: &str) -> Output {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(arguments.split(' '));
    openssl.output().unwrap()
}

/// An authority of OpenSSL's own; none where its command is not installed.
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
fn authority(folder: &Path) -> Option<AnchorUrl> {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: the command openssl is not installed");
        return None;
    }
    let config = "[tsa]\ndefault_tsa = ours\n[ours]\nserial = serial\nsigner_cert = cert.pem\n\
        signer_key = key.pem\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\n\
        ess_cert_id_alg = sha256\n";
    fs::write(folder.join("tsa.cnf"), config).unwrap();
    fs::write(folder.join("serial"), "01\n").unwrap();
    let made = openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 30 -keyout key.pem -out cert.pem \
         -addext extendedKeyUsage=critical,timeStamping",
    );
    assert!(made.status.success(), "{made:?}");
    let folder = folder.to_owned();
    Some(somebody(move |_, body| {
        fs::write(folder.join("query"), body).unwrap();
        let made = openssl(
            &folder,
            "ts -reply -config tsa.cnf -queryfile query -out reply",
        );
        assert!(made.status.success(), "{made:?}");
        let reply = fs::read(folder.join("reply")).unwrap();
        (200, "application/timestamp-reply", reply)
    }))
}

#[test]
fn openssl_verifies_what_its_own_authority_stamped() {
    let place = TempDir::new().unwrap();
    let Some(authority) = authority(place.path()) else {
        return;
    };
    let mut scene = Scene::new();
    scene.stamp(&authority, ALWAYS);
    assert!(scene.stamps().is_empty(), "nothing was signed yet");
    scene.grow(3);
    scene.stamp(&authority, DAILY);
    assert_eq!(scene.stamps(), ["3.checkpoint", "3.tsr"]);
    scene.grow(2);
    scene.stamp(&authority, DAILY);
    assert_eq!(scene.stamps().len(), 2, "one a day");
    scene.stamp(&authority, ALWAYS);
    assert_eq!(
        scene.stamps(),
        ["3.checkpoint", "3.tsr", "5.checkpoint", "5.tsr"]
    );

    let stamps = scene.folder.path().join("timestamps-07070707");
    let certificate = place.path().join("cert.pem").display().to_string();
    let verified = |of: u64, by: u64| {
        let call = format!("ts -verify -data {of}.checkpoint -in {by}.tsr -CAfile {certificate}");
        openssl(&stamps, &call).status.success()
    };
    assert!(verified(3, 3) && verified(5, 5));
    assert!(!verified(3, 5) && !verified(5, 3));
    let note = fs::read_to_string(stamps.join("3.checkpoint")).unwrap();
    assert!(scene.verifier.open(&note).is_ok());
}

#[test]
fn of_an_authority_that_does_not_grant_nothing_is_kept() {
    let mut scene = Scene::new();
    scene.grow(3);
    let refused = vec![0x30, 5, 0x30, 3, 2, 1, 2];
    let reply = "application/timestamp-reply";
    for answer in [
        (200, reply, refused),
        (200, reply, vec![0x30, 5, 0x30, 3, 2, 1, 0]),
        (200, "text/html", b"<html>".to_vec()),
        (403, reply, Vec::new()),
        (503, reply, Vec::new()),
        (200, reply, vec![0; 100_000]),
    ] {
        scene.stamp(&somebody(move |_, _| answer.clone()), ALWAYS);
        assert!(scene.stamps().is_empty());
    }
    scene.stamp(&"http://127.0.0.1:1/".parse().unwrap(), ALWAYS);
    assert!(scene.stamps().is_empty());
}

/// What a witness remembers.
#[derive(Default)]
struct Memory {
    size: u64,
    root: Option<Digest>,
    calls: Vec<u64>,
}

/// A witness of the log that this key signs.
fn witness(log: Verifier, memory: Arc<Mutex<Memory>>) -> Witness {
    let key = PKey::generate_ed25519().unwrap();
    let public = key.raw_public_key().unwrap();
    let id = Digest::of(&[b"witness.example", b"\n", &[4], &public]).0;
    let id: [u8; 4] = id[..4].try_into().unwrap();
    let number = u32::from_be_bytes(id);
    let public = base64_simd::STANDARD.encode_to_string([&[4], &public[..]].concat());
    let verifier = format!("witness.example+{number:08x}+{public}")
        .parse()
        .unwrap();
    let url = somebody(move |head, body| {
        assert_eq!(head, "POST /attest/add-checkpoint HTTP/1.1");
        judged(&log, &key, id, &mut memory.lock().unwrap(), body)
    });
    Witness { url, key: verifier }
}

/// <https://c2sp.org/tlog-witness>, the answers to `add-checkpoint`.
fn judged(
    log: &Verifier,
    key: &PKey<Private>,
    id: [u8; 4],
    memory: &mut Memory,
    body: &[u8],
) -> Answer {
    let body = std::str::from_utf8(body).unwrap();
    let (head, note) = body.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let old: u64 = lines
        .next()
        .unwrap()
        .strip_prefix("old ")
        .unwrap()
        .parse()
        .unwrap();
    memory.calls.push(old);
    let hash = |line: &str| {
        Digest(
            base64_simd::STANDARD
                .decode_to_vec(line)
                .unwrap()
                .try_into()
                .unwrap(),
        )
    };
    let path: Vec<Digest> = lines.map(hash).collect();
    let Ok(text) = log.open(note) else {
        return (403, "text/plain", Vec::new());
    };
    let claim = Signed::parse(note).unwrap().claim;
    if old != memory.size {
        let size = format!("{}\n", memory.size).into_bytes();
        return (409, "text/x.tlog.size", size);
    }
    if let Some(root) = memory.root
        && !goes_on((old, root), (claim.size, claim.root), &path)
    {
        return (422, "text/plain", Vec::new());
    }
    (memory.size, memory.root) = (claim.size, Some(claim.root));
    let seconds = u64::try_from(NOW.0 / 1_000_000).unwrap();
    let message = format!("cosignature/v1\ntime {seconds}\n{text}");
    let mut signer = Signer::new_without_digest(key).unwrap();
    let signature = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
    let line = [&id[..], &seconds.to_be_bytes(), &signature].concat();
    let line = base64_simd::STANDARD.encode_to_string(line);
    let others = "\u{2014} somebody.example AAAAAAAAAAAA\n";
    let lines = format!("{others}\u{2014} witness.example {line}\n");
    (200, "text/plain; charset=utf-8", lines.into_bytes())
}

#[test]
fn a_witness_cosigns_each_checkpoint_that_goes_on_from_the_last() {
    let mut scene = Scene::new();
    let memory = Arc::new(Mutex::new(Memory::default()));
    let witness = witness(scene.verifier.clone(), Arc::clone(&memory));
    scene.grow(3);
    scene.show(&witness, DAILY);
    scene.grow(4);
    scene.show(&witness, DAILY);
    let seen = |scene: &Scene| -> Vec<Option<Timestamp>> {
        let kept = scene.kept();
        kept.iter()
            .map(|it| witness.key.seen(&it.note).ok())
            .collect()
    };
    assert_eq!(seen(&scene), [Some(NOW), None], "one a day");
    scene.show(&witness, ALWAYS);
    assert_eq!(seen(&scene), [Some(NOW), Some(NOW)]);
    scene.show(&witness, ALWAYS);
    assert_eq!(memory.lock().unwrap().calls, [0, 3]);

    // One who remembers otherwise says what.
    *memory.lock().unwrap() = Memory::default();
    scene.grow(1);
    scene.show(&witness, ALWAYS);
    assert_eq!(memory.lock().unwrap().calls, [7, 0]);
    assert_eq!(seen(&scene), [Some(NOW); 3]);
    // What was signed is what it was, and somebody else's line was not kept.
    for it in scene.kept() {
        assert!(it.by(&scene.verifier).is_ok() && it.by(&witness.key).is_ok());
        assert!(!it.note.contains("somebody.example"));
    }
}

#[test]
fn what_is_no_cosignature_of_the_witness_is_not_kept() {
    let mut scene = Scene::new();
    scene.grow(3);
    let before = scene.kept();
    let memory = Arc::new(Mutex::new(Memory::default()));
    let real = witness(scene.verifier.clone(), Arc::clone(&memory));
    // Of another, of nobody, of one who has seen more than there is, and of one who refuses.
    let another = witness(scene.verifier.clone(), Arc::default());
    let mut others = vec![Witness {
        url: another.url,
        key: real.key.clone(),
    }];
    let said: [Answer; 4] = [
        (200, "text/plain", b"\n".to_vec()),
        (200, "text/plain", Vec::new()),
        (409, "text/x.tlog.size", b"9\n".to_vec()),
        (404, "text/plain", Vec::new()),
    ];
    others.extend(said.map(|answer| Witness {
        url: somebody(move |_, _| answer.clone()),
        key: real.key.clone(),
    }));
    for other in others {
        scene.show(&other, ALWAYS);
        assert_eq!(scene.kept(), before);
    }
    // The same ledger's other history is not cosigned.
    scene.show(&real, ALWAYS);
    memory.lock().unwrap().root = Some(Digest([9; 32]));
    scene.grow(1);
    scene.show(&real, ALWAYS);
    assert!(real.key.seen(&scene.kept()[1].note).is_err());
}

#[test]
fn an_address_is_one_that_can_be_shown() {
    for text in [
        "",
        "authority",
        "ftp://a/x",
        "https://user@a/",
        "https://a/#x",
    ] {
        assert!(text.parse::<AnchorUrl>().is_err(), "{text}");
    }
    let url: AnchorUrl = "https://authority.example/tsr?x=1".parse().unwrap();
    assert_eq!(url.to_string(), "https://authority.example/tsr?x=1");
}

#[test]
fn an_id_of_a_witness_is_of_his_kind_of_key() {
    let witness = witness(
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap(),
        Arc::default(),
    );
    assert!(witness.key.is_witness());
    assert_eq!(witness.key.to_string().parse::<Verifier>(), Ok(witness.key));
}
