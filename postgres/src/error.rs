//! What can go wrong with a ledger in a database, in words, each with what a person can do.
//!
//! What always holds here: no password and no entry's contents in a message. Deliberately absent: who
//! holds the ledger, which the log's own errors say.

use openssl::error::ErrorStack;
use tokio_postgres::error::SqlState;

use courier_ledger::Sequence;
use courier_ledger::log::{Advised, LogError};

/// The database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// Nobody answers, or nobody who is trusted.
    #[error("{place}: the database cannot be reached")]
    Unreachable {
        /// Which one.
        place: String,
        /// Why.
        source: tokio_postgres::Error,
    },
    /// The login was refused.
    #[error("{place}: the database refuses the login")]
    Login {
        /// Which one.
        place: String,
        /// Why.
        source: tokio_postgres::Error,
    },
    /// A statement had no answer in time.
    #[error("{place}: {step} had no answer within {seconds} s")]
    Silent {
        /// Which one.
        place: String,
        /// What was tried.
        step: &'static str,
        /// How long was waited for it.
        seconds: u64,
    },
    /// The tables are not there.
    #[error("{place}: the tables of a ledger are not there")]
    NoTables {
        /// Where they would be.
        place: String,
    },
    /// The tables are of another version.
    #[error("{place}: the tables are of version {found}, and this program knows version {known}")]
    Version {
        /// Where.
        place: String,
        /// What they are.
        found: i64,
        /// What is known.
        known: i64,
    },
    /// The user may not do it.
    #[error("{place}: the user may not do it ({step})")]
    NotPermitted {
        /// Which one.
        place: String,
        /// What was tried.
        step: &'static str,
        /// What the database says.
        source: tokio_postgres::Error,
    },
    /// Nothing can be written.
    #[error("{place}: the database is read-only ({step})")]
    ReadOnly {
        /// Which one.
        place: String,
        /// What was tried.
        step: &'static str,
        /// What the database says.
        source: tokio_postgres::Error,
    },
    /// The disk of the database is full.
    #[error("{place}: the database has no space left ({step})")]
    Full {
        /// Which one.
        place: String,
        /// What was tried.
        step: &'static str,
        /// What the database says.
        source: tokio_postgres::Error,
    },
    /// Anything else that the database says.
    #[error("{place}: {step} failed")]
    Failed {
        /// Which one.
        place: String,
        /// What was tried.
        step: &'static str,
        /// What it says.
        source: tokio_postgres::Error,
    },
    /// A certificate or a key cannot be used.
    #[error("{file} cannot be used for the connection to the database")]
    Tls {
        /// Which one.
        file: String,
        /// Why.
        source: ErrorStack,
    },
    /// The ledger is kept elsewhere now.
    #[error("{place}: this ledger moved to {to}")]
    Moved {
        /// Where it was.
        place: String,
        /// Where it is.
        to: String,
    },
    /// This machine cannot do what is needed.
    #[error("{what} failed on this machine")]
    Here {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

impl DatabaseError {
    pub(crate) fn tls(file: &str, source: ErrorStack) -> Self {
        let file = file.to_owned();
        Self::Tls { file, source }
    }

    /// What the failure of a statement is.
    pub(crate) fn of(place: &str, step: &'static str, source: tokio_postgres::Error) -> Self {
        let place = place.to_owned();
        let Some(state) = source.code() else {
            return Self::Failed {
                place,
                step,
                source,
            };
        };
        if [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(state) {
            return Self::NoTables { place };
        }
        if *state == SqlState::INSUFFICIENT_PRIVILEGE {
            return Self::NotPermitted {
                place,
                step,
                source,
            };
        }
        if *state == SqlState::READ_ONLY_SQL_TRANSACTION {
            return Self::ReadOnly {
                place,
                step,
                source,
            };
        }
        if *state == SqlState::DISK_FULL {
            return Self::Full {
                place,
                step,
                source,
            };
        }
        Self::Failed {
            place,
            step,
            source,
        }
    }

    /// What the failure of a connection is.
    pub(crate) fn connecting(place: &str, source: tokio_postgres::Error) -> Self {
        let place = place.to_owned();
        // Class 28: invalid authorization; 3D: the database is not there.
        match source.code().map(SqlState::code) {
            Some(code) if code.starts_with("28") || code.starts_with("3D") => {
                Self::Login { place, source }
            }
            None if wants_password(&source) => Self::Login { place, source },
            _ => Self::Unreachable { place, source },
        }
    }

    /// Whether another attempt over a new connection may do better.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !is_untrusted(source),
            Self::Silent { .. } => true,
            // While a primary changes, what was the primary can be read only.
            Self::ReadOnly { .. } => true,
            Self::Failed { source, .. } => match source.code().map(SqlState::code) {
                None => true,
                // Connections, resources, administrators, and what is to be done once more.
                Some(code) => {
                    ["08", "53", "57"].contains(&&code[..2]) || ["40001", "40P01"].contains(&code)
                }
            },
            Self::Login { .. }
            | Self::NoTables { .. }
            | Self::Version { .. }
            | Self::NotPermitted { .. }
            | Self::Full { .. }
            | Self::Tls { .. }
            | Self::Moved { .. }
            | Self::Here { .. } => false,
        }
    }
}

/// Whether a password was asked for, and there is none.
fn wants_password(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.is_some_and(|cause| cause.contains("password"))
}

/// Whether somebody answered who could not prove to be the database.
fn is_untrusted(error: &tokio_postgres::Error) -> bool {
    error.to_string().contains("TLS")
}

impl Advised for DatabaseError {
    fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { source, .. } if is_untrusted(source) => {
                "the name in LEDGER.URL must be one of the certificate's, and the certificate one of an authority \
                 in LEDGER.CA_FILE (without a configuration, PGSSLROOTCERT) or of the system's"
            }
            Self::Unreachable { .. } => {
                "check the host and the port in LEDGER.URL, and that the database runs and lets this machine in"
            }
            Self::Login { .. } => {
                "check the user and the database in LEDGER.URL, and LEDGER.PASSWORD or LEDGER.PASSWORD_FILE; without a \
                 configuration, PGPASSWORD"
            }
            Self::Silent { .. } => {
                "the database is overloaded, or waits (for a lock, for a standby that is gone); what was \
                 acknowledged is kept, and the next run goes on from there"
            }
            Self::NoTables { .. } => {
                "if they were there before, restore them; else, as the user who is to own them, `broker-courier --ledger \
                 postgres://OWNER@HOST/DATABASE ledger init`, and then grants.sql (docs/two-hosts.md)"
            }
            Self::Version { found, known, .. } if found < known => {
                "as the user who owns the tables, `broker-courier --ledger postgres://OWNER@HOST/DATABASE ledger init` \
                 brings them up to date; then grants.sql once more (docs/two-hosts.md)"
            }
            Self::Version { .. } => "use the version of the program that made them, or a newer one",
            Self::NotPermitted { .. } => {
                "have the owner of the tables do grants.sql once more (docs/two-hosts.md)"
            }
            Self::ReadOnly { .. } => {
                "name the primary in LEDGER.URL, or all hosts and target_session_attrs=read-write"
            }
            Self::Full { .. } => "make room where the database is; what was acknowledged is kept",
            Self::Failed { .. } => {
                "see the database's own log; what was acknowledged is kept, and the next run goes on from there"
            }
            Self::Tls { .. } => {
                "name files of PEM that this user can read, and the key that belongs to the certificate"
            }
            Self::Moved { .. } => {
                "name the ledger that it moved to: in LEDGER.URL, or by MISC.WORKING_DIR without [LEDGER] where that is a \
                 folder; `broker-courier ledger copy --from … --to …` brings it back"
            }
            Self::Here { .. } => "this is the machine's limit of threads or files; see its own log",
        }
    }
}

impl From<DatabaseError> for LogError {
    fn from(error: DatabaseError) -> Self {
        Self::Other(Box::new(error))
    }
}

/// The rows are not those of a whole log.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Tampered {
    /// Where they are.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) fault: Fault,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A number is not there.
    #[error("entry {0} is missing, and later ones are there, or the tip names them")]
    Gap(Sequence),
    /// The tip has another hash.
    #[error("the tip does not have the hash of its entry {0}")]
    Tip(Sequence),
    /// There are rows behind the tip.
    #[error("the tip is entry {tip}, and entry {last} is there: it was moved back")]
    MovedBack { tip: Sequence, last: Sequence },
    /// What was acknowledged is gone.
    #[error(
        "the tip is entry {tip}, and entry {known} was acknowledged to this process: an older copy was restored \
         meanwhile"
    )]
    Older { tip: Sequence, known: Sequence },
    /// The row of the tip is not there, or makes no sense.
    #[error("the row of the tip is missing, or is none that this program writes")]
    NoTip,
    /// An entry's bytes are not those of its hash.
    #[error(transparent)]
    Chain(courier_ledger::log::chain::ChainError),
}

impl Advised for Tampered {
    fn hint(&self) -> &'static str {
        match &self.fault {
            Fault::Chain(error) => error.hint(),
            Fault::Older { .. } => {
                "nothing was changed; restore a copy that has that entry; if there is none, `broker-courier recover` \
                 begins a new ledger in new tables, from what is at the drop-box"
            }
            Fault::Gap(_) | Fault::Tip(_) | Fault::MovedBack { .. } | Fault::NoTip => {
                "find out who changed the tables, then restore them from one backup; the published status.xml names \
                 the last entry and hash that the backup should have"
            }
        }
    }
}

impl Fault {
    /// The refusal of the ledger there.
    pub(crate) fn at(self, place: &str) -> LogError {
        let place = place.to_owned();
        LogError::Refused(Box::new(Tampered { place, fault: self }))
    }
}
