//! Checksum of a table, so that a table changed after the run gives an error and not other figures.
//!
//! The footer holds the CRC-32 of all bytes before the footer and of the places of the column chunks. A table without it was
//! written by another program.

use std::io::{self, Write};
use std::path::Path;

use flate2::Crc;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{KeyValue, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::parquet::CheckedFile;

/// Key in the metadata of a file; the value has the number of bytes and the checksum.
const KEY: &str = "betaflow.crc32";

/// Writer that sums the bytes that pass through it.
pub(super) struct Summed<W> {
    inner: W,
    crc: Crc,
    bytes: u64,
}

impl<W> Summed<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, crc: Crc::new(), bytes: 0 }
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }

    /// Returns the checksum of the bytes so far and of the row groups in them.
    pub(super) fn checksum(&self, groups: &[RowGroupMetaData]) -> KeyValue {
        let sum = combined(self.crc.sum(), groups);
        KeyValue::new(KEY.to_owned(), format!("{} {sum:08x}", self.bytes))
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.crc.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Returns the CRC-32 of a checksum and of what readers use of the row groups.
fn combined(sum: u32, groups: &[RowGroupMetaData]) -> u32 {
    let mut used = sum.to_le_bytes().to_vec();
    for group in groups {
        used.extend(group.num_rows().to_le_bytes());
        for chunk in group.columns() {
            // Its length separates the name of a column from what follows it.
            let name = chunk.column_descr().path().parts();
            used.extend((name.len() as u64).to_le_bytes());
            for part in name {
                used.extend((part.len() as u64).to_le_bytes());
                used.extend(part.as_bytes());
            }
            let span = match chunk.statistics() {
                Some(Statistics::Int64(span)) => (span.min_opt().copied(), span.max_opt().copied()),
                _ => (None, None),
            };
            let numbers = [
                Some(codec(chunk.compression())),
                Some(chunk.num_values()),
                Some(chunk.data_page_offset()),
                chunk.dictionary_page_offset(),
                Some(chunk.compressed_size()),
                span.0,
                span.1,
            ];
            for number in numbers {
                used.push(u8::from(number.is_some()));
                used.extend(number.unwrap_or_default().to_le_bytes());
            }
        }
    }
    let mut crc = Crc::new();
    crc.update(&used);
    crc.sum()
}

/// Returns the number of a codec in the file format (`CompressionCodec` of parquet-format).
fn codec(codec: Compression) -> i64 {
    match codec {
        Compression::UNCOMPRESSED => 0,
        Compression::SNAPPY => 1,
        Compression::GZIP(_) => 2,
        Compression::LZO => 3,
        Compression::BROTLI(_) => 4,
        Compression::LZ4 => 5,
        Compression::ZSTD(_) => 6,
        Compression::LZ4_RAW => 7,
    }
}

/// Opens a table of a run folder and compares its checksum.
pub(super) fn open_table(path: &Path) -> Result<CheckedFile> {
    let file = CheckedFile::open(path)?;
    verify(&file)?;
    Ok(file)
}

/// Compares the checksum of a table with its bytes, if it has one.
pub(super) fn verify(file: &CheckedFile) -> Result<()> {
    let pairs = file.metadata().file_metadata().key_value_metadata();
    let written = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == KEY)?.value.clone());
    let Some(written) = written else { return Ok(()) };
    let changed = |found: &str| {
        ParquetError::General(format!(
            "found the checksum {found}, expected {written} as written: the file was changed afterwards"
        ))
    };
    let bytes = written.split(' ').next().and_then(|bytes| bytes.parse().ok());
    let bytes = bytes.ok_or_else(|| changed("of no number of bytes"))?;
    let sum = combined(file.crc_of(bytes)?, file.metadata().row_groups());
    let found = format!("{bytes} {sum:08x}");
    match found == written {
        true => Ok(()),
        false => Err(changed(&found)),
    }
}
