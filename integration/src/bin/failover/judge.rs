//! What arrived, and what became of it, by looking at the drop-box itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testbed::broker::EmbeddedBroker;
use testbed::place::Place;

use super::Outcome;
use super::hosts::{Host, Run};

const PAUSE: Duration = Duration::from_millis(250);
/// Every so many results an earlier one is corrected.
const CORRECTED: u64 = 5;

/// What hospitals answered last, by request.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) results: BTreeMap<u64, String>,
    pub(super) corrected: usize,
}

impl Arrivals {
    /// Results come until it is over.
    pub(super) fn until(broker: &EmbeddedBroker, is_over: &AtomicBool) -> Self {
        let mut all = Self::default();
        while !is_over.load(Ordering::Relaxed) {
            let id = broker.publish("rki");
            all.answer(broker, id, format!("result of {id}"));
            if id.is_multiple_of(CORRECTED) && all.results.contains_key(&(id / 2)) {
                all.answer(broker, id / 2, format!("corrected with {id}"));
                all.corrected += 1;
            }
            std::thread::sleep(PAUSE);
        }
        all
    }

    fn answer(&mut self, broker: &EmbeddedBroker, id: u64, text: String) {
        broker.submit_result(1, id, "text/plain", text.as_bytes());
        self.results.insert(id, text);
    }
}

/// What is wrong in the end, a line each.
pub(super) struct Verdict {
    pub(super) tips_lost: Vec<String>,
    pub(super) results_wrong: Vec<String>,
    pub(super) is_whole: bool,
}

impl Verdict {
    /// Looks at everything.
    pub(super) fn of(
        host: &Host,
        place: &Place,
        runs: &[Run],
        arrivals: &Arrivals,
    ) -> Outcome<Self> {
        Ok(Self {
            tips_lost: tips_lost(host, runs)?,
            results_wrong: results_wrong(host, place, arrivals)?,
            is_whole: host.says(&["verify"]).code == Some(0),
        })
    }

    pub(super) fn is_good(&self) -> bool {
        self.tips_lost.is_empty() && self.results_wrong.is_empty() && self.is_whole
    }
}

/// The published tips that are not in the ledger any more.
fn tips_lost(host: &Host, runs: &[Run]) -> Outcome<Vec<String>> {
    let log = host.says(&["log", "--json"]);
    let mut hashes = BTreeMap::new();
    for line in log.stdout.lines() {
        let entry: serde_json::Value = serde_json::from_str(line)?;
        let hash = entry["hash"].as_str().unwrap_or_default().to_owned();
        hashes.insert(entry["sequence"].as_u64().unwrap_or_default(), hash);
    }
    let published = runs.iter().filter_map(|run| run.published.as_ref());
    let lost = published.filter(|(sequence, hash)| hashes.get(sequence) != Some(hash));
    Ok(lost
        .map(|(sequence, hash)| format!("entry {sequence}, {hash}, was published"))
        .collect())
}

/// The results that are missing at the drop-box, or are not what the hospital answered last.
fn results_wrong(host: &Host, place: &Place, arrivals: &Arrivals) -> Outcome<Vec<String>> {
    let folder = place.config().with_file_name("decrypted");
    fs::create_dir(&folder)?;
    let (from, to) = (
        place.drop_box().display().to_string(),
        folder.display().to_string(),
    );
    host.says(&["decrypt", &from, "-o", &to]);
    let mut wrong = Vec::new();
    for (id, due) in &arrivals.results {
        let name = format!("export_{id}.zip");
        match File::open(folder.join(&name)) {
            Ok(file) => {
                if !holds(file, due)? {
                    wrong.push(format!("{name} is not {due:?}"));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    Ok(wrong)
}

/// Whether one of the bundle's entries is exactly this.
fn holds(bundle: File, due: &str) -> Outcome<bool> {
    let mut bundle = zip::ZipArchive::new(bundle)?;
    for index in 0..bundle.len() {
        let mut bytes = Vec::new();
        bundle.by_index(index)?.read_to_end(&mut bytes)?;
        if bytes == due.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}
