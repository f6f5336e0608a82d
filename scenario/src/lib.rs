//! Histories as text, and one way to write them in Rust: what the broker shows, what a person does,
//! what breaks, and after `----` what follows. For tests, benchmarks and fuzzing only.
//!
//! A file is a list of blocks. A block is some lines, each one command, then `----`, then what the
//! commands say, up to an empty line. A block that says nothing needs no `----`. Lines that begin
//! with `#` are for people: above each story they say what it shows.
//!
//! ```text
//! # A request that was withdrawn and is back is uploaded again.
//! begin stored 1
//! withdraw 0 untagged
//! run
//! publish 0 at 10 nodes 1@5
//! run
//! ----
//! delete export_0.zip (the request no longer has the tag)
//! upload export_0.zip (back after it was withdrawn, 1/1 completed)
//! ```
//!
//! The words are listed in `tests/scenarios/README.md`. `UPDATE_SCENARIOS=1` writes what is.
//!
//! What always holds: the same text gives the same history, and everything in it passes through the
//! ledger's own rules; an event that cannot follow says why and changes nothing. Deliberately absent:
//! variables, loops and conditions; whoever needs them writes a test in Rust with [`History`].

mod alteration;
mod broker;
mod command;
mod counts;
mod file;
mod history;
mod observation;
mod partners;
mod polls;
mod recorded;
mod recover;
mod retell;
mod setting;
mod shown;
mod stories;
mod table;
mod teller;
mod whole_list;
mod words;

pub use broker::{Broker, Shown, failure_in};
pub use file::{Stage, check, outputs, play};
pub use history::{History, KEY, OTHER_KEY, STEP_MICROS, delivery, failure};
pub use partners::{partners, set as set_partner};
pub use retell::retell;
pub use setting::set;
pub use shown::{plan as plan_in_words, state as state_in_words};
pub use stories::stories_in;
pub use teller::Teller;
pub use whole_list::Others;
pub use words::{Unclear, Words};
