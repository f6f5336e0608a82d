//! The arguments, as typed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};
use courier_ledger::{BrokerChange, DropBoxChange, Event, Sequence};

use super::config::ConfigCommand;
use super::ledger_argument::LedgerArgument;
use super::moment::Moment;
use super::plan::Rule;
use super::report::Lang;
use super::terminal::{self, Colour};
use super::upkeep::UpkeepCommand;
use crate::effects::environment;
use crate::effects::evidence::{KeyNameError, Verifier};
use crate::exit_code::ExitCodes;

/// Carries the results of tagged AKTIN broker requests to an SFTP drop-box, encrypted, and keeps a
/// ledger that anyone can replay.
#[derive(Debug, Parser)]
#[command(version, after_help = ExitCodes.to_string(), max_term_width = 100)]
pub(crate) struct Arguments {
    /// The configuration file
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = environment::CONFIG
    )]
    pub(crate) config: Option<PathBuf>,

    /// The folder that holds the ledger, or the database (postgres://…), for commands that need no more than that
    #[arg(long, global = true, value_name = "DIR|URL")]
    pub(crate) ledger: Option<LedgerArgument>,

    /// How messages are written to standard error
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Say errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say what is done and what is tried again; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// When messages are coloured
    #[arg(
        long = "color",
        global = true,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) colour: Colour,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the command line, and of the environment what it names; what is empty there is not.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut command = Self::command();
        if environment::value(environment::CONFIG).is_none() {
            command = command.mut_arg("config", |config| config.env(Resettable::Reset));
        }
        if !terminal::may_colour() {
            // Left to itself, clap colours for continuous integration whatever the terminal.
            command = command.color(clap::ColorChoice::Never);
        }
        let mut matches = command.clone().try_get_matches()?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Brings the drop-box up to date with the broker: what cron calls
    Run(RunOptions),
    /// Goes on and on: a run as soon as there may be something to do, and every `WATCH.INTERVAL` at least
    Watch,
    /// Shows what becomes of the replaced program's status.xml when the first run takes it over
    Import(JsonOption),
    /// Shows what `run` would do now; changes nothing
    Plan(PlanOptions),
    /// Begins a configuration, shows what one comes to, or describes the file to an editor
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Tries every link in turn: this machine, the broker, the drop-box; leaves nothing behind
    Check(JsonOption),
    /// Releases what a guard has blocked, for exactly the plan shown
    Approve(ApproveOptions),
    /// Shows whether all is well, and what stands at the drop-box, as far as the ledger knows
    Status(StatusOptions),
    /// Begins a lost or damaged ledger anew from what its drop-box holds; first shows what that is
    Recover(RecoverOptions),
    /// Lists what was left at drop-boxes that are no longer delivered to
    LeftBehind(LeftBehindOptions),
    /// Shows what happened, event by event
    Log(LogOptions),
    /// Tells the story of one request: what was seen, decided, tried and delivered, and what comes next
    Why(WhyOptions),
    /// Writes one page for somebody who was not there: deliveries, waiting times, gaps, decisions
    Report(ReportOptions),
    /// Shows the state as it was after an earlier event
    Replay(ReplayOptions),
    /// Checks every byte of the ledger
    Verify(VerifyOptions),
    /// Makes a copy of the ledger with events left out, which verifies all the same
    Redact(RedactOptions),
    /// Proves to others that an event is in the ledger, or that it goes on from an earlier checkpoint
    Prove(ProveOptions),
    /// Says what a proof proves, and what it does not; needs no ledger
    VerifyProof(VerifyProofOptions),
    /// Makes the tables of a ledger in a database, or moves a ledger there and back
    #[command(subcommand)]
    Ledger(UpkeepCommand),
    /// Asks the SFTP server for its host key, without logging in, and says if it is the accepted one
    HostKey(JsonOption),
    /// Makes a new encryption key; never overwrites a file
    Keygen(KeygenOptions),
    /// Makes a key that signs checkpoints of the ledger, and shows what others verify by
    EvidenceKey(EvidenceKeyOptions),
    /// Puts a new encryption key in place of the one in use; the old one is kept for reading
    RotateKey(RotateKeyOptions),
    /// Holds a folder of delivered files against the ledger
    AuditBox(AuditBoxOptions),
    /// Decrypts delivered files
    Decrypt(DecryptOptions),
    /// Writes what completes this program's arguments in a shell to standard output
    Completions(CompletionsOptions),
    /// Writes the manual pages into a folder
    Man(ManOptions),
}

#[derive(Debug, Args)]
pub(crate) struct JsonOption {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Change nothing, and show what would be done: `plan`
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,

    /// Do exactly what stands in this file of `plan --out`, or, if anything has moved since, nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "only"])]
    pub(crate) plan: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) only: OnlyOption,
}

/// The requests that alone are to be dealt with.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OnlyOption {
    /// Only what is about these requests; guards judge the whole all the same
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub(crate) only: Vec<courier_ledger::RequestId>,
}

impl OnlyOption {
    /// None: all of them.
    pub(crate) fn requests(&self) -> Option<BTreeSet<courier_ledger::RequestId>> {
        let requests: BTreeSet<_> = self.only.iter().copied().collect();
        Some(requests).filter(|requests| !requests.is_empty())
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManOptions {
    /// The folder, such as /usr/local/share/man/man1; pages that are there are replaced
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Show withdrawn requests, too
    #[arg(long)]
    pub(crate) all: bool,

    /// Say it in one line for a monitoring system, with its exit codes: 0 OK, 1 warning, 2 critical,
    /// 3 unknown
    #[arg(long, conflicts_with_all = ["json", "all"])]
    pub(crate) check: bool,

    /// How long ago the last good run may have ended before that is critical
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "check")]
    pub(crate) max_age: MaxAge,
}

/// A time such as `90m`, `1h 30m` or `2d`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxAge(pub(crate) Duration);

impl FromStr for MaxAge {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span: Option<jiff::Span> = text.parse().ok();
        let time = span.and_then(|span| {
            span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
                .ok()
        });
        let time = time.and_then(|time| Duration::try_from(time).ok());
        time.map(Self)
            .ok_or("expected a time, such as 90m, 1h or 2d")
    }
}

#[derive(Debug, Default, Args)]
pub(crate) struct PlanOptions {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Exit with 10 when changes are pending, with 6 when a guard blocks
    #[arg(long)]
    pub(crate) exit_code: bool,

    /// What would have been done after this event, or at this time: from the ledger alone, nobody is asked
    #[arg(long, value_name = "SEQ|TIME", allow_hyphen_values = true, conflicts_with_all = ["out", "only"])]
    pub(crate) at: Option<Moment>,

    /// Another rule than the one of then, such as REQUESTS.DRAFTS=wait; may be given several times
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., requires = "at")]
    pub(crate) policy: Vec<Rule>,

    /// Keep the plan in a new file, for `run --plan FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) only: OnlyOption,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveOptions {
    /// The digest that `run` showed, or its first digits
    #[arg(value_name = "DIGEST")]
    pub(crate) digest: String,

    /// What another configured broker or tag is: the same one under a new address; another one, so that
    /// what the old one asked for is withdrawn; or another one, and that stays where it is
    #[arg(long, value_name = "CHANGE")]
    pub(crate) broker: Option<BrokerAnswer>,

    /// What another configured drop-box is: the same one under a new address, or another one, to which
    /// everything is delivered
    #[arg(long, value_name = "CHANGE")]
    pub(crate) drop_box: Option<DropBoxAnswer>,

    /// Why it is right to go on
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,

    /// Who approves; by default whoever is logged in
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

/// What another configured broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BrokerAnswer {
    /// The same one under a new address, or the same tag under a new name
    Same,
    /// Another one: what the old one asked for is withdrawn
    Withdraw,
    /// Another one: what the old one asked for stays where it is
    Keep,
}

impl From<BrokerAnswer> for BrokerChange {
    fn from(answer: BrokerAnswer) -> Self {
        match answer {
            BrokerAnswer::Same => Self::Same,
            BrokerAnswer::Withdraw => Self::Withdraw,
            BrokerAnswer::Keep => Self::Keep,
        }
    }
}

/// What another configured drop-box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DropBoxAnswer {
    /// The same one under a new address: what was delivered is there
    Same,
    /// Another one: everything is delivered to it
    Another,
}

impl From<DropBoxAnswer> for DropBoxChange {
    fn from(answer: DropBoxAnswer) -> Self {
        match answer {
            DropBoxAnswer::Same => Self::Same,
            DropBoxAnswer::Another => Self::Another,
        }
    }
}

/// What became of results that the lost ledger shows and that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MissingAnswer {
    /// They are delivered again
    Deliver,
    /// The recipient took them
    Fetched,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverOptions {
    /// A folder with a copy of the drop-box, in place of the drop-box
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: Option<PathBuf>,

    /// A kept copy of the lost ledger's status.xml, in place of the published one
    #[arg(long, value_name = "FILE")]
    pub(crate) status: Option<PathBuf>,

    /// What became of results that it shows and that are not there
    #[arg(long, value_name = "ANSWER", default_value = "deliver")]
    pub(crate) missing: MissingAnswer,

    /// Why the ledger has to begin anew; without it nothing is changed
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,

    /// Who recovers it; by default whoever is logged in
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LeftBehindOptions {
    /// Record that nothing is left there any more
    #[arg(long, requires = "why")]
    pub(crate) gone: bool,

    /// How that is known
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,

    /// Who has seen it; by default whoever is logged in
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LogOptions {
    /// Write JSON, one event a line
    #[arg(long)]
    pub(crate) json: bool,

    /// Only events about this request
    #[arg(long, value_name = "ID")]
    pub(crate) request: Option<courier_ledger::RequestId>,

    /// Only events from this one on: a sequence number, an RFC 3339 time, a date, `yesterday`, `-2h`
    #[arg(long, value_name = "SEQ|TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<Moment>,

    /// Only events up to this one, that included
    #[arg(long, value_name = "SEQ|TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<Moment>,

    /// Only events of this kind; may be given several times
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(Event::KINDS), hide_possible_values = true)]
    pub(crate) kind: Vec<String>,

    /// Only events of the run that this event belongs to, or of the `last` one
    #[arg(long, value_name = "SEQ")]
    pub(crate) run: Option<RunName>,

    /// Of a damaged ledger, show what stands before the damage: it is proven to follow from its beginning,
    /// not to be all that there was
    #[arg(long)]
    pub(crate) until_damage: bool,
}

/// Which run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RunName {
    /// The last one that began.
    Last,
    /// The one that this event belongs to.
    Of(Sequence),
}

impl FromStr for RunName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "last" => Ok(Self::Last),
            _ => text
                .trim_start_matches('#')
                .parse()
                .map(Self::Of)
                .map_err(|_| "expected the number of an event of the run, or `last`"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct WhyOptions {
    /// The request
    #[arg(value_name = "ID")]
    pub(crate) request: courier_ledger::RequestId,

    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportOptions {
    /// From this event, time or day on; by default all of it
    #[arg(long, value_name = "SEQ|TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<Moment>,

    /// Up to this event, time or day, that included; by default to the last event
    #[arg(long, value_name = "SEQ|TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<Moment>,

    /// The file to write; otherwise standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write JSON: every number of the page
    #[arg(long)]
    pub(crate) json: bool,

    /// How long a completion may wait for its delivery: what took longer is counted
    #[arg(long, value_name = "TIME")]
    pub(crate) limit: Option<MaxAge>,

    /// The language of the page
    #[arg(long, value_name = "LANG", default_value = "en")]
    pub(crate) lang: Lang,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The last event, time or day to take in; all by default
    #[arg(long, value_name = "SEQ|TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<Moment>,

    /// Write the status.xml of that moment instead
    #[arg(long, conflicts_with = "json")]
    pub(crate) status_xml: bool,

    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// Copies of status.xml that somebody kept: each must be contained in the ledger
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) against: Vec<PathBuf>,

    /// Checkpoints that somebody kept: each must be signed, and of this ledger
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "key")]
    pub(crate) checkpoints: Vec<PathBuf>,

    /// Who must have signed them: the line that `evidence-key` showed
    #[arg(long, value_name = "VKEY", requires = "checkpoints")]
    pub(crate) key: Option<Verifier>,

    /// Decide every run again by the rules that were recorded for it, and name where it did otherwise
    #[arg(long)]
    pub(crate) decisions: bool,

    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeygenOptions {
    /// The file to create
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyOptions {
    /// Where the new key is, or is to be made, if not in place of the one in use
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Why there is another key
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,

    /// Who answers for it; by default whoever is logged in
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

/// A key that something is checked with. No file is called as a verifier key is, which has its own checksum.
#[derive(Clone, Debug)]
pub(crate) enum AuditKey {
    /// Who must have signed.
    Verifier(Verifier),
    /// The file of a key that opens results.
    File(PathBuf),
}

impl AuditKey {
    /// Who must have signed, if it says that.
    pub(crate) fn verifier(&self) -> Option<&Verifier> {
        match self {
            Self::Verifier(verifier) => Some(verifier),
            Self::File(_) => None,
        }
    }

    /// The file of a key, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Verifier(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

impl FromStr for AuditKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(verifier) => Self::Verifier(verifier),
            Err(_) => Self::File(PathBuf::from(text)),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct AuditBoxOptions {
    /// The folder: the drop-box, or a copy of it
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// The signed list of what is delivered, manifest-….txt, in place of a ledger
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    /// A status.xml, in place of a ledger, or for what was withdrawn
    #[arg(long, value_name = "FILE")]
    pub(crate) status: Option<PathBuf>,

    /// Checkpoints that were kept: what came later is said to be so
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoints: Option<PathBuf>,

    /// The verifier key of whoever signs (NAME+ID+KEY); and key files: what is whole must be opened by one of them
    #[arg(long, value_name = "VKEY|FILE", num_args = 1..)]
    pub(crate) key: Vec<AuditKey>,

    /// A recipient's private key: what is whole and encrypted with age must be opened by it
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,

    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptOptions {
    /// The files as they were delivered, or folders of them; `-` for one from standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Where the decrypted file goes; must not exist. Of several, the folder for all of them; `-`, which is what
    /// standard input is decrypted to by default, for standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,

    /// A key file, of which there may be several; otherwise those of the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,

    /// The private key for what is encrypted with age, as `age-keygen` writes it
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceKeyOptions {
    /// The file to create
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What checkpoints are signed as, such as clinic.example/broker-courier
    #[arg(long, value_name = "NAME", default_value = "broker-courier")]
    pub(crate) name: KeyName,

    /// Encrypt the key with the passphrase in this file; runs need it, too
    #[arg(long, value_name = "PASSPHRASE_FILE", conflicts_with = "public")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Make nothing, and show the public half of the key in the file
    #[arg(long, conflicts_with = "name")]
    pub(crate) public: bool,
}

/// What a key that signs checkpoints is called.
#[derive(Clone, Debug)]
pub(crate) struct KeyName(pub(crate) String);

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KeyNameError::check(text).map(|()| Self(text.to_owned()))
    }
}

/// An event's number, perhaps as `#12`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventNumber(pub(crate) Sequence);

impl FromStr for EventNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim_start_matches('#').parse();
        number
            .map(Self)
            .map_err(|_| "expected an event's number, as `log` shows it")
    }
}

/// Events from one to another, or one: `12`, `15-20`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventRange {
    first: Sequence,
    last: Sequence,
}

impl EventRange {
    /// Whether an event is among them.
    pub(crate) fn has(self, event: Sequence) -> bool {
        (self.first..=self.last).contains(&event)
    }
}

impl FromStr for EventRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim_start_matches('#').parse();
        match (number(first), number(last)) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self { first, last }),
            _ => Err("expected an event's number, or two with a hyphen in between: 12, 15-20"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RedactOptions {
    /// Events to keep, such as 12,15-20; all others are left out
    #[arg(
        long,
        value_name = "SEQ,…",
        value_delimiter = ',',
        required_unless_present_any = ["request", "drop"]
    )]
    pub(crate) keep: Vec<EventRange>,

    /// Keep the events about this request; all others are left out, but for those of --keep
    #[arg(long, value_name = "ID")]
    pub(crate) request: Option<courier_ledger::RequestId>,

    /// Leave out every event of this kind; may be given several times. The first event always stays
    #[arg(long, value_name = "KIND", num_args = 1.., value_parser = clap::builder::PossibleValuesParser::new(Event::KINDS), hide_possible_values = true)]
    pub(crate) drop: Vec<String>,

    /// The folder to make for the copy; must not exist
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ProveOptions {
    /// The event
    #[arg(
        value_name = "SEQ",
        required_unless_present_any = ["request", "consistency"]
    )]
    pub(crate) entry: Option<EventNumber>,

    /// In place of an event's number: the last delivery of this request's result
    #[arg(long, value_name = "ID", conflicts_with = "entry")]
    pub(crate) request: Option<courier_ledger::RequestId>,

    /// That the checkpoint of NEW events goes on from that of OLD
    #[arg(
        long,
        num_args = 2,
        value_names = ["OLD", "NEW"],
        conflicts_with_all = ["entry", "request", "checkpoint"]
    )]
    pub(crate) consistency: Option<Vec<u64>>,

    /// In which checkpoint, by the number of its events; otherwise the last one
    #[arg(long, value_name = "SIZE")]
    pub(crate) checkpoint: Option<u64>,

    /// The file to write, such as export_7.tlog-proof; must not exist
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyProofOptions {
    /// The proof
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Who must have signed: the line that `evidence-key` showed
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Verifier,

    /// Checkpoints that were kept, such as those at the drop-box
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoints: Option<PathBuf>,
}
