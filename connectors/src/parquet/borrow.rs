//! Fees on shorts and shares that can be borrowed, by instrument and date, from a separate file.

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::execution::{BorrowTerms, available_units};
use betaflow_engine::range::NUMBER_MAX;

use super::settings::Input;
use super::small_table::{SmallColumn, SmallKind, SmallTable};
use crate::DataError;

/// Largest fee in bps per year.
const BPS_MAX: f64 = 1e6;

const COLUMNS: [SmallColumn<'static>; 4] = [
    SmallColumn::required("symbol", SmallKind::Text, "the instrument of each row"),
    SmallColumn::optional("from", SmallKind::Date, "the first date of the row"),
    SmallColumn::required(
        "bps_per_year",
        SmallKind::Number,
        "the fee on a short, in bps of its value per year",
    ),
    SmallColumn::optional("available", SmallKind::Number, "the shares that can be borrowed"),
];

/// Reads a file with the columns `symbol` and `bps_per_year`, and perhaps `from` and `available`.
///
/// # Errors
/// The file is missing or lacks a column, or it has a number out of range, or two rows of a symbol with one date.
pub fn read_borrow(input: &Input) -> Result<DatedValues<BorrowTerms>, DataError> {
    let table = SmallTable::read(input, "fees on shorts", &COLUMNS)?;
    table.dated(0, 1, |row| {
        let bps_per_year = table.number(2, row)?;
        if bps_per_year.is_some_and(|bps| !(0.0..=BPS_MAX).contains(&bps)) {
            return Err(table.bad_cell(2, row, "0 to 1e6 bps per year, or null"));
        }
        let available = table.number(3, row)?;
        if available.is_some_and(|units| !(0.0..=NUMBER_MAX).contains(&units)) {
            return Err(table.bad_cell(3, row, "0 for no shares, 1 or null for any number, or the units"));
        }
        Ok(BorrowTerms { bps_per_year, available: available_units(available) })
    })
}

impl SmallTable {
    /// Values by symbol and date, of these columns. A row without a date is in force from the beginning.
    ///
    /// # Errors
    /// A cell is not valid, or two rows of a symbol have one date.
    pub(super) fn dated<V>(
        &self,
        symbol: usize,
        from: usize,
        value: impl Fn(usize) -> Result<V, DataError>,
    ) -> Result<DatedValues<V>, DataError> {
        let row = |row: usize| {
            let date = self.date(from, row)?.unwrap_or(FROM_BEGINNING);
            Ok((self.symbol(symbol, row)?, date, value(row)?))
        };
        let rows = (0..self.rows()).map(row).collect::<Result<Vec<_>, DataError>>()?;
        let keys: Vec<(&str, i64)> = rows.iter().map(|(symbol, date, _)| (*symbol, *date)).collect();
        DatedValues::new(rows).map_err(|second| {
            let is_second = |key: &&(&str, i64)| (key.0, key.1) == (second.symbol.as_str(), second.date);
            let at = keys.iter().rposition(|key| is_second(&key)).unwrap_or(0);
            let column = if self.has(from) { from } else { symbol };
            let expected = format!("one row of {} for each date", second.symbol);
            self.bad_cell(column, at, expected)
        })
    }
}
