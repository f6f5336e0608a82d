//! What a ledger in a database is reached with: address, secrets, certificates, times.
//!
//! Deliberately absent: where they come from.

use std::path::PathBuf;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode};
use postgres_openssl::MakeTlsConnector;
use secrecy::SecretString;

use crate::address::Address;
use crate::error::DatabaseError;

/// How a database is reached and held.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is, and who logs in.
    pub address: Address,
    /// With which password, if any.
    pub password: Option<SecretString>,
    /// Authorities of the server's certificate, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// What this client proves itself with, if it must.
    pub certificate: Option<Certificate>,
    /// For how long a runner holds the ledger without asking again.
    pub lease: Duration,
    /// How long a statement may take.
    pub statement: Duration,
    /// For how long something is tried again whose connection is lost.
    pub patience: Duration,
    /// Whether the ledger may be taken that says that it is kept elsewhere.
    pub moved: Moved,
    /// Who holds it, for others to read: `host-a, process 4711`.
    pub holder: String,
    /// From whom it is taken although their lease lasts: whoever holds it under this epoch.
    pub instead_of: Option<u64>,
}

/// What becomes of a ledger that says that it is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is refused.
    Refused,
    /// It is taken, to become the one that is kept.
    Taken,
}

/// A client's certificate, as PEM, and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, and what it was issued by.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Settings {
    /// The usual times.
    #[must_use]
    pub fn new(address: Address, holder: String) -> Self {
        Self {
            address,
            password: None,
            ca_file: None,
            certificate: None,
            lease: Duration::from_secs(30),
            statement: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            moved: Moved::Refused,
            holder,
            instead_of: None,
        }
    }

    /// Which table it is, in words.
    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    /// How long one statement may take: never so long that the lease could not be renewed in between.
    pub(crate) fn statement(&self) -> Duration {
        self.statement.min(self.lease / 3)
    }

    /// What judges the server's certificate: its authority, and its name.
    pub(crate) fn connector(&self) -> Result<MakeTlsConnector, DatabaseError> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())
            .map_err(|source| DatabaseError::tls("OpenSSL", source))?;
        builder.set_verify(SslVerifyMode::PEER);
        if let Some(file) = &self.ca_file {
            let set = builder.set_ca_file(file);
            set.map_err(|source| DatabaseError::tls(&file.display().to_string(), source))?;
        }
        if let Some(Certificate { chain, key }) = &self.certificate {
            let set = builder.set_certificate_chain_file(chain);
            set.map_err(|source| DatabaseError::tls(&chain.display().to_string(), source))?;
            let set = builder.set_private_key_file(key, SslFiletype::PEM);
            set.map_err(|source| DatabaseError::tls(&key.display().to_string(), source))?;
        }
        Ok(MakeTlsConnector::new(builder.build()))
    }
}
