//! What became of requests that are no longer listed, as far as the same poll can prove it
//! (`docs/broker.md`): the whole list says whether they exist, their definition whether they still
//! have the tag.
//!
//! What always holds here: whatever cannot be read, is empty, or does not fit the list of tagged
//! requests, proves nothing, and then every disappearance is *unconfirmed*. None of it makes the
//! poll fail. Deliberately absent: whether anything is deleted; that is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{Evidence, RequestId};

use super::call::Call;
use super::client::Broker;
use super::request_list::RequestList;
use super::{concurrent, definition, request_list};

/// Why a whole list proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Doubt {
    #[error("it is empty")]
    Empty,
    #[error("it lacks request {0}, which is listed under the tag")]
    Lacks(RequestId),
    #[error("it shows another time of publication for request {0} than the list under the tag")]
    Differs(RequestId),
}

impl Broker {
    /// What is known about each of `missing`; `whole` is the list of all requests, if it proves
    /// anything.
    pub(crate) async fn evidence(
        &self,
        missing: &BTreeSet<RequestId>,
        whole: Option<&RequestList>,
    ) -> BTreeMap<RequestId, Evidence> {
        let Some(whole) = whole else {
            if !missing.is_empty() {
                tracing::warn!("nothing proves why requests are no longer listed");
            }
            return missing
                .iter()
                .map(|id| (*id, Evidence::Unconfirmed))
                .collect();
        };
        let (existing, absent): (Vec<RequestId>, Vec<RequestId>) =
            missing.iter().partition(|id| whole.contains_key(id));
        let look = async |id: &RequestId| self.untagged(*id).await;
        let evidence = concurrent::map(&existing, self.settings.concurrency, look).await;
        let deleted = absent.into_iter().map(|id| (id, Evidence::Deleted));
        existing.into_iter().zip(evidence).chain(deleted).collect()
    }

    /// The list of all requests; none when it proves nothing. `listed` is what the same poll found
    /// under the tag.
    pub(crate) async fn whole_list(&self, listed: &RequestList) -> Option<RequestList> {
        let whole = match self.ask(Call::WholeList, request_list::parse).await {
            Ok(whole) => whole,
            Err(problem) => {
                let failure = self.failure(Call::WholeList, &problem);
                tracing::warn!(%failure, "nothing proves which requests exist");
                return None;
            }
        };
        match doubt(&whole, listed) {
            None => Some(whole),
            // So it is at a broker that has no requests yet; who misses some hears of it.
            Some(Doubt::Empty) => None,
            Some(doubt @ (Doubt::Lacks(_) | Doubt::Differs(_))) => {
                tracing::warn!(%doubt, "the list of all requests proves nothing");
                None
            }
        }
    }

    async fn untagged(&self, id: RequestId) -> Evidence {
        let call = Call::Definition(id);
        let has_tag = self.ask(call, |bytes| definition::has_tag(bytes, &self.settings.tag));
        match has_tag.await {
            Ok(false) => Evidence::Untagged,
            Ok(true) => {
                tracing::warn!(request = %id, "it has the tag, and the broker does not list it");
                Evidence::Unconfirmed
            }
            Err(problem) => {
                let failure = self.failure(call, &problem);
                tracing::warn!(%failure, "nothing proves why the request is no longer listed");
                Evidence::Unconfirmed
            }
        }
    }
}

/// Two lists of one broker fit each other; from a wrong address, or from a broker that has just
/// been set up anew, they need not.
fn doubt(whole: &RequestList, listed: &RequestList) -> Option<Doubt> {
    if whole.is_empty() {
        return Some(Doubt::Empty);
    }
    listed
        .iter()
        .find_map(|(id, published)| match (published, whole.get(id)) {
            (_, None) => Some(Doubt::Lacks(*id)),
            (Some(then), Some(now)) if *now != Some(*then) => Some(Doubt::Differs(*id)),
            // A draft may have been published in between.
            _ => None,
        })
}
