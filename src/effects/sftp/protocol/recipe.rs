//! How a file comes under its final name, and what shows that it arrived: what the configuration says
//! and an upload does. Deliberately absent: what a server must be able to do for it, which the upload
//! finds out; which of them holds without a word, which is the configuration's.

/// How a file comes under its final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// Under which name it is written.
    pub placing: Placing,
    /// What shows that it arrived.
    pub verification: Verification,
}

/// Under which name a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// Under a temporary one; the final one comes by a rename, when everything is confirmed.
    Rename,
    /// Under the final one, for a server that cannot rename: a part of it can be seen there, and an
    /// upload that fails costs the old version.
    Direct,
}

/// What shows that a file arrived, besides the acknowledgement of every write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// The size that the server tells.
    Size,
    /// That, and its bytes, read back and compared by SHA-256.
    ReadBack,
    /// Nothing.
    Nothing,
}
