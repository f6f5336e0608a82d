//! What keeps the ledger: two databases under Patroni, or a single one.

use testbed::openssh::StartError;
use testbed::patroni::Cluster;
use testbed::postgres::Postgres;

/// The ledger's database, however many machines that is.
pub(super) trait Database {
    /// Has its administrator say SQL.
    fn sql(&self, text: &str) -> Result<String, StartError>;

    /// Where this user reaches it.
    fn address(&self, user: &str) -> String;
}

impl Database for Cluster {
    fn sql(&self, text: &str) -> Result<String, StartError> {
        self.sql(text)
    }

    fn address(&self, user: &str) -> String {
        self.address(user)
    }
}

impl Database for Postgres {
    fn sql(&self, text: &str) -> Result<String, StartError> {
        self.sql(text)
    }

    fn address(&self, user: &str) -> String {
        self.socket(user, "broker_courier")
    }
}
