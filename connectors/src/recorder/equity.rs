//! The equity of a run, read back row by row.

use std::fs::File;
use std::path::Path;

use arrow_array::{Array, Float64Array};
use betaflow_engine::execution::Costs;
use betaflow_engine::metrics::EquityPoint;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::table::TableError;

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 4_096;

/// Hands every row of `equity.parquet` in the folder to `take`.
///
/// # Errors
/// The table is not there, or is not one of equity.
pub fn read_equity(folder: &Path, take: impl FnMut(EquityPoint)) -> Result<(), TableError> {
    let path = folder.join("equity.parquet");
    read(&path, take).map_err(|source| TableError::Read { path, source })
}

fn read(path: &Path, mut take: impl FnMut(EquityPoint)) -> Result<(), ParquetError> {
    let costs = Costs::default().items().map(|(name, _)| name);
    let names: Vec<&str> = ["nav", "benchmark_nav"].into_iter().chain(costs).collect();
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    for batch in builder.with_projection(columns).with_batch_size(ROWS_PER_BATCH).build()? {
        let batch = batch?;
        let column = |name: &str| -> Result<&Float64Array, ParquetError> {
            let numbers = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
            numbers.ok_or_else(|| ParquetError::General(format!("there is no column `{name}` of numbers")))
        };
        let columns = names.iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let costs = columns[2..].iter().map(|column| column.value(row)).sum();
            take(EquityPoint { nav: columns[0].value(row), costs, benchmark_nav: columns[1].value(row) });
        }
    }
    Ok(())
}
