//! Messages while the program works: text for people, or one JSON object a line.

use tracing_subscriber::EnvFilter;

use super::arguments::{Arguments, LogFormat};
use super::terminal::{self, Messages};
use crate::effects::environment;

/// Starts logging to standard error; `$RUST_LOG` chooses how much.
pub(crate) fn start(arguments: &Arguments) {
    let chosen = environment::text(EnvFilter::DEFAULT_ENV);
    let filter = chosen
        .and_then(|chosen| EnvFilter::try_new(chosen).ok())
        .unwrap_or_else(|| EnvFilter::new("warn,broker_courier=info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Messages)
        // Would say on standard error what could not be written there, and panic over it.
        .log_internal_errors(false)
        .with_ansi(terminal::is_coloured())
        .with_target(false);
    match arguments.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
