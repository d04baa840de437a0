//! Tables of `check`: findings in the data, and bars made of a capture.

use std::path::Path;
use std::sync::Arc;

use betaflow_engine::quality::Finding;
use betaflow_engine::time::TimestampNs;

use super::declare::tables;
use super::table::{TableError, TableWriter};
use crate::ticks::{Bar, ClosedInterval};

tables! {
    /// One row per flagged row of the data, of `check --out`.
    FindingRow in "findings" from (finding: &Finding) {
        timestamp: TimestampNs = finding.timestamp, "", "Time of the row.";
        symbol: Arc<str> = Arc::clone(&finding.symbol), "", "Instrument; (panel) for all instruments.";
        problem: Arc<str> = Arc::from(finding.problem.name()), "", "Kind of problem.";
        detail: Arc<str> = Arc::from(finding.detail.as_str()), "", "Value found and value expected.";
    }

    /// One row per bar, of `check CAPTURE --bars`; `replay --prices` reads it.
    BarRow in "bars" from (end_ns: i64, symbol: &Arc<str>, bar: &Bar) {
        timestamp: TimestampNs = TimestampNs(end_ns), "", "Close of the bar.";
        symbol: Arc<str> = Arc::clone(symbol), "", "Instrument.";
        open: f64 = bar.open, "currency per unit", "First price.";
        high: f64 = bar.high, "currency per unit", "Highest price.";
        low: f64 = bar.low, "currency per unit", "Lowest price.";
        close: f64 = bar.close, "currency per unit", "Last price.";
        volume: f64 = bar.volume, "units", "Volume.";
    }
}

/// Writes findings to a Parquet file, which appears or is replaced when it is complete.
///
/// # Errors
/// The file cannot be written.
pub fn write_findings(path: &Path, findings: &[Finding]) -> Result<(), TableError> {
    TableWriter::<FindingRow>::write_file(path, |table| {
        let mut row = FindingRow::default();
        findings.iter().try_for_each(|finding| {
            row.take(finding);
            table.push(&row)
        })
    })
}

/// Writes bars to a Parquet file, with the time at which each closed. The file appears or is replaced when it is complete.
///
/// # Errors
/// The file cannot be written.
pub fn write_bars(path: &Path, intervals: &[ClosedInterval]) -> Result<(), TableError> {
    TableWriter::<BarRow>::write_file(path, |table| {
        let mut row = BarRow::default();
        for interval in intervals {
            for (symbol, bar) in &interval.bars {
                row.take(interval.end_ns, symbol, bar);
                table.push(&row)?;
            }
        }
        Ok(())
    })
}
