//! A new file of ours, mode 0600 whatever the umask. It has no name at all while it is written, where
//! the file system allows that, so that even a killed process leaves nothing behind; elsewhere a name
//! that the next run knows for ours.
//!
//! What always holds here: under its own name a file is complete, and on disk. Deliberately absent:
//! the ledger's files, which are written where they stand.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

const DESCRIPTORS: &str = "/proc/self/fd";
const PREFIX: &str = ".courier-";
const SUFFIX: &str = ".partial";

/// A file that is to get its name when it is complete, and never takes an existing one's; dropped
/// before, it is gone.
#[derive(Debug)]
pub(super) struct NewFile {
    state: State,
    path: PathBuf,
    folder: File,
}

#[derive(Debug)]
enum State {
    /// Without a name (`O_TMPFILE`).
    Unnamed(File),
    /// Under a temporary name, on file systems that know no files without one.
    Named(NamedTempFile),
}

impl NewFile {
    /// Begins the file `path`. `AlreadyExists` if something has that name.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let folder = File::open(folder_of(path))?;
        let unnamed = match Path::new(DESCRIPTORS).exists() {
            true => unnamed(&folder)?,
            false => None,
        };
        match unnamed {
            Some(file) => Self::begin(path, folder, State::Unnamed(file)),
            None => Self::create_named(path),
        }
    }

    /// The same where the file system knows no files without a name.
    fn create_named(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        Self::begin(path, File::open(folder)?, State::Named(named(folder)?))
    }

    fn begin(path: &Path, folder: File, state: State) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let path = path.to_owned();
        Ok(Self {
            state,
            path,
            folder,
        })
    }

    /// The file to write to.
    pub(super) fn file(&self) -> &File {
        match &self.state {
            State::Unnamed(file) => file,
            State::Named(file) => file.as_file(),
        }
    }

    /// Brings the file to disk and gives it its name. `AlreadyExists` if something has that name by
    /// now.
    pub(super) fn publish(self) -> io::Result<()> {
        self.file().sync_all()?;
        match self.state {
            State::Unnamed(file) => {
                let unnamed = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
                rustix::fs::linkat(CWD, unnamed, CWD, &self.path, AtFlags::SYMLINK_FOLLOW)?;
            }
            State::Named(file) => {
                file.persist_noclobber(&self.path)
                    .map_err(|failed| failed.error)?;
            }
        }
        self.folder.sync_all()
    }
}

/// Replaces the file `path` by one that holds `bytes`: as a whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut new = named(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    File::open(folder)?.sync_all()
}

/// Gives the file `from` the name `to` beside it, in place of whatever had that name.
pub(super) fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    File::open(folder_of(to))?.sync_all()
}

/// A file in `folder`, which stands at `path`, that never gets a name.
pub(super) fn nameless(folder: &File, path: &Path) -> io::Result<File> {
    match unnamed(folder)? {
        Some(file) => Ok(file),
        None => nameless_at_once(path),
    }
}

/// The same where the file system knows no files without a name: it loses its name at once.
fn nameless_at_once(folder: &Path) -> io::Result<File> {
    let (file, name) = named(folder)?.into_parts();
    name.close()?;
    Ok(file)
}

/// Whether a file of this name was left behind by a process that was killed while it had one.
pub(super) fn is_left_over(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .is_some_and(|drawn| !drawn.is_empty() && drawn.bytes().all(|c| c.is_ascii_alphanumeric()))
}

/// None on file systems that know no files without a name.
fn unnamed(folder: &File) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, ".", flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => owners_alone(descriptor.into()).map(Some),
        Err(Errno::OPNOTSUPP | Errno::ISDIR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn named(folder: &Path) -> io::Result<NamedTempFile> {
    let new = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .tempfile_in(folder)?;
    owners_alone(new.as_file().try_clone()?)?;
    Ok(new)
}

/// The umask may have taken the owner's bits away.
fn owners_alone(file: File) -> io::Result<File> {
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use tempfile::TempDir;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !is_left_over(name))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_overwritten() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("new");
        for create in [NewFile::create, NewFile::create_named] {
            let new = create(&path).unwrap();
            new.file().write_all(b"ours").unwrap();
            fs::write(&path, "theirs").unwrap();
            let error = new.publish().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(
                create(&path).unwrap_err().kind(),
                io::ErrorKind::AlreadyExists
            );
            assert_eq!(fs::read(&path).unwrap(), b"theirs");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_file_has_its_name_only_when_complete_and_belongs_to_its_owner_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("new");
        for create in [NewFile::create, NewFile::create_named] {
            let new = create(&path).unwrap();
            new.file().write_all(b"half").unwrap();
            assert_eq!(names(folder.path()), [""; 0]);
            drop(new);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

            let new = create(&path).unwrap();
            new.file().write_all(b"whole").unwrap();
            new.publish().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_replaced_file_is_the_new_one_and_its_owner_s_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        for content in ["one", "another"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        let missing = folder.path().join("missing/file");
        assert_eq!(
            replace(&missing, b"").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn a_nameless_file_has_no_name_on_any_file_system() {
        let folder = TempDir::new().unwrap();
        let opened = File::open(folder.path()).unwrap();
        for _ in 0..3 {
            for file in [
                nameless(&opened, folder.path()).unwrap(),
                nameless_at_once(folder.path()).unwrap(),
            ] {
                let metadata = file.metadata().unwrap();
                assert_eq!((metadata.mode() & 0o177, metadata.nlink()), (0, 0));
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_left_over_is_known_by_its_name() {
        let folder = TempDir::new().unwrap();
        let (_, path) = named(folder.path()).unwrap().keep().unwrap();
        assert!(is_left_over(path.file_name().unwrap().to_str().unwrap()));
    }
}
