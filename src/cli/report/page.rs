//! The page: one file that needs nothing else, for screen and paper.
//!
//! What always holds here: every number in it is one of [`Facts`]. Deliberately absent: scripts, anything
//! that is fetched, and when it was made.

use super::calendar::days;
use super::facts::Facts;
use super::gaps::gaps;
use super::lists::{decisions, drift, keys, remarks, runs};
use super::markup::{Markup, Piece};
use super::pieces::{count, figure};
use super::requests;
use super::waiting::waiting;
use super::withdrawals::withdrawals;
use super::words::Lang;

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
    checkpoint(page, facts, lang);
    page.raw("<p>")
        .text(lang.say("To check it yourself: ", "Selbst prüfen: "));
    page.element(
        "code",
        "broker-courier verify --ledger DIR --against status.xml",
    )
    .raw("</p>\n");
    page.end_section();
}

/// What was signed of the ledger last, and the command that holds the ledger against it.
fn checkpoint(page: &mut Markup, facts: &Facts, lang: Lang) {
    let Some(last) = &facts.checkpoint else {
        page.paragraph(lang.say(
            "Nothing of this ledger is signed (EVIDENCE.KEY).",
            "Von diesem Journal ist nichts signiert (EVIDENCE.KEY).",
        ));
        return;
    };
    page.raw("<p>")
        .text(lang.say("Signed as ", "Signiert als "))
        .element("code", &last.origin);
    page.text(lang.say(": the first ", ": die ersten "));
    page.piece(&count(lang, last.size));
    page.text(lang.say(
        " entries, in the last of the checkpoints that lie beside the ledger, which are ",
        " Einträge, im letzten der Prüfpunkte (Checkpoints), die beim Journal liegen; es sind ",
    ));
    page.piece(&count(lang, last.kept));
    page.text(lang.say(
        ", all of this history. Root of its tree: ",
        ", alle von dieser Geschichte. Wurzel seines Baums: ",
    ));
    page.element("code", &last.root).raw("</p>\n<p>");
    page.text(lang.say(
        "Who signed them was not checked for this page; whoever has the verifier key and kept the file of \
         checkpoints, as it stands at the drop-box, does: ",
        "Wer sie signiert hat, wurde für diese Seite nicht geprüft; das kann, wer den Prüfschlüssel hat und die Datei \
         der Prüfpunkte aufbewahrt, wie sie in der Ablage steht: ",
    ));
    page.element("code", &last.command).raw("</p>\n");
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
