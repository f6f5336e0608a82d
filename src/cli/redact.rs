//! `redact`: a copy of the ledger in which events were left out and every hash is there.
//!
//! What always holds here: every byte of the ledger was checked before the copy counts; the ledger is not changed;
//! nothing that exists is overwritten. Deliberately absent: leaving out parts of an event. A hash stands for all of it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use courier_ledger::account::Account;
use courier_ledger::log::{FoldError, Piece, Redactor};
use courier_ledger::{Counted, Entry, LogId, RemoteName, Sequence};

use super::arguments::{Arguments, RedactOptions};
use super::error::{CommandError, NotRedacted};
use super::redacted::{self, Stretches};
use super::subject::Subject;
use super::{ledger, output, parts, wrapped};
use crate::exit_code::ExitCode;

pub(crate) fn redact(
    arguments: &Arguments,
    options: &RedactOptions,
) -> Result<ExitCode, CommandError> {
    let location = parts::location(arguments)?;
    let directory = location.folder();
    let mut copying = Copying::new(options)?;
    let take = |piece| copying.take(piece);
    // What cannot be written is told of the copy, not of the ledger.
    let read = match redacted::is_copy(&location)? {
        true => redacted::read(directory, take).map(|it| it.tip),
        false => {
            let mut take = take;
            ledger::audit(&location, |entry| take(Piece::Kept(entry)), |_| ()).map(|it| it.tip)
        }
    };
    if let Some(error) = copying.failed.take() {
        copying.withdraw();
        return Err(error.into());
    }
    let tip = match read {
        Ok(tip) => tip,
        Err(error) => {
            copying.withdraw();
            return Err(error);
        }
    };
    let checkpoints = copying.end(directory, tip.log)?;
    output::tell(|to| {
        for sentence in copying.told(checkpoints) {
            wrapped::write(to, "", "", &sentence)?;
        }
        Ok(())
    });
    Ok(ExitCode::Done)
}

/// A copy that is being made.
struct Copying<'o> {
    options: &'o RedactOptions,
    subject: Option<Subject>,
    redactor: Option<Redactor<BufWriter<File>>>,
    failed: Option<NotRedacted>,
    kept: u64,
    left_out: Vec<(Sequence, Sequence)>,
    /// How many of them hold text that could be guessed: older entries have no salt.
    unsalted: u64,
    /// What the kept ones tell of.
    account: Account,
}

impl<'o> Copying<'o> {
    fn new(options: &'o RedactOptions) -> Result<Self, NotRedacted> {
        let folder = &options.output;
        let made = fs::DirBuilder::new().mode(0o700).create(folder);
        made.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => NotRedacted::Exists(folder.clone()),
            _ => NotRedacted::unwritable(folder)(source),
        })?;
        Ok(Self {
            options,
            subject: options.request.map(|request| Subject::new(Some(request))),
            redactor: None,
            failed: None,
            kept: 0,
            left_out: Vec::new(),
            unsalted: 0,
            account: Account::default(),
        })
    }

    /// Whether an event stays in.
    fn keeps(&mut self, entry: &Entry) -> bool {
        // In its first event a log says which it is.
        if entry.sequence == Sequence(1) {
            return true;
        }
        let RedactOptions { keep, drop, .. } = self.options;
        if drop.iter().any(|kind| kind == entry.event.kind()) {
            return false;
        }
        let concerns = self.subject.as_mut().map(|it| it.concerns(entry));
        let named = keep.iter().any(|it| it.has(entry.sequence));
        named || concerns.unwrap_or(keep.is_empty())
    }

    fn take(&mut self, piece: Piece) -> Result<(), FoldError> {
        if self.failed.is_some() {
            return Ok(());
        }
        let piece = match piece {
            Piece::Kept(entry) if self.keeps(&entry) => {
                self.kept += 1;
                self.account.read(&entry);
                Piece::Kept(entry)
            }
            piece => {
                let (sequence, hash) = (piece.sequence(), piece.hash());
                let guessable = |it: &Entry| it.event.holds_text() && it.salt.is_none();
                self.unsalted += u64::from(piece.kept().is_some_and(guessable));
                self.account.skip();
                match self.left_out.last_mut() {
                    Some((_, last)) if last.next() == sequence => *last = sequence,
                    _ => self.left_out.push((sequence, sequence)),
                }
                Piece::LeftOut { sequence, hash }
            }
        };
        if let Err(source) = self.write(&piece) {
            self.failed = Some(NotRedacted::unwritable(&self.options.output)(source));
        }
        Ok(())
    }

    fn write(&mut self, piece: &Piece) -> io::Result<()> {
        if self.redactor.is_none() {
            let path = self.options.output.join("ledger.log");
            let mut options = OpenOptions::new();
            let file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            let log = self.account.log.unwrap_or(LogId([0; 16]));
            self.redactor = Some(Redactor::begin(log, BufWriter::new(file))?);
        }
        match &mut self.redactor {
            Some(redactor) => redactor.push(piece),
            None => Ok(()),
        }
    }

    /// Ends the copy, and puts the checkpoints beside it that are kept beside the ledger; gives whether there are
    /// any.
    fn end(&mut self, directory: &Path, log: LogId) -> Result<Checkpoints, NotRedacted> {
        let folder = &self.options.output;
        let ended = self.redactor.take().map(|redactor| {
            let mut output = redactor.end()?;
            output.flush()?;
            output.get_ref().sync_all()
        });
        ended.transpose().map_err(NotRedacted::unwritable(folder))?;
        let name = RemoteName::checkpoints(log);
        match fs::copy(directory.join(name.as_str()), folder.join(name.as_str())) {
            Ok(_) => Ok(Checkpoints::Copied),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Checkpoints::None),
            Err(error) => Err(NotRedacted::unwritable(folder)(error)),
        }
    }

    /// Takes away what was begun.
    fn withdraw(&mut self) {
        self.redactor = None;
        let folder = &self.options.output;
        let removed = fs::remove_file(folder.join("ledger.log"));
        if removed.and_then(|()| fs::remove_dir(folder)).is_err() {
            // It may not have come to a file.
            drop(fs::remove_dir(folder));
        }
    }

    /// What was made, in sentences.
    fn told(&self, checkpoints: Checkpoints) -> Vec<String> {
        let Self {
            kept,
            left_out,
            unsalted,
            account,
            options,
            ..
        } = self;
        let stretches = Stretches(left_out);
        let mut told = vec![format!(
            "{}: a copy of ledger {} with {kept} events as they are and {} left out, of which it has the hashes \
             alone{}.",
            options.output.join("ledger.log").display(),
            account.log.unwrap_or(LogId([0; 16])),
            stretches.events(),
            match left_out.is_empty() {
                true => String::new(),
                false => format!(": {stretches}"),
            }
        )];
        if let Some(request) = options.request {
            let requests: BTreeSet<_> = account.requests.keys().collect();
            let others = requests.len() - usize::from(requests.contains(&request));
            if others > 0 {
                told.push(format!(
                    "The kept events also tell of {}: an event is kept as a whole or not at \
                     all. Leave out SnapshotObserved and PortionObserved (--drop) if nobody is to see how the \
                     others stood.",
                    Counted(others, "other request")
                ));
            }
        }
        if *unsalted > 0 {
            told.push(format!(
                "{unsalted} of the events that were left out hold text and no salt, as versions before this one \
                 wrote them: whoever can guess such an event as a whole, to the microsecond, can confirm the guess \
                 by its hash."
            ));
        }
        told.push(match checkpoints {
            Checkpoints::Copied => {
                "The signed checkpoints are beside it: with them, and the verifier key, the copy proves that up to the \
                 last of them nothing was added, taken out or changed."
                    .to_owned()
            }
            Checkpoints::None => {
                "There are no signed checkpoints (EVIDENCE.KEY): whoever reads the copy has to take its hashes from \
                 you."
                    .to_owned()
            }
        });
        told
    }
}

/// Whether checkpoints are beside the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checkpoints {
    /// They are.
    Copied,
    /// There are none.
    None,
}
