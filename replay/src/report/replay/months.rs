//! Returns by month and year.

use maud::{Markup, html};

use crate::report::format::{NONE, percent, percent_of};
use crate::report::page::Page;
use crate::summary::{Number, PeriodSummary, TradingSummary};

const HEADING: &str = "Monthly returns, net of costs";
const NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Absolute returns from which a cell is darker.
const SHADES: [f64; 3] = [0.01, 0.03, 0.06];

/// Adds the table. `holdout`: first date of a hold-out that was opened.
pub(super) fn add(page: &mut Page, trading: &TradingSummary, holdout: Option<&str>) {
    let (Some(months), Some(years)) = (&trading.monthly, &trading.yearly) else {
        return page.missing(HEADING, "summary.json has no returns by month.");
    };
    if years.is_empty() {
        return page.missing(HEADING, "There are no returns.");
    }
    page.section(HEADING);
    // A month is marked if the hold-out begins before it ends.
    let is_held_out = |year: i64, month: i64| {
        holdout.is_some_and(|from| {
            from.get(..7).is_some_and(|from| from <= &format!("{year:04}-{month:02}")[..])
        })
    };
    let row = |year: &PeriodSummary| -> Markup {
        let of = |month: i64| {
            months.iter().find(|row| row.year == year.year && row.month == Some(month)).map(|row| row.net)
        };
        html! {
            tr {
                th scope="row" { (year.year) }
                @for month in 1..=12 { (cell(of(month), false, is_held_out(year.year, month))) }
                (cell(Some(year.net), true, is_held_out(year.year, 1)))
                td { (percent(year.gross)) }
                td { (percent(year.benchmark)) }
            }
        }
    };
    let rows: Vec<Markup> = years.iter().map(row).collect();
    let mut header = vec![""];
    header.extend(NAMES);
    let label = trading.benchmark.label();
    header.extend(["year, net", "gross", &label]);
    page.table(&header, "months", &rows);
    page.small(html! {
        "Percent; blue above zero, orange below, darker from 1, 3 and 6 %. Months and years are those of data.timezone; the first one begins "
        "with the first rebalance."
        @if let Some(from) = holdout { " Framed cells reach into the hold-out, which begins on " (from) "." }
    });
}

/// Returns a cell with its colour. The unit is given below the table.
fn cell(value: Option<Number>, of_year: bool, is_held_out: bool) -> Markup {
    let Some(value) = value else { return html! { td {} } };
    let Some(number) = value.get() else { return html! { td data-year[of_year] { (NONE) } } };
    let shade = SHADES.iter().filter(|limit| number.abs() >= **limit).count();
    let side = if number < 0.0 { 'n' } else { 'p' };
    let text = percent_of(value, if of_year { 2 } else { 1 });
    html! { td data-year[of_year] data-holdout[is_held_out] class={ (side) (shade) } { (text.trim_end_matches(" %")) } }
}
