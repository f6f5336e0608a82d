//! What documents say of decisions, and what is decided.

use courier_ledger::{Evidence, Guard, Plan};
use scenario::History;

const POLICIES: &str = include_str!("../../docs/policies.md");

/// What is planned when a broker that had two results lists nothing any more.
fn emptied(second: Evidence) -> Plan {
    let mut story = History::new();
    for id in [1, 2] {
        story
            .broker
            .publish(id, 1_792_000_000_000_000, &[(1, Some(5))]);
    }
    let _carried_out = story.run();
    story.broker.withdraw(1, Evidence::Untagged);
    story.broker.withdraw(2, second);
    story.policy.guards.max_deletions = 2;
    story.plan()
}

#[test]
fn an_empty_list_waits_unless_every_disappearance_is_proven() {
    let sentence = "an empty list while results are stored, unless every disappearance is proven,";
    let text = POLICIES.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(sentence),
        "docs/policies.md says something else"
    );
    let proven = emptied(Evidence::Untagged);
    assert!(proven.blocked.is_empty(), "{proven:?}");
    let unproven = emptied(Evidence::Unconfirmed);
    let guards: Vec<Guard> = unproven
        .blocked
        .iter()
        .map(|blocked| blocked.guard)
        .collect();
    assert_eq!(guards, [Guard::EmptyListing; 2]);
}
