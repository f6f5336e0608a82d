//! Where a database is: a `postgres://` address without a secret, and the schema of the ledger in it.
//!
//! What always holds here: nothing is reached that has not proved its name, except on this machine's own
//! socket or where the address itself says `sslmode=disable`; a password in an address is refused, for
//! addresses are shown. Deliberately absent: reaching it (`session`).

use std::fmt;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use url::Url;

/// What the tables stand in, unless the address names another (`schema=…`).
const SCHEMA: &str = "broker_courier";

/// An address that was understood.
#[derive(Clone, Debug)]
pub struct Address {
    shown: String,
    schema: String,
    config: Config,
}

/// Why a text is no address of a ledger.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is no URL of a database.
    #[error("is not an address such as postgres://courier@db.example/courier")]
    Form,
    /// It holds a password.
    #[error(
        "holds a password, which would be shown: it belongs in LEDGER.PASSWORD_FILE, or in the variable PGPASSWORD where \
         no configuration names the database"
    )]
    Password,
    /// The schema has another name than is taken.
    #[error("names a schema that is not of the letters a to z, digits and _")]
    Schema,
    /// The name of the server would not be proved.
    #[error(
        "names an sslmode that lets anybody be the database: leave it out (it is verify-full), or \
         say `disable` where the network is trusted"
    )]
    Unproved,
    /// No host is named.
    #[error("names no host; for this machine's own socket: ?host=/run/postgresql")]
    NoHost,
    /// A socket of this machine beside hosts of others.
    #[error("names a socket and hosts, and only either can be")]
    Mixed,
    /// Nobody to log in as.
    #[error("names no user: postgres://USER@…")]
    NoUser,
    /// Something in it is not known.
    #[error("is not understood: {0}")]
    Unknown(String),
}

impl Address {
    /// Whether a text is meant as an address of a database.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
    }

    /// The schema of the tables, as it stands in a statement.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// How to reach it.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the server must prove its name.
    #[cfg(test)]
    pub(crate) fn is_proved(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if !Self::is_meant(text) {
            return Err(AddressError::Form);
        }
        // Several hosts (`a:1,b:2`) are no URL; what stands behind the question mark is one all the same.
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let url = format!("postgres://x/?{query}");
        let url: Url = url.parse().map_err(|_| AddressError::Form)?;
        let (mut schema, mut kept, mut mode) = (SCHEMA.to_owned(), Vec::new(), None);
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "schema" => schema = value.into_owned(),
                "sslmode" => mode = Some(value.into_owned()),
                "password" => return Err(AddressError::Password),
                _ => kept.push((name.into_owned(), value.into_owned())),
            }
        }
        if !is_name(&schema) {
            return Err(AddressError::Schema);
        }
        let mut asked = url;
        asked.query_pairs_mut().clear().extend_pairs(&kept);
        let query = asked.query().unwrap_or_default().replace('+', "%20");
        let parsed: Result<Config, _> = format!("{base}?{query}").parse();
        let mut config = parsed.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            AddressError::Unknown(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_password().is_some() {
            return Err(AddressError::Password);
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(AddressError::NoUser);
        }
        let hosts = config.get_hosts();
        let sockets = hosts
            .iter()
            .filter(|host| matches!(host, Host::Unix(_)))
            .count();
        let is_local = match (hosts.len(), sockets) {
            (0, _) => return Err(AddressError::NoHost),
            (all, sockets) if all == sockets => true,
            (_, 0) => false,
            _ => return Err(AddressError::Mixed),
        };
        let mode = match (mode.as_deref(), is_local) {
            (None | Some("disable" | "require" | "verify-ca" | "verify-full"), true)
            | (Some("disable"), false) => SslMode::Disable,
            // Weaker ones are as good as the strongest: nothing is lost by more proof.
            (None | Some("require" | "verify-ca" | "verify-full"), false) => SslMode::Require,
            (Some(_), _) => return Err(AddressError::Unproved),
        };
        config.ssl_mode(mode);
        Ok(Self {
            shown: text.to_owned(),
            schema,
            config,
        })
    }
}

/// Whether it can stand in a statement as it is.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && text.len() < 64
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    fn address(text: &str) -> Result<Address, AddressError> {
        text.parse()
    }

    #[test]
    fn a_server_of_another_machine_proves_its_name_unless_the_address_says_otherwise() {
        for proved in [
            "postgres://c@db.example/courier",
            "postgresql://c@db.example:5433/courier?sslmode=verify-full",
            "postgres://c@a:5432,b:5433/courier?target_session_attrs=read-write",
            "postgres://c@db.example/courier?sslmode=require",
        ] {
            assert!(address(proved).unwrap().is_proved(), "{proved}");
        }
        for plain in [
            "postgres://c@127.0.0.1/courier?sslmode=disable",
            "postgres://c@/courier?host=/run/postgresql",
            "postgres:///courier?host=/run/postgresql&user=c",
        ] {
            assert!(!address(plain).unwrap().is_proved(), "{plain}");
        }
        for mode in ["prefer", "allow", "maybe"] {
            let text = format!("postgres://c@db.example/courier?sslmode={mode}");
            assert!(matches!(address(&text), Err(AddressError::Unproved)));
        }
    }

    #[test]
    fn what_is_no_address_of_a_ledger_is_refused_with_its_reason() {
        let said = |text: &str| address(text).unwrap_err().to_string();
        assert!(said("http://db.example").contains("is not an address"));
        assert!(said("postgres://c:geheim@db/courier").contains("holds a password"));
        assert!(said("postgres://c@db/courier?password=geheim").contains("holds a password"));
        assert!(said("postgres://db/courier").contains("names no user"));
        assert!(said("postgres://c@/courier").contains("names no host"));
        assert!(said("postgres://c@db/courier?schema=a%22b").contains("names a schema"));
        assert!(said("postgres://c@db/courier?spelling=no").contains("spelling"));
        assert!(said("postgres://c@%2Frun,db/courier").contains("only either"));
        assert!(!said("postgres://c:geheim@db/courier").contains("geheim"));
    }

    #[test]
    fn an_address_names_the_schema_of_its_tables() {
        let schema = |text: &str| address(text).unwrap().schema().to_owned();
        assert_eq!(schema("postgres://c@db/courier"), "broker_courier");
        assert_eq!(schema("postgres://c@db/courier?schema=rki_2"), "rki_2");
    }
}
