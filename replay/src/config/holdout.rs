//! `[holdout]`: a period that nothing but `betaflow score` reads.

use betaflow_engine::settings::{Invalid, require};
use betaflow_engine::time::TimestampNs;
use serde::{Deserialize, Serialize};

use super::data::{DataSettings, date, date_or_text};

/// `[holdout]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HoldoutSettings {
    /// Its first date; there is no hold-out where it is not said.
    #[serde(deserialize_with = "date_or_text")]
    pub from: Option<String>,
}

impl HoldoutSettings {
    /// The midnight with which it begins: the close of a bar at or after it lies inside.
    ///
    /// # Errors
    /// It is not a date.
    pub(crate) fn start(&self) -> Result<Option<TimestampNs>, Invalid> {
        self.from.as_deref().map(|text| date("from", text)).transpose()
    }

    /// Checks that it is a date that leaves something before it.
    pub(super) fn check(&self, data: &DataSettings) -> Result<(), Invalid> {
        let (Some(start), Some(first)) = (self.start()?, data.from()?) else { return Ok(()) };
        let found = self.from.as_deref().unwrap_or_default();
        require(first < start, "from", found, "a date after data.from: nothing would be left to learn from")
    }
}
