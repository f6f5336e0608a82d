//! The working directory: backups, losses, damage.

use std::fs;

use crate::call::Call;
use crate::{Outcome, State};

pub(crate) const ALL: &[State] = &[
    ("an old backup of the working directory", old_backup),
    ("the working directory is lost", lost_directory),
    ("a bit of the log flipped", damaged_log),
    ("the log's head lost", lost_head),
];

fn old_backup(call: &mut Call) -> Outcome<()> {
    let (work, backup) = (call.place.working_dir(), call.beside("backup"));
    let (work, backup) = (work.display(), backup.display());
    call.types(&format!("cp -a {work} {backup}"))?;
    let gap = call.answer();
    call.well()?;
    call.types(&format!("rm -r {work} && mv {backup} {work}"))?;
    call.withdraw(gap);
    call.cron(7, &["old copy"])?;
    recovers(call)
}

fn lost_directory(call: &mut Call) -> Outcome<()> {
    let work = call.place.working_dir();
    fs::remove_dir_all(&work)?;
    fs::create_dir(&work)?;
    call.answer();
    call.cron(6, &["that ledger is not here"])?;
    recovers(call)
}

fn damaged_log(call: &mut Call) -> Outcome<()> {
    let log = call.place.working_dir().join("ledger.log");
    let mut bytes = fs::read(&log)?;
    bytes[200] ^= 1;
    fs::write(&log, bytes)?;
    call.answer();
    call.cron(7, &["byte"])?;
    recovers(call)
}

fn lost_head(call: &mut Call) -> Outcome<()> {
    fs::remove_file(call.place.working_dir().join("ledger.head"))?;
    call.answer();
    call.cron(7, &["ledger.head"])?;
    recovers(call)
}

/// There is no newer backup.
fn recovers(call: &mut Call) -> Outcome<()> {
    call.did("had no newer backup");
    call.pastes("broker-courier recover")?;
    call.pastes("recover")?;
    call.well()
}
