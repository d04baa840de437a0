//! Table of exposures and gains by group.

use std::sync::Arc;

use betaflow_engine::ledger::{GroupEntry, LedgerFrame};
use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per group on the frames of `weights.parquet`, in runs with groups.
    GroupRow in "groups" from (frame: &LedgerFrame, entry: &GroupEntry) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        factor: Arc<str> = Arc::clone(&entry.factor), "", "Factor that the groups make; the column of the groups without one.";
        group: Arc<str> = Arc::clone(&entry.group), "", "Group.";
        net_weight: f64 = entry.net, "share of NAV", "Sum of the held weights of the members.";
        gross_weight: f64 = entry.gross, "share of NAV", "Sum of their absolute values.";
        active_weight: f64 = entry.active, "share of NAV", "Sum of the held weights less those of the benchmark; null unless sizing reads the weights of the benchmark.";
        exposure: f64 = entry.exposure, "share of NAV", "Exposure to the factor of the group: the sum of weight times loading; null without a factor.";
        factor_return: f64 = entry.factor_return, "return", "Sum of the returns of the group's factor since the preceding row; null without a factor.";
        gain: f64 = entry.gain, "currency", "Price gain of the positions in members since the preceding row, before costs and interest.";
        factor_gain: f64 = entry.factor_gain, "currency", "Part of the gain from the factor of the group: the sum of value times loading times factor return; null without a factor.";
    }
}

/// Rows of a frame.
pub(super) fn groups(frame: &LedgerFrame) -> impl Iterator<Item = GroupRow> {
    frame.groups.iter().map(|entry| {
        let mut row = GroupRow::default();
        row.take(frame, entry);
        row
    })
}
