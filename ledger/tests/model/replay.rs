//! The properties of a whole log: folded again, read back from its bytes, under other clocks, and in
//! another order.

use courier_ledger::log::{FoldError, Ledger, LogError, MemoryDisk, NewLog, read};
use courier_ledger::{Entry, Event, Sequence, State, StatusDocument, Timestamp};

use super::auditor::Auditor;
use super::clock::goes_back;
use super::runner::{decide_at, project};
use super::sabotage::Sabotage;
use super::world::World;
use super::{Property, Violation};

/// A source of arbitrary numbers that a history repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

impl World {
    /// Holds the history as a whole against the properties of whole logs.
    pub(crate) fn replay(&self) -> Result<(), Violation> {
        self.times_go_back_only_where_that_is_said()?;
        self.folds_to_the_same_state()?;
        self.knows_lost_and_old_ledgers()?;
        self.decides_alike_under_any_clock()?;
        self.order_of_endings_does_not_matter()
    }

    /// Invariant 9: Replay determinism: folding a log gives byte-identical state and projection.
    /// Invariant 10: `status.xml` = project(log) after any crash: whichever was written last.
    fn folds_to_the_same_state(&self) -> Result<(), Violation> {
        let mut entries = self.entries.clone();
        if self.sabotage == Some(Sabotage::AlterOnReading) {
            for entry in &mut entries {
                entry.time.0 += 1;
            }
        }
        let (mut state, mut auditor) = (State::default(), Auditor::default());
        let mut decisions = self.decisions.iter();
        let mut decision = decisions.next();
        let mut documents = self.documents.iter();
        let mut document = documents.next();
        for entry in &entries {
            auditor.read(entry);
            state = state.apply(entry).map_err(|error| {
                Property::ReplayDeterminism.violated(format!("a replay refuses {error}"))
            })?;
            while let Some(made) = decision.filter(|it| it.tip == entry.sequence) {
                let plan = decide_at(&state, &made.policy, entry.time, self.sabotage);
                Property::ReplayDeterminism.holds(plan == made.plan, || {
                    format!("at {} the replay decides {plan:?}", entry.sequence)
                })?;
                decision = decisions.next();
            }
            while let Some((_, written)) = document.filter(|(at, _)| *at == entry.sequence) {
                let projected = project(&state, self.log, entry.sequence);
                let same = *written == projected;
                Property::StatusIsProjection.holds(same || self.altered(), || {
                    let [a, b] = [written, &projected].map(|it| String::from_utf8_lossy(it));
                    format!("through {}: {a} instead of {b}", entry.sequence)
                })?;
                let text = String::from_utf8_lossy(&projected);
                let body = text.split_once('>').map(|(_, body)| body.to_owned());
                Property::StatusIsProjection.holds(body == Some(auditor.body()), || {
                    format!("through {}: {text} for {}", entry.sequence, auditor.body())
                })?;
                let tip = StatusDocument::tip_of(written).map(|tip| (tip.log, tip.sequence));
                Property::StatusIsProjection
                    .holds(tip == Some((self.log, entry.sequence)), || {
                        format!("it names {tip:?}")
                    })?;
                document = documents.next();
            }
        }
        let [live, replayed] =
            [&self.state, &state].map(|state| rmp_serde::to_vec_named(state).unwrap());
        Property::ReplayDeterminism.holds(live == replayed, || {
            format!("{:?} is replayed as {state:?}", self.state)
        })?;
        let read: Result<State, _> = rmp_serde::from_slice(&live);
        Property::ReplayDeterminism
            .holds(read.as_ref().is_ok_and(|read| *read == self.state), || {
                format!("the state is not read back from its bytes: {read:?}")
            })
    }

    fn altered(&self) -> bool {
        self.sabotage == Some(Sabotage::AlterOnReading)
    }

    /// Invariant 9: Replay determinism, through the log's bytes: written and read, the entries fold to the same
    /// state; written twice, the bytes are the same.
    pub(crate) fn survives_encoding(&self) -> Result<(), Violation> {
        let [first, second] = [MemoryDisk::new(), MemoryDisk::new()];
        for disk in [&first, &second] {
            self.write(disk).map_err(|error| {
                Property::ReplayDeterminism.violated(format!("cannot be written: {error}"))
            })?;
        }
        let bytes = first.contents("ledger.log");
        let same = bytes.is_some() && bytes == second.contents("ledger.log");
        Property::ReplayDeterminism.holds(same, || "the bytes differ".to_owned())?;
        let mut state = State::default();
        let (mut count, mut times) = (0, Vec::new());
        read(
            &first.process(),
            |mut entry: Entry| -> Result<(), LogError> {
                times.push(entry.time);
                if self.altered() {
                    entry.time.0 += 1;
                }
                state = std::mem::take(&mut state).apply(&entry).unwrap();
                count += 1;
                Ok(())
            },
        )
        .map_err(|error| Property::ReplayDeterminism.violated(format!("unreadable: {error}")))?;
        let same = times
            .iter()
            .eq(self.entries.iter().map(|entry| &entry.time));
        Property::Clock.holds(same, || {
            format!("{times:?} are not the times that were due")
        })?;
        let same = count == self.entries.len() && state == self.state;
        Property::ReplayDeterminism
            .holds(same, || format!("{count} entries were read to {state:?}"))
    }

    /// Writes the log as the program does: the ledger itself says what its clock differs from.
    fn write(&self, disk: &MemoryDisk) -> Result<(), FoldError> {
        let new = NewLog {
            id: self.log,
            version: "model".to_owned(),
        };
        let time = self.entries[0].time;
        let mut ledger = Ledger::create(disk.process(), time, new)?;
        let mut written = 1;
        for (end, asked) in self.appends.iter().copied().zip(&self.asked) {
            let Some(batch) = self.entries.get(written..end).filter(|it| !it.is_empty()) else {
                continue;
            };
            let events: Vec<_> = batch.iter().map(|entry| entry.event.clone()).collect();
            if goes_back(&events) {
                ledger.note_clock(*asked)?;
            } else {
                ledger.append(*asked, events)?;
            }
            written = end;
        }
        Ok(())
    }

    /// Invariant 13: Clock independence: no decision changes when the clock jumps by years.
    fn decides_alike_under_any_clock(&self) -> Result<(), Violation> {
        let mut dice = Dice(self.entries.len() as u64);
        let mut state = State::default();
        let mut decisions = self.decisions.iter();
        let mut decision = decisions.next();
        for entry in &self.entries {
            let mut jumped = entry.clone();
            let years = i64::try_from(dice.below(400)).unwrap() - 200;
            jumped.time = Timestamp(years * 31_556_952_000_000 + entry.time.0 % 7_654_321);
            let time = jumped.time;
            state = state.apply(&jumped).map_err(|error| {
                Property::ClockIndependence.violated(format!("at {time}: {error}"))
            })?;
            while let Some(made) = decision.filter(|it| it.tip == entry.sequence) {
                let plan = decide_at(&state, &made.policy, time, self.sabotage);
                Property::ClockIndependence.holds(plan == made.plan, || {
                    format!("at {time} {plan:?} instead of {:?}", made.plan)
                })?;
                decision = decisions.next();
            }
        }
        Ok(())
    }

    /// Invariant 20: The folded state does not depend on the order in which concurrent commands finished.
    fn order_of_endings_does_not_matter(&self) -> Result<(), Violation> {
        let entries = self.reordered();
        let mut state = State::default();
        for entry in &entries {
            state = state.apply(entry).map_err(|error| {
                Property::OrderIndependence.violated(format!("another order is refused: {error}"))
            })?;
        }
        Property::OrderIndependence.holds(state == self.state, || {
            format!("{:?} became {state:?}", self.state)
        })
    }

    /// The same history, with outcomes in another order: each somewhere after its intent, within
    /// its run. An outcome keeps its time: the clock went on, whoever ended first.
    fn reordered(&self) -> Vec<Entry> {
        let mut dice = Dice(self.entries.len() as u64 + 1);
        let mut entries = self.entries.clone();
        let runs: Vec<_> = (0..entries.len())
            .filter(|index| matches!(entries[*index].event, Event::RunStarted { .. }))
            .chain([entries.len()])
            .collect();
        for run in runs.windows(2) {
            // The time of the log's last entry is in the state.
            let last = run[1].min(entries.len() - 1);
            let places: Vec<_> = (run[0]..last)
                .filter_map(|index| Some((index, outcome_of(&entries[index].event)?)))
                .collect();
            let mut left: Vec<_> = places
                .iter()
                .map(|(index, start)| (*start, self.entries[*index].clone()))
                .collect();
            for (place, _) in places {
                let sequence = entries[place].sequence;
                let ready: Vec<_> = (0..left.len())
                    .filter(|it| left[*it].0 < sequence)
                    .collect();
                let (_, ending) = left.remove(ready[dice.below(ready.len())]);
                let time = if self.sabotage == Some(Sabotage::MixUpTimes) {
                    entries[place].time
                } else {
                    ending.time
                };
                entries[place] = Entry {
                    sequence,
                    time,
                    ..ending
                };
            }
        }
        entries
    }
}

/// The intent that an outcome belongs to.
fn outcome_of(event: &Event) -> Option<Sequence> {
    match event {
        Event::Uploaded { start, .. }
        | Event::PickedUp { start, .. }
        | Event::Deleted { start, .. }
        | Event::CommandFailed { start, .. }
        | Event::LedgerPublished { start, .. } => Some(*start),
        _ => None,
    }
}
