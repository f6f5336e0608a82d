//! So many of something, in words: `1 file`, `2 files`, `2 entries`.

use std::fmt;

/// A number with what it counts, which is named in the singular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted<N>(pub N, pub &'static str);

impl<N: Copy + fmt::Display + PartialEq + From<u8>> fmt::Display for Counted<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, one) = self;
        match one.strip_suffix('y') {
            _ if *count == N::from(1) => write!(f, "{count} {one}"),
            Some(stem) => write!(f, "{count} {stem}ies"),
            None => write!(f, "{count} {one}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        assert_eq!(Counted(0_u64, "file").to_string(), "0 files");
        assert_eq!(Counted(1_u64, "file").to_string(), "1 file");
        assert_eq!(Counted(12_usize, "entry").to_string(), "12 entries");
    }
}
