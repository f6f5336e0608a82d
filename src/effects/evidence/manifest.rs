//! What is delivered at present, as a signed note: for whoever receives the files and has no ledger.
//!
//! What always holds here: one state has one text; `sha256sum --check` reads it, and passes over what is not a digest.
//! No checkpoint can be taken for one, nor the other way round: its first line is none of theirs. Deliberately absent:
//! what was delivered before, and what was withdrawn (`status.xml`, the ledger).

use std::collections::BTreeMap;

use base64_simd::STANDARD;
use courier_ledger::{Digest, LogId, Remote, Sequence, State, Tip};

use super::checkpoint::Checkpoint;

const FIRST_LINE: &str = "# broker-courier manifest 1\n";

/// A file that a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// It was delivered so.
    File {
        /// The event that began it.
        event: Sequence,
        /// Its size in bytes.
        size_bytes: u64,
        /// Its SHA-256.
        sha256: Digest,
    },
    /// It was delivered by a ledger, or a program, that left no digest.
    NoDigest,
    /// What stands there is not known until the next run has looked.
    InDoubt,
}

/// What is delivered at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Whose: the key's name, and the ledger; how many of its entries, and the root over them.
    pub(crate) checkpoint: Checkpoint,
    /// The hash of the last of them.
    pub(crate) hash: Digest,
    /// Each file by its name.
    pub(crate) files: BTreeMap<String, Listed>,
}

impl Manifest {
    /// That of a state, for which this checkpoint was signed.
    pub(super) fn of(state: &State, tip: Tip, checkpoint: Checkpoint) -> Self {
        let files = state.requests().filter_map(|(id, request)| {
            let listed = match &request.remote {
                Remote::Nothing | Remote::Deleted(_) => return None,
                Remote::Uncertain(_) => Listed::InDoubt,
                Remote::Stored(file) | Remote::PickedUp(file) => match file.receipt {
                    None => Listed::NoDigest,
                    Some(receipt) => Listed::File {
                        event: receipt.start,
                        size_bytes: receipt.size_bytes,
                        sha256: receipt.token_sha256,
                    },
                },
            };
            Some((request.name(id).to_string(), listed))
        });
        Self {
            checkpoint,
            hash: tip.hash,
            files: files.collect(),
        }
    }

    /// The ledger that it is of.
    pub(crate) fn log(&self) -> Option<LogId> {
        self.checkpoint.log()
    }

    /// The text that is signed.
    pub(super) fn text(&self) -> String {
        let Checkpoint { origin, size, root } = &self.checkpoint;
        let root = STANDARD.encode_to_string(root.0);
        let mut text = format!(
            "{FIRST_LINE}# ledger {origin}\n# event {size} {}\n# tree {size} {root}\n",
            self.hash
        );
        for (name, listed) in &self.files {
            text.push_str(&match listed {
                Listed::File {
                    event,
                    size_bytes,
                    sha256,
                } => format!("# {size_bytes} bytes, event {event}\n{sha256}  {name}\n"),
                Listed::NoDigest => format!("# no digest: {name}\n"),
                Listed::InDoubt => format!("# in doubt: {name}\n"),
            });
        }
        text
    }

    /// Reads the text of a manifest.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_prefix(FIRST_LINE)?.lines();
        let origin = lines.next()?.strip_prefix("# ledger ")?.to_owned();
        let (size, hash) = lines.next()?.strip_prefix("# event ")?.split_once(' ')?;
        let root = lines.next()?.strip_prefix("# tree ")?.split_once(' ')?.1;
        let root = STANDARD.decode_to_vec(root).ok()?;
        let mut files = BTreeMap::new();
        while let Some(line) = lines.next() {
            let line = line.strip_prefix("# ")?;
            let (name, listed) = if let Some(name) = line.strip_prefix("no digest: ") {
                (name, Listed::NoDigest)
            } else if let Some(name) = line.strip_prefix("in doubt: ") {
                (name, Listed::InDoubt)
            } else {
                let (size_bytes, event) = line.split_once(" bytes, event ")?;
                let (sha256, name) = lines.next()?.split_once("  ")?;
                let listed = Listed::File {
                    event: event.parse().ok()?,
                    size_bytes: size_bytes.parse().ok()?,
                    sha256: Digest::from_hex(sha256)?,
                };
                (name, listed)
            };
            files.insert(name.to_owned(), listed);
        }
        let manifest = Self {
            checkpoint: Checkpoint {
                origin,
                size: size.parse().ok()?,
                root: Digest(root.try_into().ok()?),
            },
            hash: Digest::from_hex(hash)?,
            files,
        };
        // There is one text for it.
        (manifest.text() == text).then_some(manifest)
    }

    /// How a manifest of this ledger begins, whatever it lists.
    pub(super) fn beginning(origin: &str) -> String {
        format!("{FIRST_LINE}# ledger {origin}\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn a_manifest_is_read_back_and_nothing_else_is() {
        let file = Listed::File {
            event: Sequence(7),
            size_bytes: 2360,
            sha256: Digest([0xab; 32]),
        };
        let listed = [
            ("export_1.zip", file),
            ("export_2.zip", Listed::NoDigest),
            ("export_3.zip", Listed::InDoubt),
        ];
        let manifest = Manifest {
            checkpoint: Checkpoint::of(
                "clinic.example/courier",
                LogId([3; 16]),
                90,
                Digest([5; 32]),
            ),
            hash: Digest([4; 32]),
            files: listed.map(|(name, it)| (name.to_owned(), it)).into(),
        };
        let text = manifest.text();
        assert_eq!(Manifest::parse(&text), Some(manifest.clone()));
        assert!(text.starts_with(&Manifest::beginning(&manifest.checkpoint.origin)));
        assert!(text.contains(&format!("\n{}  export_1.zip\n", Digest([0xab; 32]))));
        // Neither of both is the other.
        assert_eq!(Checkpoint::parse(&text), None);
        assert_eq!(Manifest::parse(&manifest.checkpoint.text()), None);
        for (from, to) in [
            ("2360", "02360"),
            ("# in doubt: export_3.zip\n", ""),
            ("export_3", "export_0"),
            ("\n# tree 90", "\n# tree 91"),
            ("  export_1", " export_1"),
        ] {
            let other = Manifest::parse(&text.replace(from, to));
            assert!(other.is_none_or(|it| it != manifest), "{from}");
        }
        assert_eq!(
            Manifest::parse(&text.replace("\n# tree 90", "\n# tree 91")),
            None
        );
    }
}
