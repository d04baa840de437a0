//! The table of `betaflow check CAPTURE --bars`: a row for each bar, as `betaflow replay --prices` reads it.

use std::path::Path;

use betaflow_engine::frame::TimestampNs;
use parquet::errors::ParquetError;

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
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = format!(".{name}.partial");
    let mut table = Table::create(folder, &aside, &COLUMNS, None)?;
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
    table.close()?;
    std::fs::rename(folder.join(&aside), path).map_err(|error| {
        let _ = std::fs::remove_file(folder.join(&aside));
        TableError::Write { path: path.to_owned(), source: ParquetError::External(Box::new(error)) }
    })
}
