//! Checksums of the rows of each frame: SQLite does not detect changed bytes of a row.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::error::StoreError;

/// Rows of a frame that are never changed later, in the order of the sum.
const ROWS: [&str; 3] = [
    "SELECT * FROM equity WHERE seq = ?1",
    "SELECT * FROM fills WHERE seq = ?1 ORDER BY n",
    "SELECT * FROM orders WHERE seq = ?1 ORDER BY n",
];

/// Writes the checksum of a frame inside the transaction that has written its rows.
pub(super) fn write(connection: &Connection, seq: u64) -> rusqlite::Result<()> {
    let sum = sum(connection, seq)?;
    connection.prepare_cached("INSERT OR REPLACE INTO sums VALUES (?1, ?2)")?.execute((seq, sum)).map(drop)
}

/// Checks the rows of the last `count` recorded frames. `all`: refuses a frame without a checksum; otherwise it is not checked.
pub(super) fn check_last(
    connection: &Connection,
    database: &Path,
    count: u64,
    all: bool,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Database {
        path: database.to_owned(),
        doing: "check the recorded frames",
        source,
    };
    let last = "SELECT seq FROM equity ORDER BY seq DESC LIMIT ?1";
    let mut statement = connection.prepare(last).map_err(failed)?;
    let frames = statement.query_map([count], |row| row.get(0)).map_err(failed)?;
    for seq in frames {
        let seq = seq.map_err(failed)?;
        let written = "SELECT checksum FROM sums WHERE seq = ?1";
        let written: Option<Vec<u8>> = connection
            .prepare_cached(written)
            .and_then(|mut sum| sum.query_row([seq], |row| row.get(0)).optional())
            .map_err(failed)?;
        let is_other = |written: Vec<u8>| sum(connection, seq).ok().is_none_or(|found| found[..] != written);
        if written.map_or(all, is_other) {
            return Err(StoreError::ChangedFrame { path: database.to_owned(), seq });
        }
    }
    Ok(())
}

/// Returns the first bytes of the SHA-256 of the rows of a frame.
fn sum(connection: &Connection, seq: u64) -> rusqlite::Result<[u8; 8]> {
    let mut digest = Sha256::new();
    for query in ROWS {
        let mut statement = connection.prepare_cached(query)?;
        let columns = statement.column_count();
        let mut rows = statement.query([seq])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Null => digest.update([0]),
                    ValueRef::Integer(number) => digest.update([&[1][..], &number.to_le_bytes()].concat()),
                    ValueRef::Real(number) => digest.update([&[2][..], &number.to_le_bytes()].concat()),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        digest.update((bytes.len() as u64).to_le_bytes());
                        digest.update(bytes);
                    }
                }
            }
        }
        digest.update([3]);
    }
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = digest.finalize().into();
    Ok([a, b, c, d, e, f, g, h])
}
