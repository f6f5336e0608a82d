//! With its state cache, whatever became of it, a log opens to exactly the state that it has without,
//! or is refused in exactly the same words.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use courier_ledger::log::{
    EventLog as _, Fault, FoldError, Journal, LogError, LogPlace as _, Memory, MemoryDisk, NewLog,
    keep_state, kept_state, read_state,
};
use courier_ledger::*;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use scenario::History;

const TIME: Timestamp = Timestamp(1_790_000_000_000_000);
const CACHE: &str = "ledger.cache";
/// Steps of replacing a file: create, write, sync, rename, sync the directory.
const REPLACING_STEPS: u64 = 5;

/// What happens between two runs of a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(u64, i64),
    Withdraw(u64, Evidence),
    Unreadable(u64),
    Run,
    /// A run that a crash cuts off after so many commands were begun.
    CutOff(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let evidence = prop_oneof![
        Just(Evidence::Deleted),
        Just(Evidence::Untagged),
        Just(Evidence::Unconfirmed),
    ];
    prop_oneof![
        3 => (0..5u64, 1..9i64).prop_map(|(id, time)| Step::Publish(id, time)),
        1 => (0..5u64, evidence).prop_map(|(id, evidence)| Step::Withdraw(id, evidence)),
        1 => (0..5u64).prop_map(Step::Unreadable),
        3 => Just(Step::Run),
        1 => (0..3usize).prop_map(Step::CutOff),
    ]
}

/// The events of a history, without its creation.
fn events(steps: &[Step]) -> Vec<Event> {
    let mut history = History::new();
    for step in steps {
        match *step {
            Step::Publish(id, time) => {
                history
                    .broker
                    .publish(id, 10, &[(1, Some(time)), (2, None)])
            }
            Step::Withdraw(id, evidence) => history.broker.withdraw(id, evidence),
            Step::Unreadable(id) => history.broker.unreadable(id),
            Step::Run => drop(history.run()),
            Step::CutOff(begun) => {
                let plan = history.plan();
                for command in plan.changes().take(begun) {
                    history.begin(command);
                }
            }
        }
    }
    let entries = history.take_entries().into_iter().skip(1);
    entries.map(|entry| entry.event).collect()
}

/// Logs differ in the last byte: temporary names show only the first four, and the histories name them.
fn new_log(id: u8) -> NewLog {
    let mut bytes = [7; 16];
    bytes[15] = id;
    NewLog {
        id: LogId(bytes),
        version: "test".to_owned(),
    }
}

/// A log that is held by its one runner, with its state: what writes a state cache whenever it is asked.
struct Held {
    journal: Journal<Memory>,
    state: State,
}

impl Held {
    fn open(disk: &MemoryDisk) -> Result<Self, FoldError> {
        let (journal, state) = disk.process().open(TIME)?;
        Ok(Self { journal, state })
    }

    fn create(disk: &MemoryDisk, id: u8) -> Self {
        let (journal, state) = disk.process().create(TIME, new_log(id)).unwrap();
        Self { journal, state }
    }

    /// Appends events, as one batch.
    fn append(&mut self, events: &[Event]) {
        let due = self.journal.tip().sequence.next();
        for entry in self.journal.append(due, TIME, events.to_vec()).unwrap() {
            self.state = std::mem::take(&mut self.state).apply(&entry).unwrap();
        }
    }

    fn write_cache(&mut self) -> Result<(), LogError> {
        self.journal.write_cache(&self.state)
    }
}

/// A log on a disk, with a state cache after its first `cut` events; the head is as old as that if
/// the process then crashed.
fn written(id: u8, events: &[Event], cut: usize, crashes: bool) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let mut ledger = Held::create(&disk, id);
    ledger.append(&events[..cut]);
    ledger.write_cache().unwrap();
    ledger.append(&events[cut..]);
    if !crashes {
        ledger.journal.close().unwrap();
    }
    disk
}

/// What opening comes to: the state and the tip, or the refusal; and the same for a reader.
type Seen = (
    Result<(State, Sequence, Digest), String>,
    Result<State, String>,
);

fn seen(disk: &MemoryDisk) -> Seen {
    let read = read_state(&disk.process())
        .map(|(state, _)| state)
        .map_err(|error| error.to_string());
    let opened = Held::open(disk)
        .map(|ledger| {
            let tip = ledger.journal.tip();
            (ledger.state, tip.sequence, tip.hash)
        })
        .map_err(|error| error.to_string());
    (opened, read)
}

/// What an opened log does next: one more run, the entries from `first` on, and the next opening.
fn goes_on(disk: &MemoryDisk, first: Sequence) -> Result<(Vec<Entry>, State, Seen), String> {
    let mut ledger = Held::open(disk).map_err(|error| error.to_string())?;
    ledger.append(&run());
    let read: Result<Vec<_>, _> = ledger.journal.read_from(first).collect();
    let entries = read.map_err(|error| error.to_string())?;
    let Held { journal, state } = ledger;
    journal.close().unwrap();
    Ok((entries, state, seen(disk)))
}

/// A run that finds no broker and is cut off, which may follow on everything.
fn run() -> [Event; 2] {
    let start = Event::RunStarted {
        version: "test".to_owned(),
        policy: Digest([1; 32]),
        key: KeyId([1; 8]),
        instead_of: None,
        bound_to: None,
        every_minutes: None,
    };
    let failed = Event::PollFailed {
        failure: scenario::failure(),
    };
    [start, failed]
}

/// The same disk without its state cache.
fn without_cache(disk: &MemoryDisk) -> MemoryDisk {
    let copy = copy_of(disk);
    copy.set_contents(CACHE, None);
    copy
}

fn copy_of(disk: &MemoryDisk) -> MemoryDisk {
    let copy = MemoryDisk::new();
    for name in disk.names() {
        copy.set_contents(&name, disk.contents(&name).as_deref());
    }
    copy
}

/// What became of the files after they were written.
#[derive(Clone, Debug)]
enum Fate {
    Whole,
    FlippedCache(Index, u8),
    CutCache(Index),
    RandomCache(Vec<u8>),
    /// The state cache of another log with the same history.
    AnotherLogs,
    /// Log and head, but not the state cache, are from an older backup.
    OldBackup(Index),
    /// Only the head is from an older backup.
    OldHead(Index),
    NoHead,
    /// The log's last bytes are gone.
    TornLog(Index),
    /// Bytes that no entry begins with stand behind the log's end.
    Scribbled(Vec<u8>),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Whole),
        2 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Fate::FlippedCache(at, bit)),
        1 => any::<Index>().prop_map(Fate::CutCache),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Fate::RandomCache),
        1 => Just(Fate::AnotherLogs),
        2 => any::<Index>().prop_map(Fate::OldBackup),
        1 => any::<Index>().prop_map(Fate::OldHead),
        1 => Just(Fate::NoHead),
        2 => any::<Index>().prop_map(Fate::TornLog),
        1 => prop::collection::vec(any::<u8>(), 1..80).prop_map(Fate::Scribbled),
    ]
}

fn befall(disk: &MemoryDisk, fate: &Fate, events: &[Event], cut: usize) {
    let change = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = disk.contents(name).unwrap();
        change(&mut bytes);
        disk.set_contents(name, Some(&bytes));
    };
    let older = |at: &Index| {
        let end = at.index(events.len() + 1);
        written(7, &events[..end], cut.min(end), false)
    };
    match fate {
        Fate::Whole => {}
        Fate::FlippedCache(at, bit) => change(CACHE, &|bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }),
        Fate::CutCache(at) => change(CACHE, &|bytes| {
            bytes.truncate(at.index(bytes.len()));
        }),
        Fate::RandomCache(random) => disk.set_contents(CACHE, Some(random)),
        Fate::AnotherLogs => {
            let other = written(8, events, cut, false).contents(CACHE);
            disk.set_contents(CACHE, other.as_deref());
        }
        Fate::OldBackup(at) => {
            let older = older(at);
            for name in ["ledger.log", "ledger.head"] {
                disk.set_contents(name, older.contents(name).as_deref());
            }
        }
        Fate::OldHead(at) => {
            let head = older(at).contents("ledger.head");
            disk.set_contents("ledger.head", head.as_deref());
        }
        Fate::NoHead => disk.set_contents("ledger.head", None),
        Fate::TornLog(at) => change("ledger.log", &|bytes| {
            let lost = at.index(bytes.len().min(400));
            bytes.truncate(bytes.len() - lost);
        }),
        Fate::Scribbled(scribble) => change("ledger.log", &|bytes| bytes.extend(scribble)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "../proptest-regressions/state_cache.txt",
        ))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_log_opens_the_same_with_and_without_its_cache_whatever_became_of_it(
        steps in prop::collection::vec(step(), 0..14),
        cut in any::<Index>(),
        crashes in any::<bool>(),
        fate in fate(),
    ) {
        let events = events(&steps);
        let cut = cut.index(events.len() + 1);
        let disk = written(7, &events, cut, crashes);
        befall(&disk, &fate, &events, cut);
        let bare = without_cache(&disk);
        prop_assert_eq!(seen(&disk), seen(&bare));
        // It stays so in the next life, too: what an opening changed on disk is the same.
        for name in ["ledger.log", "ledger.head"] {
            prop_assert_eq!(disk.contents(name), bare.contents(name));
        }
        prop_assert_eq!(seen(&disk), seen(&bare));
    }

    #[test]
    fn a_log_goes_on_the_same_with_and_without_its_cache(
        steps in prop::collection::vec(step(), 0..14),
        cut in any::<Index>(),
        crashes in any::<bool>(),
        fate in fate(),
        first in any::<Index>(),
    ) {
        let events = events(&steps);
        let cut = cut.index(events.len() + 1);
        let disk = written(7, &events, cut, crashes);
        befall(&disk, &fate, &events, cut);
        let bare = without_cache(&disk);
        let first = Sequence(first.index(events.len() + 9) as u64);
        prop_assert_eq!(goes_on(&disk, first), goes_on(&bare, first));
        for name in ["ledger.log", "ledger.head"] {
            prop_assert_eq!(disk.contents(name), bare.contents(name));
        }
    }

    /// First the head, where the log has grown, then the state cache: none is ever beyond it.
    #[test]
    fn a_fault_at_any_step_of_the_next_cache_changes_nothing(
        steps in prop::collection::vec(step(), 1..10),
        cut in any::<Index>(),
        grown in any::<Index>(),
        fault in prop_oneof![Just(Fault::PowerLoss), Just(Fault::Error), Just(Fault::Full)],
        step in 1..14u64,
        seed in any::<u64>(),
    ) {
        let events = events(&steps);
        let grown = grown.index(events.len() + 1);
        let cut = cut.index(grown + 1);
        let disk = written(7, &events[..grown], cut, false);
        let mut ledger = Held::open(&disk).unwrap();
        ledger.append(&events[grown..]);
        let truth = ledger.state.clone();
        let head = if grown < events.len() { REPLACING_STEPS } else { 0 };
        disk.fail_at(disk.steps() + step, fault);
        let result = ledger.write_cache();
        prop_assert_eq!(result.is_ok(), step > head + REPLACING_STEPS);
        if fault == Fault::PowerLoss {
            drop(ledger);
            disk.restart(seed);
        } else {
            // Without a state cache a run still ends in good order; without its head it does not.
            prop_assert_eq!(ledger.journal.close().is_ok(), step > head);
        }
        let (with, without) = (seen(&copy_of(&disk)), seen(&without_cache(&disk)));
        prop_assert_eq!(&with, &without);
        prop_assert_eq!(with.0.unwrap().0, truth);
    }
}

/// The part of a run in which a log of more than 200 entries is opened from a state cache near its end.
fn long() -> (MemoryDisk, Vec<Event>) {
    let mut steps = Vec::new();
    for round in 0..40 {
        steps.push(Step::Publish(round % 5, i64::try_from(round).unwrap()));
        steps.push(Step::Run);
    }
    let events = events(&steps);
    assert!(events.len() >= 200, "{}", events.len());
    let cut = events.len() - 30;
    (written(7, &events, cut, false), events)
}

/// In a release build every bit; in a debug build each 97th.
const FLIP_STRIDE: usize = if cfg!(debug_assertions) { 97 } else { 1 };

#[test]
fn no_flipped_bit_of_cache_log_or_head_leads_to_a_wrong_state() {
    let (disk, _) = long();
    let (truth, _) = seen(&disk);
    let truth = truth.unwrap();
    let (mut flips, mut refused) = (0, 0);
    for name in [CACHE, "ledger.log", "ledger.head"] {
        let bytes = disk.contents(name).unwrap();
        for bit in (0..bytes.len() * 8).step_by(FLIP_STRIDE) {
            let copy = copy_of(&disk);
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            copy.set_contents(name, Some(&flipped));
            flips += 1;
            match seen(&copy).0 {
                Ok(seen) => assert_eq!(seen, truth, "{name}, bit {bit}"),
                Err(_) => refused += 1,
            }
        }
    }
    // Shown with `--nocapture`, and always when the test fails.
    eprintln!(
        "{flips} flipped bits of state cache, log and head: {refused} refused, 0 wrong states"
    );
    assert!(refused > 0);
}

#[test]
fn a_cache_is_used_and_what_lies_before_it_is_not_read() {
    let (disk, _) = long();
    let (truth, _) = seen(&disk);
    // The second of the two speaks of the same entry as the one that it was opened from.
    for _ in 0..2 {
        let mut ledger = Held::open(&disk).unwrap();
        ledger.write_cache().unwrap();
    }
    let mut log = disk.contents("ledger.log").unwrap();
    // Damage that only a reading from the start can meet.
    log[200] ^= 1;
    disk.set_contents("ledger.log", Some(&log));
    assert_eq!(seen(&disk).0, truth);
    assert!(seen(&without_cache(&disk)).0.is_err());
}

/// What a ledger in a database leaves in the folder that the files come back to.
#[test]
fn one_of_a_ledger_that_was_kept_elsewhere_is_none() {
    let (disk, events) = long();
    let before = without_cache(&disk);
    let (state, tip) = read_state(&disk.process()).unwrap();
    keep_state(&mut disk.process(), &state, tip).unwrap();
    assert_eq!(kept_state(&disk.process()), Some((state, tip)));
    assert_eq!(seen(&disk), seen(&before));
    assert_eq!(
        goes_on(&disk, Sequence(events.len() as u64)),
        goes_on(&before, Sequence(events.len() as u64))
    );
}

#[test]
fn a_state_of_another_moment_is_not_written() {
    let (disk, events) = long();
    let mut ledger = Held::open(&disk).unwrap();
    let before = ledger.state.clone();
    ledger.append(&events[..1]);
    assert!(ledger.journal.write_cache(&before).is_err());
    assert!(ledger.write_cache().is_ok());
}

#[test]
fn a_short_log_gets_no_cache_and_a_long_one_gets_one() {
    let disk = MemoryDisk::new();
    let mut ledger = Held::create(&disk, 7);
    ledger.journal.cache(&ledger.state).unwrap();
    assert_eq!(disk.contents(CACHE), None);
    ledger.append(&vec![run().to_vec(); 700].concat());
    ledger.journal.cache(&ledger.state).unwrap();
    assert!(disk.contents(CACHE).is_some());
}
