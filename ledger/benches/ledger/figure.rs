//! Figures: a median of rounds beside its goal, and the memory that a process of its own came to
//! hold.

use std::time::Instant;

/// What was measured over all rounds of one figure.
pub(crate) struct Times {
    seconds: Vec<f64>,
    busy: Vec<f64>,
}

impl Times {
    /// The middle round, by the clock.
    pub(crate) fn median(&self) -> f64 {
        middle(&self.seconds)
    }

    /// The shortest round, by the clock.
    pub(crate) fn best(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The middle round, by what the calling thread itself computed: what a busy machine adds to
    /// the clock is not in it, and neither are the figure's other threads.
    pub(crate) fn busy(&self) -> f64 {
        middle(&self.busy)
    }
}

pub(crate) fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Measures as often as asked; `round` gives what is to be thrown away outside the measurement.
pub(crate) fn times<T>(rounds: usize, mut round: impl FnMut() -> T) -> Times {
    let mut times = Times {
        seconds: Vec::new(),
        busy: Vec::new(),
    };
    for _ in 0..rounds {
        let busy = computed_seconds();
        let start = Instant::now();
        let result = round();
        times.seconds.push(start.elapsed().as_secs_f64());
        times.busy.push(computed_seconds() - busy);
        drop(std::hint::black_box(result));
    }
    times
}

/// For how long this thread has had a processor.
pub(crate) fn computed_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
    nanoseconds / 1e9
}

/// The most that this process ever had in memory, in megabytes.
pub(crate) fn peak_megabytes() -> f64 {
    status_megabytes("VmHWM:")
}

/// What this process has in memory now, in megabytes.
pub(crate) fn resident_megabytes() -> f64 {
    status_megabytes("VmRSS:")
}

fn status_megabytes(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024.0 / 1e6
}

/// Whether a figure must not exceed its goal, or must reach it.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    None,
}

/// Prints the table's head.
pub(crate) fn print_head() {
    println!(
        "{:<58} {:>12} {:>12} {:>8}  {:<9} {:>10} {:>10}",
        "figure", "goal", "median", "", "unit", "best", "computed"
    );
}

/// Prints one line of the table; `rounds` are the best round and [`Times::busy`] in the same unit.
pub(crate) fn print(name: &str, goal: Goal, measured: f64, unit: &str, rounds: Option<[f64; 2]>) {
    let (text, verdict) = match goal {
        Goal::AtMost(most) => (
            format!("≤ {}", number(most)),
            if measured <= most { "met" } else { "MISSED" },
        ),
        Goal::AtLeast(least) => (
            format!("≥ {}", number(least)),
            if measured >= least { "met" } else { "MISSED" },
        ),
        Goal::None => (String::new(), ""),
    };
    let [best, computed] = rounds.map_or_else(Default::default, |rounds| rounds.map(number));
    let measured = number(measured);
    println!(
        "{name:<58} {text:>12} {measured:>12} {verdict:>8}  {unit:<9} {best:>10} {computed:>10}"
    );
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
