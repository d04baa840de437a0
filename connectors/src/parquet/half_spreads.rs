//! Half-spreads by instrument, from a separate file.

use std::collections::BTreeMap;

use arrow_array::types::Int32Type;
use arrow_array::{Array, cast::AsArray};
use betaflow_engine::execution::is_half_spread;

use super::batches::{Rows, TABLE_BATCH_BYTES, batch_rows};
use super::columns::{numbers, text};
use super::first_text::located;
use super::merge::name_of;
use super::prepare::prepare;
use super::schema::Columns;
use super::settings::Input;
use crate::DataError;
use crate::import::{Content, ImportOptions};

/// Column of the half-spread, in bps of notional.
const COLUMN: &str = "half_spread_bps";

/// Reads a file with the columns `symbol` and `half_spread_bps`, one row per instrument.
///
/// # Errors
/// The file is missing or lacks a column, or it has a null, a spread out of range or a repeated instrument.
pub fn read_half_spreads(input: &Input) -> Result<BTreeMap<String, f64>, DataError> {
    let options = ImportOptions { content: Content::Table, ..ImportOptions::default() };
    let input = &prepare(input, &options)?;
    let file = name_of(input);
    let location = input.single("half-spreads")?;
    let table = location.open(0)?;
    let columns = Columns { file: &file, schema: table.schema() };
    let (symbol, spread) = columns
        .symbol_and(COLUMN, "the half-spread of the instrument, in bps")
        .map_err(|error| located(error, &location, &table))?;
    let mut projection = vec![symbol, spread];
    projection.sort_unstable();
    let [symbol, spread] =
        [symbol, spread].map(|column| projection.iter().position(|c| *c == column).unwrap_or(0));
    let rows = batch_rows(2, TABLE_BATCH_BYTES);
    let groups = table.row_groups(None, 0);
    let mut batches = table.batches(&projection, None, groups, rows)?;
    let (mut spreads, mut bps) = (BTreeMap::new(), Vec::new());
    while let Some(Rows { batch, first_row, .. }) = batches.next()? {
        numbers(batch.column(spread), &mut bps);
        let symbols = batch.column(symbol).as_dictionary::<Int32Type>();
        let names = symbols.values().as_string::<i32>();
        for (row, value) in bps.iter().enumerate() {
            let place = |column: &str| location.place(first_row + row as u64, column.to_owned());
            let Some(name) = symbols.key(row).filter(|_| symbols.is_valid(row)).map(|key| names.value(key))
            else {
                return Err(DataError::NullKey { place: place("symbol") });
            };
            let valid = is_half_spread(*value);
            if !valid || spreads.insert(name.to_owned(), *value).is_some() {
                let cell = batch.column(spread);
                let found = match () {
                    () if valid => "a second row".to_owned(),
                    () if cell.is_null(row) => "null".to_owned(),
                    () => text(cell, row),
                };
                return Err(DataError::BadHalfSpread {
                    place: place(COLUMN),
                    symbol: name.to_owned(),
                    found,
                });
            }
        }
    }
    Ok(spreads)
}
