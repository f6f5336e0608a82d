//! The page: one file that needs nothing else, for screen and paper.
//!
//! What always holds here: every number in it is one of [`Facts`]. Deliberately absent: scripts, anything
//! that is fetched, and when it was made.

use super::days::{Day, grouped};
use super::facts::{Facts, GapFacts, WaitFacts, WithdrawalFacts};
use super::figures::Figures;
use super::markup::{Markup, Piece};
use super::plot::{Series, bars};
use super::requests;
use super::words::Lang;

/// So many bars a drawing has at most.
const BARS: usize = 40;
/// So many rows of a long list stand open.
const OPEN: usize = 25;
/// So many rows of a list that is told in full elsewhere are shown.
const SHOWN: usize = 500;

const STYLE: &str = include_str!("style.css");
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Draws the page.
pub(super) fn page(facts: &Facts, lang: Lang) -> String {
    let mut page = Markup::default();
    let title = lang.say(
        "What was delivered, when, to whom",
        "Was wann an wen ausgeliefert wurde",
    );
    page.raw("<!DOCTYPE html>\n<html lang=\"")
        .raw(lang.code())
        .raw("\">\n<head>\n");
    page.raw("<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"");
    page.raw(POLICY)
        .raw("\">\n<meta name=\"viewport\" content=\"width=device-width\">\n");
    page.element("title", title)
        .raw("\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body><main>\n");
    page.element("h1", title).raw("\n");
    introduction(&mut page, facts, lang);
    contents(&mut page, lang);
    overview(&mut page, facts, lang);
    check(&mut page, facts, lang);
    partners(&mut page, facts, lang);
    waiting(&mut page, facts, lang);
    days(&mut page, facts, lang);
    requests::section(&mut page, facts, lang);
    withdrawals(&mut page, facts, lang);
    gaps(&mut page, facts, lang);
    decisions(&mut page, facts, lang);
    keys(&mut page, facts, lang);
    drift(&mut page, facts, lang);
    runs(&mut page, facts, lang);
    remarks(&mut page, facts, lang);
    page.raw("<footer>").paragraph(lang.say(
        "The same in JSON, with every number: broker-courier report --json. One request in sentences: \
         broker-courier why ID. What each word means: docs/evidence.md.",
        "Dasselbe als JSON, mit jeder Zahl: broker-courier report --json. Eine Anfrage in Sätzen: \
         broker-courier why ID. Was jedes Wort bedeutet: docs/evidence.md.",
    ));
    page.raw("</footer>\n</main></body>\n</html>");
    page.finish()
}

fn introduction(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.paragraph(lang.say(
        "Hospitals answer requests that a broker distributes. This program fetches the combined answers, \
         encrypts them and puts them into the drop-box of a recipient; when a request is withdrawn at the \
         broker, its answers are deleted there. Everything that it saw, intended and did is an entry of a \
         ledger, each bound to all before it by a hash. This page is drawn from that ledger alone. It holds \
         no data of patients and no answers.",
        "Krankenhäuser beantworten Anfragen, die ein Broker verteilt. Dieses Programm holt die \
         zusammengefassten Antworten, verschlüsselt sie und legt sie in die Ablage eines Empfängers; wird eine \
         Anfrage beim Broker zurückgezogen, löscht es ihre Antworten dort. Alles, was es gesehen, \
         beabsichtigt und getan hat, ist ein Eintrag in einem Journal, jeder durch eine Prüfsumme (Hash) an \
         alle vorigen gebunden. Diese Seite ist allein aus diesem Journal gezeichnet. Sie enthält keine Daten \
         von Patienten und keine Antworten.",
    ));
    let (from, to) = (facts.period.from, facts.period.to);
    page.raw("<p>")
        .element("strong", lang.say("Period: ", "Zeitraum: "));
    page.piece(&Piece::Time(from, lang.time(from))).text(" – ");
    page.piece(&Piece::Time(to, lang.time(to))).text(" UTC. ");
    page.text(lang.say("All times are UTC.", "Alle Zeiten sind UTC."))
        .raw("</p>\n");
}

fn contents(page: &mut Markup, lang: Lang) {
    let parts = [
        ("check", lang.say("Check", "Prüfung")),
        ("partners", lang.say("Partners", "Partner")),
        ("waiting", lang.say("Waiting times", "Wartezeiten")),
        ("days", lang.say("Days", "Tage")),
        ("requests", lang.say("Requests", "Anfragen")),
        ("withdrawals", lang.say("Withdrawals", "Zurückziehungen")),
        ("gaps", lang.say("Gaps", "Lücken")),
        ("decisions", lang.say("Decisions", "Entscheidungen")),
        ("keys", lang.say("Keys", "Schlüssel")),
        ("drift", lang.say("Drift", "Abweichungen")),
        ("runs", lang.say("Runs", "Läufe")),
        ("remarks", lang.say("Remarks", "Bemerkungen")),
    ];
    page.raw("<nav aria-label=\"")
        .text(lang.say("Contents", "Inhalt"))
        .raw("\"><ul>");
    for (id, name) in parts {
        page.raw("<li><a href=\"#")
            .raw(id)
            .raw("\">")
            .text(name)
            .raw("</a></li>");
    }
    page.raw("</ul></nav>\n");
}

/// A figure, and what it is called.
fn figure(page: &mut Markup, name: &str, piece: &Piece) {
    page.raw("<div>")
        .element("dt", name)
        .raw("<dd>")
        .piece(piece)
        .raw("</dd></div>");
}

fn count(lang: Lang, number: u64) -> Piece {
    Piece::Value(number.into(), lang.number(number))
}

fn span(lang: Lang, micros: Option<i64>) -> Piece {
    micros.map_or(Piece::Empty, |it| Piece::Value(it.into(), lang.span(it)))
}

fn overview(page: &mut Markup, facts: &Facts, lang: Lang) {
    let totals = &facts.totals;
    page.raw("<dl class=\"figures\" id=\"totals\">");
    let figures = [
        (lang.say("Requests", "Anfragen"), totals.requests),
        (lang.say("Deliveries", "Auslieferungen"), totals.deliveries),
        (
            lang.say("Withdrawals", "Zurückziehungen"),
            totals.withdrawals,
        ),
        (lang.say("At the drop-box", "In der Ablage"), totals.stored),
        (
            lang.say("Failed attempts", "Fehlversuche"),
            totals.failed_attempts,
        ),
        (lang.say("Gaps", "Lücken"), facts.gaps.len() as u64),
        (lang.say("Decisions", "Entscheidungen"), totals.decisions),
        (lang.say("Runs", "Läufe"), totals.runs),
        (lang.say("of them good", "davon gut"), totals.good_runs),
    ];
    for (name, number) in figures {
        figure(page, name, &count(lang, number));
    }
    page.raw("</dl>\n");
}

fn check(page: &mut Markup, facts: &Facts, lang: Lang) {
    let check = &facts.check;
    page.section("check", lang.say("Check", "Prüfung"));
    page.raw("<p><strong class=\"good\">")
        .text(lang.say("✓ The ledger is whole.", "✓ Das Journal ist unversehrt."));
    page.raw("</strong> ").text(lang.say(
        "While this page was drawn, every byte was read: the chain of hashes from the first entry to the \
         last, the head that is kept apart, every entry, and whether each may follow the one before.",
        "Während diese Seite entstand, wurde jedes Byte gelesen: die Kette der Prüfsummen vom ersten bis zum \
         letzten Eintrag, der getrennt aufbewahrte Kopf, jeder Eintrag, und ob er auf den vorigen folgen darf.",
    ));
    page.raw("</p>\n<p>").text(lang.say("Ledger ", "Journal "));
    let log = facts.log.map(|it| it.to_string()).unwrap_or_default();
    page.element("code", &log)
        .text(lang.say(", began ", ", begonnen "));
    page.piece(&Piece::Time(facts.began, lang.time(facts.began)))
        .text("; ");
    page.piece(&count(lang, check.events.0))
        .text(lang.say(" entries, ", " Einträge, "));
    page.piece(&Piece::Value(
        check.size_bytes.into(),
        lang.size(check.size_bytes),
    ));
    page.text(lang.say("; hash of the last one ", "; Prüfsumme des letzten "));
    page.element("code", &check.hash.to_string()).raw("</p>\n");
    if facts.period.last_event != check.events {
        page.raw("<p>").text(lang.say(
            "This page ends with entry ",
            "Diese Seite endet mit Eintrag ",
        ));
        page.piece(&count(lang, facts.period.last_event.0))
            .raw(".</p>\n");
    }
    page.paragraph(lang.say(
        "What this does not show: that the machine on which the ledger lies recorded the truth, and that \
         nobody rewrote the ledger as a whole. Against the latter stands every copy of status.xml that the \
         recipient kept.",
        "Was das nicht zeigt: dass der Rechner, auf dem das Journal liegt, die Wahrheit aufgezeichnet hat, und \
         dass niemand das Journal als Ganzes neu geschrieben hat. Gegen Letzteres steht jede Kopie von \
         status.xml, die der Empfänger aufbewahrt hat.",
    ));
    page.raw("<p>")
        .text(lang.say("To check it yourself: ", "Selbst prüfen: "));
    page.element(
        "code",
        "broker-courier verify --ledger DIR --against status.xml",
    )
    .raw("</p>\n");
    page.end_section();
}

fn partners(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section(
        "partners",
        lang.say("Who was served", "Wer beliefert wurde"),
    );
    if facts.partners.is_empty() {
        page.paragraph(lang.say(
            "Not recorded: no run has reached anybody, or the version that ran did not record it.",
            "Nicht aufgezeichnet: Kein Lauf hat jemanden erreicht, oder die Version hat es nicht aufgezeichnet.",
        ));
    }
    let heads = [
        lang.say("Since", "Seit"),
        lang.say("Entry", "Eintrag"),
        "Broker",
        "Tag",
        lang.say("Drop-box", "Ablage"),
        lang.say("User", "Benutzer"),
        lang.say("Host key", "Schlüssel des Servers"),
        lang.say("Encryption key", "Schlüssel der Verschlüsselung"),
    ];
    let rows = facts.partners.iter().map(|it| {
        let partners = &it.partners;
        let host_key = partners.host_key.clone().map_or(Piece::Empty, Piece::Code);
        let cells = vec![
            Piece::Time(it.time, lang.time(it.time)),
            count(lang, it.event.0),
            Piece::Text(partners.broker.url.clone()),
            Piece::Text(partners.broker.tag.clone()),
            Piece::Text(partners.drop_box.to_string()),
            Piece::Text(partners.user.clone()),
            host_key,
            Piece::Code(it.policy.key.to_string()),
        ];
        (None, cells)
    });
    if !facts.partners.is_empty() {
        page.table(lang.say("Partners", "Partner"), &heads, rows);
    }
    page.end_section();
}

fn quantiles(page: &mut Markup, lang: Lang, figures: &Figures) {
    figure(
        page,
        lang.say("Count", "Anzahl"),
        &count(lang, figures.count),
    );
    figure(
        page,
        lang.say("Median", "Median"),
        &span(lang, figures.median_micros),
    );
    figure(page, "95 %", &span(lang, figures.p95_micros));
    figure(
        page,
        lang.say("Worst", "Längste"),
        &span(lang, figures.worst_micros),
    );
}

fn waiting(page: &mut Markup, facts: &Facts, lang: Lang) {
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

/// Says that there are more.
fn shortened(page: &mut Markup, all: usize, shown: usize, lang: Lang) {
    if all > shown {
        page.raw("<p>").text(lang.say("and ", "und "));
        page.piece(&count(lang, (all - shown) as u64));
        page.text(lang.say(" more, in JSON", " weitere, im JSON"))
            .raw("</p>\n");
    }
}

fn days(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("days", lang.say("Days", "Tage"));
    let (groups, size) = grouped(&facts.days, BARS);
    let labels: Vec<String> = groups.iter().map(|day| lang.date(day.begins)).collect();
    let short: Vec<String> = labels.iter().map(|it| short(it, lang)).collect();
    let of = |count: fn(&Day) -> u64| groups.iter().map(count).collect();
    let (deliveries, withdrawals) = (
        lang.say("Deliveries", "Auslieferungen"),
        lang.say("Withdrawals", "Zurückziehungen"),
    );
    let (good, failed) = (
        lang.say("Good runs", "Gute Läufe"),
        lang.say("Other runs", "Andere Läufe"),
    );
    let each = match size {
        1 => lang.say("a day", "je Tag").to_owned(),
        _ => format!(
            "{} {size} {}",
            lang.say("in", "je"),
            lang.say("days", "Tage")
        ),
    };
    let moved = [
        Series {
            name: deliveries,
            class: "s1",
            values: of(|day| day.deliveries),
        },
        Series {
            name: withdrawals,
            class: "s2",
            values: of(|day| day.withdrawals),
        },
    ];
    let ran = [
        Series {
            name: good,
            class: "s1",
            values: of(|day| day.good_runs),
        },
        Series {
            name: failed,
            class: "s3",
            values: of(|day| day.runs - day.good_runs),
        },
    ];
    for (what, series) in [
        (
            lang.say(
                "Deliveries and withdrawals",
                "Auslieferungen und Zurückziehungen",
            ),
            &moved,
        ),
        (lang.say("Runs", "Läufe"), &ran),
    ] {
        let title = format!("{what} {each}");
        page.element("h3", &title).raw("<figure>");
        let desc = lang.say(
            "Bars on top of each other, from the first day to the last; the table below has the numbers.",
            "Übereinander gestellte Balken vom ersten bis zum letzten Tag; die Tabelle darunter hat die Zahlen.",
        );
        page.raw(&bars(&title, desc, &short, series))
            .raw("</figure>\n");
    }
    page.fold(lang.say("The same as a table", "Dasselbe als Tabelle"));
    let heads = [
        lang.say("From", "Ab"),
        deliveries,
        withdrawals,
        lang.say("Runs", "Läufe"),
        good,
    ];
    let rows = groups.iter().zip(&labels).map(|(day, label)| {
        let cells = vec![
            Piece::Text(label.clone()),
            count(lang, day.deliveries),
            count(lang, day.withdrawals),
            count(lang, day.runs),
            count(lang, day.good_runs),
        ];
        (None, cells)
    });
    page.table(&each, &heads, rows);
    page.end_fold().end_section();
}

/// A date without its year.
fn short(date: &str, lang: Lang) -> String {
    let range = match lang {
        Lang::En => 5..10,
        Lang::De => 0..6,
    };
    date.get(range).unwrap_or(date).to_owned()
}

fn withdrawals(page: &mut Markup, facts: &Facts, lang: Lang) {
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

fn gaps(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("gaps", lang.say("Gaps", "Lücken"));
    page.paragraph(lang.say(
        "Stretches of time in which not everything could be delivered, and why. That a run did not take place \
         is concluded from how often one usually begins; the ledger cannot tell a machine that was off from a \
         run that could not begin.",
        "Zeiten, in denen nicht alles ausgeliefert werden konnte, und warum. Dass ein Lauf nicht stattfand, ist \
         daraus geschlossen, wie oft sonst einer beginnt; ob der Rechner aus war oder ein Lauf nicht beginnen \
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

fn decisions(page: &mut Markup, facts: &Facts, lang: Lang) {
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
    page.end_section();
}

fn keys(page: &mut Markup, facts: &Facts, lang: Lang) {
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

fn drift(page: &mut Markup, facts: &Facts, lang: Lang) {
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

fn runs(page: &mut Markup, facts: &Facts, lang: Lang) {
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

fn remarks(page: &mut Markup, facts: &Facts, lang: Lang) {
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
