//! A bundle that the broker has built, and the link under which it can be fetched for 10 minutes.
//!
//! What always holds here: the link is a capability (whoever has it gets the results, without a
//! key), so it is kept as a secret and shown nowhere.

use std::fmt;

use courier_ledger::{Failure, RequestId};
use secrecy::SecretString;

use super::call::Call;
use super::client::Broker;
use super::problem::Problem;

/// A bundle on the broker.
#[derive(Clone)]
pub(super) struct Bundle {
    request: RequestId,
    pub(super) link: SecretString,
}

impl Bundle {
    /// The request whose results it holds.
    pub(super) fn request(&self) -> RequestId {
        self.request
    }
}

impl Broker {
    /// Has the bundle of a request built, which takes the broker as long as it takes: the limit is
    /// `export_timeout`. Each call leaves a file on the broker for 10 minutes.
    pub(super) async fn export(&self, request: RequestId) -> Result<Bundle, Failure> {
        let built = self.build_bundle(request).await;
        built.map_err(|problem| self.failure(Call::Export(request), &problem))
    }

    async fn build_bundle(&self, request: RequestId) -> Result<Bundle, Problem> {
        let call = Call::Export(request);
        let attempt = async || {
            let bytes = self.fetch(call).await?;
            link(bytes).ok_or(Problem::NotLink)
        };
        let link = self.repeat(call, attempt).await?;
        Ok(Bundle { request, link })
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// A UUID in its usual form (RFC 9562, section 4), and nothing around it: anything else must not
/// become part of a path.
fn link(bytes: Vec<u8>) -> Option<SecretString> {
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let text = String::from_utf8(bytes).ok()?;
    is_uuid.then(|| SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_a_link() {
        let uuid = b"24ad5297-fb90-45e4-b963-325a066c48ec";
        assert!(link(uuid.to_vec()).is_some());
        for wrong in [
            &b""[..],
            b"24ad5297-fb90-45e4-b963-325a066c48e",
            b"24ad5297-fb90-45e4-b963-325a066c48ec\n",
            b"24ad5297-fb90-45e4-b963-325a066c48e/",
            b"24ad5297fb90-45e4-b963-325a066c48ec-",
            b"../../../../../../../../../../etc/pa",
            b"\xff4ad5297-fb90-45e4-b963-325a066c48ec",
        ] {
            assert!(link(wrong.to_vec()).is_none());
        }
    }
}
