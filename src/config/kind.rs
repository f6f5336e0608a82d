//! What keys take, with what holds without them. The same values say how a key is read, how it is
//! documented, and what an editor is told of it (JSON Schema).

use std::fmt;
use std::marker::PhantomData;

use courier_ledger::Guards;
use serde_json::{Value, json};

/// What a key takes.
pub(super) trait Kind: Sync {
    /// In words, to stand behind "takes".
    fn takes(&self) -> String;
    /// What holds when the key is not there, in words; nothing when its absence needs none.
    fn without(&self) -> String;
    /// What it takes, as a JSON Schema.
    fn schema(&self) -> Value;
    /// How a value is shown.
    fn nature(&self) -> Nature {
        Nature::Plain
    }
    /// Whether it must be there.
    fn is_required(&self) -> bool {
        false
    }
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// As it is.
    Plain,
    /// As the place that it leads to.
    Path,
    /// Not at all.
    Secret,
}

/// A number in quotes, which may be one of the replaced program's.
pub(super) const DIGITS: &str = r"^\s*[0-9]+\s*$";
/// The same, or a percentage.
pub(super) const DIGITS_OR_SHARE: &str = r"^\s*[0-9]+\s*(%\s*)?$";
/// A fingerprint as OpenSSH writes it.
pub(super) const FINGERPRINT: &str = r"^\s*SHA256:[A-Za-z0-9+/]{43}=*\s*$";
/// A public key as `age-keygen` prints it.
pub(super) const RECIPIENT: &str = r"^\s*age1[a-z0-9]{58}\s*$";
/// A text without control characters.
pub(super) const VISIBLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

fn visible() -> Value {
    json!({ "type": "string", "pattern": VISIBLE })
}

fn one_or_several(one: &Value, least: u64) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": least }] })
}

fn number(
    least: &impl fmt::Display,
    most: &impl fmt::Display,
    default: &impl fmt::Display,
) -> Value {
    let number = |text: String| text.parse::<u64>().unwrap_or(u64::MAX);
    json!({
        "anyOf": [
            {
                "type": "integer",
                "minimum": number(least.to_string()),
                "maximum": number(most.to_string()),
            },
            { "type": "string", "pattern": DIGITS },
        ],
        "default": number(default.to_string()),
    })
}

/// What holds without a key that has no value to fall back on.
#[derive(Clone, Copy)]
pub(super) enum Without {
    /// It must be there.
    Required,
    /// Something that these words describe.
    Means(&'static str),
    /// Nothing that needs words.
    Nothing,
}

impl Without {
    fn words(self) -> String {
        match self {
            Self::Required => "required",
            Self::Means(words) => words,
            Self::Nothing => "",
        }
        .to_owned()
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Required)
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $takes:literal $nature:ident $schema:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name(pub(super) Without);

        impl Kind for $name {
            fn takes(&self) -> String {
                $takes.to_owned()
            }

            fn without(&self) -> String {
                self.0.words()
            }

            fn schema(&self) -> Value {
                $schema
            }

            fn nature(&self) -> Nature {
                Nature::$nature
            }

            fn is_required(&self) -> bool {
                self.0.is_required()
            }
        }
    )*};
}

texts! {
    /// A text that no message shows.
    Secret "a secret text" Secret visible();
    /// A path on this machine.
    LocalPath "a path" Path visible();
    /// Several of them.
    LocalPaths "a path, or a list of them" Path one_or_several(&visible(), 0);
    /// Public keys of recipients.
    Recipients "`age1…`, or a list of them" Plain one_or_several(
        &json!({ "type": "string", "pattern": RECIPIENT }),
        1,
    );
    /// Host keys.
    Fingerprints "`SHA256:…`, or a list of them" Plain one_or_several(
        &json!({ "type": "string", "pattern": FINGERPRINT }),
        1,
    );
}

/// A text that is not empty, has no control characters, and is a `T`.
pub(super) struct Text<T> {
    takes: &'static str,
    without: Without,
    value: PhantomData<fn() -> T>,
}

impl<T> Text<T> {
    /// A key that takes this, in words.
    pub(super) const fn of(takes: &'static str, without: Without) -> Self {
        Self {
            takes,
            without,
            value: PhantomData,
        }
    }
}

impl<T> Kind for Text<T> {
    fn takes(&self) -> String {
        self.takes.to_owned()
    }

    fn without(&self) -> String {
        self.without.words()
    }

    fn schema(&self) -> Value {
        visible()
    }

    fn is_required(&self) -> bool {
        self.without.is_required()
    }
}

/// A number within limits.
pub(super) struct Number<T> {
    pub(super) least: T,
    pub(super) most: T,
    pub(super) default: T,
}

impl<T: fmt::Display + Sync> Kind for Number<T> {
    fn takes(&self) -> String {
        format!("a number from {} to {}", self.least, self.most)
    }

    fn without(&self) -> String {
        self.default.to_string()
    }

    fn schema(&self) -> Value {
        number(&self.least, &self.most, &self.default)
    }
}

/// A time limit, by default this many seconds.
pub(super) struct Seconds(pub(super) u64);

impl Seconds {
    /// A week: beyond it a limit is none.
    pub(super) const MOST: u64 = 7 * 24 * 60 * 60;
}

impl Kind for Seconds {
    fn takes(&self) -> String {
        format!("seconds, from 1 to {}", Self::MOST)
    }

    fn without(&self) -> String {
        self.0.to_string()
    }

    fn schema(&self) -> Value {
        number(&1, &Self::MOST, &self.0)
    }
}

/// One of several words, by default the first.
pub(super) struct Choice<T: 'static> {
    pub(super) default: (&'static str, T),
    pub(super) others: &'static [(&'static str, T)],
}

impl<T: Copy> Choice<T> {
    /// What a word means.
    pub(super) fn meaning(&self, word: &str) -> Option<T> {
        std::iter::once(&self.default)
            .chain(self.others)
            .find(|(known, _)| *known == word)
            .map(|(_, meaning)| *meaning)
    }
}

impl<T: Sync> Kind for Choice<T> {
    fn takes(&self) -> String {
        let mut words = format!("`{}`", self.default.0);
        for (index, (word, _)) in self.others.iter().enumerate() {
            let last = index + 1 == self.others.len();
            words += if last { " or " } else { ", " };
            words += &format!("`{word}`");
        }
        words
    }

    fn without(&self) -> String {
        format!("`{}`", self.default.0)
    }

    fn schema(&self) -> Value {
        let words: Vec<&str> = std::iter::once(&self.default)
            .chain(self.others)
            .map(|(word, _)| *word)
            .collect();
        json!({ "enum": words, "default": self.default.0 })
    }
}

/// On or off; off by default.
pub(super) struct Switch;

impl Kind for Switch {
    fn takes(&self) -> String {
        "`true` or `false`".to_owned()
    }

    fn without(&self) -> String {
        "`false`".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean", "default": false })
    }
}

/// A number, or a share of what there is.
pub(super) struct Allowance;

impl Kind for Allowance {
    fn takes(&self) -> String {
        "a number like `10`, or a percentage like `\"20%\"`".to_owned()
    }

    fn without(&self) -> String {
        let Guards {
            max_deletions,
            max_deletions_percent,
        } = Guards::default();
        format!("{max_deletions} or {max_deletions_percent} %, whichever is larger")
    }

    fn schema(&self) -> Value {
        json!({
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": DIGITS_OR_SHARE },
            ],
        })
    }
}
