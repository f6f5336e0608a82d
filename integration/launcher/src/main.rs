//! `cargo demo`: says what is about to be compiled, has the courier and its embedded collaborators
//! compiled in one go, so that nothing is compiled twice, and becomes the demo.
//!
//! What always holds here: the courier that is built brings its own OpenSSL. Deliberately absent:
//! dependencies, so that the first sentence is there after a second.

use std::env;
use std::error::Error;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Where the OpenSSL comes from that becomes part of the courier.
enum OpenSsl {
    /// The machine's static libraries, and its headers.
    Installed {
        libraries: PathBuf,
        headers: PathBuf,
    },
    /// Its source, compiled as in every other build.
    Vendored,
}

fn main() -> ExitCode {
    match launch() {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to be done about a standard error that is gone.
            let _unheard = writeln!(io::stderr(), "The demo could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}

fn launch() -> Result<ExitCode, Box<dyn Error>> {
    let openssl = OpenSsl::find();
    let mut output = io::stdout();
    writeln!(
        output,
        "Compiling the courier, and a broker and an SFTP server to play with. The first time, this takes\n\
         {} on two cores; cargo tells how far it has come.",
        openssl.duration()
    )?;
    output.flush()?;
    let built = build(&openssl).status()?;
    if !built.success() {
        return Err(format!("`cargo build` ended with {built}").into());
    }
    let demo = env::current_exe()?.with_file_name("demo");
    // Comes back only when it could not be started.
    let error = Command::new(&demo).args(env::args_os().skip(1)).exec();
    Err(format!("{}: {error}", demo.display()).into())
}

fn build(openssl: &OpenSsl) -> Command {
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--locked"]);
    build.args(["--package", "broker-courier", "--bin", "broker-courier"]);
    build.args(["--package", "testbed", "--bin", "demo"]);
    match openssl {
        OpenSsl::Installed { libraries, headers } => build
            .arg("--no-default-features")
            .env("OPENSSL_STATIC", "1")
            .env("OPENSSL_LIB_DIR", libraries)
            .env("OPENSSL_INCLUDE_DIR", headers),
        OpenSsl::Vendored => &mut build,
    };
    build
}

impl OpenSsl {
    /// The static libraries of OpenSSL 3, where their development package is installed.
    fn find() -> Self {
        Self::installed().unwrap_or(Self::Vendored)
    }

    fn installed() -> Option<Self> {
        pkg_config("--atleast-version=3.0")?;
        let libraries = PathBuf::from(pkg_config("--variable=libdir")?);
        let headers = PathBuf::from(pkg_config("--variable=includedir")?);
        let are_there = ["libssl.a", "libcrypto.a"]
            .iter()
            .all(|library| libraries.join(library).is_file());
        are_there.then_some(Self::Installed { libraries, headers })
    }

    fn duration(&self) -> &'static str {
        match self {
            Self::Installed { .. } => "two to three minutes",
            Self::Vendored => {
                "four to five minutes (half of them for OpenSSL: with libssl-dev and pkg-config \
                 installed, two to three)"
            }
        }
    }
}

/// What `pkg-config` says of OpenSSL, if it is there and says anything of that.
fn pkg_config(question: &str) -> Option<String> {
    let asked = Command::new("pkg-config")
        .args([question, "openssl"])
        .output()
        .ok()?;
    let text = String::from_utf8(asked.stdout).ok()?;
    asked.status.success().then(|| text.trim().to_owned())
}
