//! What every state of an upload knows: the order, which never changes, and the first failure.

use courier_ledger::{Failure, FailureClass, Phase, RemoteName, Replaces};

use super::super::answer::Said;
use super::super::recipe::{Placing, Recipe};

/// What is to be uploaded, and how.
pub(crate) struct Order {
    /// The path of the temporary name.
    pub(crate) temporary: String,
    /// The path of the final name.
    pub(crate) target: String,
    /// The final name: what messages call the file.
    pub(crate) name: RemoteName,
    /// What may stand under the final name.
    pub(crate) replaces: Replaces,
    /// How it comes there.
    pub(crate) recipe: Recipe,
}

impl Order {
    /// The path that the bytes are written to.
    pub(super) fn written(&self) -> &str {
        match self.recipe.placing {
            Placing::Rename => &self.temporary,
            Placing::Direct => &self.target,
        }
    }

    /// Whether the old version is written over, and so may be gone from the first request on.
    pub(super) fn writes_over(&self) -> bool {
        self.recipe.placing == Placing::Direct && self.replaces == Replaces::Own
    }
}

/// An order, and what went wrong with it.
pub(super) struct Task {
    pub(super) order: Order,
    /// Why it is to be given up, as soon as everything that was asked is answered.
    pub(super) failure: Option<Failure>,
}

impl Task {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            failure: None,
        }
    }

    /// The first failure counts; what follows from it is not another one.
    pub(super) fn fail(&mut self, phase: Phase, class: FailureClass, text: String) {
        self.failure.get_or_insert(Failure { phase, class, text });
    }

    pub(super) fn source_failed(&mut self, error: &std::io::Error) {
        let text = format!("the bytes of {} cannot be had: {error}", self.order.name);
        self.fail(Phase::Spool, FailureClass::Transient, text);
    }

    /// Takes the answer to a WRITE.
    pub(super) fn written(&mut self, said: Said<()>) {
        if let Err(status) = said {
            if status.code.is_full() {
                // The same of every file, so that it is told once.
                let text = format!("the drop-box is full, or over its quota: {status}");
                self.failure.get_or_insert(Failure::no_room(text));
                return;
            }
            let name = &self.order.name;
            let text = format!(
                "the server does not take the bytes of {name}: {status}; its disk or quota may be full"
            );
            // Of a file as a whole nothing is permanent but that there is no room.
            let class = match status.code.class() {
                FailureClass::Permanent => FailureClass::Transient,
                class => class,
            };
            self.fail(Phase::Write, class, text);
        }
    }

    /// A verification found something else than what was sent.
    pub(super) fn differs(&mut self, text: String) {
        self.fail(Phase::Confirm, FailureClass::Transient, text);
    }

    /// Somebody else's file stands under the final name.
    pub(super) fn occupied(&mut self) {
        let text = format!(
            "a file that this ledger did not create stands under the name {} at the drop-box and \
             is left alone: move it away there, then run again",
            self.order.name
        );
        self.fail(Phase::Place, FailureClass::NeedsPerson, text);
    }
}
