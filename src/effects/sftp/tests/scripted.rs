//! A drop-box server in memory for tests: it speaks the bytes of SFTP v3, keeps files in a map, and
//! misbehaves exactly where it is told to. Requests are carried out in the order in which they come.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use crate::effects::sftp::protocol::operation::{Completed, Operation};
use crate::effects::sftp::protocol::outbox::{Bounds, Capabilities};
use crate::effects::sftp::protocol::pipeline::Pipeline;
use crate::effects::sftp::protocol::recipe::{Placing, Recipe, Verification};
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::packet::FrameBuffer;
use crate::effects::sftp::wire::reply::{Room, encoded};
use crate::effects::sftp::wire::request::decoded::{Decoded, decode};
use crate::effects::sftp::wire::status::StatusCode;
use crate::effects::source::{Available, Source};

/// By a rename, confirmed by its size.
pub(crate) const AS_USUAL: Recipe = Recipe {
    placing: Placing::Rename,
    verification: Verification::Size,
};

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused.
    Refuse(u32),
    /// It is carried out, and the answer is that it was refused.
    Deny(u32),
    /// It is not carried out, and the answer is that it was; a file that is looked at has this size.
    Pretend(u64),
    /// The connection ends before it is carried out.
    CutBefore,
    /// The connection ends after it was carried out, before the answer.
    CutAfter,
    /// It is carried out, and never answered.
    Silence,
}

/// How a server behaves throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) posix_rename: bool,
    pub(crate) fsync: bool,
    /// Whether a plain rename replaces what stands at the target.
    pub(crate) rename_overwrites: bool,
    /// What a rename onto an existing file, and the creation of one, is refused with.
    pub(crate) exists: StatusCode,
    /// Whether looking at files is denied.
    pub(crate) blind: bool,
    /// Whether every file is taken away as soon as it is in place.
    pub(crate) picks_up: bool,
    /// Bytes that are lost from the end of every file, on a disk that hides it.
    pub(crate) loses_bytes: usize,
    /// Whether the last byte of every write is stored as another one.
    pub(crate) garbles: bool,
    /// Bytes that one answer to a READ has at most.
    pub(crate) most_read: usize,
    /// Whether listing the folder is denied.
    pub(crate) hides_folder: bool,
    /// Names that one answer to a READDIR has at most.
    pub(crate) most_names: usize,
    /// Whether a folder that has ended is said so by an answer without a name.
    pub(crate) ends_without_a_name: bool,
    /// Files that may be open at once, which it does not tell.
    pub(crate) most_open: usize,
    /// Bytes that one WRITE may have at most; longer ones are refused.
    pub(crate) most_write: usize,
    /// Bytes that all files may have; more is refused with "failure".
    pub(crate) room: Option<usize>,
    /// What is said of a file that is not there.
    pub(crate) absent: StatusCode,
    /// Whether a file cannot be created on the condition that it must not exist.
    pub(crate) refuses_exclusive: bool,
    /// Whether only the names of a folder tell what is there.
    pub(crate) looks_fail: bool,
    /// Whether the folder lists the files, and not what was prepared.
    pub(crate) lists_files: bool,
    /// What the creation of a file whose name begins with a dot is refused with.
    pub(crate) refuses_dots: Option<StatusCode>,
    /// Whether a file is taken away as soon as it is closed, unless its name ends so.
    pub(crate) collects_all_but: Option<&'static str>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            posix_rename: true,
            fsync: true,
            rename_overwrites: false,
            exists: StatusCode::FAILURE,
            blind: false,
            picks_up: false,
            loses_bytes: 0,
            garbles: false,
            most_read: usize::MAX,
            hides_folder: false,
            most_names: usize::MAX,
            ends_without_a_name: false,
            most_open: usize::MAX,
            most_write: usize::MAX,
            room: None,
            absent: StatusCode::NO_SUCH_FILE,
            refuses_exclusive: false,
            looks_fail: false,
            lists_files: false,
            refuses_dots: None,
            collects_all_but: None,
        }
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) manner: Manner,
    /// Faults by the number of the request.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// Which requests they may fall on; all where nothing is said.
    pub(crate) only_of: Option<fn(&Decoded) -> bool>,
    /// How many fell on one.
    pub(crate) told: usize,
    /// Every request, in order.
    pub(crate) log: Vec<Decoded>,
    /// Every state of `watched`.
    pub(crate) history: Vec<Option<Vec<u8>>>,
    pub(crate) watched: String,
    /// What is in the folder besides, as it is listed.
    pub(crate) listed: VecDeque<Vec<u8>>,
    pub(crate) open: BTreeMap<Vec<u8>, String>,
    folders: BTreeMap<Vec<u8>, VecDeque<Vec<u8>>>,
    /// When a file was changed: the number of the change.
    changed: BTreeMap<String, u32>,
    changes: u32,
    opened: u64,
    frames: FrameBuffer,
    cut: bool,
    pub(crate) most_open: usize,
}

impl Server {
    pub(crate) fn new(manner: Manner) -> Self {
        Self {
            files: BTreeMap::new(),
            manner,
            faults: BTreeMap::new(),
            only_of: None,
            told: 0,
            log: Vec::new(),
            history: Vec::new(),
            watched: String::new(),
            listed: VecDeque::new(),
            open: BTreeMap::new(),
            folders: BTreeMap::new(),
            changed: BTreeMap::new(),
            changes: 0,
            opened: 0,
            frames: FrameBuffer::default(),
            cut: false,
            most_open: 0,
        }
    }

    /// The next connection to it, after one that was cut: nothing is open, nothing goes wrong any more.
    pub(crate) fn connects_anew(&mut self) {
        self.faults.clear();
        self.open.clear();
        self.folders.clear();
        self.frames = FrameBuffer::default();
        self.cut = false;
    }

    /// Takes bytes and gives answers, or `None` when it cuts the connection.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.frames.extend(bytes);
        let mut answers = Vec::new();
        while let Some(packet) = self.frames.next_packet().unwrap() {
            let (id, request) = decode(packet).unwrap();
            let fault = self.faults.get(&self.log.len()).copied();
            let fault = fault.filter(|_| self.only_of.is_none_or(|of| of(&request)));
            self.told += usize::from(fault.is_some());
            self.log.push(request.clone());
            match fault {
                Some(Fault::Refuse(code)) => {
                    if let Decoded::Close { handle } = &request {
                        self.open.remove(handle);
                    }
                    encoded::status(id, StatusCode(code), "scripted", &mut answers);
                }
                Some(Fault::Deny(code)) => {
                    self.carry_out(id, request, &mut Vec::new());
                    encoded::status(id, StatusCode(code), "scripted", &mut answers);
                }
                Some(Fault::Pretend(size)) => self.pretend(id, &request, size, &mut answers),
                Some(Fault::CutBefore) => {
                    self.cut = true;
                    return None;
                }
                Some(Fault::CutAfter) => {
                    self.carry_out(id, request, &mut Vec::new());
                    self.cut = true;
                    return None;
                }
                Some(Fault::Silence) => self.carry_out(id, request, &mut Vec::new()),
                None => self.carry_out(id, request, &mut answers),
            }
            self.history.push(self.files.get(&self.watched).cloned());
        }
        Some(answers)
    }

    fn pretend(&mut self, id: u32, request: &Decoded, size: u64, answers: &mut Vec<u8>) {
        match request {
            Decoded::OpenNew { path }
            | Decoded::OpenOver { path }
            | Decoded::OpenRead { path }
            | Decoded::OpenFolder { path } => self.keep_open(id, path.clone(), answers),
            Decoded::Lstat { .. } | Decoded::Stat { .. } | Decoded::Fstat { .. } => {
                let attributes = Attributes {
                    size_bytes: Some(size),
                    permissions: Some(0o100_644),
                    modified: Some(0),
                };
                encoded::attributes(id, attributes, answers);
            }
            Decoded::Read { .. } => encoded::data(id, b"?", answers),
            Decoded::ReadFolder { .. } => encoded::names(id, &[], answers),
            Decoded::Close { handle } => {
                self.open.remove(handle);
                encoded::status(id, StatusCode::OK, "", answers);
            }
            Decoded::Write { .. }
            | Decoded::Fsync { .. }
            | Decoded::Remove { .. }
            | Decoded::Rename { .. }
            | Decoded::PosixRename { .. } => encoded::status(id, StatusCode::OK, "", answers),
            Decoded::Room { .. } => encoded::status(id, StatusCode::FAILURE, "", answers),
            Decoded::Init { .. } | Decoded::Limits => panic!("not part of an operation"),
        }
    }

    fn stored(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }

    fn change(&mut self, path: &str) {
        self.changes += 1;
        self.changed.insert(path.to_owned(), self.changes);
    }

    fn carry_out(&mut self, id: u32, request: Decoded, answers: &mut Vec<u8>) {
        let mut code = StatusCode::OK;
        match request {
            Decoded::OpenNew { .. } | Decoded::OpenOver { .. } | Decoded::OpenRead { .. }
                if self.open.len() >= self.manner.most_open =>
            {
                code = StatusCode::FAILURE;
            }
            Decoded::OpenNew { ref path } | Decoded::OpenOver { ref path }
                if path.contains("/.")
                    && let Some(refusal) = self.manner.refuses_dots =>
            {
                code = refusal;
            }
            Decoded::OpenNew { .. } if self.manner.refuses_exclusive => {
                code = StatusCode::FAILURE;
            }
            Decoded::OpenNew { path } if self.files.contains_key(&path) => {
                code = self.manner.exists;
            }
            Decoded::OpenNew { path } | Decoded::OpenOver { path } => {
                self.files.insert(path.clone(), Vec::new());
                self.change(&path);
                return self.keep_open(id, path, answers);
            }
            Decoded::OpenRead { .. } if self.manner.blind => code = StatusCode::PERMISSION_DENIED,
            Decoded::OpenRead { path } if self.files.contains_key(&path) => {
                return self.keep_open(id, path, answers);
            }
            Decoded::OpenRead { .. } => code = self.manner.absent,
            Decoded::Read {
                handle,
                offset,
                length,
            } => {
                let file = self.files.get(&self.open[&handle]);
                let offset = usize::try_from(offset).unwrap();
                let length = usize::try_from(length).unwrap();
                let rest = file.and_then(|file| file.get(offset..)).unwrap_or_default();
                let count = rest.len().min(length).min(self.manner.most_read);
                if count > 0 {
                    return encoded::data(id, &rest[..count], answers);
                }
                code = StatusCode::EOF;
            }
            Decoded::OpenFolder { .. } if self.manner.hides_folder => {
                code = StatusCode::PERMISSION_DENIED;
            }
            Decoded::OpenFolder { path } => {
                let name = |path: &String| Some(path.strip_prefix("box/")?.as_bytes().to_vec());
                let names = if self.manner.lists_files {
                    self.files.keys().filter_map(name).collect()
                } else {
                    std::mem::take(&mut self.listed)
                };
                self.folders
                    .insert((self.opened + 1).to_be_bytes().to_vec(), names);
                return self.keep_open(id, path, answers);
            }
            Decoded::ReadFolder { handle } => {
                assert_eq!(self.open[&handle], "box");
                let left = self.folders.entry(handle).or_default();
                let count = left.len().min(self.manner.most_names);
                let told = Attributes {
                    size_bytes: Some(3),
                    permissions: Some(0o100_644),
                    modified: None,
                };
                let names: Vec<_> = left.drain(..count).collect();
                let names: Vec<_> = names.iter().map(|name| (&name[..], told)).collect();
                if count > 0 || self.manner.ends_without_a_name {
                    return encoded::names(id, &names, answers);
                }
                code = StatusCode::EOF;
            }
            Decoded::Write { data, .. } if data.len() > self.manner.most_write => {
                code = StatusCode::FAILURE;
            }
            Decoded::Write { data, .. }
                if self
                    .manner
                    .room
                    .is_some_and(|room| self.stored() + data.len() > room) =>
            {
                code = StatusCode::FAILURE;
            }
            Decoded::Room { path } => {
                assert_eq!(path, "box");
                let room = self.manner.room.unwrap();
                let room = Room {
                    free_bytes: (room - self.stored()) as u64,
                    total_bytes: 3 << 20,
                };
                return encoded::room(id, room, answers);
            }
            Decoded::Write {
                handle,
                offset,
                data,
            } => {
                let path = self.open[&handle].clone();
                let Some(file) = self.files.get_mut(&path) else {
                    return encoded::status(id, StatusCode::FAILURE, "", answers);
                };
                let offset = usize::try_from(offset).unwrap();
                let keep = data.len() - data.len().min(self.manner.loses_bytes);
                file.resize(file.len().max(offset + keep), 0);
                file[offset..offset + keep].copy_from_slice(&data[..keep]);
                if let Some(last) = file.last_mut().filter(|_| self.manner.garbles) {
                    *last ^= 1;
                }
                self.change(&path);
            }
            Decoded::Fsync { handle } => assert!(self.open.contains_key(&handle)),
            Decoded::Close { handle } => {
                let path = self.open.remove(&handle).unwrap();
                let collected = self.manner.collects_all_but;
                if collected.is_some_and(|kept| !path.ends_with(kept)) {
                    self.files.remove(&path);
                }
                if self.manner.picks_up && path == self.watched {
                    self.history.push(self.files.remove(&path));
                }
            }
            Decoded::Fstat { handle } => {
                let path = self.open[&handle].clone();
                return self.look(id, &path, answers);
            }
            Decoded::Stat { path } | Decoded::Lstat { path } => {
                return self.look(id, &path, answers);
            }
            Decoded::Remove { path } => {
                if self.files.remove(&path).is_none() {
                    code = self.manner.absent;
                }
            }
            Decoded::Rename { from, to } => {
                if self.files.contains_key(&to) && !self.manner.rename_overwrites {
                    code = self.manner.exists;
                } else {
                    code = self.rename(&from, to);
                }
            }
            Decoded::PosixRename { from, to } => {
                code = if self.manner.posix_rename {
                    self.rename(&from, to)
                } else {
                    StatusCode::UNSUPPORTED
                };
            }
            Decoded::Init { .. } | Decoded::Limits => panic!("not part of an operation"),
        }
        encoded::status(id, code, "", answers);
    }

    fn keep_open(&mut self, id: u32, path: String, answers: &mut Vec<u8>) {
        self.opened += 1;
        let handle = self.opened.to_be_bytes().to_vec();
        self.open.insert(handle.clone(), path);
        self.most_open = self.most_open.max(self.open.len());
        encoded::handle(id, &handle, answers);
    }

    fn rename(&mut self, from: &str, to: String) -> StatusCode {
        match self.files.remove(from) {
            Some(bytes) => {
                self.files.insert(to.clone(), bytes);
                if let Some(changed) = self.changed.remove(from) {
                    self.changed.insert(to.clone(), changed);
                }
                if self.manner.picks_up {
                    self.history.push(self.files.remove(&to));
                }
                StatusCode::OK
            }
            None => self.manner.absent,
        }
    }

    fn look(&self, id: u32, path: &str, answers: &mut Vec<u8>) {
        match self.files.get(path) {
            _ if self.manner.blind => {
                encoded::status(id, StatusCode::PERMISSION_DENIED, "", answers);
            }
            Some(_) if self.manner.looks_fail => {
                encoded::status(id, StatusCode::FAILURE, "", answers);
            }
            Some(bytes) => {
                let size_bytes = Some(bytes.len() as u64);
                let attributes = Attributes {
                    size_bytes,
                    permissions: Some(0o100_644),
                    modified: self.changed.get(path).copied(),
                };
                encoded::attributes(id, attributes, answers);
            }
            None => encoded::status(id, self.manner.absent, "", answers),
        }
    }
}

/// A source of prepared pieces; `None` says that there is nothing now, `Err` that it broke.
pub(crate) struct Pieces {
    all: Vec<Result<Option<Vec<u8>>, ()>>,
    left: VecDeque<Result<Option<Vec<u8>>, ()>>,
}

impl Pieces {
    pub(crate) fn new(all: Vec<Result<Option<Vec<u8>>, ()>>) -> Box<Self> {
        // Nothing may be read before the restart.
        Box::new(Self {
            all,
            left: VecDeque::from([Err(())]),
        })
    }

    pub(crate) fn whole(bytes: &[u8]) -> Box<Self> {
        Self::new(vec![Ok(Some(bytes.to_vec()))])
    }
}

impl Source for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        match self.left.pop_front() {
            None => Ok(Available::End),
            Some(Ok(None)) => Ok(Available::Pending),
            Some(Err(())) => Err(io::Error::other("scripted")),
            Some(Ok(Some(mut piece))) => {
                if piece.is_empty() {
                    return self.read(buffer);
                }
                let count = piece.len().min(buffer.len());
                buffer[..count].copy_from_slice(&piece[..count]);
                if count < piece.len() {
                    self.left.push_front(Ok(Some(piece.split_off(count))));
                }
                Ok(Available::Bytes(count))
            }
        }
    }

    fn restart(&mut self) -> io::Result<()> {
        self.left = self.all.clone().into();
        Ok(())
    }
}

pub(crate) const BOUNDS: Bounds = Bounds {
    open_files: 4,
    unacknowledged_bytes: 64,
    write_bytes: 16,
    read_bytes: 20,
    operation: Duration::from_secs(100),
    cleanup: Duration::from_secs(10),
};

/// A pipeline for a server of this manner.
pub(crate) fn pipeline(manner: Manner, bounds: Bounds) -> Pipeline {
    pipeline_with(manner, bounds, AS_USUAL)
}

/// The same, for another recipe.
pub(crate) fn pipeline_with(manner: Manner, bounds: Bounds, recipe: Recipe) -> Pipeline {
    let capabilities = Capabilities {
        posix_rename: manner.posix_rename,
        fsync: manner.fsync,
        statvfs: manner.room.is_some(),
        refuses_exclusive: false,
    };
    Pipeline::new("box".to_owned(), recipe, bounds, capabilities)
}

/// Runs operations to their end, the wire taking and giving `cut` bytes at a time. Time stands still
/// until nothing moves; then it leaps.
pub(crate) fn run(
    pipeline: &mut Pipeline,
    server: &mut Server,
    operations: Vec<(u64, Operation)>,
    cut: usize,
) -> Vec<Completed> {
    let wanted = operations.len();
    for (ticket, operation) in operations {
        pipeline.submit(ticket, operation);
    }
    let mut completed = Vec::new();
    let mut now = Instant::now();
    let mut leaps = 0;
    while completed.len() < wanted {
        pipeline.source_ready();
        pipeline.pump(now);
        let mut moved = false;
        if !pipeline.pending().is_empty() {
            let piece = pipeline.pending()[..cut.min(pipeline.pending().len())].to_vec();
            pipeline.sent(piece.len());
            moved = true;
            match server.receive(&piece) {
                Some(answers) => {
                    for piece in answers.chunks(cut) {
                        pipeline.receive(piece, now).unwrap();
                    }
                }
                None => pipeline.lost("scripted"),
            }
        }
        if !moved {
            // Sources that had nothing once are asked again first.
            leaps += 1;
            if leaps % 4 == 0 {
                now += Duration::from_secs(30);
            }
            assert!(leaps < 1000, "it never ends");
            if pipeline.tick(now).is_err() {
                pipeline.lost("stalled");
            }
        }
        while let Some(done) = pipeline.next_completed() {
            completed.push(done);
        }
    }
    completed
}
