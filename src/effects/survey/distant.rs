//! A drop-box, looked at over a connection that is made for it and ended at once. As many files are open
//! at a time as the server allows; one that refuses to open more than it said gets fewer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, channel};

use courier_ledger::{Encryption, Failure, FailureClass, Phase, RemoteName, RequestId, Seen};

use super::names::{Sorted, sort};
use super::{Export, Folder, LedgerThere, NO_FILE, Start, Survey, Surveyed, named_by};
use crate::effects::fernet::START_BYTES;
use crate::effects::sftp::{Completed, Concern, Done, DropBox, Endpoint, Listed, Operation};
use crate::effects::status_file;
use crate::effects::waker::Waker;

/// The tickets of what is asked first.
const LIST: u64 = 0;
const READ_LEDGER: u64 = 1;

/// A drop-box that is connected to for each survey.
pub(crate) struct DistantFolder(Endpoint);

impl DistantFolder {
    /// Will connect to `endpoint`.
    #[must_use]
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self(endpoint)
    }
}

impl Surveyed for DistantFolder {
    fn survey(
        &self,
        named: &dyn Fn(&[u8]) -> BTreeSet<RequestId>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Survey, Failure> {
        let conversation = Conversation::begin(&self.0)?;
        let (listed, mut ledger) = conversation.first_answers()?;
        let (known, folder) = match listed {
            Listed::Whole { entries, others } => {
                let Sorted {
                    ledger: seen,
                    exports,
                    temporaries,
                    others,
                } = sort(entries, others, &self.0.temporary);
                if seen.is_some_and(|attributes| attributes.is_no_file()) {
                    ledger = LedgerThere::Unreadable(NO_FILE.to_owned());
                }
                let known = exports
                    .into_iter()
                    .map(|(result, attributes)| {
                        (result, (attributes.size_bytes, attributes.is_no_file()))
                    })
                    .collect();
                (
                    known,
                    Folder::Listed {
                        temporaries,
                        others,
                    },
                )
            }
            Listed::Refused(words) => {
                let sizes = conversation.sizes(named_by(&ledger, named))?;
                let known = sizes
                    .into_iter()
                    .map(|(result, size)| (result, (size, false)))
                    .collect();
                (known, Folder::Refused(words))
            }
        };
        let exports = conversation.exports(known, progress)?;
        Ok(Survey {
            ledger,
            exports,
            folder,
            host_key: Some(conversation.drop_box.host_key().to_string()),
        })
    }
}

/// What is known of a file before it is looked into: its size, and whether it is none at all.
type Known = BTreeMap<(RequestId, Encryption), (Option<u64>, bool)>;

/// The question for the published ledger. One byte more than it can have tells that it is too long.
fn read_ledger() -> Operation {
    let most = u32::try_from(status_file::MAX_BYTES).unwrap_or(u32::MAX);
    Operation::Excerpt {
        name: RemoteName::ledger(),
        length: most.saturating_add(1),
        concern: Concern::Survey,
    }
}

/// What the answer to it says.
fn ledger_there(answer: Result<Done, Failure>) -> LedgerThere {
    match answer {
        Ok(Done::Excerpt(Some(bytes))) if bytes.len() as u64 > status_file::MAX_BYTES => {
            let most = status_file::MAX_BYTES;
            LedgerThere::Unreadable(format!(
                "it has more than {most} bytes, which no status.xml has"
            ))
        }
        Ok(Done::Excerpt(Some(bytes))) => LedgerThere::Document(bytes),
        Ok(_) => LedgerThere::Nothing,
        Err(failure) => LedgerThere::Unreadable(failure.text),
    }
}

/// A connection on which one question after the other is put.
struct Conversation {
    drop_box: DropBox,
    answers: Receiver<Completed>,
}

impl Conversation {
    fn begin(endpoint: &Endpoint) -> Result<Self, Failure> {
        let (sender, answers) = channel();
        let waker = Waker::new().map_err(|error| {
            failure(
                Phase::Connect,
                format!("the drop-box cannot be served: {error}"),
            )
        })?;
        let drop_box = DropBox::connect(endpoint, waker, move |done| {
            let _unheard = sender.send(done);
        })
        .map_err(|error| error.failure())?;
        Ok(Self { drop_box, answers })
    }

    fn ask(&self, ticket: u64, operation: Operation) {
        self.drop_box.submit(ticket, operation);
    }

    /// The next end of a question, whichever; the end of the connection is a failure.
    fn next(&self) -> Result<(u64, Result<Done, Failure>), Failure> {
        let Ok(Completed { ticket, result }) = self.answers.recv() else {
            return Err(not_answered());
        };
        match result {
            Ok(done) => Ok((ticket, Ok(done))),
            Err(error) if error.connection_lost => Err(error.failure),
            Err(error) => Ok((ticket, Err(error.failure))),
        }
    }

    /// What is in the folder, and the published ledger.
    fn first_answers(&self) -> Result<(Listed, LedgerThere), Failure> {
        self.ask(LIST, Operation::List);
        self.ask(READ_LEDGER, read_ledger());
        let (mut listed, mut ledger) = (None, None);
        for _ in [LIST, READ_LEDGER] {
            match self.next()? {
                (LIST, result) => listed = Some(result),
                (_, result) => ledger = Some(result),
            }
        }
        // A server may have as many as one file open at a time, and not say so.
        let listed = self.once_more(LIST, listed, || Operation::List)?;
        let ledger = self.once_more(READ_LEDGER, ledger, read_ledger)?;
        let Done::Listed(listed) = listed? else {
            return Err(not_answered());
        };
        Ok((listed, ledger_there(ledger)))
    }

    /// The end of a question, put again where nothing else is under way any more and that may help.
    fn once_more(
        &self,
        ticket: u64,
        result: Option<Result<Done, Failure>>,
        question: impl FnOnce() -> Operation,
    ) -> Result<Result<Done, Failure>, Failure> {
        match result {
            Some(Err(failure)) if failure.class == FailureClass::Transient => {
                self.ask(ticket, question());
                self.next().map(|(_, result)| result)
            }
            Some(result) => Ok(result),
            None => Err(not_answered()),
        }
    }

    /// The sizes of these results, as far as they are shown; those that are not there are left out.
    fn sizes(
        &self,
        results: BTreeSet<(RequestId, Encryption)>,
    ) -> Result<BTreeMap<(RequestId, Encryption), Option<u64>>, Failure> {
        let asked: BTreeMap<u64, _> = (0..).zip(results).collect();
        for (ticket, (request, encryption)) in &asked {
            let name = RemoteName::result(*request, *encryption);
            self.ask(*ticket, Operation::Look { name });
        }
        let mut sizes = BTreeMap::new();
        for _ in 0..asked.len() {
            let (ticket, answer) = self.next()?;
            let Some(result) = asked.get(&ticket) else {
                continue;
            };
            match answer {
                Ok(Done::Seen(Seen::Absent)) => {}
                Ok(Done::Seen(Seen::Present(size))) => {
                    sizes.insert(*result, size);
                }
                // It may be there all the same.
                _ => {
                    sizes.insert(*result, None);
                }
            }
        }
        Ok(sizes)
    }

    /// How each of these files begins.
    fn exports(
        &self,
        known: Known,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<BTreeMap<(RequestId, Encryption), Export>, Failure> {
        let of = known.len();
        let mut exports = BTreeMap::new();
        let mut waiting = VecDeque::new();
        for (ticket, (result, (size_bytes, is_no_file))) in (0..).zip(known) {
            if is_no_file {
                let start = Start::Unreadable(NO_FILE.to_owned());
                exports.insert(result, Export { size_bytes, start });
            } else {
                waiting.push_back((ticket, result, size_bytes));
            }
        }
        let mut done = exports.len();
        let mut window = self.drop_box.open_files();
        let mut open = BTreeMap::new();
        while !(waiting.is_empty() && open.is_empty()) {
            while open.len() < window
                && let Some((ticket, result, size_bytes)) = waiting.pop_front()
            {
                open.insert(ticket, (result, size_bytes));
                let (request, encryption) = result;
                self.ask(
                    ticket,
                    Operation::Excerpt {
                        name: RemoteName::result(request, encryption),
                        length: START_BYTES,
                        concern: Concern::Survey,
                    },
                );
            }
            let (ticket, answer) = self.next()?;
            let Some((result, size_bytes)) = open.remove(&ticket) else {
                continue;
            };
            let start = match answer {
                Ok(Done::Excerpt(Some(bytes))) => Some(Start::Bytes(bytes)),
                // It was taken away in the meantime.
                Ok(_) => None,
                Err(failure) if failure.class == FailureClass::Transient && !open.is_empty() => {
                    // It may be one open file too many.
                    window = open.len();
                    waiting.push_back((ticket, result, size_bytes));
                    continue;
                }
                Err(failure) => Some(Start::Unreadable(failure.text)),
            };
            if let Some(start) = start {
                exports.insert(result, Export { size_bytes, start });
            }
            done += 1;
            progress(done, of);
        }
        Ok(exports)
    }
}

fn not_answered() -> Failure {
    failure(
        Phase::Look,
        "the connection to the drop-box has ended".to_owned(),
    )
}

fn failure(phase: Phase, text: String) -> Failure {
    Failure {
        phase,
        class: FailureClass::Transient,
        text,
    }
}
