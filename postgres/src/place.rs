//! A schema of a database as the place of a log: becoming its one runner.
//!
//! What always holds here: every entry is checked before anything is based on it, and the last one is the tip's.
//! Deliberately absent: where a state is kept that was folded before; whoever has one says so.

use std::io;
use std::sync::Arc;

use courier_ledger::log::{
    Claim, EventLog as _, FoldError, LogError, LogPlace, NewLog, Vacancy, chain,
};
use courier_ledger::{Event, Salt, Sequence, State, Timestamp, Tip};

use crate::error::Fault;
use crate::keeper::Keeper;
use crate::lease::Lasting;
use crate::machine::{Machine, ThisMachine};
use crate::portions::Portions;
use crate::settings::Settings;
use crate::table::{Draw, Table};
use crate::tables::{End, Look};

/// The ledger in a database.
#[derive(Clone)]
pub struct Database {
    pub(crate) settings: Settings,
    salt: Option<Draw>,
    pub(crate) known: Option<Box<(State, Tip)>>,
    machine: Arc<dyn Machine>,
}

impl Database {
    /// The one that is reached so. What is written there has no salts.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            salt: None,
            known: None,
            machine: Arc::new(ThisMachine),
        }
    }

    /// The same, by whoever is on this machine.
    #[must_use]
    pub fn on(self, machine: Arc<dyn Machine>) -> Self {
        Self { machine, ..self }
    }

    /// The same; what holds text is written with a salt.
    #[must_use]
    pub fn salted(self, draw: fn() -> io::Result<Salt>) -> Self {
        let salt = Some(draw);
        Self { salt, ..self }
    }

    /// The same, where the state at this place is known: what came before is not read again, unless that is not a place of
    /// the log that is there.
    #[must_use]
    pub fn knowing(self, state: State, tip: Tip) -> Self {
        let known = Some(Box::new((state, tip)));
        Self { known, ..self }
    }

    /// Where it is, in words.
    #[must_use]
    pub fn place(&self) -> String {
        self.settings.place()
    }

    /// The state at the end of the log.
    pub(crate) fn state(
        known: Option<Box<(State, Tip)>>,
        keeper: &Arc<Keeper>,
        end: Tip,
    ) -> Result<State, FoldError> {
        if let Some(known) = known
            && let Some(entries) = Portions::behind(Arc::clone(keeper), known.1, end)
            && let Ok(state) = fold(known.0, entries)
        {
            return Ok(state);
        }
        // The first damage is named where everything is read.
        let entries = Portions::new(Arc::clone(keeper), Sequence::NONE, end);
        fold(State::default(), entries)
    }

    /// Asks, without becoming the runner.
    pub(crate) fn asked(&self) -> Result<(Arc<Keeper>, Look), LogError> {
        let keeper = Arc::new(Keeper::start(
            Arc::clone(&self.machine),
            self.settings.clone(),
        )?);
        let look = keeper.look()?;
        Ok((keeper, look))
    }
}

fn fold(mut state: State, entries: Portions) -> Result<State, FoldError> {
    for entry in entries {
        state.advance(&entry?)?;
    }
    Ok(state)
}

/// Where a log ends whose tip is the last that is there.
pub(crate) fn end(look: &Look, place: &str) -> Result<Option<Tip>, LogError> {
    let (tip, end) = match look.end() {
        End::Vacant => (Sequence::NONE, None),
        End::At(tip) => (tip.sequence, Some(tip)),
        End::Unusable => return Err(Fault::NoTip.at(place)),
    };
    let last = look.last();
    match last.cmp(&tip) {
        std::cmp::Ordering::Equal => Ok(end),
        std::cmp::Ordering::Greater => Err(Fault::MovedBack { tip, last }.at(place)),
        std::cmp::Ordering::Less => Err(Fault::Gap(tip).at(place)),
    }
}

impl LogPlace for Database {
    type Log = Table;
    type Vacancy = Vacant;

    fn claim(self, _: Timestamp) -> Result<Claim<Table, Vacant>, FoldError> {
        let keeper = Arc::new(Keeper::start(self.machine, self.settings)?);
        let look = keeper.claim()?;
        let Some(tip) = end(&look, keeper.place())? else {
            return Ok(Claim::Vacant(Vacant {
                keeper,
                salt: self.salt,
            }));
        };
        let state = Self::state(self.known, &keeper, tip)?;
        let table = Table::new(keeper, tip, self.salt);
        Ok(Claim::Log(table, Box::new(state)))
    }

    fn create(self, time: Timestamp, new: NewLog) -> Result<(Table, State), FoldError> {
        let keeper = Arc::new(Keeper::start(self.machine, self.settings)?);
        let look = keeper.claim()?;
        if end(&look, keeper.place())?.is_some() {
            let place = keeper.place().to_owned();
            return Err(LogError::Exists { place }.into());
        }
        let salt = self.salt;
        Vacant { keeper, salt }.begin(time, new)
    }
}

/// Tables without an entry, held by their one runner.
pub struct Vacant {
    keeper: Arc<Keeper>,
    salt: Option<Draw>,
}

impl Vacant {
    /// For how long it is surely held.
    #[must_use]
    pub fn lasting(&self) -> Lasting {
        self.keeper.lasting()
    }

    /// Whether it is still held: asked of the database.
    pub fn confirm(&self) -> Result<(), LogError> {
        self.keeper.renew()
    }
}

impl Vacancy for Vacant {
    type Log = Table;

    fn place(&self) -> String {
        self.keeper.place().to_owned()
    }

    fn begin(self, time: Timestamp, new: NewLog) -> Result<(Table, State), FoldError> {
        let tip = chain::start(new.id);
        let mut table = Table::new(self.keeper, tip, self.salt);
        let NewLog { id: log, version } = new;
        let created = Event::LogCreated { log, version };
        let mut state = State::default();
        for entry in table.append(tip.sequence.next(), time, vec![created])? {
            state = state.apply(&entry)?;
        }
        Ok((table, state))
    }
}
