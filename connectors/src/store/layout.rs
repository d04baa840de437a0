//! Layout of a state folder: its files, and the tables of its database.

use std::time::Duration;

use betaflow_engine::execution::is_ruined;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::record::{EquityRow, FillRow, OrderRow, SavedBetas, WeightRow, create};

/// Version of the tables. A state folder of another version is refused.
pub const SCHEMA_VERSION: u32 = 7;

pub(super) const DATABASE: &str = "state.db";
pub(super) const LOCK: &str = "lock";
/// Timeout of a query while the database is locked, such as during recovery of its log.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// `cache_size` of a connection that stays open beside a run: 256 KiB of pages. Writers append and delete what is oldest, and
/// readers follow them. The 2 MB that SQLite has by default fill up over an hour, in each connection.
pub const CACHE: i32 = -256;

/// Tables other than those of the run's record.
const OWN_TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS inputs(seq INTEGER PRIMARY KEY, kind TEXT, timestamp INTEGER, body TEXT, checksum BLOB);
CREATE TABLE IF NOT EXISTS events(id INTEGER PRIMARY KEY, time INTEGER, seq INTEGER, kind TEXT, text TEXT);
CREATE TABLE IF NOT EXISTS checkpoints(seq INTEGER PRIMARY KEY, next_input INTEGER, state BLOB, digest TEXT, checksum BLOB);
CREATE TABLE IF NOT EXISTS sums(seq INTEGER PRIMARY KEY, checksum BLOB);
CREATE TABLE IF NOT EXISTS status(key TEXT PRIMARY KEY, value TEXT);
";

/// Returns the statements that create all tables.
pub(super) fn schema() -> String {
    [
        OWN_TABLES,
        &create::<EquityRow>("seq", ""),
        &create::<FillRow>("seq, n", ""),
        &create::<OrderRow>("seq, n", ""),
        &create::<WeightRow>("symbol", ""),
        &create::<SavedBetas>("symbol, seq", "WITHOUT ROWID"),
    ]
    .concat()
}

/// Returns time and value of the frame that ruined an account: the last recorded one, if its value is 0 or
/// below.
///
/// # Errors
/// An error of SQLite.
pub fn ruined(connection: &Connection) -> Result<Option<(i64, f64)>, rusqlite::Error> {
    let last = "SELECT timestamp, nav FROM equity ORDER BY seq DESC LIMIT 1";
    // A NAV that is not finite is null.
    let value = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN)));
    let last = connection.query_row(last, [], value).optional()?;
    Ok(last.filter(|(_, nav): &(i64, f64)| is_ruined(*nav)))
}

/// Returns the value of a key of `meta`.
pub(super) fn value(connection: &Connection, key: &str) -> Result<Option<String>, rusqlite::Error> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}
