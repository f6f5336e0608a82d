//! The book in `docs/`: every page is in its summary, no link leads nowhere or out of the book, mdBook builds it, and
//! what the pages show is what happens.
//!
//! `UPDATE_BOOK=1` writes what happened into the pages. Times, sizes and digests are not compared.

mod page;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::site;
use page::Page;
use stage::Stage;
use testbed::age::Reader;

/// The pages whose commands are run.
const PLAYED: [&str; 11] = [
    "tutorial.md",
    "moving-over.md",
    "recipes.md",
    "recipient.md",
    "configuration.md",
    "check.md",
    "plan.md",
    "keys.md",
    "recovery.md",
    "proofs.md",
    "evidence.md",
];

/// Blocks of code that are not played: page, language, how many, and why that is so or who plays them.
const NOT_PLAYED: [(&str, &str, usize, &str); 20] = [
    ("README.md", "sh", 9, PASTED),
    ("README.md", "cron", 1, PASTED),
    ("docs/configuration.md", "toml", 2, UNDERSTOOD),
    (
        "docs/installation.md",
        "sh",
        3,
        "needs root, systemd or podman: integration/packages.sh; what is typed is understood",
    ),
    (
        "docs/installation.md",
        "ini",
        1,
        "systemd takes it: tests/packages",
    ),
    (
        "docs/log-format.md",
        "",
        5,
        "formats, which integration/independent/ was written from",
    ),
    (
        "docs/log-format.md",
        "hex",
        1,
        "the golden log: ledger/tests/golden",
    ),
    (
        "docs/log-format.md",
        "shapes",
        1,
        "held against the golden logs: integration/independent/test.py",
    ),
    (
        "docs/json.md",
        "shapes",
        1,
        "held against what is written: tests/evidence/schemas.rs",
    ),
    ("docs/keys.md", "toml", 1, UNDERSTOOD),
    ("docs/log-format.md", "xml", 2, UNDERSTOOD),
    (
        "docs/many-instances.md",
        "sh",
        2,
        "needs root and systemd: integration/packages.sh; what is typed is understood",
    ),
    (
        "docs/proofs.md",
        "toml",
        2,
        "the stage takes the first over; the program's own parser takes both",
    ),
    (
        "docs/recipes.md",
        "sh",
        1,
        "the stage has such a word of its own",
    ),
    (
        "docs/recipient.md",
        "python",
        2,
        "the stage saves and plays both",
    ),
    ("docs/recipient.md", "sh", 1, "the stage saves and plays it"),
    (
        "docs/tutorial.md",
        "sh",
        2,
        "starts the demo, whose parts are played; what is typed is understood",
    ),
    (
        "docs/two-hosts.md",
        "sh",
        6,
        "needs a database, or systemd: integration/tests/postgres, tests/packages; what is typed is understood",
    ),
    ("docs/two-hosts.md", "toml", 1, UNDERSTOOD),
    (
        "docs/watch.md",
        "sh",
        2,
        "goes on for ever, or needs systemd: integration/tests/watching, tests/packages; what is typed is understood",
    ),
];

const PASTED: &str = "integration/new-administrator.sh pastes it on a fresh machine";
const UNDERSTOOD: &str = "the program's own parser takes it: src/cli/documents.rs";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn pages() -> BTreeSet<String> {
    let names = fs::read_dir(docs()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".md")).collect()
}

/// Where a page's links lead, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if !is_code {
            let targets = line.split("](").skip(1);
            links.extend(targets.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
        }
    }
    links
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_page_is_in_the_summary_and_no_link_is_dead() {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    let mut pages = pages();
    assert!(pages.remove("SUMMARY.md"));
    assert_eq!(listed, pages, "docs/SUMMARY.md, and the pages of docs/");
    let root = docs().join("..");
    let mut dead = Vec::new();
    for page in pages.iter().map(|name| format!("docs/{name}")) {
        check_links(&root, &page, &mut dead);
    }
    for page in ["README.md", "CONTRIBUTING.md", "docs/SUMMARY.md"] {
        check_links(&root, page, &mut dead);
    }
    assert_eq!(dead, [""; 0]);
}

fn check_links(root: &Path, page: &str, dead: &mut Vec<String>) {
    let path = root.join(page);
    for link in links(&fs::read_to_string(&path).unwrap()) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, part) = link.split_once('#').unwrap_or((&link, ""));
        let target = if file.is_empty() {
            path.clone()
        } else {
            path.parent().unwrap().join(file)
        };
        let is_there = target.exists()
            && (part.is_empty()
                || fs::read_to_string(&target)
                    .unwrap()
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line.trim_start_matches('#')) == part));
        // The book holds what is in its folder.
        let is_of_book = page.starts_with("docs/");
        let leads_out =
            is_of_book && (file.starts_with('/') || file.split('/').any(|part| part == ".."));
        if !is_there {
            dead.push(format!("{page}: {link}"));
        } else if leads_out {
            dead.push(format!("{page}: {link} leads out of the book"));
        }
    }
}

/// Whoever writes a block says who plays it.
#[test]
fn every_block_of_code_is_played_or_it_is_said_why_not() {
    let pages = pages().into_iter().map(|name| format!("docs/{name}"));
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for page in pages.chain(["README.md".to_owned()]) {
        let text = fs::read_to_string(docs().join("..").join(&page)).unwrap();
        let is_played = PLAYED.iter().any(|name| page == format!("docs/{name}"));
        let mut told = false;
        let mut is_code = false;
        for line in text.lines() {
            told |= line.starts_with("<!-- demo: ");
            let Some(language) = line.trim_start().strip_prefix("```") else {
                continue;
            };
            is_code = !is_code;
            let plays = is_played && (language == "console" || language == "text" && told);
            if is_code && !plays {
                *found
                    .entry((page.clone(), language.to_owned()))
                    .or_default() += 1;
            }
            told &= is_code;
        }
    }
    let excused = NOT_PLAYED.iter();
    let excused = excused
        .map(|(page, language, count, _)| ((*page).to_owned(), (*language).to_owned(), *count));
    let excused: BTreeSet<_> = excused.collect();
    let found = found.into_iter();
    let found: BTreeSet<_> = found
        .map(|((page, language), count)| (page, language, count))
        .collect();
    assert_eq!(found, excused, "blocks that are not played, and NOT_PLAYED");
}

#[test]
fn mdbook_builds_the_book() {
    let tools = docs().join("../target/tools/mdbook/bin/mdbook");
    let mdbook = if tools.exists() {
        tools
    } else {
        "mdbook".into()
    };
    let version = Command::new(&mdbook)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !version.is_ok_and(|status| status.success()) {
        return site::skipped("mdbook is not installed");
    }
    let book = tempfile::tempdir().unwrap();
    let output = Command::new(&mdbook)
        .arg("build")
        .arg(docs())
        .arg("--dest-dir")
        .arg(book.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for name in ["index.html", "tutorial.html", "configuration.html"] {
        assert!(book.path().join(name).is_file(), "{name}: {said}");
    }
    // The search works without a network.
    let index = fs::read_dir(book.path()).unwrap().any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().starts_with("searchindex")
    });
    assert!(index, "{said}");
}

#[test]
fn what_the_pages_show_is_what_happens() {
    let is_update = std::env::var_os("UPDATE_BOOK").is_some();
    let mut differences = Vec::new();
    for name in PLAYED {
        let path = docs().join(name);
        let text = fs::read_to_string(&path).unwrap();
        let needs_age = text.contains("$ age");
        if needs_age && !Reader::ALL.iter().all(|it| it.is_available()) {
            site::skipped(&format!("{name} needs age, and Python's pyrage"));
            continue;
        }
        let mut page = Page::parse(&text);
        page.play(&mut Stage::set(&text), &mut differences);
        if is_update {
            fs::write(&path, page.text()).unwrap();
        }
    }
    assert!(
        is_update || differences.is_empty(),
        "{}",
        differences.join("\n")
    );
}
