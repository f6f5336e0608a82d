//! What people decided, keys, drift, runs and remarks, on the page.

use super::facts::Facts;
use super::markup::{Markup, Piece};
use super::pieces::{SHOWN, count, shortened, span};
use super::words::Lang;

pub(super) fn decisions(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section(
        "decisions",
        lang.say("Decisions of people", "Entscheidungen von Menschen"),
    );
    page.paragraph(lang.say(
        "Names and reasons are what was typed; the ledger does not know who typed it.",
        "Namen und Gründe sind, was eingetippt wurde; wer es tippte, weiß das Journal nicht.",
    ));
    if facts.decisions.is_empty() {
        page.paragraph(lang.say("None in this period.", "Keine in diesem Zeitraum."));
    } else {
        let heads = [
            lang.say("When", "Wann"),
            lang.say("Entry", "Eintrag"),
            lang.say("Who", "Wer"),
            lang.say("What", "Was"),
            lang.say("Why", "Warum"),
        ];
        let rows = facts.decisions.iter().map(|it| {
            let cells = vec![
                Piece::Time(it.time, lang.time(it.time)),
                count(lang, it.event.0),
                Piece::Text(it.who.clone()),
                Piece::Text(lang.decided(&it.what)),
                Piece::Text(it.why.clone()),
            ];
            (None, cells)
        });
        page.table(lang.say("Decisions", "Entscheidungen"), &heads, rows);
    }
    bound(page, facts, lang);
    page.end_section();
}

/// The runs that were to do exactly what somebody had seen before.
fn bound(page: &mut Markup, facts: &Facts, lang: Lang) {
    let bound = facts.runs.iter();
    let bound: Vec<_> = bound.filter_map(|run| Some((run, run.bound_to?))).collect();
    let shown = bound.split_at(bound.len().saturating_sub(SHOWN)).1;
    if shown.is_empty() {
        return;
    }
    page.paragraph(lang.say(
        "These runs were bound to a plan that was saved before: they did exactly what stands in it, or nothing.",
        "Diese Läufe waren an einen vorher gesicherten Plan gebunden: Sie taten genau, was in ihm steht, oder \
         nichts.",
    ));
    let heads = [
        lang.say("Began", "Begonnen"),
        lang.say("Entry", "Eintrag"),
        lang.say("Digest of the plan", "Prüfsumme des Plans"),
        lang.say("Did", "Tat"),
    ];
    let rows = shown.iter().map(|(run, plan)| {
        let cells = vec![
            Piece::Time(run.started, lang.time(run.started)),
            count(lang, run.start.0),
            Piece::Text(plan.to_string()),
            run.counts
                .as_ref()
                .map_or(Piece::Empty, |it| Piece::Text(lang.counts(it))),
        ];
        (None, cells)
    });
    let title = lang.say(
        "Runs that were bound to a plan",
        "Läufe, an einen Plan gebunden",
    );
    page.table(title, &heads, rows);
    shortened(page, bound.len(), shown.len(), lang);
}

pub(super) fn keys(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("keys", lang.say("Keys", "Schlüssel"));
    let heads = [
        lang.say("Key", "Schlüssel"),
        lang.say("First run", "Erster Lauf"),
        lang.say("Last run", "Letzter Lauf"),
        lang.say("Deliveries", "Auslieferungen"),
        lang.say("Announced by", "Angekündigt von"),
    ];
    let rows = facts.keys.iter().map(|it| {
        let by = it.announced_by.clone();
        let cells = vec![
            Piece::Code(it.key.to_string()),
            Piece::Time(it.first_used, lang.time(it.first_used)),
            Piece::Time(it.last_used, lang.time(it.last_used)),
            count(lang, it.deliveries),
            by.map_or(Piece::Empty, Piece::Text),
        ];
        (None, cells)
    });
    page.table(lang.say("Keys", "Schlüssel"), &heads, rows)
        .end_section();
}

pub(super) fn drift(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("drift", lang.say("Drift", "Abweichungen"));
    page.paragraph(lang.say(
        "Delivered files that a later look did not find as they were delivered. Whether it looks is a setting \
         (REMOTE.CHECK).",
        "Ausgelieferte Dateien, die ein späterer Blick nicht so vorfand, wie sie ausgeliefert wurden. Ob \
         nachgesehen wird, ist eine Einstellung (REMOTE.CHECK).",
    ));
    let shown = facts
        .drift
        .split_at(facts.drift.len().saturating_sub(SHOWN))
        .1;
    if shown.is_empty() {
        page.paragraph(lang.say("None in this period.", "Keine in diesem Zeitraum."));
    } else {
        let heads = [
            lang.say("When", "Wann"),
            lang.say("Entry", "Eintrag"),
            lang.say("Request", "Anfrage"),
            lang.say("What", "Was"),
        ];
        let rows = shown.iter().map(|it| {
            let cells = vec![
                Piece::Time(it.time, lang.time(it.time)),
                count(lang, it.event.0),
                Piece::Text(it.request.to_string()),
                Piece::Text(lang.drift(it.drift)),
            ];
            (None, cells)
        });
        page.table(lang.say("Drift", "Abweichungen"), &heads, rows);
        shortened(page, facts.drift.len(), shown.len(), lang);
    }
    page.end_section();
}

pub(super) fn runs(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("runs", lang.say("Runs", "Läufe"));
    if let Some(usual) = facts.usual_interval_micros {
        page.raw("<p>").text(lang.say(
            "Usually one begins every ",
            "Gewöhnlich beginnt einer alle ",
        ));
        page.piece(&span(lang, Some(usual))).raw(".</p>\n");
    }
    let odd: Vec<_> = facts.runs.iter().filter(|run| !run.is_good()).collect();
    let older = odd.len().saturating_sub(SHOWN);
    let shown = odd.get(older..).unwrap_or_default();
    if shown.is_empty() {
        page.paragraph(lang.say("Every run was good.", "Jeder Lauf war gut."));
        page.end_section();
        return;
    }
    page.fold(lang.say("Runs that were not good", "Läufe, die nicht gut waren"));
    let heads = [
        lang.say("Began", "Begonnen"),
        lang.say("Entry", "Eintrag"),
        lang.say("Exit code", "Exit-Code"),
        lang.say("Did", "Tat"),
        lang.say("Failure", "Fehler"),
    ];
    let rows = shown.iter().map(|run| {
        let code = run.verdict.as_ref().map(|it| it.exit_code);
        let code = match (code, run.finished) {
            (Some(code), _) => Piece::Value(code.into(), code.to_string()),
            (None, None) => Piece::Text(lang.say("cut off", "abgebrochen").to_owned()),
            (None, Some(_)) => Piece::Empty,
        };
        let cells = vec![
            Piece::Time(run.started, lang.time(run.started)),
            count(lang, run.start.0),
            code,
            run.counts
                .as_ref()
                .map_or(Piece::Empty, |it| Piece::Text(lang.counts(it))),
            run.gravest()
                .map_or(Piece::Empty, |it| Piece::Text(lang.failure(it))),
        ];
        (None, cells)
    });
    page.table(lang.say("Runs", "Läufe"), &heads, rows);
    shortened(page, odd.len(), shown.len(), lang);
    page.end_fold().end_section();
}

pub(super) fn remarks(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("remarks", lang.say("Remarks", "Bemerkungen"));
    let shown = facts
        .remarks
        .split_at(facts.remarks.len().saturating_sub(SHOWN))
        .1;
    if shown.is_empty() {
        page.paragraph(lang.say("None in this period.", "Keine in diesem Zeitraum."));
    } else {
        let heads = [
            lang.say("When", "Wann"),
            lang.say("Entry", "Eintrag"),
            lang.say("What", "Was"),
        ];
        let rows = shown.iter().map(|it| {
            let cells = vec![
                Piece::Time(it.time, lang.time(it.time)),
                count(lang, it.event.0),
                Piece::Text(lang.remark(&it.what)),
            ];
            (None, cells)
        });
        page.table(lang.say("Remarks", "Bemerkungen"), &heads, rows);
        shortened(page, facts.remarks.len(), shown.len(), lang);
    }
    page.end_section();
}
