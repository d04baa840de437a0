//! Header of a page.

use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};

use super::thrift::{Fault, Kind, Thrift};

/// Header of a page as stored; sizes and counts are not negative.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) compressed: usize,
    pub(super) uncompressed: usize,
    pub(super) crc: Option<u32>,
    pub(super) kind: PageKind,
}

/// Content of a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PageKind {
    Dictionary {
        values: u32,
        encoding: Encoding,
    },
    Data {
        values: u32,
        encoding: Encoding,
        levels: Encoding,
    },
    DataV2 {
        values: u32,
        nulls: u32,
        rows: u32,
        encoding: Encoding,
        levels: u32,
        repetition: u32,
        compressed: bool,
    },
    /// Index, which readers skip.
    Index,
}

/// Integers and booleans of a structure by field number.
#[derive(Default)]
struct Fields {
    numbers: [Option<i32>; 9],
    flags: [Option<bool>; 9],
}

impl Fields {
    fn read(thrift: &mut Thrift<'_>, kind: Kind, integers: &[usize]) -> std::result::Result<Self, Fault> {
        if kind != Kind::Struct {
            return Err(Fault::Invalid("the page header is not a structure"));
        }
        let (mut fields, mut last) = (Self::default(), 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            let id = usize::try_from(id).unwrap_or(usize::MAX);
            match kind {
                kind if integers.contains(&id) => fields.numbers[id] = Some(thrift.int(kind)?),
                Kind::Bool(value) if id < fields.flags.len() => fields.flags[id] = Some(value),
                kind => thrift.skip(kind)?,
            }
        }
        Ok(fields)
    }

    fn count(&self, id: usize) -> Result<u32> {
        let number = self.numbers[id].ok_or_else(|| invalid("the page header lacks a number"))?;
        u32::try_from(number)
            .map_err(|_| invalid(&format!("the page header has the number {number}, expected at least 0")))
    }

    fn encoding(&self, id: usize) -> Result<Encoding> {
        // Numbers of the format's definition.
        Ok(match self.count(id)? {
            0 => Encoding::PLAIN,
            2 => Encoding::PLAIN_DICTIONARY,
            3 => Encoding::RLE,
            5 => Encoding::DELTA_BINARY_PACKED,
            6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            7 => Encoding::DELTA_BYTE_ARRAY,
            8 => Encoding::RLE_DICTIONARY,
            9 => Encoding::BYTE_STREAM_SPLIT,
            number => return Err(ParquetError::NYI(format!("the encoding with number {number}"))),
        })
    }
}

impl Header {
    /// Reads a header at the start of `bytes` and returns it with its length; `None` if `bytes` is too short.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>> {
        let mut thrift = Thrift::new(bytes);
        match Raw::read(&mut thrift) {
            Ok(raw) => Ok(Some((raw.checked()?, bytes.len() - thrift.remaining()))),
            Err(Fault::End) => Ok(None),
            Err(fault) => Err(invalid(&fault.to_string())),
        }
    }
}

/// Header before its numbers are checked.
struct Raw {
    page: Fields,
    data: Option<Fields>,
    dictionary: Option<Fields>,
    data_v2: Option<Fields>,
}

impl Raw {
    fn read(thrift: &mut Thrift<'_>) -> std::result::Result<Self, Fault> {
        let mut raw = Self { page: Fields::default(), data: None, dictionary: None, data_v2: None };
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match id {
                1..=4 => raw.page.numbers[usize::try_from(id).unwrap_or(0)] = Some(thrift.int(kind)?),
                5 => raw.data = Some(Fields::read(thrift, kind, &[1, 2, 3, 4])?),
                7 => raw.dictionary = Some(Fields::read(thrift, kind, &[1, 2])?),
                8 => raw.data_v2 = Some(Fields::read(thrift, kind, &[1, 2, 3, 4, 5, 6])?),
                _ => thrift.skip(kind)?,
            }
        }
        Ok(raw)
    }

    fn checked(&self) -> Result<Header> {
        let kind = match (self.page.count(1)?, &self.data, &self.dictionary, &self.data_v2) {
            (0, Some(data), ..) => PageKind::Data {
                values: data.count(1)?,
                encoding: data.encoding(2)?,
                // Encodings other than RLE are refused later; PLAIN stands for all of them.
                levels: if data.count(3)? == 3 { Encoding::RLE } else { Encoding::PLAIN },
            },
            (1, ..) => PageKind::Index,
            (2, _, Some(page), _) => {
                PageKind::Dictionary { values: page.count(1)?, encoding: page.encoding(2)? }
            }
            (3, .., Some(page)) => PageKind::DataV2 {
                values: page.count(1)?,
                nulls: page.count(2)?,
                rows: page.count(3)?,
                encoding: page.encoding(4)?,
                levels: page.count(5)?,
                repetition: page.count(6)?,
                compressed: page.flags[7].unwrap_or(true),
            },
            (0 | 2 | 3, ..) => return Err(invalid("the page header lacks the part for its type")),
            (number, ..) => return Err(invalid(&format!("unknown page type {number}"))),
        };
        let size = |id| Ok::<_, ParquetError>(self.page.count(id)? as usize);
        let crc = self.page.numbers[4].map(i32::cast_unsigned);
        Ok(Header { uncompressed: size(2)?, compressed: size(3)?, crc, kind })
    }
}

pub(super) fn invalid(text: &str) -> ParquetError {
    ParquetError::General(text.to_owned())
}

#[cfg(test)]
mod tests;
