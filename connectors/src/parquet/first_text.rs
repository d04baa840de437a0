//! First cell of a column of text where numbers are expected.

use arrow_array::Array;

use super::batches::{Rows, TABLE_BATCH_BYTES, batch_rows};
use super::columns::{is_text, text};
use super::input::Location;
use super::open_table::OpenTable;
use super::schema::NUMBERS;
use crate::DataError;
use crate::import::ImportError;

/// Returns the error about the type of a column, in a text file with the line and the text of the first cell that is not a number.
pub(super) fn located(error: DataError, location: &Location, table: &OpenTable) -> DataError {
    let DataError::WrongType { column, expected: NUMBERS, .. } = &error else { return error };
    match first_text(column, location, table) {
        Ok(Some(located)) => located,
        _ => error,
    }
}

fn first_text(name: &str, location: &Location, table: &OpenTable) -> Result<Option<DataError>, DataError> {
    let fields = table.schema().fields();
    let found = fields.iter().position(|field| field.name() == name && is_text(field.data_type()));
    let Some(column) = found else { return Ok(None) };
    let groups = table.row_groups(None, 0);
    let mut batches = table.batches(&[column], None, groups, batch_rows(1, TABLE_BATCH_BYTES))?;
    while let Some(Rows { batch, first_row, .. }) = batches.next()? {
        let cells = batch.column(0);
        let Some(row) = (0..cells.len()).find(|row| cells.is_valid(*row)) else { continue };
        let place = location.place(first_row + row as u64, name.to_owned());
        if place.line.is_some() {
            return Ok(Some(ImportError::NotNumber { place, found: text(cells, row) }.into()));
        }
        break;
    }
    Ok(None)
}
