//! Returns by month and year.

use serde_json::Value;

use crate::report::format::{NONE, percent, percent_of};
use crate::report::page::Page;

const HEADING: &str = "Month by month, net of costs";
const NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Sizes of a return from which its cell is darker.
const SHADES: [f64; 3] = [0.01, 0.03, 0.06];

/// Adds the table.
pub(super) fn add(page: &mut Page, summary: &Value) {
    let (Some(months), Some(years)) = (summary["monthly"].as_array(), summary["yearly"].as_array()) else {
        return page.missing(HEADING, "summary.json has no returns by month.");
    };
    if years.is_empty() {
        return page.missing(HEADING, "There are no returns.");
    }
    page.section(HEADING);
    let mut rows = String::new();
    for year in years {
        let of = |month: usize| {
            months
                .iter()
                .find(|row| row["year"] == year["year"] && row["month"] == month)
                .map(|row| &row["net"])
        };
        let cells: String = (1..=12).map(|month| cell(of(month), 1)).collect();
        rows += &format!(
            "<tr><th scope=\"row\">{}</th>{cells}{}<td>{}</td><td>{}</td></tr>\n",
            year["year"],
            cell(Some(&year["net"]), 2).replacen("<td", "<td data-year", 1),
            percent(&year["gross"]),
            percent(&year["benchmark"])
        );
    }
    let mut header = vec![""];
    header.extend(NAMES);
    header.extend(["year, net", "gross", "benchmark"]);
    page.table(&header, "months", &rows);
    page.html(
        "<p class=\"small\">Percent; blue above zero, orange below, darker from 1, 3 and 6 % on. Months and years are \
         those of UTC; the first one begins with the first frame that decided.</p>\n",
    );
}

/// A return with its colour; the unit stands below the table.
fn cell(value: Option<&Value>, decimals: usize) -> String {
    let Some(value) = value else { return "<td></td>".to_owned() };
    let Some(number) = value.as_f64() else { return format!("<td>{NONE}</td>") };
    let shade = SHADES.iter().filter(|limit| number.abs() >= **limit).count();
    let side = if number < 0.0 { 'n' } else { 'p' };
    let text = percent_of(value, decimals);
    format!("<td class=\"{side}{shade}\">{}</td>", text.trim_end_matches(" %"))
}
