//! A disk in memory that loses power, for tests: of this crate, of the program, of whoever builds on
//! the log. Behind the feature `simulation`.

pub(crate) mod disk;
pub(crate) mod memory;
