//! Returns by month and year.

use maud::{Markup, html};

use crate::report::format::{NONE, percent, percent_of};
use crate::report::page::Page;
use crate::summary::{Number, PeriodSummary, TradingSummary};

const HEADING: &str = "Month by month, net of costs";
const NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Sizes of a return from which its cell is darker.
const SHADES: [f64; 3] = [0.01, 0.03, 0.06];

/// Adds the table.
pub(super) fn add(page: &mut Page, trading: &TradingSummary) {
    let (Some(months), Some(years)) = (&trading.monthly, &trading.yearly) else {
        return page.missing(HEADING, "summary.json has no returns by month.");
    };
    if years.is_empty() {
        return page.missing(HEADING, "There are no returns.");
    }
    page.section(HEADING);
    let row = |year: &PeriodSummary| -> Markup {
        let of = |month: i64| {
            months.iter().find(|row| row.year == year.year && row.month == Some(month)).map(|row| row.net)
        };
        html! {
            tr {
                th scope="row" { (year.year) }
                @for month in 1..=12 { (cell(of(month), false)) }
                (cell(Some(year.net), true))
                td { (percent(year.gross)) }
                td { (percent(year.benchmark)) }
            }
        }
    };
    let rows: Vec<Markup> = years.iter().map(row).collect();
    let mut header = vec![""];
    header.extend(NAMES);
    header.extend(["year, net", "gross", "benchmark"]);
    page.table(&header, "months", &rows);
    page.small(
        "Percent; blue above zero, orange below, darker from 1, 3 and 6 %. Months and years are UTC; the first one begins \
         with the first rebalance.",
    );
}

/// A return with its colour; the unit stands below the table.
fn cell(value: Option<Number>, of_year: bool) -> Markup {
    let Some(value) = value else { return html! { td {} } };
    let Some(number) = value.get() else { return html! { td data-year[of_year] { (NONE) } } };
    let shade = SHADES.iter().filter(|limit| number.abs() >= **limit).count();
    let side = if number < 0.0 { 'n' } else { 'p' };
    let text = percent_of(value, if of_year { 2 } else { 1 });
    html! { td data-year[of_year] class={ (side) (shade) } { (text.trim_end_matches(" %")) } }
}
