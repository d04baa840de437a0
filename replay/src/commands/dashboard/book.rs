//! The holdings, brought up to date from the rows of `fills`, the splits on record and the held weights.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::database::Database;
use super::holdings::Holdings;
use super::splits::Splits;

/// Rows of a query, so that no read is open for long.
const ROWS_AT_ONCE: i64 = 20_000;

/// One row of `fills`, as far as it is booked.
struct Row {
    seq: i64,
    n: i64,
    timestamp: i64,
    symbol: String,
    quantity: f64,
    price: f64,
    trading_costs: f64,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) holdings: Holdings,
    /// Number of the fills that are booked.
    pub(crate) fills: u64,
    /// Frame and position of the last of them.
    after: Option<(i64, i64)>,
    /// Frame whose held weights were taken last.
    valued: Option<i64>,
    splits: Reading,
    /// Why splits are not known, where they cannot be read.
    pub(crate) trouble: Option<String>,
}

#[derive(Default)]
enum Reading {
    #[default]
    NotBegun,
    /// The feed has no splits, or they cannot be read.
    None,
    Of(Box<Splits>),
}

/// Held weights of a frame, which are shares of its NAV.
struct Weights {
    seq: i64,
    timestamp: i64,
    nav: f64,
}

impl Book {
    /// Takes the fills that are new, a limited number, up to a frame and its time: `true` where there may be more.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn catch_up(&mut self, database: &Database, last: (i64, i64)) -> rusqlite::Result<bool> {
        let connection = &database.connection;
        self.begin(database);
        let weights = weights(connection)?.filter(|weights| self.valued < Some(weights.seq));
        let rows = self.rows(connection, last.0)?;
        let more = rows.len() as i64 == ROWS_AT_ONCE;
        let mut pending = weights;
        for row in rows {
            if let Some(weights) = pending.take_if(|weights| row.seq > weights.seq) {
                self.value(connection, &weights)?;
            }
            self.split_until(row.timestamp);
            self.holdings.fill(&row.symbol, row.quantity, row.price, row.trading_costs);
            self.after = Some((row.seq, row.n));
            self.fills += 1;
        }
        if !more {
            if let Some(weights) = pending.filter(|weights| weights.seq <= last.0) {
                self.value(connection, &weights)?;
            }
            self.split_until(last.1);
        }
        Ok(more)
    }

    fn begin(&mut self, database: &Database) {
        if matches!(self.splits, Reading::NotBegun) {
            self.splits = match Splits::of(database) {
                Ok(Some(splits)) => Reading::Of(Box::new(splits)),
                Ok(None) => Reading::None,
                Err(why) => self.without_splits(&why),
            };
        }
    }

    fn without_splits(&mut self, why: &str) -> Reading {
        self.trouble = Some(format!("entry prices do not follow splits, which cannot be read: {why}"));
        Reading::None
    }

    fn split_until(&mut self, time: i64) {
        let Reading::Of(splits) = &mut self.splits else { return };
        if let Err(why) = splits.until(time, |symbol, ratio| self.holdings.split(symbol, ratio)) {
            self.splits = self.without_splits(&why);
        }
    }

    fn rows(&self, connection: &Connection, last: i64) -> rusqlite::Result<Vec<Row>> {
        let (seq, n) = self.after.unwrap_or((-1, -1));
        let sql = "SELECT seq, n, timestamp, symbol, quantity, price, \
                   ifnull(commission, 0) + ifnull(spread, 0) + ifnull(impact, 0) \
                   FROM fills WHERE (seq, n) > (?1, ?2) AND seq <= ?3 ORDER BY seq, n LIMIT ?4";
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![seq, n, last, ROWS_AT_ONCE], |row| {
            Ok(Row {
                seq: row.get(0)?,
                n: row.get(1)?,
                timestamp: row.get(2)?,
                symbol: row.get(3)?,
                quantity: number(row.get(4)?),
                price: number(row.get(5)?),
                trading_costs: number(row.get(6)?),
            })
        })?;
        rows.collect()
    }

    /// Takes the prices that held weights imply.
    fn value(&mut self, connection: &Connection, weights: &Weights) -> rusqlite::Result<()> {
        self.split_until(weights.timestamp);
        let sql = "SELECT symbol, held_weight FROM weights WHERE seq = ?1 AND held_weight IS NOT NULL";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([weights.seq])?;
        while let Some(row) = rows.next()? {
            let (symbol, held): (String, f64) = (row.get(0)?, row.get(1)?);
            self.holdings.value(&symbol, held * weights.nav);
        }
        self.valued = Some(weights.seq);
        Ok(())
    }
}

/// The frame of the held weights on record, where its NAV is known.
fn weights(connection: &Connection) -> rusqlite::Result<Option<Weights>> {
    let sql = "SELECT seq, timestamp, nav FROM equity WHERE seq = (SELECT max(seq) FROM weights)";
    let weights = connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<f64>>(2)?)))
        .optional()?;
    Ok(weights.and_then(|(seq, timestamp, nav)| Some(Weights { seq, timestamp, nav: nav? })))
}
