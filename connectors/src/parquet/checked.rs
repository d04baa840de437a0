//! Parquet files of the program itself, read with the checks of market data: the tables of a run folder, and segments.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::vec::IntoIter;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use flate2::Crc;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader as _, Length as _};

use super::chunks::{Chunks, OpenFile, guarded};
use super::pages::{FooterFault, GroupPages, PAGE_BYTES_MAX, read_footer};

/// Open Parquet file, whose footer and pages are checked before they are decoded.
pub(crate) struct CheckedFile {
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
}

impl CheckedFile {
    /// Opens a file and reads its footer.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::of(Chunks::File(OpenFile::new(File::open(path)?)?))
    }

    /// Reads the footer of a file in memory.
    pub(crate) fn of_bytes(bytes: Bytes) -> Result<Self> {
        Self::of(Chunks::Bytes(bytes))
    }

    fn of(chunks: Chunks) -> Result<Self> {
        let metadata = read_footer(&chunks).map_err(|fault| match fault {
            FooterFault::Damaged(cause) => ParquetError::General(cause),
            FooterFault::Encrypted => ParquetError::NYI("an encrypted file".to_owned()),
        })?;
        let metadata = Arc::new(metadata);
        let metadata = guarded(|| ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new()))?;
        Ok(Self { chunks, metadata })
    }

    /// Names and types of the columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Footer of the file.
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// Number of rows; the footer and its row groups agree about it.
    pub(crate) fn rows(&self) -> u64 {
        self.metadata().file_metadata().num_rows().unsigned_abs()
    }

    /// CRC-32 of the first bytes of the file.
    pub(crate) fn crc_of(&self, bytes: u64) -> Result<u32> {
        /// Bytes read at a time.
        const CHUNK: u64 = 1 << 18;
        let mut crc = Crc::new();
        for at in (0..bytes.min(self.chunks.len())).step_by(CHUNK as usize) {
            let length = CHUNK.min(bytes - at);
            crc.update(&self.chunks.get_bytes(at, usize::try_from(length).unwrap_or(0))?);
        }
        Ok(crc.sum())
    }

    /// Reads the columns of `mask` of some row groups, all without `groups`, in batches of `rows`.
    pub(crate) fn batches(
        self,
        mask: ProjectionMask,
        groups: Option<Vec<usize>>,
        rows: usize,
    ) -> Result<CheckedBatches> {
        let schema = self.metadata.parquet_schema();
        let fields = self.schema().fields();
        let levels = guarded(|| parquet_to_arrow_field_levels(schema, mask, Some(fields)))?;
        let groups = groups.unwrap_or_else(|| (0..self.metadata().num_row_groups()).collect());
        Ok(CheckedBatches { levels, groups: groups.into_iter(), rows, current: None, file: self })
    }
}

/// Batches of a [`CheckedFile`], with one row group in memory.
pub(crate) struct CheckedBatches {
    file: CheckedFile,
    levels: FieldLevels,
    groups: IntoIter<usize>,
    rows: usize,
    /// Reader of the current row group, and the number of rows that it must still return.
    current: Option<(ParquetRecordBatchReader, usize)>,
}

impl CheckedBatches {
    fn read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some((reader, left)) = &mut self.current else {
                let Some(group) = self.groups.next() else { return Ok(None) };
                let metadata = Arc::clone(self.file.metadata.metadata());
                let count = usize::try_from(metadata.row_group(group).num_rows()).unwrap_or(usize::MAX);
                let pages = GroupPages::new(self.file.chunks.clone(), metadata, group)
                    .with_texts_up_to(PAGE_BYTES_MAX);
                let reader = guarded(|| {
                    ParquetRecordBatchReader::try_new_with_row_groups(&self.levels, &pages, self.rows, None)
                })?;
                self.current = Some((reader, count));
                continue;
            };
            match guarded(|| Ok(reader.next().transpose()?))? {
                Some(batch) if batch.num_rows() <= *left => {
                    *left -= batch.num_rows();
                    return Ok(Some(batch));
                }
                None if *left == 0 => self.current = None,
                found => {
                    let more = found.map_or(0, |batch| batch.num_rows());
                    return Err(ParquetError::General(format!(
                        "found {more} rows, expected the last {left} of a row group"
                    )));
                }
            }
        }
    }
}

impl Iterator for CheckedBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
