//! One setting alone: lines along its values.

use super::study::Study;
use crate::report::figure::Figure;
use crate::report::page::Page;

/// What is drawn: title, figure, format, and whether there is a gross one beside it.
const LINES: [(&str, &str, &str, bool); 4] = [
    ("Sharpe ratio", "sharpe", ".2f", true),
    ("Annual return", "annual_return", ".1%", true),
    ("Calmar ratio", "calmar", ".2f", true),
    ("Largest drawdown", "max_drawdown", ".1%", true),
];

/// Adds a figure for each.
pub(super) fn add(page: &mut Page, study: &Study, axis: usize) {
    page.html("<div class=\"maps\">\n");
    for (title, key, format, gross) in LINES {
        let mut figure = Figure::along(&study.title(axis), format);
        let mut lines = 0;
        for side in ["net", "gross"].into_iter().take(1 + usize::from(gross)) {
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
