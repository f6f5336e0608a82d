//! Whether a file is there: asked of its name, and asked in another way where the answer is neither yes
//! nor no. Some servers say "failure" of what is not there; what they say of the name through links, and
//! last the list of its folder, tells. Performs no I/O.
//!
//! What always holds: nothing counts as absent that the server did not show to be absent. Deliberately
//! absent: another way where looking is forbidden; what cannot be seen is said to be unseen.

use std::marker::PhantomData;

use courier_ledger::Unseen;

use super::answer::{Answer, Handle, Said, Sighted};
use super::outbox::Requests;
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::names::Names;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// What was seen under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// A file.
    Present(Attributes),
    /// Nothing.
    Absent,
    /// The server does not tell.
    Unseen(Status),
}

impl Sight {
    /// What one answer shows.
    pub(crate) fn of(said: Said<Attributes>) -> Self {
        match said {
            Ok(attributes) => Self::Present(attributes),
            Err(status) if status.code.is_absent() => Self::Absent,
            Err(status) => Self::Unseen(status),
        }
    }

    /// Why nothing was seen, where that is so.
    pub(crate) fn unseen(&self) -> Option<Unseen> {
        match self {
            Self::Unseen(status) if status.code.is_denied() => Some(Unseen::Forbidden),
            Self::Unseen(_) => Some(Unseen::Untold),
            Self::Present(_) | Self::Absent => None,
        }
    }

    /// Whether `later` certainly shows another file than this shows. The times of a server have whole
    /// seconds: what is alike is not therefore the same.
    pub(crate) fn is_other_than(&self, later: Attributes) -> bool {
        match self {
            Self::Absent => true,
            Self::Present(earlier) => {
                let differ = |one: Option<u64>, other: Option<u64>| {
                    one.zip(other).is_some_and(|(one, other)| one != other)
                };
                differ(earlier.size_bytes, later.size_bytes)
                    || differ(
                        earlier.modified.map(u64::from),
                        later.modified.map(u64::from),
                    )
            }
            Self::Unseen(_) => false,
        }
    }
}

/// Who asks: what the answers to its question become.
pub(crate) trait Question {
    /// The answer that this one is.
    fn answer(sighted: Sighted) -> Answer;
}

/// A sighting under way, or what it saw.
pub(crate) struct Sighting<Q> {
    path: String,
    state: State,
    question: PhantomData<Q>,
}

enum State {
    /// The name is asked for.
    Asking,
    /// It is asked for through links: the answer was neither yes nor no.
    AskingAgain,
    /// Its folder is being opened.
    Opening(Status),
    /// Its folder is being read.
    Reading(Status, Handle),
    /// Its folder is being closed.
    Closing(Sight),
    /// This was seen.
    Saw(Sight),
}

impl<Q: Question> Sighting<Q> {
    /// Asks whether there is a file at `path`.
    pub(crate) fn begin(path: &str, out: &mut Requests<'_>) -> Self {
        out.look(Request::Lstat { path }, |said| {
            Q::answer(Sighted::Told(said))
        });
        Self::in_state(path.to_owned(), State::Asking)
    }

    /// One that is over.
    pub(crate) fn saw(sight: Sight) -> Self {
        Self::in_state(String::new(), State::Saw(sight))
    }

    fn in_state(path: String, state: State) -> Self {
        Self {
            path,
            state,
            question: PhantomData,
        }
    }

    /// What was seen, once it is known.
    pub(crate) fn sight(&self) -> Option<&Sight> {
        match &self.state {
            State::Saw(sight) => Some(sight),
            State::Asking
            | State::AskingAgain
            | State::Opening(_)
            | State::Reading(..)
            | State::Closing(_) => None,
        }
    }

    /// Takes an answer, and asks what comes next.
    pub(crate) fn answer(&mut self, sighted: Sighted, out: &mut Requests<'_>) {
        use Sighted::{Closed, Named, Opened, Told};
        let unseen = |status: Status| State::Saw(Sight::Unseen(status));
        let state = std::mem::replace(&mut self.state, State::Asking);
        self.state = match (state, sighted) {
            (State::Asking, Told(Err(status))) if is_no_answer(&status) => {
                let path = &self.path;
                out.look(Request::Stat { path }, |said| {
                    Q::answer(Sighted::Told(said))
                });
                State::AskingAgain
            }
            (State::AskingAgain, Told(Err(status))) if is_no_answer(&status) => {
                let path = folder_of(&self.path);
                out.open(Request::OpenFolder { path }, |said| {
                    Q::answer(Sighted::Opened(said))
                });
                State::Opening(status)
            }
            (State::Asking | State::AskingAgain, Told(said)) => State::Saw(Sight::of(said)),
            (State::Opening(status), Opened(Ok(handle))) => {
                ask_for_names::<Q>(&handle, out);
                State::Reading(status, handle)
            }
            // What it said of the name is closer to the matter.
            (State::Opening(status), Opened(Err(_))) => unseen(status),
            (State::Reading(status, handle), Named(said)) => {
                match listed(said, name_of(&self.path), status) {
                    Ok(sight) => {
                        let handle = &handle;
                        out.act(Request::Close { handle }, |_| Q::answer(Sighted::Closed));
                        State::Closing(sight)
                    }
                    Err(status) => {
                        ask_for_names::<Q>(&handle, out);
                        State::Reading(status, handle)
                    }
                }
            }
            (State::Closing(sight), Closed) => State::Saw(sight),
            // It asks one thing at a time: nothing else can be answered.
            (state, Told(_) | Opened(_) | Named(_) | Closed) => state,
        };
    }
}

/// Whether it says neither that the file is there nor that it is not, nor that looking is forbidden.
fn is_no_answer(status: &Status) -> bool {
    !(status.code.is_absent() || status.code.is_denied())
}

fn ask_for_names<Q: Question>(handle: &[u8], out: &mut Requests<'_>) {
    out.names(Request::ReadFolder { handle }, |said| {
        Q::answer(Sighted::Named(said))
    });
}

/// What some of the folder's names show of this one; the status when there may be more of them.
fn listed(said: Said<Names>, name: &str, status: Status) -> Result<Sight, Status> {
    match said {
        Ok(names) => match names.entries.iter().find(|entry| entry.name == name) {
            Some(entry) => Ok(Sight::Present(entry.attributes)),
            None if names.is_empty => Ok(Sight::Absent),
            None => Err(status),
        },
        Err(end) if end.code == StatusCode::EOF => Ok(Sight::Absent),
        Err(_) => Ok(Sight::Unseen(status)),
    }
}

/// The folder that holds `path`, as the server knows it.
pub(crate) fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

/// The name that `path` ends with.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
