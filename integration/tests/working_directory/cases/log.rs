//! The log.

use std::fs;

use super::{Case, HEAD, LOG};
use crate::spoil::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "the log is missing",
        spoil: |work, _| fs::remove_file(work.join(LOG)).unwrap(),
        run: (7, "the log is gone, but its head is there"),
        verify: (7, "the log is gone, but its head is there"),
    },
    Case {
        what: "the log is empty",
        spoil: |work, _| cut(&work.join(LOG), |_| 0),
        run: (7, "byte 0: the file is shorter than a log's header"),
        verify: (7, "byte 0: the file is shorter than a log's header"),
    },
    Case {
        what: "the log is cut within its part that its head covers",
        spoil: |work, _| cut(&work.join(LOG), |size| size / 2),
        run: (7, "the head says that it was whole"),
        verify: (7, "the head says that it was whole"),
    },
    Case {
        what: "the log has lost its last byte",
        spoil: |work, _| cut(&work.join(LOG), |size| size - 1),
        run: (7, "the head says that it was whole"),
        verify: (7, "the head says that it was whole"),
    },
    Case {
        what: "the log has a terabyte of nothing behind its end",
        spoil: |work, _| inflate(&work.join(LOG)),
        run: (7, "more follows it than one interrupted write can leave"),
        verify: (7, "more follows it than one interrupted write can leave"),
    },
    Case {
        what: "the log is read-only",
        spoil: |work, _| mode(&work.join(LOG), 0o400),
        run: (7, "ledger.log: "),
        verify: (0, "is whole"),
    },
    Case {
        what: "the log cannot be read",
        spoil: |work, _| mode(&work.join(LOG), 0o000),
        run: (7, "ledger.log: "),
        verify: (7, "ledger.log: "),
    },
    Case {
        what: "the log is a directory",
        spoil: |work, _| replace_by_directory(&work.join(LOG)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the log is a symbolic link",
        spoil: |work, _| replace_by_link(&work.join(LOG)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the log is something else",
        spoil: |work, _| fs::write(work.join(LOG), [b'x'; 500]).unwrap(),
        run: (7, "byte 0: the file does not begin as a ledger log does"),
        verify: (7, "byte 0: the file does not begin as a ledger log does"),
    },
    Case {
        what: "the log is another ledger's",
        spoil: |work, scene| take(scene.copy("another"), work, LOG),
        run: (7, "the head"),
        verify: (7, "the head"),
    },
    Case {
        what: "the log is from an older backup than the head",
        spoil: |work, scene| take(scene.copy("backup"), work, LOG),
        run: (7, "the log ends here, and the head says that it was longer"),
        verify: (7, "the log ends here, and the head says that it was longer"),
    },
    Case {
        what: "one bit of the log is flipped",
        spoil: |work, _| {
            let mut bytes = fs::read(work.join(LOG)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(work.join(LOG), bytes).unwrap();
        },
        run: (7, "the frame here is damaged"),
        verify: (7, "the frame here is damaged"),
    },
    Case {
        what: "a torn write behind the head",
        spoil: |work, _| {
            let size = fs::metadata(work.join(LOG)).unwrap().len();
            overwrite(&work.join(LOG), size, &[0; 17]);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the log has a format of a newer version",
        spoil: |work, _| {
            fs::copy(newer("format.log"), work.join(LOG)).unwrap();
            fs::copy(newer("format.head"), work.join(HEAD)).unwrap();
        },
        run: (7, "format version 2, which this program does not know"),
        verify: (7, "format version 2, which this program does not know"),
    },
    Case {
        what: "the log has an event of a newer version",
        spoil: |work, _| {
            fs::copy(newer("kind.log"), work.join(LOG)).unwrap();
            fs::copy(newer("kind.head"), work.join(HEAD)).unwrap();
        },
        run: (7, "the last start up to here was by version 0.9.0"),
        verify: (7, "the last start up to here was by version 0.9.0"),
    },
];
