//! Figures over all rows of `equity`, updated from its new rows.

use betaflow_connectors::record::{EquityRow, select};
use betaflow_engine::execution::Costs;
use betaflow_engine::metrics::{GrowingLines, RunningFigures, WatchedFrame};
use betaflow_engine::time::{TimestampNs, Zone};
use rusqlite::{Connection, params};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::book::Book;
use super::database::Database;
use crate::config::DataSettings;

/// Maximum rows of a query: tens of milliseconds.
const ROWS_AT_ONCE: usize = 20_000;
/// Maximum rows read for the lines of a range.
const ROWS_OF_RANGE: usize = 200_000;

/// Sums over all frames, in currency. Costs are positive; interest and dividends are positive when received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) costs: Costs,
    pub(crate) interest: f64,
    pub(crate) dividends: f64,
}

impl Sums {
    /// Adds a frame; null counts as 0.
    fn add(&mut self, row: &EquityRow) {
        let known = |value: f64| if value.is_nan() { 0.0 } else { value };
        self.costs += row.costs;
        self.interest += known(row.interest);
        self.dividends += known(row.dividends);
    }
}

impl Serialize for Sums {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, sum) in self.costs.items() {
            map.serialize_entry(name, &sum)?;
        }
        map.serialize_entry("interest", &self.interest)?;
        map.serialize_entry("dividends", &self.dividends)?;
        map.end()
    }
}

/// Figures over all frames.
#[derive(Default)]
pub(crate) struct History {
    /// Number of frames in `equity`.
    pub(crate) frames: u64,
    /// Holdings after all fills.
    pub(crate) book: Book,
    pub(crate) orders: u64,
    pub(crate) last: Option<EquityRow>,
    /// Time zone of the run's dates.
    zone: Zone,
    pub(crate) sums: Sums,
    pub(crate) running: RunningFigures,
    pub(crate) lines: GrowingLines,
}

impl History {
    /// Reads a limited number of new rows; returns `true` if more may follow.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn catch_up(&mut self, database: &Database) -> rusqlite::Result<bool> {
        let connection = &database.connection;
        let newest: Option<u64> =
            connection.prepare_cached("SELECT max(seq) FROM equity")?.query_row([], |row| row.get(0))?;
        let before = self.last.as_ref().map(|frame| frame.seq);
        if newest < before {
            // The file now holds another run.
            *self = Self::default();
        }
        let before = self.last.as_ref().map(|frame| frame.seq);
        if before.is_none() {
            self.zone = zone(database)?;
        }
        let rows = rows_after(connection, before)?;
        let taken = rows.len();
        rows.into_iter().for_each(|row| self.push(row));
        let Some(last) = self.last.as_ref().map(|last| (last.seq, last.timestamp)) else { return Ok(false) };
        if before != Some(last.0) {
            self.orders += count_orders(connection, before, last.0)?;
        }
        let more_fills = self.book.catch_up(database, last)?;
        Ok(taken == ROWS_AT_ONCE || more_fills)
    }

    /// Returns the lines between two times, both inclusive, with the usual number of points; `None` if that
    /// would read more than [`ROWS_OF_RANGE`] rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn between(
        &self,
        connection: &Connection,
        from: i64,
        to: i64,
    ) -> rusqlite::Result<Option<GrowingLines>> {
        let end = self.lines.end_before(TimestampNs(from));
        let (mut after, mut running) =
            end.map_or((None, RunningFigures::default()), |(seq, running)| (Some(seq), running));
        let (mut lines, mut read) = (GrowingLines::default(), 0);
        loop {
            let rows = rows_after(connection, after)?;
            let is_last = rows.len() < ROWS_AT_ONCE;
            for row in &rows {
                if row.timestamp.0 > to {
                    return Ok(Some(lines));
                }
                let frame = watched(row, &self.zone);
                running.step(&frame);
                if row.timestamp.0 >= from {
                    lines.push(&frame, &running);
                }
            }
            read += rows.len();
            match (is_last, rows.last()) {
                (false, Some(row)) if read < ROWS_OF_RANGE => after = Some(row.seq),
                (false, _) => return Ok(None),
                (true, _) => return Ok(Some(lines)),
            }
        }
    }

    fn push(&mut self, row: EquityRow) {
        let frame = watched(&row, &self.zone);
        self.running.step(&frame);
        self.sums.add(&row);
        self.lines.push(&frame, &self.running);
        self.frames += 1;
        self.last = Some(row);
    }
}

/// Next rows of `equity`, at most [`ROWS_AT_ONCE`].
fn rows_after(connection: &Connection, seq: Option<u64>) -> rusqlite::Result<Vec<EquityRow>> {
    let after = seq.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
    select(connection, "WHERE seq > ?1 ORDER BY seq LIMIT ?2", params![after, ROWS_AT_ONCE])
}

/// Time zone of the recorded configuration; UTC if it names none.
fn zone(database: &Database) -> rusqlite::Result<Zone> {
    let configuration = database.meta("configuration")?.and_then(|text| text.parse::<toml::Table>().ok());
    let data = configuration.and_then(|mut table| table.remove("data")?.try_into::<DataSettings>().ok());
    Ok(data.and_then(|data| data.zone().ok()).unwrap_or_default())
}

fn watched(row: &EquityRow, zone: &Zone) -> WatchedFrame {
    WatchedFrame {
        seq: row.seq,
        timestamp: row.timestamp,
        utc_offset: zone.offset(row.timestamp),
        nav: if row.nav.is_finite() { row.nav } else { f64::NAN },
        benchmark_nav: row.benchmark_nav,
        turnover: row.turnover,
    }
}

fn count_orders(connection: &Connection, after: Option<u64>, last: u64) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM orders WHERE (?1 IS NULL OR seq > ?1) AND seq <= ?2";
    connection.prepare_cached(sql)?.query_row(params![after, last], |row| row.get(0))
}
