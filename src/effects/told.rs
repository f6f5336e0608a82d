//! Which problems were told already: a run that nobody watches says each once, and once more when it has
//! lasted for a day, so that an outage is one mail and not one a quarter of an hour.
//!
//! What always holds here: of a problem only its digest is kept; a memory that is lost or cannot be kept
//! means that something is told again, never that it is not. Deliberately absent: what is told at a
//! terminal, which is everything.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use courier_ledger::{Digest, Timestamp};

use super::new_file;

/// How long a problem is not told again while it lasts.
const SILENCE_MICROS: i64 = 24 * 3600 * 1_000_000;

/// No run has more problems than that; a longer file is not ours.
const MAX_BYTES: u64 = 1 << 20;

/// What was told when: by the digest of each problem, as the first of the runs that had it told it.
#[derive(Debug)]
pub(crate) struct Told {
    path: PathBuf,
    now: Timestamp,
    before: BTreeMap<Digest, Timestamp>,
    lasting: BTreeMap<Digest, Timestamp>,
}

impl Told {
    /// What earlier runs over this working directory told, as of `now`.
    pub(crate) fn of(working_dir: &Path, now: Timestamp) -> Self {
        let path = working_dir.join("told.json");
        let before = read(&path).unwrap_or_default();
        Self {
            path,
            now,
            before,
            lasting: BTreeMap::new(),
        }
    }

    /// Whether a problem is to be told: it is new, or was told long ago. From then on it is known.
    pub(crate) fn is_news(&mut self, problem: &str) -> bool {
        let problem = Digest::of(&[problem.as_bytes()]);
        if self.lasting.contains_key(&problem) {
            return false;
        }
        let told = self.before.get(&problem).copied();
        // A clock that was set back makes nothing old.
        let lasts = told.filter(|told| (0..SILENCE_MICROS).contains(&(self.now.0 - told.0)));
        self.lasting.insert(problem, lasts.unwrap_or(self.now));
        lasts.is_none()
    }

    /// Keeps what this run had. What earlier ones told and it did not is over.
    pub(crate) fn keep(self) -> io::Result<()> {
        let told = self.lasting;
        if told.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        new_file::replace(&self.path, &serde_json::to_vec(&told)?)
    }
}

fn read(path: &Path) -> Option<BTreeMap<Digest, Timestamp>> {
    let is_ours = fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_BYTES);
    let bytes = is_ours.then(|| fs::read(path).ok())??;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const HOUR: i64 = 3600 * 1_000_000;

    /// What runs with these problems say, each so many hours after the first.
    fn said(runs: &[(i64, &[&str])]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let run = |(hours, problems): &(i64, &[&str])| {
            let now = Timestamp(1_795_000_000_000_000 + hours * HOUR);
            let mut told = Told::of(folder.path(), now);
            let news = problems.iter().filter(|it| told.is_news(it));
            let news = news.map(|it| (*it).to_owned()).collect();
            told.keep().unwrap();
            news
        };
        runs.iter().map(run).collect()
    }

    #[test]
    fn an_outage_is_told_once_and_again_a_day_later() {
        let runs: Vec<(i64, &[&str])> = (0..50).map(|hour| (hour, &["a"][..])).collect();
        let told = said(&runs);
        let hours: Vec<_> = (0..).zip(&told).filter(|it| !it.1.is_empty()).collect();
        let hours: Vec<i32> = hours.into_iter().map(|it| it.0).collect();
        assert_eq!(hours, [0, 24, 48]);
    }

    #[test]
    fn what_was_over_is_told_when_it_comes_back() {
        let told = said(&[
            (0, &["a", "a", "b"]),
            (1, &["a", "c"]),
            (3, &["a", "b"]),
            // The clock was set back.
            (-9, &["a"]),
        ]);
        let expected: [&[&str]; 4] = [&["a", "b"], &["c"], &["b"], &["a"]];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_memory_that_is_none_tells_again_and_nothing_is_kept_of_a_good_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.json");
        for bytes in [&b""[..], b"{", b"[1]", b"{\"x\":1}"] {
            fs::write(&path, bytes).unwrap();
            let mut told = Told::of(folder.path(), Timestamp(0));
            assert!(told.is_news("a secret place"));
            told.keep().unwrap();
            assert!(!fs::read_to_string(&path).unwrap().contains("secret"));
        }
        Told::of(folder.path(), Timestamp(1)).keep().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
