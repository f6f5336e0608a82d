//! C2SP signed-note: a text and lines that sign it, with Ed25519; by a log, or, with a time, by a witness
//! (<https://c2sp.org/signed-note>, <https://c2sp.org/tlog-cosignature>).
//!
//! What always holds here: a signature of an unknown key is passed over, a wrong one of the known key refuses
//! the note. Deliberately absent: what the text says.

use std::str::FromStr;

use base64_simd::STANDARD;
use courier_ledger::{Digest, Timestamp};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::{Signer, Verifier as SignatureVerifier};

/// What every line of a signature begins with.
const SIGNATURE_START: &str = "\u{2014} ";
const PUBLIC_BYTES: usize = 32;
const ID_BYTES: usize = 4;
const TIME_BYTES: usize = 8;

/// What a key makes; all are Ed25519's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Signatures of a text.
    Signature = 1,
    /// Cosignatures of a checkpoint, each with the time at which it was seen.
    Cosignature = 4,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Signature, Self::Cosignature]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Who a signature is from: `NAME+ID+KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verifier {
    name: String,
    kind: Kind,
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
            kind: Kind::Signature,
            public,
        }
    }

    /// Whether its owner cosigns what others signed.
    pub(crate) fn is_witness(&self) -> bool {
        self.kind == Kind::Cosignature
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The start of SHA-256(name ‖ line feed ‖ kind ‖ key).
    pub(super) fn id(&self) -> [u8; ID_BYTES] {
        let Digest(hash) = Digest::of(&[
            self.name.as_bytes(),
            b"\n",
            &[self.kind as u8],
            &self.public,
        ]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// What a line of signatures says, if it is this key's.
    fn signature(&self, line: &str) -> Result<Option<Vec<u8>>, NoteError> {
        let rest = line.strip_prefix(SIGNATURE_START).ok_or(NoteError::Form)?;
        let (name, signature) = rest.split_once(' ').ok_or(NoteError::Form)?;
        let signature = STANDARD.decode_to_vec(signature);
        let signature = signature.map_err(|_| NoteError::Form)?;
        let (id, signature) = signature
            .split_at_checked(ID_BYTES)
            .ok_or(NoteError::Form)?;
        Ok((name == self.name && id == self.id()).then(|| signature.to_vec()))
    }

    /// Whether a line of signatures is this key's.
    pub(super) fn has_signed(&self, line: &str) -> bool {
        matches!(self.signature(line), Ok(Some(_)))
    }

    /// The text of a note, if it is signed by this key.
    pub(crate) fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        self.opened(note).map(|(text, _)| text)
    }

    /// When this witness saw the note, as it says itself.
    pub(crate) fn seen(&self, note: &str) -> Result<Timestamp, NoteError> {
        self.opened(note)?.1.ok_or(NoteError::Unsigned)
    }

    fn opened<'n>(&self, note: &'n str) -> Result<(&'n str, Option<Timestamp>), NoteError> {
        let (text, lines) = split(note).ok_or(NoteError::Form)?;
        for line in lines.lines() {
            let Some(signature) = self.signature(line)? else {
                continue;
            };
            let (signature, message, seen) = match self.kind {
                Kind::Signature => (&signature[..], text.to_owned(), None),
                Kind::Cosignature => {
                    let (time, signature) = signature
                        .split_first_chunk::<TIME_BYTES>()
                        .ok_or(NoteError::Wrong)?;
                    let seconds = u64::from_be_bytes(*time);
                    let message = format!("cosignature/v1\ntime {seconds}\n{text}");
                    let micros = i64::try_from(seconds)
                        .ok()
                        .and_then(|it| it.checked_mul(1_000_000));
                    (
                        signature,
                        message,
                        Some(Timestamp(micros.ok_or(NoteError::Wrong)?)),
                    )
                }
            };
            let key = PKey::public_key_from_raw_bytes(&self.public, Id::ED25519)?;
            let mut verifier = SignatureVerifier::new_without_digest(&key)?;
            return match verifier.verify_oneshot(signature, message.as_bytes()) {
                Ok(true) => Ok((text, seen)),
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
        let key = [&[self.kind as u8], &self.public[..]].concat();
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
        let kind = Kind::of(*kind).ok_or(VerifierError::Kind)?;
        let public = public.try_into().map_err(|_| VerifierError::Form)?;
        let verifier = Self {
            kind,
            ..Self::new(name, public)
        };
        if !is_name(name) || format!("{:08x}", u32::from_be_bytes(verifier.id())) != id {
            return Err(VerifierError::Id);
        }
        Ok(verifier)
    }
}
