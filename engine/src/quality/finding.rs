//! Data-quality finding.

use std::sync::Arc;

use crate::time::TimestampNs;
use crate::warning::Problem;

/// Row or series with a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Time of the row.
    pub timestamp: TimestampNs,
    /// Symbol of the instrument; `(panel)` for a finding about all instruments.
    pub symbol: Arc<str>,
    /// Kind of the finding.
    pub problem: Problem,
    /// Values found and expected.
    pub detail: String,
    /// Severity without unit, comparable within one kind; larger is worse.
    pub severity: f64,
}
