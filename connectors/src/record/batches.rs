//! Tables of a folder as Arrow record batches.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::TableError;

/// Reads all rows and columns of a Parquet file that the program has written.
///
/// # Errors
/// The file is missing or damaged.
pub fn read_batches(path: &Path) -> Result<(SchemaRef, Vec<RecordBatch>), TableError> {
    let read = || -> Result<_, ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let schema = builder.schema().clone();
        let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok((schema, batches))
    };
    read().map_err(|source| TableError::Read { path: path.to_owned(), source })
}
