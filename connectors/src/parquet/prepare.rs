//! Preparation of files that are not Parquet files in time order, once per process.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::files::{PARQUET, has_extension};
use super::input::{Location, io_error};
use super::prepared::PreparedFile;
use super::settings::Input;
use crate::DataError;
use crate::import::{Contents, ImportOptions, ImportedText, is_text_table, read_text_table};

/// Bytes from which a format is recognised.
const START_BYTES: u64 = 4096;
/// Maximum bytes in memory, and number, of tables kept for the next reader of the same file.
const KEPT_BYTES: usize = 256 << 20;
const KEPT_MAX: usize = 4096;

/// Returns an input that every reader of Parquet files takes. A text table (CSV, possibly compressed, or a file
/// of Kenneth French) becomes a Parquet table in time order; all other inputs are returned as they are.
///
/// `FILE#NAME` stands for a section of a file with stacked sections. Errors of later readers name file and
/// line of the user's file. A table that was prepared with the same options is not prepared again while its
/// file stays the same.
///
/// # Errors
/// The file is missing, or a line is invalid.
pub fn prepare(input: &Input, options: &ImportOptions) -> Result<Input, DataError> {
    let (location, section) = match input {
        Input::Path(path) => {
            let (path, section) = section_of(path);
            if path.is_dir() {
                return Ok(input.clone());
            }
            (Location::File(path), section)
        }
        Input::Bytes { name, bytes } => (Location::Bytes { name: name.clone(), bytes: bytes.clone() }, None),
        Input::Prepared(_) | Input::Memory(_) => return Ok(input.clone()),
        Input::Several(files) => {
            let prepared = files.iter().map(|file| prepare(file, options));
            return Ok(Input::Several(prepared.collect::<Result<_, _>>()?));
        }
    };
    let options = ImportOptions { section: section.or(options.section.clone()), ..options.clone() };
    match (prepared_text(&location, &options)?, location) {
        (Some(prepared), _) => Ok(Input::Prepared(prepared)),
        (None, Location::File(path)) => Ok(Input::Path(path)),
        (None, _) => Ok(input.clone()),
    }
}

/// Separates the name of a section from a path, as in `10_Industry_Portfolios.CSV#Average Firm Size`.
pub(super) fn section_of(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_string_lossy();
    match text.rsplit_once('#') {
        Some((file, section)) if !section.is_empty() && !path.exists() && Path::new(file).is_file() => {
            (PathBuf::from(file), Some(section.to_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

/// Returns the table of a text file; `None` for another file.
pub(super) fn prepared_text(
    location: &Location,
    options: &ImportOptions,
) -> Result<Option<PreparedFile>, DataError> {
    let contents = match location {
        Location::File(path) if has_extension(path, &PARQUET) => return Ok(None),
        Location::File(path) => Contents::File(path.clone()),
        Location::Bytes { name, bytes } => Contents::Bytes { name: name.clone(), bytes: bytes.clone() },
        Location::Prepared(_) | Location::Memory(_) => return Ok(None),
    };
    let start = contents.start(START_BYTES).map_err(|error| match location {
        Location::File(path) => io_error(path, error, 0),
        _ => DataError::Io { path: contents.name(), source: error },
    })?;
    if !is_text_table(&contents.name(), &start)? {
        return Ok(None);
    }
    once(location, options, || {
        let ImportedText { table, interpretation } = read_text_table(&contents, options)?;
        Ok(PreparedFile::new(contents.name(), table, true, interpretation))
    })
    .map(Some)
}

/// File and options of a table.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    options: String,
}

/// Returns the table that was made of a file before, or makes it.
pub(super) fn once(
    location: &Location,
    options: &ImportOptions,
    make: impl FnOnce() -> Result<PreparedFile, DataError>,
) -> Result<PreparedFile, DataError> {
    static KEPT: Mutex<VecDeque<(Key, PreparedFile)>> = Mutex::new(VecDeque::new());
    let Location::File(path) = location else { return make() };
    let facts = std::fs::metadata(path).map_err(|error| io_error(path, error, 0))?;
    let key = Key {
        path: path.clone(),
        length: facts.len(),
        modified: facts.modified().ok(),
        options: format!("{options:?}"),
    };
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, file)) = kept().iter().find(|(known, _)| *known == key) {
        return Ok(file.clone());
    }
    let file = make()?;
    let mut kept = kept();
    kept.push_back((key, file.clone()));
    while kept.len() > KEPT_MAX || kept.iter().map(|(_, file)| file.bytes()).sum::<usize>() > KEPT_BYTES {
        kept.pop_front();
    }
    Ok(file)
}
