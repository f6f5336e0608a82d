//! `status.xml`, which is computed from the log and so never more than it.

use std::fs;

use super::{Case, STATUS};
use crate::spoil::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "status.xml is missing",
        spoil: |work, _| fs::remove_file(work.join(STATUS)).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "there is no status.xml of this ledger yet"),
    },
    Case {
        what: "status.xml is empty",
        spoil: |work, _| cut(&work.join(STATUS), |_| 0),
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml is cut short",
        spoil: |work, _| cut(&work.join(STATUS), |size| size / 2),
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml was edited by hand",
        spoil: |work, _| {
            let text = fs::read_to_string(work.join(STATUS)).unwrap();
            fs::write(work.join(STATUS), text.replace("<id>1</id>", "<id>7</id>")).unwrap();
        },
        run: (0, "unchanged"),
        verify: (7, "status.xml says that it shows the ledger as of event"),
    },
    Case {
        what: "status.xml is read-only: it is replaced, never written into",
        spoil: |work, _| mode(&work.join(STATUS), 0o400),
        run: (0, "unchanged"),
        verify: (0, "status.xml is the projection"),
    },
    Case {
        what: "status.xml is a directory",
        spoil: |work, _| replace_by_directory(&work.join(STATUS)),
        run: (7, "status.xml is not an ordinary file"),
        verify: (7, "status.xml is not an ordinary file"),
    },
    Case {
        what: "status.xml is a symbolic link",
        spoil: |work, _| replace_by_link(&work.join(STATUS)),
        run: (7, "status.xml is not an ordinary file"),
        verify: (7, "status.xml is not an ordinary file"),
    },
    Case {
        what: "status.xml is another ledger's",
        spoil: |work, scene| take(scene.copy("another"), work, STATUS),
        run: (7, "belongs to another ledger"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml is from an older backup than the log",
        spoil: |work, scene| take(scene.copy("backup"), work, STATUS),
        run: (0, "unchanged"),
        verify: (0, "is the projection as of event"),
    },
    Case {
        what: "status.xml has a terabyte",
        spoil: |work, _| inflate(&work.join(STATUS)),
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml has an element of a newer version",
        spoil: |work, _| {
            let text = fs::read_to_string(work.join(STATUS)).unwrap();
            let newer = text.replacen("<id>", "<attested>yes</attested><id>", 1);
            fs::write(work.join(STATUS), newer).unwrap();
        },
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
];
