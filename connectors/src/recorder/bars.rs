//! The table of `betaflow check CAPTURE --bars`: a row for each bar, as `betaflow replay --prices` reads it.

use std::path::Path;

use betaflow_engine::time::TimestampNs;

use super::table::{Kind, Table, TableError};
use crate::ticks::ClosedInterval;

const COLUMNS: [(&str, Kind); 7] = [
    ("timestamp", Kind::Time),
    ("symbol", Kind::Text),
    ("open", Kind::Number),
    ("high", Kind::Number),
    ("low", Kind::Number),
    ("close", Kind::Number),
    ("volume", Kind::Number),
];

/// Writes bars to a Parquet file, with the time at which each closed. It appears when it is complete; one of that name is
/// replaced.
///
/// # Errors
/// It cannot be written.
pub fn write_bars(path: &Path, intervals: &[ClosedInterval]) -> Result<(), TableError> {
    Table::write_file(path, &COLUMNS, |table| {
        for interval in intervals {
            for (symbol, bar) in &interval.bars {
                table.time(TimestampNs(interval.end_ns));
                table.text(symbol);
                for number in [bar.open, bar.high, bar.low, bar.close, bar.volume] {
                    table.number(number);
                }
                table.end_row()?;
            }
        }
        Ok(())
    })
}
