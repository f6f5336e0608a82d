//! What several parts of the page are made of: figures, numbers, lists that are cut short.

use super::figures::Figures;
use super::markup::{Markup, Piece};
use super::words::Lang;

/// So many rows of a long list stand open.
pub(super) const OPEN: usize = 25;
/// So many rows of a list that is told in full elsewhere are shown.
pub(super) const SHOWN: usize = 500;

/// A figure, and what it is called.
pub(super) fn figure(page: &mut Markup, name: &str, piece: &Piece) {
    page.raw("<div>")
        .element("dt", name)
        .raw("<dd>")
        .piece(piece)
        .raw("</dd></div>");
}

pub(super) fn count(lang: Lang, number: u64) -> Piece {
    Piece::Value(number.into(), lang.number(number))
}

pub(super) fn span(lang: Lang, micros: Option<i64>) -> Piece {
    micros.map_or(Piece::Empty, |it| Piece::Value(it.into(), lang.span(it)))
}

pub(super) fn quantiles(page: &mut Markup, lang: Lang, figures: &Figures) {
    figure(
        page,
        lang.say("Count", "Anzahl"),
        &count(lang, figures.count),
    );
    figure(
        page,
        lang.say("Median", "Median"),
        &span(lang, figures.median_micros),
    );
    figure(page, "95 %", &span(lang, figures.p95_micros));
    figure(
        page,
        lang.say("Worst", "Längste"),
        &span(lang, figures.worst_micros),
    );
}

/// Says that there are more.
pub(super) fn shortened(page: &mut Markup, all: usize, shown: usize, lang: Lang) {
    if all > shown {
        page.raw("<p>").text(lang.say("and ", "und "));
        page.piece(&count(lang, (all - shown) as u64));
        page.text(lang.say(" more, in JSON", " weitere, im JSON"))
            .raw("</p>\n");
    }
}
