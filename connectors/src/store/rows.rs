//! A frame's ledger as rows of the database.

use betaflow_engine::execution::{Fill, OrderRecord, is_ruined};
use betaflow_engine::ledger::{LedgerFrame, hex};
use betaflow_engine::model::Estimates;
use rusqlite::{Connection, params};

/// Frames whose betas are kept.
const BETA_FRAMES: u64 = 1_500;

/// The rows of a frame. They are made on the thread of the record stage and written on that of the writer.
#[derive(Debug)]
pub(super) struct FrameRows {
    seq: u64,
    timestamp: i64,
    equity: [f64; 15],
    digest: String,
    fills: Vec<(String, Fill)>,
    orders: Vec<(String, OrderRecord)>,
    /// Symbol, target and held weight; only of frames that decided, and of ruin.
    weights: Option<Vec<(String, f64, f64)>>,
    /// Symbol and coefficients.
    betas: Vec<(String, String)>,
}

impl FrameRows {
    /// Of a frame. `factors`: their names, where its betas are to be kept.
    pub(super) fn of(frame: &LedgerFrame, factors: Option<&[String]>) -> Self {
        let account = &frame.account;
        let costs = &account.costs;
        let name = |instrument: u32| frame.names[instrument as usize].to_string();
        let estimates = frame.estimates.as_ref().zip(factors);
        Self {
            seq: frame.seq,
            timestamp: frame.timestamp.0,
            equity: [
                frame.nav,
                frame.nav_gross,
                frame.cash,
                account.gross_exposure,
                account.net_exposure,
                frame.turnover,
                frame.multipliers.turnover,
                costs.commission,
                costs.spread,
                costs.impact,
                costs.borrow,
                costs.financing,
                account.interest,
                account.dividends,
                frame.benchmark_nav,
            ]
            // SQLite has NULL for NaN: a value that is not finite is none.
            .map(|value| if value.is_finite() { value } else { f64::NAN }),
            digest: hex(&frame.digest),
            fills: frame.fills.iter().map(|fill| (name(fill.instrument), *fill)).collect(),
            orders: frame.ended.iter().map(|order| (name(order.instrument), *order)).collect(),
            // A ruined account holds nothing any more, and its last frame may not have decided.
            weights: (frame.decided || is_ruined(frame.nav)).then(|| weights(frame)),
            betas: estimates.map(|(estimates, factors)| betas(estimates.get(), factors)).unwrap_or_default(),
        }
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Inside a transaction.
    pub(super) fn write(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let e = &self.equity;
        connection
            .prepare_cached(
                "INSERT INTO equity VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)",
            )?
            .execute(params![
                self.seq,
                self.timestamp,
                e[0],
                e[1],
                e[2],
                e[3],
                e[4],
                e[5],
                e[6],
                e[7],
                e[8],
                e[9],
                e[10],
                e[11],
                e[12],
                e[13],
                e[14],
                self.digest
            ])?;
        self.write_fills(connection)?;
        self.write_orders(connection)?;
        self.write_weights(connection)?;
        self.write_betas(connection)
    }

    fn write_fills(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let mut insert = connection
            .prepare_cached("INSERT INTO fills VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)")?;
        for (n, (symbol, fill)) in self.fills.iter().enumerate() {
            let decision_price = (!fill.decision_price.is_nan()).then_some(fill.decision_price);
            let costs = &fill.costs;
            insert.execute(params![
                self.seq,
                n,
                self.timestamp,
                fill.decided_seq,
                symbol,
                fill.quantity,
                fill.price,
                decision_price,
                fill.quantity * fill.price,
                costs.commission,
                costs.spread,
                costs.impact,
                fill.reason.name()
            ])?;
        }
        Ok(())
    }

    fn write_orders(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let mut insert = connection.prepare_cached("INSERT INTO orders VALUES (?1,?2,?3,?4,?5,?6,?7,?8)")?;
        for (n, (symbol, order)) in self.orders.iter().enumerate() {
            let state = order.state.name();
            insert.execute(params![
                self.seq,
                n,
                self.timestamp,
                order.decided_seq,
                symbol,
                order.quantity,
                order.filled,
                state
            ])?;
        }
        Ok(())
    }

    fn write_weights(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let Some(weights) = &self.weights else { return Ok(()) };
        connection.prepare_cached("DELETE FROM weights")?.execute([])?;
        let mut insert = connection.prepare_cached("INSERT INTO weights VALUES (?1,?2,?3,?4)")?;
        for (symbol, target, held) in weights {
            insert.execute(params![symbol, self.seq, target, held])?;
        }
        Ok(())
    }

    fn write_betas(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        if self.betas.is_empty() {
            return Ok(());
        }
        let mut insert = connection.prepare_cached("INSERT INTO betas VALUES (?1,?2,?3,?4)")?;
        for (symbol, coefficients) in &self.betas {
            insert.execute(params![self.seq, self.timestamp, symbol, coefficients])?;
        }
        Ok(())
    }
}

/// Betas of frames before this one are not kept.
pub(super) fn beta_horizon(seq: u64, every: u64) -> u64 {
    seq.saturating_sub(BETA_FRAMES * every)
}

/// What is held or wanted.
fn weights(frame: &LedgerFrame) -> Vec<(String, f64, f64)> {
    let all = frame.names.iter().enumerate().map(|(i, name)| {
        let target = frame.target.get(i).copied().unwrap_or(0.0);
        (name.to_string(), target, frame.held.get(i).copied().unwrap_or(0.0))
    });
    all.filter(|(_, target, held)| *target != 0.0 || *held != 0.0).collect()
}

/// Alpha and betas with their standard deviations, of those that have been estimated.
fn betas(estimates: &Estimates, factors: &[String]) -> Vec<(String, String)> {
    let started = (0..estimates.instruments()).filter(|i| estimates.started(*i));
    let of = |i: usize| {
        let alpha = ("alpha", estimates.alpha[i], estimates.sd_of(0)[i]);
        let betas = factors.iter().enumerate();
        let betas =
            betas.map(|(j, name)| (name.as_str(), estimates.betas_on(j)[i], estimates.sd_of(j + 1)[i]));
        let all: Vec<_> = std::iter::once(alpha).chain(betas).collect();
        (estimates.names[i].to_string(), serde_json::to_string(&all).unwrap_or_default())
    };
    started.map(of).collect()
}
