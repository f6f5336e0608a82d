//! HTML, piece by piece.
//!
//! What always holds here: text is escaped, and what would steer how text is shown (controls, bidirectional
//! marks, what cannot be seen) stands there as its number. Deliberately absent: scripts.

use std::fmt::Write as _;

use courier_ledger::Timestamp;

/// A page that grows.
#[derive(Default)]
pub(super) struct Markup(String);

/// What stands in a cell of a table, or a paragraph.
pub(super) enum Piece {
    /// Text.
    Text(String),
    /// A hash or the like.
    Code(String),
    /// A number or a time between two moments: its value, and how it is shown.
    Value(i128, String),
    /// A moment, and how it is shown.
    Time(Timestamp, String),
    /// Markup.
    Drawn(String),
    /// Nothing.
    Empty,
}

impl Markup {
    /// The whole.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape(&mut self.0, text);
        self
    }

    /// Adds an element that holds text.
    pub(super) fn element(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text);
        let name = name.split(' ').next().unwrap_or(name);
        self.raw("</").raw(name).raw(">")
    }

    /// Adds a piece.
    pub(super) fn piece(&mut self, piece: &Piece) -> &mut Self {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::Code(text) => self.element("code", text),
            Piece::Value(value, shown) => self.element(&format!("data value=\"{value}\""), shown),
            Piece::Time(time, shown) => self.element(&format!("time datetime=\"{time}\""), shown),
            Piece::Drawn(markup) => self.raw(markup),
            Piece::Empty => self.text("–"),
        }
    }

    /// Opens a section below a title.
    pub(super) fn section(&mut self, id: &str, title: &str) -> &mut Self {
        self.raw("<section id=\"").raw(id).raw("\">\n");
        self.element("h2", title).raw("\n")
    }

    /// Closes it.
    pub(super) fn end_section(&mut self) -> &mut Self {
        self.raw("</section>\n")
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) -> &mut Self {
        self.element("p", text).raw("\n")
    }

    /// Opens what is read only by who wants to.
    pub(super) fn fold(&mut self, summary: &str) -> &mut Self {
        self.raw("<details>").element("summary", summary).raw("\n")
    }

    /// Closes it.
    pub(super) fn end_fold(&mut self) -> &mut Self {
        self.raw("</details>\n")
    }

    /// A table; the first cell of a row names it.
    pub(super) fn table(
        &mut self,
        caption: &str,
        heads: &[&str],
        rows: impl Iterator<Item = (Option<String>, Vec<Piece>)>,
    ) -> &mut Self {
        self.raw("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"");
        self.text(caption).raw("\"><table>");
        self.element("caption", caption).raw("<thead><tr>");
        for head in heads {
            self.element("th scope=\"col\"", head);
        }
        self.raw("</tr></thead><tbody>\n");
        for (id, cells) in rows {
            match id {
                Some(id) => self.raw("<tr id=\"").text(&id).raw("\">"),
                None => self.raw("<tr>"),
            };
            for (at, cell) in cells.iter().enumerate() {
                let (open, close) = match (at, cell) {
                    (0, _) => ("<th scope=\"row\">", "</th>"),
                    (_, Piece::Value(..)) => ("<td class=\"n\">", "</td>"),
                    _ => ("<td>", "</td>"),
                };
                self.raw(open).piece(cell).raw(close);
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody></table></div>\n")
    }
}

/// Text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut into = String::with_capacity(text.len());
    escape(&mut into, text);
    into
}

fn escape(into: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            _ if steers(c) => {
                // Writing into memory does not fail.
                let _ = write!(into, "⟦U+{:04X}⟧", u32::from(c));
            }
            _ => into.push(c),
        }
    }
}

/// Whether a character changes how others are shown, or is not seen itself.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_text_and_steers_nothing() {
        assert_eq!(
            escaped("<b title=\"x\">'&\u{202e}\n\u{1b}ä</b>"),
            "&lt;b title=&quot;x&quot;&gt;&#39;&amp;⟦U+202E⟧⟦U+000A⟧⟦U+001B⟧ä&lt;/b&gt;"
        );
    }

    #[test]
    fn an_element_closes_by_its_name() {
        let mut page = Markup::default();
        page.element("th scope=\"row\"", "a<b");
        assert_eq!(page.finish(), "<th scope=\"row\">a&lt;b</th>");
    }
}
