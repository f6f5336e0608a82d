//! A look at the drop-box of a configuration, or at a copy of it: what a recovery begins with. No
//! command of its own; the testbed calls it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use courier_ledger::{LegacyStatus, RequestId};

use super::error::CommandError;
use super::parts;
use crate::config::Configuration;
use crate::effects::survey::{DistantFolder, LocalFolder, Survey, Surveyed};

/// Looks at the drop-box that the configuration file `config` names, or at the folder `copy`.
pub fn survey(
    config: &Path,
    copy: Option<PathBuf>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Survey, Box<dyn std::error::Error>> {
    let (configuration, _) = Configuration::load(config)?;
    let surveyed: Box<dyn Surveyed> = match copy {
        Some(folder) => Box::new(LocalFolder::new(folder, configuration.drop_box.temporary)),
        None => {
            let endpoint =
                parts::endpoint(&configuration).map_err(|error: CommandError| error.to_string())?;
            Box::new(DistantFolder::new(endpoint))
        }
    };
    surveyed
        .survey(&listed, &mut progress)
        .map_err(|failure| failure.to_string().into())
}

/// The requests that a `status.xml` has lines for; none when it cannot be read.
fn listed(document: &[u8]) -> BTreeSet<RequestId> {
    let entries = LegacyStatus::parse(document).map(|status| status.entries);
    entries
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.id)
        .collect()
}
