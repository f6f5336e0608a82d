//! The documented vocabulary and the code's are the same.

use courier_ledger::Event;

#[test]
fn every_kind_of_event_is_documented_once_and_in_order() {
    let document = include_str!("../../docs/events.md");
    let documented: Vec<&str> = document
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split_once('`')
                .map(|(kind, _)| kind)
        })
        .collect();
    assert_eq!(documented, Event::KINDS);
}
