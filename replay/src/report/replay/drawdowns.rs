//! Worst drawdowns.

use maud::{Markup, html};

use crate::report::format::{NONE, percent, text};
use crate::report::page::Page;
use crate::summary::DrawdownSummary;

const HEADING: &str = "Worst drawdowns";

/// Adds the table. `holdout`: first date of a hold-out that was opened.
pub(super) fn add(page: &mut Page, drawdowns: Option<&[DrawdownSummary]>, holdout: Option<&str>) {
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
                @if let Some(from) = holdout { td { (place(drawdown, from)) } }
            }
        }
    };
    let rows: Vec<Markup> = drawdowns.iter().map(row).collect();
    let mut header = vec!["depth, net", "peak", "trough", "recovered", "frames"];
    header.extend(holdout.map(|_| "trough in the hold-out"));
    page.table(&header, "plain", &rows);
    page.small(
        "The five deepest falls of NAV below its running maximum; frames count from peak to recovery.",
    );
}

/// Returns `yes` if a drawdown has its trough in a hold-out, else `no`; a dash without a trough.
fn place(drawdown: &DrawdownSummary, from: &str) -> &'static str {
    match &drawdown.trough {
        Some(trough) if trough.as_str() >= from => "yes",
        Some(_) => "no",
        None => NONE,
    }
}
