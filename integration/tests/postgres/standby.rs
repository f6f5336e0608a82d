//! Who stands by, as the tables keep it.

use std::time::Duration;

use courier_ledger::log::{LogPlace as _, sample};
use courier_postgres::{Database, Settings, StoodBy, stand_by, stood_by};

use super::{server, settings, tables};

#[test]
fn who_stood_by_within_an_hour_is_shown_and_nobody_for_longer_than_a_day() {
    let Some(server) = server() else { return };
    let schema = tables(server);
    let named = |user: &str, holder: &str| {
        Database::new(Settings {
            holder: holder.to_owned(),
            ..settings(&server.socket(user, &schema))
        })
    };
    let courier = |holder: &str| named("courier", holder);
    let sql = |text: &str| server.sql(&text.replace("{s}", &schema)).unwrap();
    let shown = |user: &str| {
        let who = stood_by(&named(user, "somebody")).unwrap();
        who.into_iter().map(|it| it.who).collect::<Vec<_>>()
    };
    sample::leave_runs(courier("host-a"), sample::TIME, 1).unwrap();
    assert!(shown("courier").is_empty());
    for holder in ["host-b", "host-c", "host-b", "host-d"] {
        stand_by(&courier(holder)).unwrap();
    }
    assert_eq!(shown("courier_auditor"), ["host-d", "host-b", "host-c"]);

    // Whoever holds it does not wait for it.
    let (table, _) = courier("host-b").open(sample::TIME).unwrap();
    assert_eq!(shown("courier"), ["host-d", "host-c"]);
    drop(table);

    sql("update {s}.standby set seen = now() - interval '59 minutes' where holder = 'host-b'");
    sql("update {s}.standby set seen = now() - interval '61 minutes' where holder = 'host-c'");
    sql("update {s}.standby set seen = now() - interval '25 hours' where holder = 'host-d'");
    let StoodBy { who, ago } = stood_by(&courier("host-a")).unwrap().remove(0);
    assert_eq!(who, "host-b");
    assert!((59 * 60..60 * 60).contains(&ago.as_secs()), "{ago:?}");
    stand_by(&courier("host-e")).unwrap();
    assert_eq!(shown("courier"), ["host-e", "host-b"]);
    let kept = sql("select string_agg(holder, ' ' order by holder) from {s}.standby");
    assert_eq!(kept, "host-b host-c host-e");

    // A clock of the database that was turned back is no error.
    sql("update {s}.standby set seen = now() + interval '1 minute' where holder = 'host-e'");
    let first = stood_by(&courier("host-a")).unwrap().remove(0);
    assert_eq!(first.ago, Duration::ZERO);
}
