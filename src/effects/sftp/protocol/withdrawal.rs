//! The removal of a file and a look behind it, on their way together. Performs no I/O.
//!
//! What always holds: what the look still shows is looked at once more after the removal was answered, as a
//! server that works out of order may have looked first. Deliberately absent: what follows from both.

use super::answer::{Answer, Said, Sighted};
use super::outbox::Requests;
use super::sighting::{Question, Sight, Sighting};
use crate::effects::sftp::wire::request::Request;

/// A removal under way, or what came of it.
pub(crate) struct Withdrawal<Q> {
    path: String,
    said: Option<Said<()>>,
    sighting: Sighting<Q>,
    when: When,
}

/// When the look was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Right behind the removal.
    Behind,
    /// When that was answered.
    Answered,
}

impl<Q: Question> Withdrawal<Q> {
    /// Asks for the removal of `path`, and looks behind it; `answer` is what is made of what the server says.
    pub(crate) fn begin(
        path: &str,
        answer: fn(Said<()>) -> Answer,
        out: &mut Requests<'_>,
    ) -> Self {
        out.act(Request::Remove { path }, answer);
        Self {
            path: path.to_owned(),
            said: None,
            sighting: Sighting::begin(path, out),
            when: When::Behind,
        }
    }

    /// Takes what the server says of the removal.
    pub(crate) fn said(&mut self, said: Said<()>, out: &mut Requests<'_>) {
        self.said = Some(said);
        self.look_again(out);
    }

    /// Takes an answer to the look.
    pub(crate) fn sighted(&mut self, sighted: Sighted, out: &mut Requests<'_>) {
        self.sighting.answer(sighted, out);
        self.look_again(out);
    }

    /// What was said and what was seen, once both are known.
    pub(crate) fn end(&self) -> Option<(&Said<()>, &Sight)> {
        self.said.as_ref().zip(self.sighting.sight())
    }

    fn look_again(&mut self, out: &mut Requests<'_>) {
        let is_there = matches!(self.end(), Some((_, Sight::Present(_))));
        if is_there && self.when == When::Behind {
            self.sighting = Sighting::begin(&self.path, out);
            self.when = When::Answered;
        }
    }
}
