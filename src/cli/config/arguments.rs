//! The arguments of `config`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is done about a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Writes a new configuration with its folders, its key and the files of its secrets; asks for what no
    /// option says; never overwrites a file
    Init(InitOptions),
    /// Shows the value of every key and where it comes from; secrets are masked
    Show(ShowOptions),
    /// Writes the JSON Schema of the file, for editors
    Schema,
}

/// What a new configuration says.
#[derive(Debug, Args)]
pub(crate) struct InitOptions {
    /// The broker's base address (BROKER.URL)
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Requests with this tag are delivered (REQUESTS.TAG)
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,

    /// The SFTP server (SFTP.HOST)
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,

    /// Its port (SFTP.PORT)
    #[arg(long, value_name = "PORT", default_value_t = 22)]
    pub(crate) port: u16,

    /// Who logs in there (SFTP.USERNAME)
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,

    /// The private key that logs in, in place of a password (SFTP.KEY_FILE)
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// The folder of the drop-box (SFTP.FOLDERNAME)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<String>,

    /// The fingerprint of the server's host key, if its operator has told it (SFTP.HOST_KEY)
    #[arg(long, value_name = "SHA256:…")]
    pub(crate) host_key: Option<String>,

    /// The folder of the ledger (MISC.WORKING_DIR); without it, /var/lib/NAME for /etc/NAME/courier.toml and
    /// /var/lib/NAME-rki for /etc/NAME/rki.toml, elsewhere `work` or `rki.work` beside the configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) working_dir: Option<PathBuf>,
}

/// How a configuration is shown.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}
