//! Contribution of each instrument.

use betaflow_connectors::record::{layout_of, read_named};
use betaflow_engine::execution::CostItem;
use maud::{Markup, html};

use crate::report::Run;
use crate::report::format::money;
use crate::report::page::Page;

const TABLE: &str = "contributions.parquet";
const HEADING: &str = "Largest contributions by instrument";
/// Maximum rows of gains, and of losses.
const ROWS: usize = 10;
/// Columns beside the total: names of contributions, or prefixes that end in `_`.
const PARTS: [(&str, &[&str]); 6] = [
    ("alpha", &["alpha"]),
    ("factors", &["factor_"]),
    ("residual", &["residual"]),
    ("risk-free", &["risk_free", "interest"]),
    ("trading", &["trading"]),
    ("costs", &CostItem::NAMES),
];

struct Instrument {
    symbol: String,
    total: f64,
    parts: Vec<f64>,
}

/// Adds the table.
pub(super) fn add(page: &mut Page, run: &Run<'_>) {
    match read(run) {
        Err(why) => page.missing(HEADING, &why),
        Ok((_, instruments)) if instruments.is_empty() => page.missing(HEADING, "No instrument was held."),
        Ok((headings, instruments)) => {
            page.section(HEADING);
            table(page, &headings, &instruments);
        }
    }
}

/// Returns the headings beside the total, and the instruments with a contribution, the best first.
fn read(run: &Run<'_>) -> Result<(Vec<&'static str>, Vec<Instrument>), String> {
    let layout = layout_of(run.folder, TABLE).map_err(|error| error.to_string())?;
    let layout = layout.ok_or_else(|| format!("{TABLE} is not in the run folder."))?;
    let mut columns = vec!["total"];
    columns.extend(layout.columns.iter().map(String::as_str).filter(|name| part_of(name).is_some()));
    let mut instruments = Vec::new();
    read_named(run.folder, TABLE, &columns, |symbol, values| {
        // Rows without an instrument are part of the attribution above.
        let Some(symbol) = symbol else { return };
        if !values[0].is_finite() || values[0] == 0.0 {
            return;
        }
        let mut parts = vec![0.0; PARTS.len()];
        for (name, value) in columns.iter().zip(values) {
            if let Some(part) = part_of(name) {
                parts[part] += value;
            }
        }
        instruments.push(Instrument { symbol: symbol.to_owned(), total: values[0], parts });
    })
    .map_err(|error| error.to_string())?;
    instruments.sort_by(|a, b| b.total.total_cmp(&a.total));
    // A part without a contribution has no column.
    let used: Vec<usize> = (0..PARTS.len())
        .filter(|part| instruments.iter().any(|instrument| instrument.parts[*part].abs() >= 0.5))
        .collect();
    for instrument in &mut instruments {
        instrument.parts = used.iter().map(|part| instrument.parts[*part]).collect();
    }
    Ok((used.into_iter().map(|part| PARTS[part].0).collect(), instruments))
}

/// Returns the part that a contribution belongs to.
fn part_of(column: &str) -> Option<usize> {
    let belongs = |name: &&str| column == *name || name.ends_with('_') && column.starts_with(*name);
    PARTS.iter().position(|(_, names)| names.iter().any(belongs))
}

fn table(page: &mut Page, headings: &[&str], instruments: &[Instrument]) {
    let largest = instruments.iter().fold(0.0_f64, |largest, instrument| largest.max(instrument.total.abs()));
    let row = |instrument: &Instrument| -> Markup {
        let side = if instrument.total < 0.0 { "loss" } else { "gain" };
        let width = format!("width:{:.1}%", 100.0 * instrument.total.abs() / largest);
        html! {
            tr {
                th scope="row" { (instrument.symbol) }
                td { (money(instrument.total)) }
                td.bar { i class=(side) style=(width) {} }
                @for part in &instrument.parts { td { (money(*part)) } }
            }
        }
    };
    let earned: Vec<_> = instruments.iter().filter(|instrument| instrument.total > 0.0).take(ROWS).collect();
    let lost: Vec<_> =
        instruments.iter().rev().filter(|instrument| instrument.total < 0.0).take(ROWS).collect();
    let rows: Vec<Markup> = earned.into_iter().chain(lost.into_iter().rev()).map(row).collect();
    let mut header = vec!["instrument", "total", ""];
    header.extend(headings);
    page.table(&header, "plain contributors", &rows);
    page.small(format!(
        "Currency, over the whole run, after costs; at most {ROWS} gains and {ROWS} losses. {TABLE} has all instruments."
    ));
}
