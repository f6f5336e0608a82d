//! How a watch holds the ledger: from one run to the next, but while something waits for a person.
//!
//! What always holds here: what is held was claimed, or is what the last run has left. Deliberately absent: what a run
//! does with it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use courier_ledger::LegacyStatus;

use super::diary;
use super::service::Service;
use super::standby::Standby;
use super::wake::{self, Next, Wake};
use crate::cli::arguments::Arguments;
use crate::cli::error::{CommandError, NotBesideAnother};
use crate::cli::ledger::{self, ClaimedLedger, HeldLedger};
use crate::cli::one_run::OneRun;
use crate::cli::run_words;
use crate::config::Configuration;
use crate::effects::broker::Network;
use crate::effects::ledger_place::Location;
use crate::effects::service_manager::ServiceManager;
use crate::effects::watching::Watching;
use crate::exit_code::ExitCode;

/// How soon it is looked whether another process has ended that holds the ledger, or whether a person has decided.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// The ledger between two runs.
pub(super) enum Hold {
    /// It is ours, with what the next run is to take over.
    Ours(Box<ClaimedLedger>, Option<LegacyStatus>),
    /// Whoever wants to write to it may: then so many bytes are not all any more.
    Released(Option<u64>),
    /// It could not be gone on with.
    Lost,
}

impl Hold {
    /// Holds the ledger, and lets others know that it is watched. Where the ledger is in a database, another host may
    /// watch: this one stands by until that one is gone, or until it is asked to end, which gives none.
    pub(super) fn begin(
        arguments: &Arguments,
        configuration: &Configuration,
        network: &Arc<Network>,
        service: &Service,
        wakes: &Receiver<Wake>,
    ) -> Result<Option<(Self, Watching)>, CommandError> {
        let names = run_words::names(arguments);
        let run = OneRun::prepare(configuration, Arc::clone(network), names)?;
        let (mut stands_by, mut standby) = (false, Standby::default());
        loop {
            let error = match ledger::claim(&configuration.location(), run.clock()) {
                Ok((claimed, legacy)) => {
                    let working_dir = &configuration.working_dir;
                    let watching = Watching::begin(working_dir)
                        .map_err(|error| NotBesideAnother(working_dir.clone(), error))?;
                    return Ok(Some((Self::Ours(Box::new(claimed), legacy), watching)));
                }
                Err(error) => error,
            };
            if error.code != ExitCode::Busy || configuration.ledger.is_none() {
                return Err(error);
            }
            if !std::mem::replace(&mut stands_by, true) {
                diary::stands_by(&error);
                service.tell(|manager| manager.ready("standing by"));
            }
            standby.say(&configuration.location());
            service.may_take(LOOK);
            if wake::next(wakes, Instant::now() + LOOK, Duration::ZERO) == Some(Next::End) {
                service.tell(ServiceManager::stopping);
                diary::ended();
                return Ok(None);
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
