//! `audit-box`: a folder of delivered files against the ledger, or against what was signed of it, for whoever receives
//! them.
//!
//! What always holds here: the ledger is checked byte for byte first, signatures are; nothing is changed in either; every
//! name in the folder and every name that was delivered has one verdict. Deliberately absent: what lies below further
//! folders, and whether the ledger itself was rewritten (`verify --against`, `verify --checkpoints`).

mod delivered;
mod error;
mod source;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use courier_ledger::{Digest, Encryption, LogId, Quoted, RemoteName, Sequence};
use serde::Serialize;

use self::source::{Known, Source};
use self::verdict::Verdict;
use super::arguments::{Arguments, AuditBoxOptions, AuditKey};
use super::error::CommandError;
use super::{folder, output, parts, terminal, wrapped};
use crate::effects::age::Identities;
use crate::effects::fernet::{FernetKey, opens};
use crate::effects::file_digest;
use crate::exit_code::ExitCode;

const SCHEMA: &str = "broker-courier.audit-box.1";

#[derive(Serialize)]
struct AuditView {
    schema: &'static str,
    /// By what: `ledger`, `manifest` or `status.xml`.
    source: &'static str,
    log: Option<LogId>,
    /// The last entry that was held against it, …
    through: Sequence,
    /// … and its hash.
    hash: Digest,
    /// How many events the last checkpoint has; none where there is none.
    checkpoint: Option<u64>,
    counts: BTreeMap<&'static str, u64>,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    name: String,
    #[serde(flatten)]
    verdict: Verdict,
    /// What says so came behind the last checkpoint: nobody has signed it.
    later_than_checkpoint: bool,
}

pub(crate) fn audit_box(
    arguments: &Arguments,
    options: &AuditBoxOptions,
) -> Result<ExitCode, CommandError> {
    let known = Known::by(arguments, options)?;
    let opening = Opening {
        keys: keys(options)?,
        identities: options
            .identity
            .as_deref()
            .map(Identities::load)
            .transpose()?,
    };
    let mut found = folder::list(&options.folder)?;
    found.retain(|path| {
        let name = name_of(path);
        name != RemoteName::ledger().as_str() && !RemoteName::is_evidence(&name)
    });
    let file = |name: String, verdict: Verdict| {
        let verdict = match (verdict, known.source) {
            // What is delivered at present is all that is known.
            (Verdict::Foreign, Source::Manifest | Source::Status) => Verdict::Unlisted,
            (verdict, _) => verdict,
        };
        let later = |last: u64| verdict.event().is_some_and(|event| event.0 > last);
        File {
            name,
            later_than_checkpoint: known.checkpoint.is_some_and(later),
            verdict,
        }
    };
    let bar = progress_bar(found.len());
    let judged = file_digest::of_each(&found, |path| {
        let name = name_of(path);
        let verdict = match file_digest::digest(path) {
            Err(error) => Verdict::Unreadable {
                reason: error.to_string(),
            },
            Ok(it) => opened(&opening, path, Verdict::of_file(known.names.get(&name), it)),
        };
        bar.inc(1);
        file(name, verdict)
    });
    bar.finish_and_clear();
    let here: BTreeSet<&str> = judged.iter().map(|file| file.name.as_str()).collect();
    let absent = (known.names.iter()).filter(|(name, _)| !here.contains(name.as_str()));
    let absent = absent
        .filter_map(|(name, delivered)| Some(file(name.clone(), Verdict::of_absence(delivered)?)));
    let absent: Vec<File> = absent.collect();
    let mut files: Vec<File> = judged.into_iter().chain(absent).collect();
    files.sort_by(|one, next| one.name.cmp(&next.name));
    let mut counts = BTreeMap::new();
    for file in &files {
        *counts.entry(file.verdict.word()).or_default() += 1;
    }
    let view = AuditView {
        schema: SCHEMA,
        source: known.source.word(),
        log: known.log,
        through: known.through,
        hash: known.hash,
        checkpoint: known.checkpoint,
        counts,
        files,
    };
    let is_good = view.files.iter().all(|file| file.verdict.is_good());
    if options.json {
        output::write_json(&view)?;
    } else {
        output::write(|output| show(output, &view, &known.remarks, arguments.verbose > 0))?;
    }
    Ok(match is_good {
        true => ExitCode::Done,
        false => ExitCode::Incomplete,
    })
}

/// The keys that must open what is whole; none where none were given.
fn keys(options: &AuditBoxOptions) -> Result<Vec<FernetKey>, CommandError> {
    let files = options.key.iter().filter_map(AuditKey::file);
    files.map(parts::load_key).collect()
}

/// What must open everything that is whole and of its kind.
struct Opening {
    keys: Vec<FernetKey>,
    identities: Option<Identities>,
}

impl Opening {
    /// Why a file is not opened, in words; none where it is, or where nothing was given to open it with.
    fn refuses(&self, path: &Path) -> Option<String> {
        let result = RemoteName::read_result(&name_of(path));
        let (keys, identities) = match result.map(|(_, encryption)| encryption) {
            Some(Encryption::Age) => (&[][..], self.identities.as_ref()),
            Some(Encryption::Fernet) | None => (&self.keys[..], None),
        };
        if let Some(identities) = identities {
            return identities.opens(path).err().map(|it| it.to_string());
        }
        let is_asked = !keys.is_empty();
        is_asked
            .then(|| opens(keys, path).err())
            .flatten()
            .map(|it| it.to_string())
    }
}

fn opened(opening: &Opening, path: &Path, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Whole { event } => match opening.refuses(path) {
            None => Verdict::Whole { event },
            Some(reason) => Verdict::NotDecryptable { event, reason },
        },
        verdict => verdict,
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// On a terminal, how many files have been judged.
fn progress_bar(files: usize) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} files {eta}");
    let bar = terminal::progress_bar(files as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(
    output: &mut dyn io::Write,
    view: &AuditView,
    remarks: &[String],
    all: bool,
) -> io::Result<()> {
    let AuditView {
        source,
        log,
        checkpoint,
        through,
        hash,
        counts,
        files,
        ..
    } = view;
    for file in files {
        let File { name, verdict, .. } = file;
        if all || !verdict.is_good() || file.later_than_checkpoint {
            let later = match file.later_than_checkpoint {
                true => "; later than the last checkpoint",
                false => "",
            };
            writeln!(output, "{}: {verdict}{later}", Quoted(name))?;
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
    let by = match *source {
        "ledger" => "by ledger".to_owned(),
        other => format!("by the {other} of ledger"),
    };
    writeln!(
        output,
        "{counts}\n{by} {log} as of event {through}, hash {hash}"
    )?;
    let later = files.iter().filter(|file| file.later_than_checkpoint);
    if let (Some(size), later @ 1..) = (checkpoint, later.count()) {
        writeln!(
            output,
            "{later} of them later than the last checkpoint, which has {size} events: nobody has signed that yet"
        )?;
    }
    for remark in remarks {
        wrapped::write(output, "", "", remark)?;
    }
    Ok(())
}
