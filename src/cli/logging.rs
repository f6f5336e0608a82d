//! Messages while the program works: text for people, or one JSON object a line.
//!
//! What always holds here: whoever watches (a terminal, `--verbose`, a collector of JSON) is told
//! everything; a run that nobody watches tells each problem once, and again when it has lasted for a day.

use std::fmt::{Debug, Write as _};
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::arguments::{Arguments, Command, LogFormat};
use super::terminal::{self, Messages};
use crate::effects::clock::SystemClock;
use crate::effects::environment;
use crate::effects::mutex::lock;
use crate::effects::told::Told;
use crate::run::Clock as _;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// What earlier runs told; none where somebody watches.
static TOLD: Mutex<Option<Told>> = Mutex::new(None);

/// Starts logging to standard error; `$RUST_LOG` chooses how much, where it is set.
pub(crate) fn start(arguments: &Arguments) {
    let _only_once = FORMAT.set(arguments.log_format);
    let chosen = environment::text(EnvFilter::DEFAULT_ENV);
    let chosen = chosen.and_then(|chosen| EnvFilter::try_new(chosen).ok());
    let filter = chosen.unwrap_or_else(|| EnvFilter::new(words(arguments)));
    let layer = tracing_subscriber::fmt::layer()
        // Would say on standard error what could not be written there, and panic over it.
        .log_internal_errors(false)
        .with_ansi(terminal::is_coloured())
        .with_target(false)
        .with_writer(|| Messages);
    let registry = tracing_subscriber::registry();
    match arguments.log_format {
        LogFormat::Text => {
            let filter = filter.and(News);
            registry
                .with(tracing_subscriber::Layer::with_filter(layer, filter))
                .init();
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true);
            let layer = layer.with_writer(terminal::Objects::of_this_process);
            registry
                .with(tracing_subscriber::Layer::with_filter(layer, filter))
                .init();
        }
    }
}

/// How much is said of what.
fn words(arguments: &Arguments) -> &'static str {
    match (arguments.quiet, arguments.verbose, arguments.log_format) {
        (true, _, _) => "error",
        // What it says of itself is the log of a service, and never much.
        (false, 0, LogFormat::Text) if matches!(arguments.command, Command::Watch) => {
            "warn,broker_courier::cli::watch=info"
        }
        (false, 0, LogFormat::Text) => "warn",
        // What collects objects sorts them itself.
        (false, 0, LogFormat::Json) | (false, 1, _) => "warn,broker_courier=info",
        (false, _, _) => "info,broker_courier=debug",
    }
}

/// Whether every line on standard error is a JSON object.
pub(super) fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// Whether somebody reads along.
fn is_watched(arguments: &Arguments) -> bool {
    terminal::is_one()
        || arguments.verbose > 0
        || arguments.log_format == LogFormat::Json
        || environment::value(EnvFilter::DEFAULT_ENV).is_some()
}

/// From here on, a run knows what the runs before it over this working directory told.
pub(super) fn remember(arguments: &Arguments, working_dir: &Path) {
    if !is_watched(arguments) && matches!(arguments.command, Command::Run(_) | Command::Watch) {
        let told = Told::of(working_dir, SystemClock::start().now());
        *lock(&TOLD) = Some(told);
    }
}

/// Whether this is to be said: it is news, or somebody reads along.
pub(super) fn is_worth_saying(problem: &str) -> bool {
    let mut told = lock(&TOLD);
    told.as_mut().is_none_or(|told| told.is_news(problem))
}

/// A run that began has ended: keeps what was told. One that did not begin writes nothing at all.
pub(super) fn keep() {
    let told = lock(&TOLD).take();
    if let Some(Err(error)) = told.map(Told::keep) {
        tracing::debug!("what was told will be told again: {error}");
    }
}

/// Lets through what was not told before.
struct News;

impl<S: Subscriber> Filter<S> for News {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::WARN {
            return true;
        }
        let mut problem = Problem::default();
        event.record(&mut problem);
        is_worth_saying(&problem.0)
    }
}

/// All that a message says.
#[derive(Default)]
struct Problem(String);

impl Visit for Problem {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _into_memory = write!(self.0, "{field}={value:?};");
    }
}
