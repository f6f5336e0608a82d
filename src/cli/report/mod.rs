//! `report`: what a ledger shows somebody who was not there, as one page or as data.
//!
//! What always holds here: every byte of the ledger is checked on the way, and there is no report of a
//! damaged one; the same ledger and the same arguments give the same bytes.

mod calendar;
mod days;
mod facts;
mod figures;
mod gaps;
mod gather;
mod lists;
mod markup;
mod page;
mod pieces;
mod plot;
mod requests;
mod vocabulary;
mod waiting;
mod withdrawals;
mod words;

use std::io::Write as _;
use std::path::Path;

use courier_ledger::{Entry, Sequence, Timestamp};

use super::arguments::{Arguments, ReportOptions};
use super::checkpoints::Checkpoints;
use super::error::{CommandError, UsageError};
use super::moment::Moment;
use super::{ledger, output, parts};
use crate::exit_code::ExitCode;
use facts::{CheckpointFacts, Facts, Period};
pub(crate) use words::Lang;

pub(crate) fn report(
    arguments: &Arguments,
    options: &ReportOptions,
) -> Result<ExitCode, CommandError> {
    let within = |sequence: Sequence, time: Timestamp| {
        let last = options.to;
        last.is_none_or(|last| last.is_not_passed_by(sequence, time))
    };
    let mut from = options.from.and_then(Moment::first);
    let mut checkpoints = Checkpoints::beside(parts::location(arguments)?.folder());
    // A clock may have been turned back: neither is the first entry's, or the last one's.
    let mut times: Option<(Timestamp, Timestamp)> = None;
    let belongs = |entry: &Entry| {
        let time = entry.time;
        if options.from == Some(Moment::Event(entry.sequence)) {
            from = Some(time);
        }
        let belongs = within(entry.sequence, time);
        if belongs {
            let (earliest, latest) = times.unwrap_or((time, time));
            times = Some((earliest.min(time), latest.max(time)));
        }
        belongs
    };
    let told = ledger::account_and_see(arguments, belongs, |entry| checkpoints.take(entry))?;
    let last = checkpoints.last().cloned();
    let checkpoint =
        (checkpoints.judged()?).and_then(|(_, count)| Some(CheckpointFacts::of(&last?, count)));
    let (last_event, last_time) = told.account.last;
    let (earliest, latest) = times.unwrap_or((told.account.began, last_time));
    let period = Period {
        from: from.unwrap_or(earliest),
        // Nothing is known of what lies behind the last entry.
        to: latest,
        last_event,
    };
    if last_event == Sequence::NONE || period.from > period.to {
        return Err(UsageError::NothingThen {
            first: earliest,
            last: latest,
        }
        .into());
    }
    let limit = options.limit.map(|limit| limit.0.as_micros());
    let limit = limit.map(|micros| i64::try_from(micros).unwrap_or(i64::MAX));
    let facts = Facts::gather(told, checkpoint, period, limit);
    let mut bytes = match options.json {
        true => serde_json::to_vec(&facts).map_err(|error| output::error(error.into()))?,
        false => page::page(&facts, options.lang).into_bytes(),
    };
    bytes.push(b'\n');
    match &options.output {
        Some(path) => write(path, &bytes)?,
        None => output::write(|output| output.write_all(&bytes))?,
    }
    Ok(ExitCode::Done)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let written = std::fs::File::create(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| {
        UsageError::Output {
            path: path.to_owned(),
            source,
        }
        .into()
    })
}
