//! `attribution.parquet` and `contributions.parquet`: where the change of NAV comes from.

use std::path::Path;

use betaflow_engine::ledger::{Contributions, LedgerFrame, RunFacts};

use super::table::{Kind, Table, TableError};

/// Columns of contributions: they add up to the column before them. Costs are negative.
fn columns(factors: &[String]) -> Vec<String> {
    let own = ["alpha", "residual"].map(str::to_owned);
    let factors = factors.iter().map(|factor| format!("factor_{factor}"));
    let rest = ["risk_free", "trading", "interest"].map(str::to_owned);
    let costs = Contributions::default().costs.items().map(|(name, _)| name.to_owned());
    own.into_iter().chain(factors).chain(rest).chain(costs).collect()
}

fn create(
    folder: &Path,
    name: &str,
    keys: &[(&str, Kind)],
    numbers: &[String],
    note: Option<&str>,
) -> Result<Table, TableError> {
    let numbers = numbers.iter().map(|column| (column.as_str(), Kind::Number));
    let all: Vec<_> = keys.iter().copied().chain(numbers).collect();
    Table::create(folder, name, &all, note)
}

/// A row a frame.
pub(super) fn table(folder: &Path, factors: &[String], note: Option<&str>) -> Result<Table, TableError> {
    let mut numbers: Vec<_> = factors.iter().map(|factor| format!("exposure_{factor}")).collect();
    numbers.push("change".to_owned());
    numbers.extend(columns(factors));
    create(
        folder,
        "attribution.parquet",
        &[("timestamp", Kind::Time), ("seq", Kind::Integer)],
        &numbers,
        note,
    )
}

/// A row an instrument, and one without a symbol for what belongs to none.
pub(super) fn sums_table(folder: &Path, factors: &[String], note: Option<&str>) -> Result<Table, TableError> {
    let mut numbers = vec!["total".to_owned()];
    numbers.extend(columns(factors));
    create(folder, "contributions.parquet", &[("symbol", Kind::OptionalText)], &numbers, note)
}

pub(super) fn write(table: &mut Table, frame: &LedgerFrame) -> Result<(), TableError> {
    table.time(frame.timestamp);
    table.integer(Some(frame.seq));
    frame.exposures.iter().for_each(|exposure| table.number(*exposure));
    table.number(frame.change);
    put(table, &frame.contributions);
    table.end_row()
}

pub(super) fn write_sums(table: &mut Table, facts: &RunFacts) -> Result<(), TableError> {
    let instruments = facts.names.iter().map(|name| Some(&**name)).zip(&facts.contributions);
    for (name, sums) in instruments.chain([(None, &facts.cash_contributions)]) {
        table.optional_text(name);
        table.number(sums.total());
        put(table, sums);
        table.end_row()?;
    }
    Ok(())
}

fn put(table: &mut Table, of: &Contributions) {
    table.number(of.alpha);
    table.number(of.residual);
    of.factors.iter().for_each(|factor| table.number(*factor));
    for value in [of.risk_free, of.trading, of.interest] {
        table.number(value);
    }
    // No cost is 0, not minus 0.
    of.costs.items().iter().for_each(|(_, cost)| table.number(0.0 - cost));
}
