//! OpenSSH's file of known hosts, read for one host (`sshd(8)`, *SSH_KNOWN_HOSTS FILE FORMAT*):
//! plain and hashed names, patterns, ports, `@revoked`.
//!
//! libssh2 reads such files too; it cannot be asked which types of keys it knows for a host before
//! the key exchange (so a host known by one key would be refused when it presents another first),
//! takes `@revoked` for a name, and knows no patterns.
//!
//! Deliberately absent: the verification of certificates (`@cert-authority`), which libssh2 cannot read, so
//! that it is only said that one would be needed; writing.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::wire::packet::counted_string;

/// The port that is left out of a name.
const DEFAULT_PORT: u16 = 22;

/// What is known of a host.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    accepted: Vec<Vec<u8>>,
    revoked: Vec<Vec<u8>>,
    /// Accepted where nothing is known of the port.
    without_port: Vec<Vec<u8>>,
    /// Whether a certificate authority may vouch for the host.
    has_authority: bool,
}

/// How a key stands to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is the host's.
    Known,
    /// Nothing is known of the host.
    Unknown,
    /// The host has another.
    Other,
    /// It must not be used.
    Revoked,
}

impl KnownHosts {
    /// What `text` knows of `host` at `port`.
    #[cfg(test)]
    fn read(text: &str, host: &str, port: u16) -> Self {
        let mut known = Self::default();
        known.learn(text, host, port);
        known
    }

    /// Adds what `text` knows of `host` at `port`. Lines that cannot be read are passed over, as
    /// OpenSSH does.
    pub(crate) fn learn(&mut self, text: &str, host: &str, port: u16) {
        let host = host.to_ascii_lowercase();
        let with_port = format!("[{host}]:{port}");
        for line in text.trim_start_matches('\u{feff}').lines() {
            let Some(line) = Line::parse(line) else {
                continue;
            };
            let named = line.names(if port == DEFAULT_PORT {
                &host
            } else {
                &with_port
            }) || port == DEFAULT_PORT && line.names(&with_port);
            match line.mark {
                Mark::Revoked if named || line.names(&host) => self.revoked.push(line.key),
                Mark::Authority if named || line.names(&host) => self.has_authority = true,
                Mark::None if named => self.accepted.push(line.key),
                Mark::None if line.names(&host) => self.without_port.push(line.key),
                Mark::Revoked | Mark::Authority | Mark::None => {}
            }
        }
    }

    /// Whether a certificate authority may vouch for the host.
    pub(crate) fn has_authority(&self) -> bool {
        self.has_authority
    }

    /// How `key`, in its wire format, stands.
    pub(crate) fn standing(&self, key: &[u8]) -> Standing {
        self.standing_of(|known| known == key)
    }

    /// How the one key stands that `is_it` knows by its wire format.
    pub(crate) fn standing_of(&self, is_it: impl Fn(&[u8]) -> bool) -> Standing {
        let holds = |keys: &[Vec<u8>]| keys.iter().any(|known| is_it(known));
        if holds(&self.revoked) {
            Standing::Revoked
        } else if holds(&self.accepted) {
            Standing::Known
        } else if !self.accepted.is_empty() {
            Standing::Other
        } else if holds(&self.without_port) {
            // As OpenSSH: the same machine, another port.
            Standing::Known
        } else {
            Standing::Unknown
        }
    }

    /// The types of the host's keys, in the file's order.
    pub(crate) fn types(&self) -> Vec<String> {
        let mut types: Vec<String> = Vec::new();
        for name in self
            .accepted
            .iter()
            .chain(&self.without_port)
            .filter_map(|key| type_of(key))
        {
            if !types.iter().any(|known| known == name) {
                types.push(name.to_owned());
            }
        }
        types
    }
}

struct Line<'a> {
    hosts: &'a str,
    key: Vec<u8>,
    mark: Mark,
}

/// What a line says of its key.
#[derive(Clone, Copy)]
enum Mark {
    None,
    Revoked,
    Authority,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        let mark = match marker {
            None => Mark::None,
            Some("@revoked") => Mark::Revoked,
            Some("@cert-authority") => Mark::Authority,
            Some(_) => return None,
        };
        let hosts = words.next().filter(|word| !word.starts_with('#'))?;
        let kind = words.next()?;
        let key = base64_simd::STANDARD.decode_to_vec(words.next()?).ok()?;
        (type_of(&key) == Some(kind)).then_some(Self { hosts, key, mark })
    }

    fn names(&self, name: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            return hashes_to(hashed, name).unwrap_or(false);
        }
        let mut named = false;
        for pattern in self.hosts.split(',') {
            match pattern.strip_prefix('!') {
                Some(pattern) if matches(pattern, name) => return false,
                Some(_) => {}
                None => named |= matches(pattern, name),
            }
        }
        named
    }
}

/// Whether `salt|hash` is the HMAC-SHA1 of `name` under the salt.
fn hashes_to(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let salt = base64_simd::STANDARD.decode_to_vec(salt).ok()?;
    let hash = base64_simd::STANDARD.decode_to_vec(hash).ok()?;
    Some(hmac_sha1(&salt, name.as_bytes()).ok()? == hash)
}

/// The type that a key in its wire format names.
pub(crate) fn type_of(key: &[u8]) -> Option<&str> {
    let (name, _) = counted_string(key)?;
    let name = std::str::from_utf8(name).ok()?;
    name.bytes()
        .all(|byte| byte.is_ascii_graphic())
        .then_some(name)
}

fn hmac_sha1(key: &[u8], data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    Signer::new(MessageDigest::sha1(), &key)?.sign_oneshot_to_vec(data)
}

/// Whether `name` fits a pattern of `*` and `?`. The square brackets of a port are plain characters.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where the last star stood, and how much of the name it has swallowed.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, swallowed)) = star else {
                    return false;
                };
                star = Some((star_at, swallowed + 1));
                at = star_at + 1;
                from = swallowed + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    fn key(kind: &str, body: &str) -> (String, Vec<u8>) {
        let mut key = Vec::new();
        for part in [kind, body] {
            key.extend_from_slice(&u32::try_from(part.len()).unwrap_or(0).to_be_bytes());
            key.extend_from_slice(part.as_bytes());
        }
        (
            format!("{kind} {}", base64_simd::STANDARD.encode_to_string(&key)),
            key,
        )
    }

    #[test]
    fn a_host_is_known_by_each_of_its_keys() {
        let (one, one_key) = key("ssh-ed25519", "one");
        let (two, two_key) = key("ssh-rsa", "two");
        let text =
            format!("# comment\n\nhost.example {one} me@here\nhost.example,10.0.0.1 {two}\n");
        let known = KnownHosts::read(&text, "Host.Example", 22);
        assert_eq!(known.standing(&one_key), Standing::Known);
        assert_eq!(known.standing(&two_key), Standing::Known);
        assert_eq!(known.standing(b"three"), Standing::Other);
        assert_eq!(known.types(), ["ssh-ed25519", "ssh-rsa"]);
        let stranger = KnownHosts::read(&text, "other.example", 22);
        assert_eq!(stranger.standing(&one_key), Standing::Unknown);
        assert_eq!(KnownHosts::read(&text, "10.0.0.1", 22).types(), ["ssh-rsa"]);
    }

    #[test]
    fn a_port_is_part_of_the_name_and_its_absence_is_forgiven() {
        let (one, one_key) = key("ssh-ed25519", "one");
        let (two, two_key) = key("ssh-ed25519", "two");
        let text = format!("[host]:2222 {one}\nhost {two}\n");
        let known = KnownHosts::read(&text, "host", 2222);
        assert_eq!(known.standing(&one_key), Standing::Known);
        assert_eq!(known.standing(&two_key), Standing::Other);
        let elsewhere = KnownHosts::read(&text, "host", 2223);
        assert_eq!(elsewhere.standing(&two_key), Standing::Known);
        assert_eq!(elsewhere.standing(&one_key), Standing::Unknown);
    }

    #[test]
    fn hashed_names_are_found() {
        let (one, one_key) = key("ssh-ed25519", "one");
        let salt = [7u8; 20];
        let hash = hmac_sha1(&salt, b"[host]:2222").unwrap_or_default();
        let text = format!(
            "|1|{}|{} {one}\n",
            base64_simd::STANDARD.encode_to_string(salt),
            base64_simd::STANDARD.encode_to_string(hash)
        );
        assert_eq!(
            KnownHosts::read(&text, "host", 2222).standing(&one_key),
            Standing::Known
        );
        assert_eq!(
            KnownHosts::read(&text, "host", 22).standing(&one_key),
            Standing::Unknown
        );
    }

    #[test]
    fn a_revoked_key_is_never_accepted() {
        let (one, one_key) = key("ssh-ed25519", "one");
        let text = format!("host {one}\n@revoked * {one}\n");
        assert_eq!(
            KnownHosts::read(&text, "host", 22).standing(&one_key),
            Standing::Revoked
        );
    }

    #[test]
    fn a_certificate_authority_is_no_host_key() {
        let (one, one_key) = key("ssh-ed25519", "one");
        let text = format!("@cert-authority *.example {one}\n");
        let known = KnownHosts::read(&text, "host.example", 22);
        assert_eq!(known.standing(&one_key), Standing::Unknown);
        assert!(known.has_authority());
        assert!(!KnownHosts::read(&text, "elsewhere", 22).has_authority());
    }

    #[test]
    fn the_mark_of_an_editor_hides_no_line_and_several_files_are_one() {
        let ((one, one_key), (two, two_key)) = (key("ssh-ed25519", "one"), key("ssh-rsa", "two"));
        let mut known = KnownHosts::default();
        known.learn(&format!("\u{feff}host {one}\r\n"), "host", 22);
        known.learn(&format!("host {two}\n"), "host", 22);
        assert_eq!(known.standing(&one_key), Standing::Known);
        assert_eq!(known.standing(&two_key), Standing::Known);
    }

    #[test]
    fn patterns_match_as_in_openssh() {
        let (one, one_key) = key("ssh-ed25519", "one");
        let text = format!("*.example.org,!bad.example.org {one}\n");
        let standing = |host| KnownHosts::read(&text, host, 22).standing(&one_key);
        assert_eq!(standing("a.b.example.org"), Standing::Known);
        assert_eq!(standing("bad.example.org"), Standing::Unknown);
        assert_eq!(standing("example.org"), Standing::Unknown);
        assert!(matches("h?st*", "host") && matches("*a*b", "xaxxb") && !matches("*a*b", "xaxxbc"));
    }

    #[test]
    fn the_type_of_a_key_is_bounded_by_the_key() {
        assert_eq!(type_of(b"\0\0\0\x07ssh-rsa..."), Some("ssh-rsa"));
        assert_eq!(type_of(b"\xff\xff\xff\xffssh-rsa"), None);
        assert_eq!(type_of(b"\0\0"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/sftp-known-hosts.txt",
            ))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn arbitrary_text_never_panics(text in "[@|1!*? a-z=/\n,#\\PC]{0,300}", host in "\\PC{0,20}") {
            let known = KnownHosts::read(&text, &host, 22);
            prop_assert_eq!(known.standing(b"key"), Standing::Unknown);
        }
    }
}
