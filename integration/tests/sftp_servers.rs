//! What the program expects of an SFTP server, held against the real one and the embedded one by
//! the same function, through a client that is not ours.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;

use ssh2::{ErrorCode, HashType, OpenFlags, OpenType, RenameFlags, Session, Sftp};
use testbed::openssh::OpenSshSettings;
use testbed::server::SftpServer;

fn connect(server: &dyn SftpServer) -> Session {
    let mut session = Session::new().unwrap();
    session.set_tcp_stream(TcpStream::connect((server.host(), server.port())).unwrap());
    session.set_timeout(10_000);
    session.handshake().unwrap();
    session
}

fn log_in(server: &dyn SftpServer) -> Session {
    let session = connect(server);
    match (server.password(), server.key_file()) {
        (Some(password), _) => {
            session
                .userauth_password(&server.username(), &password)
                .unwrap();
        }
        (None, Some(key)) => {
            session
                .userauth_pubkey_file(&server.username(), None, &key, None)
                .unwrap();
        }
        (None, None) => panic!("no way to log in"),
    }
    session
}

/// The SFTP status of a failure.
fn status<T>(result: Result<T, ssh2::Error>) -> i32 {
    match result.err().map(|error| error.code()) {
        Some(ErrorCode::SFTP(status)) => status,
        other => panic!("no SFTP status: {other:?}"),
    }
}

fn create(sftp: &Sftp, path: &Path) -> Result<ssh2::File, ssh2::Error> {
    let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    sftp.open_mode(path, flags, 0o644, OpenType::File)
}

fn expectations(server: &dyn SftpServer) {
    let session = connect(server);
    let presented = session.host_key_hash(HashType::Sha256).unwrap();
    let fingerprint = format!(
        "SHA256:{}",
        base64_simd::STANDARD_NO_PAD.encode_to_string(presented)
    );
    assert_eq!(fingerprint, server.host_key_fingerprint());
    if server.password().is_some() {
        assert!(
            session
                .userauth_password(&server.username(), "a-wrong-one")
                .is_err()
        );
    }

    let session = log_in(server);
    let sftp = session.sftp().unwrap();
    let folder = server.folder_name();
    let (first, second, third) = (
        Path::new(&folder).join("first"),
        Path::new(&folder).join("second"),
        Path::new(&folder).join("third"),
    );
    let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let mut file = create(&sftp, &first).unwrap();
    file.write_all(&content).unwrap();
    assert_eq!(file.stat().unwrap().size, Some(content.len() as u64));
    drop(file);
    assert_eq!(
        std::fs::read(server.drop_box().join("first")).unwrap(),
        content
    );
    // ProFTPD says which failure it is, in the words of later versions of the protocol.
    let refused_as_there = [4, 11];
    assert!(
        refused_as_there.contains(&status(create(&sftp, &first).map(drop))),
        "exclusive means exclusive"
    );

    create(&sftp, &second).unwrap();
    let overwrite = Some(RenameFlags::OVERWRITE | RenameFlags::ATOMIC | RenameFlags::NATIVE);
    assert!(
        refused_as_there.contains(&status(sftp.rename(&first, &second, overwrite))),
        "a rename never overwrites"
    );
    sftp.rename(&first, &third, None).unwrap();
    assert_eq!(status(sftp.stat(&first)), 2, "no such file");
    assert_eq!(status(sftp.unlink(&first)), 2, "no such file");

    let listed: Vec<String> = sftp
        .readdir(Path::new(&folder))
        .unwrap()
        .into_iter()
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(listed.contains(&"second".to_owned()) && listed.contains(&"third".to_owned()));
    for path in [second, third] {
        sftp.unlink(&path).unwrap();
    }
    assert_eq!(std::fs::read_dir(server.drop_box()).unwrap().count(), 0);
}

#[test]
fn openssh_does_what_is_expected() {
    if let Some(server) = site::openssh() {
        expectations(&server);
    }
}

#[test]
fn openssh_with_one_session_and_no_extensions_does_what_is_expected() {
    let settings = OpenSshSettings {
        sftp_arguments: vec!["-P".to_owned(), "posix-rename,fsync,limits".to_owned()],
        extra_lines: vec!["MaxSessions 1".to_owned(), "RekeyLimit 1M".to_owned()],
        ..OpenSshSettings::default()
    };
    if let Some(server) = site::openssh_with(settings) {
        expectations(&server);
    }
}

#[test]
fn proftpd_does_what_is_expected() {
    if let Some(server) = site::proftpd() {
        expectations(&server);
    }
}

#[test]
fn the_embedded_server_does_what_is_expected() {
    expectations(&site::embedded());
}
