//! Rows of one frame in the database.

use std::sync::Arc;

use betaflow_engine::execution::is_ruined;
use betaflow_engine::ledger::{LedgerFrame, hex};
use betaflow_engine::model::Estimates;
use rusqlite::Connection;

use super::frame_sums;
use crate::record::{
    EquityRow, FillRow, InState, Insert, OrderRow, SavedBetas, WeightRow, fills, orders, weights,
};

/// Number of frames whose betas are kept.
const BETA_FRAMES: u64 = 1_500;

/// Insert statements of all tables.
pub(super) struct Inserts {
    equity: Insert<EquityRow>,
    fills: Insert<FillRow>,
    orders: Insert<OrderRow>,
    weights: Insert<WeightRow>,
    betas: Insert<SavedBetas>,
}

impl Inserts {
    pub(super) fn new() -> Self {
        Self {
            equity: Insert::new(),
            fills: Insert::new(),
            orders: Insert::new(),
            weights: Insert::new(),
            betas: Insert::new(),
        }
    }
}

/// Rows of a frame, built on the thread of the record stage and written on the writer thread.
#[derive(Debug)]
pub(super) struct FrameRows {
    equity: EquityRow,
    fills: Vec<FillRow>,
    orders: Vec<OrderRow>,
    /// Weights of the frame, if it rebalances or ruins the account.
    weights: Option<Vec<WeightRow>>,
    betas: Vec<SavedBetas>,
}

impl FrameRows {
    /// Builds the rows of a frame. `factors`: names of the factors, if its betas are kept.
    pub(super) fn of(frame: &LedgerFrame, factors: Option<&[String]>) -> Self {
        let estimates = frame.estimates.as_ref().zip(factors);
        Self {
            equity: EquityRow::of(frame, Some(&hex(&frame.digest))),
            fills: fills(frame).collect(),
            orders: orders((frame.timestamp, frame.seq), &frame.names, &frame.ended).collect(),
            // A ruined account has no holdings, and its last frame may not have been a rebalance.
            weights: (frame.decided || is_ruined(frame.nav)).then(|| weights(frame, false).collect()),
            betas: estimates.map(|(estimates, factors)| betas(estimates.get(), factors)).unwrap_or_default(),
        }
    }

    pub(super) fn seq(&self) -> u64 {
        self.equity.seq
    }

    /// Writes the rows inside a transaction.
    pub(super) fn write(&self, inserts: &Inserts, connection: &Connection) -> rusqlite::Result<()> {
        inserts.equity.rows(connection, std::slice::from_ref(&self.equity))?;
        inserts.fills.rows(connection, &self.fills)?;
        inserts.orders.rows(connection, &self.orders)?;
        if let Some(weights) = &self.weights {
            connection.prepare_cached("DELETE FROM weights")?.execute([])?;
            inserts.weights.rows(connection, weights)?;
        }
        inserts.betas.rows(connection, &self.betas)?;
        frame_sums::write(connection, self.seq())
    }
}

/// Returns the number of the first frame whose betas are kept.
pub(super) fn beta_horizon(seq: u64, every: u64) -> u64 {
    seq.saturating_sub(BETA_FRAMES * every)
}

/// Returns alpha and betas with their standard deviations, for the instruments with a return so far.
fn betas(estimates: &Estimates, factors: &[String]) -> Vec<SavedBetas> {
    let started = (0..estimates.instruments()).filter(|i| estimates.started(*i));
    let of = |i: usize| {
        let alpha = ("alpha", estimates.alpha[i], estimates.sd_of(0)[i]);
        let betas = factors.iter().enumerate();
        let betas =
            betas.map(|(j, name)| (name.as_str(), estimates.betas_on(j)[i], estimates.sd_of(j + 1)[i]));
        let all: Vec<_> = std::iter::once(alpha).chain(betas).collect();
        SavedBetas {
            seq: InState(estimates.seq),
            timestamp: InState(estimates.timestamp),
            symbol: InState(Arc::clone(&estimates.names[i])),
            coefficients: InState(serde_json::to_string(&all).unwrap_or_default().into()),
        }
    };
    started.map(of).collect()
}
