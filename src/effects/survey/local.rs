//! A copy of a drop-box in a folder of this machine. Links are not followed: a copy holds files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use courier_ledger::{Failure, FailureClass, Phase, RemoteName, RequestId, TemporaryPattern};

use super::names::{Sorted, sort};
use super::{Export, Folder, LedgerThere, NO_FILE, Start, Survey, Surveyed, named_by};
use crate::effects::fernet::START_BYTES;
use crate::effects::sftp::{Attributes, Entry, kept_name};
use crate::effects::status_file::read_bounded;

/// A folder with a copy of a drop-box.
pub(crate) struct LocalFolder {
    path: PathBuf,
    /// How temporary names are made there, besides the usual way.
    pattern: TemporaryPattern,
}

impl LocalFolder {
    /// The folder at this path, of a drop-box with temporary names of this pattern.
    #[must_use]
    pub(crate) fn new(path: PathBuf, pattern: TemporaryPattern) -> Self {
        Self { path, pattern }
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure {
            phase: Phase::Look,
            class: FailureClass::NeedsPerson,
            text: format!("the folder {} cannot be read: {error}", self.path.display()),
        }
    }

    /// Its names; none where it may not be listed.
    fn list(&self) -> io::Result<Sorted> {
        let (mut entries, mut others) = (Vec::new(), 0);
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            match kept_name(entry.file_name().as_bytes()) {
                Some(name) => entries.push(Entry {
                    name,
                    attributes: attributes(&entry.path())?,
                }),
                None => others += 1,
            }
        }
        Ok(sort(entries, others, &self.pattern))
    }

    fn path(&self, name: &RemoteName) -> PathBuf {
        self.path.join(name.as_str())
    }

    fn ledger(&self) -> LedgerThere {
        let path = self.path(&RemoteName::ledger());
        let bytes = attributes(&path).and_then(|attributes| {
            if attributes.is_no_file() {
                return Err(io::Error::other(NO_FILE));
            }
            read_bounded(&path)
        });
        match bytes {
            Ok(bytes) => LedgerThere::Document(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => LedgerThere::Nothing,
            Err(error) => LedgerThere::Unreadable(error.to_string()),
        }
    }

    /// What stands under a result's name; none when nothing does.
    fn export(&self, name: &RemoteName) -> Option<Export> {
        let path = self.path(name);
        let unreadable = |error: io::Error, size_bytes| match error.kind() {
            io::ErrorKind::NotFound => None,
            _ => Some(Export {
                size_bytes,
                start: Start::Unreadable(error.to_string()),
            }),
        };
        let attributes = match attributes(&path) {
            Ok(attributes) => attributes,
            Err(error) => return unreadable(error, None),
        };
        let size_bytes = attributes.size_bytes;
        if attributes.is_no_file() {
            return unreadable(io::Error::other(NO_FILE), size_bytes);
        }
        match start(&path) {
            Ok(bytes) => Some(Export {
                size_bytes,
                start: Start::Bytes(bytes),
            }),
            Err(error) => unreadable(error, size_bytes),
        }
    }
}

impl Surveyed for LocalFolder {
    fn survey(
        &self,
        named: &dyn Fn(&[u8]) -> BTreeSet<RequestId>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Survey, Failure> {
        let ledger = self.ledger();
        let (results, folder) = match self.list() {
            Ok(sorted) => (
                sorted.exports.into_keys().collect::<BTreeSet<_>>(),
                Folder::Listed {
                    temporaries: sorted.temporaries,
                    others: sorted.others,
                },
            ),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                (named_by(&ledger, named), Folder::Refused(error.to_string()))
            }
            Err(error) => return Err(self.failure(&error)),
        };
        let of = results.len();
        let mut exports = BTreeMap::new();
        for (done, result @ (request, encryption)) in (1..).zip(results) {
            if let Some(export) = self.export(&RemoteName::result(request, encryption)) {
                exports.insert(result, export);
            }
            progress(done, of);
        }
        Ok(Survey {
            ledger,
            exports,
            folder,
            host_key: None,
        })
    }
}

/// What stands there, not what it leads to.
fn attributes(path: &Path) -> io::Result<Attributes> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(Attributes {
        size_bytes: Some(metadata.len()),
        permissions: Some(metadata.mode()),
        modified: None,
    })
}

fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(u64::from(START_BYTES))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
