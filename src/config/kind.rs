//! What keys take, with what holds without them. The same values say how a key is read and how it
//! is documented.

use std::fmt;
use std::marker::PhantomData;

use courier_ledger::Guards;

/// What a key takes.
pub(super) trait Kind: Sync {
    /// In words, to stand behind "takes".
    fn takes(&self) -> String;
    /// What holds when the key is not there, in words; nothing when its absence needs none.
    fn without(&self) -> String;
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
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $takes:literal)*) => {$(
        $(#[$doc])*
        pub(super) struct $name(pub(super) Without);

        impl Kind for $name {
            fn takes(&self) -> String {
                $takes.to_owned()
            }

            fn without(&self) -> String {
                self.0.words()
            }
        }
    )*};
}

texts! {
    /// A text that no message shows.
    Secret "a secret text"
    /// A path on this machine.
    LocalPath "a path"
    /// Several of them.
    LocalPaths "a path, or a list of them"
    /// Host keys.
    Fingerprints "`SHA256:…`, or a list of them"
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
}
