//! Table of the factor premia.

use std::sync::Arc;

use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per frame and factor: the premium as sizing uses it after the frame.
    PremiaRow in "premia" from (frame: &LedgerFrame, factor: &Arc<str>, number: usize) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        factor: Arc<str> = Arc::clone(factor), "", "Factor.";
        premium: f64 = frame.premia[number].0, "return per frame", "Expected factor return λ.";
        premium_sd: f64 = frame.premia[number].1, "return per frame", "Standard deviation of the premium: the root of F/(n₀ + t).";
    }
}
