//! `integration/bench.sh`: how fast the program is, beside a reference measured in the same run.
//! Prints a table, and keeps the raw figures as JSON; `hold` prepares a scene to look into by hand.

mod database;
mod hold;
mod limit;
mod row;
mod scene;
mod work;

use std::io::Write as _;
use std::process::ExitCode;

use row::Row;

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let done = match chosen.split_first() {
        Some((word, numbers)) if word == "hold" => hold::hold(numbers),
        Some(_) | None => measure(&chosen),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done about a standard error that is gone.
            let _unheard = writeln!(std::io::stderr(), "the benchmark could not go on: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(chosen: &[String]) -> Result<(), String> {
    let mut rows: Vec<Row> = Vec::new();
    let mut output = std::io::stdout();
    let say = |error: std::io::Error| error.to_string();
    writeln!(output, "{}", row::HEAD).map_err(say)?;
    for (name, work) in work::ALL {
        if !chosen.is_empty() && !chosen.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        for row in work()? {
            writeln!(output, "{row}").map_err(say)?;
            rows.push(row);
        }
    }
    let path = std::path::Path::new("target").join("bench.json");
    let json = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
    std::fs::write(&path, json).map_err(say)?;
    writeln!(output, "\nRaw figures: {}", path.display()).map_err(say)
}
