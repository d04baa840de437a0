//! `[holdout]`: the hold-out, a period that only `betaflow score` reads.

use betaflow_engine::settings;
use betaflow_engine::settings::{Invalid, require};
use betaflow_engine::time::{TimestampNs, Zone};
use serde::{Deserialize, Serialize};

use super::data::{DataSettings, date, date_or_text};

settings! {
    /// Hold-out: a period that only `score` reads.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct HoldoutSettings in "holdout" {
        /// First date of the hold-out; unset: no hold-out.
        #[serde(deserialize_with = "date_or_text")]
        from: Option<String> = None, form "a date such as 2020-01-01";
    }
}

impl HoldoutSettings {
    /// Midnight, in the time zone of the data, at which the hold-out begins: a bar that closes at or after it lies inside.
    ///
    /// # Errors
    /// `holdout.from` is not a date.
    pub(crate) fn start(&self, zone: &Zone) -> Result<Option<TimestampNs>, Invalid> {
        self.from.as_deref().map(|text| date("from", text, zone)).transpose()
    }

    /// Checks that `holdout.from` is a date that leaves data before it.
    pub(super) fn check(&self, data: &DataSettings) -> Result<(), Invalid> {
        let (Some(start), Some(first)) = (self.start(&data.zone()?)?, data.from()?) else { return Ok(()) };
        let found = self.from.as_deref().unwrap_or_default();
        require(
            first < start,
            "from",
            found,
            "a date after data.from, so that data is left before the hold-out",
        )
    }
}
