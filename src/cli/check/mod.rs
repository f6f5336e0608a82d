//! `check`: every link between this machine, the broker and the drop-box, one after the other, each with how
//! it is, how long it took, and what to do where it is not as it should be.
//!
//! What always holds: nothing is recorded, no lock is taken, nothing is left behind; a link is tried in the
//! way in which a run uses it; what cannot be tried because an earlier one does not hold is shown as that.

mod broker;
mod drop_box;
mod local;
mod report;

use std::time::Instant;

use super::arguments::{Arguments, JsonOption};
use super::ending::Ender;
use super::error::{CommandError, NoSignals};
use crate::effects::stop::Stop;
use crate::exit_code::ExitCode;
use report::{Report, Shape};

pub(crate) fn check(arguments: &Arguments, options: &JsonOption) -> Result<ExitCode, CommandError> {
    let shape = match options.json {
        true => Shape::Json,
        false => Shape::Text,
    };
    let mut report = Report::new(shape);
    let Some((configuration, exposed)) = local::configuration(arguments, &mut report)? else {
        report.rest(local::LINKS, "the configuration");
        report.rest(broker::LINKS, "the configuration");
        report.rest(drop_box::LINKS, "the configuration");
        return report.end();
    };
    let stop = Stop::at(Instant::now() + configuration.deadline);
    let _ender = Ender::begin(stop.clone()).map_err(NoSignals)?;
    let endpoint = local::rest(arguments, &configuration, exposed, &mut report);
    broker::check(&configuration, &stop, &mut report);
    drop_box::check(&configuration, endpoint, &stop, &mut report)?;
    if stop.reason().is_some() {
        report.interrupt();
    }
    report.end()
}
