//! Where keys lie: the one that results are encrypted with, and earlier ones, for reading alone.
//!
//! What always holds here: nothing is written; an earlier key that is missing or damaged stops nothing.
//! Deliberately absent: which key a file was made with, which the ledger knows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use courier_ledger::KeyId;

use super::key::{FernetKey, KeyError};
use crate::effects::secret_file::Exposed;

/// The files of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFiles {
    /// The key that results are encrypted with.
    pub current: PathBuf,
    /// Earlier keys: files, and folders of them.
    pub old: Vec<PathBuf>,
}

/// Earlier keys, as far as they could be read.
#[derive(Debug, Default)]
pub(crate) struct OldKeys {
    /// Each with its file.
    pub keys: Vec<(PathBuf, FernetKey)>,
    /// What could not be read, and why.
    pub failures: Vec<KeyError>,
    /// Files that others can read.
    pub exposed: Vec<Exposed>,
}

impl KeyFiles {
    /// Where the key `id` is kept beside the one in use when it was replaced: found there without a
    /// word in the configuration.
    #[must_use]
    pub(crate) fn kept(&self, id: KeyId) -> PathBuf {
        self.beside(&id.to_string())
    }

    /// Where a new key waits until it takes the place of the one in use.
    #[must_use]
    pub(crate) fn next(&self) -> PathBuf {
        self.beside("next")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.current.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        name.into()
    }

    /// Loads every earlier key that can be found.
    #[must_use]
    pub(crate) fn load_old(&self) -> OldKeys {
        let mut found = OldKeys::default();
        for path in self.kept_files() {
            found.take(path, Named::ByItself);
        }
        for path in &self.old {
            match fs::read_dir(path) {
                Ok(entries) => {
                    let mut files: Vec<PathBuf> =
                        entries.flatten().map(|entry| entry.path()).collect();
                    files.sort();
                    for file in files {
                        found.take(file, Named::ByItsFolder);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    found.take(path.clone(), Named::ByItself);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    found.failures.push(KeyError::Missing(path.clone()));
                }
                Err(source) => found.failures.push(KeyError::Unreadable {
                    path: path.clone(),
                    source,
                }),
            }
        }
        found
    }

    /// The files beside the key in use that [`Self::kept`] names.
    fn kept_files(&self) -> Vec<PathBuf> {
        let folder = match self.current.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // A folder that cannot be listed hides them, and whoever needs one is told that none fits.
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name());
        let mut files: Vec<PathBuf> = names
            .filter_map(|name| KeyId::from_hex(Path::new(&name).extension()?.to_str()?))
            .map(|id| self.kept(id))
            .filter(|path| path.exists())
            .collect();
        files.sort();
        files.dedup();
        files
    }
}

/// How a file came to be named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// It is said to be a key.
    ByItself,
    /// It lies among keys, and may be something else.
    ByItsFolder,
}

impl OldKeys {
    fn take(&mut self, path: PathBuf, named: Named) {
        match FernetKey::load(&path) {
            Ok((key, exposed)) => {
                self.exposed.extend(exposed);
                if self.keys.iter().all(|(_, known)| known.id() != key.id()) {
                    self.keys.push((path, key));
                }
            }
            Err(
                KeyError::Directory(_)
                | KeyError::NotAFile(_)
                | KeyError::Empty(_)
                | KeyError::Malformed(_)
                | KeyError::NotText { .. },
            ) if named == Named::ByItsFolder => {}
            Err(error) => self.failures.push(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn old_keys_are_found_beside_the_one_in_use_by_name_and_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = |name: &str| FernetKey::generate(&at(name)).unwrap().id();
        made("results.key");
        fs::create_dir(at("old")).unwrap();
        let mut expected = vec![made("a.key"), made("old/1.key"), made("old/2.key")];
        fs::write(at("old/README"), "keys of earlier years").unwrap();
        fs::create_dir(at("old/more")).unwrap();
        let files = KeyFiles {
            current: at("results.key"),
            old: vec![at("a.key"), at("old"), at("gone"), at("old/README")],
        };
        // Kept by a rotation; another file's name only looks like it.
        let kept = made("kept");
        fs::rename(at("kept"), files.kept(kept)).unwrap();
        made("other.key.22d8aabbccddeeff");
        made("results.key.next");
        expected.insert(0, kept);

        let found = files.load_old();
        let ids: Vec<KeyId> = found.keys.iter().map(|(_, key)| key.id()).collect();
        assert_eq!(ids, expected);
        let [KeyError::Missing(gone), KeyError::Malformed(readme)] = &found.failures[..] else {
            panic!("{:?}", found.failures);
        };
        assert_eq!((gone, readme), (&at("gone"), &at("old/README")));
    }
}
