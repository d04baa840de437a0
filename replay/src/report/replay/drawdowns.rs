//! Worst drawdowns.

use maud::{Markup, html};

use crate::report::format::{percent, text};
use crate::report::page::Page;
use crate::summary::DrawdownSummary;

const HEADING: &str = "Worst drawdowns";

/// Adds the table.
pub(super) fn add(page: &mut Page, drawdowns: Option<&[DrawdownSummary]>) {
    let Some(drawdowns) = drawdowns else {
        return page.missing(HEADING, "summary.json has no drawdowns.");
    };
    if drawdowns.is_empty() {
        return page.missing(HEADING, "NAV never fell below its running maximum.");
    }
    page.section(HEADING);
    let row = |drawdown: &DrawdownSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (percent(drawdown.depth)) }
                td { (text(drawdown.start.as_ref())) }
                td { (text(drawdown.trough.as_ref())) }
                td { (drawdown.end.as_deref().unwrap_or("not yet")) }
                td { (drawdown.frames) }
            }
        }
    };
    let rows: Vec<Markup> = drawdowns.iter().map(row).collect();
    page.table(&["depth, net", "peak", "trough", "recovered", "frames"], "plain", &rows);
}
