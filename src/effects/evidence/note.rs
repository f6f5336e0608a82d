//! C2SP signed-note: a text and lines that sign it, with Ed25519.
//!
//! What always holds here: a signature of an unknown key is passed over, a wrong one of the known key refuses
//! the note. Deliberately absent: what the text says.

use std::str::FromStr;

use base64_simd::STANDARD;
use courier_ledger::Digest;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::{Signer, Verifier as SignatureVerifier};

/// What every line of a signature begins with.
const SIGNATURE_START: &str = "\u{2014} ";
/// The kind of key and signature: Ed25519.
const ED25519: u8 = 1;
const PUBLIC_BYTES: usize = 32;
const ID_BYTES: usize = 4;

/// Who a signature is from: `NAME+ID+KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verifier {
    name: String,
    public: [u8; PUBLIC_BYTES],
}

/// Why a text names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VerifierError {
    /// It has another form.
    #[error("a verifier key is NAME+ID+KEY, as `broker-courier evidence-key` prints it")]
    Form,
    /// It was changed, or copied in part.
    #[error("the verifier key's name and id do not belong to its key: it was not copied whole")]
    Id,
    /// It is of a kind that is not known here.
    #[error("the verifier key is not one of Ed25519")]
    Kind,
}

/// Why a note is not what the one who is named has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoteError {
    /// It is no signed note.
    #[error("it is no signed note")]
    Form,
    /// Nobody known has signed it.
    #[error("it has no signature of this key")]
    Unsigned,
    /// The signature is not of this text.
    #[error("its signature is not of this text: it was changed")]
    Wrong,
    /// OpenSSL does not work.
    #[error("Ed25519 cannot be used here")]
    Library,
}

impl From<ErrorStack> for NoteError {
    fn from(_: ErrorStack) -> Self {
        Self::Library
    }
}

/// Whether a key may be called so.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl Verifier {
    pub(super) fn new(name: &str, public: [u8; PUBLIC_BYTES]) -> Self {
        Self {
            name: name.to_owned(),
            public,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The start of SHA-256(name ‖ line feed ‖ kind ‖ key).
    pub(super) fn id(&self) -> [u8; ID_BYTES] {
        let Digest(hash) = Digest::of(&[self.name.as_bytes(), b"\n", &[ED25519], &self.public]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The text of a note, if it is signed by this key.
    pub(crate) fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let (text, signatures) = split(note).ok_or(NoteError::Form)?;
        for line in signatures.lines() {
            let rest = line.strip_prefix(SIGNATURE_START).ok_or(NoteError::Form)?;
            let (name, signature) = rest.split_once(' ').ok_or(NoteError::Form)?;
            let signature = STANDARD.decode_to_vec(signature);
            let signature = signature.map_err(|_| NoteError::Form)?;
            let (id, signature) = signature
                .split_at_checked(ID_BYTES)
                .ok_or(NoteError::Form)?;
            if name != self.name || id != self.id() {
                continue;
            }
            let key = PKey::public_key_from_raw_bytes(&self.public, Id::ED25519)?;
            let mut verifier = SignatureVerifier::new_without_digest(&key)?;
            let holds = verifier.verify_oneshot(signature, text.as_bytes());
            return match holds {
                Ok(true) => Ok(text),
                Ok(false) | Err(_) => Err(NoteError::Wrong),
            };
        }
        Err(NoteError::Unsigned)
    }
}

/// A note's text, with its last line feed, and the lines that sign it.
pub(super) fn split(note: &str) -> Option<(&str, &str)> {
    let end = note.rfind("\n\n")?;
    let (text, signatures) = (note.get(..=end)?, note.get(end + 2..)?);
    (signatures.ends_with('\n') && !signatures.is_empty()).then_some((text, signatures))
}

/// The note of this text, which ends with a line feed, signed by this key.
pub(super) fn sign(
    text: &str,
    verifier: &Verifier,
    key: &PKey<Private>,
) -> Result<String, ErrorStack> {
    let mut signature = verifier.id().to_vec();
    signature.extend(Signer::new_without_digest(key)?.sign_oneshot_to_vec(text.as_bytes())?);
    let signature = STANDARD.encode_to_string(signature);
    let name = &verifier.name;
    Ok(format!("{text}\n{SIGNATURE_START}{name} {signature}\n"))
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = [&[ED25519], &self.public[..]].concat();
        write!(
            f,
            "{}+{id:08x}+{}",
            self.name,
            STANDARD.encode_to_string(key)
        )
    }
}

impl FromStr for Verifier {
    type Err = VerifierError;

    fn from_str(text: &str) -> Result<Self, VerifierError> {
        let (name, rest) = text.split_once('+').ok_or(VerifierError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(VerifierError::Form)?;
        let key = STANDARD.decode_to_vec(key);
        let key = key.map_err(|_| VerifierError::Form)?;
        let (kind, public) = key.split_first().ok_or(VerifierError::Form)?;
        if *kind != ED25519 {
            return Err(VerifierError::Kind);
        }
        let public = public.try_into().map_err(|_| VerifierError::Form)?;
        let verifier = Self::new(name, public);
        if !is_name(name) || format!("{:08x}", u32::from_be_bytes(verifier.id())) != id {
            return Err(VerifierError::Id);
        }
        Ok(verifier)
    }
}
