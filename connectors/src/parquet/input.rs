//! Location of a table, and the footer of a Parquet file.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow_schema::Schema;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::SchemaDescriptor;

use super::chunks::{Chunks, OpenFile, guarded};
use super::file_batches::ParquetFile;
use super::files::{TEXTS, has_extension};
use super::memory::MemoryRows;
use super::open_table::OpenTable;
use super::pages::{FooterFault, read_footer};
use super::prepared::PreparedFile;
use super::settings::Input;
use crate::did_you_mean::nearest;
use crate::files;
use crate::import::Interpretation;
use crate::{DataError, Place};

/// Location of a closed table.
#[derive(Clone, Debug)]
pub(super) enum Location {
    File(std::path::PathBuf),
    Bytes { name: String, bytes: Bytes },
    Prepared(PreparedFile),
    Memory(MemoryRows),
}

impl Location {
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.clone(),
            Self::Prepared(file) => file.name().to_owned(),
            Self::Memory(rows) => rows.table().name().to_owned(),
        }
    }

    /// Returns the place of a cell in the user's file; `row` is the row of the table that is read.
    pub(super) fn place(&self, row: u64, column: String) -> Box<Place> {
        match self {
            Self::Prepared(file) => file.place(row, column),
            Self::Memory(rows) => rows.place(row, column),
            _ => Box::new(Place { file: self.name(), row, line: None, column }),
        }
    }

    /// Returns how a file or table that was sorted, or read from text, was understood.
    pub(super) fn interpretation(&self) -> Option<&Interpretation> {
        match self {
            Self::Prepared(file) => Some(file.interpretation()),
            Self::Memory(rows) => rows.interpretation(),
            Self::File(_) | Self::Bytes { .. } => None,
        }
    }

    /// Opens the table and reads the names and types of its columns. `open`: number of open files, named in the
    /// error if there are too many.
    pub(super) fn open(&self, open: usize) -> Result<OpenTable, DataError> {
        if let Self::Memory(rows) = self {
            unique_names(rows.table().name(), rows.schema())?;
            return Ok(OpenTable::Memory(rows.clone()));
        }
        let chunks = self.chunks(open)?;
        let (name, metadata) = (self.name(), self.footer(&chunks)?);
        unique_names(&name, metadata.schema())?;
        Ok(OpenTable::File(ParquetFile { name, chunks, metadata }))
    }

    /// Opens the file and checks its first bytes.
    fn chunks(&self, open: usize) -> Result<Chunks, DataError> {
        let chunks = match self {
            Self::Bytes { bytes, .. } => Chunks::Bytes(bytes.clone()),
            Self::Prepared(file) => {
                file.chunks().map_err(|source| DataError::Io { path: self.name(), source })?
            }
            Self::File(path) => {
                let file = files::open(path).and_then(OpenFile::new);
                Chunks::File(file.map_err(|error| io_error(path, error, open))?)
            }
            // Has no bytes of a file.
            Self::Memory(_) => Chunks::Bytes(Bytes::new()),
        };
        let file = self.name();
        if chunks.len() == 0 {
            return Err(DataError::EmptyFile { file });
        }
        let mut start = Vec::new();
        chunks
            .get_read(0)
            .and_then(|reader| Ok(reader.take(16).read_to_end(&mut start)?))
            .map_err(|cause| DataError::Truncated { file: file.clone(), cause: cause.to_string() })?;
        if start.starts_with(b"PARE") {
            return Err(DataError::Encrypted { file });
        }
        if !start.starts_with(b"PAR1") {
            let found = format!("{:?}", String::from_utf8_lossy(&start));
            return Err(match has_extension(Path::new(&file), &TEXTS) {
                true => DataError::NotText { file, found },
                false => DataError::NotParquet { file, found },
            });
        }
        Ok(chunks)
    }

    /// Reads the footer of the opened file and the types of its columns.
    fn footer(&self, chunks: &Chunks) -> Result<ArrowReaderMetadata, DataError> {
        let file = self.name();
        let metadata = match read_footer(chunks) {
            Ok(metadata) => Arc::new(metadata),
            Err(FooterFault::Encrypted) => return Err(DataError::Encrypted { file }),
            Err(FooterFault::Damaged(cause)) => return Err(DataError::Truncated { file, cause }),
        };
        let schema = metadata.file_metadata().schema_descr_ptr();
        let with = |options| guarded(|| ArrowReaderMetadata::try_new(Arc::clone(&metadata), options));
        with(ArrowReaderOptions::new())
            .or_else(|cause| match cause.to_string().contains("incompatible arrow schema") {
                // The writer's Arrow schema is optional, and may be stale in a file with renamed columns.
                true => with(ArrowReaderOptions::new().with_skip_arrow_metadata(true)),
                false => Err(cause),
            })
            .map_err(|cause| unknown_type(&file, &schema, &cause))
    }
}

/// Returns the error for a file with a column type unknown to Arrow.
fn unknown_type(file: &str, schema: &SchemaDescriptor, cause: &ParquetError) -> DataError {
    let types = |column| {
        guarded(|| parquet_to_arrow_field_levels(schema, ProjectionMask::roots(schema, [column]), None))
    };
    let fields = schema.root_schema().get_fields().iter().enumerate();
    let named =
        fields.filter_map(|(column, field)| Some((field.name().to_owned(), types(column).err()?))).next();
    match named {
        Some((column, cause)) => {
            DataError::Unsupported { file: file.to_owned(), column, what: cause.to_string() }
        }
        None => DataError::Truncated { file: file.to_owned(), cause: cause.to_string() },
    }
}

/// Refuses two columns of the same name, which would be ambiguous.
fn unique_names(file: &str, schema: &Schema) -> Result<(), DataError> {
    let mut names = BTreeMap::new();
    for (column, field) in schema.fields().iter().enumerate() {
        if let Some(first) = names.insert(field.name().as_str(), column) {
            let (file, columns) = (file.to_owned(), (first, column));
            return Err(DataError::DuplicateColumn { file, column: field.name().clone(), columns });
        }
    }
    Ok(())
}

impl Input {
    /// Returns the location of an input that must be a single file. `what`: its content, named in the error.
    pub(super) fn single(&self, what: &str) -> Result<Location, DataError> {
        match self {
            Self::Path(path) if path.is_dir() => Err(DataError::Settings(format!(
                "{}: found a folder, expected one file of {what}; name the file in it",
                path.display()
            ))),
            Self::Path(path) => Ok(Location::File(path.clone())),
            Self::Bytes { name, bytes } => Ok(Location::Bytes { name: name.clone(), bytes: bytes.clone() }),
            Self::Prepared(file) => Ok(Location::Prepared(file.clone())),
            Self::Memory(table) => Ok(Location::Memory(MemoryRows::new(table))),
            Self::Several(files) => match files.as_slice() {
                [file] => file.single(what),
                _ => Err(DataError::Settings(format!(
                    "found {} files of {what}, expected one file; name one of them",
                    files.len()
                ))),
            },
        }
    }
}

/// Returns the error for a path that cannot be opened.
pub(super) fn io_error(path: &Path, source: io::Error, open: usize) -> DataError {
    /// Error codes "too many open files", of the process (EMFILE) and of the system (ENFILE).
    const TOO_MANY: [i32; 2] = [24, 23];
    let name = path.display().to_string();
    if cfg!(unix) && source.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code)) {
        return DataError::TooManyFiles { path: name, open };
    }
    if source.kind() != io::ErrorKind::NotFound {
        return DataError::Io { path: name, source };
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    DataError::NotFound { path: name, nearest: nearest(&wanted, names.iter().map(String::as_str)) }
}
