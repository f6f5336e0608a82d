//! How far a request has come: two integers, never a float. The text with two decimals exists only
//! in `status.xml`, in the form that the replaced program gave it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many of the nodes that touched a request have completed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// Nodes with a completed time.
    pub completed: u32,
    /// Nodes listed.
    pub nodes: u32,
}

impl Completion {
    /// The ratio as the replaced program rounded it: Python's `round(completed / nodes, 2)`, which
    /// rounds the double's exact value, half to even; 0 without nodes.
    #[must_use]
    pub fn hundredths(self) -> Hundredths {
        if self.nodes == 0 {
            return Hundredths(0);
        }
        let ratio = f64::from(self.completed) / f64::from(self.nodes);
        // Far from the middle between two hundredths, no digit of the exact value matters.
        let hundredths = ratio * 100.0;
        if (0.0..=100.0).contains(&hundredths) && (hundredths.fract() - 0.5).abs() > 1e-6 {
            return Hundredths(hundredths.round() as u8);
        }
        // Rust, too, formats the exact value of the double; the tests hold it against Python.
        let digits: String = format!("{ratio:.2}")
            .chars()
            .filter(|c| *c != '.')
            .collect();
        Hundredths(digits.parse().unwrap_or(100))
    }
}

impl Completion {
    /// The same in words, as hospitals.
    #[must_use]
    pub fn in_words(self) -> String {
        match self.nodes {
            0 => "no hospital has answered".to_owned(),
            1 => format!("{} of 1 hospital", self.completed),
            nodes => format!("{} of {nodes} hospitals", self.completed),
        }
    }
}

impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.completed, self.nodes)
    }
}

/// A completion rounded to two decimals; printed as Python's `str(float)`: `0.0`, `0.33`, `0.5`, `1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hundredths(pub u8);

impl Hundredths {
    /// Reads what [`fmt::Display`] writes for 0 to 100 hundredths, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text
            .strip_prefix("0.")
            .or((text == "1.0").then_some("100"))?;
        let value: u8 = match digits.len() {
            1 => digits.parse::<u8>().ok()? * 10,
            2 | 3 => digits.parse().ok()?,
            _ => return None,
        };
        (Self(value).to_string() == text).then_some(Self(value))
    }
}

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match (rest / 10, rest % 10) {
            (tenths, 0) => write!(f, "{whole}.{tenths}"),
            (tenths, hundredths) => write!(f, "{whole}.{tenths}{hundredths}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every c/n with n ≤ 400, printed by Python as `str(round(c / n, 2))`:
    /// one line per n, one word per c.
    const PYTHON: &str = include_str!("../tests/data/python-rounding.txt");

    #[test]
    fn every_ratio_is_rounded_and_printed_as_python_does() {
        let mut compared = 0;
        for (nodes, line) in (0u32..).zip(PYTHON.lines()) {
            for (completed, expected) in (0u32..).zip(line.split(' ')) {
                let completion = Completion { completed, nodes };
                assert_eq!(
                    completion.hundredths().to_string(),
                    expected,
                    "{completion}"
                );
                assert_eq!(Hundredths::parse(expected), Some(completion.hundredths()));
                compared += 1;
            }
        }
        assert_eq!(compared, 401 * 402 / 2);
    }

    #[test]
    fn other_texts_are_not_completions() {
        for text in [
            "", "1", "0.50", "0.", "1.1", "-0.5", "0.333", "nan", "0.+5", "1.00", "0.999",
        ] {
            assert_eq!(Hundredths::parse(text), None, "{text:?}");
        }
    }
}
