//! The formats against vectors that are not ours, and against themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use courier_ledger::log::chain;
use courier_ledger::{Digest, Event, FullTree, LogId, Sequence, Timestamp};
use secrecy::SecretString;
use tempfile::TempDir;

use super::checkpoint::file_of;
use super::key::{EvidenceKey, EvidenceKeyError};
use super::note::VerifierError;
use super::proof::{ConsistencyProof, InclusionProof, ProofError};
use super::{Checkpoint, NoteError, Signed, Verifier, signed_in};

/// From the documentation of Go's `golang.org/x/mod/sumdb/note`.
const SIGNER: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

const LOG: LogId = LogId([7; 16]);

fn key_of(text: &str) -> EvidenceKey {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, text).unwrap();
    EvidenceKey::load(&path, None).unwrap().0
}

#[test]
fn go_s_key_makes_go_s_signature() {
    let key = key_of(SIGNER);
    assert_eq!(key.verifier().to_string(), VERIFIER);
    let (text, _) = NOTE.split_at(NOTE.find("\n\n").unwrap() + 1);
    assert_eq!(key.sign(text).unwrap(), NOTE);
    let verifier: Verifier = VERIFIER.parse().unwrap();
    assert_eq!(verifier.open(NOTE), Ok(text));
}

#[test]
fn a_made_key_is_read_again_and_its_file_is_its_owner_s() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let made = EvidenceKey::generate(&path, "clinic.example/courier", None).unwrap();
    let (again, exposed) = EvidenceKey::load(&path, None).unwrap();
    assert_eq!(made.verifier(), again.verifier());
    assert_eq!(exposed, None);
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    assert!(EvidenceKey::generate(&path, "x", None).is_err());
    let secret = fs::read_to_string(&path).unwrap();
    // The fifth part: its Base64 may hold more of these signs, and then end with next to nothing behind the last.
    let secret = secret.trim().splitn(5, '+').last().unwrap().to_owned();
    assert!(!format!("{made:?}").contains(&secret));
    for (from, to) in [("PRIVATE", "PUBLIC"), ("courier", "carrier"), ("+A", "+B")] {
        let text = fs::read_to_string(&path).unwrap().replacen(from, to, 1);
        fs::write(folder.path().join("other"), text).unwrap();
        let error = EvidenceKey::load(&folder.path().join("other"), None).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&secret));
    }
}

#[test]
fn an_encrypted_key_takes_its_passphrase_and_shows_its_public_half_without() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let (right, wrong) = (SecretString::from("right"), SecretString::from("wrong"));
    let made = EvidenceKey::generate(&path, "clinic.example/courier", Some(&right)).unwrap();
    let (again, _) = EvidenceKey::load(&path, Some(&right)).unwrap();
    let note = again.sign("a text\n").unwrap();
    assert_eq!(made.verifier().open(&note), Ok("a text\n"));
    assert_eq!(&EvidenceKey::public(&path).unwrap().0, made.verifier());
    for (passphrase, why) in [
        (None, "no passphrase"),
        (Some(&wrong), "another passphrase"),
    ] {
        let error = EvidenceKey::load(&path, passphrase)
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    // Neither a seed in the clear, nor another key's line above it.
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("PRIVATE+KEY"));
    let (line, rest) = text.split_once('\n').unwrap();
    assert_ne!(line, VERIFIER);
    fs::write(&path, format!("{VERIFIER}\n{rest}")).unwrap();
    let error = EvidenceKey::load(&path, Some(&right)).unwrap_err();
    assert!(matches!(error, EvidenceKeyError::Malformed(_)), "{error}");
    // OpenSSL's own program reads it.
    fs::write(&path, rest).unwrap();
    let openssl = std::process::Command::new("openssl")
        .args(["pkey", "-passin", "pass:right", "-noout", "-in"])
        .arg(&path)
        .status();
    assert!(openssl.is_ok_and(|status| status.success()));
}

#[test]
fn a_note_is_refused_for_any_change_and_other_signatures_are_passed_over() {
    let verifier: Verifier = VERIFIER.parse().unwrap();
    let other = "\u{2014} Somebody AAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let two = NOTE.replace("\n\n", &format!("\n\n{other}"));
    assert!(verifier.open(&two).is_ok());
    for (note, why) in [
        (NOTE.replace("then", "than"), NoteError::Wrong),
        (NOTE.replace("x08go/ZJ", "x08go/ZK"), NoteError::Wrong),
        (NOTE.replace("x08go", "x08gp"), NoteError::Unsigned),
        (NOTE.replace("PeterNeumann", "Peter"), NoteError::Unsigned),
        (NOTE.trim_end().to_owned(), NoteError::Form),
        (NOTE.replace("\n\n", "\n"), NoteError::Form),
        (NOTE.replace("\u{2014} ", "- "), NoteError::Form),
    ] {
        assert_eq!(verifier.open(&note), Err(why), "{note}");
    }
    for (text, why) in [
        ("PeterNeumann", VerifierError::Form),
        (
            "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            VerifierError::Id,
        ),
        ("PeterNeumann+c74f20a3+ARpc", VerifierError::Form),
        (
            "PeterNeumann+c74f20a3+Bhpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            VerifierError::Kind,
        ),
    ] {
        assert_eq!(text.parse::<Verifier>(), Err(why), "{text}");
    }
}

/// The payloads and hashes of a log's first entries.
fn log(entries: u64) -> (Vec<Vec<u8>>, Vec<Digest>) {
    let mut tip = chain::start(LOG);
    let (mut payloads, mut hashes) = (Vec::new(), Vec::new());
    for number in 1..=entries {
        let event = Event::DeletionsApproved {
            plan: Digest([3; 32]),
            who: "somebody".to_owned(),
            why: format!("reason {number}"),
        };
        let (entry, payload) = chain::next(tip, Timestamp(5), &event, None).unwrap();
        tip.sequence = entry.sequence;
        tip.hash = entry.hash;
        payloads.push(payload);
        hashes.push(entry.hash);
    }
    (payloads, hashes)
}

fn signed(key: &EvidenceKey, hashes: &[Digest]) -> Signed {
    let size = hashes.len() as u64;
    let claim = Checkpoint::of(
        key.verifier().name(),
        LOG,
        size,
        FullTree::of(hashes).root(hashes.len()).unwrap(),
    );
    let note = key.sign(&claim.text()).unwrap();
    Signed { note, claim }
}

#[test]
fn a_proof_shows_its_entry_and_no_changed_one() {
    let key = key_of(SIGNER);
    let (payloads, hashes) = log(21);
    let (checkpoint, tree) = (signed(&key, &hashes), FullTree::of(&hashes));
    for number in 1..=21 {
        let index = number as usize - 1;
        let previous = match index.checked_sub(1) {
            Some(before) => hashes[before],
            None => chain::start(LOG).hash,
        };
        let payload = payloads[index].clone();
        let sequence = Sequence(number);
        let proof =
            InclusionProof::make(&tree, sequence, payload, previous, checkpoint.clone()).unwrap();
        let text = proof.text();
        let (entry, said) = InclusionProof::check(&text, key.verifier()).unwrap();
        assert_eq!((entry.sequence, entry.hash), (sequence, hashes[index]));
        assert_eq!(said, checkpoint.claim);
        let (other, kept) = (number % 21, format!("index {}", number - 1));
        for changed in [
            text.replace(&kept, &format!("index {other}")),
            text.replacen("extra A", "extra B", 1)
                .replacen("extra Y", "extra Z", 1),
            text.replacen("\n21\n", "\n22\n", 1),
            text.replacen(&format!("{LOG}"), &"8".repeat(32), 1),
        ] {
            if changed != text {
                assert!(
                    InclusionProof::check(&changed, key.verifier()).is_err(),
                    "{changed}"
                );
            }
        }
    }
    assert!(InclusionProof::make(&tree, Sequence(22), Vec::new(), hashes[0], checkpoint).is_none());
}

#[test]
fn a_tree_is_proven_to_go_on_and_a_rewritten_one_is_not() {
    let key = key_of(SIGNER);
    let (_, hashes) = log(21);
    let new = signed(&key, &hashes);
    for old in 1..=21 {
        let kept = [signed(&key, &hashes[..old])];
        let proof =
            ConsistencyProof::make(&FullTree::of(&hashes), old as u64, new.clone()).unwrap();
        let text = proof.text();
        let (before, after) = ConsistencyProof::check(&text, key.verifier(), &kept).unwrap();
        assert_eq!((before.size, after.size), (old as u64, 21));
        let mut rewritten = hashes[..old].to_vec();
        rewritten[0] = Digest([9; 32]);
        let forked = [signed(&key, &rewritten)];
        assert!(matches!(
            ConsistencyProof::check(&text, key.verifier(), &forked),
            Err(ProofError::NotConsistent { .. })
        ));
        assert!(matches!(
            ConsistencyProof::check(&text, key.verifier(), &[]),
            Err(ProofError::NoOld(_))
        ));
    }
}

#[test]
fn a_file_of_checkpoints_is_read_as_it_was_written() {
    let key = key_of(SIGNER);
    let (_, hashes) = log(5);
    let all: Vec<Signed> = (1..=5).map(|size| signed(&key, &hashes[..size])).collect();
    let text = file_of(&all);
    assert_eq!(signed_in(&text), Some(all));
    assert_eq!(signed_in(""), Some(Vec::new()));
    for broken in [&text[..text.len() - 1], &text[..100], &text[..40], "x\n"] {
        assert_eq!(signed_in(broken), None, "{broken}");
    }
}
