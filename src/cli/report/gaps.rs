//! When not everything could be delivered, on the page.

use super::facts::{Facts, GapFacts};
use super::markup::{Markup, Piece};
use super::pieces::{OPEN, SHOWN, count, shortened, span};
use super::words::Lang;

pub(super) fn gaps(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("gaps", lang.say("Gaps", "Lücken"));
    page.paragraph(lang.say(
        "Stretches of time in which not everything could be delivered, and why. That a run did not take place \
         is concluded from how often one was to begin (RUN.EVERY_MINUTES), and where that was not recorded, from how \
         often one usually does; the ledger cannot tell a machine that was off from a \
         run that could not begin.",
        "Zeiten, in denen nicht alles ausgeliefert werden konnte, und warum. Dass ein Lauf nicht stattfand, ist \
         daraus geschlossen, wie oft einer beginnen sollte (RUN.EVERY_MINUTES), und wo das nicht aufgezeichnet ist, wie \
         oft sonst einer beginnt; ob der Rechner aus war oder ein Lauf nicht beginnen \
         konnte, sagt das Journal nicht.",
    ));
    let gaps = &facts.gaps;
    if gaps.is_empty() {
        page.paragraph(lang.say("None in this period.", "Keine in diesem Zeitraum."));
        page.end_section();
        return;
    }
    let older = gaps.len().saturating_sub(2 * OPEN);
    let (older, newest) = gaps.split_at(older);
    gaps_table(page, newest, facts, lang);
    if !older.is_empty() {
        page.fold(lang.say("Older ones", "Ältere"));
        let shown = older.split_at(older.len().saturating_sub(SHOWN)).1;
        gaps_table(page, shown, facts, lang);
        shortened(page, older.len(), shown.len(), lang);
        page.end_fold();
    }
    page.end_section();
}

fn gaps_table(page: &mut Markup, gaps: &[GapFacts], facts: &Facts, lang: Lang) {
    let heads = [
        lang.say("From", "Von"),
        lang.say("Until", "Bis"),
        lang.say("Lasted", "Dauer"),
        lang.say("Cause", "Ursache"),
        lang.say("Waiting results", "Wartende Ergebnisse"),
        lang.say("Entry", "Eintrag"),
    ];
    let rows = gaps.iter().map(|it| {
        let gap = &it.gap;
        let until = match gap.until {
            Some(time) => Piece::Time(time, lang.time(time)),
            None => Piece::Text(lang.say("lasts", "dauert an").to_owned()),
        };
        let end = gap.until.unwrap_or(facts.period.to);
        let cells = vec![
            Piece::Time(gap.from, lang.time(gap.from)),
            until,
            span(lang, Some(end.0.saturating_sub(gap.from.0))),
            Piece::Text(lang.cause(&gap.cause)),
            count(lang, it.waiting),
            count(lang, gap.event.0),
        ];
        (None, cells)
    });
    page.table(lang.say("Gaps", "Lücken"), &heads, rows);
}
