//! How a watch holds the ledger: from one run to the next, but while something waits for a person.
//!
//! What always holds here: what is held was claimed, or is what the last run has left. Deliberately absent: what a run
//! does with it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use courier_ledger::LegacyStatus;

use super::diary;
use super::reload;
use super::service::Service;
use super::standby::Standby;
use super::wake::{self, Next, Wake};
use crate::cli::arguments::Arguments;
use crate::cli::error::{CommandError, NotBesideAnother};
use crate::cli::ledger::{self, ClaimedLedger, HeldLedger};
use crate::cli::one_run::OneRun;
use crate::cli::{parts, run_words};
use crate::config::Configuration;
use crate::effects::broker::Network;
use crate::effects::clock::SystemClock;
use crate::effects::ledger_place::Location;
use crate::effects::service_manager::ServiceManager;
use crate::effects::watching::Watching;
use crate::exit_code::ExitCode;

/// How soon it is looked whether another process has ended that holds the ledger, or whether a person has decided.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How soon a database is asked again that could not be relied on: another one may take its place.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// The ledger between two runs.
pub(super) enum Hold {
    /// It is ours, with what the next run is to take over.
    Ours(Box<ClaimedLedger>, Option<LegacyStatus>),
    /// Whoever wants to write to it may: then so many bytes are not all any more.
    Released(Option<u64>),
    /// It could not be gone on with.
    Lost,
}

/// The ledger that is held from the beginning, and with what.
pub(super) struct Held {
    pub(super) hold: Hold,
    /// Lets others know.
    pub(super) watching: Watching,
    /// What the broker is asked over.
    pub(super) network: Arc<Network>,
}

impl Hold {
    /// Holds the ledger, and lets others know that it is watched. Where the ledger is in a database, another host may
    /// watch: this one stands by until that one is gone, whatever becomes of the database meanwhile, or until it is asked
    /// to end, which gives none. The configuration is read again where that is asked.
    pub(super) fn begin(
        arguments: &Arguments,
        configuration: &mut Configuration,
        service: &Service,
        wakes: &Receiver<Wake>,
    ) -> Result<Option<Held>, CommandError> {
        let mut network = parts::network(configuration)?;
        let clock = SystemClock::start();
        // What it names is read once, so that a standby says at its beginning what it could not go on with.
        OneRun::prepare(
            configuration,
            Arc::clone(&network),
            run_words::names(arguments),
        )?;
        let (mut standby, mut said) = (Standby::default(), None);
        loop {
            let error = match ledger::claim(&configuration.location(), &clock) {
                Ok((claimed, legacy)) => {
                    let working_dir = &configuration.working_dir;
                    let watching = Watching::begin(working_dir)
                        .map_err(|error| NotBesideAnother(working_dir.clone(), error))?;
                    let hold = Self::Ours(Box::new(claimed), legacy);
                    return Ok(Some(Held {
                        hold,
                        watching,
                        network,
                    }));
                }
                Err(error) => error,
            };
            let pause = match error.code {
                ExitCode::Busy if configuration.ledger.is_some() => LOOK,
                ExitCode::Ledger if standby.is_said() => AGAIN,
                _ => return Err(error),
            };
            if said.replace(error.code) != Some(error.code) {
                match error.code {
                    ExitCode::Busy => {
                        diary::stands_by(&error);
                        service.tell(|manager| manager.ready("standing by"));
                    }
                    _ => error.report(),
                }
            }
            if error.code == ExitCode::Busy {
                standby.say(&configuration.location());
            }
            service.may_take(pause);
            match wake::next(wakes, Instant::now() + pause, Duration::ZERO) {
                Some(Next::End) => {
                    service.tell(ServiceManager::stopping);
                    diary::ended();
                    return Ok(None);
                }
                Some(Next::Reload) => {
                    service.tell(ServiceManager::reloading);
                    match read_again(arguments, configuration) {
                        Ok(read) => {
                            network = read;
                            diary::reloaded();
                        }
                        Err(error) => {
                            error.report();
                            diary::not_reloaded();
                        }
                    }
                    service.tell(|manager| manager.ready("standing by"));
                }
                Some(Next::Run(_)) | None => {}
            }
        }
    }

    /// What a run has left, for the next one.
    pub(super) fn of(ledger: HeldLedger) -> Self {
        Self::Ours(Box::new(ClaimedLedger::Ledger(ledger)), None)
    }

    /// Lets whoever wants to write to it do so.
    pub(super) fn release(ledger: HeldLedger, location: &Location) -> Result<Self, CommandError> {
        ledger.close()?;
        Ok(Self::Released(ledger::length(location)))
    }

    /// The ledger for one run, where it is held.
    pub(super) fn take(&mut self) -> Option<(ClaimedLedger, Option<LegacyStatus>)> {
        match std::mem::replace(self, Self::Lost) {
            Self::Ours(claimed, legacy) => Some((*claimed, legacy)),
            Self::Released(_) | Self::Lost => None,
        }
    }

    /// Lets go of it.
    pub(super) fn close(&mut self) -> Result<(), CommandError> {
        if let Some((ClaimedLedger::Ledger(mut ledger), _)) = self.take() {
            if let Err(error) = ledger.cache() {
                tracing::warn!("the next run does without what could not be kept here: {error}");
            }
            ledger.close()?;
        }
        Ok(())
    }
}

/// Takes what the configuration is now, and what its broker is asked over; changes nothing where it cannot be used.
fn read_again(
    arguments: &Arguments,
    configuration: &mut Configuration,
) -> Result<Arc<Network>, CommandError> {
    let read = reload::read(arguments, &configuration.working_dir)?;
    let network = parts::network(&read)?;
    *configuration = read;
    Ok(network)
}
