//! The words of a line, and what each means. Each value is written as it is read.
//!
//! Deliberately absent: anything that only one command needs.

use std::collections::VecDeque;
use std::fmt;

use courier_ledger::{
    BrokerChange, ChangeRule, Digest, DraftRule, DropBoxChange, Encryption, Evidence, FailureClass,
    Found, KeyChangeRule, KeyId, LogId, OtherClock, Phase, Placement, ReappearanceRule,
    RemoteAfterFailure, RemoteCheckRule, Removal, Replaces, Sequence, Unseen, UploadReason,
};

use crate::history::{KEY, OTHER_KEY};

/// A line that says nothing that is understood, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear(String);

impl Unclear {
    /// In words why.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unclear {}

/// The words of one line, first to last. A text in quotation marks is one word, a comma is one, too.
#[derive(Clone, Debug)]
pub struct Words(VecDeque<String>);

impl Words {
    /// Takes a line apart.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let mut words = VecDeque::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (word, after) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted.split_once('"').unwrap_or((quoted, ""))
            } else if rest.starts_with(',') {
                rest.split_at(1)
            } else {
                let end = rest.find(|c: char| c.is_whitespace() || c == ',');
                rest.split_at(end.unwrap_or(rest.len()))
            };
            words.push_back(word.to_owned());
            rest = after.trim_start();
        }
        Self(words)
    }

    /// The next word, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<&str> {
        self.0.front().map(String::as_str)
    }

    /// The next word.
    pub fn word(&mut self) -> Result<String, Unclear> {
        let word = self.0.pop_front();
        word.ok_or_else(|| Unclear::new("a word is missing at the end"))
    }

    /// Takes the next word if it is this one.
    pub fn next_is(&mut self, word: &str) -> bool {
        let is = self.peek() == Some(word);
        if is {
            self.0.pop_front();
        }
        is
    }

    /// Takes the next word, which must be this one.
    pub fn expect(&mut self, word: &str) -> Result<(), Unclear> {
        match self.next_is(word) {
            true => Ok(()),
            false => Err(Unclear::new(format!("{word:?} is missing"))),
        }
    }

    /// The value that the next word means.
    pub fn value<T: Word>(&mut self) -> Result<T, Unclear> {
        let word = self.word()?;
        let unclear = || Unclear::new(format!("{word:?} is not {}", T::WHAT));
        T::read(&word).ok_or_else(unclear)
    }

    /// The value that the next word means, if it means one.
    pub fn maybe<T: Word>(&mut self) -> Option<T> {
        let value = T::read(self.peek()?)?;
        self.0.pop_front();
        Some(value)
    }

    /// Numbers and ranges of numbers (`3 5-9`, both ends included), at least one.
    pub fn numbers(&mut self) -> Result<Vec<u64>, Unclear> {
        let mut numbers = Vec::new();
        while let Some(range) = self.peek().and_then(range) {
            self.0.pop_front();
            numbers.extend(range);
        }
        match numbers.is_empty() {
            true => Err(Unclear::new("a number is missing")),
            false => Ok(numbers),
        }
    }

    /// What follows if the next word is a keyword.
    pub fn after<T: Word>(&mut self, keyword: &str) -> Result<Option<T>, Unclear> {
        match self.next_is(keyword) {
            true => self.value().map(Some),
            false => Ok(None),
        }
    }

    /// There must be no more words.
    pub fn end(&mut self) -> Result<(), Unclear> {
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(Unclear::new(format!("{word:?} means nothing here"))),
        }
    }
}

/// The numbers that `3` or `5-9` means.
pub(crate) fn range(word: &str) -> Option<std::ops::RangeInclusive<u64>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// A value that one word means.
pub trait Word: Sized {
    /// What the word should be, for people.
    const WHAT: &'static str;

    /// Reads the word.
    fn read(word: &str) -> Option<Self>;
}

macro_rules! number {
    ($($kind:ty)*) => {
        $(impl Word for $kind {
            const WHAT: &'static str = "a number";

            fn read(word: &str) -> Option<Self> {
                word.parse().ok()
            }
        })*
    };
}

number!(u8 u32 u64 i64);

/// A value that is written as it is read.
pub(crate) trait Written {
    fn written(self) -> &'static str;
}

macro_rules! words {
    ($($kind:ident: $what:literal { $($word:literal => $variant:ident,)* })*) => {
        $(
            impl Word for $kind {
                const WHAT: &'static str = $what;

                fn read(word: &str) -> Option<Self> {
                    match word {
                        $($word => Some(Self::$variant),)*
                        _ => None,
                    }
                }
            }

            impl Written for $kind {
                fn written(self) -> &'static str {
                    match self {
                        $(Self::$variant => $word,)*
                    }
                }
            }
        )*
    };
}

words! {
    Evidence: "deleted, untagged or unproven" {
        "deleted" => Deleted,
        "untagged" => Untagged,
        "unproven" => Unconfirmed,
    }
    UploadReason: "a reason of an upload" {
        "new" => New,
        "changed" => Changed,
        "other-request" => OtherRequest,
        "reappeared" => Reappeared,
        "key-changed" => KeyChanged,
        "in-doubt" => InDoubt,
        "drifted" => Drifted,
    }
    RemoteAfterFailure: "untouched, temporary-may-remain or uncertain" {
        "untouched" => Untouched,
        "temporary-may-remain" => TemporaryMayRemain,
        "uncertain" => Uncertain,
    }
    Phase: "a phase" {
        "list" => List,
        "status" => Status,
        "evidence" => Evidence,
        "export" => Export,
        "download" => Download,
        "encrypt" => Encrypt,
        "spool" => Spool,
        "connect" => Connect,
        "host-key" => HostKey,
        "authenticate" => Authenticate,
        "create" => Create,
        "write" => Write,
        "confirm" => Confirm,
        "place" => Place,
        "remove" => Remove,
        "run" => Run,
        "look" => Look,
    }
    FailureClass: "transient, permanent or needs-person" {
        "transient" => Transient,
        "permanent" => Permanent,
        "needs-person" => NeedsPerson,
    }
    Placement: "a way of placing a file" {
        "posix-rename" => PosixRename,
        "rename" => Rename,
        "unlink-then-rename" => UnlinkThenRename,
        "direct" => Direct,
    }
    Removal: "removed or already-absent" {
        "removed" => Removed,
        "already-absent" => AlreadyAbsent,
    }
    Replaces: "nothing or own" {
        "nothing" => Nothing,
        "own" => Own,
    }
    OtherClock: "broker or last-entry" {
        "broker" => Broker,
        "last-entry" => LastEntry,
    }
    ChangeRule: "fingerprint or completion" {
        "fingerprint" => Fingerprint,
        "completion" => Completion,
    }
    ReappearanceRule: "upload or ignore" {
        "upload" => Upload,
        "ignore" => Ignore,
    }
    DraftRule: "upload or wait" {
        "upload" => Upload,
        "wait" => Wait,
    }
    Encryption: "fernet or age" {
        "fernet" => Fernet,
        "age" => Age,
    }
    KeyChangeRule: "keep or reupload" {
        "keep" => Keep,
        "reupload" => Reupload,
    }
    BrokerChange: "same, withdraw or keep" {
        "same" => Same,
        "withdraw" => Withdraw,
        "keep" => Keep,
    }
    DropBoxChange: "same or another" {
        "same" => Same,
        "another" => Another,
    }
    RemoteCheckRule: "off, report or repair" {
        "off" => Off,
        "report" => Report,
        "repair" => Repair,
        "pickup" => Pickup,
    }
}

impl Word for Sequence {
    const WHAT: &'static str = "the number of an entry, as in #7";

    fn read(word: &str) -> Option<Self> {
        word.strip_prefix('#')?.parse().ok()
    }
}

impl Word for Found {
    const WHAT: &'static str = "nothing, foreign, or own with an intent, as in own#7";

    fn read(word: &str) -> Option<Self> {
        match word {
            "nothing" => Some(Self::Nothing),
            "foreign" => Some(Self::Foreign),
            _ => Sequence::read(word.strip_prefix("own")?).map(Self::Own),
        }
    }
}

impl Word for Unseen {
    const WHAT: &'static str = "forbidden or untold";

    fn read(word: &str) -> Option<Self> {
        match word {
            "forbidden" => Some(Self::Forbidden),
            "untold" => Some(Self::Untold),
            _ => None,
        }
    }
}

impl Word for Digest {
    const WHAT: &'static str = "64 hexadecimal digits";

    fn read(word: &str) -> Option<Self> {
        Self::from_hex(word)
    }
}

impl Word for LogId {
    const WHAT: &'static str = "32 hexadecimal digits";

    fn read(word: &str) -> Option<Self> {
        Self::from_hex(word)
    }
}

impl Word for KeyId {
    const WHAT: &'static str = "first, second or 16 hexadecimal digits";

    fn read(word: &str) -> Option<Self> {
        match word {
            "first" => Some(KEY),
            "second" => Some(OTHER_KEY),
            _ if word.len() == 16 && word.is_ascii() => {
                Some(Self(u64::from_str_radix(word, 16).ok()?.to_be_bytes()))
            }
            _ => None,
        }
    }
}

/// A key, as it is read.
pub(crate) fn key(key: KeyId) -> String {
    match key {
        KEY => "first".to_owned(),
        OTHER_KEY => "second".to_owned(),
        other => other.to_string(),
    }
}
