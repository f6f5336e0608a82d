//! Everything together: what is outside the program, the log and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::log::{Memory, MemoryDisk};
use courier_ledger::{
    Blocked, Command, Digest, Entry, Event, Hundredths, KeyId, LogId, Plan, Policy, RemoteName,
    RequestId, SavedPlan, Sequence, State, Timestamp,
};

use super::auditor::Auditor;
use super::broker::Broker;
use super::drop_box::{DropBox, File, Holds, Maker};
use super::partners::Configured;
use super::runner::Run;
use super::sabotage::Sabotage;
use super::saved::Bound;
use super::step::{Setting, Step};
use super::stranger::Acquaintances;
use super::{Property, Violation};

const LOG: LogId = LogId([0xab; 16]);

/// What was decided, and on what.
pub(crate) struct Decision {
    pub(crate) tip: Sequence,
    pub(crate) policy: Policy,
    pub(crate) plan: Plan,
}

/// Everything together.
pub(crate) struct World {
    pub(crate) sabotage: Option<Sabotage>,
    /// The broker that the configuration names, …
    pub(crate) broker: Broker,
    /// … and the other one.
    pub(crate) other_broker: Broker,
    /// Whether the broker holds requests besides the modelled ones, so that its list of everything is
    /// never empty.
    pub(crate) others_exist: bool,
    /// The drop-box that the configuration names, …
    pub(crate) drop_box: DropBox,
    /// … and the other one.
    pub(crate) other_drop_box: DropBox,
    pub(crate) configured: Configured,
    /// What was taken, and the entry that was due then.
    pub(crate) steps: Vec<(Sequence, Step)>,
    /// What each run decides by, by its first entry.
    pub(crate) policies: BTreeMap<Sequence, Policy>,
    /// The log that is written now.
    pub(crate) log: LogId,
    /// The one that was lost before it.
    pub(crate) lost: Option<LogId>,
    pub(crate) entries: Vec<Entry>,
    /// Which entries were appended, and synced, together: the length after each append.
    pub(crate) appends: Vec<usize>,
    /// What the clock said at each append.
    pub(crate) asked: Vec<Timestamp>,
    pub(crate) state: State,
    pub(crate) auditor: Auditor,
    pub(crate) acquaintances: Acquaintances,
    pub(crate) decisions: Vec<Decision>,
    /// Every `status.xml` that was ever written, and the entry that it says it speaks through.
    pub(crate) documents: Vec<(Sequence, Vec<u8>)>,
    pub(crate) run: Option<Run>,
    /// Where the lock lies.
    pub(crate) disk: MemoryDisk,
    pub(crate) policy: Policy,
    pub(crate) clock: i64,
    /// Whether the last append was torn.
    pub(crate) torn: bool,
    pub(crate) last_blocked: Vec<Blocked>,
    /// What a person released.
    pub(crate) approved: Option<Vec<Command>>,
    /// The plan that a person keeps, …
    pub(crate) kept: Option<SavedPlan>,
    /// … and what became of runs that were bound to one.
    pub(crate) met_kept: BTreeSet<Bound>,
    /// Whether anything had been published when a run met what another courier had.
    pub(crate) met_courier: BTreeSet<bool>,
    /// The key that was approved with them.
    pub(crate) approved_key: Option<KeyId>,
}

impl World {
    pub(crate) fn new(setting: Setting, sabotage: Option<Sabotage>) -> Self {
        let mut world = Self {
            sabotage,
            broker: setting.broker,
            other_broker: setting.other_broker,
            others_exist: false,
            drop_box: DropBox::default(),
            other_drop_box: DropBox::default(),
            configured: Configured::default(),
            steps: Vec::new(),
            policies: BTreeMap::new(),
            log: LOG,
            lost: None,
            entries: Vec::new(),
            appends: Vec::new(),
            asked: Vec::new(),
            state: State::default(),
            auditor: Auditor::default(),
            acquaintances: Acquaintances::default(),
            decisions: Vec::new(),
            documents: Vec::new(),
            run: None,
            disk: MemoryDisk::new(),
            policy: Policy::new(key(0)),
            clock: 1_700_000_000_000_000,
            torn: false,
            last_blocked: Vec::new(),
            approved: None,
            approved_key: None,
            kept: None,
            met_kept: BTreeSet::new(),
            met_courier: BTreeSet::new(),
        };
        let created = Event::LogCreated {
            log: LOG,
            version: "model".to_owned(),
        };
        world.record(vec![created]).unwrap();
        for number in setting.foreign_elsewhere {
            world.other_drop_box.put_foreign(&foreign_name(number), 50);
        }
        if !setting.legacy.is_empty() {
            for entry in &setting.legacy {
                if entry.deleted.is_none() {
                    let (completion, adopted, key) = (entry.completion, None, None);
                    let holds = Holds::OldResult {
                        completion,
                        key,
                        adopted,
                    };
                    let name = RemoteName::export(entry.id).to_string();
                    world
                        .drop_box
                        .place(&name, File::new(Maker::Replaced, holds));
                }
            }
            let (sha256, entries) = (Digest([5; 32]), setting.legacy);
            world.acquaintances.import(&entries);
            world
                .record(vec![Event::LegacyImported { sha256, entries }])
                .unwrap();
        }
        world
    }

    /// Appends events with one fsync, and folds them in.
    pub(crate) fn record(&mut self, events: Vec<Event>) -> Result<(), Violation> {
        self.clock = self.next_time().0;
        let time = self.time_of(&events);
        self.asked.push(Timestamp(self.clock));
        for event in events {
            let entry = Entry {
                sequence: self.state.tip().next(),
                time,
                event,
                salt: None,
                hash: Digest([0; 32]),
            };
            self.entries.push(entry);
            let Some(entry) = self.entries.last() else {
                continue;
            };
            self.state = std::mem::take(&mut self.state)
                .apply(entry)
                .map_err(|error| Property::Legality.violated(error.to_string()))?;
            self.auditor.read(entry);
        }
        self.appends.push(self.entries.len());
        Property::Legality.holds(self.state.log() == Some(self.log), || {
            "another log".to_owned()
        })
    }

    /// Takes one step. Steps that cannot be taken now do nothing.
    pub(crate) fn take(&mut self, step: &Step) -> Result<(), Violation> {
        self.steps.push((self.state.tip().next(), step.clone()));
        match step {
            Step::Broker(deed) => self.broker.take(deed),
            Step::Foreign(number) => self.put_foreign(*number),
            Step::ForeignGoes(number) => {
                let name = foreign_name(*number);
                if self.drop_box.has_foreign(&name) {
                    self.drop_box.files.remove(&name);
                }
            }
            Step::Damage(id) => self.drop_box.damage(&export(*id)),
            Step::Mend(id) => self.drop_box.mend(&export(*id)),
            Step::PickUp(id) => self.drop_box.pick_up(&export(*id)),
            Step::Start | Step::StartBound | Step::SecondRunner if self.run.is_some() => {
                self.second_runner()?;
            }
            Step::Start => self.start(None)?,
            Step::StartBound => self.start_bound()?,
            Step::KeepPlan(only) => self.keep_plan(*only)?,
            Step::SecondRunner => {}
            Step::Poll(answer, look) => {
                if self.run.is_none() {
                    self.start(None)?;
                }
                self.poll(answer, *look)?;
            }
            Step::Begin(count) => self.begin(usize::from(*count))?,
            Step::Finish { which, luck } => self.finish(usize::from(*which), *luck)?,
            Step::Drain {
                lucks,
                last_first,
                capacity,
            } => self.drain(lucks, *last_first, usize::from(*capacity))?,
            Step::Unreachable => self.unreachable()?,
            Step::Crash(lucks) => self.crash(lucks)?,
            Step::TornBegin { begun, kept } => {
                self.torn_begin(usize::from(*begun), usize::from(*kept))?;
            }
            Step::Person(setup) => self.set_up(*setup),
            Step::Approve(release) => self.approve(*release)?,
            Step::Announce(number) => self.announce(key(*number))?,
            Step::LoseDisk(missing) => self.lose_disk(*missing)?,
            Step::OtherCourier => self.other_courier(),
            Step::OtherCourierGoes => self.other_courier_goes(),
            Step::LeftBehindGone => self.left_behind_gone()?,
            Step::Jump(seconds) => {
                self.clock = self.clock.saturating_add(seconds.saturating_mul(1_000_000));
            }
        }
        self.knows_what_is_open()?;
        self.knows_its_partners()?;
        self.no_file_without_intent()
    }

    pub(crate) fn put_foreign(&mut self, number: u64) {
        let name = foreign_name(number);
        // A file of other people under a name that is the ledger's by its log cannot be told from
        // the ledger's own, so it is nobody's fault when it goes.
        let claimed = self
            .auditor
            .claims
            .contains_key(&RemoteName::export(RequestId(number)));
        if !claimed {
            // Nor is it anybody's fault that an empty one is taken for what an upload has begun that found
            // the name free.
            let mut intents = self.state.intents();
            let is_awaited = intents.any(|(_, it)| it.command.name().as_str() == name);
            let size_bytes = if is_awaited || number.is_multiple_of(2) {
                50
            } else {
                0
            };
            self.drop_box.put_foreign(&name, size_bytes);
        }
    }

    /// A process that may lock the log, as a second runner would.
    pub(crate) fn process(&self) -> Memory {
        self.disk.process()
    }
}

pub(crate) fn export(id: u64) -> String {
    RemoteName::export(RequestId(id)).to_string()
}

fn foreign_name(number: u64) -> String {
    if number > Broker::REQUESTS_MAX {
        format!(".export_0.zip.00000000-{number}.part")
    } else {
        export(number)
    }
}

pub(crate) fn key(number: u8) -> KeyId {
    KeyId([number; 8])
}

/// The completion that a file under `name` was delivered for, whoever delivered it.
pub(crate) fn file_under<'a>(
    files: &'a BTreeMap<String, File>,
    taken: &'a BTreeMap<String, File>,
    name: &str,
) -> Option<(&'a File, Hundredths)> {
    let file = files.get(name).or_else(|| taken.get(name))?;
    match &file.holds {
        Holds::Result(bundle) => Some((file, bundle.completion)),
        Holds::OldResult { completion, .. } => Some((file, *completion)),
        Holds::Ledger(_) | Holds::Part | Holds::Anything => None,
    }
}
