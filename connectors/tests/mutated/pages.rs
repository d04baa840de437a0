//! A Parquet file taken apart: footer, page headers and page bodies, which can be changed one by one.

use std::io::{Read as _, Write as _};

use super::thrift::{self, Node};

/// Page of a column chunk.
#[derive(Clone, Debug)]
pub(crate) struct PageParts {
    pub(crate) header: Node,
    /// Body as stored.
    pub(crate) body: Vec<u8>,
    /// Number of the codec in the format's definition.
    pub(crate) codec: i64,
}

/// File taken apart.
#[derive(Clone, Debug)]
pub(crate) struct FileParts {
    pub(crate) footer: Node,
    /// Pages of each column chunk, row group by row group.
    pub(crate) chunks: Vec<Vec<Vec<PageParts>>>,
    /// Bytes between the last page and the footer: indexes and Bloom filters.
    between: Vec<u8>,
    between_at: usize,
}

/// Fields of a column chunk that hold positions of indexes.
const CHUNK_INDEXES: [i64; 2] = [4, 6];
const BLOOM_FILTER: i64 = 14;

impl FileParts {
    /// Takes a file apart; `None` if it is not a Parquet file as written.
    pub(crate) fn of(file: &[u8]) -> Option<Self> {
        let end = file.len().checked_sub(8)?;
        let length = u32::from_le_bytes(file[end..end + 4].try_into().ok()?) as usize;
        let (footer, _) = thrift::read(&file[end - length..end])?;
        let (mut chunks, mut last) = (Vec::new(), 4);
        for group in footer.field(4)?.elements() {
            let mut columns = Vec::new();
            for chunk in group.field(1)?.elements() {
                let column = chunk.field(3)?;
                let (start, length) = range(column)?;
                columns.push(pages(file.get(start..start + length)?, column.int(4)?)?);
                last = last.max(start + length);
            }
            chunks.push(columns);
        }
        Some(Self { footer, chunks, between: file[last..end - length].to_vec(), between_at: last })
    }

    /// File with sizes and positions of the footer set to the pages as they are.
    pub(crate) fn laid_out(&mut self) -> Vec<u8> {
        let mut out = b"PAR1".to_vec();
        let mut groups = Vec::new();
        for columns in &self.chunks {
            let mut places = Vec::new();
            for pages in columns {
                let (start, mut data) = (out.len(), None);
                for page in pages {
                    if data.is_none() && page.header.int(1) != Some(2) {
                        data = Some(out.len());
                    }
                    out.extend(page.header.bytes());
                    out.extend(&page.body);
                }
                places.push((start, data.unwrap_or(start), out.len() - start));
            }
            groups.push(places);
        }
        let moved = as_int(out.len()) - as_int(self.between_at);
        out.extend(&self.between);
        let Some(Node::List(_, all)) = self.footer.field_mut(4) else { return out };
        for (group, places) in all.iter_mut().zip(&groups) {
            let Some(Node::List(_, chunks)) = group.field_mut(1) else { continue };
            for (chunk, (start, data, length)) in chunks.iter_mut().zip(places) {
                for id in CHUNK_INDEXES {
                    if let Some(at) = chunk.int(id) {
                        chunk.set(id, at + moved);
                    }
                }
                let Some(column) = chunk.field_mut(3) else { continue };
                column.set(7, as_int(*length));
                column.set(9, as_int(*data));
                if column.int(11).is_some_and(|at| at > 0) {
                    column.set(11, as_int(*start));
                }
                if let Some(at) = column.int(BLOOM_FILTER) {
                    column.set(BLOOM_FILTER, at + moved);
                }
            }
        }
        out
    }

    /// Adds footer and its length to the bytes of [`Self::laid_out`].
    pub(crate) fn finished(&self, mut out: Vec<u8>) -> Vec<u8> {
        let footer = self.footer.bytes();
        out.extend(&footer);
        out.extend(u32::try_from(footer.len()).unwrap().to_le_bytes());
        out.extend(b"PAR1");
        out
    }
}

fn as_int(length: usize) -> i64 {
    i64::try_from(length).unwrap()
}

/// Start and length of a column chunk.
fn range(column: &Node) -> Option<(usize, usize)> {
    let data = column.int(9)?;
    let dictionary = column.int(11).filter(|at| *at > 0 && *at < data);
    Some((usize::try_from(dictionary.unwrap_or(data)).ok()?, usize::try_from(column.int(7)?).ok()?))
}

fn pages(mut bytes: &[u8], codec: i64) -> Option<Vec<PageParts>> {
    let mut pages = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = thrift::read(bytes)?;
        let size = usize::try_from(header.int(3)?).ok()?;
        let body = bytes.get(length..length + size)?.to_vec();
        bytes = &bytes[length + size..];
        pages.push(PageParts { header, body, codec });
    }
    Some(pages)
}

impl PageParts {
    /// Length of the levels before the values of a data page of version 2, which are not compressed.
    fn plain(&self) -> usize {
        let levels =
            self.header.field(8).map_or(0, |page| page.int(5).unwrap_or(0) + page.int(6).unwrap_or(0));
        usize::try_from(levels).unwrap_or(0).min(self.body.len())
    }

    fn is_compressed(&self) -> bool {
        self.codec != 0 && self.header.field(8).and_then(|page| page.field(7)) != Some(&Node::Bool(false))
    }

    /// Body, decompressed; `None` for a codec that this module does not have.
    pub(crate) fn content(&self) -> Option<Vec<u8>> {
        if !self.is_compressed() {
            return Some(self.body.clone());
        }
        let (plain, packed) = self.body.split_at(self.plain());
        let size = usize::try_from(self.header.int(2)?).ok()?.checked_sub(plain.len())?;
        let mut content = plain.to_vec();
        if size > 0 {
            content.extend(unpacked(self.codec, packed, size)?);
        }
        Some(content)
    }

    /// Replaces the content and compresses it. `declared`: also sets the sizes in the header.
    pub(crate) fn replace(&mut self, content: &[u8], declared: bool) {
        let body = if self.is_compressed() {
            let (plain, rest) = content.split_at(self.plain().min(content.len()));
            let Some(packed) = packed(self.codec, rest) else { return };
            [plain, &packed].concat()
        } else {
            content.to_vec()
        };
        self.body = body;
        self.header.set(3, as_int(self.body.len()));
        if declared {
            self.header.set(2, as_int(content.len()));
        }
        self.checksum();
    }

    /// Sets the checksum of the body, if the page has one.
    pub(crate) fn checksum(&mut self) {
        let mut crc = flate2::Crc::new();
        crc.update(&self.body);
        self.header.set(4, i64::from(crc.sum().cast_signed()));
    }
}

fn unpacked(codec: i64, bytes: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match codec {
        1 => out = snap::raw::Decoder::new().decompress_vec(bytes).ok()?,
        2 => _ = flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).ok()?,
        6 => out = zstd::bulk::decompress(bytes, size).ok()?,
        7 => out = lz4_flex::block::decompress(bytes, size).ok()?,
        _ => return None,
    }
    Some(out)
}

/// Compresses with a codec by its number.
pub(crate) fn packed(codec: i64, bytes: &[u8]) -> Option<Vec<u8>> {
    Some(match codec {
        1 => snap::raw::Encoder::new().compress_vec(bytes).ok()?,
        2 => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(bytes).ok()?;
            writer.finish().ok()?
        }
        6 => zstd::bulk::compress(bytes, 3).ok()?,
        7 => lz4_flex::block::compress(bytes),
        _ => return None,
    })
}
