//! A reader that looks at final names all the time, as a recipient would who fetches files as soon as
//! they are there. It sees what others see: names, inodes and sizes on the server's disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks: short against any transfer, and long enough to leave the others a processor.
const PAUSE: Duration = Duration::from_micros(200);

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing.
    Absent,
    /// A file.
    There {
        /// Which one.
        inode: u64,
        /// How long it is.
        size_bytes: u64,
    },
}

/// What was seen under each name, in order; what stays the same stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sights(pub BTreeMap<String, Vec<Sight>>);

impl Sights {
    /// Every size that was ever seen under a name, in order.
    #[must_use]
    pub fn sizes(&self, name: &str) -> Vec<u64> {
        let seen = self.0.get(name).into_iter().flatten();
        let sizes = seen.filter_map(|sight| match sight {
            Sight::There { size_bytes, .. } => Some(*size_bytes),
            Sight::Absent => None,
        });
        sizes.collect()
    }

    /// How often a name was gone between two files.
    #[must_use]
    pub fn gaps(&self, name: &str) -> usize {
        let seen = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_gap = |three: &&[Sight]| {
            matches!(
                three,
                [Sight::There { .. }, Sight::Absent, Sight::There { .. }]
            )
        };
        seen.windows(3).filter(is_gap).count()
    }
}

/// Looks until it is asked what it has seen.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Sights>,
}

impl Watcher {
    /// Begins to look at these names in a folder.
    #[must_use]
    pub fn begin(folder: &Path, names: &[&str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let watched: Vec<(String, PathBuf)> = names
            .iter()
            .map(|name| ((*name).to_owned(), folder.join(name)))
            .collect();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut sights = Sights::default();
            loop {
                // Read before the last look: what was there at the end has been seen.
                let is_last = stopped.load(Ordering::Acquire);
                for (name, path) in &watched {
                    let seen = sights.0.entry(name.clone()).or_default();
                    let sight = look(path);
                    if seen.last() != Some(&sight) {
                        seen.push(sight);
                    }
                }
                if is_last {
                    return sights;
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, thread }
    }

    /// Looks once more and tells what was seen.
    #[must_use]
    pub fn end(self) -> Sights {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

/// Name, inode and size in one: of an open file they cannot belong to different ones.
fn look(path: &Path) -> Sight {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(file) => Sight::There {
            inode: file.ino(),
            size_bytes: file.len(),
        },
        Err(_) => Sight::Absent,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    /// Waits until the watcher has had time for some looks.
    fn let_it_look() {
        std::thread::sleep(PAUSE * 50);
    }

    #[test]
    fn partial_files_and_gaps_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result");
        let watcher = Watcher::begin(folder.path(), &["result"]);
        let_it_look();
        for content in [&b"par"[..], b"partial, then whole"] {
            fs::write(&path, content).unwrap();
            let_it_look();
        }
        fs::remove_file(&path).unwrap();
        let_it_look();
        fs::write(&path, b"new").unwrap();
        let sights = watcher.end();
        let sizes = sights.sizes("result");
        assert!(
            sizes.ends_with(&[3, 19, 3]) || sizes.ends_with(&[3, 0, 19, 3]),
            "{sizes:?}"
        );
        assert_eq!(sights.gaps("result"), 1);
    }

    #[test]
    fn a_rename_over_a_file_is_neither() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("result"), folder.path().join("other"));
        fs::write(&path, b"old").unwrap();
        let watcher = Watcher::begin(folder.path(), &["result"]);
        let_it_look();
        fs::write(&other, b"newer").unwrap();
        fs::rename(&other, &path).unwrap();
        let sights = watcher.end();
        assert_eq!(sights.sizes("result"), [3, 5]);
        assert_eq!(sights.gaps("result"), 0);
    }
}
