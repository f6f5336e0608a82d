//! One line of the table: what was measured, beside its goal and its reference.

use std::fmt;

use serde::Serialize;

/// A measurement.
#[derive(Serialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: &'static str,
    /// The unit of all figures.
    pub(crate) unit: &'static str,
    /// Every measured value.
    pub(crate) measured: Vec<f64>,
    /// Every value of the reference, taken in turn with them.
    pub(crate) reference: Vec<f64>,
    /// What the reference is.
    pub(crate) reference_name: &'static str,
    /// The goal, in words.
    pub(crate) goal: &'static str,
    /// What the replaced program takes for it, in words.
    pub(crate) replaced: &'static str,
}

/// The table's head.
pub(crate) const HEAD: &str = "\
| work | replaced program | reference | goal | median | min–max | ratio to the reference |
|---|---|---|---|---|---|---|";

/// The middle value.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit;
        let own = median(&self.measured).unwrap_or(f64::NAN);
        let low = self.measured.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self
            .measured
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let Self {
            work,
            goal,
            replaced,
            reference_name,
            ..
        } = self;
        write!(f, "| {work} | {replaced} | {reference_name}")?;
        let reference = median(&self.reference);
        if let Some(reference) = reference {
            write!(f, " {reference:.2} {unit}")?;
        }
        write!(f, " | {goal} | {own:.2} {unit} | {low:.2}–{high:.2} | ")?;
        match reference {
            Some(reference) => write!(f, "{:.2} |", own / reference),
            None => write!(f, "– |"),
        }
    }
}
