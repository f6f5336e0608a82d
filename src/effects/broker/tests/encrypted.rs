//! TLS: whom the client trusts, and what it says when it does not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use courier_ledger::{Failure, FailureClass, SnapshotDelta};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod, SslStream, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use super::server::{Answer, Server};
use super::{LIST, LIST_PATH, SHORT, STATUS, assert_says, client, poll, settings};

struct Identity {
    key: PKey<Private>,
    certificate: X509,
}

/// Signed by itself, for 127.0.0.1 or another host, valid or expired.
fn identity(host: &str, days: std::ops::Range<i64>) -> Identity {
    let make = || {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_nid(Nid::COMMONNAME, "courier test")?;
        let name = name.build();
        let mut builder = X509::builder()?;
        let at = |day: i64| Asn1Time::from_unix(1_700_000_000 + day * 86_400);
        builder.set_version(2)?;
        builder.set_serial_number(&*BigNum::from_u32(1)?.to_asn1_integer()?)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_pubkey(&key)?;
        builder.set_not_before(&*at(days.start)?)?;
        builder.set_not_after(&*at(days.end)?)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        let mut names = SubjectAlternativeName::new();
        if host == "127.0.0.1" {
            names.ip(host)
        } else {
            names.dns(host)
        };
        let names = names.build(&builder.x509v3_context(None, None))?;
        builder.append_extension(names)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok::<_, openssl::error::ErrorStack>(Identity {
            key,
            certificate: builder.build(),
        })
    };
    make().expect("a certificate")
}

const VALID: std::ops::Range<i64> = 0..30_000;

enum Trust {
    System,
    Bundle,
}

fn poll_encrypted(
    identity: &Identity,
    trust: Trust,
    limit: Option<SslVersion>,
) -> Result<SnapshotDelta, Failure> {
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).expect("an acceptor");
    acceptor.set_private_key(&identity.key).expect("a key");
    acceptor
        .set_certificate(&identity.certificate)
        .expect("a certificate");
    if limit.is_some() {
        acceptor.clear_options(openssl::ssl::SslOptions::NO_TLSV1_1);
        acceptor
            .set_cipher_list("ALL:@SECLEVEL=0")
            .expect("ciphers");
        acceptor.set_min_proto_version(None).expect("versions");
        acceptor.set_max_proto_version(limit).expect("versions");
    }
    let acceptor = Arc::new(acceptor.build());
    let server = Server::wrapped(
        |request| match request.target.as_str() {
            LIST_PATH => Answer::xml(LIST),
            _ => Answer::xml(STATUS),
        },
        move |stream: TcpStream| -> Option<SslStream<TcpStream>> { acceptor.accept(stream).ok() },
    );
    let bundle = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(bundle.path(), identity.certificate.to_pem().expect("PEM")).expect("written");
    let mut settings = settings(&format!("https://127.0.0.1:{}", server.port()));
    if let Trust::Bundle = trust {
        settings.ca_bundle = Some(bundle.path().to_owned());
    }
    poll(&client(settings).expect("a client"))
}

#[test]
fn an_authority_of_the_bundle_is_trusted_and_others_are_not() {
    let identity = identity("127.0.0.1", VALID);
    let trusted = poll_encrypted(&identity, Trust::Bundle, None);
    assert_eq!(trusted.map(|delta| delta.total), Ok(3));
    let failure = poll_encrypted(&identity, Trust::System, None).expect_err("unknown");
    assert_says(
        &failure,
        FailureClass::NeedsPerson,
        &["unknown authority", "REQUESTS_CA_BUNDLE"],
    );
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let identity = identity("other.example", VALID);
    let failure = poll_encrypted(&identity, Trust::Bundle, None).expect_err("another host");
    assert_says(
        &failure,
        FailureClass::NeedsPerson,
        &["another host", "BROKER.URL"],
    );
}

#[test]
fn an_expired_certificate_is_refused() {
    let identity = identity("127.0.0.1", 0..1);
    let failure = poll_encrypted(&identity, Trust::Bundle, None).expect_err("expired");
    assert_says(&failure, FailureClass::NeedsPerson, &["expired", "renewed"]);
}

#[test]
fn versions_before_1_2_are_refused() {
    let identity = identity("127.0.0.1", VALID);
    let old = Some(SslVersion::TLS1_1);
    let failure = poll_encrypted(&identity, Trust::Bundle, old).expect_err("too old");
    assert_says(&failure, FailureClass::NeedsPerson, &["TLS"]);
}

#[test]
fn http_and_https_mixed_up_are_told_apart() {
    let plain = Server::wrapped(|_| Answer::xml(LIST), refuse_hello);
    let broker = client(settings(&format!("https://127.0.0.1:{}", plain.port())));
    let failure = poll(&broker.expect("a client")).expect_err("no TLS there");
    assert_says(&failure, FailureClass::NeedsPerson, &["not TLS", "http://"]);
    let alert = Server::start(|_| Answer::Last(b"\x15\x03\x01\x00\x02\x02\x16".to_vec()));
    let broker = client(settings(&alert.url()));
    let failure = poll(&broker.expect("a client")).expect_err("TLS there");
    assert_says(
        &failure,
        FailureClass::NeedsPerson,
        &["not HTTP", "https://"],
    );
}

#[test]
fn a_handshake_that_breaks_off_is_transient() {
    let server = Server::wrapped(|_| Answer::xml(LIST), |_| None::<TcpStream>);
    let broker = client(settings(&format!("https://127.0.0.1:{}", server.port())));
    let failure = poll(&broker.expect("a client")).expect_err("it breaks off");
    assert_says(&failure, FailureClass::Transient, &["broke off"]);
}

#[test]
fn a_silent_handshake_ends_with_the_connection_s_deadline() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::wrapped(
        |_| Answer::xml(LIST),
        move |_stream| {
            drop(held.lock().map(|held| held.recv()));
            None::<TcpStream>
        },
    );
    let mut settings = settings(&format!("https://127.0.0.1:{}", server.port()));
    settings.connect_timeout = SHORT;
    let failure = poll(&client(settings).expect("a client")).expect_err("silent");
    assert_says(
        &failure,
        FailureClass::Transient,
        &["no connection within 0.7 s", "firewall"],
    );
    drop(release);
}

/// What a web server says to a client that speaks TLS to its plain port.
fn refuse_hello(mut stream: TcpStream) -> Option<TcpStream> {
    let pause = std::time::Duration::from_millis(50);
    stream.set_read_timeout(Some(pause)).ok()?;
    // Whatever is left unread would reset the connection before the answer is seen.
    while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    let answer = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).ok()?;
    None
}
