//! A history from its seed: two hosts, and what became of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use courier_ledger::log::chain;
use courier_ledger::{Digest, Event, Found, LogId, RemoteCheckRule, State};
use scenario::Shown;
use tokio::task::LocalSet;

use super::baton::Baton;
use super::database::Database;
use super::drive;
use super::drop_box::{self, Content, DropBox};
use super::fault::{self, Faults};
use super::faults;
use super::happening::Happening;
use super::luck::Mishap;
use super::machine::HostMachine;
use super::program::Program;
use super::property::{Property, Violation};
use super::random::Random;
use super::sabotage::Sabotage;
use super::simulation::{HOSTS, Host, LEASE, Simulation, World};

/// What became of a history.
pub(crate) struct Played {
    pub(crate) violation: Option<Violation>,
    pub(crate) happened: BTreeMap<Happening, u64>,
    pub(crate) entries: u64,
    pub(crate) story: Vec<String>,
}

/// Whether somebody wants to hear what happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Story {
    Told,
    Untold,
}

/// What a history follows from.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) script: Vec<(&'static str, Mishap)>,
}

impl Setting {
    /// Everything that goes wrong by itself.
    pub(crate) fn of(seed: u64) -> Self {
        Self {
            seed,
            faults: fault::all(),
            sabotage: None,
            script: Vec::new(),
        }
    }
}

/// Plays a history.
pub(crate) fn play(setting: &Setting, story: Story) -> Played {
    let sabotage = setting.sabotage;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let local = LocalSet::new();
    let simulation = local.block_on(&runtime, async {
        let world = begin(setting, story);
        let simulation = Arc::new(Simulation::new(world, sabotage));
        let _ends_with_the_history =
            tokio::task::spawn_local(drop_box::run(Arc::clone(&simulation)));
        let _ends_with_the_history =
            tokio::task::spawn_local(faults::rage(Arc::clone(&simulation)));
        let mut hosts = Vec::new();
        for host in 0..HOSTS {
            let machine = HostMachine {
                simulation: Arc::clone(&simulation),
                host,
                baton: Arc::new(Baton::new()),
            };
            let thread = drive::spawn(Program {
                machine: machine.clone(),
            });
            hosts.push((thread, tokio::task::spawn_local(drive::drive(machine))));
        }
        for (thread, driven) in hosts {
            driven.await.expect("it is driven to its end");
            thread.join().expect("its panics are caught");
        }
        simulation
    });
    drop(local);
    drop(runtime);
    let is_well = simulation.world().violation.is_none();
    let mut world = simulation.world();
    if is_well {
        world.violation = judge(&world).err();
    }
    Played {
        violation: world.violation.take(),
        happened: std::mem::take(&mut world.happened),
        entries: world.database.shown.entries.len() as u64,
        story: world.story.take().unwrap_or_default(),
    }
}

/// How a world begins.
fn begin(setting: &Setting, story: Story) -> World {
    let mut random = Random::new(setting.seed);
    let margin = i64::try_from((LEASE / 6).as_micros()).unwrap() - 1000;
    // Either the hosts' clocks go at another pace than the database's, or its two servers do not agree.
    let are_at_pace = random.happens(500);
    let mut host = || {
        let wrong = random.between(0, 1_200_000_000);
        Host {
            pace: match are_at_pace {
                true => 1000,
                false => random.between(834, 1200),
            },
            awake: random.millis(1_000_000, 9_000_000),
            wrong: i64::try_from(wrong).unwrap() - 600_000_000,
            ..Host::default()
        }
    };
    let hosts = [host(), host()];
    let remote_check = match random.happens(500) {
        true => RemoteCheckRule::Repair,
        false => RemoteCheckRule::Off,
    };
    let ahead = random.between(0, u64::try_from(margin).unwrap());
    let ahead = i64::try_from(ahead).unwrap();
    let mut database = Database {
        sabotage: setting.sabotage,
        ..Database::default()
    };
    if are_at_pace {
        database.ahead = match random.happens(500) {
            true => [0, ahead],
            false => [ahead, 0],
        };
    }
    let mut broker = scenario::Broker::default();
    broker.others = Some(BTreeMap::from([(0, Some(1))]));
    World {
        random,
        database,
        drop_box: DropBox::default(),
        broker,
        requests: 0,
        remote_check,
        hosts,
        acknowledged: BTreeMap::new(),
        attempted: BTreeMap::new(),
        faults: setting.faults.clone(),
        script: setting.script.iter().copied().collect(),
        is_quiet: false,
        is_over: false,
        quiet_runs: 0,
        happened: BTreeMap::new(),
        violation: None,
        story: (story == Story::Told).then(Vec::new),
        taken_over: Duration::ZERO,
        down_until: Duration::ZERO,
    }
}

fn unless(met: bool, property: Property, text: impl FnOnce() -> String) -> Result<(), Violation> {
    match met {
        true => Ok(()),
        false => Err(Violation {
            property,
            text: text(),
        }),
    }
}

/// Holds what has become of the ledger and the drop-box against what must hold.
fn judge(world: &World) -> Result<(), Violation> {
    let image = &world.database.shown;
    let log = image.runner.log.clone().unwrap_or_default();
    let log: [u8; 16] = log.try_into().unwrap_or_default();
    let mut tip = chain::start(LogId(log));
    let (mut state, mut recorded) = (State::default(), BTreeMap::<String, u64>::new());
    for (number, (hash, payload)) in &image.entries {
        let hash = Digest(hash.clone().try_into().unwrap_or([0; 32]));
        let broken = |error: String| Violation {
            property: Property::WholeChain,
            text: format!("entry {number}: {error}"),
        };
        let entry = chain::check(tip, payload, hash).map_err(|it| broken(it.to_string()))?;
        tip.sequence = entry.sequence;
        tip.hash = entry.hash;
        state.advance(&entry).map_err(|it| broken(it.to_string()))?;
        let is_strange = matches!(
            entry.event,
            Event::CommandFailed {
                found: Some(Found::Foreign),
                ..
            }
        );
        unless(!is_strange, Property::NoDefect, || {
            format!("entry {number} takes a file of this ledger for a stranger's")
        })?;
        *recorded.entry(format!("{:?}", entry.event)).or_default() += 1;
    }
    let end = i64::try_from(tip.sequence.0).unwrap();
    unless(image.runner.sequence == end, Property::WholeChain, || {
        format!(
            "the tip is {}, and the last entry {end}",
            image.runner.sequence
        )
    })?;
    for (number, hash) in &world.acknowledged {
        let kept = image.entries.get(&i64::try_from(*number).unwrap());
        let is_kept = kept.is_some_and(|(kept, _)| *kept == hash.0);
        unless(is_kept, Property::NothingLost, || {
            format!("entry {number} was acknowledged, and is not there")
        })?;
    }
    for (event, times) in &recorded {
        let asked = world.attempted.get(event).copied().unwrap_or(0);
        // The first entry is recorded by whoever begins the log.
        let is_begin = event.starts_with("LogCreated");
        unless(
            *times <= asked || is_begin,
            Property::NothingDoubled,
            || format!("{times} times, asked for {asked} times: {event}"),
        )?;
    }
    for id in 1..=world.requests {
        let wanted = match world.broker.shown.get(&id) {
            Some(Shown::Readable { published, nodes }) => {
                Some(Content::Result(*published, nodes.len()))
            }
            _ => None,
        };
        let name = format!("export_{id}.zip");
        let there = world
            .drop_box
            .files
            .get(&name)
            .map(|file| file.content.clone());
        unless(there == wanted, Property::Convergence, || {
            format!("{name} is {there:?} and should be {wanted:?}")
        })?;
    }
    Ok(())
}
