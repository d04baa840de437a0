//! Reader of the pages of one column chunk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::PAGE_BYTES_MAX;
use super::codec::decompress;
use super::header::{Header, PageKind, invalid};
use super::values::{Storage, check_dictionary, check_levels, check_values};
use crate::parquet::chunks::Chunks;

/// Bytes read first for a header; a header with statistics may be longer.
const HEADER_BYTES: u64 = 512;
const HEADER_BYTES_MAX: u64 = 16 << 20;

/// Bytes that the pages of a row group may still use.
#[derive(Debug)]
pub(super) struct Budget {
    free: AtomicUsize,
    all: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes), all: bytes }
    }

    fn take(self: &Arc<Self>, bytes: usize) -> Result<Share> {
        let taken =
            self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes));
        match taken {
            Ok(_) => Ok(Share { budget: Arc::clone(self), bytes }),
            Err(_) => Err(invalid(&format!(
                "the pages held at once need more than {} bytes; write the file again with smaller pages or row \
                 groups",
                self.all
            ))),
        }
    }
}

/// Part of a budget; dropping it returns the bytes to the budget.
#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Pages of one column chunk, each checked as it is read.
pub(super) struct Pages {
    chunks: Chunks,
    name: String,
    codec: Compression,
    storage: Storage,
    is_optional: bool,
    /// Position of the next page, and the end of the chunk.
    at: u64,
    end: u64,
    /// Remaining values, nulls included.
    left: usize,
    index: usize,
    /// Number of values of the dictionary.
    dictionary: Option<usize>,
    budget: Arc<Budget>,
    /// Memory of the dictionary and of the page being decoded.
    shares: [Option<Share>; 2],
}

impl Pages {
    pub(super) fn new(
        chunks: Chunks,
        group: &RowGroupMetaData,
        column: usize,
        budget: Arc<Budget>,
        text_bytes_max: usize,
    ) -> Result<Self> {
        let chunk = group.columns().get(column).ok_or_else(|| invalid("the row group lacks a column"))?;
        let descriptor = chunk.column_descr();
        let name = descriptor.path().string();
        let located = |error: ParquetError| in_column(error, &name);
        if descriptor.max_rep_level() > 0 || descriptor.max_def_level() > 1 {
            return Err(located(ParquetError::NYI("a nested column".to_owned())));
        }
        if chunk.file_path().is_some() {
            return Err(located(ParquetError::NYI("values in another file".to_owned())));
        }
        if chunk.num_values() != group.num_rows() {
            let (values, rows) = (chunk.num_values(), group.num_rows());
            return Err(located(invalid(&format!(
                "found {values} values, expected {rows}, the rows of the row group"
            ))));
        }
        let (start, end) = byte_range(chunk, chunks.len()).map_err(located)?;
        Ok(Self {
            chunks,
            codec: chunk.compression(),
            storage: storage(chunk, text_bytes_max),
            is_optional: descriptor.max_def_level() == 1,
            at: start,
            end,
            left: usize::try_from(chunk.num_values())
                .map_err(|_| invalid("found a negative number of values"))?,
            index: 0,
            dictionary: None,
            budget,
            shares: [None, None],
            name,
        })
    }

    fn read(&mut self) -> Result<Option<Page>> {
        while self.left > 0 {
            if self.at >= self.end {
                return Err(invalid(&format!("the column chunk ends {} values early", self.left)));
            }
            let header = self.header()?;
            let bytes = self.chunks.get_bytes(self.at, header.compressed)?;
            self.at += header.compressed as u64;
            if let Some(expected) = header.crc {
                let mut crc = flate2::Crc::new();
                crc.update(&bytes);
                if crc.sum() != expected {
                    return Err(invalid(&format!(
                        "found the checksum (CRC-32) {:08x}, expected {expected:08x}",
                        crc.sum()
                    )));
                }
            }
            let page = match header.kind {
                PageKind::Index => None,
                PageKind::Dictionary { values, encoding } => {
                    Some(self.dictionary(&header, bytes, values, encoding)?)
                }
                PageKind::Data { values, .. } | PageKind::DataV2 { values, .. } => {
                    self.data(&header, bytes, values)?
                }
            };
            if page.is_some() {
                return Ok(page);
            }
            self.index += 1;
        }
        self.check_end().map(|()| None)
    }

    /// Refuses a chunk with another page behind its last value: its number of values is wrong, or a page is there twice.
    /// Bytes that are not a page are padding.
    fn check_end(&self) -> Result<()> {
        let length = usize::try_from(HEADER_BYTES.min(self.end - self.at)).unwrap_or(0);
        let bytes = self.chunks.get_bytes(self.at, length)?;
        let values = match Header::read(&bytes) {
            Ok(Some((header, _))) => match header.kind {
                PageKind::Data { values, .. }
                | PageKind::DataV2 { values, .. }
                | PageKind::Dictionary { values, .. } => values,
                PageKind::Index => 0,
            },
            _ => 0,
        };
        match values {
            0 => Ok(()),
            _ => Err(invalid(&format!(
                "found a page of {values} more values, expected the end of the column chunk"
            ))),
        }
    }

    fn header(&mut self) -> Result<Header> {
        let mut length = HEADER_BYTES;
        let (header, size) = loop {
            let here = length.min(self.end - self.at);
            let bytes = self.chunks.get_bytes(self.at, usize::try_from(here).unwrap_or(0))?;
            match Header::read(&bytes)? {
                Some(found) => break found,
                None if here < length || length >= HEADER_BYTES_MAX => {
                    return Err(invalid("the page header ends early"));
                }
                None => length *= 16,
            }
        };
        self.at += size as u64;
        if header.compressed as u64 > self.end - self.at {
            let (found, left) = (header.compressed, self.end - self.at);
            return Err(invalid(&format!(
                "the page header declares {found} bytes, expected at most {left}, the rest of the column chunk"
            )));
        }
        if header.uncompressed > PAGE_BYTES_MAX {
            return Err(invalid(&format!(
                "the page header declares {} decompressed bytes, expected at most {PAGE_BYTES_MAX}; if the size is \
                 correct, write the file again with smaller pages",
                header.uncompressed
            )));
        }
        Ok(header)
    }

    fn dictionary(&mut self, header: &Header, bytes: Bytes, values: u32, encoding: Encoding) -> Result<Page> {
        if self.index > 0 || self.dictionary.is_some() {
            return Err(invalid("found a dictionary page, expected it only as the first page"));
        }
        if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
            return Err(invalid(&format!("found a dictionary with the encoding {encoding}, expected PLAIN")));
        }
        let (buf, share) = self.decompressed(header, bytes, 0, true, values)?;
        check_dictionary(&buf, self.storage, values as usize)?;
        (self.dictionary, self.shares[0]) = (Some(values as usize), Some(share));
        self.index += 1;
        // The decoder maps PLAIN_DICTIONARY, the older name, to PLAIN.
        Ok(Page::DictionaryPage { buf, num_values: values, encoding, is_sorted: false })
    }

    /// Reads a data page; `None` if it is empty.
    fn data(&mut self, header: &Header, bytes: Bytes, values: u32) -> Result<Option<Page>> {
        let count = values as usize;
        if count > self.left {
            return Err(invalid(&format!(
                "found {count} values, expected at most {}, the rest of the column chunk",
                self.left
            )));
        }
        self.shares[1] = None;
        let page = match header.kind {
            PageKind::DataV2 { nulls, rows, encoding, levels, repetition, compressed, .. } => {
                if repetition > 0 || rows != values || (levels > 0 && !self.is_optional) {
                    return Err(invalid(&format!(
                        "found {values} values in {rows} rows with {levels} + {repetition} bytes of levels"
                    )));
                }
                let (buf, share) = self.decompressed(header, bytes, levels as usize, compressed, values)?;
                self.shares[1] = Some(share);
                let (stored, rest) = buf.split_at(levels as usize);
                let present = if self.is_optional { check_levels(stored, count)? } else { count };
                if present + nulls as usize != count {
                    return Err(invalid(&format!(
                        "found {} nulls, expected {nulls} by the page header",
                        count - present
                    )));
                }
                check_values(rest, self.storage, encoding, present, self.dictionary)?;
                Page::DataPageV2 {
                    buf,
                    num_values: values,
                    encoding,
                    num_nulls: nulls,
                    num_rows: rows,
                    def_levels_byte_len: levels,
                    rep_levels_byte_len: 0,
                    is_compressed: compressed,
                    statistics: None,
                }
            }
            PageKind::Data { encoding, levels, .. } => {
                let (buf, share) = self.decompressed(header, bytes, 0, true, values)?;
                self.shares[1] = Some(share);
                let (present, rest) = match self.is_optional {
                    false => (count, &buf[..]),
                    true if levels != Encoding::RLE => {
                        return Err(ParquetError::NYI(
                            "definition levels that are not run-length encoded".to_owned(),
                        ));
                    }
                    true => {
                        let cut = buf.split_first_chunk().and_then(|(length, rest)| {
                            rest.split_at_checked(u32::from_le_bytes(*length) as usize)
                        });
                        let (stored, rest) =
                            cut.ok_or_else(|| invalid("the page ends inside its definition levels"))?;
                        (check_levels(stored, count)?, rest)
                    }
                };
                check_values(rest, self.storage, encoding, present, self.dictionary)?;
                Page::DataPage {
                    buf,
                    num_values: values,
                    encoding,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    statistics: None,
                }
            }
            PageKind::Dictionary { .. } | PageKind::Index => return Ok(None),
        };
        if count == 0 {
            return Ok(None);
        }
        self.left -= count;
        self.index += 1;
        Ok(Some(page))
    }

    /// Returns the content of a page of `values` values, decompressed after its first `plain` bytes, and its share
    /// of the budget.
    fn decompressed(
        &self,
        header: &Header,
        bytes: Bytes,
        plain: usize,
        is_compressed: bool,
        values: u32,
    ) -> Result<(Bytes, Share)> {
        let expected = self.storage.content_max(values as usize);
        if header.uncompressed > expected {
            return Err(invalid(&format!(
                "the page header declares {} decompressed bytes for {values} values, expected at most {expected}",
                header.uncompressed
            )));
        }
        let share = self.budget.take(header.uncompressed)?;
        if self.codec == Compression::UNCOMPRESSED || !is_compressed {
            if header.compressed != header.uncompressed || plain > bytes.len() {
                return Err(invalid(&format!(
                    "the page is not compressed, but its header declares {} and {} bytes",
                    header.compressed, header.uncompressed
                )));
            }
            return Ok((bytes, share));
        }
        let size = header.uncompressed.checked_sub(plain).filter(|_| plain <= bytes.len());
        let size = size.ok_or_else(|| invalid("the page ends inside its definition levels"))?;
        let mut content = Vec::new();
        content.extend_from_slice(&bytes[..plain]);
        // A page of nulls has no bytes to decompress.
        if size > 0 {
            decompress(self.codec, &bytes[plain..], size, &mut content)?;
        }
        Ok((content.into(), share))
    }
}

/// Returns the first byte of a chunk and its end.
fn byte_range(chunk: &ColumnChunkMetaData, file: u64) -> Result<(u64, u64)> {
    let data = chunk.data_page_offset();
    // Some writers store 0 for a missing dictionary.
    let dictionary = chunk.dictionary_page_offset().filter(|offset| *offset > 0 && *offset < data);
    let start = u64::try_from(dictionary.unwrap_or(data)).ok().filter(|start| *start >= 4);
    let length = u64::try_from(chunk.compressed_size()).ok();
    let end =
        start.zip(length).and_then(|(start, length)| start.checked_add(length)).filter(|end| *end <= file);
    start.zip(end).ok_or_else(|| {
        let (start, length) = (dictionary.unwrap_or(data), chunk.compressed_size());
        invalid(&format!(
            "found {length} bytes from byte {start}, expected them inside the file of {file} bytes"
        ))
    })
}

fn storage(chunk: &ColumnChunkMetaData, text_bytes_max: usize) -> Storage {
    let descriptor = chunk.column_descr();
    let physical = descriptor.physical_type();
    let width = match physical {
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(descriptor.type_length()).unwrap_or(0),
        Type::BOOLEAN | Type::BYTE_ARRAY => 0,
    };
    Storage { physical, width, text_bytes_max }
}

fn in_column(error: ParquetError, place: &str) -> ParquetError {
    match error {
        ParquetError::General(text) => invalid(&format!("column `{place}`: {text}")),
        ParquetError::NYI(text) => ParquetError::NYI(format!("column `{place}`: {text}")),
        other => other,
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let (at, index) = (self.at, self.index);
        self.read().map_err(|error| {
            let place = format!("page {index} at byte {at}: ");
            let error = match error {
                ParquetError::General(text) => invalid(&(place + &text)),
                ParquetError::NYI(text) => ParquetError::NYI(place + &text),
                other => other,
            };
            in_column(error, &self.name)
        })
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(invalid("pages are read in order"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(|_| ())
    }
}

#[cfg(test)]
mod tests;
