//! How a new key takes the place of the one in use, one step at a time: made beside it, the old one
//! kept beside it, the new one announced in the ledger, then put in its place.
//!
//! What always holds here: after every step both keys are in files, and what is to be done next follows
//! from the files and the ledger alone, so whoever is interrupted begins again and ends well. No key is
//! written over that is not kept elsewhere. Deliberately absent: the ledger; whoever goes through the
//! steps holds its lock all the while.

use std::fs;
use std::path::Path;

use courier_ledger::{KeyId, State};

use super::key::{FernetKey, KeyError};
use super::key_files::KeyFiles;
use crate::effects::new_file;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A new key is made, where it waits.
    Make,
    /// The key in use is kept beside itself.
    Keep(KeyId),
    /// The new key is announced in the ledger.
    Announce(KeyId),
    /// The new key is put in place of the one in use.
    Place,
    /// Nothing: the key file holds the key that was announced.
    Done(KeyId),
}

/// Which keys the files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The key in use; none when its file is lost.
    pub(crate) current: Option<KeyId>,
    /// The new key that waits.
    next: Option<KeyId>,
    /// Whether the key in use is kept beside itself, too.
    kept: bool,
}

impl Found {
    /// What lies there now. A file that holds something else than a key is an error.
    pub(crate) fn look(files: &KeyFiles) -> Result<Self, KeyError> {
        let current = key_in(&files.current)?;
        let next = key_in(&files.next())?;
        let kept = match current {
            Some(id) => key_in(&files.kept(id))? == Some(id),
            None => false,
        };
        Ok(Self {
            current,
            next,
            kept,
        })
    }

    /// What is to be done next.
    pub(crate) fn step(self, state: &State) -> Step {
        let (accepted, announced) = (state.accepted_key(), state.announced_key());
        match (self.next, self.current) {
            (Some(next), Some(current)) if current != next && !self.kept => Step::Keep(current),
            (Some(next), _) if announced != Some(next) && accepted != Some(next) => {
                Step::Announce(next)
            }
            (Some(_), _) => Step::Place,
            (None, Some(current)) if announced == Some(current) => Step::Done(current),
            // Somebody put another key there by hand: it is the new one.
            (None, Some(current)) if state.unannounced(current).is_some() => {
                Step::Announce(current)
            }
            (None, _) => Step::Make,
        }
    }
}

/// Makes the new key, and leaves it where it waits.
pub(crate) fn make(files: &KeyFiles) -> Result<(), KeyError> {
    FernetKey::generate(&files.next()).map(drop)
}

/// Keeps the key in use beside itself.
pub(crate) fn keep(files: &KeyFiles) -> Result<(), KeyError> {
    let (key, _) = FernetKey::load(&files.current)?;
    key.write(&files.kept(key.id()))
}

/// Puts the new key in place of the one in use, which is kept beside it.
pub(crate) fn place(files: &KeyFiles) -> Result<(), KeyError> {
    new_file::put_in_place(&files.next(), &files.current).map_err(|source| KeyError::Unwritable {
        path: files.current.clone(),
        source,
    })
}

/// The key in a file; none where nothing lies.
pub(crate) fn key_in(path: &Path) -> Result<Option<KeyId>, KeyError> {
    match FernetKey::load(path) {
        Ok((key, _)) => Ok(Some(key.id())),
        // A link to nothing is something that lies there.
        Err(KeyError::Missing(_)) if fs::symlink_metadata(path).is_err() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::collections::BTreeSet;

    use courier_ledger::{Digest, Entry, Event, LogId, Timestamp};

    use super::*;

    /// A ledger whose last run, if there was one, used this key.
    fn ledger(used: Option<KeyId>) -> State {
        let state = record(
            State::default(),
            Event::LogCreated {
                log: LogId([7; 16]),
                version: "test".to_owned(),
            },
        );
        let started = |key| Event::RunStarted {
            version: "test".to_owned(),
            policy: Digest([0; 32]),
            key,
            instead_of: None,
            bound_to: None,
            every_minutes: None,
        };
        used.into_iter()
            .fold(state, |state, key| record(state, started(key)))
    }

    fn record(state: State, event: Event) -> State {
        let entry = Entry {
            sequence: state.tip().next(),
            time: Timestamp(1),
            event,
            salt: None,
            hash: Digest([0; 32]),
        };
        state.apply(&entry).unwrap()
    }

    /// Goes through at most so many steps; gives the key if that was the end.
    fn go(files: &KeyFiles, state: &mut State, steps: usize) -> Option<KeyId> {
        for _ in 0..steps {
            match Found::look(files).unwrap().step(state) {
                Step::Make => make(files).unwrap(),
                Step::Keep(_) => keep(files).unwrap(),
                Step::Announce(key) => {
                    let (who, why) = ("a person".to_owned(), "it was time".to_owned());
                    *state = record(std::mem::take(state), Event::KeyAnnounced { key, who, why });
                }
                Step::Place => place(files).unwrap(),
                Step::Done(key) => return Some(key),
            }
        }
        None
    }

    fn ids(files: &KeyFiles) -> BTreeSet<KeyId> {
        let mut paths = vec![files.current.clone(), files.next()];
        paths.extend(files.load_old().keys.into_iter().map(|(path, _)| path));
        paths
            .iter()
            .filter_map(|path| key_in(path).unwrap())
            .collect()
    }

    #[test]
    fn whoever_is_interrupted_after_any_step_loses_no_key_and_ends_well_the_next_time() {
        for interrupted_after in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let files = KeyFiles {
                current: folder.path().join("results.key"),
                old: Vec::new(),
            };
            let old = FernetKey::generate(&files.current).unwrap().id();
            let mut state = ledger(Some(old));
            go(&files, &mut state, interrupted_after);
            let before = ids(&files);
            assert!(before.contains(&old), "after {interrupted_after} steps");
            // A run in between uses a key that is accepted or announced.
            let current = key_in(&files.current).unwrap().unwrap();
            assert_eq!(state.unannounced(current), None);

            let new = go(&files, &mut state, 6).unwrap();
            assert!(new != old && before.iter().all(|id| [old, new].contains(id)));
            assert_eq!(ids(&files), BTreeSet::from([old, new]));
            assert_eq!(key_in(&files.current).unwrap(), Some(new));
            assert_eq!(key_in(&files.kept(old)).unwrap(), Some(old));
            assert_eq!(key_in(&files.next()).unwrap(), None);
            assert_eq!(state.announced_key(), Some(new));
            // Again, and nothing more is made.
            assert_eq!(go(&files, &mut state, 1), Some(new));
        }
    }

    #[test]
    fn a_lost_key_is_replaced_and_one_that_was_put_there_by_hand_is_announced() {
        let folder = tempfile::tempdir().unwrap();
        let files = KeyFiles {
            current: folder.path().join("results.key"),
            old: Vec::new(),
        };
        let lost = KeyId([9; 8]);
        let mut state = ledger(Some(lost));
        let new = go(&files, &mut state, 6).unwrap();
        assert_eq!(ids(&files), BTreeSet::from([new]));

        let mut state = ledger(Some(lost));
        assert_eq!(go(&files, &mut state, 6), Some(new));
        assert_eq!(state.announced_key(), Some(new));
        assert_eq!(ids(&files), BTreeSet::from([new]));
    }

    #[test]
    fn a_file_that_holds_no_key_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = KeyFiles {
            current: folder.path().join("results.key"),
            old: Vec::new(),
        };
        fs::write(&files.current, "something else").unwrap();
        assert!(matches!(
            Found::look(&files),
            Err(KeyError::Malformed(path)) if path == files.current
        ));
    }
}
