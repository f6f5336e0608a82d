//! `watch`: one run after the other in one process, as soon as there may be something to do, and at least every
//! `WATCH.INTERVAL`.
//!
//! What always holds here: each run is one that `run` could have done, and records the same; the ledger is held
//! from one run to the next, but while something waits for a person, who must be let in to decide. What goes wrong
//! in a run is said, and the next one tries again; a configuration that cannot be used never takes the place of
//! one that can. Deliberately absent: what a run does (`one_run`).

mod diary;
mod figures;
mod hearing;
mod hold;
mod reload;
mod service;
mod shown;
mod signals;
mod standby;
mod wake;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::arguments::Arguments;
use super::ending::Ender;
use super::error::{CommandError, NoSignals, NoWaker};
use super::notify::{Listeners, Told};
use super::one_run::{Done, OneRun};
use super::{ledger, logging, owner, parts, run_words};
use crate::config::Configuration;
use crate::effects::broker::{Listener, Network};
use crate::effects::carrier::Keeper;
use crate::effects::clock::SystemClock;
use crate::effects::service_manager::ServiceManager;
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RunReport, Scope};
use diary::Diary;
use figures::Figures;
use hold::{AGAIN, Held, Hold, LOOK};
use service::Service;
use shown::Shown;
use signals::Asked;
use standby::Standby;
use wake::{Next, Wake, Why};

pub(crate) fn watch(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    if let Ok(working_dir) = parts::configured_working_dir(arguments) {
        owner::require(arguments, &working_dir)?;
        logging::remember(arguments, &working_dir);
    }
    let configuration = parts::configuration(arguments)?;
    let listeners = Listeners::of(&configuration);
    match Watch::begin(arguments, configuration, listeners)? {
        Some(mut watch) => watch.go_on(),
        None => Ok(ExitCode::Done),
    }
}

struct Watch<'a> {
    arguments: &'a Arguments,
    configuration: Configuration,
    listeners: Listeners,
    hold: Hold,
    asked: Arc<Asked>,
    waker: Sender<Wake>,
    wakes: Receiver<Wake>,
    shown: Arc<Shown>,
    /// None where nobody can listen from here.
    listener: Option<Listener>,
    /// Keeps the connection to the drop-box between two runs.
    keeper: Keeper,
    /// What the next run asks the broker over; none behind one that could not, or with another configuration.
    network: Option<Arc<Network>>,
    /// Whether the last run left something for the next one, to be done at once.
    is_due: bool,
    figures: Figures,
    service: Service,
    diary: Diary,
    standby: Standby,
}

impl<'a> Watch<'a> {
    /// Becomes the one that watches, and holds the ledger; none where it was asked to end before.
    fn begin(
        arguments: &'a Arguments,
        configuration: Configuration,
        listeners: Listeners,
    ) -> Result<Option<Self>, CommandError> {
        let (sender, wakes) = channel();
        let asked = signals::hear(sender.clone()).map_err(NoSignals)?;
        let service = Service::begin();
        let mut configuration = configuration;
        let held = Hold::begin(arguments, &mut configuration, &service, &wakes);
        let held = held.inspect_err(|error| listeners.failed(error))?;
        let Some(Held {
            hold,
            watching,
            network,
        }) = held
        else {
            return Ok(None);
        };
        let listeners = Listeners::of(&configuration);
        Ok(Some(Self {
            arguments,
            configuration,
            listeners,
            hold,
            asked,
            waker: sender,
            wakes,
            shown: Arc::new(Shown::by(watching)),
            listener: None,
            keeper: Keeper::new().map_err(NoWaker)?,
            network: Some(network),
            is_due: false,
            figures: Figures::default(),
            service,
            diary: Diary::default(),
            standby: Standby::default(),
        }))
    }

    /// One run after the other, until the process is asked to end.
    fn go_on(&mut self) -> Result<ExitCode, CommandError> {
        self.settle_in();
        diary::begun(self.configuration.watch.interval);
        self.service.tell(|manager| manager.ready("the first run"));
        let mut why = Why::Begun;
        loop {
            let began = Instant::now();
            match wake::forget_told(&self.wakes) {
                None => {}
                Some(Next::End) => return self.end(),
                Some(_) => {
                    self.reload();
                }
            }
            let pause = match self.run(why) {
                Ok(()) => {
                    self.standby.end();
                    self.configuration.watch.interval
                }
                Err(error) => {
                    // Who has the ledger instead was said when that began.
                    if error.code != ExitCode::Busy || !self.standby.is_said() {
                        error.report();
                        self.listeners.failed(&error);
                    }
                    match error.code {
                        // Whoever holds it, by hand say, will have ended soon.
                        ExitCode::Busy => {
                            self.standby.say(&self.configuration.location());
                            LOOK
                        }
                        ExitCode::Ledger if self.configuration.ledger.is_some() => AGAIN,
                        _ => self.configuration.watch.interval,
                    }
                }
            };
            logging::keep();
            why = loop {
                match self.wait(began + pause) {
                    Next::Run(why) => break why,
                    Next::Reload if self.reload() => break Why::Reloaded,
                    Next::Reload => {}
                    Next::End => return self.end(),
                }
            };
        }
    }

    /// Runs once, and says what there is to be said of it.
    fn run(&mut self, why: Why) -> Result<(), CommandError> {
        logging::remember(self.arguments, &self.configuration.working_dir);
        self.service.may_take(self.configuration.deadline);
        let network = match self.network.take() {
            Some(network) => network,
            None => parts::network(&self.configuration)?,
        };
        let names = run_words::names(self.arguments);
        let run = OneRun::prepare(&self.configuration, Arc::clone(&network), names)?.of_many(
            minutes(self.configuration.watch.interval),
            self.keeper.clone(),
        );
        let run = match why {
            Why::Due => run.that_visits(),
            _ => run,
        };
        let (claimed, legacy) = match self.hold.take() {
            Some(held) => held,
            None => {
                // A connection that is kept is used under the lease that there was.
                if self.configuration.ledger.is_some() {
                    self.keeper.end_idle(Duration::ZERO);
                }
                ledger::claim(&self.configuration.location(), run.clock())?
            }
        };
        let told = why.is_told_to_monitors();
        if told == Told::Each {
            self.listeners.begun();
        }
        let ender = Ender::of_process_that_hears(run.stop().clone()).map_err(NoSignals)?;
        self.asked.of_run(Some(ender.asker()));
        let done = run.over(claimed, legacy, &Scope::All);
        self.asked.of_run(None);
        drop(ender);
        let Done {
            ledger,
            report,
            before,
        } = done?;
        self.network = Some(network).filter(|_| report.poll_failure.is_none());
        let within = self.configuration.watch.interval + self.configuration.deadline;
        let now = SystemClock::start().now();
        self.figures.run(ledger.state(), now, within);
        let sum = run_words::sum(&report);
        self.service
            .tell(|manager| manager.status(&format!("{why}: {sum}")));
        self.hold = match report.held.is_some() {
            false => Hold::of(ledger),
            true => Hold::release(ledger, &self.configuration.location())?,
        };
        self.is_due = report.is_due && why != Why::Due;
        self.tell(why, &report);
        self.listeners.ended_again(&before, &report, told);
        Ok(())
    }

    fn tell(&mut self, why: Why, report: &RunReport) {
        run_words::tell_problems(report);
        if report.held.is_some() {
            run_words::tell_outcome(self.arguments, report);
        }
        self.diary.run(why, report);
    }

    /// Waits until there may be something to do, at most until then.
    fn wait(&mut self, due: Instant) -> Next {
        if std::mem::take(&mut self.is_due) {
            return Next::Run(Why::Due);
        }
        self.service
            .may_take(due.saturating_duration_since(Instant::now()));
        let released = match self.hold {
            Hold::Released(size_bytes) => Some(size_bytes),
            Hold::Ours(..) | Hold::Lost => None,
        };
        loop {
            let idle = self.configuration.watch.idle;
            let idle = self.keeper.end_idle(idle);
            let look = released.map(|_| Instant::now() + LOOK);
            let until = [idle, look].into_iter().flatten().fold(due, Instant::min);
            if let Some(next) = wake::next(&self.wakes, until, self.configuration.watch.settle) {
                return next;
            }
            if Instant::now() >= due {
                return Next::Run(Why::Interval);
            }
            let now = || ledger::length(&self.configuration.location());
            if released.is_some_and(|size_bytes| size_bytes != now()) {
                return Next::Run(Why::Decided);
            }
        }
    }

    /// Reads the configuration again; says whether it is another now.
    fn reload(&mut self) -> bool {
        self.service.tell(ServiceManager::reloading);
        let is_another = self.read_again();
        self.service
            .tell(|manager| manager.ready("the configuration was read"));
        is_another
    }

    fn read_again(&mut self) -> bool {
        let read = reload::read(self.arguments, &self.configuration.working_dir);
        match read {
            Ok(configuration) => {
                self.listeners = Listeners::of(&configuration);
                self.configuration = configuration;
                self.keeper.end_idle(Duration::ZERO);
                self.network = None;
                // The next run claims it again, wherever the configuration says that it is.
                if let Err(error) = self.hold.close() {
                    error.report();
                }
                self.settle_in();
                diary::reloaded();
                true
            }
            Err(error) => {
                error.report();
                diary::not_reloaded();
                false
            }
        }
    }

    /// Listens to the broker of this configuration, and lets others know how it is watched.
    fn settle_in(&mut self) {
        let interval = self.configuration.watch.interval;
        self.figures
            .tell_at(self.configuration.watch.listen.as_ref());
        // The one before first: two handshakes at once may swap who they are for, at the broker.
        self.listener = None;
        let broker = self.configuration.broker.clone();
        self.listener = hearing::begin(broker, interval, &self.waker, &self.shown);
    }

    fn end(&mut self) -> Result<ExitCode, CommandError> {
        self.service.tell(ServiceManager::stopping);
        self.hold.close()?;
        diary::ended();
        Ok(ExitCode::Done)
    }
}

/// As a run records it, which counts no seconds.
fn minutes(interval: Duration) -> u32 {
    u32::try_from(interval.as_secs().div_ceil(60)).unwrap_or(u32::MAX)
}
