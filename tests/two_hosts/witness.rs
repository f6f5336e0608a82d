//! A ledger's log, and whoever notes what is acknowledged.
//!
//! What always holds: what was acknowledged once is under its number for ever.

use courier_ledger::log::{Claim, Entries, EventLog, LogError, LogPlace as _};
use courier_ledger::{Digest, Entry, Event, Sequence, Timestamp, Tip};
use courier_postgres::{Database, Lasting, Table};

use super::machine::HostMachine;
use super::property::Property;
use super::sabotage::Sabotage;

/// The log, watched.
pub(crate) struct Witness {
    /// None while a defect takes the ledger anew.
    table: Option<Table>,
    place: Database,
    machine: HostMachine,
}

impl Witness {
    pub(crate) fn new(table: Table, place: Database, machine: HostMachine) -> Self {
        Self {
            table: Some(table),
            place,
            machine,
        }
    }

    pub(crate) fn lasting(&self) -> Lasting {
        self.table().lasting()
    }

    pub(crate) fn confirm(&self) -> Result<(), LogError> {
        self.table().confirm()
    }

    fn table(&self) -> &Table {
        self.table.as_ref().expect("it is open")
    }

    /// What a defect would do: whatever failed is asked for once more, behind whatever is there.
    fn again(&mut self, time: Timestamp, events: Vec<Event>) -> Option<Vec<Entry>> {
        let before = self.table.take();
        self.machine.simulation.world().hosts[self.machine.host].lasting = None;
        drop(before);
        let Ok(Claim::Log(table, _)) = self.place.clone().claim(time) else {
            return None;
        };
        let table = self.table.insert(table);
        let lasting = Some(table.lasting());
        self.machine.simulation.world().hosts[self.machine.host].lasting = lasting;
        table.append(table.tip().sequence.next(), time, events).ok()
    }
}

impl EventLog for Witness {
    fn tip(&self) -> Tip {
        self.table().tip()
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        let simulation = self.machine.simulation.clone();
        for event in &events {
            let attempted = &mut simulation.world().attempted;
            *attempted.entry(format!("{event:?}")).or_default() += 1;
        }
        let repeats = simulation.sabotage == Some(Sabotage::BlindRetry);
        let kept = repeats.then(|| events.clone());
        let table = self.table.as_mut().expect("it is open");
        let appended = table.append(expected, time, events);
        if let (Err(LogError::Other(_)), Some(events)) = (&appended, kept) {
            let _there_now = self.again(time, events);
        }
        let entries = appended?;
        for entry in &entries {
            let is_kept = simulation
                .world()
                .database
                .keeps(entry.sequence, entry.hash);
            if !is_kept {
                let text = format!("entry {} is acknowledged, and can be lost", entry.sequence);
                simulation.violated(Property::NothingLost, text);
            }
            let before = simulation
                .world()
                .acknowledged
                .insert(entry.sequence.0, entry.hash);
            if before.is_some_and(|before| before != entry.hash) {
                let text = format!("two entries {} were acknowledged", entry.sequence);
                simulation.violated(Property::NothingLost, text);
            }
        }
        Ok(entries)
    }

    fn read_from(&self, first: Sequence) -> Entries<'_> {
        self.table().read_from(first)
    }

    fn hash_of(&self, entry: Sequence) -> Result<Option<Digest>, LogError> {
        self.table().hash_of(entry)
    }

    fn close(self) -> Result<(), LogError> {
        self.table.map_or(Ok(()), Table::close)
    }
}
