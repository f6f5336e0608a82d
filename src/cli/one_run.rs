//! One run, from what the configuration says to a report: `run` does one, `watch` one after the other over a
//! ledger that it holds on to.
//!
//! What always holds here: a run records the same, whoever has it done. Deliberately absent: who holds the
//! ledger before and afterwards, what asks a run to end, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use courier_ledger::LegacyStatus;

use super::error::{CommandError, NoWaker, UsageError};
use super::health::Health;
use super::ledger::{ClaimedLedger, HeldLedger};
use super::notify;
use super::progress::{Display, Names};
use super::{ledger, lost_key, metrics, parts, standing};
use crate::config::Configuration;
use crate::effects::broker::{Broker, Network};
use crate::effects::carrier::{Connecting, Keeper};
use crate::effects::clock::SystemClock;
use crate::effects::fernet::FernetKey;
use crate::effects::sftp::Endpoint;
use crate::effects::status_file::LocalStatusFile;
use crate::effects::stop::Stop;
use crate::effects::waker::Waker;
use crate::run::{self, ApproachError, Before, Clock as _, Parts, RunReport, Scope, Sparing};

/// How often the ledger is published at least by one who runs again and again.
const HOURLY: Duration = Duration::from_secs(3600);

/// All that a run takes, before the ledger is held.
pub(super) struct OneRun<'a> {
    configuration: &'a Configuration,
    key: FernetKey,
    endpoint: Endpoint,
    broker: Arc<Broker>,
    clock: SystemClock,
    stop: Stop,
    every_minutes: Option<u32>,
    /// After how long the ledger is published, where the way to the drop-box is spared until then.
    publish_at_least: Option<Duration>,
    /// Who keeps the connection to the drop-box, if anybody does.
    keeper: Option<Keeper>,
    names: Names,
}

/// A run that has ended, and whose ledger is still held.
pub(super) struct Done {
    pub(super) ledger: HeldLedger,
    pub(super) report: RunReport,
    /// How the run before it had ended.
    pub(super) before: notify::Before,
}

impl<'a> OneRun<'a> {
    /// Reads what the configuration names; nobody is asked yet. The time that the run may take begins.
    pub(super) fn prepare(
        configuration: &'a Configuration,
        network: Arc<Network>,
        names: Names,
    ) -> Result<Self, CommandError> {
        let key = lost_key::load(configuration)?;
        let endpoint = parts::endpoint(configuration)?;
        let persistence = parts::persistence(configuration)?;
        let stop = persistence.stop().clone();
        Ok(Self {
            configuration,
            key,
            endpoint,
            broker: Arc::new(Broker::over(
                network,
                configuration.broker.clone(),
                persistence,
            )),
            clock: SystemClock::start(),
            stop,
            every_minutes: configuration.every_minutes,
            publish_at_least: configuration.publish_at_least,
            keeper: None,
            names,
        })
    }

    /// The same run, recorded as one of those that are to begin that often, over a connection that is kept.
    pub(super) fn of_many(self, minutes: u32, keeper: Keeper) -> Self {
        Self {
            every_minutes: Some(minutes),
            publish_at_least: self.publish_at_least.or(Some(HOURLY)),
            keeper: Some(keeper),
            ..self
        }
    }

    /// The same run, which goes to the drop-box whether there seems to be anything to do or not.
    pub(super) fn that_visits(self) -> Self {
        Self {
            publish_at_least: None,
            ..self
        }
    }

    /// What ends it.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Its clock.
    pub(super) fn clock(&self) -> &SystemClock {
        &self.clock
    }

    /// Runs once over the ledger that is held. After an error it is no longer held, and must be claimed anew;
    /// everything recorded before stands.
    pub(super) fn over(
        self,
        claimed: ClaimedLedger,
        legacy: Option<LegacyStatus>,
        scope: &Scope,
    ) -> Result<Done, CommandError> {
        let Self {
            configuration,
            key,
            endpoint,
            broker,
            clock,
            stop,
            every_minutes,
            publish_at_least,
            keeper,
            names,
        } = self;
        let partners = parts::partners(configuration);
        let fetcher = parts::fetcher(configuration, &key, Arc::clone(&broker))?;
        let folder = endpoint.to_string();
        let endpoint = endpoint.under(ledger::hold(&claimed));
        let departure = match (keeper, publish_at_least) {
            (Some(keeper), _) => Connecting::when_needed(endpoint, fetcher, keeper),
            (None, Some(_)) => {
                let keeper = Keeper::new().map_err(NoWaker)?;
                Connecting::when_needed(endpoint, fetcher, keeper)
            }
            (None, None) => {
                let waker = Waker::new().map_err(NoWaker)?;
                Connecting::begin(endpoint, fetcher, waker)
            }
        };
        let evidence = parts::evidence(configuration)?;
        let display = Display::begin(names, broker.headway().clone());
        let run_before = notify::Before::of(claimed.state().run());
        let before = Before {
            state: claimed.state(),
            hash_of: &|entry| claimed.hash_of(entry),
            drop_box: &partners.drop_box,
        };
        let policy = configuration
            .rules
            .policy(parts::sealing(configuration, key.clone()).id());
        let sparing = publish_at_least.filter(|_| matches!(scope, Scope::All));
        let sparing = sparing.map(|publish_at_least| Sparing {
            policy: &policy,
            partners: &partners,
            publish_at_least,
        });
        let sparing = sparing.as_ref();
        let poller = broker.as_ref();
        let approached = run::approach_if_due(&before, legacy, poller, departure, &clock, sparing);
        if let Err(ApproachError::Refused(_)) = &approached {
            // Whoever was replaced finds what another one has published since, and nothing is wrong with that.
            ledger::confirm(&claimed)?;
        }
        let approach = approached.map_err(|error| standing::not_approached(error, folder))?;
        if let Scope::Only(requests) = scope {
            let unknown = approach.unknown(requests, claimed.state());
            if !unknown.is_empty() {
                display.end();
                return Err(UsageError::UnknownRequests(unknown).into());
            }
        }

        let mut ledger = ledger::begun(claimed, approach.time())?;
        let parts = Parts {
            policy,
            partners,
            status_file: &LocalStatusFile::inside(&configuration.working_dir),
            clock: &clock,
            progress: &display,
            evidence: evidence
                .as_ref()
                .map(|(keeper, _)| keeper as &dyn run::Evidence),
            may_begin: &|| stop.reason().is_none(),
            every_minutes,
            scope,
        };
        let report = run::run(&mut ledger, approach, parts);
        display.end();
        let report = report?;
        if let Err(error) = ledger.cache() {
            // It saves time, or witnesses what is in the log, which stays true.
            tracing::warn!("the next run does without what could not be kept here: {error}");
        }
        if let Some(textfile) = &configuration.reports.textfile {
            let health = Health::of(ledger.state(), None, clock.now());
            metrics::write(textfile, ledger.state(), &health);
        }
        if let Some((_, Some(anchors))) = &evidence {
            anchors.cast(ledger.log(), clock.now());
        }
        Ok(Done {
            ledger,
            report,
            before: run_before,
        })
    }
}
