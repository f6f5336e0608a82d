//! What follows when faults stop: convergence, then rest.

use courier_ledger::{
    ChangeRule, Command, Digest, DraftRule, KeyChangeRule, Observation, ReappearanceRule,
    RemoteCheckRule, RemoteName, RequestId, Timestamp,
};

use super::auditor::Claim;
use super::broker::{Broker, Offer};
use super::drop_box::{Holds, Left, Maker};
use super::step::{Release, Step};
use super::world::{World, export, file_under};
use super::{Property, Violation};

impl World {
    /// Stops all faults and holds what follows against the properties 1 and 2.
    pub(crate) fn settle(&mut self) -> Result<(), Violation> {
        self.crash(&[])?;
        self.others_exist = true;
        self.other_courier_goes();
        self.make_room()?;
        self.whole_run(false)?;
        self.whole_run(true)?;
        self.drop_box_is_as_wanted()?;
        // Whoever says what another partner is has not seen yet what follows from that.
        let questions = if self.auditor.relations.exchanges().is_empty() {
            1
        } else {
            2
        };
        for _ in 0..questions {
            if self.state.held().is_some_and(|held| held.held.waits()) {
                let answers = [Release::Blocked, Release::Keeping];
                self.approve(answers[self.entries.len() % 2])?;
                self.make_room()?;
                self.whole_run(false)?;
                self.drop_box_is_as_wanted()?;
            }
        }
        let held = self.last_blocked.len();
        Property::Convergence.holds(held == 0, || {
            format!("{held} commands are blocked although a person released them")
        })?;
        self.one_more_run_does_nothing()
    }

    /// What was left behind is in the way where the ledger delivers again.
    fn make_room(&mut self) -> Result<(), Violation> {
        let published = self.sees_what_is_published()?;
        if published.is_none() {
            // That of a ledger that was lost long ago.
            self.drop_box.files.remove("status.xml");
        }
        let mut files = self.drop_box.files.values();
        let in_the_way = files.any(|file| file.left == Some(Left::Behind));
        if in_the_way && self.auditor.relations.exchanges().drop_box.is_none() {
            self.left_behind_gone()?;
            // What was known as taken, and came back, is listed nowhere.
            let files = &mut self.drop_box.files;
            files.retain(|_, file| file.left != Some(Left::Behind));
        }
        Ok(())
    }

    fn whole_run(&mut self, last_first: bool) -> Result<(), Violation> {
        self.take(&Step::Start)?;
        let lucks = Vec::new();
        let capacity = 3;
        self.take(&Step::Drain {
            lucks,
            last_first,
            capacity,
        })
    }

    /// Invariant 2: Idempotence: one more run does nothing.
    fn one_more_run_does_nothing(&mut self) -> Result<(), Violation> {
        let before = self.drop_box.files.clone();
        self.whole_run(false)?;
        let plan = self.decisions.last().map(|decision| decision.plan.clone());
        let plan = plan.unwrap_or_default();
        // What other people's files keep from its place is tried again by every run, or asked for again.
        let in_the_way = |command: &Command| {
            command.request().is_some() && self.drop_box.has_foreign(command.name().as_str())
        };
        for command in plan.changes() {
            Property::Idempotence.holds(in_the_way(command), || {
                format!("{command} although nothing has changed")
            })?;
        }
        for blocked in &plan.blocked {
            Property::Idempotence.holds(in_the_way(&blocked.command), || {
                format!("{:?} although nothing has changed", plan.blocked)
            })?;
        }
        let results = |name: &String| name != "status.xml";
        let same = before.iter().filter(|it| results(it.0)).eq(self
            .drop_box
            .files
            .iter()
            .filter(|it| results(it.0)));
        Property::Idempotence.holds(same, || "the drop-box has changed".to_owned())
    }

    /// Invariant 1: Convergence: after faults stop, at most 2 runs make the drop-box equal the broker's tagged
    /// results; what a guard blocks is excepted until a person has released it.
    fn drop_box_is_as_wanted(&self) -> Result<(), Violation> {
        if self.auditor.relations.exchanges().drop_box.is_some() {
            return Ok(());
        }
        self.nothing_of_a_lost_ledger_is_left()?;
        for (name, file) in &self.drop_box.files {
            // What was begun under its final name is wanted otherwise, or waits: `result_is_as_wanted`.
            let mut exports = (0..Broker::REQUESTS_MAX * 8).map(export);
            let left_over = file.holds == Holds::Part && exports.all(|export| export != *name);
            Property::Convergence.holds(!left_over, || format!("{name} is left over"))?;
        }
        let local = self.documents.last().map(|(_, bytes)| bytes.clone());
        let known = self.state.publication().map(|it| (it.through, it.sha256));
        let last = self.documents.last();
        let last = last.map(|(through, bytes)| (*through, Digest::of(&[bytes])));
        Property::Convergence.holds(known == last, || {
            "the last status.xml is not known as published".to_owned()
        })?;
        let published = self
            .drop_box
            .files
            .get("status.xml")
            .map(|it| it.holds.clone());
        Property::Convergence.holds(published == local.map(Holds::Ledger), || {
            "the published status.xml is not the last one".to_owned()
        })?;
        let last = Broker::REQUESTS_MAX * 8;
        for id in 0..last {
            let blocked = self
                .last_blocked
                .iter()
                .any(|blocked| blocked.command.request() == Some(RequestId(id)));
            let kept = self.auditor.relations.keeps(RequestId(id));
            if !blocked && !kept && !self.drop_box.has_foreign(&export(id)) {
                self.result_is_as_wanted(id)?;
            }
        }
        Ok(())
    }

    fn result_is_as_wanted(&self, id: u64) -> Result<(), Violation> {
        let name = export(id);
        let policy = &self.policy;
        let offer = self.broker.requests.get(&id).filter(|offer| offer.tagged);
        let file = file_under(&self.drop_box.files, &self.drop_box.taken, &name);
        let wanted = |met: bool, what: &str| {
            Property::Convergence.holds(met, || {
                format!("{name} {what}: {file:?} for {offer:?} under {policy:?}")
            })
        };
        let Some(offer) = offer else {
            return wanted(
                !self.drop_box.files.contains_key(&name),
                "is not wanted any more",
            );
        };
        if offer.published.is_none() && policy.drafts == DraftRule::Wait {
            return Ok(());
        }
        let there = self.drop_box.files.get(&name);
        let is_part = there.is_some_and(|file| file.holds == Holds::Part);
        wanted(!is_part, "is left over")?;
        let Some((file, completion)) = file else {
            return wanted(self.is_ignored(id, offer), "is missing");
        };
        // Only a look notices what others did to a file, and only of a size that was recorded. What the
        // recipient took is not looked at, even when somebody puts something in its place.
        // What was put back once is not put back again.
        let repaired = policy.remote_check == RemoteCheckRule::Repair
            && !self.auditor.repaired.contains(&RequestId(id));
        let taken = self.auditor.picked_up.contains(&RequestId(id));
        if !file.whole {
            let is_seen = matches!(file.maker, Maker::Ours(_)) && !taken;
            return wanted(!repaired || !is_seen, "is damaged");
        }
        let there = self.drop_box.files.contains_key(&name);
        wanted(there || taken || !repaired, "was taken unseen")?;
        let shown = offer.observation(id);
        let (content, key) = match &file.holds {
            Holds::Result(bundle) => (Some(&bundle.content), Some(bundle.key)),
            Holds::OldResult { adopted, key, .. } => adopted
                .as_ref()
                .map_or((None, *key), |(a, b)| (Some(a), Some(*b))),
            Holds::Ledger(_) | Holds::Part | Holds::Anything => (None, None),
        };
        match policy.change {
            ChangeRule::Fingerprint => {
                let newest = content == Some(&shown) || self.is_taken_for_another(id, &shown);
                wanted(newest, "is not the newest")?;
            }
            ChangeRule::Completion => {
                wanted(
                    completion == shown.completion().hundredths(),
                    "is not complete enough",
                )?;
            }
        }
        if policy.on_key_change == KeyChangeRule::Reupload && file.maker != Maker::Replaced {
            // Nobody knows the key of what was fetched before the ledger was lost.
            let known = self.auditor.delivered.get(&RequestId(id));
            let key = match file.maker {
                Maker::Lost { .. } => known.and_then(|it| it.key).or(Some(policy.key)),
                _ => key,
            };
            wanted(key == Some(policy.key), "is under an old key")?;
        }
        let claim = self.auditor.claims.get(&RemoteName::export(RequestId(id)));
        wanted(claim == Some(&Claim::Created), "is not known to be ours")
    }

    /// Whether a draft cannot be told from one that had its number before the database was recreated:
    /// neither had a time of publication when it was looked at, and the statuses are the same.
    fn is_taken_for_another(&self, id: u64, shown: &Observation) -> bool {
        let request = self.state.request(RequestId(id));
        let file = request.and_then(|request| request.remote.file());
        let known = file.and_then(|file| file.fingerprint);
        shown.published.is_none() && known == Some(shown.fingerprint())
    }

    /// Whether the rules say to leave a request alone that was withdrawn and is back.
    fn is_ignored(&self, id: u64, offer: &Offer) -> bool {
        let removed = self.auditor.removed.get(&RequestId(id));
        self.policy.reappeared == ReappearanceRule::Ignore
            && removed.is_some_and(|published| match published {
                None | Some(None) => true,
                Some(Some(known)) => offer.published.map(Timestamp) == Some(*known),
            })
    }
}
