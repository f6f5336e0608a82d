//! What a run did, and the exit code that cron reads. The codes never change meaning
//! (`docs/exit-codes.md`).

use courier_ledger::{Blocked, Digest, Failure, Phase, RunCounts, Skipped};

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Done = 0,
    /// Some commands failed and will be tried again next run.
    Incomplete = 1,
    /// Wrong usage.
    Usage = 2,
    /// The configuration cannot be used.
    Configuration = 3,
    /// The broker is unreachable, or its answer unusable.
    Broker = 4,
    /// The drop-box is unreachable, refused the login, or has another host key.
    DropBox = 5,
    /// A guard held something back: a person must decide.
    Blocked = 6,
    /// The ledger is damaged.
    Ledger = 7,
    /// Another run is active.
    Busy = 8,
    /// `plan --exit-code` only: changes are pending.
    Pending = 10,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// In numbers.
    pub counts: RunCounts,
    /// Why the broker's answer could not be used.
    pub poll_failure: Option<Failure>,
    /// Why the drop-box could not be reached, or was lost.
    pub drop_box_failure: Option<Failure>,
    /// Why the drop-box could not be looked at.
    pub look_failure: Option<Failure>,
    /// What failed: the command in words, and how.
    pub failures: Vec<(String, Failure)>,
    /// What guards held back, and the digest that an approval needs.
    pub blocked: Option<(Vec<Blocked>, Digest)>,
    /// What was left alone, and why.
    pub skipped: Vec<Skipped>,
}

impl RunReport {
    /// The exit code: the gravest thing that happened.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        // A run that was ended before its time says nothing about the servers.
        let tells = |failure: &&Failure| failure.phase != Phase::Run;
        if self.poll_failure.as_ref().filter(tells).is_some() {
            ExitCode::Broker
        } else if self.drop_box_failure.as_ref().filter(tells).is_some() {
            ExitCode::DropBox
        } else if self.blocked.is_some() {
            ExitCode::Blocked
        } else if self.counts.failed > 0
            || self.counts.unreadable > 0
            || self.look_failure.is_some()
            || self.poll_failure.is_some()
            || self.drop_box_failure.is_some()
        {
            ExitCode::Incomplete
        } else {
            ExitCode::Done
        }
    }
}
