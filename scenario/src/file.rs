//! A file of stories: played block by block, held against what it says, and written anew when that
//! is asked for.
//!
//! What always holds: a file that is written anew and played again says the same. Deliberately
//! absent: what the lines mean.

use std::fmt::Write as _;
use std::path::Path;

use crate::words::Unclear;

const RULE: &str = "----";

/// Whoever takes the lines of a story.
pub trait Stage {
    /// Takes one line, and gives what it says: nothing, or whole lines.
    fn tell(&mut self, line: &str) -> Result<String, Unclear>;
}

/// A piece of a file.
enum Piece<'a> {
    /// A line for people, or an empty one.
    Words(&'a str),
    Block(Block<'a>),
}

struct Block<'a> {
    /// Where it begins, from 1.
    number: usize,
    lines: Vec<&'a str>,
    said: Vec<&'a str>,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            pieces.push(Piece::Words(line));
            continue;
        }
        let mut block = Block {
            number: index + 1,
            lines: vec![line],
            said: Vec::new(),
        };
        let mut speaks = false;
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            match (speaks, line) {
                (false, RULE) => speaks = true,
                (false, line) => block.lines.push(line),
                (true, line) => block.said.push(line),
            }
        }
        pieces.push(Piece::Block(block));
    }
    pieces
}

/// What the blocks of a text should say, one by one.
#[must_use]
pub fn outputs(text: &str) -> Vec<String> {
    let said = pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Block(block) if !block.said.is_empty() => Some(block.said.join("\n") + "\n"),
        Piece::Block(_) | Piece::Words(_) => None,
    });
    said.collect()
}

/// Plays a text, and gives in words what is otherwise than it says.
pub fn play(text: &str, stage: &mut dyn Stage) -> Vec<String> {
    compare(text, stage).1
}

/// Plays a text: as it should be, and in words where it is otherwise.
fn compare(text: &str, stage: &mut dyn Stage) -> (String, Vec<String>) {
    let (mut written, mut differences) = (String::new(), Vec::new());
    let mut story = String::new();
    let mut goes_on = false;
    for piece in pieces(text) {
        let block = match piece {
            Piece::Words(line) => {
                if let Some(words) = line.strip_prefix('#') {
                    if !goes_on {
                        story.clear();
                    }
                    story.push_str(words);
                }
                goes_on = line.starts_with('#');
                written.push_str(line);
                written.push('\n');
                continue;
            }
            Piece::Block(block) => block,
        };
        goes_on = false;
        let mut said = String::new();
        for line in &block.lines {
            let _ = writeln!(written, "{line}");
            // A comment within a block is for people, too.
            if !line.starts_with('#') {
                match stage.tell(line) {
                    Ok(words) => said.push_str(&words),
                    Err(unclear) => differences.push(format!("{line:?}: {unclear}")),
                }
            }
        }
        if !said.is_empty() {
            let _ = write!(written, "{RULE}\n{said}");
        }
        if said.lines().ne(block.said.iter().copied()) {
            let (number, expected) = (block.number, block.said.join("\n"));
            differences.push(format!(
                "line {number}:{story}\n--- it says\n{expected}\n--- what is\n{said}"
            ));
        }
    }
    (written, differences)
}

/// Holds a file against what is; `UPDATE_SCENARIOS=1` writes what is instead.
///
/// # Panics
/// When the file says otherwise, with every difference.
pub fn check(path: &Path, stage: &mut dyn Stage) {
    let name = path.display();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (written, differences) = compare(&text, stage);
    if std::env::var_os("UPDATE_SCENARIOS").is_some() {
        if written != text {
            std::fs::write(path, written).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let unclear: Vec<_> = differences
            .iter()
            .filter(|it| it.starts_with('"'))
            .collect();
        assert!(unclear.is_empty(), "{name}: {unclear:#?}");
    } else {
        let shown = differences.join("\n");
        assert!(
            differences.is_empty(),
            "{name}: {shown}\nUPDATE_SCENARIOS=1 writes what is; look at the difference before you commit it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl Stage for Echo {
        fn tell(&mut self, line: &str) -> Result<String, Unclear> {
            Ok(line
                .strip_prefix("say ")
                .map_or(String::new(), |words| format!("{words}\n")))
        }
    }

    const TEXT: &str =
        "# A story.\nthink\n\n# Another,\n# longer one.\nthink\nsay this\n----\nthis\n";

    #[test]
    fn a_file_that_says_what_is_stays_as_it_is() {
        assert_eq!(compare(TEXT, &mut Echo), (TEXT.to_owned(), Vec::new()));
        assert_eq!(outputs(TEXT), ["this\n"]);
    }

    #[test]
    fn what_is_otherwise_is_named_with_line_and_story() {
        for wrong in ["----\nthat\n", "", "----\n", "----\nthis\nthis\n"] {
            let text = TEXT.replace("----\nthis\n", wrong);
            let (written, differences) = compare(&text, &mut Echo);
            assert_eq!(written, TEXT);
            let [difference] = differences.as_slice() else {
                panic!("{differences:?}")
            };
            assert!(
                difference.starts_with("line 6: Another, longer one."),
                "{difference}"
            );
        }
    }
}
