//! Every key of the configuration, in one place: what it takes, what holds without it, what it is
//! for. Reading, messages and the table of `docs/configuration.md` all come from here, and a test
//! holds the document to it.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use courier_ledger::{
    ChangeRule, DraftRule, Encryption, KeyChangeRule, ReappearanceRule, RemoteCheckRule,
    TemporaryPattern,
};

use courier_postgres::Address;

use super::kind::{
    Allowance, Choice, Fingerprints, Kind, LocalPath, LocalPaths, Number, Recipients, Seconds,
    Secret, Switch, Text,
    Without::{Means, Nothing, Required},
};
use crate::effects::broker::{self, Proxy, Tag};
use crate::effects::evidence::{AnchorUrl, Verifier};
use crate::effects::exposition::Place;
use crate::effects::sftp::{Placing, ProxyCommand, SftpProxy, Verification};

/// The table and the name of a key; the table is empty for the top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.table {
            "" => f.write_str(self.key),
            table => write!(f, "{table}.{}", self.key),
        }
    }
}

/// One key.
pub(super) struct Key<K> {
    pub(super) name: Name,
    pub(super) kind: K,
    /// What it is for.
    pub(super) about: &'static str,
}

/// A key of any kind.
pub(super) trait AnyKey: Sync {
    fn name(&self) -> Name;
    fn kind(&self) -> &dyn Kind;
    fn about(&self) -> &'static str;
}

impl<K: Kind> AnyKey for Key<K> {
    fn name(&self) -> Name {
        self.name
    }

    fn kind(&self) -> &dyn Kind {
        &self.kind
    }

    fn about(&self) -> &'static str {
        self.about
    }
}

macro_rules! keys {
    ($($constant:ident: $kind_type:ty = $table:literal $key:literal, $kind:expr, $about:expr;)*) => {
        $(pub(super) static $constant: Key<$kind_type> = Key {
            name: Name { table: $table, key: $key },
            kind: $kind,
            about: $about,
        };)*

        /// All keys, as they are documented.
        pub(super) static KEYS: &[&dyn AnyKey] = &[$(&$constant),*];
    };
}

/// A number of things of which there must be one.
const fn at_least_one(number: usize) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(number - 1)
}

/// Far above any disk, far below overflow.
const MOST_MIB: u64 = 1 << 30;

keys! {
    CA_BUNDLE: LocalPath = "" "REQUESTS_CA_BUNDLE", LocalPath(Means("the system's alone")),
        "certificate authorities that are trusted for HTTPS besides the system's: a PEM file, or a folder; stands before any table";

    BROKER_URL: Text<broker::Address> = "BROKER" "URL", Text::of("an http or https address", Required),
        "the broker's base address";
    API_KEY: Secret = "BROKER" "API_KEY", Secret(Means("required, or `API_KEY_FILE`")),
        "the API key of an administrator";
    API_KEY_FILE: LocalPath = "BROKER" "API_KEY_FILE", LocalPath(Nothing),
        "a file that holds the API key";
    PROXY: Text<Proxy> = "BROKER" "PROXY",
        Text::of("the URL of a proxy, or `environment`", Means("directly, whatever the environment says")),
        "how the broker is reached: through this proxy, but for hosts of `NO_PROXY`; or as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say, which the replaced program obeyed";
    PROXY_USERNAME: Text<String> = "BROKER" "PROXY_USERNAME", Text::of("a text", Nothing),
        "the user at the proxy";
    PROXY_PASSWORD: Secret = "BROKER" "PROXY_PASSWORD", Secret(Nothing),
        "the password at the proxy; or `PROXY_PASSWORD_FILE`";
    PROXY_PASSWORD_FILE: LocalPath = "BROKER" "PROXY_PASSWORD_FILE", LocalPath(Nothing),
        "a file that holds it";
    BROKER_CONCURRENCY: Number<NonZeroUsize> = "BROKER" "CONCURRENCY",
        Number { least: at_least_one(1), most: at_least_one(256), default: at_least_one(32) },
        "calls to the broker at the same time";
    CONNECT_TIMEOUT: Seconds = "BROKER" "CONNECT_TIMEOUT", Seconds(10),
        "limit for connecting, TLS included";
    LIST_TIMEOUT: Seconds = "BROKER" "LIST_TIMEOUT", Seconds(120),
        "limit for a list of requests: the broker parses every definition for it";
    STATUS_TIMEOUT: Seconds = "BROKER" "STATUS_TIMEOUT", Seconds(30),
        "limit for the status of one request";
    EXPORT_TIMEOUT: Seconds = "BROKER" "EXPORT_TIMEOUT", Seconds(900),
        "limit for the broker's building of one bundle, which it finishes before it answers";
    DOWNLOAD_TIMEOUT: Seconds = "BROKER" "DOWNLOAD_TIMEOUT", Seconds(3600),
        "limit for one download as a whole";
    SILENCE_TIMEOUT: Seconds = "BROKER" "SILENCE_TIMEOUT", Seconds(60),
        "limit for the wait for the next byte of a download";
    MAX_ANSWER_MIB: Number<u64> = "BROKER" "MAX_ANSWER_MIB",
        Number { least: 1, most: 1024, default: 32 },
        "largest list that is read";

    TAG: Text<Tag> = "REQUESTS" "TAG", Text::of("a text", Required),
        "requests with this tag are delivered";
    CHANGE: Choice<ChangeRule> = "REQUESTS" "CHANGE",
        Choice {
            default: ("fingerprint", ChangeRule::Fingerprint),
            others: &[("completion", ChangeRule::Completion)],
        },
        "what counts as a change: any difference between the nodes' completed times, or only one of the rounded completion, as in the replaced program";
    REAPPEARED: Choice<ReappearanceRule> = "REQUESTS" "REAPPEARED",
        Choice {
            default: ("upload", ReappearanceRule::Upload),
            others: &[("ignore", ReappearanceRule::Ignore)],
        },
        "what happens to a request that was withdrawn and is back";
    DRAFTS: Choice<DraftRule> = "REQUESTS" "DRAFTS",
        Choice {
            default: ("upload", DraftRule::Upload),
            others: &[("wait", DraftRule::Wait)],
        },
        "what happens to a request that is not published yet";

    HOST: Text<String> = "SFTP" "HOST", Text::of("a name or an address", Required),
        "the SFTP server";
    PORT: Number<u16> = "SFTP" "PORT", Number { least: 1, most: u16::MAX, default: 22 },
        "its port";
    SFTP_PROXY: Text<SftpProxy> = "SFTP" "PROXY",
        Text::of("the URL of a proxy", Means("directly, whatever the environment says")),
        "how the server is reached: through this HTTP (CONNECT) or SOCKS5 proxy, `http://host:port` or `socks5://host:port`";
    SFTP_PROXY_USERNAME: Text<String> = "SFTP" "PROXY_USERNAME", Text::of("a text", Nothing),
        "the user at the proxy";
    SFTP_PROXY_PASSWORD: Secret = "SFTP" "PROXY_PASSWORD", Secret(Nothing),
        "the password at the proxy; or `PROXY_PASSWORD_FILE`";
    SFTP_PROXY_PASSWORD_FILE: LocalPath = "SFTP" "PROXY_PASSWORD_FILE", LocalPath(Nothing),
        "a file that holds it";
    PROXY_COMMAND: Text<ProxyCommand> = "SFTP" "PROXY_COMMAND", Text::of("a command of the shell", Nothing),
        "a command whose standard input and output are the connection, as OpenSSH's `ProxyCommand`: `ssh -W %h:%p jump`; `%h` is the host, `%p` the port";
    USERNAME: Text<String> = "SFTP" "USERNAME", Text::of("a text", Required),
        "who logs in";
    PASSWORD: Secret = "SFTP" "PASSWORD",
        Secret(Means("required, or `PASSWORD_FILE`, `KEY_FILE` or `AGENT`")),
        "the password";
    PASSWORD_FILE: LocalPath = "SFTP" "PASSWORD_FILE", LocalPath(Nothing),
        "a file that holds the password";
    KEY_FILE: LocalPath = "SFTP" "KEY_FILE", LocalPath(Nothing),
        "a private key (ed25519, ECDSA or RSA), tried before the password";
    AGENT: Switch = "SFTP" "AGENT", Switch,
        "whether the keys of the SSH agent (`SSH_AUTH_SOCK`) are tried, before all else";
    KEY_PASSPHRASE: Secret = "SFTP" "KEY_PASSPHRASE", Secret(Nothing),
        "what the private key is encrypted with; or `KEY_PASSPHRASE_FILE`";
    KEY_PASSPHRASE_FILE: LocalPath = "SFTP" "KEY_PASSPHRASE_FILE", LocalPath(Nothing),
        "a file that holds the passphrase";
    SFTP_TIMEOUT: Seconds = "SFTP" "TIMEOUT", Seconds(25),
        "limit for connecting, and for every wait for the server's next answer";
    LOGIN_TIMEOUT: Seconds = "SFTP" "LOGIN_TIMEOUT", Seconds(60),
        "limit for the SSH handshake, for the login, and for the opening of SFTP, each: servers ask \
         directories and name servers meanwhile";
    UPLOAD_TIMEOUT: Seconds = "SFTP" "UPLOAD_TIMEOUT", Seconds(3600),
        "limit for one file as a whole";
    FOLDERNAME: Text<String> = "SFTP" "FOLDERNAME", Text::of("a path on the server", Required),
        "the folder of the drop-box";
    HOST_KEY: Fingerprints = "SFTP" "HOST_KEY", Fingerprints(Means("`KNOWN_HOSTS` decides")),
        "fingerprints of the server's host keys; `broker-courier host-key` shows them";
    KNOWN_HOSTS: LocalPath = "SFTP" "KNOWN_HOSTS", LocalPath(Means("`~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`")),
        "the file of known host keys, used without `HOST_KEY`";
    SFTP_CONCURRENCY: Number<usize> = "SFTP" "CONCURRENCY",
        Number { least: 1, most: 1024, default: 64 },
        "files open at the server at the same time";
    UPLOAD: Choice<Placing> = "SFTP" "UPLOAD",
        Choice {
            default: ("rename", Placing::Rename),
            others: &[("direct", Placing::Direct)],
        },
        "whether files are written under a temporary name and renamed, or written under their final name, for a server that cannot rename";
    TEMPORARY: Text<TemporaryPattern> = "SFTP" "TEMPORARY",
        Text::of("a pattern with `{name}`", Means("`.{name}.part`")),
        "the temporary names: `{name}` stands for the final name and a part that is used once; for a server that refuses names that begin with a dot, or a recipient that collects whatever is there";
    VERIFY: Choice<Verification> = "SFTP" "VERIFY",
        Choice {
            default: ("size", Verification::Size),
            others: &[
                ("readback", Verification::ReadBack),
                ("none", Verification::Nothing),
            ],
        },
        "what must agree before an upload counts: the size that the server tells, the bytes too, read back, or nothing";

    PATH_ENCRYPTION_KEY: LocalPath = "SECURITY" "PATH_ENCRYPTION_KEY", LocalPath(Required),
        "the key file that results are encrypted with; with `age` it only marks what is this ledger's; `broker-courier keygen` makes one";
    ENCRYPTION: Choice<Encryption> = "SECURITY" "ENCRYPTION",
        Choice {
            default: ("fernet", Encryption::Fernet),
            others: &[("age", Encryption::Age)],
        },
        "how results are encrypted: under the key file, which the recipient needs too, or for `RECIPIENTS`, whose private keys never come here";
    RECIPIENTS: Recipients = "SECURITY" "RECIPIENTS", Recipients(Means("required with `age`")),
        "the public keys of those who can read results that are encrypted with `age`; `age-keygen` makes a pair of keys";
    OLD_KEYS: LocalPaths = "SECURITY" "OLD_KEYS",
        LocalPaths(Means("what `rotate-key` has kept beside the key file")),
        "earlier keys, for reading alone: key files, or folders of them, besides those that `rotate-key` has kept";
    ON_KEY_CHANGE: Choice<KeyChangeRule> = "SECURITY" "ON_KEY_CHANGE",
        Choice {
            default: ("keep", KeyChangeRule::Keep),
            others: &[("reupload", KeyChangeRule::Reupload)],
        },
        "what happens to files under an earlier key: they stay until their request changes, or are uploaded again";

    REMOTE_CHECK: Choice<RemoteCheckRule> = "REMOTE" "CHECK",
        Choice {
            default: ("off", RemoteCheckRule::Off),
            others: &[
                ("report", RemoteCheckRule::Report),
                ("repair", RemoteCheckRule::Repair),
                ("pickup", RemoteCheckRule::Pickup),
            ],
        },
        "whether a run looks if delivered files are still at the drop-box with their size, and reports what is not, uploads it again, or takes what is gone for fetched by the recipient";

    MAX_DELETIONS: Allowance = "GUARDS" "MAX_DELETIONS", Allowance,
        "deletions, and overwrites by another request under the same number, that one run may do without an approval; never more than half of the results stored, when that are four or more";

    MEMORY_KIB: Number<usize> = "SPOOL" "MEMORY_KIB",
        Number { least: 0, most: 65536, default: 1024 },
        "encrypted results up to this size wait in memory, each";
    MAX_MIB: Number<u64> = "SPOOL" "MAX_MIB", Number { least: 0, most: MOST_MIB, default: 0 },
        "what larger results may take in `WORKING_DIR/spool` together; 0 for all but the reserve";
    RESERVE_MIB: Number<u64> = "SPOOL" "RESERVE_MIB",
        Number { least: 0, most: MOST_MIB, default: 8 },
        "free space that the spool leaves on the disk, for the ledger";

    METRICS_TEXTFILE: LocalPath = "METRICS" "TEXTFILE", LocalPath(Nothing),
        "a file ending in `.prom` that each run replaces: figures for the text file collector of Prometheus' node_exporter";

    NOTIFY_COMMAND: Text<String> = "NOTIFY" "COMMAND", Text::of("a command of the shell", Nothing),
        "what is started when a run ends otherwise than the one before: with a failure, with something that waits for a person, or well again; what happened is on its standard input";
    NOTIFY_URL: Secret = "NOTIFY" "URL", Secret(Nothing),
        "the address of a check at a monitor, which hears when a run begins and with which exit code it ends";
    NOTIFY_URL_FILE: LocalPath = "NOTIFY" "URL_FILE", LocalPath(Nothing),
        "a file that holds it: whoever knows the address can ping";

    EVIDENCE_KEY: LocalPath = "EVIDENCE" "KEY", LocalPath(Nothing),
        "a key that signs a checkpoint of the ledger after each run that changed something, kept here and put beside `status.xml`; `broker-courier evidence-key` makes one (docs/proofs.md)";
    EVIDENCE_PASSPHRASE: Secret = "EVIDENCE" "KEY_PASSPHRASE", Secret(Nothing),
        "what that key is encrypted with; or `KEY_PASSPHRASE_FILE`";
    EVIDENCE_PASSPHRASE_FILE: LocalPath = "EVIDENCE" "KEY_PASSPHRASE_FILE", LocalPath(Nothing),
        "a file that holds the passphrase";
    TIMESTAMP_URL: Text<AnchorUrl> = "EVIDENCE" "TIMESTAMP_URL", Text::of("an http or https address", Nothing),
        "a time-stamping authority (RFC 3161) that is shown the last checkpoint, from time to time";
    WITNESS_URL: Text<AnchorUrl> = "EVIDENCE" "WITNESS_URL", Text::of("an http or https address", Nothing),
        "what the calls of a witness are below (C2SP tlog-witness), who cosigns the last checkpoint, from time to time";
    WITNESS_KEY: Text<Verifier> = "EVIDENCE" "WITNESS_KEY", Text::of("NAME+ID+KEY", Nothing),
        "the verifier key of that witness: only its cosignatures count";
    ANCHOR_EVERY: Seconds = "EVIDENCE" "ANCHOR_EVERY", Seconds(86400),
        "how long authority and witness are not asked again";

    PUBLISH_AT_LEAST: Number<u64> = "PUBLISH" "AT_LEAST",
        Number { least: 0, most: 604_800, default: 0 },
        "after how many seconds `status.xml` is published although it says nothing new of requests; runs that have nothing to do at the drop-box do not connect to it before; 0: by each `run`, and once an hour by `watch`";

    DEADLINE: Seconds = "RUN" "DEADLINE", Seconds(21600),
        "limit for a run as a whole: what is under way then is ended, and left to the next run";
    EVERY_MINUTES: Number<u32> = "RUN" "EVERY_MINUTES", Number { least: 0, most: 10080, default: 0 },
        "how often runs are to begin, in minutes, recorded with each so that a report can say when one did not take place; 0 says nothing";
    RETRIES: Number<u32> = "RUN" "RETRIES", Number { least: 0, most: 100, default: 3 },
        "how often a run repeats what failed and may succeed: a call to the broker, a transfer, a lost connection";

    WATCH_INTERVAL: Seconds = "WATCH" "INTERVAL", Seconds(300),
        "how long `broker-courier watch` lets pass between the beginnings of two runs at most";
    WATCH_LISTEN: Text<Place> = "WATCH" "LISTEN",
        Text::of("an address and a port, or the path of a socket", Nothing),
        "where `/metrics` (the figures of `METRICS.TEXTFILE`) and `/healthz` are answered while it watches, to whoever reaches it";
    WATCH_IDLE: Seconds = "WATCH" "IDLE", Seconds(600),
        "for how many seconds a connection to the drop-box that nobody needs is kept for the next run";
    WATCH_SETTLE: Number<u64> = "WATCH" "SETTLE", Number { least: 0, most: 60_000, default: 200 },
        "for how many milliseconds at most it gathers what the broker tells before there is a run; once nothing more was told for a quarter of that, there is one";

    LEDGER_URL: Text<Address> = "LEDGER" "URL",
        Text::of("a `postgres://` address", Means("in files of `WORKING_DIR`")),
        "the database that the ledger is kept in instead of files, for more than one machine (docs/two-hosts.md): `postgres://user@host/database`, several hosts separated by commas, `schema=` for another one than `broker_courier`; certificate and host name are verified";
    LEDGER_PASSWORD: Secret = "LEDGER" "PASSWORD", Secret(Nothing),
        "the password there; or `PASSWORD_FILE`";
    LEDGER_PASSWORD_FILE: LocalPath = "LEDGER" "PASSWORD_FILE", LocalPath(Nothing),
        "a file that holds it";
    LEDGER_CA_FILE: LocalPath = "LEDGER" "CA_FILE", LocalPath(Means("the system's alone")),
        "a PEM file of authorities that are trusted for the database's certificate, besides the system's";
    LEDGER_CERTIFICATE: LocalPath = "LEDGER" "CERTIFICATE", LocalPath(Nothing),
        "a PEM file with the certificate that the courier proves itself with, and what it was issued by";
    LEDGER_KEY_FILE: LocalPath = "LEDGER" "KEY_FILE", LocalPath(Nothing),
        "the private key of that certificate, a PEM file";
    LEDGER_LEASE: Seconds = "LEDGER" "LEASE", Seconds(30),
        "for how long whoever runs holds the ledger without asking the database again: another host can go on after so long when this one is gone";

    WORKING_DIR: LocalPath = "MISC" "WORKING_DIR", LocalPath(Required),
        "the folder of the ledger and of `status.xml`; must exist, and belong to whoever runs the courier";
}

/// The key of this table and name.
pub(super) fn find(table: &str, key: &str) -> Option<Name> {
    names().find(|name| name.table == table && name.key == key)
}

/// The names of all keys.
pub(super) fn names() -> impl Iterator<Item = Name> {
    KEYS.iter().map(|key| key.name())
}

/// The names of all tables, each once.
pub(super) fn tables() -> Vec<&'static str> {
    let mut tables: Vec<&str> = names().map(|name| name.table).collect();
    tables.retain(|table| !table.is_empty());
    // The keys of a table stand together.
    tables.dedup();
    tables
}

/// The table of `docs/configuration.md`.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text =
        String::from("| key | takes | without it | what it is for |\n|---|---|---|---|\n");
    for key in KEYS {
        let (takes, without) = (key.kind().takes(), key.kind().without());
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "| `{}` | {takes} | {without} | {} |",
            key.name(),
            key.about()
        );
    }
    text
}
