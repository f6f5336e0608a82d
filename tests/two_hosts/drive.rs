//! What gives a program its turns, and takes them away while its host is paused or when it is killed.

use std::sync::Arc;

use tokio::time::timeout_at;

use super::baton::{Go, Parked};
use super::machine::{self, HostMachine};
use super::program::Program;

/// The thread of a program.
pub(crate) fn spawn(program: Program) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let _first = program.machine.baton.await_first();
        program.live();
        program.machine.baton.end();
    })
}

/// Lets a program go on, wait, and be paused or killed, until it has ended.
pub(crate) async fn drive(machine: HostMachine) {
    let HostMachine {
        simulation,
        host,
        baton,
    } = machine;
    loop {
        let word = {
            let is_over = simulation.is_over();
            let state = &mut simulation.world().hosts[host];
            state.has_worked = false;
            match std::mem::take(&mut state.is_killed) || is_over {
                true => Go::Die,
                false => Go::On,
            }
        };
        let _now = simulation.now();
        let parked = baton.hand_over(word);
        let started = std::mem::take(&mut simulation.world().hosts[host].started);
        for started in started {
            let running = machine::run_beside(Arc::clone(&simulation), host, started);
            let _ends_by_itself = tokio::task::spawn_local(running);
        }
        let (until, is_for_work) = match parked {
            Parked::Ended => return,
            Parked::Until(until) => (until, false),
            Parked::ForWorkUntil(until) => (until, true),
        };
        loop {
            let now = simulation.now();
            let (paused_until, is_killed, has_worked) = {
                let state = &simulation.world().hosts[host];
                (state.paused_until, state.is_killed, state.has_worked)
            };
            if is_killed || simulation.is_over() {
                break;
            }
            let next = match paused_until > now {
                true => paused_until,
                false if now >= until || is_for_work && has_worked => break,
                false => until,
            };
            let woken = simulation.wakes[host].notified();
            let _due_or_woken = timeout_at(simulation.at(next), woken).await;
        }
    }
}
