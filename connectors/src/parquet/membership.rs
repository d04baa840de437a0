//! Spells of membership of a universe, from a separate file.

use betaflow_engine::membership::{Membership, Spell};

use super::settings::Input;
use super::small_table::{SmallColumn, SmallKind, SmallTable};
use crate::DataError;

const SYMBOL: usize = 0;
const FROM: usize = 1;
const TO: usize = 2;

const COLUMNS: [SmallColumn<'static>; 3] = [
    SmallColumn::required("symbol", SmallKind::Text, "the instrument of each spell"),
    SmallColumn::optional("from", SmallKind::Date, "the first date of the spell"),
    SmallColumn::optional("to", SmallKind::Date, "the last date of the spell"),
];

/// Reads a file with the columns `symbol`, `from` and `to`, one row per spell: the first and the last date of
/// membership. Null or absent `from` means from the beginning, null or absent `to` a member until the end. `symbol`
/// converts a symbol of the file to one of the data.
///
/// # Errors
/// The file is missing or lacks a column, or a spell ends before it begins or overlaps another one of its symbol.
pub fn read_membership(input: &Input, symbol: impl Fn(&str) -> String) -> Result<Membership, DataError> {
    let table = SmallTable::read(input, "membership", &COLUMNS)?;
    let spell = |row| -> Result<Spell, DataError> {
        let symbol = symbol(table.symbol(SYMBOL, row)?);
        Ok(Spell { symbol, from: table.date(FROM, row)?, to: table.date(TO, row)? })
    };
    let spells = (0..table.rows()).map(spell).collect::<Result<Vec<_>, _>>()?;
    Membership::new(&spells).map_err(|(row, fault)| {
        let column = if table.has(TO) { TO } else { SYMBOL };
        table.bad_cell(column, row, format!("for `{}` {fault}", spells[row].symbol))
    })
}
