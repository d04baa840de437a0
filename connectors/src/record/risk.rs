//! Table of the ex-ante attribution of risk.

use std::sync::Arc;

use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::time::TimestampNs;

use super::declare::tables;

/// Name of the residual part, the last of a frame.
pub const RESIDUAL: &str = "residual";

tables! {
    /// One row per frame of `weights.parquet` and part of the book's predicted variance: each factor, then `residual`.
    RiskRow in "risk" from (frame: &LedgerFrame, factor: &Arc<str>, number: usize) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        factor: Arc<str> = Arc::clone(factor), "", "Factor; `residual` for the part that no factor explains.";
        exposure: f64 = if number + 1 < frame.risk.len() { frame.risk[number].exposure } else { f64::NAN }, "share of NAV", "Exposure of the held book to the factor: the sum of weight times beta; null for the residual part.";
        variance: f64 = frame.risk[number].variance, "per frame", "Contribution to the predicted variance of the book's return in the next frame; the rows of a frame add up to it.";
    }
}
