//! What happened day by day, on the page.

use super::days::{Day, grouped};
use super::facts::Facts;
use super::markup::{Markup, Piece};
use super::pieces::count;
use super::plot::{Series, bars};
use super::words::Lang;

/// So many bars a drawing has at most.
const BARS: usize = 40;

pub(super) fn days(page: &mut Markup, facts: &Facts, lang: Lang) {
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
