//! The report: its bytes for one ledger, and that its tables say what its JSON says.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{courier, exits, golden, is_golden, says, teller};

const LIMIT: [&str; 3] = ["report", "--limit", "1h"];

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&says(&[words, &["--json"]].concat(), 0)).unwrap()
}

/// The part of a page from a mark to the next end of such a part.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from}"));
    rest.split_once(to).unwrap().0
}

/// The numbers in it, in order.
fn values(part: &str) -> Vec<i64> {
    let parts = part.split("<data value=\"").skip(1);
    parts
        .map(|it| it.split_once('"').unwrap().0.parse().unwrap())
        .collect()
}

fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_same_ledger_gives_the_same_pages() {
    let english = says(&LIMIT, 0);
    is_golden("report.en.html", &english);
    is_golden(
        "report.de.html",
        &says(&[&LIMIT[..], &["--lang", "de"]].concat(), 0),
    );
    is_golden("report.json", &says(&[&LIMIT[..], &["--json"]].concat(), 0));
    assert_eq!(english, says(&LIMIT, 0));
    // Nothing is fetched, nothing runs, and texts of others stay texts.
    for foreign in [
        "<script",
        "src=",
        "url(",
        "@import",
        "\u{202e}",
        "<b>&<",
        "javascript:",
    ] {
        assert!(!english.contains(foreign), "{foreign}");
    }
    assert!(english.contains("⟦U+202E⟧"), "what steers text is shown");
    assert!(!english.contains(" href=\"http"));
}

#[test]
fn the_tables_say_what_the_json_says() {
    let (page, facts) = (says(&LIMIT, 0), json(&LIMIT));
    assert_eq!(facts["schema"], "broker-courier.report.1");
    let list = |name: &str| facts[name].as_array().unwrap().clone();
    let totals = &facts["totals"];
    let of = |name: &str| number(&totals[name]);
    assert_eq!(
        values(part(&page, "id=\"totals\">", "</dl>")),
        [
            of("requests"),
            of("deliveries"),
            of("withdrawals"),
            of("stored"),
            of("failed_attempts"),
            list("gaps").len() as i64,
            of("decisions"),
            of("runs"),
            of("good_runs"),
        ]
    );

    let waiting = &facts["waiting"];
    let section = part(&page, "<section id=\"waiting\">", "</section>");
    let figures = [
        "count",
        "median_micros",
        "p95_micros",
        "worst_micros",
        "still",
        "over_limit",
    ];
    let figures: Vec<_> = figures.iter().map(|name| number(&waiting[name])).collect();
    assert_eq!(values(part(section, "<dl", "</dl>")), figures);
    let shown: BTreeSet<i64> = values(section).into_iter().collect();
    for wait in waiting["waits"].as_array().unwrap() {
        assert!(shown.contains(&number(&wait["micros"])), "{wait}");
    }

    let withdrawal = &facts["withdrawal"];
    let section = part(&page, "<section id=\"withdrawals\">", "</section>");
    for it in withdrawal["withdrawals"].as_array().unwrap() {
        let bounds = ["at_least_micros", "at_most_micros"].map(|name| it[name].as_i64());
        for bound in bounds.into_iter().flatten() {
            assert!(values(section).contains(&bound), "{it}");
        }
    }

    let section = part(&page, "<section id=\"requests\">", "</section>");
    assert_eq!(
        section.matches("<tr id=\"r").count(),
        list("requests").len()
    );
    for request in list("requests") {
        let row = part(
            section,
            &format!("<tr id=\"r{}\">", request["request"]),
            "</tr>",
        );
        let deliveries = request["deliveries"].as_array().unwrap();
        assert_eq!(values(row).first(), Some(&(deliveries.len() as i64)));
        for delivery in deliveries {
            for hash in ["token_sha256", "plaintext_sha256"] {
                assert!(row.contains(delivery[hash].as_str().unwrap()), "{delivery}");
            }
        }
    }

    let section = part(&page, "<section id=\"gaps\">", "</section>");
    let gaps = list("gaps");
    assert_eq!(section.matches("<tr>").count(), gaps.len() + 1);
    for gap in &gaps {
        assert!(section.contains(gap["from"].as_str().unwrap()), "{gap}");
        assert!(values(section).contains(&number(&gap["waiting"])), "{gap}");
    }

    let section = part(&page, "<section id=\"days\">", "</section>");
    let sum = |name: &str| {
        list("days")
            .iter()
            .map(|day| number(&day[name]))
            .sum::<i64>()
    };
    let rows = values(part(section, "<tbody>", "</tbody>"));
    for (at, name) in ["deliveries", "withdrawals", "runs", "good_runs"]
        .iter()
        .enumerate()
    {
        let column = rows.iter().skip(at).step_by(4).sum::<i64>();
        assert_eq!(column, sum(name), "{name}");
    }
    for section in ["decisions", "keys", "partners"] {
        let rows = part(&page, &format!("<section id=\"{section}\">"), "</section>");
        assert_eq!(
            rows.matches("<tr>").count(),
            list(section).len() + 1,
            "{section}"
        );
    }
}

#[test]
fn every_gap_of_the_story_has_its_cause() {
    let facts = json(&LIMIT);
    let causes: Vec<_> = facts["gaps"].as_array().unwrap().iter().collect();
    let causes: Vec<_> = causes
        .iter()
        .map(|it| it["cause"].as_str().unwrap())
        .collect();
    assert_eq!(
        causes,
        [
            "failed", "cut-off", "failed", "failed", "no-run", "held", "held"
        ]
    );
}

#[test]
fn a_period_is_a_part_and_what_lies_outside_is_said() {
    let day = json(&[
        "report",
        "--from",
        "2026-03-03T00:00:00Z",
        "--to",
        "2026-03-03T12:30:00Z",
    ]);
    let whole = json(&["report"]);
    assert!(number(&day["totals"]["runs"]) < number(&whole["totals"]["runs"]));
    assert_eq!(day["check"], whole["check"]);
    let to_event = json(&["report", "--to", "#40"]);
    assert_eq!(number(&to_event["period"]["last_event"]), 40);
    let (stdout, stderr) = exits(
        courier()
            .args(["report", "--from", "2027-01-01", "--ledger"])
            .arg(golden()),
        2,
    );
    assert_eq!(stdout, "");
    assert!(stderr.contains("from 2026-03-02T06:00:00"), "{stderr}");
}

#[test]
fn a_page_is_written_to_a_file_and_of_a_damaged_ledger_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    teller::eventful(folder.path());
    let report = |code| {
        let mut command = courier();
        command.args(["report", "-o"]).arg(&file).arg("--ledger");
        exits(command.arg(folder.path()), code)
    };
    assert_eq!(report(0).0, "");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .ends_with("</html>\n")
    );
    std::fs::remove_file(&file).unwrap();
    let log = folder.path().join("ledger.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[3_000] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    report(7);
    assert!(!file.exists());
}

/// A large ledger: `cargo test --release --test command_line -- --ignored a_large_ledger --nocapture`, with
/// how long it took.
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
#[test]
#[ignore = "writes some 30,000 entries, which takes a minute or more"]
fn a_large_ledger_has_a_page_that_can_be_sent() {
    let folder = tempfile::tempdir().unwrap();
    teller::many(folder.path(), 5_000, 400);
    let began = std::time::Instant::now();
    let page = exits(courier().args(["report", "--ledger"]).arg(folder.path()), 0).0;
    println!("{} bytes in {:?}", page.len(), began.elapsed());
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("<tr id=\"r").count(), 5_000);
}

#[test]
fn a_ledger_whose_clock_was_turned_back_is_told_from_its_earliest_time_to_its_latest() {
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    for kind in ["log", "head"] {
        let kept = project.join("ledger/tests/golden/v1/ClockDiffers");
        std::fs::copy(
            kept.with_extension(kind),
            place.path().join("ledger").with_extension(kind),
        )
        .unwrap();
    }
    let (told, _) = exits(
        courier()
            .args(["report", "--json", "--ledger"])
            .arg(place.path()),
        0,
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["period"]["from"], "2023-11-14T22:13:20.000003Z");
    assert_eq!(told["period"]["to"], "2026-11-18T11:06:42.000007Z");
    assert_eq!(told["remarks"][0]["what"], "clock-differs");
}
