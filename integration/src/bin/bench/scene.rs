//! What a measurement stands on: a broker, a real OpenSSH server near or far, the program. Every run is
//! checked: a figure of a run that did not do its work is none.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::{Courier, Outcome};
use testbed::openssh::{KeyKind, OpenSsh, OpenSshSettings};
use testbed::place::Place;
use testbed::proxy::Proxy;
use testbed::server::SftpServer as _;

/// How far away things are.
#[derive(Clone, Copy)]
pub(crate) struct Distances {
    /// Each call to the broker takes this long.
    pub(crate) broker: Duration,
    /// A round trip to the SFTP server takes this long.
    pub(crate) round_trip: Duration,
}

impl Distances {
    /// Everything on this machine, and the broker answers at once.
    pub(crate) const NONE: Self = Self {
        broker: Duration::ZERO,
        round_trip: Duration::ZERO,
    };
}

/// Where everything stands.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) broker_url: String,
    courier: Courier,
    server: OpenSsh,
    /// Open until the scene ends.
    way: Option<Proxy>,
    /// Answers until the scene ends.
    broker: Option<EmbeddedBroker>,
}

impl Scene {
    /// Starts everything; the broker has `count` requests with results of `result_bytes`.
    pub(crate) fn new(distances: Distances, count: u64, result_bytes: u64) -> Result<Self, String> {
        let latency = distances.broker;
        let broker = EmbeddedBroker::start(Settings { latency }).map_err(words)?;
        for _ in 0..count {
            let id = broker.publish("rki");
            broker.submit_result(1, id, "application/octet-stream", b"");
            broker.set_synthetic_result(id, result_bytes);
        }
        let mut scene = Self::with_broker_at(&broker.url(), distances.round_trip)?;
        scene.broker = Some(broker);
        Ok(scene)
    }

    /// The same with so many hospitals that have completed every request, and results of no bytes.
    pub(crate) fn crowded(count: u64, hospitals: u64) -> Result<Self, String> {
        let broker = EmbeddedBroker::start(Settings::default()).map_err(words)?;
        broker.let_all_complete(hospitals);
        for _ in 0..count {
            broker.publish("rki");
        }
        let mut scene = Self::with_broker_at(&broker.url(), Duration::ZERO)?;
        scene.broker = Some(broker);
        Ok(scene)
    }

    /// The same with a broker that runs elsewhere.
    pub(crate) fn with_broker_at(url: &str, round_trip: Duration) -> Result<Self, String> {
        let server = OpenSsh::start(OpenSshSettings::default()).map_err(words)?;
        let place = Place::new(url, &server).map_err(words)?;
        let mut way = None;
        if !round_trip.is_zero() {
            let upstream = ([127, 0, 0, 1], server.port()).into();
            let proxy = Proxy::start(upstream, round_trip / 2).map_err(words)?;
            let line = |port: u16| format!("PORT = \"{port}\"");
            place
                .change_config(&line(server.port()), &line(proxy.address().port()))
                .map_err(words)?;
            way = Some(proxy);
        }
        Ok(Self {
            place,
            broker_url: url.to_owned(),
            courier: Courier::build()?,
            server,
            way,
            broker: None,
        })
    }

    /// What runs the program here.
    pub(crate) fn command_line(&self) -> String {
        let config = self.place.config();
        format!(
            "{} -c {} run",
            self.courier.path().display(),
            config.display()
        )
    }

    /// One run, which must say this.
    pub(crate) fn run(&self, says: &str) -> Result<Outcome, String> {
        let config = self.place.config().display().to_string();
        let outcome = self.courier.run(&["-c", &config, "run", "-v"]);
        if outcome.code == Some(0) && outcome.stdout.lines().any(|line| line.starts_with(says)) {
            Ok(outcome)
        } else {
            Err(format!(
                "{says}? {:?} {}{}",
                outcome.code, outcome.stdout, outcome.stderr
            ))
        }
    }

    /// Seconds from the moment when the broker was asked for its first byte to the moment when the
    /// newest result was renamed, which is the last change of its inode.
    pub(crate) fn transfer(&self) -> Result<f64, String> {
        let broker = self.broker.as_ref().ok_or("no broker")?;
        let began = broker.counters().first_download.ok_or("no download")?;
        let mut last = SystemTime::UNIX_EPOCH;
        let names = self.place.names().map_err(words)?;
        for name in names.iter().filter(|name| name.ends_with(".zip")) {
            let file = std::fs::metadata(self.place.drop_box().join(name)).map_err(words)?;
            let seconds = u64::try_from(file.ctime()).map_err(words)?;
            let nanoseconds = u64::try_from(file.ctime_nsec()).map_err(words)?;
            let since = Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
            last = last.max(SystemTime::UNIX_EPOCH + since);
        }
        let taken = last.duration_since(began).map_err(words)?;
        Ok(taken.as_secs_f64())
    }

    /// How often one run has the ledger's log synced, as `strace` counts it; none without `strace`.
    pub(crate) fn count_syncs(&self) -> Result<Option<u64>, String> {
        let trace = tempfile::NamedTempFile::new().map_err(words)?;
        let traced = Command::new("strace")
            .args(["-f", "-y", "-e", "trace=fdatasync", "-o"])
            .arg(trace.path())
            .arg(self.courier.path())
            .arg("-c")
            .arg(self.place.config())
            .arg("run")
            .stdout(Stdio::null())
            .status();
        match traced {
            Err(_) => Ok(None),
            Ok(status) if !status.success() => Err(format!("strace: {status}")),
            Ok(_) => {
                let trace = std::fs::read_to_string(trace.path()).map_err(words)?;
                let of_the_log = |line: &&str| line.contains("ledger.log");
                Ok(Some(trace.lines().filter(of_the_log).count() as u64))
            }
        }
    }

    /// OpenSSH's own `sftp` puts every delivered token once more, under other names, over the same way.
    pub(crate) fn sftp_put(&self) -> Result<f64, String> {
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
        let port = match &self.way {
            Some(way) => way.address().port(),
            None => self.server.port(),
        };
        let mut sftp = Command::new("sftp");
        sftp.args([
            "-q",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes"])
        .args(["-P", &port.to_string(), "-i"])
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

pub(crate) fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
