//! Positions and cash at the start of a run, from a separate file.

use arrow_array::types::Int32Type;
use arrow_array::{Array, cast::AsArray};
use betaflow_engine::execution::Holdings;
use betaflow_engine::range::NUMBER_MAX;

use super::batches::{Rows, TABLE_BATCH_BYTES, batch_rows};
use super::columns::{numbers, text};
use super::first_text::located;
use super::merge::name_of;
use super::prepare::prepare;
use super::schema::Columns;
use super::settings::Input;
use crate::DataError;
use crate::import::{Content, ImportOptions};

/// Column of the quantity.
const COLUMN: &str = "quantity";

/// Reads a file, Parquet or CSV, with the columns `symbol` and `quantity`, one row per instrument. The row without a
/// symbol has the cash.
///
/// # Errors
/// The file is missing or lacks a column, or it has a quantity that is null or out of range, a repeated
/// instrument or a second row of cash.
pub fn read_holdings(input: &Input) -> Result<Holdings, DataError> {
    let options = ImportOptions { content: Content::Table, ..ImportOptions::default() };
    let input = &prepare(input, &options)?;
    let file = name_of(input);
    let location = input.single("holdings")?;
    let table = location.open(0)?;
    let columns = Columns { file: &file, schema: table.schema() };
    let (symbol, quantity) = columns
        .symbol_and(COLUMN, "the quantity held of the instrument")
        .map_err(|error| located(error, &location, &table))?;
    let mut projection = vec![symbol, quantity];
    projection.sort_unstable();
    let [symbol, quantity] =
        [symbol, quantity].map(|column| projection.iter().position(|c| *c == column).unwrap_or(0));
    let rows = batch_rows(2, TABLE_BATCH_BYTES);
    let groups = table.row_groups(None, 0);
    let mut batches = table.batches(&projection, None, groups, rows)?;
    let (mut holdings, mut cash, mut quantities) = (Holdings::default(), None, Vec::new());
    while let Some(Rows { batch, first_row, .. }) = batches.next()? {
        numbers(batch.column(quantity), &mut quantities);
        let symbols = batch.column(symbol).as_dictionary::<Int32Type>();
        let names = symbols.values().as_string::<i32>();
        for (row, value) in quantities.iter().enumerate() {
            let name = symbols.key(row).filter(|_| symbols.is_valid(row)).map(|key| names.value(key));
            let name = name.filter(|name| !name.trim().is_empty());
            let valid = value.abs() <= NUMBER_MAX;
            let earlier = match name {
                Some(name) => holdings.quantities.insert(name.to_owned(), *value),
                None => cash.replace(*value),
            };
            if !valid || earlier.is_some() {
                let cell = batch.column(quantity);
                let found = match () {
                    () if valid => "a second row".to_owned(),
                    () if cell.is_null(row) => "null".to_owned(),
                    () => text(cell, row),
                };
                let holder = name.map_or_else(|| "cash".to_owned(), |name| format!("`{name}`"));
                let place = location.place(first_row + row as u64, COLUMN.to_owned());
                return Err(DataError::BadHolding { place, holder, found });
            }
        }
    }
    holdings.cash = cash.unwrap_or(0.0);
    Ok(holdings)
}
