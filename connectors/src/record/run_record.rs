//! Typed record of a run, from a run folder (Parquet) or a state folder (SQLite).

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use betaflow_engine::metrics::EquityPoint;
use betaflow_engine::time::Zone;
use rusqlite::Connection;

use super::column::Record;
use super::rows::TableRows;
use super::sql::select;
use super::table::{TableError, file_name};
use super::trading::{EquityRow, FillRow, OrderRow, WeightRow};

/// Rows of a query.
const ROWS_AT_ONCE: i64 = 512;

/// Error of reading a run.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Table of a run folder.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Database of a state folder.
    #[error("{}: could not read the record: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Error of SQLite.
        source: rusqlite::Error,
    },
}

/// Record of a frame.
pub trait FrameRecord: Record {
    /// Condition of a query for the rows after the place (?1, ?2), up to frame ?3, in order.
    const AFTER: &'static str;

    /// Number of the frame, and position within it.
    fn place(&self) -> (u64, u64);
}

impl FrameRecord for EquityRow {
    const AFTER: &'static str = "WHERE seq > ?1 AND ?2 IS NOT NULL AND seq <= ?3 ORDER BY seq LIMIT ?4";

    fn place(&self) -> (u64, u64) {
        (self.seq, 0)
    }
}

const WITHIN_FRAME: &str = "WHERE (seq, n) > (?1, ?2) AND seq <= ?3 ORDER BY seq, n LIMIT ?4";

impl FrameRecord for FillRow {
    const AFTER: &'static str = WITHIN_FRAME;

    fn place(&self) -> (u64, u64) {
        (self.seq, self.n.0)
    }
}

impl FrameRecord for OrderRow {
    const AFTER: &'static str = WITHIN_FRAME;

    fn place(&self) -> (u64, u64) {
        (self.seq, self.n.0)
    }
}

impl FrameRecord for WeightRow {
    const AFTER: &'static str =
        "WHERE seq > ?1 AND ?2 IS NOT NULL AND seq <= ?3 ORDER BY seq, symbol LIMIT ?4";

    fn place(&self) -> (u64, u64) {
        (self.seq, 0)
    }
}

/// Record of a run.
pub struct RunRecord(Source);

enum Source {
    Run(PathBuf),
    State(State),
}

#[derive(Clone)]
struct State {
    database: PathBuf,
    connection: Arc<Mutex<Connection>>,
    /// Last frame committed when it was opened.
    last: i64,
}

impl State {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunRecord {
    /// Record of a run folder.
    #[must_use]
    pub fn of_run(folder: &Path) -> Self {
        Self(Source::Run(folder.to_owned()))
    }

    /// Record of a state folder, up to the last committed frame.
    ///
    /// # Errors
    /// SQLite fails.
    pub fn of_state(database: &Path, connection: Connection) -> Result<Self, ReadError> {
        let last = "SELECT coalesce(max(seq), -1) FROM equity";
        let last = connection.query_row(last, [], |row| row.get(0));
        let database = database.to_owned();
        match last {
            Ok(last) => {
                let connection = Arc::new(Mutex::new(connection));
                Ok(Self(Source::State(State { database, connection, last })))
            }
            Err(source) => Err(ReadError::Database { path: database, source }),
        }
    }

    /// Rows of a table, frame by frame.
    ///
    /// # Errors
    /// The table does not exist, or has other columns.
    pub fn rows<R: FrameRecord>(&self) -> Result<FrameRows<R>, ReadError> {
        let rows = match &self.0 {
            Source::Run(folder) => Rows::Run(Box::new(TableRows::open(folder)?)),
            Source::State(state) => {
                Rows::State { state: state.clone(), after: (-1, -1), rows: VecDeque::new() }
            }
        };
        Ok(FrameRows { rows, next: None })
    }

    /// Equity, frame by frame.
    ///
    /// # Errors
    /// The table does not exist, or has other columns.
    pub fn equity(&self) -> Result<FrameRows<EquityRow>, ReadError> {
        self.rows()
    }

    /// Fills in their order.
    ///
    /// # Errors
    /// The table does not exist, or has other columns.
    pub fn fills(&self) -> Result<FrameRows<FillRow>, ReadError> {
        self.rows()
    }

    /// Orders in the order of their ends.
    ///
    /// # Errors
    /// The table does not exist, or has other columns.
    pub fn orders(&self) -> Result<FrameRows<OrderRow>, ReadError> {
        self.rows()
    }

    /// Weights of all recorded frames; `None` without such a table, and for a state folder, which keeps only the weights
    /// of the last rebalance.
    ///
    /// # Errors
    /// The table has other columns.
    pub fn weights(&self) -> Result<Option<FrameRows<WeightRow>>, ReadError> {
        match &self.0 {
            Source::Run(folder) if folder.join(file_name::<WeightRow>()).exists() => self.rows().map(Some),
            _ => Ok(None),
        }
    }
}

enum Rows<R> {
    Run(Box<TableRows<R>>),
    State { state: State, after: (i64, i64), rows: VecDeque<R> },
}

/// Rows of a table in the order of the frames.
pub struct FrameRows<R> {
    rows: Rows<R>,
    next: Option<R>,
}

impl<R: FrameRecord> FrameRows<R> {
    /// Next row; `None` after the last one.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn next_row(&mut self) -> Result<Option<R>, ReadError> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        match &mut self.rows {
            Rows::Run(rows) => Ok(rows.next_row()?),
            Rows::State { state, after, rows } => {
                if rows.is_empty() {
                    let bounds = (after.0, after.1, state.last, ROWS_AT_ONCE);
                    let read = select(&state.connection(), R::AFTER, bounds);
                    let failed = |source| ReadError::Database { path: state.database.clone(), source };
                    *rows = read.map_err(failed)?.into();
                }
                let row = rows.pop_front();
                if let Some((seq, n)) = row.as_ref().map(R::place) {
                    *after = (i64::try_from(seq).unwrap_or(i64::MAX), i64::try_from(n).unwrap_or(i64::MAX));
                }
                Ok(row)
            }
        }
    }

    /// Next row of frame `seq`; rows of earlier frames are skipped.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn next_of(&mut self, seq: u64) -> Result<Option<R>, ReadError> {
        while let Some(row) = self.next_row()? {
            match row.place().0 {
                found if found == seq => return Ok(Some(row)),
                found if found > seq => {
                    self.next = Some(row);
                    break;
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Passes the equity of a run folder to `take`, frame by frame: the columns that figures are made of. `zone`: time zone of
/// the run's dates.
///
/// # Errors
/// The table does not exist, or has other columns.
pub fn read_equity(folder: &Path, zone: &Zone, mut take: impl FnMut(EquityPoint)) -> Result<(), TableError> {
    let mut rows = TableRows::<EquityRow>::open_columns(folder, EquityRow::is_of_point)?;
    while let Some(row) = rows.next_row()? {
        take(row.point(zone));
    }
    Ok(())
}
