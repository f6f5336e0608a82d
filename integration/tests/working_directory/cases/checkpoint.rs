//! The checkpoint, which only saves time.

use std::fs;

use super::{CHECKPOINT, Case};
use crate::spoil::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "the checkpoint is something else",
        spoil: |work, _| fs::write(work.join(CHECKPOINT), [b'x'; 5000]).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is empty",
        spoil: |work, _| fs::write(work.join(CHECKPOINT), "").unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint has a terabyte",
        spoil: |work, _| {
            fs::write(work.join(CHECKPOINT), "").unwrap();
            inflate(&work.join(CHECKPOINT));
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is a directory",
        spoil: |work, _| fs::create_dir(work.join(CHECKPOINT)).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint cannot be read",
        spoil: |work, _| {
            fs::write(work.join(CHECKPOINT), "x").unwrap();
            mode(&work.join(CHECKPOINT), 0o000);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is read-only",
        spoil: |work, _| {
            fs::write(work.join(CHECKPOINT), "x").unwrap();
            mode(&work.join(CHECKPOINT), 0o400);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is a symbolic link",
        spoil: |work, _| {
            fs::write(work.join(CHECKPOINT), "x").unwrap();
            replace_by_link(&work.join(CHECKPOINT));
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is of a newer version",
        spoil: |work, _| {
            let start = b"\x89BCP\r\n\x1a\n\x02\x00";
            fs::write(work.join(CHECKPOINT), [&start[..], &[b'5'; 90]].concat()).unwrap();
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
];
