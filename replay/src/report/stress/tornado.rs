//! What each setting does by itself.

use super::labels::{As, shown, spoken};
use super::study::{OBJECTIVE_TITLE, Study};
use crate::report::figure::{Figure, Swung};
use crate::report::page::Page;

const HEADING: &str = "Which setting matters";

/// Adds the figure.
pub(super) fn add(page: &mut Page, study: &Study) {
    let Some(base) = study.base else { return };
    let here = study.objective[base.row];
    let swings = match here.is_nan() {
        true => Vec::new(),
        false => study.sweep.swings(&study.objective, base.row),
    };
    if swings.is_empty() {
        return page.missing(
            HEADING,
            "No two scenarios around the base differ in one setting alone and have a Sharpe ratio.",
        );
    }
    page.section(HEADING);
    let swung = |swing: &betaflow_engine::sweep::Swing| {
        let label = |(value, row): (f64, usize)| {
            let setting = spoken(&study.title(swing.axis), &study.label(swing.axis, row));
            format!("{setting}: {}", shown(value, As::Plain(2)))
        };
        Swung {
            name: study.title(swing.axis),
            ends: [swing.low.0, swing.high.0],
            labels: [label(swing.low), label(swing.high)],
        }
    };
    // The first of a category axis is at its lower end.
    let drawn: Vec<Swung> = swings.iter().rev().map(swung).collect();
    let mut rows = String::new();
    for swing in &swings {
        let end = |(value, row): (f64, usize)| {
            format!("<td>{}</td><td>{}</td>", shown(value, As::Plain(2)), study.label(swing.axis, row))
        };
        let title = study.title(swing.axis);
        rows += &format!(
            "<tr><th scope=\"row\">{title}</th>{}{}<td>{}</td></tr>\n",
            end(swing.low),
            end(swing.high),
            shown(swing.high.0 - swing.low.0, As::Plain(2))
        );
    }
    page.figure(
        &format!("The {OBJECTIVE_TITLE} when one setting moves and the others stay"),
        Figure::of_swings(&drawn, here, OBJECTIVE_TITLE),
    );
    page.table(&["", "lowest", "at", "highest", "at", "range"], "plain", &rows);
    page.html(&format!(
        "<p class=\"small\">The line is the scenario {}: {}. A bar is as long as the values that were tried lie \
         apart.</p>\n",
        if base.exact { "of the configuration" } else { "nearest to the configuration, which was not tried" },
        study.spoken(base.row)
    ));
}
