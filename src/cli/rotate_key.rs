//! `rotate-key`: another key from now on. The ledger records who and why before the key is used, and a
//! person reads what the recipient needs first.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use courier_ledger::log::{EventLog, Ledger};
use courier_ledger::{Event, KeyId, State};

use super::arguments::{Arguments, RotateKeyOptions};
use super::error::{CommandError, UsageError};
use super::{ledger, output, parts, who};
use crate::effects::age::Recipients;
use crate::effects::clock::SystemClock;
use crate::effects::fernet::rotation::{self, Found, Step, key_in};
use crate::effects::fernet::{FernetKey, KeyFiles};
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RecordError};

pub(crate) fn rotate_key(
    arguments: &Arguments,
    options: &RotateKeyOptions,
) -> Result<ExitCode, CommandError> {
    let who = who::signed(options.who.as_ref(), &options.why)?;
    let clock = SystemClock::start();
    // Its lock keeps every run away until the end.
    let mut ledger = ledger::open_existing_for_writing(arguments, &clock)?;
    let files = parts::key_files(arguments)?;
    let announced = |key| Event::KeyAnnounced {
        key,
        who: who.clone(),
        why: options.why.clone(),
    };
    if let Some(recipients) = parts::recipients(arguments)? {
        if options.file.is_some() {
            return Err(UsageError::RecipientsDecide.into());
        }
        return turn_to(ledger, &clock, &recipients, announced);
    }
    let told = match &options.file {
        Some(file) => named(&mut ledger, &clock, file, announced)?,
        None => beside(&mut ledger, &clock, &files, announced)?,
    };
    let state = ledger.state().clone();
    ledger.close()?;
    output::tell(|output| told.write(output, &state, &files));
    Ok(ExitCode::Done)
}

/// Announces the recipients that the configuration names.
fn turn_to(
    mut ledger: Ledger<impl EventLog>,
    clock: &SystemClock,
    recipients: &Recipients,
    announced: impl Fn(KeyId) -> Event,
) -> Result<ExitCode, CommandError> {
    let id = recipients.id();
    if ledger.state().accepted_key() == Some(id) {
        return Err(UsageError::RecipientsInUse(id).into());
    }
    if ledger.state().announced_key() != Some(id) {
        let event = announced(id);
        ledger
            .append(clock.now(), vec![event])
            .map_err(RecordError::from)?;
    }
    let results = ledger.state().results_by_key();
    ledger.close()?;
    output::tell(|output| {
        writeln!(
            output,
            "The recipients {id} are announced; the next run encrypts for them:"
        )?;
        for recipient in recipients.each() {
            writeln!(output, "  {recipient}")?;
        }
        writeln!(
            output,
            "\nEach of them can read everything that is delivered from then on, under names that end in \
             .zip.age. What lies at the drop-box now needs what it was encrypted with:"
        )?;
        write_results(output, &results)
    });
    Ok(ExitCode::Done)
}

/// What lies under which key, and what becomes of it.
fn write_results(output: &mut dyn Write, results: &BTreeMap<Option<KeyId>, u64>) -> io::Result<()> {
    for (under, results) in results {
        match under {
            Some(under) => writeln!(output, "  {results} results under {under}")?,
            None => writeln!(
                output,
                "  {results} results under a key that was not recorded"
            )?,
        }
    }
    writeln!(
        output,
        "They stay so until their request changes, or all are uploaded again \
         (SECURITY.ON_KEY_CHANGE = \"reupload\")."
    )
}

/// What was done.
struct Told<'a> {
    key: KeyId,
    /// The file that a person named.
    file: Option<&'a Path>,
    /// Whether the key that was in use until now is lost.
    is_lost: bool,
}

/// Announces the key in the file that a person named; makes one where there is no file.
fn named<'a>(
    ledger: &mut Ledger<impl EventLog>,
    clock: &SystemClock,
    file: &'a Path,
    announced: impl Fn(KeyId) -> Event,
) -> Result<Told<'a>, CommandError> {
    let key = match key_in(file)? {
        Some(key) => key,
        None => FernetKey::generate(file)?.id(),
    };
    let state = ledger.state();
    if state.accepted_key() == Some(key) {
        return Err(UsageError::KeyInUse(key).into());
    }
    if state.announced_key() != Some(key) {
        let event = announced(key);
        ledger
            .append(clock.now(), vec![event])
            .map_err(RecordError::from)?;
    }
    Ok(Told {
        key,
        file: Some(file),
        is_lost: false,
    })
}

/// Puts a new key in place of the one in use, step by step.
fn beside(
    ledger: &mut Ledger<impl EventLog>,
    clock: &SystemClock,
    files: &KeyFiles,
    announced: impl Fn(KeyId) -> Event,
) -> Result<Told<'static>, CommandError> {
    let is_lost = Found::look(files)?.current.is_none();
    loop {
        match Found::look(files)?.step(ledger.state()) {
            Step::Make => rotation::make(files)?,
            Step::Keep(_) => rotation::keep(files)?,
            Step::Announce(key) => {
                let event = announced(key);
                ledger
                    .append(clock.now(), vec![event])
                    .map_err(RecordError::from)?;
            }
            Step::Place => rotation::place(files)?,
            Step::Done(key) => {
                return Ok(Told {
                    key,
                    file: None,
                    is_lost,
                });
            }
        }
    }
}

impl Told<'_> {
    fn write(&self, output: &mut dyn Write, state: &State, files: &KeyFiles) -> io::Result<()> {
        let (key, before) = (self.key, state.accepted_key());
        let current = files.current.display();
        writeln!(
            output,
            "The key {key} is announced; the next run that finds it uses it."
        )?;
        let holder = match self.file {
            Some(file) if file != files.current => {
                let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
                writeln!(
                    output,
                    "It is in {}. Name that in SECURITY.PATH_ENCRYPTION_KEY, and {current} in \
                     SECURITY.OLD_KEYS: until then runs go on with the old one.",
                    file.display()
                )?;
                file
            }
            Some(_) | None => {
                writeln!(output, "It is in {current}.")?;
                files.current.clone()
            }
        };
        if let Some(kept) = before
            .map(|before| files.kept(before))
            .filter(|it| it.exists())
        {
            writeln!(
                output,
                "The old one is kept in {} for reading: leave it there.",
                kept.display()
            )?;
        }
        writeln!(
            output,
            "\nBefore the next run the recipient must have the key {key} (the content of {}), over a \
             separate, safe way. The old one is needed for what lies under it:",
            holder.display()
        )?;
        write_results(output, &state.results_by_key())?;
        if self.is_lost {
            let lost = before.map_or("the old key".to_owned(), |before| before.to_string());
            writeln!(
                output,
                "The file of {lost} was not there: what lies under it can be read by nobody but those \
                 who have it."
            )?;
        }
        Ok(())
    }
}
