//! Symbol changes, from a separate file.

use betaflow_engine::assembly::{Rename, RenameFault, Renames};
use betaflow_engine::time::{DAY_NS, Date, TimestampNs};

use super::settings::Input;
use super::small_table::{SmallColumn, SmallKind, SmallTable};
use crate::DataError;

const FROM: usize = 0;
const TO: usize = 1;
const DATE: usize = 2;
const RATIO: usize = 3;

const COLUMNS: [SmallColumn<'static>; 4] = [
    SmallColumn::required("from_symbol", SmallKind::Text, "the symbol before the date"),
    SmallColumn::required("to_symbol", SmallKind::Text, "the symbol from the date on"),
    SmallColumn::required("date", SmallKind::Date, "the first date of the new symbol"),
    SmallColumn::optional("ratio", SmallKind::Number, "the units of the new symbol for one of the old"),
];

/// Reads a file with the columns `from_symbol`, `to_symbol`, `date` and `ratio`, one row per symbol change. Null or
/// absent `ratio` means 1. `symbol` converts a symbol of the file to one of the data.
///
/// # Errors
/// The file is missing or lacks a column, or changes contradict each other.
pub fn read_renames(input: &Input, symbol: impl Fn(&str) -> String) -> Result<Renames, DataError> {
    let table = SmallTable::read(input, "symbol changes", &COLUMNS)?;
    let change = |row| -> Result<Rename, DataError> {
        let text = |column| table.symbol(column, row).map(&symbol);
        let Some(date) = table.date(DATE, row)? else {
            return Err(table.bad_cell(DATE, row, "the first date of the new symbol"));
        };
        let date = Date::of(TimestampNs(date.saturating_mul(DAY_NS)));
        Ok(Rename { from: text(FROM)?, to: text(TO)?, date, ratio: table.number(RATIO, row)?.unwrap_or(1.0) })
    };
    let changes = (0..table.rows()).map(change).collect::<Result<Vec<_>, _>>()?;
    Renames::new(changes).map_err(|(row, fault)| {
        let column = match fault {
            RenameFault::Ratio => RATIO,
            RenameFault::Gone(_) => FROM,
            RenameFault::SameSymbol | RenameFault::Taken(_) => TO,
        };
        table.bad_cell(column, row, fault.to_string())
    })
}
