//! RFC 3161: what a time-stamping authority is asked for, and what its answer must hold before it is kept.
//!
//! What always holds here: an answer is kept as it came, and only if it was granted and speaks of this document
//! and of this request. Deliberately absent: the authority's signature; whoever relies on the time checks it with
//! `openssl ts -verify`, against an authority of his own choice.

use courier_ledger::Digest;

/// What an authority is sent and what it sends (RFC 3161, section 3.4).
pub(crate) const QUERY_TYPE: &str = "application/timestamp-query";
/// The type of the answer.
pub(crate) const REPLY_TYPE: &str = "application/timestamp-reply";

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// The number of SHA-256 (2.16.840.1.101.3.4.2.1), without parameters that say anything.
const SHA_256: [u8; 15] = [
    SEQUENCE, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
];
/// The authority's certificates are to come with the answer.
const WITH_CERTIFICATES: [u8; 3] = [0x01, 0x01, 0xff];
const VERSION_1: [u8; 3] = [INTEGER, 1, 1];
const NONCE_BYTES: usize = 8;

/// What one authority is asked about one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    imprint: Digest,
    nonce: [u8; NONCE_BYTES],
}

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplyError {
    /// It is none of RFC 3161.
    #[error("it is no answer of RFC 3161")]
    Form,
    /// The authority says no.
    #[error("the authority did not grant it (status {0})")]
    Refused(u8),
    /// It is of something else.
    #[error("it is not of this checkpoint and this question")]
    Another,
}

impl Query {
    /// Asks about this document; the nonce tells this question's answer from that of any other.
    pub(crate) fn about(document: &[u8], nonce: [u8; NONCE_BYTES]) -> Self {
        let [first, rest @ ..] = nonce;
        let [a, b, c, d, e, f, g] = rest;
        Self {
            imprint: Digest::of(&[document]),
            // A positive number with no byte to spare, so that there is one way to write it.
            nonce: [first & 0x3f | 0x40, a, b, c, d, e, f, g],
        }
    }

    /// The question in DER (RFC 3161, section 2.4.1): 69 bytes.
    pub(crate) fn to_der(self) -> Vec<u8> {
        let body = [
            &VERSION_1[..],
            &element(SEQUENCE, &[&SHA_256[..], &self.imprint_der()].concat()),
            &self.nonce_der(),
            &WITH_CERTIFICATES,
        ];
        element(SEQUENCE, &body.concat())
    }

    fn imprint_der(self) -> Vec<u8> {
        element(OCTET_STRING, &self.imprint.0)
    }

    fn nonce_der(self) -> Vec<u8> {
        element(INTEGER, &self.nonce)
    }

    /// Whether this answer is one to keep (RFC 3161, section 2.4.2).
    pub(crate) fn judge(self, reply: &[u8]) -> Result<(), ReplyError> {
        let (reply, behind) = take(SEQUENCE, reply).ok_or(ReplyError::Form)?;
        let (status, token) = take(SEQUENCE, reply).ok_or(ReplyError::Form)?;
        match take(INTEGER, status).ok_or(ReplyError::Form)?.0 {
            // Granted, with or without modifications.
            [0 | 1] => {}
            [refused] => return Err(ReplyError::Refused(*refused)),
            _ => return Err(ReplyError::Form),
        }
        if !behind.is_empty() || take(SEQUENCE, token).is_none_or(|(_, rest)| !rest.is_empty()) {
            return Err(ReplyError::Form);
        }
        let holds = |part: &[u8]| token.windows(part.len()).any(|window| window == part);
        match holds(&self.imprint_der()) && holds(&self.nonce_der()) {
            true => Ok(()),
            false => Err(ReplyError::Another),
        }
    }
}

/// An element of fewer than 128 bytes, as all of a question are.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[tag, length], content].concat()
}

/// The content of an element at the start of DER, and what is behind it.
fn take(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let number = bytes
                .iter()
                .fold(0, |number, byte| number << 8 | usize::from(*byte));
            (number, rest)
        }
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(length)?;
    (found == tag).then_some((content, behind))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    const NONCE: [u8; 8] = [0xff, 0, 1, 2, 3, 4, 5, 6];

    /// An answer as an authority sends it, around a token that holds what it is of.
    fn reply(status: u8, query: Query) -> Vec<u8> {
        let token = element(SEQUENCE, &[query.imprint_der(), query.nonce_der()].concat());
        let status = element(SEQUENCE, &element(INTEGER, &[status]));
        element(SEQUENCE, &[status, token].concat())
    }

    #[test]
    fn a_question_has_the_bytes_that_openssl_writes() {
        let query = Query::about(b"document", NONCE).to_der();
        assert_eq!(query.len(), 69);
        assert_eq!(query[..8], [0x30, 67, 2, 1, 1, 0x30, 49, 0x30]);
        assert_eq!(query[56..58], [INTEGER, 8]);
        assert_eq!(query[58], 0x7f);
        assert_eq!(query[66..], WITH_CERTIFICATES);
    }

    #[test]
    fn an_answer_must_be_granted_and_be_of_this_question() {
        let query = Query::about(b"document", NONCE);
        assert_eq!(query.judge(&reply(0, query)), Ok(()));
        assert_eq!(query.judge(&reply(1, query)), Ok(()));
        assert_eq!(query.judge(&reply(2, query)), Err(ReplyError::Refused(2)));
        for other in [
            Query::about(b"another", NONCE),
            Query::about(b"document", [1; 8]),
        ] {
            assert_eq!(query.judge(&reply(0, other)), Err(ReplyError::Another));
        }
        let whole = reply(0, query);
        for length in 0..whole.len() {
            assert_eq!(query.judge(&whole[..length]), Err(ReplyError::Form));
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(query.judge(&longer), Err(ReplyError::Form));
    }

    #[test]
    fn lengths_beyond_a_byte_are_read() {
        let long = [&[SEQUENCE, 0x82, 1, 0][..], &[7; 256]].concat();
        assert_eq!(take(SEQUENCE, &long), Some((&[7; 256][..], &[][..])));
        assert_eq!(take(SEQUENCE, &[SEQUENCE, 0x80]), None);
        assert_eq!(take(SEQUENCE, &[SEQUENCE, 0x84, 255, 255, 255, 255]), None);
    }
}
