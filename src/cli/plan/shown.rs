//! A plan as people read it: what is to be done, by kind and with reasons; what is left alone; what waits.
//!
//! What always holds here: no line is longer than 80 characters but where one word is. Deliberately absent:
//! the same for programs (`view`).

use std::collections::BTreeMap;
use std::io::{self, Write};

use courier_ledger::{Command, Grounds, Held, Plan, Skipped, UploadReason};

use crate::cli::arguments::Arguments;
use crate::cli::{held, terminal, wrapped};

/// How wide the names of files are set.
const NAME: usize = 16;

/// Where the words about them begin.
const WORDS: usize = NAME + 6;

/// What is done with results, in the order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ClearAway,
    Withdraw,
    DeliverAnew,
    Deliver,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::ClearAway,
        Self::Withdraw,
        Self::DeliverAnew,
        Self::Deliver,
    ];

    fn of(command: &Command) -> Option<Self> {
        match command {
            Command::RemoveTemporary { .. } => Some(Self::ClearAway),
            Command::Delete { .. } => Some(Self::Withdraw),
            Command::Upload { reason, .. } => Some(match reason {
                UploadReason::New | UploadReason::Reappeared => Self::Deliver,
                UploadReason::Changed
                | UploadReason::OtherRequest
                | UploadReason::KeyChanged
                | UploadReason::InDoubt
                | UploadReason::Drifted => Self::DeliverAnew,
            }),
            Command::PublishLedger { .. } => None,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::ClearAway => "Left by an interrupted run, to be removed",
            Self::Withdraw => "To be withdrawn",
            Self::DeliverAnew => "To be delivered again",
            Self::Deliver => "To be delivered",
        }
    }

    /// A sign, and its colour of ECMA-48.
    fn sign(self) -> (&'static str, u8) {
        match self {
            Self::ClearAway | Self::Withdraw => ("-", 31),
            Self::DeliverAnew => ("~", 33),
            Self::Deliver => ("+", 32),
        }
    }
}

/// Writes all of it; `grounds` tells what each command rests on.
pub(super) fn write(
    output: &mut dyn Write,
    plan: &Plan,
    grounds: &[Grounds],
    arguments: &Arguments,
) -> io::Result<()> {
    write_plan(output, plan, grounds)?;
    held::show(output, &Held::of(plan), plan.limit.as_ref(), arguments)
}

/// Writes it without what waits for a person.
pub(super) fn write_plan(
    output: &mut dyn Write,
    plan: &Plan,
    grounds: &[Grounds],
) -> io::Result<()> {
    let grounds: BTreeMap<_, _> = grounds.iter().map(|it| (it.request, it)).collect();
    for kind in Kind::ALL {
        let commands = plan.changes().filter(|it| Kind::of(it) == Some(kind));
        let commands: Vec<&Command> = commands.collect();
        if commands.is_empty() {
            continue;
        }
        writeln!(output, "{}: {}", kind.heading(), commands.len())?;
        for command in commands {
            let grounds = command.request().and_then(|id| grounds.get(&id).copied());
            write_command(output, kind, command, grounds)?;
        }
    }
    if plan.changes().next().is_none() {
        let nothing = match plan.waits() {
            true => "Nothing is done until a person decides.",
            false => "Nothing to do.",
        };
        writeln!(output, "{nothing}")?;
    }
    write_left_alone(output, &plan.skipped)?;
    match plan.set_aside.len() {
        0 => {}
        1 => writeln!(output, "1 other left to another run by --only")?,
        others => writeln!(output, "{others} others left to another run by --only")?,
    }
    writeln!(output, "\n{}", sum(plan))
}

/// The plan in numbers.
fn sum(plan: &Plan) -> String {
    format!(
        "{} to do, {} blocked, {} left alone, {} unchanged",
        plan.changes().count(),
        plan.blocked.len(),
        plan.skipped.len(),
        plan.unchanged
    )
}

fn write_command(
    output: &mut dyn Write,
    kind: Kind,
    command: &Command,
    grounds: Option<&Grounds>,
) -> io::Result<()> {
    let (sign, colour) = kind.sign();
    let name = command.name().to_string();
    let words = grounds.map_or_else(
        || command.why().unwrap_or_default(),
        |grounds| grounds.words(command),
    );
    // A sign is as wide as it is, whatever it is painted with.
    write!(output, "  {} ", terminal::painted(sign, colour))?;
    if words.is_empty() {
        return writeln!(output, "{name}");
    }
    let indent = " ".repeat(WORDS);
    write!(output, "{name:NAME$}  ")?;
    let column = WORDS.max(WORDS - NAME + name.chars().count());
    wrapped::go_on(output, column, &indent, &words)
}

fn write_left_alone(output: &mut dyn Write, skipped: &[Skipped]) -> io::Result<()> {
    if skipped.is_empty() {
        return Ok(());
    }
    writeln!(output, "Left alone: {}", skipped.len())?;
    for skipped in skipped {
        wrapped::write(output, "    ", "      ", &skipped.to_string())?;
    }
    Ok(())
}
