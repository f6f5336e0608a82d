//! The directory itself, and the spool, which holds nothing that is not fetched again.

use std::fs;

use super::Case;
use crate::spoil::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "the spool holds what somebody else put there",
        spoil: |work, _| {
            fs::create_dir(work.join("spool")).unwrap();
            fs::write(work.join("spool").join("notes.txt"), "mine").unwrap();
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the spool is a file",
        spoil: |work, _| fs::write(work.join("spool"), "not a folder").unwrap(),
        run: (3, "spool"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the directory is missing",
        spoil: |work, _| fs::remove_dir_all(work).unwrap(),
        run: (3, "does not exist"),
        verify: (3, "does not exist"),
    },
    Case {
        what: "the directory is a file",
        spoil: |work, _| {
            fs::remove_dir_all(work).unwrap();
            fs::write(work, "a file").unwrap();
        },
        run: (3, "is not a folder"),
        verify: (3, "is not a folder"),
    },
    Case {
        what: "the directory is read-only",
        spoil: |work, _| mode(work, 0o500),
        run: (3, "must be writable"),
        verify: (0, "is whole"),
    },
    Case {
        what: "a temporary file of an interrupted replacement is left",
        spoil: |work, _| fs::write(work.join("ledger.head.tmp"), "half").unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the spool is a symbolic link",
        spoil: |work, _| {
            fs::create_dir(work.join("elsewhere")).unwrap();
            symlink(work.join("elsewhere"), work.join("spool")).unwrap();
        },
        run: (3, "spool"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the directory is a symbolic link",
        spoil: |work, _| {
            let elsewhere = work.with_extension("elsewhere");
            fs::rename(work, &elsewhere).unwrap();
            symlink(&elsewhere, work).unwrap();
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
];
