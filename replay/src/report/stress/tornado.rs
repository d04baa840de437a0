//! Effect of each setting alone.

use betaflow_engine::sweep::Swing;
use maud::{Markup, html};

use super::study::{OBJECTIVE_TITLE, Study};
use crate::report::figure::{Figure, SwingBar};
use crate::report::labels::{Unit, shown, spoken};
use crate::report::page::Page;

const HEADING: &str = "Effect of each setting";

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
    let swung = |swing: &Swing| {
        let label = |(value, row): (f64, usize)| {
            let setting = spoken(study.title(swing.axis), study.label(swing.axis, row));
            format!("{setting}: {}", shown(value, Unit::Plain(2)))
        };
        SwingBar {
            name: study.title(swing.axis).to_owned(),
            ends: [swing.low.0, swing.high.0],
            labels: [label(swing.low), label(swing.high)],
        }
    };
    // A category axis begins at its lower end.
    let drawn: Vec<SwingBar> = swings.iter().rev().map(swung).collect();
    let row = |swing: &Swing| -> Markup {
        html! {
            tr {
                th scope="row" { (study.title(swing.axis)) }
                @for (value, row) in [swing.low, swing.high] {
                    td { (shown(value, Unit::Plain(2))) } td { (study.label(swing.axis, row)) }
                }
                td { (shown(swing.high.0 - swing.low.0, Unit::Plain(2))) }
            }
        }
    };
    let rows: Vec<Markup> = swings.iter().map(row).collect();
    page.figure(
        &format!("Range of the {OBJECTIVE_TITLE} by setting"),
        "Each bar is the range of the figure when one setting takes all its values and the others stay as in the base (line): \
         a long bar is a setting that matters.",
        Figure::of_swings(&drawn, here, OBJECTIVE_TITLE),
    );
    page.table(&["setting", "lowest", "at", "highest", "at", "range"], "plain", &rows);
    page.small(format!(
        "The line is the scenario {}: {}.",
        if base.exact {
            "of the configuration"
        } else {
            "nearest to the configuration, which the grid does not contain"
        },
        study.spoken(base.row)
    ));
}
