//! Footer of a file.

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use super::thrift::{Fault, Kind, Thrift};
use crate::parquet::chunks::{Chunks, guarded};

/// Maximum nesting depth of column groups.
const NESTING_MAX: usize = 64;

/// Reason for which a footer is unusable.
#[derive(Debug)]
pub(in crate::parquet) enum FooterFault {
    /// File that is encrypted, wholly or in part.
    Encrypted,
    /// Truncated or changed file.
    Damaged(String),
}

impl From<ParquetError> for FooterFault {
    fn from(error: ParquetError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Reads the footer after a check of its structure.
pub(in crate::parquet) fn read(chunks: &Chunks) -> Result<ParquetMetaData, FooterFault> {
    let damaged = |text: String| FooterFault::Damaged(text);
    let file = chunks.len();
    let Some(tail_at) = file.checked_sub(8).filter(|at| *at >= 4) else {
        return Err(damaged(format!("the file has {file} bytes, expected at least 12")));
    };
    let tail = chunks.get_bytes(tail_at, 8)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    match &tail[4..] {
        b"PAR1" => {}
        b"PARE" => return Err(FooterFault::Encrypted),
        found => {
            return Err(damaged(format!(
                "the file ends with {:?}, expected `PAR1`",
                String::from_utf8_lossy(found)
            )));
        }
    }
    let start = tail_at.checked_sub(length).filter(|start| *start >= 4);
    let start =
        start.ok_or_else(|| damaged(format!("the footer declares {length} bytes, the file has {file}")))?;
    let bytes = chunks.get_bytes(start, usize::try_from(length).unwrap_or(0))?;
    if is_encrypted(&bytes).map_err(|fault| damaged(fault.to_string()))? {
        return Err(FooterFault::Encrypted);
    }
    let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(&bytes))?;
    let rows = metadata
        .row_groups()
        .iter()
        .try_fold(0_i64, |sum, group| sum.checked_add(group.num_rows()).filter(|_| group.num_rows() >= 0));
    let declared = metadata.file_metadata().num_rows();
    if rows != Some(declared) {
        let found = rows.map_or("an impossible number of".to_owned(), |rows| rows.to_string());
        return Err(damaged(format!("the footer declares {declared} rows, the row groups have {found}")));
    }
    Ok(metadata)
}

/// Expected type of a field in the footer's structures.
#[derive(Clone, Copy)]
enum Expected {
    Is(Kind),
    /// List of structures with these fields.
    Structs(Fields),
    /// Structure with these fields.
    Struct(Fields),
}

/// Fields of a structure by number, from the definition of the format. Readers skip a field of another type
/// or refuse the file.
type Fields = &'static [(i64, Expected)];

const INT: Expected = Expected::Is(Kind::Int(32));
const LONG: Expected = Expected::Is(Kind::Int(64));
const BYTES: Expected = Expected::Is(Kind::Binary);
const LIST: Expected = Expected::Is(Kind::List);

/// `FileMetaData` without the schema.
const FILE: Fields =
    &[(1, INT), (3, LONG), (4, Expected::Structs(ROW_GROUP)), (5, LIST), (6, BYTES), (7, LIST)];
/// `RowGroup`.
const ROW_GROUP: Fields = &[
    (1, Expected::Structs(CHUNK)),
    (2, LONG),
    (3, LONG),
    (5, LONG),
    (6, LONG),
    (7, Expected::Is(Kind::Int(16))),
];
/// `ColumnChunk`.
const CHUNK: Fields =
    &[(1, BYTES), (2, LONG), (3, Expected::Struct(COLUMN)), (4, LONG), (5, INT), (6, LONG), (7, INT)];
/// `ColumnMetaData`.
const COLUMN: Fields = &[
    (1, INT),
    (2, LIST),
    (3, LIST),
    (4, INT),
    (5, LONG),
    (6, LONG),
    (7, LONG),
    (9, LONG),
    (10, LONG),
    (11, LONG),
    (14, LONG),
    (15, INT),
];

/// Checks the structure of a footer; returns whether columns are encrypted.
fn is_encrypted(bytes: &[u8]) -> Result<bool, Fault> {
    let (mut thrift, mut last, mut encrypted) = (Thrift::new(bytes), 0, false);
    while let Some((id, kind)) = thrift.field(&mut last)? {
        match (id, kind) {
            (2, Kind::List) => check_schema(&mut thrift)?,
            (8, Kind::Struct) => {
                encrypted = true;
                thrift.skip(kind)?;
            }
            _ => check_field(&mut thrift, FILE, id, kind)?,
        }
    }
    Ok(encrypted)
}

fn check_field(thrift: &mut Thrift<'_>, fields: Fields, id: i64, kind: Kind) -> Result<(), Fault> {
    let wrong = Fault::Invalid("a field of the footer has another type than the format defines");
    match fields.iter().find(|(known, _)| *known == id).map(|(_, expected)| *expected) {
        None => thrift.skip(kind),
        Some(Expected::Is(expected)) if expected == kind => thrift.skip(kind),
        Some(Expected::Struct(fields)) if kind == Kind::Struct => check_struct(thrift, fields),
        Some(Expected::Structs(fields)) if kind == Kind::List => {
            let (count, element) = thrift.list()?;
            if element != Kind::Struct {
                return Err(wrong);
            }
            (0..count).try_for_each(|_| check_struct(thrift, fields))
        }
        Some(_) => Err(wrong),
    }
}

fn check_struct(thrift: &mut Thrift<'_>, fields: Fields) -> Result<(), Fault> {
    let mut last = 0;
    while let Some((id, kind)) = thrift.field(&mut last)? {
        check_field(thrift, fields, id, kind)?;
    }
    Ok(())
}

/// Checks that groups have as many children as declared, within the maximum nesting depth.
fn check_schema(thrift: &mut Thrift<'_>) -> Result<(), Fault> {
    let (count, kind) = thrift.list()?;
    if kind != Kind::Struct {
        return Err(Fault::Invalid("the schema is not a list of structures"));
    }
    let mut open: Vec<usize> = Vec::new();
    for index in 0..count {
        let (mut last, mut children) = (0, 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match id {
                5 => children = usize::try_from(thrift.int(kind)?).unwrap_or(usize::MAX),
                1 | 2 | 3 | 6 | 7 | 8 | 9 => _ = thrift.int(kind)?,
                _ => thrift.skip(kind)?,
            }
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > count - index - 1 {
            return Err(Fault::Invalid("a group of the schema declares more columns than follow"));
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > NESTING_MAX {
            return Err(Fault::Invalid("the schema is nested too deeply"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
