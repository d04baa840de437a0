//! Tables of a folder as Arrow record batches.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;

use super::TableError;
use super::checksum::{open_table, verify};
use crate::parquet::CheckedFile;

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 1_024;

/// Reads all rows and columns of a Parquet file that the program has written.
///
/// # Errors
/// The file is missing or damaged.
pub fn read_batches(path: &Path) -> Result<(SchemaRef, Vec<RecordBatch>), TableError> {
    let read = || read_all(open_table(path)?);
    read().map_err(|source| TableError::Read { path: path.to_owned(), source })
}

/// Reads the names and types of the columns of a Parquet file.
///
/// # Errors
/// The file is missing, damaged or of another format.
pub fn read_schema(path: &Path) -> Result<SchemaRef, TableError> {
    let read = || Ok(CheckedFile::open(path)?.schema().clone());
    read().map_err(|source| TableError::Read { path: path.to_owned(), source })
}

/// Reads all rows and columns of a Parquet file in memory.
///
/// # Errors
/// The bytes are no Parquet file.
pub fn read_bytes(bytes: Bytes) -> Result<(SchemaRef, Vec<RecordBatch>), ParquetError> {
    let file = CheckedFile::of_bytes(bytes)?;
    verify(&file)?;
    read_all(file)
}

fn read_all(file: CheckedFile) -> Result<(SchemaRef, Vec<RecordBatch>), ParquetError> {
    let schema = file.schema().clone();
    let batches =
        file.batches(ProjectionMask::all(), None, ROWS_PER_BATCH)?.collect::<Result<Vec<_>, _>>()?;
    Ok((schema, batches))
}
