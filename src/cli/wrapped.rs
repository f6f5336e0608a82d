//! Words for people, in lines that fit a terminal.
//!
//! What always holds here: no line is longer than a terminal's, but where one word is. Deliberately absent:
//! how wide this terminal is; what is shown is the same on all of them, and in a mail.

use std::io::{self, Write};

/// What a terminal has at least, in characters.
pub(super) const COLUMNS: usize = 80;

/// Writes words behind `first`, goes on behind `next` where a line is full, and ends the line.
pub(super) fn write(
    output: &mut dyn Write,
    first: &str,
    next: &str,
    words: &str,
) -> io::Result<()> {
    write!(output, "{first}")?;
    go_on(output, first.chars().count(), next, words)
}

/// The same behind what fills a line up to this column already.
pub(super) fn go_on(
    output: &mut dyn Write,
    mut column: usize,
    next: &str,
    words: &str,
) -> io::Result<()> {
    for (index, word) in words.split_whitespace().enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > COLUMNS {
            write!(output, "\n{next}")?;
            column = next.chars().count();
        } else if index > 0 {
            write!(output, " ")?;
            column += 1;
        }
        write!(output, "{word}")?;
        column += length;
    }
    writeln!(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_a_terminals_and_no_word_is_lost() {
        let mut output = Vec::new();
        let words = "words ".repeat(40);
        write(&mut output, "  + name  ", "          ", &words).expect("memory takes it");
        let text = String::from_utf8(output).expect("it is text");
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS));
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("          w"))
        );
        assert_eq!(text.matches("words").count(), 40);
    }
}
