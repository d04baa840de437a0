//! Table of `factors`: figures of each factor over the last months.

use std::sync::Arc;

use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per factor and window of `factors`. Returns within one date are compounded first. A window that begins
    /// before the data has no row.
    FactorWindowRow in "factors" {
        factor: Arc<str>, "", "Factor.";
        months: Option<u64>, "months", "Length of the window, which ends with the last date; null for all dates.";
        first: TimestampNs, "", "First date of the window.";
        last: TimestampNs, "", "Last date of the window.";
        dates: u64, "dates", "Dates with a return.";
        total_return: f64, "return", "Compounded return over the window.";
        annual_volatility: f64, "return per year", "Sample standard deviation · √(days a year).";
        t: f64, "", "Mean / sample standard deviation · √(dates).";
    }
}
