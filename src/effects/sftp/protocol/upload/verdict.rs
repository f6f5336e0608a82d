//! What became of a file that was to be put in place: judged by what was answered and by what was seen
//! under both names before and afterwards. One table; nothing here asks anything.
//!
//! What always holds: what a look saw goes before what was answered. Deliberately absent: what follows
//! from a verdict.

use super::super::answer::Said;
use super::super::recipe::Verification;
use super::super::sighting::Sight;
use super::names::{Before, Seen};
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::status::Status;

/// What became of a file that was to be put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stands under its final name.
    InPlace,
    /// It stood there, and the recipient took it.
    PickedUp,
    /// The server does not put it there.
    Refused(Status),
    /// The server says that it has, and has not.
    NotDone,
    /// Something took it away before, under the temporary name.
    TakenBefore(Status),
    /// It cannot be known.
    InDoubt(Doubt),
}

/// Why it cannot be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// What stands there has another size.
    OtherSize(u64),
    /// It stands under both names.
    Twice,
    /// The server says that it refused, the temporary name is gone, and what stands under the final
    /// one may be the old version.
    Refused(Status),
}

/// The verdict.
pub(super) fn judge(
    said: &Said<()>,
    before: &Before,
    seen: Seen<'_>,
    size_bytes: u64,
    verification: Verification,
) -> Verdict {
    let other_size = |it: &Attributes| {
        let told = it.size_bytes.filter(|size| *size != size_bytes);
        told.filter(|_| verification != Verification::Nothing)
    };
    let is_new = |it: &Attributes| {
        let target = before.target.as_ref();
        other_size(it).is_none() && target.is_some_and(|before| before.is_other_than(*it))
    };
    let was_taken_before = |status: &Status| {
        status.code.is_absent() || matches!(before.temporary, Some(Sight::Absent))
    };
    match (said, seen.temporary, seen.target) {
        (Ok(()), Sight::Present(_), _) => Verdict::NotDone,
        (Ok(()), Sight::Absent | Sight::Unseen(_), Sight::Present(it)) => match other_size(it) {
            Some(size) => Verdict::InDoubt(Doubt::OtherSize(size)),
            None => Verdict::InPlace,
        },
        (Ok(()), Sight::Absent | Sight::Unseen(_), Sight::Absent) => Verdict::PickedUp,
        (Ok(()), Sight::Absent | Sight::Unseen(_), Sight::Unseen(_)) => Verdict::InPlace,
        (Err(_), Sight::Present(_) | Sight::Unseen(_), Sight::Present(it)) if is_new(it) => {
            Verdict::InDoubt(Doubt::Twice)
        }
        (Err(status), Sight::Present(_) | Sight::Unseen(_), _) => Verdict::Refused(status.clone()),
        (Err(_), Sight::Absent, Sight::Present(it)) if is_new(it) => Verdict::InPlace,
        (Err(status), Sight::Absent, _) if was_taken_before(status) => {
            Verdict::TakenBefore(status.clone())
        }
        (Err(_), Sight::Absent, Sight::Absent) => Verdict::PickedUp,
        (Err(status), Sight::Absent, Sight::Present(_) | Sight::Unseen(_)) => {
            Verdict::InDoubt(Doubt::Refused(status.clone()))
        }
    }
}
