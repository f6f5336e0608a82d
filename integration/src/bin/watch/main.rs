//! `integration/watch.sh`: how long it takes from a hospital's `completed` to the result's final name at the drop-box
//! while somebody watches, how much memory many wake-ups take, and how much of a core nothing takes.
//!
//! What always holds here: figures are printed, and nothing is asserted about them; a result counts when another
//! file stands under its name than before. `--aktin` takes AKTIN's own broker, `--wakes N` another number of wake-ups.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use testbed::aktin::Aktin;
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::Courier;
use testbed::either_broker::EitherBroker;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::people::{Analyst, Hospital};
use testbed::place::Place;
use testbed::watched::{Watched, until};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const RESULTS: u64 = 200;
const BEAT: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    match figures() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("the figures could not be taken: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(words: &str) {
    // Nothing is left to be done about a standard output that is gone.
    let _unheard = writeln!(std::io::stdout(), "{words}");
}

fn figures() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wakes = words.iter().position(|word| word == "--wakes");
    let wakes = wakes.and_then(|at| words.get(at + 1)?.parse().ok());
    let wakes: u64 = wakes.unwrap_or(10_000);
    let broker = match words.iter().any(|word| word == "--aktin") {
        true => {
            let aktin = Aktin::start_if_available().ok_or("AKTIN_BROKER_DIST is not set")?;
            EitherBroker::Aktin(aktin?)
        }
        false => EitherBroker::Embedded(EmbeddedBroker::start(Settings::default())?),
    };
    let server = EmbeddedSftp::start(EmbeddedSftpSettings::default())?;
    let place = Place::new(&broker.url(), &server)?;
    let analyst = Analyst::new(&broker.url(), EmbeddedBroker::ADMIN_KEY);
    let hospital = Hospital::new(&broker.url(), EmbeddedBroker::NODE_1_KEY);
    for _ in 0..RESULTS {
        let id = analyst.publish("rki")?;
        hospital.report(id, "retrieved")?;
    }
    let watched = watch(&place)?;
    let count = || place.names().map_or(0, |names| names.len() as u64);
    until("the first results", || count() > RESULTS);
    std::thread::sleep(Duration::from_secs(2));

    let mut taken = Vec::new();
    for id in 0..RESULTS {
        let there = File::of(&place, id);
        hospital.deliver(id, "application/octet-stream", "counts")?;
        let completed = Instant::now();
        while !there.is_another() {
            std::thread::sleep(BEAT);
        }
        taken.push(completed.elapsed());
    }
    tell("one after the other", &mut taken);

    let mut waiting = Vec::new();
    for id in 0..RESULTS {
        let there = File::of(&place, id);
        hospital.deliver(id, "application/octet-stream", "other counts")?;
        waiting.push((there, Instant::now()));
    }
    let mut taken = Vec::new();
    while !waiting.is_empty() {
        waiting.retain(|(there, completed)| {
            let is_there = there.is_another();
            if is_there {
                taken.push(completed.elapsed());
            }
            !is_there
        });
        std::thread::sleep(BEAT);
    }
    tell("all at once", &mut taken);

    std::thread::sleep(Duration::from_secs(2));
    let (busy, began) = (cpu(watched.pid())?, Instant::now());
    std::thread::sleep(IDLE);
    let share = (cpu(watched.pid())? - busy).as_secs_f64() / began.elapsed().as_secs_f64();
    say(&format!(
        "while nothing happens: {:.3} % of a core",
        share * 100.0
    ));

    place.change_config("[MISC]", "[WATCH]\nSETTLE = 0\n[MISC]")?;
    watched.signal("HUP");
    watched.says("the configuration was read again", 1);
    std::thread::sleep(Duration::from_secs(2));
    let runs = || fs::metadata(place.working_dir().join("ledger.log")).map_or(0, |it| it.len());
    let first = resident(watched.pid())?;
    for wake in 0..wakes {
        let before = runs();
        hospital.report(wake % RESULTS, "processing")?;
        let began = Instant::now();
        while runs() == before && began.elapsed() < IDLE {
            std::thread::sleep(BEAT);
        }
    }
    let last = resident(watched.pid())?;
    say(&format!(
        "memory: {first} KiB at the first wake-up, {last} KiB after {wakes}"
    ));
    watched.signal("TERM");
    let (code, said) = watched.ended();
    match code {
        Some(0) => Ok(()),
        _ => Err(said.into()),
    }
}

fn watch(place: &Place) -> Outcome<Watched> {
    let mut command = Courier::beside_this_program()?.command();
    Ok(Watched::begin(
        command.arg("-c").arg(place.config()).arg("watch"),
    )?)
}

/// A file at the drop-box, as it was.
struct File {
    path: PathBuf,
    number: Option<u64>,
}

impl File {
    fn of(place: &Place, id: u64) -> Self {
        let path = place.drop_box().join(format!("export_{id}.zip"));
        let number = Self::number(&path);
        Self { path, number }
    }

    fn number(path: &PathBuf) -> Option<u64> {
        fs::metadata(path).map(|it| it.ino()).ok()
    }

    /// Whether another one stands there now.
    fn is_another(&self) -> bool {
        let now = Self::number(&self.path);
        now.is_some() && now != self.number
    }
}

fn tell(what: &str, taken: &mut [Duration]) {
    taken.sort_unstable();
    let at = |share: usize| {
        let index = (taken.len() * share / 100).min(taken.len().saturating_sub(1));
        taken.get(index).copied().unwrap_or_default().as_secs_f64()
    };
    say(&format!(
        "{what}, {} results: p50 {:.3} s, p99 {:.3} s, longest {:.3} s",
        taken.len(),
        at(50),
        at(99),
        at(100)
    ));
}

/// What a process has taken of a core so far.
fn cpu(pid: u32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no process")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| -> Outcome<u64> { Ok(fields.get(at).ok_or("no time")?.parse()?) };
    // A hundredth of a second each (proc(5)).
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

fn resident(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no memory")?.parse()?)
}
