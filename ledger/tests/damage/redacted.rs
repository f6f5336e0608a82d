//! Redacted copies: what they give, what they refuse, and that nobody goes on from one.
//!
//! 1,500 damaged copies, the same ones every time; `REDACTED_SEED=…` takes others. Half of them have their digest made
//! anew, as somebody would who does it on purpose: then it is the chain that refuses them, or a hash differs that a
//! checkpoint stands for.

use courier_ledger::log::sample::{TIME, new_log, started};
use courier_ledger::log::{
    EventLog as _, HeaderFault, LogError, LogPlace as _, MemoryDisk, Piece, RedactedReading,
    Redactor, Refusal, Rule, is_redacted, read, read_redacted, read_state,
};
use courier_ledger::{Digest, Entry, Event, RunCounts, Salt, Sequence, Tree};

const ENTRIES: u64 = 90;

fn entries() -> Vec<Entry> {
    let disk = MemoryDisk::new();
    disk.set_salts((0..ENTRIES).map(|number| Salt([number as u8; 16])));
    let (mut journal, _) = disk.process().create(TIME, new_log()).expect("creates");
    while journal.tip().sequence.0 < ENTRIES {
        let number = journal.tip().sequence.0;
        let approved = Event::DeletionsApproved {
            plan: Digest::of(&[&number.to_le_bytes()]),
            who: "somebody".to_owned(),
            why: "x".repeat(number as usize % 50),
        };
        let finished = Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: number,
            verdict: None,
        };
        let next = journal.tip().sequence.next();
        journal
            .append(next, TIME, vec![started(), approved, finished])
            .expect("appends");
    }
    let entries: Result<Vec<_>, _> = journal.read_from(Sequence::NONE).collect();
    entries.expect("reads")
}

fn left_out(entry: &Entry) -> bool {
    entry.event.holds_text() || matches!(entry.sequence.0, 40..50)
}

fn pieces(entries: &[Entry]) -> Vec<Piece> {
    let pieces = entries.iter().map(|entry| match left_out(entry) {
        true => Piece::LeftOut {
            sequence: entry.sequence,
            hash: entry.hash,
        },
        false => Piece::Kept(entry.clone()),
    });
    pieces.collect()
}

fn copy(pieces: &[Piece]) -> Vec<u8> {
    let mut redactor = Redactor::begin(new_log().id, Vec::new()).expect("begins");
    for piece in pieces {
        redactor.push(piece).expect("is written");
    }
    redactor.end().expect("ends")
}

fn disk(copy: &[u8]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.set_contents("ledger.log", Some(copy));
    disk
}

fn read_all(copy: &[u8]) -> Result<(RedactedReading, Vec<Piece>), LogError> {
    let mut pieces = Vec::new();
    let reading = read_redacted(&disk(copy).process(), |piece| {
        pieces.push(piece);
        Ok::<(), LogError>(())
    })?;
    Ok((reading, pieces))
}

fn root<'a>(hashes: impl IntoIterator<Item = &'a Digest>) -> Digest {
    let mut tree = Tree::default();
    for hash in hashes {
        tree.push(*hash);
    }
    tree.root()
}

#[test]
fn a_copy_has_what_was_kept_and_every_hash() {
    let entries = entries();
    let expected = pieces(&entries);
    let copy = copy(&expected);
    let (reading, read) = read_all(&copy).expect("is whole");
    assert_eq!(read, expected);
    assert_eq!(reading.tip.hash, entries.last().expect("one").hash);
    assert_eq!(reading.size_bytes, copy.len() as u64);
    let missing: u64 = reading.left_out.iter().map(|(a, b)| b.0 - a.0 + 1).sum();
    assert_eq!(reading.kept + missing, entries.len() as u64);
    assert!(
        reading.left_out.contains(&(Sequence(39), Sequence(49))),
        "{reading:?}"
    );
    let hashes: Vec<Digest> = read.iter().map(Piece::hash).collect();
    assert_eq!(root(&hashes), root(entries.iter().map(|it| &it.hash)));
    // Nothing of what was left out is in it.
    for word in [b"somebody".as_slice(), b"xxxx"] {
        assert!(!copy.windows(word.len()).any(|it| it == word));
    }
    // A copy of the copy can be made, with less in it.
    let less: Vec<Piece> = read
        .iter()
        .map(|piece| Piece::LeftOut {
            sequence: piece.sequence(),
            hash: piece.hash(),
        })
        .collect();
    let less = [&read[..1], &less[1..]].concat();
    assert_eq!(read_all(&self::copy(&less)).expect("is whole").1, less);
}

#[test]
fn nobody_goes_on_from_a_copy() {
    let copy = disk(&copy(&pieces(&entries())));
    assert!(is_redacted(&copy.process()).expect("is read"));
    let refused = [
        copy.process().open(TIME).err().map(|it| it.to_string()),
        read_state(&copy.process()).err().map(|it| it.to_string()),
        read(&copy.process(), |_| Ok::<(), LogError>(()))
            .err()
            .map(|it| it.to_string()),
    ];
    let rule = Rule::Header(HeaderFault::Redacted);
    for refused in refused {
        let refused = refused.expect("is refused");
        assert!(refused.ends_with(&rule.to_string()), "{refused}");
    }
    let log = MemoryDisk::new();
    assert!(!is_redacted(&log.process()).expect("is read"));
    log.process().create(TIME, new_log()).expect("creates");
    assert!(!is_redacted(&log.process()).expect("is read"));
}

#[test]
fn what_is_kept_must_be_what_the_hashes_say() {
    let entries = entries();
    let whole = pieces(&entries);
    let mut forged = whole.clone();
    forged[0] = Piece::LeftOut {
        sequence: Sequence(1),
        hash: entries[0].hash,
    };
    let rule = |error: LogError| Refusal::of(&error).map(|it| it.rule);
    let refused = read_all(&copy(&forged)).expect_err("begins with nothing");
    assert_eq!(rule(refused), Some(Rule::NotCreated));
    assert_eq!(
        read_all(&copy(&[])).map_err(rule).expect_err("is empty"),
        Some(Rule::NotCreated)
    );
    // A hash that a kept entry goes on from cannot be another one: not even written.
    let mut redactor = Redactor::begin(new_log().id, Vec::new()).expect("begins");
    redactor.push(&whole[0]).expect("is written");
    let other = Piece::LeftOut {
        sequence: Sequence(2),
        hash: Digest([3; 32]),
    };
    redactor.push(&other).expect("is written");
    assert!(redactor.push(&Piece::Kept(entries[2].clone())).is_err());
}

/// Pseudo-random numbers (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "other copies are asked for by name"
)]
fn damaged_copies_are_refused() {
    const COPIES: usize = 1500;
    let seed = std::env::var("REDACTED_SEED").map_or(7, |it| it.parse().expect("a number"));
    let mut chance = Chance(seed);
    let entries = entries();
    let original = copy(&pieces(&entries));
    let (_, whole) = read_all(&original).expect("is whole");
    let (mut refused, mut elsewhere) = (0, 0);
    for case in 0..COPIES {
        let mut damaged = original.clone();
        match case % 4 {
            0 => damaged[chance.below(original.len())] ^= 1 << chance.below(8),
            1 => damaged.truncate(chance.below(original.len())),
            2 => {
                let (at, size) = (chance.below(original.len()), 1 + chance.below(64));
                damaged.drain(at..(at + size).min(original.len()));
            }
            _ => {
                let (from, to) = (chance.below(original.len()), chance.below(original.len()));
                let piece = original[from..(from + 48).min(original.len())].to_vec();
                damaged.splice(to..to, piece);
            }
        }
        if damaged == original {
            continue;
        }
        let on_purpose = case % 8 >= 4 && damaged.len() >= 32;
        if on_purpose {
            let end = damaged.len() - 32;
            let digest = Digest::of(&[&damaged[..end]]);
            damaged[end..].copy_from_slice(&digest.0);
        }
        match read_all(&damaged) {
            Err(LogError::Refused(_)) => refused += 1,
            Err(error) => panic!("seed {seed}, copy {case}: {error}"),
            Ok((_, read)) => {
                assert!(on_purpose, "seed {seed}, copy {case} is accepted");
                // What was kept is what it was, or is not there; and no checkpoint fits.
                assert!(damaged == original || read != whole);
                let kept = read.iter().filter_map(Piece::kept);
                assert!(
                    kept.clone().all(|it| entries.contains(it)),
                    "seed {seed}, copy {case}: another entry is accepted"
                );
                let hashes: Vec<Digest> = read.iter().map(Piece::hash).collect();
                let same = root(&hashes) == root(entries.iter().map(|it| &it.hash));
                assert!(!same || damaged == original, "seed {seed}, copy {case}");
                elsewhere += 1;
            }
        }
    }
    eprintln!("seed {seed}: {refused} refused, {elsewhere} with another tree");
    assert!(refused > COPIES * 9 / 10, "{refused}");
}
