//! The state cache, which only saves time.

use std::fs;

use super::{Case, STATE_CACHE};
use crate::spoil::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "the state cache is something else",
        spoil: |work, _| fs::write(work.join(STATE_CACHE), [b'x'; 5000]).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache is empty",
        spoil: |work, _| fs::write(work.join(STATE_CACHE), "").unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache has a terabyte",
        spoil: |work, _| {
            fs::write(work.join(STATE_CACHE), "").unwrap();
            inflate(&work.join(STATE_CACHE));
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache is a directory",
        spoil: |work, _| fs::create_dir(work.join(STATE_CACHE)).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache cannot be read",
        spoil: |work, _| {
            fs::write(work.join(STATE_CACHE), "x").unwrap();
            mode(&work.join(STATE_CACHE), 0o000);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache is read-only",
        spoil: |work, _| {
            fs::write(work.join(STATE_CACHE), "x").unwrap();
            mode(&work.join(STATE_CACHE), 0o400);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache is a symbolic link",
        spoil: |work, _| {
            fs::write(work.join(STATE_CACHE), "x").unwrap();
            replace_by_link(&work.join(STATE_CACHE));
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the state cache is of a newer version",
        spoil: |work, _| {
            let start = b"\x89BCP\r\n\x1a\n\x02\x00";
            fs::write(work.join(STATE_CACHE), [&start[..], &[b'5'; 90]].concat()).unwrap();
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
];
