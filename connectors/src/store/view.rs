//! Read-only view of a state folder, which does not block the writer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::error::StoreError;
use super::frame_sums::check_last;
use super::inputs::{InputReader, first_in_table};
use super::layout::{BUSY, DATABASE, LOCK, SCHEMA_VERSION};
use super::segment::{SegmentReader, segments};
use crate::record::{ReadError, RunRecord};

/// Read-only view of a state folder, during or after a run.
pub struct StateView {
    path: PathBuf,
    database: PathBuf,
    connection: Connection,
}

/// Numbers of recorded inputs by location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// Number of segments.
    pub segments: u64,
    /// Inputs in segments.
    pub in_segments: u64,
    /// Inputs in the table but in no segment.
    pub in_table: u64,
}

impl InputCounts {
    /// Returns the number of all inputs.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.in_segments + self.in_table
    }
}

impl StateView {
    /// Opens a state folder.
    ///
    /// # Errors
    /// The path is not a state folder, or another version wrote it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = path.join(DATABASE);
        if !database.is_file() {
            return Err(StoreError::NoState(path.to_owned()));
        }
        let failed =
            |source| StoreError::Database { path: database.clone(), doing: "read the state", source };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&database, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        let view = Self { path: path.to_owned(), database: database.clone(), connection };
        let has_meta = "SELECT count(*) FROM sqlite_master WHERE name = 'meta'";
        let has_meta: u32 = view.connection.query_row(has_meta, [], |row| row.get(0)).map_err(failed)?;
        let found = if has_meta == 0 { None } else { view.meta("schema_version")? };
        match found.as_deref().map(str::parse::<u32>) {
            Some(Ok(SCHEMA_VERSION)) => Ok(view),
            Some(Ok(version)) => Err(StoreError::Version {
                path: database,
                found: version.to_string(),
                expected: SCHEMA_VERSION,
                by: view.meta("version")?.unwrap_or_default(),
            }),
            _ => Err(StoreError::NoState(path.to_owned())),
        }
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the database.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Returns the read-only connection.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the record of the run, up to the last committed frame.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn into_record(self) -> Result<RunRecord, ReadError> {
        RunRecord::of_state(&self.database, self.connection)
    }

    /// Returns a value of `meta`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM meta WHERE key = ?1";
        let value = self.connection.query_row(select, [key], |row| row.get(0)).optional();
        value.map_err(|source| self.failed(source))
    }

    /// Checks the rows of the last `count` recorded frames against their checksums.
    ///
    /// # Errors
    /// A row was changed after it was recorded, or an error of SQLite.
    pub fn check_last_frames(&self, count: u64) -> Result<(), StoreError> {
        check_last(&self.connection, &self.database, count, false)
    }

    /// Returns whether a run uses the folder. The lock is held only briefly; a starting run retries.
    ///
    /// # Errors
    /// A system error.
    pub fn is_running(&self) -> Result<bool, StoreError> {
        let path = self.path.join(LOCK);
        if !path.exists() {
            return Ok(false);
        }
        let failed = |source| StoreError::Io { path: path.clone(), doing: "check the lock", source };
        match File::open(&path).map_err(failed)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(fs::TryLockError::WouldBlock) => Ok(true),
            Err(fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Returns a reader of all recorded inputs, in order.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn inputs(&self) -> Result<InputReader, StoreError> {
        InputReader::open(&self.database, 0)
    }

    /// Counts the inputs.
    ///
    /// # Errors
    /// A segment is unreadable, or an error of SQLite.
    pub fn input_counts(&self) -> Result<InputCounts, StoreError> {
        let end = "SELECT coalesce(max(seq) + 1, 0) FROM inputs";
        let end: u64 =
            self.connection.query_row(end, [], |row| row.get(0)).map_err(|source| self.failed(source))?;
        let first = first_in_table(&self.connection).map_err(|source| self.failed(source))?;
        let all = segments(&self.database)?;
        let ends: Vec<u64> = all.iter().map(SegmentReader::end_of).collect::<Result<_, _>>()?;
        let in_segments = all.iter().zip(&ends).map(|(segment, end)| end - segment.first).sum();
        let after = ends.last().copied().unwrap_or(0).max(first.unwrap_or(0));
        Ok(InputCounts { segments: all.len() as u64, in_segments, in_table: end.saturating_sub(after) })
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Database { path: self.database.clone(), doing: "read the state", source }
    }
}
