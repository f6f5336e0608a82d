//! `integration/failover.sh [KILLS]`: a ledger on two databases, two hosts that run the courier, and a primary that
//! is killed while results come.
//!
//! What always holds here: what is judged was not told by the courier: drop-box, decrypted results, and the tips that
//! published files named. Random times follow from a seed that is printed.

mod hosts;
mod judge;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::Courier;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::patroni::Cluster;
use testbed::place::Place;

use hosts::Run;
use judge::{Arrivals, Verdict};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let kills = std::env::args().nth(1).and_then(|it| it.parse().ok());
    let seed = std::env::var("FAILOVER_SEED").ok();
    let seed = seed.and_then(|it| it.parse().ok()).unwrap_or(16);
    let (told, code) = match campaign(kills.unwrap_or(20), seed) {
        Ok((told, true)) => (told, ExitCode::SUCCESS),
        Ok((told, false)) => (told, ExitCode::FAILURE),
        Err(error) => (format!("it could not go on: {error}\n"), ExitCode::FAILURE),
    };
    // Nothing is left to be done about a standard output that is gone.
    let _unheard = write!(std::io::stdout(), "{told}");
    let kept = std::env::current_dir().map(|here| here.join("target/failover.md"));
    let _unkept = kept.and_then(|path| std::fs::write(path, &told));
    code
}

/// Plays it; gives what is to be told, and whether nothing was lost.
fn campaign(kills: usize, seed: u64) -> Outcome<(String, bool)> {
    let mut cluster = Cluster::start()?;
    let broker = EmbeddedBroker::start(Settings::default())?;
    broker.publish("other");
    let server = EmbeddedSftp::start(EmbeddedSftpSettings::default())?;
    let place = Place::new(&broker.url(), &server)?;
    let courier = Courier::beside_this_program()?;
    let hosts = hosts::prepare(&cluster, &place, &courier)?;
    let mut random = StdRng::seed_from_u64(seed);
    let is_over = AtomicBool::new(false);
    let (arrivals, runs, killed) = std::thread::scope(|scope| {
        let arriving = scope.spawn(|| Arrivals::until(&broker, &is_over));
        let running = hosts
            .iter()
            .map(|host| scope.spawn(|| host.run_until(&place, &is_over)));
        let running: Vec<_> = running.collect();
        let mut killed: Result<Vec<(Instant, Duration)>, String> = Ok(Vec::new());
        for _ in 0..kills {
            let pause = Duration::from_millis(random.random_range(0..3_000));
            killed = killed.and_then(|mut all| {
                all.push(kill(&mut cluster, pause)?);
                Ok(all)
            });
        }
        std::thread::sleep(Duration::from_secs(5));
        is_over.store(true, Ordering::Relaxed);
        let runs = running.into_iter().map(|it| it.join().unwrap_or_default());
        let runs: Vec<Run> = runs.flatten().collect();
        (arriving.join().unwrap_or_default(), runs, killed)
    });
    let killed = killed?;
    cluster.wait_until_both_have_all()?;
    hosts[0].settles(&place)?;
    let verdict = Verdict::of(&hosts[0], &place, &runs, &arrivals)?;
    let mut told = format!(
        "seed {seed}: {} kills of the primary's machine\n",
        killed.len()
    );
    tell(&mut told, &runs, &arrivals, &killed, &verdict)?;
    Ok((told, verdict.is_good()))
}

/// What came to what, and what was lost.
fn tell(
    told: &mut String,
    runs: &[Run],
    arrivals: &Arrivals,
    killed: &[(Instant, Duration)],
    verdict: &Verdict,
) -> std::fmt::Result {
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
    let primaries = killed.iter().map(|it| it.1).collect();
    let waits = killed.iter().map(|it| without_runner(it.0, runs)).collect();
    writeln!(
        told,
        "time until there was another primary: {}",
        spread(primaries)
    )?;
    writeln!(
        told,
        "time without a run that succeeded:    {}",
        spread(waits)
    )?;
    for it in tips_lost.iter().chain(results_wrong) {
        writeln!(told, "  {it}")?;
    }
    Ok(())
}

/// Kills the primary a while after both have everything; gives when, and how long there was none.
fn kill(cluster: &mut Cluster, pause: Duration) -> Result<(Instant, Duration), String> {
    let wait = cluster.wait_until_both_have_all();
    wait.map_err(|error| error.to_string())?;
    std::thread::sleep(pause);
    let began = Instant::now();
    let took = cluster.kill_primary();
    Ok((began, took.map_err(|error| error.to_string())?))
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
