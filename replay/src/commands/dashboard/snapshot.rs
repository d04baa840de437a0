//! Content of the page, read within one transaction.

use std::time::{SystemTime, UNIX_EPOCH};

use betaflow_connectors::record::{EquityRow, FillRow, OrderRow, WeightRow, select};
use betaflow_engine::execution::{CostItem, is_ruined};
use betaflow_engine::metrics::{DayFigures, DrawdownSoFar, GrowingLines};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::Value;

use super::database::Database;
use super::history::{History, Sums};
use super::holdings::{Holding, Holdings, Pnl};
use super::status::{LiveStatus, Status};
use crate::config::BenchmarkSettings;
use crate::summary::BenchmarkSummary;

/// Maximum rows of fills, orders and events.
const ROWS: i64 = 50;
const NEWEST: &str = "ORDER BY seq DESC, n DESC LIMIT ?1";
/// Maximum positions, largest first.
const POSITIONS: i64 = 1_000;
/// Maximum instruments to choose from.
const SYMBOLS: i64 = 5_000;

/// State of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    /// Time of the read, nanoseconds since 1970.
    pub(crate) time: i64,
    /// Version of the program that wrote the state.
    version: Option<String>,
    /// Start time of the run.
    started: Option<String>,
    /// Hello message of the feed.
    feed: Value,
    /// Sequence number of the last logged input.
    pub(crate) last_input: Option<i64>,
    /// Number of recorded frames.
    pub(crate) frames: u64,
    /// Last recorded frame.
    pub(crate) last: Option<EquityRow>,
    pub(crate) day: Option<DayFigures>,
    pub(crate) drawdown: Option<DrawdownSoFar>,
    /// True if the account is ruined: NAV of the last frame is 0 or less.
    pub(crate) ruined: bool,
    /// Turnover cap per day, as configured.
    pub(crate) turnover_cap: Option<f64>,
    /// Benchmark, as configured.
    benchmark: BenchmarkSummary,
    /// Sums over all recorded frames.
    #[serde(rename = "costs")]
    pub(crate) sums: Sums,
    /// Names of the cost items, in order.
    cost_items: Vec<&'static str>,
    pub(crate) fill_count: u64,
    /// P&L summed over all instruments that were ever held.
    pub(crate) pnl: Pnl,
    pub(crate) order_count: u64,
    pub(crate) position_count: u64,
    lines: GrowingLines,
    positions: Vec<Position>,
    fills: Vec<FillRow>,
    orders: Vec<OrderRow>,
    events: Vec<Event>,
    /// Instruments with betas.
    symbols: Vec<String>,
    pub(crate) status: Status,
    /// Parts that could not be read, with reasons.
    troubles: Vec<String>,
}

/// Weights and position of an instrument.
#[derive(Debug, Serialize)]
struct Position {
    #[serde(flatten)]
    weights: WeightRow,
    /// Flattened; its fields are absent if the instrument was never traded.
    #[serde(flatten)]
    holding: Option<Holding>,
}

#[derive(Debug, Serialize)]
struct Event {
    id: i64,
    time: i64,
    seq: Option<i64>,
    kind: String,
    text: String,
}

impl Snapshot {
    /// Reads the whole state within one transaction. `live`, the status of a run in the same process,
    /// replaces the recorded one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn read(
        database: &Database,
        history: &mut History,
        live: Option<&LiveStatus>,
    ) -> rusqlite::Result<Self> {
        let connection = &database.connection;
        // Read a long backlog in pieces, each in a short transaction.
        while history.catch_up(database)? {}
        let transaction = connection.unchecked_transaction()?;
        while history.catch_up(database)? {}
        let mut troubles = Vec::new();
        troubles.extend(history.book.troubles.clone());
        let status = match live.and_then(LiveStatus::read) {
            Some(status) => status,
            None => status(connection, &mut troubles)?,
        };
        let begun = history.frames > 0;
        let configuration = configuration(database, &mut troubles)?;
        let snapshot = Self {
            time: now(),
            version: database.meta("version")?,
            started: database.meta("started")?,
            feed: database
                .meta("feed")?
                .map_or(Value::Null, |feed| serde_json::from_str(&feed).unwrap_or(Value::String(feed))),
            last_input: one(connection, "SELECT max(seq) FROM inputs")?,
            frames: history.frames,
            last: history.last.clone(),
            day: begun.then_some(history.running.day),
            drawdown: begun.then_some(history.running.drawdown),
            ruined: history.last.as_ref().is_some_and(|frame| is_ruined(frame.nav)),
            turnover_cap: configuration.as_ref().and_then(turnover_cap),
            benchmark: configuration.map(benchmark).unwrap_or_default(),
            sums: history.sums,
            cost_items: CostItem::NAMES.into(),
            fill_count: history.book.fills,
            pnl: history.book.holdings.pnl(),
            order_count: history.orders,
            position_count: one(connection, "SELECT count(*) FROM weights WHERE held_weight != 0")?,
            lines: history.lines.clone(),
            positions: positions(connection, &history.book.holdings)?,
            fills: select(connection, NEWEST, [ROWS])?,
            orders: select(connection, NEWEST, [ROWS])?,
            events: events(connection)?,
            symbols: symbols(connection)?,
            status,
            troubles,
        };
        transaction.finish()?;
        Ok(snapshot)
    }
}

/// Nanoseconds since 1970 by the system clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn one<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> rusqlite::Result<T> {
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// At most `limit` rows of a query.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    limit: i64,
    of: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(params![limit], of)?.collect()
}

fn status(connection: &Connection, troubles: &mut Vec<String>) -> rusqlite::Result<Status> {
    let mut status = Status::default();
    let mut statement = connection.prepare_cached("SELECT key, value FROM status LIMIT 100")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
        if let Err(error) = status.take(&key, &value) {
            troubles.push(format!("status {key}: cannot parse the row: {error}"));
        }
    }
    Ok(status)
}

/// Recorded configuration.
fn configuration(database: &Database, troubles: &mut Vec<String>) -> rusqlite::Result<Option<toml::Table>> {
    let Some(text) = database.meta("configuration")? else { return Ok(None) };
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(Some(table)),
        Err(error) => {
            troubles.push(format!("cannot parse the configuration in meta as TOML: {}", error.message()));
            Ok(None)
        }
    }
}

/// `sizing.turnover_cap` of a configuration.
fn turnover_cap(configuration: &toml::Table) -> Option<f64> {
    let cap = configuration.get("sizing").and_then(|sizing| sizing.get("turnover_cap"));
    cap.and_then(|cap| cap.as_float().or(cap.as_integer().map(|whole| whole as f64)))
}

/// Benchmark of a configuration; equal weight if it names none.
fn benchmark(mut configuration: toml::Table) -> BenchmarkSummary {
    let table = configuration.remove("benchmark");
    let settings = table.and_then(|table| table.try_into::<BenchmarkSettings>().ok()).unwrap_or_default();
    (&settings).into()
}

fn positions(connection: &Connection, holdings: &Holdings) -> rusqlite::Result<Vec<Position>> {
    let largest = "WHERE target_weight != 0 OR held_weight != 0 \
                   ORDER BY max(abs(ifnull(held_weight, 0)), abs(ifnull(target_weight, 0))) DESC, symbol LIMIT ?1";
    let rows: Vec<WeightRow> = select(connection, largest, [POSITIONS])?;
    Ok(rows.into_iter().map(|weights| Position { holding: holdings.of(&weights.symbol), weights }).collect())
}

fn events(connection: &Connection) -> rusqlite::Result<Vec<Event>> {
    let sql = "SELECT id, time, seq, kind, text FROM events ORDER BY id DESC LIMIT ?1";
    rows(connection, sql, ROWS, |row| {
        Ok(Event {
            id: row.get(0)?,
            time: row.get(1)?,
            seq: row.get(2)?,
            kind: row.get(3)?,
            text: row.get(4)?,
        })
    })
}

/// Symbols with betas, by skipping from one to the next in the index; `DISTINCT` would scan every row.
fn symbols(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "WITH RECURSIVE each(symbol) AS (SELECT min(symbol) FROM betas UNION ALL \
               SELECT (SELECT min(symbol) FROM betas WHERE symbol > each.symbol) FROM each \
               WHERE each.symbol IS NOT NULL) \
               SELECT symbol FROM each WHERE symbol IS NOT NULL LIMIT ?1";
    rows(connection, sql, SYMBOLS, |row| row.get(0))
}
