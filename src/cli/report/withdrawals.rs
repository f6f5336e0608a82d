//! How long withdrawn results stayed, on the page.

use super::facts::{Facts, WithdrawalFacts};
use super::markup::{Markup, Piece};
use super::pieces::{OPEN, SHOWN, count, figure, quantiles, shortened, span};
use super::words::Lang;

pub(super) fn withdrawals(page: &mut Markup, facts: &Facts, lang: Lang) {
    let withdrawal = &facts.withdrawal;
    page.section("withdrawals", lang.say("Withdrawals", "Zurückziehungen"));
    page.paragraph(lang.say(
        "The broker does not tell when a request was deleted there. It was after the poll that last listed it: \
         from then to the deletion of its result is the most that it took, which the figures are about.",
        "Der Broker nennt nicht, wann eine Anfrage dort gelöscht wurde. Es war nach der Abfrage, die sie zuletzt \
         nannte: Von da bis zur Löschung ihres Ergebnisses ist das Höchste, was es gedauert haben kann; davon \
         handeln die Zahlen.",
    ));
    page.raw("<dl class=\"figures\">");
    quantiles(page, lang, &withdrawal.figures);
    let still = lang.say("Not deleted yet", "Noch nicht gelöscht");
    figure(page, still, &count(lang, withdrawal.still));
    page.raw("</dl>\n");
    let mut all: Vec<&WithdrawalFacts> = withdrawal.withdrawals.iter().collect();
    all.sort_by_key(|it| {
        (
            std::cmp::Reverse(it.withdrawal.missed),
            it.withdrawal.request,
        )
    });
    let count_of_all = all.len();
    all.truncate(SHOWN);
    let (open, folded) = all.split_at(OPEN.min(all.len()));
    if !open.is_empty() {
        withdrawals_table(page, open, lang);
    }
    if !folded.is_empty() {
        page.fold(lang.say("Older ones", "Ältere"));
        withdrawals_table(page, folded, lang);
        page.end_fold();
    }
    shortened(page, count_of_all, all.len(), lang);
    page.end_section();
}

fn withdrawals_table(page: &mut Markup, withdrawals: &[&WithdrawalFacts], lang: Lang) {
    let heads = [
        lang.say("Request", "Anfrage"),
        lang.say("Last seen listed", "Zuletzt gelistet"),
        lang.say("First missed", "Zuerst vermisst"),
        lang.say("Evidence", "Beleg"),
        lang.say("Deleted", "Gelöscht"),
        lang.say("At least", "Mindestens"),
        lang.say("At most", "Höchstens"),
    ];
    let rows = withdrawals.iter().map(|it| {
        let known = &it.withdrawal;
        let time = |time| Piece::Time(time, lang.time(time));
        let deleted = match known.deleted {
            Some((_, at)) => time(at),
            None => Piece::Text(lang.say("not yet", "noch nicht").to_owned()),
        };
        let cells = vec![
            Piece::Text(known.request.to_string()),
            known.last_listed.map_or(Piece::Empty, time),
            time(known.missed),
            Piece::Text(lang.evidence(known.evidence).to_owned()),
            deleted,
            span(lang, it.at_least_micros),
            span(lang, it.at_most_micros),
        ];
        (None, cells)
    });
    page.table(lang.say("Withdrawals", "Zurückziehungen"), &heads, rows);
}
