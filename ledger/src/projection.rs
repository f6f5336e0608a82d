//! `status.xml`, computed from the state: readable by whatever read the replaced program's, and, by
//! the attributes on its root, evidence of the log that is kept elsewhere.
//!
//! Deliberately absent: anything that could not be thrown away and computed again.

use std::fmt::Write as _;

use crate::digest::Digest;
use crate::id::LogId;
use crate::recovered::Ancestor;
use crate::state::State;
use crate::tip::Tip;

/// What names, on the root, the ledgers that this one was begun from.
const BEGUN_FROM: &str = r#" begun-from=""#;

/// The bytes of a `status.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusDocument(String);

impl StatusDocument {
    /// Projects the state at `tip`.
    #[must_use]
    pub fn project(state: &State, tip: Tip) -> Self {
        let Tip {
            log,
            sequence,
            hash,
        } = tip;
        let mut xml = format!(r#"<status log="{log}" sequence="{sequence}" hash="{hash}""#);
        let mut ancestors = state.ancestors().peekable();
        if ancestors.peek().is_some() {
            let named: Vec<_> = ancestors
                .map(|Ancestor { log, sequence }| format!("{log}:{sequence}"))
                .collect();
            let _ = write!(xml, r#" begun-from="{}""#, named.join(" "));
        }
        xml.push('>');
        for (id, line) in state.lines() {
            // Writing to a string cannot fail, and every value is digits, '.', ':', '-' and spaces.
            let _ = write!(
                xml,
                "<request-status><id>{id}</id><completion>{}</completion><uploaded>{}</uploaded>",
                line.completion,
                line.uploaded.to_legacy(),
            );
            for (element, time) in [("last-update", line.last_update), ("deleted", line.deleted)] {
                if let Some(time) = time {
                    let _ = write!(xml, "<{element}>{}</{element}>", time.to_legacy());
                }
            }
            xml.push_str("</request-status>");
        }
        xml.push_str("</status>");
        Self(xml)
    }

    /// The entry up to which a `status.xml` that begins so says it speaks; `None` for one of the replaced program,
    /// or no `status.xml` at all.
    #[must_use]
    pub fn tip_of(bytes: &[u8]) -> Option<Tip> {
        // The rest may be cut within a character.
        let head = bytes.get(..bytes.iter().position(|byte| *byte == b'>')? + 1)?;
        let text = std::str::from_utf8(head).ok()?;
        let rest = text.strip_prefix(r#"<status log=""#)?;
        let (log, rest) = rest.split_once(r#"" sequence=""#)?;
        let (sequence, rest) = rest.split_once(r#"" hash=""#)?;
        let (hash, rest) = rest.split_once('"')?;
        if !rest.starts_with('>') && !rest.starts_with(BEGUN_FROM) {
            return None;
        }
        Some(Tip {
            log: LogId::from_hex(log)?,
            sequence: sequence.parse().ok()?,
            hash: Digest::from_hex(hash)?,
        })
    }

    /// The ledgers that the one which wrote a `status.xml` had been begun from, the last first.
    #[must_use]
    pub fn ancestors_of(bytes: &[u8]) -> Vec<Ancestor> {
        let root = bytes.split(|byte| *byte == b'>').next().unwrap_or_default();
        let root = String::from_utf8_lossy(root);
        let named = root.split_once(BEGUN_FROM);
        let named = named.and_then(|(_, rest)| rest.split_once('"'));
        let named = named.map(|(named, _)| named).unwrap_or_default();
        let ancestor = |word: &str| {
            let (log, sequence) = word.split_once(':')?;
            Some(Ancestor {
                log: LogId::from_hex(log)?,
                sequence: sequence.parse().ok()?,
            })
        };
        named.split(' ').filter_map(ancestor).collect()
    }

    /// The bytes of the file.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
