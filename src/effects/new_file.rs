//! A new file of ours, mode 0600 whatever the umask. It has no name at all while it is written, where
//! the file system allows that, so that even a killed process leaves nothing behind; elsewhere a name
//! that the next run knows for ours.
//!
//! What always holds here: under its own name a file is complete, and on disk. Deliberately absent:
//! the ledger's files, which are written where they stand.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

const DESCRIPTORS: &str = "/proc/self/fd";
const PREFIX: &str = ".courier-";
const SUFFIX: &str = ".partial";
const REPLACING_SUFFIX: &str = ".part";

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
        sync_folder(&self.folder).map(drop)
    }
}

/// Makes the file `path`, which holds `bytes`: as a whole or not at all. `AlreadyExists` if something has that
/// name.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = NewFile::create(path)?;
    let mut file = new.file();
    file.write_all(bytes)?;
    new.publish()
}

/// Replaces the file `path` by one that holds `bytes`: as a whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut new = tempfile::Builder::new()
        .prefix(&replacing_prefix(path))
        .suffix(REPLACING_SUFFIX)
        .tempfile_in(folder)?;
    owners_alone(new.as_file().try_clone()?)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    sync_folder(&File::open(folder)?).map(drop)
}

/// What comes before the drawn part in the names that [`replace`] writes under.
fn replacing_prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.")
}

/// Removes what a process left beside `path` that was killed in [`replace`], or (after [`ABANDONED`]) while
/// it wrote any other new file. The caller is the only one that replaces it.
pub(super) fn sweep(path: &Path) -> io::Result<()> {
    let prefix = replacing_prefix(path);
    for entry in std::fs::read_dir(folder_of(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_ours = is_drawn(name, &prefix, REPLACING_SUFFIX)
            || is_left_over(name) && is_abandoned(&entry.metadata()?);
        if is_ours && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Nobody writes a file so long without a byte: `decrypt` or `keygen` may be at work beside a run.
const ABANDONED: Duration = Duration::from_secs(3600);

fn is_abandoned(metadata: &Metadata) -> bool {
    let age = metadata
        .modified()
        .ok()
        .and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age > ABANDONED)
}

/// Whether a folder's entries can be brought to disk at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FolderSync {
    /// They are on disk.
    Done,
    /// The file system knows no such thing: they come to disk when it likes.
    NotOffered,
}

/// Brings a folder's entries to disk, where its file system offers that (fsync(2): SMB, 9p and some FUSE
/// file systems answer EINVAL).
pub(crate) fn sync_folder(folder: &File) -> io::Result<FolderSync> {
    match rustix::fs::fsync(folder) {
        Ok(()) => Ok(FolderSync::Done),
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(FolderSync::NotOffered),
        Err(error) => Err(error.into()),
    }
}

/// Gives the file `from` the name `to` beside it, in place of whatever had that name.
pub(super) fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder(&File::open(folder_of(to))?).map(drop)
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
    is_drawn(name, PREFIX, SUFFIX)
}

fn is_drawn(name: &str, prefix: &str, suffix: &str) -> bool {
    name.strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(suffix))
        .is_some_and(|drawn| !drawn.is_empty() && drawn.bytes().all(|c| c.is_ascii_alphanumeric()))
}

/// None on file systems that know no files without a name.
fn unnamed(folder: &File) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, ".", flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => owners_alone(descriptor.into()).map(Some),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
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
    fn what_a_killed_process_left_is_swept_and_nothing_else() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let ours = [".status.xml.a1B2c3.part", ".courier-old123.partial"];
        let others = [
            "status.xml",
            ".status.xml..part",
            ".status.xml.my-own.part",
            ".status.xml.bak",
            ".other.xml.a1B2c3.part",
            ".courier-new123.partial",
        ];
        for name in ours.iter().chain(&others) {
            fs::write(at(name), "x").unwrap();
        }
        fs::create_dir(at(".status.xml.folder.part")).unwrap();
        let old = std::time::SystemTime::now() - ABANDONED - Duration::from_secs(1);
        for name in [".courier-old123.partial", ".other.xml.a1B2c3.part"] {
            File::options()
                .write(true)
                .open(at(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
        sweep(&at("status.xml")).unwrap();
        assert!(ours.iter().all(|name| !at(name).exists()));
        assert!(others.iter().all(|name| at(name).exists()));
        assert!(at(".status.xml.folder.part").exists());
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
