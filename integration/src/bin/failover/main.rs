//! `integration/failover.sh [KILLS]`: a ledger on two databases, two hosts that run the courier, and a primary that
//! is killed while results come; with `--alone` a single database, which is killed itself, or a courier is; with `--watch`
//! two hosts that watch, of which the one that holds the ledger is.
//!
//! What always holds here: what is judged was not told by the courier: drop-box, decrypted results, and the tips that
//! published files named. Random times follow from a seed that is printed.

mod database;
mod hosts;
mod judge;
mod kills;
mod standby;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::Courier;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::patroni::Cluster;
use testbed::place::Place;
use testbed::postgres::Postgres;

use database::Database;
use hosts::{Host, Run};
use judge::{Arrivals, Verdict};
use kills::Killed;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let kills = words.iter().find_map(|word| word.parse().ok());
    let seed = std::env::var("FAILOVER_SEED").ok();
    let seed = seed.and_then(|it| it.parse().ok()).unwrap_or(16);
    let is_asked = |for_: &str| words.iter().any(|word| word == for_);
    let (name, campaign) = match (is_asked("--alone"), is_asked("--watch")) {
        (true, _) => ("kills", alone(kills.unwrap_or(200), seed)),
        (false, true) => ("standby", watched(kills.unwrap_or(10), seed)),
        (false, false) => ("failover", primaries(kills.unwrap_or(20), seed)),
    };
    let (told, code) = match campaign {
        Ok((told, true)) => (told, ExitCode::SUCCESS),
        Ok((told, false)) => (told, ExitCode::FAILURE),
        Err(error) => (
            format!("seed {seed}: it could not go on: {error}\n"),
            ExitCode::FAILURE,
        ),
    };
    // Nothing is left to be done about a standard output that is gone.
    let _unheard = write!(std::io::stdout(), "{told}");
    let kept = std::env::current_dir().map(|here| here.join(format!("target/{name}.md")));
    let _unkept = kept.and_then(|path| std::fs::write(path, &told));
    code
}

/// Two databases under Patroni; gives what is to be told, and whether nothing was lost.
fn primaries(kills: usize, seed: u64) -> Outcome<(String, bool)> {
    let mut cluster = Cluster::start()?;
    let scene = Scene::new(&cluster, 10)?;
    let played = scene.play(|_| kills::of_primaries(&mut cluster, kills, seed))?;
    cluster.wait_until_both_have_all()?;
    scene.judge(seed, &played)
}

/// The same of a single database.
fn alone(kills: usize, seed: u64) -> Outcome<(String, bool)> {
    let postgres = Postgres::start()?;
    let scene = Scene::new(&postgres, 3)?;
    let played = scene.play(|good| kills::of_either(&postgres, &scene.hosts, good, kills, seed))?;
    scene.judge(seed, &played)
}

/// Two hosts that watch, with the lease that they have by themselves.
fn watched(kills: usize, seed: u64) -> Outcome<(String, bool)> {
    let postgres = Postgres::start()?;
    let scene = Scene::new(&postgres, 30)?;
    let taken = standby::takeovers(&postgres, &scene.hosts, kills, seed)?;
    let told = format!(
        "seed {seed}: {kills} kills of a watch that held the ledger for 30 s at a time\n\
         time until the one that stood by held it: {}\n",
        spread(taken)
    );
    Ok((told, true))
}

/// A broker, a drop-box, and two hosts.
struct Scene {
    broker: EmbeddedBroker,
    place: Place,
    hosts: [Host; 2],
    /// Answers until the scene ends.
    _server: EmbeddedSftp,
}

/// What happened.
struct Played {
    arrivals: Arrivals,
    runs: Vec<Run>,
    killed: Killed,
}

impl Scene {
    fn new(database: &dyn Database, lease: u32) -> Outcome<Self> {
        let broker = EmbeddedBroker::start(Settings::default())?;
        broker.publish("other");
        let server = EmbeddedSftp::start(EmbeddedSftpSettings::default())?;
        let place = Place::new(&broker.url(), &server)?;
        let courier = Courier::beside_this_program()?;
        let hosts = hosts::prepare(database, &place, &courier, lease)?;
        Ok(Self {
            broker,
            place,
            hosts,
            _server: server,
        })
    }

    /// Results come, and both hosts run, while something is killed; that is told how many runs have ended well.
    fn play(&self, kill: impl FnOnce(&AtomicUsize) -> Result<Killed, String>) -> Outcome<Played> {
        let (is_over, good) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (arrivals, runs, killed) = std::thread::scope(|scope| {
            let arriving = scope.spawn(|| Arrivals::until(&self.broker, &is_over));
            let running = self
                .hosts
                .iter()
                .map(|host| scope.spawn(|| host.run_until(&self.place, &is_over, &good)));
            let running: Vec<_> = running.collect();
            let killed = kill(&good);
            std::thread::sleep(Duration::from_secs(5));
            is_over.store(true, Ordering::Relaxed);
            let runs = running.into_iter().map(|it| it.join().unwrap_or_default());
            let runs: Vec<Run> = runs.flatten().collect();
            (arriving.join().unwrap_or_default(), runs, killed)
        });
        let killed = killed?;
        Ok(Played {
            arrivals,
            runs,
            killed,
        })
    }

    /// Runs until nothing is left to do, and says what came of it, and whether nothing was lost.
    fn judge(&self, seed: u64, played: &Played) -> Outcome<(String, bool)> {
        let [host, _] = &self.hosts;
        host.settles(&self.place)?;
        let verdict = Verdict::of(host, &self.place, &played.runs, &played.arrivals)?;
        let mut told = String::new();
        tell(&mut told, seed, played, &verdict)?;
        Ok((told, verdict.is_good()))
    }
}

/// What came to what, and what was lost.
fn tell(told: &mut String, seed: u64, played: &Played, verdict: &Verdict) -> std::fmt::Result {
    let Played {
        arrivals,
        runs,
        killed,
    } = played;
    let (databases, couriers) = (killed.databases.len(), killed.couriers.len());
    writeln!(
        told,
        "seed {seed}: {databases} kills of the database's machine, {couriers} of a courier"
    )?;
    let good = runs.iter().filter(|run| run.code == Some(0)).count();
    let (results, corrected) = (arrivals.results.len(), arrivals.corrected);
    let (all, others) = (runs.len(), hosts::others(runs));
    writeln!(told, "{results} results, {corrected} of them corrected")?;
    writeln!(
        told,
        "{all} runs on two hosts, {good} with exit code 0{others}"
    )?;
    let Verdict {
        tips_lost,
        results_wrong,
        is_whole,
    } = verdict;
    writeln!(told, "acknowledged entries lost: {}", tips_lost.len())?;
    let wrong = results_wrong.len();
    writeln!(told, "results missing or stale after the last run: {wrong}")?;
    writeln!(told, "the ledger is whole: {is_whole}")?;
    let gone = killed.databases.iter().map(|it| it.1).collect();
    let waits = killed.times().map(|then| without_runner(then, runs));
    let waits = waits.collect();
    writeln!(
        told,
        "time until there was a database again: {}",
        spread(gone)
    )?;
    writeln!(
        told,
        "time without a run that succeeded:     {}",
        spread(waits)
    )?;
    for it in tips_lost.iter().chain(results_wrong) {
        writeln!(told, "  {it}")?;
    }
    Ok(())
}

/// From then until a run ended well that began later.
fn without_runner(then: Instant, runs: &[Run]) -> Duration {
    let good = runs
        .iter()
        .filter(|run| run.began >= then && run.code == Some(0));
    let first = good.map(|run| run.ended).min();
    first.map_or(Duration::MAX, |ended| ended - then)
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let sorted = times;
    let seconds = |at: usize| sorted.get(at).map_or(0.0, Duration::as_secs_f64);
    let (median, worst) = (
        seconds(sorted.len() / 2),
        seconds(sorted.len().saturating_sub(1)),
    );
    format!("median {median:.1} s, worst {worst:.1} s")
}
