//! The probe: a file of a few words, under names that are made as the temporary names of results are, so that
//! whoever collects results collects none of it.
//!
//! What always holds: a name is one of a probe only where this program would make it exactly so; another
//! trial's probe is left alone until it is too old to be under way.

use std::io;

use courier_ledger::{LogId, Phase, RemoteName, Sequence, TemporaryPattern};

use super::tried::Attempt;
use crate::effects::sftp::Entry;
use crate::effects::source::{Available, Source};

/// A probe that is so much older than the newest one was left by a trial that has ended.
const STALE_SECONDS: u32 = 600;

/// The names of one trial's probe.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// What it is written under.
    pub(super) temporary: RemoteName,
    /// What it is renamed to.
    pub(super) target: RemoteName,
    pattern: TemporaryPattern,
}

impl Names {
    /// Names by this pattern, unique as `id` is.
    pub(super) fn new(pattern: &TemporaryPattern, id: LogId) -> Self {
        let name = |number| RemoteName::probe().temporary_by(pattern, id, Sequence(number));
        Self {
            temporary: name(1),
            target: name(2),
            pattern: pattern.clone(),
        }
    }

    /// Both.
    pub(super) fn all(&self) -> Vec<RemoteName> {
        vec![self.temporary.clone(), self.target.clone()]
    }

    /// When this trial's probe was changed, by the server's clock, if it is listed.
    pub(super) fn found_in(&self, entries: &[Entry]) -> Option<u32> {
        let own = entries
            .iter()
            .find(|entry| entry.name == self.target.as_str());
        own?.attributes.modified
    }

    /// What other trials have left.
    pub(super) fn stale_in(&self, entries: &[Entry]) -> Vec<RemoteName> {
        let Some(newest) = self.found_in(entries) else {
            return Vec::new();
        };
        let is_stale = |entry: &&Entry| {
            let modified = entry.attributes.modified;
            !entry.attributes.is_no_file()
                && modified.is_some_and(|it| newest.saturating_sub(it) > STALE_SECONDS)
        };
        let stale = entries.iter().filter(is_stale);
        stale.filter_map(|entry| self.probe(&entry.name)).collect()
    }

    /// The probe that has this name.
    fn probe(&self, name: &str) -> Option<RemoteName> {
        [&self.pattern, &TemporaryPattern::default()]
            .into_iter()
            .find_map(|pattern| {
                let (_, unique) = pattern.inside(name)?.rsplit_once('.')?;
                let (id, number) = unique.split_once('-')?;
                let id = LogId::from_hex(&format!("{id:0<32}"))?;
                let number = Sequence(number.parse().ok()?);
                let made = RemoteName::probe().temporary_by(pattern, id, number);
                (made.as_str() == name).then_some(made)
            })
    }
}

/// Which attempt an upload failed in.
pub(super) fn attempt_of(phase: Phase) -> Attempt {
    match phase {
        Phase::Create => Attempt::Create,
        Phase::Place | Phase::Remove | Phase::Look => Attempt::Rename,
        // Of all others an upload knows these alone.
        _ => Attempt::Write,
    }
}

/// The file's bytes, on their way.
#[derive(Debug, Default)]
pub(super) struct Probe {
    read: usize,
}

impl Probe {
    /// What is written.
    pub(super) const BYTES: &'static [u8] =
        b"A probe that `broker-courier check` has written. It may be removed.\n";
    /// How many bytes that are.
    #[expect(clippy::cast_possible_truncation, reason = "a constant")]
    pub(super) const LENGTH: u32 = Self::BYTES.len() as u32;
}

impl Source for Probe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        let rest = &Self::BYTES[self.read..];
        if rest.is_empty() {
            return Ok(Available::End);
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(Available::Bytes(count))
    }

    fn restart(&mut self) -> io::Result<()> {
        self.read = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::effects::sftp::Attributes;

    fn entry(name: &str, modified: u32) -> Entry {
        Entry {
            name: name.to_owned(),
            attributes: Attributes {
                size_bytes: None,
                permissions: None,
                modified: Some(modified),
            },
        }
    }

    #[test]
    fn only_old_probes_are_stale_and_nothing_else_is_a_probe() {
        let pattern: TemporaryPattern = "{name}.tmp".parse().unwrap();
        let names = Names::new(&pattern, LogId([0xab; 16]));
        assert_eq!(names.target.as_str(), "broker-courier-check.abababab-2.tmp");
        let listed = [
            entry(names.target.as_str(), 10_000),
            // Another trial's, under way.
            entry("broker-courier-check.00000001-2.tmp", 9_500),
            entry("broker-courier-check.00000002-1.tmp", 9_000),
            entry(".broker-courier-check.00000003-2.part", 1),
            entry("broker-courier-check.tmp", 1),
            entry("broker-courier-check.00000002-x.tmp", 1),
            entry("status.xml.00000004-1.tmp", 1),
            entry("export_1.zip", 1),
        ];
        let stale = names.stale_in(&listed);
        let stale: Vec<&str> = stale.iter().map(RemoteName::as_str).collect();
        assert_eq!(
            stale,
            [
                "broker-courier-check.00000002-1.tmp",
                ".broker-courier-check.00000003-2.part"
            ]
        );
        // Without the server's time of the own one, nothing is known to be old.
        assert_eq!(names.stale_in(&listed[1..]), []);
    }
}
