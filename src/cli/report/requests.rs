//! The part of a report that tells request by request.
//!
//! What always holds here: the newest stand open, older months are folded; of many requests only the newest
//! are told with each hospital and each delivery, the rest with their last, and `why` tells any of them.

use courier_ledger::{NodeStatus, Timestamp};

use super::facts::{Facts, RequestFacts};
use super::markup::{Markup, Piece};
use super::plot::{self, Course};
use super::words::Lang;

/// So many requests are told with all that happened to them.
const DETAILED: usize = 200;
/// So many stand open.
const OPEN: usize = 50;

/// Writes the section.
pub(super) fn section(page: &mut Markup, facts: &Facts, lang: Lang) {
    page.section("requests", lang.say("Requests", "Anfragen"));
    page.paragraph(lang.say(
        "Each request of the period. The drawing goes from its publication to the last thing that happened to \
         it: it steps up with each hospital that completed; a line from top to bottom is a delivery, a cross \
         a withdrawal. Hospitals are called by their numbers at the broker.",
        "Jede Anfrage des Zeitraums. Die Zeichnung reicht von der Veröffentlichung bis zum letzten Ereignis: \
         Sie steigt mit jedem Krankenhaus, das fertig ist; ein durchgehender Strich ist eine Auslieferung, ein \
         Kreuz eine Zurückziehung. Krankenhäuser heißen nach ihrer Nummer beim Broker.",
    ));
    hospitals(page, facts, lang);
    let mut newest: Vec<&RequestFacts> = facts.requests.iter().collect();
    newest.sort_by_key(|it| (std::cmp::Reverse(it.last_activity), it.request));
    let detailed = newest.get(..DETAILED.min(newest.len())).unwrap_or_default();
    let is_detailed = |request: &RequestFacts| {
        let key = |it: &RequestFacts| (std::cmp::Reverse(it.last_activity), it.request);
        let last = detailed.last();
        last.is_some_and(|last| key(request) <= key(last))
    };
    let (open, older) = newest.split_at(OPEN.min(newest.len()));
    table(page, lang, open, &|_| true);
    for (month, requests) in months(older, lang) {
        page.fold(&format!("{month}: {}", lang.number(requests.len() as u64)));
        table(page, lang, requests, &is_detailed);
        page.end_fold();
    }
    page.end_section();
}

/// Which hospital a number stands for, as the broker said last.
fn hospitals(page: &mut Markup, facts: &Facts, lang: Lang) {
    let names = &facts.hospital_names;
    if names.is_empty() {
        return;
    }
    let title = lang.say("Which hospital is which", "Welches Krankenhaus welches ist");
    page.fold(&format!("{title}: {}", lang.number(names.len() as u64)));
    let heads = [lang.say("Number", "Nummer"), lang.say("Name", "Name")];
    let rows = names.iter().map(|(node, name)| {
        let cells = vec![Piece::Text(node.to_string()), Piece::Text(name.clone())];
        (None, cells)
    });
    page.table(title, &heads, rows);
    page.end_fold();
}

/// Requests by the month of their last activity.
fn months<'a, 'f>(
    requests: &'a [&'f RequestFacts],
    lang: Lang,
) -> Vec<(String, &'a [&'f RequestFacts])> {
    let same = requests.chunk_by(|earlier, later| {
        lang.month(earlier.last_activity) == lang.month(later.last_activity)
    });
    let named = same.filter_map(|chunk| Some((lang.month(chunk.first()?.last_activity), chunk)));
    named.collect()
}

fn table(
    page: &mut Markup,
    lang: Lang,
    requests: &[&RequestFacts],
    is_detailed: &dyn Fn(&RequestFacts) -> bool,
) {
    let heads = [
        lang.say("Request", "Anfrage"),
        lang.say("Published", "Veröffentlicht"),
        lang.say("Hospitals", "Krankenhäuser"),
        lang.say("Course", "Verlauf"),
        lang.say("Deliveries", "Auslieferungen"),
        lang.say("Last delivery", "Letzte Auslieferung"),
        lang.say("Longest wait", "Längste Wartezeit"),
        lang.say("At the drop-box", "In der Ablage"),
        lang.say("At the broker", "Beim Broker"),
    ];
    let rows = requests.iter().map(|it| {
        let id = format!("r{}", it.request);
        (Some(id), row(it, lang, is_detailed(it)))
    });
    page.table(lang.say("Requests", "Anfragen"), &heads, rows);
}

fn row(request: &RequestFacts, lang: Lang, is_detailed: bool) -> Vec<Piece> {
    let published = match request.published {
        Some(time) => Piece::Time(time, lang.time(time)),
        None => Piece::Text(lang.say("not yet", "noch nicht").to_owned()),
    };
    let completion = request.completion.map(|it| lang.completion(it));
    let file = request.drop_box.map(|it| lang.at_drop_box(it).to_owned());
    let listed = request.broker.map(|it| lang.listed(it).to_owned());
    let text = |it: Option<String>| it.map_or(Piece::Empty, Piece::Text);
    let wait = request.longest_wait_micros;
    vec![
        Piece::Text(request.request.to_string()),
        published,
        text(completion),
        Piece::Drawn(course(request, lang)),
        Piece::Value(
            request.deliveries.len() as i128,
            request.deliveries.len().to_string(),
        ),
        last_delivery(request, lang, is_detailed),
        wait.map_or(Piece::Empty, |it| Piece::Value(it.into(), lang.span(it))),
        text(file),
        text(listed),
    ]
}

fn last_delivery(request: &RequestFacts, lang: Lang, is_detailed: bool) -> Piece {
    let mut cell = Markup::default();
    if let Some(last) = request.deliveries.last() {
        let time = Piece::Time(last.time, lang.time(last.time));
        cell.piece(&time)
            .text(", ")
            .text(&lang.size(last.size_bytes));
        cell.raw("<br>")
            .element("code", &last.token_sha256.to_string());
    } else {
        cell.text("–");
    }
    if is_detailed {
        details(&mut cell, request, lang);
    }
    Piece::Drawn(cell.finish())
}

/// Each hospital, each delivery.
fn details(cell: &mut Markup, request: &RequestFacts, lang: Lang) {
    let completed = request.hospitals.iter().filter(|it| it.1.is_some());
    if request.deliveries.is_empty() && completed.count() == 0 {
        return;
    }
    cell.fold(lang.say("all of it", "alles"));
    cell.raw("<ul class=\"plain\">");
    for NodeStatus(node, completed) in request.hospitals.iter() {
        cell.raw("<li>").text(lang.say("hospital ", "Krankenhaus "));
        cell.text(&node.to_string()).text(": ");
        match completed {
            Some(time) => cell.piece(&Piece::Time(time, lang.time(time))),
            None => cell.text(lang.say("not yet", "noch nicht")),
        };
        cell.raw("</li>");
    }
    for it in &request.deliveries {
        cell.raw("<li>").text(&it.name).text(", #");
        cell.text(&it.event.to_string()).text(", ");
        cell.piece(&Piece::Time(it.time, lang.time(it.time)));
        cell.text(", ").text(lang.placed(it.placed)).text(", ");
        cell.text(&lang.completion(it.completion));
        cell.text(lang.say(" hospitals, ", " Krankenhäusern, "));
        cell.text(&lang.size(it.size_bytes)).text("; ");
        cell.text(lang.say("key ", "Schlüssel "))
            .element("code", &it.key.to_string());
        cell.text(lang.say("; SHA-256 as delivered ", "; SHA-256 wie ausgeliefert "));
        cell.element("code", &it.token_sha256.to_string());
        cell.text(lang.say(", decrypted ", ", entschlüsselt "));
        cell.element("code", &it.plaintext_sha256.to_string())
            .raw("</li>");
    }
    for time in &request.withdrawn {
        cell.raw("<li>")
            .text(lang.say("withdrawn ", "zurückgezogen "));
        cell.piece(&Piece::Time(*time, lang.time(*time)))
            .raw("</li>");
    }
    cell.raw("</ul>").end_fold();
}

fn course(request: &RequestFacts, lang: Lang) -> String {
    let first = request.published.unwrap_or(request.first_seen);
    let first = first.min(request.first_seen).0;
    let last = request.last_activity.0.max(first + 1);
    let place = |time: Timestamp| {
        let along = i128::from(time.0.saturating_sub(first)) * 100;
        u64::try_from((along / i128::from(last - first)).clamp(0, 100)).unwrap_or(0)
    };
    let completed = request.hospitals.iter().filter_map(|it| it.1);
    let mut completions: Vec<u64> = completed.map(place).collect();
    completions.sort_unstable();
    let mut deliveries: Vec<u64> = request.deliveries.iter().map(|it| place(it.time)).collect();
    deliveries.dedup();
    let title = format!(
        "{}, {} {}",
        request
            .completion
            .map(|it| lang.completion(it))
            .unwrap_or_default(),
        request.deliveries.len(),
        lang.say("deliveries", "Auslieferungen")
    );
    plot::course(&Course {
        title: &title,
        completions,
        hospitals: request.hospitals.len() as u64,
        deliveries,
        withdrawals: request.withdrawn.iter().map(|time| place(*time)).collect(),
    })
}
