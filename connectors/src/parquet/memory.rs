//! Table in memory as an input.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use crate::DataError;

/// Table in memory: Arrow record batches of one schema. Clones share it.
#[derive(Clone)]
pub struct MemoryTable(Arc<Table>);

struct Table {
    name: String,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl MemoryTable {
    /// Creates a table; `name` stands for it in messages.
    #[must_use]
    pub fn new(name: String, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self(Arc::new(Table { name, schema, batches }))
    }

    /// Name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Writes the table as a Parquet file in memory.
    pub(super) fn to_parquet(&self) -> Result<Bytes, DataError> {
        let io = |error: parquet::errors::ParquetError| DataError::Io {
            path: self.name().to_owned(),
            source: std::io::Error::other(error),
        };
        let mut writer = ArrowWriter::try_new(Vec::new(), self.0.schema.clone(), None).map_err(io)?;
        self.0.batches.iter().try_for_each(|batch| writer.write(batch)).map_err(io)?;
        Ok(writer.into_inner().map_err(io)?.into())
    }
}

impl fmt::Debug for MemoryTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTable").field("name", &self.0.name).finish_non_exhaustive()
    }
}
