//! Two hosts that watch: whoever holds the ledger is killed, and the one that stood by goes on.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use testbed::postgres::Postgres;
use testbed::watched::{Watched, until};

use super::Outcome;
use super::hosts::Host;

/// Kills the holder so often, and gives how long it took each time until the other one held the ledger.
pub(super) fn takeovers(
    postgres: &Postgres,
    hosts: &[Host; 2],
    kills: usize,
    seed: u64,
) -> Outcome<Vec<Duration>> {
    let mut random = StdRng::seed_from_u64(seed);
    let [one, other] = hosts;
    let mut holds = (one, one.watch()?);
    until("one that holds the ledger", || held(postgres, &holds.1));
    let mut stands_by = (other, other.watch()?);
    let mut taken = Vec::new();
    for _ in 0..kills {
        stands_by.1.says("standing by", 1);
        std::thread::sleep(Duration::from_millis(random.random_range(0..15_000)));
        let (killed, watched) = holds;
        let began = Instant::now();
        // Dropped, it is killed.
        drop(watched);
        until("the other one to hold the ledger", || {
            held(postgres, &stands_by.1)
        });
        taken.push(began.elapsed());
        holds = stands_by;
        stands_by = (killed, killed.watch()?);
    }
    Ok(taken)
}

fn held(postgres: &Postgres, watched: &Watched) -> bool {
    let holder = "select holder from broker_courier.runner where nonce is not null";
    let process = format!("process {}", watched.pid());
    postgres
        .sql(holder)
        .is_ok_and(|holder| holder.ends_with(&process))
}
