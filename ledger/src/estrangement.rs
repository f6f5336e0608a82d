//! What speaks for it that the broker is another one than before, or was set up anew. AKTIN's broker
//! tells no identity of its own, so it is concluded from what it shows.
//!
//! What always holds here: *proof* is a known number with another time of publication; everything else
//! is *suspicion*, and holds all the same. Deliberately absent: how the facts are gathered
//! (`state::acquaintance`), and what is held back (`decide`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::RequestId;
use crate::number_set::NumberSet;
use crate::time::Timestamp;

/// A known number that the whole list shows with another time of publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renumbered {
    /// The number.
    pub id: RequestId,
    /// When what has it now was published; none for a draft.
    pub published: Option<Timestamp>,
}

/// What the list of all requests says, tagged or not: which numbers are in it that were not in the last
/// one, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholeListDelta {
    /// How many requests it holds.
    pub total: u64,
    /// Numbers that the last one did not have.
    pub appeared: NumberSet,
    /// Numbers that only the last one had.
    pub vanished: NumberSet,
    /// Known numbers that mean other requests, by id, all of them each time.
    pub renumbered: Vec<Renumbered>,
}

/// How many of the known requests are gone.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// Not all, or only somebody's only request, or nothing else is there.
    #[default]
    Part,
    /// All of two or more, at once, while others are there.
    AllAtOnce,
}

/// The facts, against what was known when the broker was last taken for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estrangement {
    /// How many requests were known as listed.
    pub known: u64,
    /// How many of them are gone, or are others now.
    pub gone: u64,
    /// Whether that is all of them at once, while other requests are there.
    pub extent: Extent,
    /// Known numbers that mean others.
    pub renumbered: NumberSet,
    /// Numbers that appear below the highest ever seen, and that the last whole list did not have:
    /// a broker that goes on counting never gives one out again.
    pub reused: NumberSet,
}

/// The fewest requests of which all can be gone at once without that being somebody's only request.
pub(crate) const GONE_AT_ONCE_MIN: u64 = 2;

impl Estrangement {
    /// Whether the facts speak for another broker.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        self.is_proof() || self.extent == Extent::AllAtOnce || !self.reused.is_empty()
    }

    /// Whether they prove it.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        !self.renumbered.is_empty()
    }
}

impl fmt::Display for Estrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut facts = Vec::new();
        if self.gone > 0 {
            let are = if self.gone == 1 { "is" } else { "are" };
            facts.push(format!(
                "{} of {} known requests {are} gone",
                self.gone, self.known
            ));
        }
        match self.renumbered.len() {
            0 => {}
            1 => facts.push(format!("number {} means another", self.renumbered)),
            number => facts.push(format!(
                "{number} numbers mean others ({})",
                self.renumbered
            )),
        }
        match self.reused.len() {
            0 => {}
            1 => facts.push(format!(
                "number {} appears below the highest ever seen",
                self.reused
            )),
            number => facts.push(format!(
                "{number} numbers appear below the highest ever seen ({})",
                self.reused
            )),
        }
        let conclusion = if self.is_proof() {
            "this is another broker, or its database was set up anew"
        } else {
            "this may be another broker, or its database was set up anew"
        };
        write!(f, "{}: {conclusion}", facts.join(", and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[u64]) -> NumberSet {
        numbers.iter().copied().map(RequestId).collect()
    }

    #[test]
    fn each_fact_has_its_row() {
        let quiet = Estrangement {
            known: 3,
            gone: 2,
            ..Estrangement::default()
        };
        let rows = [
            (quiet.clone(), false, false),
            (
                Estrangement {
                    gone: 3,
                    extent: Extent::AllAtOnce,
                    ..quiet.clone()
                },
                true,
                false,
            ),
            (
                Estrangement {
                    reused: numbers(&[4]),
                    ..quiet.clone()
                },
                true,
                false,
            ),
            (
                Estrangement {
                    renumbered: numbers(&[0]),
                    ..quiet
                },
                true,
                true,
            ),
        ];
        for (facts, suspicious, proof) in rows {
            assert_eq!(
                (facts.is_suspicious(), facts.is_proof()),
                (suspicious, proof),
                "{facts:?}"
            );
        }
    }

    #[test]
    fn it_is_one_sentence() {
        let facts = Estrangement {
            known: 20,
            gone: 20,
            extent: Extent::AllAtOnce,
            renumbered: numbers(&[0, 1, 2]),
            reused: NumberSet::default(),
        };
        assert_eq!(
            facts.to_string(),
            "20 of 20 known requests are gone, and 3 numbers mean others (0-2): \
             this is another broker, or its database was set up anew"
        );
    }
}
