//! Wall clock of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use betaflow_engine::time::TimestampNs;

/// Returns the time of the wall clock.
pub(super) fn now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
