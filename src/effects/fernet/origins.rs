//! Which intents many files were made for, where nobody knows the intents any more. A mark depends on
//! bytes that were drawn for its token alone, so nothing can be looked up: numbers have to be tried. How
//! few suffice follows from the tokens' times, in whose order their intents stand, but for a few neighbours
//! and for clocks that went wrong.
//!
//! What always holds: times decide how long it takes, never what is found; a token that is given up was
//! tried with every number. Deliberately absent: where the numbers end, which the caller says.

use courier_ledger::{KeyId, LogId, Sequence};

use super::key::{FernetKey, MARK_LABEL};
use super::marker::Marker;
use super::origin::{Bearing, DRAWN_BYTES, MARK_BYTES};

/// So far from where the order of times puts it an intent is looked for at once: intents are recorded
/// together, and their tokens begin when their results arrive.
const NEIGHBOURHOOD: u64 = 512;

/// For each file, by how it begins, the intent of `log` that it was made for, and the key, or the recipients,
/// that it is under; none where no intent up to `up_to` made it under any of these keys. `progress` hears how many tokens are
/// settled, and of how many.
///
/// Tokens of this log take a few seconds for millions of entries; one that is none of them takes as many
/// attempts as there are entries.
pub fn origins<T: AsRef<[u8]>>(
    tokens: &[T],
    log: LogId,
    up_to: Sequence,
    keys: &[FernetKey],
    mut progress: impl FnMut(usize, usize),
) -> Vec<Option<(Sequence, KeyId)>> {
    let mut search = Search {
        keys: keys.iter().map(|key| (key.id(), key.marker())).collect(),
        last: up_to.0,
        found: vec![None; tokens.len()],
        settled: 0,
        of: tokens.len(),
        progress: &mut progress,
    };
    let mut sought: Vec<Sought> = tokens
        .iter()
        .enumerate()
        .filter_map(|(index, text)| Sought::read(index, text.as_ref(), log))
        .collect();
    search.settle(tokens.len() - sought.len());
    sought.sort_by_key(|token| (token.time_seconds, token.index));
    let mut sought: Vec<&mut Sought> = sought.iter_mut().collect();
    while !sought.is_empty() {
        search.within(&mut sought, 1, up_to.0);
        // Wrong clocks may have led some astray; what was tried with every number is not tried again.
        sought.retain(|token| !token.is_settled);
    }
    search.found
}

/// A token whose intent is sought.
struct Sought {
    index: usize,
    time_seconds: u64,
    /// The mark that it bears.
    mark: [u8; MARK_BYTES],
    /// Whom it is for, where that is not who has the key of the mark.
    recipients: Option<KeyId>,
    /// What is marked, the number at its end to be set.
    message: [u8; MESSAGE_BYTES],
    /// Whether its intent is found, or every number was tried.
    is_settled: bool,
}

const NUMBER_AT: usize = MARK_LABEL.len() + DRAWN_BYTES + 16;
const MESSAGE_BYTES: usize = NUMBER_AT + 8;

impl Sought {
    /// What the beginning of a token's text says; none if it begins no token.
    fn read(index: usize, text: &[u8], log: LogId) -> Option<Self> {
        let Bearing {
            time_seconds,
            marked,
            mark,
            recipients,
        } = Bearing::of(text)?;
        let mut message = [0; MESSAGE_BYTES];
        let mut at = 0;
        for piece in [MARK_LABEL, &marked, &log.0] {
            message[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        Some(Self {
            index,
            time_seconds,
            mark,
            recipients,
            message,
            is_settled: false,
        })
    }

    /// The key under which this number is its own.
    fn key_for(&mut self, number: u64, keys: &[(KeyId, Marker)]) -> Option<KeyId> {
        self.message[NUMBER_AT..].copy_from_slice(&number.to_be_bytes());
        keys.iter().find_map(|(id, marker)| {
            // Nobody who could measure the time of this chooses the marks.
            marker
                .mark(&self.message)
                .starts_with(&self.mark)
                .then_some(self.recipients.unwrap_or(*id))
        })
    }
}

struct Search<'a> {
    keys: Vec<(KeyId, Marker)>,
    last: u64,
    found: Vec<Option<(Sequence, KeyId)>>,
    settled: usize,
    of: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

impl Search<'_> {
    /// Looks for tokens, in the order of their times, between two numbers: for the middle one first, which
    /// tells for the others on which side of it they are.
    fn within(&mut self, tokens: &mut [&mut Sought], low: u64, high: u64) {
        let mut tokens: Vec<&mut Sought> = tokens.iter_mut().map(|token| &mut **token).collect();
        while !tokens.is_empty() {
            let middle = tokens.len() / 2;
            let Some(number) = self.find(tokens[middle], low, high) else {
                tokens.remove(middle);
                continue;
            };
            let (before, after) = tokens.split_at_mut(middle);
            self.within(before, low, number);
            if let Some((_, after)) = after.split_first_mut() {
                self.within(after, number, high);
            }
            return;
        }
    }

    /// Looks for one token from the middle outwards.
    fn find(&mut self, token: &mut Sought, low: u64, high: u64) -> Option<u64> {
        let low = low.saturating_sub(NEIGHBOURHOOD).max(1);
        let high = high.saturating_add(NEIGHBOURHOOD).min(self.last);
        for number in outwards(low, high) {
            if let Some(key) = token.key_for(number, &self.keys) {
                self.found[token.index] = Some((Sequence(number), key));
                token.is_settled = true;
                self.settle(1);
                return Some(number);
            }
        }
        if low == 1 && high == self.last {
            token.is_settled = true;
            self.settle(1);
        }
        None
    }

    fn settle(&mut self, count: usize) {
        self.settled += count;
        (self.progress)(self.settled, self.of);
    }
}

/// Every number between two, both included, those in the middle first.
fn outwards(low: u64, high: u64) -> impl Iterator<Item = u64> {
    let middle = low + high.saturating_sub(low) / 2;
    let count = high.saturating_add(1).saturating_sub(low);
    (0..count).filter_map(move |step| {
        let distance = step.div_ceil(2);
        if step % 2 == 0 {
            middle.checked_sub(distance)
        } else {
            middle.checked_add(distance)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use base64_simd::URL_SAFE;

    use super::super::origin::{TOKEN_START_BYTES, TokenOrigin};
    use super::*;

    const LOG: LogId = LogId([7; 16]);
    const SECRETS: [&[u8]; 2] = [
        b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        b"YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=",
    ];

    fn keys() -> Vec<FernetKey> {
        let keys = SECRETS.iter().map(|text| FernetKey::parse(text).unwrap());
        keys.collect()
    }

    fn token(log: LogId, number: u64, time_seconds: u64, key: &FernetKey) -> String {
        let start = Sequence(number);
        let seed = TokenOrigin { log, start }.seed(time_seconds, key).unwrap();
        let header = [&seed.header()[..], &[0; 2]].concat();
        URL_SAFE.encode_to_string(header)[..TOKEN_START_BYTES].to_owned()
    }

    fn found(tokens: &[String], up_to: u64) -> Vec<Option<(Sequence, KeyId)>> {
        origins(tokens, LOG, Sequence(up_to), &keys(), |_, _| {})
    }

    #[test]
    fn every_number_between_two_comes_once() {
        for (low, high) in [(1, 1), (1, 2), (1, 9), (5, 12), (4, 3), (1, 0)] {
            let mut numbers: Vec<u64> = outwards(low, high).collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(low..=high), "{low} {high}");
        }
    }

    #[test]
    fn a_mark_is_that_of_the_key() {
        for key in keys() {
            let message: Vec<u8> = (0..62).collect();
            let labelled = [MARK_LABEL, &message].concat();
            assert_eq!(key.marker().mark(&labelled), key.mark(&[&message]).unwrap());
        }
    }

    #[test]
    fn each_token_is_found_under_its_key_and_strangers_are_not() {
        let [one, other] = <[FernetKey; 2]>::try_from(keys()).unwrap();
        let stranger = FernetKey::parse(b"eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=").unwrap();
        let mut tokens = Vec::new();
        let mut expected = Vec::new();
        for number in [1, 2, 40, 41, 700, 2_999, 3_000] {
            let key = if number < 100 { &one } else { &other };
            tokens.push(token(LOG, number, number * 60, key));
            expected.push(Some((Sequence(number), key.id())));
        }
        for strange in [
            token(LogId([8; 16]), 40, 2_400, &one),
            token(LOG, 40, 2_400, &stranger),
            token(LOG, 3_001, 180_060, &other),
            "not a token, though it is long enough".to_owned(),
            "short".to_owned(),
            String::new(),
        ] {
            tokens.insert(3, strange);
            expected.insert(3, None);
        }
        assert_eq!(found(&tokens, 3_000), expected);
        let mut heard = Vec::new();
        origins(&tokens, LOG, Sequence(3_000), &keys(), |settled, of| {
            heard.push((settled, of));
        });
        assert_eq!(heard.last(), Some(&(tokens.len(), tokens.len())));
    }

    #[test]
    fn clocks_that_went_wrong_hide_nothing() {
        let key = keys().remove(0);
        let times = |number: u64| match number {
            // All at once, backwards, and one far ahead in the middle.
            0..1_000 => 5,
            1_000..2_000 => 10_000 - number,
            2_500 => u64::MAX,
            _ => number,
        };
        let numbers: Vec<u64> = (1..=4_000).step_by(125).chain([2_500]).collect();
        let tokens: Vec<String> = numbers
            .iter()
            .map(|number| token(LOG, *number, times(*number), &key))
            .collect();
        let expected: Vec<_> = numbers
            .iter()
            .map(|number| Some((Sequence(*number), key.id())))
            .collect();
        assert_eq!(found(&tokens, 4_000), expected);
    }

    #[test]
    fn without_keys_or_numbers_nothing_is_found() {
        let token = token(LOG, 1, 1, &keys()[0]);
        assert_eq!(origins(&[&token], LOG, Sequence(9), &[], |_, _| {}), [None]);
        assert_eq!(found(std::slice::from_ref(&token), 0), [None]);
        assert_eq!(found(&[], 9), []);
    }
}
