//! SHA-256 of many files, on all processors.
//!
//! What always holds here: files are read a piece at a time and changed in nothing; answers come in the order of the
//! questions.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, scope};

use courier_ledger::Digest;
use openssl::sha::Sha256;

use crate::effects::mutex::lock;

/// Read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Gives what `answer` says of each of the files, several at a time.
pub(crate) fn of_each<T: Send>(files: &[PathBuf], answer: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::new());
    let work = || {
        while let Some((index, file)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            files.get(index).map(|file| (index, file))
        } {
            let answered = answer(file);
            lock(&answers).push((index, answered));
        }
    };
    let others = available_parallelism().map_or(0, |count| count.get() - 1);
    scope(|threads| {
        for _ in 0..others {
            // Without another thread it takes longer, and that is all.
            let _slower = std::thread::Builder::new().spawn_scoped(threads, work);
        }
        work();
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The size of a file in bytes, and its SHA-256.
pub(crate) fn digest(file: &Path) -> io::Result<(u64, Digest)> {
    let mut file = File::open(file)?;
    let mut piece = vec![0; PIECE_BYTES];
    let (mut hasher, mut size_bytes) = (Sha256::new(), 0);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((size_bytes, Digest(hasher.finish()))),
            count => {
                hasher.update(&piece[..count]);
                size_bytes += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn each_file_has_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..40)
            .map(|number| {
                let path = folder.path().join(number.to_string());
                std::fs::write(&path, number.to_string()).unwrap();
                path
            })
            .collect();
        let digests = of_each(&files, |file| digest(file).unwrap());
        for (number, (size_bytes, digest)) in digests.iter().enumerate() {
            let text = number.to_string();
            assert_eq!(*size_bytes, text.len() as u64);
            assert_eq!(*digest, Digest::of(&[text.as_bytes()]));
        }
        assert!(digest(&folder.path().join("none")).is_err());
    }
}
