//! Text of others in the middle of a message: in quotation marks, in one line, as it is.
//!
//! What always holds here: nothing that steers a terminal comes through, and nothing that reads like the
//! source of a program (`\u{1b}`).

use std::fmt;

/// Shows a text in quotation marks.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'t>(pub &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.chars().map(|c| match c {
            '"' => '\'',
            // What is not seen, or changes the order of what is.
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => '\u{fffd}',
            _ if c.is_control() => '\u{fffd}',
            _ => c,
        });
        write!(f, "\"{}\"", shown.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_as_it_is_and_steers_nothing() {
        assert_eq!(Quoted("/Ein gänge/rki").to_string(), "\"/Ein gänge/rki\"");
        let shown = Quoted("a\"b\n\u{1b}[31m\u{202e}c").to_string();
        assert_eq!(shown, "\"a'b\u{fffd}\u{fffd}[31m\u{fffd}c\"");
    }
}
