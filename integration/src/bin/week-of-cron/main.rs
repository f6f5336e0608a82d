//! `integration/week-of-cron.sh`: a week of runs every quarter of an hour, in which results come and go each day,
//! and the broker is away for an hour. Counts the mails that cron would send: one.
//!
//! What always holds here: the program is run as cron runs it, and whatever it says is a mail. The runs follow
//! each other at once; nothing in such a week depends on the time between them, as no outage lasts for a day.

use std::io::Write as _;
use std::process::ExitCode;

use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::courier::Courier;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::place::Place;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const RUNS_A_DAY: u64 = 24 * 4;
const RUNS: u64 = 7 * RUNS_A_DAY;
/// The hour in which the broker is away: Thursday, from two o'clock on.
const OUTAGE: std::ops::Range<u64> = 3 * RUNS_A_DAY + 8..3 * RUNS_A_DAY + 12;

fn main() -> ExitCode {
    match week() {
        Ok(1) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to be done about a standard error that is gone.
            let _unheard = writeln!(std::io::stderr(), "the week could not go on: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the week; gives the number of mails.
fn week() -> Outcome<u64> {
    let broker = EmbeddedBroker::start(Settings::default())?;
    broker.publish("other");
    let server = EmbeddedSftp::start(EmbeddedSftpSettings::default())?;
    let place = Place::new(&broker.url(), &server)?;
    let courier = Courier::beside_this_program()?;
    let config = place.config().display().to_string();
    let mut output = std::io::stdout();
    let (mut mails, mut failed) = (0, 0);
    for run in 0..RUNS {
        match run % RUNS_A_DAY {
            // Each morning a result comes; the day before's is changed at noon, and withdrawn in the evening.
            32 => answer(&broker, broker.publish("rki")),
            48 => answer(&broker, run / RUNS_A_DAY + 1),
            72 if run > RUNS_A_DAY => broker.delete(run / RUNS_A_DAY),
            _ => {}
        }
        if OUTAGE.contains(&run) {
            broker.fail_next(Route::List, Answer::error(503), 100);
        }
        let ended = courier.run(&["-c", &config, "run"]);
        broker.forget_faults();
        failed += u64::from(ended.code != Some(0));
        let mail = format!("{}{}", ended.stdout, ended.stderr);
        if !mail.is_empty() {
            mails += 1;
            writeln!(output, "run {run}, exit code {:?}:\n{mail}", ended.code)?;
        }
    }
    let left = place.names()?.len();
    writeln!(
        output,
        "{RUNS} runs, {failed} of them in the outage, {left} files at the drop-box at the end; mails: {mails}"
    )?;
    Ok(mails)
}

fn answer(broker: &EmbeddedBroker, id: u64) {
    broker.submit_result(1, id, "text/plain", b"a result");
}
