//! The SFTP subsystem over one folder: requests are served in the order in which they came.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use russh_sftp::protocol::{
    Attrs, Data, ExtendedReply, File as Listed, FileAttributes, Handle, Name, OpenFlags, Packet,
    Status, StatusCode, Version,
};
use russh_sftp::server::Handler;

use super::EmbeddedSftpSettings;

const POSIX_RENAME: &str = "posix-rename@openssh.com";
const FSYNC: &str = "fsync@openssh.com";
const LIMITS: &str = "limits@openssh.com";
/// What a WRITE holds beside its data and its handle, at most: length, type, id, offset, two lengths.
const WRITE_FRAME_BYTES: u32 = 4 + 1 + 4 + 4 + 64 + 8 + 4;
/// Largest read that is answered, in bytes.
const MAX_READ_BYTES: u32 = 256 * 1024;
/// Names in one answer at most, as with OpenSSH.
const MOST_NAMES: usize = 100;

pub(super) struct Files {
    root: PathBuf,
    settings: EmbeddedSftpSettings,
    open: HashMap<String, Open>,
    opened: u64,
}

enum Open {
    File(File),
    Folder(Vec<Listed>),
}

type Reply<T> = Result<T, StatusCode>;

impl Files {
    pub(super) fn new(root: PathBuf, settings: EmbeddedSftpSettings) -> Self {
        Self {
            root,
            settings,
            open: HashMap::new(),
            opened: 0,
        }
    }

    /// A client's path inside the folder; `..` leads nowhere.
    fn path(&self, text: &str) -> Reply<PathBuf> {
        let mut path = self.root.clone();
        for component in Path::new(text).components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(StatusCode::PermissionDenied);
                }
            }
        }
        Ok(path)
    }

    fn keep(&mut self, id: u32, open: Open) -> Handle {
        self.opened += 1;
        let handle = self.opened.to_string();
        self.open.insert(handle.clone(), open);
        Handle { id, handle }
    }

    /// What `limits@openssh.com` is answered with (OpenSSH's PROTOCOL, section 4.8).
    fn limits(&self, id: u32) -> Reply<Packet> {
        let packet = self
            .settings
            .packet_bytes
            .ok_or(StatusCode::OpUnsupported)?;
        let data = u64::from(packet.saturating_sub(WRITE_FRAME_BYTES));
        // 0 stands for "not told".
        let open_files = u64::try_from(self.settings.open_files).unwrap_or(0);
        let open_files = if open_files == u64::MAX {
            0
        } else {
            open_files
        };
        let told = [u64::from(packet), data, data, open_files];
        let data = told.iter().flat_map(|limit| limit.to_be_bytes()).collect();
        Ok(Packet::ExtendedReply(ExtendedReply { id, data }))
    }

    fn file(&self, handle: &str) -> Reply<&File> {
        match self.open.get(handle) {
            Some(Open::File(file)) => Ok(file),
            Some(Open::Folder(_)) | None => Err(StatusCode::Failure),
        }
    }
}

fn done(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: "Ok".to_owned(),
        language_tag: String::new(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function for map_err"
)]
fn refused(error: io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    }
}

fn attributes(metadata: &fs::Metadata) -> FileAttributes {
    FileAttributes {
        size: Some(metadata.len()),
        permissions: Some(metadata.mode()),
        ..FileAttributes::empty()
    }
}

/// The first string of a request's data, and what follows it.
fn string(data: &[u8]) -> Reply<(String, &[u8])> {
    let (length, rest) = data
        .split_first_chunk::<4>()
        .ok_or(StatusCode::BadMessage)?;
    let length = u32::from_be_bytes(*length) as usize;
    let text = rest.get(..length).ok_or(StatusCode::BadMessage)?;
    let text = std::str::from_utf8(text).map_err(|_| StatusCode::BadMessage)?;
    Ok((text.to_owned(), rest.get(length..).unwrap_or_default()))
}

impl Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _version: u32, _theirs: HashMap<String, String>) -> Reply<Version> {
        let mut version = Version::new();
        if self.settings.extensions {
            for name in [POSIX_RENAME, FSYNC] {
                version.extensions.insert(name.to_owned(), "1".to_owned());
            }
        }
        if self.settings.packet_bytes.is_some() {
            version.extensions.insert(LIMITS.to_owned(), "1".to_owned());
        }
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        _attributes: FileAttributes,
    ) -> Reply<Handle> {
        if self.open.len() >= self.settings.open_files {
            return Err(StatusCode::Failure);
        }
        let path = self.path(&filename)?;
        let writes = flags.contains(OpenFlags::WRITE);
        let creates = flags.contains(OpenFlags::CREATE);
        let file = OpenOptions::new()
            .read(flags.contains(OpenFlags::READ) || !writes)
            .write(writes)
            .create(creates && writes)
            .create_new(creates && flags.contains(OpenFlags::EXCLUDE))
            .truncate(writes && flags.contains(OpenFlags::TRUNCATE))
            .open(path)
            .map_err(refused)?;
        Ok(self.keep(id, Open::File(file)))
    }

    async fn close(&mut self, id: u32, handle: String) -> Reply<Status> {
        self.open
            .remove(&handle)
            .map(|_| done(id))
            .ok_or(StatusCode::Failure)
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Reply<Data> {
        let mut data = vec![0; len.min(MAX_READ_BYTES) as usize];
        let count = self
            .file(&handle)?
            .read_at(&mut data, offset)
            .map_err(refused)?;
        data.truncate(count);
        if data.is_empty() {
            Err(StatusCode::Eof)
        } else {
            Ok(Data { id, data })
        }
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Reply<Status> {
        let most = self.settings.packet_bytes.unwrap_or(u32::MAX);
        if data.len() > most.saturating_sub(WRITE_FRAME_BYTES) as usize {
            return Err(StatusCode::BadMessage);
        }
        self.file(&handle)?
            .write_all_at(&data, offset)
            .map_err(refused)?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Reply<Attrs> {
        let metadata = fs::symlink_metadata(self.path(&path)?).map_err(refused)?;
        Ok(Attrs {
            id,
            attrs: attributes(&metadata),
        })
    }

    async fn stat(&mut self, id: u32, path: String) -> Reply<Attrs> {
        self.lstat(id, path).await
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Reply<Attrs> {
        let metadata = self.file(&handle)?.metadata().map_err(refused)?;
        Ok(Attrs {
            id,
            attrs: attributes(&metadata),
        })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Reply<Handle> {
        if !self.settings.lists_folders {
            return Err(StatusCode::PermissionDenied);
        }
        let path = self.path(&path)?;
        let itself = fs::metadata(&path).map_err(refused)?;
        let mut listed: Vec<_> = [".", ".."]
            .map(|name| Listed::new(name, attributes(&itself)))
            .into();
        for entry in fs::read_dir(path).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let metadata = entry.metadata().map_err(refused)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            listed.push(Listed::new(name, attributes(&metadata)));
        }
        Ok(self.keep(id, Open::Folder(listed)))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Reply<Name> {
        match self.open.get_mut(&handle) {
            Some(Open::Folder(listed)) if !listed.is_empty() => Ok(Name {
                id,
                files: listed.drain(..listed.len().min(MOST_NAMES)).collect(),
            }),
            Some(Open::Folder(_)) => Err(StatusCode::Eof),
            Some(Open::File(_)) | None => Err(StatusCode::Failure),
        }
    }

    async fn remove(&mut self, id: u32, filename: String) -> Reply<Status> {
        fs::remove_file(self.path(&filename)?).map_err(refused)?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Reply<Name> {
        let path = self.path(&path)?;
        let inside = path.strip_prefix(&self.root).unwrap_or(&path);
        Ok(Name {
            id,
            files: vec![Listed::dummy(format!("/{}", inside.display()))],
        })
    }

    /// As OpenSSH: never onto a name that exists.
    async fn rename(&mut self, id: u32, oldpath: String, newpath: String) -> Reply<Status> {
        let (old, new) = (self.path(&oldpath)?, self.path(&newpath)?);
        // A link, unlike a rename, is refused by the kernel when the name exists.
        fs::hard_link(&old, &new).map_err(refused)?;
        fs::remove_file(&old).map_err(refused)?;
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Reply<Packet> {
        match request.as_str() {
            POSIX_RENAME if self.settings.extensions => {
                let (old, rest) = string(&data)?;
                let (new, _) = string(rest)?;
                fs::rename(self.path(&old)?, self.path(&new)?).map_err(refused)?;
                Ok(Packet::Status(done(id)))
            }
            FSYNC if self.settings.extensions => {
                let (handle, _) = string(&data)?;
                self.file(&handle)?.sync_all().map_err(refused)?;
                Ok(Packet::Status(done(id)))
            }
            LIMITS => self.limits(id),
            _ => Err(StatusCode::OpUnsupported),
        }
    }
}
