//! Approximate size of a table before it is written.

use super::column::{Kind, Place, Record, RunNames};

/// Bytes of a number. Digits of estimates hardly compress; a cost that is always 0 takes nothing.
const NUMBER: f64 = 8.0;
/// Bytes of a time, a whole number, a name or a truth value: they repeat or increase by equal steps.
const OTHER: f64 = 0.3;

/// Returns the approximate bytes of a row of the Parquet file of the records `R`.
#[must_use]
pub fn row_bytes<R: Record>(names: &RunNames) -> f64 {
    let columns = R::columns(names);
    let written = columns.iter().filter(|column| column.place == Place::Everywhere);
    written.map(|column| if column.kind == Kind::Number { NUMBER } else { OTHER }).sum()
}
