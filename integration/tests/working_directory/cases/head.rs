//! The head.

use std::fs;

use super::{Case, HEAD, LOG};
use crate::spoil::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "the head is missing",
        spoil: |work, _| fs::remove_file(work.join(HEAD)).unwrap(),
        run: (
            7,
            "the head is missing, and the log has more than its first run",
        ),
        verify: (
            7,
            "the head is missing, and the log has more than its first run",
        ),
    },
    Case {
        what: "the head is empty",
        spoil: |work, _| cut(&work.join(HEAD), |_| 0),
        run: (7, "the head is damaged"),
        verify: (7, "the head is damaged"),
    },
    Case {
        what: "the head is cut short",
        spoil: |work, _| cut(&work.join(HEAD), |size| size / 2),
        run: (7, "the head is damaged"),
        verify: (7, "the head is damaged"),
    },
    Case {
        what: "the head has a terabyte",
        spoil: |work, _| inflate(&work.join(HEAD)),
        run: (7, "the head is damaged"),
        verify: (7, "the head is damaged"),
    },
    Case {
        what: "the head is read-only: it is replaced, never written into",
        spoil: |work, _| mode(&work.join(HEAD), 0o400),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the head cannot be read",
        spoil: |work, _| mode(&work.join(HEAD), 0o000),
        run: (7, "ledger.head: "),
        verify: (7, "ledger.head: "),
    },
    Case {
        what: "the head is a directory",
        spoil: |work, _| replace_by_directory(&work.join(HEAD)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the head is a symbolic link",
        spoil: |work, _| replace_by_link(&work.join(HEAD)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the head is another ledger's",
        spoil: |work, scene| take(scene.copy("another"), work, HEAD),
        run: (7, "the entry here is not the one that the head names"),
        verify: (7, "the entry here is not the one that the head names"),
    },
    Case {
        what: "the head is from an older backup than the log: nothing is lost",
        spoil: |work, scene| take(scene.copy("backup"), work, HEAD),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "log and head are from an older backup, together",
        spoil: |work, scene| {
            take(scene.copy("backup"), work, LOG);
            take(scene.copy("backup"), work, HEAD);
        },
        run: (7, "it is an old copy"),
        verify: (7, "it is an old copy"),
    },
    Case {
        what: "log and head are lost, and status.xml shows it",
        spoil: |work, _| {
            fs::remove_file(work.join(LOG)).unwrap();
            fs::remove_file(work.join(HEAD)).unwrap();
        },
        run: (7, "that ledger is not here"),
        verify: (7, "that ledger is not here"),
    },
    Case {
        what: "the head is written in a way of a newer version",
        spoil: |work, _| {
            let text = fs::read_to_string(work.join(HEAD)).unwrap();
            fs::write(work.join(HEAD), format!("v2 {text}")).unwrap();
        },
        run: (7, "the head is damaged"),
        verify: (7, "the head is damaged"),
    },
];
