//! `integration/bench.sh hold [REQUESTS [BYTES [BROKER_MS [ROUND_TRIP_MS [HOSPITALS]]]]]`: starts the
//! servers and waits, so that a run against them can be traced or profiled by hand.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::scene::{Distances, Scene, words};

/// Prints the command that runs the program here, and waits until standard input ends.
pub(crate) fn hold(numbers: &[String]) -> Result<(), String> {
    let number = |at: usize, default: u64| match numbers.get(at) {
        Some(text) => text.parse().map_err(|error| format!("{text}: {error}")),
        None => Ok(default),
    };
    let distances = Distances {
        broker: Duration::from_millis(number(2, 5)?),
        round_trip: Duration::from_millis(number(3, 0)?),
    };
    let requests = number(0, 1_000)?;
    let scene = match number(4, 0)? {
        0 => Scene::new(distances, requests, number(1, 64 << 10)?)?,
        hospitals => Scene::crowded(requests, hospitals)?,
    };
    let mut output = std::io::stdout();
    writeln!(output, "{}", scene.command_line()).map_err(words)?;
    output.flush().map_err(words)?;
    let mut until_it_ends = Vec::new();
    std::io::stdin()
        .read_to_end(&mut until_it_ends)
        .map_err(words)?;
    Ok(())
}
