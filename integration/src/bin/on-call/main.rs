//! `integration/on-call.sh`: the person on call at three in the morning. Bad states are prepared one after the
//! other; of each is kept what cron's mail said, with which exit code, what a person did who read nothing
//! else, and how it ended. It fails if a state does not end well.
//!
//! What always holds here: what a person does is either a command that stands in the message, run as it
//! stands there, or a change of something that the message names. Deliberately absent: anything that a
//! person would have to know.

mod call;
mod disk;
mod states;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use call::Call;
use table::{Row, Table};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One bad state: how it is called; how it comes about, and what a person does about it.
type State = (&'static str, fn(&mut Call) -> Outcome<()>);

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    match play(&chosen) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to be done about a standard error that is gone.
            let _unheard = writeln!(std::io::stderr(), "the exercise could not go on: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every state that was prepared ended well.
fn play(chosen: &[String]) -> Outcome<bool> {
    let mut table = Table::default();
    let mut output = std::io::stdout();
    for (name, act) in states::all() {
        if !chosen.is_empty() && !chosen.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let row = Row::of((name, act));
        writeln!(output, "{row}")?;
        table.add(row);
    }
    let path = table.keep()?;
    writeln!(output, "\n{table}; what was seen: {}", path.display())?;
    Ok(table.all_well())
}
