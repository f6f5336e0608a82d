//! What is killed, and when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, RngExt as _, SeedableRng as _};
use testbed::patroni::Cluster;
use testbed::postgres::Postgres;

use super::hosts::Host;

/// So long it is waited for a run to end well after a kill.
const LIMIT: Duration = Duration::from_secs(60);
const BEAT: Duration = Duration::from_millis(2);

/// What was killed, each when, and how long there was no database.
#[derive(Default)]
pub(super) struct Killed {
    pub(super) databases: Vec<(Instant, Duration)>,
    pub(super) couriers: Vec<Instant>,
}

impl Killed {
    /// When each was.
    pub(super) fn times(&self) -> impl Iterator<Item = Instant> {
        let databases = self.databases.iter().map(|it| it.0);
        databases.chain(self.couriers.iter().copied())
    }
}

/// Kills the machine of the primary so often, each time once both have everything.
pub(super) fn of_primaries(
    cluster: &mut Cluster,
    kills: usize,
    seed: u64,
) -> Result<Killed, String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed = Killed::default();
    for _ in 0..kills {
        let wait = cluster.wait_until_both_have_all();
        wait.map_err(|error| error.to_string())?;
        pause(&mut random, 3_000);
        let began = Instant::now();
        let took = cluster.kill_primary();
        let took = took.map_err(|error| error.to_string())?;
        killed.databases.push((began, took));
    }
    Ok(killed)
}

/// Kills the database or a courier so often, each time once a run has ended well since the last.
pub(super) fn of_either(
    postgres: &Postgres,
    hosts: &[Host],
    good: &AtomicUsize,
    kills: usize,
    seed: u64,
) -> Result<Killed, String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed = Killed::default();
    for _ in 0..kills {
        let before = good.load(Ordering::Relaxed);
        let ended_well = || good.load(Ordering::Relaxed) > before;
        if !within(LIMIT, ended_well) {
            return Err("no run ends well".to_owned());
        }
        match random.random_bool(0.5) {
            true => {
                pause(&mut random, 500);
                let began = Instant::now();
                postgres.crash().map_err(|error| error.to_string())?;
                killed.databases.push((began, began.elapsed()));
            }
            false => {
                let mut hit = || {
                    pause(&mut random, 300);
                    hosts.iter().any(Host::kill)
                };
                if !within(LIMIT, &mut hit) {
                    return Err("nothing runs that could be killed".to_owned());
                }
                killed.couriers.push(Instant::now());
            }
        }
    }
    Ok(killed)
}

fn pause(random: &mut impl Rng, most_millis: u64) {
    std::thread::sleep(Duration::from_millis(random.random_range(0..most_millis)));
}

fn within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > limit {
            return false;
        }
        std::thread::sleep(BEAT);
    }
    true
}
