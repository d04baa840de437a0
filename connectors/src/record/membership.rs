//! Table of the changes of membership.

use std::sync::Arc;

use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::membership::MembershipChange;
use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per change of membership of an instrument of the data, from the first rebalance on. A run without such a
    /// change has no file.
    MembershipRow in "membership" from (frame: &LedgerFrame, change: &MembershipChange) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        symbol: Arc<str> = Arc::clone(&frame.names[change.instrument as usize]), "", "Instrument.";
        change: Arc<str> = Arc::from(change.change.name()), "", "joined (first frame within a spell), left (first frame after one) or closed (the position held beyond a spell is 0).";
        held_weight: f64 = change.held_weight, "share of NAV", "Held weight after the frame's fills, at its close.";
    }
}
