//! Figures over the whole of `equity`, brought up to date from the rows that are new.

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::book::Book;
use super::database::Database;

/// Most points of a line; at twice as many, neighbours are joined.
const POINTS: usize = 400;
/// Rows of a query: some tens of milliseconds, so that no read is open for long.
const ROWS_AT_ONCE: i64 = 20_000;
/// Most rows that are read for lines between two times.
const ROWS_OF_RANGE: i64 = 200_000;
const DAY_NS: i64 = 86_400_000_000_000;

/// Amounts by item, in currency. Costs are positive; interest and dividends are earned where they are.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Costs {
    pub(crate) commission: f64,
    pub(crate) spread: f64,
    pub(crate) impact: f64,
    pub(crate) borrow: f64,
    pub(crate) financing: f64,
    pub(crate) interest: f64,
    pub(crate) dividends: f64,
}

/// One row of `equity`, as it is there: SQLite has NULL for what is not a number.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Frame {
    pub(crate) seq: i64,
    pub(crate) timestamp: i64,
    pub(crate) nav: Option<f64>,
    pub(crate) nav_gross: Option<f64>,
    pub(crate) cash: Option<f64>,
    pub(crate) gross_exposure: Option<f64>,
    pub(crate) net_exposure: Option<f64>,
    pub(crate) turnover: Option<f64>,
    pub(crate) cap_multiplier: Option<f64>,
    pub(crate) benchmark_nav: Option<f64>,
    #[serde(skip)]
    costs: Costs,
}

impl Frame {
    const COLUMNS: &str = "seq, timestamp, nav, nav_gross, cash, gross_exposure, net_exposure, turnover, \
        cap_multiplier, benchmark_nav, commission, spread, impact, borrow, financing, interest, dividends";

    /// NAV; NaN where it is null or not finite.
    fn finite_nav(&self) -> f64 {
        self.nav.filter(|nav| nav.is_finite()).unwrap_or(f64::NAN)
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let amount = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<f64>>(at)?.unwrap_or(0.0));
        Ok(Self {
            seq: row.get(0)?,
            timestamp: row.get(1)?,
            nav: row.get(2)?,
            nav_gross: row.get(3)?,
            cash: row.get(4)?,
            gross_exposure: row.get(5)?,
            net_exposure: row.get(6)?,
            turnover: row.get(7)?,
            cap_multiplier: row.get(8)?,
            benchmark_nav: row.get(9)?,
            costs: Costs {
                commission: amount(10)?,
                spread: amount(11)?,
                impact: amount(12)?,
                borrow: amount(13)?,
                financing: amount(14)?,
                interest: amount(15)?,
                dividends: amount(16)?,
            },
        })
    }
}

/// The UTC date of the last frame.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Day {
    /// Nanoseconds of its beginning.
    pub(crate) begins: i64,
    /// NAV at the last frame of the date before; of the first date that of its first frame.
    pub(crate) nav_before: f64,
    /// NAV less that.
    pub(crate) pnl: f64,
    /// Turnover decided on it so far.
    pub(crate) turnover: f64,
}

/// How far NAV is below its highest, as a share: 0, or negative; −1 of a ruined account.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Drawdown {
    pub(crate) now: f64,
    pub(crate) deepest: f64,
    pub(crate) peak: f64,
}

/// Lines over time, of at most twice [`POINTS`]: of each bucket the last value, the deepest drawdown and the highest
/// turnover of a date so far.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Lines {
    timestamp: Vec<i64>,
    nav: Vec<f64>,
    benchmark_nav: Vec<Option<f64>>,
    drawdown: Vec<f64>,
    turnover: Vec<f64>,
    /// Number of the last frame of each bucket, and the figures after it.
    #[serde(skip)]
    ends: Vec<(i64, Running)>,
    /// Frames of a bucket.
    stride: u64,
    #[serde(skip)]
    in_last: u64,
}

/// All of it.
#[derive(Default)]
pub(crate) struct History {
    /// Frames in `equity`.
    pub(crate) frames: u64,
    /// Quantity left by the fills.
    pub(crate) book: Book,
    pub(crate) orders: u64,
    pub(crate) last: Option<Frame>,
    pub(crate) costs: Costs,
    pub(crate) running: Running,
    pub(crate) lines: Lines,
}

/// Figures that go on from frame to frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    /// NAV of the last frame; none before the first.
    nav: Option<f64>,
    pub(crate) day: Day,
    pub(crate) drawdown: Drawdown,
}

impl History {
    /// Takes the rows that are new, a limited number: `true` where there may be more.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn catch_up(&mut self, database: &Database) -> rusqlite::Result<bool> {
        let connection = &database.connection;
        let newest: Option<i64> =
            connection.prepare_cached("SELECT max(seq) FROM equity")?.query_row([], |row| row.get(0))?;
        let before = self.last.as_ref().map(|frame| frame.seq);
        if newest < before {
            // Another history under the same name.
            *self = Self::default();
        }
        let after = self.last.as_ref().map_or(-1, |frame| frame.seq);
        let sql = format!("SELECT {} FROM equity WHERE seq > ?1 ORDER BY seq LIMIT ?2", Frame::COLUMNS);
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, ROWS_AT_ONCE])?;
        let mut taken = 0;
        while let Some(row) = rows.next()? {
            self.push(Frame::of(row)?);
            taken += 1;
        }
        let Some(last) = self.last.as_ref().map(|last| (last.seq, last.timestamp)) else { return Ok(false) };
        if last.0 > after {
            self.orders += count_orders(connection, after, last.0)?;
        }
        let more_fills = self.book.catch_up(database, last)?;
        Ok(taken == ROWS_AT_ONCE || more_fills)
    }

    /// Lines between two times, both included, with as many points as for the whole of the record; `None` where that would
    /// read too many rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn between(
        &self,
        connection: &Connection,
        from: i64,
        to: i64,
    ) -> rusqlite::Result<Option<Lines>> {
        // From the end of the bucket before.
        let bucket = self.lines.timestamp.partition_point(|time| *time < from).checked_sub(1);
        let (after, mut running) = bucket.map_or((-1, Running::default()), |at| self.lines.ends[at]);
        let sql = format!("SELECT {} FROM equity WHERE seq > ?1 ORDER BY seq LIMIT ?2", Frame::COLUMNS);
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, ROWS_OF_RANGE])?;
        let (mut lines, mut read) = (Lines::default(), 0);
        while let Some(row) = rows.next()? {
            let frame = Frame::of(row)?;
            if frame.timestamp > to {
                return Ok(Some(lines));
            }
            running.step(&frame);
            if frame.timestamp >= from {
                lines.push(&frame, &running);
            }
            read += 1;
        }
        Ok((read < ROWS_OF_RANGE).then_some(lines))
    }

    fn push(&mut self, frame: Frame) {
        self.running.step(&frame);
        self.costs += frame.costs;
        self.lines.push(&frame, &self.running);
        self.frames += 1;
        self.last = Some(frame);
    }
}

impl Running {
    /// Takes the next frame.
    fn step(&mut self, frame: &Frame) {
        let nav = frame.finite_nav();
        let begins = frame.timestamp.div_euclid(DAY_NS) * DAY_NS;
        if self.nav.is_none() || begins != self.day.begins {
            self.day = Day { begins, nav_before: self.nav.unwrap_or(nav), pnl: 0.0, turnover: 0.0 };
        }
        self.day.pnl = nav - self.day.nav_before;
        self.day.turnover += frame.turnover.unwrap_or(0.0);
        self.drawdown.peak = if self.nav.is_none() { nav } else { self.drawdown.peak.max(nav) };
        let now = nav / self.drawdown.peak - 1.0;
        self.drawdown.now = if now < -1.0 { -1.0 } else { now };
        // A NAV that is not finite has no drawdown, and from then on there is no deepest one.
        let known = !(self.drawdown.deepest.is_nan() || self.drawdown.now.is_nan());
        self.drawdown.deepest = if known { self.drawdown.deepest.min(self.drawdown.now) } else { f64::NAN };
        self.nav = Some(nav);
    }
}

fn count_orders(connection: &Connection, after: i64, last: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM orders WHERE seq > ?1 AND seq <= ?2";
    connection.prepare_cached(sql)?.query_row([after, last], |row| row.get(0))
}

impl std::ops::AddAssign for Costs {
    fn add_assign(&mut self, other: Self) {
        self.commission += other.commission;
        self.spread += other.spread;
        self.impact += other.impact;
        self.borrow += other.borrow;
        self.financing += other.financing;
        self.interest += other.interest;
        self.dividends += other.dividends;
    }
}

impl Lines {
    fn push(&mut self, frame: &Frame, running: &Running) {
        let (nav, end) = (frame.finite_nav(), (frame.seq, *running));
        let (drawdown, turnover) = (running.drawdown.now, running.day.turnover);
        if self.in_last < self.stride
            && let (
                Some(timestamp),
                Some(last_nav),
                Some(benchmark),
                Some(deepest),
                Some(highest),
                Some(last_end),
            ) = (
                self.timestamp.last_mut(),
                self.nav.last_mut(),
                self.benchmark_nav.last_mut(),
                self.drawdown.last_mut(),
                self.turnover.last_mut(),
                self.ends.last_mut(),
            )
        {
            (*timestamp, *last_nav, *benchmark) = (frame.timestamp, nav, frame.benchmark_nav);
            (*deepest, *highest, *last_end) = (deepest.min(drawdown), highest.max(turnover), end);
            self.in_last += 1;
            return;
        }
        if self.timestamp.len() == 2 * POINTS {
            self.halve();
        }
        self.timestamp.push(frame.timestamp);
        self.nav.push(nav);
        self.benchmark_nav.push(frame.benchmark_nav);
        self.drawdown.push(drawdown);
        self.turnover.push(turnover);
        self.ends.push(end);
        self.stride = self.stride.max(1);
        self.in_last = 1;
    }

    /// Joins neighbours.
    fn halve(&mut self) {
        fn joined<T: Copy>(values: &mut Vec<T>, join: impl Fn(T, T) -> T) {
            *values = values.chunks_exact(2).map(|pair| join(pair[0], pair[1])).collect();
        }
        joined(&mut self.timestamp, |_, last| last);
        joined(&mut self.nav, |_, last| last);
        joined(&mut self.benchmark_nav, |_, last| last);
        joined(&mut self.drawdown, f64::min);
        joined(&mut self.turnover, f64::max);
        joined(&mut self.ends, |_, last| last);
        self.stride *= 2;
    }
}
