//! What is measured. Every run is checked: a figure of a run that did not do its work is none.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::{Courier, Outcome};
use testbed::openssh::{KeyKind, OpenSsh, OpenSshSettings};
use testbed::place::Place;
use testbed::server::SftpServer as _;

use crate::row::Row;

/// Rows, or why there are none.
type Rows = Result<Vec<Row>, String>;
/// A measurement by its name.
type Work = (&'static str, fn() -> Rows);

/// Everything, in the order of the table.
pub(crate) const ALL: [Work; 3] = [
    ("small", thousand_small),
    ("large", one_large),
    ("memory", two_gibibytes),
];

/// How often each thing is measured.
const ROUNDS: usize = 3;

struct Scene {
    broker: EmbeddedBroker,
    server: OpenSsh,
    place: Place,
    courier: Courier,
}

impl Scene {
    fn new(latency: Duration) -> Result<Self, String> {
        let broker = EmbeddedBroker::start(Settings { latency }).map_err(words)?;
        let server = OpenSsh::start(OpenSshSettings::default()).map_err(words)?;
        let place = Place::new(&broker.url(), &server).map_err(words)?;
        Ok(Self {
            broker,
            server,
            place,
            courier: Courier::build()?,
        })
    }

    fn requests(&self, count: u64, result_bytes: u64) {
        for _ in 0..count {
            let id = self.broker.publish("rki");
            self.broker
                .submit_result(1, id, "application/octet-stream", b"");
            self.broker.set_synthetic_result(id, result_bytes);
        }
    }

    /// One run, which must say this.
    fn run(&self, says: &str) -> Result<Outcome, String> {
        let config = self.place.config().display().to_string();
        let outcome = self.courier.run(&["-c", &config, "run"]);
        if outcome.code == Some(0) && outcome.stdout.starts_with(says) {
            Ok(outcome)
        } else {
            Err(format!(
                "{says}? {:?} {}{}",
                outcome.code, outcome.stdout, outcome.stderr
            ))
        }
    }

    /// OpenSSH's own `sftp` puts every delivered token once more, under other names.
    fn sftp_put(&self) -> Result<f64, String> {
        let folder = tempfile::tempdir().map_err(words)?;
        for name in self.place.names().map_err(words)? {
            let (from, to) = (self.place.drop_box().join(&name), folder.path().join(&name));
            std::fs::copy(from, to).map_err(words)?;
        }
        let batch = folder.path().join(".batch");
        let target = self.server.folder_name();
        let text = format!("put {}/*.zip {target}/\n", folder.path().display());
        std::fs::write(&batch, text).map_err(words)?;
        let key = self.server.private_key(KeyKind::Ed25519);
        let mut sftp = Command::new("sftp");
        sftp.args([
            "-q",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes"])
        .args(["-P", &self.server.port().to_string(), "-i"])
        .arg(key)
        .arg("-b")
        .arg(&batch)
        .arg(format!("{}@{}", self.server.username(), self.server.host()))
        .stdout(Stdio::null());
        let began = Instant::now();
        let status = sftp.status().map_err(words)?;
        let seconds = began.elapsed().as_secs_f64();
        if status.success() {
            Ok(seconds)
        } else {
            Err(format!("sftp: {status}"))
        }
    }
}

fn thousand_small() -> Rows {
    const COUNT: u64 = 1000;
    let (mut first, mut put, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let scene = Scene::new(Duration::from_millis(5))?;
        scene.requests(COUNT, 64 * 1024);
        first.push(
            scene
                .run("1000 uploaded, 0 deleted, 0 failed")?
                .elapsed
                .as_secs_f64(),
        );
        unchanged.push(
            scene
                .run("0 uploaded, 0 deleted, 0 failed")?
                .elapsed
                .as_secs_f64(),
        );
        put.push(scene.sftp_put()?);
    }
    Ok(vec![
        Row {
            work: "first run, 1,000 × 64 KiB, broker 5 ms per call".to_owned(),
            unit: "s",
            measured: first,
            reference: put,
            reference_name: "`sftp` put of the same tokens",
            goal: "≤ 1.2 × the reference (replaced program 64.7 s)",
        },
        Row {
            work: "unchanged run, 1,000 requests, broker 5 ms per call".to_owned(),
            unit: "s",
            measured: unchanged,
            reference: Vec::new(),
            reference_name: "limit at 32 in flight 0.16 s",
            goal: "≤ 0.25 s (replaced program 8.5 s)",
        },
    ])
}

fn one_large() -> Rows {
    let (mut own, mut put, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let scene = Scene::new(Duration::ZERO)?;
        scene.requests(1, 512 << 20);
        let outcome = scene.run("1 uploaded")?;
        own.push(outcome.elapsed.as_secs_f64());
        memory.push(outcome.peak_resident_kib as f64 / 1024.0);
        put.push(scene.sftp_put()?);
    }
    Ok(vec![
        Row {
            work: "one 512 MiB result, loopback".to_owned(),
            unit: "s",
            measured: own,
            reference: put,
            reference_name: "`sftp` put of the token",
            goal: "≤ 1.2 × the reference (replaced program 19.9 s)",
        },
        Row {
            work: "the same, resident memory".to_owned(),
            unit: "MiB",
            measured: memory,
            reference: Vec::new(),
            reference_name: "–",
            goal: "≤ 48 MiB (replaced program 4,064 MB)",
        },
    ])
}

fn two_gibibytes() -> Rows {
    let scene = Scene::new(Duration::ZERO)?;
    scene.requests(1, 2 << 30);
    let outcome = scene.run("1 uploaded")?;
    Ok(vec![
        Row {
            work: "one 2 GiB result, loopback".to_owned(),
            unit: "s",
            measured: vec![outcome.elapsed.as_secs_f64()],
            reference: Vec::new(),
            reference_name: "–",
            goal: "–",
        },
        Row {
            work: "the same, resident memory".to_owned(),
            unit: "MiB",
            measured: vec![outcome.peak_resident_kib as f64 / 1024.0],
            reference: Vec::new(),
            reference_name: "–",
            goal: "< 96 MiB",
        },
    ])
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
