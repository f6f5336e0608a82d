//! A connection to the database, host by host.
//!
//! What always holds here: each host has its deadline, so that one that accepts and says nothing does not
//! hide the others. Deliberately absent: trying again, and statements.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Connection, NoTls, tls::TlsStream};

use crate::error::DatabaseError;
use crate::settings::Settings;

/// A connection; it ends when it is dropped.
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    /// Connects to the first host that will do.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, DatabaseError> {
        let asked = settings.address.config();
        let connector = settings.connector()?;
        let mut failed = None;
        for (number, host) in asked.get_hosts().iter().enumerate() {
            let config = one_host(settings, number, host);
            let connecting = config.connect(connector.clone());
            match timeout(settings.statement(), connecting).await {
                Ok(Ok((client, connection))) => return Ok(Self::driven(client, connection)),
                Ok(Err(error)) => {
                    let error = DatabaseError::connecting(&settings.place(), error);
                    failed = Some(error);
                }
                Err(_) => {
                    failed.get_or_insert(silent(settings, "connecting"));
                }
            }
        }
        Err(failed.unwrap_or_else(|| silent(settings, "connecting")))
    }

    /// Over a stream that leads to the database already, and needs no login.
    pub async fn over<S>(settings: &Settings, stream: S) -> Result<Self, DatabaseError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut config = Config::new();
        config.user(settings.address.config().get_user().unwrap_or_default());
        let connecting = config.connect_raw(stream, NoTls);
        match timeout(settings.statement(), connecting).await {
            Ok(Ok((client, connection))) => Ok(Self::driven(client, connection)),
            Ok(Err(error)) => Err(DatabaseError::connecting(&settings.place(), error)),
            Err(_) => Err(silent(settings, "connecting")),
        }
    }

    fn driven<S, T>(client: Client, connection: Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: TlsStream + Unpin + Send + 'static,
    {
        let driver = tokio::spawn(async move {
            // Whoever waits for an answer learns of it, too.
            let _told_to_whoever_waits = connection.await;
        });
        Self { client, driver }
    }

    /// Who asks.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A statement that had no answer.
pub(crate) fn silent(settings: &Settings, step: &'static str) -> DatabaseError {
    DatabaseError::Silent {
        place: settings.place(),
        step,
        seconds: settings.statement().as_secs(),
    }
}

/// The same configuration with one of its hosts.
fn one_host(settings: &Settings, number: usize, host: &Host) -> Config {
    let asked = settings.address.config();
    let mut config = Config::new();
    match host {
        Host::Tcp(host) => config.host(host),
        Host::Unix(path) => config.host_path(path),
    };
    let ports = asked.get_ports();
    config.port(ports.get(number).or(ports.first()).copied().unwrap_or(5432));
    if let Some(address) = asked.get_hostaddrs().get(number) {
        config.hostaddr(*address);
    }
    config.user(asked.get_user().unwrap_or_default());
    if let Some(name) = asked.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = asked.get_options() {
        config.options(options);
    }
    if let Some(password) = &settings.password {
        use secrecy::ExposeSecret as _;
        config.password(password.expose_secret());
    }
    config
        .application_name(asked.get_application_name().unwrap_or("broker-courier"))
        .ssl_mode(asked.get_ssl_mode())
        .ssl_negotiation(asked.get_ssl_negotiation())
        .channel_binding(asked.get_channel_binding())
        .target_session_attrs(asked.get_target_session_attrs())
        .connect_timeout(settings.statement())
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(settings.statement());
    config
}
