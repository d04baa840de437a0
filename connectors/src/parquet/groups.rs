//! Groups of instruments, such as sectors, from a separate file.

use std::sync::Arc;

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::groups::GroupName;
use betaflow_engine::time::{DAY_NS, Date, TimestampNs};

use super::settings::Input;
use super::small_table::{SmallColumn, SmallKind, SmallTable};
use crate::DataError;

/// Groups of one column: that of each instrument from its dates on.
pub type GroupTable = Arc<DatedValues<GroupName>>;

/// Reads columns of groups of a file, Parquet or CSV: `symbol`, the columns, and an optional `from`, the first date of a
/// row; without it a row holds from the beginning. `rename` gives the symbol of the data for that of a row.
///
/// # Errors
/// The file is missing or lacks a column, or a symbol has two rows of one date.
pub fn read_groups(
    input: &Input,
    columns: &[&str],
    rename: impl Fn(&str) -> String,
) -> Result<Vec<GroupTable>, DataError> {
    let mut wanted = vec![
        SmallColumn::required("symbol", SmallKind::Text, "the instrument"),
        SmallColumn::optional("from", SmallKind::Date, "the first date of the group"),
    ];
    let groups = columns.iter().map(|column| SmallColumn::required(column, SmallKind::Text, "the group"));
    wanted.extend(groups);
    let table = SmallTable::read(input, "one file of groups", &wanted)?;
    let mut keys = Vec::with_capacity(table.rows());
    for row in 0..table.rows() {
        let symbol = rename(table.symbol(0, row)?);
        keys.push((symbol, table.date(1, row)?.unwrap_or(FROM_BEGINNING)));
    }
    let read = |column: usize| {
        let rows = keys.iter().enumerate().map(|(row, (symbol, date))| {
            (symbol.as_str(), *date, GroupName(table.text(column, row).map(Arc::from)))
        });
        DatedValues::new(rows).map(Arc::new).map_err(|second| {
            let same = keys
                .iter()
                .enumerate()
                .filter(|(_, (symbol, date))| *symbol == second.symbol && *date == second.date);
            let row = same.map(|(row, _)| row).nth(1).unwrap_or(0);
            let from = match second.date {
                FROM_BEGINNING => "without a date".to_owned(),
                date => format!("from {}", Date::of(TimestampNs(date.saturating_mul(DAY_NS)))),
            };
            DataError::BadCell {
                place: table.place(0, row),
                found: format!("a second row of `{}` {from}", second.symbol),
                expected: "one row per symbol and date `from`".to_owned(),
            }
        })
    };
    (0..columns.len()).map(|at| read(at + 2)).collect()
}
