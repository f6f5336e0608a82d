//! Private keys as people keep them in files: what they are is seen before anybody connects, and what
//! cannot be used is called by its name.
//!
//! What always holds: nothing of a key enters an error. Deliberately absent: whether a passphrase opens a
//! key in OpenSSH's own format, which libssh2 finds out.

use std::path::Path;

use openssl::pkey::{Id, PKey};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::wire::packet::counted_string;
use crate::effects::encoding;

/// Why a file holds no private key that can be used; follows the file's path in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PrivateKeyFault {
    /// A `.ppk`.
    #[error("is a key in PuTTY's format")]
    Putty,
    /// A `.pub`.
    #[error("is a public key; the private one is needed, which is usually beside it, without .pub")]
    Public,
    /// A `-cert.pub`.
    #[error("is an SSH certificate; the private key that it certifies is needed")]
    SshCertificate,
    /// A certificate for TLS.
    #[error("is an X.509 certificate, which SSH has no use for")]
    X509Certificate,
    /// A key of SSH Communications Security's software.
    #[error("is a key in ssh.com's format")]
    SshCom,
    /// A key that lies in a device.
    #[error("names a key in a security key (FIDO), which a person must touch")]
    SecurityKey,
    /// DSA.
    #[error("is a DSA key, which servers of today refuse")]
    Dsa,
    /// Nothing opens it.
    #[error("is encrypted, and there is no passphrase for it")]
    Encrypted,
    /// The passphrase does not.
    #[error("is encrypted with another passphrase")]
    WrongPassphrase,
    /// It begins like a key.
    #[error("begins like a private key and is none that can be read: it was cut short or changed")]
    Damaged,
    /// Anything else.
    #[error("holds no private key (PEM or OpenSSH's format; ed25519, ECDSA or RSA)")]
    None,
}

impl PrivateKeyFault {
    /// What to do about the file under `path`.
    pub(crate) fn remedy(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Putty => format!(
                "`puttygen {path} -O private-openssh -o {path}.openssh` converts it (Debian: \
                 putty-tools); then name that file in SFTP.KEY_FILE"
            ),
            Self::SshCom => format!(
                "`ssh-keygen -i -f {path} > {path}.openssh` converts it, if it has no passphrase; then \
                 name that file in SFTP.KEY_FILE"
            ),
            Self::Encrypted | Self::WrongPassphrase => {
                "put its passphrase into a file of mode 0600 and name that in \
                 SFTP.KEY_PASSPHRASE_FILE"
                    .to_owned()
            }
            Self::Dsa | Self::SecurityKey => format!(
                "`ssh-keygen -t ed25519 -f {path}.ed25519` makes one that can be used; have its .pub \
                 accepted at the server"
            ),
            Self::Public
            | Self::SshCertificate
            | Self::X509Certificate
            | Self::Damaged
            | Self::None => {
                "SFTP.KEY_FILE must name the private key, as `ssh-keygen` writes it".to_owned()
            }
        }
    }
}

/// The marks by which files are told that hold something else.
const OTHERS: [(&str, PrivateKeyFault); 7] = [
    ("PuTTY-User-Key-File-", PrivateKeyFault::Putty),
    (
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY",
        PrivateKeyFault::SshCom,
    ),
    ("---- BEGIN SSH2 PUBLIC KEY", PrivateKeyFault::Public),
    ("-----BEGIN PUBLIC KEY", PrivateKeyFault::Public),
    ("-----BEGIN RSA PUBLIC KEY", PrivateKeyFault::Public),
    ("-----BEGIN CERTIFICATE", PrivateKeyFault::X509Certificate),
    ("-----BEGIN DSA PRIVATE KEY", PrivateKeyFault::Dsa),
];

/// The private key that a file holds, without what editors and other programs put around it.
pub(crate) fn recognised(
    bytes: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<SecretString, PrivateKeyFault> {
    let text = encoding::text(bytes).map_err(|_| PrivateKeyFault::None)?;
    let text = text.trim();
    if let Some(kind) = text
        .split_ascii_whitespace()
        .next()
        .filter(|it| is_public(it))
    {
        return Err(if kind.contains("-cert-v01@") {
            PrivateKeyFault::SshCertificate
        } else {
            PrivateKeyFault::Public
        });
    }
    let is_private = text.contains("PRIVATE KEY-----");
    let other = OTHERS.iter().find(|(mark, _)| text.starts_with(mark));
    // A private key may follow its certificate.
    if let Some((_, fault)) =
        other.filter(|(_, it)| !is_private || *it != PrivateKeyFault::X509Certificate)
    {
        return Err(*fault);
    }
    let begin = beginning(text).ok_or(PrivateKeyFault::None)?;
    let key = SecretString::from(text[begin..].replace("\r\n", "\n").replace('\r', "\n") + "\n");
    let pem = key.expose_secret();
    if pem.starts_with(OPENSSH) {
        openssh(pem, passphrase)?;
    } else {
        // An empty passphrase, lest OpenSSL asks for one at the terminal.
        let given = passphrase.map_or("", |it| it.expose_secret());
        let is_encrypted = pem.contains("ENCRYPTED");
        let opened = PKey::private_key_from_pem_passphrase(pem.as_bytes(), given.as_bytes());
        match (opened, is_encrypted, passphrase) {
            (Ok(_), ..) => {}
            (Err(_), true, None) => return Err(PrivateKeyFault::Encrypted),
            (Err(_), true, Some(_)) => return Err(PrivateKeyFault::WrongPassphrase),
            (Err(_), false, _) => return Err(PrivateKeyFault::Damaged),
        }
    }
    Ok(key)
}

/// Whether it is an RSA key, as far as that can be seen without a passphrase.
pub(crate) fn is_rsa(pem: &str) -> bool {
    if pem.starts_with(OPENSSH) {
        return inside(pem).is_some_and(|inside| inside.kind == "ssh-rsa");
    }
    pem.starts_with("-----BEGIN RSA PRIVATE KEY")
        || PKey::private_key_from_pem_passphrase(pem.as_bytes(), b"")
            .is_ok_and(|key| key.id() == Id::RSA)
}

const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

fn is_public(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|kind| word.starts_with(kind))
}

/// Where the armour of a private key begins, at the beginning of a line.
fn beginning(text: &str) -> Option<usize> {
    let lines = text.match_indices("-----BEGIN ");
    let mut begins = lines.filter(|(at, _)| *at == 0 || text[..*at].ends_with(['\n', '\r']));
    begins
        .find(|(at, _)| {
            let line = text[*at..].lines().next().unwrap_or_default();
            line.ends_with("PRIVATE KEY-----")
        })
        .map(|(at, _)| at)
}

fn openssh(pem: &str, passphrase: Option<&SecretString>) -> Result<(), PrivateKeyFault> {
    let inside = inside(pem).ok_or(PrivateKeyFault::Damaged)?;
    if inside.kind.starts_with("sk-") {
        Err(PrivateKeyFault::SecurityKey)
    } else if inside.kind == "ssh-dss" {
        Err(PrivateKeyFault::Dsa)
    } else if inside.is_encrypted && passphrase.is_none() {
        Err(PrivateKeyFault::Encrypted)
    } else {
        Ok(())
    }
}

/// What can be seen of a key in OpenSSH's format without its passphrase (OpenSSH, `PROTOCOL.key`).
struct Inside {
    kind: String,
    is_encrypted: bool,
}

fn inside(pem: &str) -> Option<Inside> {
    let body = pem.strip_prefix(OPENSSH)?;
    let (body, _) = body.split_once("-----END")?;
    let body: String = body.split_ascii_whitespace().collect();
    let bytes = zeroize::Zeroizing::new(base64_simd::STANDARD.decode_to_vec(body).ok()?);
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (cipher, rest) = counted_string(rest)?;
    let (_derivation, rest) = counted_string(rest)?;
    let (_options, rest) = counted_string(rest)?;
    let rest = rest.strip_prefix(&1u32.to_be_bytes())?;
    let (public, rest) = counted_string(rest)?;
    // The private part is there as a whole.
    counted_string(rest)?;
    let (kind, _) = counted_string(public)?;
    Some(Inside {
        kind: String::from_utf8(kind.to_vec()).ok()?,
        is_encrypted: cipher != b"none",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use openssl::rsa::Rsa;
    use openssl::symm::Cipher;

    use super::*;

    fn judged(text: &str, passphrase: Option<&str>) -> Result<String, PrivateKeyFault> {
        let passphrase = passphrase.map(SecretString::from);
        recognised(text.as_bytes(), passphrase.as_ref()).map(|key| key.expose_secret().to_owned())
    }

    /// A key in OpenSSH's format, with that cipher and of that kind.
    fn openssh_key(cipher: &str, kind: &str) -> String {
        let mut bytes = b"openssh-key-v1\0".to_vec();
        let mut put = |bytes_of: &[u8]| {
            bytes.extend_from_slice(&u32::try_from(bytes_of.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(bytes_of);
        };
        put(cipher.as_bytes());
        put(b"none");
        put(b"");
        bytes.extend_from_slice(&1u32.to_be_bytes());
        let public = [
            &u32::try_from(kind.len()).unwrap().to_be_bytes()[..],
            kind.as_bytes(),
        ]
        .concat();
        for part in [&public[..], b"private"] {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(part);
        }
        let body = base64_simd::STANDARD.encode_to_string(&bytes);
        format!("{OPENSSH}\n{body}\n-----END OPENSSH PRIVATE KEY-----\n")
    }

    #[test]
    fn what_an_editor_did_to_a_key_does_not_matter() {
        let pem = Rsa::generate(2048).unwrap().private_key_to_pem().unwrap();
        for key in [
            String::from_utf8(pem).unwrap(),
            openssh_key("none", "ssh-ed25519"),
        ] {
            for kept in [
                key.clone(),
                format!("\u{feff}{key}"),
                key.replace('\n', "\r\n"),
                format!("\n  \n{key}\n \n"),
                format!("Bag Attributes\n    friendlyName: me\n{key}"),
            ] {
                assert_eq!(judged(&kept, None), Ok(key.clone()));
            }
            let cut = &key[..key.len() / 2];
            assert_eq!(judged(cut, None), Err(PrivateKeyFault::Damaged));
        }
    }

    #[test]
    fn what_is_no_private_key_is_called_by_its_name() {
        for (text, fault) in [
            (
                "PuTTY-User-Key-File-3: ssh-ed25519\r\n",
                PrivateKeyFault::Putty,
            ),
            ("ssh-ed25519 AAAA me@here\n", PrivateKeyFault::Public),
            ("-----BEGIN PUBLIC KEY-----\n", PrivateKeyFault::Public),
            ("---- BEGIN SSH2 PUBLIC KEY ----\n", PrivateKeyFault::Public),
            (
                "ssh-ed25519-cert-v01@openssh.com AAAA me\n",
                PrivateKeyFault::SshCertificate,
            ),
            (
                "-----BEGIN CERTIFICATE-----\n",
                PrivateKeyFault::X509Certificate,
            ),
            (
                "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",
                PrivateKeyFault::SshCom,
            ),
            ("-----BEGIN DSA PRIVATE KEY-----\n", PrivateKeyFault::Dsa),
            ("my password", PrivateKeyFault::None),
            ("", PrivateKeyFault::None),
        ] {
            assert_eq!(judged(text, None), Err(fault), "{text}");
            assert_eq!(
                judged(&format!("\u{feff}{text}"), None),
                Err(fault),
                "{text}"
            );
        }
        let fault = |cipher, kind| judged(&openssh_key(cipher, kind), None).unwrap_err();
        assert_eq!(fault("none", "ssh-dss"), PrivateKeyFault::Dsa);
        assert_eq!(
            fault("none", "sk-ssh-ed25519@openssh.com"),
            PrivateKeyFault::SecurityKey
        );
        assert_eq!(
            fault("aes256-ctr", "ssh-ed25519"),
            PrivateKeyFault::Encrypted
        );
        assert!(judged(&openssh_key("aes256-ctr", "ssh-ed25519"), Some("any")).is_ok());
    }

    #[test]
    fn a_passphrase_is_tried_before_anybody_connects() {
        let key = Rsa::generate(2048).unwrap();
        let pem = key
            .private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"right")
            .unwrap();
        let pem = String::from_utf8(pem).unwrap();
        assert_eq!(judged(&pem, None), Err(PrivateKeyFault::Encrypted));
        assert_eq!(
            judged(&pem, Some("wrong")),
            Err(PrivateKeyFault::WrongPassphrase)
        );
        assert_eq!(judged(&pem, Some("right")), Ok(pem.clone()));
    }

    #[test]
    fn an_rsa_key_is_told_from_others() {
        let key = Rsa::generate(2048).unwrap();
        let traditional = String::from_utf8(key.private_key_to_pem().unwrap()).unwrap();
        let modern = PKey::from_rsa(key)
            .unwrap()
            .private_key_to_pem_pkcs8()
            .unwrap();
        assert!(is_rsa(&traditional) && is_rsa(&String::from_utf8(modern).unwrap()));
        assert!(is_rsa(&openssh_key("none", "ssh-rsa")));
        assert!(!is_rsa(&openssh_key("none", "ssh-ed25519")));
    }
}
