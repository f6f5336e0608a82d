//! The authorities of `REQUESTS_CA_BUNDLE`, as Python's `requests` takes them from OpenSSL: a file with any
//! number of certificates in PEM form under any of their three labels, whatever stands around them; or a
//! folder of such files under the names that `openssl rehash` gives them.
//!
//! What always holds here: a certificate that cannot be read is named by file and place and left out, for
//! to trust less is safe; what a `TRUSTED CERTIFICATE` says of itself is heeded. Deliberately absent:
//! whether a chain that ends at an intermediate authority is trusted; as with `requests`, it is not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use openssl::x509::{X509, X509Ref};
use reqwest::tls::Certificate;

use super::error::{BrokerError, LeftOut};

/// What a bundle gives.
#[derive(Debug)]
pub(super) struct Authorities {
    /// Who is trusted.
    pub(super) trusted: Vec<Certificate>,
    /// What a person should know of the bundle: what was left out of it, and why.
    pub(super) remarks: Vec<String>,
}

/// Reads all of them.
pub(super) fn read(path: &Path) -> Result<Authorities, BrokerError> {
    let unreadable = |source| BrokerError::ReadCaBundle {
        path: path.to_owned(),
        source,
    };
    let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
    let files = if is_folder {
        hashed(path).map_err(unreadable)?
    } else {
        vec![path.to_owned()]
    };
    let mut found = Found::default();
    for file in &files {
        match fs::read(file) {
            Ok(bytes) => found.take(file, &bytes),
            // One of a folder's links may lead nowhere.
            Err(error) if is_folder => found.leave_out(file, error),
            Err(error) => return Err(unreadable(error)),
        }
    }
    let left_out = found.left_out.iter();
    let mut remarks: Vec<String> = left_out
        .map(|left_out| format!("REQUESTS_CA_BUNDLE: {left_out}; it is left out"))
        .collect();
    let path = path.to_owned();
    let first = found.left_out.into_iter().next();
    match (found.trusted.is_empty(), is_folder) {
        (true, true) => Err(BrokerError::NoHashedCertificate { path, first }),
        (true, false) => Err(BrokerError::MalformedCaBundle { path, first }),
        (false, _) => {
            if !found.trusted.iter().any(|it| is_root(it)) {
                remarks.push(format!(
                    "REQUESTS_CA_BUNDLE: {} holds intermediate authorities alone: a broker is trusted only \
                     when the authority that signed them is there, too, or among those of the system",
                    path.display()
                ));
            }
            let certificates = found.trusted.iter().map(|trusted| {
                let der = trusted.to_der().map_err(|_| malformed(&path))?;
                Certificate::from_der(&der).map_err(|_| malformed(&path))
            });
            let trusted = certificates.collect::<Result<_, _>>()?;
            Ok(Authorities { trusted, remarks })
        }
    }
}

fn malformed(path: &Path) -> BrokerError {
    BrokerError::MalformedCaBundle {
        path: path.to_owned(),
        first: None,
    }
}

/// The files of a folder under names that OpenSSL looks for: eight digits, a dot, a number.
fn hashed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.split_once('.'));
        let is_hash = parts.is_some_and(|(hash, number)| {
            hash.len() == 8
                && hash.bytes().all(|c| c.is_ascii_hexdigit())
                && !number.is_empty()
                && number.bytes().all(|c| c.is_ascii_digit())
        });
        if is_hash {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn is_root(certificate: &X509Ref) -> bool {
    let names = [certificate.subject_name(), certificate.issuer_name()];
    let [subject, issuer] = names.map(|name| name.to_der().ok());
    subject.is_some() && subject == issuer
}

#[derive(Default)]
struct Found {
    trusted: Vec<X509>,
    left_out: Vec<LeftOut>,
}

impl Found {
    fn leave_out(&mut self, file: &Path, error: io::Error) {
        self.left_out.push(LeftOut {
            file: file.to_owned(),
            place: None,
            why: format!("cannot be read: {error}"),
        });
    }

    fn take(&mut self, file: &Path, bytes: &[u8]) {
        for (index, block) in blocks(bytes).into_iter().enumerate() {
            match block.certificate() {
                Ok(certificate) => self.trusted.push(certificate),
                Err(why) => self.left_out.push(LeftOut {
                    file: file.to_owned(),
                    place: Some((index + 1, block.line)),
                    why: why.to_owned(),
                }),
            }
        }
    }
}

/// What stands between a `BEGIN` and its `END` (RFC 7468), if it is a certificate's.
struct Block {
    line: usize,
    has_trust: bool,
    /// Without white space; none where the end is missing.
    base64: Option<Vec<u8>>,
}

const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

fn blocks(bytes: &[u8]) -> Vec<Block> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(&str, Vec<u8>)> = None;
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii_end();
        let begun = LABELS
            .into_iter()
            .find(|label| is_edge(line, "BEGIN", label));
        if let Some(label) = begun {
            blocks.push(Block {
                line: index + 1,
                has_trust: label == LABELS[2],
                base64: None,
            });
            open = Some((label, Vec::new()));
        } else if let Some((label, mut base64)) = open.take() {
            if is_edge(line, "END", label) {
                if let Some(block) = blocks.last_mut() {
                    block.base64 = Some(base64);
                }
            } else {
                base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
                open = Some((label, base64));
            }
        }
    }
    blocks
}

fn is_edge(line: &[u8], word: &str, label: &str) -> bool {
    line.strip_prefix(b"-----")
        .and_then(|line| line.strip_suffix(b"-----"))
        .and_then(|line| line.strip_prefix(word.as_bytes()))
        .and_then(|line| line.strip_prefix(b" "))
        .is_some_and(|line| line == label.as_bytes())
}

impl Block {
    fn certificate(&self) -> Result<X509, &'static str> {
        const DAMAGED: &str = "is damaged";
        let base64 = self.base64.as_ref().ok_or("has no end")?;
        let der = base64_simd::STANDARD
            .decode_to_vec(base64)
            .map_err(|_| DAMAGED)?;
        // Reads one certificate, and minds nothing behind it.
        let certificate = X509::from_der(&der).map_err(|_| DAMAGED)?;
        let size = certificate.to_der().map_err(|_| DAMAGED)?.len();
        let trust = der
            .get(size..)
            .filter(|_| self.has_trust)
            .unwrap_or_default();
        match is_trusted_for_servers(trust) {
            Some(true) => Ok(certificate),
            Some(false) => Err("says itself that it is not to be trusted for servers"),
            None => Err(DAMAGED),
        }
    }
}

/// `serverAuth` and `anyExtendedKeyUsage` (RFC 5280, section 4.2.1.12), as DER.
const FOR_SERVERS: [&[u8]; 2] = [
    b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01",
    b"\x06\x04\x55\x1d\x25\x00",
];

/// What stands behind a certificate that says for what it is to be trusted (OpenSSL's `X509_CERT_AUX`): a
/// sequence of uses it is trusted for, and one, under the tag 0, of those it is rejected for. None when it
/// is something else.
fn is_trusted_for_servers(auxiliary: &[u8]) -> Option<bool> {
    if auxiliary.is_empty() {
        return Some(true);
    }
    let (0x30, mut fields, _) = element(auxiliary)? else {
        return None;
    };
    let (mut trusted, mut rejected) = (None, false);
    while !fields.is_empty() {
        let (tag, mut contents, rest) = element(fields)?;
        fields = rest;
        if tag != 0x30 && tag != 0xa0 {
            continue;
        }
        let mut names_servers = false;
        while !contents.is_empty() {
            let before = contents;
            (_, _, contents) = element(contents)?;
            let whole = before.get(..before.len() - contents.len())?;
            names_servers |= FOR_SERVERS.contains(&whole);
        }
        match tag {
            0x30 => trusted = Some(names_servers),
            _ => rejected = names_servers,
        }
    }
    Some(trusted.unwrap_or(true) && !rejected)
}

/// The first element: its tag, its contents, and what stands behind it (X.690, definite lengths).
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = digits.iter().try_fold(0_usize, |sum, digit| {
                sum.checked_mul(256)?.checked_add(usize::from(*digit))
            })?;
            (length, rest)
        }
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::{PKey, Private};
    use openssl::x509::X509NameBuilder;

    use super::*;

    fn key() -> PKey<Private> {
        let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1);
        PKey::from_ec_key(openssl::ec::EcKey::generate(&group.unwrap()).unwrap()).unwrap()
    }

    fn name(text: &str) -> openssl::x509::X509Name {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", text).unwrap();
        name.build()
    }

    fn certificate(subject: &str, issuer: &str) -> X509 {
        let key = key();
        let mut builder = X509::builder().unwrap();
        builder.set_subject_name(&name(subject)).unwrap();
        builder.set_issuer_name(&name(issuer)).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder
            .set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::days_from_now(30).unwrap())
            .unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    fn pem(der: &[u8], label: &str) -> String {
        let base64 = openssl::base64::encode_block(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    }

    /// How many of a file's certificates are trusted, and what is said of the others.
    fn of(text: &str) -> (usize, Vec<String>) {
        let mut found = Found::default();
        found.take(Path::new("ca.pem"), text.as_bytes());
        let left_out = found.left_out.iter().map(ToString::to_string).collect();
        (found.trusted.len(), left_out)
    }

    #[test]
    fn every_label_that_openssl_reads_is_read_whatever_stands_around_it() {
        let der = certificate("root", "root").to_der().unwrap();
        for label in LABELS {
            let one = pem(&der, label);
            assert_eq!(of(&one), (1, vec![]));
            assert_eq!(of(&format!("\u{feff}{one}")), (1, vec![]));
            assert_eq!(of(&one.replace('\n', "\r\n")), (1, vec![]));
            let among = format!(
                "# root\n{}subject: x\n{one}\nend",
                pem(b"key", "PRIVATE KEY")
            );
            assert_eq!(of(&among), (1, vec![]));
        }
        assert_eq!(of(&pem(&der, "PKCS7")), (0, vec![]));
    }

    #[test]
    fn one_bad_certificate_of_many_is_named_and_the_others_are_used() {
        let good = pem(
            &certificate("root", "root").to_der().unwrap(),
            "CERTIFICATE",
        );
        let many = good.repeat(69);
        for (bad, why) in [
            (
                good.replacen("\nMII", "\nMIJ", 1)
                    .replacen("\nMI", "\nMJ", 1),
                "is damaged",
            ),
            (good.replacen('M', "!", 1), "is damaged"),
            (good[..200].to_owned() + "\n", "has no end"),
        ] {
            let (trusted, left_out) = of(&format!("{many}{bad}{many}"));
            assert_eq!(trusted, 138, "{left_out:?}");
            assert_eq!(
                left_out,
                [format!("certificate 70 in ca.pem (line 208) {why}")]
            );
        }
    }

    #[test]
    fn what_a_trusted_certificate_says_of_itself_is_heeded() {
        let der = certificate("root", "root").to_der().unwrap();
        let with = |auxiliary: &[u8]| of(&pem(&[&der, auxiliary].concat(), LABELS[2]));
        let uses = |tag: u8, uses: &[&[u8]]| {
            let uses = uses.concat();
            let mut field = vec![tag, u8::try_from(uses.len()).unwrap()];
            field.extend(uses);
            field
        };
        let sequence =
            |fields: &[Vec<u8>]| uses(0x30, &fields.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let clients: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
        let [servers, any] = FOR_SERVERS;
        let alias = vec![0x0c, 1, b'x'];
        for (auxiliary, trusted) in [
            (sequence(&[]), 1),
            (sequence(std::slice::from_ref(&alias)), 1),
            (
                sequence(&[uses(0x30, &[clients, servers]), alias.clone()]),
                1,
            ),
            (sequence(&[uses(0x30, &[any])]), 1),
            (sequence(&[uses(0xa0, &[clients])]), 1),
            (sequence(&[uses(0x30, &[clients]), alias]), 0),
            (sequence(&[uses(0xa0, &[servers])]), 0),
            (sequence(&[uses(0x30, &[servers]), uses(0xa0, &[any])]), 0),
            (vec![0x30, 9], 0),
        ] {
            assert_eq!(with(&auxiliary).0, trusted, "{auxiliary:x?}");
        }
        // Behind any other certificate it means nothing.
        let rejected = [&der[..], &sequence(&[uses(0xa0, &[servers])])].concat();
        assert_eq!(of(&pem(&rejected, "CERTIFICATE")).0, 1);
    }

    #[test]
    fn a_folder_is_read_under_the_names_that_rehash_gives() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let one = pem(
            &certificate("root", "root").to_der().unwrap(),
            "CERTIFICATE",
        );
        fs::write(at("root.pem"), &one).unwrap();
        let Err(error) = read(folder.path()) else {
            panic!("nothing is under a name that OpenSSL finds");
        };
        assert!(error.to_string().contains("openssl rehash"), "{error}");
        fs::write(at("0a1b2c3d.0"), &one).unwrap();
        std::os::unix::fs::symlink(at("root.pem"), at("0a1b2c3d.1")).unwrap();
        std::os::unix::fs::symlink(at("gone"), at("ffffffff.0")).unwrap();
        assert_eq!(read(folder.path()).unwrap().trusted.len(), 2);
    }

    #[test]
    fn a_file_without_a_certificate_that_can_be_used_is_refused_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let good = pem(
            &certificate("root", "root").to_der().unwrap(),
            "CERTIFICATE",
        );
        for (text, says) in [
            (String::new(), "holds no certificate"),
            (pem(b"key", "PRIVATE KEY"), "holds no certificate"),
            (good.replacen('M', "!", 1), "certificate 1 in"),
        ] {
            fs::write(&file, text).unwrap();
            let Err(error) = read(&file) else {
                panic!("nothing can be used");
            };
            assert!(error.to_string().contains(says), "{error}");
        }
        let intermediate = pem(
            &certificate("intermediate", "root").to_der().unwrap(),
            "CERTIFICATE",
        );
        fs::write(&file, intermediate).unwrap();
        assert_eq!(read(&file).unwrap().trusted.len(), 1);
    }
}
