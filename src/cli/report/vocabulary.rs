//! What the ledger has a word for, in the languages of a report.
//!
//! Deliberately absent: translations of what others wrote, failures of servers among it: that is quoted.

use courier_ledger::account::{Cause, Decided, Placed, Remarkable};
use courier_ledger::{
    BrokerChange, Drift, DropBoxChange, Evidence, Failure, PublishedSeen, RunCounts,
};

use super::facts::{AtBroker, AtDropBox};
use super::words::Lang;

impl Lang {
    pub(super) fn listed(self, listed: AtBroker) -> &'static str {
        match listed {
            AtBroker::Imported => self.say("taken over", "übernommen"),
            AtBroker::Listed => self.say("listed", "gelistet"),
            AtBroker::Unreadable => self.say("listed, not readable", "gelistet, nicht lesbar"),
            AtBroker::Deleted => self.say("deleted", "gelöscht"),
            AtBroker::Untagged => self.say("tag taken away", "Tag entzogen"),
            AtBroker::Missing => self.say("gone, unproven", "verschwunden, unbewiesen"),
        }
    }

    pub(super) fn at_drop_box(self, file: AtDropBox) -> &'static str {
        match file {
            AtDropBox::Nothing => self.say("nothing", "nichts"),
            AtDropBox::Stored => self.say("delivered", "ausgeliefert"),
            AtDropBox::PickedUp => self.say("picked up", "abgeholt"),
            AtDropBox::Uncertain => self.say("in doubt", "ungewiss"),
            AtDropBox::Withdrawn => self.say("withdrawn", "zurückgezogen"),
        }
    }

    pub(super) fn placed(self, placed: Placed) -> &'static str {
        match placed {
            Placed::InPlace => self.say("in place", "abgelegt"),
            Placed::PickedUp => self.say("picked up at once", "sofort abgeholt"),
        }
    }

    pub(super) fn evidence(self, evidence: Evidence) -> &'static str {
        match evidence {
            Evidence::Deleted => self.say("the request was deleted", "Anfrage wurde gelöscht"),
            Evidence::Untagged => {
                self.say("the request lost its tag", "Anfrage hat den Tag nicht mehr")
            }
            Evidence::Unconfirmed => self.say(
                "no longer listed, nothing proves why",
                "nicht mehr gelistet, Grund unbewiesen",
            ),
        }
    }

    /// A failure: where it happened is the ledger's word, the rest is quoted.
    pub(super) fn failure(self, failure: &Failure) -> String {
        format!("{}: “{}”", failure.phase, failure.text)
    }

    pub(super) fn cause(self, cause: &Cause) -> String {
        match cause {
            Cause::Failed {
                runs,
                exit_code,
                failure,
            } => {
                let code = match exit_code {
                    Some(code) => format!(" ({} {code})", self.say("exit code", "Exit-Code")),
                    None => String::new(),
                };
                let failure = failure.as_ref().map(|it| format!("; {}", self.failure(it)));
                format!(
                    "{}: {runs}{code}{}",
                    self.say("runs that failed", "fehlgeschlagene Läufe"),
                    failure.unwrap_or_default()
                )
            }
            Cause::CutOff { runs } => format!(
                "{}: {runs}",
                self.say(
                    "runs that were cut off, or one is under way",
                    "abgebrochene Läufe, oder ein Lauf ist im Gange"
                )
            ),
            Cause::NoRun {
                usual_interval_micros,
            } => format!(
                "{} {}",
                self.say(
                    "no run took place; usually one begins every",
                    "kein Lauf fand statt; sonst beginnt einer alle"
                ),
                self.span(*usual_interval_micros)
            ),
            Cause::RunMissed { every_minutes } => format!(
                "{} {}",
                self.say(
                    "no run took place; one was to begin every",
                    "kein Lauf fand statt; vorgesehen war einer alle"
                ),
                self.span(i64::from(*every_minutes) * 60_000_000)
            ),
            Cause::Held { commands, partners } => {
                let partners = match partners {
                    true => self.say("; other partners", "; andere Partner"),
                    false => "",
                };
                format!(
                    "{}: {commands}{partners}",
                    self.say(
                        "a person had to decide, held back",
                        "ein Mensch musste entscheiden, zurückgehalten"
                    )
                )
            }
        }
    }

    pub(super) fn decided(self, decided: &Decided) -> String {
        match decided {
            Decided::Released {
                plan,
                broker,
                drop_box,
                commands,
                ..
            } => {
                let plan = plan.to_string();
                let mut told = format!(
                    "{} {}: ",
                    self.say("released", "freigegeben"),
                    plan.get(..12).unwrap_or(&plan)
                );
                if commands.is_empty() && broker.is_none() && drop_box.is_none() {
                    told.push_str(self.say("what had been held back", "was zurückgehalten war"));
                }
                let commands = commands.iter().map(|it| it.command.to_string());
                let mut parts: Vec<String> = commands.collect();
                parts.extend(broker.map(|it| self.broker(it).to_owned()));
                parts.extend(drop_box.map(|it| self.drop_box(it).to_owned()));
                told.push_str(&parts.join("; "));
                told
            }
            Decided::KeyAnnounced { key } => {
                format!(
                    "{} {key}",
                    self.say("announced the key", "kündigte den Schlüssel an:")
                )
            }
            Decided::LeftBehindGone { drop_box } => format!(
                "{} {drop_box}",
                self.say(
                    "said that nothing is left at",
                    "erklärte: nichts mehr vorhanden in"
                )
            ),
            Decided::LedgerTakenOver { holder, epoch } => format!(
                "{} {holder} ({} {epoch})",
                self.say("took the ledger from", "übernahm das Journal von"),
                self.say("epoch", "Epoche")
            ),
            Decided::Recovered {
                lost,
                sequence,
                adopted,
                missing,
            } => {
                let (files, lacking) = (
                    self.say("files adopted", "Dateien übernommen"),
                    self.say("missing", "fehlend"),
                );
                format!(
                    "{} {lost} (#{sequence}): {adopted} {files}, {missing} {lacking}",
                    self.say("began anew from the ledger", "begann neu aus dem Journal")
                )
            }
        }
    }

    fn broker(self, change: BrokerChange) -> &'static str {
        match change {
            BrokerChange::Same => self.say("the same broker", "derselbe Broker"),
            BrokerChange::Withdraw => self.say(
                "another broker, what the old one asked for is withdrawn",
                "anderer Broker, das für den alten Gelieferte wird zurückgezogen",
            ),
            BrokerChange::Keep => self.say(
                "another broker, what the old one asked for stays",
                "anderer Broker, das für den alten Gelieferte bleibt",
            ),
        }
    }

    fn drop_box(self, change: DropBoxChange) -> &'static str {
        match change {
            DropBoxChange::Same => self.say("the same drop-box", "dieselbe Ablage"),
            DropBoxChange::Another => self.say("another drop-box", "andere Ablage"),
        }
    }

    pub(super) fn drift(self, drift: Option<Drift>) -> String {
        match drift {
            None => self
                .say("again as delivered", "wieder wie ausgeliefert")
                .to_owned(),
            Some(Drift::Missing) => self
                .say("no longer there", "nicht mehr vorhanden")
                .to_owned(),
            Some(Drift::Resized { size_bytes }) => format!(
                "{} {}",
                self.say("has another size:", "hat eine andere Größe:"),
                self.size(size_bytes)
            ),
        }
    }

    pub(super) fn remark(self, what: &Remarkable) -> String {
        match what {
            Remarkable::TakenOver { entries } => format!(
                "{}: {entries}",
                self.say(
                    "requests taken over from the replaced program",
                    "vom abgelösten Programm übernommene Anfragen"
                )
            ),
            Remarkable::TailRecovered { size_bytes } => format!(
                "{}: {size_bytes} B",
                self.say(
                    "a torn end of the ledger, which a crash had left, was cut off and kept",
                    "ein abgerissenes Ende des Journals nach einem Absturz wurde abgetrennt und aufbewahrt"
                )
            ),
            Remarkable::ClockDiffers(difference) => format!(
                "{}: {} / {}",
                self.say("two clocks did not agree", "zwei Uhren gingen verschieden"),
                self.time(difference.ours),
                self.time(difference.theirs)
            ),
            Remarkable::PublishedSeen { seen } => match seen {
                PublishedSeen::AsExpected => self
                    .say(
                        "status.xml at the drop-box was again as expected",
                        "status.xml in der Ablage war wieder wie erwartet",
                    )
                    .to_owned(),
                PublishedSeen::Missing => self
                    .say(
                        "status.xml was missing at the drop-box",
                        "status.xml fehlte in der Ablage",
                    )
                    .to_owned(),
                PublishedSeen::Unreadable(failure) => format!(
                    "{}: {}",
                    self.say(
                        "status.xml at the drop-box could not be read",
                        "status.xml in der Ablage war nicht lesbar"
                    ),
                    self.failure(failure)
                ),
                PublishedSeen::Unusable => self
                    .say(
                        "status.xml at the drop-box was damaged or somebody else's",
                        "status.xml in der Ablage war beschädigt oder fremd",
                    )
                    .to_owned(),
            },
            Remarkable::NotLookedAt { failure } => format!(
                "{}: {}",
                self.say(
                    "the drop-box could not be looked at",
                    "die Ablage konnte nicht eingesehen werden"
                ),
                self.failure(failure)
            ),
        }
    }

    /// What a run did.
    pub(super) fn counts(self, counts: &RunCounts) -> String {
        let RunCounts {
            uploaded,
            deleted,
            failed,
            blocked,
            unreadable,
            unchanged: _,
        } = counts;
        let named = [
            (uploaded, self.say("delivered", "ausgeliefert")),
            (deleted, self.say("withdrawn", "zurückgezogen")),
            (failed, self.say("failed", "fehlgeschlagen")),
            (blocked, self.say("held back", "zurückgehalten")),
            (unreadable, self.say("not readable", "nicht lesbar")),
        ];
        let named = named.iter().filter(|(count, _)| **count > 0);
        let named: Vec<_> = named
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        match named.is_empty() {
            true => "–".to_owned(),
            false => named.join(", "),
        }
    }
}
