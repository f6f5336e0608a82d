//! Another courier whose configuration names our drop-box by mistake: what it puts there, and what our runs
//! make of it.
//!
//! What always holds: what it published is judged before a run writes its first byte. Deliberately absent:
//! what it does while a run of ours is under way; nobody can see that.

use courier_ledger::{
    Digest, LogId, PublishedSeen, Refused, Sequence, State, StatusDocument, StatusFound, Tip,
};

use super::Violation;
use super::drop_box::{File, Holds, Maker};
use super::partners::drop_box;
use super::world::World;

const OTHER_LOG: LogId = LogId([0xcc; 16]);

impl World {
    /// It publishes its `status.xml`, whatever stands there.
    pub(crate) fn other_courier(&mut self) {
        if self.run.is_some() {
            return;
        }
        let tip = Tip {
            log: OTHER_LOG,
            sequence: Sequence(7),
            hash: Digest([7; 32]),
        };
        let document = StatusDocument::project(&State::default(), tip);
        let holds = Holds::Ledger(document.as_bytes().to_vec());
        self.drop_box
            .place("status.xml", File::new(Maker::Foreign, holds));
        self.put_foreign(5);
    }

    /// Its configuration is put right, and what it had published goes.
    pub(crate) fn other_courier_goes(&mut self) {
        for drop_box in [&mut self.drop_box, &mut self.other_drop_box] {
            if drop_box.has_foreign("status.xml") {
                drop_box.files.remove("status.xml");
            }
        }
    }

    /// Judges what is published where a run would begin; none when it must not.
    pub(crate) fn sees_what_is_published(&mut self) -> Result<Option<PublishedSeen>, Violation> {
        let relations = &self.auditor.relations;
        let here = drop_box(self.configured.drop_box);
        let known = relations.known.as_ref();
        let is_known = known.is_none_or(|known| known.drop_box == here);
        let published = is_known && relations.published;
        let file = self.drop_box.files.get("status.xml");
        let tip = match file.map(|file| &file.holds) {
            Some(Holds::Ledger(document)) => StatusDocument::tip_of(document),
            _ => None,
        };
        let due = match tip {
            None if published => Ok(PublishedSeen::Missing),
            None => Ok(PublishedSeen::AsExpected),
            Some(tip) if tip.log == self.log => Ok(PublishedSeen::AsExpected),
            Some(tip) if Some(tip.log) == self.lost && !published => Ok(PublishedSeen::AsExpected),
            Some(tip) => Err(Refused::AnotherLedger {
                shown: tip.log,
                here: Some(self.log),
            }),
        };
        let found = tip.map_or(StatusFound::Nothing, StatusFound::Projection);
        if due.is_err() && tip.is_some_and(|tip| tip.log == OTHER_LOG) {
            self.met_courier.insert(relations.published);
        }
        self.judges_published(&found, &here, &self.state, due.clone())?;
        Ok(due.ok())
    }
}
