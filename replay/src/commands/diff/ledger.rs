//! What a run has on record of each frame, from a run folder or a state folder.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::Result;
use betaflow_connectors::recorder::TableRows;
use betaflow_connectors::store::StateView;
use rusqlite::Row as SqlRow;

/// Costs of a frame in currency, by item.
pub(crate) const COSTS: [&str; 5] = ["commission", "spread", "impact", "borrow", "financing"];
/// Numbers of `equity`: value, cash, interest, dividends, then the costs.
const EQUITY: [&str; 9] =
    ["nav", "cash", "interest", "dividends", "commission", "spread", "impact", "borrow", "financing"];
const FILLS: [&str; 6] = ["decided_seq", "quantity", "price", "commission", "spread", "impact"];
const ORDERS: [&str; 3] = ["decided_seq", "quantity", "filled"];

/// A fill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fill {
    pub(crate) symbol: String,
    pub(crate) quantity: f64,
    pub(crate) price: f64,
    /// Commission, spread and impact.
    pub(crate) costs: [f64; 3],
    /// True if it was forced by a delisting or by ruin: no order asked for it.
    pub(crate) forced: bool,
    /// True for the fraction of a lot that a split left.
    pub(crate) fraction: bool,
}

/// An order that has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) symbol: String,
    /// The frame that decided it.
    pub(crate) decided: u64,
    pub(crate) quantity: f64,
}

/// What is on record of a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) time: i64,
    pub(crate) nav: f64,
    pub(crate) cash: f64,
    pub(crate) interest: f64,
    pub(crate) dividends: f64,
    pub(crate) costs: [f64; 5],
    pub(crate) fills: Vec<Fill>,
    /// Orders that ended on the frame.
    ended: Vec<Order>,
    /// Orders whose first frame this is.
    pub(crate) due: Vec<Order>,
    /// Target weights decided on the frame, where they are on record.
    pub(crate) targets: Option<Vec<(String, f64)>>,
    /// Digest of the run up to the frame, where it is on record.
    pub(crate) digest: Option<String>,
}

impl Row {
    fn of(seq: u64, time: i64, numbers: &[f64]) -> Self {
        let mut row = Self { seq, time, ..Self::default() };
        if let [nav, cash, interest, dividends, costs @ ..] = numbers {
            (row.nav, row.cash, row.interest, row.dividends) = (*nav, *cash, *interest, *dividends);
            for (to, from) in row.costs.iter_mut().zip(costs) {
                *to = *from;
            }
        }
        row
    }
}

fn fill(numbers: &[f64], symbol: String, reason: &str) -> Fill {
    let at = |at: usize| numbers.get(at).copied().unwrap_or(f64::NAN);
    let fraction = reason == "cash_in_lieu";
    let forced = reason != "order" && !fraction;
    Fill { symbol, quantity: at(1), price: at(2), costs: [at(3), at(4), at(5)], forced, fraction }
}

fn order(numbers: &[f64], symbol: String) -> Order {
    let at = |at: usize| numbers.get(at).copied().unwrap_or(f64::NAN);
    Order { symbol, decided: at(0) as u64, quantity: at(1) }
}

/// Rows one after the other.
trait Rows {
    fn next(&mut self) -> Result<Option<Row>>;
}

/// The tables of a run folder.
struct OfRun {
    equity: TableRows,
    fills: TableRows,
    orders: TableRows,
    weights: Option<TableRows>,
}

impl Rows for OfRun {
    fn next(&mut self) -> Result<Option<Row>> {
        let Some(equity) = self.equity.next_row()? else { return Ok(None) };
        let seq = equity.seq;
        let mut row = Row::of(seq, equity.timestamp.0, &equity.numbers);
        while let Some(next) = self.fills.next_of(seq)? {
            let [symbol, reason] = <[String; 2]>::try_from(next.texts).unwrap_or_default();
            row.fills.push(fill(&next.numbers, symbol, &reason));
        }
        while let Some(next) = self.orders.next_of(seq)? {
            row.ended.push(order(&next.numbers, next.texts.into_iter().next().unwrap_or_default()));
        }
        if let Some(weights) = &mut self.weights {
            let mut targets = Vec::new();
            while let Some(next) = weights.next_of(seq)? {
                let target = next.numbers.first().copied().unwrap_or(f64::NAN);
                // Null where the frame did not decide, 0 where nothing is wanted: neither is a target.
                if target != 0.0 && !target.is_nan() {
                    targets.push((next.texts.into_iter().next().unwrap_or_default(), target));
                }
            }
            row.targets = (!targets.is_empty()).then_some(targets);
        }
        Ok(Some(row))
    }
}

/// The database of a state folder.
struct OfState {
    view: StateView,
    next: u64,
    /// The last frame that was committed when it was opened.
    last: u64,
}

impl Rows for OfState {
    fn next(&mut self) -> Result<Option<Row>> {
        let columns = EQUITY.join(", ");
        let select = format!(
            "SELECT seq, timestamp, digest, {columns} FROM equity WHERE seq >= ?1 AND seq <= ?2 ORDER BY seq LIMIT 1"
        );
        let connection = self.view.connection();
        let mut statement = connection.prepare_cached(&select)?;
        let mut rows = statement.query((self.next, self.last))?;
        let Some(sql) = rows.next()? else { return Ok(None) };
        let (seq, time) = (sql.get(0)?, sql.get(1)?);
        let mut row = Row::of(seq, time, &numbers(sql, 3, EQUITY.len())?);
        row.digest = sql.get(2)?;
        self.next = seq + 1;
        let columns = FILLS.join(", ");
        let select = format!("SELECT {columns}, symbol, reason FROM fills WHERE seq = ?1 ORDER BY n");
        let mut statement = connection.prepare_cached(&select)?;
        let mut rows = statement.query([seq])?;
        while let Some(sql) = rows.next()? {
            let (symbol, reason): (String, String) = (sql.get(FILLS.len())?, sql.get(FILLS.len() + 1)?);
            row.fills.push(fill(&numbers(sql, 0, FILLS.len())?, symbol, &reason));
        }
        let columns = ORDERS.join(", ");
        let select = format!("SELECT {columns}, symbol FROM orders WHERE seq = ?1 ORDER BY n");
        let mut statement = connection.prepare_cached(&select)?;
        let mut rows = statement.query([seq])?;
        while let Some(sql) = rows.next()? {
            row.ended.push(order(&numbers(sql, 0, ORDERS.len())?, sql.get(ORDERS.len())?));
        }
        Ok(Some(row))
    }
}

fn numbers(row: &SqlRow<'_>, from: usize, count: usize) -> rusqlite::Result<Vec<f64>> {
    (from..from + count).map(|at| Ok(row.get::<_, Option<f64>>(at)?.unwrap_or(f64::NAN))).collect()
}

/// Rows with the orders that fall due on each, which are on record where they ended.
pub(crate) struct Ledger {
    rows: Box<dyn Rows>,
    ahead: VecDeque<Row>,
    /// Frames from an order's decision to its first frame.
    delay: u64,
    /// Frames that an order may work on.
    works: u64,
    ended: bool,
}

impl Ledger {
    /// Of a run folder.
    ///
    /// # Errors
    /// A table is not there, or is another.
    pub(crate) fn of_run(folder: &Path, delay: u64, works: u64) -> Result<Self> {
        let open =
            |table: &str, numbers: &[&str], texts: &[&str]| TableRows::open(folder, table, numbers, texts);
        let weights = folder.join("weights.parquet").exists();
        let rows = OfRun {
            equity: open("equity.parquet", &EQUITY, &[])?,
            fills: open("fills.parquet", &FILLS, &["symbol", "reason"])?,
            orders: open("orders.parquet", &ORDERS, &["symbol"])?,
            weights: weights.then(|| open("weights.parquet", &["target_weight"], &["symbol"])).transpose()?,
        };
        Ok(Self::new(Box::new(rows), delay, works))
    }

    /// Of a state folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn of_state(folder: &Path, delay: u64, works: u64) -> Result<Self> {
        let view = StateView::open(folder)?;
        let last = "SELECT coalesce(max(seq), 0) FROM equity";
        let last = view.connection().query_row(last, [], |row| row.get(0))?;
        Ok(Self::new(Box::new(OfState { view, next: 0, last }), delay, works))
    }

    fn new(rows: Box<dyn Rows>, delay: u64, works: u64) -> Self {
        Self { rows, ahead: VecDeque::new(), delay, works, ended: false }
    }

    /// The next frame on record.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Row>> {
        while !self.ended && self.ahead.len() as u64 <= self.works {
            match self.rows.next()? {
                Some(row) => self.ahead.push_back(row),
                None => self.ended = true,
            }
        }
        let Some(mut row) = self.ahead.pop_front() else { return Ok(None) };
        let due = |order: &&Order| order.decided + self.delay == row.seq;
        row.due = row.ended.iter().filter(due).cloned().collect();
        row.due.extend(self.ahead.iter().flat_map(|row| &row.ended).filter(due).cloned());
        row.due.sort_by(|a, b| (&a.symbol, a.decided).cmp(&(&b.symbol, b.decided)));
        Ok(Some(row))
    }
}
