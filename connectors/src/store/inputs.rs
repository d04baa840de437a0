//! Reader of all recorded inputs, from segments and table.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};

use super::error::StoreError;
use super::input::{Input, InputKind};
use super::segment::{SegmentFile, SegmentReader, segments};

/// Rows of the table read at a time: during a long read, SQLite cannot reset its log.
const CHUNK: usize = 256;

/// Reader of the inputs of a state folder in ascending order, also while another process writes it.
///
/// Inputs move from the table into segments, and are in both for some time. Before each chunk, the reader
/// therefore looks up whether a segment or the table holds the next number.
pub struct InputReader {
    database: PathBuf,
    connection: Connection,
    next: u64,
    segment: Option<SegmentReader>,
    rows: VecDeque<Input>,
}

impl InputReader {
    /// Opens the record at number `from`.
    ///
    /// # Errors
    /// The state is missing, or an error of SQLite.
    pub fn open(database: &Path, from: u64) -> Result<Self, StoreError> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|connection| {
                connection.busy_timeout(super::layout::BUSY)?;
                connection.pragma_update(None, "cache_size", super::layout::CACHE)?;
                Ok(connection)
            })
            .map_err(|source| failed(database, source))?;
        let (database, segment, rows) = (database.to_owned(), None, VecDeque::new());
        Ok(Self { database, connection, next: from, segment, rows })
    }

    /// Returns the next recorded input; `None` after the last. A later call returns inputs recorded since.
    ///
    /// # Errors
    /// A segment is missing or damaged, or an error of SQLite.
    pub fn next_input(&mut self) -> Result<Option<Input>, StoreError> {
        loop {
            if let Some(input) = self.rows.pop_front() {
                if input.seq != self.next {
                    return Err(self.missing(None));
                }
                self.next += 1;
                return Ok(Some(input));
            }
            if let Some(segment) = &mut self.segment {
                while let Some(input) = segment.next()? {
                    if input.seq == self.next {
                        self.next += 1;
                        return Ok(Some(input));
                    }
                }
                self.segment = None;
            }
            // The table first: a run resumes from it, whatever became of older segments.
            let first = first_in_table(&self.connection).map_err(|source| failed(&self.database, source))?;
            if first.is_some_and(|first| first <= self.next) {
                self.read_rows()?;
                match self.rows.front().map(|input| input.seq) {
                    None => return Ok(None),
                    Some(found) if found == self.next => continue,
                    Some(_) => self.rows.clear(),
                }
            }
            // Rows leave the table once a segment has them, so they are in the segment if they left between the two reads.
            match (self.segment_of_next()?, first) {
                (Some(segment), _) => self.segment = Some(SegmentReader::open(&segment)?),
                (None, None) => return Ok(None),
                (None, Some(first)) => {
                    return Err(self.missing(Some(first).filter(|first| *first > self.next)));
                }
            }
        }
    }

    /// Returns the segment that holds the next number.
    fn segment_of_next(&self) -> Result<Option<SegmentFile>, StoreError> {
        let mut all = segments(&self.database)?;
        let Some(last) = all.iter().rposition(|segment| segment.first <= self.next) else { return Ok(None) };
        let segment = all.swap_remove(last);
        Ok((SegmentReader::end_of(&segment)? > self.next).then_some(segment))
    }

    /// Error of the next input, which neither a segment nor the table has. `later`: first input of the table, if that comes
    /// later.
    fn missing(&self, later: Option<u64>) -> StoreError {
        let (path, next) = (self.database.clone(), self.next);
        match later {
            Some(first) => StoreError::Hole { path, next, first },
            None => StoreError::Incomplete {
                path,
                found: format!("no input {next} between earlier and later ones"),
                expected: "all inputs from the first one of the table on".to_owned(),
            },
        }
    }

    fn read_rows(&mut self) -> Result<(), StoreError> {
        let failed = |source| failed(&self.database, source);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT seq, kind, timestamp, body, checksum FROM inputs WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
            )
            .map_err(failed)?;
        let rows = statement.query_map((self.next, CHUNK), InputRow::of).map_err(failed)?;
        for row in rows {
            self.rows.push_back(row.map_err(failed)?.checked(&self.database)?);
        }
        Ok(())
    }
}

/// Checks the segments beside a database by their names and ends. Their rows are not read.
pub(super) fn check_segments(database: &Path, connection: &Connection) -> Result<(), StoreError> {
    let mut next = 0;
    let all = segments(database)?;
    for segment in &all {
        if segment.first > next {
            return Err(StoreError::Hole { path: database.to_owned(), next, first: segment.first });
        }
        next = SegmentReader::end_of(segment)?.max(next);
    }
    let first = first_in_table(connection).map_err(|source| failed(database, source))?;
    match first.filter(|first| *first > next) {
        Some(first) => Err(StoreError::Hole { path: database.to_owned(), next, first }),
        None => Ok(()),
    }
}

/// Passes the inputs of a state folder from number `from` on to `take`, in order, until it returns `false`.
/// Another process may be writing the folder. `database`: path of the folder or of its database.
///
/// # Errors
/// The state is missing, a segment is missing or damaged, or an error of SQLite.
pub fn read_inputs(
    database: &Path,
    from: u64,
    take: &mut dyn FnMut(Input) -> bool,
) -> Result<(), StoreError> {
    let database =
        if database.is_dir() { database.join(super::layout::DATABASE) } else { database.to_owned() };
    let mut inputs = InputReader::open(&database, from)?;
    while let Some(input) = inputs.next_input()? {
        if !take(input) {
            break;
        }
    }
    Ok(())
}

/// Row of the table, with its checksum.
pub(super) struct InputRow {
    input: Input,
    checksum: Option<Vec<u8>>,
}

impl InputRow {
    /// Converts a row with the columns `seq, kind, timestamp, body, checksum`.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let kind: String = row.get(1)?;
        let kind = InputKind::of(&kind);
        let input = Input { seq: row.get(0)?, kind, timestamp: row.get(2)?, body: row.get(3)? };
        Ok(Self { input, checksum: row.get(4)? })
    }

    /// Returns the length of the body in bytes.
    pub(super) fn body_len(&self) -> usize {
        self.input.body.len()
    }

    /// Returns the input after a check of its content.
    pub(super) fn checked(self, database: &Path) -> Result<Input, StoreError> {
        match self.checksum.as_deref() == Some(&self.input.checksum()) {
            true => Ok(self.input),
            false => Err(StoreError::ChangedInput { path: database.to_owned(), seq: self.input.seq }),
        }
    }
}

/// Returns the number of the first input in the table.
pub(super) fn first_in_table(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row("SELECT seq FROM inputs ORDER BY seq LIMIT 1", [], |row| row.get(0)).optional()
}

fn failed(database: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Database { path: database.to_owned(), doing: "read the inputs", source }
}
