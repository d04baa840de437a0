//! One setting alone: lines along its values.

use super::study::Study;
use crate::report::figure::Figure;
use crate::report::page::Page;

/// What is drawn, net and gross: title, figure, format.
const LINES: [(&str, &str, &str); 4] = [
    ("Sharpe ratio", "sharpe", ".2f"),
    ("Annual return", "annual_return", ".1%"),
    ("Calmar ratio", "calmar", ".2f"),
    ("Largest drawdown", "max_drawdown", ".1%"),
];

/// Adds a figure for each.
pub(super) fn add(page: &mut Page, study: &Study, axis: usize) {
    page.html("<div class=\"maps\">\n");
    for (title, key, format) in LINES {
        let mut figure = Figure::along(&study.title(axis), format);
        let mut lines = 0;
        for side in ["net", "gross"] {
            let name = format!("{side}_{key}");
            if study.has(&name) {
                let values = study.along(&study.figure(&name), axis, 0);
                figure.level_line(lines, side, &study.labels(axis), &values, (format, ""));
                lines += 1;
            }
        }
        match lines {
            0 => page.html(&format!("<p class=\"missing\">{title}: it is defined in no scenario.</p>\n")),
            _ => page.figure(title, figure),
        }
    }
    page.html("</div>\n");
}
