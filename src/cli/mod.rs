//! The command line: arguments in, words and an exit code out. One file per command.
//!
//! Deliberately absent: anything that a command does; here it is only asked for and shown.

mod again;
mod against;
mod approve;
mod arguments;
mod audit_box;
mod busy;
mod check;
mod checkpoints;
mod config;
mod decisions;
mod decrypt;
#[cfg(test)]
mod documents;
mod ending;
mod error;
mod evidence_key;
mod folder;
mod health;
mod held;
mod host_key;
mod import;
mod keygen;
mod ledger;
mod ledger_argument;
mod ledger_view;
mod left_behind;
mod log;
mod logging;
mod lost_key;
mod manual;
mod metrics;
mod moment;
mod notify;
mod one_run;
mod output;
mod owner;
mod parts;
mod plan;
mod plan_file;
mod progress;
mod prove;
mod recover;
mod redact;
mod redacted;
mod replay;
mod report;
mod rotate_key;
mod run;
mod run_words;
mod standing;
mod status;
mod story;
mod subject;
mod survey;
mod terminal;
mod times;
mod upkeep;
mod verify;
mod verify_copy;
mod verify_proof;
mod watch;
mod who;
mod why;
mod wrapped;

pub use survey::survey;

use std::io;

use crate::effects::process;
use crate::exit_code::ExitCode;
use arguments::{Arguments, Command, PlanOptions};
use error::{CommandError, OutputError};

/// Parses the arguments, runs the command, and gives the exit code.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(instead) => return show(&instead),
    };
    again::remember(&arguments);
    terminal::choose(arguments.colour);
    logging::start(&arguments);
    process::keep_secrets_in();
    process::outlive_file_limits();
    dispatch(&arguments).unwrap_or_else(|error| {
        error.report();
        error.code
    })
}

/// Shows what the arguments come to when they are no command: help, or what is wrong with them.
fn show(instead: &clap::Error) -> ExitCode {
    let printed = instead.print();
    if instead.use_stderr() {
        // Nothing is left to be done about a terminal that is gone.
        return ExitCode::Usage;
    }
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let error = CommandError::from(OutputError(error));
            error.report();
            error.code
        }
        Ok(()) | Err(_) => ExitCode::Done,
    }
}

fn dispatch(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        Command::Run(options) if options.dry_run => {
            let only = options.only.clone();
            plan::plan(
                arguments,
                &PlanOptions {
                    only,
                    ..PlanOptions::default()
                },
            )
        }
        Command::Run(options) => run::run(arguments, options),
        Command::Watch => watch::watch(arguments),
        Command::Import(options) => import::import(arguments, options),
        Command::Plan(options) => plan::plan(arguments, options),
        Command::Config(command) => config::config(arguments, command),
        Command::Check(options) => check::check(arguments, options),
        Command::Approve(options) => approve::approve(arguments, options),
        Command::Recover(options) => recover::recover(arguments, options),
        Command::LeftBehind(options) => left_behind::left_behind(arguments, options),
        Command::Status(options) => status::status(arguments, options),
        Command::Log(options) => log::log(arguments, options),
        Command::Why(options) => why::why(arguments, options),
        Command::Report(options) => report::report(arguments, options),
        Command::Replay(options) => replay::replay(arguments, options),
        Command::Verify(options) => verify::verify(arguments, options),
        Command::Redact(options) => redact::redact(arguments, options),
        Command::Prove(options) => prove::prove(arguments, options),
        Command::VerifyProof(options) => verify_proof::verify_proof(options),
        Command::Ledger(command) => upkeep::upkeep(arguments, command),
        Command::HostKey(options) => host_key::host_key(arguments, options),
        Command::Keygen(options) => keygen::keygen(options),
        Command::EvidenceKey(options) => evidence_key::evidence_key(options),
        Command::RotateKey(options) => rotate_key::rotate_key(arguments, options),
        Command::AuditBox(options) => audit_box::audit_box(arguments, options),
        Command::Decrypt(options) => decrypt::decrypt(arguments, options),
        Command::Completions(options) => manual::completions(options),
        Command::Man(options) => manual::pages(options),
    }
}
