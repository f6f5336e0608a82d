//! A place between two frames, what stands up to the next, and why a walk from there ends.
//!
//! Deliberately absent: how a walk gets there (`walk`, `frames`, `ahead`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::Entry;
use crate::log::chain;
use crate::log::header::Header;
use crate::tip::Tip;

/// A place between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The entry before it.
    pub(crate) tip: Tip,
    /// Where the next frame begins, in bytes.
    pub(crate) offset: u64,
}

impl Mark {
    /// The place before the first frame.
    pub(crate) fn first(header: Header) -> Self {
        Self {
            tip: chain::start(header.log),
            offset: Header::SIZE_BYTES as u64,
        }
    }
}

/// Why a walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The file ends here.
    Boundary,
    /// The file ends within this frame.
    Short,
    /// The frame's header or hash does not hold.
    Bad,
    /// The frame's header holds and has another sequence number.
    SequenceGap,
    /// The frame's header holds and announces too much.
    Oversized,
    /// The hash holds, and the payload does not.
    Undecodable,
}

/// What came out of one block of bytes.
#[derive(Default)]
pub(crate) struct Portion {
    /// The entries that ended in it, each with the place behind it.
    pub(crate) entries: VecDeque<(Entry, Mark)>,
    /// Why the walk ends behind them, if it does.
    pub(crate) halt: Option<Halt>,
    /// The version that the payload names at which it ends as undecodable, if it names one.
    pub(crate) undecodable_by: Option<String>,
}
