//! Two hosts that watch: whoever holds the ledger is killed, and the one that stood by goes on.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use testbed::postgres::Postgres;
use testbed::watched::{Watched, until};

use super::Outcome;
use super::hosts::Host;

const BEAT: Duration = Duration::from_millis(20);

/// Kills the holder so often, and gives how long it took each time until the other one held the ledger.
pub(super) fn takeovers(
    postgres: &Postgres,
    hosts: &[Host; 2],
    kills: usize,
    seed: u64,
) -> Outcome<Vec<Duration>> {
    let mut random = StdRng::seed_from_u64(seed);
    let [one, other] = hosts;
    let (mut holds, mut stands_by) = ((one, one.watch()?), (other, other.watch()?));
    let mut taken = Vec::new();
    for _ in 0..kills {
        let held = |watched: &Watched| held_by(postgres, watched.pid());
        until("one that holds the ledger", || {
            held(&holds.1) || held(&stands_by.1)
        });
        if held(&stands_by.1) {
            std::mem::swap(&mut holds, &mut stands_by);
        }
        stands_by.1.says("standing by", 1);
        std::thread::sleep(Duration::from_millis(random.random_range(0..15_000)));
        // Dropped, it is killed.
        let began = Instant::now();
        holds.1 = holds.0.watch()?;
        while !held(&stands_by.1) {
            std::thread::sleep(BEAT);
        }
        taken.push(began.elapsed());
    }
    Ok(taken)
}

fn held_by(postgres: &Postgres, pid: u32) -> bool {
    let holder = "select holder from broker_courier.runner where nonce is not null";
    let process = format!("process {pid}");
    postgres
        .sql(holder)
        .is_ok_and(|holder| holder.ends_with(&process))
}
