//! What happens around the programs: results come, hosts are paused and killed, the database fails over, networks are
//! cut, clocks are set; until all of that stops.

use std::sync::Arc;
use std::time::Duration;

use courier_ledger::Evidence;
use scenario::Shown;
use tokio::time::sleep;

use super::fault::Fault;
use super::happening::Happening;
use super::property::Property;
use super::server;
use super::simulation::{HOSTS, LEASE, Simulation};

/// So many requests are shown at most.
const MOST_SHOWN: usize = 4;

/// So many complete runs end a history, once everything is well.
const QUIET_RUNS: u64 = 3;

/// Lets a history happen, and come to rest.
pub(crate) async fn rage(simulation: Arc<Simulation>) {
    let horizon = simulation.world().random.millis(60_000, 300_000);
    while simulation.now() < horizon && !simulation.is_over() {
        let wait = simulation.world().random.millis(200, 9_000);
        sleep(wait).await;
        happen(&simulation);
    }
    rest(&simulation).await;
    simulation.world().is_over = true;
    for host in 0..HOSTS {
        simulation.wakes[host].notify_one();
    }
}

fn happen(simulation: &Arc<Simulation>) {
    let what = simulation.world().random.between(0, 100);
    let host = usize::from(simulation.world().random.happens(500));
    let fault = match what {
        0..35 => return change(simulation),
        35..58 => Fault::Pauses,
        58..66 => Fault::Kills,
        66..76 => Fault::FailOvers,
        76..88 => Fault::Stalls,
        88..95 => Fault::Cuts,
        _ => Fault::SetClocks,
    };
    if !simulation.world().faults.contains(&fault) {
        return;
    }
    match fault {
        Fault::Pauses => {
            let time = match simulation.world().random.between(0, 3) {
                0 => (50, 5_000),
                1 => (5_000, 40_000),
                _ => (25_000, 120_000),
            };
            let time = simulation.world().random.millis(time.0, time.1);
            simulation.pause(host, time);
        }
        Fault::Kills => {
            simulation.happened(Happening::Killed);
            simulation.kill(host);
        }
        Fault::FailOvers => {
            let simulation = Arc::clone(simulation);
            let outage = simulation.world().random.millis(500, 15_000);
            let _ends_by_itself = tokio::task::spawn_local(async move {
                server::fail_over(&simulation, outage).await;
            });
        }
        Fault::Stalls => {
            let simulation = Arc::clone(simulation);
            let time = simulation.world().random.millis(200, 20_000);
            let fails = simulation.world().random.happens(400);
            simulation.world().database.stall();
            simulation.tell(|| format!("nothing is replicated for {time:?}"));
            let _ends_by_itself = tokio::task::spawn_local(async move {
                sleep(time).await;
                if fails {
                    return server::fail_over(&simulation, Duration::from_secs(3)).await;
                }
                simulation.world().database.replicated = None;
                simulation.replicated.notify_waiters();
            });
        }
        Fault::Cuts => {
            let until = simulation.now() + simulation.world().random.millis(500, 50_000);
            simulation.world().hosts[host].cut_until = until;
            simulation.happened(Happening::CutOff);
        }
        Fault::SetClocks => {
            let wrong = simulation.world().random.between(0, 1_200_000_000);
            simulation.world().hosts[host].wrong = i64::try_from(wrong).unwrap() - 600_000_000;
            simulation.happened(Happening::ClockSet);
        }
        Fault::LostConnections
        | Fault::LateStatements
        | Fault::Refusals
        | Fault::HungConnections
        | Fault::PausesBeforeEffect
        | Fault::SlowDropBox
        | Fault::AwayPartners => unreachable!("it goes wrong at a step"),
    }
}

/// The broker shows another version of a request, a new one, or one less.
fn change(simulation: &Simulation) {
    let mut world = simulation.world();
    let now = i64::try_from(simulation.now().as_secs()).unwrap() + 10;
    let shown: Vec<u64> = world.broker.shown.keys().copied().collect();
    let (which, what) = (world.random.next(), world.random.between(0, 100));
    let picked = usize::try_from(which % shown.len().max(1) as u64).unwrap();
    let withdrawn = world.broker.others.iter().flatten().find(|it| *it.0 > 0);
    let withdrawn = withdrawn.map(|(id, published)| (*id, *published));
    if let (Some((id, Some(published))), true) = (withdrawn, which % 4 == 0) {
        world.broker.others.get_or_insert_default().remove(&id);
        world.broker.publish(id, published, &[(1, Some(now))]);
        drop(world);
        return simulation.happened(Happening::Returned);
    }
    let id = match shown.get(picked) {
        Some(id) if shown.len() == MOST_SHOWN || what < 70 => *id,
        _ => {
            // Numbers and times of publication go up together.
            world.requests += 1;
            world.requests
        }
    };
    match world.broker.shown.get(&id).cloned() {
        Some(Shown::Readable {
            published: Some(published),
            mut nodes,
        }) if what < 55 => {
            nodes.push((nodes.len() as u64 + 1, Some(now)));
            world.broker.publish(id, published, &nodes);
        }
        // What more than that would mean, a person is asked.
        Some(Shown::Readable { published, .. }) if id > 1 && world.left_to_withdraw() == 0 => {
            world.broker.withdraw(id, Evidence::Untagged);
            world
                .broker
                .others
                .get_or_insert_default()
                .insert(id, published);
        }
        Some(_) => {}
        None => world.broker.publish(id, now, &[(1, Some(now))]),
    }
    drop(world);
    simulation.tell(|| format!("request {id} changes"));
}

/// Everything stops that goes wrong, and what was under way ends.
async fn rest(simulation: &Simulation) {
    simulation.tell(|| "nothing goes wrong any more".to_owned());
    {
        let now = simulation.now();
        let mut world = simulation.world();
        world.faults.clear();
        for host in &mut world.hosts {
            (host.paused_until, host.cut_until) = (now, now);
        }
    }
    for host in 0..HOSTS {
        simulation.wakes[host].notify_one();
    }
    sleep(LEASE * 3).await;
    while !simulation.world().drop_box.submitted.is_empty() && !simulation.is_over() {
        sleep(Duration::from_secs(5)).await;
        if simulation.now() > Duration::from_secs(3600) {
            break;
        }
        let due = simulation
            .world()
            .drop_box
            .submitted
            .iter()
            .map(|it| it.due)
            .max();
        let soon = simulation.now() + Duration::from_secs(10);
        if due.is_none_or(|due| due < soon) {
            break;
        }
    }
    sleep(Duration::from_secs(10)).await;
    simulation.world().is_quiet = true;
    let most = simulation.now() + Duration::from_secs(1200);
    while simulation.world().quiet_runs < QUIET_RUNS && !simulation.is_over() {
        if simulation.now() > most {
            let text = "no runs although everything is well".to_owned();
            simulation.violated(Property::Liveness, text);
        }
        sleep(Duration::from_secs(1)).await;
    }
}
