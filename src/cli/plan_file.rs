//! A plan in a file: written by `plan --out`, read by `run --plan`, and held against the ledger and the partners
//! of whoever reads it.
//!
//! What always holds here: mode 0600, no secret, never over another file; what is not whole, of another kind
//! or of somebody else is refused, and it is said what it is. Deliberately absent: whether the plan still
//! holds (`courier_ledger::SavedPlan`).

use std::io::Read as _;
use std::path::Path;

use courier_ledger::{Digest, Partners, SavedPlan, Sequence, State};
use serde::{Deserialize, Serialize};

use super::error::CommandError;
use super::ledger;
use crate::effects::ledger_place::Location;
use crate::effects::new_file;
use crate::exit_code::ExitCode;

/// What tells such a file from others.
const FORMAT: &str = "broker-courier plan";
/// The version that is written and read.
const VERSION: u64 = 1;
/// More than any plan takes.
const LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    format: String,
    version: u64,
    /// That of the plan: whoever damages it by chance is found out.
    digest: Digest,
    plan: SavedPlan,
}

/// What is looked at first.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

/// Why a file is not the plan that a run can be bound to.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanFileError {
    #[error("the plan in {file} cannot be read: {error}")]
    Unreadable { file: String, error: std::io::Error },
    #[error("{file} is not a plan that `plan --out` wrote")]
    Foreign { file: String },
    #[error("the plan in {file} is of version {version}, and this program knows version {VERSION}")]
    Version { file: String, version: u64 },
    #[error("the plan in {file} was edited or damaged: {what}")]
    Damaged { file: String, what: String },
    #[error("the plan in {file} is for {what}: it was {was}, and is {is} here")]
    OfAnother {
        file: String,
        what: &'static str,
        was: String,
        is: String,
    },
    #[error("{file} cannot be written: {error}")]
    Unwritable { file: String, error: std::io::Error },
}

impl From<PlanFileError> for CommandError {
    fn from(error: PlanFileError) -> Self {
        let hint = match &error {
            PlanFileError::Unwritable { .. } => {
                "name a file that does not exist, in a folder that you may write to"
            }
            PlanFileError::Unreadable { .. }
            | PlanFileError::Foreign { .. }
            | PlanFileError::Version { .. }
            | PlanFileError::Damaged { .. }
            | PlanFileError::OfAnother { .. } => {
                "nothing was done; `broker-courier plan --out FILE` makes a plan for this configuration"
            }
        };
        Self::new(ExitCode::Usage, error).hint(hint)
    }
}

/// The plan was carried out, or something else was done since it was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stale {
    #[error(
        "the plan in {file} is over: since it was made, at event {made}, the ledger has recorded \
         \"{begun}\" as event {event}"
    )]
    Begun {
        file: String,
        made: Sequence,
        begun: String,
        event: Sequence,
    },
    #[error("the plan in {file} is over: it was made before the ledger began")]
    LedgerBegan { file: String },
}

impl From<Stale> for CommandError {
    fn from(error: Stale) -> Self {
        Self::new(ExitCode::Blocked, error)
            .hint("nothing was done; look at a new one: `broker-courier plan --out FILE`")
    }
}

/// Keeps a plan in a new file.
pub(super) fn write(path: &Path, plan: SavedPlan) -> Result<(), CommandError> {
    let file = PlanFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        digest: plan.digest(),
        plan,
    };
    let bytes = serde_json::to_vec_pretty(&file).map_err(std::io::Error::from);
    let written = bytes.and_then(|bytes| new_file::write_new(path, &bytes));
    written.map_err(|error| {
        let file = path.display().to_string();
        PlanFileError::Unwritable { file, error }.into()
    })
}

/// Reads a plan.
pub(super) fn read(path: &Path) -> Result<SavedPlan, CommandError> {
    let file = || path.display().to_string();
    let bytes = bytes(path).map_err(|error| PlanFileError::Unreadable {
        file: file(),
        error,
    })?;
    let head: Head =
        serde_json::from_slice(&bytes).map_err(|_| PlanFileError::Foreign { file: file() })?;
    if head.format != FORMAT {
        return Err(PlanFileError::Foreign { file: file() }.into());
    }
    if head.version != VERSION {
        let version = head.version;
        return Err(PlanFileError::Version {
            file: file(),
            version,
        }
        .into());
    }
    let damaged = |what: String| PlanFileError::Damaged { file: file(), what };
    let read: PlanFile =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if read.digest != read.plan.digest() {
        let digest = read.plan.digest();
        return Err(damaged(format!(
            "it says that its digest is {}, and it is {digest}",
            read.digest
        ))
        .into());
    }
    Ok(read.plan)
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(LIMIT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Holds a plan against the ledger as it is before a run, and against whom the run deals with: nothing may have
/// been begun since it was made.
pub(super) fn judge(
    path: &Path,
    plan: &SavedPlan,
    state: &State,
    partners: &Partners,
    location: &Location,
) -> Result<(), CommandError> {
    let file = || path.display().to_string();
    let another = |what, was: &dyn ToString, is: &dyn ToString| PlanFileError::OfAnother {
        file: file(),
        what,
        was: was.to_string(),
        is: is.to_string(),
    };
    if plan.partners.broker != partners.broker {
        let (was, is) = (&plan.partners.broker, &partners.broker);
        return Err(another("another broker or tag", was, is).into());
    }
    if plan.partners.drop_box != partners.drop_box {
        let (was, is) = (&plan.partners.drop_box, &partners.drop_box);
        return Err(another("another drop-box", was, is).into());
    }
    let (tip, log) = match (plan.tip, state.log()) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(Stale::LedgerBegan { file: file() }.into()),
        (Some(tip), None) => {
            return Err(another("another ledger", &tip.log, &"none").into());
        }
        (Some(tip), Some(log)) => (tip, log),
    };
    if tip.log != log {
        return Err(another("another ledger", &tip.log, &log).into());
    }
    let since = ledger::since(location, tip)?;
    match since {
        ledger::Since::OtherHistory => {
            let (was, is) = (
                format!("of one that has another event {}", tip.sequence),
                format!("one of {} events", state.tip()),
            );
            Err(another("another history of this ledger", &was, &is).into())
        }
        ledger::Since::Begun(event, command) => Err(Stale::Begun {
            file: file(),
            made: tip.sequence,
            begun: command.to_string(),
            event,
        }
        .into()),
        ledger::Since::NothingBegun => Ok(()),
    }
}
