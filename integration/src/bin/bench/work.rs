//! What is measured, row by row.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testbed::aktin::Aktin;
use testbed::broker::EmbeddedBroker;
use testbed::people::{Analyst, Hospital};

use crate::database;
use crate::limit;
use crate::row::Row;
use crate::scene::{Distances, Scene, words};

/// Rows, or why there are none.
pub(crate) type Rows = Result<Vec<Row>, String>;
/// A measurement by its name.
type Work = (&'static str, fn() -> Rows);

/// Everything, in the order of the table.
pub(crate) const ALL: [Work; 12] = [
    ("small", thousand_small),
    ("far", hundred_far),
    ("large", one_large),
    ("large-far", one_large_far),
    ("eight", eight_at_once),
    ("fsyncs", outcomes_per_fsync),
    ("memory", two_gibibytes),
    ("many", many_requests),
    ("aktin", aktins_own_broker),
    ("database-runs", database::runs),
    ("database-appends", database::appends),
    ("database-audit", database::audit),
];

/// How often each thing is measured.
pub(crate) const ROUNDS: usize = 3;

/// The broker's calls in flight without `BROKER.CONCURRENCY`.
const IN_FLIGHT: u32 = 32;

/// A first run, an unchanged one, and OpenSSH's own `sftp` with the same tokens, in turns.
struct Measured {
    first: Vec<f64>,
    /// Of the first run, from the broker's first byte to the last rename.
    transfer: Vec<f64>,
    unchanged: Vec<f64>,
    put: Vec<f64>,
    /// The broker's part of an unchanged run.
    calls: Vec<f64>,
    resident_mib: Vec<f64>,
}

fn measure(distances: Distances, count: u64, result_bytes: u64) -> Result<Measured, String> {
    let mut measured = Measured {
        first: Vec::new(),
        transfer: Vec::new(),
        unchanged: Vec::new(),
        put: Vec::new(),
        calls: Vec::new(),
        resident_mib: Vec::new(),
    };
    for _ in 0..ROUNDS {
        let scene = Scene::new(distances, count, result_bytes)?;
        let first = scene.run(&format!("{count} uploaded, 0 deleted, 0 failed"))?;
        measured.first.push(first.elapsed.as_secs_f64());
        measured.transfer.push(scene.transfer()?);
        measured
            .resident_mib
            .push(first.peak_resident_kib as f64 / 1024.0);
        let unchanged = scene.run("0 uploaded, 0 deleted, 0 failed")?;
        measured.unchanged.push(unchanged.elapsed.as_secs_f64());
        measured.put.push(scene.sftp_put()?);
        let calls = limit::statuses(&scene.broker_url, count, IN_FLIGHT)?;
        measured.calls.push(calls);
    }
    Ok(measured)
}

fn thousand_small() -> Rows {
    let broker = Duration::from_millis(5);
    let distances = Distances {
        broker,
        ..Distances::NONE
    };
    let measured = measure(distances, 1000, 64 << 10)?;
    Ok(vec![
        Row {
            work: "unchanged run, 1,000 requests, broker 5 ms per call",
            unit: "s",
            measured: measured.unchanged,
            reference: measured.calls,
            reference_name: "the calls alone, 32 in flight",
            goal: "≤ 0.25 s",
            replaced: "8.5 s",
        },
        Row {
            work: "first run, 1,000 × 64 KiB, broker 5 ms per call",
            unit: "s",
            measured: measured.first,
            reference: measured.put,
            reference_name: "`sftp` put of the same tokens",
            goal: "≤ 1.2 × the reference",
            replaced: "64.7 s",
        },
    ])
}

fn hundred_far() -> Rows {
    let distances = Distances {
        broker: Duration::from_millis(20),
        round_trip: Duration::from_millis(40),
    };
    let measured = measure(distances, 100, 64 << 10)?;
    Ok(vec![
        Row {
            work: "first run, 100 × 64 KiB, broker 20 ms, SFTP round trip 40 ms",
            unit: "s",
            measured: measured.first,
            reference: measured.put,
            reference_name: "`sftp` put of the same tokens",
            goal: "≤ 1.2 s",
            replaced: "21.2 s",
        },
        Row {
            work: "unchanged run, the same distances",
            unit: "s",
            measured: measured.unchanged,
            reference: measured.calls,
            reference_name: "the calls alone, 32 in flight",
            goal: "≤ 0.6 s",
            replaced: "3.1 s",
        },
    ])
}

fn one_large() -> Rows {
    let measured = measure(Distances::NONE, 1, 512 << 20)?;
    Ok(vec![
        Row {
            work: "one 512 MiB result, from the broker's first byte to the rename",
            unit: "s",
            measured: measured.transfer,
            reference: measured.put.clone(),
            reference_name: "`sftp` put of the token",
            goal: "≤ 1.2 × the reference",
            replaced: "19.9 s",
        },
        Row {
            work: "the same, the whole run",
            unit: "s",
            measured: measured.first,
            reference: measured.put,
            reference_name: "`sftp` put of the token",
            goal: "–",
            replaced: "–",
        },
        Row {
            work: "the same, resident memory",
            unit: "MiB",
            measured: measured.resident_mib,
            reference: Vec::new(),
            reference_name: "–",
            goal: "≤ 48 MiB",
            replaced: "4,064 MB",
        },
    ])
}

fn one_large_far() -> Rows {
    let distances = Distances {
        broker: Duration::ZERO,
        round_trip: Duration::from_millis(40),
    };
    let measured = measure(distances, 1, 64 << 20)?;
    Ok(vec![
        Row {
            work: "one 64 MiB result, round trip 40 ms, from the broker's first byte to the rename",
            unit: "s",
            measured: measured.transfer,
            reference: measured.put.clone(),
            reference_name: "`sftp` put of the token",
            goal: "≤ 0.9 × the reference",
            replaced: "2.5 s (upload alone)",
        },
        Row {
            work: "the same, the whole run",
            unit: "s",
            measured: measured.first,
            reference: measured.put,
            reference_name: "`sftp` put of the token",
            goal: "–",
            replaced: "–",
        },
    ])
}

fn eight_at_once() -> Rows {
    let scene = Scene::new(Distances::NONE, 8, 512 << 20)?;
    let outcome = scene.run("8 uploaded")?;
    Ok(vec![Row {
        work: "eight 512 MiB results at once, resident memory",
        unit: "MiB",
        measured: vec![outcome.peak_resident_kib as f64 / 1024.0],
        reference: Vec::new(),
        reference_name: "–",
        goal: "≤ 64 MiB",
        replaced: "–",
    }])
}

fn outcomes_per_fsync() -> Rows {
    const COUNT: u64 = 1000;
    let distances = Distances {
        broker: Duration::from_millis(5),
        ..Distances::NONE
    };
    let scene = Scene::new(distances, COUNT, 1 << 10)?;
    let Some(syncs) = scene.count_syncs()? else {
        return Ok(Vec::new());
    };
    Ok(vec![Row {
        work: "1,000 small results, outcomes per fsync of the log",
        unit: "",
        measured: vec![COUNT as f64 / syncs.max(1) as f64],
        reference: Vec::new(),
        reference_name: "–",
        goal: "≥ 8",
        replaced: "–",
    }])
}

fn two_gibibytes() -> Rows {
    let scene = Scene::new(Distances::NONE, 1, 2 << 30)?;
    let outcome = scene.run("1 uploaded")?;
    Ok(vec![
        Row {
            work: "one 2 GiB result",
            unit: "s",
            measured: vec![outcome.elapsed.as_secs_f64()],
            reference: Vec::new(),
            reference_name: "–",
            goal: "–",
            replaced: "–",
        },
        Row {
            work: "the same, resident memory",
            unit: "MiB",
            measured: vec![outcome.peak_resident_kib as f64 / 1024.0],
            reference: Vec::new(),
            reference_name: "–",
            goal: "< 96 MiB",
            replaced: "–",
        },
    ])
}

fn many_requests() -> Rows {
    const COUNT: u64 = 100_000;
    const HOSPITALS: u64 = 60;
    let scene = Scene::crowded(COUNT, HOSPITALS)?;
    let first = scene.run(&format!("{COUNT} uploaded, 0 deleted, 0 failed"))?;
    let (mut unchanged, mut resident, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let outcome = scene.run("0 uploaded, 0 deleted, 0 failed")?;
        unchanged.push(outcome.elapsed.as_secs_f64());
        resident.push(outcome.peak_resident_kib as f64 / 1024.0);
        calls.push(limit::statuses(&scene.broker_url, COUNT, IN_FLIGHT)?);
    }
    Ok(vec![
        Row {
            work: "unchanged run, 100,000 requests of 60 hospitals",
            unit: "s",
            measured: unchanged,
            reference: calls,
            reference_name: "the calls alone, 32 in flight",
            goal: "≤ 4 s",
            replaced: "–",
        },
        Row {
            work: "the same, resident memory",
            unit: "MiB",
            measured: resident,
            reference: Vec::new(),
            reference_name: "–",
            goal: "≤ 200 MiB",
            replaced: "–",
        },
        Row {
            work: "the first run of it, resident memory",
            unit: "MiB",
            measured: vec![first.peak_resident_kib as f64 / 1024.0],
            reference: Vec::new(),
            reference_name: "–",
            goal: "–",
            replaced: "–",
        },
    ])
}

/// Needs `AKTIN_BROKER_DIST`; without it there is no row.
fn aktins_own_broker() -> Rows {
    const COUNT: u64 = 400;
    let Some(broker) = Aktin::start_if_available() else {
        return Ok(Vec::new());
    };
    let broker = broker.map_err(words)?;
    let analyst = Analyst::new(broker.url(), EmbeddedBroker::ADMIN_KEY);
    let hospital = Hospital::new(broker.url(), EmbeddedBroker::NODE_1_KEY);
    for _ in 0..COUNT {
        let id = analyst.publish("rki")?;
        hospital.deliver(id, "text/plain", &"result ".repeat(1000))?;
    }
    let (mut own, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        limit.push(fetch_all(broker.url(), COUNT)?);
        let scene = Scene::with_broker_at(broker.url(), Duration::ZERO)?;
        let outcome = scene.run("400 uploaded, 0 deleted, 0 failed")?;
        own.push(outcome.elapsed.as_secs_f64());
    }
    Ok(vec![Row {
        work: "AKTIN's own broker, 400 bundles",
        unit: "s",
        measured: own,
        reference: limit,
        reference_name: "status, export and download alone, 32 in flight",
        goal: "≤ 1.5 × the reference",
        replaced: "8.3–10.6 s",
    }])
}

/// What the broker needs for every bundle when nothing is done with them.
fn fetch_all(url: &str, count: u64) -> Result<f64, String> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let fetch = || -> Result<(), String> {
        let analyst = Analyst::new(url, EmbeddedBroker::ADMIN_KEY);
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed) as u64;
            if id >= count {
                return Ok(());
            }
            analyst.look_at(id)?;
            analyst.fetch_bundle(id)?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(fetch)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })?;
    Ok(began.elapsed().as_secs_f64())
}
