//! The layers that CONTRIBUTING.md draws are those that the code has: a file names only what stands on
//! its own line of the drawing or below, and no two files name each other, however long the way round.
//!
//! What always holds here: an arrow ends at the file that owns a noun, whatever front doors it went
//! through. Deliberately absent: arrows between a module and its own parts (`mod.rs` and what stands in
//! its folder), which are one thing in several files.

mod drawing;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use drawing::Drawing;
use imports::{Arrows, House};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn house(source: &str) -> House {
    House::read(&root().join(source)).expect("the sources can be read")
}

/// Every circle, as the files that name each other.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|from| (from, reachable(arrows, from)))
        .collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(file) {
            let others = reached
                .iter()
                .filter(|other| reach.get(*other).is_some_and(|back| back.contains(file)));
            circles.insert(others.map(|other| (*other).clone()).collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}

fn reachable<'a>(arrows: &'a Arrows, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        for next in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next) {
                waiting.push(next);
            }
        }
    }
    reached
}

/// Every arrow that runs up, and every file that stands on no line.
fn breaches(arrows: &Arrows, files: &BTreeSet<String>, drawing: &Drawing) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files {
        if drawing.line_of(file).is_none() {
            breaches.push(format!("{file} stands on no line of the drawing"));
        }
    }
    for (from, targets) in arrows {
        for (to, noun) in targets {
            if drawing.line_of(to) < drawing.line_of(from) {
                breaches.push(format!(
                    "{from} names {noun} of {to}, which stands above it"
                ));
            }
        }
    }
    breaches
}

fn check(source: &str) {
    let contributing = std::fs::read_to_string(root().join("CONTRIBUTING.md")).expect("is there");
    let drawing = Drawing::find(&contributing, source).expect("CONTRIBUTING.md draws it");
    let house = house(source);
    let arrows = house.arrows();
    assert_eq!(circles(&arrows), Vec::<Vec<String>>::new(), "{source}");
    assert_eq!(
        breaches(&arrows, &house.files(), &drawing),
        Vec::<String>::new(),
        "{source}"
    );
    assert_eq!(drawing.unused(&house.files()), Vec::<String>::new());
}

#[test]
fn the_pure_core_has_the_layers_that_are_drawn_and_no_circle() {
    check("ledger/src");
}

#[test]
fn the_program_has_the_layers_that_are_drawn_and_no_circle() {
    check("src");
}

#[test]
fn in_a_crate_nobody_goes_through_its_front_door() {
    for source in ["ledger/src", "src"] {
        assert_eq!(house(source).front_door(), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn a_circle_an_arrow_upwards_and_the_front_door_are_noticed() {
    let house = House::of(&[
        ("lib.rs", "mod top; mod low; pub use low::Low;"),
        ("top.rs", "use crate::low::{self, Low};"),
        (
            "low/mod.rs",
            "mod part; pub struct Low; pub use part::Part;",
        ),
        ("low/part.rs", "use super::Low;\npub struct Part;"),
    ]);
    let arrows = house.arrows();
    assert_eq!(circles(&arrows), Vec::<Vec<String>>::new());
    assert_eq!(house.front_door(), Vec::<String>::new());

    let house = House::of(&[
        ("lib.rs", "mod top; mod low; pub use low::Low;"),
        ("top.rs", "use crate::low::Part;\npub struct Top;"),
        (
            "low/mod.rs",
            "mod part; pub struct Low; pub use part::Part;",
        ),
        (
            "low/part.rs",
            "use crate::{Low,\n    top::Top};\npub struct Part;",
        ),
    ]);
    let arrows = house.arrows();
    assert_eq!(circles(&arrows), [["low/part.rs", "top.rs"]]);
    assert_eq!(house.front_door(), ["low/part.rs: crate::Low"]);
    let drawing = Drawing::find("```text\nx/\n  top.rs\n  low/\n```", "x").expect("is drawn");
    assert_eq!(
        breaches(&arrows, &house.files(), &drawing),
        ["low/part.rs names Top of top.rs, which stands above it"]
    );
}
