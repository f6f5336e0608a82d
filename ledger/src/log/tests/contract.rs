//! Files, the memory disk and the rehearsal, held to the contract.
//!
//! Deliberately absent: what only files have (`file::tests`).

mod files {
    use crate::log::file::files::Files;

    fn directory() -> impl Fn() -> Files {
        let directory = tempfile::tempdir().expect("a directory");
        move || Files::new(directory.path()).expect("the directory is there")
    }

    crate::place_contract!(directory());
}

mod memory_disk {
    use crate::log::file::simulated::memory::{Memory, MemoryDisk};

    fn disk() -> impl Fn() -> Memory {
        let disk = MemoryDisk::new();
        move || disk.process()
    }

    crate::place_contract!(disk());
}

mod rehearsal {
    use crate::id::Sequence;
    use crate::log::chain;
    use crate::log::event_log::EventLog as _;
    use crate::log::rehearsal::Rehearsal;
    use crate::log::sample::{LOG, TIME, created};

    /// A rehearsal goes on from anywhere, also from before the first entry; it has no place.
    fn begun() -> Rehearsal {
        let mut log = Rehearsal::after(chain::start(LOG));
        log.append(Sequence(1), TIME, vec![created()])
            .expect("begins");
        log
    }

    crate::log_contract!(begun);
}
