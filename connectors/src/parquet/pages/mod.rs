//! Checks of Parquet pages before decoding.
//!
//! The decoders of the `parquet` crate allocate what a file declares and panic on some damage. This module
//! checks sizes, counts and checksums of the footer and of each page against the actual bytes; decoders get
//! only valid pages.

mod codec;
mod footer;
mod header;
mod reader;
mod thrift;
mod values;

use std::sync::Arc;

use parquet::arrow::arrow_reader::RowGroups;
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

pub(super) use footer::{FooterFault, read as read_footer};
use reader::{Budget, Pages};

use super::chunks::Chunks;

/// Maximum decompressed size of a page, in bytes.
pub(super) const PAGE_BYTES_MAX: usize = 256 << 20;
/// Maximum total size of the pages of a row group in memory, in bytes.
const FILE_BYTES_MAX: usize = 1 << 30;

/// Maximum length of a text of market data, in bytes: symbols and times are shorter, and a batch holds thousands of texts.
const TEXT_BYTES_MAX: usize = 4096;

/// Pages of one row group.
pub(super) struct GroupPages {
    chunks: Chunks,
    metadata: Arc<ParquetMetaData>,
    group: usize,
    budget: Arc<Budget>,
    text_bytes_max: usize,
}

impl GroupPages {
    pub(super) fn new(chunks: Chunks, metadata: Arc<ParquetMetaData>, group: usize) -> Self {
        let budget = Arc::new(Budget::new(FILE_BYTES_MAX));
        Self { chunks, metadata, group, budget, text_bytes_max: TEXT_BYTES_MAX }
    }

    /// Sets the maximum length of a text, in bytes.
    pub(super) fn with_texts_up_to(self, text_bytes_max: usize) -> Self {
        Self { text_bytes_max, ..self }
    }

    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.group)
    }
}

/// Returns the name of a column's codec if it is unsupported.
pub(super) fn unread_codec(metadata: &ParquetMetaData, group: usize, column: usize) -> Option<String> {
    let codec = metadata.row_groups().get(group)?.columns().get(column)?.compression();
    (!codec::is_read(codec)).then(|| codec.to_string())
}

impl RowGroups for GroupPages {
    fn num_rows(&self) -> usize {
        usize::try_from(self.group().num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let budget = Arc::clone(&self.budget);
        let pages = Pages::new(self.chunks.clone(), self.group(), column, budget, self.text_bytes_max)?;
        Ok(Box::new(OneChunk(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// Chunk of a column in one row group.
struct OneChunk(Option<Pages>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(|pages| Ok::<Box<dyn PageReader>, ParquetError>(Box::new(pages)))
    }
}

impl PageIterator for OneChunk {}
