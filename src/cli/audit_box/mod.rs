//! `audit-box`: a folder of delivered files against the ledger, for whoever receives them.
//!
//! What always holds here: the ledger is checked byte for byte first; nothing is changed in either; every name in the
//! folder and every name that the ledger delivered has one verdict. Deliberately absent: what lies below further
//! folders, and whether the ledger itself was rewritten (`verify --against`, `verify --checkpoints`).

mod delivered;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use courier_ledger::{Digest, LogId, Quoted, RemoteName, Sequence};
use serde::Serialize;

use self::verdict::Verdict;
use super::arguments::{Arguments, AuditBoxOptions};
use super::error::CommandError;
use super::{folder, ledger, output, parts};
use crate::effects::fernet::{FernetKey, opens};
use crate::effects::file_digest;
use crate::exit_code::ExitCode;

const SCHEMA: &str = "broker-courier.audit-box.1";

#[derive(Serialize)]
struct AuditView {
    schema: &'static str,
    log: Option<LogId>,
    /// The last entry that was held against it, …
    through: Sequence,
    /// … and its hash.
    hash: Digest,
    counts: BTreeMap<&'static str, u64>,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    name: String,
    #[serde(flatten)]
    verdict: Verdict,
}

pub(crate) fn audit_box(
    arguments: &Arguments,
    options: &AuditBoxOptions,
) -> Result<ExitCode, CommandError> {
    let ledger::Told {
        account, reading, ..
    } = ledger::account(arguments, |_| true)?;
    let keys = keys(options)?;
    let names = delivered::names(&account);
    let own = account.log.map(RemoteName::checkpoints);
    let published = RemoteName::ledger();
    let is_result = |name: &str| {
        name != published.as_str() && own.as_ref().is_none_or(|own| name != own.as_str())
    };
    let mut found = folder::list(&options.folder)?;
    found.retain(|path| is_result(&name_of(path)));
    let judged = file_digest::of_each(&found, |path| {
        let name = name_of(path);
        let verdict = match file_digest::digest(path) {
            Err(error) => Verdict::Unreadable {
                reason: error.to_string(),
            },
            Ok(file) => opened(&keys, path, Verdict::of_file(names.get(&name), file)),
        };
        File { name, verdict }
    });
    let here: BTreeSet<&str> = judged.iter().map(|file| file.name.as_str()).collect();
    let absent = names
        .iter()
        .filter(|(name, _)| !here.contains(name.as_str()));
    let absent = absent.filter_map(|(name, delivered)| {
        let verdict = Verdict::of_absence(delivered)?;
        let name = name.clone();
        Some(File { name, verdict })
    });
    let absent: Vec<File> = absent.collect();
    let mut files: Vec<File> = judged.into_iter().chain(absent).collect();
    files.sort_by(|one, next| one.name.cmp(&next.name));
    let mut counts = BTreeMap::new();
    for file in &files {
        *counts.entry(file.verdict.word()).or_default() += 1;
    }
    let view = AuditView {
        schema: SCHEMA,
        log: account.log,
        through: reading.tip.sequence,
        hash: reading.tip.hash,
        counts,
        files,
    };
    let is_good = view.files.iter().all(|file| file.verdict.is_good());
    if options.json {
        output::write_json(&view)?;
    } else {
        output::write(|output| show(output, &view, arguments.verbose > 0))?;
    }
    Ok(match is_good {
        true => ExitCode::Done,
        false => ExitCode::Incomplete,
    })
}

/// The keys that must open what is whole; none where none were given.
fn keys(options: &AuditBoxOptions) -> Result<Vec<FernetKey>, CommandError> {
    let keys = options.key.iter().map(|path| parts::load_key(path));
    keys.collect()
}

fn opened(keys: &[FernetKey], path: &Path, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Whole { event } if !keys.is_empty() => match opens(keys, path) {
            Ok(()) => Verdict::Whole { event },
            Err(error) => Verdict::NotDecryptable {
                event,
                reason: error.to_string(),
            },
        },
        verdict => verdict,
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn show(output: &mut dyn io::Write, view: &AuditView, all: bool) -> io::Result<()> {
    let AuditView {
        log,
        through,
        hash,
        counts,
        files,
        ..
    } = view;
    for File { name, verdict } in files {
        if all || !verdict.is_good() {
            writeln!(output, "{}: {verdict}", Quoted(name))?;
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let counts = match counts.is_empty() {
        true => "nothing is there, and nothing was delivered".to_owned(),
        false => counts.join(", "),
    };
    let log = log.map(|log| log.to_string()).unwrap_or_default();
    writeln!(
        output,
        "{counts}\nby ledger {log} as of event {through}, hash {hash}"
    )
}
