//! Two hosts that run the courier over one ledger, each with a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use courier_postgres::{Settings, migrate};
use testbed::courier::{Courier, Outcome as Ended};
use testbed::place::Place;
use testbed::watched::Watched;

use super::Outcome;
use super::database::Database;

const ROLES: &str = include_str!("../../../../examples/postgresql/roles.sql");
const GRANTS: &str = include_str!("../../../../examples/postgresql/grants.sql");
const PASSWORD: &str = "a-long-password";
const PAUSE: Duration = Duration::from_millis(300);
/// There is no such process.
const NONE: u32 = 0;

/// A host.
pub(super) struct Host {
    config: PathBuf,
    courier: Courier,
    /// The number of the process that runs.
    process: AtomicU32,
}

/// A run, and the tip that it published.
pub(super) struct Run {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) code: Option<i32>,
    /// Sequence number and hash, as the published file names them.
    pub(super) published: Option<(u64, String)>,
}

/// Makes tables and two hosts, with leases of so many seconds.
pub(super) fn prepare(
    database: &dyn Database,
    place: &Place,
    courier: &Courier,
    lease: u32,
) -> Outcome<[Host; 2]> {
    database.sql(ROLES)?;
    for user in ["courier", "courier_owner"] {
        database.sql(&format!("alter role {user} password '{PASSWORD}'"))?;
    }
    let owner = Settings {
        password: Some(PASSWORD.into()),
        ..Settings::new(
            database.address("courier_owner").parse()?,
            "failover".to_owned(),
        )
    };
    migrate(&owner)?;
    database.sql(&format!("set role courier_owner; {GRANTS}"))?;
    let url = database.address("courier");
    place.change_config(
        "[MISC]",
        &format!("[LEDGER]\nURL = \"{url}\"\nPASSWORD = \"{PASSWORD}\"\nLEASE = {lease}\n[MISC]"),
    )?;
    let first = place.config();
    let second = first.with_file_name("second.toml");
    let text = fs::read_to_string(&first)?;
    fs::write(
        &second,
        text.replace("WORKING_DIR = \"work\"", "WORKING_DIR = \"second\""),
    )?;
    fs::set_permissions(&second, fs::Permissions::from_mode(0o600))?;
    fs::create_dir(first.with_file_name("second"))?;
    let host = |config| Host {
        config,
        courier: courier.clone(),
        process: AtomicU32::new(NONE),
    };
    Ok([host(first), host(second)])
}

impl Host {
    /// Runs again and again until it is over, and counts the runs that ended well.
    pub(super) fn run_until(
        &self,
        place: &Place,
        is_over: &AtomicBool,
        good: &AtomicUsize,
    ) -> Vec<Run> {
        let mut runs = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let began = Instant::now();
            let code = self.says(&["run"]).code;
            good.fetch_add(usize::from(code == Some(0)), Ordering::Relaxed);
            let published = (code == Some(0)).then(|| published(place)).flatten();
            runs.push(Run {
                began,
                ended: Instant::now(),
                code,
                published,
            });
            std::thread::sleep(PAUSE);
        }
        runs
    }

    /// Runs until all is well and nothing is left to do.
    pub(super) fn settles(&self, place: &Place) -> Outcome<()> {
        let mut said = String::new();
        for _ in 0..30 {
            let run = self.says(&["run", "-v"]);
            said = format!("{}{}", run.stdout, run.stderr);
            let is_idle = said.contains("0 uploaded, 0 deleted, 0 failed, 0 blocked");
            if run.code == Some(0) && is_idle && published(place).is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        Err(format!("it does not settle:\n{said}").into())
    }

    /// Watches, until what is given back is dropped.
    pub(super) fn watch(&self) -> std::io::Result<Watched> {
        let mut command = self.courier.command();
        Watched::begin(command.arg("-c").arg(&self.config).arg("watch"))
    }

    /// A command of the courier.
    pub(super) fn says(&self, words: &[&str]) -> Ended {
        let config = self.config.display().to_string();
        let words = [&["-c", &config], words].concat();
        let ended = self.courier.run_telling(&words, |process| {
            self.process.store(process, Ordering::Relaxed);
        });
        self.process.store(NONE, Ordering::Relaxed);
        ended
    }

    /// Kills what runs there, if anything does.
    pub(super) fn kill(&self) -> bool {
        let process = self.process.swap(NONE, Ordering::Relaxed);
        process != NONE && sent("KILL", process)
    }
}

fn sent(signal: &str, process: u32) -> bool {
    let arguments = ["-s", signal, &process.to_string()];
    let kill = Command::new("kill")
        .args(arguments)
        .stderr(Stdio::null())
        .status();
    kill.is_ok_and(|status| status.success())
}

/// The tip that the published file names.
fn published(place: &Place) -> Option<(u64, String)> {
    let text = fs::read_to_string(place.drop_box().join("status.xml")).ok()?;
    let attribute = |name: &str| {
        let (_, rest) = text.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    Some((attribute("sequence")?.parse().ok()?, attribute("hash")?))
}

/// How many ended with each other exit code.
pub(super) fn others(runs: &[Run]) -> String {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for code in runs.iter().filter_map(|run| run.code) {
        *counts.entry(code).or_default() += 1;
    }
    counts.remove(&0);
    let killed = runs.iter().filter(|run| run.code.is_none()).count();
    let counts = counts.iter();
    let counts = counts.map(|(code, count)| format!(", {count} with {code}"));
    let killed = (killed > 0).then(|| format!(", {killed} killed"));
    counts.chain(killed).collect()
}
