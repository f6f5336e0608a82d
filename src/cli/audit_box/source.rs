//! By what a folder is judged: a ledger, a signed manifest, `status.xml`; and up to where checkpoints reach.
//!
//! What always holds here: what is taken from a file that somebody signs has the signature of the key that was given.
//! Deliberately absent: trust in `status.xml`, which nobody signs; what it says is said to be so.

use std::path::Path;

use courier_ledger::{
    Digest, Encryption, LegacyStatus, LogId, RemoteName, RequestId, Sequence, StatusDocument, Tip,
};

use super::delivered::{self, Delivered, Expected, Name, Names};
use super::error::BadSource;
use crate::cli::arguments::{Arguments, AuditBoxOptions};
use crate::cli::error::CommandError;
use crate::cli::{ledger, parts};
use crate::effects::evidence::{Kept, Listed, Manifest, Signed, Verifier, signed_in};
use crate::effects::status_file;

/// Who says what should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A ledger, every byte of it checked.
    Ledger,
    /// A manifest, signed by the key that was given.
    Manifest,
    /// A `status.xml`.
    Status,
}

impl Source {
    /// In a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Manifest => "manifest",
            Self::Status => "status.xml",
        }
    }
}

/// What is known of the folder.
pub(super) struct Known {
    pub(super) source: Source,
    pub(super) log: Option<LogId>,
    /// The last event that was taken in, …
    pub(super) through: Sequence,
    /// … and its hash.
    pub(super) hash: Digest,
    pub(super) names: Names,
    /// How many events the last checkpoint has; none where there is no checkpoint.
    pub(super) checkpoint: Option<u64>,
    /// What has to be said besides.
    pub(super) remarks: Vec<String>,
}

impl Known {
    /// By what was asked for.
    pub(super) fn by(
        arguments: &Arguments,
        options: &AuditBoxOptions,
    ) -> Result<Self, CommandError> {
        let key = options.key.iter().find_map(|it| it.verifier());
        let kept = match &options.checkpoints {
            Some(path) => checkpoints(path, key)?,
            None => Vec::new(),
        };
        let mut known = match (&options.manifest, &options.status) {
            (Some(path), _) => Self::by_manifest(path, key, &kept)?,
            (None, Some(path)) => Self::by_status(path, &options.folder)?,
            (None, None) => Self::by_ledger(arguments)?,
        };
        if let (Some(_), Some(path)) = (&options.manifest, &options.status) {
            let status = Self::by_status(path, &options.folder)?;
            if status.log != known.log {
                return Err(BadSource::Another(path.clone()).into());
            }
            for (name, it) in status.names {
                known.names.entry(name).or_insert(it);
            }
        }
        if let Some(last) = kept.last() {
            if last.claim.log() != known.log {
                return Err(BadSource::Checkpoints(last.claim.origin.clone()).into());
            }
            known.checkpoint = Some(last.claim.size);
        }
        Ok(known)
    }

    fn by_ledger(arguments: &Arguments) -> Result<Self, CommandError> {
        let ledger::Told {
            account, reading, ..
        } = ledger::account(arguments, |_| true)?;
        let Tip {
            log,
            sequence,
            hash,
        } = reading.tip;
        // Those that cannot be read are for `verify` to name.
        let kept = Kept::read(parts::location(arguments)?.folder(), log).ok();
        let last = kept.and_then(|kept| Some(kept.all().last()?.claim.size));
        Ok(Self {
            source: Source::Ledger,
            log: account.log,
            through: sequence,
            hash,
            names: delivered::names(&account),
            checkpoint: last,
            remarks: Vec::new(),
        })
    }

    fn by_manifest(
        path: &Path,
        key: Option<&Verifier>,
        kept: &[Signed],
    ) -> Result<Self, BadSource> {
        let key = key.ok_or(BadSource::NoKey)?;
        let note = read(path)?;
        let text = key.open(&note).map_err(|error| BadSource::Signature {
            path: path.to_owned(),
            error,
        })?;
        let manifest = Manifest::parse(text).ok_or_else(|| BadSource::Form(path.to_owned()))?;
        let (log, claim) = (manifest.log(), &manifest.checkpoint);
        let of_size = kept.iter().find(|it| it.claim.size == claim.size);
        if of_size.is_some_and(|it| it.claim != *claim) {
            return Err(BadSource::Forked(claim.size));
        }
        let last = kept.last().map(|it| it.claim.size);
        let mut remarks = Vec::new();
        if let Some(last) = last.filter(|last| *last > claim.size) {
            remarks.push(format!(
                "The manifest is older than the last checkpoint, of {last} events: ask for the one that stands beside it."
            ));
        }
        let through = Sequence(claim.size);
        let names = manifest.files.iter().map(|(name, listed)| {
            let (event, file, expected) = match listed {
                Listed::File {
                    event,
                    size_bytes,
                    sha256,
                } => (*event, Some((*size_bytes, *sha256)), Expected::Here),
                Listed::NoDigest => (through, None, Expected::Here),
                Listed::InDoubt => (through, None, Expected::Perhaps),
            };
            let delivered = Delivered { event, file };
            (name.clone(), Name::once(delivered, expected))
        });
        Ok(Self {
            source: Source::Manifest,
            log,
            through,
            hash: manifest.hash,
            names: names.collect(),
            checkpoint: Some(claim.size),
            remarks,
        })
    }

    fn by_status(path: &Path, folder: &Path) -> Result<Self, BadSource> {
        let text = read(path)?;
        let form = || BadSource::Form(path.to_owned());
        let tip = StatusDocument::tip_of(text.as_bytes()).ok_or_else(form)?;
        let status = LegacyStatus::parse(text.as_bytes()).map_err(|_| form())?;
        let names = status.entries.iter().map(|entry| {
            let delivered = Delivered {
                event: tip.sequence,
                file: None,
            };
            let mut name = Name::once(delivered, Expected::Here);
            name.withdrawn = entry.deleted.map(|_| tip.sequence);
            (named(entry.id, folder).to_string(), name)
        });
        Ok(Self {
            source: Source::Status,
            log: Some(tip.log),
            through: tip.sequence,
            hash: tip.hash,
            names: names.collect(),
            checkpoint: None,
            remarks: vec![
                "status.xml has no digests, and nobody signs it: by it alone no file is proven to be what was \
                 delivered (--manifest FILE)."
                    .to_owned(),
            ],
        })
    }
}

/// The name of a result of which `status.xml` tells the number: the one that stands in the folder.
fn named(id: RequestId, folder: &Path) -> RemoteName {
    let mut names = Encryption::ALL
        .map(|it| RemoteName::result(id, it))
        .into_iter()
        .rev();
    let there = names.find(|name| folder.join(name.as_str()).exists());
    there.unwrap_or_else(|| RemoteName::export(id))
}

/// Checkpoints that were kept, each with the signature of this key.
fn checkpoints(path: &Path, key: Option<&Verifier>) -> Result<Vec<Signed>, BadSource> {
    let key = key.ok_or(BadSource::NoKey)?;
    let signed = signed_in(&read(path)?).ok_or_else(|| BadSource::Form(path.to_owned()))?;
    for it in &signed {
        it.by(key).map_err(|error| BadSource::Signature {
            path: path.to_owned(),
            error,
        })?;
    }
    Ok(signed)
}

fn read(path: &Path) -> Result<String, BadSource> {
    let bytes = status_file::read_bounded(path).map_err(|source| BadSource::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    String::from_utf8(bytes).map_err(|_| BadSource::Form(path.to_owned()))
}
