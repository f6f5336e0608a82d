//! Drawings, in SVG: bars, and the course of one request.
//!
//! What always holds here: each says in words what it shows, and what it shows stands beside it as a table.
//! Colours come from the page's style, so that they follow light, dark and print; what a colour says, a
//! pattern or a place says too.

use std::fmt::Write as _;

use super::markup::escaped;

/// A series of bars.
pub(super) struct Series<'a> {
    /// What it is called.
    pub(super) name: &'a str,
    /// The class that colours it.
    pub(super) class: &'a str,
    /// Its values.
    pub(super) values: Vec<u64>,
}

const WIDTH: u64 = 400;
const HEIGHT: u64 = 170;
const LEFT: u64 = 34;
const TOP: u64 = 10;
const BOTTOM: u64 = 28;

/// Bars beside each other, in each the series on top of each other.
pub(super) fn bars(title: &str, desc: &str, labels: &[String], series: &[Series<'_>]) -> String {
    let count = labels.len() as u64;
    let sum = |at: usize| -> u64 {
        let values = series.iter().filter_map(|it| it.values.get(at));
        values.sum()
    };
    let most = (0..labels.len()).map(sum).max().unwrap_or(0);
    let top = round_up(most);
    let (height, width) = (HEIGHT - TOP - BOTTOM, WIDTH - LEFT);
    let mut svg = opened(title, desc);
    for part in [0, 1, 2] {
        let y = TOP + height - height * part / 2;
        let value = top * part / 2;
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{WIDTH}\" y2=\"{y}\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>",
            LEFT - 4,
            y + 4
        );
    }
    for (at, _) in labels.iter().enumerate() {
        let index = at as u64;
        let (from, to) = (
            LEFT + width * index / count,
            LEFT + width * (index + 1) / count,
        );
        let gap = if to - from > 4 { 2 } else { 0 };
        let mut y = TOP + height;
        for it in series {
            let value = it.values.get(at).copied().unwrap_or(0);
            // What there is, is seen.
            let tall = (height * value).div_ceil(top.max(1));
            y = y.saturating_sub(tall);
            if value > 0 {
                let _ = write!(
                    svg,
                    "<rect class=\"{}\" x=\"{from}\" y=\"{y}\" width=\"{}\" height=\"{tall}\"/>",
                    it.class,
                    to - from - gap
                );
            }
        }
    }
    let step = labels.len().div_ceil(6).max(1);
    for (at, label) in labels.iter().enumerate().step_by(step) {
        let x = LEFT + width * (2 * at as u64 + 1) / (2 * count.max(1));
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 8,
            escaped(label)
        );
    }
    svg.push_str("</svg>");
    svg.push_str("<ul class=\"key\">");
    for it in series {
        let _ = write!(
            svg,
            "<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect class=\"{}\" width=\"12\" \
             height=\"12\"/></svg> {}</li>",
            it.class,
            escaped(it.name)
        );
    }
    svg.push_str("</ul>");
    svg
}

fn opened(title: &str, desc: &str) -> String {
    format!(
        "<svg class=\"plot\" role=\"img\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-label=\"{}\"><title>{}\
         </title><desc>{}</desc>",
        escaped(title),
        escaped(title),
        escaped(desc)
    )
}

/// The next number that a scale of two parts ends with.
fn round_up(value: u64) -> u64 {
    let mut unit = 2;
    loop {
        for factor in [1, 2, 5] {
            if unit * factor >= value {
                return unit * factor;
            }
        }
        unit *= 10;
    }
}

/// What happened to one request, as places on a line from 0 to 100.
pub(super) struct Course<'a> {
    /// In words.
    pub(super) title: &'a str,
    /// Where a hospital completed.
    pub(super) completions: Vec<u64>,
    /// How many hospitals there are.
    pub(super) hospitals: u64,
    /// Where a result was delivered.
    pub(super) deliveries: Vec<u64>,
    /// Where it was withdrawn.
    pub(super) withdrawals: Vec<u64>,
}

/// Steps up with each hospital, a line down for each delivery, a cross for a withdrawal.
pub(super) fn course(course: &Course<'_>) -> String {
    let mut svg = format!(
        "<svg class=\"course\" role=\"img\" viewBox=\"-2 -2 104 20\" aria-label=\"{}\"><title>{0}</title>",
        escaped(course.title)
    );
    let mut path = String::from("M0 16");
    for (at, x) in course.completions.iter().enumerate() {
        let y = 16 - 14 * (at as u64 + 1) / course.hospitals.max(1);
        let _ = write!(path, "H{x}V{y}");
    }
    let _ = write!(path, "H100");
    let _ = write!(svg, "<path class=\"steps\" d=\"{path}\"/>");
    if !course.deliveries.is_empty() {
        let mut path = String::new();
        for x in &course.deliveries {
            let _ = write!(path, "M{x} 16V0");
        }
        let _ = write!(svg, "<path class=\"drop\" d=\"{path}\"/>");
    }
    if !course.withdrawals.is_empty() {
        let mut path = String::new();
        for x in &course.withdrawals {
            let _ = write!(path, "M{} 4l8 8m0-8l-8 8", x.saturating_sub(4));
        }
        let _ = write!(svg, "<path class=\"gone\" d=\"{path}\"/>");
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_with_a_round_number() {
        let scales: Vec<_> = [0, 1, 2, 3, 5, 11, 20, 21, 101].map(round_up).into();
        assert_eq!(scales, [2, 2, 2, 4, 10, 20, 20, 40, 200]);
    }
}
