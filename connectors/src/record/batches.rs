//! Tables of a folder as Arrow record batches.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use super::TableError;

/// Reads all rows and columns of a Parquet file that the program has written.
///
/// # Errors
/// The file is missing or damaged.
pub fn read_batches(path: &Path) -> Result<(SchemaRef, Vec<RecordBatch>), TableError> {
    let read = || read_all(File::open(path)?);
    read().map_err(|source| TableError::Read { path: path.to_owned(), source })
}

/// Reads the names and types of the columns of a Parquet file.
///
/// # Errors
/// The file is missing, damaged or of another format.
pub fn read_schema(path: &Path) -> Result<SchemaRef, TableError> {
    let read = || Ok(ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.schema().clone());
    read().map_err(|source| TableError::Read { path: path.to_owned(), source })
}

/// Reads all rows and columns of a Parquet file in memory.
///
/// # Errors
/// The bytes are no Parquet file.
pub fn read_bytes(bytes: Bytes) -> Result<(SchemaRef, Vec<RecordBatch>), ParquetError> {
    read_all(bytes)
}

fn read_all<R: ChunkReader + 'static>(file: R) -> Result<(SchemaRef, Vec<RecordBatch>), ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = builder.schema().clone();
    let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    Ok((schema, batches))
}
