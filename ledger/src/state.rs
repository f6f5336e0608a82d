//! State.
use crate::*;
/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State;
impl State {
    pub(crate) fn expected(&self) -> impl Iterator<Item = RequestId> {
        std::iter::empty()
    }
    pub(crate) fn shows(&self, _: RequestId, _: &Observation) -> bool {
        false
    }
    pub(crate) fn knows_gone(&self, _: Gone) -> bool {
        false
    }
}
