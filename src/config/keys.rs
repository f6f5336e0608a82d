//! Every key of the configuration, in one place: what it takes, what holds without it, what it is
//! for. `docs/configuration.md` holds this table, and a test compares the two.

use std::fmt::Write as _;

/// One key.
pub(super) struct Key {
    /// Its table; empty for the top level.
    pub(super) table: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// What it takes, in words.
    pub(super) takes: &'static str,
    /// What holds without it, in words.
    pub(super) default: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
}

const fn key(
    table: &'static str,
    name: &'static str,
    takes: &'static str,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key {
        table,
        name,
        takes,
        default,
        about,
    }
}

const REQUIRED: &str = "required";

pub(super) const KEYS: [Key; 38] = [
    key(
        "",
        "REQUESTS_CA_BUNDLE",
        "path",
        "the system's",
        "PEM file of certificate authorities that are trusted for HTTPS besides the system's; stands before any table",
    ),
    key(
        "BROKER",
        "URL",
        "http or https address",
        REQUIRED,
        "the broker's base address",
    ),
    key(
        "BROKER",
        "API_KEY",
        "secret",
        REQUIRED,
        "the API key of an administrator; or `API_KEY_FILE`",
    ),
    key(
        "BROKER",
        "API_KEY_FILE",
        "path",
        "",
        "a file that holds the API key",
    ),
    key(
        "BROKER",
        "CONCURRENCY",
        "1 to 256",
        "16",
        "calls to the broker at the same time",
    ),
    key(
        "BROKER",
        "CONNECT_TIMEOUT",
        "seconds",
        "10",
        "limit for connecting, TLS included",
    ),
    key(
        "BROKER",
        "LIST_TIMEOUT",
        "seconds",
        "120",
        "limit for a list of requests: the broker parses every definition for it",
    ),
    key(
        "BROKER",
        "STATUS_TIMEOUT",
        "seconds",
        "30",
        "limit for the status of one request",
    ),
    key(
        "BROKER",
        "EXPORT_TIMEOUT",
        "seconds",
        "900",
        "limit for the broker's building of one bundle, which it finishes before it answers",
    ),
    key(
        "BROKER",
        "DOWNLOAD_TIMEOUT",
        "seconds",
        "3600",
        "limit for one download as a whole",
    ),
    key(
        "BROKER",
        "SILENCE_TIMEOUT",
        "seconds",
        "60",
        "limit for the wait for the next byte of a download",
    ),
    key(
        "BROKER",
        "MAX_ANSWER_MIB",
        "1 to 1024",
        "32",
        "largest list that is read",
    ),
    key(
        "REQUESTS",
        "TAG",
        "text",
        REQUIRED,
        "requests with this tag are delivered",
    ),
    key(
        "REQUESTS",
        "CHANGE",
        "`fingerprint` or `completion`",
        "fingerprint",
        "what counts as a change: any difference between the nodes' completed times, or only one of the rounded completion, as in the replaced program",
    ),
    key(
        "REQUESTS",
        "REAPPEARED",
        "`upload` or `ignore`",
        "upload",
        "what happens to a request that was withdrawn and is back",
    ),
    key(
        "REQUESTS",
        "DRAFTS",
        "`upload` or `wait`",
        "upload",
        "what happens to a request that is not published yet",
    ),
    key(
        "SFTP",
        "HOST",
        "name or address",
        REQUIRED,
        "the SFTP server",
    ),
    key("SFTP", "PORT", "1 to 65535", "22", "its port"),
    key("SFTP", "USERNAME", "text", REQUIRED, "who logs in"),
    key(
        "SFTP",
        "PASSWORD",
        "secret",
        REQUIRED,
        "the password; or `PASSWORD_FILE`, or `KEY_FILE`",
    ),
    key(
        "SFTP",
        "PASSWORD_FILE",
        "path",
        "",
        "a file that holds the password",
    ),
    key(
        "SFTP",
        "KEY_FILE",
        "path",
        "",
        "a private key (ed25519, ECDSA or RSA), tried before the password",
    ),
    key(
        "SFTP",
        "KEY_PASSPHRASE",
        "secret",
        "",
        "what the private key is encrypted with; or `KEY_PASSPHRASE_FILE`",
    ),
    key(
        "SFTP",
        "KEY_PASSPHRASE_FILE",
        "path",
        "",
        "a file that holds the passphrase",
    ),
    key(
        "SFTP",
        "TIMEOUT",
        "seconds",
        "25",
        "limit for connecting, and for every wait for the server's next answer",
    ),
    key(
        "SFTP",
        "UPLOAD_TIMEOUT",
        "seconds",
        "3600",
        "limit for one file as a whole",
    ),
    key(
        "SFTP",
        "FOLDERNAME",
        "path on the server",
        REQUIRED,
        "the folder of the drop-box",
    ),
    key(
        "SFTP",
        "HOST_KEY",
        "`SHA256:…`, or a list of them",
        "",
        "fingerprints of the server's host keys; `broker-courier host-key` shows them",
    ),
    key(
        "SFTP",
        "KNOWN_HOSTS",
        "path",
        "`~/.ssh/known_hosts`",
        "the file of known host keys, used without `HOST_KEY`",
    ),
    key(
        "SFTP",
        "CONCURRENCY",
        "1 to 1024",
        "64",
        "files open at the server at the same time",
    ),
    key(
        "SECURITY",
        "PATH_ENCRYPTION_KEY",
        "path",
        REQUIRED,
        "the key file that results are encrypted with; `broker-courier keygen` makes one",
    ),
    key(
        "SECURITY",
        "ON_KEY_CHANGE",
        "`keep` or `reupload`",
        "keep",
        "what happens to files under an earlier key: they stay until their request changes, or are uploaded again",
    ),
    key(
        "GUARDS",
        "MAX_DELETIONS",
        "a number, or a percentage like `\"20%\"`",
        "10 or 20 %, whichever is larger",
        "deletions, and overwrites by another request under the same number, that one run may do without an approval",
    ),
    key(
        "SPOOL",
        "MEMORY_KIB",
        "0 to 65536",
        "1024",
        "encrypted results up to this size wait in memory, each",
    ),
    key(
        "SPOOL",
        "MAX_MIB",
        "a number; 0 for no limit",
        "0",
        "what larger results may take in `WORKING_DIR/spool` together",
    ),
    key(
        "SPOOL",
        "RESERVE_MIB",
        "a number",
        "8",
        "free space that the spool leaves on the disk, for the ledger",
    ),
    key(
        "RUN",
        "DEADLINE",
        "seconds",
        "21600",
        "after this time a run begins nothing new",
    ),
    key(
        "MISC",
        "WORKING_DIR",
        "path",
        REQUIRED,
        "the folder of the ledger and of `status.xml`; must exist",
    ),
];

/// The table of `docs/configuration.md`.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text =
        String::from("| key | takes | without it | what it is for |\n|---|---|---|---|\n");
    for Key {
        table,
        name,
        takes,
        default,
        about,
    } in &KEYS
    {
        let dot = if table.is_empty() { "" } else { "." };
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "| `{table}{dot}{name}` | {takes} | {default} | {about} |"
        );
    }
    text
}
