//! Rows of a table as cells of a table to be sorted.

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;

use super::batches::{Batches, RowGroup, batch_rows};
use super::columns::{is_number, numbers, text, times};
use super::input::Location;
use super::open_table::OpenTable;
use crate::DataError;
use crate::import::{Column, ColumnKind, ColumnRole, NULL, NULL_TEXT, Sorter};

/// Open table with the positions of its time and symbol.
pub(super) struct TableRows<'a> {
    pub(super) location: &'a Location,
    pub(super) table: &'a OpenTable,
    pub(super) time: usize,
    pub(super) symbol: Option<usize>,
}

impl TableRows<'_> {
    pub(super) fn batches(
        &self,
        columns: &[usize],
        groups: Vec<RowGroup>,
        rows: usize,
    ) -> Result<Batches, DataError> {
        self.table.batches(columns, Some(self.time), groups, rows)
    }

    fn kind_of(&self, at: usize) -> Option<ColumnKind> {
        match self.table.schema().field(at).data_type() {
            _ if at == self.time => Some(ColumnKind::Time),
            _ if self.symbol == Some(at) => Some(ColumnKind::Text),
            kind if is_number(kind) => Some(ColumnKind::Number),
            _ => None,
        }
    }

    /// Roles of all columns.
    pub(super) fn roles(&self) -> Vec<(String, ColumnRole)> {
        let fields = self.table.schema().fields().iter().enumerate();
        let roles = fields.map(|(at, field)| {
            let role = match self.kind_of(at) {
                Some(ColumnKind::Time) => ColumnRole::Time,
                Some(ColumnKind::Text) => ColumnRole::Text,
                Some(ColumnKind::Number) => ColumnRole::Number,
                None => ColumnRole::LeftOut,
            };
            (field.name().clone(), role)
        });
        roles.collect()
    }

    /// Columns to be sorted: time, symbol and all numbers, each with its position in the table.
    pub(super) fn columns(&self) -> Vec<(usize, Column)> {
        let fields = self.table.schema().fields().iter().enumerate();
        let columns = fields.filter_map(|(at, field)| {
            Some((at, Column { name: field.name().clone(), kind: self.kind_of(at)? }))
        });
        columns.collect()
    }

    /// Adds the rows before the hold-out to a sorter. `into`: position in the sorter's table of each column of
    /// [`Self::columns`]; `columns`: columns of that table.
    pub(super) fn push_rows(
        &self,
        groups: Vec<RowGroup>,
        seal: i64,
        columns: &[Column],
        into: &[usize],
        sorter: &mut Sorter,
    ) -> Result<(), DataError> {
        let schema = self.table.schema();
        let own = self.columns();
        let projection: Vec<usize> = own.iter().map(|(at, _)| *at).collect();
        let mut batches = self.batches(&projection, groups, batch_rows(projection.len(), 4 << 20))?;
        let is_date = matches!(schema.field(self.time).data_type(), DataType::Date32 | DataType::Date64);
        let (mut read, mut values, mut row) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(part) = batches.next()? {
            let mut cells: Vec<Vec<u64>> = Vec::new();
            for (at, (_, column)) in own.iter().enumerate() {
                let array = part.batch.column(at);
                cells.push(match column.kind {
                    ColumnKind::Time => {
                        let place = |row: usize| {
                            self.location.place(part.first_row + row as u64, column.name.clone())
                        };
                        times(array, 0, &mut read).map_err(|fault| fault.error(array, place))?;
                        read.iter().map(|time| time.cast_unsigned()).collect()
                    }
                    ColumnKind::Text => texts_of(array, sorter),
                    ColumnKind::Number => {
                        numbers(array, &mut values);
                        let bits = |(row, value): (usize, &f64)| match *value {
                            value if value.is_nan() => NULL,
                            // The reader of numbers gives minus infinity for a NaN.
                            f64::NEG_INFINITY if text(array, row) == "NaN" => f64::NAN.to_bits(),
                            value => value.to_bits(),
                        };
                        values.iter().enumerate().map(bits).collect()
                    }
                });
            }
            for at in (0..part.batch.num_rows()).filter(|at| read[*at] < seal) {
                row.clear();
                row.push(part.first_row + at as u64);
                row.extend(columns.iter().map(|column| missing(column.kind)));
                for (cells, position) in cells.iter().zip(into) {
                    row[position + 1] = cells[at];
                }
                sorter.push(&row, is_date)?;
            }
        }
        Ok(())
    }
}

/// Returns the cell of a column that a file lacks.
fn missing(kind: ColumnKind) -> u64 {
    match kind {
        ColumnKind::Time => 0,
        ColumnKind::Text => NULL_TEXT,
        ColumnKind::Number => NULL,
    }
}

fn texts_of(array: &ArrayRef, sorter: &mut Sorter) -> Vec<u64> {
    let rows = array.as_dictionary::<Int32Type>();
    let names = rows.values().as_string::<i32>();
    let known: Vec<u64> = (0..names.len()).map(|at| sorter.texts.number(names.value(at))).collect();
    (0..rows.len()).map(|row| rows.key(row).map_or(NULL_TEXT, |key| known[key])).collect()
}
