//! `recover`: a ledger that was lost, damaged, or is an old copy, begins anew from what its drop-box holds:
//! its published `status.xml`, and the files that are proven to be its.
//!
//! What always holds here: nothing is changed before a person says why, and then nothing is thrown away:
//! what is left of the old ledger is kept beside the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use courier_ledger::log::{FoldError, LogError};
use courier_ledger::{
    Adopted, Ancestor, Encryption, Event, KeyId, LegacyStatus, LogId, Missing, Partners, Recovered,
    RemoteName, RequestId, Sequence, StatusDocument, Tip,
};

use super::arguments::{Arguments, MissingAnswer, RecoverOptions};
use super::error::CommandError;
use super::{again, ledger, lost_key, output, owner, parts, terminal, who};
use crate::config::Configuration;
use crate::effects::clock::SystemClock;
use crate::effects::fernet::{FernetKey, origins};
use crate::effects::ledger_place::Location;
use crate::effects::survey::{
    DistantFolder, Folder, LedgerThere, LocalFolder, Start, Survey, Surveyed,
};
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RecordError};

/// So many entries beyond the published one may have begun uploads that nobody has seen published.
const MARGIN: u64 = 100_000;

/// Why nothing can be recovered, or nothing needs to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRecovery {
    /// The ledger is whole, and not older than what it published.
    #[error(
        "the ledger here is whole and not older than what it published: nothing is to be recovered"
    )]
    NotNeeded,
    /// Nothing says which ledger it was.
    #[error("there is no status.xml of a lost ledger: {0}")]
    NoStatus(String),
    /// The file is not one of this program.
    #[error("{0} was not written by this program, so it names no ledger")]
    NotOurs(String),
    /// The file is damaged.
    #[error("{place} is damaged")]
    Damaged {
        /// Where it is.
        place: String,
        /// How.
        source: courier_ledger::ImportError,
    },
    /// A file cannot be read or moved.
    #[error("{} cannot be {operation}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The drop-box cannot be looked at.
    #[error("the drop-box cannot be looked at: {0}")]
    NoSurvey(courier_ledger::Failure),
}

impl From<NoRecovery> for CommandError {
    fn from(error: NoRecovery) -> Self {
        let (code, hint) = match &error {
            NoRecovery::NotNeeded => (ExitCode::Usage, "`broker-courier run` goes on with it"),
            NoRecovery::NoStatus(_) => (
                ExitCode::Ledger,
                "whoever received results may have kept a copy: name it with --status FILE",
            ),
            NoRecovery::NotOurs(_) => (
                ExitCode::Ledger,
                "the replaced program's is taken over by the first run, when it lies in WORKING_DIR",
            ),
            NoRecovery::Damaged { .. } => (
                ExitCode::Ledger,
                "whoever received results may have kept a whole copy: name it with --status FILE",
            ),
            NoRecovery::File { .. } => (ExitCode::Ledger, "nothing was lost; try again then"),
            NoRecovery::NoSurvey(_) => (
                ExitCode::DropBox,
                "or name a copy of the drop-box with --from FOLDER",
            ),
        };
        Self::new(code, error).hint(hint)
    }
}

pub(crate) fn recover(
    arguments: &Arguments,
    options: &RecoverOptions,
) -> Result<ExitCode, CommandError> {
    let configuration = parts::configuration(arguments)?;
    owner::require(arguments, &configuration.working_dir)?;
    let mut keys = vec![lost_key::load(&configuration)?];
    keys.extend(parts::load_old_keys(&configuration.key_files));
    let survey = survey(&configuration, options)?;
    let (place, document) = document(&survey, options)?;
    let lost =
        StatusDocument::tip_of(&document).ok_or_else(|| NoRecovery::NotOurs(place.clone()))?;
    if is_whole(&configuration, lost)? {
        return Err(NoRecovery::NotNeeded.into());
    }
    let status =
        LegacyStatus::parse(&document).map_err(|source| NoRecovery::Damaged { place, source })?;
    let ancestors = StatusDocument::ancestors_of(&document);
    let mut recovered = found(&survey, lost, ancestors, status, &keys, options);
    // What was looked at is where the ledger goes on; of a copy nobody knows where it is from.
    recovered.partners = survey.host_key.clone().map(|host_key| {
        let partners = parts::partners(&configuration);
        Box::new(Partners {
            host_key: Some(host_key),
            ..partners
        })
    });
    let shown = output::write(|output| show(output, &recovered, &survey));
    let Some(why) = &options.why else {
        shown?;
        output::write(|output| {
            writeln!(
                output,
                "\nNothing was changed. If this is right:\n  {}",
                again(arguments, options)
            )
        })?;
        return Ok(ExitCode::Done);
    };
    let who = who::signed(options.who.as_ref(), why)?;
    let kept = set_aside(&configuration.working_dir, lost)?;
    begin(&configuration.location(), recovered, who, why.clone())?;
    output::tell(|output| {
        if let Some(kept) = kept {
            writeln!(
                output,
                "\nWhat was left of the old ledger is kept in {}.",
                kept.display()
            )?;
        }
        writeln!(
            output,
            "{}",
            again::pasteable(
                "The new ledger has begun: `broker-courier plan` shows what the next run does."
            )
        )
    });
    Ok(ExitCode::Done)
}

/// The same command, with a reason.
fn again(arguments: &Arguments, options: &RecoverOptions) -> String {
    let mut line = format!("{} recover", again::called(arguments));
    let paths = [("--from", &options.from), ("--status", &options.status)];
    for (name, path) in paths {
        if let Some(path) = path {
            line.push_str(&format!(
                " {name} {}",
                again::quoted(&path.to_string_lossy())
            ));
        }
    }
    match options.missing {
        MissingAnswer::Deliver => {}
        MissingAnswer::Fetched => line.push_str(" --missing fetched"),
    }
    line.push_str(" --why \"…\"");
    line
}

/// Looks at the drop-box, or at a copy of it.
fn survey(configuration: &Configuration, options: &RecoverOptions) -> Result<Survey, CommandError> {
    let surveyed: Box<dyn Surveyed> = match &options.from {
        Some(folder) => {
            let pattern = configuration.drop_box.temporary.clone();
            Box::new(LocalFolder::new(folder.clone(), pattern))
        }
        None => Box::new(DistantFolder::new(parts::endpoint(configuration)?)),
    };
    let bar = terminal::progress_bar(0);
    let surveyed = surveyed.survey(&listed, &mut |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(surveyed.map_err(NoRecovery::NoSurvey)?)
}

/// The requests that a `status.xml` has lines for; none when it cannot be read.
fn listed(document: &[u8]) -> BTreeSet<RequestId> {
    let status = LegacyStatus::parse(document).map(|status| status.entries);
    let entries = status.unwrap_or_default().into_iter();
    entries.map(|entry| entry.id).collect()
}

/// The `status.xml` that says which ledger was lost, and where it is.
fn document(survey: &Survey, options: &RecoverOptions) -> Result<(String, Vec<u8>), NoRecovery> {
    if let Some(path) = &options.status {
        let bytes = fs::read(path).map_err(|source| NoRecovery::File {
            path: path.clone(),
            operation: "read",
            source,
        })?;
        return Ok((path.display().to_string(), bytes));
    }
    match &survey.ledger {
        LedgerThere::Document(bytes) => Ok(("the status.xml there".to_owned(), bytes.clone())),
        LedgerThere::Nothing => Err(NoRecovery::NoStatus("there is none".to_owned())),
        LedgerThere::Unreadable(why) => Err(NoRecovery::NoStatus(why.clone())),
    }
}

/// Whether the ledger that is here is the one that published `lost`, and has that very entry.
fn is_whole(configuration: &Configuration, lost: Tip) -> Result<bool, CommandError> {
    let clock = SystemClock::start();
    let claimed = match ledger::claimed(&configuration.location(), &clock) {
        Ok(claimed) => claimed,
        Err(FoldError::Log(error @ LogError::Busy { .. })) => return Err(error.into()),
        // Tables are not put aside as files are: a new ledger begins in new ones.
        Err(error) if configuration.ledger.is_some() => return Err(error.into()),
        // What cannot be opened is not whole.
        Err(FoldError::Log(_) | FoldError::Illegal(_)) => return Ok(false),
    };
    let state = claimed.state();
    if state.recovered_from() == Some(lost) {
        return Ok(true);
    }
    let is_its = state.log() == Some(lost.log) && state.tip() >= lost.sequence;
    let is_whole = is_its && claimed.hash_of(lost.sequence).ok().flatten() == Some(lost.hash);
    match (&configuration.ledger, state.log()) {
        (Some(database), Some(_)) if !is_whole => Err(LogError::Exists {
            place: database.address.to_string(),
        }
        .into()),
        (Some(_) | None, _) => Ok(is_whole),
    }
}

/// What of the drop-box is the lost ledger's.
fn found(
    survey: &Survey,
    lost: Tip,
    ancestors: Vec<Ancestor>,
    status: LegacyStatus,
    keys: &[FernetKey],
    options: &RecoverOptions,
) -> Recovered {
    let starts: Vec<((RequestId, Encryption), u64, &[u8])> = survey
        .exports
        .iter()
        .map(|(result, export)| {
            let start = match &export.start {
                Start::Bytes(bytes) => bytes.as_slice(),
                Start::Unreadable(_) => &[],
            };
            (*result, export.size_bytes.unwrap_or_default(), start)
        })
        .collect();
    let tokens: Vec<&[u8]> = starts.iter().map(|(_, _, start)| *start).collect();
    let proven = proven(&tokens, lost, &ancestors, keys);
    let mut adopted: BTreeMap<RequestId, Adopted> = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    let mut superseded = Vec::new();
    for (((request, encryption), size_bytes, _), proven) in starts.into_iter().zip(proven) {
        let Some((start, key)) = proven else {
            unknown.insert(request);
            continue;
        };
        let found = Adopted {
            request,
            start,
            key,
            size_bytes,
            encryption,
        };
        // Of two that are both its, the earlier one was still to be removed.
        let earlier = match adopted.get_mut(&request) {
            Some(known) if known.start > start => Some(found),
            Some(known) => Some(std::mem::replace(known, found)),
            None => {
                adopted.insert(request, found);
                None
            }
        };
        superseded.extend(earlier.map(|it| RemoteName::result(it.request, it.encryption)));
    }
    unknown.retain(|request| !adopted.contains_key(request));
    // A lost ledger may not have come to remove what was left over from those before it.
    let logs: Vec<LogId> = std::iter::once(lost.log)
        .chain(ancestors.iter().map(|it| it.log))
        .collect();
    let mut temporaries = match &survey.folder {
        Folder::Listed { temporaries, .. } => temporaries
            .iter()
            .filter(|temporary| logs.iter().any(|log| temporary.is_of(*log)))
            .map(|temporary| temporary.name.clone())
            .collect(),
        Folder::Refused(_) => Vec::new(),
    };
    temporaries.extend(superseded);
    Recovered {
        lost,
        ancestors,
        sha256: status.sha256,
        entries: status.entries,
        adopted: adopted.into_values().collect(),
        unknown: unknown.into_iter().collect(),
        temporaries,
        missing: match options.missing {
            MissingAnswer::Deliver => Missing::Deliver,
            MissingAnswer::Fetched => Missing::Fetched,
        },
        partners: None,
    }
}

/// For each token the intent that it was made for, in the lost log or in one that it was begun from.
fn proven(
    tokens: &[&[u8]],
    lost: Tip,
    ancestors: &[Ancestor],
    keys: &[FernetKey],
) -> Vec<Option<(Sequence, KeyId)>> {
    let itself = Ancestor {
        log: lost.log,
        sequence: lost.sequence,
    };
    let bar = terminal::progress_bar(tokens.len() as u64);
    let mut proven = vec![None; tokens.len()];
    for Ancestor { log, sequence } in std::iter::once(&itself).chain(ancestors) {
        let open: Vec<usize> = (0..tokens.len())
            .filter(|index| proven[*index].is_none())
            .collect();
        let sought: Vec<&[u8]> = open.iter().map(|index| tokens[*index]).collect();
        let up_to = Sequence(sequence.0.saturating_add(MARGIN));
        let found = origins(&sought, *log, up_to, keys, |done, _| {
            bar.set_position(done as u64)
        });
        for (index, found) in open.into_iter().zip(found) {
            proven[index] = found;
        }
    }
    bar.finish_and_clear();
    proven
}

fn show(output: &mut dyn Write, recovered: &Recovered, survey: &Survey) -> io::Result<()> {
    let Tip { log, sequence, .. } = recovered.lost;
    let names = |ids: Vec<RequestId>| {
        let names = ids.into_iter().map(|id| RemoteName::export(id).to_string());
        names.collect::<Vec<_>>().join(", ")
    };
    writeln!(
        output,
        "The ledger {log} was published as of event {sequence}."
    )?;
    writeln!(
        output,
        "  adopted   {} files, whose tokens prove that they are its",
        recovered.adopted.len()
    )?;
    let missing: Vec<_> = recovered.missing().collect();
    if !missing.is_empty() {
        let then = match recovered.missing {
            Missing::Deliver => {
                "delivered again by the next run; --missing fetched if the recipient took them"
            }
            Missing::Fetched => "taken by the recipient, and not delivered again",
        };
        writeln!(
            output,
            "  missing   {} ({then}): {}",
            missing.len(),
            names(missing)
        )?;
    }
    if !recovered.unknown.is_empty() {
        let unknown = survey.exports.keys();
        let unknown = unknown.filter(|(id, _)| recovered.unknown.binary_search(id).is_ok());
        let unknown = unknown.map(|(id, encryption)| RemoteName::result(*id, *encryption));
        let unknown: Vec<String> = unknown.map(|name| name.to_string()).collect();
        writeln!(
            output,
            "  unknown   {} files that nothing proves to be its, and that are left alone: {}",
            unknown.len(),
            unknown.join(", ")
        )?;
    }
    let is_result = |name: &&RemoteName| RemoteName::read_result(name.as_str()).is_some();
    let superseded = recovered.temporaries.iter().filter(is_result).count();
    if superseded > 0 {
        writeln!(
            output,
            "  superseded {superseded} results that were delivered anew under another name, and that the next \
             run removes"
        )?;
    }
    let count = recovered.temporaries.len() - superseded;
    if count > 0 {
        writeln!(
            output,
            "  left over {count} unfinished uploads, which the next run removes"
        )?;
    }
    for ((id, encryption), export) in &survey.exports {
        if let Start::Unreadable(why) = &export.start {
            let name = RemoteName::result(*id, *encryption);
            writeln!(
                output,
                "  unread    {name}: {why}; let it be read, or decide yourself what it is"
            )?;
        }
    }
    if let Folder::Refused(why) = &survey.folder {
        writeln!(
            output,
            "  The folder may not be listed ({why}): a file that only the lost part of the ledger knew \
             cannot be found. Ask whoever can list it, or use a copy of it with --from FOLDER."
        )?;
    }
    Ok(())
}

/// Keeps what is left of the old ledger in a folder of its own; gives that, if there was anything.
fn set_aside(working_dir: &Path, lost: Tip) -> Result<Option<PathBuf>, NoRecovery> {
    let file = |path: &Path, operation| {
        let path = path.to_owned();
        move |source| NoRecovery::File {
            path,
            operation,
            source,
        }
    };
    let entries = fs::read_dir(working_dir).map_err(file(working_dir, "listed"))?;
    let mut old = Vec::new();
    for entry in entries {
        let entry = entry.map_err(file(working_dir, "listed"))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name == "status.xml" || name.starts_with("ledger.") {
            old.push(entry.path());
        }
    }
    if old.is_empty() {
        return Ok(None);
    }
    let folder = free_folder(working_dir, lost)?;
    for path in old {
        let Some(name) = path.file_name() else {
            continue;
        };
        fs::rename(&path, folder.join(name)).map_err(file(&path, "moved"))?;
    }
    let directories = [&folder, working_dir];
    for directory in directories {
        let synced = fs::File::open(directory).and_then(|open| open.sync_all());
        synced.map_err(file(directory, "synced"))?;
    }
    Ok(Some(folder))
}

/// A new folder, named by what was lost.
fn free_folder(working_dir: &Path, lost: Tip) -> Result<PathBuf, NoRecovery> {
    use std::os::unix::fs::DirBuilderExt as _;
    let log = lost.log.to_string();
    let log = log.get(..8).unwrap_or(&log);
    let mut number = 1;
    loop {
        let path = working_dir.join(format!("lost-{log}-{}.{number}", lost.sequence));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => {
                return Err(NoRecovery::File {
                    path,
                    operation: "made",
                    source,
                });
            }
        }
    }
}

/// Begins the new ledger.
fn begin(
    location: &Location,
    recovered: Recovered,
    who: String,
    why: String,
) -> Result<(), CommandError> {
    let clock = SystemClock::start();
    let (claimed, _) = ledger::claim(location, &clock)?;
    let mut ledger = ledger::begun(claimed, clock.now())?;
    let event = Event::LedgerRecovered {
        recovered: Box::new(recovered),
        who,
        why,
    };
    ledger
        .append(clock.now(), vec![event])
        .map_err(RecordError::from)?;
    ledger.close()?;
    Ok(())
}
