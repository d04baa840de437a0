//! Holdings, updated from `fills`, the recorded splits and the held weights.

use betaflow_connectors::record::{EquityRow, FillRow, WeightRow, select};
use betaflow_engine::execution::Holdings as Opening;
use betaflow_engine::time::TimestampNs;
use rusqlite::{Connection, params};

use super::database::Database;
use super::holdings::Holdings;
use super::splits::Splits;
use crate::config::{error_text, opening_of};
use crate::host::Host;

/// Maximum rows of a query, which bounds its duration.
const ROWS_AT_ONCE: usize = 20_000;

/// Holdings, and the last fill and frame that they include.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) holdings: Holdings,
    /// Number of booked fills.
    pub(crate) fills: u64,
    /// Frame and position of the last booked fill.
    after: Option<(i64, i64)>,
    /// Last frame whose held weights were used for prices.
    valued: Option<u64>,
    splits: SplitsSource,
    /// Reasons why positions or splits cannot be read.
    pub(crate) troubles: Vec<String>,
}

#[derive(Default)]
enum SplitsSource {
    #[default]
    Unopened,
    /// The feed has no splits, or they cannot be read.
    None,
    Open(Box<Splits>),
}

impl Book {
    /// Books new fills up to frame `last`, at most [`ROWS_AT_ONCE`]; returns `true` if more may follow.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn catch_up(
        &mut self,
        database: &Database,
        last: (u64, TimestampNs),
    ) -> rusqlite::Result<bool> {
        let connection = &database.connection;
        self.begin(database)?;
        let weights = at_weights(connection, "max")?.filter(|weights| self.valued < Some(weights.seq));
        let rows = self.rows(connection, last.0)?;
        let more = rows.len() == ROWS_AT_ONCE;
        let mut pending = weights;
        for row in rows {
            if let Some(weights) = pending.take_if(|weights| row.seq > weights.seq) {
                self.value(connection, &weights)?;
            }
            self.split_until(row.timestamp.0);
            self.holdings.fill(&row.symbol, row.quantity, row.price, row.costs.total());
            let place = (row.seq, row.n.0);
            self.after = Some((
                i64::try_from(place.0).unwrap_or(i64::MAX),
                i64::try_from(place.1).unwrap_or(i64::MAX),
            ));
            self.fills += 1;
        }
        if !more {
            if let Some(weights) = pending.filter(|weights| weights.seq <= last.0) {
                self.value(connection, &weights)?;
            }
            self.split_until(last.1.0);
        }
        Ok(more)
    }

    fn begin(&mut self, database: &Database) -> rusqlite::Result<()> {
        if !matches!(self.splits, SplitsSource::Unopened) {
            return Ok(());
        }
        self.splits = match Splits::of(database) {
            Ok(Some(splits)) => SplitsSource::Open(Box::new(splits)),
            Ok(None) => SplitsSource::None,
            Err(why) => self.without_splits(&why),
        };
        let opened = self.open(database);
        if opened.is_err() {
            // The next call tries again.
            self.splits = SplitsSource::Unopened;
        }
        opened
    }

    /// Books the positions with which the account opened, at their values on the first frame with held weights.
    fn open(&mut self, database: &Database) -> rusqlite::Result<()> {
        let configuration = database.meta("configuration")?.and_then(|text| text.parse().ok());
        let opening = match opening(configuration.unwrap_or_default()) {
            Ok(opening) => opening,
            Err(why) => {
                let found = "quantities and profits ignore the positions at the start";
                self.troubles
                    .push(format!("cannot read `execution.holdings`: {}; {found}", error_text(&why)));
                return Ok(());
            }
        };
        opening.quantities.iter().for_each(|(symbol, held)| self.holdings.open(symbol, *held));
        match at_weights(&database.connection, "min")? {
            Some(first) if !opening.quantities.is_empty() => self.value(&database.connection, &first),
            _ => Ok(()),
        }
    }

    fn without_splits(&mut self, why: &str) -> SplitsSource {
        self.troubles.push(format!("cannot read splits: {why}; entry prices ignore them"));
        SplitsSource::None
    }

    fn split_until(&mut self, time: i64) {
        let SplitsSource::Open(splits) = &mut self.splits else { return };
        if let Err(why) = splits.until(time, |symbol, ratio| self.holdings.split(symbol, ratio)) {
            self.splits = self.without_splits(&why);
        }
    }

    fn rows(&self, connection: &Connection, last: u64) -> rusqlite::Result<Vec<FillRow>> {
        let (seq, n) = self.after.unwrap_or((-1, -1));
        let rest = "WHERE (seq, n) > (?1, ?2) AND seq <= ?3 ORDER BY seq, n LIMIT ?4";
        select(connection, rest, params![seq, n, last, ROWS_AT_ONCE])
    }

    /// Updates prices from the held weights of a frame.
    fn value(&mut self, connection: &Connection, frame: &EquityRow) -> rusqlite::Result<()> {
        self.split_until(frame.timestamp.0);
        let held: Vec<WeightRow> =
            select(connection, "WHERE seq = ?1 AND held_weight IS NOT NULL", [frame.seq])?;
        held.iter().for_each(|row| self.holdings.value(&row.symbol, row.held_weight * frame.nav));
        self.valued = Some(frame.seq);
        Ok(())
    }
}

/// Positions with which the account of a configuration opens; none if it names no file.
fn opening(mut configuration: toml::Table) -> anyhow::Result<Opening> {
    let execution = configuration.remove("execution").map(toml::Value::try_into).transpose()?;
    let feed = configuration.remove("feed").map(toml::Value::try_into).transpose()?;
    let opening = opening_of(&execution.unwrap_or_default(), &feed.unwrap_or_default(), &Host::default())?;
    Ok(opening.unwrap_or_default())
}

/// First (`min`) or last (`max`) frame with held weights, if its NAV is known.
fn at_weights(connection: &Connection, end: &str) -> rusqlite::Result<Option<EquityRow>> {
    let rest = format!("WHERE seq = (SELECT {end}(seq) FROM weights) AND nav IS NOT NULL");
    Ok(select(connection, &rest, [])?.pop())
}
