//! How long results waited, on the page.

use super::facts::{Facts, WaitFacts};
use super::markup::{Markup, Piece};
use super::pieces::{OPEN, count, figure, quantiles, shortened, span};
use super::plot::{Series, bars};
use super::words::Lang;

pub(super) fn waiting(page: &mut Markup, facts: &Facts, lang: Lang) {
    let waiting = &facts.waiting;
    page.section("waiting", lang.say("Waiting times", "Wartezeiten"));
    page.paragraph(lang.say(
        "From the newest completion of a hospital, as the broker tells it, to the delivery that brought it, \
         as this ledger recorded it. What was complete before the ledger began counts from its beginning.",
        "Vom jüngsten Abschluss eines Krankenhauses, wie der Broker ihn nennt, bis zu der Auslieferung, die \
         ihn brachte, wie dieses Journal sie aufgezeichnet hat. Was vor Beginn des Journals fertig war, zählt \
         ab dessen Beginn.",
    ));
    page.raw("<dl class=\"figures\">");
    quantiles(page, lang, &waiting.figures);
    let still = lang.say("Still waiting", "Wartet noch");
    figure(page, still, &count(lang, waiting.still));
    if let Some((limit, over)) = waiting.limit_micros.zip(waiting.over_limit) {
        let name = format!(
            "{} {}",
            lang.say("Longer than", "Länger als"),
            lang.span(limit)
        );
        figure(page, &name, &count(lang, over));
    }
    page.raw("</dl>\n");
    histogram(page, &waiting.waits, lang);
    let mut longest: Vec<&WaitFacts> = waiting.waits.iter().collect();
    longest.sort_by_key(|it| (std::cmp::Reverse(it.micros), it.wait.request));
    let all = longest.len();
    longest.truncate(OPEN);
    if !longest.is_empty() {
        page.fold(lang.say("The longest", "Die längsten"));
        waits_table(page, &longest, lang);
        shortened(page, all, longest.len(), lang);
        page.end_fold();
    }
    page.end_section();
}

fn waits_table(page: &mut Markup, waits: &[&WaitFacts], lang: Lang) {
    let heads = [
        lang.say("Request", "Anfrage"),
        lang.say("Completed", "Fertig"),
        lang.say("Delivered", "Ausgeliefert"),
        lang.say("Entry", "Eintrag"),
        lang.say("Waited", "Gewartet"),
    ];
    let rows = waits.iter().map(|it| {
        let wait = &it.wait;
        let delivered = wait.delivered;
        let time = match delivered {
            Some((_, time)) => Piece::Time(time, lang.time(time)),
            None => Piece::Text(lang.say("not yet", "noch nicht").to_owned()),
        };
        let cells = vec![
            Piece::Text(wait.request.to_string()),
            Piece::Time(wait.completed, lang.time(wait.completed)),
            time,
            delivered.map_or(Piece::Empty, |(event, _)| count(lang, event.0)),
            span(lang, Some(it.micros)),
        ];
        (None, cells)
    });
    page.table(lang.say("Waiting times", "Wartezeiten"), &heads, rows);
}

/// How many waited how long.
fn histogram(page: &mut Markup, waits: &[WaitFacts], lang: Lang) {
    const MINUTE: i64 = 60_000_000;
    let bounds = [5, 15, 60, 4 * 60, 24 * 60].map(|minutes| minutes * MINUTE);
    let mut counts = [0; 6];
    for wait in waits {
        let at = bounds.partition_point(|bound| *bound < wait.micros);
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let labels: Vec<String> = ["≤ 5 min", "≤ 15 min", "≤ 1 h", "≤ 4 h", "≤ 24 h", "> 24 h"]
        .map(str::to_owned)
        .into();
    let title = lang.say("How many waited how long", "Wie viele wie lange warteten");
    let desc = lang.say(
        "Bars: the number of waiting times in each class, those that still wait included.",
        "Balken: die Zahl der Wartezeiten in jeder Klasse, die noch wartenden eingeschlossen.",
    );
    let name = lang.say("Waiting times", "Wartezeiten");
    let values = counts.to_vec();
    let series = [Series {
        name,
        class: "s1",
        values,
    }];
    page.raw("<figure>")
        .raw(&bars(title, desc, &labels, &series))
        .raw("</figure>\n");
    page.fold(lang.say("The same as a table", "Dasselbe als Tabelle"));
    let rows = labels
        .iter()
        .zip(counts)
        .map(|(label, number)| (None, vec![Piece::Text(label.clone()), count(lang, number)]));
    page.table(title, &[lang.say("Class", "Klasse"), name], rows);
    page.end_fold();
}
